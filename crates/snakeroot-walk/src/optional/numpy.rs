//! numpy: the elements of arrays, which no traversal visits, and what classes of
//! elements keep outside of them.

use pyo3::IntoPyObjectExt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyModule, PyTuple, PyType};

use super::{Known, Special, plausible, wrong};
use crate::layout::{self, HEADER_BYTES as HEADER, Object, TYPE_BYTES, WORD};
use crate::peek;
use crate::probe::find_words;

/// Fields that structured types may be nested.
const MOST_NESTED: usize = 8;

/// Dimensions that an array may have.
const MOST_DIMENSIONS: usize = 64;

/// How a numpy array lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrays {
    /// The type of arrays.
    array: usize,
    /// The description of elements that are objects.
    object: usize,
    /// In a description of elements: the names of fields and the dict of fields.
    names: usize,
    fields: usize,
    /// And how many bytes an element has.
    bytes: usize,
    /// The type of descriptions with fields.
    structured: usize,
    /// Where a description of a small array says of what and in which shape, as
    /// a pointer to both.
    small: Option<usize>,
}

/// An array: data, dimensions, their sizes and strides, base, description, flags.
pub(super) mod array {
    use super::{HEADER, WORD};

    pub(in super::super) const DATA: usize = HEADER;
    pub(in super::super) const COUNT: usize = HEADER + WORD;
    pub(in super::super) const SHAPE: usize = HEADER + 2 * WORD;
    pub(in super::super) const STRIDES: usize = HEADER + 3 * WORD;
    pub(in super::super) const BASE: usize = HEADER + 4 * WORD;
    pub(in super::super) const DESCRIPTION: usize = HEADER + 5 * WORD;
    pub(in super::super) const FLAGS: usize = HEADER + 6 * WORD;
    /// The array's memory is its own.
    pub(in super::super) const OWNS_DATA: i32 = 4;
}

