//! From a live CPython to a snapshot.
//!
//! The only crate that touches the interpreter and the only one with unsafe
//! code. The walk happens in one pause, writes no reference count, runs no
//! Python code and leaves nothing behind; what can wait (numbers, names,
//! reverse rows) is done after the pause, without the interpreter. It prints
//! nothing and analyses nothing.

mod account;
mod addresses;
mod ask;
pub mod calls;
mod census;
mod floor;
mod labels;
mod layout;
#[cfg(not(Py_GIL_DISABLED))]
mod lists;
#[cfg(Py_GIL_DISABLED)]
#[path = "lists_free_threaded.rs"]
mod lists;
mod living;
mod marks;
pub mod memory;
mod number;
mod optional;
mod outside;
mod own;
mod part;
mod pause;
mod peek;
mod preview;
mod probe;
mod readers;
mod references;
mod referrers;
mod roots;
mod rows;
mod running;
mod segments;
mod sink;
mod tables;
mod threads;
mod types;
#[cfg(Py_GIL_DISABLED)]
mod uncounted;
mod walker;

use std::collections::HashMap;
use std::fmt;
use std::time::{Instant, SystemTime};

use pyo3::ffi;
use pyo3::prelude::*;
#[cfg(not(Py_GIL_DISABLED))]
use pyo3::types::PyList;
use snakeroot::snapshot::{Info, LabelKind, Root};
use snakeroot::{Graph, NodeId, Snapshot};

pub use addresses::{addresses_by_name, tracked_at, unreferred};
pub use ask::{is_ending, module, of_sys};
pub use census::{
    Tallier, TypeTally, by_type, tally, tally_of, tally_with_sizes, type_name, type_names,
};
pub use floor::{Floor, floor};
pub use living::{is_as_recorded, living, passing};
pub use part::part;
pub use pause::Held;
pub use probe::Probe;
pub use referrers::{
    Backwards, Referrers, chain_from_module, has_finalizer, is_method, reads_lists, referents,
    referrers,
};

use crate::pause::Collector;
use crate::sink::Whole;
use crate::tables::Room;
use crate::walker::Walker;

/// What to record beyond the graph.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep short previews of str, bytes, int, float and bool.
    pub values: bool,
    /// Keep the interpreter attached to the end, so that no object dies before
    /// the caller has looked at some. The pause is then the whole capture. On
    /// free-threaded builds, where others run on, each object is held instead.
    pub stay_attached: bool,
    /// Addresses of live objects that become nodes even if nothing that is
    /// walked leads to them.
    pub also: Vec<usize>,
    /// Addresses of objects of the caller's own that are no nodes: what it passes
    /// the others in.
    pub hide: Vec<usize>,
}

/// A walk that could not be finished.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WalkError {
    /// The heap is larger than can be recorded: what was expected and found.
    Limit(String),
    /// The walk needs this many bytes at least, and they cannot be had.
    Memory(u64),
    /// The collector's list of objects is broken: of two neighbours one does
    /// not lead to the other.
    Damaged {
        /// The address of a header, and of the one that should come next.
        left: usize,
        /// See `left`.
        right: usize,
        /// Where the one leads instead.
        found: usize,
    },
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(text) => f.write_str(text),
            Self::Memory(bytes) => write!(
                f,
                "the walk needs about {} of memory, which cannot be had",
                snakeroot::view::human_size(*bytes)
            ),
            Self::Damaged { left, right, found } => write!(
                f,
                "the garbage collector's list of objects is damaged: expected {left:#x} and \
                 {right:#x} to be neighbours, found {found:#x} beside one of them; some C code has \
                 freed or moved an object that the collector still lists"
            ),
        }
    }
}

impl std::error::Error for WalkError {}

/// Bytes written for an object and its edges during the pause, roughly.
const ROOM_BYTES: u64 = 56;

/// Characters of a type's module and of its qualified name that a snapshot keeps.
pub(crate) const MOST_NAME: usize = 400;

