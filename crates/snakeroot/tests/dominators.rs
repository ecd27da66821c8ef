//! Dominators and retained sizes against the slowest obvious definition, and against petgraph.

mod common;

use std::collections::BTreeSet;

use common::{PlainEdge, parts_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{DominatorTree, dominators, retained_by, try_dominators};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Root, RootKind};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, NodeId, Snapshot};

/// A small graph with some roots.
fn rooted() -> impl Strategy<Value = (u32, Vec<PlainEdge>, BTreeSet<u32>)> {
    small_graphs().prop_flat_map(|(count, edges)| {
        (Just(count), Just(edges), prop::collection::btree_set(0..count, 0..4))
    })
}

fn graph_with(count: u32, edges: &[PlainEdge], roots: &BTreeSet<u32>) -> Graph {
    let mut parts = parts_of(count, edges);
    let root = |&node: &u32| (NodeId::new(node), Root::new(RootKind::Module, "app"));
    parts.roots = roots.iter().map(root).collect();
    Graph::new(Snapshot::new(parts).unwrap())
}

/// All that some nodes reach over strong edges, past no `without`.
fn reached(
    edges: &[PlainEdge],
    from: impl IntoIterator<Item = u32>,
    without: Option<u32>,
) -> BTreeSet<u32> {
    let mut seen: BTreeSet<u32> = from.into_iter().filter(|&node| Some(node) != without).collect();
    let mut stack: Vec<u32> = seen.iter().copied().collect();
    while let Some(node) = stack.pop() {
        for &(_, to, is_weak) in edges.iter().filter(|edge| edge.0 == node) {
            if !is_weak && Some(to) != without && seen.insert(to) {
                stack.push(to);
            }
        }
    }
    seen
}

fn sizes(graph: &Graph, nodes: impl IntoIterator<Item = u32>) -> u64 {
    nodes.into_iter().map(|node| graph.snapshot().size(NodeId::new(node))).sum()
}

