//! The allocator for large buffers: straight from the system, straight back.
//!
//! A heap's columns are hundreds of megabytes, used once. Through `malloc` their
//! first touch costs a page fault every 4 KiB, growing copies them, and freeing
//! them moves the C library's thresholds for the whole process. Mapped by
//! themselves, in huge pages where the system has them, none of that happens.

use std::alloc::{GlobalAlloc, Layout, System};

/// Allocations from this size on are mapped by themselves: what a thread frees
/// below it, its `malloc` may keep.
const MAPPED_BYTES: usize = 128 << 10;

/// What the system hands out at once where it has huge pages.
#[cfg(target_os = "linux")]
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The system's allocator, but large blocks are mappings of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

#[cfg(target_os = "linux")]
mod mapped {
    use super::HUGE_PAGE_BYTES;

    const PAGE_BYTES: usize = 4096;

    /// What is mapped for a block: whole pages, huge ones for large blocks.
    fn rounded(size: usize) -> usize {
        size.next_multiple_of(if is_huge(size) { HUGE_PAGE_BYTES } else { PAGE_BYTES })
    }

    fn is_huge(size: usize) -> bool {
        size >= 2 * HUGE_PAGE_BYTES
    }

    /// Maps `size` zeroed bytes at a multiple of the huge page; null on failure.
    pub(super) fn map(size: usize) -> *mut u8 {
        let align = if is_huge(size) { HUGE_PAGE_BYTES } else { PAGE_BYTES };
        let Some(padded) = size.checked_next_multiple_of(align).and_then(|whole| {
            // Room to move the start to where huge pages can begin.
            whole.checked_add(align - PAGE_BYTES)
        }) else {
            return std::ptr::null_mut();
        };
        let size = rounded(size);
        // SAFETY: a new private mapping at an address of the system's choice
        // touches no memory that anyone has.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                padded,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return std::ptr::null_mut();
        }
        let start = start.cast::<u8>();
        let skip = start.align_offset(align);
        // SAFETY: both pieces lie in the mapping just made, outside the part
        // that is handed out, and are page aligned; `skip` is below one huge
        // page, by which the mapping is larger than `size`.
        unsafe {
            if skip > 0 {
                libc::munmap(start.cast(), skip);
            }
            let end = start.add(skip + size);
            if padded > skip + size {
                libc::munmap(end.cast(), padded - skip - size);
            }
            let start = start.add(skip);
            if is_huge(size) {
                // Advice: where it is not taken, pages are small and all is well.
                libc::madvise(start.cast(), size, libc::MADV_HUGEPAGE);
            }
            start
        }
    }

    /// Gives back what `map` or `remap` gave for `size`.
    ///
    /// # Safety
    ///
    /// `start` came from there for that size, and nobody uses it any more.
    pub(super) unsafe fn unmap(start: *mut u8, size: usize) {
        // SAFETY: as the caller promises.
        unsafe { libc::munmap(start.cast(), rounded(size)) };
    }

    /// Grows or shrinks a mapping, moving it if need be; null on failure.
    ///
    /// # Safety
    ///
    /// As for `unmap`; after success the old address must not be used.
    pub(super) unsafe fn remap(start: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        let moved =
            unsafe { libc::mremap(start.cast(), rounded(old), rounded(new), libc::MREMAP_MAYMOVE) };
        if moved == libc::MAP_FAILED {
            return std::ptr::null_mut();
        }
        if is_huge(new) {
            // SAFETY: the mapping just made, whole.
            unsafe { libc::madvise(moved, rounded(new), libc::MADV_HUGEPAGE) };
        }
        moved.cast()
    }
}

// SAFETY: blocks below `MAPPED_BYTES` are the system allocator's from first to
// last; the others are mappings of their own, aligned to a page at least, which
// is more than any layout here asks for (checked in `is_mapped`). A block that
// crosses the line by `realloc` is copied from one to the other.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if is_mapped(layout.size(), layout) {
            return mapped::map(layout.size());
        }
        // SAFETY: the caller's promise for `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if is_mapped(layout.size(), layout) {
            return mapped::map(layout.size());
        }
        // SAFETY: the caller's promise for `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        #[cfg(target_os = "linux")]
        if is_mapped(layout.size(), layout) {
            // SAFETY: a block of this layout came from `mapped`.
            return unsafe { mapped::unmap(start, layout.size()) };
        }
        // SAFETY: a block of this layout came from the system.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        #[cfg(target_os = "linux")]
        {
            let (old, new) = (is_mapped(layout.size(), layout), is_mapped(new_size, layout));
            if old && new {
                // SAFETY: a block of this layout came from `mapped`.
                return unsafe { mapped::remap(start, layout.size(), new_size) };
            }
            if old || new {
                // SAFETY: the caller promises that `new_size` makes a layout
                // with this alignment.
                let new_layout =
                    unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
                // SAFETY: the new block does not overlap the old one, both are
                // at least as long as what is copied, and the old one is freed
                // by the layout it had.
                unsafe {
                    let moved = self.alloc(new_layout);
                    if !moved.is_null() {
                        std::ptr::copy_nonoverlapping(start, moved, layout.size().min(new_size));
                        self.dealloc(start, layout);
                    }
                    return moved;
                }
            }
        }
        // SAFETY: the caller's promise for `realloc`; the block is the system's.
        unsafe { System.realloc(start, layout, new_size) }
    }
}

#[cfg(target_os = "linux")]
fn is_mapped(size: usize, layout: Layout) -> bool {
    size >= MAPPED_BYTES && layout.align() <= 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_bytes_across_the_line_and_back() {
        let sizes = [100, MAPPED_BYTES - 1, MAPPED_BYTES, 3 * MAPPED_BYTES + 5, 64 << 20, 1000];
        let layout = |size| Layout::from_size_align(size, 16).unwrap();
        // SAFETY: each block is used within its size and freed by its layout.
        unsafe {
            let mut block = Allocator.alloc_zeroed(layout(sizes[0]));
            for at in 0..sizes[0] {
                assert_eq!(*block.add(at), 0);
                *block.add(at) = at as u8;
            }
            for pair in sizes.windows(2) {
                block = Allocator.realloc(block, layout(pair[0]), pair[1]);
                assert!(!block.is_null());
                for at in 0..sizes[0] {
                    assert_eq!(*block.add(at), at as u8);
                }
                *block.add(pair[1] - 1) = 7;
                *block.add(sizes[0] - 1) = (sizes[0] - 1) as u8;
            }
            Allocator.dealloc(block, layout(1000));
        }
    }
}
