//! From the GC roots to every node by the chain that explains most.
//!
//! The same costs as `why` has, searched the other way: once for many targets.

use crate::graph::{Graph, LATE_ROOT_COST, NodeSet};
use crate::id::{LabelId, NodeId};
use crate::snapshot::LabelTable;
use crate::watch::{Stopped, Watch};

use super::chain::LONG_LEVEL;
use super::noise::{LOOKER_COST, Noise};
use super::why::roots;

/// Costs at a time: one more than the most that a step adds.
const RING: usize = 1 + LOOKER_COST + 1;
const _: () = assert!(RING > LATE_ROOT_COST);

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 14;

/// What no chain leads to.
const UNREACHED: u32 = u32::MAX;

/// For each node the last step of a cheapest chain from a GC root.
pub(super) struct Paths {
    /// The place of the holder, and 1; 0 where the chain begins.
    holders: Vec<u32>,
    labels: Vec<LabelId>,
    costs: Vec<u32>,
}

impl Paths {
    /// Searches until all `wanted` nodes are reached, or all that can be.
    ///
    /// Nodes of `avoid` hold nothing.
    ///
    /// # Complexity
    ///
    /// O(V + E) time and sorting of long levels, sequential; 12 bytes a node.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the watch says so.
    pub(super) fn search(
        graph: &Graph,
        wanted: &NodeSet,
        avoid: &NodeSet,
        watch: &dyn Watch,
    ) -> Result<Self, Stopped> {
        let count = graph.node_count();
        let noise = Noise::new(graph);
        let mut paths = Self {
            holders: vec![0; count],
            labels: vec![LabelTable::UNNAMED; count],
            costs: vec![UNREACHED; count],
        };
        let mut ring = [const { Vec::new() }; RING];
        let mut waiting = 0;
        for root in roots(graph) {
            let late = graph.snapshot().root(root).is_some_and(|root| !root.kind.explains());
            let cost = if late { LATE_ROOT_COST } else { 0 };
            paths.costs[root.index()] = cost as u32;
            ring[cost].push(root);
            waiting += 1;
        }
        let mut left = wanted.count();
        let mut done = 0;
        let mut cost = 0_u32;
        while waiting > 0 && left > 0 {
            let mut level = std::mem::take(&mut ring[cost as usize % RING]);
            waiting -= level.len();
            if level.len() > LONG_LEVEL {
                level.sort_unstable();
            }
            for node in level {
                // Meanwhile a cheaper chain led there.
                if paths.costs[node.index()] != cost {
                    continue;
                }
                done += 1;
                if done % TICK == 0 {
                    watch.tick(done, count as u64)?;
                }
                left -= usize::from(wanted.contains(node));
                if avoid.contains(node) {
                    continue;
                }
                for edge in graph.edges_from(node) {
                    let at = edge.referent.index();
                    if paths.costs[at] <= cost + 1 || !graph.is_strong(edge.label) {
                        continue;
                    }
                    let noisy = noise.edge_cost(node, edge.referent, edge.label) as u32;
                    // Costs of chains longer than all memory are one.
                    let dear = (cost + 1).saturating_add(noisy).min(UNREACHED - 1);
                    if dear < paths.costs[at] {
                        paths.costs[at] = dear;
                        paths.holders[at] = node.place() + 1;
                        paths.labels[at] = edge.label;
                        ring[dear as usize % RING].push(edge.referent);
                        waiting += 1;
                    }
                }
            }
            cost += 1;
        }
        Ok(paths)
    }

    /// What a node's chain costs; `None` where none leads to it.
    pub(super) fn cost(&self, node: NodeId) -> Option<u32> {
        Some(self.costs[node.index()]).filter(|&cost| cost != UNREACHED)
    }

    /// The last step of a node's chain: who holds it there, by what. `None` where the
    /// chain begins, and where none leads.
    pub(super) fn step(&self, node: NodeId) -> Option<(NodeId, LabelId)> {
        let holder = self.holders[node.index()].checked_sub(1)?;
        Some((NodeId::new(holder), self.labels[node.index()]))
    }
}
