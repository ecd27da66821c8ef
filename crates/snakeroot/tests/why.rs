//! Chains from roots are the cheapest there are, against the slowest obvious definition of the costs.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use common::{PlainEdge, parts_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{Chain, try_why};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Flags, LabelKind, LabelTable, Root, RootKind, TypeEntry};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

/// What nodes may be here: types, modules and debuggers among them.
const TYPES: [(&str, &str); 5] = [
    ("builtins", "dict"),
    ("builtins", "type"),
    ("builtins", "module"),
    ("builtins", "function"),
    ("pdb", "Pdb"),
];

/// By what nodes may hold each other here, and whether anybody but a type does so noisily.
const LABELS: [(LabelKind, &str, bool); 6] = [
    (LabelKind::Key, "k", false),
    (LabelKind::KeyObject, "", true),
    (LabelKind::Attribute, "a", false),
    (LabelKind::Slot, "__dict__", false),
    (LabelKind::Slot, "__globals__", true),
    (LabelKind::Slot, "__base__", false),
];

/// A graph whose nodes and edges are noisy in all ways.
fn noisy(
    (count, edges): &(u32, Vec<PlainEdge>),
    types: &[usize],
    labels: &[usize],
    roots: &BTreeMap<u32, usize>,
) -> Graph {
    let mut parts = parts_of(*count, edges);
    let entry = |&(module, qualname): &(&str, &str)| TypeEntry {
        module: module.into(),
        qualname: qualname.into(),
        node: None,
    };
    parts.types = TYPES.iter().map(entry).collect();
    parts.types_of = types[..*count as usize].iter().map(|&each| TypeId(each as u32)).collect();
    let table = &mut parts.label_table;
    let ids = LABELS.map(|(kind, text, _)| table.push(kind, text));
    let strong = |label: &LabelId| table.kind(*label) != LabelKind::Weak;
    for (label, &drawn) in parts.labels.iter_mut().zip(labels).filter(|(label, _)| strong(label)) {
        *label = ids.get(drawn).copied().unwrap_or(*label);
    }
    let kinds = roots.iter().filter(|&(place, _)| place < count);
    parts.roots = kinds
        .map(|(&place, &kind)| (NodeId::new(place), Root::new(RootKind::ALL[kind], "")))
        .collect();
    Graph::new(Snapshot::new(parts).unwrap())
}

fn type_name(graph: &Graph, node: NodeId) -> &str {
    &graph.snapshot().type_of(node).qualname
}

/// What the cheapest of the edges between two nodes costs; `None` where none is strong.
fn edge_cost(graph: &Graph, from: NodeId, to: NodeId) -> Option<usize> {
    let table = graph.snapshot().label_table();
    let of_modules = {
        let keys = graph.edges_from(from).filter(|edge| table.kind(edge.label) == LabelKind::Key);
        let values: Vec<NodeId> = keys.map(|edge| edge.referent).take(8).collect();
        !values.is_empty() && values.iter().all(|&value| type_name(graph, value) == "module")
    };
    let cost = |label: LabelId| {
        let (kind, text) = (table.kind(label), table.text(label));
        let drawn = LABELS.iter().find(|each| (each.0, each.1) == (kind, text));
        let of_a_type =
            kind == LabelKind::Slot && text != "__dict__" && type_name(graph, from) == "type";
        let is_noise = drawn.is_some_and(|each| each.2)
            || of_a_type
            || of_modules && type_name(graph, to) == "module";
        match type_name(graph, from) {
            "Pdb" => 9,
            _ => 1 + usize::from(is_noise),
        }
    };
    let edges = graph.edges_from(from).filter(|edge| edge.referent == to);
    let strong = edges.filter(|edge| table.kind(edge.label) != LabelKind::Weak);
    strong.map(|edge| cost(edge.label)).min()
}

