//! Rows, headers and labels of heapy's tables.

use super::wrap::{LINE_CHARACTERS, wrap};

/// The numbers of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowNumbers {
    /// Which row.
    pub index: usize,
    /// How many objects.
    pub count: i64,
    /// Their shallow sizes together, in bytes.
    pub size: i64,
    /// The sizes of all rows down to this one.
    pub cumulative: i64,
}

/// What a table of differences compares with: how many objects, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffTotals {
    /// Objects.
    pub count: i64,
    /// Bytes.
    pub size: i64,
}

const SET_HEADER: &str = " Index  Count   %     Size   % Cumulative  % ";
const ID_HEADER: &str = " Index     Size   %   Cumulative  %   ";
const DIFF_HEADER: &str = " Index  Count     Size  Cumulative  % of B ";

fn plural(count: i64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn share(part: i64, whole: i64) -> f64 {
    // Of nothing all is nothing.
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// What stands above a set in classes.
pub fn set_label(count: i64, size: i64) -> String {
    format!("Partition of a set of {count} object{}. Total size = {size} bytes.", plural(count))
}

/// What stands above a set by objects; `kind` is in angle brackets, or empty.
pub fn id_label(count: i64, size: i64, kind: &str) -> String {
    format!("Set of {count} {kind} object{}. Total size = {size} bytes.", plural(count))
}

/// What stands above a difference, which has `count` and `size`.
pub fn diff_label(count: i64, size: i64, with: DiffTotals) -> String {
    let DiffTotals { count: b_count, size: b_size } = with;
    let mut text = format!(
        "Summary of difference operation (A-B).\n        Count     Size\n  A    {:6} {:8}\n  B    {b_count:6} {b_size:8}\n  A-B  {count:6} {size:8}  = {} % of B\n",
        count + b_count,
        size + b_size,
        percent_of(size, b_size),
    );
    if count != 0 || size != 0 {
        text.push_str("\nDifferences by kind, largest absolute size diffs first.");
    }
    text
}

/// The header of a table of classes; `kinds` says what they are.
pub fn set_header(kinds: &str) -> String {
    header(SET_HEADER, kinds)
}

/// The header of a table of objects; `kinds` says how they are shown.
pub fn id_header(kinds: &str) -> String {
    header(ID_HEADER, kinds)
}

/// The header of a table of differences.
pub fn diff_header(kinds: &str) -> String {
    header(DIFF_HEADER, kinds)
}

fn header(start: &str, kinds: &str) -> String {
    wrap(&format!("{start}{kinds}"), LINE_CHARACTERS, start.len()).join("\n")
}

/// A row of a table of classes; `whole` is all objects and their bytes.
pub fn set_row(row: RowNumbers, whole: (i64, i64), name: &str) -> String {
    let RowNumbers { index, count, size, cumulative } = row;
    let numbers = format!(
        "{index:6} {count:6} {:3.0} {size:8} {:3.0} {cumulative:9} {:3.0} ",
        share(count, whole.0),
        share(size, whole.1),
        share(cumulative, whole.1),
    );
    wrapped(&numbers, name)
}

/// A row of a table of objects; `whole` is the bytes of all.
pub fn id_row(row: RowNumbers, whole: i64, name: &str) -> String {
    let RowNumbers { index, size, cumulative, .. } = row;
    let numbers = format!(
        "{index:6} {size:8} {:5.1} {cumulative:9} {:5.1} ",
        share(size, whole),
        share(cumulative, whole),
    );
    wrapped(&numbers, name)
}

/// A row of a table of differences.
pub fn diff_row(row: RowNumbers, with: DiffTotals, name: &str) -> String {
    let RowNumbers { index, count, size, cumulative } = row;
    let percent = percent_of(cumulative, with.size);
    let numbers = format!("{index:6} {count:6} {size:8} {cumulative:9} {percent} ");
    wrapped(&numbers, name)
}

/// What says that rows are left.
pub fn more_rows(left: usize) -> String {
    format!("<{left} more rows. Type e.g. '_.more' to view.>")
}

/// Each line of a name begins below the first.
fn wrapped(numbers: &str, name: &str) -> String {
    let mut parts = name.split('\n');
    let first = format!("{numbers}{}", parts.next().unwrap_or_default());
    let mut lines = wrap(&first, LINE_CHARACTERS, numbers.chars().count());
    for part in parts {
        let part = format!("{}{part}", " ".repeat(numbers.chars().count()));
        lines.extend(wrap(&part, LINE_CHARACTERS, numbers.chars().count()));
    }
    lines.join("\n")
}

fn percent_of(size: i64, whole: i64) -> String {
    if whole == 0 {
        return "   (n.a.)".into();
    }
    format!("{:>9}", general(size as f64 * 100.0 / whole as f64))
}

/// Three significant digits as C's `%.3g` writes them.
fn general(value: f64) -> String {
    const DIGITS: i32 = 3;
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{value:.2e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if !(-4..DIGITS).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or_default();
    trimmed(&format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_heapy_prints_them() {
        let row = RowNumbers { index: 0, count: 52, size: 11648, cumulative: 11648 };
        assert_eq!(
            set_row(row, (456, 38010), "dict (no owner)"),
            "     0     52  11    11648  31     11648  31 dict (no owner)"
        );
        let row = RowNumbers { index: 8, count: 4, size: 696, cumulative: 30478 };
        assert_eq!(set_row(row, (456, 38010), ""), "     8      4   1      696   2     30478  80");
        let row = RowNumbers { index: 1, count: 1, size: 56, cumulative: 120 };
        assert_eq!(
            id_row(row, 148, "list: 0x7f18c5eb9fc0*0"),
            "     1       56  37.8       120  81.1 list: 0x7f18c5eb9fc0*0"
        );
        let row = RowNumbers { index: 3, count: 54, size: 78912, cumulative: 432381 };
        assert_eq!(
            diff_row(row, DiffTotals { count: 456, size: 38010 }, "type"),
            "     3     54    78912    432381  1.14e+03 type"
        );
    }

    #[test]
    fn numbers_are_written_with_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (1679.66, "1.68e+03"),
            (412.0, "412"),
            (-2.34567, "-2.35"),
            (0.5, "0.5"),
            (0.00001234, "1.23e-05"),
            (999.7, "1e+03"),
            (20.0, "20"),
            (100.0, "100"),
        ] {
            assert_eq!(general(value), expected);
        }
        assert_eq!(percent_of(1, 0), "   (n.a.)");
    }

    #[test]
    fn a_long_name_goes_on_below_itself() {
        let row = RowNumbers { index: 0, count: 1, size: 1, cumulative: 1 };
        let text = set_row(row, (1, 1), &"word ".repeat(20));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= 100), "{text}");
        assert_eq!(lines[1].trim_start(), lines[1][SET_HEADER.len() - 1..].trim_start());
    }
}
