//! The rows of a snapshot: in which order, how long, and filled by all cores.

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use snakeroot::id::{LabelId, NodeId};

use crate::marks::{Marks, Numbers, Place};
use crate::tables::Record;

/// Nodes that one core takes at a time.
pub(crate) const CHUNK: usize = 1 << 16;

/// Takes what stands at some places, ascending, out of a vector.
pub(crate) fn take_out<T: Copy>(vector: &mut Vec<T>, places: &[usize]) {
    let mut to = places.first().copied().unwrap_or(vector.len());
    for (at, &place) in places.iter().enumerate() {
        let next = places.get(at + 1).copied().unwrap_or(vector.len());
        vector.copy_within(place + 1..next, to);
        to += next - place - 1;
    }
    vector.truncate(to);
}

/// The record of each node, by the node's number.
///
/// `queue` has each record's object.
pub(crate) fn records_in_order(queue: &[usize], marks: &Marks, numbers: &Numbers<'_>) -> Vec<u32> {
    let mut order = vec![0_u32; queue.len()];
    let shared = shared(&mut order);
    queue.par_iter().with_min_len(CHUNK).enumerate().for_each(|(record, &object)| {
        let number = numbers.of(marks.place(object));
        shared[number as usize].store(record as u32, Ordering::Relaxed);
    });
    order
}

/// Numbers that cores write to at the same time.
pub(crate) fn shared(numbers: &mut [u32]) -> &[AtomicU32] {
    // SAFETY: an atomic number lies in memory as a plain one does, and while
    // this borrow lasts nothing else has the numbers.
    unsafe { &*(std::ptr::from_mut(numbers) as *const [AtomicU32]) }
}

/// Where each row starts and the last one ends, and after it as many zeros as
/// there are `more` rows.
pub(crate) fn starts_of(lengths: &[u32], more: usize) -> Vec<u64> {
    let sum = |lengths: &[u32]| lengths.iter().map(|&length| u64::from(length)).sum();
    let sums: Vec<u64> = lengths.par_chunks(CHUNK).map(sum).collect();
    let before = sums.iter().scan(0, |end, sum| Some(std::mem::replace(end, *end + sum)));
    let before: Vec<u64> = before.collect();
    let mut starts = vec![0_u64; lengths.len() + more + 1];
    let ends = starts[1..=lengths.len()].par_chunks_mut(CHUNK);
    (ends, lengths.par_chunks(CHUNK), before).into_par_iter().for_each(
        |(ends, lengths, before)| {
            let mut end = before;
            for (place, &length) in ends.iter_mut().zip(lengths) {
                end += u64::from(length);
                *place = end;
            }
        },
    );
    starts
}

/// Adds to each node's count how many of the edges end there.
///
/// Some cores have a range of the nodes each and go through all edges: where
/// they shared the counts, each edge would cost them more than it costs to look
/// at it a few times. Counts wrap around.
pub(crate) fn count_edges(targets: &[NodeId], counts: &mut [u32]) {
    /// More cores would only wait for memory.
    const MOST_CORES: usize = 4;
    let range = counts.len().div_ceil(rayon::current_num_threads().min(MOST_CORES)).max(1);
    counts.par_chunks_mut(range).enumerate().for_each(|(at, counts)| {
        let first = at * range;
        for target in targets {
            if let Some(count) = counts.get_mut(target.index().wrapping_sub(first)) {
                *count = count.wrapping_add(1);
            }
        }
    });
}

/// How many edges of each record lead to some records; records without one are left out.
pub(crate) fn edges_to(
    some: &HashSet<u32>,
    place_of: impl Fn(u32) -> Place,
    edges: &[(Place, u32)],
    first: usize,
    records: &[Record],
) -> HashMap<u32, u32> {
    /// A table of 16 KiB: large enough that hardly an edge seems to lead there.
    const TABLE_BITS: u32 = 17;
    if some.is_empty() {
        return HashMap::new();
    }
    // Nearly all edges lead elsewhere, which a table in the core's cache tells.
    let bit = |place: Place| place.0.wrapping_mul(0x9e37_79b1) as usize >> (32 - TABLE_BITS);
    let mut table = vec![0_u64; 1 << (TABLE_BITS - 6)];
    let wanted: HashSet<u32> = some.iter().map(|&record| place_of(record).0).collect();
    for &place in &wanted {
        table[bit(Place(place)) / 64] |= 1 << (bit(Place(place)) % 64);
    }
    let found: Vec<usize> = edges[first..]
        .par_chunks(CHUNK)
        .enumerate()
        .flat_map_iter(|(piece, edges)| {
            let (table, wanted) = (&table, &wanted);
            let hits = edges.iter().enumerate().filter(move |(_, (place, _))| {
                let bit = bit(*place);
                table[bit / 64] >> (bit % 64) & 1 != 0 && wanted.contains(&place.0)
            });
            hits.map(move |(at, _)| first + piece * CHUNK + at)
        })
        .collect();
    let mut counts = HashMap::new();
    for edge in found {
        let record = records.partition_point(|record| record.end <= edge as u64);
        *counts.entry(record as u32).or_default() += 1;
    }
    counts
}

