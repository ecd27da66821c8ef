//! Ids and objects: which objects there are, what lies at an address, what
//! nothing refers to. One or two passes over the collector's lists, no graph.
//!
//! An address is only compared with those of objects that are there: what is
//! not the address of one is never read.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::WalkError;
use crate::census::{ByType, name_of};
use crate::layout::{Object, Type};
use crate::lists::Which;
use crate::marks::Marks;
use crate::pause::{self, Stopped};
use crate::probe::Probe;
use crate::running;
use crate::walker::{AHEAD, prefetch};

/// The objects that `gc.get_objects` gives, in its order.
///
/// Alive until Python code runs; where other threads run on, as long as this lives.
pub(crate) struct Tracked<'py> {
    pub(crate) objects: Vec<usize>,
    _held: Option<Bound<'py, PyList>>,
}

impl<'py> Tracked<'py> {
    pub(crate) fn all(py: Python<'py>, probe: &Probe) -> PyResult<Self> {
        room()?;
        match &probe.lists {
            Some(lists) if !cfg!(Py_GIL_DISABLED) => {
                // SAFETY: attached; noting an address tracks and runs nothing.
                let found = unsafe { lists.collect(Which::Public, |object| Some(object as usize)) };
                Ok(Self { objects: found.map_err(broken)?, _held: None })
            }
            _ => {
                let held = public(py)?;
                let objects = held.iter().map(|object| object.as_ptr() as usize).collect();
                Ok(Self { objects, _held: Some(held) })
            }
        }
    }
}

/// The addresses of the objects of `gc.get_objects` by the name of their type,
/// ascending, in the order in which the names first appear there.
///
/// # Errors
///
/// When `gc.get_objects` has to be asked and fails, or for lack of memory.
///
/// # Complexity
///
/// O(V log V) time, 16 bytes an object.
pub fn addresses_by_name(
    py: Python<'_>,
    probe: &Probe,
    shortnames: bool,
) -> PyResult<Vec<(String, Vec<u64>)>> {
    room()?;
    let mut names: Vec<String> = Vec::with_capacity(1024);
    let mut places: HashMap<String, u32> = HashMap::new();
    let mut by_type = ByType::new();
    let mut look = |object: Object| -> Option<(u32, u64)> {
        // SAFETY: an object of the lists.
        let ty = unsafe { ffi::Py_TYPE(object) } as usize;
        let place = by_type.get(ty, || {
            // SAFETY: the type of an object of the lists.
            let name = unsafe { name_of(ty as Type, shortnames, probe) };
            *places.entry(name).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() as u32 - 1
            })
        });
        Some((place, object as u64))
    };
    let seen: Vec<(u32, u64)> = match &probe.lists {
        // SAFETY: attached; to look at a type tracks nothing and runs nothing.
        Some(lists) => unsafe { lists.collect(Which::Public, look) }.map_err(broken)?,
        None => public(py)?.iter().filter_map(|object| look(object.as_ptr())).collect(),
    };
    // The names in the order of their first object.
    let mut found: Vec<(String, Vec<u64>)> = Vec::with_capacity(names.len());
    let mut place_of: Vec<Option<usize>> = vec![None; names.len()];
    for (name, address) in seen {
        let place = *place_of[name as usize].get_or_insert_with(|| {
            found.push((std::mem::take(&mut names[name as usize]), Vec::new()));
            found.len() - 1
        });
        found[place].1.push(address);
    }
    found.iter_mut().for_each(|(_, addresses)| addresses.sort_unstable());
    Ok(found)
}

