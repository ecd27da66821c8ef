//! Numbers about a set without the set: what heapy keeps in its files.

use std::collections::HashMap;
use std::fmt;

use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::RootKind;
use crate::watch::{Stopped, Watch};

/// As what a table of numbers is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatFormat {
    /// A row a kind.
    Set,
    /// A row an object.
    Id,
    /// What one table has more than another.
    Diff,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatRow {
    /// How many objects.
    pub count: i64,
    /// Their shallow sizes together, in bytes.
    pub size: i64,
    /// What they are.
    pub name: String,
}

/// A table of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Stat {
    /// As what it is printed.
    pub format: StatFormat,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub time_made: f64,
    /// Objects of all rows.
    pub count: i64,
    /// Bytes of all rows.
    pub size: i64,
    /// The one kind that all are of, where the rows are objects.
    pub kind_name: String,
    /// What the names of the rows are.
    pub kind_header: String,
    /// Of a difference: objects and bytes of what it was taken from.
    pub compared_with: Option<(i64, i64)>,
    /// The rows.
    pub rows: Vec<StatRow>,
}

/// Two tables that cannot be compared: the headers of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherHeader(pub String, pub String);

impl fmt::Display for OtherHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected two tables of the same kinds, found {:?} and {:?}", self.0, self.1)
    }
}

impl std::error::Error for OtherHeader {}

impl Stat {
    /// Some of the rows, as a table of their own.
    pub fn part(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let rows: Vec<StatRow> = rows.into_iter().map(|row| self.rows[row].clone()).collect();
        let count = rows.iter().map(|row| row.count).sum();
        let size = rows.iter().map(|row| row.size).sum();
        Self { count, size, rows, ..self.clone() }
    }

    /// The `most` largest rows by bytes, or by objects, and what the others have together, each where its
    /// size or count puts it; the place of a row in the table, and `None` for the others.
    pub fn largest_and_other(&self, most: usize, by_count: bool) -> Vec<(StatRow, Option<usize>)> {
        let rows = self.rows.iter().cloned().enumerate();
        let mut rows: Vec<(StatRow, Option<usize>)> =
            rows.map(|(place, row)| (row, Some(place))).collect();
        if by_count {
            rows.sort_by_key(|(row, _)| std::cmp::Reverse(row.count));
        }
        if rows.len() <= most {
            return rows;
        }
        rows.truncate(most);
        let count = self.count - rows.iter().map(|(row, _)| row.count).sum::<i64>();
        let size = self.size - rows.iter().map(|(row, _)| row.size).sum::<i64>();
        let is_less = |row: &StatRow| if by_count { row.count < count } else { row.size < size };
        let place = rows.iter().position(|(row, _)| is_less(row)).unwrap_or(rows.len());
        rows.insert(place, (StatRow { count, size, name: "<Other>".into() }, None));
        rows
    }

    /// What this table has more than another, largest differences of bytes first; what is the same in both is left out.
    ///
    /// # Errors
    ///
    /// [`OtherHeader`] where the rows of the other one are something else.
    pub fn difference(&self, other: &Self, time_made: f64) -> Result<Self, OtherHeader> {
        if self.kind_header != other.kind_header {
            return Err(OtherHeader(self.kind_header.clone(), other.kind_header.clone()));
        }
        // Rows of one name are one; the first says where it stands.
        let mut left: HashMap<&str, (usize, i64, i64)> = HashMap::new();
        for (place, row) in other.rows.iter().enumerate() {
            let (_, count, size) = left.entry(&row.name).or_insert((place, 0, 0));
            *count += row.count;
            *size += row.size;
        }
        let mut rows: Vec<StatRow> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in &self.rows {
            let (_, count, size) = left.remove(row.name.as_str()).unwrap_or_default();
            let (count, size) = (row.count - count, row.size - size);
            if count == 0 && size == 0 {
                continue;
            }
            match places.get(row.name.as_str()) {
                Some(&place) => {
                    rows[place].count += count;
                    rows[place].size += size;
                }
                None => {
                    places.insert(&row.name, rows.len());
                    rows.push(StatRow { count, size, name: row.name.clone() });
                }
            }
        }
        let mut gone: Vec<(&str, (usize, i64, i64))> = left.into_iter().collect();
        gone.sort_by_key(|(_, (place, ..))| *place);
        let gone = gone.into_iter().map(|(name, (_, count, size))| StatRow {
            count: -count,
            size: -size,
            name: name.into(),
        });
        rows.extend(gone);
        rows.sort_by_key(|row| std::cmp::Reverse(row.size.abs()));
        Ok(Self {
            format: StatFormat::Diff,
            time_made,
            count: rows.iter().map(|row| row.count).sum(),
            size: rows.iter().map(|row| row.size).sum(),
            kind_name: self.kind_name.clone(),
            kind_header: self.kind_header.clone(),
            compared_with: Some((other.count, other.size)),
            rows,
        })
    }
}

