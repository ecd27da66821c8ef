//! Types of modules that a process need not have: asyncio, datetime, decimal,
//! mmap, numpy.
//!
//! Importing them to look at them would change the process. So each is tried
//! when a walk first finds it imported, before the pause, and only C code runs
//! for it. What does not lie as expected is left to the public way.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCFunction, PyDict, PyList, PyModule, PyTuple, PyType};
use snakeroot::snapshot::LabelKind;

use crate::labels;
use crate::layout::{self, HEADER_BYTES as HEADER, Object, TYPE_BYTES, Type, WORD};
use crate::peek;
use crate::probe::{Field, find_words};
use crate::sink::Sink;
use crate::walker::Walker;

/// Fields that structured types may be nested.
const MOST_NESTED: usize = 8;
/// Dimensions that an array may have.
const MOST_DIMENSIONS: usize = 64;

/// How a type's instances are read beyond its fields and traverse function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    None,
    /// A time or a date with one: the words are there only if a byte says so.
    Zoned {
        zone: usize,
        flag: usize,
    },
    /// A numpy array.
    Array(Arrays),
    /// Memory that was mapped: where it starts and how long it is.
    Mapped {
        data: usize,
        bytes: usize,
    },
    /// A view of memory: what it is a view of, and how long it is.
    View {
        object: usize,
        bytes: usize,
    },
    /// A buffer whose memory is counted with its size.
    Buffer,
    /// A task of asyncio: its coroutine, its name, and how far it is.
    Task {
        coroutine: usize,
        name: usize,
        state: usize,
    },
}

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
}

/// An array: data, dimensions, their sizes and strides, base, description, flags.
mod array {
    use super::{HEADER, WORD};

    pub(super) const DATA: usize = HEADER;
    pub(super) const COUNT: usize = HEADER + WORD;
    pub(super) const SHAPE: usize = HEADER + 2 * WORD;
    pub(super) const STRIDES: usize = HEADER + 3 * WORD;
    pub(super) const BASE: usize = HEADER + 4 * WORD;
    pub(super) const DESCRIPTION: usize = HEADER + 5 * WORD;
    pub(super) const FLAGS: usize = HEADER + 6 * WORD;
    /// The array's memory is its own.
    pub(super) const OWNS_DATA: i32 = 4;
}

/// What was found out of one module's types.
#[derive(Default)]
pub(crate) struct Known {
    /// Names of words, by type.
    pub(crate) fields: HashMap<usize, Vec<Field>>,
    /// Words with a reference that traverse does not visit, by type.
    pub(crate) strong: HashMap<usize, Vec<Field>>,
    pub(crate) special: HashMap<usize, Special>,
    /// Why something could not be found out.
    pub(crate) notice: Option<String>,
}

type Trial = fn(Python<'_>, &Bound<'_, PyModule>, &mut Known) -> PyResult<()>;

/// The modules, and what is known of each once it was met.
pub(crate) struct Optional {
    known: [OnceLock<Known>; MODULES.len()],
}

const MODULES: [(&str, Trial); 7] = [
    ("builtins", builtins),
    ("array", of_array_module),
    ("_asyncio", asyncio),
    ("_datetime", datetime),
    ("_decimal", decimal),
    ("mmap", mmap),
    ("numpy", numpy),
];

impl Optional {
    pub(crate) fn new() -> Self {
        Self { known: [const { OnceLock::new() }; MODULES.len()] }
    }

    /// Tries the modules that were imported since the last time.
    ///
    /// Runs C code of theirs, so not during a pause.
    pub(crate) fn look_again(&self, py: Python<'_>) {
        if crate::ask::is_ending() {
            return; // modules are being taken apart
        }
        // SAFETY: attached; borrowed from the interpreter.
        let modules = unsafe { crate::ask::modules() };
        if modules.is_null() {
            return;
        }
        for ((name, trial), known) in MODULES.iter().zip(&self.known) {
            if known.get().is_some() {
                continue;
            }
            let key = pyo3::types::PyString::new(py, name);
            // SAFETY: a dict whose keys are str, looked up by a str.
            let module = unsafe { ffi::PyDict_GetItemWithError(modules, key.as_ptr()) };
            // SAFETY: as above; a borrowed reference, held from here on.
            let module = unsafe { Bound::from_borrowed_ptr_or_opt(py, module) };
            let Some(module) = module.and_then(|module| module.cast_into::<PyModule>().ok()) else {
                continue;
            };
            let mut found = Known::default();
            if let Err(error) = trial(py, &module, &mut found) {
                if is_half_imported(&module) {
                    continue; // by another thread, or around us
                }
                found = Known::default();
                found.notice = Some(format!(
                    "{name}: its objects are read through the public interface only ({error})"
                ));
            }
            known.set(found).ok();
        }
    }

