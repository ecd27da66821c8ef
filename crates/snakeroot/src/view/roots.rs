//! What GC roots and modules retain: as tables and as JSON.

use serde_json::{Value, json};

use super::cells::Cells;
use super::describe::describe;
use super::text::{grouped, human_size, per_cent};
use crate::analysis::{DominatorTree, RootRow};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::{Flags, Root, RootKind};

/// Why a node is a root: threads are, whether the snapshot says so or not.
fn root_of(graph: &Graph, node: NodeId) -> Option<Root> {
    let snapshot = graph.snapshot();
    let is_thread = || &*snapshot.type_of(node).qualname == "thread";
    snapshot.root(node).cloned().or_else(|| {
        (snapshot.flags(node).contains(Flags::SYNTHETIC) && is_thread())
            .then(|| Root::new(RootKind::Thread, snapshot.names().get(node).unwrap_or_default()))
    })
}

/// A GC root for a table: what it is, and why it is one where that says more.
fn root_name(graph: &Graph, node: NodeId) -> String {
    let what = describe(graph, node);
    match root_of(graph, node) {
        Some(root) if !what.starts_with(root.kind.word()) => {
            format!("{what} ({})", super::describe::shortened(&root.to_string()))
        }
        _ => what,
    }
}

fn all_bytes(tree: &DominatorTree) -> u64 {
    tree.live_bytes().saturating_add(tree.garbage_bytes())
}

type Row = [String; 4];

fn row(name: String, count: u64, bytes: u64, all: u64) -> Row {
    [name, grouped(count), human_size(bytes), per_cent(bytes, all)]
}

/// The first rows, and one for those that are left out.
fn first_rows(
    graph: &Graph,
    tree: &DominatorTree,
    rows: &[RootRow],
    limit: usize,
    what: &str,
) -> Vec<Row> {
    let all = all_bytes(tree);
    let (shown, hidden) = rows.split_at(limit.min(rows.len()));
    let mut lines: Vec<Row> =
        shown.iter().map(|at| row(root_name(graph, at.node), at.count, at.retained, all)).collect();
    if !hidden.is_empty() {
        let (count, bytes) = sums(hidden);
        let ending = if hidden.len() == 1 { "" } else { "s" };
        let name = format!("({} more {what}{ending})", grouped(hidden.len() as u64));
        lines.push(row(name, count, bytes, all));
    }
    lines
}

fn sums(rows: &[RootRow]) -> (u64, u64) {
    rows.iter().fold((0, 0_u64), |(count, bytes), row| {
        (count + row.count, bytes.saturating_add(row.retained))
    })
}

/// What GC roots retain, as a table: the root, how many objects it retains, how many bytes, the share of the heap.
///
/// `rows` are all, as [`root_rows`](crate::analysis::root_rows) gives them. After `limit` of them comes how many more
/// there are, then what no root holds alone, the garbage if there is some, and the whole heap.
pub fn roots_table(graph: &Graph, tree: &DominatorTree, rows: &[RootRow], limit: usize) -> Cells {
    let all = all_bytes(tree);
    let objects = graph.snapshot().object_count() as u64;
    let is_object = |node: &NodeId| node.index() < graph.snapshot().object_count();
    let garbage = tree.garbage().iter().filter(is_object).count() as u64;
    let (count, bytes) = sums(rows);
    let mut lines = first_rows(graph, tree, rows, limit, "root");
    let several = (objects - garbage).saturating_sub(count);
    let name = "(held by several roots)".to_owned();
    lines.push(row(name, several, tree.live_bytes().saturating_sub(bytes), all));
    if garbage > 0 {
        let name = "(garbage: what no GC root reaches)".to_owned();
        lines.push(row(name, garbage, tree.garbage_bytes(), all));
    }
    lines.push(row("total".into(), objects, all, all));
    Cells::new(["GC root", "objects", "retained", "% of heap"], lines)
}

/// What modules retain, as a table: as [`roots_table`], without what is below its rows.
pub fn modules_table(graph: &Graph, tree: &DominatorTree, rows: &[RootRow], limit: usize) -> Cells {
    let lines = first_rows(graph, tree, rows, limit, "module");
    Cells::new(["module", "objects", "retained", "% of heap"], lines)
}

/// `snakeroot.roots/1`: what GC roots retain, at most `limit` of them.
///
/// `{"schema", "total": {"roots", "live", "garbage"}, "roots": [node]}`: a node has `kind`, `words`, `count` and
/// `retained` too: why it is a root, how many objects it retains and how many bytes. `live` and `garbage` are
/// the bytes of what GC roots reach and of what they do not.
pub fn roots_json(
    graph: &Graph,
    tree: &DominatorTree,
    rows: &[RootRow],
    limit: Option<usize>,
) -> Value {
    json!({
        "schema": "snakeroot.roots/1",
        "total": {
            "roots": rows.len(),
            "live": tree.live_bytes(),
            "garbage": tree.garbage_bytes(),
        },
        "roots": rows_json(graph, rows, limit),
    })
}

/// `snakeroot.modules/1`: what module objects retain, at most `limit` of them.
///
/// `{"schema", "total": {"modules", "live", "garbage"}, "modules": [node]}`: as [`roots_json`]; `kind` and `words`
/// are null for a module that is no GC root.
pub fn modules_json(
    graph: &Graph,
    tree: &DominatorTree,
    rows: &[RootRow],
    limit: Option<usize>,
) -> Value {
    json!({
        "schema": "snakeroot.modules/1",
        "total": {
            "modules": rows.len(),
            "live": tree.live_bytes(),
            "garbage": tree.garbage_bytes(),
        },
        "modules": rows_json(graph, rows, limit),
    })
}

fn rows_json(graph: &Graph, rows: &[RootRow], limit: Option<usize>) -> Vec<Value> {
    let rows = rows.iter().take(limit.unwrap_or(usize::MAX));
    rows.map(|row| {
        let mut value = super::json::node(graph, row.node);
        let root = root_of(graph, row.node);
        value.insert("kind".into(), json!(root.as_ref().map(|root| root.kind.word())));
        value.insert("words".into(), json!(root.as_ref().map(|root| &*root.words)));
        value.insert("count".into(), json!(row.count));
        value.insert("retained".into(), json!(row.retained));
        Value::Object(value)
    })
    .collect()
}
