//! Memory outside of Python's own: whose it is, each byte once.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Where memory lies that objects own or are views of.
#[derive(Default)]
pub(crate) struct Outside {
    /// Memory with a known owner, which counts it.
    pub(crate) owned: Vec<(usize, usize)>,
    pub(crate) seen: Vec<Seen>,
}

/// Memory that an object keeps, as far as views of it tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether the object was told by what gives memory away, and not only by
    /// what it was given to.
    pub(crate) gives: bool,
    /// The object that keeps the memory.
    pub(crate) keeper: usize,
}

impl Outside {
    /// How many bytes count at each keeper: those that nothing owns and no
    /// other keeper counts. `is_inside` says what lies in an object itself.
    pub(crate) fn sizes(self, is_inside: impl Fn(&Seen) -> bool) -> HashMap<usize, u64> {
        let Self { mut owned, mut seen } = self;
        seen.retain(|each| each.start < each.end && !is_inside(each));
        let first = seen.iter().map(|each| each.start).min().unwrap_or_default();
        let last = seen.iter().map(|each| each.end).max().unwrap_or_default();
        owned.retain(|&(start, end)| start < last && first < end);
        owned.sort_unstable();
        owned.dedup_by(|next, before| {
            let meets = next.0 <= before.1;
            if meets {
                before.1 = before.1.max(next.1);
            }
            meets
        });
        seen.sort_unstable_by_key(|each| {
            (each.start, Reverse(each.end), Reverse(each.gives), each.keeper)
        });
        let mut sizes = HashMap::new();
        let mut counted = 0;
        for each in seen {
            let start = each.start.max(counted);
            if start >= each.end {
                continue;
            }
            counted = each.end;
            let next = owned.partition_point(|&(_, end)| end <= start);
            let others = owned[next..].iter().take_while(|&&(from, _)| from < each.end);
            let others: usize =
                others.map(|&(from, end)| end.min(each.end) - from.max(start)).sum();
            *sizes.entry(each.keeper).or_default() += (each.end - start - others) as u64;
        }
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(keeper: usize, start: usize, end: usize) -> Seen {
        Seen { start, end, gives: false, keeper }
    }

    #[test]
    fn a_byte_counts_once() {
        let outside = Outside {
            owned: vec![(100, 200), (0, 50), (150, 220), (900, 1000)],
            seen: vec![
                seen(1, 120, 180),
                seen(2, 210, 300),
                seen(3, 280, 320),
                seen(2, 400, 500),
                seen(2, 410, 420),
                seen(4, 600, 700),
                Seen { gives: true, ..seen(5, 600, 700) },
                seen(6, 40, 110),
                seen(7, 2000, 2008),
                seen(8, 3000, 3000),
            ],
        };
        let mut sizes: Vec<_> = outside
            .sizes(|each| each.keeper == 7)
            .into_iter()
            .filter(|&(_, size)| size > 0)
            .collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [(2, 180), (3, 20), (5, 100), (6, 50)]);
    }

    #[test]
    fn nothing_seen_is_nothing() {
        let outside = Outside { owned: vec![(1, 2)], seen: Vec::new() };
        assert!(outside.sizes(|_| false).is_empty());
    }
}
