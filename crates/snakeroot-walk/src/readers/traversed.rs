//! What an object's traverse function visits, and the names of the words that hold it.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use snakeroot::snapshot::LabelKind;

use crate::labels::{self};
use crate::layout::{self, HEADER_BYTES, Object, WORD};
use crate::sink::Sink;
use crate::types::{Locals, Member};
use crate::walker::Walker;

/// Words of an object that are searched for a visited reference.
const MOST_WORDS: usize = 256;

/// What a frame object of 3.10 has before its locals: twenty blocks of three `int` each, of which
/// those that are not in use hold what was in that memory before.
const BLOCK_BYTES: usize = if cfg!(Py_3_11) { 0 } else { 20 * 3 * size_of::<c_int>() };

/// Which words of an object were found to hold a visited reference.
struct WordSearch {
    /// Where the search goes on.
    from: usize,
    taken: [u64; MOST_WORDS / 64],
    /// The word with what a coroutine waits for.
    awaited: Option<usize>,
}

impl WordSearch {
    /// From the first word behind the header.
    fn new() -> Self {
        Self { from: layout::HEADER_BYTES / WORD, taken: [0; MOST_WORDS / 64], awaited: None }
    }

    fn is_free(&self, at: usize) -> bool {
        self.taken.get(at / 64).is_none_or(|taken| taken >> (at % 64) & 1 == 0)
    }