/// Tries arrays and descriptions of their elements.
pub(super) fn types(
    py: Python<'_>,
    module: &Bound<'_, PyModule>,
    known: &mut Known,
) -> PyResult<()> {
    let array_type = module.getattr("ndarray")?.cast_into::<PyType>()?;
    let dtype = module.getattr("dtype")?;
    let object = dtype.call1(("O",))?;
    let strings = PyTuple::new(py, [("first", "O"), ("second", "i8")])?;
    let structured = dtype.call1((PyList::new(py, strings)?,))?;
    let names = structured.getattr("names")?;
    let &[names] = find_words(&structured, names.as_ptr() as usize).as_slice() else {
        return Err(wrong("a structured type does not hold its names"));
    };
    let dict_type = py.get_type::<PyDict>().as_ptr() as usize;
    let dicts = plausible(&structured, dict_type);
    let Some(&fields) = dicts.iter().find(|&&at| at + WORD == names || at == names + WORD) else {
        return Err(wrong("a structured type does not hold its fields"));
    };
    // How long an element is: what differs as it should.
    let sized = [dtype.call1(("V37",))?, dtype.call1(("V1234",))?];
    let at = |offset: usize| {
        // SAFETY: four bytes within descriptions of at least this size.
        sized
            .each_ref()
            .map(|each| unsafe { layout::read::<i32>(each.as_ptr().cast(), offset as isize) })
    };
    // SAFETY: a live object's type.
    let size = unsafe { (*structured.get_type_ptr()).tp_basicsize as usize };
    let bytes = (HEADER..size - WORD).step_by(4).find(|&offset| at(offset) == [37, 1234]);
    let bytes = bytes.ok_or_else(|| wrong("a type does not say how long its elements are"))?;
    let arrays = Arrays {
        array: array_type.as_ptr() as usize,
        object: object.as_ptr() as usize,
        names,
        fields,
        bytes,
        structured: structured.get_type_ptr() as usize,
        small: small_arrays(&dtype, &object, fields - WORD)?,
    };
    let key = structured.get_type_ptr() as usize;
    let row = vec![(names, "names".into()), (fields, "fields".into())];
    known.fields.insert(key, row.clone());
    known.strong.insert(key, row);

    // An array of six known objects, a view of a part, and one of a structure.
    let items: Vec<Bound<'_, PyAny>> =
        (0..6).map(|at| PyBytes::new(py, &[at, at, at]).into_any()).collect();
    let array = array_type.call1(((2, 3), &object))?;
    for (at, item) in items.iter().enumerate() {
        array.set_item((at / 3, at % 3), item)?;
    }
    let part = array.get_item(1)?;
    let nested = array_type.call1((2, &structured))?;
    for (at, item) in items[..2].iter().enumerate() {
        nested.set_item(at, (item, 7))?;
    }
    let fields = [("head", "i4".into_py_any(py)?), ("pairs", ("O", (2, 2)).into_py_any(py)?)];
    let deep = array_type.call1((1, dtype.call1((PyList::new(py, fields)?,))?))?;
    let pairs = deep.get_item("pairs")?;
    for (at, item) in items[..4].iter().enumerate() {
        pairs.set_item((0, at / 2, at % 2), item)?;
    }
    let elements = |array: &Bound<'_, PyAny>| {
        let mut found = Vec::new();
        // SAFETY: an array of ours, by the layout that is being tried; pointers
        // are compared and not followed.
        unsafe { each_element(array.as_ptr(), &arrays, |element| found.push(element as usize)) };
        found
    };
    let expected: Vec<usize> = items.iter().map(|item| item.as_ptr() as usize).collect();
    // SAFETY: a word of an array of ours.
    let base: usize = unsafe { layout::read(part.as_ptr().cast(), array::BASE as isize) };
    if base != array.as_ptr() as usize
        || elements(&array) != expected
        || !elements(&part).is_empty()
        || elements(&nested) != expected[..2]
        || arrays.small.is_some() && elements(&deep) != expected[..4]
    {
        return Err(wrong("arrays do not lie as expected"));
    }
    known.special.insert(array_type.as_ptr() as usize, Special::Array(arrays));
    let key = array_type.as_ptr() as usize;
    let row = vec![(array::BASE, "base".into()), (array::DESCRIPTION, "dtype".into())];
    known.fields.insert(key, row.clone());
    known.strong.insert(key, row);

    voids(module, &nested, known)?;
    described(&dtype, known)?;

    if let Some(element) = conversions(&dtype)? {
        let metatype = dtype.call1(("f8",))?.get_type().get_type();
        known.special.insert(metatype.as_ptr() as usize, element);
    }

    // A universal function keeps its loops itself, in a list or in a dict by classes of elements.
    let add = module.getattr("add")?;
    let mut loops = plausible(&add, py.get_type::<PyList>().as_ptr() as usize);
    for at in plausible(&add, dict_type) {
        // SAFETY: a word of a live object that leads to what has a dict's type.
        let dict = unsafe {
            let dict = layout::read(add.as_ptr().cast(), at as isize);
            Bound::from_borrowed_ptr(py, dict).cast_into::<PyDict>()?
        };
        if !dict.is_empty() && dict.keys().iter().all(|key| key.is_instance_of::<PyTuple>()) {
            loops.push(at);
        }
    }
    if let [loops] = loops[..] {
        known.strong.insert(add.get_type_ptr() as usize, vec![(loops, "_loops".into())]);
    }
    Ok(())
}

