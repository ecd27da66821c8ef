//! What the pause writes into: records, texts, and the memory for them.

use rayon::prelude::*;
use snakeroot::parallel;
use snakeroot::snapshot::Flags;

use crate::marks::Place;

/// What is recorded of an object while the pause lasts.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    /// Where its edges end; they start where those of the one before end.
    pub(crate) end: u64,
    pub(crate) ty: u32,
    /// `u32::MAX` where the size stands apart.
    pub(crate) size: u32,
    pub(crate) refcount: u32,
    pub(crate) flags: Flags,
}

/// A thread or a frame: a node that is no object.
pub(crate) struct Synthetic {
    pub(crate) name: String,
    pub(crate) is_thread: bool,
    /// Where its edges to objects end.
    pub(crate) end: u64,
    /// For a frame, the thread it belongs to, as a place among the synthetics.
    pub(crate) thread: usize,
}

/// A tuple of a function whose items have names.
#[derive(Clone, Copy)]
pub(crate) struct NamedItems {
    /// The label of the first item; the others follow.
    pub(crate) first: u32,
    /// How many have names; none if two functions call them differently.
    pub(crate) count: u32,
    /// How many functions hold the tuple.
    pub(crate) holders: u32,
}

/// A word of a thread or a frame that is a reference if an object's count says
/// that there is one more than is known of.
pub(crate) struct Suspect {
    /// A place among the synthetics.
    pub(crate) owner: usize,
    pub(crate) label: u32,
    pub(crate) word: usize,
}

/// From a type's address to its place among the infos.
pub(crate) struct TypeMap {
    /// Address and place, at the address's hash or behind it; a power of two long.
    slots: Vec<(usize, u32)>,
    count: usize,
}

impl TypeMap {
    pub(crate) fn new() -> Self {
        Self { slots: vec![(0, 0); 4096], count: 0 }
    }

    #[inline(always)]
    fn start(address: usize, mask: usize) -> usize {
        ((address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) & mask
    }

    #[inline(always)]
    pub(crate) fn get(&self, address: usize) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = Self::start(address, mask);
        loop {
            let (known, place) = self.slots[at];
            if known == address {
                return Some(place);
            }
            if known == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    pub(crate) fn insert(&mut self, address: usize, place: u32) {
        if (self.count + 1) * 2 > self.slots.len() {
            let grown = vec![(0, 0); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, grown);
            self.count = 0;
            for (known, place) in old {
                if known != 0 {
                    self.insert(known, place);
                }
            }
        }
        let mask = self.slots.len() - 1;
        let mut at = Self::start(address, mask);
        while self.slots[at].0 != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (address, place);
        self.count += 1;
    }
}

/// Text for some of the records.
#[derive(Default)]
pub(crate) struct RecordText {
    /// The record and where its text ends.
    pub(crate) ends: Vec<(u32, usize)>,
    pub(crate) text: Vec<u8>,
}

impl RecordText {
    pub(crate) fn add(&mut self, record: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.len();
        write(&mut self.text);
        if self.text.len() > before {
            self.ends.push((record as u32, self.text.len()));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.ends.iter().enumerate().map(|(at, &(record, end))| {
            let start = if at == 0 { 0 } else { self.ends[at - 1].1 };
            (record as usize, &self.text[start..end])
        })
    }
}

/// Memory for what the pause writes, asked for and touched before it.
///
/// The first touch of a page costs more than all that is then written to it.
pub(crate) struct Room {
    pub(crate) queue: Vec<usize>,
    pub(crate) records: Vec<Record>,
    pub(crate) edges: Vec<(Place, u32)>,
}

impl Room {
    /// Room for `most` objects, touched as far as `likely` ones need.
    ///
    /// `None` where not even what is likely can be had.
    pub(crate) fn new(most: usize, likely: usize) -> Option<Self> {
        let record = Record { end: 0, ty: 0, size: 0, refcount: 0, flags: Flags(0) };
        let mut room = Self { queue: Vec::new(), records: Vec::new(), edges: Vec::new() };
        let reserve = |room: &mut Self, objects: usize| {
            room.queue.try_reserve_exact(objects).is_ok()
                && room.records.try_reserve_exact(objects).is_ok()
                && room.edges.try_reserve_exact(objects * 3).is_ok()
        };
        if !reserve(&mut room, most) {
            room = Self { queue: Vec::new(), records: Vec::new(), edges: Vec::new() };
            if !reserve(&mut room, likely) {
                return None;
            }
        }
        touch(&mut room.queue, likely, 0);
        touch(&mut room.records, likely, record);
        touch(&mut room.edges, likely + likely / 4, (Place(0), 0));
        Some(room)
    }
}

/// Writes to every page of the first `count` places of an empty vector, on all cores.
fn touch<T: Copy + Send + Sync>(vector: &mut Vec<T>, count: usize, value: T) {
    const PAGE_BYTES: usize = 4096;
    const CHUNK_BYTES: usize = 4 << 20;
    let step = (PAGE_BYTES / size_of::<T>()).max(1);
    let spare = vector.spare_capacity_mut();
    let count = count.min(spare.len());
    parallel::run(|| {
        spare[..count].par_chunks_mut(CHUNK_BYTES / size_of::<T>()).for_each(|chunk| {
            for place in chunk.iter_mut().step_by(step) {
                place.write(value);
            }
        });
    });
}
