//! The walk itself: from the collector's lists to raw edges, in one pause.
//!
//! Runs with the interpreter attached and never lets go of it. It writes no
//! reference count, runs no Python code and makes no Python object (but the
//! int that a C `__sizeof__` returns, gone at once). Numbers, names and
//! reverse rows come later (`number`), without the interpreter.

use std::collections::{HashMap, HashSet};

use pyo3::ffi;
#[cfg(not(Py_GIL_DISABLED))]
use pyo3::prelude::*;
use snakeroot::snapshot::{Flags, LabelKind};

#[cfg(not(Py_GIL_DISABLED))]
use crate::WalkError;
use crate::labels::{Labels, MOST_CHARACTERS};
use crate::layout::{self, Object, Type};
#[cfg(not(Py_GIL_DISABLED))]
use crate::lists::Which;
use crate::optional::Special;
use crate::outside::Outside;
use crate::own::Own;
use crate::preview;
use crate::probe::Probe;
use crate::sink::{Part, Sink, Whole};
use crate::tables::{NamedItems, Record, RecordText, Suspect, Synthetic, TypeMap};
use crate::types::{Contents, Named, SizeRule, TypeInfo, own_size};

/// Objects ahead of the current one whose memory is asked for.
pub(crate) const AHEAD: usize = 12;

/// A walk under way, and when it is over its raw result.
pub(crate) struct Walker<'p, S> {
    pub(crate) probe: &'p Probe,
    pub(crate) sink: S,
    pub(crate) records: Vec<Record>,
    pub(crate) large_sizes: Vec<(u32, u64)>,
    pub(crate) infos: Vec<TypeInfo>,
    /// Module and name of the first of the infos' types.
    pub(crate) type_names: Vec<(Box<str>, Box<str>)>,
    types: TypeMap,
    pub(crate) labels: Labels,
    /// Labels for the keys that instances share, by the keys and their kind.
    pub(crate) shared: HashMap<(usize, LabelKind), u32>,
    /// Labels for the locals of code objects.
    pub(crate) code_locals: HashMap<usize, (u32, usize)>,
    pub(crate) names: RecordText,
    pub(crate) values: RecordText,
    pub(crate) keep_values: bool,
    pub(crate) synthetics: Vec<Synthetic>,
    /// Edges before those of the first record belong to the synthetics.
    pub(crate) tracked: usize,
    /// What was found before the first object of the collector's lists: tracked or not.
    #[cfg(not(Py_GIL_DISABLED))]
    pub(crate) found_before: usize,
    /// How many of those are not.
    pub(crate) untracked_before: usize,
    /// Whether the collector is at work: then some of what it tracks is in no list.
    pub(crate) collecting: bool,
    pub(crate) immortals: Vec<u32>,
    pub(crate) static_types: Vec<u32>,
    /// Objects of our own.
    pub(crate) own: Own,
    /// Memory of records' objects that is not Python's.
    pub(crate) native_sizes: Vec<(u32, u64)>,
    /// Where memory lies that is not Python's.
    pub(crate) outside: Outside,
    /// Words of threads and frames that may be references.
    pub(crate) suspects: Vec<Suspect>,
    /// What threads have counted for themselves, by object.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) counts: HashMap<usize, isize>,
    /// Objects of edges that no count tells of, once for each such edge.
    pub(crate) uncounted: Vec<usize>,
    /// Frames that run.
    pub(crate) running: HashSet<usize>,
    /// From a frame to its function and its dict of locals, once found.
    pub(crate) head_of_frames: Option<(usize, usize)>,
    /// Whether all references that are not counted were found.
    pub(crate) all_counted: bool,
    /// Tasks that wait, each with its record and its name.
    pub(crate) tasks: Vec<(u32, String)>,
    /// Where generators and coroutines are, by record, as a place in `places`.
    pub(crate) suspended: Vec<(u32, u32)>,
    pub(crate) places: Vec<String>,
    /// Places by code and instruction.
    pub(crate) known_places: HashMap<(usize, usize), u32>,
    /// Tuples whose items have names.
    pub(crate) named_items: HashMap<usize, NamedItems>,
    pub(crate) found: Vec<usize>,
    pub(crate) read: Vec<usize>,
}

