//! How CPython lays out the objects that are read from memory: str, int, dict,
//! set, the attributes of instances.
//!
//! Nothing here runs Python code or writes. Each layout is tried on known
//! objects before it is used (see `probe`), because it may differ between patch
//! levels. Lists and tuples have their layout from `pyo3::ffi`.

use std::ffi::c_ulong;
#[cfg(Py_GIL_DISABLED)]
use std::sync::atomic::Ordering;

use pyo3::ffi;

/// A Python object's address.
pub(crate) type Object = *mut ffi::PyObject;
/// A type object's address.
pub(crate) type Type = *mut ffi::PyTypeObject;

pub(crate) const WORD: usize = size_of::<usize>();
/// Bytes of an object before what its type adds: the reference count and the
/// type, on free-threaded builds the owner, a lock and the collector's bits too.
pub(crate) const HEADER_BYTES: usize = size_of::<ffi::PyObject>();
/// Bytes of an object before the word with its type.
pub(crate) const TYPE_BYTES: usize = std::mem::offset_of!(ffi::PyObject, ob_type);
const HEADER: isize = HEADER_BYTES as isize;

/// What stands `offset` bytes into the memory at `start`.
///
/// # Safety
///
/// There is a `T` there that can be read.
#[inline(always)]
pub(crate) unsafe fn read<T: Copy>(start: *const u8, offset: isize) -> T {
    // SAFETY: as the caller promises; alignment is not assumed.
    unsafe { start.offset(offset).cast::<T>().read_unaligned() }
}

/// Flags of types that CPython keeps to itself.
pub(crate) mod type_flags {
    use super::c_ulong;

    /// Attributes lie before the object (3.11 and later).
    pub(crate) const MANAGED_DICT: c_ulong = 1 << 4;
    /// Weak references lie before the object (3.12 and later).
    #[cfg(Py_3_12)]
    pub(crate) const MANAGED_WEAKREF: c_ulong = 1 << 3;
    /// Attributes lie behind the object (3.13 and later).
    #[cfg(Py_3_13)]
    pub(crate) const INLINE_VALUES: c_ulong = 1 << 2;
}

/// A type's flags.
///
/// # Safety
///
/// `ty` is a type.
#[inline(always)]
pub(crate) unsafe fn flags(ty: Type) -> c_ulong {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(Py_GIL_DISABLED))]
        return (*ty).tp_flags;
        #[cfg(Py_GIL_DISABLED)]
        return (*ty).tp_flags.load(Ordering::Relaxed);
    }
}

/// Whether a type has all of `flags`.
///
/// # Safety
///
/// `ty` is a type.
#[inline(always)]
pub(crate) unsafe fn has_flags(ty: Type, wanted: c_ulong) -> bool {
    // SAFETY: as the caller promises.
    unsafe { flags(ty) & wanted == wanted }
}

/// An object's type. One that was never made ready has none itself: it counts
/// as a plain object.
///
/// # Safety
///
/// `object` is an object.
#[inline(always)]
pub(crate) unsafe fn type_of(object: Object) -> Type {
    // SAFETY: as the caller promises.
    let ty = unsafe { ffi::Py_TYPE(object) };
    if ty.is_null() { &raw mut ffi::PyBaseObject_Type } else { ty }
}

/// Whether the collector tracks an object.
///
/// # Safety
///
/// `object` is an object.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) unsafe fn is_tracked(object: Object) -> bool {
    // SAFETY: as the caller promises.
    unsafe { !ffi::Py_TYPE(object).is_null() && ffi::PyObject_GC_IsTracked(object) != 0 }
}

