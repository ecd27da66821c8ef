//! Which nodes and edges a path may take.

use std::collections::HashSet;

use crate::graph::{Edge, Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::LabelKind;

/// An edge by its ends; `None` is the root.
pub type Ends = (Option<NodeId>, NodeId);

/// What no path passes.
#[derive(Clone, Debug, Default)]
pub struct Avoid {
    /// Nodes, where there are some; a path begins and ends at none of them too.
    pub nodes: Option<NodeSet>,
    /// All edges between two nodes.
    pub edges: HashSet<Ends>,
}

/// What a path may take: all but what is avoided, and of some frames only their variables.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) avoid: Avoid,
    /// Ascending. The namespace of a frame's module and the places on its stack are left out: the first has its
    /// module, the others last as long as a call.
    frames: Vec<NodeId>,
}

impl Ways {
    pub(super) fn new(avoid: Avoid, frames: &[NodeId]) -> Self {
        Self { avoid, frames: frames.to_vec() }
    }

    pub(super) fn passes(&self, node: NodeId) -> bool {
        !self.avoid.nodes.as_ref().is_some_and(|nodes| nodes.contains(node))
    }

    /// Whether a path may begin with this edge of the root.
    pub(super) fn begins(&self, to: NodeId) -> bool {
        !self.avoids(None, to)
    }

    /// Whether a path may go from one node to another, if a strong edge does.
    pub(super) fn leads(&self, graph: &Graph, from: NodeId, to: NodeId) -> bool {
        let is_variable = |edge: Edge| edge.referent == to && is_followed(graph, &edge);
        !self.avoids(Some(from), to)
            && (!self.is_limited(from) || graph.edges_from(from).any(is_variable))
    }

    /// Whether a path may take this edge.
    pub(super) fn takes(&self, graph: &Graph, edge: &Edge) -> bool {
        graph.is_strong(edge.label)
            && !self.avoids(Some(edge.referrer), edge.referent)
            && (!self.is_limited(edge.referrer) || is_followed(graph, edge))
    }

    /// Calls with the end of each edge that a path may take from a node.
    pub(super) fn each_end(&self, graph: &Graph, from: NodeId, mut call: impl FnMut(NodeId)) {
        if self.is_limited(from) {
            let edges = graph.edges_from(from).filter(|edge| self.takes(graph, edge));
            edges.for_each(|edge| call(edge.referent));
        } else {
            let ends = graph.strong_referents(from).filter(|&to| !self.avoids(Some(from), to));
            ends.for_each(call);
        }
    }

    fn avoids(&self, from: Option<NodeId>, to: NodeId) -> bool {
        !self.avoid.edges.is_empty() && self.avoid.edges.contains(&(from, to))
    }

    fn is_limited(&self, node: NodeId) -> bool {
        !self.frames.is_empty() && self.frames.binary_search(&node).is_ok()
    }
}

/// Whether an edge that leaves a frame is a variable, or leads to the caller's frame.
fn is_followed(graph: &Graph, edge: &Edge) -> bool {
    let table = graph.snapshot().label_table();
    match table.kind(edge.label) {
        LabelKind::Local => true,
        LabelKind::Slot => table.text(edge.label) == "f_back",
        _ => false,
    }
}
