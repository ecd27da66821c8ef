//! The walk itself: from the collector's lists to raw edges, in one pause.
//!
//! Runs with the interpreter attached and never lets go of it. It writes no
//! reference count, runs no Python code and makes no Python object (but the
//! int that a C `__sizeof__` returns, gone at once). Numbers, names and
//! reverse rows come later (`number`), without the interpreter.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};

use pyo3::ffi;
use rayon::prelude::*;
use snakeroot::snapshot::{Flags, LabelKind};

use crate::labels::{self, Labels, MOST_CHARACTERS};
use crate::layout::{self, Object, Type, WORD, attributes::Found, dict::Keys};
use crate::marks::{Marks, Place};
use crate::preview;
use crate::probe::Probe;
use crate::types::{Attributes, Contents, Locals, Named, SizeRule, TypeInfo, own_size};

/// Objects ahead of the current one whose memory is asked for.
const AHEAD: usize = 12;
/// Words of an object that are searched for a visited reference.
const MOST_WORDS: usize = 256;

/// What is recorded of an object while the pause lasts.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    /// Where its edges end; they start where those of the one before end.
    pub(crate) end: u64,
    pub(crate) ty: u32,
    /// `u32::MAX` where the size stands apart.
    pub(crate) size: u32,
    pub(crate) refcount: u32,
    pub(crate) flags: Flags,
}

/// A thread or a frame: a node that is no object.
pub(crate) struct Synthetic {
    pub(crate) name: String,
    pub(crate) is_thread: bool,
    /// Where its edges to objects end.
    pub(crate) end: u64,
    /// For a frame, the thread it belongs to, as a place among the synthetics.
    pub(crate) thread: usize,
}

/// Where edges and newly found objects go.
pub(crate) struct Sink {
    pub(crate) marks: Marks,
    /// Objects in the order they were found.
    pub(crate) queue: Vec<usize>,
    pub(crate) edges: Vec<(Place, u32)>,
    /// Keys of dicts in the order they were found, and where their text ends.
    pub(crate) keys: Vec<(Place, bool, usize)>,
    pub(crate) key_text: Vec<u8>,
}

impl Sink {
    /// An edge to `object`, which may be null: then there is none.
    #[inline(always)]
    pub(crate) fn edge(&mut self, object: Object, label: u32) {
        if object.is_null() {
            return;
        }
        let (place, new) = self.marks.mark(object as usize);
        if new {
            self.queue.push(object as usize);
        }
        self.edges.push((place, label));
    }

    /// An edge to a dict's key, whose text will label the value.
    ///
    /// # Safety
    ///
    /// `key` is an object.
    #[inline(always)]
    pub(crate) unsafe fn key(&mut self, key: Object) {
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

    /// Makes sure that `object` will be a node.
    #[inline]
    pub(crate) fn find(&mut self, object: usize) -> Place {
        let (place, new) = self.marks.mark(object);
        if new {
            self.queue.push(object);
        }
        place
    }
}

/// From a type's address to its place among the infos.
struct TypeMap {
    /// Address and place, at the address's hash or behind it; a power of two long.
    slots: Vec<(usize, u32)>,
    count: usize,
}

impl TypeMap {
    fn new() -> Self {
        Self { slots: vec![(0, 0); 4096], count: 0 }
    }

