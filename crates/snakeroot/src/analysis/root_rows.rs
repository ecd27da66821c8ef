//! What each GC root retains, and each module.

use std::cmp::Reverse;

use super::DominatorTree;
use super::modules::Modules;
use super::why::{is_root, roots};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::Flags;

/// What a GC root or a module retains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootRow {
    /// The GC root, or the module object.
    pub node: NodeId,
    /// How many objects would be freed if it were, itself among them; threads and frames are no objects.
    pub count: u64,
    /// How many bytes that would be.
    pub retained: u64,
}

/// What each GC root retains, the largest first; equal ones in the order of the nodes.
///
/// What a root retains is what goes with it alone: what two roots reach is in
/// neither's row. A thread retains its frames and what only their local variables lead
/// to. To a module counts what its namespace, the dict of its globals, retains too, unless that is a GC
/// root itself: functions hold the namespace as well, so the module object seldom
/// dominates it. What only the two together retain is not counted.
///
/// # Complexity
///
/// O(V + R log R) time for R roots; 20 bytes a node of scratch.
pub fn root_rows(graph: &Graph, tree: &DominatorTree) -> Vec<RootRow> {
    let mut nodes: Vec<NodeId> = roots(graph).collect();
    nodes.sort_unstable();
    rows(graph, tree, &nodes, |dict| !is_root(graph, dict))
}

/// What each module object retains, in `sys.modules` or not, the largest first; equal ones in the order of the nodes.
///
/// As [`root_rows`], and the namespace counts in any case.
///
/// # Complexity
///
/// As [`root_rows`].
pub fn module_rows(graph: &Graph, tree: &DominatorTree) -> Vec<RootRow> {
    rows(graph, tree, Modules::new(graph).objects(), |_| true)
}

/// The rows of some nodes, which ascend; with the namespaces of which `counts` says so.
fn rows(
    graph: &Graph,
    tree: &DominatorTree,
    nodes: &[NodeId],
    counts: impl Fn(NodeId) -> bool,
) -> Vec<RootRow> {
    // By node: the place of its row, and 1.
    let mut row_of = vec![0_u32; graph.node_count()];
    for (node, place) in nodes.iter().zip(1..) {
        row_of[node.index()] = place;
    }
    for (dict, module) in Modules::new(graph).namespaces() {
        if row_of[dict.index()] == 0 && counts(dict) {
            row_of[dict.index()] = row_of[module.index()];
        }
    }
    let group_of = |node: NodeId| (row_of[node.index()] as usize).checked_sub(1);
    let retained = tree.retained_by_group(nodes.len(), group_of);
    let objects = tree.dominated_objects(graph.snapshot().all_flags());
    let counts = tree.sum_by_group(nodes.len(), group_of, |node| u64::from(objects[node.index()]));
    let mut rows: Vec<RootRow> = nodes
        .iter()
        .zip(retained)
        .zip(counts)
        .map(|((&node, retained), count)| RootRow { node, count, retained })
        .collect();
    rows.sort_by_key(|row| (Reverse(row.retained), row.node));
    rows
}

impl DominatorTree {
    /// By node: how many objects it dominates, itself among them.
    ///
    /// O(V) time; 8 bytes a node.
    fn dominated_objects(&self, flags: &[Flags]) -> Vec<u32> {
        let mut counts: Vec<u32> =
            flags.iter().map(|flags| u32::from(!flags.contains(Flags::SYNTHETIC))).collect();
        // Each node after its dominator.
        let mut order: Vec<NodeId> = self.top_level().to_vec();
        order.reserve_exact(counts.len() - order.len());
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            order.extend_from_slice(self.dominated(node));
            at += 1;
        }
        for &node in order.iter().rev() {
            if let Some(dominator) = self.immediate_dominator(node) {
                counts[dominator.index()] += counts[node.index()];
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dominators;

    #[test]
    fn a_root_retains_what_it_alone_leads_to_and_a_module_its_namespace_too() {
        // The namespace of one is held by a function of the other too.
        let graph = Graph::from_notation(
            "root1:10@module -[:__dict__]> ns1:20@dict -> a:30
             root2:10@module -[:__dict__]> ns2:20@dict -> f@function b:50
             f -[:__globals__]> ns1; ns1 -> both:1000; ns2 -> both
             main@thread -[frame 0]> call@frame -[local x]> own:7",
        )
        .unwrap();
        let tree = dominators(&graph);
        let named = |rows: Vec<RootRow>| -> Vec<(&str, u64, u64)> {
            let name = |node| graph.snapshot().names().get(node).unwrap();
            rows.iter().map(|row| (name(row.node), row.count, row.retained)).collect()
        };
        let modules = [("root2", 4, 96), ("root1", 3, 60)];
        assert_eq!(named(module_rows(&graph, &tree)), modules);
        assert_eq!(
            named(root_rows(&graph, &tree)),
            [("root2", 4, 96), ("root1", 3, 60), ("main", 1, 7)]
        );
    }
}
