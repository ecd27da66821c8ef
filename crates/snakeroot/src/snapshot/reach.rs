//! What the GC roots reach: told once, when a snapshot is made.
//!
//! Forwards over strong references, first from the roots that have a name, then
//! from those held from C. What neither reaches is garbage. No recursion: a
//! linked list of ten million objects is an ordinary heap.

use std::sync::atomic::{AtomicU8, Ordering};

use rayon::prelude::*;

use super::{Flags, RootKind, SnapshotParts};
use crate::id::{LabelId, NodeId};

/// Fewer nodes than this at the edge of the search are gone through on one core.
const FEW_NODES: usize = 1 << 13;
/// Nodes that one core takes at a time.
const CHUNK: usize = 1 << 11;
/// Pieces that the edge of the search is cut into.
const PIECES: usize = 8;
/// Room that a piece's result has at least, in nodes: enough that the memory
/// comes straight from the system and goes straight back.
const LEAST_ROOM: usize = 1 << 16;
/// Labels that are looked through at once, and how many times that one core
/// takes at a time.
const LABELS_A_GROUP: usize = 1 << 8;
const GROUPS_A_PIECE: usize = 1 << 8;

impl SnapshotParts {
    /// Flags the objects that no root reaches as garbage, and counts them and
    /// those that only roots held from C reach into [`SnapshotParts::info`].
    ///
    /// Weak references are not followed.
    ///
    /// # Panics
    ///
    /// When the columns are no graph: [`super::Snapshot::new`] would refuse them.
    ///
    /// # Complexity
    ///
    /// O(V + E) time, a byte a node and 4 bytes a node at the edge of the search. Parallel where many nodes are at the edge at once.
    pub fn mark_garbage(&mut self) {
        let search = Search::new(self);
        let roots = |from_c: bool| {
            let wanted = self
                .roots
                .iter()
                .filter(move |(_, root)| (root.kind == RootKind::HeldFromC) == from_c);
            wanted.map(|&(node, _)| node)
        };
        search.go(roots(false));
        let named = search.reached_objects();
        search.go(roots(true));
        let all = search.reached_objects();
        let objects = search.objects as u64;
        let Search { reached, .. } = search;
        let flags = self.flags.par_iter_mut().with_min_len(CHUNK);
        flags.zip(reached).for_each(|(flags, reached)| {
            if reached.into_inner() == 0 && !flags.contains(Flags::SYNTHETIC) {
                *flags |= Flags::GARBAGE;
            }
        });
        self.info.held_from_c = Some(all - named);
        self.info.garbage = Some(objects - all);
    }
}

/// A search under way.
struct Search<'a> {
    starts: &'a [u64],
    targets: &'a [NodeId],
    labels: &'a [LabelId],
    /// Labels of weak references.
    weak: Vec<LabelId>,
    /// Nodes that have such an edge.
    weak_referrers: Vec<u64>,
    /// A byte a node: cores that meet a node at once may both go on from it,
    /// which does no harm and spares all of them a locked write.
    reached: Vec<AtomicU8>,
    /// Nodes before the first synthetic one.
    objects: usize,
}

impl<'a> Search<'a> {
    fn new(parts: &'a SnapshotParts) -> Self {
        let count = parts.flags.len();
        let entries = (0..parts.label_table.len() as u32).map(LabelId::entry);
        let weak: Vec<LabelId> =
            entries.filter(|&label| !parts.label_table.kind(label).is_strong()).collect();
        let mut weak_referrers = vec![0_u64; count.div_ceil(64)];
        if !weak.is_empty() {
            // Nearly all groups of labels have none, which takes one comparison
            // of many at a time to see.
            let is_any_weak = |labels: &[LabelId]| {
                let any = |weak| labels.iter().fold(false, |any, label| any | (label == weak));
                weak.iter().any(any)
            };
            let groups = parts.labels.par_chunks(LABELS_A_GROUP).with_min_len(GROUPS_A_PIECE);
            let groups = groups.enumerate().filter(|(_, labels)| is_any_weak(labels));
            let edges = groups.flat_map_iter(|(group, labels)| {
                let found = labels.iter().enumerate().filter(|(_, label)| weak.contains(label));
                found.map(move |(at, _)| group * LABELS_A_GROUP + at)
            });
            let edges: Vec<usize> = edges.collect();
            for edge in edges {
                let node = parts.starts.partition_point(|&start| start <= edge as u64) - 1;
                weak_referrers[node / 64] |= 1 << (node % 64);
            }
        }
        Self {
            starts: &parts.starts,
            targets: &parts.targets,
            labels: &parts.labels,
            weak,
            weak_referrers,
            reached: (0..count).map(|_| AtomicU8::new(0)).collect(),
            objects: parts.flags.partition_point(|flags| !flags.contains(Flags::SYNTHETIC)),
        }
    }

    /// Reaches a node; whether it was not reached before.
    #[inline]
    fn reach(&self, node: NodeId) -> bool {
        let reached = &self.reached[node.index()];
        let is_new = reached.load(Ordering::Relaxed) == 0;
        if is_new {
            reached.store(1, Ordering::Relaxed);
        }
        is_new
    }

    /// Appends the nodes that a node leads to and that were not reached before.
    #[inline]
    fn expand(&self, node: NodeId, next: &mut Vec<NodeId>) {
        let at = node.index();
        let (from, to) = (self.starts[at] as usize, self.starts[at + 1] as usize);
        let has_weak = self.weak_referrers[at / 64] >> (at % 64) & 1 != 0;
        for edge in from..to {
            if has_weak && self.weak.contains(&self.labels[edge]) {
                continue;
            }
            let target = self.targets[edge];
            if self.reach(target) {
                next.push(target);
            }
        }
    }

    /// Reaches all that some nodes lead to, and those nodes.
    fn go(&self, from: impl Iterator<Item = NodeId>) {
        let mut edge: Vec<Vec<NodeId>> = vec![from.filter(|&node| self.reach(node)).collect()];
        loop {
            let length: usize = edge.iter().map(Vec::len).sum();
            if length == 0 {
                return;
            }
            if length < FEW_NODES {
                // A stack: goes deep first, so that a long list needs one place.
                let mut stack = edge.concat();
                while let Some(node) = stack.pop() {
                    self.expand(node, &mut stack);
                    if stack.len() >= 2 * FEW_NODES {
                        break;
                    }
                }
                edge = vec![stack];
            } else {
                // A few large pieces: memory for many small ones would stay
                // with the threads that asked for it.
                let piece = length.div_ceil(PIECES).max(CHUNK);
                let pieces = edge.par_iter().flat_map(|nodes| nodes.par_chunks(piece));
                let pieces = pieces.map(|nodes| {
                    let mut next = Vec::with_capacity((2 * nodes.len()).max(LEAST_ROOM));
                    nodes.iter().for_each(|&node| self.expand(node, &mut next));
                    next
                });
                edge = pieces.collect();
            }
        }
    }

    fn reached_objects(&self) -> u64 {
        let objects = self.reached[..self.objects].par_iter().with_min_len(CHUNK);
        objects.map(|reached| u64::from(reached.load(Ordering::Relaxed))).sum()
    }
}