/// The objects that no GC root with a name leads to: garbage, and what only C code holds.
///
/// # Complexity
///
/// O(V + E) time; an eighth of a byte a node, and 4 bytes a node at the edge of the search.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn unreachable(graph: &Graph, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    const TICK: u64 = 1 << 16;
    let snapshot = graph.snapshot();
    let is_named =
        |node: &NodeId| snapshot.root(*node).is_none_or(|root| root.kind != RootKind::HeldFromC);
    let mut seen = NodeSet::new(graph.node_count());
    let roots = super::super::roots(graph).filter(is_named);
    let mut stack: Vec<NodeId> = roots.filter(|&root| seen.insert(root)).collect();
    let mut reached = 0;
    while let Some(node) = stack.pop() {
        reached += 1;
        if reached % TICK == 0 {
            watch.tick(reached, graph.node_count() as u64)?;
        }
        stack.extend(graph.strong_referents(node).filter(|&next| seen.insert(next)));
    }
    let mut found = NodeSet::all(snapshot.object_count(), graph.node_count());
    found.subtract(&seen);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(rows: &[(i64, i64, &str)]) -> Stat {
        let rows: Vec<StatRow> = rows
            .iter()
            .map(|&(count, size, name)| StatRow { count, size, name: name.into() })
            .collect();
        Stat {
            format: StatFormat::Set,
            time_made: 1.0,
            count: rows.iter().map(|row| row.count).sum(),
            size: rows.iter().map(|row| row.size).sum(),
            kind_name: String::new(),
            kind_header: "Type".into(),
            compared_with: None,
            rows,
        }
    }

    #[test]
    fn a_difference_has_what_is_more_what_is_less_and_what_is_gone() {
        let before = stat(&[(2, 100, "list"), (1, 60, "dict"), (5, 50, "str")]);
        let after = stat(&[(3, 150, "list"), (5, 50, "str"), (1, 40, "int")]);
        let found = after.difference(&before, 2.0).unwrap();
        let rows: Vec<_> =
            found.rows.iter().map(|row| (row.count, row.size, row.name.as_str())).collect();
        assert_eq!(rows, [(-1, -60, "dict"), (1, 50, "list"), (1, 40, "int")]);
        assert_eq!((found.count, found.size), (1, 30));
        assert_eq!(found.compared_with, Some((8, 210)));
        let other = Stat { kind_header: "Size".into(), ..before };
        assert!(after.difference(&other, 2.0).is_err());
    }

    #[test]
    fn the_other_rows_stand_where_their_sum_puts_them() {
        let stat = stat(&[(1, 100, "a"), (9, 60, "b"), (5, 50, "c"), (2, 40, "d")]);
        let said = |most, by_count| -> Vec<(i64, String, Option<usize>)> {
            let rows = stat.largest_and_other(most, by_count).into_iter();
            rows.map(|(row, place)| (row.size, row.name, place)).collect()
        };
        let row = |size, name: &str, place| (size, name.to_owned(), place);
        assert_eq!(said(1, false), [row(150, "<Other>", None), row(100, "a", Some(0))]);
        assert_eq!(
            said(2, false),
            [row(100, "a", Some(0)), row(90, "<Other>", None), row(60, "b", Some(1))]
        );
        assert_eq!(
            said(2, true),
            [row(60, "b", Some(1)), row(50, "c", Some(2)), row(140, "<Other>", None)]
        );
        assert_eq!(said(4, false).len(), 4);
        assert_eq!(said(0, false), [row(250, "<Other>", None)]);
    }

    #[test]
    fn what_only_c_holds_has_no_named_root() {
        let graph = Graph::from_notation("root -> a; c!held-from-c -> b a; lost -> more").unwrap();
        let found = unreachable(&graph, &()).unwrap();
        let names: Vec<_> =
            found.iter().map(|node| graph.snapshot().names().get(node).unwrap()).collect();
        assert_eq!(names, ["c", "b", "lost", "more"]);
    }
}
