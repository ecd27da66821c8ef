//! Groups and sets of nodes against the slowest obvious definition, and how many edges are looked at.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{PlainEdge, parts_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{
    By, Key, Partition, dominators, module_rows, partition, referents_of, referrers_of, root_rows,
};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{LabelKind, Root, RootKind};
use snakeroot::{Graph, LabelId, NodeId, Snapshot};

/// A small graph with some nodes of it.
fn with_some_nodes() -> impl Strategy<Value = (u32, Vec<PlainEdge>, BTreeSet<u32>)> {
    small_graphs().prop_flat_map(|(count, edges)| {
        (Just(count), Just(edges), prop::collection::btree_set(0..count, 0..8))
    })
}

/// Labels of five kinds: `__dict__`, the same key twice in the table, and the indices 0 and 1.
fn graph_with(count: u32, edges: &[PlainEdge]) -> Graph {
    let mut parts = parts_of(count, edges);
    let table = &mut parts.label_table;
    let labels = [
        table.push(LabelKind::Slot, "__dict__"),
        table.push(LabelKind::Key, "key"),
        table.push(LabelKind::Key, "key"),
        LabelId::item(0),
        LabelId::item(1),
    ];
    for label in &mut parts.labels {
        if let Some(place) = label.as_item() {
            *label = labels[place as usize % 5];
        }
    }
    Graph::new(Snapshot::new(parts).unwrap())
}

fn set_of(count: usize, nodes: &BTreeSet<u32>) -> NodeSet {
    let mut set = NodeSet::new(count);
    set.extend(nodes.iter().copied().map(NodeId::new));
    set
}

fn places(nodes: impl Iterator<Item = NodeId>) -> BTreeSet<u32> {
    nodes.map(NodeId::place).collect()
}

/// A node's strong edges from its referrers, by looking at all edges.
fn held(graph: &Graph, node: NodeId) -> Vec<(NodeId, LabelId)> {
    let all = graph.snapshot().nodes().flat_map(|from| graph.edges_from(from));
    let strong = all.filter(|edge| edge.referent == node && graph.is_strong(edge.label));
    strong.map(|edge| (edge.referrer, edge.label)).collect()
}

fn type_name(graph: &Graph, node: NodeId) -> String {
    graph.snapshot().type_of(node).display_name()
}

/// The words of a node's key, by the definition.
fn key_of(graph: &Graph, node: NodeId, by: By) -> BTreeSet<String> {
    let referrers = held(graph, node);
    let is_dict_slot = |label| graph.snapshot().label_table().get(label).to_stored() == ":__dict__";
    match by {
        By::Type => [type_name(graph, node)].into(),
        By::Module => ["builtins".to_owned()].into(),
        By::Size => [graph.snapshot().size(node).ilog2().to_string()].into(),
        By::Referrers => referrers
            .iter()
            .map(|&(referrer, _)| {
                let owners = held(graph, referrer);
                let owner = owners.iter().filter(|&&(_, label)| is_dict_slot(label));
                match owner.map(|&(owner, _)| owner).min() {
                    Some(owner) if type_name(graph, referrer) == "dict" => {
                        format!("dict of {}", type_name(graph, owner))
                    }
                    _ => type_name(graph, referrer),
                }
            })
            .collect(),
        By::Via => referrers
            .iter()
            .map(|&(_, label)| graph.snapshot().label_table().get(label).to_stored())
            .collect(),
    }
}

/// The words of a group's key.
fn words(graph: &Graph, key: &Key) -> BTreeSet<String> {
    match key {
        Key::Size(least, _) => [least.ilog2().to_string()].into(),
        Key::Via(labels) => {
            let table = graph.snapshot().label_table();
            labels.iter().map(|&label| table.get(label).to_stored()).collect()
        }
        key => snakeroot::view::key_names(graph, key).into_iter().collect(),
    }
}