impl<'p, S: Sink> Walker<'p, S> {
    /// A walk that has not begun.
    pub(crate) fn new(probe: &'p Probe, sink: S, keep_values: bool) -> Self {
        Self {
            probe,
            sink,
            records: Vec::new(),
            large_sizes: Vec::new(),
            infos: Vec::with_capacity(4096),
            type_names: Vec::new(),
            types: TypeMap::new(),
            labels: Labels::new(),
            shared: HashMap::new(),
            code_locals: HashMap::new(),
            names: RecordText::default(),
            values: RecordText::default(),
            keep_values,
            synthetics: Vec::new(),
            tracked: 0,
            #[cfg(not(Py_GIL_DISABLED))]
            found_before: 0,
            untracked_before: 0,
            collecting: false,
            immortals: Vec::new(),
            static_types: Vec::new(),
            own: Own::default(),
            native_sizes: Vec::new(),
            outside: Outside::default(),
            suspects: Vec::new(),
            #[cfg(Py_GIL_DISABLED)]
            counts: HashMap::new(),
            uncounted: Vec::new(),
            running: HashSet::new(),
            head_of_frames: None,
            all_counted: probe.counts_are_known(),
            tasks: Vec::new(),
            suspended: Vec::new(),
            places: Vec::new(),
            known_places: HashMap::new(),
            named_items: HashMap::new(),
            found: Vec::new(),
            read: Vec::new(),
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
        let mut info = unsafe { TypeInfo::of(ty, self.probe, &mut self.labels) };
        info.own = self.own.addresses.contains(&(ty as usize));
        let place = self.infos.len();
        self.infos.push(info);
        self.types.insert(ty as usize, place as u32);
        // SAFETY: the type of an object.
        unsafe { self.sink.ty(ty) };
        place
    }

    /// Reads the names of the types that were met since it was last done.
    ///
    /// # Safety
    ///
    /// Attached, and still the pause in which they were met.
    pub(crate) unsafe fn name_types(&mut self) {
        for info in &self.infos[self.type_names.len()..] {
            // SAFETY: the type of an object that was just walked.
            self.type_names
                .push(unsafe { preview::type_names(info.object, crate::MOST_NAME, self.probe) });
        }
    }

    /// Records the object at a place of the queue.
    #[inline(always)]
    unsafe fn object(&mut self, object: Object, at: usize, tracked: bool) {
        // SAFETY: an object of the queue; each reader below is for its type.
        unsafe {
            let ty = layout::type_of(object);
            let place = self.info(ty);
            let (refcount, immortal) = layout::refcount(object);
            let mut flags = Flags(0);
            if tracked {
                flags |= Flags::TRACKED;
            }
            if immortal {
                flags |= Flags::IMMORTAL;
                self.immortals.push(at as u32);
            }
            #[cfg(Py_GIL_DISABLED)]
            let (refcount, lives) = self.whole_count(object, refcount);
            #[cfg(not(Py_GIL_DISABLED))]
            let lives = false;
            if refcount == 0 && !lives {
                // Dead and kept for the next one of its type: no object.
                self.own.records.push(at as u32);
            } else {
                self.edges_of(object, ty, place, &mut flags);
            }
            let size = self.size(object, place, at, &mut flags);
            if self.infos[place].special != Special::None {
                self.facts(object, place, at, size);
            }
            let info = &self.infos[place];
            if info.own {
                self.own.records.push(at as u32);
            }
            if info.named != Named::No {
                self.name(object, place, at);
            }
            if self.keep_values {
                self.values.add(at, |out| {
                    preview::scalar(object, MOST_CHARACTERS, out);
                });
            }
            self.records.push(Record {
                end: self.sink.len() as u64,
                ty: place as u32,
                size,
                refcount,
                flags,
            });
        }
    }

    #[inline(never)]
    unsafe fn facts(&mut self, object: Object, place: usize, at: usize, size: u32) {
        let info = &self.infos[place];
        let size = match size {
            u32::MAX => self.large_sizes.last().map_or(0, |&(_, size)| size),
            size => u64::from(size),
        };
        let own = size.saturating_sub(info.header + info.basic_size as u64);
        // SAFETY: by what is known of the object's type.
        unsafe { self.special_facts(object, info.special, at, own) };
    }

    /// Takes the edges of an object into the sink, and nothing else.
    ///
    /// # Safety
    ///
    /// Attached; a live object.
    pub(crate) unsafe fn take_edges(&mut self, object: Object) {
        // SAFETY: as the caller promises.
        unsafe {
            let ty = layout::type_of(object);
            let place = self.info(ty);
            self.edges_of(object, ty, place, &mut Flags(0));
        }
    }

    /// The shallow size of an object, in bytes.
    ///
    /// # Safety
    ///
    /// Attached, in a pause; a live object.
    pub(crate) unsafe fn shallow_size(&mut self, object: Object) -> u64 {
        // SAFETY: as the caller promises.
        let size = unsafe {
            let place = self.info(layout::type_of(object));
            self.size(object, place, 0, &mut Flags(0))
        };
        match size {
            u32::MAX => self.large_sizes.pop().map_or(0, |(_, size)| size),
            size => u64::from(size),
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
                // The function might wait for a lock whose holder stands still.
                #[cfg(Py_GIL_DISABLED)]
                SizeRule::Ask(_) | SizeRule::Call(_) if !layout::is_unlocked(object) => {
                    *flags |= Flags::SIZE_NOT_ASKED;
                    let (basic, item) = (info.basic_size, info.item_size);
                    own_size(object, SizeRule::NotAsked, basic, item, &self.probe.sizes)
                        + info.header
                }
                SizeRule::Ask(function) => {
                    self.ask_size(object, place, |object| function(object, std::ptr::null_mut()))
                }
                SizeRule::Call(method) => self.ask_size(object, place, |object| {
                    // A method in C, of the object's type or one of its bases.
                    ffi::PyObject_CallOneArg(method, object)
                }),
                rule => {
                    match rule {
                        SizeRule::NotAsked => *flags |= Flags::SIZE_NOT_ASKED,
                        SizeRule::Text if layout::text::State::of(object).is_interned() => {
                            *flags |= Flags::INTERNED;
                        }
                        _ => {}
                    }
                    let (basic, item) = (info.basic_size, info.item_size);
                    own_size(object, rule, basic, item, &self.probe.sizes)
                        .saturating_add(info.header)
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
        ask: impl FnOnce(Object) -> Object,
    ) -> u64 {
        let info = &self.infos[place];
        let is_static_type = info.contents == Contents::Type
            // From 3.13 on a static type of another metatype than `type`, such as
            // numpy's, counts a header all the same.
            && (!cfg!(Py_3_13) || info.object == &raw mut ffi::PyType_Type)
            // SAFETY: then the object is a type.
            && unsafe { !layout::has_flags(object.cast(), ffi::Py_TPFLAGS_HEAPTYPE) };
        let header = if is_static_type { self.probe.sizes.static_type_header } else { info.header };
        // SAFETY: a method without arguments of the object's own type.
        unsafe {
            let answer = ask(object);
            if !answer.is_null() {
                if ffi::PyLong_CheckExact(answer) == 0 {
                    // What is no int has a value, and an end, of its own making.
                    crate::ask::leave(answer);
                } else {
                    let mut beyond = 0;
                    let size = ffi::PyLong_AsLongLongAndOverflow(answer, &mut beyond);
                    ffi::Py_DECREF(answer);
                    if size >= 0 && beyond == 0 {
                        return (size as u64).saturating_add(header);
                    }
                }
            }
            leave_error();
            let (basic, item) = (info.basic_size, info.item_size);
            own_size(object, SizeRule::Plain, basic, item, &self.probe.sizes).saturating_add(header)
        }
    }
}

impl Walker<'_, Whole> {
    /// Takes every object that the collector tracks.
    ///
    /// # Safety
    ///
    /// Attached; no Python code runs until the walk is over.
    #[cfg(not(Py_GIL_DISABLED))]
    pub(crate) unsafe fn take_tracked<'py>(
        &mut self,
        others: impl Iterator<Item = Bound<'py, PyAny>>,
    ) -> Result<(), WalkError> {
        let sink = &mut self.sink;
        self.found_before = sink.queue.len();
        match &self.probe.lists {
            // SAFETY: as the caller promises; marking tracks nothing.
            Some(lists) => {
                // SAFETY: as the caller promises.
                let objects = unsafe { lists.collect(Which::All, |object| Some(object as usize)) }?;
                for object in objects {
                    sink.find(object);
                }
            }
            None => {
                for object in others {
                    sink.find(object.as_ptr() as usize);
                }
            }
        }
        self.tracked = sink.queue.len();
        Ok(())
    }

    /// Reads all objects found since the last time and all that they lead to.
    ///
    /// # Safety
    ///
    /// As for `take_tracked`.
    pub(crate) unsafe fn close(&mut self) {
        let mut at = self.records.len();
        while at < self.sink.queue.len() {
            let queue = &self.sink.queue;
            if let Some(&far) = queue.get(at + 2 * AHEAD) {
                prefetch(far);
                prefetch(far - 4 * size_of::<usize>());
            }
            if let Some(&near) = queue.get(at + AHEAD) {
                // SAFETY: an object of the queue.
                unsafe { prefetch_contents(near as Object) };
            }
            // SAFETY: what is in the queue was found by a reference or in the
            // collector's lists, and nothing is freed during the pause.
            unsafe {
                let object = self.sink.queue[at] as Object;
                #[cfg(not(Py_GIL_DISABLED))]
                let tracked = if at < self.found_before {
                    let tracked = layout::is_tracked(object);
                    self.untracked_before += usize::from(!tracked);
                    tracked
                } else {
                    at < self.tracked || self.collecting && layout::is_tracked(object)
                };
                #[cfg(Py_GIL_DISABLED)]
                let tracked = layout::is_tracked(object);
                #[cfg(Py_GIL_DISABLED)]
                (self.tracked += usize::from(tracked));
                self.object(object, at, tracked);
            }
            at += 1;
        }
    }
}

impl Walker<'_, Part> {
    /// Reads the objects found so far and keeps the edges between them.
    ///
    /// # Safety
    ///
    /// Attached; live objects, and no Python code runs until the walk is over.
    pub(crate) unsafe fn close_part(&mut self) {
        let mut at = 0;
        while at < self.sink.whole.queue.len() {
            let object = self.sink.whole.queue[at] as Object;
            // SAFETY: as the caller promises; keys and types are held by what
            // they were found in.
            unsafe {
                let tracked = layout::is_tracked(object);
                self.object(object, at, tracked);
            }
            at += 1;
        }
    }
}

