//! References that an object's own count does not show, on free-threaded builds.
//!
//! Three kinds. Each thread counts for itself how often it has referred to
//! types, code objects and dicts of modules, in a table with a place for each
//! such object. A running frame, a generator and C code may hold what is marked
//! as deferred without counting that at all. And a frame may borrow what another
//! one holds. The tables are read and added to the counts; references that are
//! not counted are noted, so that no count is expected for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyModule};
use snakeroot::snapshot::LabelKind;

use crate::layout::{self, Object, WORD, gc_bits};
use crate::peek;
use crate::sink::Sink;
use crate::tables::Suspect;
use crate::walker::Walker;

/// Where those references are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// From a thread state to the address of its table of counts, behind which
    /// is how many there are.
    counts: usize,
    /// Where the address of the table with the objects of these counts stands.
    objects: usize,
    /// From a thread state to the first of the references that C code has noted.
    noted: usize,
}

/// Low bits of a word that is a reference without a count.
const UNCOUNTED: usize = 1;
/// All low bits that do not belong to the address.
const TAGS: usize = 3;
/// References that C code has noted for one thread, at most: one for each call.
const MOST_NOTED: usize = 1 << 16;
/// Places of a table of counts, at most.
const MOST_COUNTS: usize = 1 << 24;

/// The object of a word of a frame, if the reference is not counted.
pub(crate) fn object_of(word: usize) -> Option<usize> {
    (word & TAGS == UNCOUNTED && word != UNCOUNTED).then_some(word & !TAGS)
}

impl Layout {
    /// Looks for everything with the help of known objects; `None` if
    /// something is not as expected. Runs code of our own.
    pub(crate) fn find(samples: &Bound<'_, PyModule>) -> Option<Self> {
        let (counts, objects) = tables(samples).ok()??;
        let noted = noted(samples).ok()??;
        Some(Self { counts, objects, noted })
    }
}

/// A thread's table of counts: its address and length.
fn table_of(state: usize, counts: usize) -> Option<(usize, usize)> {
    let (table, length) = (peek::word(state + counts)?, peek::word(state + counts + WORD)?);
    let is_table = table > 4096 && table.is_multiple_of(WORD) && (1..MOST_COUNTS).contains(&length);
    is_table.then_some((table, length))
}

fn words(address: usize, count: usize) -> Vec<usize> {
    let mut words = vec![0; count];
    let got = peek::words(address, &mut words);
    words.truncate(got);
    words
}

/// From a thread state to its table of counts, and where the table of the
/// objects is: the counts of two types grow by as many instances as are made.
fn tables(samples: &Bound<'_, PyModule>) -> PyResult<Option<(usize, usize)>> {
    const STATE_WORDS: usize = 1 << 13;
    const INTERPRETER_WORDS: usize = 1 << 18;
    /// Instances made of the first and of the second type.
    const MADE: [usize; 2] = [321, 213];
    let [first, second]: [Bound<'_, PyAny>; 2] = samples.call_method0("counted")?.extract()?;
    // SAFETY: attached.
    let (state, interpreter) =
        unsafe { (ffi::PyThreadState_Get() as usize, ffi::PyInterpreterState_Get() as usize) };
    // The tables are long enough when each type has had an instance.
    first.call0()?;
    second.call0()?;
    let own = words(state, STATE_WORDS);
    let is_length = |length: usize| length.is_power_of_two() && (8..MOST_COUNTS).contains(&length);
    let candidates: Vec<usize> = (0..own.len().saturating_sub(1))
        .filter(|&at| is_length(own[at + 1]) && table_of(state, at * WORD).is_some())
        .collect();
    let read = |at: usize| table_of(state, at * WORD).map(|(table, length)| words(table, length));
    let before: Vec<_> = candidates.iter().map(|&at| read(at)).collect();
    let make = |ty: &Bound<'_, PyAny>, count: usize| -> PyResult<Vec<Py<PyAny>>> {
        (0..count).map(|_| Ok(ty.call0()?.unbind())).collect()
    };
    let made = (make(&first, MADE[0])?, make(&second, MADE[1])?);
    let mut found = Vec::new();
    for (&at, before) in candidates.iter().zip(&before) {
        let (Some(before), Some(after)) = (before, read(at)) else { continue };
        let grown = |by: usize| -> Option<usize> {
            let mut places = before.iter().zip(&after).enumerate();
            let place = places.find(|(_, (before, after))| after.wrapping_sub(**before) == by)?.0;
            Some(place)
        };
        if let (Some(first), Some(second)) = (grown(MADE[0]), grown(MADE[1])) {
            found.push((at * WORD, first, second));
        }
    }
    drop(made);
    let [(counts, first_place, second_place)] = found[..] else { return Ok(None) };
    let all = words(interpreter, INTERPRETER_WORDS);
    let mut places = (0..all.len().saturating_sub(2)).filter(|&at| {
        let table = all[at];
        table > 4096
            && table.is_multiple_of(WORD)
            && is_length(all[at + 2])
            && peek::word(table.wrapping_add(first_place * WORD)) == Some(first.as_ptr() as usize)
            && peek::word(table.wrapping_add(second_place * WORD)) == Some(second.as_ptr() as usize)
    });
    Ok(places.next().map(|at| (counts, interpreter + at * WORD)))
}