fn grouped(graph: &Graph, found: &Partition) -> BTreeMap<BTreeSet<String>, BTreeSet<u32>> {
    let groups = found.groups().iter();
    let pairs = groups.map(|group| {
        let nodes = found.nodes(group);
        assert!(nodes.is_sorted() && nodes.len() as u64 == group.count);
        let size: u64 = nodes.iter().map(|&node| graph.snapshot().size(node)).sum();
        assert_eq!(size, group.size);
        (words(graph, &group.key), places(nodes.iter().copied()))
    });
    let pairs: Vec<_> = pairs.collect();
    let count = pairs.len();
    let map: BTreeMap<_, _> = pairs.into_iter().collect();
    assert_eq!(map.len(), count, "no two groups have one key");
    map
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nodes_of_one_group_are_those_with_one_key((count, edges, chosen) in with_some_nodes()) {
        let graph = graph_with(count, &edges);
        let set = set_of(count as usize, &chosen);
        let tree = dominators(&graph);
        for by in By::ALL {
            let found = partition(&graph, &set, by, &()).unwrap();
            let mut expected: BTreeMap<BTreeSet<String>, BTreeSet<u32>> = BTreeMap::new();
            for &node in &chosen {
                expected.entry(key_of(&graph, NodeId::new(node), by)).or_default().insert(node);
            }
            prop_assert_eq!(grouped(&graph, &found), expected, "{:?}", by);
            let sizes: Vec<u64> = found.groups().iter().map(|group| group.size).collect();
            prop_assert!(sizes.is_sorted_by(|a, b| a >= b));

            let retained = found.retained(&tree);
            for group in found.groups() {
                let nodes = found.nodes(group);
                let alone = nodes.iter().filter(|&&node| !tree.path(node).any(|above| nodes.contains(&above)));
                let wanted: u64 = alone.map(|&node| tree.retained_size(node)).sum();
                prop_assert_eq!(retained[group.number], wanted);
            }
            let sorted = found.clone().by_retained(&retained);
            prop_assert!(sorted.groups().is_sorted_by_key(|group| std::cmp::Reverse(retained[group.number])));
            let sorted = found.clone().by_count();
            prop_assert!(sorted.groups().is_sorted_by_key(|group| std::cmp::Reverse(group.count)));
            prop_assert_eq!(grouped(&graph, &sorted), grouped(&graph, &found));
        }
    }

    #[test]
    fn referrers_and_referents_of_a_set_are_those_of_its_nodes((count, edges, chosen) in with_some_nodes()) {
        let graph = graph_with(count, &edges);
        let set = set_of(count as usize, &chosen);
        let strong = || edges.iter().filter(|edge| !edge.2);
        let found = places(referrers_of(&graph, &set, &()).unwrap().iter());
        let wanted: BTreeSet<u32> = strong().filter(|edge| chosen.contains(&edge.1)).map(|edge| edge.0).collect();
        prop_assert_eq!(found, wanted);
        let found = places(referents_of(&graph, &set, &()).unwrap().iter());
        let wanted: BTreeSet<u32> = strong().filter(|edge| chosen.contains(&edge.0)).map(|edge| edge.1).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn sets_are_combined_as_sets_are(some in prop::collection::btree_set(0_u32..300, 0..40), others in prop::collection::btree_set(0_u32..300, 0..40), from in 0_usize..320) {
        let with = |how: fn(&mut NodeSet, &NodeSet)| {
            let mut own = set_of(300, &some);
            how(&mut own, &set_of(300, &others));
            places(own.iter())
        };
        prop_assert_eq!(with(NodeSet::unite), &some | &others);
        prop_assert_eq!(with(NodeSet::intersect), &some & &others);
        prop_assert_eq!(with(NodeSet::subtract), &some - &others);
        prop_assert_eq!(with(NodeSet::differ), &some ^ &others);
        let set = set_of(300, &some);
        prop_assert_eq!(set.first_from(from).map(NodeId::index), some.range(from as u32..).next().map(|&node| node as usize));
        let mut kept = set.clone();
        kept.retain(|node| others.contains(&node.place()));
        prop_assert_eq!(places(kept.iter()), &some & &others);
        prop_assert_eq!(set.is_empty(), some.is_empty());
    }

    #[test]
    fn roots_retain_what_goes_with_them((count, edges, roots) in with_some_nodes()) {
        let mut parts = parts_of(count, &edges);
        let root = |&node: &u32| (NodeId::new(node), Root::new(RootKind::Interpreter, ""));
        parts.roots = roots.iter().map(root).collect();
        let graph = Graph::new(Snapshot::new(parts).unwrap());
        let tree = dominators(&graph);
        let rows = root_rows(&graph, &tree);
        prop_assert_eq!(places(rows.iter().map(|row| row.node)), roots);
        for row in &rows {
            prop_assert_eq!(row.retained, tree.retained_size(row.node));
            let all = graph.snapshot().nodes();
            let own = all.filter(|&node| node == row.node || tree.path(node).any(|above| above == row.node));
            prop_assert_eq!(row.count, own.count() as u64);
        }
        prop_assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.retained)));
        prop_assert!(module_rows(&graph, &tree).is_empty());
    }
}