/// Walks the running interpreter's heap. What comes with it keeps the objects
/// alive, if [`Options::stay_attached`] asks for it.
///
/// # Errors
///
/// When the heap has more objects than ids, or lies in more of the address
/// space than can be marked (64 GiB in pieces of 64 MiB).
///
/// # Complexity
///
/// O(V + E) time. While attached about 24 bytes an object and 8 an edge are
/// written; the snapshot itself takes about 26 and 8.
pub fn snapshot(
    py: Python<'_>,
    probe: &Probe,
    options: &Options,
) -> Result<(Snapshot, Held), WalkError> {
    let mut capture = Capture::begin(py, probe);
    // Where the lists cannot be read, their objects are held until they were walked.
    #[cfg(not(Py_GIL_DISABLED))]
    let public = if probe.lists.is_some() { None } else { public_objects(py) };
    // Room is reserved for as many objects as could ever be there, and touched
    // for as many as there are likely to be: most blocks are objects.
    let most = (capture.info.resident_bytes / 48).clamp(1 << 16, 1 << 31) as usize;
    let likely = (allocated_blocks(py) / 4 * 3).min(most);
    let prepare = || Room::new(most, likely);
    let room = if options.stay_attached { prepare() } else { py.detach(prepare) };
    let Some(room) = room else {
        return Err(WalkError::Memory(likely as u64 * ROOM_BYTES));
    };
    // SAFETY: attached through `py`.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    let segments = segments::of_process(state as usize, &raw const ffi::PyType_Type as usize);
    let segments = segments::without(segments, &probe.free_lists);
    let collector = Collector::pause();
    let mut walker = Walker::new(probe, Whole::new(room.queue, room.edges), options.values);
    walker.records = room.records;
    walker.collecting = capture.pause(probe);
    #[cfg_attr(not(Py_GIL_DISABLED), allow(unused_mut))] // the lock holds them
    let mut held = Held::default();
    let names = &capture.names;
    // SAFETY: attached through `py`, and nothing below runs Python code, so
    // that no object is made, changed or freed until `raw` is there.
    let mut raw = unsafe {
        let begin = |walker: &mut Walker<'_, Whole>| -> Vec<(marks::Place, Root)> {
            walker.own = own::Own::find(probe);
            walker.own.addresses.extend(&options.hide);
            #[cfg(Py_GIL_DISABLED)]
            walker.take_counts();
            let roots = roots::of_interpreter().into_iter();
            let roots = roots.map(|(object, root)| (walker.sink.find(object), root)).collect();
            walker.take_threads(names);
            roots
        };
        #[cfg(not(Py_GIL_DISABLED))]
        let roots = {
            let roots = begin(&mut walker);
            walker.take_tracked(public.iter().flatten())?;
            for &object in &options.also {
                walker.sink.find(object);
            }
            walker.close();
            roots
        };
        #[cfg(Py_GIL_DISABLED)]
        let roots = {
            let begin = |walker: &mut Walker<'_, Whole>| {
                let roots = begin(walker);
                for &object in &options.also {
                    walker.sink.find(object);
                }
                roots
            };
            let lists = probe.lists.as_ref().expect("the way to the objects is always there");
            let hold = options.stay_attached.then_some(&mut held);
            walker.walk_stopped(lists, begin, hold).unwrap_or_default()
        };
        into_raw(walker, roots)
    };
    capture.resume();
    if raw.accounts.is_none() && probe.counts_are_known() {
        capture.info.notices.push(
            "what C holds and what is garbage is not told: the end of a running frame's value stack \
             was not known"
                .into(),
        );
    }
    if let Some(accounts) = &mut raw.accounts {
        accounts.segments = segments;
        #[cfg(not(Py_GIL_DISABLED))]
        (accounts.all_held = public.is_some());
        // Who asks for these objects passes them, and so holds each.
        accounts.held.extend(&options.also);
        accounts.asked.clone_from(&options.also);
    }
    drop(collector);
    #[cfg(not(Py_GIL_DISABLED))]
    drop(public);
    let think = move || capture.end(raw);
    let snapshot = if options.stay_attached { think() } else { py.detach(think) };
    Ok((snapshot?, held))
}

/// A capture under way: when it began, and what was known before.
struct Capture {
    started: Instant,
    paused: Instant,
    info: Info,
    /// The names of threads by their identifiers.
    names: HashMap<usize, String>,
}