/// What a tree says, against taking each node away and looking what is reached still.
fn check(
    graph: &Graph,
    tree: &DominatorTree,
    edges: &[PlainEdge],
    roots: &BTreeSet<u32>,
    nodes: &BTreeSet<u32>,
) -> Result<(), TestCaseError> {
    for &node in nodes {
        let left = reached(edges, roots.iter().copied(), Some(node));
        let freed = sizes(graph, nodes.difference(&left).copied());
        prop_assert_eq!(tree.retained_size(NodeId::new(node)), freed, "of node {}", node);
        for &other in nodes.iter().filter(|&&other| other != node) {
            let dominates = tree.path(NodeId::new(other)).any(|each| each == NodeId::new(node));
            prop_assert_eq!(dominates, !left.contains(&other), "{} over {}", node, other);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_a_node_retains_is_what_goes_when_it_goes((count, edges, roots) in rooted()) {
        let graph = graph_with(count, &edges, &roots);
        let tree = dominators(&graph);
        let live = reached(&edges, roots.iter().copied(), None);
        check(&graph, &tree, &edges, &roots, &live)?;
        prop_assert_eq!(tree.live_bytes(), sizes(&graph, live.iter().copied()));

        // The rest as if its entries were the roots: one of each circle that nothing leads to.
        let rest: BTreeSet<u32> = (0..count).filter(|node| !live.contains(node)).collect();
        for node in 0..count {
            prop_assert_eq!(tree.is_garbage(NodeId::new(node)), rest.contains(&node));
        }
        prop_assert_eq!(tree.garbage_bytes(), sizes(&graph, rest.iter().copied()));
        let own: Vec<PlainEdge> =
            edges.iter().copied().filter(|edge| rest.contains(&edge.0) && rest.contains(&edge.1)).collect();
        let mut entries = BTreeSet::new();
        for &node in &rest {
            let to_it: BTreeSet<u32> =
                rest.iter().copied().filter(|&other| reached(&own, [other], None).contains(&node)).collect();
            let circle: BTreeSet<u32> = reached(&own, [node], None).intersection(&to_it).copied().collect();
            if to_it == circle {
                entries.insert(*circle.first().unwrap());
            }
        }
        check(&graph, &tree, &own, &entries, &rest)?;
    }

    #[test]
    fn the_largest_are_the_upper_end_of_the_tree((count, edges, roots) in rooted(), limit in 0_usize..14) {
        let graph = graph_with(count, &edges, &roots);
        let tree = dominators(&graph);
        let largest = tree.largest(limit);
        let live = (0..count).map(NodeId::new).filter(|&node| !tree.is_garbage(node));
        let mut sizes: Vec<u64> = live.map(|node| tree.retained_size(node)).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.truncate(limit);
        prop_assert_eq!(largest.iter().map(|&node| tree.retained_size(node)).collect::<Vec<_>>(), sizes);
        for (at, &node) in largest.iter().enumerate() {
            let above = tree.immediate_dominator(node);
            prop_assert!(above.is_none_or(|above| largest[..at].contains(&above)));
        }
        // Each node stands below its dominator, and once.
        let mut all: Vec<NodeId> = (0..count)
            .map(NodeId::new)
            .flat_map(|node| {
                let dominated = tree.dominated(node);
                assert!(dominated.iter().all(|&each| tree.immediate_dominator(each) == Some(node)));
                dominated.iter().copied()
            })
            .chain(tree.top_level().iter().copied())
            .collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).map(NodeId::new).collect::<Vec<_>>());
    }

    #[test]
    fn a_set_retains_what_goes_when_all_of_it_goes((count, edges, roots) in rooted(), chosen in prop::collection::btree_set(0_u32..12, 0..5)) {
        let graph = graph_with(count, &edges, &roots);
        let chosen: BTreeSet<u32> = chosen.into_iter().filter(|&node| node < count).collect();
        let live = reached(&edges, roots.iter().copied(), None);
        let left: Vec<PlainEdge> =
            edges.iter().copied().filter(|edge| !chosen.contains(&edge.0) && !chosen.contains(&edge.1)).collect();
        let left = reached(&left, roots.difference(&chosen).copied(), None);
        let garbage: BTreeSet<u32> = chosen.difference(&live).copied().collect();
        let mut expected: BTreeSet<u32> = live.difference(&left).copied().collect();
        expected.extend(reached(&edges, garbage, None).difference(&live));
        let mut set = NodeSet::new(count as usize);
        set.extend(chosen.iter().copied().map(NodeId::new));
        let found: BTreeSet<u32> =
            retained_by(&graph, &set, &()).unwrap().iter().map(|node| node.place()).collect();
        prop_assert_eq!(found, expected);

        // By the tree: each chosen node that no other chosen one dominates.
        let tree = dominators(&graph);
        let group = |node: NodeId| chosen.contains(&node.place()).then_some(0);
        let alone = chosen.iter().map(|&node| NodeId::new(node));
        let alone = alone.filter(|&node| !tree.path(node).any(|above| chosen.contains(&above.place())));
        let expected: u64 = alone.map(|node| tree.retained_size(node)).sum();
        prop_assert_eq!(tree.retained_by_group(1, group), [expected]);
    }

    #[test]
    fn petgraph_finds_the_same_dominators((count, edges, roots) in rooted()) {
        let graph = graph_with(count, &edges, &roots);
        let tree = dominators(&graph);
        let mut oracle = common::petgraph_of(count, &edges);
        let top = oracle.add_node(());
        for &root in &roots {
            oracle.add_edge(top, root.into(), ());
        }
        let expected = petgraph::algo::dominators::simple_fast(&oracle, top);
        for node in reached(&edges, roots.iter().copied(), None) {
            let found = tree.immediate_dominator(NodeId::new(node)).map(|node| node.place());
            let wanted = expected.immediate_dominator(node.into()).filter(|&node| node != top);
            prop_assert_eq!(found, wanted.map(|node| node.index() as u32), "of node {}", node);
        }
    }
}

#[test]
fn diamond_is_dominated_by_its_top() {
    // root -> a -> b -> d
    //          `-> c -^
    let graph = Graph::from_notation("root -> a -> b c; b c -> d").unwrap();
    let tree = dominators(&graph);
    assert_eq!(tree.immediate_dominator(graph.named("d")), Some(graph.named("a")));
    assert_eq!(tree.immediate_dominator(graph.named("b")), Some(graph.named("a")));
    let path: Vec<NodeId> = tree.path(graph.named("d")).collect();
    assert_eq!(path, [graph.named("a"), graph.named("root")]);
}

#[test]
fn who_watches_may_stop_the_search() {
    let graph = Graph::from_notation("root -> a -> b").unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    let watch = |done: u64, all: u64| {
        seen.lock().unwrap().push((done, all));
        false
    };
    assert_eq!(try_dominators(&graph, &watch).unwrap_err(), Stopped);
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(Stopped.to_string(), "stopped before the answer was there");
}
