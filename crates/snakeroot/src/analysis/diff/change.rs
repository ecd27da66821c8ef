//! A row of numbers: how a group of objects changed.

use std::cmp::Reverse;

/// Objects counted, and their shallow sizes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    /// How many objects.
    pub count: u64,
    /// Their shallow sizes together, in bytes; a type may claim any size, so it saturates.
    pub size: u64,
}

impl Amount {
    pub(super) fn add(&mut self, more: Amount) {
        *self = self.plus(more);
    }

    pub(super) fn plus(self, more: Amount) -> Amount {
        Amount { count: self.count + more.count, size: self.size.saturating_add(more.size) }
    }

    fn minus(self, less: Amount) -> Amount {
        let (count, size) = (less.count, less.size);
        Amount { count: self.count.saturating_sub(count), size: self.size.saturating_sub(size) }
    }
}

/// What came and what went of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Turnover {
    /// Objects that only the new heap has.
    pub new: Amount,
    /// Objects that only the old heap has.
    pub gone: Amount,
}

/// What a group retained, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Retained {
    /// In the old heap.
    pub before: u64,
    /// In the new heap.
    pub after: u64,
}

/// How a group of objects changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The full name of the type, or the module.
    pub name: String,
    /// In the old heap.
    pub before: Amount,
    /// In the new heap.
    pub after: Amount,
    /// What came and went; `None` where the heaps are of two processes.
    pub turnover: Option<Turnover>,
    /// What the group retained; `None` where it was not asked for.
    pub retained: Option<Retained>,
}

impl Change {
    /// Several groups together, without a name and without what they retain: they may retain the same bytes.
    pub fn sum(rows: &[Change]) -> Change {
        let mut sum = Change::default();
        for row in rows {
            sum.before.add(row.before);
            sum.after.add(row.after);
            if let Some(turnover) = row.turnover {
                let all = sum.turnover.get_or_insert_default();
                all.new.add(turnover.new);
                all.gone.add(turnover.gone);
            }
        }
        sum
    }

    /// By how many objects the group grew.
    pub fn count_delta(&self) -> i64 {
        delta(self.before.count, self.after.count)
    }

    /// By how many bytes of shallow size the group grew.
    pub fn size_delta(&self) -> i64 {
        delta(self.before.size, self.after.size)
    }

    /// By how many bytes what the group retains grew.
    pub fn retained_delta(&self) -> Option<i64> {
        self.retained.map(|retained| delta(retained.before, retained.after))
    }

    /// The objects that both heaps have, with their sizes in the old one and in
    /// the new one: a list that grew is the same list.
    pub fn survived(&self) -> Option<(Amount, Amount)> {
        let Turnover { new, gone } = self.turnover?;
        Some((self.before.minus(gone), self.after.minus(new)))
    }

    /// Whether anything changed: an object came or went, or a size is another.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
            || self.turnover.is_some_and(|turnover| turnover != Turnover::default())
            || self.retained_delta().is_some_and(|delta| delta != 0)
    }
}

/// Which rows come first: those where the number is the furthest from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The change in shallow size.
    Size,
    /// The change in the number of objects.
    Count,
    /// The shallow sizes of the new objects; the change in size where the heaps are apart.
    New,
    /// The change in retained size, where that was asked for.
    Retained,
}

impl Order {
    /// Takes out the rows without a change and sorts the rest; equal ones by name.
    pub fn arrange(self, rows: &mut Vec<Change>) {
        rows.retain(Change::is_changed);
        rows.sort_by(|some, other| {
            let key = |row: &Change| {
                let number = match self {
                    Self::Size => row.size_delta().unsigned_abs(),
                    Self::Count => row.count_delta().unsigned_abs(),
                    Self::New => row
                        .turnover
                        .map_or(row.size_delta().unsigned_abs(), |turnover| turnover.new.size),
                    Self::Retained => row.retained_delta().unwrap_or(0).unsigned_abs(),
                };
                Reverse(number)
            };
            key(some).cmp(&key(other)).then_with(|| some.name.cmp(&other.name))
        });
    }
}

/// From one number to another; what does not fit is the nearest that does.
pub(super) fn delta(before: u64, after: u64) -> i64 {
    let difference = i128::from(after) - i128::from(before);
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_too_large_is_the_largest() {
        assert_eq!(delta(3, 1), -2);
        assert_eq!(delta(0, u64::MAX), i64::MAX);
        assert_eq!(delta(u64::MAX, 0), i64::MIN);
    }
}
