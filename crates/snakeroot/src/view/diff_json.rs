//! Differences of heaps as JSON.

use serde_json::{Map, Value, json};

use super::diff::branch_to;
use super::json::node;
use crate::analysis::DominatorTree;
use crate::analysis::diff::{Amount, Change, Diff, Group, Grown, Holder, KeptRow, Partners};
use crate::graph::Graph;

/// `snakeroot.diff/1`: what changed between two heaps by type or by module.
///
/// `{"schema", "notices": [text], "total": change, "types": [change]}`, or `modules` for `types`: at most
/// `limit` rows. A change has `type` or `module` (the total has none), `before` and `after`, each `{"count", "size"}`,
/// `change` with the same numbers, which may be negative; `new` and `gone`, each `{"count", "size"}`, and `survived`,
/// `{"count", "size_before", "size_after"}`: these three are null where the heaps are of two
/// processes. `retained` is `{"before", "after", "change"}`, null where it was not asked for.
pub fn diff(
    diff: &Diff,
    notices: &[String],
    rows: &[Change],
    group: Group,
    limit: Option<usize>,
) -> Value {
    let (one, all) = words(group);
    let rows = rows.iter().take(limit.unwrap_or(usize::MAX)).map(|row| {
        let mut value = change(row);
        value.insert(one.into(), json!(row.name));
        Value::Object(value)
    });
    json!({
        "schema": "snakeroot.diff/1",
        "notices": notices,
        "total": change(&diff.total()),
        all: rows.collect::<Vec<_>>(),
    })
}

/// `snakeroot.diff/1` by dominator: where what is retained grew.
///
/// `{"schema", "notices", "total", "dominators": [node]}`: a node of the new heap has `before` (what it
/// retained; null if it is new), `after`, `change`, `new_below` (how many new ones it dominates
/// immediately) and `path`: its dominators from the top down, each a node with `before`, `after` and
/// `left_out`, the number of dominators between it and the one before it in the path.
pub fn diff_dominators(
    diff: &Diff,
    notices: &[String],
    (graph, tree): (&Graph, &DominatorTree),
    old: &DominatorTree,
    partners: &Partners,
    grown: &[Grown],
) -> Value {
    let rows = grown.iter().map(|grown| {
        let mut value = node(graph, grown.node);
        let mut branch = branch_to(tree, grown.node);
        let end = branch.pop();
        let path = branch.into_iter().map(|(at, left_out)| {
            let mut value = node(graph, at);
            let before = partners.of(at).map(|at| old.retained_size(at));
            value.insert("before".into(), json!(before));
            value.insert("after".into(), json!(tree.retained_size(at)));
            value.insert("left_out".into(), json!(left_out));
            Value::Object(value)
        });
        value.insert("path".into(), path.collect());
        value.insert("left_out".into(), json!(end.map_or(0, |(_, left_out)| left_out)));
        value.insert("before".into(), json!(grown.before));
        value.insert("after".into(), json!(grown.after));
        value.insert("change".into(), json!(grown.growth()));
        value.insert("new_below".into(), json!(grown.new_below));
        Value::Object(value)
    });
    json!({
        "schema": "snakeroot.diff/1",
        "notices": notices,
        "total": change(&diff.total()),
        "dominators": rows.collect::<Vec<_>>(),
    })
}

/// `snakeroot.kept/1`: what was made between two heaps and is still there in a third.
///
/// `{"schema", "total": {"count", "size"}, "types": [{"type", "count", "size", "retained"}]}`, or
/// `modules` and `module`: at most `limit` rows.
pub fn kept(rows: &[KeptRow], group: Group, limit: Option<usize>) -> Value {
    let (one, all) = words(group);
    let shown = rows.iter().take(limit.unwrap_or(usize::MAX)).map(|row| {
        json!({ one: row.name, "count": row.count, "size": row.size, "retained": row.retained })
    });
    let count: u64 = rows.iter().map(|row| row.count).sum();
    let size = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.size));
    json!({
        "schema": "snakeroot.kept/1",
        "total": { "count": count, "size": size },
        all: shown.collect::<Vec<_>>(),
    })
}

/// `snakeroot.kept/1` by who holds it.
///
/// `{"schema", "total": {"count", "size"}, "dominators": [{"node", "count", "retained"}]}`: `node` is null where no
/// one object dominates them.
pub fn kept_holders(
    graph: &Graph,
    total: Amount,
    holders: &[Holder],
    limit: Option<usize>,
) -> Value {
    let shown = holders.iter().take(limit.unwrap_or(usize::MAX)).map(|holder| {
        let node = holder.node.map(|at| node(graph, at));
        json!({ "node": node, "count": holder.count, "retained": holder.retained })
    });
    json!({
        "schema": "snakeroot.kept/1",
        "total": { "count": total.count, "size": total.size },
        "dominators": shown.collect::<Vec<_>>(),
    })
}

fn words(group: Group) -> (&'static str, &'static str) {
    match group {
        Group::Type => ("type", "types"),
        Group::Module => ("module", "modules"),
    }
}

fn change(row: &Change) -> Map<String, Value> {
    let amount = |amount: Amount| json!({ "count": amount.count, "size": amount.size });
    let survived = row.survived().map(|(before, after)| {
        json!({ "count": after.count, "size_before": before.size, "size_after": after.size })
    });
    let retained = row.retained.map(|retained| {
        json!({
            "before": retained.before,
            "after": retained.after,
            "change": row.retained_delta(),
        })
    });
    let fields = [
        ("before", amount(row.before)),
        ("after", amount(row.after)),
        ("change", json!({ "count": row.count_delta(), "size": row.size_delta() })),
        ("new", json!(row.turnover.map(|turnover| amount(turnover.new)))),
        ("gone", json!(row.turnover.map(|turnover| amount(turnover.gone)))),
        ("survived", json!(survived)),
        ("retained", json!(retained)),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
