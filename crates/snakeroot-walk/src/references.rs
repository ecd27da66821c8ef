//! Where the references of tracked objects lead, all of them read at once, and
//! who refers to what by them.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::WalkError;
use crate::layout::{self, Object};
use crate::lists::Which;
use crate::marks::Marks;
use crate::own::Own;
use crate::probe::Probe;
use crate::running;
use crate::walker::{AHEAD, prefetch};

/// Sources that one core looks through at a time.
const CHUNK: usize = 1 << 15;
/// Passes over all references after which they are sorted into buckets.
const FEW_PASSES: u32 = 3;
/// Buckets of references, by where they lead.
const BUCKETS: usize = 1 << 10;
/// Objects, and steps, beyond which it is not looked any more whether what was met is alive.
const MOST_UNPROVEN: usize = 1 << 16;
const MOST_STEPS: u32 = 1_000;
/// So many addresses are compared one by one rather than looked up.
const FEW: usize = 8;

/// Where the references of some tracked objects lead.
pub(crate) struct References {
    /// In the collector's order.
    pub(crate) sources: Vec<usize>,
    /// The references of source `i` are `targets[ends[i - 1]..ends[i]]`.
    ends: Vec<u64>,
    targets: Vec<usize>,
    passes: u32,
    /// The references once more, target and source, each bucket in the order of the sources.
    /// Empty until there were many passes.
    buckets: Vec<Vec<(usize, u32)>>,
    /// For each object that was asked about its referrers in order, each once, and how many
    /// references they have to it.
    pub(crate) found: HashMap<usize, (Vec<u32>, u64)>,
}

impl References {
    /// Visits all tracked objects but our own.
    ///
    /// # Safety
    ///
    /// Attached; no Python code runs as long as the addresses are used.
    pub(crate) unsafe fn of_all(probe: &Probe) -> Result<Self, WalkError> {
        // A reference takes 8 bytes here, and in the heap as many at least.
        crate::room_for(crate::resident_bytes() + (32 << 20))?;
        // SAFETY: as the caller promises.
        unsafe {
            let own = Own::find(probe).addresses;
            let is_other = |object: Object| !own.contains(&(object as usize));
            let keep = |object: Object| is_other(object).then_some(object as usize);
            let lists = probe.lists.as_ref();
            let sources = lists.map(|lists| lists.collect(Which::Public, keep)).transpose()?;
            Ok(Self::of(sources.unwrap_or_default(), probe))
        }
    }

