//! A part of the heap: what leads to some objects, or what they lead to.
//!
//! To say what holds one object, most of the heap need not be recorded. All
//! tracked objects are read once, and of each edge only where it leads is
//! kept; then each step backwards is one pass over those numbers. Only the
//! objects that were met become nodes, with sizes and labels.
//!
//! An object that the collector does not track can be held by others that are
//! not tracked either: for such a one the whole heap must be walked.

use std::collections::HashSet;

use pyo3::ffi;
use pyo3::prelude::*;
use rayon::prelude::*;
use snakeroot::Snapshot;

use crate::layout::{self, Object, Type};
use crate::lists::Which;
use crate::marks::Marks;
use crate::number::Raw;
use crate::own::Own;
use crate::pause::{Collector, Held, Stopped};
use crate::probe::Probe;
use crate::sink::{Part, Targets};
use crate::walker::Walker;
use crate::{Capture, WalkError, into_raw, roots};

/// Sources that one core looks through at a time.
const CHUNK: usize = 1 << 15;

/// Which part of the heap.
#[derive(Clone, Copy, Debug)]
pub enum Around<'a> {
    /// All that leads to the objects within some steps. Modules in
    /// `sys.modules` and objects to ignore are not gone beyond.
    Referrers {
        /// How many steps.
        depth: u32,
        /// Addresses that are not gone beyond.
        ignore: &'a HashSet<u64>,
    },
    /// All that the objects lead to within some steps.
    Referents {
        /// How many steps.
        depth: u32,
    },
    /// A shortest chain from a module in `sys.modules`, if there is one.
    Module {
        /// The most steps.
        depth: u32,
        /// Addresses that no chain passes.
        ignore: &'a HashSet<u64>,
    },
}

/// Whether a part around these objects can be recorded alone.
///
/// Where it cannot, [`crate::snapshot`] records the whole heap.
pub fn suits(probe: &Probe, objects: &[Bound<'_, PyAny>], around: Around<'_>) -> bool {
    match around {
        Around::Referents { .. } => true,
        Around::Referrers { .. } | Around::Module { .. } => {
            // SAFETY: live objects.
            let tracked = |object: &Bound<'_, PyAny>| unsafe {
                ffi::PyObject_GC_IsTracked(object.as_ptr()) != 0
            };
            // In a collection a part of the heap is in no list, but may be led to.
            // On free-threaded builds all tracked objects can be gone through
            // once in a pause, but the part is known only after that.
            !cfg!(Py_GIL_DISABLED)
                && probe.lists.is_some()
                && !probe.is_collecting()
                && objects.iter().all(tracked)
        }
    }
}

