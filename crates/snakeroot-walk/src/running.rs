//! The generator or coroutine that asks, and what its local variables hold.
//!
//! While built-in code runs, a frame of 3.11 to 3.13 does not say where its
//! values end. The collector is then shown none of them: to a function written
//! in Python the variables of a generator that calls it are referred to by that
//! generator, to ours they would be referred to by nothing.

use pyo3::ffi;

use crate::layout::{self, Object, WORD};
use crate::peek;
use crate::probe::Probe;

/// A generator or coroutine whose own code called what runs now.
pub(crate) struct Caller {
    /// Where it is, if that is an object that the collector tracks.
    pub(crate) object: usize,
    /// What its local variables hold; what its traverse function does not visit now.
    pub(crate) holds: Vec<usize>,
}

/// `None` where the caller is none, or where its traverse function visits all.
///
/// # Safety
///
/// Attached; the addresses mean these objects until Python code runs.
pub(crate) unsafe fn caller(probe: &Probe) -> Option<Caller> {
    if !cfg!(all(Py_3_11, not(Py_3_14))) {
        return None;
    }
    let at = probe.frames?;
    // SAFETY: the own thread's frame, by the offsets that the probe found.
    unsafe {
        let state = ffi::PyThreadState_Get() as *const u8;
        let mut frame: usize = layout::read(state, at.thread as isize);
        if let Some(through) = at.through.filter(|_| frame != 0) {
            frame = layout::read(frame as *const u8, through as isize);
        }
        if frame == 0 {
            return None;
        }
        let frame = frame as *const u8;
        let code = (layout::read::<usize>(frame, at.code as isize) & !3) as Object;
        if code.is_null() || ffi::Py_TYPE(code) != &raw mut ffi::PyCode_Type {
            return None;
        }
        let names =
            |&offset: &usize| ffi::PyTuple_GET_SIZE(layout::read(code.cast(), offset as isize));
        let count = probe.local_names.iter().map(names).sum::<isize>() as usize;
        if at.used_places(frame, count, usize::MAX).is_some() {
            return None;
        }
        // The frame is the last of its fields, and ends where its variables begin.
        let end = frame as usize + at.locals;
        let types =
            [&raw mut ffi::PyGen_Type, &raw mut ffi::PyCoro_Type, &raw mut ffi::PyAsyncGen_Type];
        let object = types.into_iter().find_map(|ty| {
            let object = end.checked_sub((*ty).tp_basicsize as usize)?;
            (peek::word(object + layout::TYPE_BYTES) == Some(ty as usize)).then_some(object)
        })?;
        let held = (0..count).map(|index| layout::read(frame, (at.locals + index * WORD) as isize));
        Some(Caller { object, holds: held.filter(|&held: &usize| held != 0).collect() })
    }
}
