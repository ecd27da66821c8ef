//! Sets of objects and their groups: as tables, in a few words, as JSON.

use serde_json::{Value, json as value};

use super::cells::Cells;
use super::describe::{MAX_TEXT_CHARS, shortened};
use super::text::{grouped, human_size, per_cent};
use crate::analysis::{By, Key, Partition};
use crate::graph::Graph;
use crate::id::TypeId;
use crate::snapshot::{Flags, TypeEntry};

/// What the nodes of a group have in common, in as many words as there are: the kinds of their
/// referrers (`dict of app.Session`, `list`), the labels by which they are held (`.user`, `[3]`); one word for the other keys.
pub fn key_names(graph: &Graph, key: &Key) -> Vec<String> {
    names(graph, key, TypeEntry::display_name)
}

fn names(graph: &Graph, key: &Key, type_name: fn(&TypeEntry) -> String) -> Vec<String> {
    let snapshot = graph.snapshot();
    match key {
        Key::Type(id) => vec![type_name(&snapshot.types()[id.index()])],
        Key::Module(name) => vec![name.to_string()],
        Key::Size(least, most) => vec![format!("{least} to {most}")],
        Key::Referrers(kinds) => {
            let name = |at: TypeId| type_name(&snapshot.types()[at.index()]);
            let kinds = kinds.iter().map(|kind| match kind.is_namespace {
                true => format!("dict of {}", name(kind.type_id)),
                false => name(kind.type_id),
            });
            kinds.collect()
        }
        Key::Via(labels) => {
            let table = snapshot.label_table();
            labels.iter().map(|&label| table.get(label).to_string()).collect()
        }
    }
}

/// What the nodes of a group have in common, on one line not longer than a table can show.
pub fn key_name(graph: &Graph, key: &Key) -> String {
    match key {
        Key::Module(name) if name.is_empty() => return "(no module)".into(),
        Key::Size(0, 0) => return human_size(0),
        Key::Size(least, most) => {
            return format!("{} to {}", human_size(*least), human_size(*most));
        }
        _ => {}
    }
    // Of a million labels the first few are enough.
    let shown = match key {
        Key::Via(labels) => Key::Via(labels[..labels.len().min(MAX_TEXT_CHARS)].into()),
        key => key.clone(),
    };
    let all = match key {
        Key::Via(labels) => labels.len(),
        Key::Referrers(kinds) => kinds.len(),
        _ => 1,
    };
    if all == 0 {
        return "(nothing)".into();
    }
    let mut line = String::new();
    for (at, name) in key_names(graph, &shown).iter().enumerate() {
        let name = shortened(name);
        if at > 0 && line.chars().count() + name.chars().count() > MAX_TEXT_CHARS {
            line.push_str(&format!(", … {} more", grouped((all - at) as u64)));
            break;
        }
        line.push_str(if at > 0 { ", " } else { "" });
        line.push_str(&name);
    }
    line
}

/// Groups as a table: what they have in common, count, size, share of the set, retained size, in
/// the partition's order.
///
/// `retained` as [`Partition::retained`] gives it. After `limit` rows comes how many more
/// there are; the last line has the totals.
pub fn groups_table(graph: &Graph, partition: &Partition, retained: &[u64], limit: usize) -> Cells {
    let (all, bytes) = partition.total();
    let groups = partition.groups();
    let (shown, hidden) = groups.split_at(limit.min(groups.len()));
    let row = |name: String, count, size, retained| {
        [name, grouped(count), human_size(size), per_cent(size, bytes), retained]
    };
    let mut rows: Vec<[String; 5]> = Vec::with_capacity(shown.len() + 2);
    for group in shown {
        let retained = human_size(retained[group.number]);
        rows.push(row(key_name(graph, &group.key), group.count, group.size, retained));
    }
    if !hidden.is_empty() {
        let rest = (hidden.iter()).fold((0, 0_u64), |(count, size), group| {
            (count + group.count, size.saturating_add(group.size))
        });
        let more = if hidden.len() == 1 { "row" } else { "rows" };
        let name = format!("({} more {more})", grouped(hidden.len() as u64));
        rows.push(row(name, rest.0, rest.1, String::new()));
    }
    rows.push(row("total".into(), all, bytes, String::new()));
    let header = match partition.by() {
        By::Type => "type",
        By::Module => "module",
        By::Size => "size of one",
        By::Referrers => "referrers",
        By::Via => "held via",
    };
    Cells::new([header, "count", "size", "% of set", "retained"], rows)
}

/// A set in a line: how many objects, how many bytes, what they retain together.
pub fn objects_line(graph: &Graph, partition: &Partition, retained_together: u64) -> String {
    let (count, size) = partition.total();
    let has_synthetic = partition.groups().iter().any(|group| {
        let is_synthetic = |&node: &_| graph.snapshot().flags(node).contains(Flags::SYNTHETIC);
        partition.nodes(group).last().is_some_and(is_synthetic)
    });
    let what = match (has_synthetic, count) {
        (true, 1) => "node",
        (true, _) => "nodes",
        (false, 0) => return "no objects".into(),
        (false, 1) => "object",
        (false, _) => "objects",
    };
    let (number, size) = (grouped(count), human_size(size));
    let retain = if count == 1 { "retains" } else { "together retain" };
    format!("{number} {what}, {size}, {retain} {}", human_size(retained_together))
}

/// `snakeroot.objects/1`: a set of objects in groups, at most `limit` of them in their order.
///
/// `{"schema", "total": {"count", "size", "retained", "groups"}, "by", "groups": [{"key", "count", "size", "retained"}]}`.
/// `by` is a [word](By::word); a `key` is for `type` and `module` a name, for `size` the least and
/// the greatest size, for `referrers` a list of names (`app.Session`, `dict of app.Session`), for `via` a list of labels
/// as Python would reach what they hold (`.user`, `["key"]`, `[3]`). The total's `retained` is what would be freed if the
/// whole set were; a group's is what its objects retain one by one, each byte counted once.
pub fn json(
    graph: &Graph,
    partition: &Partition,
    retained: &[u64],
    retained_together: u64,
    limit: Option<usize>,
) -> Value {
    let (count, size) = partition.total();
    let rows = partition.groups().iter().take(limit.unwrap_or(usize::MAX)).map(|group| {
        let key = match &group.key {
            Key::Size(least, most) => value!([least, most]),
            key => {
                let mut names = names(graph, key, TypeEntry::full_name);
                match key {
                    Key::Type(_) | Key::Module(_) => value!(names.pop()),
                    _ => value!(names),
                }
            }
        };
        let retained = retained[group.number];
        value!({ "key": key, "count": group.count, "size": group.size, "retained": retained })
    });
    value!({
        "schema": "snakeroot.objects/1",
        "total": {
            "count": count,
            "size": size,
            "retained": retained_together,
            "groups": partition.groups().len(),
        },
        "by": partition.by().word(),
        "groups": rows.collect::<Vec<_>>(),
    })
}
