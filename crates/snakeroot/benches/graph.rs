//! How long the whole-heap passes take, on a made-up heap.
//!
//! `SNAKEROOT_BENCH_NODES` sets its size: one million nodes where it is not set.

use std::hint::black_box;

use divan::Bencher;
use snakeroot::analysis::{
    CycleScope, Direction, NeighbourhoodOptions, census, components, cycles, dominators,
    neighbourhood, shortest_chain, why,
};
use snakeroot::{Graph, NodeId, Snapshot};

mod made_up;

use made_up::Random;

fn main() {
    divan::main();
}

fn node_count() -> u32 {
    let nodes = std::env::var("SNAKEROOT_BENCH_NODES").ok();
    nodes.and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

fn heap() -> Snapshot {
    made_up::heap(node_count())
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

#[divan::bench(sample_count = 5)]
fn dominators_and_retained_sizes(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    bencher.bench(|| dominators(&graph));
}

/// The peer: dominators only, no retained sizes.
#[divan::bench(sample_count = 1)]
fn dominators_of_petgraph(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    bencher.bench(|| petgraph::algo::dominators::simple_fast(&graph, NodeId::new(0)));
}

#[divan::bench(sample_count = 5)]
fn strongly_connected(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    bencher.bench(|| components(&graph));
}

#[divan::bench(sample_count = 5)]
fn cycles_and_what_they_retain(bencher: Bencher<'_, '_>) {
    let graph = Graph::new(heap());
    bencher.bench(|| cycles(&graph, CycleScope::Made));
}
