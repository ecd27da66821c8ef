//! An int's digits.

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
