//! References as the collector sees them: what `gc.get_referrers` and
//! `gc.get_referents` tell, for many objects at once.
//!
//! All tracked objects are visited once, and of each reference only where it
//! leads is kept; then each step backwards is one pass over those numbers. What
//! was met comes back held, so that Python code may run afterwards. Labels and
//! sizes are for [`part`](crate::part()) to tell.
//!
//! Where the collector's lists cannot be read, and on free-threaded builds, the
//! interpreter is asked object by object.

use std::collections::{HashMap, HashSet};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::ask::OfGc;
use crate::layout::{self, Object};
use crate::pause::Stopped;
use crate::probe::Probe;
use crate::references::{References, tracked, visit};
use crate::{WalkError, ask};

/// What leads to some objects, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Backwards<'a, 'py> {
    /// How many steps.
    pub depth: f64,
    /// Addresses that count as no referrers.
    pub ignore: &'a HashSet<u64>,
    /// Whether modules in `sys.modules` are not gone beyond.
    pub stop_at_modules: bool,
    /// How many referrers of one object are taken; the others are counted.
    pub most: Option<usize>,
    /// Only these are asked whether they refer to something.
    pub only: Option<&'a [Bound<'py, PyAny>]>,
    /// The arguments of the caller's own call, in their order: a tuple that carries just them
    /// for the call, and for nobody else, is no referrer.
    pub call: &'a [Bound<'py, PyAny>],
    /// Those that were given by name: the same for a dict.
    pub named: &'a [Bound<'py, PyAny>],
}

impl Backwards<'_, '_> {
    /// Whether an object looks like what carries the call's own arguments; `held` references to
    /// it are ours.
    ///
    /// # Safety
    ///
    /// Attached; a live object.
    unsafe fn carries_call(&self, object: usize, held: u32) -> bool {
        let object = object as Object;
        let is_at = |asked: &[Bound<'_, PyAny>], at: usize, found: Object| {
            asked.get(at).is_some_and(|argument| argument.as_ptr() == found)
        };
        // SAFETY: as the caller promises; the exact type tells the layout, and
        // going over a dict compares nothing.
        unsafe {
            if layout::refcount(object).0 != 1 + held {
                return false;
            }
            if ffi::PyTuple_CheckExact(object) != 0 {
                let count = ffi::PyTuple_GET_SIZE(object) as usize;
                let item = |at: usize| ffi::PyTuple_GET_ITEM(object, at as isize);
                count > 0
                    && count == self.call.len()
                    && (0..count).all(|at| is_at(self.call, at, item(at)))
            } else if ffi::PyDict_CheckExact(object) != 0 && !self.named.is_empty() {
                let mut count = 0;
                let mut are_same = ffi::PyDict_Size(object) as usize == self.named.len();
                if are_same {
                    crate::own::for_each_item(object, |_, value| {
                        are_same &= is_at(self.named, count, value);
                        count += 1;
                    });
                }
                are_same
            } else {
                false
            }
        }
    }
}

/// What [`referrers`] found, held by a reference each.
pub struct Referrers<'py> {
    /// The objects that were asked for, each once, then the others as they were met.
    pub objects: Vec<Bound<'py, PyAny>>,
    /// Places in `objects` of what refers to each, in the collector's order, each once.
    /// Empty where nothing was asked for.
    pub rows: Vec<Vec<u32>>,
    /// How many more referrers each has.
    pub left_out: Vec<u64>,
    /// Which of the objects are modules in `sys.modules` under their own names.
    pub modules: HashSet<u32>,
    /// Whether all of it was seen to be alive without a collection. Where it was not, some of it
    /// may be garbage.
    pub alive: bool,
}

/// Whether references are read from the collector's lists; else [`referrers`]
/// asks the interpreter and says of nothing that it is alive.
pub fn reads_lists(probe: &Probe) -> bool {
    // In a collection a part of the heap is in no list.
    !cfg!(Py_GIL_DISABLED) && probe.lists.is_some() && !probe.is_collecting()
}

