//! The graph as petgraph sees it, so that any petgraph algorithm runs on it.
//!
//! Strong edges only: weak references are shown, never followed by any
//! analysis, and an algorithm that is given a graph follows what it is given.
//! An edge's weight is its label, a node's weight its type.
//!
//! [`GetAdjacencyMatrix`](::petgraph::visit::GetAdjacencyMatrix) is left out: a
//! bit for each pair of nodes is no answer for a heap.

use std::slice;

use ::petgraph::visit::{
    Data, EdgeCount, EdgeIndexable, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges,
    IntoEdgesDirected, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers,
    IntoNodeReferences, NodeCompactIndexable, NodeCount, NodeIndexable, VisitMap, Visitable,
};
use ::petgraph::{Directed, Direction};

use super::{Edge, Graph, NodeSet, StrongReferents, StrongReferrers};
use crate::id::{LabelId, NodeId, TypeId};

/// An edge's place among all edges, the weak ones counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub u64);

/// A strong edge as petgraph's algorithms take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeReference {
    id: EdgeId,
    edge: Edge,
}

impl EdgeReference {
    /// The edge.
    pub fn edge(&self) -> Edge {
        self.edge
    }
}

impl EdgeRef for EdgeReference {
    type NodeId = NodeId;
    type EdgeId = EdgeId;
    type Weight = LabelId;

    fn source(&self) -> NodeId {
        self.edge.referrer
    }

    fn target(&self) -> NodeId {
        self.edge.referent
    }

    fn weight(&self) -> &LabelId {
        &self.edge.label
    }

    fn id(&self) -> EdgeId {
        self.id
    }
}

/// A node's neighbours over strong edges, in one direction.
#[derive(Clone, Debug)]
pub enum Neighbors<'a> {
    /// What the node holds.
    Referents(StrongReferents<'a>),
    /// What holds the node.
    Referrers(StrongReferrers<'a>),
}

impl Iterator for Neighbors<'_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        match self {
            Self::Referents(nodes) => nodes.next(),
            Self::Referrers(nodes) => nodes.next(),
        }
    }
}

/// Strong edges: of one row, of several rows, or all.
///
/// Edges that end at a node are found by reading the rows of all its referrers.
#[derive(Clone, Debug)]
pub struct Edges<'a> {
    graph: &'a Graph,
    /// The rows not yet begun, by their node.
    rows: EdgeRows<'a>,
    /// The node of the row being read.
    referrer: NodeId,
    /// What is left of that row, as places in all edges.
    row: std::ops::Range<usize>,
    /// Where only edges that end here are wanted.
    referent: Option<NodeId>,
}

#[derive(Clone, Debug)]
enum EdgeRows<'a> {
    /// Every row from here on.
    From(u32),
    /// These, ascending; a row may be named several times and is read once.
    Of(slice::Iter<'a, NodeId>),
}

impl<'a> Edges<'a> {
    fn new(graph: &'a Graph, rows: EdgeRows<'a>, referent: Option<NodeId>) -> Self {
        Self { graph, rows, referrer: NodeId::new(0), row: 0..0, referent }
    }

    fn next_row(&mut self) -> Option<()> {
        let referrer = match &mut self.rows {
            EdgeRows::From(place) => {
                let referrer = *place;
                if referrer as usize >= self.graph.node_count() {
                    return None;
                }
                *place += 1;
                NodeId::new(referrer)
            }
            EdgeRows::Of(nodes) => {
                let &referrer = nodes.next()?;
                while nodes.as_slice().first() == Some(&referrer) {
                    nodes.next();
                }
                referrer
            }
        };
        self.referrer = referrer;
        self.row = self.graph.snapshot.referents().range(referrer);
        Some(())
    }
}

impl Iterator for Edges<'_> {
    type Item = EdgeReference;

    fn next(&mut self) -> Option<EdgeReference> {
        loop {
            let Some(place) = self.row.next() else {
                self.next_row()?;
                continue;
            };
            let referent = self.graph.snapshot.referents().targets()[place];
            if self.referent.is_some_and(|wanted| wanted != referent) {
                continue;
            }
            let label = self.graph.snapshot.labels()[place];
            if self.graph.is_strong(label) {
                let edge = Edge { referrer: self.referrer, referent, label };
                return Some(EdgeReference { id: EdgeId(place as u64), edge });
            }
        }
    }
}

impl GraphBase for Graph {
    type EdgeId = EdgeId;
    type NodeId = NodeId;
}

