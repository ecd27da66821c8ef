//! Some sets of nodes taken as one node each.

use crate::analysis::Components;
use crate::graph::Graph;
use crate::id::NodeId;

/// A graph in which some sets of nodes are one node each.
///
/// No node is taken away. Each edge that enters a set from elsewhere is led to the
/// set's first node instead; as the nodes of a set reach each other, that
/// node then dominates what the set as a whole does, and nothing else changes.
pub(super) struct Contraction<'a> {
    graph: &'a Graph,
    sets: &'a Components,
    /// By node: 0 where it is in no set, else one more than the set's place.
    set_of: Vec<u32>,
}

impl<'a> Contraction<'a> {
    /// Of sets that have no node in common, and each of which is strongly connected.
    pub(super) fn new(graph: &'a Graph, sets: &'a Components) -> Self {
        let mut set_of = vec![0; graph.node_count()];
        for (set, nodes) in (1..).zip(sets.iter()) {
            nodes.iter().for_each(|node| set_of[node.index()] = set);
        }
        Self { graph, sets, set_of }
    }

    /// Where an edge to a node leads, from a node or from outside of the heap.
    #[inline]
    pub(super) fn enter(&self, from: Option<NodeId>, node: NodeId) -> NodeId {
        let set = self.set_of[node.index()];
        if set == 0 || from.is_some_and(|from| self.set_of[from.index()] == set) {
            return node;
        }
        self.sets.component(set as usize - 1)[0]
    }

    /// Calls with each node from which a strong edge leads to a node.
    pub(super) fn for_each_referrer(&self, node: NodeId, see: &mut impl FnMut(NodeId)) {
        let set = self.set_of[node.index()];
        let referrers = self.graph.strong_referrers(node);
        if set == 0 {
            return referrers.for_each(see);
        }
        let is_inside = |referrer: &NodeId| self.set_of[referrer.index()] == set;
        referrers.filter(is_inside).for_each(&mut *see);
        let nodes = self.sets.component(set as usize - 1);
        if nodes[0] == node {
            for &each in nodes {
                let referrers = self.graph.strong_referrers(each);
                referrers.filter(|referrer| !is_inside(referrer)).for_each(&mut *see);
            }
        }
    }
}