/// Tries scalars with fields, which are views of an array; others of their type
/// have memory of their own, and no objects in it.
fn voids(
    module: &Bound<'_, PyModule>,
    nested: &Bound<'_, PyAny>,
    known: &mut Known,
) -> PyResult<()> {
    let (seen, own) = (nested.get_item(0)?, module.getattr("void")?.call1((37,))?);
    // SAFETY: words of an array of ours, by the layout that was tried.
    let [data, description] = [array::DATA, array::DESCRIPTION]
        .map(|at| unsafe { layout::read::<usize>(nested.as_ptr().cast(), at as isize) });
    let values = [data, description, nested.as_ptr() as usize];
    let words = values.map(|value| find_words(&seen, value));
    let [&[data], &[description], &[base]] = words.each_ref().map(|words| words.as_slice()) else {
        return Ok(());
    };
    let voids = Voids { data, flags: description + WORD };
    // SAFETY: two scalars, whose words stand at the same places; the flags are
    // between other words of them.
    let tried = unsafe {
        (description + 2 * WORD <= base)
            && voids.own_data(seen.as_ptr()).is_none()
            && voids.own_data(own.as_ptr()).is_some()
            && layout::read::<usize>(own.as_ptr().cast(), HEADER as isize) == 37
    };
    if tried {
        // Records derive from them.
        let key = seen.get_type_ptr() as usize;
        let row = vec![(base, "base".into()), (description, "dtype".into())];
        known.fields.insert(key, row.clone());
        known.strong.insert(key, row);
        known.special.insert(key, Special::Void(voids));
    }
    Ok(())
}

/// Finds what somebody wrote to a description of elements.
fn described(dtype: &Bound<'_, PyAny>, known: &mut Known) -> PyResult<()> {
    let py = dtype.py();
    let (arguments, metadata) = (PyDict::new(py), PyDict::new(py));
    metadata.set_item("a key of its own", 7)?;
    arguments.set_item("metadata", metadata)?;
    let described = dtype.call(("i4",), Some(&arguments))?;
    let dict_type = py.get_type::<PyDict>().as_ptr() as usize;
    if let [metadata] = plausible(&described, dict_type)[..] {
        let key = dtype.as_ptr() as usize;
        let row = vec![(metadata, "metadata".into())];
        known.fields.insert(key, row.clone());
        known.strong.insert(key, row);
    }
    Ok(())
}

/// Where classes of elements keep their conversions: dicts by class, outside of them.
fn conversions(dtype: &Bound<'_, PyAny>) -> PyResult<Option<Special>> {
    const WORDS_OUTSIDE: usize = 32;
    let py = dtype.py();
    let dict_type = py.get_type::<PyDict>().as_ptr() as usize;
    let mut common: Option<Vec<(usize, usize)>> = None;
    for name in ["f8", "i8", "i4"] {
        let class = dtype.call1((name,))?.get_type();
        let metatype = class.get_type();
        // SAFETY: two live types.
        let sizes = unsafe {
            [&raw mut ffi::PyType_Type, metatype.as_type_ptr()].map(|ty| (*ty).tp_basicsize)
        };
        let mut found = Vec::new();
        for outside in (sizes[0] as usize..sizes[1] as usize).step_by(WORD) {
            // SAFETY: a word of the class, which is as large as its type says.
            let start: usize = unsafe { layout::read(class.as_ptr().cast(), outside as isize) };
            let mut words = [0; WORDS_OUTSIDE];
            let got = if start < 4096 { 0 } else { peek::words(start, &mut words) };
            let is_dict = |word: usize| {
                word > 4096
                    && word.is_multiple_of(WORD)
                    && peek::word(word.wrapping_add(TYPE_BYTES)) == Some(dict_type)
            };
            for casts in (1..got).filter(|&at| is_dict(words[at])) {
                // SAFETY: what has a dict's type where an object's type stands is
                // taken for one: a dict is a collected object, and these are few.
                let dict = unsafe { Bound::from_borrowed_ptr(py, words[casts] as *mut _) };
                let dict = dict.cast_into::<PyDict>()?;
                if !dict.is_empty() && dict.keys().iter().all(|key| key.get_type().is(&metatype)) {
                    found.push((outside, casts * WORD));
                }
            }
        }
        let known = common.take().unwrap_or_else(|| found.clone());
        common = Some(known.into_iter().filter(|each| found.contains(each)).collect());
    }
    Ok(match common.as_deref() {
        Some(&[(outside, casts)]) => Some(Special::Element { outside, casts }),
        _ => None,
    })
}

