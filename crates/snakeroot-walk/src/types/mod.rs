//! What the walk knows of a type: how its instances are read and how large they are.
//!
//! Found out once a type and walk, without running Python code: from the
//! type's slots, flags, members and, for `__sizeof__`, the dicts along its MRO.

mod attributes;
mod sizes;

use std::ffi::CStr;

use pyo3::ffi;

use crate::labels::{self, Labels};
use crate::layout::{self, Object, Type, WORD, type_flags};
use crate::optional::Special;
use crate::probe::{Probe, SizeFunction};
use snakeroot::snapshot::LabelKind;

pub(crate) use attributes::{inherited, type_attribute, type_dict};
use sizes::size_rule;
pub(crate) use sizes::{native_rule, native_size, own_size, size_function};

/// What an object's own items are, apart from its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Nothing,
    List,
    Tuple,
    Dict,
    Set,
    Type,
}

/// Where the attributes of instances lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attributes {
    Nothing,
    At(isize),
    Managed,
}

/// How an object's shallow size is found.
#[derive(Clone, Copy)]
pub(crate) enum SizeRule {
    /// Basic size and items, as `object.__sizeof__` counts.
    Plain,
    List,
    Dict,
    Set,
    Text,
    Int,
    /// With a buffer, whose function asks that in turn: computed on
    /// free-threaded builds, where it must not.
    #[cfg(Py_GIL_DISABLED)]
    BytesIo,
    /// By the C function behind `__sizeof__`.
    Ask(SizeFunction),
    /// By calling the descriptor of a `__sizeof__` in C that takes its
    /// arguments in another way.
    Call(Object),
    /// `__sizeof__` is Python code and was not run: counted as `Plain`.
    NotAsked,
}

/// A word of an object that may hold a reference, and the edge's label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) offset: usize,
    pub(crate) label: u32,
}

/// The words of a function that hold tuples whose items have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FunctionParts {
    pub(crate) closure: usize,
    pub(crate) defaults: usize,
    /// In the code, how many positional parameters there are.
    pub(crate) parameters: usize,
}

/// How the names of locals behind an object's fields are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locals {
    None,
    /// The object's variable part holds locals; its code stands at this word.
    /// For a frame from 3.11 on, only if the word `own.0` points to the byte
    /// `own.1` of the object itself: else they lie elsewhere, and nothing is
    /// known of what is here.
    Behind {
        code: usize,
        first: usize,
        own: Option<(usize, usize)>,
    },
}

/// What of an object gives its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    No,
    Module,
    Type,
    /// A str at this word.
    Word(usize),
    /// A frame whose code object stands at this word.
    Frame(usize),
}

/// What the walk knows of a type.
pub(crate) struct TypeInfo {
    pub(crate) object: Type,
    pub(crate) contents: Contents,
    /// Whether traverse visits items in the order of their indexes.
    pub(crate) in_order: bool,
    /// What else visits references, and whether it visits the contents again.
    pub(crate) traverse: Option<ffi::traverseproc>,
    pub(crate) repeats_contents: bool,
    /// `__slots__` along the bases.
    pub(crate) slots: Box<[Member]>,
    /// Known words, for naming what `traverse` visits.
    pub(crate) fields: Box<[Member]>,
    /// Whether the fields are all there is: a type without a traverse function.
    pub(crate) fields_are_edges: bool,
    pub(crate) attributes: Attributes,
    /// Whether an instance holds a reference to its type that `traverse` does not visit.
    pub(crate) holds_type: bool,
    pub(crate) size: SizeRule,
    pub(crate) basic_size: usize,
    pub(crate) item_size: usize,
    /// Bytes before an instance that count as its own.
    pub(crate) header: u64,
    pub(crate) collectable: bool,
    /// The word of a function, generator or frame that holds its code, which
    /// the collector does not track.
    pub(crate) code: Option<usize>,
    pub(crate) weak: Option<usize>,
    pub(crate) locals: Locals,
    pub(crate) named: Named,
    /// For a function, its parts with names.
    pub(crate) function: Option<FunctionParts>,
    /// Words that traverse does not visit.
    pub(crate) strong: Box<[Member]>,
    /// What only the type's own module knows of.
    pub(crate) special: Special,
    /// Whether the type is our own, and so its instances.
    pub(crate) own: bool,
    /// The keys shared by instances when they were last read, and the labels
    /// that were made for them.
    pub(crate) shared: (*const u8, u32),
}

