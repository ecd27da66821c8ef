//! What changed between heaps, as tables.

use std::collections::HashMap;

use super::Cells;
use super::describe::{describe, shortened};
use super::draw::{DrawOptions, chains_drawing};
use super::drawing::Drawing;
use super::text::{grouped, human_size};
use super::top::{held_by, holder_of};
use crate::analysis::diff::{Change, Diff, Group, Grown, Holder, KeptRow, Partners};
use crate::analysis::{Chain, Direction, DominatorTree, why};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::Snapshot;

/// Dominators shown above a node at most: the upper ones, then those next to it.
const UPPER_STEPS: usize = 4;
const NEAR_STEPS: usize = 8;

/// A number with its sign: `+1,234`, `−3`, `0`.
pub fn signed(number: i64) -> String {
    format!("{}{}", sign(number), grouped(number.unsigned_abs()))
}

/// A size with its sign: `+1.2 MiB`, `−16 B`, `0 B`.
pub fn signed_size(bytes: i64) -> String {
    format!("{}{}", sign(bytes), human_size(bytes.unsigned_abs()))
}

fn sign(number: i64) -> &'static str {
    match number {
        ..0 => "−",
        0 => "",
        1.. => "+",
    }
}

/// What the reader must know before the numbers, a sentence each.
pub fn diff_notices(diff: &Diff, old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let mut notices: Vec<String> = diff.apart().map(ToString::to_string).into_iter().collect();
    let (before, after) = (old.info().started_ms, new.info().started_ms);
    if before > after && after > 0 {
        notices.push("the old heap was recorded after the new one".into());
    }
    notices
}

/// A difference in one sentence: objects and bytes, and how many came and went.
pub fn diff_summary(diff: &Diff) -> String {
    let total = diff.total();
    let (count, size) = (signed(total.count_delta()), signed_size(total.size_delta()));
    let objects = format!("{} objects ({count})", grouped(total.after.count));
    let bytes = format!("{} ({size})", human_size(total.after.size));
    match total.turnover.zip(total.survived()) {
        Some((turnover, (survived, _))) => format!(
            "{objects}, {bytes}: {} new, {} gone, {} survived",
            grouped(turnover.new.count),
            grouped(turnover.gone.count),
            grouped(survived.count)
        ),
        None => format!("{objects}, {bytes}"),
    }
}

/// Rows of a difference as a table: what there is, and by how much that changed.
///
/// After `limit` rows comes how many more there are; the last line has the totals. The columns of what came and went,
/// and of what is retained, are there where the rows know it.
pub fn diff_table(diff: &Diff, rows: &[Change], group: Group, limit: usize) -> Cells {
    let total = diff.total();
    let has_turnover = total.turnover.is_some();
    let has_retained = rows.iter().any(|row| row.retained.is_some());
    let mut header = vec![word(group), "count", "change"];
    if has_turnover {
        header.extend(["new", "gone"]);
    }
    header.extend(["size", "change"]);
    if has_retained {
        header.extend(["retained", "change"]);
    }
    let line = |name: String, row: &Change| {
        let mut cells = vec![name, grouped(row.after.count), signed(row.count_delta())];
        if let Some(turnover) = row.turnover {
            cells.extend([grouped(turnover.new.count), grouped(turnover.gone.count)]);
        }
        cells.extend([human_size(row.after.size), signed_size(row.size_delta())]);
        if has_retained {
            let change = row.retained_delta().map(signed_size);
            let after = row.retained.map(|retained| human_size(retained.after));
            cells.extend([after.unwrap_or_default(), change.unwrap_or_default()]);
        }
        cells
    };
    let shown = &rows[..rows.len().min(limit)];
    let mut lines: Vec<Vec<String>> =
        shown.iter().map(|row| line(group_name(&row.name, group), row)).collect();
    let hidden = &rows[shown.len()..];
    if !hidden.is_empty() {
        let more = if hidden.len() == 1 { "row" } else { "rows" };
        let name = format!("({} more {more})", grouped(hidden.len() as u64));
        lines.push(line(name, &Change::sum(hidden)));
    }
    lines.push(line("total".into(), &total));
    Cells { header, rows: lines }
}