/// The reference count as a snapshot keeps it, and whether it never changes.
///
/// # Safety
///
/// `object` is an object.
#[inline(always)]
pub(crate) unsafe fn refcount(object: Object) -> (u32, bool) {
    #[cfg(Py_GIL_DISABLED)]
    {
        // Counted so for good: the collector alone frees the object.
        const DEFERRED: isize = isize::MAX / 8;
        const FLAG_BITS: u32 = 2;
        // SAFETY: the owner's count and the others', whose threads stand still.
        let (own, shared) = unsafe {
            (
                (*object).ob_ref_local.load(Ordering::Relaxed),
                (*object).ob_ref_shared.load(Ordering::Relaxed) >> FLAG_BITS,
            )
        };
        if own == u32::MAX {
            return (u32::MAX, true);
        }
        let count = own as isize + shared;
        let count = if count > DEFERRED / 2 { count - DEFERRED } else { count };
        (u32::try_from(count.max(0)).unwrap_or(u32::MAX), false)
    }
    #[cfg(all(Py_3_12, not(Py_GIL_DISABLED)))]
    {
        // SAFETY: the count's low half is the object's first 32 bits.
        let count: u32 = unsafe { read(object.cast(), 0) };
        if (count as i32) < 0 { (u32::MAX, true) } else { (count, false) }
    }
    #[cfg(not(Py_3_12))]
    {
        // Objects built into the interpreter start with about 10^9 (3.11).
        const NEVER_FREED: usize = 900_000_000;
        // SAFETY: the count is the object's first word.
        let count: usize = unsafe { read(object.cast(), 0) };
        if count >= NEVER_FREED {
            (u32::MAX, true)
        } else {
            (u32::try_from(count).unwrap_or(u32::MAX), false)
        }
    }
}

/// What the collector has noted in an object.
#[cfg(Py_GIL_DISABLED)]
pub(crate) mod gc_bits {
    /// The object is tracked.
    pub(crate) const TRACKED: u8 = 1;
    /// A collection that is under way has found it unreachable.
    pub(crate) const UNREACHABLE: u8 = 1 << 2;
    /// `gc.freeze` has set it aside.
    pub(crate) const FROZEN: u8 = 1 << 3;

    /// The bits of an object.
    ///
    /// # Safety
    ///
    /// `object` is an object.
    #[inline(always)]
    pub(crate) unsafe fn of(object: super::Object) -> u8 {
        // SAFETY: a byte of the header.
        unsafe { (*object).ob_gc_bits }
    }
}

/// Whether the collector tracks an object.
///
/// # Safety
///
/// `object` is an object.
#[cfg(Py_GIL_DISABLED)]
#[inline(always)]
pub(crate) unsafe fn is_tracked(object: Object) -> bool {
    // SAFETY: as the caller promises. What cannot be tracked has the bit clear.
    unsafe { gc_bits::of(object) & gc_bits::TRACKED != 0 }
}

/// Whether nobody holds or waits for an object's lock: then a C function that
/// takes it, while all other threads stand still, gets it.
///
/// # Safety
///
/// `object` is an object.
#[cfg(Py_GIL_DISABLED)]
#[inline(always)]
pub(crate) unsafe fn is_unlocked(object: Object) -> bool {
    const LOCK: isize = std::mem::offset_of!(ffi::PyObject, ob_mutex) as isize;
    // SAFETY: the lock is a byte of the header.
    unsafe { read::<u8>(object.cast(), LOCK) == 0 }
}

/// A str's text, characters and memory.
pub(crate) mod text {
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
}

/// An int's digits.
pub(crate) mod int {
    use super::{HEADER, Object, read};

    /// How many digits of 30 bits.
    ///
    /// # Safety
    ///
    /// `object` is an int.
    #[inline(always)]
    pub(crate) unsafe fn digits(object: Object) -> usize {
        // SAFETY: the word behind the header.
        let tag: isize = unsafe { read(object.cast(), HEADER) };
        if cfg!(Py_3_12) { tag as usize >> 3 } else { tag.unsigned_abs() }
    }

    /// The value, if it has at most two digits.
    ///
    /// # Safety
    ///
    /// `object` is an int.
    pub(crate) unsafe fn small(object: Object) -> Option<i64> {
        // SAFETY: the digits follow the word behind the header.
        unsafe {
            let tag: isize = read(object.cast(), HEADER);
            let count = digits(object);
            let magnitude = match count {
                0 => 0,
                1 => i64::from(read::<u32>(object.cast(), HEADER + 8)),
                2 => {
                    i64::from(read::<u32>(object.cast(), HEADER + 8))
                        | i64::from(read::<u32>(object.cast(), HEADER + 12)) << 30
                }
                _ => return None,
            };
            let negative = if cfg!(Py_3_12) { tag & 3 == 2 } else { tag < 0 };
            Some(if negative { -magnitude } else { magnitude })
        }
    }
}

/// A code object's instructions.
#[cfg(Py_3_11)]
pub(crate) mod code {
    use super::{HEADER, Object, WORD, read};

