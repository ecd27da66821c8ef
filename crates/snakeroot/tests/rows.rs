//! Referrers and weak edges against their definitions, edge by edge.

mod common;

use common::{graph_of, small_graphs};
use proptest::prelude::*;
use snakeroot::graph::Edge;
use snakeroot::{Graph, NodeId};

/// The referrers of a node by asking every node for it.
fn slow_referrers(graph: &Graph, node: NodeId, strong_only: bool) -> Vec<NodeId> {
    let mut referrers = Vec::new();
    for referrer in graph.snapshot().nodes() {
        for edge in graph.edges_from(referrer) {
            if edge.referent == node && (graph.is_strong(edge.label) || !strong_only) {
                referrers.push(referrer);
            }
        }
    }
    referrers
}

proptest! {
    #[test]
    fn referrers_are_those_in_whose_rows_a_node_stands((count, edges) in small_graphs()) {
        let graph = graph_of(count, &edges);
        for node in graph.snapshot().nodes() {
            prop_assert_eq!(graph.referrers(node), slow_referrers(&graph, node, false));
            let strong: Vec<NodeId> = graph.strong_referrers(node).collect();
            prop_assert_eq!(graph.strong_referrers(node).len(), strong.len());
            prop_assert_eq!(strong, slow_referrers(&graph, node, true));
        }
    }

    #[test]
    fn edges_to_a_node_are_the_edges_from_all_that_end_there((count, edges) in small_graphs()) {
        let graph = graph_of(count, &edges);
        let all: Vec<Edge> =
            graph.snapshot().nodes().flat_map(|node| graph.edges_from(node)).collect();
        for node in graph.snapshot().nodes() {
            let found: Vec<Edge> = graph.edges_to(node).collect();
            let wanted: Vec<Edge> =
                all.iter().copied().filter(|edge| edge.referent == node).collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn strong_referents_are_the_row_without_its_weak_edges((count, edges) in small_graphs()) {
        let graph = graph_of(count, &edges);
        let weak = edges.iter().filter(|edge| edge.2).count();
        prop_assert_eq!(graph.weak_edge_count(), weak as u64);
        for node in graph.snapshot().nodes() {
            let strong = graph.edges_from(node).filter(|edge| graph.is_strong(edge.label));
            let strong: Vec<NodeId> = strong.map(|edge| edge.referent).collect();
            prop_assert_eq!(graph.strong_referents(node).collect::<Vec<_>>(), strong);
        }
    }
}

#[test]
fn an_address_is_found_only_where_an_object_begins() {
    let graph = graph_of(100, &[]);
    for node in graph.snapshot().nodes() {
        let address = graph.snapshot().address(node);
        assert_eq!(graph.at(address), Some(node));
        assert_eq!(graph.at(address + 1), None);
    }
    assert_eq!(graph.at(0), None);
}

#[test]
fn rows_of_many_nodes_are_reversed_too() {
    // More nodes and edges than one piece of work on any core.
    let count = 100_000_u32;
    let edges: Vec<(u32, u32)> =
        (0..3 * count).map(|at| (at / 3, (at.wrapping_mul(2_654_435_761)) % count)).collect();
    let graph = {
        let mut parts = snakeroot::SnapshotParts {
            types: vec![Default::default()],
            starts: (0..=count).map(|node| u64::from(3 * node)).collect(),
            ..Default::default()
        };
        parts.addresses = (0..u64::from(count)).map(|node| 16 * (node + 1)).collect();
        parts.types_of = vec![snakeroot::TypeId(0); count as usize];
        parts.sizes = vec![16; count as usize];
        parts.refcounts = vec![1; count as usize];
        parts.flags = vec![Default::default(); count as usize];
        parts.targets = edges.iter().map(|&(_, referent)| NodeId::new(referent)).collect();
        parts.labels = vec![snakeroot::snapshot::LabelTable::UNNAMED; edges.len()];
        Graph::new(snakeroot::Snapshot::new(parts).unwrap())
    };
    let mut slow = vec![Vec::new(); count as usize];
    for (referrer, referent) in edges {
        slow[referent as usize].push(NodeId::new(referrer));
    }
    for node in graph.snapshot().nodes() {
        assert_eq!(graph.referrers(node), slow[node.index()]);
    }
}