/// Whether a word of a description leads to the parts of a small array: what an
/// element of it is, and its shape.
fn small_arrays(
    dtype: &Bound<'_, PyAny>,
    object: &Bound<'_, PyAny>,
    at: usize,
) -> PyResult<Option<usize>> {
    let small = dtype.call1(((object, (2, 3)),))?;
    let shape = small.getattr("shape")?;
    // SAFETY: a word of a live description.
    let parts: usize = unsafe { layout::read(small.as_ptr().cast(), at as isize) };
    let mut found = [0; 2];
    let read = peek::words(parts, &mut found);
    let expected = [object.as_ptr() as usize, shape.as_ptr() as usize];
    Ok((read == 2 && found == expected).then_some(at))
}

/// Calls `each` with every object that an array holds itself.
///
/// # Safety
///
/// `object` is an array that lies as `arrays` says.
pub(super) unsafe fn each_element(object: Object, arrays: &Arrays, mut each: impl FnMut(Object)) {
    // SAFETY: as the caller promises; an array's memory is as large as its
    // shape and strides say.
    unsafe {
        let start = object.cast::<u8>().cast_const();
        let word = |offset: usize| -> usize { layout::read(start, offset as isize) };
        let flags: i32 = layout::read(start, array::FLAGS as isize);
        let data = word(array::DATA) as *const u8;
        if flags & array::OWNS_DATA == 0 || data.is_null() {
            return;
        }
        let mut offsets = Vec::new();
        object_offsets(word(array::DESCRIPTION) as Object, arrays, 0, 0, &mut offsets);
        if offsets.is_empty() {
            return;
        }
        let count = layout::read::<i32>(start, array::COUNT as isize).max(0) as usize;
        if count > MOST_DIMENSIONS {
            return;
        }
        let (shape, strides) = (word(array::SHAPE) as *const u8, word(array::STRIDES) as *const u8);
        let size = |at: usize| layout::read::<isize>(shape, (at * WORD) as isize);
        let stride = |at: usize| layout::read::<isize>(strides, (at * WORD) as isize);
        if (0..count).any(|at| size(at) <= 0) {
            return;
        }
        let mut index = [0_isize; MOST_DIMENSIONS];
        loop {
            let element: isize = (0..count).map(|at| index[at] * stride(at)).sum();
            for &offset in &offsets {
                let held: Object = layout::read(data, element + offset as isize);
                if !held.is_null() {
                    each(held);
                }
            }
            let mut at = count;
            loop {
                if at == 0 {
                    return;
                }
                at -= 1;
                index[at] += 1;
                if index[at] < size(at) {
                    break;
                }
                index[at] = 0;
            }
        }
    }
}

/// How a scalar with fields lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voids {
    data: usize,
    flags: usize,
}

impl Voids {
    /// Where a scalar's data is if it is its own.
    ///
    /// # Safety
    ///
    /// `object` is such a scalar.
    pub(super) unsafe fn own_data(&self, object: Object) -> Option<usize> {
        // SAFETY: as the caller promises.
        unsafe {
            let flags: i32 = layout::read(object.cast(), self.flags as isize);
            let data: usize = layout::read(object.cast(), self.data as isize);
            (flags & array::OWNS_DATA != 0 && data != 0).then_some(data)
        }
    }
}

