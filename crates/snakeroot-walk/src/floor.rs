//! The least that any walk must cost: to visit every reference and do nothing.

use std::ffi::{c_int, c_void};
use std::time::Instant;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::layout::Object;
use crate::lists::Which;
use crate::probe::Probe;

/// What the floor was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Objects that the collector tracks.
    pub objects: u64,
    /// References that their traverse functions visit.
    pub references: u64,
    /// How long it took to find the objects and to visit the references.
    pub ns: u64,
}

/// Runs every tracked object's traverse function with a visitor that only counts.
///
/// `None` where the collector's lists cannot be read. For benchmarks: a walk
/// that also finds what is not tracked, and writes down what it sees, is
/// measured against this.
///
/// # Complexity
///
/// O(V + E) time, 8 bytes an object.
pub fn floor(_py: Python<'_>, probe: &Probe) -> Option<Floor> {
    extern "C" fn count(_referent: Object, counter: *mut c_void) -> c_int {
        // SAFETY: the counter passed to `traverse` below, used by nobody else
        // until that returns.
        unsafe { *counter.cast::<u64>() += 1 };
        0
    }
    let lists = probe.lists.as_ref()?;
    let started = Instant::now();
    let mut references = 0_u64;
    let mut visit = |object: Object| {
        // SAFETY: a tracked object; its traverse function runs no Python code.
        unsafe {
            if let Some(traverse) = (*ffi::Py_TYPE(object)).tp_traverse {
                traverse(object, count, (&raw mut references).cast());
            }
        }
    };
    // SAFETY: attached; visiting tracks nothing. Where other threads run on
    // once the objects are found, they are visited as they are found.
    let objects = unsafe {
        if cfg!(Py_GIL_DISABLED) {
            lists
                .collect(Which::All, |object| {
                    visit(object);
                    Some(())
                })
                .ok()?
                .len()
        } else {
            let objects = lists.collect(Which::All, |object| Some(object as usize)).ok()?;
            objects.iter().for_each(|&object| visit(object as Object));
            objects.len()
        }
    };
    Some(Floor { objects: objects as u64, references, ns: started.elapsed().as_nanos() as u64 })
}
