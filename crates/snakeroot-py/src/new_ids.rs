//! Which ids are new, as objgraph's `get_new_ids` tells.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PySet, PyString};
use snakeroot::analysis::{self, IdColumn, IdHistory, IdRow, Ids};
use snakeroot::view;
use snakeroot_walk::Options;

use crate::arguments;
use crate::counted::{self, Limit, Truth, given, held};
use crate::counts::{collect_garbage, print};
use crate::live;

/// What `get_new_ids` remembers for whoever keeps no state.
struct Memory {
    ids: IdHistory,
    shortnames: bool,
}

impl Memory {
    const EMPTY: Option<Self> = None;

    fn new() -> Self {
        Self { ids: IdHistory::default(), shortnames: true }
    }
}

/// Of the live process and of held heaps, without and with what is not tracked.
static MEMORY: Mutex<[Option<Memory>; 4]> = Mutex::new([Memory::EMPTY; 4]);

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer that the caller may still hold, whole or in part. It is not kept alive.
struct Answer {
    mapping: u64,
    /// Where its sets are, and what was in each.
    sets: Vec<(u64, u64)>,
}

static ANSWERS: Mutex<Vec<Answer>> = Mutex::new(Vec::new());

impl Answer {
    /// What of it is there yet, of the objects that now lie where it was.
    fn held(
        &self,
        there: &HashMap<u64, Bound<'_, PyAny>>,
        defaultdict: &Bound<'_, PyAny>,
    ) -> Vec<u64> {
        let is_mapping = |object: &&Bound<'_, PyAny>| object.get_type().is(defaultdict);
        let mapping = there.get(&self.mapping).filter(is_mapping);
        let values: HashSet<u64> = match mapping.map(|mapping| mapping.cast::<PyDict>()) {
            Some(Ok(mapping)) => mapping.iter().map(|(_, set)| set.as_ptr() as u64).collect(),
            _ => HashSet::new(),
        };
        let is_held = |&&(at, content): &&(u64, u64)| {
            let Some(Ok(set)) = there.get(&at).map(|set| set.cast_exact::<PySet>()) else {
                return false;
            };
            // Any empty set may lie where one of ours did.
            values.contains(&at) || !set.is_empty() && content_of(set) == Some(content)
        };
        let mut held: Vec<u64> = self.sets.iter().filter(is_held).map(|&(at, _)| at).collect();
        if held.iter().any(|at| values.contains(at)) {
            held.push(self.mapping);
        }
        held
    }
}

/// A number for what is in a set of ids; `None` for a set of anything else.
fn content_of(set: &Bound<'_, PySet>) -> Option<u64> {
    let ids = set.iter().map(|id| id.cast_exact::<PyInt>().ok()?.extract::<u64>().ok());
    let mut ids = ids.collect::<Option<Vec<u64>>>()?;
    ids.sort_unstable();
    Some(number_of(&ids))
}

/// A number for ascending ids.
fn number_of(ids: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    ids.hash(&mut hasher);
    hasher.finish()
}

/// Leaves out of the ids those of earlier answers, which the caller got of us.
fn leave_out_answers(py: Python<'_>, ids: &mut Ids) -> PyResult<()> {
    let answers = std::mem::take(&mut *lock(&ANSWERS));
    if answers.is_empty() {
        return Ok(());
    }
    let is_container = |name: &str| matches!(name.rsplit('.').next(), Some("set" | "defaultdict"));
    let mut wanted = HashSet::new();
    for answer in &answers {
        wanted.extend(answer.sets.iter().map(|&(at, _)| at).chain([answer.mapping]));
    }
    let there = snakeroot_walk::tracked_at(py, crate::probe(py)?, &wanted)?;
    let there = there.into_iter().map(|object| object.into_bound(py));
    let there: HashMap<u64, _> = there.map(|object| (object.as_ptr() as u64, object)).collect();
    let defaultdict = snakeroot_walk::module(py, c"collections")?.getattr("defaultdict")?;
    let mut own = HashSet::new();
    let mut kept = Vec::with_capacity(answers.len());
    for answer in answers {
        let held = answer.held(&there, &defaultdict);
        if !held.is_empty() {
            own.extend(held);
            kept.push(answer);
        }
    }
    lock(&ANSWERS).extend(kept);
    for (_, ids) in ids.iter_mut().filter(|(name, _)| is_container(name)) {
        ids.retain(|id| !own.contains(id));
    }
    ids.retain(|_, ids| !ids.is_empty());
    Ok(())
}

