//! Shortest reference chains: from an object to the nearest one that is looked for.
//!
//! Breadth-first, forwards over referents or backwards over referrers. Weak
//! references are not edges, so no chain passes through one.

use std::convert::Infallible;

use petgraph::visit::IntoNeighborsDirected;

use crate::graph::{Graph, NodeSet};
use crate::id::{LabelId, NodeId};
use crate::snapshot::{LabelKind, LabelTable};

/// Levels of a search above this length are gone through in the order of the
/// nodes, which is that of memory: on 10 M nodes and 30 M edges, half of them to
/// anywhere, 0.6 s instead of 1.5 s.
pub(super) const LONG_LEVEL: usize = 4096;

/// Which way a search goes over the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a node to what it holds.
    Referents,
    /// From a node to what holds it.
    Referrers,
}

/// A path over strong edges, written from the holder down to the held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// At least one node; `nodes[i]` holds `nodes[i + 1]`.
    pub nodes: Vec<NodeId>,
    /// By what: `labels[i]` is the label of the edge from `nodes[i]` to `nodes[i + 1]`.
    pub labels: Vec<LabelId>,
}

impl Chain {
    /// The node that holds all the others.
    pub fn holder(&self) -> NodeId {
        self.nodes[0]
    }

    /// The node that all the others hold.
    pub fn held(&self) -> NodeId {
        self.nodes[self.nodes.len() - 1]
    }

    /// Labels the edges between nodes, each of which holds the next.
    pub(super) fn through(graph: &Graph, nodes: Vec<NodeId>) -> Self {
        let labels = nodes.windows(2).map(|pair| label_between(graph, pair[0], pair[1])).collect();
        Self { nodes, labels }
    }
}

/// The label of the first strong edge between two nodes; one that says more
/// than "is a key" where there is one.
///
/// # Complexity
///
/// O of the referrer's referents.
fn label_between(graph: &Graph, referrer: NodeId, referent: NodeId) -> LabelId {
    let table = graph.snapshot().label_table();
    let edges = graph.edges_from(referrer);
    let mut strong = edges.filter(|edge| edge.referent == referent && graph.is_strong(edge.label));
    let first = strong.next().map_or(LabelTable::UNNAMED, |edge| edge.label);
    if table.kind(first) != LabelKind::KeyObject {
        return first;
    }
    strong
        .map(|edge| edge.label)
        .find(|&label| table.kind(label) != LabelKind::KeyObject)
        .unwrap_or(first)
}

/// The shortest chain between `start` and the nearest node that `goal` accepts.
///
/// Forwards the chain runs from `start` down to the node found, backwards from
/// the node found down to `start`. `goal` is asked in breadth-first order, once
/// for each node, first for `start`. Nodes for which `skip` is true are neither
/// asked for nor passed through; `start` is never skipped. With a `max_depth`,
/// chains have at most that many edges.
///
/// ```
/// use snakeroot::Graph;
/// use snakeroot::analysis::{Direction, shortest_chain};
///
/// let graph = Graph::from_notation("root -> a -> b -> c; a -> c").unwrap();
/// let (root, c) = (graph.named("root"), graph.named("c"));
/// let chain = shortest_chain(&graph, c, Direction::Referrers, None, |_| false, |node| node == root);
/// assert_eq!(chain.unwrap().nodes, [root, graph.named("a"), c]);
/// ```
///
/// # Complexity
///
/// O(V + E) time, and sorting of long levels; 4 bytes a node and 8 a node of the widest level of
/// scratch. No recursion.
pub fn shortest_chain(
    graph: &Graph,
    start: NodeId,
    direction: Direction,
    max_depth: Option<u32>,
    skip: impl Fn(NodeId) -> bool,
    mut goal: impl FnMut(NodeId) -> bool,
) -> Option<Chain> {
    let goal = |node| Ok::<bool, Infallible>(goal(node));
    match try_shortest_chain(graph, start, direction, max_depth, skip, goal) {
        Ok(chain) => chain,
        Err(never) => match never {},
    }
}

/// As [`shortest_chain`], with a `goal` that may fail; its first error ends the search.
///
/// # Errors
///
/// What `goal` returns.
pub fn try_shortest_chain<E>(
    graph: &Graph,
    start: NodeId,
    direction: Direction,
    max_depth: Option<u32>,
    skip: impl Fn(NodeId) -> bool,
    mut goal: impl FnMut(NodeId) -> Result<bool, E>,
) -> Result<Option<Chain>, E> {
    if goal(start)? {
        return Ok(Some(Chain { nodes: vec![start], labels: Vec::new() }));
    }
    let towards = match direction {
        Direction::Referents => petgraph::Direction::Outgoing,
        Direction::Referrers => petgraph::Direction::Incoming,
    };
    // Most edges lead to nodes seen before: one bit, likely in the cache, says so.
    let mut seen = NodeSet::new(graph.node_count());
    seen.insert(start);
    // The place of the node from which each was reached. Zeroes are
    // untouched memory, so a short search in a large heap stays cheap.
    let mut came_from = vec![0_u32; graph.node_count()];
    let (mut level, mut next) = (vec![start], Vec::new());
    let mut depth = 0;
    while !level.is_empty() && max_depth.is_none_or(|max| depth < max) {
        for &node in &level {
            for neighbour in graph.neighbors_directed(node, towards) {
                if !seen.insert(neighbour) || skip(neighbour) {
                    continue;
                }
                came_from[neighbour.index()] = node.place();
                if goal(neighbour)? {
                    return Ok(Some(trace(graph, &came_from, neighbour, start, direction)));
                }
                next.push(neighbour);
            }
        }
        std::mem::swap(&mut level, &mut next);
        next.clear();
        if level.len() > LONG_LEVEL {
            level.sort_unstable();
        }
        depth += 1;
    }
    Ok(None)
}

/// The chain between the node found and the start.
fn trace(
    graph: &Graph,
    came_from: &[u32],
    found: NodeId,
    start: NodeId,
    direction: Direction,
) -> Chain {
    let mut nodes = vec![found];
    let mut node = found;
    while node != start {
        node = NodeId::new(came_from[node.index()]);
        nodes.push(node);
    }
    if direction == Direction::Referents {
        nodes.reverse();
    }
    Chain::through(graph, nodes)
}
