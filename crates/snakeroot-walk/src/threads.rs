//! Threads and their running frames, without making a frame object.
//!
//! From 3.11 on a running frame is no object until someone asks for it, and
//! asking keeps what it holds alive. So frames are read where they lie, by the
//! offsets that the probe found; each becomes a node that is no object.

use std::collections::HashMap;
use std::ffi::{CStr, c_int};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use snakeroot::snapshot::LabelKind;

use crate::layout::{self, Object, WORD};
use crate::probe::{FrameLayout, Probe};
use crate::sink::Sink;
use crate::tables::{Suspect, Synthetic};
#[cfg(Py_GIL_DISABLED)]
use crate::uncounted;
use crate::walker::Walker;

/// Frames of one thread that are read: more than there is memory for, so that
/// a ring of frames in a broken heap has an end.
const MOST_FRAMES: usize = 1 << 26;
/// Words of a thread's state that are looked through for references.
const STATE_WORDS: usize = 72;

/// The names that `threading` knows, by thread identifier.
///
/// Before the pause: it makes references, though it runs no code but our own.
pub(crate) fn names(py: Python<'_>, probe: &Probe) -> HashMap<usize, String> {
    let mut names = HashMap::new();
    // The first thread is the main one, and is called so before `threading` is
    // imported too.
    if is_first_thread()
        && let Some(offset) = probe.thread_ident
    {
        // SAFETY: attached, so there is a thread state; the word that the probe
        // found in it.
        let ident = unsafe {
            layout::read(ffi::PyThreadState_Get().cast::<u8>().cast_const(), offset as isize)
        };
        names.insert(ident, "MainThread".to_owned());
    }
    let key = PyString::intern(py, "_name");
    for (ident, thread) in crate::ask::active_threads(py) {
        // A class of the user's may answer attributes in Python; the generic
        // look-up does not ask it, if the class itself has none of that name.
        // SAFETY: two live objects; a new reference or an error comes back.
        let name = unsafe {
            if crate::types::inherited(ffi::Py_TYPE(thread.as_ptr()), key.as_ptr(), probe) {
                continue;
            }
            Bound::from_owned_ptr_or_err(
                py,
                ffi::PyObject_GenericGetAttr(thread.as_ptr(), key.as_ptr()),
            )
        };
        let name = name
            .ok()
            .and_then(|name| Some(name.cast::<PyString>().ok()?.to_string_lossy().into_owned()));
        if let (Ok(ident), Some(name)) = (ident.cast_exact::<PyInt>(), name)
            && let Ok(ident) = ident.extract()
        {
            names.insert(ident, name);
        }
    }
    names
}

/// Whether the calling thread is the one that the process began with.
fn is_first_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: two calls that return a number and cannot fail.
    return unsafe { libc::gettid() == libc::getpid() };
    #[cfg(not(target_os = "linux"))]
    false
}