/// What a group is called.
fn word(group: Group) -> &'static str {
    match group {
        Group::Type => "type",
        Group::Module => "module",
    }
}

/// A group's name as a table shows it: builtins without their module.
pub fn group_name(name: &str, group: Group) -> String {
    match group {
        Group::Type => shortened(name.strip_prefix("builtins.").unwrap_or(name)),
        Group::Module if name.is_empty() => "(none)".into(),
        Group::Module => shortened(name),
    }
}

/// What grew most as a drawing: a chain from a GC root down to each of these nodes of the new heap, with by how
/// much what it retains grew. Those that grew by less than a hundredth of what the first one did are left out.
pub fn growth_drawing(graph: &Graph, rows: &[Grown]) -> Drawing {
    let least = rows.first().map_or(0, |row| row.growth() / 100);
    let rows = &rows[..rows.partition_point(|row| row.growth() >= least)];
    let alone = |node| Chain { nodes: vec![node], labels: Vec::new() };
    let chain = |row: &Grown| why(graph, row.node, 1).pop().unwrap_or_else(|| alone(row.node));
    let chains: Vec<Chain> = rows.iter().map(chain).collect();
    let growth = |node| {
        let row = rows.iter().find(|row| row.node == node)?;
        Some(format!("{}, retains {}", signed_size(row.growth()), human_size(row.after)))
    };
    let options = DrawOptions { extra: Some(&growth), ..DrawOptions::default() };
    chains_drawing(graph, &chains, Direction::Referrers, &options)
}

/// Where growth accumulates, as a table: each object below what dominates it, with what each
/// retained in the old heap and retains in the new one. Those at the ends of the branches have in the last
/// column how many of the objects that they dominate immediately are new.
pub fn growth_table(
    graph: &Graph,
    tree: &DominatorTree,
    old: &DominatorTree,
    partners: &Partners,
    grown: &[Grown],
) -> Cells {
    let ends: HashMap<NodeId, &Grown> = grown.iter().map(|grown| (grown.node, grown)).collect();
    let rows = in_branches(tree, grown).into_iter().map(|branch| {
        let Branch { node, depth, above, left_out } = branch;
        let step = match above {
            None => holder_of(graph, node),
            Some(_) if left_out > 0 => format!("({} more) → ", grouped(left_out)),
            Some(above) => held_by(graph, above, node),
        };
        let before = partners.of(node).map(|node| old.retained_size(node));
        let after = tree.retained_size(node);
        let delta = i128::from(after) - i128::from(before.unwrap_or(0));
        vec![
            format!("{}{step}{}", "  ".repeat(depth), describe(graph, node)),
            before.map_or("new".into(), human_size),
            human_size(after),
            signed_size(i64::try_from(delta).unwrap_or(i64::MAX)),
            ends.get(&node).map_or(String::new(), |end| grouped(end.new_below)),
        ]
    });
    Cells {
        header: vec!["object", "retained before", "retained", "change", "new below"],
        rows: rows.collect(),
    }
}

/// A node in a table of branches of the dominator tree.
pub(super) struct Branch {
    pub(super) node: NodeId,
    /// How many shown nodes stand above it.
    pub(super) depth: usize,
    /// The nearest of those.
    pub(super) above: Option<NodeId>,
    /// Dominators between the two that are not shown.
    pub(super) left_out: u64,
}

/// The dominators of a node that are shown, and the node: from the top down, each
/// with how many above it are left out.
pub(super) fn branch_to(tree: &DominatorTree, node: NodeId) -> Vec<(NodeId, u64)> {
    let length = tree.path(node).count() + 1;
    let nodes = std::iter::once(node).chain(tree.path(node)).enumerate();
    let left_out = length.saturating_sub(UPPER_STEPS + NEAR_STEPS) as u64;
    let shown = nodes.filter(|(at, _)| *at < NEAR_STEPS || at + UPPER_STEPS >= length);
    let mut branch: Vec<(NodeId, u64)> =
        shown.map(|(at, node)| (node, if at + 1 == NEAR_STEPS { left_out } else { 0 })).collect();
    branch.reverse();
    branch
}

