//! Counts by type and lists of one type: one pass over the collector's lists,
//! no graph.

use std::collections::HashMap;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::types::PyType;

use crate::addresses::{Tracked, broken, public, room};
use crate::layout::{Object, Type};
use crate::lists::Which;
use crate::pause;
use crate::preview;
use crate::probe::Probe;
use crate::sink::Targets;
use crate::walker::Walker;

/// How many objects have types of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeTally {
    /// `__name__` of the type, or `module.name`.
    pub name: String,
    /// Objects whose type has that name.
    pub count: u64,
    /// Their shallow sizes together, in bytes; `None` where nobody asked.
    pub size: Option<u64>,
}

/// Something known of each type that was met, by its address.
///
/// Runs of one type are common, and so are a few types in turn: those met last
/// are found without hashing.
pub(crate) struct ByType<T> {
    recent: [(usize, T); 64],
    all: HashMap<usize, T>,
}

impl<T: Copy + Default> ByType<T> {
    pub(crate) fn new() -> Self {
        Self { recent: [(0, T::default()); 64], all: HashMap::with_capacity(1024) }
    }

    /// What is known of a type; `find` is asked the first time.
    #[inline(always)]
    pub(crate) fn get(&mut self, ty: usize, find: impl FnOnce() -> T) -> T {
        let slot = &mut self.recent[(ty >> 5 ^ ty >> 11) & 63];
        if slot.0 != ty {
            *slot = (ty, *self.all.entry(ty).or_insert_with(find));
        }
        slot.1
    }
}

/// Counts the objects of `gc.get_objects` by the name of their type, in the
/// order in which the names first appear there.
///
/// # Errors
///
/// When `gc.get_objects` has to be asked and fails, or for lack of memory.
///
/// # Complexity
///
/// O(V) time, a few kilobytes.
pub fn tally(py: Python<'_>, probe: &Probe, shortnames: bool) -> PyResult<Vec<TypeTally>> {
    room()?;
    // Names are read at once: a type may be gone when the pause is over.
    let mut types: Vec<String> = Vec::with_capacity(1024);
    let mut places = ByType::new();
    let mut place_of = |ty: usize| {
        places.get(ty, || {
            // SAFETY: the type of an object that is being looked at.
            types.push(unsafe { name_of(ty as Type, shortnames, probe) });
            types.len() as u32 - 1
        })
    };
    let seen: Vec<u32> = match &probe.lists {
        // SAFETY: attached; to look at a type tracks nothing and runs nothing.
        Some(lists) => unsafe {
            lists
                .collect(Which::Public, |object| Some(place_of(ffi::Py_TYPE(object) as usize)))
                .map_err(broken)?
        },
        None => public(py)?.iter().map(|object| place_of(object.get_type_ptr() as usize)).collect(),
    };
    // Counts, and the types in the order of their first object.
    let mut counts = vec![0_u64; types.len()];
    let mut order = Vec::with_capacity(types.len());
    for place in seen {
        if counts[place as usize] == 0 {
            order.push(place as usize);
        }
        counts[place as usize] += 1;
    }
    let mut tallies: Vec<TypeTally> = Vec::with_capacity(counts.len());
    let mut by_name: HashMap<String, usize> = HashMap::with_capacity(counts.len());
    for (name, count) in
        order.into_iter().map(|place| (std::mem::take(&mut types[place]), counts[place]))
    {
        match by_name.get(&name) {
            Some(&place) => tallies[place].count += count,
            None => {
                by_name.insert(name.clone(), tallies.len());
                tallies.push(TypeTally { name, count, size: None });
            }
        }
    }
    Ok(tallies)
}

/// As [`tally`], with shallow sizes.
///
/// # Errors
///
/// As for [`tally`].
///
/// # Complexity
///
/// O(V) time, 8 bytes an object.
pub fn tally_with_sizes(
    py: Python<'_>,
    probe: &Probe,
    shortnames: bool,
) -> PyResult<Vec<TypeTally>> {
    let tracked = Tracked::all(py, probe)?;
    // SAFETY: attached; live objects, or held.
    Ok(unsafe { sized(py, probe, shortnames, tracked.objects.iter().copied()) })
}

/// As [`tally_with_sizes`], of objects that are given.
pub fn tally_of(
    py: Python<'_>,
    probe: &Probe,
    objects: &[Bound<'_, PyAny>],
    shortnames: bool,
) -> Vec<TypeTally> {
    let objects = objects.iter().map(|object| object.as_ptr() as usize);
    // SAFETY: attached; held by the caller.
    unsafe { sized(py, probe, shortnames, objects) }
}

/// # Safety
///
/// Attached; objects that live until this returns.
unsafe fn sized(
    py: Python<'_>,
    probe: &Probe,
    shortnames: bool,
    objects: impl Iterator<Item = usize>,
) -> Vec<TypeTally> {
    let mut tallier = Tallier::new(probe, shortnames);
    let mut walker = Walker::new(probe, Targets(Vec::new()), false);
    let collector = pause::Collector::pause();
    let stopped = pause::Stopped::begin(py);
    for object in objects {
        let object = object as Object;
        // SAFETY: as the caller promises, and in a pause.
        unsafe {
            let size = walker.shallow_size(object);
            tallier.add_object(object, Some(size));
        }
    }
    drop(stopped);
    drop(collector);
    tallier.tallies
}

/// Counts objects that are given one by one, by the name of their type.
///
/// Python code may run between two of them.
pub struct Tallier<'p> {
    probe: &'p Probe,
    shortnames: bool,
    places: HashMap<String, usize>,
    tallies: Vec<TypeTally>,
}

