//! What the walk knows of a type: how its instances are read and how large they are.
//!
//! Found out once a type and walk, without running Python code: from the
//! type's slots, flags, members and, for `__sizeof__`, the dicts along its MRO.

use std::ffi::CStr;

use pyo3::ffi;

use crate::labels::{self, Labels};
use crate::layout::{self, HEADER_BYTES, Object, Type, WORD, type_flags};
use crate::optional::Special;
use crate::probe::{Probe, SizeFunction, Sizes};
use snakeroot::snapshot::LabelKind;

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
            if !collectable {
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
                fields_are_edges: !collectable,
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

/// The dict of a type, wherever it keeps it; null if that is not known.
///
/// # Safety
///
/// `ty` is a type.
pub(crate) unsafe fn type_dict(ty: Type, probe: &Probe) -> Object {
    // SAFETY: as the caller promises.
    let dict = unsafe { (*ty).tp_dict };
    if dict.is_null() {
        match probe.type_dicts.get(&(ty as usize)) {
            Some(&dict) => dict as Object,
            // SAFETY: as the caller promises.
            None => unsafe { late_type_dict(ty) },
        }
    } else {
        dict
    }
}

/// The dict of a type that was made after the probes and keeps it elsewhere.
#[cfg(Py_3_12)]
unsafe fn late_type_dict(ty: Type) -> Object {
    // SAFETY: a type; the reference that comes back is given back at once, and
    // its count is as it was.
    unsafe {
        let dict = ffi::PyType_GetDict(ty);
        if !dict.is_null() {
            ffi::Py_DECREF(dict);
        }
        dict
    }
}

#[cfg(not(Py_3_12))]
unsafe fn late_type_dict(_ty: Type) -> Object {
    std::ptr::null_mut()
}

/// What a type's own dict holds under an interned str; null if nothing.
///
/// # Safety
///
/// `ty` is a type, `name` a str.
pub(crate) unsafe fn type_attribute(ty: Type, name: Object, probe: &Probe) -> Object {
    // SAFETY: a type's dict; without our reader a look-up of a str, which
    // compares str only.
    unsafe {
        let dict = type_dict(ty, probe);
        if dict.is_null() {
            std::ptr::null_mut()
        } else if probe.readers.dict {
            layout::dict::get_identical(dict, name)
        } else if cfg!(Py_GIL_DISABLED) {
            std::ptr::null_mut() // a look-up may wait for the dict's lock
        } else {
            ffi::PyDict_GetItem(dict, name)
        }
    }
}

/// What a type or the first of its bases holds under an interned str; null if none does.
///
/// # Safety
///
/// `ty` is a type, `name` a str.
unsafe fn inherited_attribute(ty: Type, name: Object, probe: &Probe) -> Object {
    // SAFETY: as the caller promises; an MRO is a tuple of types, and null
    // while the type is being made.
    unsafe {
        let mro = (*ty).tp_mro;
        if mro.is_null() {
            return type_attribute(ty, name, probe);
        }
        (0..ffi::PyTuple_GET_SIZE(mro))
            .map(|at| type_attribute(ffi::PyTuple_GET_ITEM(mro, at).cast(), name, probe))
            .find(|found| !found.is_null())
            .unwrap_or(std::ptr::null_mut())
    }
}

/// Whether a type or one of its bases holds something under an interned str.
///
/// # Safety
///
/// As for `type_attribute`.
pub(crate) unsafe fn inherited(ty: Type, name: Object, probe: &Probe) -> bool {
    // SAFETY: as the caller promises.
    unsafe { !inherited_attribute(ty, name, probe).is_null() }
}

/// How the sizes of a type's instances are found.
unsafe fn size_rule(ty: Type, probe: &Probe) -> SizeRule {
    // SAFETY: the caller's type; a method descriptor's type tells its layout.
    unsafe {
        let native = native_rule(ty, &probe.sizes);
        if !matches!(native, SizeRule::Plain) {
            return native;
        }
        let found = inherited_attribute(ty, probe.words.size_of, probe);
        if found.is_null() {
            return SizeRule::Plain;
        }
        // A method that was taken from another type would read this one's objects wrongly.
        let of_ours = ffi::Py_TYPE(found) == &raw mut ffi::PyMethodDescr_Type
            && ffi::PyType_IsSubtype(
                ty,
                (*found.cast::<ffi::PyMethodDescrObject>()).d_common.d_type,
            ) != 0;
        #[cfg(Py_GIL_DISABLED)]
        let of_ours = of_ours && may_ask_while_stopped(found);
        if !of_ours {
            return SizeRule::NotAsked;
        }
        match size_function(found) {
            Some(function) => {
                let plain = probe.sizes.object.map(|object| object as usize);
                if plain == Some(function as usize) && probe.sizes.plain {
                    SizeRule::Plain
                } else {
                    SizeRule::Ask(function)
                }
            }
            None => SizeRule::Call(found),
        }
    }
}

/// Whether a `__sizeof__` takes no lock but that of its object, so that it can
/// be called while other threads stand still.
///
/// Known of the interpreter's own modules and of numpy. `BytesIO` asks its
/// buffer in turn, by a look-up that locks.
///
/// # Safety
///
/// `found` is an object.
#[cfg(Py_GIL_DISABLED)]
unsafe fn may_ask_while_stopped(found: Object) -> bool {
    const MODULES: [&[u8]; 12] = [
        b"_collections",
        b"_ctypes",
        b"_io",
        b"_pickle",
        b"_queue",
        b"_struct",
        b"array",
        b"collections",
        b"decimal",
        b"itertools",
        b"mmap",
        b"numpy",
    ];
    // SAFETY: a descriptor of a method has the type that it belongs to, which
    // has a name.
    unsafe {
        if ffi::Py_TYPE(found) != &raw mut ffi::PyMethodDescr_Type {
            return false;
        }
        let owner = (*found.cast::<ffi::PyDescrObject>()).d_type;
        let name = CStr::from_ptr((*owner).tp_name).to_bytes();
        match name.iter().position(|&byte| byte == b'.') {
            None => !layout::has_flags(owner, ffi::Py_TPFLAGS_HEAPTYPE),
            Some(_) if name == b"_io.BytesIO" => false,
            Some(_) if name == b"xml.etree.ElementTree.Element" => true,
            Some(dot) => MODULES.contains(&&name[..dot]),
        }
    }
}

/// The rule for a type whose size is computed here; `Plain` for any other.
///
/// # Safety
///
/// `ty` is a type.
pub(crate) unsafe fn native_rule(ty: Type, sizes: &Sizes) -> SizeRule {
    let is = |known: *mut ffi::PyTypeObject| ty == known;
    if is(&raw mut ffi::PyList_Type) && sizes.list {
        SizeRule::List
    } else if is(&raw mut ffi::PyDict_Type) && sizes.dict {
        SizeRule::Dict
    } else if (is(&raw mut ffi::PySet_Type) || is(&raw mut ffi::PyFrozenSet_Type)) && sizes.set {
        SizeRule::Set
    } else if is(&raw mut ffi::PyUnicode_Type) && sizes.text {
        SizeRule::Text
    } else if is(&raw mut ffi::PyLong_Type) && sizes.int {
        SizeRule::Int
    } else {
        SizeRule::Plain
    }
}

/// The C function of a method descriptor without arguments.
///
/// # Safety
///
/// `descriptor` is an object.
pub(crate) unsafe fn size_function(descriptor: Object) -> Option<SizeFunction> {
    // SAFETY: the descriptor's type tells its layout; a method without
    // arguments has this signature.
    unsafe {
        if ffi::Py_TYPE(descriptor) != &raw mut ffi::PyMethodDescr_Type {
            return None;
        }
        let method = (*descriptor.cast::<ffi::PyMethodDescrObject>()).d_method;
        if method.is_null() || (*method).ml_flags & ffi::METH_NOARGS == 0 {
            return None;
        }
        let function = (*method).ml_meth.PyCFunction;
        Some(function)
    }
}

/// The size of an object whose type's rule needs no call, with what lies before it.
///
/// # Safety
///
/// `object` is an object and `rule` that of its type.
#[inline(always)]
pub(crate) unsafe fn native_size(object: Object, rule: SizeRule, sizes: &Sizes) -> u64 {
    // SAFETY: as the caller promises.
    unsafe {
        let ty = ffi::Py_TYPE(object);
        let basic = (*ty).tp_basicsize as usize;
        own_size(object, rule, basic, (*ty).tp_itemsize as usize, sizes).saturating_add(header(ty))
    }
}

/// An object's own size, without what lies before it.
///
/// # Safety
///
/// As for `native_size`; the sizes are those of the object's type.
#[inline(always)]
pub(crate) unsafe fn own_size(
    object: Object,
    rule: SizeRule,
    basic: usize,
    item: usize,
    sizes: &Sizes,
) -> u64 {
    // SAFETY: each rule belongs to a type whose layout was tried.
    unsafe {
        match rule {
            SizeRule::Plain | SizeRule::NotAsked | SizeRule::Ask(_) | SizeRule::Call(_) => {
                let items = if item == 0 {
                    0
                } else if cfg!(Py_3_12)
                    && layout::has_flags(ffi::Py_TYPE(object), ffi::Py_TPFLAGS_LONG_SUBCLASS)
                {
                    layout::int::digits(object)
                } else {
                    layout::read::<isize>(object.cast(), HEADER_BYTES as isize).unsigned_abs()
                };
                (basic as u64).saturating_add(item.saturating_mul(items) as u64)
            }
            SizeRule::List => {
                let list = object.cast::<ffi::PyListObject>();
                // As `list.__sizeof__` counts while a list is sorted: one item less than none.
                basic.wrapping_add(((*list).allocated as usize).wrapping_mul(WORD)) as u64
            }
            SizeRule::Dict => (basic + layout::dict::table_size(object)) as u64,
            SizeRule::Set => {
                let set = object.cast::<ffi::PySetObject>();
                let small = (&raw const (*set).smalltable).cast::<u8>();
                let table = (*set).table.cast::<u8>().cast_const();
                let slots = if table == small { 0 } else { (*set).mask as usize + 1 };
                (basic + slots * 2 * WORD) as u64
            }
            SizeRule::Text => layout::text::size(object),
            SizeRule::Int => {
                let digits = layout::int::digits(object).max(sizes.least_digits);
                (HEADER_BYTES + WORD + 4 * digits) as u64
            }
        }
    }
}