    pub(crate) fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().filter_map(OnceLock::get)
    }

    /// Each module that was tried, and whether it is as expected.
    pub(crate) fn tried(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        let names = MODULES.iter().map(|&(name, _)| name);
        let known = names.zip(&self.known);
        known.filter_map(|(name, known)| Some((name, known.get()?.notice.is_none())))
    }

    /// How instances of a type, or of one it derives from, are read.
    ///
    /// # Safety
    ///
    /// `ty` is a type.
    pub(crate) unsafe fn special(&self, ty: Type) -> Special {
        let mut base = ty;
        while !base.is_null() {
            let found = self.known().find_map(|known| known.special.get(&(base as usize)));
            if let Some(&special) = found {
                return special;
            }
            // SAFETY: bases live as long as the type.
            base = unsafe { (*base).tp_base };
        }
        Special::None
    }
}

/// Whether a module's import is not over yet.
fn is_half_imported(module: &Bound<'_, PyModule>) -> bool {
    let spec = module.dict().get_item("__spec__").ok().flatten();
    let state = spec.and_then(|spec| spec.getattr("_initializing").ok());
    state.is_some_and(|state| state.is_truthy().unwrap_or(false))
}

fn wrong(what: &str) -> PyErr {
    pyo3::exceptions::PyRuntimeError::new_err(what.to_owned())
}

/// Names the words of `object` that hold `value`.
fn name_words(
    fields: &mut HashMap<usize, Vec<Field>>,
    object: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    name: &str,
) -> bool {
    let row = fields.entry(object.get_type_ptr() as usize).or_default();
    let words = find_words(object, value.as_ptr() as usize);
    for &offset in &words {
        if !row.iter().any(|(known, _)| *known == offset) {
            row.push((offset, name.into()));
        }
    }
    !words.is_empty()
}

fn builtins(py: Python<'_>, _: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
    let bytes = PyBytes::new(py, b"a text of forty-one bytes, as it happens.");
    let view = pyo3::types::PyMemoryView::from(&bytes)?;
    let length = 41;
    known.special.insert(&raw mut ffi::PyByteArray_Type as usize, Special::Buffer);
    let &[object] = find_words(&view, bytes.as_ptr() as usize).as_slice() else {
        return Err(wrong("a view of memory does not hold what it is a view of"));
    };
    // SAFETY: a word of the view.
    let found: usize = unsafe { layout::read(view.as_ptr().cast(), (object + WORD) as isize) };
    if found != length {
        return Err(wrong("a view of memory does not say how long it is"));
    }
    let view = Special::View { object, bytes: object + WORD };
    known.special.insert(&raw mut ffi::PyMemoryView_Type as usize, view);
    Ok(())
}

fn of_array_module(
    _py: Python<'_>,
    module: &Bound<'_, PyModule>,
    known: &mut Known,
) -> PyResult<()> {
    known.special.insert(module.getattr("array")?.as_ptr() as usize, Special::Buffer);
    Ok(())
}

