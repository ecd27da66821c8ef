//! The pause: while a walk reads, nothing else runs, and what is to be looked
//! at afterwards stays alive.
//!
//! With a global interpreter lock both come by holding it. On free-threaded
//! builds the other threads must be stopped, and run again as soon as the walk
//! is over; what must outlive it is then held by references.

use std::marker::PhantomData;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::layout::Object;
#[cfg(Py_GIL_DISABLED)]
use crate::{
    layout::{self, gc_bits},
    lists::Lists,
    sink::Whole,
    walker::Walker,
};

/// Keeps the collector from running on its own while this lives: a size that is
/// asked from C code may make objects, and on some versions making them is when
/// the collector runs. On free-threaded builds making them is not, and what one
/// thread turns off another one would find turned off.
pub(crate) struct Collector {
    was_enabled: bool,
}

impl Collector {
    pub(crate) fn pause() -> Self {
        // SAFETY: attached, as all who call this are.
        Self { was_enabled: !cfg!(Py_GIL_DISABLED) && unsafe { ffi::PyGC_Disable() } != 0 }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: attached still.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

/// The objects of a walk that stay alive after it, for as long as this lives.
///
/// Empty where the interpreter lock keeps them: there nothing dies until Python
/// code runs. On free-threaded builds a reference to each object.
#[derive(Default)]
pub struct Held {
    #[cfg(Py_GIL_DISABLED)]
    objects: Vec<usize>,
    /// Objects of the walk that were dying already.
    #[cfg(Py_GIL_DISABLED)]
    dying: std::collections::HashSet<usize>,
    /// References are given back where the interpreter is attached.
    not_sent: PhantomData<*mut ()>,
}

impl Held {
    /// Whether an object of the walk may be used.
    #[cfg_attr(not(Py_GIL_DISABLED), allow(clippy::unused_self))] // all may
    pub(crate) fn has(&self, address: usize) -> bool {
        #[cfg(Py_GIL_DISABLED)]
        return !self.dying.contains(&address);
        #[cfg(not(Py_GIL_DISABLED))]
        return address != 0;
    }

    /// Takes references to objects, where that is needed.
    ///
    /// # Safety
    ///
    /// Attached, in a pause, in which these were found.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) unsafe fn take(&mut self, objects: &[usize]) {
        for &address in objects {
            let object = address as Object;
            // SAFETY: as the caller promises.
            unsafe {
                if layout::refcount(object).1 {
                    continue; // never freed
                }
                if is_dying(object) {
                    self.dying.insert(address);
                } else {
                    ffi::Py_INCREF(object);
                    self.objects.push(address);
                }
            }
        }
    }

    /// Nothing dies before Python code runs: nothing need be held.
    ///
    /// # Safety
    ///
    /// None here; as on free-threaded builds.
    #[cfg(not(Py_GIL_DISABLED))]
    #[allow(clippy::unused_self)] // there it is used
    pub(crate) unsafe fn take(&mut self, _objects: &[usize]) {}
}

#[cfg(Py_GIL_DISABLED)]
impl Drop for Held {
    fn drop(&mut self) {
        if self.objects.is_empty() {
            return;
        }
        Python::attach(|_| {
            for object in self.objects.drain(..) {
                // SAFETY: a reference that `take` took. Should it be the last
                // one by now, the object is freed here.
                unsafe { ffi::Py_DECREF(object as Object) };
            }
        });
    }
}

/// A new reference to an object of a pause, unless it is dying.
///
/// # Safety
///
/// In a pause, in which the object was found.
pub(crate) unsafe fn reference(py: Python<'_>, object: Object) -> Option<Py<PyAny>> {
    #[cfg(Py_GIL_DISABLED)]
    // SAFETY: as the caller promises.
    if unsafe { is_dying(object) } {
        return None;
    }
    // SAFETY: a live object.
    Some(unsafe { Bound::from_borrowed_ptr(py, object).unbind() })
}

/// Whether an object has no references any more but was not freed yet, or is
/// being freed by the collector of another thread.
///
/// # Safety
///
/// In a pause, in which the object was found.
#[cfg(Py_GIL_DISABLED)]
unsafe fn is_dying(object: Object) -> bool {
    // SAFETY: the object's header. What threads count for themselves lives
    // until the collector finds that it does not.
    unsafe {
        let bits = gc_bits::of(object);
        bits & gc_bits::UNREACHABLE != 0
            || bits & gc_bits::DEFERRED == 0 && layout::refcount(object).0 == 0
    }
}

// Exported from 3.14 on for the interpreter's own extension modules.
#[cfg(Py_GIL_DISABLED)]
unsafe extern "C" {
    fn _PyEval_StopTheWorld(interpreter: *mut ffi::PyInterpreterState);
    fn _PyEval_StartTheWorld(interpreter: *mut ffi::PyInterpreterState);
}

/// While this lives no other thread of the interpreter runs.
///
/// Does not nest, neither with itself nor with [`Lists::each`], which stops the
/// others too: the lock that it takes would be waited for in vain.
pub(crate) struct Stopped<'py> {
    #[cfg(Py_GIL_DISABLED)]
    interpreter: *mut ffi::PyInterpreterState,
    attached: PhantomData<Python<'py>>,
}