impl<'p> Tallier<'p> {
    /// Nothing is counted yet.
    pub fn new(probe: &'p Probe, shortnames: bool) -> Self {
        Self { probe, shortnames, places: HashMap::new(), tallies: Vec::new() }
    }

    /// Counts an object.
    pub fn add(&mut self, object: &Bound<'_, PyAny>) {
        // SAFETY: attached; a live object.
        unsafe { self.add_object(object.as_ptr(), None) };
    }

    /// What was counted, in the order in which the names first appeared.
    pub fn finish(self) -> Vec<TypeTally> {
        self.tallies
    }

    /// # Safety
    ///
    /// Attached; a live object.
    unsafe fn add_object(&mut self, object: Object, size: Option<u64>) {
        // SAFETY: as the caller promises. A type that is freed may give its
        // place to another of another name, so nothing is remembered by it.
        let name = unsafe { name_of(ffi::Py_TYPE(object), self.shortnames, self.probe) };
        let place = match self.places.get(&name) {
            Some(&place) => place,
            None => {
                let place = self.tallies.len();
                self.places.insert(name.clone(), place);
                self.tallies.push(TypeTally { name, count: 0, size: size.map(|_| 0) });
                place
            }
        };
        let tally = &mut self.tallies[place];
        tally.count += 1;
        tally.size = tally.size.zip(size).map(|(all, size)| all.saturating_add(size));
    }
}

/// The tracked objects whose type has a name; one with a dot is `module.name`.
///
/// With `count_only` the list stays empty and only their number comes back.
///
/// # Errors
///
/// When the list cannot be made, or for lack of memory.
///
/// # Complexity
///
/// O(V) time.
pub fn by_type<'py>(
    py: Python<'py>,
    probe: &Probe,
    name: &str,
    count_only: bool,
) -> PyResult<(u64, Bound<'py, PyList>)> {
    room()?;
    let shortnames = !name.contains('.');
    let mut count = 0;
    let mut matching = ByType::new();
    let mut look = |object: Object| -> Option<Py<PyAny>> {
        // SAFETY: an object of the lists.
        let ty = unsafe { ffi::Py_TYPE(object) } as usize;
        let matches = matching.get(ty, || {
            // SAFETY: the type of an object of the lists.
            unsafe { name_of(ty as Type, shortnames, probe) == name }
        });
        count += u64::from(matches);
        // SAFETY: an object of the lists. Taking a reference tracks nothing.
        (matches && !count_only).then(|| unsafe { pause::reference(py, object) })?
    };
    let found: Vec<Py<PyAny>> = match &probe.lists {
        // SAFETY: attached; looking tracks nothing and runs nothing.
        Some(lists) => unsafe { lists.collect(Which::Public, look) }.map_err(broken)?,
        None => public(py)?.iter().filter_map(|object| look(object.as_ptr())).collect(),
    };
    Ok((count, PyList::new(py, found)?))
}

/// The name of an object's type: `__name__`, or `module.name`.
pub fn type_name(object: &Bound<'_, PyAny>, shortnames: bool, probe: &Probe) -> String {
    // SAFETY: a live object's type.
    unsafe { name_of(ffi::Py_TYPE(object.as_ptr()), shortnames, probe) }
}

/// A type's module and qualified name, read and not asked: a metaclass may answer in Python.
pub fn type_names(ty: &Bound<'_, PyType>, probe: &Probe) -> (Box<str>, Box<str>) {
    // SAFETY: a live type.
    unsafe { preview::type_names(ty.as_ptr().cast(), crate::MOST_NAME, probe) }
}

/// The whole name: two types are one here if their names are equal.
///
/// # Safety
///
/// Attached; `ty` is a type.
pub(crate) unsafe fn name_of(ty: Type, shortnames: bool, probe: &Probe) -> String {
    let mut name = Vec::new();
    // SAFETY: as the caller promises.
    unsafe {
        if !shortnames {
            let (module, _) = preview::type_names(ty, usize::MAX, probe);
            if !module.is_empty() {
                name.extend_from_slice(module.as_bytes());
                name.push(b'.');
            }
        }
        preview::type_name(ty, usize::MAX, &mut name);
    }
    String::from_utf8_lossy(&name).into_owned()
}