/// A node's row that is being filled.
pub(crate) struct Row<'a> {
    targets: &'a mut [MaybeUninit<NodeId>],
    labels: &'a mut [MaybeUninit<LabelId>],
    filled: usize,
}

impl Row<'_> {
    #[inline]
    pub(crate) fn push(&mut self, target: NodeId, label: LabelId) {
        self.targets[self.filled].write(target);
        self.labels[self.filled].write(label);
        self.filled += 1;
    }
}

/// Fills each node's row from its record, many nodes at once.
///
/// `fill` pushes as many edges as the row has.
pub(crate) fn fill_rows(
    order: &[u32],
    starts: &[u64],
    fill: impl Fn(usize, &mut Row<'_>) + Sync,
) -> (Vec<NodeId>, Vec<LabelId>) {
    let edges = *starts.last().expect("rows have a start and an end") as usize;
    let mut targets: Vec<NodeId> = Vec::with_capacity(edges);
    let mut labels: Vec<LabelId> = Vec::with_capacity(edges);
    let mut pieces = Vec::with_capacity(order.len() / CHUNK + 1);
    let mut rest =
        (&mut targets.spare_capacity_mut()[..edges], &mut labels.spare_capacity_mut()[..edges]);
    for (chunk, records) in order.chunks(CHUNK).enumerate() {
        let first = chunk * CHUNK;
        let length = (starts[first + records.len()] - starts[first]) as usize;
        let (own_targets, rest_targets) = rest.0.split_at_mut(length);
        let (own_labels, rest_labels) = rest.1.split_at_mut(length);
        rest = (rest_targets, rest_labels);
        pieces.push((first, records, own_targets, own_labels));
    }
    pieces.into_par_iter().for_each(|(first, records, mut targets, mut labels)| {
        for (at, &record) in records.iter().enumerate() {
            let length = (starts[first + at + 1] - starts[first + at]) as usize;
            let own = targets.split_at_mut(length);
            let own_labels = labels.split_at_mut(length);
            (targets, labels) = (own.1, own_labels.1);
            let mut row = Row { targets: own.0, labels: own_labels.0, filled: 0 };
            fill(record as usize, &mut row);
            assert_eq!(row.filled, length, "a row has as many edges as were counted");
        }
    });
    // SAFETY: the rows lie side by side from the first place to the last, and
    // each was seen to be full.
    unsafe {
        targets.set_len(edges);
        labels.set_len(edges);
    }
    (targets, labels)
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, count_edges, starts_of, take_out};
    use snakeroot::id::NodeId;

    #[test]
    fn rows_start_where_those_before_end() {
        for count in [0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7] {
            let lengths: Vec<u32> = (0..count).map(|row| row as u32 * 7 % 5).collect();
            let mut expected = vec![0];
            expected.extend(lengths.iter().scan(0, |end, &length| {
                *end += u64::from(length);
                Some(*end)
            }));
            expected.extend([0, 0]);
            assert_eq!(starts_of(&lengths, 2), expected, "{count} rows");
        }
    }

    #[test]
    fn every_edge_counts_once_where_it_ends() {
        for nodes in [1, 2, 3, 7, 1000] {
            let targets: Vec<NodeId> =
                (0..5000_usize).map(|edge| NodeId::from_index(edge * edge % nodes)).collect();
            let mut counts = vec![0; nodes];
            counts[0] = 0_u32.wrapping_sub(1);
            count_edges(&targets, &mut counts);
            for (node, &count) in counts.iter().enumerate() {
                let there = targets.iter().filter(|target| target.index() == node).count() as u32;
                assert_eq!(count, there - u32::from(node == 0), "{node} of {nodes}");
            }
        }
        count_edges(&[], &mut []);
    }

    #[test]
    fn what_is_taken_out_leaves_no_hole() {
        for places in [&[][..], &[0], &[4], &[0, 1, 4], &[1, 3], &[0, 1, 2, 3, 4]] {
            let mut vector = vec![10, 11, 12, 13, 14];
            let left = (0..5).filter(|at| !places.contains(at)).map(|at| at + 10);
            let expected: Vec<i32> = left.map(|value| value as i32).collect();
            take_out(&mut vector, places);
            assert_eq!(vector, expected, "without {places:?}");
        }
    }
}
