//! What this interpreter is like: found out by trying, once, at import.
//!
//! Layouts differ between versions and patch levels. Each reader is tried on
//! objects whose insides are known (`probe.py`); one that fails is switched
//! off, named in a notice, and the public, slower way takes its place. Offsets
//! that no header tells are found by looking for known pointers in the words
//! of an object.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyFrozenSet, PyList, PyModule, PyTuple, PyType};

use crate::layout::{self, Object, WORD};
use crate::lists::Lists;
use crate::peek;

/// Bits in a pointer that are not part of the address (3.14 and later tag some).
const TAG_BITS: usize = 7;

/// A word of an object and what it is called.
pub(crate) type Field = (usize, Box<str>);

/// How a running frame lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameLayout {
    /// From the thread state to the frame, or to what points to it.
    pub(crate) thread: usize,
    /// Where there is one step between: from there to the frame.
    pub(crate) through: Option<usize>,
    /// From the frame to its code.
    pub(crate) code: usize,
    /// From the frame to the one below.
    pub(crate) previous: usize,
    /// From the frame to its first local.
    pub(crate) locals: usize,
    /// From the frame to the address of its instruction.
    pub(crate) instruction: Option<usize>,
}

/// What was found out about the running interpreter.
pub struct Probe {
    pub(crate) lists: Option<Lists>,
    pub(crate) traverse: Traverse,
    pub(crate) readers: Readers,
    pub(crate) sizes: Sizes,
    pub(crate) fields: HashMap<usize, Vec<Field>>,
    /// From a weak reference's type to the word that holds the referent.
    pub(crate) weak: HashMap<usize, usize>,
    /// The type of deques, if traverse visits their items in order.
    pub(crate) deque: Option<usize>,
    /// The dicts of static types that keep them elsewhere (3.12 and later).
    pub(crate) type_dicts: HashMap<usize, usize>,
    pub(crate) frames: Option<FrameLayout>,
    /// From a thread state to its running frame, where that is an object (before 3.11).
    pub(crate) frame_object: Option<usize>,
    /// From a code object to the tuples with the names of its locals, in order.
    pub(crate) local_names: Vec<usize>,
    /// From a thread state to its `threading.get_ident`.
    pub(crate) thread_ident: Option<usize>,
    pub(crate) words: Words,
    notices: Vec<String>,
}

/// The traverse functions by which a type's kind is told.
#[derive(Clone, Copy)]
pub(crate) struct Traverse {
    pub(crate) instance: Option<ffi::traverseproc>,
    pub(crate) ty: Option<ffi::traverseproc>,
    pub(crate) list: Option<ffi::traverseproc>,
    pub(crate) tuple: Option<ffi::traverseproc>,
    pub(crate) dict: Option<ffi::traverseproc>,
    pub(crate) set: Option<ffi::traverseproc>,
}

/// Which readers may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readers {
    pub(crate) sequence: bool,
    pub(crate) dict: bool,
    pub(crate) set: bool,
    pub(crate) instance: bool,
    pub(crate) text: bool,
    pub(crate) int: bool,
    pub(crate) generator: bool,
}

/// A C function behind a `__sizeof__`.
pub(crate) type SizeFunction = unsafe extern "C" fn(Object, Object) -> Object;

/// Which sizes may be computed, and by what their types are told.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) object: Option<SizeFunction>,
    pub(crate) list: bool,
    pub(crate) dict: bool,
    pub(crate) set: bool,
    pub(crate) text: bool,
    pub(crate) int: bool,
    pub(crate) plain: bool,
    /// Digits that an int of value 0 is counted with.
    pub(crate) least_digits: usize,
    /// What `sys.getsizeof` adds for a static type.
    pub(crate) static_type_header: u64,
}

/// Interned strings that are looked for in the dicts of types.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) size_of: Object,
    pub(crate) module: Object,
    pub(crate) name: Object,
}

// SAFETY: the pointers are compared and called only with the interpreter
// attached; the strings and dicts are kept alive for good.
unsafe impl Send for Probe {}
// SAFETY: as above; nothing here changes after `Probe::new`.
unsafe impl Sync for Probe {}

