//! The answer: who dominates whom.

use std::collections::BinaryHeap;
use std::sync::OnceLock;

use crate::graph::NodeSet;
use crate::id::NodeId;
use crate::snapshot::Snapshot;

/// Who dominates whom, and how much memory that is.
///
/// One tree for the whole heap, whose top stands for all GC roots together. What
/// no root reaches hangs from a top of its own, the garbage.
#[derive(Clone, Debug)]
pub struct DominatorTree {
    /// By node: its immediate dominator.
    dominators: Box<[Option<NodeId>]>,
    retained: Box<[u64]>,
    /// What no GC root reaches.
    garbage: NodeSet,
    live_bytes: u64,
    garbage_bytes: u64,
    /// Made when it is first asked for.
    dominated: OnceLock<Dominated>,
}

/// For each node the nodes that it dominates immediately, then those that no node does.
#[derive(Clone, Debug)]
struct Dominated {
    starts: Box<[u32]>,
    nodes: Box<[NodeId]>,
}

impl DominatorTree {
    pub(super) fn new(
        dominators: Box<[Option<NodeId>]>,
        retained: Box<[u64]>,
        garbage: NodeSet,
        live_bytes: u64,
        garbage_bytes: u64,
    ) -> Self {
        let dominated = OnceLock::new();
        Self { dominators, retained, garbage, live_bytes, garbage_bytes, dominated }
    }

    /// The one node that every path from a GC root passes last before this one.
    ///
    /// `None` where only the roots as a group dominate, for the roots themselves
    /// among others. What no root reaches is dominated by the one of its cycle,
    /// or chain of cycles, that has the lowest address.
    #[inline]
    pub fn immediate_dominator(&self, node: NodeId) -> Option<NodeId> {
        self.dominators[node.index()]
    }

    /// The immediate dominators of all nodes.
    pub fn immediate_dominators(&self) -> &[Option<NodeId>] {
        &self.dominators
    }

    /// A node's dominators, nearest first.
    pub fn path(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let up = |&node: &NodeId| self.immediate_dominator(node);
        std::iter::successors(self.immediate_dominator(node), up)
    }

    /// Bytes that would be freed if `node` were: its own shallow size and that of all it dominates.
    #[inline]
    pub fn retained_size(&self, node: NodeId) -> u64 {
        self.retained[node.index()]
    }

    /// The retained sizes of all nodes.
    pub fn retained_sizes(&self) -> &[u64] {
        &self.retained
    }

    /// Whether no GC root reaches a node.
    #[inline]
    pub fn is_garbage(&self, node: NodeId) -> bool {
        self.garbage.contains(node)
    }

    /// What no GC root reaches.
    pub fn garbage(&self) -> &NodeSet {
        &self.garbage
    }

    /// Shallow sizes of all that no GC root reaches.
    pub fn garbage_bytes(&self) -> u64 {
        self.garbage_bytes
    }

    /// Shallow sizes of all that the GC roots reach.
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// The nodes whose immediate dominator a node is, ascending.
    ///
    /// O(V) time the first time, and 8 bytes a node from then on.
    pub fn dominated(&self, node: NodeId) -> &[NodeId] {
        self.rows().row(node.index())
    }

    /// The nodes that no one node dominates, ascending: of those that a GC root
    /// reaches first, then of the garbage.
    ///
    /// As for [`DominatorTree::dominated`].
    pub fn top_level(&self) -> &[NodeId] {
        self.rows().row(self.dominators.len())
    }

    /// The nodes that retain most, at most `limit`, largest first.
    ///
    /// No node comes before its dominator, so they are the upper end of the tree.
    ///
    /// # Complexity
    ///
    /// O((K + D) log(K + D)) time for the K nodes of the top level and D that
    /// the answer dominates immediately.
    pub fn largest(&self, limit: usize) -> Vec<NodeId> {
        let entry = |&node: &NodeId| (self.retained_size(node), std::cmp::Reverse(node));
        let live = self.top_level().iter().filter(|&&node| !self.is_garbage(node));
        let mut waiting: BinaryHeap<_> = live.map(entry).collect();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some((_, std::cmp::Reverse(node))) = waiting.pop()
        {
            found.push(node);
            waiting.extend(self.dominated(node).iter().map(entry));
        }
        found
    }