    /// Bytes from the start of the instructions to one of them; `None` for an
    /// address that is not in them.
    ///
    /// `copies` is the word that leads to the copies for each thread, where
    /// there are any.
    ///
    /// # Safety
    ///
    /// `code` is a code object that does not change meanwhile.
    pub(crate) unsafe fn offset(
        code: Object,
        instruction: usize,
        copies: Option<usize>,
    ) -> Option<usize> {
        // SAFETY: instructions of two bytes, as many as the size says, lie
        // behind the fields; the copies are as long, and an array of them
        // begins with how many there are.
        unsafe {
            let fields = (*pyo3::ffi::Py_TYPE(code)).tp_basicsize as usize;
            let length = 2 * read::<usize>(code.cast(), HEADER);
            let within = |start: usize| {
                (start != 0 && (start..start + length).contains(&instruction))
                    .then(|| instruction - start)
            };
            within(code as usize + fields).or_else(|| {
                let copies: *const u8 = read(code.cast(), copies? as isize);
                let count = if copies.is_null() { 0 } else { read::<usize>(copies, 0) };
                (1..=count).find_map(|at| within(read(copies, (at * WORD) as isize)))
            })
        }
    }
}

/// A dict's table.
pub(crate) mod dict {
    use super::{HEADER, Object, WORD, read};

    /// A keys object: the table's keys, and in a combined table the values.
    #[derive(Clone, Copy)]
    pub(crate) struct Keys(pub(crate) *const u8);

    /// How a table's entries lie.
    #[derive(Clone, Copy)]
    pub(crate) struct Entries {
        pub(crate) first: *const u8,
        pub(crate) count: usize,
        /// Bytes from one entry to the next.
        pub(crate) stride: usize,
        /// Bytes from an entry's start to its key; the value follows.
        pub(crate) key: usize,
    }

    impl Entries {
        /// The key of entry `at`; null where the entry was deleted.
        ///
        /// # Safety
        ///
        /// `at` is below `count` and the table is as it was.
        #[inline(always)]
        pub(crate) unsafe fn key(&self, at: usize) -> Object {
            // SAFETY: as the caller promises.
            unsafe { read(self.first, (at * self.stride + self.key) as isize) }
        }

        /// The value of entry `at` of a combined table; null where it was deleted.
        ///
        /// # Safety
        ///
        /// As for `key`.
        #[inline(always)]
        pub(crate) unsafe fn value(&self, at: usize) -> Object {
            // SAFETY: as the caller promises.
            unsafe { read(self.first, (at * self.stride + self.key + WORD) as isize) }
        }
    }

    impl Keys {
        /// How often the keys are referred to: 1 unless they are shared.
        ///
        /// # Safety
        ///
        /// This is a keys object; so for all below.
        #[inline(always)]
        pub(crate) unsafe fn refcount(self) -> isize {
            // SAFETY: its first word.
            unsafe { read(self.0, 0) }
        }

        /// # Safety
        ///
        /// As above.
        #[cfg(Py_3_11)]
        #[inline(always)]
        pub(crate) unsafe fn entries(self) -> Entries {
            // SAFETY: the header's fields, as the probe found them.
            unsafe {
                let index_bytes = 1_usize << read::<u8>(self.0, 9);
                let general = read::<u8>(self.0, 10) == 0;
                Entries {
                    first: self.0.add(32 + index_bytes),
                    count: read::<usize>(self.0, 24),
                    stride: if general { 24 } else { 16 },
                    key: if general { 8 } else { 0 },
                }
            }
        }

        /// # Safety
        ///
        /// As above.
        #[cfg(not(Py_3_11))]
        #[inline(always)]
        pub(crate) unsafe fn entries(self) -> Entries {
            // SAFETY: the header's fields, as the probe found them.
            unsafe {
                let slots: usize = read(self.0, 8);
                Entries {
                    first: self.0.add(40 + slots * index_width(slots)),
                    count: read::<usize>(self.0, 32),
                    stride: 24,
                    key: 8,
                }
            }
        }

        /// Whether all keys are str, and none of a class derived from it.
        ///
        /// # Safety
        ///
        /// As above.
        #[cfg(Py_3_14)]
        pub(crate) unsafe fn has_only_text(self) -> bool {
            // SAFETY: the header's fields, as the probe found them.
            unsafe { read::<u8>(self.0, 10) != 0 }
        }

