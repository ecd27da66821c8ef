//! A linked list of millions of objects is an ordinary heap: nothing may
//! recurse along it, nor read a long row once for each of its items.

use std::thread;
use std::time::{Duration, Instant};

use petgraph::visit::{Bfs, Dfs};
use snakeroot::analysis::{
    CycleScope, Direction, NeighbourhoodOptions, census, components, cycles, dominators,
    neighbourhood, shortest_chain, suspects, why, why_merged,
};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Flags, LabelTable, Root, RootKind, TypeEntry};
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

const STACK_BYTES: usize = 2 << 20;

fn graph(rows: impl Iterator<Item = Vec<u32>>) -> Graph {
    let mut parts = SnapshotParts {
        types: vec![TypeEntry { module: "app".into(), qualname: "Node".into(), node: None }],
        starts: vec![0],
        roots: vec![(NodeId::new(0), Root::new(RootKind::Module, "app"))],
        ..SnapshotParts::default()
    };
    for (node, row) in rows.enumerate() {
        parts.addresses.push(16 * (node as u64 + 1));
        parts.types_of.push(TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(Flags::default());
        for (place, referent) in row.into_iter().enumerate() {
            parts.targets.push(NodeId::new(referent));
            parts.labels.push(LabelId::item(place as u32));
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    assert_eq!(parts.label_table, LabelTable::new());
    Graph::new(Snapshot::new(parts).unwrap())
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_chain_of_three_million_nodes_is_followed_to_its_end() {
    const COUNT: u32 = 3_000_000;
    on_a_small_stack(|| {
        let row = |node| {
            if node + 1 < COUNT { vec![node + 1] } else { vec![] }
        };
        let graph = graph((0..COUNT).map(row));
        let (first, last) = (NodeId::new(0), NodeId::new(COUNT - 1));

        for (direction, start, goal) in
            [(Direction::Referents, first, last), (Direction::Referrers, last, first)]
        {
            let chain =
                shortest_chain(&graph, start, direction, None, |_| false, |node| node == goal);
            assert_eq!(chain.unwrap().nodes.len(), COUNT as usize);
            let options = NeighbourhoodOptions { max_depth: u32::MAX, ..Default::default() };
            let around = neighbourhood(&graph, &[start], direction, &options, |_| true, |_| false);
            assert_eq!(around.graph.node_count(), COUNT as usize);
        }
        assert_eq!(why(&graph, last, 2).len(), 1);
        let mut all = NodeSet::new(COUNT as usize);
        all.extend(graph.snapshot().nodes());
        let merged = why_merged(&graph, &all, &NodeSet::default(), &()).unwrap();
        assert_eq!(merged.steps.len(), COUNT as usize);
        assert_eq!(merged.steps[1].members, u64::from(COUNT) - 1);
        let tree = dominators(&graph);
        let suspects = suspects(&graph, &tree, 0.1, &()).unwrap();
        assert_eq!(suspects.found[0].accumulation, Some(first));
        assert_eq!(census(graph.snapshot()).total().0, u64::from(COUNT));

        let mut dfs = Dfs::new(&graph, first);
        assert_eq!(std::iter::from_fn(|| dfs.next(&graph)).count(), COUNT as usize);
        let mut bfs = Bfs::new(&graph, first);
        assert_eq!(std::iter::from_fn(|| bfs.next(&graph)).last(), Some(last));
        assert!(petgraph::algo::has_path_connecting(&graph, first, last, None));
        assert_eq!(petgraph::algo::toposort(&graph, None).unwrap().len(), COUNT as usize);
        assert_eq!(petgraph::algo::kosaraju_scc(&graph).len(), COUNT as usize);
    });
}

#[test]
fn a_list_of_a_million_items_is_not_read_once_for_each_item() {
    const ITEMS: u32 = 1_000_000;
    // The root holds a list, the list holds all items, each item holds the list.
    let rows = (0..ITEMS + 2).map(|node| match node {
        0 => vec![1],
        1 => (2..ITEMS + 2).collect(),
        _ => vec![1],
    });
    let graph = graph(rows);
    let list = NodeId::new(1);
    let begin = Instant::now();
    let options = NeighbourhoodOptions { too_many: 20_000, ..Default::default() };
    for direction in [Direction::Referents, Direction::Referrers] {
        let around = neighbourhood(&graph, &[list], direction, &options, |_| true, |_| false);
        assert!(around.graph.node_count() > 20_000);
    }
    let chain = shortest_chain(
        &graph,
        NodeId::new(ITEMS),
        Direction::Referrers,
        None,
        |_| false,
        |_| false,
    );
    assert_eq!(chain, None);
    assert_eq!(why(&graph, NodeId::new(ITEMS), 3).len(), 1);
    // A row read for each item would be some 10^10 steps.
    assert!(begin.elapsed() < Duration::from_secs(20), "took {:?}", begin.elapsed());
}

#[test]
fn ten_million_links_are_dominated_one_by_the_other() {
    const COUNT: u32 = 10_000_000;
    on_a_small_stack(|| {
        // Linked both ways: one component, in which each dominates all behind it.
        let row = |node: u32| [node.checked_sub(1), (node + 1 < COUNT).then_some(node + 1)];
        let graph = graph((0..COUNT).map(|node| row(node).into_iter().flatten().collect()));
        let tree = dominators(&graph);
        for node in [0, 1, COUNT / 2, COUNT - 1] {
            assert_eq!(tree.retained_size(NodeId::new(node)), u64::from(COUNT - node) * 16);
        }
        assert_eq!(tree.path(NodeId::new(COUNT - 1)).count(), COUNT as usize - 1);
        let found = components(&graph);
        assert_eq!((found.len(), found.component(0).len()), (1, COUNT as usize));
    });
}

#[test]
fn ten_million_items_of_one_list_are_dominated_by_it() {
    const ITEMS: u32 = 10_000_000;
    on_a_small_stack(|| {
        let graph = graph((0..ITEMS + 2).map(|node| match node {
            0 => vec![1],
            1 => (2..ITEMS + 2).collect(),
            _ => vec![0],
        }));
        let tree = dominators(&graph);
        assert_eq!(tree.retained_size(NodeId::new(1)), u64::from(ITEMS + 1) * 16);
        assert_eq!(tree.immediate_dominator(NodeId::new(ITEMS)), Some(NodeId::new(1)));
        assert_eq!(components(&graph).component(0).len(), ITEMS as usize + 2);
    });
}

#[test]
fn a_linked_list_whose_values_others_hold_too_is_no_square() {
    const LINKS: u32 = 1_000_000;
    // The root holds the first link and then a list of all values; each link the next and its value.
    let list = 2 * LINKS + 1;
    let graph = graph((0..=list).map(|node| match node {
        0 => vec![1, list],
        _ if node == list => (LINKS + 1..list).collect(),
        _ if node == LINKS => vec![2 * LINKS],
        _ if node < LINKS => vec![node + 1, node + LINKS],
        _ => vec![],
    }));
    let begin = Instant::now();
    let tree = dominators(&graph);
    assert_eq!(tree.immediate_dominator(NodeId::new(2 * LINKS - 1)), Some(NodeId::new(0)));
    assert_eq!(tree.retained_size(NodeId::new(1)), u64::from(LINKS) * 16);
    // Walking up from each value would be some 10^12 steps.
    assert!(begin.elapsed() < Duration::from_secs(20), "took {:?}", begin.elapsed());
}

#[test]
fn a_ring_of_ten_million_nodes_is_one_cycle() {
    const COUNT: u32 = 10_000_000;
    on_a_small_stack(|| {
        let graph = graph((0..COUNT).map(|node| vec![(node + 1) % COUNT]));
        let begin = Instant::now();
        let found = cycles(&graph, CycleScope::Made);
        let row = found.rows()[0];
        assert_eq!((found.len(), row.count, row.retained_count), (1, COUNT.into(), COUNT.into()));
        assert_eq!(row.retained_size, u64::from(COUNT) * 16);
        let detail = found.detail(&graph, &row, &()).unwrap();
        assert_eq!((detail.path.labels.len(), detail.is_shortest), (COUNT as usize, true));
        // From each node all the way around would be some 10^14 steps.
        assert!(begin.elapsed() < Duration::from_secs(60), "took {:?}", begin.elapsed());
    });
}

#[test]
fn millions_of_links_and_of_pairs_are_cycles() {
    const COUNT: u32 = 10_000_000;
    on_a_small_stack(|| {
        // Linked both ways: one component.
        let row = |node: u32| [node.checked_sub(1), (node + 1 < COUNT).then_some(node + 1)];
        let linked = graph((0..COUNT).map(|node| row(node).into_iter().flatten().collect()));
        let found = cycles(&linked, CycleScope::Made);
        assert_eq!((found.len(), found.rows()[0].count), (1, COUNT.into()));
        let detail = found.detail(&linked, &found.rows()[0], &()).unwrap();
        assert_eq!((detail.path.labels.len(), detail.is_shortest), (2, true));
        drop((linked, found));
        // A chain of pairs: a component each, which retains all those after it.
        let row = |node: u32| match node % 2 {
            0 if node + 2 < COUNT => vec![node + 1, node + 2],
            0 => vec![node + 1],
            _ => vec![node - 1],
        };
        let pairs = graph((0..COUNT).map(row));
        let found = cycles(&pairs, CycleScope::Garbage);
        assert_eq!((found.len(), found.garbage().count), (0, 0));
        let found = cycles(&pairs, CycleScope::Made);
        assert_eq!(found.len(), COUNT as usize / 2);
        assert_eq!(found.rows()[7].retained_count, u64::from(COUNT) - 14);
    });
}