/// Where in an element objects stand, by the description of elements.
///
/// # Safety
///
/// `description` is null or describes the elements of an array.
unsafe fn object_offsets(
    description: Object,
    arrays: &Arrays,
    from: usize,
    depth: usize,
    offsets: &mut Vec<usize>,
) {
    if description as usize == arrays.object {
        offsets.push(from);
        return;
    }
    // SAFETY: as the caller promises; a field is a tuple of its description
    // and its place, in a dict that nothing changes.
    unsafe {
        if description.is_null()
            || depth > MOST_NESTED
            || ffi::Py_TYPE(description) as usize != arrays.structured
        {
            return;
        }
        if let Some(small) = arrays.small {
            let parts: *const u8 = layout::read(description.cast(), small as isize);
            if !parts.is_null() {
                let inner: Object = layout::read(parts, 0);
                let bytes = |of: Object| -> i32 { layout::read(of.cast(), arrays.bytes as isize) };
                let (own, each) = (bytes(description).max(0), bytes(inner).max(1));
                let mut within = Vec::new();
                object_offsets(inner, arrays, 0, depth + 1, &mut within);
                for start in (0..own / each).map(|at| from + (at * each) as usize) {
                    offsets.extend(within.iter().map(|&offset| start + offset));
                }
                return;
            }
        }
        let names: Object = layout::read(description.cast(), arrays.names as isize);
        let fields: Object = layout::read(description.cast(), arrays.fields as isize);
        if names.is_null() || fields.is_null() || ffi::PyDict_CheckExact(fields) == 0 {
            return;
        }
        let mut seen = Vec::new();
        crate::own::for_each_item(fields, |_, field| {
            if ffi::PyTuple_Check(field) == 0 || ffi::PyTuple_GET_SIZE(field) < 2 {
                return;
            }
            let place = ffi::PyTuple_GET_ITEM(field, 1);
            let Some(place) = (ffi::Py_TYPE(place) == &raw mut ffi::PyLong_Type)
                .then(|| layout::int::small(place))
                .flatten()
            else {
                return;
            };
            // A field with a title is in the dict twice.
            if !seen.contains(&place) {
                seen.push(place);
                let inner = ffi::PyTuple_GET_ITEM(field, 0);
                object_offsets(inner, arrays, from + place as usize, depth + 1, offsets);
            }
        });
    }
}

pub(super) unsafe fn is_array(object: Object, arrays: &Arrays) -> bool {
    // SAFETY: a live object; bases live as long as its type.
    unsafe {
        let mut ty = ffi::Py_TYPE(object);
        while !ty.is_null() {
            if ty as usize == arrays.array {
                return true;
            }
            ty = (*ty).tp_base;
        }
    }
    false
}

/// How many bytes the elements of an array take.
pub(super) unsafe fn array_bytes(object: Object, arrays: &Arrays) -> u64 {
    // SAFETY: an array by the layout that was tried.
    unsafe {
        let start = object.cast::<u8>().cast_const();
        let word = |offset: usize| -> usize { layout::read(start, offset as isize) };
        let count = layout::read::<i32>(start, array::COUNT as isize).max(0) as usize;
        let shape = word(array::SHAPE) as *const u8;
        let description = word(array::DESCRIPTION) as *const u8;
        if description.is_null() || count > MOST_DIMENSIONS {
            return 0;
        }
        let element = layout::read::<i32>(description, arrays.bytes as isize).max(0) as u64;
        let sizes = (0..count).map(|at| layout::read::<isize>(shape, (at * WORD) as isize));
        sizes.fold(element, |bytes, size| bytes.saturating_mul(size.max(0) as u64))
    }
}

/// From where to where the elements of an array lie, by its strides.
pub(super) unsafe fn array_span(object: Object, arrays: &Arrays) -> (usize, usize) {
    // SAFETY: an array by the layout that was tried.
    unsafe {
        let start = object.cast::<u8>().cast_const();
        let word = |offset: usize| -> usize { layout::read(start, offset as isize) };
        let count = layout::read::<i32>(start, array::COUNT as isize).max(0) as usize;
        let (shape, strides) = (word(array::SHAPE) as *const u8, word(array::STRIDES) as *const u8);
        let description = word(array::DESCRIPTION) as *const u8;
        let (mut first, mut last) = (word(array::DATA), word(array::DATA));
        if description.is_null() || count > MOST_DIMENSIONS {
            return (first, last);
        }
        for at in 0..count {
            let size: isize = layout::read(shape, (at * WORD) as isize);
            if size <= 0 {
                return (last, last);
            }
            let stride: isize = layout::read(strides, (at * WORD) as isize);
            let reach = (size - 1).saturating_mul(stride);
            if reach < 0 {
                first = first.saturating_sub(reach.unsigned_abs());
            } else {
                last = last.saturating_add(reach.unsigned_abs());
            }
        }
        let element = layout::read::<i32>(description, arrays.bytes as isize).max(0) as usize;
        (first, last.saturating_add(element))
    }
}
