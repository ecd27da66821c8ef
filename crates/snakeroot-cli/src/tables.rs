//! Answers as data: JSON, or of its rows a table in CSV.
//!
//! The table is made from the JSON, so that both say the same.

use serde_json::Value;
use snakeroot::analysis::diff::Group;

use crate::Failure;
use crate::verbs::{Out, write_json};

/// Which rows of an answer make its table, and what of each.
pub(crate) struct Table {
    /// The list in the answer.
    rows: &'static str,
    /// A column's name says where its value is in a row: `before.count`.
    columns: &'static [&'static str],
}

pub(crate) const TYPES: Table =
    Table { rows: "types", columns: &["type", "count", "size", "retained"] };
pub(crate) const TOP: Table = Table {
    rows: "top",
    columns: &[
        "id",
        "type",
        "address",
        "size",
        "refcount",
        "name",
        "root",
        "retained",
        "dominator",
        "dominates",
    ],
};
pub(crate) const ROOTS: Table = Table { rows: "roots", columns: ROOT };
pub(crate) const MODULES: Table = Table { rows: "modules", columns: ROOT };
const ROOT: &[&str] = &[
    "id", "type", "address", "size", "refcount", "name", "root", "kind", "words", "count",
    "retained",
];
pub(crate) const GROUPS: Table =
    Table { rows: "groups", columns: &["key", "count", "size", "retained"] };
pub(crate) const CYCLES: Table = Table {
    rows: "cycles",
    columns: &[
        "count",
        "size",
        "retained_count",
        "retained",
        "garbage",
        "types",
        "finalizers",
        "path.length",
        "path.shortest",
        "path.nodes.0.id",
        "break.owner",
        "break.text",
    ],
};
pub(crate) const SUSPECTS: Table = Table {
    rows: "suspects",
    columns: &[
        "fingerprint",
        "kind",
        "count",
        "retained",
        "share",
        "carried",
        "run",
        "node.id",
        "node.type",
        "node.address",
        "node.size",
        "node.name",
        "accumulation.id",
        "accumulation.type",
        "accumulation.address",
        "accumulation.name",
        "sentence",
    ],
};
pub(crate) const GROWN: Table = Table {
    rows: "dominators",
    columns: &[
        "id",
        "type",
        "address",
        "size",
        "refcount",
        "name",
        "root",
        "before",
        "after",
        "change",
        "new_below",
    ],
};
pub(crate) const HOLDERS: Table = Table {
    rows: "dominators",
    columns: &["node.id", "node.type", "node.address", "node.name", "count", "retained"],
};

macro_rules! changes {
    ($rows:literal, $one:literal) => {
        Table {
            rows: $rows,
            columns: &[
                $one,
                "before.count",
                "before.size",
                "after.count",
                "after.size",
                "change.count",
                "change.size",
                "new.count",
                "new.size",
                "gone.count",
                "gone.size",
                "survived.count",
                "survived.size_before",
                "survived.size_after",
                "retained.before",
                "retained.after",
                "retained.change",
            ],
        }
    };
}

/// What changed between two heaps.
pub(crate) const fn diff(group: Group) -> &'static Table {
    match group {
        Group::Type => &changes!("types", "type"),
        Group::Module => &changes!("modules", "module"),
    }
}

/// What is still there in a third heap.
pub(crate) const fn kept(group: Group) -> &'static Table {
    match group {
        Group::Type => &TYPES,
        Group::Module => {
            &Table { rows: "modules", columns: &["module", "count", "size", "retained"] }
        }
    }
}

/// Writes an answer as JSON, or its table as CSV.
pub(crate) fn write_data(
    answer: &Value,
    is_csv: bool,
    table: &Table,
    out: Out<'_>,
) -> Result<(), Failure> {
    if is_csv { write_csv(answer, table, out) } else { write_json(answer, out) }
}

/// A header and the rows: numbers as they are, nothing where there is none, lists as JSON.
fn write_csv(answer: &Value, table: &Table, out: Out<'_>) -> Result<(), Failure> {
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Failure::Output(error),
        other => Failure::wrong(format!("{other:?}")),
    };
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(table.columns).map_err(failed)?;
    let paths = table.columns.iter().map(|column| format!("/{}", column.replace('.', "/")));
    let paths: Vec<String> = paths.collect();
    for row in answer[table.rows].as_array().into_iter().flatten() {
        let cells = paths.iter().map(|path| match row.pointer(path) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer.flush()?;
    Ok(())
}