/// What a root costs, and whether a chain that reaches it ends there.
fn root_cost(graph: &Graph, node: NodeId) -> Option<(usize, bool)> {
    let kind = graph.snapshot().root(node)?.kind;
    let ends =
        matches!(kind, RootKind::Module | RootKind::Builtins | RootKind::Thread | RootKind::Task);
    Some((if ends { 0 } else { 8 }, ends))
}

/// The costs of a cheapest chain for each root and last holder: all edges over and over
/// until nothing becomes cheaper.
fn slow_costs(graph: &Graph, target: NodeId, avoid: &BTreeSet<NodeId>) -> Vec<usize> {
    let nodes: Vec<NodeId> = graph.snapshot().nodes().collect();
    if let Some((cost, true)) = root_cost(graph, target) {
        return vec![cost];
    }
    let mut costs: Vec<usize> = root_cost(graph, target).into_iter().map(|root| root.0).collect();
    let may_hold = |node: &NodeId| *node != target && !avoid.contains(node);
    for last_holder in nodes.iter().copied().filter(may_hold) {
        let Some(last) = edge_cost(graph, last_holder, target) else {
            continue;
        };
        let mut down_from = BTreeMap::from([(last_holder, last)]);
        loop {
            let before = down_from.clone();
            for (&to, &cost) in &before {
                if root_cost(graph, to).is_some_and(|(_, ends)| ends) {
                    continue;
                }
                for from in nodes.iter().copied().filter(may_hold) {
                    if let Some(step) = edge_cost(graph, from, to) {
                        let known = down_from.entry(from).or_insert(usize::MAX);
                        *known = (*known).min(cost + step);
                    }
                }
            }
            if before == down_from {
                break;
            }
        }
        let ends = down_from.iter();
        costs.extend(ends.filter_map(|(&node, cost)| Some(cost + root_cost(graph, node)?.0)));
    }
    costs.sort_unstable();
    costs
}

fn cost(graph: &Graph, chain: &Chain) -> usize {
    let steps = chain.nodes.windows(2).map(|pair| edge_cost(graph, pair[0], pair[1]).unwrap());
    root_cost(graph, chain.holder()).unwrap().0 + steps.sum::<usize>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn chains_are_the_cheapest_that_differ(
        drawn in small_graphs(),
        types in prop::collection::vec(prop::sample::select(vec![0, 0, 0, 1, 2, 2, 3, 4]), 12),
        labels in prop::collection::vec(0..LABELS.len() + 2, 30),
        roots in prop::collection::btree_map(0_u32..12, 0..RootKind::ALL.len(), 0..5),
        avoid in prop::collection::btree_set(0_u32..12, 0..3),
        target in 0_u32..12,
        limit in 1_usize..40,
    ) {
        let graph = noisy(&drawn, &types, &labels, &roots);
        let target = NodeId::new(target % drawn.0);
        let avoid: BTreeSet<NodeId> =
            avoid.into_iter().filter(|&place| place < drawn.0).map(NodeId::new).collect();
        let mut avoided = NodeSet::new(graph.node_count());
        avoided.extend(avoid.iter().copied());
        let mut expected = slow_costs(&graph, target, &avoid);
        expected.truncate(limit);

        // The second time by the distances that were kept.
        for _ in 0..2 {
            let chains = try_why(&graph, target, limit, &avoided, &()).unwrap();
            let found: Vec<usize> = chains.iter().map(|chain| cost(&graph, chain)).collect();
            prop_assert_eq!(&found, &expected);
            let ends: BTreeSet<_> = chains
                .iter()
                .map(|chain| (chain.holder(), chain.nodes.iter().rev().nth(1).copied()))
                .collect();
            prop_assert_eq!(ends.len(), chains.len());
            for chain in &chains {
                prop_assert_eq!(chain.held(), target);
                prop_assert!(chain.nodes.iter().rev().skip(1).all(|node| !avoid.contains(node)));
            }
        }
    }
}