/// From a thread state to the first of the references that C code has noted:
/// while an attribute is asked for, the property that answers is one.
fn noted(samples: &Bound<'_, PyModule>) -> PyResult<Option<usize>> {
    const STATE_WORDS: usize = 1 << 10;
    /// How far from here the note on the C stack may lie.
    const NEAR: usize = 1 << 20;
    let found: Arc<Mutex<Vec<usize>>> = Arc::default();
    let property: Arc<Mutex<usize>> = Arc::default();
    let (keep, wanted) = (found.clone(), property.clone());
    let native = PyCFunction::new_closure(samples.py(), None, None, move |_, _| {
        let here = 0_usize;
        let here = &raw const here as usize;
        // SAFETY: attached.
        let state = unsafe { ffi::PyThreadState_Get() } as usize;
        let wanted = wanted.lock().map_or(0, |wanted| *wanted);
        let own = words(state, STATE_WORDS);
        let offsets = own.iter().enumerate().filter(|&(_, &word)| {
            word.is_multiple_of(WORD)
                && word.abs_diff(here) < NEAR
                && peek::word(word).is_some_and(|word| word & !TAGS == wanted)
        });
        if let Ok(mut found) = keep.lock() {
            found.extend(offsets.map(|(at, _)| at * WORD));
        }
    })?;
    let (object, ours) = samples
        .call_method1("answering", (native,))?
        .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    if let Ok(mut property) = property.lock() {
        *property = ours.as_ptr() as usize;
    }
    object.getattr("asked")?;
    let found = found.lock().map(|mut found| std::mem::take(&mut *found)).unwrap_or_default();
    Ok(match found[..] {
        [offset] => Some(offset),
        _ => None,
    })
}

