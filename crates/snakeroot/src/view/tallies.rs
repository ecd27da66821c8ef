//! Counts by name as objgraph prints them, to the byte; with sizes where there are some.

use super::text::human_size;
use crate::analysis::{Grown, IdRow, Tally};

/// The sizes of a row, each in a column of its own behind the counts.
fn sizes(tally: &Tally) -> String {
    let sizes = [tally.size, tally.retained];
    sizes.into_iter().flatten().map(|size| format!(" {:>11}", human_size(size))).collect()
}

/// A name and blanks up to a width. Not by a format's own width, which has an end
/// that the length of a name has not.
fn padded(name: &str, width: usize) -> String {
    let blanks = width.saturating_sub(name.chars().count());
    format!("{name}{}", " ".repeat(blanks))
}

fn widest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// Names and counts, a line each; with shallow and retained sizes where they are known.
pub fn tally_table(rows: &[Tally]) -> String {
    let width = widest(rows.iter().map(|row| &*row.name));
    // Without sizes counts stand right behind the names, as long as they are.
    let digits =
        rows.iter().filter(|row| row.size.is_some()).map(|row| row.count.to_string().len());
    let digits = digits.max().unwrap_or(0);
    let line = |row: &Tally| {
        let name = padded(&row.name, width);
        format!("{name} {:>digits$}{}\n", row.count, sizes(row))
    };
    rows.iter().map(line).collect()
}

/// Names, counts and how much these rose, a line each; with sizes where they are known.
pub fn grown_table(rows: &[Grown]) -> String {
    let width = widest(rows.iter().map(|row| &*row.tally.name));
    let line = |row: &Grown| {
        let Grown { tally, increase } = row;
        let name = padded(&tally.name, width);
        format!("{name}{:>9} {increase:>+9}{}\n", tally.count, sizes(tally))
    };
    rows.iter().map(line).collect()
}

/// How the ids under each name changed, between lines; empty where there is no row.
pub fn new_ids_table(rows: &[IdRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = widest(rows.iter().map(|row| &*row.name));
    let rule = "=".repeat(width + 4 * 13);
    let mut text = format!(
        "{rule}\n{}{:>13}{:>13}{:>13}{:>13}\n{rule}\n",
        padded("Type", width),
        "Old_ids",
        "Current_ids",
        "New_ids",
        "Count_Deltas"
    );
    for row in rows {
        let IdRow { name, old, current, new } = row;
        let (name, change) = (padded(name, width), row.change());
        text.push_str(&format!("{name}{old:>13}{current:>13}{new:>+13}{change:>+13}\n"));
    }
    text.push_str(&rule);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stand_behind_the_counts() {
        let row =
            |name: &str, count, size, retained| Tally { name: name.into(), count, size, retained };
        let rows = [row("list", 12, None, None), row("dict_é", 3, None, None)];
        assert_eq!(tally_table(&rows), "list   12\ndict_é 3\n");
        let rows = [row("list", 12, Some(2048), None), row("dict", 3, Some(64), None)];
        assert_eq!(tally_table(&rows), "list 12     2.0 KiB\ndict  3        64 B\n");
        let grown = [Grown { tally: row("list", 12, Some(2048), Some(4096)), increase: 5 }];
        assert_eq!(grown_table(&grown), "list       12        +5     2.0 KiB     4.0 KiB\n");
        assert_eq!(tally_table(&[]), "");
    }

    #[test]
    fn a_name_may_be_longer_than_any_width_of_a_format() {
        let row = |name: String| Tally { name, count: 1, size: None, retained: None };
        let table = tally_table(&[row("x".repeat(70_000)), row("y".into())]);
        assert_eq!(table.lines().map(str::len).collect::<Vec<_>>(), [70_002, 70_002]);
    }

    #[test]
    fn no_row_is_no_table() {
        assert_eq!(new_ids_table(&[]), "");
    }
}