/// A new answer, remembered by where it is.
fn answer<'py>(py: Python<'py>, ids: &Ids) -> PyResult<Bound<'py, PyAny>> {
    let mapping = dict_of_sets(py)?;
    let mut sets = Vec::with_capacity(ids.len());
    for (name, ids) in ids {
        let set = PySet::new(py, ids)?;
        sets.push((set.as_ptr() as u64, number_of(ids)));
        mapping.set_item(name, set)?;
    }
    lock(&ANSWERS).push(Answer { mapping: mapping.as_ptr() as u64, sets });
    Ok(mapping)
}

/// The ids that are there now, by the name of their type.
fn ids_now(
    py: Python<'_>,
    shortnames: bool,
    untracked: bool,
    collect: bool,
    heap: Option<&Bound<'_, PyAny>>,
) -> PyResult<Ids> {
    if let Some(heap) = held(heap)? {
        let nodes = counted::nodes(heap.get(), None, untracked)?;
        let snapshot = heap.get().shared().snapshot();
        return Ok(py.detach(|| analysis::ids(snapshot, nodes, shortnames)));
    }
    if collect {
        collect_garbage(py)?;
    }
    if untracked {
        let (graph, _) = live::walk(py, &Options::default())?;
        let snapshot = graph.snapshot();
        let all = || analysis::counted(snapshot, true);
        let mut ids = py.detach(|| analysis::ids(snapshot, all(), shortnames));
        leave_out_answers(py, &mut ids)?;
        return Ok(ids);
    }
    let probe = crate::probe(py)?;
    let ids = snakeroot_walk::addresses_by_name(py, probe, shortnames)?;
    let mut ids = ids.into_iter().collect();
    leave_out_answers(py, &mut ids)?;
    Ok(ids)
}

/// A `collections.defaultdict(set)`, as objgraph gives.
fn dict_of_sets(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let set = py.get_type::<PySet>();
    snakeroot_walk::module(py, c"collections")?.getattr("defaultdict")?.call1((set,))
}

/// Ids from a mapping from names to sets.
fn read(mapping: &Bound<'_, PyAny>) -> PyResult<Ids> {
    let mut found = Ids::new();
    for pair in mapping.call_method0("items")?.try_iter()? {
        let (name, ids): (String, Bound<'_, PyAny>) = pair?.extract()?;
        let ids = ids.try_iter()?.map(|id| id?.extract::<u64>());
        let mut ids = ids.collect::<PyResult<Vec<u64>>>()?;
        ids.sort_unstable();
        found.insert(name, ids);
    }
    Ok(found)
}

/// The state that a caller of `get_new_ids` keeps, in objgraph's form.
struct Kept<'py>(Bound<'py, PyAny>);

impl<'py> Kept<'py> {
    fn new(state: &Bound<'py, PyAny>) -> PyResult<Self> {
        if !state.is_truthy()? {
            for key in ["old", "current", "new"] {
                state.set_item(key, dict_of_sets(state.py())?)?;
            }
            state.set_item("shortnames", true)?;
        }
        Ok(Self(state.clone()))
    }

    fn part(&self, key: &str) -> PyResult<Bound<'py, PyAny>> {
        self.0.get_item(key)
    }

    /// Puts ids into the sets that are there; only a name that is new gets a new one.
    fn replace(&self, key: &str, ids: &Ids) -> PyResult<()> {
        let part = self.part(key)?;
        for name in part.call_method0("keys")?.try_iter()?.collect::<PyResult<Vec<_>>>()? {
            let is_gone = |name: String| !ids.contains_key(&name);
            if name.extract().is_ok_and(is_gone) {
                part.del_item(name)?;
            } else {
                part.get_item(name)?.call_method0("clear")?;
            }
        }
        for (name, ids) in ids {
            let ids = PySet::new(part.py(), ids)?;
            if part.contains(name)? {
                part.get_item(name)?.call_method1("update", (ids,))?;
            } else {
                part.set_item(name, ids)?;
            }
        }
        Ok(())
    }
}

