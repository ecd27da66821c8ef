//! Readers: the edges of one object, by what is known of its type.
//!
//! Common kinds are read from memory, which gives labels for nothing; the
//! others are visited by their traverse function, and the label is the name of
//! the word that holds the reference.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use snakeroot::snapshot::{Flags, LabelKind};

use crate::labels::{self, MOST_CHARACTERS};
use crate::layout::{self, HEADER_BYTES, Object, Type, WORD, attributes::Found, dict::Keys};
use crate::optional::Special;
use crate::preview;
use crate::sink::Sink;
use crate::tables::NamedItems;
use crate::types::{Attributes, Contents, Locals, Member, Named};
use crate::walker::Walker;

/// Words of an object that are searched for a visited reference.
const MOST_WORDS: usize = 256;

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
    /// All edges of an object.
    ///
    /// # Safety
    ///
    /// Attached; the object's type is `ty`, of which `place` says what is known.
    #[inline(always)]
    pub(crate) unsafe fn edges_of(
        &mut self,
        object: Object,
        ty: Type,
        place: usize,
        flags: &mut Flags,
    ) {
        // SAFETY: the object's own parts, by what is known of its type.
        unsafe {
            let first = self.sink.len();
            match self.infos[place].contents {
                Contents::Nothing => {}
                Contents::List | Contents::Tuple => self.sequence(object),
                Contents::Dict => self.dict(object),
                Contents::Set => self.set(object),
                Contents::Type => self.type_object(object.cast()),
            }
            let info = &self.infos[place];
            match info.attributes {
                Attributes::Nothing => {}
                Attributes::At(offset) => {
                    *flags |= Flags::HAS_DICT;
                    let dict = layout::attributes::at_offset(object, ty, offset);
                    self.sink.edge(dict, labels::DICT);
                }
                Attributes::Managed => {
                    *flags |= Flags::HAS_DICT;
                    match layout::attributes::managed(object, ty) {
                        Found::Nothing => {}
                        Found::Dict(dict) => self.sink.edge(dict, labels::DICT),
                        Found::Values(values) => self.values(ty, place, values),
                    }
                }
            }
            let info = &self.infos[place];
            if let Some(traverse) = info.traverse {
                let collected = (*ty).tp_is_gc.is_none_or(|is_gc| is_gc(object) != 0);
                if collected {
                    self.traversed(object, place, traverse, first);
                } else if info.contents == Contents::Nothing {
                    self.fields(object, place);
                }
            } else if info.fields_are_edges {
                self.fields(object, place);
            }
            let info = &self.infos[place];
            for slot in &*info.slots {
                let word = layout::read(object.cast(), slot.offset as isize);
                self.sink.edge(word, slot.label);
            }
            let info = &self.infos[place];
            for word in &*info.strong {
                let held = layout::read(object.cast(), word.offset as isize);
                self.sink.edge(held, word.label);
            }
            if info.holds_type {
                self.sink.edge(ty.cast(), labels::CLASS);
            }
            let special = info.special;
            if special != Special::None {
                self.special_edges(object, special);
            }
            let info = &self.infos[place];
            if let Some(offset) = info.weak {
                let referent: Object = layout::read(object.cast(), offset as isize);
                if !referent.is_null() && referent != ffi::Py_None() {
                    self.sink.edge(referent, labels::WEAK);
                }
            }
        }
    }

    /// The fields that are all there is to see of an object.
    #[inline(always)]
    unsafe fn fields(&mut self, object: Object, place: usize) {
        for field in &*self.infos[place].fields {
            // SAFETY: a word of the object, by its type's members.
            let word = unsafe { layout::read(object.cast(), field.offset as isize) };
            self.sink.edge(word, field.label);
        }
    }

    #[inline(always)]
    unsafe fn sequence(&mut self, object: Object) {
        if !self.probe.readers.sequence {
            // SAFETY: as the caller promises.
            return unsafe { self.sequence_by_asking(object) };
        }
        let sink = &mut self.sink;
        // SAFETY: a list or tuple whose layout was tried.
        unsafe { sequence_items(object, |at, item| sink.edge(item, labels::item(at))) };
    }

    #[inline(always)]
    unsafe fn dict(&mut self, object: Object) {
        if !self.probe.readers.dict {
            // SAFETY: as the caller promises.
            return unsafe { self.dict_by_asking(object) };
        }
        if self.probe.interned == Some(object as usize) {
            // SAFETY: as the caller promises.
            return unsafe { self.interned(object) };
        }
        // SAFETY: a dict whose layout was tried.
        unsafe {
            let keys = layout::dict::keys(object);
            let entries = keys.entries();
            let shared = layout::dict::shared_values(object);
            if shared.is_null() {
                for at in 0..entries.count {
                    let value = entries.value(at);
                    if !value.is_null() {
                        self.sink.key(entries.key(at));
                        self.sink.edge(value, labels::VALUE);
                    }
                }
            } else {
                let first = self.shared_labels(keys, LabelKind::Key);
                for at in 0..entries.count {
                    let value = layout::read(shared, (at * WORD) as isize);
                    self.sink.edge(value, first + at as u32);
                }
            }
        }
    }

    /// The table of interned strings, which keeps none of them alive.
    #[inline(never)]
    unsafe fn interned(&mut self, object: Object) {
        // SAFETY: a dict whose layout was tried.
        unsafe {
            let entries = layout::dict::keys(object).entries();
            for at in 0..entries.count {
                let value = entries.value(at);
                if !value.is_null() {
                    self.sink.edge(entries.key(at), labels::WEAK);
                    self.sink.edge(value, labels::WEAK);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn set(&mut self, object: Object) {
        if !self.probe.readers.set {
            // SAFETY: as the caller promises.
            return unsafe { self.set_by_traverse(object) };
        }
        let sink = &mut self.sink;
        // SAFETY: a set whose layout was tried.
        unsafe { set_elements(object, |element| sink.edge(element, labels::ELEMENT)) };
    }

    /// A list's or tuple's items through the public interface, which lends them.
    #[inline(never)]
    unsafe fn sequence_by_asking(&mut self, object: Object) {
        // SAFETY: the type's flag tells which it is; the index is below the size.
        unsafe {
            let ty = ffi::Py_TYPE(object);
            let is_list = layout::has_flags(ty, ffi::Py_TPFLAGS_LIST_SUBCLASS);
            let count = if is_list { ffi::PyList_Size(object) } else { ffi::PyTuple_Size(object) };
            for at in 0..count {
                let item = match is_list {
                    true => ffi::PyList_GetItem(object, at),
                    false => ffi::PyTuple_GetItem(object, at),
                };
                self.sink.edge(item, labels::item(at as usize));
            }
        }
    }

    /// A dict's entries through the public interface, which compares nothing.
    #[inline(never)]
    unsafe fn dict_by_asking(&mut self, object: Object) {
        let is_interned = self.probe.interned == Some(object as usize);
        let sink = &mut self.sink;
        // SAFETY: a dict; nothing changes it meanwhile.
        unsafe {
            crate::own::for_each_item(object, |key, value| {
                if is_interned {
                    sink.edge(key, labels::WEAK);
                    sink.edge(value, labels::WEAK);
                } else {
                    sink.key(key);
                    sink.edge(value, labels::VALUE);
                }
            });
        }
    }

    /// A set's elements by the traverse function of sets, which visits no more.
    #[inline(never)]
    unsafe fn set_by_traverse(&mut self, object: Object) {
        extern "C" fn visit<S: Sink>(element: Object, sink: *mut c_void) -> c_int {
            // SAFETY: the sink passed to `traverse` below, used by nobody else
            // until that returns.
            unsafe { (*sink.cast::<S>()).edge(element, labels::ELEMENT) };
            0
        }
        if let Some(traverse) = self.probe.traverse.set {
            // SAFETY: a set or frozenset.
            unsafe { traverse(object, visit::<S>, (&raw mut self.sink).cast()) };
        }
    }

    /// The attributes of an instance that lie in an array.
    #[inline(always)]
    unsafe fn values(&mut self, ty: Type, place: usize, values: *const u8) {
        // SAFETY: the array has a value for each of the keys that the type's
        // instances share.
        unsafe {
            let keys = cached_keys(ty);
            if keys.0.is_null() {
                return;
            }
            let entries = keys.entries();
            let (known, label) = self.infos[place].shared;
            let first = if known == keys.0 {
                label
            } else {
                let label = self.shared_labels(keys, LabelKind::Attribute);
                self.infos[place].shared = (keys.0, label);
                label
            };
            for at in 0..entries.count {
                let value = layout::read(values, (at * WORD) as isize);
                self.sink.edge(value, first + at as u32);
            }
        }
    }

    /// The label of the first of some shared keys; the others follow.
    #[inline(never)]
    unsafe fn shared_labels(&mut self, keys: Keys, kind: LabelKind) -> u32 {
        if let Some(&label) = self.shared.get(&(keys.0 as usize, kind)) {
            return label;
        }
        let first = self.labels.kinds.len() as u32;
        // SAFETY: keys that instances share are str.
        unsafe {
            let entries = keys.entries();
            for at in 0..entries.count {
                let key = entries.key(at);
                self.labels.push(kind, |out| {
                    if !key.is_null() {
                        layout::text::append(key, MOST_CHARACTERS, out);
                    }
                });
            }
        }
        self.shared.insert((keys.0 as usize, kind), first);
        first
    }

    /// A type's own fields, whether it is on the heap or not.
    unsafe fn type_object(&mut self, ty: Type) {
        // SAFETY: the fields of a type; those of a heap type only where it is one.
        unsafe {
            let heap = layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE);
            let dict = crate::types::type_dict(ty, self.probe);
            let mut fields: Vec<(&[u8], Object)> = vec![
                (b"__dict__", dict),
                (b"__mro__", (*ty).tp_mro),
                (b"__bases__", (*ty).tp_bases),
                (b"__base__", (*ty).tp_base.cast()),
            ];
            if heap {
                let heap_type = ty.cast::<ffi::PyHeapTypeObject>();
                fields.push((b"__module__", (*heap_type).ht_module));
                fields.push((b"__name__", (*heap_type).ht_name));
                fields.push((b"__qualname__", (*heap_type).ht_qualname));
                fields.push((b"__slots__", (*heap_type).ht_slots));
            }
            // From 3.12 on a static type keeps an index here.
            if heap || !cfg!(Py_3_12) {
                fields.push((b"__subclasses__", (*ty).tp_subclasses));
            }
            if heap || !cfg!(Py_3_12) {
                fields.push((b"tp_cache", (*ty).tp_cache));
            }
            for (name, object) in fields {
                if !object.is_null() {
                    let label = self.labels.named(LabelKind::Slot, name);
                    self.sink.edge(object, label);
                }
            }
            if heap && self.probe.readers.dict {
                let keys = cached_keys(ty);
                if !keys.0.is_null() {
                    let entries = keys.entries();
                    for at in 0..entries.count {
                        self.sink.edge(entries.key(at), labels::KEY_OBJECT);
                    }
                }
            }
        }
    }

    /// What a type's traverse function visits, without what was read already.
    #[inline(never)]
    unsafe fn traversed(
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
                let label = self.labels.named(LabelKind::Slot, b"gi_code");
                self.sink.edge(code as Object, label);
            }
        }
        if type_comes {
            // Not every traverse function of a heap type visits the type.
            self.sink.edge(own.cast(), labels::CLASS);
        }
        self.found = found;
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
            let from = search.from.min(words);
            let at = (from..words).chain((HEADER_BYTES / WORD).min(words)..from).find(|&at| {
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

    /// Names for a function's closure and defaults, and where a generator or a
    /// coroutine is.
    unsafe fn parts_of_code(&mut self, object: Object, place: usize, at: usize) {
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
    unsafe fn take_place(&mut self, object: Object, code: Object, place: usize, at: usize) {
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
    unsafe fn top_of_stack(
        &mut self,
        object: Object,
        place: usize,
        found: &[usize],
    ) -> Option<usize> {
        let Locals::Behind { code, first, .. } = self.infos[place].locals else { return None };
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

    /// Keeps the name of a module, type, function, code object or generator.
    #[inline(never)]
    pub(crate) unsafe fn name(&mut self, object: Object, place: usize, at: usize) {
        // SAFETY: by what is known of the object's type.
        unsafe {
            match self.infos[place].named {
                Named::No => {}
                Named::Type => {
                    let ty: Type = object.cast();
                    if !layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
                        self.static_types.push(at as u32);
                    }
                    let (_, name) = preview::type_names(ty, crate::MOST_NAME, self.probe);
                    self.names.add(at, |out| out.extend_from_slice(name.as_bytes()));
                }
                Named::Module => {
                    let dict = ffi::PyModule_GetDict(object);
                    let wanted = self.probe.words.name;
                    let mut name = std::ptr::null_mut();
                    if !dict.is_null() && self.probe.readers.dict {
                        name = layout::dict::get_identical(dict, wanted);
                    } else if !dict.is_null() {
                        crate::own::for_each_item(dict, |key, value| {
                            name = if key == wanted { value } else { name };
                        });
                    }
                    if !name.is_null() && ffi::PyUnicode_Check(name) != 0 {
                        self.names.add(at, |out| layout::text::append(name, 400, out));
                    }
                }
                Named::Frame(offset) => {
                    let code: Object = layout::read(object.cast(), offset as isize);
                    let line = ffi::PyFrame_GetLineNumber(object.cast());
                    let name = crate::threads::frame_name(code, Some(line));
                    self.names.add(at, |out| out.extend_from_slice(name.as_bytes()));
                }
                Named::Word(offset) => {
                    self.parts_of_code(object, place, at);
                    let name: Object = layout::read(object.cast(), offset as isize);
                    if !name.is_null() && ffi::PyUnicode_Check(name) != 0 {
                        self.names.add(at, |out| layout::text::append(name, 400, out));
                    }
                }
            }
        }
    }
}

/// The keys that a type's instances share; null where there are none.
///
/// # Safety
///
/// `ty` is a type.
#[inline(always)]
pub(crate) unsafe fn cached_keys(ty: Type) -> Keys {
    // SAFETY: only a heap type has the field.
    unsafe {
        if layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
            Keys((*ty.cast::<ffi::PyHeapTypeObject>()).ht_cached_keys.cast::<u8>().cast_const())
        } else {
            Keys(std::ptr::null())
        }
    }
}

/// Calls `each` with every item of a list or tuple and its index; items may be
/// null while a tuple is being made.
///
/// # Safety
///
/// `object` is a list or tuple.
#[inline(always)]
pub(crate) unsafe fn sequence_items(object: Object, mut each: impl FnMut(usize, Object)) {
    // SAFETY: a list's items lie apart, a tuple's in itself; those beyond the
    // size are not read.
    unsafe {
        let items = if layout::has_flags(ffi::Py_TYPE(object), ffi::Py_TPFLAGS_LIST_SUBCLASS) {
            (*object.cast::<ffi::PyListObject>()).ob_item
        } else {
            (&raw mut (*object.cast::<ffi::PyTupleObject>()).ob_item).cast::<Object>()
        };
        for at in 0..ffi::Py_SIZE(object) {
            each(at as usize, *items.offset(at));
        }
    }
}

/// Calls `each` with every element of a set.
///
/// # Safety
///
/// `object` is a set or frozenset.
#[inline(always)]
pub(crate) unsafe fn set_elements(object: Object, mut each: impl FnMut(Object)) {
    // SAFETY: the table has one slot more than the mask; a slot whose hash is
    // -1 was emptied and holds a marker.
    unsafe {
        let set = object.cast::<ffi::PySetObject>();
        for at in 0..=(*set).mask {
            let entry = (*set).table.cast::<[usize; 2]>().offset(at);
            let [key, hash] = *entry;
            if key != 0 && hash as isize != -1 {
                each(key as Object);
            }
        }
    }
}