/// A graph of the rows of nodes of one type; node 0 is a module.
fn rows(rows: impl Iterator<Item = Vec<(u32, LabelId)>>, label_table: LabelTable) -> Graph {
    let types = vec![TypeEntry { module: "app".into(), qualname: "A".into(), node: None }];
    let roots = vec![(NodeId::new(0), Root::new(RootKind::Module, "app"))];
    let mut parts =
        SnapshotParts { types, roots, label_table, starts: vec![0], ..Default::default() };
    for (node, row) in rows.enumerate() {
        parts.addresses.push(16 * (node as u64 + 1));
        parts.types_of.push(TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(Flags::default());
        for (referent, label) in row {
            parts.targets.push(NodeId::new(referent));
            parts.labels.push(label);
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    Graph::new(Snapshot::new(parts).unwrap())
}

fn places(chain: &Chain) -> Vec<u32> {
    chain.nodes.iter().map(|node| node.place()).collect()
}

#[test]
fn of_a_hundred_thousand_holders_those_next_to_a_root_come_first() {
    const HOLDERS: u32 = 100_000;
    let (list, last, target) = (1, 1 + HOLDERS, 2 + HOLDERS);
    let work = move || {
        let mut table = LabelTable::new();
        let key = table.push(LabelKind::KeyObject, "");
        let row = |node| match node {
            0 => vec![(list, LabelId::item(0)), (last, LabelId::item(1))],
            1 => (2..target).map(|holder| (holder, LabelId::item(holder))).collect(),
            // As a key, but in two of the holders.
            holder if holder < target && holder % 50_000 == 7 => vec![(target, LabelId::item(0))],
            holder if holder < target => vec![(target, key)],
            _ => vec![],
        };
        let graph = rows((0..=target).map(row), table);
        let none = NodeSet::default();
        let chains = try_why(&graph, NodeId::new(target), 5, &none, &()).unwrap();
        let found: Vec<Vec<u32>> = chains.iter().map(places).collect();
        assert_eq!(found[0], [0, last, target]);
        let plain: BTreeSet<_> = found[1..3].iter().cloned().collect();
        let at = |holder| vec![0, list, holder, target];
        assert_eq!(plain, BTreeSet::from([at(7), at(50_007)]));
        assert_eq!(found[3..], [at(2), at(3)]);

        let mut avoid = NodeSet::new(graph.node_count());
        avoid.extend([list, 7].map(NodeId::new));
        let chains = try_why(&graph, NodeId::new(target), 5, &avoid, &()).unwrap();
        assert_eq!(chains.iter().map(places).collect::<Vec<_>>(), [[0, last, target]]);
    };
    thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_chain_longer_than_distances_are_told_is_the_shortest() {
    // A list of 3,000, and a way past its first 1,000 that is 500 long.
    let row = |node| match node {
        0 => vec![1, 3000],
        999 => vec![1000],
        2999 => vec![],
        3499 => vec![1000],
        node => vec![node + 1],
    };
    let item = |node: u32| row(node).into_iter().map(|node| (node, LabelId::item(0))).collect();
    let graph = rows((0..3500).map(item), LabelTable::new());
    let none = NodeSet::default();
    let chains = try_why(&graph, NodeId::new(2999), 3, &none, &()).unwrap();
    let expected: Vec<u32> = [0].into_iter().chain(3000..3500).chain(1000..3000).collect();
    assert_eq!(chains.iter().map(places).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_watch_that_says_so_ends_the_search_for_distances() {
    const ITEMS: u32 = 200_000;
    let row = |node| match node {
        0 => (1..=ITEMS).map(|item| (item, LabelId::item(item))).collect(),
        _ => vec![],
    };
    let graph = rows((0..=ITEMS).map(row), LabelTable::new());
    let (item, none) = (NodeId::new(ITEMS), NodeSet::default());
    let stopped = try_why(&graph, item, 1, &none, &|_: u64, _: u64| false);
    assert_eq!(stopped, Err(Stopped));
    // Nothing half done is kept.
    let chains = try_why(&graph, item, 1, &none, &()).unwrap();
    assert_eq!(chains.iter().map(places).collect::<Vec<_>>(), [[0, ITEMS]]);
}