fn asyncio(py: Python<'_>, module: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
    // A loop that does nothing, made of C functions.
    let simple = crate::module(py, c"types")?.getattr("SimpleNamespace")?;
    let nothing = || PyCFunction::new_closure(py, None, None, |_, _| -> PyResult<()> { Ok(()) });
    let attributes = PyDict::new(py);
    for name in ["get_debug", "call_soon", "call_exception_handler"] {
        attributes.set_item(name, nothing()?)?;
    }
    let event_loop = simple.call((), Some(&attributes))?;
    let with_loop = PyDict::new(py);
    with_loop.set_item("loop", &event_loop)?;
    let make = |ty: &str| module.getattr(ty)?.call((), Some(&with_loop));
    let (callback, second) = (nothing()?, nothing()?);
    let context = crate::module(py, c"contextvars")?.getattr("Context")?.call0()?;
    let in_context = PyDict::new(py);
    in_context.set_item("context", &context)?;

    let fields = &mut known.fields;
    let future = make("Future")?;
    future.call_method("add_done_callback", (&callback,), Some(&in_context))?;
    name_words(fields, &future, &event_loop, "_loop");
    name_words(fields, &future, callback.as_any(), "_callbacks");
    name_words(fields, &future, &context, "_context");
    future.call_method("add_done_callback", (&second,), Some(&in_context))?;
    let list_type = py.get_type::<PyList>().as_ptr() as usize;
    for offset in plausible(&future, list_type) {
        fields
            .entry(future.get_type_ptr() as usize)
            .or_default()
            .push((offset, "_callbacks".into()));
    }
    let future = make("Future")?;
    let result = PyBytes::new(py, b"a result of its own");
    future.call_method1("set_result", (&result,))?;
    name_words(fields, &future, result.as_any(), "_result");
    let future = make("Future")?;
    let exception = wrong("of its own").into_value(py).into_bound(py).into_any();
    future.call_method1("set_exception", (&exception,))?;
    name_words(fields, &future, &exception, "_exception");
    future.call_method0("exception")?; // so that none says it was never retrieved
    let future = make("Future")?;
    if let Ok(awaited_by) = module.getattr("future_add_to_awaited_by") {
        let waiter = make("Future")?;
        awaited_by.call1((&future, &waiter))?;
        name_words(fields, &future, &waiter, "_asyncio_awaited_by");
    }
    let message = PyBytes::new(py, b"a message of its own");
    future.call_method1("cancel", (&message,))?;
    name_words(fields, &future, message.as_any(), "_cancel_message");

    // A task has a future's words at the same places, and its own behind them.
    let of_future = fields.get(&(future.get_type_ptr() as usize)).cloned().unwrap_or_default();
    let coroutine = crate::probe::coroutine(py)?;
    let arguments = with_loop.copy()?;
    let name = pyo3::types::PyString::new(py, "a name of its own");
    arguments.set_item("name", &name)?;
    let task = module.getattr("Task")?.call((&coroutine,), Some(&arguments))?;
    task.setattr("_log_destroy_pending", false)?;
    let row = fields.entry(task.get_type_ptr() as usize).or_default();
    row.extend(of_future);
    name_words(fields, &task, &event_loop, "_loop");
    name_words(fields, &task, &coroutine, "_coro");
    name_words(fields, &task, name.as_any(), "_name");
    let context_type = context.get_type_ptr() as usize;
    let row = fields.entry(task.get_type_ptr() as usize).or_default();
    for offset in plausible(&task, context_type) {
        if !row.iter().any(|(known, _)| *known == offset) {
            row.push((offset, "_context".into()));
        }
    }
    let name = row.iter().find(|(_, name)| &**name == "_name").map(|&(offset, _)| offset);
    // What a task waits for stands before its coroutine.
    let coro = row.iter().find(|(_, name)| &**name == "_coro").map(|&(offset, _)| offset);
    let coro = coro.ok_or_else(|| wrong("a task does not hold its coroutine"))?;
    if !row.iter().any(|(known, _)| *known == coro - WORD) {
        row.push((coro - WORD, "_fut_waiter".into()));
    }
    coroutine.call_method0("close")?;
    // How far a future is: 0 before, 1 if it was cancelled, 2 once it is done.
    let cancelled = future;
    let (pending, done) = (make("Future")?, make("Future")?);
    done.call_method1("set_result", (py.None(),))?;
    // SAFETY: a live object's type, and words of three of its instances.
    let state = unsafe {
        let size = (*pending.get_type_ptr()).tp_basicsize as usize;
        let at = |each: &Bound<'_, PyAny>, offset: usize| -> i32 {
            layout::read(each.as_ptr().cast(), offset as isize)
        };
        (HEADER..size).step_by(4).find(|&offset| {
            [at(&pending, offset), at(&cancelled, offset), at(&done, offset)] == [0, 1, 2]
        })
    };
    if let (Some(name), Some(state)) = (name, state) {
        let special = Special::Task { coroutine: coro, name, state };
        known.special.insert(task.get_type_ptr() as usize, special);
    }
    Ok(())
}

