//! What can be derived from a snapshot: referrers and the look-up of addresses.
//!
//! Never saved: it is made anew from the snapshot, in parallel.

use std::sync::OnceLock;

use crate::id::{LabelId, NodeId, TypeId};
use crate::parallel;
use crate::snapshot::{Rows, Snapshot};

mod distance;
mod lineage;
mod notation;
mod petgraph;
mod reverse;
mod set;
mod weak;

pub(crate) use distance::{LATE_ROOT_COST, RootDistances};
pub use lineage::Lineage;
pub use notation::NotationError;
pub use petgraph::{EdgeId, EdgeReference, Edges, Neighbors, NodeReferences};
pub use set::NodeSet;
pub use weak::{StrongReferents, StrongReferrers};

/// A heap that can be asked: a snapshot and what is derived from it.
#[derive(Debug)]
pub struct Graph {
    snapshot: Snapshot,
    /// Row `n` holds the referrers of `n`, ascending, one entry an edge.
    referrers: Rows,
    weak: weak::WeakEdges,
    /// The object of each type in the table of types, ascending by node.
    type_objects: Box<[(NodeId, TypeId)]>,
    /// How far each node is from a GC root, once somebody asked.
    root_distances: OnceLock<RootDistances>,
}

/// One edge, seen from its referrer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The node that holds the reference.
    pub referrer: NodeId,
    /// The node that is referred to.
    pub referent: NodeId,
    /// By what it is held.
    pub label: LabelId,
}

impl Graph {
    /// Derives the referrers and finds the weak edges.
    ///
    /// # Complexity
    ///
    /// O(V + E) time on all cores; 8 bytes a node, 4 an edge and 8 a weak edge are kept.
    pub fn new(snapshot: Snapshot) -> Self {
        let (referrers, weak) = parallel::run(|| {
            rayon::join(
                || reverse::reverse(snapshot.referents()),
                || weak::WeakEdges::new(&snapshot),
            )
        });
        let types = snapshot.types().iter().zip(0..);
        let mut type_objects: Box<[_]> =
            types.filter_map(|(entry, id)| Some((entry.node?, TypeId(id)))).collect();
        type_objects.sort_unstable();
        Self { snapshot, referrers, weak, type_objects, root_distances: OnceLock::new() }
    }

    /// What was recorded.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many nodes there are: objects and synthetic ones.
    pub fn node_count(&self) -> usize {
        self.snapshot.node_count()
    }

    /// How many edges there are, the weak ones among them.
    pub fn edge_count(&self) -> u64 {
        self.snapshot.edge_count()
    }

    /// How many edges are weak.
    pub fn weak_edge_count(&self) -> u64 {
        self.weak.count() as u64
    }

    /// The object at `address`, if there was one. O(log n).
    pub fn at(&self, address: u64) -> Option<NodeId> {
        let objects = &self.snapshot.addresses()[..self.snapshot.object_count()];
        objects.binary_search(&address).ok().map(NodeId::from_index)
    }

    /// The type whose object `node` is, if some node has that type. O(log types).
    pub fn type_of_object(&self, node: NodeId) -> Option<TypeId> {
        let place = self.type_objects.partition_point(|&(object, _)| object < node);
        self.type_objects.get(place).filter(|&&(object, _)| object == node).map(|&(_, id)| id)
    }

    /// The first node with a name. O(names).
    pub fn find_name(&self, name: &str) -> Option<NodeId> {
        self.snapshot.names().iter().find(|&(_, text)| text == name).map(|(node, _)| node)
    }

    /// The node with a name, where a test knows that there is one.
    ///
    /// # Panics
    ///
    /// When no node has the name; [`Graph::find_name`] asks.
    #[track_caller]
    pub fn named(&self, name: &str) -> NodeId {
        match self.find_name(name) {
            Some(node) => node,
            None => panic!("no node is named {name:?}"),
        }
    }

    /// The nodes that `node` refers to, one entry an edge, in the order of traversal.
    ///
    /// Weak references are among them.
    #[inline]
    pub fn referents(&self, node: NodeId) -> &[NodeId] {
        self.snapshot.referents().row(node)
    }

    /// The nodes that refer to `node`, ascending, one entry an edge.
    ///
    /// Weak references are among them.
    #[inline]
    pub fn referrers(&self, node: NodeId) -> &[NodeId] {
        self.referrers.row(node)
    }

    /// The nodes that `node` keeps alive, one entry a strong edge, in the order of traversal.
    #[inline]
    pub fn strong_referents(&self, node: NodeId) -> StrongReferents<'_> {
        self.weak.strong_targets(node, &self.snapshot)
    }

    /// The nodes that keep `node` alive, ascending, one entry a strong edge.
    ///
    /// No referrer's row is read for it.
    #[inline]
    pub fn strong_referrers(&self, node: NodeId) -> StrongReferrers<'_> {
        self.weak.strong_only(node, self.referrers.row(node))
    }

    /// The edges that leave `node`, in the order of traversal.
    pub fn edges_from(&self, node: NodeId) -> impl DoubleEndedIterator<Item = Edge> + '_ {
        let range = self.snapshot.referents().range(node);
        let targets = &self.snapshot.referents().targets()[range.clone()];
        let labels = &self.snapshot.labels()[range];
        targets.iter().zip(labels).map(move |(&referent, &label)| Edge {
            referrer: node,
            referent,
            label,
        })
    }

    /// The edges that end at `node`, ascending by referrer.
    ///
    /// # Complexity
    ///
    /// O of the referents of all its referrers: a row of referrers has no
    /// labels of its own.
    pub fn edges_to(&self, node: NodeId) -> impl Iterator<Item = Edge> + '_ {
        let row = self.referrers(node);
        let mut last = None;
        row.iter().filter(move |&&referrer| last.replace(referrer) != Some(referrer)).flat_map(
            move |&referrer| self.edges_from(referrer).filter(move |edge| edge.referent == node),
        )
    }

    /// Whether an edge keeps its referent alive: weak references do not.
    #[inline]
    pub fn is_strong(&self, label: LabelId) -> bool {
        !self.weak.is_weak(label)
    }

    /// Whether some edge that leaves `node` is weak.
    #[inline]
    pub fn holds_some_weakly(&self, node: NodeId) -> bool {
        self.weak.some_from(node)
    }

    /// Whether the edge at place `at` of those that leave `node` is strong.
    ///
    /// # Panics
    ///
    /// When the heap has no edge there.
    #[inline]
    pub fn is_strong_edge(&self, node: NodeId, at: usize) -> bool {
        self.is_strong(self.snapshot.labels()[self.snapshot.referents().range(node).start + at])
    }

    /// Bytes that this graph and its snapshot hold.
    pub fn heap_bytes(&self) -> u64 {
        let distances = self.root_distances.get().map_or(0, RootDistances::heap_bytes);
        self.snapshot.heap_bytes()
            + self.referrers.heap_bytes()
            + self.weak.heap_bytes()
            + distances
    }
}