    fn take(&mut self, at: usize) {
        self.from = at + 1;
        if let Some(taken) = self.taken.get_mut(at / 64) {
            *taken |= 1 << (at % 64);
        }
    }
}
impl<S: Sink> Walker<'_, S> {
    /// What a type's traverse function visits, without what was read already.
    #[inline(never)]
    pub(super) unsafe fn traversed(
        &mut self,
        object: Object,
        place: usize,
        traverse: ffi::traverseproc,
        first: usize,
    ) {
        extern "C" fn visit(referent: Object, found: *mut c_void) -> c_int {
            // SAFETY: `found` is the vector passed to `traverse` below; nobody
            // else uses it until that returns.
            let found = unsafe { &mut *found.cast::<Vec<usize>>() };
            if !referent.is_null() {
                found.push(referent as usize);
            }
            0
        }
        self.found.clear();
        // SAFETY: a collectable object's own traverse function.
        unsafe { traverse(object, visit, (&raw mut self.found).cast()) };
        if self.infos[place].repeats_contents {
            self.forget_read(first);
        }
        let found = std::mem::take(&mut self.found);
        let in_order = self.infos[place].in_order;
        // A heap type's instances visit their type first, unless that edge is
        // kept apart.
        let own = self.infos[place].object;
        // SAFETY: the object's own type.
        let is_heap = unsafe { layout::has_flags(own, ffi::Py_TPFLAGS_HEAPTYPE) };
        let mut type_comes = is_heap && !self.infos[place].holds_type;
        let mut search = WordSearch::new();
        if own == &raw mut ffi::PyCoro_Type {
            // SAFETY: a coroutine's own words.
            search.awaited = unsafe { self.top_of_stack(object, place, &found) };
        }
        let mut items = 0;
        for &referent in &found {
            if in_order && !(type_comes && referent == own as usize) {
                self.sink.edge(referent as Object, labels::item(items));
                items += 1;
                continue;
            }
            type_comes &= referent != own as usize;
            // SAFETY: the object's own words.
            let label = unsafe { self.label_of(object, place, referent, &mut search) };
            self.sink.edge(referent as Object, label);
        }
        if let Some(word) = self.infos[place].code
            && self.infos[place].locals != Locals::None
        {
            // Of a generator that has ended some versions visit nothing more.
            // SAFETY: the word of a generator or frame that holds its code.
            let code = unsafe { layout::read::<usize>(object.cast(), word as isize) } & !3;
            if !found.contains(&code) {
                let name: &[u8] = if own == &raw mut ffi::PyCoro_Type {
                    b"cr_code"
                } else if own == &raw mut ffi::PyAsyncGen_Type {
                    b"ag_code"
                } else {
                    b"gi_code"
                };
                let label = self.labels.named(LabelKind::Slot, name);
                self.sink.edge(code as Object, label);
            }
        }
        #[cfg(Py_GIL_DISABLED)]
        // SAFETY: the object's own words.
        unsafe {
            self.uncounted_locals(object, place, &found)
        };
        if type_comes {
            // Not every traverse function of a heap type visits the type.
            self.sink.edge(own.cast(), labels::CLASS);
        }
        self.found = found;
    }

    /// Notes which of the visited references of a generator or frame are not counted.
    #[cfg(Py_GIL_DISABLED)]
    unsafe fn uncounted_locals(&mut self, object: Object, place: usize, found: &[usize]) {
        let Locals::Behind { code, first, own } = self.infos[place].locals else { return };
        let Some(frames) = self.probe.frames else { return };
        // SAFETY: the object's own words, by what the probe found.
        unsafe {
            let start = match own {
                Some((word, start)) => {
                    let data: usize = layout::read(object.cast(), word as isize);
                    if data != object as usize + start {
                        return; // its frame lies elsewhere
                    }
                    start
                }
                None => first - frames.locals,
            };
            let code = (layout::read::<usize>(object.cast(), code as isize) & !3) as Object;
            let (_, locals) = self.local_labels(code);
            let sizes = (locals, self.stack_places(code));
            // Its code is an edge even where it was not visited.
            let mut found = found.to_vec();
            found.push(code as usize);
            self.note_uncounted_of(object, start, sizes, &found);
        }
    }

    /// Takes from `found` what stands among the edges from `first` on, once each.
    fn forget_read(&mut self, first: usize) {
        let mut read = std::mem::take(&mut self.read);
        read.clear();
        read.extend((first..self.sink.len()).map(|at| self.sink.target(at)));
        read.sort_unstable();
        let mut used = vec![false; read.len()];
        let sink = &mut self.sink;
        self.found.retain(|&referent| {
            let number = sink.number(referent);
            let start = read.partition_point(|&other| other < number);
            let same = (start..read.len()).take_while(|&at| read[at] == number);
            match same.into_iter().find(|&at| !used[at]) {
                Some(at) => {
                    used[at] = true;
                    false
                }
                None => true,
            }
        });
        self.read = read;
    }

    /// The label of a visited reference: the name of the word that holds it.
    /// Traverse visits words mostly in order, so the search goes on from the
    /// last; each word is taken once.
    unsafe fn label_of(
        &mut self,
        object: Object,
        place: usize,
        referent: usize,
        search: &mut WordSearch,
    ) -> u32 {
        let info = &self.infos[place];
        let unnamed =
            if referent == info.object as usize { labels::CLASS } else { labels::UNNAMED };
        let lie_elsewhere = match info.locals {
            Locals::Behind { own: Some((word, start)), .. } => {
                // SAFETY: a word of the object; it points into the object or elsewhere.
                let data: usize = unsafe { layout::read(object.cast(), word as isize) };
                data != object as usize + start
            }
            _ => false,
        };
        let locals_of = if lie_elsewhere { Locals::None } else { info.locals };
        let (first_label, locals, stack) = match locals_of {
            Locals::None => (0, 0, 0),
            // SAFETY: the word of a generator or frame that holds its code.
            Locals::Behind { code, .. } => unsafe {
                let code: usize = layout::read(object.cast(), code as isize);
                let code = (code & !3) as Object;
                let (first, count) = self.local_labels(code);
                (first, count, self.stack_places(code))
            },
        };
        let info = &self.infos[place];
        // SAFETY: words of the object. Of what lies behind its fields only the
        // locals of generators and frames and the stack behind those are known
        // to be there.
        unsafe {
            let words = match locals_of {
                Locals::Behind { first, .. } => first / WORD + locals + stack,
                Locals::None => (info.basic_size / WORD).min(MOST_WORDS),
            };
            let blocks = match locals_of {
                Locals::Behind { first, .. } => first - BLOCK_BYTES..first,
                Locals::None => 0..0,
            };
            let from = search.from.min(words);
            let mut places = (from..words).chain((HEADER_BYTES / WORD).min(words)..from);
            let at = places.find(|&at| {
                if blocks.contains(&(at * WORD)) {
                    return false;
                }
                let word: usize = layout::read(object.cast(), (at * WORD) as isize);
                // From 3.14 on the locals of a frame are tagged.
                (word == referent || cfg!(Py_3_14) && word & !3 == referent) && search.is_free(at)
            });
            let Some(at) = at else {
                // A field may lie askew, at no word's place.
                let askew = |field: &&Member| {
                    !field.offset.is_multiple_of(WORD)
                        && layout::read::<usize>(object.cast(), field.offset as isize) == referent
                };
                let field = info.fields.iter().find(askew);
                return field.map_or(unnamed, |field| field.label);
            };
            search.take(at);
            let offset = at * WORD;
            if let Ok(found) = info.fields.binary_search_by_key(&offset, |field| field.offset) {
                return info.fields[found].label;
            }
            if let Locals::Behind { first, .. } = locals_of
                && offset >= first
            {
                let place = (offset - first) / WORD;
                if place < locals {
                    return first_label + place as u32;
                }
                if search.awaited == Some(at) {
                    return self.labels.named(LabelKind::Slot, b"cr_await");
                }
                return self.stack_label(place - locals);
            }
            unnamed
        }
    }
}
