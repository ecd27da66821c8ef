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

pub(crate) mod attributes;
#[cfg(Py_3_11)]
pub(crate) mod code;
pub(crate) mod dict;
pub(crate) mod int;
pub(crate) mod text;

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
        // SAFETY: as the caller promises.
        unsafe {
            if (*object).ob_ref_local.load(Ordering::Relaxed) == u32::MAX {
                return (u32::MAX, true);
            }
            let count = signed_refcount(object).max(0);
            (u32::try_from(count).unwrap_or(u32::MAX - 1), false)
        }
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

/// The references to an object that its header counts; fewer than none where
/// threads count for themselves.
///
/// # Safety
///
/// `object` is an object that is not immortal, and no other thread runs.
#[cfg(Py_GIL_DISABLED)]
#[inline(always)]
pub(crate) unsafe fn signed_refcount(object: Object) -> isize {
    /// Added once where some references are not counted: the collector alone
    /// frees the object.
    const DEFERRED: isize = isize::MAX / 8;
    const FLAG_BITS: u32 = 2;
    const FLAGS: isize = 3;
    /// The queue of objects that another thread has let go of holds one.
    const QUEUED: isize = 2;
    // SAFETY: the owner's count and the others', whose threads stand still.
    let (own, shared, gc_bits) = unsafe {
        (
            (*object).ob_ref_local.load(Ordering::Relaxed) as isize,
            (*object).ob_ref_shared.load(Ordering::Relaxed),
            gc_bits::of(object),
        )
    };
    let count = own + (shared >> FLAG_BITS)
        - isize::from(shared & FLAGS == QUEUED)
        // A collection that is under way holds what it has found to be garbage.
        - isize::from(gc_bits & gc_bits::UNREACHABLE != 0);
    if count > DEFERRED / 2 { count - DEFERRED } else { count }
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
    /// References from stacks need not be counted.
    pub(crate) const DEFERRED: u8 = 1 << 6;

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

/// The buffer of a `BytesIO`.
#[cfg(Py_GIL_DISABLED)]
pub(crate) mod bytes_io {
    use super::{HEADER, Object, ffi, read};

    // Public from 3.14 on, but not declared by `pyo3::ffi`.
    unsafe extern "C" {
        fn PyUnstable_Object_IsUniquelyReferenced(object: Object) -> std::ffi::c_int;
    }

    /// Bytes of the buffer, if it is the object's own.
    ///
    /// # Safety
    ///
    /// Attached; `object` is a `BytesIO` whose layout was tried.
    pub(crate) unsafe fn own_buffer(object: Object) -> u64 {
        const SHARED: isize = HEADER + 6 * super::WORD as isize;
        // SAFETY: as the caller promises; the buffer is null or bytes.
        unsafe {
            let buffer: Object = read(object.cast(), HEADER);
            let is_shared = read::<std::ffi::c_int>(object.cast(), SHARED) != 0;
            if buffer.is_null()
                || ffi::PyBytes_CheckExact(buffer) == 0
                || is_shared
                || PyUnstable_Object_IsUniquelyReferenced(buffer) == 0
            {
                return 0;
            }
            let basic = (&raw const (*ffi::Py_TYPE(buffer)).tp_basicsize).read() as u64;
            basic + ffi::PyBytes_Size(buffer).max(0) as u64
        }
    }
}
