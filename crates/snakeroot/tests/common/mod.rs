//! Small random graphs, and the slow ways to what the crate knows quickly.
#![allow(dead_code)] // each test file uses a part

use proptest::prelude::*;
use snakeroot::snapshot::{Flags, LabelKind, LabelTable, Root, RootKind, TypeEntry};
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

/// An edge to be: referrer, referent, whether it is weak.
pub type PlainEdge = (u32, u32, bool);

/// A graph of `count` nodes with some edges; node 0 is a GC root.
///
/// Each strong edge has its place as its label, so that none is like another.
pub fn graph_of(count: u32, edges: &[PlainEdge]) -> Graph {
    Graph::new(snapshot_of(count, edges))
}

/// As [`graph_of`], before anything is derived.
pub fn snapshot_of(count: u32, edges: &[PlainEdge]) -> Snapshot {
    Snapshot::new(parts_of(count, edges)).unwrap()
}

/// As [`snapshot_of`], before anything is checked.
pub fn parts_of(count: u32, edges: &[PlainEdge]) -> SnapshotParts {
    let mut label_table = LabelTable::new();
    // Two weak labels, as a table without look-up may hold.
    let weak = [label_table.push(LabelKind::Weak, ""), label_table.push(LabelKind::Weak, "")];
    let types = ["dict", "list", "Node"].map(|name| TypeEntry {
        module: "builtins".into(),
        qualname: name.into(),
        node: None,
    });
    let mut parts = SnapshotParts {
        types: types.into(),
        label_table,
        starts: vec![0],
        ..SnapshotParts::default()
    };
    for node in 0..count {
        parts.addresses.push(0x1000 + 16 * u64::from(node));
        parts.types_of.push(TypeId(node % 3));
        parts.sizes.push(16 + node);
        parts.refcounts.push(1);
        parts.flags.push(Flags::default());
        for (place, &(_, referent, is_weak)) in
            edges.iter().enumerate().filter(|(_, edge)| edge.0 == node)
        {
            parts.targets.push(NodeId::new(referent));
            let item = LabelId::item(place as u32);
            parts.labels.push(if is_weak { weak[place % 2] } else { item });
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    if count > 0 {
        parts.roots.push((NodeId::new(0), Root::new(RootKind::Module, "app")));
    }
    parts
}

/// Up to 12 nodes and 30 edges, with self loops, several edges between one
/// pair, and about one edge in five weak.
pub fn small_graphs() -> impl Strategy<Value = (u32, Vec<PlainEdge>)> {
    (1_u32..=12).prop_flat_map(|count| {
        let edge = (0..count, 0..count, prop::bool::weighted(0.2));
        (Just(count), prop::collection::vec(edge, 0..30))
    })
}

/// The nodes and edges that a petgraph of the same graph has: strong edges only.
pub fn petgraph_of(count: u32, edges: &[PlainEdge]) -> petgraph::graph::DiGraph<(), ()> {
    let mut graph = petgraph::graph::DiGraph::new();
    for _ in 0..count {
        graph.add_node(());
    }
    for &(referrer, referent, is_weak) in edges {
        if !is_weak {
            graph.add_edge(referrer.into(), referent.into(), ());
        }
    }
    graph
}
