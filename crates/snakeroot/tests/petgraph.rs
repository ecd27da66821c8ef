//! petgraph's algorithms give the same answers on our graph as on petgraph's own.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{PlainEdge, graph_of, petgraph_of, small_graphs};
use petgraph::algo;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{
    Bfs, Dfs, EdgeCount, EdgeIndexable, EdgeRef, IntoEdgeReferences, IntoEdgesDirected,
    IntoNeighborsDirected, IntoNodeIdentifiers, IntoNodeReferences, NodeIndexable, NodeRef,
    Reversed, Topo,
};
use petgraph::{Direction, Undirected};
use proptest::prelude::*;
use snakeroot::{Graph, NodeId};

type Oracle = DiGraph<(), ()>;

fn both((count, edges): (u32, Vec<PlainEdge>)) -> (Graph, Oracle) {
    (graph_of(count, &edges), petgraph_of(count, &edges))
}

fn ours(place: usize) -> NodeId {
    NodeId::from_index(place)
}

fn theirs(place: usize) -> NodeIndex {
    NodeIndex::new(place)
}

fn places<N>(nodes: impl IntoIterator<Item = N>, place: impl Fn(N) -> usize) -> BTreeSet<usize> {
    nodes.into_iter().map(place).collect()
}

/// Components as a set of sets: in which order they come is not promised.
fn components<N>(found: Vec<Vec<N>>, place: impl Fn(N) -> usize) -> BTreeSet<BTreeSet<usize>> {
    found.into_iter().map(|component| places(component, &place)).collect()
}

