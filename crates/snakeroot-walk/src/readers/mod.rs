//! Readers: the edges of one object, by what is known of its type.
//!
//! Common kinds are read from memory, which gives labels for nothing; the
//! others are visited by their traverse function, and the label is the name of
//! the word that holds the reference.

mod frames;
mod name;
mod traversed;

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use snakeroot::snapshot::{Flags, LabelKind};

use crate::labels::{self, MOST_CHARACTERS};
use crate::layout::{self, Object, Type, WORD, attributes::Found, dict::Keys};
use crate::optional::Special;
use crate::sink::Sink;
use crate::types::{Attributes, Contents};
use crate::walker::Walker;

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
