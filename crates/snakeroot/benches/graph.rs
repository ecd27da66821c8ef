//! How long the whole-heap passes take, on a made-up heap.
//!
//! `SNAKEROOT_BENCH_NODES` sets its size; one million nodes and three edges a
//! node where it is not set. Half of the edges run to near nodes, as in a heap whose objects
//! were made together, half anywhere.

use std::hint::black_box;

use divan::Bencher;
use snakeroot::analysis::{
    Direction, NeighbourhoodOptions, census, neighbourhood, shortest_chain, why,
};
use snakeroot::snapshot::{Flags, LabelKind, LabelTable, Root, RootKind, SparseText, TypeEntry};
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

const TYPES: u32 = 1_000;

fn main() {
    divan::main();
}

fn node_count() -> u32 {
    let nodes = std::env::var("SNAKEROOT_BENCH_NODES").ok();
    nodes.and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

/// A linear congruential generator: the same heap on each run, without a dependency.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (((self.0 >> 32) * u64::from(bound)) >> 32) as u32
    }
}

/// A tree of all nodes below node 0, and two more edges a node.
fn heap() -> Snapshot {
    let count = node_count();
    let mut random = Random(1);
    let mut label_table = LabelTable::new();
    let keys: Vec<LabelId> =
        (0..5_000).map(|at| label_table.push(LabelKind::Key, &format!("key {at}"))).collect();
    let weak = label_table.push(LabelKind::Weak, "");
    let types = (0..TYPES).map(|at| TypeEntry {
        module: "app".into(),
        qualname: format!("Type{at}").into(),
        node: None,
    });
    let mut parts = SnapshotParts {
        types: types.collect(),
        label_table,
        starts: vec![0],
        names: SparseText::new(),
        roots: vec![(NodeId::new(0), Root::new(RootKind::Module, "app"))],
        ..SnapshotParts::default()
    };
    for at in 0..count {
        parts.addresses.push(0x7f00_0000_0000 + u64::from(at) * 48);
        parts.types_of.push(TypeId(random.below(TYPES)));
        parts.sizes.push(32 + 16 * random.below(8));
        parts.refcounts.push(1);
        parts.flags.push(Flags::TRACKED);
        // The tree's edge to this row's nodes: node n hangs below n / 2.
        for below in [2 * at + 1, 2 * at + 2].into_iter().filter(|&below| below < count) {
            parts.targets.push(NodeId::new(below));
            parts.labels.push(LabelId::item(0));
        }
        let near = (at + random.below(64)).min(count - 1);
        let label = keys[random.below(5_000) as usize];
        parts.targets.push(NodeId::new(near));
        parts.labels.push(label);
        parts.targets.push(NodeId::new(random.below(count)));
        parts.labels.push(if random.below(100) == 0 { weak } else { label });
        parts.starts.push(parts.targets.len() as u64);
    }
    Snapshot::new(parts).expect("the columns have one length")
}

#[divan::bench(sample_count = 5)]
fn graph_new(bencher: Bencher<'_, '_>) {
    let snapshot = heap();
    bencher.with_inputs(|| snapshot.clone()).bench_values(Graph::new);
}

#[divan::bench(sample_count = 5)]
fn types_census(bencher: Bencher<'_, '_>) {
    let snapshot = heap();
    bencher.bench(|| census(black_box(&snapshot)));
}

#[divan::bench(sample_count = 5)]
fn thousand_address_look_ups(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    let count = node_count();
    bencher.bench(|| {
        let mut random = Random(2);
        (0..1_000)
            .filter_map(|_| graph.at(graph.snapshot().addresses()[random.below(count) as usize]))
            .count()
    });
}

#[divan::bench(sample_count = 5, args = [Way::Referents, Way::Referrers])]
fn chain_search_of_everything(bencher: Bencher<'_, '_>, way: Way) {
    let graph = Graph::new(heap());
    let (direction, start) = match way {
        Way::Referents => (Direction::Referents, 0),
        Way::Referrers => (Direction::Referrers, node_count() - 1),
    };
    bencher.bench(|| {
        shortest_chain(&graph, NodeId::new(start), direction, None, |_| false, |_| false)
    });
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Referents,
    Referrers,
}

#[divan::bench(sample_count = 5)]
fn why_three_chains(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    bencher.bench(|| why(&graph, NodeId::new(node_count() - 1), 3));
}

#[divan::bench(sample_count = 5)]
fn neighbourhood_of_one(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    let options = NeighbourhoodOptions { max_depth: 5, ..NeighbourhoodOptions::default() };
    let start = [NodeId::new(node_count() - 1)];
    bencher.bench(|| {
        neighbourhood(&graph, &start, Direction::Referrers, &options, |_| true, |_| false)
    });
}