    #[inline(always)]
    fn start(address: usize, mask: usize) -> usize {
        ((address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) & mask
    }

    #[inline(always)]
    fn get(&self, address: usize) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = Self::start(address, mask);
        loop {
            let (known, place) = self.slots[at];
            if known == address {
                return Some(place);
            }
            if known == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, address: usize, place: u32) {
        if (self.count + 1) * 2 > self.slots.len() {
            let grown = vec![(0, 0); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, grown);
            self.count = 0;
            for (known, place) in old {
                if known != 0 {
                    self.insert(known, place);
                }
            }
        }
        let mask = self.slots.len() - 1;
        let mut at = Self::start(address, mask);
        while self.slots[at].0 != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (address, place);
        self.count += 1;
    }
}

/// Text for some of the records.
#[derive(Default)]
pub(crate) struct RecordText {
    /// The record and where its text ends.
    pub(crate) ends: Vec<(u32, usize)>,
    pub(crate) text: Vec<u8>,
}

impl RecordText {
    fn add(&mut self, record: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.len();
        write(&mut self.text);
        if self.text.len() > before {
            self.ends.push((record as u32, self.text.len()));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.ends.iter().enumerate().map(|(at, &(record, end))| {
            let start = if at == 0 { 0 } else { self.ends[at - 1].1 };
            (record as usize, &self.text[start..end])
        })
    }
}

/// Memory for what the pause writes, asked for and touched before it.
///
/// The first touch of a page costs more than all that is then written to it.
pub(crate) struct Room {
    queue: Vec<usize>,
    records: Vec<Record>,
    edges: Vec<(Place, u32)>,
}

impl Room {
    /// Room for `most` objects, touched as far as `likely` ones need.
    pub(crate) fn new(most: usize, likely: usize) -> Self {
        let record = Record { end: 0, ty: 0, size: 0, refcount: 0, flags: Flags(0) };
        let mut room = Self {
            queue: Vec::with_capacity(most),
            records: Vec::with_capacity(most),
            edges: Vec::with_capacity(most * 3),
        };
        touch(&mut room.queue, likely, 0);
        touch(&mut room.records, likely, record);
        touch(&mut room.edges, likely + likely / 4, (Place(0), 0));
        room
    }
}

/// Writes to every page of the first `count` places of an empty vector, on all cores.
fn touch<T: Copy + Send + Sync>(vector: &mut Vec<T>, count: usize, value: T) {
    const PAGE_BYTES: usize = 4096;
    const CHUNK_BYTES: usize = 4 << 20;
    let step = (PAGE_BYTES / size_of::<T>()).max(1);
    let spare = vector.spare_capacity_mut();
    let count = count.min(spare.len());
    spare[..count].par_chunks_mut(CHUNK_BYTES / size_of::<T>()).for_each(|chunk| {
        for place in chunk.iter_mut().step_by(step) {
            place.write(value);
        }
    });
}

/// A walk under way, and when it is over its raw result.
pub(crate) struct Walker<'p> {
    pub(crate) probe: &'p Probe,
    pub(crate) sink: Sink,
    pub(crate) records: Vec<Record>,
    pub(crate) large_sizes: Vec<(u32, u64)>,
    pub(crate) infos: Vec<TypeInfo>,
    types: TypeMap,
    pub(crate) labels: Labels,
    /// Labels for the keys that instances share, by the keys and their kind.
    shared: HashMap<(usize, LabelKind), u32>,
    /// Labels for the locals of code objects.
    code_locals: HashMap<usize, (u32, usize)>,
    pub(crate) names: RecordText,
    pub(crate) values: RecordText,
    pub(crate) keep_values: bool,
    pub(crate) synthetics: Vec<Synthetic>,
    /// Edges before those of the first record belong to the synthetics.
    pub(crate) tracked: usize,
    pub(crate) immortals: Vec<u32>,
    pub(crate) static_types: Vec<u32>,
    found: Vec<usize>,
    read: Vec<usize>,
}

impl<'p> Walker<'p> {
    /// A walk that has not begun.
    pub(crate) fn new(probe: &'p Probe, room: Room, keep_values: bool) -> Self {
        Self {
            probe,
            sink: Sink {
                marks: Marks::new(),
                queue: room.queue,
                edges: room.edges,
                keys: Vec::new(),
                key_text: Vec::new(),
            },
            records: room.records,
            large_sizes: Vec::new(),
            infos: Vec::with_capacity(4096),
            types: TypeMap::new(),
            labels: Labels::new(),
            shared: HashMap::new(),
            code_locals: HashMap::new(),
            names: RecordText::default(),
            values: RecordText::default(),
            keep_values,
            synthetics: Vec::new(),
            tracked: 0,
            immortals: Vec::new(),
            static_types: Vec::new(),
            found: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Takes every object that the collector tracks.
    ///
    /// # Safety
    ///
    /// Attached; no Python code runs until the walk is over.
    pub(crate) unsafe fn take_tracked(&mut self, others: &[usize]) {
        let sink = &mut self.sink;
        match &self.probe.lists {
            // SAFETY: as the caller promises; marking tracks nothing.
            Some(lists) => unsafe {
                lists.for_each(|object| {
                    sink.find(object as usize);
                });
            },
            None => {
                for &object in others {
                    sink.find(object);
                }
            }
        }
        self.tracked = sink.queue.len();
    }

    /// Reads all objects found so far and all that they lead to.
    ///
    /// # Safety
    ///
    /// As for `take_tracked`.
    pub(crate) unsafe fn close(&mut self) {
        let mut at = 0;
        while at < self.sink.queue.len() {
            if let Some(&ahead) = self.sink.queue.get(at + AHEAD) {
                prefetch(ahead);
            }
            // SAFETY: what is in the queue was found by a reference or in the
            // collector's lists, and nothing is freed during the pause.
            unsafe { self.object(at) };
            at += 1;
        }
    }

    #[inline(always)]
    unsafe fn info(&mut self, ty: Type) -> usize {
        match self.types.get(ty as usize) {
            Some(place) => place as usize,
            // SAFETY: the type of an object.
            None => unsafe { self.add_info(ty) },
        }
    }

    #[cold]
    unsafe fn add_info(&mut self, ty: Type) -> usize {
        // SAFETY: the type of an object.
        let info = unsafe { TypeInfo::of(ty, self.probe, &mut self.labels) };
        let place = self.infos.len();
        self.infos.push(info);
        self.types.insert(ty as usize, place as u32);
        self.sink.find(ty as usize);
        place
    }

    #[inline(always)]
    unsafe fn object(&mut self, at: usize) {
        let object = self.sink.queue[at] as Object;
        // SAFETY: an object of the queue; each reader below is for its type.
        unsafe {
            let ty = ffi::Py_TYPE(object);
            let place = self.info(ty);
            let (refcount, immortal) = layout::refcount(object);
            let mut flags = Flags(0);
            if at < self.tracked {
                flags |= Flags::TRACKED;
            }
            if immortal {
                flags |= Flags::IMMORTAL;
                self.immortals.push(at as u32);
            }
            let size = self.size(object, place, at, &mut flags);
            self.edges_of(object, ty, place, &mut flags);
            if self.infos[place].named != Named::No {
                self.name(object, place, at);
            }
            if self.keep_values {
                self.values.add(at, |out| {
                    preview::scalar(object, MOST_CHARACTERS, out);
                });
            }
            self.records.push(Record {
                end: self.sink.edges.len() as u64,
                ty: place as u32,
                size,
                refcount,
                flags,
            });
        }
    }

    #[inline(always)]
    unsafe fn size(&mut self, object: Object, place: usize, at: usize, flags: &mut Flags) -> u32 {
        let info = &self.infos[place];
        if info.collectable {
            *flags |= Flags::COLLECTABLE;
        }
        // SAFETY: the rule of the object's type.
        let size = unsafe {
            match info.size {
                SizeRule::Ask(function) => self.ask_size(object, place, function),
                rule => {
                    if let SizeRule::NotAsked = rule {
                        *flags |= Flags::SIZE_NOT_ASKED;
                    }
                    let (basic, item) = (info.basic_size, info.item_size);
                    own_size(object, rule, basic, item, &self.probe.sizes) + info.header
                }
            }
        };
        match u32::try_from(size) {
            Ok(size) if size != u32::MAX => size,
            _ => {
                self.large_sizes.push((at as u32, size));
                u32::MAX
            }
        }
    }

    /// Asks the C function behind `__sizeof__`, which makes an int and no more.
    #[inline(never)]
    unsafe fn ask_size(
        &self,
        object: Object,
        place: usize,
        function: crate::probe::SizeFunction,
    ) -> u64 {
        let info = &self.infos[place];
        let is_static_type = info.contents == Contents::Type
            // SAFETY: then the object is a type.
            && unsafe { !layout::has_flags(object.cast(), ffi::Py_TPFLAGS_HEAPTYPE) };
        let header = if is_static_type { self.probe.sizes.static_type_header } else { info.header };
        // SAFETY: a method without arguments of the object's own type.
        unsafe {
            let answer = function(object, std::ptr::null_mut());
            if !answer.is_null() {
                let size = ffi::PyLong_AsLongLong(answer);
                ffi::Py_DECREF(answer);
                if size >= 0 && ffi::PyErr_Occurred().is_null() {
                    return size as u64 + header;
                }
            }
            ffi::PyErr_Clear();
            let (basic, item) = (info.basic_size, info.item_size);
            own_size(object, SizeRule::Plain, basic, item, &self.probe.sizes) + header
        }
    }

    #[inline(always)]
    unsafe fn edges_of(&mut self, object: Object, ty: Type, place: usize, flags: &mut Flags) {
        // SAFETY: the object's own parts, by what is known of its type.
        unsafe {
            let first = self.sink.edges.len();
            match self.infos[place].contents {
                Contents::Nothing => {}
                Contents::List => self.list(object),
                Contents::Tuple => self.tuple(object),
                Contents::Dict => self.dict(object),
                Contents::Set => self.set(object),
                Contents::Type => self.type_object(object.cast()),
            }
            let info = &self.infos[place];
            if let Some(traverse) = info.traverse {
                let collected = (*ty).tp_is_gc.is_none_or(|is_gc| is_gc(object) != 0);
                if collected {
                    self.traversed(object, place, traverse, first);
                }
            } else if info.fields_are_edges {
                for field in &*info.fields {
                    let word = layout::read(object.cast(), field.offset as isize);
                    self.sink.edge(word, field.label);
                }
            }
            let info = &self.infos[place];
            for slot in &*info.slots {
                let word = layout::read(object.cast(), slot.offset as isize);
                self.sink.edge(word, slot.label);
            }
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
            if info.holds_type {
                self.sink.edge(ty.cast(), labels::CLASS);
            }
            if let Some(offset) = info.weak {
                let referent: Object = layout::read(object.cast(), offset as isize);
                if !referent.is_null() && referent != ffi::Py_None() {
                    self.sink.edge(referent, labels::WEAK);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn list(&mut self, object: Object) {
        // SAFETY: a list; items beyond the size are not read.
        unsafe {
            let list = object.cast::<ffi::PyListObject>();
            let items = (*list).ob_item;
            for at in 0..ffi::Py_SIZE(object) {
                self.sink.edge(*items.offset(at), labels::item(at as usize));
            }
        }
    }

    #[inline(always)]
    unsafe fn tuple(&mut self, object: Object) {
        // SAFETY: a tuple; items may be null while it is being made.
        unsafe {
            let items = (&raw mut (*object.cast::<ffi::PyTupleObject>()).ob_item).cast::<Object>();
            for at in 0..ffi::Py_SIZE(object) {
                self.sink.edge(*items.offset(at), labels::item(at as usize));
            }
        }
    }

    #[inline(always)]
    unsafe fn dict(&mut self, object: Object) {
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

    #[inline(always)]
    unsafe fn set(&mut self, object: Object) {
        let sink = &mut self.sink;
        // SAFETY: a set whose layout was tried.
        unsafe { set_elements(object, |element| sink.edge(element, labels::ELEMENT)) };
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
        let mut from = 2;
        let mut items = 0;
        for &referent in &found {
            if in_order && referent != self.infos[place].object as usize {
                self.sink.edge(referent as Object, labels::item(items));
                items += 1;
                continue;
            }
            // SAFETY: the object's own words.
            let (label, next) = unsafe { self.label_of(object, place, referent, from) };
            from = next;
            self.sink.edge(referent as Object, label);
        }
        self.found = found;
    }

    /// Takes from `found` what stands among the edges from `first` on, once each.
    fn forget_read(&mut self, first: usize) {
        self.read.clear();
        let mut places = std::mem::take(&mut self.read);
        places.extend(self.sink.edges[first..].iter().map(|edge| edge.0.0 as usize));
        places.sort_unstable();
        let mut used = vec![false; places.len()];
        let marks = &mut self.sink.marks;
        let queue = &mut self.sink.queue;
        self.found.retain(|&referent| {
            let (place, new) = marks.mark(referent);
            if new {
                queue.push(referent);
                return true;
            }
            let start = places.partition_point(|&other| other < place.0 as usize);
            let read = (start..places.len())
                .take_while(|&at| places[at] == place.0 as usize)
                .find(|&at| !used[at]);
            match read {
                Some(at) => {
                    used[at] = true;
                    false
                }
                None => true,
            }
        });
        self.read = places;
    }

    /// The label of a visited reference: the name of the word that holds it.
    /// Traverse visits words mostly in order, so the search goes on from the last.
    unsafe fn label_of(
        &mut self,
        object: Object,
        place: usize,
        referent: usize,
        from: usize,
    ) -> (u32, usize) {
        let info = &self.infos[place];
        if referent == info.object as usize {
            return (labels::CLASS, from);
        }
        let (first_label, locals) = match info.locals {
            Locals::None => (0, 0),
            // SAFETY: the word of a generator or frame that holds its code.
            Locals::Behind { code, .. } => unsafe {
                let code: usize = layout::read(object.cast(), code as isize);
                self.local_labels((code & !3) as Object)
            },
        };
        let info = &self.infos[place];
        // SAFETY: words of the object. Of what lies behind its fields only the
        // locals of generators and frames are known to be there.
        unsafe {
            let words = match info.locals {
                Locals::Behind { first, .. } => first / WORD + locals,
                Locals::None => (info.basic_size / WORD).min(MOST_WORDS),
            };
            let from = from.min(words);
            let at = (from..words).chain(2.min(words)..from).find(|&at| {
                let word: usize = layout::read(object.cast(), (at * WORD) as isize);
                // From 3.14 on the locals of a frame are tagged.
                word == referent || cfg!(Py_3_14) && word & !3 == referent
            });
            let Some(at) = at else {
                return (labels::UNNAMED, from);
            };
            let offset = at * WORD;
            if let Ok(found) = info.fields.binary_search_by_key(&offset, |field| field.offset) {
                return (info.fields[found].label, at + 1);
            }
            if let Locals::Behind { first, .. } = info.locals {
                if offset >= first {
                    return (first_label + ((offset - first) / WORD) as u32, at + 1);
                }
            }
            (labels::UNNAMED, at + 1)
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
    unsafe fn name(&mut self, object: Object, place: usize, at: usize) {
        // SAFETY: by what is known of the object's type.
        unsafe {
            match self.infos[place].named {
                Named::No => {}
                Named::Type => {
                    let ty: Type = object.cast();
                    if !layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
                        self.static_types.push(at as u32);
                    }
                    let (_, name) = preview::type_names(ty, self.probe);
                    self.names.add(at, |out| out.extend_from_slice(name.as_bytes()));
                }
                Named::Module => {
                    let dict = ffi::PyModule_GetDict(object);
                    let name = if dict.is_null() || !self.probe.readers.dict {
                        std::ptr::null_mut()
                    } else {
                        layout::dict::get_identical(dict, self.probe.words.name)
                    };
                    if !name.is_null() && ffi::PyUnicode_Check(name) != 0 {
                        self.names.add(at, |out| layout::text::append(name, 400, out));
                    }
                }
                Named::Word(offset) => {
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

/// Asks for the memory at an address, which need not be there.
#[inline(always)]
fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; no memory is accessed as far as the program can tell.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