impl TypeInfo {
    /// Finds out about a type.
    ///
    /// # Safety
    ///
    /// Attached; `ty` is a type.
    pub(crate) unsafe fn of(ty: Type, probe: &Probe, labels: &mut Labels) -> Self {
        // SAFETY: the slots of a type and of its bases, which it keeps alive.
        unsafe {
            let flags = layout::flags(ty);
            let heap = flags & ffi::Py_TPFLAGS_HEAPTYPE != 0;
            let collectable = flags & ffi::Py_TPFLAGS_HAVE_GC != 0;
            let mut slots = Vec::new();
            let mut attributes = Attributes::Nothing;
            let mut traverse = if collectable { (*ty).tp_traverse } else { None };
            let mut holds_type = heap;
            let mut repeats = false;
            if traverse.is_some() {
                // A class made by a class statement: its parts are read one by
                // one, down to the first base with a traverse of its own.
                if same(traverse, probe.traverse.instance) && probe.readers.instance {
                    let mut base = ty;
                    while !base.is_null() && same((*base).tp_traverse, probe.traverse.instance) {
                        own_slots(base, labels, &mut slots);
                        base = (*base).tp_base;
                    }
                    traverse = if base.is_null() { None } else { (*base).tp_traverse };
                    let base_offset = if base.is_null() { 0 } else { (*base).tp_dictoffset };
                    if cfg!(Py_3_11) && flags & type_flags::MANAGED_DICT != 0 {
                        attributes = Attributes::Managed;
                        // Then the base visits them too.
                        repeats =
                            !base.is_null() && layout::flags(base) & type_flags::MANAGED_DICT != 0;
                    } else if (*ty).tp_dictoffset != 0 && (*ty).tp_dictoffset != base_offset {
                        attributes = Attributes::At((*ty).tp_dictoffset);
                    }
                    let base_heap =
                        !base.is_null() && layout::flags(base) & ffi::Py_TPFLAGS_HEAPTYPE != 0;
                    holds_type = traverse.is_none() || !base_heap;
                } else {
                    holds_type = false;
                    if cfg!(Py_3_12) && flags & type_flags::MANAGED_DICT != 0 {
                        attributes = Attributes::Managed;
                        repeats = true;
                    }
                }
            } else if !collectable && (*ty).tp_dictoffset != 0 && probe.readers.dict {
                attributes = Attributes::At((*ty).tp_dictoffset);
            }
            let (contents, rest) = contents(ty, traverse, probe);
            // Code can be traversed on free-threaded builds, but only for its
            // constants, which are one of its fields.
            let is_code = ty == &raw mut ffi::PyCode_Type;
            let rest = rest.filter(|_| !is_code);
            // What is read here is not visited, the type among it.
            holds_type |= heap && contents != Contents::Nothing && rest.is_none();
            let mut fields = fields(ty, probe, labels);
            if collectable && (*ty).tp_dictoffset > 0 {
                let offset = (*ty).tp_dictoffset as usize;
                if let Err(at) = fields.binary_search_by_key(&offset, |field| field.offset) {
                    fields.insert(at, Member { offset, label: labels::DICT });
                }
            }
            let mut strong = strong(ty, probe, labels);
            let fields_are_edges = !collectable || is_code;
            if fields_are_edges {
                // All fields are edges anyway.
                strong.retain(|word| fields.iter().all(|field| field.offset != word.offset));
            }
            Self {
                object: ty,
                contents,
                in_order: probe.deque.is_some() && derives_from(ty, probe.deque),
                traverse: rest,
                repeats_contents: contents != Contents::Nothing || repeats,
                slots: slots.into(),
                fields_are_edges,
                fields: fields.into(),
                attributes,
                holds_type,
                size: size_rule(ty, probe),
                basic_size: (*ty).tp_basicsize as usize,
                item_size: (*ty).tp_itemsize as usize,
                header: header(ty),
                collectable,
                // From 3.11 on a frame object need not have its code in itself.
                code: code_word(ty, probe)
                    .filter(|_| !cfg!(Py_3_11) || ty != &raw mut ffi::PyFrame_Type),
                weak: weak_word(ty, probe),
                locals: locals(ty, probe),
                named: named(ty, probe),
                strong: strong.into(),
                special: probe.special(ty),
                function: function_parts(ty, probe),
                own: false,
                shared: (std::ptr::null(), 0),
            }
        }
    }
}

fn same(a: Option<ffi::traverseproc>, b: Option<ffi::traverseproc>) -> bool {
    a.map(|function| function as usize) == b.map(|function| function as usize)
}

