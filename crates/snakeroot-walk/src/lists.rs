//! The collector's lists, walked in place.
//!
//! Each generation is a ring of headers that lie before their objects. A
//! just-tracked object's neighbour is the head of the young generation; the
//! others lie beside it. Nothing is written, and the permanent generation
//! (`gc.freeze`) is seen too, which `gc.get_objects` leaves out.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::WalkError;
use crate::layout::{Object, WORD, read};

/// The collector's header: next and previous, with flags in the low bits.
const HEADER_BYTES: isize = 2 * WORD as isize;
const FLAG_BITS: usize = 3;

/// Where the head of the permanent generation may lie, from that of the youngest one on.
///
/// Before 3.14 a pointer lies between. Builds of 3.13 are known whose generations
/// begin 4 bytes beside a multiple of 8, and then a gap of 4 bytes precedes the pointer.
const PERMANENT: [usize; 2] = if cfg!(Py_3_14) { [72, 76] } else { [80, 84] };

/// The heads of the collector's lists, youngest first, the permanent one last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists([usize; 4]);

/// Which of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those that `gc.get_objects` gives: not the permanent generation, where
    /// `gc.freeze` and some versions themselves put objects.
    Public,
}

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
        let permanent =
            PERMANENT.into_iter().map(|offset| young + offset).find(|&at| is_ring(at))?;
        let heads = [young, young + 24, young + 48, permanent];
        heads.into_iter().all(is_ring).then_some(Self(heads))
    }

    /// The head of the youngest generation's list.
    pub(crate) fn young(&self) -> usize {
        self.0[0]
    }

    /// What `keep` makes of the tracked objects, in the order of `gc.get_objects`.
    ///
    /// `keep` is not called in that order.
    ///
    /// The next header is known only when the one before has come from memory,
    /// and after a collection neighbours in a ring lie far apart. So each ring
    /// is walked from both ends at once, until the two meet: twice as much is
    /// on its way at any time.
    ///
    /// # Errors
    ///
    /// [`WalkError::Damaged`] where a header's successor does not lead back to
    /// it, as after an object that is listed was freed. Without this a damaged
    /// ring might have no end.
    ///
    /// # Safety
    ///
    /// The interpreter is attached; `keep` neither runs Python code nor tracks,
    /// untracks or frees any object, and what it keeps of an object is good
    /// until Python code runs.
    #[inline]
    pub(crate) unsafe fn collect<T>(
        &self,
        which: Which,
        mut keep: impl FnMut(Object) -> Option<T>,
    ) -> Result<Vec<T>, WalkError> {
        // Room for more than there can be: what is not written to costs nothing,
        // and to grow costs a copy. Where so much cannot be had, less may do.
        let room = crate::resident_bytes() as usize / 128;
        let (mut kept, mut back) = (Vec::new(), Vec::new());
        let _: Result<(), _> = kept.try_reserve_exact(room);
        let _: Result<(), _> = back.try_reserve_exact(room / 2);
        let heads = if which == Which::All { &self.0[..] } else { &self.0[..3] };
        for &head in heads {
            // SAFETY: as the caller promises.
            unsafe { from_both_ends(head, &mut keep, &mut kept, &mut back)? };
        }
        Ok(kept)
    }
}

/// Appends what is kept of a ring's objects to `kept`; `back` is scratch.
///
/// # Safety
///
/// `head` is the head of a ring that does not change meanwhile.
#[inline]
unsafe fn from_both_ends<T>(
    head: usize,
    keep: &mut impl FnMut(Object) -> Option<T>,
    kept: &mut Vec<T>,
    back: &mut Vec<T>,
) -> Result<(), WalkError> {
    // SAFETY: a head lives as long as its interpreter, and each header's
    // neighbours are headers until the ring closes.
    unsafe {
        let next = |at: usize| read::<usize>(at as *const u8, 0) & !FLAG_BITS;
        let previous = |at: usize| read::<usize>(at as *const u8, WORD as isize) & !FLAG_BITS;
        let object = |at: usize| (at + HEADER_BYTES as usize) as Object;
        let joined = |left: usize, right: usize, found: usize, expected: usize| {
            let damaged = || WalkError::Damaged { left, right, found };
            (found == expected).then_some(()).ok_or_else(damaged)
        };
        let (mut front, mut rear) = (next(head), previous(head));
        let (mut before_front, mut after_rear) = (head, head);
        while front != head {
            joined(before_front, front, previous(front), before_front)?;
            kept.extend(keep(object(front)));
            if front == rear {
                break; // both have reached the middle
            }
            joined(rear, after_rear, next(rear), after_rear)?;
            back.extend(keep(object(rear)));
            let (after, before) = (next(front), previous(rear));
            if after == rear {
                break; // they have passed each other
            }
            (before_front, after_rear) = (front, rear);
            (front, rear) = (after, before);
        }
    }
    kept.extend(back.drain(..).rev());
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring of `count` headers behind a head, as an array of (next, previous).
    fn ring(count: usize) -> Vec<[usize; 2]> {
        let mut headers = vec![[0_usize; 2]; count + 1];
        let start = headers.as_ptr() as usize;
        let address = |at: usize| start + at % (count + 1) * size_of::<[usize; 2]>();
        for (at, header) in headers.iter_mut().enumerate() {
            *header = [address(at + 1) | 1, address(at + count) | 2];
        }
        headers
    }

    #[test]
    fn both_ends_meet_with_every_object_once_and_in_order() {
        for count in 0..9 {
            let headers = ring(count);
            let head = headers.as_ptr() as usize;
            let mut found = Vec::new();
            // SAFETY: a ring that lives to the end of the loop.
            unsafe {
                let mut keep = |object: Object| Some(object as usize);
                from_both_ends(head, &mut keep, &mut found, &mut Vec::new()).unwrap();
            }
            let expected: Vec<usize> = (1..=count).map(|at| head + at * 16 + 16).collect();
            assert_eq!(found, expected, "a ring of {count}");
        }
    }
}