impl<S: Sink> Walker<'_, S> {
    /// Takes every thread of this interpreter and its frames.
    ///
    /// # Safety
    ///
    /// Attached; no Python code runs until the walk is over.
    pub(crate) unsafe fn take_threads(&mut self, names: &HashMap<usize, String>) {
        // SAFETY: threads are added and removed only by who is attached.
        unsafe {
            let mut state = ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get());
            while !state.is_null() {
                self.take_thread(state as usize, names);
                state = ffi::PyThreadState_Next(state);
            }
        }
    }

    unsafe fn take_thread(&mut self, state: usize, names: &HashMap<usize, String>) {
        // SAFETY: the word that the probe found in this thread's own state.
        let ident: Option<usize> = self
            .probe
            .thread_ident
            .map(|offset| unsafe { layout::read(state as *const u8, offset as isize) });
        let name = match ident {
            Some(ident) => match names.get(&ident) {
                Some(name) => format!("{name:?}"),
                None => format!("{ident:#x}"),
            },
            None => format!("of state {state:#x}"),
        };
        // SAFETY: the thread's own state.
        unsafe { self.take_frame_objects(state) };
        let thread = self.synthetics.len();
        self.suspect_state(state, thread);
        // SAFETY: as above.
        #[cfg(Py_GIL_DISABLED)]
        unsafe {
            self.take_noted(state, thread)
        };
        let end = self.sink.len() as u64;
        self.synthetics.push(Synthetic { name, is_thread: true, end, thread });
        let Some(frame_layout) = self.probe.frames else {
            return;
        };
        let offset = |word: usize| word as isize;
        // SAFETY: the thread's frames, by the offsets that the probe found; a
        // frame below another lives at least as long.
        unsafe {
            let mut frame: usize = layout::read(state as *const u8, offset(frame_layout.thread));
            if let Some(through) = frame_layout.through {
                if frame == 0 {
                    return;
                }
                frame = layout::read(frame as *const u8, offset(through));
            }
            let mut count = 0;
            while frame != 0 && count < MOST_FRAMES {
                self.take_frame(frame as *const u8, &frame_layout, thread);
                frame = layout::read(frame as *const u8, offset(frame_layout.previous));
                count += 1;
            }
        }
    }

    /// A thread's state holds its dict, its context, the exception in flight.
    fn suspect_state(&mut self, state: usize, thread: usize) {
        let label = self.labels.named(LabelKind::Slot, b"state");
        let mut words = [0; STATE_WORDS];
        let got = crate::peek::words(state, &mut words);
        let words = words[..got].iter().filter(|&&word| word != 0);
        self.suspects.extend(words.map(|&word| Suspect { owner: thread, label, word }));
    }

    /// The running frames of a thread where they are objects (before 3.11).
    unsafe fn take_frame_objects(&mut self, state: usize) {
        let Some(offset) = self.probe.frame_object else { return };
        // SAFETY: the word that the probe found; a frame's members end with one
        // that has no name, and each frame holds the one below.
        unsafe {
            let mut frame: Object = layout::read(state as *const u8, offset as isize);
            let mut count = 0;
            while !frame.is_null() && count < MOST_FRAMES {
                let label = self.labels.named(LabelKind::Frame, count.to_string().as_bytes());
                self.sink.edge(frame, label);
                let mut member = (*ffi::Py_TYPE(frame)).tp_members;
                let mut below = std::ptr::null_mut();
                while !member.is_null() && !(*member).name.is_null() {
                    if CStr::from_ptr((*member).name) == c"f_back" {
                        below = layout::read(frame.cast(), (*member).offset);
                    }
                    member = member.add(1);
                }
                frame = below;
                count += 1;
            }
        }
    }

    /// From a frame to its function and to its dict of locals, which comes after
    /// the dicts of its module and of the builtins. Looked for once.
    unsafe fn head_of_frames(
        &mut self,
        frame: *const u8,
        at: &FrameLayout,
    ) -> Option<(usize, usize)> {
        if self.head_of_frames.is_none() {
            let is = |offset: usize, ty: *mut ffi::PyTypeObject| {
                // SAFETY: a word of the frame; what it may lead to, the system reads.
                let word: usize = unsafe { layout::read(frame, offset as isize) };
                let of_type = (word & !3).wrapping_add(layout::TYPE_BYTES);
                word > 4096 && crate::peek::word(of_type) == Some(ty as usize)
            };
            let mut head = (0..at.locals).step_by(WORD);
            let function =
                head.clone().find(|&offset| is(offset, &raw mut ffi::PyFunction_Type))?;
            let mut dicts = head.clone().filter(|&offset| is(offset, &raw mut ffi::PyDict_Type));
            let locals = dicts.nth(1)? + WORD;
            self.head_of_frames = head.any(|offset| offset == locals).then_some((function, locals));
        }
        self.head_of_frames
    }

    unsafe fn take_frame(&mut self, frame: *const u8, at: &FrameLayout, thread: usize) {
        // SAFETY: a frame's words; what stands where the code does is a code
        // object, or None for frames that stand for calls from C.
        unsafe {
            let word: usize = layout::read(frame, at.code as isize);
            let code = (word & !3) as Object;
            if code.is_null() || ffi::Py_TYPE(code) != &raw mut ffi::PyCode_Type {
                return;
            }
            if is_shim(code) {
                return;
            }
            self.running.insert(frame as usize);
            let (first, count) = self.local_labels(code);
            for index in 0..count {
                let word: usize = layout::read(frame, (at.locals + index * WORD) as isize);
                if cfg!(Py_3_14) && word & 2 != 0 {
                    continue; // a number or a mark, not an object
                }
                let held = if cfg!(Py_3_14) { word & !3 } else { word };
                self.sink.edge(held as Object, first + index as u32);
                #[cfg(Py_GIL_DISABLED)]
                self.note_uncounted(word);
            }
            let label = self.labels.named(LabelKind::Slot, b"f_code");
            self.sink.edge(code, label);
            #[cfg(Py_GIL_DISABLED)]
            self.note_uncounted(word);
            let owner = self.synthetics.len();
            let places = self.stack_places(code);
            let used = at.used_places(frame, count, places);
            #[cfg(Py_GIL_DISABLED)]
            if used.is_none() {
                // While something is taken from the stack its end may not be known.
                self.all_counted = false;
            }
            let places = used.unwrap_or(places);
            #[cfg(Py_GIL_DISABLED)]
            for offset in (0..at.locals).step_by(WORD).filter(|&offset| offset != at.code) {
                self.take_function(layout::read(frame, offset as isize));
            }
            // A frame holds its function, and what a class body or `exec` fills.
            if let Some((function, locals)) = self.head_of_frames(frame, at) {
                for (offset, name) in [(function, &b"f_func"[..]), (locals, b"f_locals")] {
                    let word: usize = layout::read(frame, offset as isize);
                    if word > 4096 && word & 1 == 0 {
                        let label = self.labels.named(LabelKind::Slot, name);
                        self.suspects.push(Suspect { owner, label, word: word & !3 });
                    }
                }
            }
            for index in 0..places {
                let at = (at.locals + (count + index) * WORD) as isize;
                let word: usize = layout::read(frame, at);
                #[cfg(Py_GIL_DISABLED)]
                if uncounted::object_of(word).is_some() && self.all_counted {
                    let label = self.stack_label(index);
                    self.take_deferred(word, label);
                }
                // From 3.14 on the low bit marks what is no counted reference.
                if word != 0 && !(cfg!(Py_3_14) && word & 1 != 0) {
                    let label = self.stack_label(index);
                    self.suspects.push(Suspect { owner, label, word: word & !3 });
                }
            }
            let line = at.instruction.and_then(|offset| {
                line_of(code, layout::read(frame, offset as isize), self.probe.code_copies)
            });
            let name = frame_name(code, line);
            let end = self.sink.len() as u64;
            self.synthetics.push(Synthetic { name, is_thread: false, end, thread });
        }
    }
}