/// What refers to some objects, directly and indirectly.
///
/// # Errors
///
/// As for [`crate::snapshot`]; what `gc.get_referrers` raises.
///
/// # Complexity
///
/// O(V + E) time and 8 bytes for each reference of a tracked object, where the
/// lists are read; else O(V + E) time for each object that is gone beyond.
pub fn referrers<'py>(
    py: Python<'py>,
    probe: &Probe,
    starts: &[Bound<'py, PyAny>],
    asked: &Backwards<'_, 'py>,
) -> PyResult<Referrers<'py>> {
    // Other threads may change what is visited where nothing keeps them from running.
    if !reads_lists(probe) && (cfg!(Py_GIL_DISABLED) || asked.only.is_none()) {
        return public_referrers(py, starts, asked);
    }
    // SAFETY: attached, and no Python code runs until all that was met is held.
    unsafe {
        let mut references = match asked.only {
            Some(only) => References::of_some(probe, only, asked.most).map_err(raised)?,
            None => References::of_all(probe).map_err(raised)?,
        };
        let modules = proper_modules(py);
        let addresses: Vec<usize> = starts.iter().map(|start| start.as_ptr() as usize).collect();
        let mut found = Growing::new(&addresses, modules);
        let mut level = 0..found.objects.len();
        let mut depth = 0;
        while !level.is_empty() && f64::from(depth) < asked.depth {
            let wanted = found.beyond(level.clone(), asked.stop_at_modules);
            let addresses: Vec<usize> = wanted.iter().map(|&at| found.objects[at]).collect();
            references.find(&addresses);
            level = found.objects.len()..found.objects.len();
            for (place, address) in wanted.into_iter().zip(addresses) {
                let (sources, _) = &references.found[&address];
                let sources = sources.iter().map(|&source| references.sources[source as usize]);
                found.take(place, sources, asked, 0);
            }
            level.end = found.objects.len();
            depth += 1;
        }
        // What the caller holds is alive, and so is all that is asked for by name.
        let alive = asked.only.is_some()
            || found.left_out.iter().all(|&count| count == 0)
                && references.are_alive(&found.objects, addresses.len(), &found.modules);
        Ok(found.held(py, alive))
    }
}

/// The objects of a shortest chain from a module in `sys.modules` to an object,
/// the module first; `None` where there is none of at most `depth` steps.
///
/// # Errors
///
/// As for [`referrers`].
///
/// # Complexity
///
/// As for [`referrers`].
pub fn chain_from_module<'py>(
    py: Python<'py>,
    probe: &Probe,
    start: &Bound<'py, PyAny>,
    depth: f64,
    ignore: &HashSet<u64>,
) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    // SAFETY: attached, and no Python code runs until the chain is held.
    unsafe {
        let modules = proper_modules(py);
        let first = start.as_ptr() as usize;
        if modules.contains(&first) {
            return Ok(Some(vec![start.clone()]));
        }
        if !reads_lists(probe) {
            return public_chain(start, depth, ignore, &modules);
        }
        let mut references = References::of_all(probe).map_err(raised)?;
        let mut holds: HashMap<usize, usize> = HashMap::from([(first, 0)]);
        let mut level = vec![first];
        let mut steps = 0;
        while !level.is_empty() && f64::from(steps) < depth {
            references.find(&level);
            let mut next = Vec::new();
            for held in level {
                for &source in &references.found[&held].0 {
                    let source = references.sources[source as usize];
                    if ignore.contains(&(source as u64)) || holds.contains_key(&source) {
                        continue;
                    }
                    holds.insert(source, held);
                    if modules.contains(&source) {
                        let chain =
                            std::iter::successors(Some(source), |at| holds.get(at).copied())
                                .take_while(|&at| at != 0)
                                .map(|at| Bound::from_borrowed_ptr(py, at as Object));
                        return Ok(Some(chain.collect()));
                    }
                    next.push(source);
                }
            }
            level = next;
            steps += 1;
        }
        Ok(None)
    }
}

/// What an object refers to, as `gc.get_referents` gives it: as often as its
/// traverse function visits it.
///
/// # Errors
///
/// What `gc.get_referents` raises, on free-threaded builds alone.
pub fn referents<'py>(object: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = object.py();
    if cfg!(Py_GIL_DISABLED) {
        return ask::of_gc(OfGc::Referents, object);
    }
    let mut found: Vec<usize> = Vec::new();
    // SAFETY: attached, a live object; what it refers to is held before any code runs.
    unsafe {
        if ffi::PyObject_IS_GC(object.as_ptr()) != 0 {
            visit(object.as_ptr(), &mut found);
        }
        // `_asyncio` shows iterators, in 3.12 and 3.13, that were freed and are kept for later. A
        // reference to one would free it again, and the next collection would never end.
        let lives = |at: &&usize| layout::refcount(**at as Object).0 != 0;
        let alive = found.iter().filter(lives);
        Ok(alive.map(|&at| Bound::from_borrowed_ptr(py, at as Object)).collect())
    }
}