/// Which contents are read natively, and what is left to traverse.
unsafe fn contents(
    ty: Type,
    traverse: Option<ffi::traverseproc>,
    probe: &Probe,
) -> (Contents, Option<ffi::traverseproc>) {
    let known = &probe.traverse;
    if traverse.is_none() {
        return (Contents::Nothing, None);
    }
    for (function, contents) in [
        (known.list, Contents::List),
        (known.tuple, Contents::Tuple),
        (known.dict, Contents::Dict),
        (known.set, Contents::Set),
        (known.ty, Contents::Type),
    ] {
        if same(traverse, function) {
            return (contents, None);
        }
    }
    // A C type that adds to a container: the container's part is read, and
    // what traverse visits beyond it.
    // SAFETY: the caller's type.
    let flags = unsafe { layout::flags(ty) };
    for (flag, contents) in [
        (ffi::Py_TPFLAGS_LIST_SUBCLASS, Contents::List),
        (ffi::Py_TPFLAGS_TUPLE_SUBCLASS, Contents::Tuple),
        (ffi::Py_TPFLAGS_DICT_SUBCLASS, Contents::Dict),
        (ffi::Py_TPFLAGS_TYPE_SUBCLASS, Contents::Type),
    ] {
        if flags & flag != 0 {
            return (contents, traverse);
        }
    }
    // SAFETY: two types.
    let is_set = |set| unsafe { ffi::PyType_IsSubtype(ty, set) != 0 };
    if is_set(&raw mut ffi::PySet_Type) || is_set(&raw mut ffi::PyFrozenSet_Type) {
        return (Contents::Set, traverse);
    }
    (Contents::Nothing, traverse)
}

/// The `__slots__` that a class adds.
unsafe fn own_slots(ty: Type, labels: &mut Labels, slots: &mut Vec<Member>) {
    // SAFETY: a class's members end with one that has no name.
    unsafe {
        let mut member = (*ty).tp_members;
        while !member.is_null() && !(*member).name.is_null() {
            if (*member).type_code == ffi::Py_T_OBJECT_EX {
                let name = CStr::from_ptr((*member).name).to_bytes();
                slots.push(Member {
                    offset: (*member).offset as usize,
                    label: labels.named(LabelKind::Slot, name),
                });
            }
            member = member.add(1);
        }
    }
}

/// Words of a type's instances that hold references and have a name.
unsafe fn fields(ty: Type, probe: &Probe, labels: &mut Labels) -> Vec<Member> {
    #[allow(deprecated)] // members of C types still use it
    const OBJECT_CODES: [std::ffi::c_int; 2] = [ffi::Py_T_OBJECT_EX, ffi::_Py_T_OBJECT];
    let mut fields: Vec<Member> = Vec::new();
    let mut base = ty;
    while !base.is_null() {
        for known in probe.fields_of(base) {
            for (offset, name) in known {
                if !fields.iter().any(|field| field.offset == *offset) {
                    let label = labels.named(LabelKind::Slot, name.as_bytes());
                    fields.push(Member { offset: *offset, label });
                }
            }
        }
        // SAFETY: members end with one that has no name; bases live as long as
        // the type.
        unsafe {
            let mut member = (*base).tp_members;
            while !member.is_null() && !(*member).name.is_null() {
                let offset = (*member).offset;
                #[cfg(Py_3_12)]
                let absolute = (*member).flags & 8 == 0; // not relative to a base's end
                #[cfg(not(Py_3_12))]
                let absolute = true;
                if OBJECT_CODES.contains(&(*member).type_code)
                    && offset > 0
                    && absolute
                    && !fields.iter().any(|field| field.offset == offset as usize)
                {
                    let name = CStr::from_ptr((*member).name).to_bytes();
                    let label = labels.named(LabelKind::Slot, name);
                    fields.push(Member { offset: offset as usize, label });
                }
                member = member.add(1);
            }
            base = (*base).tp_base;
        }
    }
    fields.sort_unstable_by_key(|field| field.offset);
    fields
}

/// Words of a type's instances with references that traverse does not visit.
unsafe fn strong(ty: Type, probe: &Probe, labels: &mut Labels) -> Vec<Member> {
    let mut words: Vec<Member> = Vec::new();
    let mut base = ty;
    while !base.is_null() {
        for (offset, name) in probe.strong_of(base).flatten() {
            let label = labels.named(LabelKind::Slot, name.as_bytes());
            words.push(Member { offset: *offset, label });
        }
        // SAFETY: bases live as long as the type.
        base = unsafe { (*base).tp_base };
    }
    words
}

