//! What is asked of the interpreter before a pause, so that no code but its own answers.
//!
//! An `import` statement's function may be anybody's, and so may a module's or
//! a thread's attributes: these are read where they stand.

use std::ffi::CStr;
use std::sync::{Mutex, OnceLock};

use pyo3::exceptions::PyRuntimeError;
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

/// A function of the `gc` module that lists something for an object.
#[derive(Clone, Copy)]
pub(crate) enum OfGc {
    Referents,
    Referrers,
}

/// Both functions, kept for when the interpreter ends and has no modules any more.
static OF_GC: OnceLock<[usize; 2]> = OnceLock::new();

/// Keeps the functions of the `gc` module that are asked later.
///
/// # Errors
///
/// Where there is no such module or function.
pub(crate) fn keep_functions(py: Python<'_>) -> PyResult<()> {
    if OF_GC.get().is_none() {
        let gc = module(py, c"gc")?;
        let functions = [gc.getattr("get_referents")?, gc.getattr("get_referrers")?];
        // All of this is done by one thread at a time, and where not, some references more are kept.
        let _ = OF_GC.set(functions.map(|function| crate::probe::kept(function) as usize));
    }
    Ok(())
}

/// What a function of the `gc` module lists for an object.
///
/// # Errors
///
/// What the function raises.
pub(crate) fn of_gc<'py>(
    function: OfGc,
    object: &Bound<'py, PyAny>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let functions =
        OF_GC.get().ok_or_else(|| PyRuntimeError::new_err("snakeroot is not imported"))?;
    // SAFETY: attached as the object says, and both functions are kept for good.
    let function =
        unsafe { Bound::from_borrowed_ptr(object.py(), functions[function as usize] as Object) };
    Ok(function.call1((object,))?.cast::<PyList>()?.iter().collect())
}

/// What `sys` has under a name.
pub fn of_sys<'py>(py: Python<'py>, name: &CStr) -> Option<Bound<'py, PyAny>> {
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
pub fn is_ending() -> bool {
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

/// The identifiers of the threads in `threading`'s own table, and the threads;
/// none where that module is not there.
pub(crate) fn active_threads(py: Python<'_>) -> Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> {
    // SAFETY: attached; all references are borrowed from those that hold them
    // until the entries are taken, which runs no code of theirs.
    let active = unsafe {
        let find = || {
            let modules = Bound::from_borrowed_ptr_or_opt(py, modules())?;
            let threading = item(&modules, "threading")?;
            if ffi::PyModule_Check(threading.as_ptr()) == 0 {
                return None;
            }
            let names =
                Bound::from_borrowed_ptr_or_opt(py, ffi::PyModule_GetDict(threading.as_ptr()))?;
            item(&names, "_active")?.cast_into_exact::<PyDict>().ok()
        };
        find()
    };
    // All at once: a thread may end while names are asked for. A copy of the
    // dict would bring a collection nearer on some versions.
    active.map(|active| entries(&active)).unwrap_or_default()
}

/// A dict's keys and values, no other thread having changed it meanwhile.
#[cfg(not(Py_GIL_DISABLED))]
fn entries<'py>(dict: &Bound<'py, PyDict>) -> Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let mut entries = Vec::with_capacity(dict.len());
    let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: attached, and no Python code runs between two entries; both
    // references are borrowed from the dict.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
            let py = dict.py();
            entries.push((Bound::from_borrowed_ptr(py, key), Bound::from_borrowed_ptr(py, value)));
        }
    }
    entries
}

#[cfg(Py_GIL_DISABLED)]
fn entries<'py>(dict: &Bound<'py, PyDict>) -> Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    dict.copy().map(|dict| dict.iter().collect()).unwrap_or_default()
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
