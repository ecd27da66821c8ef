//! Offsets that no header tells, found by looking for known pointers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyModule};

use super::{Field, FrameLayout, Probe, TAG_BITS};
use crate::layout::{self, HEADER_BYTES, WORD};
use crate::lists::Lists;
#[cfg(Py_3_14)]
use crate::lists::Which;
use crate::peek;

/// The words of an object, its variable part included.
pub(super) fn words(object: &Bound<'_, PyAny>) -> usize {
    // SAFETY: an object of ours; the size of the variable part is told by the
    // type, and only whole words within it are counted.
    unsafe {
        let ty = ffi::Py_TYPE(object.as_ptr());
        let items = if (*ty).tp_itemsize > 0 {
            layout::read::<isize>(object.as_ptr().cast(), HEADER_BYTES as isize).unsigned_abs()
        } else {
            0
        };
        ((*ty).tp_basicsize as usize + (*ty).tp_itemsize as usize * items) / WORD
    }
}

/// Where in an object a pointer stands; it may be there several times.
pub(crate) fn find_words(object: &Bound<'_, PyAny>, value: usize) -> Vec<usize> {
    // SAFETY: the type of a live object.
    let fields = unsafe { (*ffi::Py_TYPE(object.as_ptr())).tp_basicsize as usize } / WORD;
    (HEADER_BYTES / WORD..words(object).min(fields))
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

/// What is known of words, by type.
pub(super) struct Words {
    pub(super) fields: HashMap<usize, Vec<Field>>,
    /// Words with a reference that traverse does not visit.
    pub(super) strong: HashMap<usize, Vec<Field>>,
    pub(super) weak: HashMap<usize, usize>,
}

/// The type whose fields a sample has: exceptions have those of their base.
fn owner(sample: &Bound<'_, PyAny>) -> usize {
    if sample.is_instance_of::<PyBaseException>() {
        sample.py().get_type::<PyBaseException>().as_ptr() as usize
    } else {
        sample.get_type_ptr() as usize
    }
}

pub(super) fn fields(samples: &Bound<'_, PyModule>, local_names: &[usize]) -> PyResult<Words> {
    let mut all: HashMap<usize, Vec<Field>> = HashMap::new();
    let (listed, values, (traceback, next)): Samples<'_> =
        samples.call_method0("fields")?.extract()?;
    let mut add = |object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, name: &str| {
        let row = all.entry(owner(object)).or_insert_with(|| {
            // Kept for good: another type may not come to lie at its address.
            super::kept(object.get_type().into_any());
            Vec::new()
        });
        for offset in find_words(object, value.as_ptr() as usize) {
            if !row.iter().any(|(known, _)| *known == offset) {
                row.push((offset, name.into()));
            }
        }
    };
    for (object, names) in &listed {
        for name in names {
            if let Ok(value) = object.getattr(name.as_str())
                && !value.is_none()
            {
                add(object, &value, name);
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
    if let &[names] = local_names {
        let (key, row) = code_words(samples, names)?;
        all.entry(key).or_default().extend(row);
    }
    // What a sample holds and traverse does not visit.
    let mut strong: HashMap<usize, Vec<Field>> = HashMap::new();
    let referents = samples.py().import("gc")?.getattr("get_referents")?;
    let held: Vec<(Bound<'_, PyAny>, Vec<String>)> = samples.call_method0("held")?.extract()?;
    for (object, names) in &held {
        let visited: Vec<Bound<'_, PyAny>> = referents.call1((object,))?.extract()?;
        for name in names {
            let Ok(value) = object.getattr(name.as_str()) else { continue };
            let words = find_words(object, value.as_ptr() as usize);
            let known = visited.iter().filter(|each| each.is(&value)).count();
            let row = strong.entry(object.get_type_ptr() as usize).or_default();
            for offset in words.into_iter().skip(known) {
                if !row.iter().any(|(known, _)| *known == offset) {
                    row.push((offset, name.as_str().into()));
                }
            }
        }
    }
    let targets: Vec<(Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>)> =
        samples.call_method0("weak")?.extract()?;
    let mut weak = HashMap::new();
    let references =
        targets.iter().flat_map(|(target, all)| all.iter().map(move |it| (target, it)));
    for (target, reference) in references {
        // The pointer of the type, not `__class__`, which a proxy answers for
        // its referent.
        if let Some(&offset) = find_words(reference, target.as_ptr() as usize).first() {
            super::kept(reference.get_type().into_any());
            weak.insert(reference.get_type_ptr() as usize, offset);
        }
        let callback = samples.getattr("called_back")?;
        let row = all.entry(reference.get_type_ptr() as usize).or_default();
        for offset in find_words(reference, callback.as_ptr() as usize) {
            if !row.iter().any(|(known, _)| *known == offset) {
                row.push((offset, "__callback__".into()));
            }
        }
    }
    Ok(Words { fields: all, strong, weak })
}

/// The words of a code object that no attribute tells: the names of its locals,
/// at `names`, and what kind each is of; from 3.12 on those that are made when
/// asked for stand apart, and are told by the attributes.
#[cfg(Py_3_11)]
fn code_words(samples: &Bound<'_, PyModule>, names: usize) -> PyResult<(usize, Vec<Field>)> {
    let code = samples.getattr("generator")?.getattr("__code__")?;
    let mut row: Vec<Field> = vec![(names, "co_localsplusnames".into())];
    let locals: usize = code.getattr("co_nlocals")?.extract()?;
    let bytes = samples.py().get_type::<pyo3::types::PyBytes>().as_ptr() as usize;
    // The kinds are bytes, one for each local, right behind the names.
    let at = names + WORD;
    // SAFETY: a word of the code object.
    let word: usize = unsafe { layout::read(code.as_ptr().cast(), at as isize) };
    if word.is_multiple_of(WORD)
        && peek::word(word.wrapping_add(layout::TYPE_BYTES)) == Some(bytes)
        && peek::word(word + layout::HEADER_BYTES) == Some(locals)
    {
        row.push((at, "co_localspluskinds".into()));
    }
    Ok((code.get_type_ptr() as usize, row))
}

#[cfg(not(Py_3_11))]
fn code_words(samples: &Bound<'_, PyModule>, _names: usize) -> PyResult<(usize, Vec<Field>)> {
    let code = samples.getattr("generator")?.getattr("__code__")?;
    Ok((code.get_type_ptr() as usize, Vec::new()))
}

/// Where the collector says that it is at work: the int before its lists of
/// garbage and of callbacks, which lie behind its lists of objects.
#[cfg(not(Py_GIL_DISABLED))]
pub(super) fn collecting(py: Python<'_>, lists: &Lists) -> Option<usize> {
    const BYTES: usize = 1024;
    let gc = crate::module(py, c"gc").ok()?;
    let [garbage, callbacks] =
        ["garbage", "callbacks"].map(|name| gc.getattr(name).map(|list| list.as_ptr() as usize));
    let both = (Some(garbage.ok()?), Some(callbacks.ok()?));
    // Pointers are aligned, though on some builds the lists are not.
    let start = lists.young().next_multiple_of(WORD);
    let at = (start..start + BYTES)
        .step_by(WORD)
        .find(|&at| (peek::word(at), peek::word(at + WORD)) == both)?;
    // The int is alone in its word; that it is 0 or 1 is all that can be checked.
    // From 3.15 on the frame that began the collection stands between.
    let flag = at - if cfg!(Py_3_15) { 2 * WORD } else { WORD };
    peek::word(flag).filter(|&word| word & 0xffff_ffff <= 1).map(|_| flag)
}

/// A collection stops the world, and so does a walk: neither meets the other.
#[cfg(Py_GIL_DISABLED)]
pub(super) fn collecting(_py: Python<'_>, _lists: &Lists) -> Option<usize> {
    None
}

/// The type of deques, if traverse visits the items in order.
pub(super) fn deque_type(samples: &Bound<'_, PyModule>) -> PyResult<Option<usize>> {
    let (deque, items): (Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>) =
        samples.call_method0("deque")?.extract()?;
    let ty = deque.get_type_ptr() as usize;
    let visited: Vec<Bound<'_, PyAny>> =
        samples.py().import("gc")?.call_method1("get_referents", (&deque,))?.extract()?;
    let visited = visited.iter().map(|each| each.as_ptr() as usize).filter(|&each| each != ty);
    super::kept(deque.get_type().into_any());
    Ok(visited.eq(items.iter().map(|each| each.as_ptr() as usize)).then_some(ty))
}

/// From a code object to one of its members.
pub(super) fn code_member(
    samples: &Bound<'_, PyModule>,
    wanted: &std::ffi::CStr,
) -> PyResult<Option<usize>> {
    let code = samples.getattr("generator")?.getattr("__code__")?;
    // SAFETY: a code object's type; members end with one that has no name.
    unsafe {
        let mut member = (*ffi::Py_TYPE(code.as_ptr())).tp_members;
        while !member.is_null() && !(*member).name.is_null() {
            if std::ffi::CStr::from_ptr((*member).name) == wanted {
                return Ok(Some((*member).offset as usize));
            }
            member = member.add(1);
        }
    }
    Ok(None)
}

/// From a code object to the tuples with its locals' names.
#[cfg(not(Py_3_11))]
pub(super) fn local_names(samples: &Bound<'_, PyModule>) -> PyResult<Vec<usize>> {
    let mut offsets = Vec::new();
    for wanted in [c"co_varnames", c"co_cellvars", c"co_freevars"] {
        offsets.extend(code_member(samples, wanted)?);
    }
    Ok(if offsets.len() == 3 { offsets } else { Vec::new() })
}

/// From a code object to the tuple with its locals' names: no attribute gives
/// it, so it is looked for by what it holds.
#[cfg(Py_3_11)]
pub(super) fn local_names(samples: &Bound<'_, PyModule>) -> PyResult<Vec<usize>> {
    let code = samples.getattr("generator")?.getattr("__code__")?;
    let names: Bound<'_, pyo3::types::PyTuple> = code.getattr("co_varnames")?.cast_into()?;
    let expected: Vec<usize> = names.iter().map(|name| name.as_ptr() as usize).collect();
    let tuple_type = names.get_type().as_type_ptr() as usize;
    let items = std::mem::offset_of!(ffi::PyTupleObject, ob_item);
    // SAFETY: a type that lives as long as the interpreter.
    let size = unsafe { (*ffi::Py_TYPE(code.as_ptr())).tp_basicsize as usize };
    for offset in (HEADER_BYTES..size).step_by(WORD) {
        // SAFETY: a word of the code object.
        let word: usize = unsafe { layout::read(code.as_ptr().cast(), offset as isize) };
        let found = word.is_multiple_of(WORD)
            && peek::word(word.wrapping_add(HEADER_BYTES - WORD)) == Some(tuple_type)
            && peek::word(word.wrapping_add(HEADER_BYTES)) == Some(expected.len())
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

/// From a code object to an array of the copies of its instructions, of which
/// the first is its own.
pub(super) fn code_copies(samples: &Bound<'_, PyModule>) -> PyResult<Option<usize>> {
    const MOST_COPIES: usize = 1 << 16;
    if !cfg!(Py_GIL_DISABLED) {
        return Ok(None);
    }
    let code = samples.getattr("generator")?.getattr("__code__")?;
    // SAFETY: a type that lives as long as the interpreter.
    let size = unsafe { (*ffi::Py_TYPE(code.as_ptr())).tp_basicsize as usize };
    let own = code.as_ptr() as usize + size;
    Ok((HEADER_BYTES..size).step_by(WORD).find(|&offset| {
        // SAFETY: a word of the code object.
        let word: usize = unsafe { layout::read(code.as_ptr().cast(), offset as isize) };
        peek::word(word).is_some_and(|count| (1..MOST_COPIES).contains(&count))
            && peek::word(word.wrapping_add(WORD)) == Some(own)
    }))
}

/// What the types that are there have for `__sizeof__` themselves.
#[cfg(Py_GIL_DISABLED)]
pub(super) fn size_methods(py: Python<'_>) -> PyResult<HashMap<usize, usize>> {
    let mut methods = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![py.get_type::<PyAny>()];
    let metatype = py.get_type::<pyo3::types::PyType>();
    let subclasses = metatype.getattr("__subclasses__")?;
    let dict_of = metatype.getattr("__dict__")?.get_item("__dict__")?.getattr("__get__")?;
    while let Some(ty) = waiting.pop() {
        if !seen.insert(ty.as_ptr() as usize) {
            continue;
        }
        if let Ok(method) = dict_of.call1((&ty,))?.get_item("__sizeof__") {
            // Kept for good: another type may not come to lie at its address.
            let ty = super::kept(ty.clone().into_any()) as usize;
            methods.insert(ty, super::kept(method) as usize);
        }
        for subclass in subclasses.call1((&ty,))?.try_iter()? {
            waiting.push(subclass?.cast_into()?);
        }
    }
    Ok(methods)
}

/// The dicts of the static types that do not point to them themselves.
#[cfg(Py_3_12)]
pub(super) fn type_dicts(py: Python<'_>) -> PyResult<HashMap<usize, usize>> {
    let mut dicts = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![py.get_type::<PyAny>()];
    let subclasses = py.get_type::<pyo3::types::PyType>().getattr("__subclasses__")?;
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
pub(super) fn type_dicts(_py: Python<'_>) -> PyResult<HashMap<usize, usize>> {
    Ok(HashMap::new())
}

/// The dict that holds every interned string twice and keeps none alive: told
/// by a string that was interned just now, which no other dict can have.
#[cfg(Py_3_14)]
pub(super) fn interned_table(py: Python<'_>, lists: &Lists) -> Option<usize> {
    let text = format!("interned by snakeroot at {:p}", &raw const *lists);
    let text = pyo3::types::PyString::new(py, &text).into_ptr();
    let mut text = text;
    let mut found = None;
    // SAFETY: attached; the str is ours, and interning may put another in its
    // place. Of a dict with only str for keys, none of which is a user's class,
    // a look-up by a str runs no code but the interpreter's.
    unsafe {
        ffi::PyUnicode_InternInPlace(&raw mut text);
        // A damaged list has ended before it, if it is not found.
        let _ = lists.collect(Which::All, |object| -> Option<()> {
            if found.is_none() && ffi::Py_TYPE(object) == &raw mut ffi::PyDict_Type {
                let keys = layout::dict::keys(object);
                let only_text = !keys.0.is_null() && keys.has_only_text();
                // A look-up may wait for a lock, whose holder may stand still here.
                #[cfg(Py_GIL_DISABLED)]
                let value = |dict| layout::dict::get_identical(dict, text);
                #[cfg(not(Py_GIL_DISABLED))]
                let value = |dict| ffi::PyDict_GetItemWithError(dict, text);
                if only_text && value(object) == text {
                    found = Some(object as usize);
                }
            }
            None
        });
        ffi::Py_DECREF(text);
    }
    found
}

/// The table is nowhere to be met.
#[cfg(not(Py_3_14))]
pub(super) fn interned_table(_py: Python<'_>, _lists: &Lists) -> Option<usize> {
    None
}

/// From a thread state to the number that `threading.get_ident` gives.
pub(super) fn thread_ident(py: Python<'_>) -> PyResult<Option<usize>> {
    let ident: usize = py.import("_thread")?.call_method0("get_ident")?.extract()?;
    // SAFETY: attached, so there is a thread state.
    let state = unsafe { ffi::PyThreadState_Get() } as usize;
    Ok((0..64).map(|at| at * WORD).find(|&offset| peek::word(state + offset) == Some(ident)))
}

/// How running frames lie, or where their objects stand: what holds at two
/// depths of calls.
pub(super) fn frames(
    samples: &Bound<'_, PyModule>,
) -> PyResult<(Option<FrameLayout>, Option<usize>)> {
    type Found = Arc<Mutex<Vec<(Vec<FrameLayout>, Vec<usize>)>>>;
    let py = samples.py();
    let found: Found = Arc::default();
    let keep = found.clone();
    #[cfg(Py_3_11)]
    let copies = code_copies(samples)?;
    let native = PyCFunction::new_closure(py, None, None, move |arguments, _| -> PyResult<()> {
        let inner: usize = arguments.get_item(1)?.as_ptr() as usize;
        let outer: usize = arguments.get_item(2)?.as_ptr() as usize;
        let mark: usize = arguments.get_item(3)?.as_ptr() as usize;
        // SAFETY: attached.
        let state = unsafe { ffi::PyThreadState_Get() } as usize;
        let both = if cfg!(Py_3_11) {
            #[cfg(Py_3_11)]
            let runs = |word: usize| {
                // SAFETY: the code object of a function that is being called.
                unsafe { layout::code::offset(inner as layout::Object, word, copies).is_some() }
            };
            #[cfg(not(Py_3_11))]
            let runs = |_: usize| false;
            (frame_layouts(state, inner, outer, mark, &runs), Vec::new())
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

/// From a frame to where its value stack ends: in suspended generators, which
/// hold their frames, the one place that says what may be. A pointer, before
/// 3.14 a number of locals and values.
pub(super) fn stack_end(
    samples: &Bound<'_, PyModule>,
    frame_to_locals: usize,
) -> PyResult<Option<usize>> {
    let generators: [Bound<'_, PyAny>; 2] = samples.call_method0("stacks")?.extract()?;
    let mut common: Option<Vec<usize>> = None;
    for (generator, has_values) in generators.iter().zip([false, true]) {
        let code = generator.getattr("gi_code")?;
        let locals: usize = code.getattr("co_nlocals")?.extract()?;
        let places: usize = code.getattr("co_stacksize")?.extract()?;
        // SAFETY: the type of a live object; its variable part is the frame's
        // locals and stack.
        let first = unsafe { (*ffi::Py_TYPE(generator.as_ptr())).tp_basicsize as usize };
        let Some(start) = first.checked_sub(frame_to_locals) else { return Ok(None) };
        let end_at = |at: usize| -> Option<usize> {
            let object = generator.as_ptr().cast::<u8>().cast_const();
            let at = (start + at) as isize;
            // SAFETY: a word, or half of one, of the generator's frame.
            unsafe {
                if cfg!(Py_3_14) {
                    let end: usize = layout::read(object, at);
                    let values = end.checked_sub(object as usize + first + locals * WORD)?;
                    values.is_multiple_of(WORD).then_some(values / WORD)
                } else {
                    usize::try_from(layout::read::<i32>(object, at)).ok()?.checked_sub(locals)
                }
            }
        };
        let step = if cfg!(Py_3_14) { WORD } else { size_of::<i32>() };
        let fits = |at: &usize| match has_values {
            true => end_at(*at).is_some_and(|values| (1..=places).contains(&values)),
            false => end_at(*at) == Some(0),
        };
        let offsets: Vec<usize> = (0..frame_to_locals).step_by(step).filter(fits).collect();
        let known = common.take().unwrap_or_else(|| offsets.clone());
        common = Some(known.into_iter().filter(|at| offsets.contains(at)).collect());
    }
    Ok(match common.as_deref() {
        Some([offset]) => Some(*offset),
        _ => None,
    })
}

/// All ways to read the running frame from the thread state that fit what is known.
pub(super) fn frame_layouts(
    state: usize,
    inner: usize,
    outer: usize,
    mark: usize,
    runs: &dyn Fn(usize) -> bool,
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
        let instruction = offsets().find(|&offset| peek::word(frame + offset).is_some_and(runs));
        Some(FrameLayout {
            thread,
            through,
            code,
            previous,
            locals: second - WORD,
            instruction,
            stack_end: None,
        })
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

/// In the object of a frame that has ended: the word that points to its own
/// data, and where those start.
pub(super) fn frame_own(
    samples: &Bound<'_, PyModule>,
    probe: &Probe,
) -> PyResult<Option<(usize, usize)>> {
    let frame = samples.call_method0("ended_frame")?;
    let fields = probe.fields.get(&(frame.get_type_ptr() as usize));
    let code = fields.and_then(|fields| fields.iter().find(|(_, name)| &**name == "f_code"));
    let (Some((code, _)), Some(layout)) = (code, probe.frames) else { return Ok(None) };
    let Some(start) = code.checked_sub(layout.code) else { return Ok(None) };
    let words = find_words(&frame, frame.as_ptr() as usize + start);
    Ok(words.first().map(|&word| (word, start)))
}