/// Print how the ids of each type changed since the last call; the ids that are new, by type.
///
/// A dict from names of types to sets of ids; a name that is not in it has an empty set. Collects garbage first,
/// unless `collect` is false. `skip_update=True` gives what the last call gave and looks
/// at nothing. The table has `limit` rows, with 0 none, with `None` all, sorted by the column `sortby`:
/// "old", "current", "new" or "deltas", else `KeyError`. `shortnames=None` is what
/// the last call had, True at first. `_state` is a dict in which the caller keeps what is remembered.
/// With `untracked=True` ids of everything in memory, with `heap` addresses in
/// that heap; each is remembered apart.
#[pyfunction]
#[pyo3(
    signature = (
        skip_update=Truth(false), limit=Limit::TEN, sortby=None, shortnames=None, file=None, _state=None, *,
        untracked=Truth(false), collect=Truth(true), heap=None
    ),
    text_signature = "(skip_update=False, limit=10, sortby='deltas', shortnames=None, file=None, _state=None, *, untracked=False, collect=True, heap=None)"
)]
#[allow(clippy::too_many_arguments)] // objgraph's and ours
fn get_new_ids<'py>(
    py: Python<'py>,
    skip_update: Truth,
    limit: Limit,
    sortby: Option<&Bound<'py, PyAny>>,
    shortnames: Option<&Bound<'py, PyAny>>,
    file: Option<&Bound<'py, PyAny>>,
    _state: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    collect: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let kept = given(_state).map(Kept::new).transpose()?;
    let slot = usize::from(held(heap)?.is_some()) * 2 + usize::from(untracked.0);
    if skip_update.0 {
        return match &kept {
            Some(kept) => kept.part("new"),
            None => {
                let ids = lock(&MEMORY)[slot].as_ref().map(|memory| memory.ids.new.clone());
                answer(py, &ids.unwrap_or_default())
            }
        };
    }
    let column = column(sortby)?;
    let asked = given(shortnames).map(PyAnyMethods::is_truthy).transpose()?;
    let (new, mut rows): (Bound<'py, PyAny>, Vec<IdRow>) = if let Some(kept) = kept {
        let shortnames = match asked {
            Some(shortnames) => shortnames,
            None => kept.part("shortnames")?.is_truthy()?,
        };
        kept.0.set_item("shortnames", shortnames)?;
        let mut ids = IdHistory { current: read(&kept.part("current")?)?, ..IdHistory::default() };
        let (old, rows) = ids.advance(ids_now(py, shortnames, untracked.0, collect.0, heap)?);
        kept.replace("old", &old)?;
        kept.replace("current", &ids.current)?;
        kept.replace("new", &ids.new)?;
        (kept.part("new")?, rows)
    } else {
        let remembered = lock(&MEMORY)[slot].as_ref().is_none_or(|memory| memory.shortnames);
        let shortnames = asked.unwrap_or(remembered);
        let now = ids_now(py, shortnames, untracked.0, collect.0, heap)?;
        // Python code may run where an object is made, so none is while this is locked.
        let (rows, ids) = {
            let mut memory = lock(&MEMORY);
            let memory = memory[slot].get_or_insert_with(Memory::new);
            memory.shortnames = shortnames;
            let (_, rows) = memory.ids.advance(now);
            (rows, memory.ids.new.clone())
        };
        (answer(py, &ids)?, rows)
    };
    column.sort(&mut rows);
    limit.cut(&mut rows);
    let text = view::new_ids_table(&rows);
    if !text.is_empty() {
        print(py, file, &text)?;
    }
    Ok(new)
}

fn column(sortby: Option<&Bound<'_, PyAny>>) -> PyResult<IdColumn> {
    let Some(sortby) = sortby else {
        return Ok(IdColumn::Deltas);
    };
    let found = sortby
        .cast::<PyString>()
        .ok()
        .and_then(|word| IdColumn::from_word(&word.to_string_lossy()));
    found.ok_or_else(|| {
        let found =
            sortby.repr().map_or_else(|_| arguments::type_name(sortby), |text| text.to_string());
        PyKeyError::new_err(format!(
            "sortby: expected 'old', 'current', 'new' or 'deltas', found {found}"
        ))
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(get_new_ids, module)?)
}
