//! Trials: does a reader or a size rule give what Python itself says?

use std::collections::HashSet;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule};

use super::{Readers, SizeFunction, Sizes, TAG_BITS};
use crate::layout::{self, Object, WORD};
use crate::lists::{Lists, Which};
use crate::types::SizeRule;

/// Types with a formula of their own for sizes.
const FORMULAS: [&str; 6] = ["dict", "frozenset", "int", "list", "set", "str"];

/// Whether objects that live meanwhile are visited, tracked ones and no others.
/// Not all of what `gc.get_objects` gives: other threads run on.
#[cfg(Py_GIL_DISABLED)]
pub(super) fn lists_agree(py: Python<'_>, lists: &Lists) -> bool {
    let samples = [PyList::empty(py).into_any(), PyDict::new(py).into_any()];
    let atoms = [pyo3::types::PyFloat::new(py, 0.5).into_any()];
    // SAFETY: attached; the addresses are compared and not followed.
    let all = unsafe { lists.collect(Which::All, |object| Some(object as usize)) };
    let Ok(all) = all.map(|all| all.into_iter().collect::<std::collections::HashSet<usize>>())
    else {
        return false;
    };
    let has = |object: &Bound<'_, PyAny>| all.contains(&(object.as_ptr() as usize));
    samples.iter().all(has) && !atoms.iter().any(has)
}

/// Whether the lists hold what `gc.get_objects` gives, apart from what the
/// call itself makes.
#[cfg(not(Py_GIL_DISABLED))]
pub(super) fn lists_agree(py: Python<'_>, lists: &Lists) -> bool {
    let Ok(public) = py.import("gc").and_then(|gc| gc.call_method0("get_objects")) else {
        return false;
    };
    let Ok(public) = public.cast_into::<PyList>() else {
        return false;
    };
    // SAFETY: attached; the addresses are compared and not followed.
    let all = unsafe { lists.collect(Which::All, |object| Some(object as usize)) };
    let Ok(all) = all.map(|all| all.into_iter().collect::<std::collections::HashSet<usize>>())
    else {
        return false;
    };
    public.iter().all(|object| all.contains(&(object.as_ptr() as usize)))
}

