//! What is in the heap: how many objects of each type, and how many bytes.

use std::cmp::Reverse;

use indexmap::IndexMap;
use rayon::prelude::*;

use crate::id::{NodeId, TypeId};
use crate::parallel;
use crate::snapshot::Snapshot;

/// How many objects have one type, and their shallow sizes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeCount {
    /// The type.
    pub type_id: TypeId,
    /// How many objects have it.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
}

/// How many objects there are of each type, and how many bytes they take.
///
/// Types that no object has are not in it. Two types with one name are two rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    rows: IndexMap<TypeId, TypeCount>,
    /// The place of each type in the order of their names, by `TypeId`: so that
    /// rows with equal numbers come in the same order for every heap.
    name_places: Vec<u32>,
}

impl Census {
    /// The rows in their order: at first that of the table of types.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &TypeCount> + DoubleEndedIterator {
        self.rows.values()
    }

    /// How many types there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All objects and all bytes.
    pub fn total(&self) -> (u64, u64) {
        self.rows()
            .fold((0, 0), |(count, size), row| (count + row.count, add_sizes(size, row.size)))
    }

    /// A type's row; `None` where no object has the type.
    pub fn get(&self, type_id: TypeId) -> Option<&TypeCount> {
        self.rows.get(&type_id)
    }

    /// The same rows, most objects first; equal ones by the type's name.
    pub fn by_count(&self) -> Census {
        self.sorted_by(|row| row.count)
    }

    /// The same rows, most bytes first; equal ones by the type's name.
    pub fn by_size(&self) -> Census {
        self.sorted_by(|row| row.size)
    }

    /// The same rows, most retained bytes first; equal ones by the type's name.
    ///
    /// `retained` has a number for each type.
    pub fn by_retained(&self, retained: &[u64]) -> Census {
        self.sorted_by(|row| retained[row.type_id.index()])
    }

    fn sorted_by(&self, number: impl Fn(&TypeCount) -> u64) -> Census {
        let mut sorted = self.clone();
        sorted.rows.sort_by_cached_key(|type_id, row| {
            (Reverse(number(row)), self.name_places[type_id.index()])
        });
        sorted
    }
}

/// Counts the objects of each type. Threads and frames are no objects.
///
/// # Complexity
///
/// O(V + T log T) time for T types, on all cores; 16 bytes a type and core of scratch.
pub fn census(snapshot: &Snapshot) -> Census {
    parallel::run(|| count(snapshot))
}

/// Sizes together: a type may give any size for its objects, and more than
/// 2^64 bytes are not there.
fn add_sizes(some: u64, more: u64) -> u64 {
    some.saturating_add(more)
}

fn count(snapshot: &Snapshot) -> Census {
    const NODES_A_PIECE: usize = 1 << 16;
    let types = snapshot.types().len();
    let objects = snapshot.object_count();
    let type_ids = &snapshot.type_ids()[..objects];
    let sizes = &snapshot.packed_sizes()[..objects];

    let counted = type_ids
        .par_chunks(NODES_A_PIECE)
        .zip(sizes.par_chunks(NODES_A_PIECE))
        .enumerate()
        .fold(
            || vec![(0_u64, 0_u64); types],
            |mut counts, (piece, (type_ids, sizes))| {
                for (at, (type_id, &size)) in type_ids.iter().zip(sizes).enumerate() {
                    let (count, bytes) = &mut counts[type_id.index()];
                    *count += 1;
                    let own = match size {
                        u32::MAX => snapshot.size(NodeId::from_index(piece * NODES_A_PIECE + at)),
                        size => u64::from(size),
                    };
                    *bytes = add_sizes(*bytes, own);
                }
                counts
            },
        )
        .reduce_with(|mut some, others| {
            for (to, from) in some.iter_mut().zip(others) {
                to.0 += from.0;
                to.1 = add_sizes(to.1, from.1);
            }
            some
        });

    let counts = counted.unwrap_or_default();
    let rows = counts.into_iter().zip(0..).filter(|((count, _), _)| *count > 0);
    let rows = rows.map(|((count, size), place)| {
        let type_id = TypeId(place);
        (type_id, TypeCount { type_id, count, size })
    });
    Census { rows: rows.collect(), name_places: name_places(snapshot) }
}

/// The place of each type in the order of their names; of two types with one
/// name the one earlier in the table comes first.
fn name_places(snapshot: &Snapshot) -> Vec<u32> {
    let types = snapshot.types();
    let mut order: Vec<u32> = (0..types.len() as u32).collect();
    order.sort_by_cached_key(|&place| types[place as usize].display_name());
    let mut places = vec![0; types.len()];
    for (place, type_id) in order.into_iter().zip(0..) {
        places[place as usize] = type_id;
    }
    places
}
