//! What the search for an order asks of neighbours: who they are, where they
//! stand on the whole, and how many of their joins cross.

/// Neighbours in one direction, as compressed sparse rows.
pub(crate) struct Side {
    starts: Vec<u32>,
    pub(crate) others: Vec<u32>,
}

impl Side {
    pub(crate) fn new(vertices: usize, ends: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0u32; vertices + 1];
        for (from, _) in ends.clone() {
            starts[from as usize + 1] += 1;
        }
        for vertex in 0..vertices {
            starts[vertex + 1] += starts[vertex];
        }
        let mut next = starts.clone();
        let mut others = vec![0u32; starts[vertices] as usize];
        for (from, to) in ends {
            others[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        Self { starts, others }
    }

    pub(crate) fn range(&self, vertex: u32) -> std::ops::Range<usize> {
        self.starts[vertex as usize] as usize..self.starts[vertex as usize + 1] as usize
    }

    pub(crate) fn of(&self, vertex: u32) -> &[u32] {
        &self.others[self.range(vertex)]
    }
}

/// With `left` left of `right`: pairs that an exchange would cross less those
/// that cross now. Both ascend.
pub(crate) fn pair(left: &[u32], right: &[u32]) -> i64 {
    if let ([one], [other]) = (left, right) {
        return match one.cmp(other) {
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => -1,
        };
    }
    let (mut below, mut upto) = (0, 0);
    let mut sum = 0i64;
    for &place in left {
        while below < right.len() && right[below] < place {
            below += 1;
        }
        while upto < right.len() && right[upto] <= place {
            upto += 1;
        }
        sum += (right.len() - upto) as i64 - below as i64;
    }
    sum
}

/// The median, weighted to the side where the neighbours stand closer.
pub(crate) fn median(places: &[u32]) -> f32 {
    let middle = places.len() / 2;
    if places.len() % 2 == 1 {
        return places[middle] as f32;
    }
    let (low, high) = (places[middle - 1] as f32, places[middle] as f32);
    if places.len() == 2 {
        return (low + high) / 2.0;
    }
    let left = low - places[0] as f32;
    let right = places[places.len() - 1] as f32 - high;
    if left + right == 0.0 {
        (low + high) / 2.0
    } else {
        (low * right + high * left) / (left + right)
    }
}

pub(crate) fn mean(places: &[u32]) -> f32 {
    places.iter().map(|&place| place as f32).sum::<f32>() / places.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_median_leans_to_the_denser_side() {
        assert_eq!(median(&[3]), 3.0);
        assert_eq!(median(&[1, 4]), 2.5);
        assert!(median(&[0, 1, 5, 12]) < 3.0);
    }

    proptest! {
        #[test]
        fn an_exchange_gains_what_comparing_each_pair_says(
            mut left in prop::collection::vec(0u32..6, 0..6),
            mut right in prop::collection::vec(0u32..6, 0..6),
        ) {
            left.sort_unstable();
            right.sort_unstable();
            let mut slow = 0;
            for one in &left {
                for other in &right {
                    slow += i64::from(one < other) - i64::from(one > other);
                }
            }
            prop_assert_eq!(pair(&left, &right), slow);
        }
    }
}
