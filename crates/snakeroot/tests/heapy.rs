//! heapy's questions beside the slow ways to their answers.

mod common;

use proptest::prelude::*;
use snakeroot::analysis::{self, heapy};
use snakeroot::graph::NodeSet;
use snakeroot::{Graph, NodeId};

fn set_of(graph: &Graph, nodes: &[u32]) -> NodeSet {
    let mut set = NodeSet::new(graph.node_count());
    set.extend(nodes.iter().map(|node| NodeId::new(node % graph.node_count() as u32)));
    set
}

/// A graph that is as large to a search as its budget asks for: many nodes that nothing leads to.
fn padded(count: u32, edges: &[common::PlainEdge]) -> Graph {
    common::graph_of(count + 1000, edges)
}

proptest! {
    #[test]
    fn a_small_set_retains_the_same_when_looked_at_nearby(
        (count, edges) in common::small_graphs(),
        nodes in prop::collection::vec(0_u32..12, 0..4),
    ) {
        let graph = padded(count, &edges);
        let nodes: Vec<u32> = nodes.into_iter().map(|node| node % count).collect();
        let set = set_of(&graph, &nodes);
        let whole = analysis::retained_by(&graph, &set, &()).unwrap();
        prop_assert_eq!(heapy::dominated(&graph, &set, &()).unwrap(), whole);
    }

    #[test]
    fn immediate_dominators_are_reached_without_the_other_referrers(
        (count, edges) in common::small_graphs(),
        nodes in prop::collection::vec(0_u32..12, 0..4),
    ) {
        let graph = common::graph_of(count, &edges);
        let set = set_of(&graph, &nodes);
        let referrers = heapy::referrers(&graph, &set, &()).unwrap();
        // The slowest way: for each referrer a search that the others stop.
        let mut expected = NodeSet::new(graph.node_count());
        for wanted in referrers.iter() {
            let mut stack: Vec<NodeId> = analysis::roots(&graph).collect();
            let mut seen = NodeSet::new(graph.node_count());
            while let Some(node) = stack.pop() {
                if !seen.insert(node) {
                    continue;
                }
                if node == wanted {
                    expected.insert(node);
                }
                if !referrers.contains(node) {
                    stack.extend(graph.strong_referents(node));
                }
            }
        }
        prop_assert_eq!(heapy::immediate_dominators(&graph, &set, &()).unwrap(), expected);
    }

    #[test]
    fn rows_have_each_object_once(
        (count, edges) in common::small_graphs(),
        nodes in prop::collection::vec(0_u32..12, 0..12),
        words in prop::sample::select(vec!["Type", "Clodo", "Size", "Rcs", "Via", "Module", "Unity", "Idset", "Type&Size", "Rcs&Via"]),
    ) {
        let graph = common::graph_of(count, &edges);
        let set = set_of(&graph, &nodes);
        let owners = heapy::Owners::new(&graph);
        let relation = heapy::Relation::from_words(words).unwrap();
        let nobody = |_: NodeId| None;
        let found = heapy::partition(&graph, &owners, &set, &relation, &nobody, &()).unwrap();
        let mut all: Vec<NodeId> = found.rows().iter().flat_map(|row| found.nodes(row)).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, set.iter().collect::<Vec<_>>());
        for row in found.rows() {
            // A row's kind selects its objects and no others.
            let nodes: Vec<NodeId> = found.nodes(row).to_vec();
            let chosen = heapy::select(&graph, &owners, &set, &row.kind, &nobody, &()).unwrap();
            prop_assert_eq!(chosen.iter().collect::<Vec<_>>(), nodes, "{:?}", &row.kind);
        }
    }
}

#[test]
fn a_reference_finds_the_same_objects_in_another_heap() {
    let old = Graph::from_notation("root -> a@app.Box b@list c@dict").unwrap();
    let new = Graph::from_notation("root -> a@app.Box b@tuple c@dict d@list").unwrap();
    let reference = heapy::Reference::new(&old, &heapy::visible(&old));
    let found = reference.in_graph(&new);
    assert_eq!(names(&new, &found), ["root", "a", "c"]);
}

fn names<'a>(graph: &'a Graph, set: &'a NodeSet) -> Vec<&'a str> {
    set.iter().map(|node| graph.snapshot().names().get(node).unwrap()).collect()
}

/// Nodes lie one after the other: what has the same place in both texts has the same address.
#[test]
fn an_object_in_the_place_of_another_is_not_it() {
    let old = Graph::from_notation(
        "root -> cache old; cache -> x; x -> xs; old -> y; y -> ys; root -> z",
    );
    let new = Graph::from_notation(
        "root -> cache old; cache -> x; x -> xs; root -> y; y -> ys; cache -> z",
    );
    let (old, new) = (old.unwrap(), new.unwrap());
    let all = heapy::visible(&old);
    // What led to y and z leads to them no more; ys is held by what is another.
    let found = heapy::Reference::new(&old, &all).in_graph(&new);
    assert_eq!(names(&new, &found), ["root", "cache", "old", "x", "xs"]);
    // Alone, what holds it is told by where it lies.
    let some = set_of(&old, &[old.named("x").index() as u32, old.named("y").index() as u32]);
    let found = heapy::Reference::new(&old, &some).in_graph(&new);
    assert_eq!(names(&new, &found), ["x"]);
}

/// As the slowest definition says it: an object is the same if a path of references that were there
/// and are there leads to it from what needs none.
#[test]
fn references_that_stay_tell_what_stays() {
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let count = 2 + random(9) as u32;
        let mut edges = |count: u32| -> Vec<(u32, u32)> {
            (0..random(16))
                .map(|_| (random(count.into()) as u32, random(count.into()) as u32))
                .collect()
        };
        let (before, after) = (edges(count), edges(count));
        let graph = |edges: &[(u32, u32)]| {
            let edges: Vec<_> = edges.iter().map(|&(from, to)| (from, to, false)).collect();
            common::graph_of(count, &edges)
        };
        let (old, new) = (graph(&before), graph(&after));
        let found = heapy::Reference::new(&old, &heapy::visible(&old)).in_graph(&new);
        let holders = |node: u32| -> Vec<u32> {
            let mut all: Vec<u32> = before
                .iter()
                .filter(|edge| edge.1 == node && edge.0 != node)
                .map(|edge| edge.0)
                .collect();
            all.sort_unstable();
            all
        };
        let is_root = |node: u32| {
            old.snapshot().roots().iter().any(|(root, _)| root.index() == node as usize)
        };
        let mut same: Vec<u32> = (0..count)
            .filter(|&node| is_root(node) || holders(node).is_empty() || holders(node).len() > 4)
            .collect();
        loop {
            let next = (0..count).find(|node| {
                !same.contains(node)
                    && after.iter().any(|edge| {
                        edge.1 == *node
                            && same.contains(&edge.0)
                            && holders(*node).contains(&edge.0)
                    })
            });
            match next {
                Some(node) => same.push(node),
                None => break,
            }
        }
        same.sort_unstable();
        let found: Vec<u32> = found.iter().map(|node| node.index() as u32).collect();
        assert_eq!(found, same, "{before:?} {after:?}");
    }
}