    /// What each of some groups of nodes retains, where no byte counts twice for one group.
    ///
    /// `group_of` says in which group a node is. Of a group's nodes those count that no other node of the group
    /// dominates. What only several of a group's nodes together retain is not
    /// in it: [`retained_by`](crate::analysis::retained_by) has that too, for one set at a time.
    ///
    /// # Complexity
    ///
    /// O(V) time; 5 bytes a node of the widest part of the tree and 12 a group.
    pub fn retained_by_group(
        &self,
        groups: usize,
        group_of: impl Fn(NodeId) -> Option<usize>,
    ) -> Vec<u64> {
        self.sum_by_group(groups, group_of, |node| self.retained_size(node))
    }

    /// The sum of a number over those nodes of each group that no other of the group dominates.
    pub(in crate::analysis) fn sum_by_group(
        &self,
        groups: usize,
        group_of: impl Fn(NodeId) -> Option<usize>,
        number: impl Fn(NodeId) -> u64,
    ) -> Vec<u64> {
        let mut sums = vec![0_u64; groups];
        let mut above = vec![0_u32; groups];
        let top = self.top_level().iter();
        let mut stack: Vec<(NodeId, bool)> = top.rev().map(|&node| (node, false)).collect();
        while let Some((node, is_done)) = stack.pop() {
            let group = group_of(node);
            if is_done {
                if let Some(group) = group {
                    above[group] -= 1;
                }
                continue;
            }
            if let Some(group) = group {
                if above[group] == 0 {
                    sums[group] = sums[group].saturating_add(number(node));
                }
                above[group] += 1;
            }
            let dominated = self.dominated(node);
            if !dominated.is_empty() {
                stack.push((node, true));
                stack.extend(dominated.iter().rev().map(|&node| (node, false)));
            } else if let Some(group) = group {
                above[group] -= 1;
            }
        }
        sums
    }

    /// What the objects of each type retain, by type: see [`DominatorTree::retained_by_group`].
    pub fn retained_by_type(&self, snapshot: &Snapshot) -> Vec<u64> {
        self.retained_by_group(snapshot.types().len(), |node| {
            Some(snapshot.type_ids()[node.index()].index())
        })
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        let rows = self.dominated.get().map_or(0, |rows| rows.starts.len() + rows.nodes.len());
        self.dominators.len() as u64 * 12 + self.garbage.heap_bytes() + 4 * rows as u64
    }

    fn rows(&self) -> &Dominated {
        self.dominated.get_or_init(|| Dominated::new(&self.dominators, &self.garbage))
    }
}

impl Dominated {
    fn new(dominators: &[Option<NodeId>], garbage: &NodeSet) -> Self {
        let count = dominators.len();
        let row = |dominator: Option<NodeId>| dominator.map_or(count, NodeId::index);
        let mut starts = vec![0_u32; count + 2];
        for &dominator in dominators {
            starts[row(dominator) + 1] += 1;
        }
        for at in 0..=count {
            starts[at + 1] += starts[at];
        }
        let mut nodes = vec![NodeId::new(0); count];
        // Each row's start serves as the place of what comes next, and is put back.
        for (at, &dominator) in dominators.iter().enumerate() {
            let next = &mut starts[row(dominator)];
            nodes[*next as usize] = NodeId::from_index(at);
            *next += 1;
        }
        starts.copy_within(..=count, 1);
        starts[0] = 0;
        let top = starts[count] as usize;
        nodes[top..].sort_by_key(|&node| garbage.contains(node));
        Self { starts: starts.into(), nodes: nodes.into() }
    }

    fn row(&self, at: usize) -> &[NodeId] {
        &self.nodes[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}