impl Probe {
    /// Tries everything. Runs Python code of our own, so not during a walk.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let source = CString::new(include_str!("probe.py")).expect("the source has no NUL");
        let samples = PyModule::from_code(py, &source, c"probe.py", c"_snakeroot_probe")?;
        let mut notices = Vec::new();
        let lists = Lists::find(py).filter(|lists| lists_agree(py, lists));
        if lists.is_none() {
            notices.push(
                "objects are found by gc.get_objects: the collector's lists do not lie as expected"
                    .into(),
            );
        }
        let of = |ty: Bound<'_, PyType>| ty.as_type_ptr();
        // SAFETY: types that live as long as the interpreter, or as `samples`.
        let traverse = unsafe {
            Traverse {
                instance: (*of(samples.getattr("Plain")?.cast_into()?)).tp_traverse,
                ty: (*of(py.get_type::<PyType>())).tp_traverse,
                list: (*of(py.get_type::<PyList>())).tp_traverse,
                tuple: (*of(py.get_type::<PyTuple>())).tp_traverse,
                dict: (*of(py.get_type::<PyDict>())).tp_traverse,
                set: (*of(py.get_type::<PyFrozenSet>())).tp_traverse,
            }
        };
        let mut readers = Readers {
            sequence: true,
            dict: dicts_agree(&samples.call_method0("dicts")?)?,
            set: sets_agree(&samples.call_method0("sets")?)?,
            instance: false,
            text: texts_agree(&samples.call_method0("strings")?)?,
            int: ints_agree(py)?,
            generator: false,
        };
        readers.instance = readers.dict && instances_agree(&samples.call_method0("instances")?)?;
        let local_names = local_names(&samples.getattr("generator")?)?;
        readers.generator =
            !local_names.is_empty() && generators_agree(&samples.call_method0("generators")?)?;
        for (works, what) in [
            (readers.dict, "dicts"),
            (readers.set, "sets"),
            (readers.instance, "instance attributes"),
            (readers.text, "str"),
            (readers.int, "int"),
        ] {
            if !works {
                notices.push(format!(
                    "{what} are read through the public interface: they do not lie as expected"
                ));
            }
        }
        let words = Words {
            size_of: kept(pyo3::types::PyString::intern(py, "__sizeof__").into_any()),
            module: kept(pyo3::types::PyString::intern(py, "__module__").into_any()),
            name: kept(pyo3::types::PyString::intern(py, "__name__").into_any()),
        };
        let (fields, weak) = fields(&samples)?;
        let mut probe = Self {
            lists,
            traverse,
            readers,
            sizes: Sizes {
                object: None,
                list: false,
                dict: false,
                set: false,
                text: false,
                int: false,
                plain: false,
                least_digits: 1,
                static_type_header: 0,
            },
            fields,
            weak,
            deque: deque_type(&samples)?,
            type_dicts: type_dicts(py)?,
            frames: None,
            frame_object: None,
            local_names,
            thread_ident: thread_ident(py)?,
            words,
            notices,
        };
        probe.sizes = sizes(py, &samples, &readers, &mut probe.notices)?;
        (probe.frames, probe.frame_object) = frames(&samples)?;
        if probe.frames.is_none() && probe.frame_object.is_none() {
            probe.notices.push(
                "local variables of running frames are not seen: frames do not lie as expected"
                    .into(),
            );
        }
        Ok(probe)
    }

    /// How objects are found: `gc lists` or `gc.get_objects`.
    pub fn enumeration(&self) -> &'static str {
        if self.lists.is_some() { "gc lists" } else { "gc.get_objects" }
    }

    /// What does not work as it should here, a sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Each reader by name and whether it may be used.
    pub fn readers(&self) -> Vec<(&'static str, bool)> {
        vec![
            ("gc lists", self.lists.is_some()),
            ("list, tuple", self.readers.sequence),
            ("dict", self.readers.dict),
            ("set", self.readers.set),
            ("instance attributes", self.readers.instance),
            ("str", self.readers.text),
            ("int", self.readers.int),
            ("generator locals", self.readers.generator),
            ("running frames", self.frames.is_some() || self.frame_object.is_some()),
            ("size of list", self.sizes.list),
            ("size of dict", self.sizes.dict),
            ("size of set", self.sizes.set),
            ("size of str", self.sizes.text),
            ("size of int", self.sizes.int),
            ("size of plain objects", self.sizes.plain),
        ]
    }
}