/// The words of an object that lead to an object of exactly this type.
fn plausible(object: &Bound<'_, PyAny>, ty: usize) -> Vec<usize> {
    // SAFETY: a live object's type.
    let size = unsafe { (*object.get_type_ptr()).tp_basicsize as usize };
    let leads = |offset: &usize| {
        // SAFETY: a word of the object.
        let word: usize = unsafe { layout::read(object.as_ptr().cast(), *offset as isize) };
        word > 4096
            && word.is_multiple_of(WORD)
            && peek::word(word.wrapping_add(TYPE_BYTES)) == Some(ty)
    };
    (HEADER..size).step_by(WORD).filter(leads).collect()
}

fn datetime(_py: Python<'_>, module: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
    let offset = module.getattr("timedelta")?.call1((0, 3605))?;
    let zone = module.getattr("timezone")?.call1((&offset, "a zone of its own"))?;
    name_words(&mut known.fields, &zone, &offset, "_offset");
    let name = zone.call_method1("tzname", (zone.py().None(),))?;
    name_words(&mut known.fields, &zone, &name, "_name");
    for (class, arguments) in [("time", (1, 2, 3)), ("datetime", (2020, 1, 2))] {
        let class = module.getattr(class)?;
        let with_zone = PyDict::new(module.py());
        with_zone.set_item("tzinfo", &zone)?;
        let zoned = class.call(arguments, Some(&with_zone))?;
        let plain = class.call1(arguments)?;
        let at = find_words(&zoned, zone.as_ptr() as usize);
        let &[at] = at.as_slice() else {
            return Err(wrong("a time does not hold its zone"));
        };
        // Header, hash, then the byte that says whether there is a zone.
        let flag = HEADER + WORD;
        // SAFETY: bytes of two live objects.
        let flags: [u8; 2] = unsafe {
            [&zoned, &plain].map(|each| layout::read(each.as_ptr().cast(), flag as isize))
        };
        if flags != [1, 0] {
            return Err(wrong("a time does not say whether it has a zone"));
        }
        known.special.insert(class.as_ptr() as usize, Special::Zoned { zone: at, flag });
    }
    Ok(())
}

fn decimal(_py: Python<'_>, module: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
    let context = module.getattr("Context")?.call0()?;
    for name in ["traps", "flags"] {
        let value = context.getattr(name)?;
        name_words(&mut known.strong, &context, &value, name);
    }
    // Visited on some versions: then it is no word of its own.
    let visited: Vec<Bound<'_, PyAny>> =
        crate::module(module.py(), c"gc")?.call_method1("get_referents", (&context,))?.extract()?;
    let key = context.get_type_ptr() as usize;
    let traps = context.getattr("traps")?;
    if visited.iter().any(|each| each.is(&traps))
        && let Some(row) = known.strong.remove(&key)
    {
        known.fields.insert(key, row);
    }
    Ok(())
}

fn mmap(_py: Python<'_>, module: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
    const BYTES: usize = 12_289;
    let class = module.getattr("mmap")?;
    let mapped = class.call1((-1, BYTES))?;
    let bytes = HEADER + WORD;
    // SAFETY: words of a live object with at least these fields.
    let [data, found]: [usize; 2] = unsafe {
        [HEADER, bytes].map(|offset| layout::read(mapped.as_ptr().cast(), offset as isize))
    };
    mapped.call_method0("close")?;
    if found != BYTES || peek::word(data).is_some() {
        return Err(wrong("a map does not say how long it is"));
    }
    known.special.insert(class.as_ptr() as usize, Special::Mapped { data: HEADER, bytes });
    Ok(())
}

fn numpy(py: Python<'_>, module: &Bound<'_, PyModule>, known: &mut Known) -> PyResult<()> {
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
    {
        return Err(wrong("arrays do not lie as expected"));
    }
    known.special.insert(array_type.as_ptr() as usize, Special::Array(arrays));
    let key = array_type.as_ptr() as usize;
    let row = vec![(array::BASE, "base".into()), (array::DESCRIPTION, "dtype".into())];
    known.fields.insert(key, row.clone());
    known.strong.insert(key, row);

    // A universal function keeps its loops in a list of its own.
    let add = module.getattr("add")?;
    let list_type = py.get_type::<PyList>().as_ptr() as usize;
    if let &[loops] = plausible(&add, list_type).as_slice() {
        known.strong.insert(add.get_type_ptr() as usize, vec![(loops, "_loops".into())]);
    }
    Ok(())
}

