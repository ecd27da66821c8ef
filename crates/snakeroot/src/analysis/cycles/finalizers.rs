//! Which types have a finalizer.

use std::collections::HashMap;

use crate::graph::Graph;
use crate::id::{NodeId, TypeId};
use crate::snapshot::LabelKind;

/// Types looked at for one: more than any class inherits from, and a bound for what a
/// damaged file may hold.
const MAX_TYPES: usize = 512;

/// The nodes whose type has `__del__`, in Python or in C, or inherits it.
///
/// Read from the dicts of the types, as far as labels tell. Generators and coroutines have one.
pub(super) fn finalizers(graph: &Graph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut known: HashMap<TypeId, bool> = HashMap::new();
    let has_one = |&node: &NodeId| {
        let type_id = graph.snapshot().type_ids()[node.index()];
        *known.entry(type_id).or_insert_with(|| type_has_one(graph, type_id))
    };
    nodes.iter().copied().filter(has_one).collect()
}

fn type_has_one(graph: &Graph, type_id: TypeId) -> bool {
    let table = graph.snapshot().label_table();
    let mut types: Vec<NodeId> =
        graph.snapshot().types()[type_id.index()].node.into_iter().collect();
    let mut at = 0;
    while let Some(&node) = types.get(at) {
        at += 1;
        for edge in graph.edges_from(node) {
            if table.kind(edge.label) != LabelKind::Slot {
                continue;
            }
            let bases = match table.text(edge.label) {
                "__dict__" if is_in_dict(graph, edge.referent) => return true,
                "__base__" => std::slice::from_ref(&edge.referent),
                "__bases__" | "__mro__" => graph.referents(edge.referent),
                _ => continue,
            };
            let fresh: Vec<NodeId> =
                bases.iter().copied().filter(|base| !types.contains(base)).collect();
            types.extend(fresh);
            types.truncate(MAX_TYPES);
        }
    }
    false
}

fn is_in_dict(graph: &Graph, dict: NodeId) -> bool {
    let table = graph.snapshot().label_table();
    graph
        .edges_from(dict)
        .any(|edge| table.kind(edge.label) == LabelKind::Key && table.text(edge.label) == "__del__")
}
