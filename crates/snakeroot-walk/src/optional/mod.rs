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
use pyo3::types::{PyByteArray, PyBytes, PyCFunction, PyDict, PyList, PyModule};

use crate::layout::{self, HEADER_BYTES as HEADER, Object, TYPE_BYTES, Type, WORD};
use crate::peek;
use crate::probe::{Field, WITHOUT, find_words, wanted};

mod numpy;
mod read;

use numpy::{Arrays, Voids};

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
    /// A view of memory: what it is a view of.
    View {
        object: usize,
    },
    /// What views of the same memory share.
    Managed,
    /// A scalar of numpy with fields.
    Void(Voids),
    /// A class of numpy's elements: where it says what lies outside of it, and
    /// where in that its conversions stand, that to itself just before.
    Element {
        outside: usize,
        casts: usize,
    },
    /// A buffer whose memory is counted with its size: where that starts.
    Buffer {
        data: Option<usize>,
    },
    /// A task of asyncio: its coroutine, its name, and how far it is.
    Task {
        coroutine: usize,
        name: usize,
        state: usize,
    },
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

/// Where a view of memory has what all views of that memory share.
const MANAGED: usize = HEADER + WORD;

/// What views of the same memory share: whether it was given back, where the
/// memory starts, whose it is and how long it is.
mod managed {
    use super::{HEADER, WORD};

    pub(super) const FLAGS: usize = HEADER;
    pub(super) const DATA: usize = HEADER + 2 * WORD;
    pub(super) const OBJECT: usize = HEADER + 3 * WORD;
    pub(super) const BYTES: usize = HEADER + 4 * WORD;
    pub(super) const RELEASED: i32 = 1;
}

const MODULES: [(&str, Trial); 7] = [
    ("builtins", builtins),
    ("array", of_array_module),
    ("_asyncio", asyncio),
    ("_datetime", datetime),
    ("_decimal", decimal),
    ("mmap", mmap),
    ("numpy", numpy::types),
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
            let tried = match wanted(name) {
                true => trial(py, &module, &mut found).map_err(|error| error.to_string()),
                false => Err(format!("{WITHOUT} asks for that")),
            };
            if let Err(why) = tried {
                if is_half_imported(&module) {
                    continue; // by another thread, or around us
                }
                found = Known::default();
                found.notice = Some(format!(
                    "{name}: its objects are read through the public interface only: {why}"
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
    let array = PyByteArray::new(py, bytes.as_bytes());
    let data = find_words(&array, array.data() as usize).first().copied();
    known.special.insert(&raw mut ffi::PyByteArray_Type as usize, Special::Buffer { data });
    let &[object] = find_words(&view, bytes.as_ptr() as usize).as_slice() else {
        return Err(wrong("a view of memory does not hold what it is a view of"));
    };
    // SAFETY: a word of the view.
    let found: usize = unsafe { layout::read(view.as_ptr().cast(), (object + WORD) as isize) };
    if found != length {
        return Err(wrong("a view of memory does not say how long it is"));
    }
    // SAFETY: a view of memory, which has a word for an object here, and words
    // of that object.
    let (shared, ty) = unsafe {
        let shared: Object = layout::read(view.as_ptr().cast(), MANAGED as isize);
        if shared.is_null() {
            return Err(wrong("a view of memory has nothing that it shares with others"));
        }
        let words = [managed::DATA, managed::OBJECT, managed::BYTES];
        let words: [usize; 3] = words.map(|at| layout::read(shared.cast(), at as isize));
        (words, ffi::Py_TYPE(shared) as usize)
    };
    if shared != [bytes.as_bytes().as_ptr() as usize, bytes.as_ptr() as usize, length] {
        return Err(wrong("views of memory do not say what they share"));
    }
    known.special.insert(ty, Special::Managed);
    let view = Special::View { object };
    known.special.insert(&raw mut ffi::PyMemoryView_Type as usize, view);
    Ok(())
}

fn of_array_module(
    _py: Python<'_>,
    module: &Bound<'_, PyModule>,
    known: &mut Known,
) -> PyResult<()> {
    let class = module.getattr("array")?;
    let array = class.call1(("B", PyBytes::new(module.py(), &[7; 100])))?;
    let (data, _): (usize, usize) = array.call_method0("buffer_info")?.extract()?;
    let data = find_words(&array, data).first().copied();
    known.special.insert(class.as_ptr() as usize, Special::Buffer { data });
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
