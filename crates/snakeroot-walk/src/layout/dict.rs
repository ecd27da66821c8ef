//! A dict's table.

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
