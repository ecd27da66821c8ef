//! Which edges are weak, so that no search follows one.
//!
//! A row of referrers holds nodes without labels. To learn from the labels
//! which of them hold weakly would be a scan of each referrer's row; the weak
//! edges are few, so they are kept a second time, by referent.

use std::slice;

use rayon::prelude::*;

use super::NodeSet;
use crate::id::{LabelId, NodeId};
use crate::snapshot::{LabelTable, Snapshot};

/// The weak edges of a graph.
#[derive(Debug)]
pub(super) struct WeakEdges {
    labels: WeakLabels,
    /// Each weak edge as (referent, referrer), ascending.
    edges: Box<[(NodeId, NodeId)]>,
    /// The nodes that some weak edge ends at.
    referents: NodeSet,
    /// The nodes that some weak edge leaves.
    referrers: NodeSet,
}

/// The entries of the label table that say "weak".
#[derive(Debug)]
enum WeakLabels {
    None,
    /// The usual case, one comparison an edge.
    One(LabelId),
    /// One bit for each entry of the table.
    Several(Box<[u64]>),
}

impl WeakLabels {
    fn new(table: &LabelTable) -> Self {
        let entries = (0..table.len() as u32).map(LabelId::entry);
        let mut weak = entries.filter(|&label| !table.kind(label).is_strong());
        match (weak.next(), weak.next()) {
            (None, _) => Self::None,
            (Some(only), None) => Self::One(only),
            (Some(first), Some(second)) => {
                let mut bits = vec![0_u64; table.len().div_ceil(64)];
                for label in [first, second].into_iter().chain(weak) {
                    let place = label.as_entry().expect("the label was made from an entry");
                    bits[place as usize / 64] |= 1 << (place % 64);
                }
                Self::Several(bits.into())
            }
        }
    }

    #[inline]
    fn contains(&self, label: LabelId) -> bool {
        match self {
            Self::None => false,
            Self::One(weak) => label == *weak,
            Self::Several(bits) => label
                .as_entry()
                .is_some_and(|place| bits[place as usize / 64] >> (place % 64) & 1 != 0),
        }
    }
}

impl WeakEdges {
    /// Finds the weak edges. O(E) time on all cores.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        const EDGES_A_PIECE: usize = 1 << 16;
        let labels = WeakLabels::new(snapshot.label_table());
        if matches!(labels, WeakLabels::None) {
            let (referents, referrers) = (NodeSet::default(), NodeSet::default());
            return Self { labels, edges: Box::default(), referents, referrers };
        }
        let rows = snapshot.referents();
        let pieces = snapshot.labels().par_chunks(EDGES_A_PIECE).enumerate();
        let mut edges: Vec<(NodeId, NodeId)> = pieces
            .flat_map_iter(|(piece, chunk)| {
                let weak = chunk.iter().enumerate().filter(|&(_, &label)| labels.contains(label));
                weak.map(move |(at, _)| {
                    let edge = piece * EDGES_A_PIECE + at;
                    (rows.targets()[edge], rows.row_of(edge))
                })
            })
            .collect();
        edges.par_sort_unstable();
        let mut referents = NodeSet::new(snapshot.node_count());
        let mut referrers = NodeSet::new(snapshot.node_count());
        for &(referent, referrer) in &edges {
            referents.insert(referent);
            referrers.insert(referrer);
        }
        Self { labels, edges: edges.into(), referents, referrers }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.edges.len()
    }

    /// Whether a label says that its edge is weak.
    #[inline]
    pub(super) fn is_weak(&self, label: LabelId) -> bool {
        self.labels.contains(label)
    }

    /// Whether some weak edge leaves a node.
    #[inline]
    pub(super) fn some_from(&self, node: NodeId) -> bool {
        self.referrers.contains(node)
    }

    /// The weak edges that end at a node, ascending by referrer.
    #[inline]
    fn to(&self, node: NodeId) -> &[(NodeId, NodeId)] {
        if !self.referents.contains(node) {
            return &[];
        }
        let from = self.edges.partition_point(|&(referent, _)| referent < node);
        let length = self.edges[from..].partition_point(|&(referent, _)| referent == node);
        &self.edges[from..from + length]
    }

    /// Of a node's referrers those that hold it, one entry a strong edge.
    #[inline]
    pub(super) fn strong_only<'a>(
        &'a self,
        node: NodeId,
        referrers: &'a [NodeId],
    ) -> StrongReferrers<'a> {
        StrongReferrers { row: referrers.iter(), weak: self.to(node) }
    }

    /// Of a node's referents those that it holds, one entry a strong edge.
    #[inline]
    pub(super) fn strong_targets<'a>(
        &'a self,
        node: NodeId,
        snapshot: &'a Snapshot,
    ) -> StrongReferents<'a> {
        let range = snapshot.referents().range(node);
        let labels: &[LabelId] = match self.referrers.contains(node) {
            true => &snapshot.labels()[range.clone()],
            false => &[],
        };
        let row = snapshot.referents().targets()[range].iter();
        StrongReferents { row, labels: labels.iter(), weak: self }
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> u64 {
        (self.edges.len() * 8) as u64 + self.referents.heap_bytes() + self.referrers.heap_bytes()
    }
}

/// The nodes that hold a node, ascending, one entry a strong edge.
#[derive(Clone, Debug)]
pub struct StrongReferrers<'a> {
    row: slice::Iter<'a, NodeId>,
    /// Weak edges to be left out of the rest of the row; both ascend.
    weak: &'a [(NodeId, NodeId)],
}

impl Iterator for StrongReferrers<'_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        loop {
            let &referrer = self.row.next()?;
            match self.weak.split_first() {
                Some((&(_, weak), others)) if weak == referrer => self.weak = others,
                _ => return Some(referrer),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.row.len() - self.weak.len();
        (left, Some(left))
    }
}

impl DoubleEndedIterator for StrongReferrers<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<NodeId> {
        loop {
            let &referrer = self.row.next_back()?;
            match self.weak.split_last() {
                Some((&(_, weak), others)) if weak == referrer => self.weak = others,
                _ => return Some(referrer),
            }
        }
    }
}

impl ExactSizeIterator for StrongReferrers<'_> {}

/// The nodes that a node holds, in the order of traversal, one entry a strong edge.
#[derive(Clone, Debug)]
pub struct StrongReferents<'a> {
    row: slice::Iter<'a, NodeId>,
    /// The labels of the rest of the row; none where all of them are strong, so
    /// that a search does not fetch them from memory.
    labels: slice::Iter<'a, LabelId>,
    weak: &'a WeakEdges,
}

impl Iterator for StrongReferents<'_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        loop {
            let &referent = self.row.next()?;
            match self.labels.next() {
                Some(&label) if self.weak.is_weak(label) => {}
                _ => return Some(referent),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.row.len()))
    }
}
