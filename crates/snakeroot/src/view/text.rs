//! Text for a terminal: sizes, tables, chains.

use comfy_table::{CellAlignment, ColumnConstraint, Table};

use super::cells::Cells;
use super::describe::{describe, shortened};
use crate::analysis::{Census, Chain};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::{Flags, Label, LabelKind};

/// A size for people, in binary units: `184 B`, `1.2 MiB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What rounds up to 1024.0 of one unit is 1.0 of the next.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of something, in per cent: `71.2%`.
pub(super) fn per_cent(some: u64, all: u64) -> String {
    format!("{:.1}%", 100.0 * some as f64 / all.max(1) as f64)
}

/// A table with blanks between the columns; all but the first are numbers.
pub(super) fn aligned(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    finish(table)
}

/// A census as a table: type, count, size, share of the heap, retained size, in the census's order.
///
/// After `limit` rows comes how many more there are; the last line has the totals.
pub fn types_table(graph: &Graph, census: &Census, retained: &[u64], limit: usize) -> Cells {
    let (count, size) = census.total();
    let share = |bytes: u64| per_cent(bytes, size);
    let mut rows: Vec<[String; 5]> = Vec::new();
    for row in census.rows().take(limit) {
        let entry = &graph.snapshot().types()[row.type_id.index()];
        rows.push([
            shortened(&entry.display_name()),
            grouped(row.count),
            human_size(row.size),
            share(row.size),
            human_size(retained[row.type_id.index()]),
        ]);
    }
    let hidden = census.len().saturating_sub(limit);
    if hidden > 0 {
        let (shown_count, shown_size) =
            census.rows().take(limit).fold((0, 0_u64), |(count, size), row| {
                (count + row.count, size.saturating_add(row.size))
            });
        let more = if hidden == 1 { "row" } else { "rows" };
        rows.push([
            format!("({} more {more})", grouped(hidden as u64)),
            grouped(count - shown_count),
            human_size(size - shown_size),
            share(size - shown_size),
            String::new(),
        ]);
    }
    let total = ["total".to_owned(), grouped(count), human_size(size), share(size)];
    let [name, count, size, share] = total;
    rows.push([name, count, size, share, String::new()]);
    Cells::new(["type", "count", "size", "% of heap", "retained"], rows)
}

/// Numbers to the right, no blanks at the ends of lines.
fn finish(mut table: Table) -> String {
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_constraint(ColumnConstraint::ContentWidth);
        if place > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

/// A chain in one line that reads like Python: `module app .registry ["user:7"] .session`.
///
/// The `__dict__` between an object and its attribute is left out, and a
/// thread's frame is named.
pub fn chain_line(graph: &Graph, chain: &Chain) -> String {
    let mut line = describe(graph, chain.holder());
    for step in folded_steps(graph, chain) {
        line.push(' ');
        line.push_str(&step);
    }
    if chain.nodes.len() > 1 {
        line.push_str(" → ");
        line.push_str(&describe(graph, chain.held()));
    }
    line
}

/// A chain with a line for each node: by what it is held, what it is, its
/// shallow size; the object asked for comes last.
pub fn chain_lines(graph: &Graph, chain: &Chain) -> String {
    let table = graph.snapshot().label_table();
    let mut lines = String::new();
    for (place, &node) in chain.nodes.iter().enumerate() {
        if place > 0 {
            let label = text_of(&table.get(chain.labels[place - 1]));
            lines.push_str(&format!("{:indent$}{label} → ", "", indent = 2 * place.min(20)));
        }
        lines.push_str(&describe(graph, node));
        if !graph.snapshot().flags(node).contains(Flags::SYNTHETIC) {
            lines.push_str(&format!(" ({})", human_size(graph.snapshot().size(node))));
        }
        if place == 0 {
            lines.push_str(&why_root(graph, node));
        }
        lines.push('\n');
    }
    lines
}

/// How many of `all` objects, and how much that is in per cent.
///
/// ```
/// assert_eq!(snakeroot::view::share(3, 1000), "3 (0.30 %)");
/// ```
pub fn share(some: u64, all: u64) -> String {
    let per_cent = if all == 0 { 0.0 } else { some as f64 * 100.0 / all as f64 };
    format!("{} ({per_cent:.2} %)", grouped(some))
}

/// Why the first node of a chain is a GC root, unless its description says it already.
fn why_root(graph: &Graph, node: NodeId) -> String {
    match graph.snapshot().root(node) {
        Some(root) if !describe(graph, node).starts_with(root.kind.word()) => {
            format!(", GC root: {root}")
        }
        _ => String::new(),
    }
}

/// The steps of a chain, with each `__dict__` and the key after it made one attribute.
pub(super) fn folded_steps(graph: &Graph, chain: &Chain) -> Vec<String> {
    let table = graph.snapshot().label_table();
    let mut folded: Vec<String> = Vec::new();
    let mut steps = chain.labels.iter().zip(&chain.nodes[1..]).peekable();
    while let Some((&label, &node)) = steps.next() {
        let label = table.get(label);
        if label.kind == LabelKind::Frame {
            folded.push(describe(graph, node));
            continue;
        }
        let is_dict = matches!(label.kind, LabelKind::Slot | LabelKind::Attribute)
            && label.text == "__dict__";
        let key = steps.peek().filter(|_| is_dict).map(|&(&key, _)| table.get(key));
        match key.filter(|key| key.kind == LabelKind::Key && is_identifier(&key.text)) {
            Some(key) => {
                folded.push(shortened(&format!(".{}", key.text)));
                steps.next();
            }
            None => folded.push(text_of(&label)),
        }
    }
    folded
}

fn is_identifier(text: &str) -> bool {
    let mut signs = text.chars();
    signs.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && signs.all(|sign| sign == '_' || sign.is_alphanumeric())
}

fn text_of(label: &Label) -> String {
    shortened(&label.to_string())
}