impl<'p> Walker<'p, Part> {
    /// The same walk, for what is done with any.
    pub(crate) fn into_whole(self) -> Walker<'p, Whole> {
        Walker {
            probe: self.probe,
            sink: self.sink.whole,
            records: self.records,
            large_sizes: self.large_sizes,
            infos: self.infos,
            type_names: self.type_names,
            types: self.types,
            labels: self.labels,
            shared: self.shared,
            code_locals: self.code_locals,
            names: self.names,
            values: self.values,
            keep_values: self.keep_values,
            synthetics: self.synthetics,
            tracked: self.tracked,
            #[cfg(not(Py_GIL_DISABLED))]
            found_before: self.found_before,
            untracked_before: self.untracked_before,
            collecting: self.collecting,
            immortals: self.immortals,
            static_types: self.static_types,
            own: self.own,
            native_sizes: self.native_sizes,
            outside: self.outside,
            suspects: self.suspects,
            #[cfg(Py_GIL_DISABLED)]
            counts: self.counts,
            uncounted: self.uncounted,
            running: self.running,
            head_of_frames: self.head_of_frames,
            all_counted: self.all_counted,
            tasks: self.tasks,
            suspended: self.suspended,
            places: self.places,
            known_places: self.known_places,
            named_items: self.named_items,
            found: self.found,
            read: self.read,
        }
    }
}

