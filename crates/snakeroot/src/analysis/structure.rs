//! Which nodes are the program itself rather than its data.

use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::LabelKind;
use crate::watch::{Stopped, Watch};

use super::noise::Noise;

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 16;

/// Types whose instances make up the program: through them leads every chain.
const STRUCTURE: [&str; 5] =
    ["builtins.module", "builtins.function", "builtins.frame", "frame", "thread"];

/// The nodes that make up the program: modules, types, functions, threads, frames, and the namespaces
/// of modules, types and functions.
///
/// Each process has them, they keep almost all of its memory, and none is a leak for that.
///
/// # Complexity
///
/// O(V) time and the edges of the program's nodes.
pub(super) fn structure(graph: &Graph, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let snapshot = graph.snapshot();
    let table = snapshot.label_table();
    let noise = Noise::new(graph);
    let names = snapshot.types().iter().map(|entry| entry.full_name());
    let is_structure: Vec<bool> = names.map(|name| STRUCTURE.contains(&&*name)).collect();
    let is_dict: Vec<bool> =
        snapshot.types().iter().map(|entry| entry.full_name() == "builtins.dict").collect();
    let type_of = |node: NodeId| snapshot.type_ids()[node.index()].index();
    let mut found = NodeSet::new(graph.node_count());
    for node in snapshot.nodes() {
        if u64::from(node.place()) % TICK == 0 {
            watch.tick(u64::from(node.place()), graph.node_count() as u64)?;
        }
        if !is_structure[type_of(node)] && !noise.is_type(node) {
            continue;
        }
        found.insert(node);
        // A function's own `__dict__` is data that somebody put there; its module's is not.
        let is_namespace = |label| {
            matches!(table.kind(label), LabelKind::Slot | LabelKind::Attribute)
                && match table.text(label) {
                    "__dict__" => noise.is_module(node) || noise.is_type(node),
                    "__globals__" | "f_globals" | "__builtins__" | "f_builtins" => true,
                    _ => false,
                }
        };
        let namespaces = graph.edges_from(node).filter(|edge| is_namespace(edge.label));
        found.extend(namespaces.map(|edge| edge.referent).filter(|&dict| is_dict[type_of(dict)]));
    }
    Ok(found)
}
