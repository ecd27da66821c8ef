//! A code object's instructions.

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