impl<S: Sink> Walker<'_, S> {
    /// Sums the tables of all threads up.
    ///
    /// # Safety
    ///
    /// In a pause.
    pub(crate) unsafe fn take_counts(&mut self) {
        let Some(layout) = self.probe.uncounted else { return };
        let mut sums: Vec<isize> = Vec::new();
        // SAFETY: as the caller promises: threads come and go only when it is over.
        unsafe {
            let mut state = ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get());
            while !state.is_null() {
                if let Some((table, length)) = table_of(state as usize, layout.counts) {
                    sums.resize(sums.len().max(length), 0);
                    for (sum, count) in sums.iter_mut().zip(words(table, length)) {
                        *sum = sum.wrapping_add(count as isize);
                    }
                }
                state = ffi::PyThreadState_Next(state);
            }
        }
        let objects = peek::word(layout.objects).map(|table| words(table, sums.len()));
        let pairs = objects.unwrap_or_default().into_iter().zip(sums);
        self.counts = pairs.filter(|&(_, sum)| sum != 0).collect::<HashMap<_, _>>();
    }

    /// What an object's count is with what threads have counted for it, and
    /// whether it lives whatever its count is.
    ///
    /// # Safety
    ///
    /// In a pause; `object` is an object, `count` its own count.
    #[inline(always)]
    pub(crate) unsafe fn whole_count(&self, object: Object, count: u32) -> (u32, bool) {
        // SAFETY: the object's header.
        unsafe {
            if gc_bits::of(object) & gc_bits::DEFERRED == 0 || count == u32::MAX {
                return (count, false);
            }
            let more = self.counts.get(&(object as usize)).copied().unwrap_or(0);
            let all = layout::signed_refcount(object).saturating_add(more).max(0);
            (u32::try_from(all).unwrap_or(u32::MAX - 1), true)
        }
    }

    /// Notes that the word which an edge was read from is not counted.
    #[inline(always)]
    pub(crate) fn note_uncounted(&mut self, word: usize) {
        self.uncounted.extend(object_of(word));
    }

    /// Takes a word of a frame if it is the function that it runs, held
    /// without a count.
    ///
    /// # Safety
    ///
    /// A word of a running frame.
    pub(crate) unsafe fn take_function(&mut self, word: usize) {
        let Some(object) = object_of(word) else { return };
        let ty = peek::word(object.wrapping_add(layout::TYPE_BYTES));
        if ty == Some(&raw const ffi::PyFunction_Type as usize) {
            let label = self.labels.named(LabelKind::Slot, b"f_func");
            // SAFETY: a function.
            unsafe { self.take_deferred(word, label) };
        }
    }

    /// Takes what the stack of a frame holds without a count.
    ///
    /// # Safety
    ///
    /// A reference of a frame or of C code.
    pub(crate) unsafe fn take_deferred(&mut self, word: usize, label: u32) {
        let Some(object) = object_of(word) else { return };
        // SAFETY: what a frame refers to is an object.
        unsafe {
            if gc_bits::of(object as Object) & gc_bits::DEFERRED != 0 {
                self.sink.edge(object as Object, label);
                self.uncounted.push(object);
            }
        }
    }

    /// Takes the references that C code has noted for a thread.
    ///
    /// # Safety
    ///
    /// In a pause; the thread's state, and its place among the synthetics.
    pub(crate) unsafe fn take_noted(&mut self, state: usize, thread: usize) {
        let Some(layout) = self.probe.uncounted else { return };
        let label = self.labels.named(LabelKind::Slot, b"C stack");
        let mut next = peek::word(state + layout.noted).unwrap_or(0);
        for _ in 0..MOST_NOTED {
            let mut note = [0; 2];
            if next == 0 || peek::words(next, &mut note) < note.len() {
                break;
            }
            let [word, below] = note;
            if word & TAGS == 0 && word != 0 {
                self.suspects.push(Suspect { owner: thread, label, word });
            } else {
                // SAFETY: what is noted is an object.
                unsafe { self.take_deferred(word, label) };
            }
            next = below;
        }
    }

    /// Notes which of the references that a generator's or frame's traverse
    /// function visited are not counted.
    ///
    /// `start` is where the frame lies in the object, `locals` how many there are.
    ///
    /// # Safety
    ///
    /// The object has a frame there, with that many locals and `places` for
    /// its stack.
    pub(crate) unsafe fn note_uncounted_of(
        &mut self,
        object: Object,
        start: usize,
        (locals, places): (usize, usize),
        found: &[usize],
    ) {
        let Some(frames) = self.probe.frames.filter(|_| self.probe.uncounted.is_some()) else {
            return;
        };
        // SAFETY: words of the object.
        unsafe {
            let word_at = |at: usize| -> usize { layout::read(object.cast(), at as isize) };
            let first = start + frames.locals;
            let frame = object.cast::<u8>().cast_const().add(start);
            // One that has ended has none.
            let used = frames.used_places(frame, locals, places).map_or(0, |used| locals + used);
            let all = (0..(first - start) / WORD + used).map(|at| word_at(start + at * WORD));
            let lent = all.filter_map(object_of).filter(|object| found.contains(object));
            self.uncounted.extend(lent);
        }
    }
}
