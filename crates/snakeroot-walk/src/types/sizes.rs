//! How the sizes of a type's instances are found.

use super::attributes::inherited_attribute;
use super::{SizeRule, header};
use crate::layout::{self, HEADER_BYTES, Object, Type, WORD};
use crate::probe::{Probe, SizeFunction, Sizes};
use pyo3::ffi;

/// How the sizes of a type's instances are found.
pub(super) unsafe fn size_rule(ty: Type, probe: &Probe) -> SizeRule {
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
        if of_ours
            && let (Some(function), Some(known)) = (size_function(found), probe.sizes.bytes_io)
            && function as usize == known as usize
        {
            return SizeRule::BytesIo;
        }
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
        let name = std::ffi::CStr::from_ptr((*owner).tp_name).to_bytes();
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
                if cfg!(Py_GIL_DISABLED) && (*list).ob_item.is_null() {
                    return basic as u64;
                }
                // As `list.__sizeof__` counts while a list is sorted: one item less than none.
                basic.wrapping_add(((*list).allocated as usize).wrapping_mul(WORD)) as u64
            }
            #[cfg(Py_GIL_DISABLED)]
            SizeRule::BytesIo => basic as u64 + layout::bytes_io::own_buffer(object),
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
