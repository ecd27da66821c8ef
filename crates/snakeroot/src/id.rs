//! Numbers with a meaning: which object, which type, which edge label.
//!
//! What each number leads to is kept in the snapshot's columns.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// An object in the snapshot: its place in every column, `0..node_count`.
///
/// Not its address: an address is reused once its object dies; a `NodeId` means
/// one object for as long as its snapshot lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct NodeId(NonZeroU32); // place + 1, so that `Option<NodeId>` is 4 bytes too

impl NodeId {
    /// The greatest number of nodes that ids can tell apart.
    pub const MAX_NODES: u64 = u32::MAX as u64;

    /// The node at `place` of every column.
    ///
    /// # Panics
    ///
    /// When `place` is `u32::MAX`: no snapshot has that many nodes.
    #[inline]
    pub const fn new(place: u32) -> Self {
        match NonZeroU32::new(place.wrapping_add(1)) {
            Some(id) => Self(id),
            None => panic!("a node's place is below u32::MAX"),
        }
    }

    /// The node at `index` of every column.
    ///
    /// # Panics
    ///
    /// When `index` is not below `u32::MAX`: no snapshot has that many nodes.
    #[inline]
    pub fn from_index(index: usize) -> Self {
        Self::new(u32::try_from(index).expect("a node's place is below u32::MAX"))
    }

    /// The place, `0..node_count`.
    #[inline]
    pub const fn place(self) -> u32 {
        self.0.get() - 1
    }

    /// The place as an index.
    #[inline]
    pub const fn index(self) -> usize {
        self.place() as usize
    }
}

/// A type in the snapshot's table of types, `0..types.len()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct TypeId(pub u32);

impl TypeId {
    /// The place in the table of types.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An edge's label, packed: an index into a sequence, or a place in the
/// snapshot's table of labels.
///
/// Sequences have as many labels as items, so an index is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct LabelId(u32);

impl LabelId {
    const INDEX_BIT: u32 = 1 << 31;

    /// The greatest index that a label can hold; those beyond it share it.
    pub const MAX_INDEX: u32 = Self::INDEX_BIT - 1;

    /// The label of the `index`-th item of a sequence.
    #[inline]
    pub const fn item(index: u32) -> Self {
        let index = if index > Self::MAX_INDEX { Self::MAX_INDEX } else { index };
        Self(Self::INDEX_BIT | index)
    }

    /// The label at `place` of the table.
    ///
    /// # Panics
    ///
    /// When `place` is above [`LabelId::MAX_INDEX`].
    #[inline]
    pub const fn entry(place: u32) -> Self {
        assert!(place <= Self::MAX_INDEX, "a label's place fits in 31 bits");
        Self(place)
    }

    /// The index into a sequence, if the label is one.
    #[inline]
    pub const fn as_item(self) -> Option<u32> {
        if self.0 & Self::INDEX_BIT != 0 { Some(self.0 & Self::MAX_INDEX) } else { None }
    }

    /// The place in the table of labels, if the label is there.
    #[inline]
    pub const fn as_entry(self) -> Option<u32> {
        if self.0 & Self::INDEX_BIT == 0 { Some(self.0) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_node_costs_no_more_than_a_present_one() {
        assert_eq!(size_of::<Option<NodeId>>(), 4);
        assert_eq!(NodeId::new(0).place(), 0);
        assert_eq!(NodeId::from_index(7).index(), 7);
    }

    #[test]
    fn a_label_is_an_index_or_an_entry_never_both() {
        assert_eq!(LabelId::item(3).as_item(), Some(3));
        assert_eq!(LabelId::item(3).as_entry(), None);
        assert_eq!(LabelId::entry(3).as_entry(), Some(3));
        assert_eq!(LabelId::item(u32::MAX).as_item(), Some(LabelId::MAX_INDEX));
    }
}
