//! The objects that the collector tracks, on free-threaded builds.
//!
//! There are no lists: the interpreter goes through its allocator's blocks
//! while no other thread runs. What is found is good only until the others run
//! again, so it is dealt with at once, object by object, where they stand still.

use std::ffi::{c_int, c_void};

use pyo3::prelude::*;

use crate::WalkError;
use crate::layout::{self, Object, gc_bits};

type Visitor = extern "C" fn(Object, *mut c_void) -> c_int;

// Public from 3.12 on, but not declared by `pyo3::ffi`.
unsafe extern "C" {
    fn PyUnstable_GC_VisitObjects(visitor: Visitor, with: *mut c_void);
}

/// The way to the tracked objects: needs nothing that differs between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists(());

/// Which of the tracked objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them. Up to 3.14.7 and the candidates of 3.15.0 the interpreter
    /// itself leaves out what `gc.freeze` has set aside.
    All,
    /// Those that `gc.get_objects` gives: not what `gc.freeze` has set aside,
    /// nor what a collection in another thread is about to free.
    Public,
}

impl Lists {
    /// Always there: the interface is public.
    pub(crate) fn find(_py: Python<'_>) -> Option<Self> {
        Some(Self(()))
    }

    /// Calls `each` with every tracked object while no other thread runs.
    ///
    /// # Safety
    ///
    /// The interpreter is attached and not stopped by this thread. `each` must
    /// not run Python code, must not take a lock that another thread may hold,
    /// must not let go of the interpreter, and must not use its allocators,
    /// whose blocks are being gone through.
    pub(crate) unsafe fn each(&self, each: &mut impl FnMut(Object)) {
        extern "C" fn visit<F: FnMut(Object)>(object: Object, with: *mut c_void) -> c_int {
            // SAFETY: the closure passed below, which is ours alone until the
            // visit is over. A panic in it ends the process: there is no way
            // to leave from here that lets the other threads go on.
            let each = unsafe { &mut *with.cast::<F>() };
            each(object);
            1 // go on
        }
        fn visitor_of<F: FnMut(Object)>(_: &F) -> Visitor {
            visit::<F>
        }
        let visitor = visitor_of(each);
        // SAFETY: attached; the visitor knows the closure's type.
        unsafe { PyUnstable_GC_VisitObjects(visitor, (&raw mut *each).cast()) };
    }

    /// What `keep` makes of the tracked objects, in the order of `gc.get_objects`.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Safety
    ///
    /// As for [`Self::each`]. What is kept of an object is good when the other
    /// threads run again.
    pub(crate) unsafe fn collect<T>(
        &self,
        which: Which,
        mut keep: impl FnMut(Object) -> Option<T>,
    ) -> Result<Vec<T>, WalkError> {
        let mut kept = Vec::new();
        // SAFETY: as the caller promises; the vector's memory is not Python's.
        unsafe {
            self.each(&mut |object| {
                if which == Which::All || is_public(object) {
                    kept.extend(keep(object));
                }
            });
        }
        Ok(kept)
    }
}

/// Whether `gc.get_objects` gives a tracked object.
///
/// # Safety
///
/// `object` is an object.
unsafe fn is_public(object: Object) -> bool {
    // SAFETY: a byte of the header.
    unsafe { layout::gc_bits::of(object) & (gc_bits::UNREACHABLE | gc_bits::FROZEN) == 0 }
}