/// Whether something runs before an object is freed: its class has a `__del__`,
/// or a finalizer written in C.
pub fn has_finalizer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached; a live object's type, and that one's.
    unsafe {
        let ty = ffi::Py_TYPE(object.as_ptr());
        // A type in C that was never made ready has no type itself.
        let of_types = ffi::Py_TYPE(ty.cast());
        (*ty).tp_finalize.is_some() || !of_types.is_null() && (*of_types).tp_finalize.is_some()
    }
}

/// Whether an object is a bound method and nothing derived from one.
pub fn is_method(object: &Bound<'_, PyAny>) -> bool {
    unsafe extern "C" {
        static mut PyMethod_Type: ffi::PyTypeObject;
    }
    object.get_type_ptr() == &raw mut PyMethod_Type
}

/// The collector's own error for a walk that failed.
fn raised(error: WalkError) -> PyErr {
    match error {
        WalkError::Memory(_) => pyo3::exceptions::PyMemoryError::new_err(error.to_string()),
        _ => pyo3::exceptions::PyRuntimeError::new_err(error.to_string()),
    }
}

/// The modules that `sys.modules` has under the names that they say they have.
///
/// # Safety
///
/// Attached; the addresses mean these objects until Python code runs.
unsafe fn proper_modules(py: Python<'_>) -> HashSet<usize> {
    let _stopped = Stopped::begin(py);
    let mut proper = HashSet::new();
    // SAFETY: borrowed from the interpreter, which keeps them; going over a
    // dict compares nothing, and only exact str are compared.
    unsafe {
        let modules = ask::modules();
        if modules.is_null() {
            return proper;
        }
        crate::own::for_each_item(modules, |key, module| {
            if ffi::PyModule_Check(module) == 0 || ffi::PyUnicode_CheckExact(key) == 0 {
                return;
            }
            if says_name(ffi::PyModule_GetDict(module), key) {
                proper.insert(module as usize);
            }
        });
    }
    proper
}

/// Whether a module's dict has this name as `__name__`, which most have as their first entry.
///
/// # Safety
///
/// Attached; a dict and an exact str.
unsafe fn says_name(dict: Object, expected: Object) -> bool {
    let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: as the caller promises.
    unsafe {
        while ffi::PyDict_Next(dict, &raw mut at, &raw mut key, &raw mut value) != 0 {
            if ffi::PyUnicode_CheckExact(key) != 0
                && ffi::PyUnicode_CompareWithASCIIString(key, c"__name__".as_ptr()) == 0
            {
                return ffi::PyUnicode_CheckExact(value) != 0
                    && ffi::PyUnicode_Compare(value, expected) == 0;
            }
        }
    }
    false
}

/// What was met so far on the way back.
struct Growing {
    objects: Vec<usize>,
    places: HashMap<usize, u32>,
    rows: Vec<Vec<u32>>,
    left_out: Vec<u64>,
    modules: HashSet<usize>,
}

impl Growing {
    fn new(starts: &[usize], modules: HashSet<usize>) -> Self {
        let mut growing = Self {
            objects: Vec::new(),
            places: HashMap::new(),
            rows: Vec::new(),
            left_out: Vec::new(),
            modules,
        };
        for &start in starts {
            growing.place(start);
        }
        growing
    }

    fn place(&mut self, object: usize) -> u32 {
        *self.places.entry(object).or_insert_with(|| {
            self.objects.push(object);
            self.rows.push(Vec::new());
            self.left_out.push(0);
            u32::try_from(self.objects.len() - 1).expect("fewer objects than there are numbers")
        })
    }

    /// Those of a level that are gone beyond.
    fn beyond(&self, level: std::ops::Range<usize>, stop_at_modules: bool) -> Vec<usize> {
        let is_end = |at: &usize| stop_at_modules && self.modules.contains(&self.objects[*at]);
        level.filter(|at| !is_end(at)).collect()
    }