/// The objects of `gc.get_objects` that lie at some addresses, in its order.
///
/// # Errors
///
/// As for [`addresses_by_name`].
///
/// # Complexity
///
/// O(V) time.
pub fn tracked_at(
    py: Python<'_>,
    probe: &Probe,
    addresses: &HashSet<u64>,
) -> PyResult<Vec<Py<PyAny>>> {
    room()?;
    let only = if addresses.len() == 1 { addresses.iter().next().copied() } else { None };
    let look = |object: Object| {
        let is_wanted = match only {
            Some(only) => object as u64 == only,
            None => addresses.contains(&(object as u64)),
        };
        // SAFETY: an object of the lists. Taking a reference tracks nothing.
        is_wanted.then(|| unsafe { pause::reference(py, object) }).flatten()
    };
    match &probe.lists {
        // SAFETY: attached; looking tracks nothing and runs nothing.
        Some(lists) => unsafe { lists.collect(Which::Public, look) }.map_err(broken),
        None => Ok(public(py)?.iter().filter_map(|object| look(object.as_ptr())).collect()),
    }
}

/// Those of `among`, or of the objects of `gc.get_objects`, that no object of
/// `gc.get_objects` but `except` refers to, in their order.
///
/// What a type's traverse function visits is referred to: neither a running
/// frame's locals are, nor what only C code holds.
///
/// # Errors
///
/// As for [`addresses_by_name`], or when the heap lies in more of the address
/// space than can be marked.
///
/// # Complexity
///
/// O(V + E) time, 8 bytes an object and one bit for 16 bytes of memory in which objects lie.
pub fn unreferred<'py>(
    py: Python<'py>,
    probe: &Probe,
    among: Option<&[Bound<'py, PyAny>]>,
    except: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    extern "C" fn mark(referent: Object, marks: *mut c_void) -> c_int {
        // SAFETY: the marks passed to `traverse` below, used by nobody else
        // until that returns.
        unsafe { (*marks.cast::<Marks>()).mark(referent as usize) };
        0
    }
    let tracked = Tracked::all(py, probe)?;
    let except = except.map_or(0, |except| except.as_ptr() as usize);
    let mut marks = Marks::new();
    let stopped = Stopped::begin(py);
    // SAFETY: attached, and nothing runs until all is marked.
    let caller = unsafe { running::caller(probe) };
    for (at, &object) in tracked.objects.iter().enumerate() {
        if let Some(&ahead) = tracked.objects.get(at + AHEAD) {
            prefetch(ahead);
        }
        if object == except {
            continue;
        }
        if let Some(caller) = caller.as_ref().filter(|caller| caller.object == object) {
            caller.holds.iter().for_each(|&held| _ = marks.mark(held));
        }
        let object = object as Object;
        // SAFETY: a live object; a traverse function runs no Python code.
        unsafe {
            if let Some(traverse) = (*ffi::Py_TYPE(object)).tp_traverse {
                traverse(object, mark, (&raw mut marks).cast());
            }
        }
    }
    drop(stopped);
    if let Some(address) = marks.refused {
        return Err(broken(WalkError::Limit(format!(
            "the heap lies in too many places: expected at most 64 GiB of address space \
             with Python objects, found one more at {address:#x}"
        ))));
    }
    Ok(match among {
        Some(among) => {
            let is_left = |object: &&Bound<'py, PyAny>| !marks.has(object.as_ptr() as usize);
            among.iter().filter(is_left).cloned().collect()
        }
        None => {
            let left = tracked.objects.iter().filter(|&&object| !marks.has(object));
            // SAFETY: no Python code ran since these were found, or they are held.
            left.map(|&object| unsafe { Bound::from_borrowed_ptr(py, object as Object) }).collect()
        }
    })
}

/// Refuses where there is no room for a list of all objects.
pub(crate) fn room() -> PyResult<()> {
    // Of at least 64 bytes that an object takes, a list of them takes up to 8.
    crate::room_for(crate::resident_bytes() / 4 + (8 << 20))
        .map_err(|error| PyMemoryError::new_err(error.to_string()))
}

pub(crate) fn broken(error: WalkError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

pub(crate) fn public(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    Ok(crate::module(py, c"gc")?.call_method0("get_objects")?.cast_into()?)
}
