//! Breadth-first over neighbours that only the caller can name.
//!
//! A [`Graph`](crate::Graph) has its neighbours in rows of its own and its own searches:
//! [`try_neighbourhood`](super::try_neighbourhood) and
//! [`try_shortest_chain`](super::try_shortest_chain). These here are for what is no graph
//! yet: objects whose references are asked for as the search comes by.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A key that was met, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met<K> {
    /// What was met.
    pub key: K,
    /// Its distance from the nearest start.
    pub depth: u32,
    /// How many of its neighbours were not taken.
    pub left_out: u64,
}

/// What [`try_expand`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion<K> {
    /// The starts, each once, then the others as they were met.
    pub met: Vec<Met<K>>,
    /// A place in `met` and that of its neighbour, in the order of the search: all neighbours
    /// of one, then all of the next. As often as the neighbour was named.
    pub taken: Vec<(usize, usize)>,
}

/// How far [`try_expand`] goes, and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// What is at least this far away is not expanded. Any number: an infinite one is no bound.
    pub max_depth: f64,
    /// How many neighbours of one key are taken; the others are counted.
    pub too_many: usize,
}

/// The surroundings of `starts`.
///
/// `neighbours` names those of a key in some order, as often as it likes, and how many there
/// are besides that it does not name. Those that `keep` refuses do not count; of the others the
/// first [`Bounds::too_many`] are taken. Keys for which `stop` is true are not expanded.
///
/// # Errors
///
/// The first error of `neighbours`, `keep` or `stop`.
///
/// # Complexity
///
/// O of the neighbours of all keys that are expanded. No recursion.
pub fn try_expand<K: Copy + Eq + Hash, E>(
    starts: &[K],
    bounds: Bounds,
    mut neighbours: impl FnMut(K) -> Result<(Vec<K>, u64), E>,
    mut keep: impl FnMut(K) -> Result<bool, E>,
    mut stop: impl FnMut(K) -> Result<bool, E>,
) -> Result<Expansion<K>, E> {
    let mut places = HashMap::new();
    let mut found = Expansion { met: Vec::new(), taken: Vec::new() };
    for &key in starts {
        places.entry(key).or_insert_with(|| {
            found.met.push(Met { key, depth: 0, left_out: 0 });
            found.met.len() - 1
        });
    }
    let mut at = 0;
    while let Some(&Met { key, depth, .. }) = found.met.get(at) {
        if f64::from(depth) < bounds.max_depth && !stop(key)? {
            let (named, mut left_out) = neighbours(key)?;
            let mut count = 0;
            for neighbour in named {
                if !keep(neighbour)? {
                    continue;
                }
                if count >= bounds.too_many {
                    left_out += 1;
                    continue;
                }
                count += 1;
                let place = *places.entry(neighbour).or_insert_with(|| {
                    found.met.push(Met { key: neighbour, depth: depth + 1, left_out: 0 });
                    found.met.len() - 1
                });
                found.taken.push((at, place));
            }
            found.met[at].left_out = left_out;
        }
        at += 1;
    }
    Ok(found)
}

/// A shortest path from `start` to a key that `goal` accepts, both included.
///
/// `goal` is asked in breadth-first order, once for each key, first for `start`. Paths have at
/// most `max_depth` steps. Keys for which `skip` is true are neither asked for nor passed
/// through; `start` is never skipped.
///
/// # Errors
///
/// The first error of `neighbours` or `goal`.
///
/// # Complexity
///
/// O of the neighbours of all keys that are passed. No recursion.
pub fn try_path<K: Copy + Eq + Hash, E>(
    start: K,
    max_depth: f64,
    mut neighbours: impl FnMut(K) -> Result<Vec<K>, E>,
    skip: impl Fn(K) -> bool,
    mut goal: impl FnMut(K) -> Result<bool, E>,
) -> Result<Option<Vec<K>>, E> {
    let mut came_from: HashMap<K, Option<K>> = HashMap::from([(start, None)]);
    let mut queue = VecDeque::from([(start, 0_u32)]);
    while let Some((key, depth)) = queue.pop_front() {
        if goal(key)? {
            let mut path = vec![key];
            while let Some(before) = came_from[&path[path.len() - 1]] {
                path.push(before);
            }
            path.reverse();
            return Ok(Some(path));
        }
        if f64::from(depth) >= max_depth {
            continue;
        }
        for neighbour in neighbours(key)? {
            if !skip(neighbour) && !came_from.contains_key(&neighbour) {
                came_from.insert(neighbour, Some(key));
                queue.push_back((neighbour, depth + 1));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// `0 -> 1 1 2; 1 -> 3; 2 -> 3 0; 3 -> 4`
    fn neighbours(key: u32) -> Vec<u32> {
        match key {
            0 => vec![1, 1, 2],
            1 => vec![3],
            2 => vec![3, 0],
            3 => vec![4],
            _ => Vec::new(),
        }
    }

    fn expand(starts: &[u32], max_depth: f64, too_many: usize, refused: u32) -> Expansion<u32> {
        let never = |key| Ok::<_, Infallible>((neighbours(key), 0));
        let bounds = Bounds { max_depth, too_many };
        let keep = |key| Ok(key != refused);
        match try_expand(starts, bounds, never, keep, |key| Ok(key == 3)) {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }

    fn keys(found: &Expansion<u32>) -> Vec<(u32, u32, u64)> {
        found.met.iter().map(|met| (met.key, met.depth, met.left_out)).collect()
    }

    #[test]
    fn neighbours_count_as_often_as_they_are_named() {
        let found = expand(&[0, 0], 3.0, 10, u32::MAX);
        assert_eq!(keys(&found), [(0, 0, 0), (1, 1, 0), (2, 1, 0), (3, 2, 0)]);
        assert_eq!(found.taken, [(0, 1), (0, 1), (0, 2), (1, 3), (2, 3), (2, 0)]);
        let found = expand(&[0], 3.0, 2, u32::MAX);
        assert_eq!(keys(&found), [(0, 0, 1), (1, 1, 0), (3, 2, 0)]);
    }

    #[test]
    fn what_is_refused_does_not_count_and_is_not_passed() {
        let found = expand(&[0], f64::INFINITY, 2, 1);
        assert_eq!(keys(&found), [(0, 0, 0), (2, 1, 0), (3, 2, 0)]);
    }

    #[test]
    fn depth_may_be_any_number() {
        assert_eq!(keys(&expand(&[0], -1.0, 10, u32::MAX)), [(0, 0, 0)]);
        assert_eq!(expand(&[0], 0.5, 10, u32::MAX).met.len(), 3);
    }

    #[test]
    fn a_path_is_a_shortest_one_and_no_longer_than_allowed() {
        let path = |max_depth, skipped, goal| {
            let named = |key| Ok::<_, Infallible>(neighbours(key));
            match try_path(0, max_depth, named, |key| key == skipped, |key| Ok(key == goal)) {
                Ok(path) => path,
                Err(never) => match never {},
            }
        };
        assert_eq!(path(20.0, u32::MAX, 4), Some(vec![0, 1, 3, 4]));
        assert_eq!(path(20.0, 1, 4), Some(vec![0, 2, 3, 4]));
        assert_eq!(path(2.0, u32::MAX, 4), None);
        assert_eq!(path(0.0, 0, 0), Some(vec![0]));
        assert_eq!(path(20.0, 3, 4), None);
    }
}
