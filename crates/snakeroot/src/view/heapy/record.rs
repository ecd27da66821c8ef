//! A table of numbers as heapy writes it into files, line by line.

use std::fmt;

use crate::analysis::heapy::{Stat, StatFormat, StatRow};

use super::paging::Paged;
use super::table::{
    DiffTotals, RowNumbers, diff_header, diff_label, diff_row, id_header, id_label, id_row,
    more_rows, set_header, set_label, set_row,
};

const LOADER: &str = "_load_stat";

impl StatFormat {
    /// heapy's name for it.
    pub fn heapy_name(self) -> &'static str {
        match self {
            Self::Set => "SetFormat",
            Self::Id => "IdFormat",
            Self::Diff => "DiffFormat",
        }
    }
}

/// A record that cannot be read: what was expected, what was found, in which line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected.
    pub expected: &'static str,
    /// The line.
    pub found: String,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, expected, found } = self;
        write!(f, "line {line} of the record: expected {expected}, found {found:?}")
    }
}

impl std::error::Error for RecordError {}

/// The lines of a record, each with its line feed.
pub fn record_lines(stat: &Stat) -> Vec<String> {
    let mut lines = vec![
        format!(".loader: {LOADER}"),
        format!(".format: {}", stat.format.heapy_name()),
        format!(".timemade: {:.6}", stat.time_made),
    ];
    let totals = [format!(".count: {}", stat.count), format!(".size: {}", stat.size)];
    if let Some((count, size)) = stat.compared_with {
        lines.push(format!(".b_count: {count}"));
        lines.push(format!(".b_size: {size}"));
    }
    lines.extend(totals);
    lines.push(format!(".kindname: {}", stat.kind_name));
    lines.push(format!(".kindheader: {}", stat.kind_header));
    lines.push(format!(".numrows: {}", stat.rows.len()));
    for StatRow { count, size, name } in &stat.rows {
        // A line feed would end the row.
        let name = name.replace('\n', " ");
        lines.push(match stat.format {
            StatFormat::Id => format!(".r: {size} {name}"),
            _ => format!(".r: {count} {size} {name}"),
        });
    }
    lines.push(format!(".end: .loader: {LOADER}"));
    lines.iter_mut().for_each(|line| line.push('\n'));
    lines
}

/// Whether a line ends the record that it is in.
pub fn ends_record(line: &str) -> bool {
    line.starts_with(".end:")
}

/// Reads the lines of one record.
///
/// # Errors
///
/// [`RecordError`] where they are none.
pub fn read_record(lines: &[String]) -> Result<Stat, RecordError> {
    let mut stat = Stat {
        format: StatFormat::Set,
        time_made: 0.0,
        count: 0,
        size: 0,
        kind_name: String::new(),
        kind_header: String::new(),
        compared_with: None,
        rows: Vec::new(),
    };
    let mut loader = None;
    let mut rows = None;
    for (line, at) in lines.iter().zip(1..) {
        let text = line.trim_end_matches(['\n', '\r']);
        let wrong = |expected| RecordError { line: at, expected, found: text.to_owned() };
        if ends_record(text) {
            break;
        }
        let (name, value) = text
            .strip_prefix('.')
            .and_then(|text| text.split_once(':'))
            .ok_or_else(|| wrong("a line such as .name: value"))?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        let number = || value.trim().parse::<i64>().map_err(|_| wrong("a whole number"));
        match name {
            "loader" => loader = Some(value.trim().to_owned()),
            _ if loader.is_none() => return Err(wrong("the line .loader: _load_stat")),
            "format" => {
                stat.format = [StatFormat::Set, StatFormat::Id, StatFormat::Diff]
                    .into_iter()
                    .find(|format| format.heapy_name() == value.trim())
                    .ok_or_else(|| wrong("SetFormat, IdFormat or DiffFormat"))?;
            }
            "timemade" => {
                stat.time_made = value.trim().parse().map_err(|_| wrong("a number of seconds"))?;
            }
            "count" => stat.count = number()?,
            "size" => stat.size = number()?,
            "b_count" => stat.compared_with.get_or_insert((0, 0)).0 = number()?,
            "b_size" => stat.compared_with.get_or_insert((0, 0)).1 = number()?,
            "kindname" => stat.kind_name = value.trim().to_owned(),
            "kindheader" => stat.kind_header = value.trim().to_owned(),
            "numrows" => rows = Some(number()?),
            "r" => {
                let parts = if stat.format == StatFormat::Id { 2 } else { 3 };
                let mut words = value.splitn(parts, ' ');
                let mut next = || words.next().and_then(|word| word.parse::<i64>().ok());
                let expected = "a row's numbers and its name";
                let count = if parts == 2 { Some(1) } else { next() };
                let (Some(count), Some(size)) = (count, next()) else {
                    return Err(wrong(expected));
                };
                let name = words.next().unwrap_or_default().to_owned();
                stat.rows.push(StatRow { count, size, name });
            }
            // What a later version may write.
            _ => {}
        }
    }
    let at_end = |expected| RecordError {
        line: lines.len(),
        expected,
        found: lines.last().cloned().unwrap_or_default(),
    };
    match loader.as_deref() {
        Some(LOADER) => {}
        _ => return Err(at_end("a record that begins with .loader: _load_stat")),
    }
    match rows {
        Some(rows) if rows == stat.rows.len() as i64 => Ok(stat),
        _ => Err(at_end("as many rows as .numrows says")),
    }
}

