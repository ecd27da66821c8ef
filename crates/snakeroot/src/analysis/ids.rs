//! Ids by the name of their type at two moments: what `get_new_ids` tells.
//!
//! An id is an address. One that was there before may mean another object by
//! now, if the first one died meanwhile.

use indexmap::IndexMap;

use super::tally::name_of;
use crate::id::NodeId;
use crate::snapshot::Snapshot;

/// Ids of objects, ascending, under the names of their types.
pub type Ids = IndexMap<String, Vec<u64>>;

/// The addresses of nodes by the name of their type.
///
/// # Complexity
///
/// O(N log N) time.
pub fn ids(snapshot: &Snapshot, nodes: impl IntoIterator<Item = NodeId>, shortnames: bool) -> Ids {
    let names = snapshot.types().iter().map(|entry| name_of(entry, shortnames));
    let names: Vec<String> = names.collect();
    let mut ids = Ids::new();
    for node in nodes {
        let name = &names[snapshot.type_ids()[node.index()].index()];
        let place = ids.get_index_of(name);
        let place = place.unwrap_or_else(|| ids.insert_full(name.clone(), Vec::new()).0);
        ids[place].push(snapshot.address(node));
    }
    ids.values_mut().for_each(|ids| ids.sort_unstable());
    ids
}

/// How the ids under one name changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdRow {
    /// The name of the type.
    pub name: String,
    /// How many ids there were.
    pub old: u64,
    /// How many there are.
    pub current: u64,
    /// How many of these there were not.
    pub new: u64,
}

impl IdRow {
    /// How many more there are than there were.
    pub fn change(&self) -> i64 {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        number(self.current) - number(self.old)
    }
}

/// By which column rows of ids are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdColumn {
    /// [`IdRow::old`].
    Old,
    /// [`IdRow::current`].
    Current,
    /// [`IdRow::new`].
    New,
    /// [`IdRow::change`].
    Deltas,
}

impl IdColumn {
    /// The column that a word of objgraph's names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "old" => Some(Self::Old),
            "current" => Some(Self::Current),
            "new" => Some(Self::New),
            "deltas" => Some(Self::Deltas),
            _ => None,
        }
    }

    /// Sorts rows by this column and then by name, both descending.
    pub fn sort(self, rows: &mut [IdRow]) {
        rows.sort_by(|one, other| {
            let number = |row: &IdRow| match self {
                Self::Old => row.old as i64,
                Self::Current => row.current as i64,
                Self::New => row.new as i64,
                Self::Deltas => row.change(),
            };
            (number(other), &other.name).cmp(&(number(one), &one.name))
        });
    }
}

/// The ids of one moment beside those of the moment before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdHistory {
    /// Those of the latest moment. A name stays with none for one moment more.
    pub current: Ids,
    /// Those that are in `current` and were not there before; every name of `current`.
    pub new: Ids,
}

impl IdHistory {
    /// Takes the ids of a new moment in; the ids of the moment before, and a row for each name.
    ///
    /// # Complexity
    ///
    /// O(ids) time.
    pub fn advance(&mut self, mut now: Ids) -> (Ids, Vec<IdRow>) {
        let mut old = std::mem::take(&mut self.current);
        self.new.clear();
        // Names that were known keep their place.
        for name in old.keys() {
            let ids = now.get_mut(name).map(std::mem::take).unwrap_or_default();
            self.current.insert(name.clone(), ids);
        }
        self.current.extend(now.into_iter().filter(|(name, _)| !old.contains_key(name)));
        let had_some = |name: &String| old.get(name).is_some_and(|ids| !ids.is_empty());
        self.current.retain(|name, ids| !ids.is_empty() || had_some(name));
        old.retain(|name, _| self.current.contains_key(name));
        let mut rows = Vec::with_capacity(self.current.len());
        for (name, ids) in &self.current {
            let before = old.get(name).map_or(&[][..], |ids| ids);
            let new = missing(ids, before);
            rows.push(IdRow {
                name: name.clone(),
                old: before.len() as u64,
                current: ids.len() as u64,
                new: new.len() as u64,
            });
            self.new.insert(name.clone(), new);
        }
        (old, rows)
    }
}

/// Of ascending ids those that are not among others, ascending too.
fn missing(ids: &[u64], others: &[u64]) -> Vec<u64> {
    let mut others = others.iter().peekable();
    let is_missing = |id: &&u64| {
        while others.next_if(|other| other < id).is_some() {}
        others.peek() != Some(id)
    };
    ids.iter().filter(is_missing).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids_of(text: &[(&str, &[u64])]) -> Ids {
        text.iter().map(|&(name, ids)| (name.to_owned(), ids.to_vec())).collect()
    }

    #[test]
    fn a_name_without_ids_stays_for_one_moment_more() {
        let mut history = IdHistory::default();
        let (old, rows) = history.advance(ids_of(&[("list", &[1, 2, 3]), ("dict", &[9])]));
        assert!(old.is_empty());
        assert_eq!(rows.iter().map(|row| row.new).collect::<Vec<_>>(), [3, 1]);
        let (old, rows) = history.advance(ids_of(&[("set", &[7]), ("list", &[2, 4])]));
        assert_eq!(old, ids_of(&[("list", &[1, 2, 3]), ("dict", &[9])]));
        let row = |name: &str, old, current, new| IdRow { name: name.into(), old, current, new };
        assert_eq!(rows, [row("list", 3, 2, 1), row("dict", 1, 0, 0), row("set", 0, 1, 1)]);
        assert_eq!(history.new, ids_of(&[("list", &[4]), ("dict", &[]), ("set", &[7])]));
        assert_eq!(rows.iter().map(IdRow::change).collect::<Vec<_>>(), [-1, -1, 1]);
        let (_, rows) = history.advance(ids_of(&[("set", &[7]), ("list", &[2, 4])]));
        assert_eq!(rows, [row("list", 2, 2, 0), row("set", 1, 1, 0)]);
        assert!(!history.new.contains_key("dict"));
    }

    #[test]
    fn rows_are_sorted_by_a_column_and_then_by_name_backwards() {
        let row = |name: &str, old, current, new| IdRow { name: name.into(), old, current, new };
        let rows = [row("a", 1, 5, 5), row("b", 5, 1, 1), row("c", 1, 5, 4)];
        for (word, expected) in
            [("old", "bca"), ("current", "cab"), ("new", "acb"), ("deltas", "cab")]
        {
            let mut rows = rows.clone();
            IdColumn::from_word(word).unwrap().sort(&mut rows);
            assert_eq!(rows.map(|row| row.name).concat(), expected, "by {word}");
        }
        assert_eq!(IdColumn::from_word("delta"), None);
    }

    #[test]
    fn new_ids_are_those_that_were_not_there() {
        for seed in 0_u64..500 {
            let some = |salt: u64| -> Vec<u64> {
                (0..12)
                    .filter(|at| (seed * 37 + salt).wrapping_mul(0x9e37_79b9) >> at & 1 == 1)
                    .collect()
            };
            let (before, now) = (some(1), some(5));
            let expected: Vec<u64> =
                now.iter().copied().filter(|id| !before.contains(id)).collect();
            assert_eq!(missing(&now, &before), expected);
        }
    }
}
