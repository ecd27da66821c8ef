//! Where the readers put edges: all of them, targets only, or those of a part.

use pyo3::ffi;

use crate::labels::{self, MOST_CHARACTERS};
use crate::layout::{self, Object};
use crate::marks::{Marks, Place};
use crate::preview;

/// Takes the edges of one object after another.
pub(crate) trait Sink {
    /// An edge to `object`, which may be null: then there is none.
    fn edge(&mut self, object: Object, label: u32);

    /// An edge to a dict's key, whose text labels the value that comes next.
    ///
    /// # Safety
    ///
    /// `key` is an object.
    unsafe fn key(&mut self, key: Object);

    /// A type that some object has.
    ///
    /// # Safety
    ///
    /// `ty` is a type.
    unsafe fn ty(&mut self, ty: layout::Type);

    /// How many edges there are.
    fn len(&self) -> usize;

    /// A number for an object that equals [`Sink::target`] of the edges to it;
    /// the object counts as found.
    fn number(&mut self, object: usize) -> usize;

    /// The number of what edge `at` leads to.
    fn target(&self, at: usize) -> usize;
}

/// Keeps every edge with its label, and every object it leads to.
pub(crate) struct Whole {
    pub(crate) marks: Marks,
    /// Objects in the order they were found.
    pub(crate) queue: Vec<usize>,
    pub(crate) edges: Vec<(Place, u32)>,
    /// Keys of dicts in the order they were found, and where their text ends.
    pub(crate) keys: Vec<(Place, bool, usize)>,
    pub(crate) key_text: Vec<u8>,
}

impl Whole {
    pub(crate) fn new(queue: Vec<usize>, edges: Vec<(Place, u32)>) -> Self {
        Self { marks: Marks::new(), queue, edges, keys: Vec::new(), key_text: Vec::new() }
    }

    /// Makes sure that `object` will be a node.
    #[inline(always)]
    pub(crate) fn find(&mut self, object: usize) -> Place {
        let (place, new) = self.marks.mark(object);
        if new {
            self.queue.push(object);
        }
        place
    }

    #[inline(never)]
    unsafe fn keep_key(&mut self, key: Object, place: Place) {
        // SAFETY: the caller's object; a str is told by its type's flag.
        unsafe {
            let is_text = layout::has_flags(ffi::Py_TYPE(key), ffi::Py_TPFLAGS_UNICODE_SUBCLASS);
            if is_text {
                layout::text::append(key, MOST_CHARACTERS, &mut self.key_text);
            } else {
                preview::short(key, MOST_CHARACTERS, &mut self.key_text);
            }
            self.keys.push((place, is_text, self.key_text.len()));
        }
    }
}

impl Sink for Whole {
    #[inline(always)]
    fn edge(&mut self, object: Object, label: u32) {
        if object.is_null() {
            return;
        }
        let place = self.find(object as usize);
        self.edges.push((place, label));
    }

    #[inline(always)]
    unsafe fn key(&mut self, key: Object) {
        let (place, new, new_key) = self.marks.mark_key(key as usize);
        if new {
            self.queue.push(key as usize);
        }
        if new_key {
            // SAFETY: as the caller promises.
            unsafe { self.keep_key(key, place) };
        }
        self.edges.push((place, labels::KEY_OBJECT));
    }

    unsafe fn ty(&mut self, ty: layout::Type) {
        self.find(ty as usize);
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.edges.len()
    }

    fn number(&mut self, object: usize) -> usize {
        self.find(object).0 as usize
    }

    fn target(&self, at: usize) -> usize {
        self.edges[at].0.0 as usize
    }
}

/// Keeps where edges lead and nothing else; weak references are left out.
pub(crate) struct Targets(pub(crate) Vec<usize>);

impl Sink for Targets {
    #[inline(always)]
    fn edge(&mut self, object: Object, label: u32) {
        if !object.is_null() && label != labels::WEAK {
            self.0.push(object as usize);
        }
    }

    #[inline(always)]
    unsafe fn key(&mut self, key: Object) {
        self.0.push(key as usize);
    }

    unsafe fn ty(&mut self, _ty: layout::Type) {}

    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn number(&mut self, object: usize) -> usize {
        object
    }

    fn target(&self, at: usize) -> usize {
        self.0[at]
    }
}

/// Keeps the edges to objects that were found before, and no others.
pub(crate) struct Part {
    pub(crate) whole: Whole,
    /// The key of the value that comes next.
    key: Object,
}

impl Part {
    /// A part of which no object is known.
    pub(crate) fn new() -> Self {
        Self { whole: Whole::new(Vec::new(), Vec::new()), key: std::ptr::null_mut() }
    }
}

impl Sink for Part {
    #[inline(always)]
    fn edge(&mut self, object: Object, label: u32) {
        if object.is_null() || !self.whole.marks.has(object as usize) {
            return;
        }
        if label == labels::VALUE {
            // SAFETY: the key that the dict's reader gave just before.
            unsafe { self.whole.key(self.key) };
        }
        self.whole.edge(object, label);
    }

    #[inline(always)]
    unsafe fn key(&mut self, key: Object) {
        self.key = key;
        if self.whole.marks.has(key as usize) {
            self.whole.edge(key, labels::KEY_OBJECT);
        }
    }

    unsafe fn ty(&mut self, ty: layout::Type) {
        let mut base = ty;
        while !base.is_null() {
            self.whole.find(base as usize);
            // SAFETY: bases live as long as the type.
            base = unsafe { (*base).tp_base };
        }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.whole.len()
    }

    /// Of an object outside the part nothing was kept: a number that no edge has.
    fn number(&mut self, object: usize) -> usize {
        if self.whole.marks.has(object) { self.whole.number(object) } else { usize::MAX }
    }

    fn target(&self, at: usize) -> usize {
        self.whole.target(at)
    }
}