pub(super) fn dicts_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
    for sample in samples.try_iter()? {
        let sample = sample?.cast_into::<PyDict>()?;
        let expected: Vec<(usize, usize)> = sample
            .iter()
            .map(|(key, value)| (key.as_ptr() as usize, value.as_ptr() as usize))
            .collect();
        let mut found = Vec::new();
        let object = sample.as_ptr();
        // SAFETY: a dict of ours; a layout that is not the expected one gives
        // wrong pointers, which are compared and not followed.
        unsafe {
            let entries = layout::dict::keys(object).entries();
            let shared = layout::dict::shared_values(object);
            if entries.count > 1 << 20 {
                return Ok(false);
            }
            for at in 0..entries.count {
                let value: Object = if shared.is_null() {
                    entries.value(at)
                } else {
                    layout::read(shared, (at * WORD) as isize)
                };
                if !value.is_null() {
                    found.push((entries.key(at) as usize, value as usize));
                }
            }
        }
        found.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        if found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn sequences_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
    for sample in samples.try_iter()? {
        let sample = sample?;
        let mut expected = Vec::new();
        for item in sample.try_iter()? {
            expected.push(item?.as_ptr() as usize);
        }
        let mut found = Vec::new();
        // SAFETY: a list or tuple of ours, by the layout of `pyo3::ffi`;
        // pointers are compared and not followed.
        unsafe {
            crate::readers::sequence_items(sample.as_ptr(), |_, item| found.push(item as usize));
        }
        if found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn sets_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
    for sample in samples.try_iter()? {
        let sample = sample?;
        let mut expected = Vec::new();
        for element in sample.try_iter()? {
            expected.push(element?.as_ptr() as usize);
        }
        let mut found = Vec::new();
        // SAFETY: a set of ours, by the layout of `pyo3::ffi`; pointers are
        // compared and not followed.
        unsafe {
            crate::readers::set_elements(sample.as_ptr(), |element| found.push(element as usize));
        }
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn texts_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
    for sample in samples.try_iter()? {
        let sample = sample?;
        let mut found = Vec::new();
        // SAFETY: a str of ours.
        unsafe { layout::text::append(sample.as_ptr(), usize::MAX, &mut found) };
        let expected: Vec<u8> = sample
            .call_method1("encode", ("utf-8", "surrogateescape"))
            .and_then(|bytes| bytes.extract())
            .unwrap_or_default();
        let lone_surrogate = expected == [0x80];
        if found != expected && !lone_surrogate {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn ints_agree(py: Python<'_>) -> PyResult<bool> {
    for value in [0_i64, 1, -1, 255, -256, (1 << 30) - 1, 1 << 30, -(1 << 59), (1 << 60) - 1] {
        let sample = value.into_pyobject(py)?;
        // SAFETY: an int of ours.
        if unsafe { layout::int::small(sample.as_ptr()) } != Some(value) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn instances_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
    for sample in samples.try_iter()? {
        let (instance, pairs): (Bound<'_, PyAny>, Vec<(String, Bound<'_, PyAny>)>) =
            sample?.extract()?;
        let mut expected: Vec<(String, usize)> =
            pairs.into_iter().map(|(name, value)| (name, value.as_ptr() as usize)).collect();
        let mut found = Vec::new();
        // SAFETY: an instance of ours, of a type whose attributes are managed
        // from 3.11 on.
        unsafe {
            let ty = ffi::Py_TYPE(instance.as_ptr());
            let attributes = if layout::has_flags(ty, layout::type_flags::MANAGED_DICT)
                && cfg!(Py_3_11)
            {
                layout::attributes::managed(instance.as_ptr(), ty)
            } else if (*ty).tp_dictoffset != 0 {
                match layout::attributes::at_offset(instance.as_ptr(), ty, (*ty).tp_dictoffset) {
                    dict if dict.is_null() => layout::attributes::Found::Nothing,
                    dict => layout::attributes::Found::Dict(dict),
                }
            } else {
                return Ok(false);
            };
            let keep = |key: Object, value: Object, found: &mut Vec<(String, usize)>| {
                if !value.is_null() {
                    let mut text = Vec::new();
                    layout::text::append(key, 100, &mut text);
                    found.push((String::from_utf8_lossy(&text).into_owned(), value as usize));
                }
            };
            match attributes {
                layout::attributes::Found::Nothing => {}
                layout::attributes::Found::Dict(dict) => {
                    if ffi::PyDict_CheckExact(dict) == 0 {
                        return Ok(false);
                    }
                    let entries = layout::dict::keys(dict).entries();
                    let shared = layout::dict::shared_values(dict);
                    for at in 0..entries.count {
                        let value = if shared.is_null() {
                            entries.value(at)
                        } else {
                            layout::read(shared, (at * WORD) as isize)
                        };
                        keep(entries.key(at), value, &mut found);
                    }
                }
                layout::attributes::Found::Values(values) => {
                    let keys = crate::readers::cached_keys(ty);
                    if keys.0.is_null() {
                        return Ok(false);
                    }
                    let entries = keys.entries();
                    for at in 0..entries.count {
                        let value = layout::read(values, (at * WORD) as isize);
                        keep(entries.key(at), value, &mut found);
                    }
                }
            }
        }
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the locals of a suspended generator lie behind its fields (before
/// 3.11: those of its frame).
pub(super) fn generators_agree(sample: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (generator, locals): (Bound<'_, PyAny>, Vec<(String, Bound<'_, PyAny>)>) =
        sample.extract()?;
    let holder = if cfg!(Py_3_11) { generator } else { generator.getattr("gi_frame")? };
    // SAFETY: the type of a live object.
    let fields = unsafe { (*ffi::Py_TYPE(holder.as_ptr())).tp_basicsize as usize };
    let first = fields - if cfg!(Py_3_11) { 0 } else { WORD };
    Ok(locals.iter().enumerate().all(|(at, (_, value))| {
        // SAFETY: the generator has as many locals.
        let word: usize =
            unsafe { layout::read(holder.as_ptr().cast(), (first + at * WORD) as isize) };
        word & !TAG_BITS == value.as_ptr() as usize
    }))
}

/// The C function behind a type's `__sizeof__`, if it is one.
pub(super) fn size_function(ty: &Bound<'_, PyAny>) -> Option<SizeFunction> {
    let found = ty.getattr("__sizeof__").ok()?;
    // SAFETY: the descriptor's own type tells its layout.
    unsafe { crate::types::size_function(found.as_ptr()) }
}

/// The function behind the `__sizeof__` of `BytesIO`, if the buffer is found
/// where it should be.
#[cfg(Py_GIL_DISABLED)]
fn bytes_io(py: Python<'_>, samples: &Bound<'_, PyModule>) -> PyResult<Option<SizeFunction>> {
    let ty = py.import("_io")?.getattr("BytesIO")?;
    for sample in samples.call_method0("streams")?.try_iter()? {
        let sample = sample?;
        let expected: u64 = sample.call_method0("__sizeof__")?.extract()?;
        // SAFETY: an instance of the type itself.
        let found = unsafe {
            (*ffi::Py_TYPE(sample.as_ptr())).tp_basicsize as u64
                + layout::bytes_io::own_buffer(sample.as_ptr())
        };
        if found != expected {
            return Ok(None);
        }
    }
    Ok(size_function(&ty))
}

pub(super) fn sizes(
    py: Python<'_>,
    samples: &Bound<'_, PyModule>,
    readers: &Readers,
    notices: &mut Vec<String>,
) -> PyResult<Sizes> {
    let getsizeof = py.import("sys")?.getattr("getsizeof")?;
    let builtins = py.import("builtins")?;
    let zero: usize = getsizeof.call1((0,))?.extract()?;
    let int_type = builtins.getattr("int")?;
    // Nothing lies before `None`.
    let none = py.None();
    let added = |object: &Bound<'_, PyAny>| -> PyResult<u64> {
        let all: u64 = getsizeof.call1((object,))?.extract()?;
        let own: u64 = object.get_type().getattr("__sizeof__")?.call1((object,))?.extract()?;
        Ok(all.saturating_sub(own))
    };
    let mut sizes = Sizes {
        object: size_function(&builtins.getattr("object")?),
        list: super::wanted("size of list"),
        dict: readers.dict && super::wanted("size of dict"),
        set: readers.set && super::wanted("size of set"),
        text: readers.text && super::wanted("size of str"),
        int: readers.int && super::wanted("size of int"),
        plain: super::wanted("size of plain objects"),
        #[cfg(Py_GIL_DISABLED)]
        bytes_io: bytes_io(py, samples)?,
        least_digits: usize::from(zero > layout::HEADER_BYTES + WORD),
        static_type_header: added(&int_type)?.saturating_sub(added(none.bind(py))?),
    };
    let mut told: HashSet<String> = HashSet::new();
    let mut tell = |name: String, why: String| {
        if !told.contains(&name) {
            notices.push(format!("sizes of {name} are asked from its own function: {why}"));
            told.insert(name);
        }
    };
    for sample in samples.call_method0("sized")?.try_iter()? {
        let sample = sample?;
        let name = sample.get_type().name()?.to_string();
        let expected: u64 = getsizeof.call1((&sample,))?.extract()?;
        // SAFETY: an object of ours, whose type is one of the known ones.
        let (rule, found) = unsafe {
            let rule = crate::types::native_rule(ffi::Py_TYPE(sample.as_ptr()), &sizes);
            (rule, crate::types::native_size(sample.as_ptr(), rule, &sizes))
        };
        if matches!(rule, SizeRule::Plain) && FORMULAS.contains(&name.as_str()) {
            // Switched off before, or by a sample before this one.
            let reader = if name == "frozenset" { "set" } else { name.as_str() };
            let why = match super::wanted(reader) && super::wanted(&format!("size of {reader}")) {
                true => "its layout is not as expected".to_owned(),
                false => format!("{} asks for that", super::WITHOUT),
            };
            tell(name, why);
            continue;
        }
        if found != expected {
            tell(name, format!("{expected} bytes expected, {found} computed"));
            match rule {
                SizeRule::List => sizes.list = false,
                SizeRule::Dict => sizes.dict = false,
                SizeRule::Set => sizes.set = false,
                SizeRule::Text => sizes.text = false,
                SizeRule::Int => sizes.int = false,
                _ => sizes.plain = false,
            }
        }
    }
    Ok(sizes)
}
