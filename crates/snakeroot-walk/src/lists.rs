//! The collector's lists, walked in place.
//!
//! Each generation is a ring of headers that lie before their objects. A
//! just-tracked object's neighbour is the head of the young generation; the
//! others lie beside it. Nothing is written, and the permanent generation
//! (`gc.freeze`) is seen too, which `gc.get_objects` leaves out.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::layout::{Object, WORD, read};

/// The collector's header: next and previous, with flags in the low bits.
const HEADER_BYTES: isize = 2 * WORD as isize;
const FLAG_BITS: usize = 3;

/// The heads of the collector's lists, youngest first, the permanent one last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists([usize; 4]);

impl Lists {
    /// Finds the heads of the running interpreter's lists.
    ///
    /// `None` when they do not lie as they should: then `gc.get_objects` must
    /// be asked.
    pub(crate) fn find(_py: Python<'_>) -> Option<Self> {
        // SAFETY: a new list is tracked and the youngest; between its making
        // and its end nothing else runs.
        let young = unsafe {
            let list = ffi::PyList_New(0);
            if list.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            let header = list as usize - HEADER_BYTES as usize;
            let next = read::<usize>(header as *const u8, 0) & !FLAG_BITS;
            let back = crate::peek::word(next.wrapping_add(WORD)).map(|word| word & !FLAG_BITS);
            ffi::Py_DECREF(list);
            if back != Some(header) {
                return None;
            }
            next
        };
        let permanent = young + if cfg!(Py_3_14) { 72 } else { 80 };
        let heads = [young, young + 24, young + 48, permanent];
        heads.into_iter().all(is_ring).then_some(Self(heads))
    }

    /// Calls `each` with every tracked object, in the order of `gc.get_objects`.
    ///
    /// # Safety
    ///
    /// The interpreter is attached, and `each` neither runs Python code nor
    /// tracks, untracks or frees any object.
    #[inline]
    pub(crate) unsafe fn for_each(&self, mut each: impl FnMut(Object)) {
        for head in self.0 {
            // SAFETY: a head lives as long as its interpreter, and each header's
            // neighbour is a header until the ring closes.
            unsafe {
                let mut at = read::<usize>(head as *const u8, 0) & !FLAG_BITS;
                while at != head {
                    let next = read::<usize>(at as *const u8, 0) & !FLAG_BITS;
                    each((at + HEADER_BYTES as usize) as Object);
                    at = next;
                }
            }
        }
    }
}

/// Whether there is a ring's head: its neighbours point back to it.
fn is_ring(head: usize) -> bool {
    let (Some(next), Some(previous)) =
        (crate::peek::word(head), crate::peek::word(head.wrapping_add(WORD)))
    else {
        return false;
    };
    let (next, previous) = (next & !FLAG_BITS, previous & !FLAG_BITS);
    next != 0
        && previous != 0
        && crate::peek::word(next.wrapping_add(WORD)).map(|word| word & !FLAG_BITS) == Some(head)
        && crate::peek::word(previous).map(|word| word & !FLAG_BITS) == Some(head)
}
