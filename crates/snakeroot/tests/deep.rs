//! A linked list of millions of objects is an ordinary heap: nothing may
//! recurse along it, nor read a long row once for each of its items.

use std::thread;
use std::time::{Duration, Instant};

use petgraph::visit::{Bfs, Dfs};
use snakeroot::analysis::{
    Direction, NeighbourhoodOptions, census, neighbourhood, shortest_chain, why,
};
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