/// Whether a code object only stands for a call from C (3.12).
///
/// # Safety
///
/// Attached; `code` is a code object.
unsafe fn is_shim(code: Object) -> bool {
    // SAFETY: as the caller promises.
    cfg!(all(Py_3_12, not(Py_3_13))) && unsafe { frame_name(code, None) }.ends_with(" <shim>")
}

/// The line of an instruction, which may be in a copy of the code's own; `None`
/// for an address that is in none.
///
/// # Safety
///
/// Attached; `code` is a code object, `copies` the word that leads to the copies.
#[cfg(Py_3_11)]
pub(crate) unsafe fn line_of(
    code: Object,
    instruction: usize,
    copies: Option<usize>,
) -> Option<c_int> {
    // SAFETY: as the caller promises.
    unsafe {
        let offset = layout::code::offset(code, instruction, copies)?;
        Some(ffi::PyCode_Addr2Line(code.cast(), c_int::try_from(offset).ok()?))
    }
}

/// Frames are objects, which tell their lines themselves.
///
/// # Safety
///
/// None.
#[cfg(not(Py_3_11))]
pub(crate) unsafe fn line_of(_: Object, _: usize, _: Option<usize>) -> Option<c_int> {
    None
}

/// `handle() service.py:42`.
///
/// # Safety
///
/// Attached; `code` is a code object.
pub(crate) unsafe fn frame_name(code: Object, line: Option<c_int>) -> String {
    let (mut name, mut file) = (Vec::new(), Vec::new());
    // SAFETY: a code object; its type's members end with one that has no name.
    unsafe {
        let mut member = (*ffi::Py_TYPE(code)).tp_members;
        while !member.is_null() && !(*member).name.is_null() {
            let word = || -> Object { layout::read(code.cast(), (*member).offset) };
            match CStr::from_ptr((*member).name).to_bytes() {
                b"co_qualname" => {
                    name.clear();
                    layout::text::append(word(), 200, &mut name);
                }
                b"co_name" if name.is_empty() => layout::text::append(word(), 200, &mut name),
                b"co_filename" => layout::text::append(word(), 1000, &mut file),
                _ => {}
            }
            member = member.add(1);
        }
    }
    let file = String::from_utf8_lossy(&file).into_owned();
    let file = file.rsplit(['/', '\\']).next().unwrap_or(&file);
    let name = short_name(&String::from_utf8_lossy(&name));
    match line.filter(|&line| line > 0) {
        Some(line) => format!("{name}() {file}:{line}"),
        None => format!("{name}() {file}"),
    }
}

/// A qualified name that leaves room for the file and line: of a long one the
/// last part, of which the middle is left out if need be.
fn short_name(qualname: &str) -> String {
    const MOST: usize = 32;
    if qualname.chars().count() <= MOST {
        return qualname.to_owned();
    }
    let last: Vec<char> = qualname.rsplit('.').next().unwrap_or(qualname).chars().collect();
    if last.len() <= MOST {
        return last.into_iter().collect();
    }
    let (start, end) = (&last[..MOST - 12], &last[last.len() - 11..]);
    start.iter().chain(&['…']).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_long_name_is_cut_to_its_last_part() {
        assert_eq!(short_name("Service.handle"), "Service.handle");
        assert_eq!(short_name("a_rather_long_outer_function.<locals>.inner"), "inner");
        let long = short_name("a_name_that_is_far_longer_than_there_is_room_for_in_a_line");
        assert_eq!(long, "a_name_that_is_far_l…r_in_a_line");
        assert_eq!(long.chars().count(), 32);
    }
}
