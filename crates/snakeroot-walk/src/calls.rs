//! Calls of the program's own code, from which a thread need not come back.
//!
//! Before 3.14 a thread that takes up the interpreter's lock while the interpreter ends is ended on
//! the spot, by unwinding its stack. No frame of Rust lets that pass. So where the program's code
//! may let go of the lock, such a thread waits for the end of the process instead, as all threads
//! do from 3.14 on.

use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

unsafe extern "C-unwind" {
    fn PyObject_CallObject(
        callable: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyObject_Repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyObject_Str(object: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyObject_IsTrue(object: *mut ffi::PyObject) -> std::ffi::c_int;
}

/// Lets a thread wait for ever whose stack is unwound past it.
struct Wait;

impl Drop for Wait {
    fn drop(&mut self) {
        loop {
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}

fn waiting<T>(call: impl FnOnce() -> T) -> T {
    let wait = Wait;
    let answer = call();
    std::mem::forget(wait);
    answer
}

/// Calls something with positional arguments.
///
/// # Errors
///
/// What it raises.
pub fn call<'py, A>(callable: &Bound<'py, PyAny>, arguments: A) -> PyResult<Bound<'py, PyAny>>
where
    A: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
    A::Error: Into<PyErr>,
{
    let py = callable.py();
    let arguments = arguments.into_pyobject(py).map_err(Into::into)?;
    // SAFETY: attached, both are live, and an owned reference or an error comes back.
    unsafe {
        let answer = waiting(|| PyObject_CallObject(callable.as_ptr(), arguments.as_ptr()));
        Bound::from_owned_ptr_or_err(py, answer)
    }
}

/// An object's `repr`.
///
/// # Errors
///
/// What it raises.
pub fn repr<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: attached and live; an owned str or an error comes back.
    let answer = unsafe {
        let answer = waiting(|| PyObject_Repr(object.as_ptr()));
        Bound::from_owned_ptr_or_err(object.py(), answer)?
    };
    Ok(answer.cast_into()?)
}

/// An object's `str`.
///
/// # Errors
///
/// What it raises.
pub fn text<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: attached and live; an owned str or an error comes back.
    let answer = unsafe {
        let answer = waiting(|| PyObject_Str(object.as_ptr()));
        Bound::from_owned_ptr_or_err(object.py(), answer)?
    };
    Ok(answer.cast_into()?)
}

/// Whether an object is true.
///
/// # Errors
///
/// What it raises.
pub fn is_true(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    // SAFETY: attached and live; -1 stands for an error that is set.
    match unsafe { waiting(|| PyObject_IsTrue(object.as_ptr())) } {
        -1 => Err(PyErr::fetch(object.py())),
        answer => Ok(answer != 0),
    }
}