impl Data for Graph {
    type NodeWeight = TypeId;
    type EdgeWeight = LabelId;
}

impl GraphProp for Graph {
    type EdgeType = Directed;
}

impl NodeCount for Graph {
    fn node_count(&self) -> usize {
        self.node_count()
    }
}

/// Strong edges only, unlike [`Graph::edge_count`].
impl EdgeCount for Graph {
    fn edge_count(&self) -> usize {
        (self.edge_count() - self.weak_edge_count()) as usize
    }
}

impl NodeIndexable for Graph {
    fn node_bound(&self) -> usize {
        self.node_count()
    }

    fn to_index(&self, node: NodeId) -> usize {
        node.index()
    }

    fn from_index(&self, index: usize) -> NodeId {
        NodeId::from_index(index)
    }
}

impl NodeCompactIndexable for Graph {}

/// The places of weak edges are holes.
impl EdgeIndexable for Graph {
    fn edge_bound(&self) -> usize {
        self.edge_count() as usize
    }

    fn to_index(&self, edge: EdgeId) -> usize {
        edge.0 as usize
    }

    fn from_index(&self, index: usize) -> EdgeId {
        EdgeId(index as u64)
    }
}

impl<'a> IntoNeighbors for &'a Graph {
    type Neighbors = StrongReferents<'a>;

    fn neighbors(self, node: NodeId) -> StrongReferents<'a> {
        self.strong_referents(node)
    }
}

impl<'a> IntoNeighborsDirected for &'a Graph {
    type NeighborsDirected = Neighbors<'a>;

    fn neighbors_directed(self, node: NodeId, direction: Direction) -> Neighbors<'a> {
        match direction {
            Direction::Outgoing => Neighbors::Referents(self.strong_referents(node)),
            Direction::Incoming => Neighbors::Referrers(self.strong_referrers(node)),
        }
    }
}

impl IntoNodeIdentifiers for &Graph {
    type NodeIdentifiers = std::iter::Map<std::ops::Range<u32>, fn(u32) -> NodeId>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..self.node_count() as u32).map(NodeId::new)
    }
}

/// A node with its type, for [`IntoNodeReferences`].
#[derive(Clone, Debug)]
pub struct NodeReferences<'a>(std::iter::Enumerate<slice::Iter<'a, TypeId>>);

impl<'a> Iterator for NodeReferences<'a> {
    type Item = (NodeId, &'a TypeId);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(index, type_id)| (NodeId::from_index(index), type_id))
    }
}

impl<'a> IntoNodeReferences for &'a Graph {
    type NodeRef = (NodeId, &'a TypeId);
    type NodeReferences = NodeReferences<'a>;

    fn node_references(self) -> NodeReferences<'a> {
        NodeReferences(self.snapshot.type_ids().iter().enumerate())
    }
}

impl<'a> IntoEdgeReferences for &'a Graph {
    type EdgeRef = EdgeReference;
    type EdgeReferences = Edges<'a>;

    fn edge_references(self) -> Edges<'a> {
        Edges::new(self, EdgeRows::From(0), None)
    }
}

impl<'a> IntoEdges for &'a Graph {
    type Edges = Edges<'a>;

    fn edges(self, node: NodeId) -> Edges<'a> {
        self.edges_directed(node, Direction::Outgoing)
    }
}

impl<'a> IntoEdgesDirected for &'a Graph {
    type EdgesDirected = Edges<'a>;

    fn edges_directed(self, node: NodeId, direction: Direction) -> Edges<'a> {
        match direction {
            Direction::Outgoing => {
                let mut edges = Edges::new(self, EdgeRows::Of([].iter()), None);
                edges.referrer = node;
                edges.row = self.snapshot.referents().range(node);
                edges
            }
            Direction::Incoming => {
                Edges::new(self, EdgeRows::Of(self.referrers(node).iter()), Some(node))
            }
        }
    }
}

impl VisitMap<NodeId> for NodeSet {
    fn visit(&mut self, node: NodeId) -> bool {
        self.insert(node)
    }

    fn is_visited(&self, node: &NodeId) -> bool {
        self.contains(*node)
    }

    fn unvisit(&mut self, node: NodeId) -> bool {
        self.remove(node)
    }
}

impl Visitable for Graph {
    type Map = NodeSet;

    fn visit_map(&self) -> NodeSet {
        NodeSet::new(self.node_count())
    }

    fn reset_map(&self, map: &mut NodeSet) {
        map.reset(self.node_count());
    }
}
