//! How far each node is from a GC root: what leads a search for one.

use std::sync::atomic::{AtomicU8, Ordering};

use rayon::prelude::*;

use super::{Graph, NodeSet};
use crate::id::NodeId;
use crate::parallel;
use crate::watch::{Stopped, Watch};

/// What a root that explains little costs more: a chain from a module may be this
/// many edges longer and still comes first.
pub(crate) const LATE_ROOT_COST: usize = 8;

/// Fewer nodes than this at one distance are gone through on one core.
const FEW_NODES: usize = 1 << 13;
/// Pieces that the nodes at one distance are cut into, and nodes that a piece has at least.
const PIECES: usize = 8;
const CHUNK: usize = 1 << 11;
/// Nodes between two looks at the watch.
const TICK: usize = 1 << 16;

/// What no root reaches.
const UNREACHED: u8 = u8::MAX;

/// For each node the least that a chain from a GC root down to it costs.
///
/// One for each strong edge, and [`LATE_ROOT_COST`] for a root that explains little. No
/// edge leads to a node that is more than 1 further away than its referrer.
#[derive(Debug)]
pub(crate) struct RootDistances {
    /// [`UNREACHED`], or at most [`RootDistances::FURTHEST`].
    distances: Box<[u8]>,
    late_roots: NodeSet,
}

impl RootDistances {
    /// What is further away, is told to be as far away as this.
    pub(crate) const FURTHEST: usize = UNREACHED as usize - 1;

    /// Forwards over the strong edges, breadth-first from all roots at once.
    ///
    /// # Complexity
    ///
    /// O(V + E) time, parallel where many nodes are equally far away; a byte a node is kept,
    /// and 4 a node at the widest distance are needed meanwhile. No recursion.
    fn search(graph: &Graph, watch: &dyn Watch) -> Result<Self, Stopped> {
        let distances = (0..graph.node_count()).map(|_| AtomicU8::new(UNREACHED)).collect();
        let wave = Wave { graph, distances };
        let mut late_roots = NodeSet::new(graph.node_count());
        let snapshot = graph.snapshot();
        let mut level: Vec<NodeId> = Vec::new();
        for &(node, ref root) in snapshot.roots() {
            match root.kind.explains() {
                true => level.extend(wave.reach(node, 0).then_some(node)),
                false => late_roots.extend([node]),
            }
        }
        let synthetic = (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index);
        let threads = synthetic.filter(|&node| graph.is_thread(node));
        level.extend(threads.filter(|&node| wave.reach(node, 0)));

        let mut distance = 0;
        let (mut done, mut next_look) = (0, TICK);
        while !level.is_empty() || distance <= LATE_ROOT_COST {
            if distance == LATE_ROOT_COST {
                level.extend(late_roots.iter().filter(|&node| wave.reach(node, distance as u8)));
            }
            done += level.len();
            if done >= next_look {
                next_look = done + TICK;
                let all = graph.node_count() as u64;
                watch.tick((done as u64).min(all), all)?;
            }
            distance += 1;
            level = wave.next(level, distance.min(Self::FURTHEST) as u8);
        }
        let distances = wave.distances.into_iter().map(AtomicU8::into_inner).collect();
        Ok(Self { distances, late_roots })
    }

    /// The least that a chain from a root down to a node costs; `None` where no root reaches.
    #[inline]
    pub(crate) fn get(&self, node: NodeId) -> Option<usize> {
        let distance = self.distances[node.index()];
        (distance != UNREACHED).then_some(usize::from(distance))
    }

    /// Whether a node is a root that explains by itself why it is alive.
    #[inline]
    pub(crate) fn is_good_root(&self, node: NodeId) -> bool {
        self.distances[node.index()] == 0
    }

    /// Whether a node is a root that explains little.
    #[inline]
    pub(crate) fn is_late_root(&self, node: NodeId) -> bool {
        self.late_roots.contains(node)
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.distances.len() as u64 + self.late_roots.heap_bytes()
    }
}

impl Graph {
    /// How far each node is from a GC root: searched when it is first asked for, and kept.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the watch says so; then nothing is kept.
    pub(crate) fn root_distances(&self, watch: &dyn Watch) -> Result<&RootDistances, Stopped> {
        if let Some(distances) = self.root_distances.get() {
            return Ok(distances);
        }
        // Two threads that ask at once both search, which is better than that one waits
        // for the other: it could be at work in the same pool.
        let distances = RootDistances::search(self, watch)?;
        Ok(self.root_distances.get_or_init(|| distances))
    }

    /// Whether a node is a thread: a root, though the snapshot need not say so.
    pub(crate) fn is_thread(&self, node: NodeId) -> bool {
        let entry = self.snapshot().type_of(node);
        entry.module.is_empty() && &*entry.qualname == "thread"
    }
}

/// A search under way, from one distance to the next.
struct Wave<'a> {
    graph: &'a Graph,
    /// A byte a node: cores that meet a node at once write the same, and both go on
    /// from it, which does no harm and spares all of them a locked write.
    distances: Vec<AtomicU8>,
}

impl Wave<'_> {
    /// Reaches a node; whether it was not reached before.
    #[inline]
    fn reach(&self, node: NodeId, distance: u8) -> bool {
        let known = &self.distances[node.index()];
        let is_new = known.load(Ordering::Relaxed) == UNREACHED;
        if is_new {
            known.store(distance, Ordering::Relaxed);
        }
        is_new
    }

    /// The nodes that are reached first from those of a level.
    fn next(&self, level: Vec<NodeId>, distance: u8) -> Vec<NodeId> {
        let expand = |nodes: &[NodeId]| {
            let mut next = Vec::new();
            for &node in nodes {
                let referents = self.graph.strong_referents(node);
                next.extend(referents.filter(|&referent| self.reach(referent, distance)));
            }
            next
        };
        if level.len() < FEW_NODES {
            return expand(&level);
        }
        let piece = level.len().div_ceil(PIECES).max(CHUNK);
        let pieces: Vec<Vec<NodeId>> =
            parallel::run(|| level.par_chunks(piece).map(expand).collect());
        // In the order of memory, which the next level goes through faster.
        pieces.concat()
    }
}
