//! A str's text, characters and memory.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{HEADER, Object, read};

/// Bytes before the characters of a str of ASCII characters.
#[cfg(not(Py_3_12))]
pub(crate) const ASCII_BYTES: usize = 48;
#[cfg(Py_3_12)]
pub(crate) const ASCII_BYTES: usize = super::HEADER_BYTES + 24;
/// Bytes before the characters of any other str made in one piece.
#[cfg(not(Py_3_12))]
pub(crate) const COMPACT_BYTES: usize = 72;
#[cfg(Py_3_12)]
pub(crate) const COMPACT_BYTES: usize = super::HEADER_BYTES + 40;

/// Bits of the state before the kind: whether the str is interned.
const INTERNED_BITS: u32 = if cfg!(Py_GIL_DISABLED) { 8 } else { 2 };

/// What a str's state word says.
#[derive(Clone, Copy)]
pub(crate) struct State(u32);

impl State {
    /// # Safety
    ///
    /// `object` is a str.
    #[inline(always)]
    pub(crate) unsafe fn of(object: Object) -> Self {
        // SAFETY: the word follows the header, the length and the hash.
        Self(unsafe { read(object.cast(), HEADER + 16) })
    }
    /// Bytes a character: 1, 2 or 4; 0 for a str that is not ready.
    #[inline(always)]
    pub(crate) fn width(self) -> usize {
        ((self.0 >> INTERNED_BITS) & 7) as usize
    }
    /// Whether the str is in the interpreter's table of interned ones.
    #[inline(always)]
    pub(crate) fn is_interned(self) -> bool {
        self.0 & ((1 << INTERNED_BITS) - 1) != 0
    }
    #[inline(always)]
    pub(crate) fn is_compact(self) -> bool {
        self.0 & (1 << (INTERNED_BITS + 3)) != 0
    }
    #[inline(always)]
    pub(crate) fn is_ascii(self) -> bool {
        self.0 & (1 << (INTERNED_BITS + 4)) != 0
    }
}

/// How many characters.
///
/// # Safety
///
/// `object` is a str.
#[inline(always)]
pub(crate) unsafe fn length(object: Object) -> usize {
    // SAFETY: the length follows the header.
    unsafe { read(object.cast(), HEADER) }
}

/// Bytes that the str and its caches take, without a collector's header.
///
/// # Safety
///
/// `object` is a str, and its type's basic size is that of str.
#[inline]
pub(crate) unsafe fn size(object: Object) -> u64 {
    // SAFETY: all fields below belong to a str of the kind just found.
    unsafe {
        let state = State::of(object);
        let length = length(object);
        let start = object.cast::<u8>().cast_const();
        let mut size = if state.is_ascii() && state.is_compact() {
            ASCII_BYTES + length + 1
        } else if state.is_compact() {
            COMPACT_BYTES + (length + 1) * state.width()
        } else {
            let data: usize = read(start, COMPACT_BYTES as isize);
            COMPACT_BYTES + 8 + if data != 0 { (length + 1) * state.width() } else { 0 }
        };
        if !(state.is_ascii() && state.is_compact()) {
            let utf8: usize = read(start, ASCII_BYTES as isize + 8);
            let data: usize =
                if state.is_compact() { 0 } else { read(start, COMPACT_BYTES as isize) };
            if utf8 != 0 && utf8 != data {
                size += read::<usize>(start, ASCII_BYTES as isize) + 1;
            }
        }
        #[cfg(not(Py_3_12))]
        {
            let wide: usize = read(start, 40);
            let shared = if state.is_ascii() && state.is_compact() {
                false
            } else if state.is_compact() {
                state.width() == 4 && wide == start as usize + COMPACT_BYTES
            } else {
                wide == read::<usize>(start, COMPACT_BYTES as isize)
            };
            if wide != 0 && !shared {
                let characters = if state.is_ascii() && state.is_compact() {
                    length
                } else {
                    read::<usize>(start, 64)
                };
                size += (characters + 1) * 4;
            }
        }
        size as u64
    }
}

/// Whether characters may be read where the layout says they are.
pub(crate) static READABLE: AtomicBool = AtomicBool::new(true);

/// The same through the public interface, a character at a time.
///
/// # Safety
///
/// As for `append`.
unsafe fn append_by_character(object: Object, most: usize, out: &mut Vec<u8>) {
    // SAFETY: as the caller promises; an index below the length.
    unsafe {
        let length = pyo3::ffi::PyUnicode_GetLength(object).max(0) as usize;
        for at in 0..length.min(most) {
            let code = pyo3::ffi::PyUnicode_ReadChar(object, at as isize);
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if length > most {
            out.extend_from_slice("…".as_bytes());
        }
    }
}

/// Appends at most `most` characters in UTF-8, then an ellipsis if there are more.
/// Lone surrogates become U+FFFD.
///
/// # Safety
///
/// `object` is a str.
pub(crate) unsafe fn append(object: Object, most: usize, out: &mut Vec<u8>) {
    if object.is_null() {
        return;
    }
    if !READABLE.load(Ordering::Relaxed) {
        // SAFETY: as the caller promises.
        return unsafe { append_by_character(object, most, out) };
    }
    // SAFETY: the characters lie where the state says; a str that is not
    // ready (before 3.12) is left out.
    unsafe {
        let state = State::of(object);
        let (length, width) = (length(object), state.width());
        let start = object.cast::<u8>().cast_const();
        let data: *const u8 = if state.is_compact() {
            start.add(if state.is_ascii() { ASCII_BYTES } else { COMPACT_BYTES })
        } else {
            read(start, COMPACT_BYTES as isize)
        };
        if data.is_null() || !matches!(width, 1 | 2 | 4) {
            return;
        }
        let shown = length.min(most);
        if state.is_ascii() {
            out.extend_from_slice(std::slice::from_raw_parts(data, shown));
        } else {
            for at in 0..shown {
                let code = match width {
                    1 => u32::from(read::<u8>(data, at as isize)),
                    2 => u32::from(read::<u16>(data, 2 * at as isize)),
                    _ => read::<u32>(data, 4 * at as isize),
                };
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        if shown < length {
            out.extend_from_slice("…".as_bytes());
        }
    }
}