/// Calls `each` with every object that an array holds itself.
///
/// # Safety
///
/// `object` is an array that lies as `arrays` says.
unsafe fn each_element(object: Object, arrays: &Arrays, mut each: impl FnMut(Object)) {
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

impl<S: Sink> Walker<'_, S> {
    /// The edges of an object that only its own module knows of.
    ///
    /// # Safety
    ///
    /// Attached; the object is of the type that `special` was found for.
    #[inline(never)]
    pub(crate) unsafe fn special_edges(&mut self, object: Object, special: Special) {
        // SAFETY: by the layout that was tried.
        unsafe {
            match special {
                Special::Zoned { zone, flag }
                    if layout::read::<u8>(object.cast(), flag as isize) != 0 =>
                {
                    let label = self.labels.named(LabelKind::Slot, b"tzinfo");
                    self.sink.edge(layout::read(object.cast(), zone as isize), label);
                }
                Special::Array(arrays) => {
                    let mut at = 0;
                    let sink = &mut self.sink;
                    each_element(object, &arrays, |element| {
                        sink.edge(element, labels::item(at));
                        at += 1;
                    });
                }
                _ => {}
            }
        }
    }

    /// Keeps a task that waits, with its name.
    unsafe fn take_task(&mut self, object: Object, at: usize, name: usize, state: usize) {
        // SAFETY: words of a task, by the layout that was tried.
        unsafe {
            let name: Object = layout::read(object.cast(), name as isize);
            if layout::read::<i32>(object.cast(), state as isize) != 0 || name.is_null() {
                return;
            }
            let mut text = Vec::new();
            if ffi::PyUnicode_Check(name) != 0 {
                layout::text::append(name, labels::MOST_CHARACTERS, &mut text);
            } else if ffi::Py_TYPE(name) == &raw mut ffi::PyLong_Type {
                // A number until somebody asks for the name.
                let number = layout::int::small(name).unwrap_or(0);
                text.extend_from_slice(format!("Task-{number}").as_bytes());
            }
            self.tasks.push((at as u32, String::from_utf8_lossy(&text).into_owned()));
        }
    }

    /// What is to be known of an object beyond its edges and its size.
    ///
    /// # Safety
    ///
    /// As for `special_edges`; `at` is the object's record and `own` what its
    /// size has beyond its fields.
    #[inline(never)]
    pub(crate) unsafe fn special_facts(
        &mut self,
        object: Object,
        special: Special,
        at: usize,
        own: u64,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            if let Special::Task { name, state, .. } = special {
                return self.take_task(object, at, name, state);
            }
            let native = self.native_bytes(object, special, own);
            if native > 0 {
                self.native_sizes.push((at as u32, native));
            }
        }
    }

    /// Bytes that an object keeps elsewhere than Python's allocator counts.
    ///
    /// # Safety
    ///
    /// As for `special_facts`.
    unsafe fn native_bytes(&mut self, object: Object, special: Special, own: u64) -> u64 {
        // SAFETY: by the layout that was tried.
        unsafe {
            let word = |offset: usize| -> usize { layout::read(object.cast(), offset as isize) };
            match special {
                Special::Mapped { data, bytes } if word(data) != 0 => word(bytes) as u64,
                Special::View { object, bytes } if word(object) == 0 => word(bytes) as u64,
                Special::Buffer => own,
                Special::Array(arrays) => {
                    let flags: i32 = layout::read(object.cast(), array::FLAGS as isize);
                    let bytes = array_bytes(object, &arrays);
                    if flags & array::OWNS_DATA != 0 {
                        return bytes;
                    }
                    // A view counts nothing; but what it is a view of may be no
                    // array, and nothing else tells how much memory that has.
                    let base = word(array::BASE);
                    if base != 0 && !is_array(base as Object, &arrays) {
                        let start = word(array::DATA);
                        let span = self.foreign.entry(base).or_insert((start, start));
                        *span = (span.0.min(start), span.1.max(start + bytes as usize));
                    }
                    0
                }
                _ => 0,
            }
        }
    }
}

unsafe fn is_array(object: Object, arrays: &Arrays) -> bool {
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
unsafe fn array_bytes(object: Object, arrays: &Arrays) -> u64 {
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
