//! Numbers that an object keeps from one export to the next.

use std::fmt;

use snakeroot::Graph;
use snakeroot::analysis::diff::{self, Apart};
use snakeroot::watch::{Stopped, Watch};

/// A number for each node of a heap: that which it had in earlier heaps of the same
/// process, or a new one.
///
/// `earlier` are the heaps, the oldest first, that were exported before; the first of
/// them by itself, each other one with those before it. What is in the last of
/// them, by address and type, keeps its number.
///
/// # Errors
///
/// When one is of another process, when there are more nodes than numbers, or when the
/// watch stops it.
///
/// # Complexity
///
/// O(V) time for each heap; 8 bytes a node of one of them are held.
pub fn stable_numbers(
    earlier: &[&Graph],
    graph: &Graph,
    watch: &dyn Watch,
) -> Result<Vec<u32>, NotEarlier> {
    let Some(first) = earlier.first() else {
        return Ok((0..graph.node_count() as u32).collect());
    };
    let mut numbers: Vec<u32> = (0..first.node_count() as u32).collect();
    let mut next = first.node_count() as u32;
    let later = earlier[1..].iter().copied().chain([graph]);
    for (old, new) in earlier.iter().zip(later) {
        if let Some(apart) = Apart::of(old.snapshot(), new.snapshot()) {
            return Err(NotEarlier::Apart(apart));
        }
        let partners = diff::partners(old, new, watch)?;
        let mut ours = Vec::with_capacity(new.node_count());
        for node in new.snapshot().nodes() {
            ours.push(match partners.of(node) {
                Some(partner) => numbers[partner.index()],
                None => {
                    let number = next;
                    next = next.checked_add(1).ok_or(NotEarlier::TooMany)?;
                    number
                }
            });
        }
        numbers = ours;
    }
    Ok(numbers)
}

/// Why objects cannot keep their numbers.
#[derive(Debug)]
pub enum NotEarlier {
    /// The heaps are of two processes.
    Apart(Apart),
    /// There are more objects than numbers.
    TooMany,
    /// Who watches stopped it.
    Stopped,
}

impl From<Stopped> for NotEarlier {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl fmt::Display for NotEarlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart(apart) => write!(f, "{apart}"),
            Self::TooMany => f.write_str("the heaps have more objects than there are numbers"),
            Self::Stopped => write!(f, "{Stopped}"),
        }
    }
}

impl std::error::Error for NotEarlier {}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(text: &str) -> Graph {
        Graph::from_notation(text).unwrap()
    }

    #[test]
    fn what_is_the_same_keeps_its_number_over_several_heaps() {
        // The notation lays nodes out in the order in which they appear.
        let one = heap("root -> a@T -> b@T -> c@T");
        let two = heap("root -> a@T -> b@U -> c@T; c -> d@T");
        let three = heap("root -> a@T -> b@U -> c@V; c -> d@T -> e@T");
        assert_eq!(stable_numbers(&[], &one, &()).unwrap(), [0, 1, 2, 3]);
        assert_eq!(stable_numbers(&[&one], &two, &()).unwrap(), [0, 1, 4, 3, 5]);
        assert_eq!(stable_numbers(&[&one, &two], &three, &()).unwrap(), [0, 1, 4, 6, 5, 7]);
    }
}