/// The branches from the top of the tree to the ends of growth, each node once: the branch that
/// grew most first.
fn in_branches(tree: &DominatorTree, grown: &[Grown]) -> Vec<Branch> {
    let mut below: HashMap<Option<NodeId>, Vec<(NodeId, u64)>> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for grown in grown {
        let mut above = None;
        for (node, left_out) in branch_to(tree, grown.node) {
            if seen.insert(node) {
                below.entry(above).or_default().push((node, left_out));
            }
            above = Some(node);
        }
    }
    let mut rows = Vec::new();
    let tops = below.get(&None).into_iter().flatten().rev();
    let mut stack: Vec<Branch> =
        tops.map(|&(node, left_out)| Branch { node, depth: 0, above: None, left_out }).collect();
    while let Some(branch) = stack.pop() {
        let next = below.get(&Some(branch.node)).into_iter().flatten().rev();
        stack.extend(next.map(|&(node, left_out)| Branch {
            node,
            depth: branch.depth + 1,
            above: Some(branch.node),
            left_out,
        }));
        rows.push(branch);
    }
    rows
}

/// What was kept, as a table: type or module, count, size, retained size.
pub fn kept_table(rows: &[KeptRow], group: Group, limit: usize) -> Cells {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for row in rows.iter().take(limit) {
        lines.push(vec![
            group_name(&row.name, group),
            grouped(row.count),
            human_size(row.size),
            human_size(row.retained),
        ]);
    }
    let sums = |rows: &[KeptRow]| {
        rows.iter().fold((0, 0_u64), |sum, row| (sum.0 + row.count, sum.1.saturating_add(row.size)))
    };
    let mut sum = |name: String, (count, size): (u64, u64)| {
        lines.push(vec![name, grouped(count), human_size(size), String::new()]);
    };
    let hidden = &rows[rows.len().min(limit)..];
    if !hidden.is_empty() {
        let more = if hidden.len() == 1 { "row" } else { "rows" };
        sum(format!("({} more {more})", grouped(hidden.len() as u64)), sums(hidden));
    }
    sum("total".into(), sums(rows));
    Cells { header: vec![word(group), "count", "size", "retained"], rows: lines }
}

/// A node with the labels by which its dominators hold it, from the nearest one
/// that has a name: `module app .__dict__ → ["cache"] → dict 0x7f85a5338410`.
fn way_to(graph: &Graph, tree: &DominatorTree, node: NodeId) -> String {
    let is_named = |node| graph.snapshot().names().get(node).is_some();
    let mut way = vec![node];
    for above in tree.path(node).take(UPPER_STEPS) {
        if way.last().is_some_and(|&last| is_named(last)) {
            break;
        }
        way.push(above);
    }
    way.reverse();
    let first = holder_of(graph, way[0]);
    if way.len() == 1 {
        return first + &describe(graph, node);
    }
    // Held by a name, the first one needs no address of its own.
    let mut text = if first.is_empty() { describe(graph, way[0]) + " " } else { first };
    for pair in way.windows(2) {
        text.push_str(&held_by(graph, pair[0], pair[1]));
    }
    text + &describe(graph, node)
}

/// Who holds what was kept, as a table: each holder with the way to it down the dominator tree.
pub fn holders_table(
    graph: &Graph,
    tree: &DominatorTree,
    holders: &[Holder],
    limit: usize,
) -> Cells {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for holder in holders.iter().take(limit) {
        let what = match holder.node {
            None => "(no one object)".to_owned(),
            Some(node) => way_to(graph, tree, node),
        };
        lines.push(vec![what, grouped(holder.count), human_size(holder.retained)]);
    }
    let hidden = &holders[holders.len().min(limit)..];
    if !hidden.is_empty() {
        let more = if hidden.len() == 1 { "row" } else { "rows" };
        let count = hidden.iter().map(|holder| holder.count).sum();
        let retained = hidden.iter().fold(0_u64, |sum, each| sum.saturating_add(each.retained));
        lines.push(vec![
            format!("({} more {more})", grouped(hidden.len() as u64)),
            grouped(count),
            human_size(retained),
        ]);
    }
    Cells { header: vec!["held by", "count", "retained"], rows: lines }
}
