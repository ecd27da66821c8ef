//! What a small set retains, without looking at the whole heap.
//!
//! From the set forwards; of each object met it is asked backwards whether a GC root still reaches it
//! without the set. Most of what an object shares (classes, modules, constants) is a few
//! steps from a root. Where it is not, the whole heap is looked at after all.

use std::collections::VecDeque;

use crate::analysis::{is_root, retained_by};
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

/// Referrers of a node, from each end of its row, that the first search looks at: a class has
/// as many as it has instances.
const FEW: usize = 8;
/// Nodes that the first search looks at.
const FIRST_SEARCH: usize = 64;
/// Nodes between two looks at the watch.
const TICK: usize = 1 << 16;

/// What would be freed if all nodes of a set were; the same as [`retained_by`] gives.
///
/// # Complexity
///
/// O of what is freed, of what it refers to and of the ways from there to a root; O(V + E) at worst. A quarter of
/// a byte a node and more for what is met.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn dominated(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let budget = graph.node_count() / 4;
    match Near::new(graph, set, budget).freed(watch)? {
        Some(freed) => Ok(freed),
        None => retained_by(graph, set, watch),
    }
}

struct Near<'a> {
    graph: &'a Graph,
    set: &'a NodeSet,
    /// What a root reaches without the set.
    kept: NodeSet,
    /// What no root reaches without the set.
    lost: NodeSet,
    /// How many nodes may be looked at.
    left: usize,
    /// Of one search: what was met, and by which node below it.
    met: Vec<(NodeId, usize)>,
    seen: NodeSet,
}

impl<'a> Near<'a> {
    fn new(graph: &'a Graph, set: &'a NodeSet, left: usize) -> Self {
        let none = || NodeSet::new(graph.node_count());
        let (kept, lost, seen) = (none(), none(), none());
        Self { graph, set, kept, lost, left, met: Vec::new(), seen }
    }

    /// `None` where too much would have to be looked at.
    fn freed(mut self, watch: &dyn Watch) -> Result<Option<NodeSet>, Stopped> {
        let mut freed = self.set.clone();
        let mut stack: Vec<NodeId> = self.set.iter().collect();
        let mut looked = 0;
        while let Some(node) = stack.pop() {
            for next in self.graph.strong_referents(node) {
                looked += 1;
                if looked % TICK == 0 {
                    watch.tick(looked as u64, self.graph.edge_count())?;
                }
                if freed.contains(next) || self.kept.contains(next) {
                    continue;
                }
                let is_kept = match self.lost.contains(next) {
                    true => false,
                    false => match self.is_kept(next) {
                        Some(is_kept) => is_kept,
                        None => return Ok(None),
                    },
                };
                if !is_kept {
                    freed.insert(next);
                    stack.push(next);
                }
            }
        }
        Ok(Some(freed))
    }

    /// Whether a root reaches a node without the set; `None` where that is too far to tell.
    fn is_kept(&mut self, node: NodeId) -> Option<bool> {
        match self.search(node, true) {
            Some(true) => Some(true),
            // The first search has not looked everywhere.
            Some(false) | None => self.search(node, false),
        }
    }

    /// Looks backwards for a root, nearest first; with `few` at a few nodes and referrers only.
    fn search(&mut self, start: NodeId, few: bool) -> Option<bool> {
        self.met.iter().for_each(|&(node, _)| _ = self.seen.remove(node));
        self.met.clear();
        self.meet(start, 0);
        let mut open = VecDeque::from([0]);
        while let Some(at) = open.pop_front() {
            let node = self.met[at].0;
            if self.kept.contains(node) || is_root(self.graph, node) {
                self.keep(at);
                return Some(true);
            }
            if few && self.met.len() > FIRST_SEARCH {
                return None;
            }
            let before = self.met.len();
            if few {
                let row = self.graph.referrers(node);
                let ends = row.iter().take(FEW).chain(row.iter().rev().take(FEW));
                for &referrer in ends {
                    // A row has weak edges too.
                    if !self.graph.holds_some_weakly(referrer) {
                        self.meet(referrer, at);
                    }
                }
            } else {
                for referrer in self.graph.strong_referrers(node) {
                    self.meet(referrer, at);
                }
                self.left = self.left.checked_sub(self.met.len() - before)?;
            }
            open.extend(before..self.met.len());
        }
        if !few {
            self.met.iter().for_each(|&(node, _)| _ = self.lost.insert(node));
        }
        Some(false)
    }

    fn meet(&mut self, node: NodeId, from: usize) {
        let is_passed = !self.set.contains(node) && !self.lost.contains(node);
        if is_passed && self.seen.insert(node) {
            self.met.push((node, from));
        }
    }

    /// All that the root at the end of a search leads down to is kept.
    fn keep(&mut self, mut at: usize) {
        loop {
            let (node, below) = self.met[at];
            self.kept.insert(node);
            if at == 0 {
                return;
            }
            at = below;
        }
    }
}