impl Paged for Stat {
    type Error = std::convert::Infallible;

    fn label(&self) -> Option<String> {
        let (count, size) = (self.count, self.size);
        Some(match self.format {
            StatFormat::Set => set_label(count, size),
            StatFormat::Id => id_label(count, size, &self.kind_name),
            StatFormat::Diff => diff_label(count, size, self.totals()),
        })
    }

    fn header(&self) -> Option<String> {
        if self.count == 0 && self.size == 0 {
            return Some(String::new());
        }
        Some(match self.format {
            StatFormat::Set => set_header(&self.kind_header),
            StatFormat::Id => id_header(&self.kind_header),
            StatFormat::Diff => diff_header(&self.kind_header),
        })
    }

    fn line(&self, place: usize) -> Result<Option<String>, Self::Error> {
        let Some(row) = self.rows.get(place) else { return Ok(None) };
        let numbers = self.numbers(place);
        Ok(Some(match self.format {
            StatFormat::Set => set_row(numbers, (self.count, self.size), &row.name),
            StatFormat::Id => id_row(numbers, self.size, &row.name),
            StatFormat::Diff => diff_row(numbers, self.totals(), &row.name),
        }))
    }

    fn more(&self, _first: usize, last: usize) -> String {
        more_rows(self.rows.len() - last - 1)
    }
}

impl Stat {
    fn totals(&self) -> DiffTotals {
        let (count, size) = self.compared_with.unwrap_or_default();
        DiffTotals { count, size }
    }

    /// The numbers of a row.
    pub fn numbers(&self, place: usize) -> RowNumbers {
        let StatRow { count, size, .. } = self.rows[place];
        let cumulative = self.rows[..=place].iter().map(|row| row.size).sum();
        RowNumbers { index: place, count, size, cumulative }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(format: StatFormat) -> Stat {
        let row = |count, size, name: &str| StatRow { count, size, name: name.into() };
        Stat {
            format,
            time_made: 1795221987.937015,
            count: 2,
            size: 120,
            kind_name: if format == StatFormat::Id { "<list>".into() } else { String::new() },
            kind_header: "Type".into(),
            compared_with: (format == StatFormat::Diff).then_some((5, 500)),
            rows: vec![row(1, 64, "dict of a b"), row(1, 56, "")],
        }
    }

    #[test]
    fn a_record_is_read_back() {
        for format in [StatFormat::Set, StatFormat::Id, StatFormat::Diff] {
            let stat = stat(format);
            assert_eq!(read_record(&record_lines(&stat)), Ok(stat));
        }
        let lines = record_lines(&stat(StatFormat::Set));
        assert_eq!(lines[2], ".timemade: 1795221987.937015\n");
        assert_eq!(lines[8], ".r: 1 64 dict of a b\n");
        assert_eq!(lines.last().unwrap(), ".end: .loader: _load_stat\n");
    }

    #[test]
    fn what_is_no_record_says_so() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        for (text, expected) in [
            (
                "",
                "line 0 of the record: expected a record that begins with .loader: _load_stat, found \"\"",
            ),
            (
                "hello",
                "line 1 of the record: expected a line such as .name: value, found \"hello\"",
            ),
            (
                ".count: 1",
                "line 1 of the record: expected the line .loader: _load_stat, found \".count: 1\"",
            ),
            (
                ".loader: _load_stat\n.count: x",
                "line 2 of the record: expected a whole number, found \".count: x\"",
            ),
            (
                ".loader: _load_stat\n.numrows: 2\n.r: 1 2 a",
                "line 3 of the record: expected as many rows as .numrows says, found \".r: 1 2 a\"",
            ),
            (
                ".loader: _load_stat\n.numrows: 1\n.r: 1",
                "line 3 of the record: expected a row's numbers and its name, found \".r: 1\"",
            ),
        ] {
            assert_eq!(read_record(&lines(text)).unwrap_err().to_string(), expected);
        }
    }
}
