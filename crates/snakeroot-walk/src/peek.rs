//! Reads memory that may not be there.
//!
//! For the probes: an offset is looked for by trying words that may be
//! anything, and asking the system to read them cannot crash. And for memory
//! that is no object's, which nothing keeps in place.

/// The word at `address`, or `None` if nothing can be read there.
#[cfg(target_os = "linux")]
pub(crate) fn word(address: usize) -> Option<usize> {
    let mut word = 0_usize;
    let local = libc::iovec { iov_base: (&raw mut word).cast(), iov_len: size_of::<usize>() };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: size_of::<usize>() };
    // SAFETY: the system checks `remote` and writes no more than `local` holds,
    // which lives until the call returns.
    let got = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    if got == size_of::<usize>() as isize {
        return Some(word);
    }
    match std::io::Error::last_os_error().raw_os_error() {
        // Some sandboxes forbid the call even for the own process.
        Some(libc::EPERM | libc::ENOSYS) => word_from_file(address),
        _ => None,
    }
}

/// Reads as many words from `address` on as can be read; how many.
#[cfg(target_os = "linux")]
pub(crate) fn words(address: usize, into: &mut [usize]) -> usize {
    let bytes = size_of_val(into);
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: bytes };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: bytes };
    // SAFETY: the system checks `remote` and writes no more than `local` holds,
    // which lives until the call returns.
    let got = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    if got < 0 {
        // Forbidden, or nothing is there: a word at a time tells.
        let read = into.iter_mut().enumerate().map_while(|(at, into)| {
            *into = word(address + at * size_of::<usize>())?;
            Some(())
        });
        return read.count();
    }
    got as usize / size_of::<usize>()
}

/// The words from `address` on: never known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn words(_address: usize, _into: &mut [usize]) -> usize {
    0
}

/// The same through the file system, for where the call is forbidden.
#[cfg(target_os = "linux")]
fn word_from_file(address: usize) -> Option<usize> {
    use std::os::unix::fs::FileExt;
    let memory = std::fs::File::open("/proc/self/mem").ok()?;
    let mut bytes = [0; size_of::<usize>()];
    memory.read_exact_at(&mut bytes, address as u64).ok()?;
    Some(usize::from_ne_bytes(bytes))
}

/// The word at `address`: never known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn word(_address: usize) -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_and_a_hole_is_not() {
        let here = 0x1234_5678_usize;
        let address = &raw const here as usize;
        assert_eq!(word(address), Some(here));
        assert_eq!(word_from_file(address), Some(here));
        assert_eq!(word(8), None);
        assert_eq!(word_from_file(8), None);
        assert_eq!(word(usize::MAX - 20), None);
        let mut both = [0; 2];
        let here = [7_usize, 8];
        assert_eq!(words(here.as_ptr() as usize, &mut both), 2);
        assert_eq!(both, here);
        assert_eq!(words(8, &mut both), 0);
    }
}