/// Keeps a reference for good and gives the address.
fn kept(object: Bound<'_, PyAny>) -> Object {
    object.into_ptr()
}

/// Whether the lists hold what `gc.get_objects` gives, apart from what the
/// call itself makes.
fn lists_agree(py: Python<'_>, lists: &Lists) -> bool {
    let Ok(public) = py.import("gc").and_then(|gc| gc.call_method0("get_objects")) else {
        return false;
    };
    let Ok(public) = public.cast_into::<PyList>() else {
        return false;
    };
    // SAFETY: attached; the addresses are compared and not followed.
    let all: std::collections::HashSet<usize> =
        unsafe { lists.collect(|object| Some(object as usize)) }.into_iter().collect();
    public.iter().all(|object| all.contains(&(object.as_ptr() as usize)))
}

fn dicts_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
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

fn sets_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
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

fn texts_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
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

fn ints_agree(py: Python<'_>) -> PyResult<bool> {
    for value in [0_i64, 1, -1, 255, -256, (1 << 30) - 1, 1 << 30, -(1 << 59), (1 << 60) - 1] {
        let sample = value.into_pyobject(py)?;
        // SAFETY: an int of ours.
        if unsafe { layout::int::small(sample.as_ptr()) } != Some(value) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn instances_agree(samples: &Bound<'_, PyAny>) -> PyResult<bool> {
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

/// The words of an object, its variable part included.
fn words(object: &Bound<'_, PyAny>) -> usize {
    // SAFETY: an object of ours; the size of the variable part is told by the
    // type, and only whole words within it are counted.
    unsafe {
        let ty = ffi::Py_TYPE(object.as_ptr());
        let items = if (*ty).tp_itemsize > 0 {
            layout::read::<isize>(object.as_ptr().cast(), 16).unsigned_abs()
        } else {
            0
        };
        ((*ty).tp_basicsize as usize + (*ty).tp_itemsize as usize * items) / WORD
    }
}

/// Where in an object a pointer stands; it may be there several times.
fn find_words(object: &Bound<'_, PyAny>, value: usize) -> Vec<usize> {
    // SAFETY: the type of a live object.
    let fields = unsafe { (*ffi::Py_TYPE(object.as_ptr())).tp_basicsize as usize } / WORD;
    (2..words(object).min(fields))
        .map(|at| at * WORD)
        .filter(|&offset| {
            // SAFETY: a word of the object, see `words`.
            let word: usize = unsafe { layout::read(object.as_ptr().cast(), offset as isize) };
            word & !TAG_BITS == value
        })
        .collect()
}

/// What `probe.fields` gives: attributes, values without an attribute, a traceback.
type Samples<'py> = (
    Vec<(Bound<'py, PyAny>, Vec<String>)>,
    Vec<(Bound<'py, PyAny>, String, Bound<'py, PyAny>)>,
    (Bound<'py, PyAny>, String),
);

type FieldsAndWeak = (HashMap<usize, Vec<Field>>, HashMap<usize, usize>);

fn fields(samples: &Bound<'_, PyModule>) -> PyResult<FieldsAndWeak> {
    let mut all: HashMap<usize, Vec<Field>> = HashMap::new();
    let (listed, values, (traceback, next)): Samples<'_> =
        samples.call_method0("fields")?.extract()?;
    let mut add = |object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, name: &str| {
        let row = all.entry(object.get_type_ptr() as usize).or_default();
        for offset in find_words(object, value.as_ptr() as usize) {
            if !row.iter().any(|(known, _)| *known == offset) {
                row.push((offset, name.into()));
            }
        }
    };
    for (object, names) in &listed {
        for name in names {
            if let Ok(value) = object.getattr(name.as_str()) {
                if !value.is_none() {
                    add(object, &value, name);
                }
            }
        }
    }
    for (object, name, value) in &values {
        add(object, value, name);
    }
    // A traceback that has a next one, made by hand.
    let chained = (&traceback, traceback.getattr("tb_frame")?, 0, 1);
    if let Ok(other) = traceback.get_type().call1(chained) {
        add(&other, &traceback, &next);
    }
    let (proxy, inside): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
        samples.call_method0("mapping")?.extract()?;
    add(&proxy, &inside, "mapping");
    let (target, references): (Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>) =
        samples.call_method0("weak")?.extract()?;
    let mut weak = HashMap::new();
    for reference in &references {
        // The pointer of the type, not `__class__`, which a proxy answers for
        // its referent.
        if let Some(&offset) = find_words(reference, target.as_ptr() as usize).first() {
            weak.insert(reference.get_type_ptr() as usize, offset);
        }
    }
    Ok((all, weak))
}

/// The type of deques, if traverse visits the items in order.
fn deque_type(samples: &Bound<'_, PyModule>) -> PyResult<Option<usize>> {
    let (deque, items): (Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>) =
        samples.call_method0("deque")?.extract()?;
    let ty = deque.get_type_ptr() as usize;
    let visited: Vec<Bound<'_, PyAny>> =
        samples.py().import("gc")?.call_method1("get_referents", (&deque,))?.extract()?;
    let visited = visited.iter().map(|each| each.as_ptr() as usize).filter(|&each| each != ty);
    Ok(visited.eq(items.iter().map(|each| each.as_ptr() as usize)).then_some(ty))
}

/// From a code object to the tuples with its locals' names.
#[cfg(not(Py_3_11))]
fn local_names(function: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let code = function.getattr("__code__")?;
    let mut offsets = Vec::new();
    for wanted in [c"co_varnames", c"co_cellvars", c"co_freevars"] {
        // SAFETY: a code object's type; members end with one that has no name.
        unsafe {
            let mut member = (*ffi::Py_TYPE(code.as_ptr())).tp_members;
            while !member.is_null() && !(*member).name.is_null() {
                if std::ffi::CStr::from_ptr((*member).name) == wanted {
                    offsets.push((*member).offset as usize);
                }
                member = member.add(1);
            }
        }
    }
    Ok(if offsets.len() == 3 { offsets } else { Vec::new() })
}

/// From a code object to the tuple with its locals' names: no attribute gives
/// it, so it is looked for by what it holds.
#[cfg(Py_3_11)]
fn local_names(function: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let code = function.getattr("__code__")?;
    let names: Bound<'_, PyTuple> = code.getattr("co_varnames")?.cast_into()?;
    let expected: Vec<usize> = names.iter().map(|name| name.as_ptr() as usize).collect();
    let tuple_type = names.get_type().as_type_ptr() as usize;
    let items = std::mem::offset_of!(ffi::PyTupleObject, ob_item);
    // SAFETY: a type that lives as long as the interpreter.
    let size = unsafe { (*ffi::Py_TYPE(code.as_ptr())).tp_basicsize as usize };
    for offset in (16..size).step_by(WORD) {
        // SAFETY: a word of the code object.
        let word: usize = unsafe { layout::read(code.as_ptr().cast(), offset as isize) };
        let found = word.is_multiple_of(WORD)
            && peek::word(word.wrapping_add(WORD)) == Some(tuple_type)
            && peek::word(word + 2 * WORD) == Some(expected.len())
            && expected
                .iter()
                .enumerate()
                .all(|(at, &name)| peek::word(word + items + at * WORD) == Some(name));
        if found {
            return Ok(vec![offset]);
        }
    }
    Ok(Vec::new())
}

/// Whether the locals of a suspended generator lie behind its fields (before
/// 3.11: those of its frame).
fn generators_agree(sample: &Bound<'_, PyAny>) -> PyResult<bool> {
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

/// The dicts of the static types that do not point to them themselves.
#[cfg(Py_3_12)]
fn type_dicts(py: Python<'_>) -> PyResult<HashMap<usize, usize>> {
    let mut dicts = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![py.get_type::<PyAny>()];
    let subclasses = py.get_type::<PyType>().getattr("__subclasses__")?;
    while let Some(ty) = waiting.pop() {
        if !seen.insert(ty.as_ptr() as usize) {
            continue;
        }
        // SAFETY: a type; a new reference to its dict comes back, or none.
        unsafe {
            let pointer = ty.as_type_ptr();
            if (*pointer).tp_dict.is_null() {
                let dict = ffi::PyType_GetDict(pointer);
                if !dict.is_null() {
                    dicts.insert(pointer as usize, dict as usize);
                    ffi::Py_DECREF(dict);
                }
            }
        }
        for subclass in subclasses.call1((&ty,))?.try_iter()? {
            waiting.push(subclass?.cast_into()?);
        }
    }
    Ok(dicts)
}

/// Every static type points to its dict itself.
#[cfg(not(Py_3_12))]
fn type_dicts(_py: Python<'_>) -> PyResult<HashMap<usize, usize>> {
    Ok(HashMap::new())
}

/// The C function behind a type's `__sizeof__`, if it is one.
fn size_function(ty: &Bound<'_, PyAny>) -> Option<SizeFunction> {
    let found = ty.getattr("__sizeof__").ok()?;
    // SAFETY: the descriptor's own type tells its layout.
    unsafe { crate::types::size_function(found.as_ptr()) }
}

fn sizes(
    py: Python<'_>,
    samples: &Bound<'_, PyModule>,
    readers: &Readers,
    notices: &mut Vec<String>,
) -> PyResult<Sizes> {
    let getsizeof = py.import("sys")?.getattr("getsizeof")?;
    let builtins = py.import("builtins")?;
    let zero: usize = getsizeof.call1((0,))?.extract()?;
    let int_type = builtins.getattr("int")?;
    let header: u64 = getsizeof.call1((&int_type,))?.extract()?;
    let own: u64 = py.get_type::<PyType>().getattr("__sizeof__")?.call1((&int_type,))?.extract()?;
    let mut sizes = Sizes {
        object: size_function(&builtins.getattr("object")?),
        list: true,
        dict: readers.dict,
        set: readers.set,
        text: readers.text,
        int: readers.int,
        plain: true,
        least_digits: if zero == 24 { 0 } else { 1 },
        static_type_header: header.saturating_sub(own),
    };
    for sample in samples.call_method0("sized")?.try_iter()? {
        let sample = sample?;
        let expected: u64 = getsizeof.call1((&sample,))?.extract()?;
        // SAFETY: an object of ours, whose type is one of the known ones.
        let found = unsafe {
            let rule = crate::types::native_rule(ffi::Py_TYPE(sample.as_ptr()), &sizes);
            crate::types::native_size(sample.as_ptr(), rule, &sizes)
        };
        if found != expected {
            let name = sample.get_type().name()?.to_string();
            notices.push(format!("sizes of {name} are asked from its own function: {expected} expected, {found} computed"));
            // SAFETY: a live object's type.
            match unsafe { crate::types::native_rule(ffi::Py_TYPE(sample.as_ptr()), &sizes) } {
                crate::types::SizeRule::List => sizes.list = false,
                crate::types::SizeRule::Dict => sizes.dict = false,
                crate::types::SizeRule::Set => sizes.set = false,
                crate::types::SizeRule::Text => sizes.text = false,
                crate::types::SizeRule::Int => sizes.int = false,
                _ => sizes.plain = false,
            }
        }
    }
    Ok(sizes)
}

/// From a thread state to the number that `threading.get_ident` gives.
fn thread_ident(py: Python<'_>) -> PyResult<Option<usize>> {
    let ident: usize = py.import("_thread")?.call_method0("get_ident")?.extract()?;
    // SAFETY: attached, so there is a thread state.
    let state = unsafe { ffi::PyThreadState_Get() } as usize;
    Ok((0..64).map(|at| at * WORD).find(|&offset| peek::word(state + offset) == Some(ident)))
}

/// How running frames lie, or where their objects stand: what holds at two
/// depths of calls.
fn frames(samples: &Bound<'_, PyModule>) -> PyResult<(Option<FrameLayout>, Option<usize>)> {
    type Found = Arc<Mutex<Vec<(Vec<FrameLayout>, Vec<usize>)>>>;
    let py = samples.py();
    let found: Found = Arc::default();
    let keep = found.clone();
    let native = PyCFunction::new_closure(py, None, None, move |arguments, _| -> PyResult<()> {
        let inner: usize = arguments.get_item(1)?.as_ptr() as usize;
        let outer: usize = arguments.get_item(2)?.as_ptr() as usize;
        let mark: usize = arguments.get_item(3)?.as_ptr() as usize;
        // SAFETY: attached; a code object's type and size.
        let (state, size, items) = unsafe {
            let code = inner as Object;
            let size = (*ffi::Py_TYPE(code)).tp_basicsize as usize;
            (ffi::PyThreadState_Get() as usize, size, layout::read::<usize>(code.cast(), 16))
        };
        let both = if cfg!(Py_3_11) {
            let instructions = inner + size..inner + size + 2 * items;
            (frame_layouts(state, inner, outer, mark, &instructions), Vec::new())
        } else {
            // SAFETY: attached; borrowed from the thread, which is running it.
            let frame = unsafe { ffi::PyEval_GetFrame() } as usize;
            let offsets = (0..40).map(|at| at * WORD);
            (Vec::new(), offsets.filter(|at| peek::word(state + at) == Some(frame)).collect())
        };
        if let Ok(mut all) = keep.lock() {
            all.push(both);
        }
        Ok(())
    })?;
    samples.call_method1("frames", (native,))?;
    let found = found.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default();
    let [first, second] = found.as_slice() else { return Ok((None, None)) };
    Ok((
        first.0.iter().copied().find(|layout| second.0.contains(layout)),
        first.1.iter().copied().find(|offset| second.1.contains(offset)),
    ))
}

/// All ways to read the running frame from the thread state that fit what is known.
fn frame_layouts(
    state: usize,
    inner: usize,
    outer: usize,
    mark: usize,
    instructions: &std::ops::Range<usize>,
) -> Vec<FrameLayout> {
    let masked = |address: usize| peek::word(address).map(|word| word & !TAG_BITS);
    let mut layouts = Vec::new();
    let describe = |frame: usize, thread: usize, through: Option<usize>| -> Option<FrameLayout> {
        let offsets = || (0..16).map(|at| at * WORD);
        let code = offsets().find(|&offset| masked(frame + offset) == Some(inner))?;
        let previous = offsets().find(|&offset| {
            peek::word(frame + offset)
                .is_some_and(|below| below != 0 && masked(below.wrapping_add(code)) == Some(outer))
        })?;
        // The locals are (native, mark): the mark is the second.
        let second =
            (2..40).map(|at| at * WORD).find(|&offset| masked(frame + offset) == Some(mark))?;
        let instruction = offsets().find(|&offset| {
            peek::word(frame + offset).is_some_and(|word| instructions.contains(&word))
        });
        Some(FrameLayout { thread, through, code, previous, locals: second - WORD, instruction })
    };
    for thread in (0..80).map(|at| at * WORD) {
        let Some(word) = peek::word(state + thread).filter(|&word| word > 4096 && word % WORD == 0)
        else {
            continue;
        };
        layouts.extend(describe(word, thread, None));
        for through in [0, WORD] {
            if let Some(frame) =
                peek::word(word + through).filter(|&at| at > 4096 && at % WORD == 0)
            {
                layouts.extend(describe(frame, thread, Some(through)));
            }
        }
    }
    layouts
}