    /// Takes what refers to one of those that were met; `held` references to each are ours.
    ///
    /// # Safety
    ///
    /// Attached; live objects.
    unsafe fn take(
        &mut self,
        place: usize,
        sources: impl Iterator<Item = usize>,
        asked: &Backwards<'_, '_>,
        held: u32,
    ) {
        let sources: Vec<usize> = sources.collect();
        // Others may look like them: the call's own were made last.
        let own = |is_kind: fn(Object) -> bool| {
            sources.iter().rposition(|&source| {
                // What is ignored anyway may be a copy of it.
                !asked.ignore.contains(&(source as u64))
                    && is_kind(source as Object)
                    // SAFETY: as the caller promises.
                    && unsafe { asked.carries_call(source, held) }
            })
        };
        // SAFETY: as the caller promises.
        let tuple = own(|object| unsafe { ffi::PyTuple_CheckExact(object) != 0 });
        // SAFETY: as the caller promises.
        let dict = own(|object| unsafe { ffi::PyDict_CheckExact(object) != 0 });
        for (at, source) in sources.into_iter().enumerate() {
            if asked.ignore.contains(&(source as u64)) || tuple == Some(at) || dict == Some(at) {
                continue;
            }
            if asked.most.is_some_and(|most| self.rows[place].len() >= most) {
                self.left_out[place] += 1;
                continue;
            }
            let source = self.place(source);
            self.rows[place].push(source);
        }
    }

    /// Takes references to all of it.
    ///
    /// # Safety
    ///
    /// Attached; the objects still live.
    unsafe fn held(self, py: Python<'_>, alive: bool) -> Referrers<'_> {
        let is_module = |&(_, at): &(u32, &usize)| self.modules.contains(at);
        let modules = (0..).zip(&self.objects).filter(is_module).map(|(place, _)| place).collect();
        // SAFETY: as the caller promises.
        let hold = |&at: &usize| unsafe { Bound::from_borrowed_ptr(py, at as Object) };
        let objects = self.objects.iter().map(hold).collect();
        Referrers { objects, rows: self.rows, left_out: self.left_out, modules, alive }
    }
}

/// As [`referrers`], asked of the interpreter object by object.
fn public_referrers<'py>(
    py: Python<'py>,
    starts: &[Bound<'py, PyAny>],
    asked: &Backwards<'_, 'py>,
) -> PyResult<Referrers<'py>> {
    let addresses: Vec<usize> = starts.iter().map(|start| start.as_ptr() as usize).collect();
    // SAFETY: attached; modules in `sys.modules` are compared by address alone.
    let modules = unsafe { proper_modules(py) };
    let mut found = Growing::new(&addresses, modules);
    let mut kept = starts.to_vec();
    let only: Option<HashSet<usize>> = asked.only.map(|only| tracked(only).into_iter().collect());
    let mut level = 0..found.objects.len();
    let mut depth = 0;
    while !level.is_empty() && f64::from(depth) < asked.depth {
        let wanted = found.beyond(level.clone(), asked.stop_at_modules);
        level.start = level.end;
        for place in wanted {
            // SAFETY: `kept` holds all that was met.
            let object = unsafe { Bound::from_borrowed_ptr(py, found.objects[place] as Object) };
            let mut sources = ask::of_gc(OfGc::Referrers, &object)?;
            sources.retain(|it| {
                only.as_ref().is_none_or(|only| only.contains(&(it.as_ptr() as usize)))
            });
            let addresses = sources.iter().map(|source| source.as_ptr() as usize);
            // SAFETY: `sources` holds them, once each.
            unsafe { found.take(place, addresses, asked, 1) };
            kept.extend(sources);
        }
        level.end = found.objects.len();
        depth += 1;
    }
    // SAFETY: `kept` holds them.
    Ok(unsafe { found.held(py, false) })
}

/// As [`chain_from_module`], asked of the interpreter object by object.
fn public_chain<'py>(
    start: &Bound<'py, PyAny>,
    depth: f64,
    ignore: &HashSet<u64>,
    modules: &HashSet<usize>,
) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    let mut met = vec![(start.clone(), 0_usize, 0_u32)];
    let mut seen = HashSet::from([start.as_ptr() as usize]);
    let mut at = 0;
    while at < met.len() {
        let (object, _, steps) = met[at].clone();
        if f64::from(steps) < depth {
            for source in ask::of_gc(OfGc::Referrers, &object)? {
                let address = source.as_ptr() as usize;
                if ignore.contains(&(address as u64)) || !seen.insert(address) {
                    continue;
                }
                met.push((source, at, steps + 1));
                if modules.contains(&address) {
                    let mut chain = Vec::new();
                    let mut place = met.len() - 1;
                    loop {
                        chain.push(met[place].0.clone());
                        if place == 0 {
                            return Ok(Some(chain));
                        }
                        place = met[place].1;
                    }
                }
            }
        }
        at += 1;
    }
    Ok(None)
}
