//! What the GC roots reach: told once, when a snapshot is made.
//!
//! Forwards over strong references, first from the roots that have a name, then
//! from those held from C. What neither reaches is garbage. No recursion: a
//! linked list of ten million objects is an ordinary heap.

use std::sync::atomic::{AtomicU64, Ordering};

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
/// Labels that one core looks through at a time.
const LABELS_A_PIECE: usize = 1 << 16;

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
    /// O(V + E) time, an eighth of a byte a node and 4 bytes a node at the edge
    /// of the search. Parallel where many nodes are at the edge at once.
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
        self.flags.par_iter_mut().with_min_len(CHUNK).enumerate().for_each(|(at, flags)| {
            let word = reached[at / 64].load(Ordering::Relaxed);
            if word >> (at % 64) & 1 == 0 && !flags.contains(Flags::SYNTHETIC) {
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
    reached: Vec<AtomicU64>,
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
            let pieces = parts.labels.par_chunks(LABELS_A_PIECE).enumerate();
            let edges: Vec<usize> = pieces
                .flat_map_iter(|(piece, labels)| {
                    let found = labels.iter().enumerate().filter(|(_, label)| weak.contains(label));
                    found.map(move |(at, _)| piece * LABELS_A_PIECE + at)
                })
                .collect();
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
            reached: (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            objects: parts.flags.partition_point(|flags| !flags.contains(Flags::SYNTHETIC)),
        }
    }

    /// Reaches a node; whether it was not reached before.
    #[inline]
    fn reach(&self, node: NodeId) -> bool {
        let (word, bit) = (&self.reached[node.index() / 64], 1 << (node.index() % 64));
        // Most nodes are met again and again: to look costs less than to write.
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
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
        let mut edge: Vec<NodeId> = from.filter(|&node| self.reach(node)).collect();
        while !edge.is_empty() {
            if edge.len() < FEW_NODES {
                // A stack: goes deep first, so that a long list needs one place.
                while let Some(node) = edge.pop() {
                    self.expand(node, &mut edge);
                    if edge.len() >= 2 * FEW_NODES {
                        break;
                    }
                }
            } else {
                // A few large pieces: memory for many small ones would stay
                // with the threads that asked for it.
                let piece = edge.len().div_ceil(PIECES).max(CHUNK);
                let pieces = edge.par_chunks(piece).map(|nodes| {
                    let mut next = Vec::with_capacity((2 * nodes.len()).max(LEAST_ROOM));
                    nodes.iter().for_each(|&node| self.expand(node, &mut next));
                    next
                });
                let pieces: Vec<Vec<NodeId>> = pieces.collect();
                edge = pieces.concat();
            }
        }
    }

    fn reached_objects(&self) -> u64 {
        let whole = self.objects / 64;
        let count = |word: &AtomicU64| u64::from(word.load(Ordering::Relaxed).count_ones());
        let mut objects: u64 =
            self.reached[..whole].par_iter().with_min_len(CHUNK).map(count).sum();
        if !self.objects.is_multiple_of(64) {
            let word = self.reached[whole].load(Ordering::Relaxed);
            objects += u64::from((word & ((1 << (self.objects % 64)) - 1)).count_ones());
        }
        objects
    }
}
