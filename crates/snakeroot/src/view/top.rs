//! The upper end of the dominator tree as a table.

use super::cells::Cells;
use super::describe::{describe, shortened};
use super::text::{grouped, human_size, per_cent};
use crate::analysis::{DominatorTree, why};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::Flags;

/// Steps that a row is moved to the right at most.
const MOST_STEPS: usize = 16;

/// How many of some nodes dominate each of them, one after the other.
///
/// Of nodes none of which comes before its dominator, as
/// [`DominatorTree::largest`] gives them.
fn depths(tree: &DominatorTree, nodes: &[NodeId]) -> Vec<usize> {
    let mut known = std::collections::HashMap::new();
    nodes
        .iter()
        .map(|&node| {
            let above = tree.immediate_dominator(node).and_then(|above| known.get(&above));
            let depth = above.map_or(0, |depth| depth + 1);
            known.insert(node, depth);
            depth
        })
        .collect()
}

/// Nodes in the order of the tree: each below its dominator, those of one
/// dominator as they come; each with how deep it stands.
pub(super) fn in_tree_order(tree: &DominatorTree, nodes: &[NodeId]) -> Vec<(NodeId, usize)> {
    let depths = depths(tree, nodes);
    let mut below: std::collections::HashMap<Option<NodeId>, Vec<usize>> = Default::default();
    for (at, &node) in nodes.iter().enumerate() {
        let above = tree.immediate_dominator(node).filter(|_| depths[at] > 0);
        below.entry(above).or_default().push(at);
    }
    let mut rows = Vec::with_capacity(nodes.len());
    let mut stack: Vec<usize> = below.get(&None).into_iter().flatten().rev().copied().collect();
    while let Some(at) = stack.pop() {
        rows.push((nodes[at], depths[at]));
        stack.extend(below.get(&Some(nodes[at])).into_iter().flatten().rev());
    }
    rows
}

/// By what a node without a name is held that no one node dominates, where that
/// is short: `module app .__dict__ → `.
pub(super) fn holder_of(graph: &Graph, node: NodeId) -> String {
    if graph.snapshot().names().get(node).is_some() || graph.snapshot().root(node).is_some() {
        return String::new();
    }
    let chains = why(graph, node, 1);
    match chains.first().map(|chain| (&*chain.nodes, &*chain.labels)) {
        Some((&[root, _], &[label])) => {
            let label = graph.snapshot().label_table().get(label).to_string();
            format!("{} {} → ", describe(graph, root), shortened(&label))
        }
        _ => String::new(),
    }
}

/// By what a dominator holds a node: `["key"] → `, or `… → ` where others stand between the two.
pub(super) fn held_by(graph: &Graph, dominator: NodeId, node: NodeId) -> String {
    let mut edges = graph.edges_from(dominator);
    let edge = edges.find(|edge| edge.referent == node && graph.is_strong(edge.label));
    edge.map_or_else(
        || "… → ".to_owned(),
        |edge| {
            let label = graph.snapshot().label_table().get(edge.label).to_string();
            format!("{} → ", shortened(&label))
        },
    )
}

/// What retains most, as a table: each object below its immediate dominator, with the label by which that
/// holds it, its retained size, the share of the heap, how many objects it
/// dominates immediately, and its own size.
///
/// The last line is the garbage, if there is some.
pub fn top_table(graph: &Graph, tree: &DominatorTree, nodes: &[NodeId]) -> Cells {
    let all = tree.live_bytes().saturating_add(tree.garbage_bytes());
    let mut rows = Vec::new();
    for (node, depth) in in_tree_order(tree, nodes) {
        let dominator = tree.immediate_dominator(node).filter(|_| depth > 0);
        let step = dominator
            .map_or_else(|| holder_of(graph, node), |dominator| held_by(graph, dominator, node));
        let own = match graph.snapshot().flags(node).contains(Flags::SYNTHETIC) {
            true => String::new(),
            false => human_size(graph.snapshot().size(node)),
        };
        rows.push([
            format!("{}{step}{}", "  ".repeat(depth.min(MOST_STEPS)), describe(graph, node)),
            human_size(tree.retained_size(node)),
            per_cent(tree.retained_size(node), all),
            grouped(tree.dominated(node).len() as u64),
            own,
        ]);
    }
    if tree.garbage_bytes() > 0 {
        rows.push([
            "(garbage: what no GC root reaches)".to_owned(),
            human_size(tree.garbage_bytes()),
            per_cent(tree.garbage_bytes(), all),
            String::new(),
            String::new(),
        ]);
    }
    Cells::new(["object", "retained", "% of heap", "dominates", "size"], rows)
}
