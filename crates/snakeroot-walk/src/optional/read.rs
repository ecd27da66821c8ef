//! The edges and facts of objects that only their own module knows of.

use super::numpy::{array, array_bytes, array_span, each_element, is_array};
use super::{MANAGED, Special, managed};
use crate::labels;
use crate::layout::{self, HEADER_BYTES as HEADER, Object, WORD};
use crate::outside::Seen;
use crate::peek;
use crate::sink::Sink;
use crate::walker::Walker;
use pyo3::ffi;
use snakeroot::snapshot::LabelKind;

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
                Special::Element { outside, casts } => {
                    let start: usize = layout::read(object.cast(), outside as isize);
                    let mut both = [0; 2];
                    if start == 0 || peek::words(start + casts - WORD, &mut both) < both.len() {
                        return;
                    }
                    for (word, name) in both.into_iter().zip([&b"_own_cast"[..], b"_casts"]) {
                        let label = self.labels.named(LabelKind::Slot, name);
                        self.sink.edge(word as Object, label);
                    }
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
                Special::Mapped { data, bytes } if word(data) != 0 => {
                    self.owns(word(data), word(bytes) as u64)
                }
                Special::Managed => {
                    // With an object, that has the memory and counts it.
                    let flags: i32 = layout::read(object.cast(), managed::FLAGS as isize);
                    if word(managed::OBJECT) == 0 && flags & managed::RELEASED == 0 {
                        let start = word(managed::DATA);
                        let end = start.saturating_add(word(managed::BYTES));
                        let keeper = object as usize;
                        self.outside.seen.push(Seen { start, end, gives: true, keeper });
                    }
                    0
                }
                Special::Buffer { data } => self.owns(data.map_or(0, word), own),
                Special::Void(voids) => match voids.own_data(object) {
                    Some(data) => self.owns(data, word(HEADER) as u64),
                    None => 0,
                },
                Special::Array(arrays) => {
                    let flags: i32 = layout::read(object.cast(), array::FLAGS as isize);
                    if flags & array::OWNS_DATA != 0 {
                        return self.owns(word(array::DATA), array_bytes(object, &arrays));
                    }
                    // A view counts nothing; but what it is a view of may be no
                    // array, and nothing else tells how much memory that has.
                    let base = word(array::BASE);
                    if base != 0 && !is_array(base as Object, &arrays) {
                        let (start, end) = array_span(object, &arrays);
                        let keeper = self.exporter(base as Object);
                        let gives = keeper != base;
                        self.outside.seen.push(Seen { start, end, gives, keeper });
                    }
                    0
                }
                _ => 0,
            }
        }
    }

    /// Keeps where the memory of an object lies; how much it is.
    fn owns(&mut self, start: usize, bytes: u64) -> u64 {
        if start != 0 && bytes != 0 {
            self.outside.owned.push((start, start.saturating_add(bytes as usize)));
        }
        bytes
    }

    /// What keeps memory that `base` was asked for: of a view of memory what it
    /// is a view of.
    ///
    /// # Safety
    ///
    /// A live object.
    unsafe fn exporter(&self, base: Object) -> usize {
        // SAFETY: as the caller promises; by the layout that was tried.
        unsafe {
            let ty = ffi::Py_TYPE(base);
            if ty == &raw mut ffi::PyMemoryView_Type
                && let Special::View { object } = self.probe.special(ty)
            {
                let words = [object, MANAGED].map(|at| layout::read(base.cast(), at as isize));
                return words.into_iter().find(|&word: &usize| word != 0).unwrap_or(base as usize);
            }
        }
        base as usize
    }
}
