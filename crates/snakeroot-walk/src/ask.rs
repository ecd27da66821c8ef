//! What is asked of the interpreter before a pause, so that no code but its own answers.
//!
//! An `import` statement's function may be anybody's, and so may a module's or
//! a thread's attributes: these are read where they stand.

use std::ffi::CStr;
use std::sync::Mutex;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::layout::Object;

/// A module of the interpreter's own, without asking `builtins.__import__`,
/// which may be a hook that itself takes a snapshot.
///
/// # Errors
///
/// When there is no such module, as at the end of the interpreter.
pub fn module<'py>(py: Python<'py>, name: &CStr) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: attached; a new reference or an error comes back.
    unsafe {
        Bound::from_owned_ptr_or_err(
            py,
            ffi::PyImport_ImportModuleLevel(
                name.as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                0,
            ),
        )
    }
}

/// What `sys` has under a name.
pub(crate) fn of_sys<'py>(py: Python<'py>, name: &CStr) -> Option<Bound<'py, PyAny>> {
    // SAFETY: attached; a borrowed reference or null comes back, and no error.
    unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PySys_GetObject(name.as_ptr())) }
}

/// The dict of modules; null when the interpreter has none any more.
///
/// # Safety
///
/// Attached; the dict is borrowed from the interpreter.
pub(crate) unsafe fn modules() -> Object {
    // SAFETY: as the caller promises. At the end of the interpreter its own
    // function would end the process where there is no dict.
    unsafe {
        let modules = if is_ending() {
            ffi::PySys_GetObject(c"modules".as_ptr())
        } else {
            ffi::PyImport_GetModuleDict()
        };
        if modules.is_null() || ffi::PyDict_Check(modules) == 0 {
            return std::ptr::null_mut();
        }
        modules
    }
}

/// Whether the interpreter is being finalized.
pub(crate) fn is_ending() -> bool {
    #[cfg(Py_3_13)]
    use ffi::Py_IsFinalizing as is_finalizing;
    #[cfg(not(Py_3_13))]
    unsafe extern "C" {
        #[link_name = "_Py_IsFinalizing"]
        fn is_finalizing() -> std::ffi::c_int;
    }
    // SAFETY: reads a flag of the process.
    unsafe { is_finalizing() != 0 }
}

/// `threading`'s own table of threads, if that module is there.
pub(crate) fn active_threads<'py>(py: Python<'py>) -> Option<Bound<'py, PyDict>> {
    // SAFETY: attached; all references are borrowed from those that hold them,
    // until the dict is copied, which runs no code of its values.
    unsafe {
        let modules = Bound::from_borrowed_ptr_or_opt(py, modules())?;
        let threading = item(&modules, "threading")?;
        if ffi::PyModule_Check(threading.as_ptr()) == 0 {
            return None;
        }
        let names = Bound::from_borrowed_ptr_or_opt(py, ffi::PyModule_GetDict(threading.as_ptr()))?;
        // A copy: a thread may end while names are asked for.
        item(&names, "_active")?.cast_exact::<PyDict>().ok()?.copy().ok()
    }
}

/// The value under a str in a dict, by the dict's own look-up.
fn item<'py>(dict: &Bound<'py, PyAny>, key: &str) -> Option<Bound<'py, PyAny>> {
    let key = PyString::intern(dict.py(), key);
    // SAFETY: two live objects; a borrowed reference or null comes back, and no error.
    unsafe {
        let found = ffi::PyDict_GetItem(dict.as_ptr(), key.as_ptr());
        Bound::from_borrowed_ptr_or_opt(dict.py(), found)
    }
}

/// The arguments of the process, as `sys.argv` lists them.
pub(crate) fn arguments(py: Python<'_>) -> Vec<String> {
    let Some(Ok(listed)) = of_sys(py, c"argv").map(|argv| argv.cast_into::<PyList>()) else {
        return Vec::new();
    };
    let text = |argument: Bound<'_, PyAny>| {
        argument.cast::<PyString>().map(|text| text.to_string_lossy().into_owned()).ok()
    };
    // By index: a class derived from list may have an iterator of its own.
    (0..listed.len()).filter_map(|at| listed.get_item(at).ok()).filter_map(text).collect()
}

/// The number of the calling interpreter in this process; no other will have it.
pub(crate) fn interpreter(_py: Python<'_>) -> i64 {
    // SAFETY: attached, so there is an interpreter.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) }
}

/// How many other interpreters this process has.
pub(crate) fn other_interpreters(_py: Python<'_>) -> usize {
    let mut count: usize = 0;
    // SAFETY: attached. The list is read as the interpreter's own modules read
    // it to list them, and nothing of an interpreter but its successor is.
    unsafe {
        let mut each = ffi::PyInterpreterState_Head();
        while !each.is_null() {
            count += 1;
            each = ffi::PyInterpreterState_Next(each);
        }
    }
    count.saturating_sub(1)
}

/// References that a walk came to own and could not drop: that might run code.
static LEFT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Keeps a reference, which may be null, until no walk is under way.
pub(crate) fn leave(object: Object) {
    if let (false, Ok(mut left)) = (object.is_null(), LEFT.lock()) {
        left.push(object as usize);
    }
}

/// Drops what earlier walks have left.
pub(crate) fn drop_left(_py: Python<'_>) {
    let left = LEFT.lock().map(|mut left| std::mem::take(&mut *left)).unwrap_or_default();
    for object in left {
        // SAFETY: attached; a reference that `leave` was given.
        unsafe { ffi::Py_DECREF(object as Object) };
    }
}