impl Capture {
    /// Asks Python what there is to ask, before the pause.
    fn begin(py: Python<'_>, probe: &Probe) -> Self {
        let started = Instant::now();
        ask::drop_left(py);
        probe.look_again(py);
        let (info, names) = (about(py, probe), threads::names(py, probe));
        Self { started, paused: started, info, names }
    }

    /// Begins the pause; whether the collector is at work meanwhile.
    fn pause(&mut self, probe: &Probe) -> bool {
        self.paused = Instant::now();
        let collecting = probe.is_collecting();
        if collecting {
            self.info.notices.push(
                "taken while the collector is at work: garbage that it has set aside meanwhile is \
                 here only where something else leads to it"
                    .into(),
            );
        }
        collecting
    }

    fn resume(&mut self) {
        self.info.pause_ns = self.paused.elapsed().as_nanos() as u64;
    }

    /// From raw records to a snapshot; needs no interpreter.
    fn end(mut self, raw: number::Raw) -> Result<Snapshot, WalkError> {
        if let Some(address) = raw.marks.refused {
            return Err(WalkError::Limit(format!(
                "the heap lies in too many places: expected at most 64 GiB of address space \
                 with Python objects, found one more at {address:#x}"
            )));
        }
        if raw.records.len() as u64 >= snakeroot::NodeId::MAX_NODES {
            return Err(WalkError::Limit(format!(
                "expected fewer than {} objects, found {}",
                snakeroot::NodeId::MAX_NODES,
                raw.records.len()
            )));
        }
        self.info.tracked = raw.tracked;
        let mut parts = snakeroot::parallel::run(|| number::finish(raw));
        self.info.total_ns = self.started.elapsed().as_nanos() as u64;
        self.info.held_from_c = parts.info.held_from_c;
        self.info.garbage = parts.info.garbage;
        parts.info = self.info;
        Snapshot::new(parts).map_err(|error| WalkError::Limit(error.to_string()))
    }
}

/// A short form of a node's object, read from memory: of a builtin scalar its
/// value, of a container how many items it has; `None` for all others.
///
/// For heaps that were walked with [`Options::stay_attached`] and while nothing
/// could free the object since: either no Python code ran, or it is held.
pub fn preview(
    _py: Python<'_>,
    held: &Held,
    graph: &Graph,
    node: NodeId,
    most: usize,
) -> Option<String> {
    let address = graph.snapshot().address(node) as layout::Object;
    if address.is_null() || !held.has(address as usize) {
        return None;
    }
    let mut text = Vec::new();
    // SAFETY: attached through `_py`, and the object lives as documented.
    unsafe { preview::scalar(address, most, &mut text) || preview::items(address, &mut text) }
        .then(|| String::from_utf8_lossy(&text).into_owned())
}

/// A new reference to a node's object, under the conditions of [`preview`].
///
/// `None` where there is none, or it was dying during the walk.
pub fn object_at<'py>(
    py: Python<'py>,
    held: &Held,
    graph: &Graph,
    node: NodeId,
) -> Option<Bound<'py, PyAny>> {
    let address = graph.snapshot().address(node) as layout::Object;
    if address.is_null() || !held.has(address as usize) {
        return None;
    }
    // SAFETY: the object lives as documented.
    Some(unsafe { Bound::from_borrowed_ptr(py, address) })
}