        /// Bytes that the keys object takes.
        ///
        /// # Safety
        ///
        /// As above.
        #[inline(always)]
        pub(crate) unsafe fn size(self) -> usize {
            // SAFETY: the header's fields, as the probe found them.
            unsafe {
                #[cfg(Py_3_11)]
                {
                    let slots = 1_usize << read::<u8>(self.0, 8);
                    let stride = if read::<u8>(self.0, 10) == 0 { 24 } else { 16 };
                    32 + (1_usize << read::<u8>(self.0, 9)) + (slots << 1) / 3 * stride
                }
                #[cfg(not(Py_3_11))]
                {
                    let slots: usize = read(self.0, 8);
                    40 + slots * index_width(slots) + (slots << 1) / 3 * 24
                }
            }
        }

        /// How many values a dict that shares these keys has room for.
        ///
        /// # Safety
        ///
        /// As above.
        #[inline(always)]
        unsafe fn shared_capacity(self) -> usize {
            // SAFETY: the header's fields, as the probe found them.
            unsafe {
                #[cfg(Py_3_11)]
                {
                    read::<usize>(self.0, 16) + read::<usize>(self.0, 24)
                }
                #[cfg(not(Py_3_11))]
                {
                    (read::<usize>(self.0, 8) << 1) / 3
                }
            }
        }
    }

    #[cfg(not(Py_3_11))]
    fn index_width(slots: usize) -> usize {
        match slots {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 8,
        }
    }

    /// The keys of a dict.
    ///
    /// # Safety
    ///
    /// `object` is a dict.
    #[inline(always)]
    pub(crate) unsafe fn keys(object: Object) -> Keys {
        // SAFETY: header, count, version, then the keys.
        Keys(unsafe { read(object.cast(), HEADER + 16) })
    }

    /// Where the values of a dict that shares its keys lie; null otherwise.
    ///
    /// # Safety
    ///
    /// `object` is a dict.
    #[inline(always)]
    pub(crate) unsafe fn shared_values(object: Object) -> *const u8 {
        // SAFETY: the word behind the keys.
        let values: *const u8 = unsafe { read(object.cast(), HEADER + 24) };
        values_array(values)
    }

    /// The array in a block of values.
    #[inline(always)]
    pub(crate) fn values_array(block: *const u8) -> *const u8 {
        if cfg!(Py_3_13) && !block.is_null() { block.wrapping_add(WORD) } else { block }
    }

    /// Bytes that a dict takes behind its basic size.
    ///
    /// # Safety
    ///
    /// `object` is a dict.
    #[inline(always)]
    pub(crate) unsafe fn table_size(object: Object) -> usize {
        // SAFETY: the dict's own keys.
        unsafe {
            let keys = keys(object);
            let mut size = 0;
            if !shared_values(object).is_null() {
                size += keys.shared_capacity() * WORD;
            }
            if keys.refcount() == 1 {
                size += keys.size();
            }
            size
        }
    }

    /// Whether two objects are str of the same ASCII characters.
    ///
    /// # Safety
    ///
    /// `found` is null or an object, `word` a str of ASCII characters.
    unsafe fn same_word(found: Object, word: Object) -> bool {
        use super::text::{ASCII_BYTES, State, length};
        // SAFETY: the characters of a compact ASCII str lie behind its header.
        unsafe {
            if found.is_null() || pyo3::ffi::Py_TYPE(found) != pyo3::ffi::Py_TYPE(word) {
                return false;
            }
            let (state, count) = (State::of(found), length(word));
            if !state.is_ascii() || !state.is_compact() || length(found) != count {
                return false;
            }
            let bytes = |object: Object| {
                std::slice::from_raw_parts(object.cast::<u8>().add(ASCII_BYTES), count)
            };
            bytes(found) == bytes(word)
        }
    }

    /// The value under a str; null if there is none. For the dicts of types and
    /// modules: no hash and no comparison of Python's is asked.
    ///
    /// # Safety
    ///
    /// `object` is a dict.
    pub(crate) unsafe fn get_identical(object: Object, key: Object) -> Object {
        // SAFETY: the dict's own table; values of a shared table lie apart.
        unsafe {
            let entries = keys(object).entries();
            let shared = shared_values(object);
            for at in 0..entries.count {
                let found = entries.key(at);
                if found == key || same_word(found, key) {
                    return if shared.is_null() {
                        entries.value(at)
                    } else {
                        read(shared, (at * WORD) as isize)
                    };
                }
            }
            std::ptr::null_mut()
        }
    }
}

/// Where an instance's attributes lie.
pub(crate) mod attributes {
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
}
