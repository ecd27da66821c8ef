//! Our own objects, which no result shows: the module, its types and functions,
//! the heaps and answers that the caller holds.
//!
//! A few are known by what they are; of what only those hold, the reference
//! counts tell that nobody else does.

use std::collections::{HashMap, HashSet};

use pyo3::ffi;
use snakeroot::snapshot::Flags;

use crate::labels;
use crate::layout::{self, Object};
use crate::marks::{Marks, Numbers, Place};
use crate::probe::Probe;
use crate::tables::Record;

/// The package whose modules are our own.
const PACKAGE: &[u8] = b"snakeroot";

/// Objects of our own that are known by what they are.
#[derive(Default)]
pub(crate) struct Own {
    /// Modules, their dicts, types and functions, by address.
    pub(crate) addresses: HashSet<usize>,
    /// Records of instances of those types.
    pub(crate) records: Vec<u32>,
}

impl Own {
    /// Looks through `sys.modules` for ours.
    ///
    /// # Safety
    ///
    /// Attached; the addresses mean these objects until Python code runs.
    pub(crate) unsafe fn find(probe: &Probe) -> Self {
        let mut own = Self::default();
        own.addresses.insert(probe.own);
        // SAFETY: borrowed from the interpreter, which keeps them; going over a
        // dict compares nothing.
        unsafe {
            let mut dicts = Vec::new();
            let modules = crate::ask::modules();
            if modules.is_null() {
                return own;
            }
            for_each_item(modules, |key, module| {
                if ffi::PyModule_Check(module) != 0 && is_ours(key) {
                    own.addresses.insert(module as usize);
                    dicts.push(ffi::PyModule_GetDict(module));
                }
            });
            own.addresses.extend(dicts.iter().map(|&dict| dict as usize));
            for dict in dicts {
                for_each_item(dict, |_, value| {
                    if own.owns(value, probe) {
                        own.addresses.insert(value as usize);
                    }
                });
            }
        }
        own
    }

    /// Whether something in a module's dict is that module's own and not imported.
    unsafe fn owns(&self, value: Object, probe: &Probe) -> bool {
        // SAFETY: each type tells the layout.
        unsafe {
            let ty = ffi::Py_TYPE(value);
            if ty == &raw mut ffi::PyFunction_Type {
                self.addresses.contains(&(ffi::PyFunction_GetGlobals(value) as usize))
            } else if ty == &raw mut ffi::PyCFunction_Type {
                let function = value.cast::<ffi::PyCFunctionObject>();
                self.addresses.contains(&((*function).m_self as usize))
                    || is_ours((*function).m_module)
            } else if ffi::PyType_Check(value) != 0
                && layout::has_flags(value.cast(), ffi::Py_TPFLAGS_HEAPTYPE)
            {
                is_ours(crate::types::type_attribute(value.cast(), probe.words.module, probe))
            } else {
                false
            }
        }
    }

    /// The records of all that is ours, known ones and what only they hold.
    ///
    /// `row` gives a record's edges; `all_counted` says whether all references
    /// are in the counts.
    pub(crate) fn whole<'e>(
        &self,
        marks: &Marks,
        numbers: &Numbers<'_>,
        order: &[u32],
        records: &[Record],
        all_counted: bool,
        row: impl Fn(usize) -> &'e [(Place, u32)],
    ) -> HashSet<u32> {
        let record_of = |place: Place| order[numbers.of(place) as usize];
        let known = self.addresses.iter().filter(|&&address| marks.has(address));
        let mut waiting: Vec<u32> = known.map(|&address| record_of(marks.place(address))).collect();
        waiting.extend(&self.records);
        let mut ours = HashSet::new();
        let mut hits: HashMap<u32, u32> = HashMap::new();
        while let Some(record) = waiting.pop() {
            if !ours.insert(record) {
                continue;
            }
            for &(place, label) in row(record as usize) {
                if label == labels::WEAK {
                    continue;
                }
                let target = record_of(place);
                // Where some references are not counted, to dicts, modules,
                // types and functions.
                if !all_counted && records[target as usize].flags.contains(Flags::COLLECTABLE) {
                    continue;
                }
                let hits = hits.entry(target).or_default();
                *hits += 1;
                if *hits == records[target as usize].refcount {
                    waiting.push(target);
                }
            }
        }
        ours
    }
}

/// Whether a str names our package or something in it.
///
/// # Safety
///
/// Attached; `name` is null or an object.
unsafe fn is_ours(name: Object) -> bool {
    // SAFETY: as the caller promises; a str is told by its type's flag.
    unsafe {
        if name.is_null() || ffi::PyUnicode_Check(name) == 0 {
            return false;
        }
        let mut text = Vec::new();
        layout::text::append(name, PACKAGE.len() + 1, &mut text);
        text.strip_prefix(PACKAGE).is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
    }
}

/// Calls `each` with the keys and values of a dict.
///
/// # Safety
///
/// Attached; `dict` is a dict, and `each` runs no Python code.
pub(crate) unsafe fn for_each_item(dict: Object, mut each: impl FnMut(Object, Object)) {
    let mut at = 0;
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: as the caller promises; going over a dict compares nothing.
    while unsafe { ffi::PyDict_Next(dict, &mut at, &mut key, &mut value) } != 0 {
        each(key, value);
    }
}