    /// Visits some objects, in the collector's order where only the first of
    /// them are taken.
    ///
    /// # Safety
    ///
    /// As for [`Self::of_all`].
    pub(crate) unsafe fn of_some(
        probe: &Probe,
        some: &[Bound<'_, PyAny>],
        most: Option<usize>,
    ) -> Result<Self, WalkError> {
        let mut sources = tracked(some);
        // SAFETY: as the caller promises.
        unsafe {
            if let Some(lists) = probe.lists.as_ref().filter(|_| crate::reads_lists(probe))
                && most.is_some_and(|most| sources.len() > most)
            {
                let some: HashSet<usize> = sources.into_iter().collect();
                let keep = |object: Object| Some(object as usize).filter(|at| some.contains(at));
                sources = lists.collect(Which::Public, keep)?;
            }
            Ok(Self::of(sources, probe))
        }
    }

    /// # Safety
    ///
    /// As for [`Self::of_all`]; tracked objects.
    unsafe fn of(sources: Vec<usize>, probe: &Probe) -> Self {
        // SAFETY: as the caller promises.
        let caller = unsafe { running::caller(probe) };
        let is_caller = |source: usize| caller.as_ref().filter(|it| it.object == source);
        let mut targets = Vec::new();
        let mut ends = Vec::with_capacity(sources.len());
        for (at, &source) in sources.iter().enumerate() {
            if let Some(&ahead) = sources.get(at + AHEAD) {
                prefetch(ahead);
            }
            // SAFETY: as the caller promises.
            unsafe { visit(source as Object, &mut targets) };
            targets.extend(is_caller(source).into_iter().flat_map(|caller| &caller.holds));
            ends.push(targets.len() as u64);
        }
        let found = HashMap::new();
        Self { sources, ends, targets, passes: 0, buckets: Vec::new(), found }
    }

    /// Looks for the referrers of some objects; `found` has them afterwards.
    pub(crate) fn find(&mut self, objects: &[usize]) {
        let is_new = |object: &usize| !self.found.contains_key(object);
        let wanted: HashSet<usize> = objects.iter().copied().filter(is_new).collect();
        if wanted.is_empty() {
            return;
        }
        self.found.extend(wanted.iter().map(|&object| (object, (Vec::new(), 0))));
        self.passes += 1;
        if self.passes > FEW_PASSES && self.buckets.is_empty() {
            self.fill_buckets();
        }
        let pairs: Vec<Vec<(usize, u32)>> = if wanted.len() > BUCKETS || self.buckets.is_empty() {
            self.pairs_by_sources(&wanted)
        } else {
            self.pairs_by_buckets(&wanted)
        };
        for (target, source) in pairs.into_iter().flatten() {
            let (sources, count) = self.found.get_mut(&target).expect("only these are looked for");
            if sources.last() != Some(&source) {
                sources.push(source);
            }
            *count += 1;
        }
    }

    /// The references to some objects, in the order of the sources.
    fn pairs_by_sources(&self, objects: &HashSet<usize>) -> Vec<Vec<(usize, u32)>> {
        let mut wanted = Marks::new();
        for &object in objects {
            wanted.mark(object);
        }
        let wanted = &wanted;
        let of_chunk = |(chunk, ends): (usize, &[u64])| {
            let first = chunk * CHUNK;
            let mut from = if first == 0 { 0 } else { self.ends[first - 1] };
            let mut pairs = Vec::new();
            for (at, &end) in ends.iter().enumerate() {
                for &target in &self.targets[from as usize..end as usize] {
                    if wanted.has(target) {
                        pairs.push((target, (first + at) as u32));
                    }
                }
                from = end;
            }
            pairs
        };
        snakeroot::parallel::run(|| self.ends.par_chunks(CHUNK).enumerate().map(of_chunk).collect())
    }

    fn pairs_by_buckets(&self, objects: &HashSet<usize>) -> Vec<Vec<(usize, u32)>> {
        let mut by_bucket: HashMap<usize, Vec<usize>> = HashMap::new();
        for &object in objects {
            by_bucket.entry(bucket(object)).or_default().push(object);
        }
        let of_bucket = |(at, few): (usize, Vec<usize>)| {
            let is_wanted = |target: &usize| match few.len() {
                ..=FEW => few.contains(target),
                _ => objects.contains(target),
            };
            let pairs = self.buckets[at].iter().copied();
            pairs.filter(|(target, _)| is_wanted(target)).collect()
        };
        by_bucket.into_iter().map(of_bucket).collect()
    }

    fn fill_buckets(&mut self) {
        let mut sizes = vec![0; BUCKETS];
        for &target in &self.targets {
            sizes[bucket(target)] += 1;
        }
        self.buckets = sizes.into_iter().map(Vec::with_capacity).collect();
        let mut from = 0;
        for (source, &end) in self.ends.iter().enumerate() {
            for &target in &self.targets[from..end as usize] {
                self.buckets[bucket(target)].push((target, source as u32));
            }
            from = end as usize;
        }
    }

    /// Whether all objects are alive, the first of which the caller holds.
    ///
    /// By the collector's own rule: what has more references than tracked
    /// objects have to it is alive, and what something alive refers to.
    ///
    /// # Safety
    ///
    /// Attached; the objects still live.
    pub(crate) unsafe fn are_alive(
        &mut self,
        met: &[usize],
        starts: usize,
        modules: &HashSet<usize>,
    ) -> bool {
        let mut alive: HashSet<usize> = met[..starts].iter().copied().collect();
        alive.extend(modules);
        let mut seen: HashSet<usize> = met.iter().copied().collect();
        // What each object is known to hold up.
        let mut holds: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut level: Vec<usize> = met.iter().copied().filter(|at| !alive.contains(at)).collect();
        let mut steps = 0;
        while !level.is_empty() {
            steps += 1;
            if seen.len() > MOST_UNPROVEN || steps > MOST_STEPS {
                return false;
            }
            self.find(&level);
            let mut next = Vec::new();
            for &object in &level {
                if alive.contains(&object) {
                    continue;
                }
                let (sources, count) = &self.found[&object];
                // SAFETY: as the caller promises.
                let (references, is_immortal) = unsafe { layout::refcount(object as Object) };
                let mut is_alive = is_immortal || u64::from(references) > *count;
                for &source in sources {
                    let source = self.sources[source as usize];
                    is_alive |= alive.contains(&source);
                    holds.entry(source).or_default().push(object);
                    if seen.insert(source) {
                        next.push(source);
                    }
                }
                if is_alive {
                    let mut waiting = vec![object];
                    while let Some(object) = waiting.pop() {
                        if alive.insert(object) {
                            waiting.extend(holds.get(&object).into_iter().flatten());
                        }
                    }
                }
            }
            if met.iter().all(|at| alive.contains(at)) {
                return true;
            }
            level = next;
        }
        met.iter().all(|at| alive.contains(at))
    }
}

/// The bucket of an address: its bits above those that all addresses share.
fn bucket(address: usize) -> usize {
    (address >> 4 ^ address >> 14) & (BUCKETS - 1)
}

/// Appends what an object's traverse function visits.
///
/// # Safety
///
/// Attached; a live object that the collector can track.
#[inline(always)]
pub(crate) unsafe fn visit(object: Object, found: &mut Vec<usize>) {
    extern "C" fn note(referent: Object, found: *mut c_void) -> c_int {
        // SAFETY: the vector passed to `traverse` below; nobody else uses it
        // until that returns.
        let found = unsafe { &mut *found.cast::<Vec<usize>>() };
        if !referent.is_null() {
            found.push(referent as usize);
        }
        0
    }
    // SAFETY: a collectable object's own traverse function.
    unsafe {
        if let Some(traverse) = (*ffi::Py_TYPE(object)).tp_traverse {
            traverse(object, note, (&raw mut *found).cast());
        }
    }
}

/// Which of some objects a tracked object refers to; all of them where that cannot be told.
///
/// # Safety
///
/// Attached; live objects, and no Python code runs meanwhile.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) unsafe fn held_by_tracked(probe: &Probe, objects: &[usize]) -> HashSet<usize> {
    // SAFETY: as the caller promises.
    let Ok(mut references) = (unsafe { References::of_all(probe) }) else {
        return objects.iter().copied().collect();
    };
    references.find(objects);
    let is_held = |object: &usize| !references.found[object].0.is_empty();
    objects.iter().copied().filter(is_held).collect()
}

/// The addresses of objects that the collector tracks, each once.
pub(crate) fn tracked(objects: &[Bound<'_, PyAny>]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let addresses = objects.iter().map(|object| object.as_ptr() as usize);
    // SAFETY: live objects.
    let is_tracked = |&at: &usize| unsafe { ffi::PyObject_GC_IsTracked(at as Object) != 0 };
    addresses.filter(|&at| seen.insert(at)).filter(is_tracked).collect()
}