impl<'py> Stopped<'py> {
    /// Stops the others; with an interpreter lock they stand still already.
    pub(crate) fn begin(_py: Python<'py>) -> Self {
        #[cfg(Py_GIL_DISABLED)]
        make_room_for_ints();
        // SAFETY: attached; what the drop gives back is taken here.
        #[cfg(Py_GIL_DISABLED)]
        let interpreter = unsafe {
            let interpreter = ffi::PyInterpreterState_Get();
            _PyEval_StopTheWorld(interpreter);
            interpreter
        };
        Self {
            #[cfg(Py_GIL_DISABLED)]
            interpreter,
            attached: PhantomData,
        }
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // SAFETY: stopped by this thread, which is attached still.
        #[cfg(Py_GIL_DISABLED)]
        unsafe {
            _PyEval_StartTheWorld(self.interpreter)
        };
    }
}

/// Makes ints and frees them, so that those in which C code answers a question
/// for a size come from memory that this thread has at hand: while blocks are
/// gone through, none may be fetched from the heaps of other threads.
#[cfg(Py_GIL_DISABLED)]
fn make_room_for_ints() {
    /// Too large for the interpreter's table of small ints; of one digit, which
    /// come from a list of their own, and of two.
    const SAMPLES: [i64; 2] = [1 << 20, 1 << 40];
    const COUNT: usize = 16;
    for sample in SAMPLES {
        // SAFETY: attached, as all who call this are; each int is given back.
        unsafe {
            let ints = [(); COUNT].map(|()| ffi::PyLong_FromLongLong(sample));
            for int in ints {
                if int.is_null() {
                    ffi::PyErr_Clear();
                } else {
                    ffi::Py_DECREF(int);
                }
            }
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
impl Walker<'_, Whole> {
    /// Reads what `begin` finds, every tracked object and all that they lead
    /// to, in one pause; takes references to all of it, if they are asked for.
    ///
    /// The pause ends with the last tracked object, and nobody says which that
    /// is. So each object is read as soon as it is found, with what it leads to.
    ///
    /// # Safety
    ///
    /// Attached, and not stopped by this thread. `begin` keeps the promises of
    /// [`Lists::each`].
    pub(crate) unsafe fn walk_stopped<T>(
        &mut self,
        lists: &Lists,
        begin: impl FnOnce(&mut Self) -> T,
        mut held: Option<&mut Held>,
    ) -> Option<T> {
        make_room_for_ints();
        // Where `gc.freeze` has set all others aside, one object is still visited.
        // SAFETY: attached; the reference is given back below.
        let sentinel = unsafe { ffi::PyList_New(0) };
        let mut begin = Some(begin);
        let mut begun = None;
        // SAFETY: reading runs no Python code; the locks that it takes are
        // found to be free before.
        unsafe {
            lists.each(&mut |object| {
                let before = self.records.len();
                if let Some(begin) = begin.take() {
                    begun = Some(begin(self));
                }
                if object != sentinel {
                    self.sink.find(object as usize);
                }
                self.close();
                self.name_types();
                if let Some(held) = &mut held {
                    held.take(&self.sink.queue[before..]);
                }
            });
        }
        if sentinel.is_null() {
            // SAFETY: attached; there was no memory for it.
            unsafe { ffi::PyErr_Clear() };
        } else {
            // SAFETY: the only reference to it.
            unsafe { ffi::Py_DECREF(sentinel) };
        }
        begun
    }
}