/// Records a part of the heap around some objects, which are its first nodes.
///
/// Stays attached: no Python code runs before this returns. Where other threads
/// run on, what comes with the part keeps its objects alive.
///
/// # Errors
///
/// As for [`crate::snapshot`].
///
/// # Complexity
///
/// O(V + E) time and 8 bytes for each edge of a tracked object backwards; O of
/// what is met forwards.
pub fn part(
    py: Python<'_>,
    probe: &Probe,
    objects: &[Bound<'_, PyAny>],
    around: Around<'_>,
) -> Result<(Snapshot, Held), WalkError> {
    if !matches!(around, Around::Referents { .. }) {
        // An edge takes 8 bytes here, and a reference in the heap as many at least.
        crate::room_for(crate::resident_bytes() + (32 << 20))?;
    }
    let mut capture = Capture::begin(py, probe);
    let starts: Vec<usize> = objects.iter().map(|object| object.as_ptr() as usize).collect();
    let collector = Collector::pause();
    let collecting = capture.pause(probe);
    let mut held = Held::default();
    let stopped = Stopped::begin(py);
    // SAFETY: attached through `py`; nothing below runs Python code.
    let raw = unsafe {
        let met = match around {
            Around::Referrers { depth, ignore } => {
                Edges::of_tracked(probe).all_referrers(&starts, depth, ignore)
            }
            Around::Module { depth, ignore } => {
                Edges::of_tracked(probe).chain_from_module(starts[0], depth, ignore)
            }
            Around::Referents { depth } => all_referents(probe, &starts, depth),
        };
        let mut walker = Walker::new(probe, Part::new(), false);
        walker.own = Own::find(probe);
        // What was asked for is shown, whoever's it is.
        starts.iter().for_each(|start| _ = walker.own.addresses.remove(start));
        walker.collecting = collecting;
        for object in met {
            walker.sink.whole.find(object);
        }
        let whole = &mut walker.sink.whole;
        let roots = roots::of_interpreter().into_iter();
        let met = roots.filter(|(object, _)| whole.marks.has(*object)).collect::<Vec<_>>();
        let roots = met.into_iter().map(|(object, root)| (whole.find(object), root)).collect();
        walker.take_threads(&capture.names);
        walker.close_part();
        held.take(&walker.sink.whole.queue);
        let raw = into_raw(walker.into_whole(), roots);
        Raw { accounts: None, ..raw }
    };
    drop(stopped);
    capture.resume();
    drop(collector);
    Ok((capture.end(raw)?, held))
}

/// Where the edges of the tracked objects lead.
struct Edges {
    sources: Vec<usize>,
    /// The edges of source `i` are `targets[ends[i - 1]..ends[i]]`.
    ends: Vec<u64>,
    targets: Vec<usize>,
    modules: HashSet<usize>,
}

impl Edges {
    /// Reads all tracked objects, and the static types that they have.
    ///
    /// # Safety
    ///
    /// Attached; no Python code runs until the edges are no longer used.
    unsafe fn of_tracked(probe: &Probe) -> Self {
        let room = crate::resident_bytes() as usize / 64;
        // Only a wish: where so much cannot be had, less may do.
        let mut targets = Vec::new();
        let _: Result<(), _> = targets.try_reserve_exact(room * 2);
        let mut walker = Walker::new(probe, Targets(targets), false);
        // SAFETY: as the caller promises; reading an object tracks nothing.
        unsafe {
            let lists = probe.lists.as_ref();
            let mut sources: Vec<usize> = lists
                .map(|lists| lists.collect(Which::All, |object| Some(object as usize)))
                .unwrap_or_default();
            let mut ends = Vec::with_capacity(sources.len());
            let mut codes = Vec::new();
            walker.targets_of(&sources, &mut ends, &mut codes);
            // What the collector does not track and still holds what it does.
            let codes = with_inner_codes(probe, codes);
            let untracked: Vec<usize> = walker.static_types().chain(codes).collect();
            walker.targets_of(&untracked, &mut ends, &mut Vec::new());
            sources.extend(untracked);
            let modules = roots::of_interpreter().into_iter();
            let modules = modules.filter(|(_, root)| roots::is_module(root));
            let modules = modules.map(|(object, _)| object).collect();
            Self { sources, ends, targets: walker.sink.0, modules }
        }
    }

    fn row(&self, source: usize) -> &[usize] {
        let start = if source == 0 { 0 } else { self.ends[source - 1] as usize };
        &self.targets[start..self.ends[source] as usize]
    }

    /// The sources with an edge to a marked object, each with the first such object.
    fn referrers(&self, wanted: &Marks) -> Vec<(usize, usize)> {
        let first_wanted = |source: usize| {
            let first = self.row(source).iter().find(|&&target| wanted.has(target))?;
            Some((self.sources[source], *first))
        };
        snakeroot::parallel::run(|| {
            let sources = (0..self.sources.len()).into_par_iter().with_min_len(CHUNK);
            sources.filter_map(first_wanted).collect()
        })
    }

    /// The starts and all that leads to them within `depth` steps.
    fn all_referrers(&self, starts: &[usize], depth: u32, ignore: &HashSet<u64>) -> Vec<usize> {
        let mut met = starts.to_vec();
        let mut seen = Marks::new();
        let mut frontier: Vec<usize> = Vec::new();
        for &start in starts {
            if seen.mark(start).1 && !self.modules.contains(&start) {
                frontier.push(start);
            }
        }
        for _ in 0..depth {
            if frontier.is_empty() {
                break;
            }
            let mut wanted = Marks::new();
            for &object in &frontier {
                wanted.mark(object);
            }
            frontier.clear();
            for (source, _) in self.referrers(&wanted) {
                if !ignore.contains(&(source as u64)) && seen.mark(source).1 {
                    met.push(source);
                    if !self.modules.contains(&source) {
                        frontier.push(source);
                    }
                }
            }
        }
        met
    }

    /// The objects of a shortest chain from a module to `start`, or `start` alone.
    fn chain_from_module(&self, start: usize, depth: u32, ignore: &HashSet<u64>) -> Vec<usize> {
        if self.modules.contains(&start) {
            return vec![start];
        }
        let mut seen = Marks::new();
        seen.mark(start);
        let mut holds = std::collections::HashMap::new();
        let mut frontier = vec![start];
        for _ in 0..depth {
            let mut wanted = Marks::new();
            for &object in &frontier {
                wanted.mark(object);
            }
            frontier.clear();
            for (source, target) in self.referrers(&wanted) {
                if ignore.contains(&(source as u64)) || !seen.mark(source).1 {
                    continue;
                }
                holds.insert(source, target);
                if self.modules.contains(&source) {
                    let mut chain = vec![source];
                    let mut at = source;
                    while let Some(&held) = holds.get(&at) {
                        chain.push(held);
                        at = held;
                    }
                    return chain;
                }
                frontier.push(source);
            }
            if frontier.is_empty() {
                break;
            }
        }
        vec![start]
    }
}

/// The starts and all that they lead to within `depth` steps.
///
/// # Safety
///
/// Attached; no Python code runs meanwhile.
unsafe fn all_referents(probe: &Probe, starts: &[usize], depth: u32) -> Vec<usize> {
    let mut walker = Walker::new(probe, Targets(Vec::new()), false);
    let mut seen = Marks::new();
    let mut met: Vec<usize> = Vec::new();
    for &start in starts {
        if seen.mark(start).1 {
            met.push(start);
        }
    }
    let mut from = 0;
    for _ in 0..depth {
        let to = met.len();
        walker.sink.0.clear();
        // SAFETY: the starts are live and lead to live objects.
        unsafe { walker.targets_of(&met[from..to], &mut Vec::new(), &mut Vec::new()) };
        for &target in &walker.sink.0 {
            if seen.mark(target).1 {
                met.push(target);
            }
        }
        from = to;
    }
    met
}

/// Code objects and those among their constants, each once.
///
/// # Safety
///
/// Attached; live code objects.
unsafe fn with_inner_codes(probe: &Probe, codes: Vec<usize>) -> Vec<usize> {
    let mut seen: HashSet<usize> = HashSet::new();
    let mut codes: Vec<usize> = codes.into_iter().filter(|&code| seen.insert(code)).collect();
    // SAFETY: a code object's fields are live, and so are the items of tuples.
    unsafe {
        let mut at = 0;
        while at < codes.len() {
            let mut inner = Walker::new(probe, Targets(Vec::new()), false);
            inner.read(codes[at] as Object);
            for &field in &inner.sink.0 {
                if ffi::PyTuple_CheckExact(field as Object) == 0 {
                    continue;
                }
                for item in 0..ffi::PyTuple_GET_SIZE(field as Object) {
                    let item = ffi::PyTuple_GET_ITEM(field as Object, item);
                    let is_code =
                        !item.is_null() && ffi::Py_TYPE(item) == &raw mut ffi::PyCode_Type;
                    if is_code && seen.insert(item as usize) {
                        codes.push(item as usize);
                    }
                }
            }
            at += 1;
        }
    }
    codes
}

impl Walker<'_, Targets> {
    /// Appends where the edges of some objects lead, where each one's end, and
    /// the code that they run.
    ///
    /// # Safety
    ///
    /// Attached; live objects.
    unsafe fn targets_of(
        &mut self,
        objects: &[usize],
        ends: &mut Vec<u64>,
        codes: &mut Vec<usize>,
    ) {
        for (at, &object) in objects.iter().enumerate() {
            if let Some(&ahead) = objects.get(at + crate::walker::AHEAD) {
                crate::walker::prefetch(ahead);
            }
            // SAFETY: as the caller promises; the word with the code was found
            // by the probe.
            unsafe {
                if let Some(word) = self.read(object as Object).code {
                    let code = layout::read::<usize>(object as *const u8, word as isize) & !3;
                    if code != 0 && ffi::Py_TYPE(code as Object) == &raw mut ffi::PyCode_Type {
                        codes.push(code);
                    }
                }
            }
            ends.push(self.sink.0.len() as u64);
        }
    }

    /// The types without a place in the collector's lists that were met so far.
    fn static_types(&self) -> impl Iterator<Item = usize> + '_ {
        self.infos.iter().map(|info| info.object).filter(|&ty| is_static(ty)).map(|ty| ty as usize)
    }
}

fn is_static(ty: Type) -> bool {
    // SAFETY: the type of an object that was just read.
    unsafe { !layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) }
}
