//! Reads memory that may not be there.
//!
//! Only for the probes: an offset is looked for by trying words that may be
//! anything, and asking the system to read them cannot crash.

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
    }
}