/// Takes away the error that a function of C may have set. What it carries may
/// be anybody's, so it is not dropped here.
///
/// # Safety
///
/// Attached.
#[allow(deprecated)] // what replaces it is not there before 3.12
unsafe fn leave_error() {
    let mut parts = [std::ptr::null_mut(); 3];
    let [ty, value, traceback] = &mut parts;
    // SAFETY: as the caller promises; the references, if any, are now ours.
    unsafe { ffi::PyErr_Fetch(ty, value, traceback) };
    parts.into_iter().for_each(crate::ask::leave);
}

/// Asks for the memory that an object's reader will read next, beyond the object.
///
/// # Safety
///
/// `object` is an object.
#[inline(always)]
unsafe fn prefetch_contents(object: Object) {
    // SAFETY: as the caller promises; a wrong address is only a wasted hint.
    unsafe {
        let ty = ffi::Py_TYPE(object);
        if ty == &raw mut ffi::PyDict_Type {
            let keys = layout::dict::keys(object).0 as usize;
            prefetch(keys);
            prefetch(keys + 64);
        } else if ty == &raw mut ffi::PyList_Type {
            prefetch((*object.cast::<ffi::PyListObject>()).ob_item as usize);
        }
    }
}

/// Asks for the memory at an address, which need not be there.
#[inline(always)]
pub(crate) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; no memory is accessed as far as the program can tell.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address as *const i8);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
