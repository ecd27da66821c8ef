//! What code has: names of local variables, places of its value stack, where a frame stands.

use std::ffi::c_int;

use pyo3::ffi;
use snakeroot::snapshot::LabelKind;

use crate::labels::MOST_CHARACTERS;
use crate::layout::{self, Object, WORD};
use crate::sink::Sink;
use crate::tables::NamedItems;
use crate::types::Locals;
use crate::walker::Walker;

impl<S: Sink> Walker<'_, S> {
    /// Names for a function's closure and defaults, and where a generator or a
    /// coroutine is.
    pub(super) unsafe fn parts_of_code(&mut self, object: Object, place: usize, at: usize) {
        let info = &self.infos[place];
        let Some(word) = info.code else { return };
        let (ty, function) = (info.object, info.function);
        // SAFETY: the words of a function or generator, found by the probe; a
        // code object's members by their names.
        unsafe {
            let code = (layout::read::<usize>(object.cast(), word as isize) & !3) as Object;
            if code.is_null() || ffi::Py_TYPE(code) != &raw mut ffi::PyCode_Type {
                return;
            }
            let Some(function) = function else {
                if ty != &raw mut ffi::PyFunction_Type {
                    self.take_place(object, code, place, at);
                }
                return;
            };
            for (offset, is_closure) in [(function.closure, true), (function.defaults, false)] {
                let items: Object = layout::read(object.cast(), offset as isize);
                if items.is_null() || ffi::PyTuple_CheckExact(items) == 0 {
                    continue;
                }
                let count = ffi::PyTuple_GET_SIZE(items) as usize;
                let (first, names) = self.local_labels(code);
                // Parameters come first, variables of functions around it last.
                let end = if is_closure {
                    names
                } else {
                    layout::read::<c_int>(code.cast(), function.parameters as isize).max(0) as usize
                };
                let Some(start) = end.checked_sub(count).filter(|_| end <= names) else { continue };
                let named =
                    NamedItems { first: first + start as u32, count: count as u32, holders: 0 };
                let known = self.named_items.entry(items as usize).or_insert(named);
                known.holders += 1;
                if (known.first, known.count) != (named.first, named.count) {
                    known.count = 0; // of several functions
                }
            }
        }
    }

    /// Keeps where a suspended generator or coroutine is.
    pub(super) unsafe fn take_place(
        &mut self,
        object: Object,
        code: Object,
        place: usize,
        at: usize,
    ) {
        #[cfg(not(Py_3_11))]
        // SAFETY: a generator or coroutine, whose frame is an object or, once it has ended, null.
        unsafe {
            let frame = (*object.cast::<ffi::PyGenObject>()).gi_frame;
            if !frame.is_null() {
                let line = ffi::PyFrame_GetLineNumber(frame);
                let key = (code as usize, line as usize);
                let place = *self.known_places.entry(key).or_insert_with(|| {
                    self.places.push(crate::threads::frame_name(code, Some(line)));
                    self.places.len() as u32 - 1
                });
                self.suspended.push((at as u32, place));
            }
        }
        let Some(frames) = self.probe.frames else { return };
        // The frame is the last of the fields, and ends where its locals begin.
        let Locals::Behind { first, .. } = self.infos[place].locals else { return };
        let (Some(start), Some(instruction)) =
            (first.checked_sub(frames.locals), frames.instruction)
        else {
            return;
        };
        // SAFETY: the frame in the generator, by the layout of running ones.
        unsafe {
            let offset = (start + instruction) as isize;
            let instruction: usize = layout::read(object.cast(), offset);
            let place =
                *self.known_places.entry((code as usize, instruction)).or_insert_with(|| {
                    let line = crate::threads::line_of(code, instruction, self.probe.code_copies);
                    self.places.push(crate::threads::frame_name(code, line));
                    self.places.len() as u32 - 1
                });
            self.suspended.push((at as u32, place));
        }
    }

    /// The highest word of a suspended coroutine's value stack that was
    /// visited: what it waits for.
    pub(super) unsafe fn top_of_stack(
        &mut self,
        object: Object,
        place: usize,
        found: &[usize],
    ) -> Option<usize> {
        let Locals::Behind { code, first, .. } = self.infos[place].locals else { return None };
        // One that runs waits for nothing.
        let frame = self.probe.frames.and_then(|frames| first.checked_sub(frames.locals));
        if frame.is_some_and(|start| self.running.contains(&(object as usize + start))) {
            return None;
        }
        // SAFETY: the word of a coroutine that holds its code, and its words
        // up to the end of its stack.
        unsafe {
            let code = (layout::read::<usize>(object.cast(), code as isize) & !3) as Object;
            let (_, locals) = self.local_labels(code);
            let stack = first / WORD + locals;
            let mut left = found.to_vec();
            let mut top = None;
            // A word above the top may still hold what was there before: what
            // was visited is used up by the words below.
            for at in layout::HEADER_BYTES / WORD..stack + self.stack_places(code) {
                let word: usize = layout::read(object.cast(), (at * WORD) as isize);
                let same = |&held: &usize| held == word || cfg!(Py_3_14) && held == word & !3;
                if let Some(used) = left.iter().position(same) {
                    left.swap_remove(used);
                    top = (at >= stack).then_some(at);
                }
            }
            top
        }
    }

    /// The label of a place on a value stack.
    pub(crate) fn stack_label(&mut self, place: usize) -> u32 {
        self.labels.named(LabelKind::Stack, place.to_string().as_bytes())
    }

    /// How many places the value stack of a code object's frames has.
    ///
    /// # Safety
    ///
    /// `code` is null or a code object.
    pub(crate) unsafe fn stack_places(&self, code: Object) -> usize {
        /// More than a compiler ever asks for.
        const MOST_PLACES: c_int = 10_000;
        match self.probe.stack_size {
            // SAFETY: as the caller promises; the member was found by its name.
            Some(offset) if !code.is_null() => unsafe {
                layout::read::<c_int>(code.cast(), offset as isize).clamp(0, MOST_PLACES) as usize
            },
            _ => 0,
        }
    }

    /// The label of the first local of a code object, and how many there are.
    ///
    /// # Safety
    ///
    /// `code` is null or a code object.
    pub(crate) unsafe fn local_labels(&mut self, code: Object) -> (u32, usize) {
        if code.is_null() {
            return (0, 0);
        }
        if let Some(&known) = self.code_locals.get(&(code as usize)) {
            return known;
        }
        // SAFETY: the tuples of names, found by the probe.
        let known = unsafe {
            if ffi::Py_TYPE(code) != &raw mut ffi::PyCode_Type {
                return (0, 0);
            }
            let first = self.labels.kinds.len();
            for &offset in &self.probe.local_names {
                let names: Object = layout::read(code.cast(), offset as isize);
                for at in 0..ffi::PyTuple_GET_SIZE(names) {
                    let name = ffi::PyTuple_GET_ITEM(names, at);
                    self.labels.push(LabelKind::Local, |out| {
                        layout::text::append(name, MOST_CHARACTERS, out);
                    });
                }
            }
            (first as u32, self.labels.kinds.len() - first)
        };
        self.code_locals.insert(code as usize, known);
        known
    }
}