/// How many edges are looked at for one container with `count` items, all of them in the set.
fn edges_looked_at(count: u32, by: By) -> u64 {
    let edges: Vec<PlainEdge> = (1..=count).map(|item| (0, item, false)).collect();
    let mut parts = parts_of(count + 1, &[]);
    parts.targets = edges.iter().map(|&(_, item, _)| NodeId::new(item)).collect();
    parts.labels = (0..count).map(LabelId::item).collect();
    parts.starts = std::iter::once(0)
        .chain(std::iter::repeat_n(u64::from(count), count as usize + 1))
        .collect();
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let mut set = NodeSet::new(graph.node_count());
    set.extend(graph.snapshot().nodes().skip(1));
    let looked = AtomicU64::new(0);
    let watch = |done: u64, all: u64| {
        assert!(looked.fetch_max(done, Ordering::Relaxed) <= done && done <= all);
        true
    };
    let found = partition(&graph, &set, by, &watch).unwrap();
    assert_eq!(found.groups().len(), if by == By::Via { count as usize } else { 1 });
    looked.into_inner()
}

#[test]
fn the_items_of_one_list_cost_no_more_than_a_few_looks_each() {
    for by in [By::Referrers, By::Via] {
        let (few, many) = (edges_looked_at(1_000, by), edges_looked_at(300_000, by));
        assert!((1_000..=5_000).contains(&few), "{few}");
        assert_eq!(many, 300 * few, "{by:?}");
    }
}

#[test]
fn labels_that_read_the_same_are_one() {
    let graph = Graph::from_notation(
        "root -[.x]> a; root -[:x]> b; root -[[5]]> c; root -[{5}]> d; root -[[\"x\"]]> e",
    )
    .unwrap();
    let mut set = NodeSet::new(graph.node_count());
    set.extend(["a", "b", "c", "d", "e"].map(|name| graph.named(name)));
    let found = partition(&graph, &set, By::Via, &()).unwrap();
    let rows = found.groups().iter();
    let rows: Vec<_> =
        rows.map(|group| (snakeroot::view::key_name(&graph, &group.key), group.count)).collect();
    let expected = [(".x", 2), ("[5]", 2), ("[\"x\"]", 1)];
    assert_eq!(rows, expected.map(|(key, count)| (key.to_owned(), count)));
}

#[test]
fn who_watches_may_stop_the_grouping() {
    let graph = Graph::from_notation("root -> a b").unwrap();
    let mut set = NodeSet::new(graph.node_count());
    set.extend(graph.snapshot().nodes());
    for by in By::ALL {
        assert!(partition(&graph, &set, by, &|_: u64, _: u64| false).is_err());
    }
}

#[test]
fn every_word_for_a_grouping_is_read_back() {
    for by in By::ALL {
        assert_eq!(By::from_word(by.word()), Some(by));
    }
    assert_eq!(By::from_word("colour"), None);
}
