//! What the GC roots reach, against the slowest obvious definition.

mod common;

use common::small_graphs;
use proptest::prelude::*;
use snakeroot::snapshot::{Flags, LabelKind, Root, RootKind};
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

fn settled(mut parts: SnapshotParts) -> Snapshot {
    parts.mark_garbage();
    Snapshot::new(parts).unwrap()
}

fn garbage(notation: &str) -> (Vec<String>, u64, u64) {
    let snapshot = settled(Graph::parts_from_notation(notation).unwrap());
    let garbage = snapshot.nodes().filter(|&node| snapshot.flags(node).contains(Flags::GARBAGE));
    let names = garbage.map(|node| snapshot.names().get(node).unwrap().to_owned()).collect();
    (names, snapshot.info().garbage.unwrap(), snapshot.info().held_from_c.unwrap())
}

#[test]
fn what_no_root_reaches_is_garbage_and_what_c_alone_holds_is_counted() {
    let heap = "root -> a -> b; c!held-from-c -> b d; d -> e; x -> y; y -> x; x -> a";
    let (names, garbage, held) = garbage(heap);
    assert_eq!(names, ["x", "y"]);
    assert_eq!((garbage, held), (2, 3)); // c, d, e
}

#[test]
fn a_weak_reference_keeps_nothing() {
    let (names, ..) = garbage("root -> r; r ~> a; a -> b");
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn what_a_thread_holds_is_no_garbage_and_a_thread_is_no_object() {
    let (names, garbage, held) = garbage("t!thread@thread -> f@frame; f -> a; f@frame -> b; c");
    assert_eq!(names, ["c"]);
    assert_eq!((garbage, held), (1, 0));
}

/// Goes over all edges again and again until nothing new is reached.
fn reached_slowly(snapshot: &Snapshot, from: impl Fn(RootKind) -> bool) -> Vec<bool> {
    let mut reached = vec![false; snapshot.node_count()];
    for (node, root) in snapshot.roots() {
        reached[node.index()] |= from(root.kind);
    }
    loop {
        let before = reached.clone();
        for node in snapshot.nodes().filter(|node| before[node.index()]) {
            for edge in snapshot.referents().range(node) {
                let kind = snapshot.label_table().kind(snapshot.labels()[edge]);
                if kind != LabelKind::Weak {
                    reached[snapshot.referents().targets()[edge].index()] = true;
                }
            }
        }
        if reached == before {
            return reached;
        }
    }
}

proptest! {
    #[test]
    fn random_graphs_agree_with_going_over_all_edges((count, edges) in small_graphs()) {
        let mut parts = common::parts_of(count, &edges);
        if count > 2 {
            parts.roots.push((NodeId::new(2), Root::new(RootKind::HeldFromC, "1 reference")));
        }
        let snapshot = settled(parts);
        let named = reached_slowly(&snapshot, |kind| kind != RootKind::HeldFromC);
        let all = reached_slowly(&snapshot, |_| true);
        for node in snapshot.nodes() {
            let is_garbage = snapshot.flags(node).contains(Flags::GARBAGE);
            prop_assert_eq!(is_garbage, !all[node.index()]);
        }
        let from_c = (0..all.len()).filter(|&at| all[at] && !named[at]).count() as u64;
        prop_assert_eq!(snapshot.info().held_from_c, Some(from_c));
    }
}

#[test]
fn wide_and_deep_graphs_are_reached_whole_and_once() {
    // node 0 leads to every second node, each of these to the one behind it
    const COUNT: u32 = 1_000_000;
    let mut parts = common::parts_of(0, &[]);
    for node in 0..COUNT {
        parts.addresses.push(0x1000 + 16 * u64::from(node));
        parts.types_of.push(TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(Flags::default());
        let row: Vec<u32> = match node {
            0 => (2..COUNT - 1).step_by(2).collect(),
            _ if node % 2 == 0 && node + 1 < COUNT => vec![node + 1],
            _ => vec![],
        };
        parts.labels.extend((0..row.len() as u32).map(LabelId::item));
        parts.targets.extend(row.into_iter().map(NodeId::new));
        parts.starts.push(parts.targets.len() as u64);
    }
    parts.roots.push((NodeId::new(0), Root::new(RootKind::Module, "app")));
    let snapshot = settled(parts);
    assert_eq!(snapshot.info().garbage, Some(1)); // node 1
    assert!(snapshot.flags(NodeId::new(1)).contains(Flags::GARBAGE));
}
