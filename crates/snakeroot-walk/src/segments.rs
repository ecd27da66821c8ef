//! Memory that is no object's: the variables of the interpreter and of the
//! libraries that were loaded.
//!
//! Only looked through for objects that are known to be held by something.

use std::collections::HashSet;
#[cfg(target_os = "linux")]
use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;

use crate::peek;

/// Whose variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The interpreter's.
    Interpreter,
    /// Those of a library, by the name of its file.
    Library(Box<str>),
}

/// A range of memory with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) owner: Owner,
}

impl Segment {
    /// Calls `each` with every word that can be read.
    pub(crate) fn for_each_word(&self, mut each: impl FnMut(usize)) {
        self.for_each_place(|_, word| each(word));
    }

    /// Calls `each` with every word that can be read and where it stands.
    fn for_each_place(&self, mut each: impl FnMut(usize, usize)) {
        let mut words = vec![0_usize; 1 << 13];
        let mut at = self.start;
        while at < self.end {
            let wanted = ((self.end - at) / size_of::<usize>()).min(words.len());
            let got = peek::words(at, &mut words[..wanted]);
            if got == 0 {
                break;
            }
            let places = (at..).step_by(size_of::<usize>());
            places.zip(&words[..got]).for_each(|(at, &word)| each(at, word));
            at += got * size_of::<usize>();
        }
    }
}

/// Where the interpreter keeps the memory of objects that are gone, for new
/// ones: a place there may lead to an object that has come to lie there since.
///
/// `gone` are the addresses of objects of one type that were just freed, more
/// of them than are kept.
pub(crate) fn free_list(segments: &[Segment], gone: &HashSet<usize>) -> Option<Range<usize>> {
    /// Fewer words side by side may be there by chance.
    const FEWEST: usize = 16;
    let mut places = Vec::new();
    for segment in segments.iter().filter(|it| it.owner == Owner::Interpreter) {
        segment.for_each_place(|at, word| {
            if gone.contains(&word) {
                places.push(at);
            }
        });
    }
    let runs = places.chunk_by(|one, next| one + size_of::<usize>() == *next);
    let longest = runs.max_by_key(|run| run.len()).filter(|run| run.len() >= FEWEST)?;
    Some(longest[0]..longest[longest.len() - 1] + size_of::<usize>())
}

/// Segments without some ranges of memory.
pub(crate) fn without(segments: Vec<Segment>, ranges: &[Range<usize>]) -> Vec<Segment> {
    ranges.iter().fold(segments, |segments, range| {
        let parts = segments.into_iter().flat_map(|segment| {
            let before = Segment { end: segment.end.min(range.start), ..segment.clone() };
            let after = Segment { start: segment.start.max(range.end), ..segment };
            [before, after]
        });
        let mut parts: Vec<Segment> = parts.filter(|part| part.start < part.end).collect();
        parts.dedup();
        parts
    })
}

/// The part of the first thread's stack where the process began.
#[cfg(target_os = "linux")]
pub(crate) fn bottom_of_stack() -> Option<Range<usize>> {
    const BYTES: usize = 1 << 20;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (address(start)?, address(end)?);
    Some(start.max(end.saturating_sub(BYTES))..end)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bottom_of_stack() -> Option<Range<usize>> {
    None
}

/// Of some lists, those that hold what a compiled script was made of: a script
/// that is run as such keeps it until it ends.
///
/// The function that runs it has the address of a compiler's arena on its
/// stack: where memory is taken from, first and current block, and the list.
pub(crate) fn texts_of_scripts(lists: &HashSet<usize>) -> HashSet<usize> {
    let mut found = HashSet::new();
    let Some(Range { start, end }) = bottom_of_stack().filter(|_| !lists.is_empty()) else {
        return found;
    };
    let mut seen = HashSet::new();
    let stack = Segment { start, end, owner: Owner::Interpreter };
    stack.for_each_word(|word| {
        let is_memory = word > 4096 && word.is_multiple_of(16) && !(start..end).contains(&word);
        let mut arena = [0; 3];
        if is_memory && seen.insert(word) && peek::words(word, &mut arena) == arena.len() {
            let [first, current, list] = arena;
            if lists.contains(&list) && first != 0 && current != 0 {
                found.insert(list);
            }
        }
    });
    found
}

/// The variables of this process's libraries, the interpreter's first.
///
/// `state` is the address of the interpreter's state, which before 3.11 lies
/// apart from its variables; `ty` that of a type built into the interpreter.
#[cfg(target_os = "linux")]
pub(crate) fn of_process(state: usize, ty: usize) -> Vec<Segment> {
    /// More than an interpreter's state takes where it lies apart.
    const STATE_BYTES: usize = 16 << 10;

    unsafe extern "C" fn each(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        found: *mut c_void,
    ) -> c_int {
        // SAFETY: the vector passed below, used by nobody else until the call
        // returns; the loader describes what it has loaded.
        unsafe {
            let found = &mut *found.cast::<Vec<Segment>>();
            let info = &*info;
            let path = match info.dlpi_name.is_null() {
                true => Vec::new(),
                false => CStr::from_ptr(info.dlpi_name).to_bytes().to_vec(),
            };
            let path = String::from_utf8_lossy(&path).into_owned();
            let name = path.rsplit('/').next().unwrap_or(&path);
            if info.dlpi_phdr.is_null() {
                return 0;
            }
            let parts = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            for part in parts {
                if part.p_type == libc::PT_LOAD && part.p_flags & libc::PF_W != 0 {
                    let start = (info.dlpi_addr as usize).wrapping_add(part.p_vaddr as usize);
                    let end = start.saturating_add(part.p_memsz as usize);
                    let start = start.next_multiple_of(size_of::<usize>());
                    let owner = Owner::Library(name.into());
                    found.push(Segment { start, end, owner });
                }
            }
        }
        0
    }
    let mut segments: Vec<Segment> = Vec::new();
    // SAFETY: `each` has the signature that is asked for and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut segments).cast()) };
    let interpreter = segments.iter().find(|it| (it.start..it.end).contains(&ty));
    let interpreter = interpreter.map(|it| it.owner.clone());
    for segment in &mut segments {
        if Some(&segment.owner) == interpreter.as_ref() {
            segment.owner = Owner::Interpreter;
        }
    }
    if !segments.iter().any(|it| (it.start..it.end).contains(&state)) {
        let end = state + STATE_BYTES;
        segments.push(Segment { start: state, end, owner: Owner::Interpreter });
    }
    segments.sort_by_key(|segment| segment.owner != Owner::Interpreter);
    segments
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of_process(_state: usize, _ty: usize) -> Vec<Segment> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_out_of_the_segments_that_have_it() {
        let part = |start, end| Segment { start, end, owner: Owner::Interpreter };
        let cut = without(vec![part(0, 80), part(100, 200)], &[120..160, 190..240]);
        assert_eq!(cut, [part(0, 80), part(100, 120), part(160, 190)]);
        assert_eq!(without(vec![part(8, 16)], std::slice::from_ref(&(0..24))), []);
    }

    #[test]
    fn a_variable_of_this_program_is_in_a_segment() {
        static HERE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        HERE.store(0x5eed_0000_5eed, std::sync::atomic::Ordering::Relaxed);
        let segments = of_process(&raw const HERE as usize, &raw const HERE as usize);
        assert_eq!(segments[0].owner, Owner::Interpreter);
        let mut met = 0;
        for segment in segments.iter().filter(|it| it.owner == Owner::Interpreter) {
            segment.for_each_word(|word| met += usize::from(word == 0x5eed_0000_5eed));
        }
        assert_eq!(met, 1);
    }
}
