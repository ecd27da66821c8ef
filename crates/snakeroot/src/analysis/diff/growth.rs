//! Where what is retained grew: down the dominator tree to where it accumulates.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Partners;
use super::change::delta;
use crate::analysis::DominatorTree;
use crate::id::NodeId;

/// The part of a node's growth, in tenths, that those below it must carry for the search to go on to them.
const MOST_TENTHS: i128 = 7;
/// The part, in tenths, that each of several must carry.
const SOME_TENTHS: i128 = 1;

/// A node of the new heap that retains more than it did, and where that accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The node, in the new heap.
    pub node: NodeId,
    /// What it retained in the old heap, in bytes; `None` if it is new.
    pub before: Option<u64>,
    /// What it retains in the new heap, in bytes.
    pub after: u64,
    /// How many of the nodes that it dominates immediately are new.
    pub new_below: u64,
}

impl Grown {
    /// By how many bytes what it retains grew.
    pub fn growth(&self) -> i64 {
        delta(self.before.unwrap_or(0), self.after)
    }
}

/// Where the growth of what is retained accumulates: at most `limit` nodes, those that grew most first.
///
/// From each node at the top of the new heap's dominator tree that grew, and from each other one that grew
/// below nodes that were there before and did not grow in all, the
/// search goes down: to one immediately dominated node if that carries at least seven
/// tenths of the growth; else to all those that were there before and carry a
/// tenth or more each, if together they carry seven tenths. Where neither is
/// so, the growth accumulates: it is spread over many nodes, mostly new ones. A new node is not
/// gone into, since all of it is growth. Garbage is left out.
///
/// No node in the answer dominates another one. What one node came to retain because another let go of it
/// is growth too.
///
/// # Complexity
///
/// O(V + K log K) time for the K nodes that the search comes to; no recursion.
pub fn growth(
    partners: &Partners,
    old: &DominatorTree,
    new: &DominatorTree,
    limit: usize,
) -> Vec<Grown> {
    let search = Search { partners, old, new };
    let mut waiting = search.starts();
    let mut found = Vec::new();
    while found.len() < limit
        && let Some((_, Reverse(node))) = waiting.pop()
    {
        let below = search.carriers(node);
        if below.is_empty() {
            found.push(search.grown(node));
        }
        waiting.extend(below);
    }
    // Nodes below others that shrank may have grown by more than those above.
    found.sort_by_key(|grown| (Reverse(grown.growth()), grown.node));
    found
}

struct Search<'a> {
    partners: &'a Partners,
    old: &'a DominatorTree,
    new: &'a DominatorTree,
}

impl Search<'_> {
    fn growth(&self, node: NodeId) -> i64 {
        let before = self.partners.of(node).map_or(0, |old| self.old.retained_size(old));
        delta(before, self.new.retained_size(node))
    }

    /// The nodes that grew while none above them did.
    ///
    /// One cache may have shrunk by more than its neighbour grew, so those that
    /// did not grow in all are gone into. New nodes below them are not growth: they came for others that went.
    fn starts(&self) -> BinaryHeap<(i64, Reverse<NodeId>)> {
        let top = self.new.top_level().iter().copied();
        let mut stack: Vec<NodeId> = top.filter(|&node| !self.new.is_garbage(node)).collect();
        let mut starts = BinaryHeap::new();
        while let Some(node) = stack.pop() {
            match self.entry(node) {
                Some(entry) => starts.push(entry),
                None => stack.extend(
                    self.new
                        .dominated(node)
                        .iter()
                        .filter(|&&node| self.partners.of(node).is_some()),
                ),
            }
        }
        starts
    }

    /// A node that grew, as it waits for its turn.
    fn entry(&self, node: NodeId) -> Option<(i64, Reverse<NodeId>)> {
        let growth = self.growth(node);
        (growth > 0).then_some((growth, Reverse(node)))
    }

    /// Those below a node that carry its growth.
    fn carriers(&self, node: NodeId) -> Vec<(i64, Reverse<NodeId>)> {
        if self.partners.of(node).is_none() {
            return Vec::new();
        }
        let all = i128::from(self.growth(node));
        let carries = |growth: i128, tenths: i128| growth * 10 >= all * tenths;
        let below = self.new.dominated(node).iter().filter_map(|&node| self.entry(node));
        let some: Vec<_> =
            below.filter(|&(growth, _)| carries(growth.into(), SOME_TENTHS)).collect();
        let most = some.iter().max().filter(|most| carries(most.0.into(), MOST_TENTHS));
        if let Some(&most) = most {
            return vec![most];
        }
        let olds = some.into_iter().filter(|&(_, Reverse(node))| self.partners.of(node).is_some());
        let olds: Vec<_> = olds.collect();
        let together = olds.iter().map(|&(growth, _)| i128::from(growth)).sum();
        if carries(together, MOST_TENTHS) { olds } else { Vec::new() }
    }

    fn grown(&self, node: NodeId) -> Grown {
        let is_new = |node: &&NodeId| self.partners.of(**node).is_none();
        Grown {
            node,
            before: self.partners.of(node).map(|old| self.old.retained_size(old)),
            after: self.new.retained_size(node),
            new_below: self.new.dominated(node).iter().filter(is_new).count() as u64,
        }
    }
}