/// Ends the pause: names of types are read, then nothing of the interpreter any more.
///
/// # Safety
///
/// Attached, and still the same pause.
unsafe fn into_raw(mut walker: Walker<'_, Whole>, roots: Vec<(marks::Place, Root)>) -> number::Raw {
    // SAFETY: as the caller promises. On free-threaded builds the names were
    // read before the others ran again, and none is left to read.
    unsafe { walker.name_types() };
    let types = (walker.infos.iter().zip(walker.type_names))
        .map(|(info, (module, qualname))| {
            (walker.sink.marks.mark(info.object as usize).0, module, qualname)
        })
        .collect();
    let list = &raw mut ffi::PyList_Type;
    let list = walker.infos.iter().position(|info| info.object == list);
    let accounts = number::Accounts {
        list: list.map_or(u32::MAX, |place| place as u32),
        held: walker.probe.held.clone(),
        asked: Vec::new(),
        all_held: false,
        uncounted: walker.uncounted,
        suspects: walker.suspects,
        segments: Vec::new(),
        tasks: walker.tasks,
        suspended: walker.suspended,
        places: walker.places,
        awaits: walker.labels.named(LabelKind::Slot, b"cr_await"),
        frame: walker.labels.named(LabelKind::Slot, b"cr_frame"),
        coroutine: walker.labels.named(LabelKind::Slot, b"_coro"),
    };
    number::Raw {
        marks: walker.sink.marks,
        queue: walker.sink.queue,
        records: walker.records,
        large_sizes: walker.large_sizes,
        native_sizes: walker.native_sizes,
        outside: walker.outside,
        named_items: walker.named_items,
        edges: walker.sink.edges,
        keys: walker.sink.keys,
        key_text: walker.sink.key_text,
        labels: walker.labels,
        names: walker.names,
        values: walker.values,
        types,
        synthetics: walker.synthetics,
        roots,
        immortals: walker.immortals,
        static_types: walker.static_types,
        tracked: (walker.tracked - walker.untracked_before) as u64,
        own: walker.own,
        all_counted: walker.all_counted,
        accounts: walker.all_counted.then_some(accounts),
    }
}

/// What `gc.get_objects` gives, each object kept alive until it was walked.
#[cfg(not(Py_GIL_DISABLED))]
fn public_objects(py: Python<'_>) -> Option<Bound<'_, PyList>> {
    let objects = module(py, c"gc").and_then(|gc| gc.call_method0("get_objects")).ok()?;
    objects.cast_into().ok()
}

/// How many blocks of memory Python's allocator has given out.
fn allocated_blocks(py: Python<'_>) -> usize {
    ask::of_sys(py, c"getallocatedblocks")
        .and_then(|asked| asked.call0().ok())
        .and_then(|blocks| blocks.extract().ok())
        .unwrap_or(0)
}

/// What is known of the process before the walk.
fn about(py: Python<'_>, probe: &Probe) -> Info {
    let version = py.version_info();
    let mut build = String::from("cpython");
    build.push_str(if cfg!(py_sys_config = "Py_DEBUG") { " debug" } else { " release" });
    let mut notices = probe.notices();
    match ask::other_interpreters(py) {
        0 => {}
        1 => notices.push("1 other interpreter of this process is not walked".into()),
        count => notices.push(format!("{count} other interpreters of this process are not walked")),
    }
    if cfg!(Py_GIL_DISABLED) {
        build.push_str(" free-threaded");
    }
    Info {
        tool: env!("CARGO_PKG_VERSION").into(),
        python: format!(
            "{}.{}.{}{}",
            version.major,
            version.minor,
            version.patch,
            version.suffix.unwrap_or("")
        ),
        build,
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        pid: std::process::id(),
        process_started: process_started(),
        argv: ask::arguments(py),
        started_ms: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64),
        resident_bytes: resident_bytes(),
        enumeration: probe.enumeration().into(),
        notices,
        ..Info::default()
    }
}

/// Whether this much memory can be had: what is written while objects are
/// looked at grows bit by bit, and where that failed the process would end.
fn room_for(bytes: u64) -> Result<(), WalkError> {
    let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
    Vec::<u8>::new().try_reserve_exact(wanted).map_err(|_| WalkError::Memory(bytes))
}

/// When this process started, in clock ticks since the machine did; 0 where the
/// system does not tell.
fn process_started() -> u64 {
    // The second word is the program's name, in brackets, and may hold blanks and brackets.
    const WORDS_AFTER_THE_NAME: usize = 19;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let words = text.rsplit_once(')').map_or("", |(_, words)| words);
    let word = words.split_ascii_whitespace().nth(WORDS_AFTER_THE_NAME);
    word.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// Bytes of this process that are in memory; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| {
            text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
        });
        // SAFETY: asks for a number that never changes.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        pages.unwrap_or(0) * u64::try_from(page_bytes).unwrap_or(4096)
    }
    #[cfg(not(target_os = "linux"))]
    0
}
