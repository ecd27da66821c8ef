//! Attributes of types, found without asking a metaclass.

use crate::layout::{self, Object, Type};
use crate::probe::Probe;
use pyo3::ffi;

/// The dict of a type, wherever it keeps it; null if that is not known.
///
/// # Safety
///
/// `ty` is a type.
pub(crate) unsafe fn type_dict(ty: Type, probe: &Probe) -> Object {
    // SAFETY: as the caller promises.
    let dict = unsafe { (*ty).tp_dict };
    if dict.is_null() {
        match probe.type_dicts.get(&(ty as usize)) {
            Some(&dict) => dict as Object,
            // SAFETY: as the caller promises.
            None => unsafe { late_type_dict(ty) },
        }
    } else {
        dict
    }
}

/// The dict of a type that was made after the probes and keeps it elsewhere.
#[cfg(Py_3_12)]
unsafe fn late_type_dict(ty: Type) -> Object {
    // SAFETY: a type; the reference that comes back is given back at once, and
    // its count is as it was.
    unsafe {
        let dict = ffi::PyType_GetDict(ty);
        if !dict.is_null() {
            ffi::Py_DECREF(dict);
        }
        dict
    }
}

#[cfg(not(Py_3_12))]
unsafe fn late_type_dict(_ty: Type) -> Object {
    std::ptr::null_mut()
}

/// What a type's own dict holds under an interned str; null if nothing.
///
/// # Safety
///
/// `ty` is a type, `name` a str.
pub(crate) unsafe fn type_attribute(ty: Type, name: Object, probe: &Probe) -> Object {
    // SAFETY: a type's dict; without our reader a look-up of a str, which
    // compares str only.
    unsafe {
        let dict = type_dict(ty, probe);
        if dict.is_null() {
            std::ptr::null_mut()
        } else if probe.readers.dict {
            layout::dict::get_identical(dict, name)
        } else {
            // A look-up may wait for the dict's lock.
            #[cfg(Py_GIL_DISABLED)]
            return match probe.size_methods.get(&(ty as usize)) {
                Some(&method) if name == probe.words.size_of => method as Object,
                _ => std::ptr::null_mut(),
            };
            #[cfg(not(Py_GIL_DISABLED))]
            ffi::PyDict_GetItem(dict, name)
        }
    }
}

/// What a type or the first of its bases holds under an interned str; null if none does.
///
/// # Safety
///
/// `ty` is a type, `name` a str.
pub(super) unsafe fn inherited_attribute(ty: Type, name: Object, probe: &Probe) -> Object {
    // SAFETY: as the caller promises; an MRO is a tuple of types, and null
    // while the type is being made.
    unsafe {
        let mro = (*ty).tp_mro;
        if mro.is_null() {
            return type_attribute(ty, name, probe);
        }
        (0..ffi::PyTuple_GET_SIZE(mro))
            .map(|at| type_attribute(ffi::PyTuple_GET_ITEM(mro, at).cast(), name, probe))
            .find(|found| !found.is_null())
            .unwrap_or(std::ptr::null_mut())
    }
}

/// Whether a type or one of its bases holds something under an interned str.
///
/// # Safety
///
/// As for `type_attribute`.
pub(crate) unsafe fn inherited(ty: Type, name: Object, probe: &Probe) -> bool {
    // SAFETY: as the caller promises.
    unsafe { !inherited_attribute(ty, name, probe).is_null() }
}