/// What `sys.getsizeof` adds to an instance's own size.
unsafe fn header(ty: Type) -> u64 {
    // SAFETY: the caller's type.
    let flags = unsafe { layout::flags(ty) };
    let mut words = 0;
    if flags & ffi::Py_TPFLAGS_HAVE_GC != 0 && !cfg!(Py_GIL_DISABLED) {
        words += 2;
    }
    #[cfg(all(Py_3_11, not(Py_3_12)))]
    if flags & type_flags::MANAGED_DICT != 0 {
        words += 2;
    }
    #[cfg(Py_3_12)]
    if flags & (type_flags::MANAGED_DICT | type_flags::MANAGED_WEAKREF) != 0 {
        words += 2;
    }
    words * WORD as u64
}

/// The word with the referent, for a weak reference's type or a class derived from it.
unsafe fn weak_word(ty: Type, probe: &Probe) -> Option<usize> {
    let mut base = ty;
    while !base.is_null() {
        if let Some(&offset) = probe.weak.get(&(base as usize)) {
            return Some(offset);
        }
        // SAFETY: bases live as long as the type.
        base = unsafe { (*base).tp_base };
    }
    None
}

/// Whether a type is another or derives from it.
unsafe fn derives_from(ty: Type, other: Option<usize>) -> bool {
    let mut base = ty;
    while !base.is_null() {
        if Some(base as usize) == other {
            return true;
        }
        // SAFETY: bases live as long as the type.
        base = unsafe { (*base).tp_base };
    }
    false
}

/// The word of a function, generator, coroutine or frame that holds its code.
fn code_word(ty: Type, probe: &Probe) -> Option<usize> {
    const NAMES: [&str; 5] = ["__code__", "gi_code", "cr_code", "ag_code", "f_code"];
    let fields = probe.fields.get(&(ty as usize))?;
    fields.iter().find(|(_, name)| NAMES.contains(&&**name)).map(|(offset, _)| *offset)
}

/// The words of a function that hold tuples whose items have names.
fn function_parts(ty: Type, probe: &Probe) -> Option<FunctionParts> {
    if ty != &raw mut ffi::PyFunction_Type || probe.local_names.is_empty() {
        return None;
    }
    let fields = probe.fields.get(&(ty as usize))?;
    let word = |wanted: &str| fields.iter().find(|(_, name)| &**name == wanted).map(|it| it.0);
    Some(FunctionParts {
        closure: word("__closure__")?,
        defaults: word("__defaults__")?,
        parameters: probe.parameters?,
    })
}

/// Where the locals of a generator, coroutine or frame lie.
unsafe fn locals(ty: Type, probe: &Probe) -> Locals {
    if !probe.readers.generator {
        return Locals::None;
    }
    let code = code_word(ty, probe).filter(|_| ty != &raw mut ffi::PyFunction_Type);
    // SAFETY: the caller's type. Before 3.11 only frames have locals, and the
    // first of them is counted among the fields.
    let first = unsafe { (*ty).tp_basicsize as usize } - if cfg!(Py_3_11) { 0 } else { WORD };
    let code = code.filter(|_| cfg!(Py_3_11) || ty == &raw mut ffi::PyFrame_Type);
    let own = if cfg!(Py_3_11) && ty == &raw mut ffi::PyFrame_Type {
        match probe.frame_own {
            Some(own) => Some(own),
            None => return Locals::None,
        }
    } else {
        None
    };
    code.map_or(Locals::None, |code| Locals::Behind { code, first, own })
}

unsafe fn named(ty: Type, probe: &Probe) -> Named {
    // SAFETY: the caller's type; the others live as long as the interpreter.
    unsafe {
        if layout::flags(ty) & ffi::Py_TPFLAGS_TYPE_SUBCLASS != 0 {
            return Named::Type;
        }
        if ffi::PyType_IsSubtype(ty, &raw mut ffi::PyModule_Type) != 0 {
            return Named::Module;
        }
        let known = probe.fields.get(&(ty as usize)).and_then(|fields| {
            fields.iter().find(|(_, name)| &**name == "__qualname__").map(|(offset, _)| *offset)
        });
        if let Some(offset) = known {
            return Named::Word(offset);
        }
        // From 3.11 on a frame object need not have its code in itself.
        if ty == &raw mut ffi::PyFrame_Type
            && !cfg!(Py_3_11)
            && let Locals::Behind { code, .. } = locals(ty, probe)
        {
            return Named::Frame(code);
        }
        if ty == &raw mut ffi::PyCode_Type {
            let mut member = (*ty).tp_members;
            let mut word = Named::No;
            while !member.is_null() && !(*member).name.is_null() {
                match CStr::from_ptr((*member).name).to_bytes() {
                    b"co_qualname" => return Named::Word((*member).offset as usize),
                    b"co_name" => word = Named::Word((*member).offset as usize),
                    _ => {}
                }
                member = member.add(1);
            }
            return word;
        }
        Named::No
    }
}
