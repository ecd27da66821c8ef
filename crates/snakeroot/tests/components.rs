//! Components against petgraph's.

mod common;

use std::collections::BTreeSet;

use common::{graph_of, petgraph_of, small_graphs};
use proptest::prelude::*;
use snakeroot::Graph;
use snakeroot::analysis::components;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn petgraph_finds_the_same_components((count, edges) in small_graphs()) {
        let graph = graph_of(count, &edges);
        let oracle = petgraph_of(count, &edges);
        let expected: BTreeSet<Vec<u32>> = petgraph::algo::kosaraju_scc(&oracle)
            .into_iter()
            .filter(|nodes| nodes.len() > 1 || oracle.contains_edge(nodes[0], nodes[0]))
            .map(|nodes| {
                let mut nodes: Vec<u32> = nodes.iter().map(|node| node.index() as u32).collect();
                nodes.sort_unstable();
                nodes
            })
            .collect();
        let found = components(&graph);
        let all: BTreeSet<Vec<u32>> =
            found.iter().map(|nodes| nodes.iter().map(|node| node.place()).collect()).collect();
        prop_assert_eq!(found.len(), all.len());
        prop_assert_eq!(all, expected);
    }
}

#[test]
fn a_circle_and_a_node_that_holds_itself_are_components() {
    let graph =
        Graph::from_notation("root -> a -> b -> c -> a; c -> own -> own; c -> leaf").unwrap();
    let found = components(&graph);
    let mut sizes: Vec<usize> = found.iter().map(<[_]>::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 3]);
    assert!(found.iter().any(|nodes| nodes == [graph.named("own")]));
}
