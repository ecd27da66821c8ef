//! Where an instance's attributes lie.

use super::{HEADER, Object, Type, WORD, read};

/// Words from the pointer to the dict to the object: the collector's header
/// lies between, where there is one.
#[cfg(Py_3_11)]
const DICT_WORDS: isize = if cfg!(Py_GIL_DISABLED) { 1 } else { 3 };

/// An instance's attributes.
#[derive(Clone, Copy)]
pub(crate) enum Found {
    /// None at all.
    Nothing,
    /// In a dict.
    Dict(Object),
    /// In an array that shares the type's keys; no dict was made.
    #[cfg_attr(not(Py_3_11), allow(dead_code))]
    Values(*const u8),
}

/// The attributes of an instance whose type manages them.
///
/// # Safety
///
/// `object` is an instance of `ty`, which has the flag `MANAGED_DICT`.
#[inline(always)]
pub(crate) unsafe fn managed(object: Object, ty: Type) -> Found {
    let start = object.cast::<u8>().cast_const();
    let _ = ty;
    #[cfg(Py_3_13)]
    {
        // SAFETY: the word before the collector's header; the values lie
        // behind the object's fields when the type says so.
        unsafe {
            let dict: Object = read(start, -(DICT_WORDS * WORD as isize));
            if !dict.is_null() {
                return Found::Dict(dict);
            }
            if super::has_flags(ty, super::type_flags::INLINE_VALUES) {
                let block = start.offset((*ty).tp_basicsize);
                // capacity, size, embedded, valid: one byte each
                if read::<u8>(block, 3) != 0 {
                    return Found::Values(block.add(WORD));
                }
            }
            Found::Nothing
        }
    }
    #[cfg(all(Py_3_12, not(Py_3_13)))]
    {
        // SAFETY: the word before the collector's header: a dict, or the
        // address of the values less one.
        let word: usize = unsafe { read(start, -(DICT_WORDS * WORD as isize)) };
        if word == 0 {
            Found::Nothing
        } else if word & 1 != 0 {
            Found::Values((word + 1) as *const u8)
        } else {
            Found::Dict(word as Object)
        }
    }
    #[cfg(all(Py_3_11, not(Py_3_12)))]
    {
        // SAFETY: the two words before the collector's header.
        unsafe {
            let dict: Object = read(start, -(DICT_WORDS * WORD as isize));
            if !dict.is_null() {
                return Found::Dict(dict);
            }
            let values: *const u8 = read(start, -(4 * WORD as isize));
            if values.is_null() { Found::Nothing } else { Found::Values(values) }
        }
    }
    #[cfg(not(Py_3_11))]
    {
        let _ = (start, WORD);
        Found::Nothing
    }
}

/// The dict of an instance whose type says where it lies.
///
/// # Safety
///
/// `object` is an instance of `ty`, and `offset` is its `tp_dictoffset`,
/// not 0 and not managed.
#[inline(always)]
pub(crate) unsafe fn at_offset(object: Object, ty: Type, offset: isize) -> Object {
    // SAFETY: a negative offset counts from the object's end, which
    // depends on its number of items.
    unsafe {
        let from_start = if offset > 0 {
            offset
        } else {
            let items =
                if cfg!(Py_3_12) && super::has_flags(ty, pyo3::ffi::Py_TPFLAGS_LONG_SUBCLASS) {
                    super::int::digits(object).max(1) as isize
                } else {
                    read::<isize>(object.cast(), HEADER).abs()
                };
            let size = (*ty).tp_basicsize + (*ty).tp_itemsize * items;
            (size + 7) / 8 * 8 + offset
        };
        read(object.cast(), from_start)
    }
}