proptest! {
    #[test]
    fn neighbours_and_edges_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        prop_assert_eq!(EdgeCount::edge_count(&graph), oracle.edge_count());
        let nodes = (&graph).node_identifiers().map(NodeId::index);
        prop_assert!(nodes.eq(0..oracle.node_count()));
        let types = (&graph).node_references().map(|node| (node.id(), *node.weight()));
        prop_assert!(types.eq(graph.snapshot().nodes().zip(graph.snapshot().type_ids().iter().copied())));
        let mut all: Vec<_> = (&graph)
            .edge_references()
            .map(|edge| (edge.source().index(), edge.target().index()))
            .collect();
        let mut wanted: Vec<_> = oracle
            .edge_references()
            .map(|edge| (edge.source().index(), edge.target().index()))
            .collect();
        all.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(all, wanted);
        for place in 0..oracle.node_count() {
            for direction in [Direction::Outgoing, Direction::Incoming] {
                let mut neighbours: Vec<usize> =
                    (&graph).neighbors_directed(ours(place), direction).map(NodeId::index).collect();
                let mut wanted: Vec<usize> =
                    oracle.neighbors_directed(theirs(place), direction).map(NodeIndex::index).collect();
                neighbours.sort_unstable();
                wanted.sort_unstable();
                prop_assert_eq!(&neighbours, &wanted);
                let mut ends: Vec<usize> = (&graph)
                    .edges_directed(ours(place), direction)
                    .map(|edge| match direction {
                        Direction::Outgoing => (edge.source(), edge.target()),
                        Direction::Incoming => (edge.target(), edge.source()),
                    })
                    .map(|(this, other)| {
                        assert_eq!(this, ours(place));
                        other.index()
                    })
                    .collect();
                ends.sort_unstable();
                prop_assert_eq!(ends, neighbours);
            }
        }
    }

    #[test]
    fn an_edge_keeps_its_number(drawn in small_graphs()) {
        let (graph, _) = both(drawn);
        let mut seen = BTreeSet::new();
        for edge in (&graph).edge_references() {
            let index = EdgeIndexable::to_index(&graph, edge.id());
            prop_assert!(index < graph.edge_bound());
            prop_assert!(EdgeIndexable::from_index(&graph, index) == edge.id());
            prop_assert_eq!(graph.snapshot().labels()[index], *edge.weight());
            prop_assert!(seen.insert(index));
        }
    }

    #[test]
    fn distances_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let found: BTreeMap<usize, u32> = algo::dijkstra(&graph, ours(0), None, |_| 1_u32)
            .into_iter().map(|(node, cost)| (node.index(), cost)).collect();
        let wanted: BTreeMap<usize, u32> = algo::dijkstra(&oracle, theirs(0), None, |_| 1_u32)
            .into_iter().map(|(node, cost)| (node.index(), cost)).collect();
        prop_assert_eq!(found, wanted);
        for place in 0..oracle.node_count() {
            let found = algo::astar(&graph, ours(0), |node| node == ours(place), |_| 1, |_| 0);
            let wanted = algo::astar(&oracle, theirs(0), |node| node == theirs(place), |_| 1, |_| 0);
            prop_assert_eq!(found.map(|(cost, _)| cost), wanted.map(|(cost, _)| cost));
            prop_assert_eq!(
                algo::has_path_connecting(&graph, ours(0), ours(place), None),
                algo::has_path_connecting(&oracle, theirs(0), theirs(place), None)
            );
        }
    }

    #[test]
    fn strong_components_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let wanted = components(algo::tarjan_scc(&oracle), NodeIndex::index);
        prop_assert_eq!(components(algo::tarjan_scc(&graph), NodeId::index), wanted.clone());
        prop_assert_eq!(components(algo::kosaraju_scc(&graph), NodeId::index), wanted);
        prop_assert_eq!(algo::connected_components(&graph), algo::connected_components(&oracle));
    }

    #[test]
    fn cycles_and_orders_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let is_cyclic = algo::is_cyclic_directed(&oracle);
        prop_assert_eq!(algo::is_cyclic_directed(&graph), is_cyclic);
        match algo::toposort(&graph, None) {
            Err(_) => prop_assert!(is_cyclic),
            Ok(order) => {
                prop_assert!(!is_cyclic);
                let at: BTreeMap<NodeId, usize> = order.into_iter().zip(0..).collect();
                for edge in oracle.edge_references() {
                    prop_assert!(at[&ours(edge.source().index())] < at[&ours(edge.target().index())]);
                }
                let mut topo = Topo::new(&graph);
                let count = std::iter::from_fn(|| topo.next(&graph)).count();
                prop_assert_eq!(count, oracle.node_count());
            }
        }
    }

    #[test]
    fn dominators_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let found = algo::dominators::simple_fast(&graph, ours(0));
        let wanted = algo::dominators::simple_fast(&oracle, theirs(0));
        for place in 0..oracle.node_count() {
            prop_assert_eq!(
                found.immediate_dominator(ours(place)).map(NodeId::index),
                wanted.immediate_dominator(theirs(place)).map(NodeIndex::index)
            );
        }
    }

    #[test]
    fn the_same_nodes_are_reached(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let mut dfs = Dfs::new(&oracle, theirs(0));
        let wanted = places(std::iter::from_fn(|| dfs.next(&oracle)), NodeIndex::index);
        let mut dfs = Dfs::new(&graph, ours(0));
        let found = places(std::iter::from_fn(|| dfs.next(&graph)), NodeId::index);
        prop_assert_eq!(&found, &wanted);
        let mut bfs = Bfs::new(&graph, ours(0));
        let found = places(std::iter::from_fn(|| bfs.next(&graph)), NodeId::index);
        prop_assert_eq!(&found, &wanted);

        let mut dfs = Dfs::new(Reversed(&oracle), theirs(0));
        let wanted = places(std::iter::from_fn(|| dfs.next(Reversed(&oracle))), NodeIndex::index);
        let mut dfs = Dfs::new(Reversed(&graph), ours(0));
        let found = places(std::iter::from_fn(|| dfs.next(Reversed(&graph))), NodeId::index);
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn ranks_are_the_same(drawn in small_graphs()) {
        let (graph, oracle) = both(drawn);
        let found = algo::page_rank(&graph, 0.85_f64, 10);
        let wanted = algo::page_rank(&oracle, 0.85_f64, 10);
        prop_assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            prop_assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        }
    }
}

#[test]
fn a_weak_edge_is_not_followed() {
    let graph = Graph::from_notation("a ~> b; a -> c").unwrap();
    let (a, b, c) = (graph.named("a"), graph.named("b"), graph.named("c"));
    assert!(!algo::has_path_connecting(&graph, a, b, None));
    assert!(algo::has_path_connecting(&graph, a, c, None));
    assert_eq!((&graph).neighbors_directed(b, Direction::Incoming).count(), 0);
    assert_eq!(NodeIndexable::node_bound(&graph), 3);
    assert_eq!(EdgeCount::edge_count(&graph), 1);
}

#[test]
fn small_answers_may_be_undirected() {
    // A copy into petgraph's own storage works through the visit traits as well.
    let graph = Graph::from_notation("a -> b -> c -> a").unwrap();
    let mut copy = petgraph::Graph::<NodeId, (), Undirected>::default();
    let at: Vec<NodeIndex> = (&graph).node_identifiers().map(|node| copy.add_node(node)).collect();
    for edge in (&graph).edge_references() {
        copy.add_edge(at[edge.source().index()], at[edge.target().index()], ());
    }
    assert_eq!(algo::connected_components(&copy), 1);
}
