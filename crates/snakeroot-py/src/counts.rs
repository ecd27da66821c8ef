//! objgraph's verbs that count: one pass over the collector's lists, no graph,
//! unless what is not tracked counts too, or a held heap is asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use snakeroot::analysis::{self, Grown, Tally};
use snakeroot::view;
use snakeroot_walk::Options;

use crate::counted::{self, Asked, Limit, Sizes, Truth, given, held};
use crate::live;
use crate::node::Node;

/// Peak counts of `growth` for whoever keeps none: of the live process and of
/// held heaps, without and with what is not tracked.
static PEAKS: Mutex<[Option<HashMap<String, i64>>; 4]> = Mutex::new([const { None }; 4]);

/// The most frequent first; equal counts keep their order. A limit of 0 is none.
fn most_common(mut tallies: Vec<Tally>, limit: Limit) -> Vec<Tally> {
    tallies.sort_by_key(|tally| std::cmp::Reverse(tally.count));
    limit.or_all().cut(&mut tallies);
    tallies
}

/// A row for Python: what it has, then its sizes as far as they are known.
fn row<'py>(
    first: Vec<Bound<'py, PyAny>>,
    tally: &Tally,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let mut cells = first;
    for size in [tally.size, tally.retained].into_iter().flatten() {
        cells.push(size.into_pyobject(py)?.into_any());
    }
    PyTuple::new(py, cells)
}

/// Writes text to a file object, or to `sys.stdout`.
pub(crate) fn print(py: Python<'_>, file: Option<&Bound<'_, PyAny>>, text: &str) -> PyResult<()> {
    let file = match file.filter(|file| !file.is_none()) {
        Some(file) => file.clone(),
        None => match snakeroot_walk::of_sys(py, c"stdout") {
            Some(stdout) if !stdout.is_none() => stdout,
            // A process without a terminal has none, nor has one that ends.
            _ => return Ok(()),
        },
    };
    snakeroot_walk::calls::call(&file.getattr("write")?, (text,)).map(drop)
}

/// Count the tracked objects by the name of their type.
///
/// One pass over the collector's lists, or over `objects`. With
/// `shortnames=False` names are `module.name`. `filter` takes an object and
/// says whether it counts. With `untracked=True` everything in memory counts,
/// str and int too: a walk of the whole heap. With `heap`, that heap's objects count,
/// and `objects` and `filter` are about its nodes.
#[pyfunction]
#[pyo3(
    signature = (objects=None, shortnames=Truth(true), filter=None, *, untracked=Truth(false), heap=None),
    text_signature = "(objects=None, shortnames=True, filter=None, *, untracked=False, heap=None)"
)]
fn typestats<'py>(
    py: Python<'py>,
    objects: Option<&Bound<'py, PyAny>>,
    shortnames: Truth,
    filter: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let asked = Asked {
        objects,
        shortnames: shortnames.0,
        filter,
        untracked: untracked.0,
        sizes: Sizes::No,
        heap,
    };
    let stats = PyDict::new(py);
    for Tally { name, count, .. } in asked.tallies(py)? {
        stats.set_item(name, count)?;
    }
    Ok(stats)
}

/// The names of the most common types with their counts, most frequent first.
///
/// As `typestats`, cut at `limit`; `None` and 0 are no limit. With `sizes=True` each row has
/// the shallow sizes together too, in bytes; with `sizes="retained"` and a `heap`
/// what they retain besides.
#[pyfunction]
#[pyo3(
    signature = (
        limit=Limit::TEN, objects=None, shortnames=Truth(true), filter=None, *,
        untracked=Truth(false), sizes=Sizes::No, heap=None
    ),
    text_signature = "(limit=10, objects=None, shortnames=True, filter=None, *, untracked=False, sizes=False, heap=None)"
)]
#[allow(clippy::too_many_arguments)] // objgraph's and ours
fn most_common_types<'py>(
    py: Python<'py>,
    limit: Limit,
    objects: Option<&Bound<'py, PyAny>>,
    shortnames: Truth,
    filter: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    sizes: Sizes,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let asked =
        Asked { objects, shortnames: shortnames.0, filter, untracked: untracked.0, sizes, heap };
    let rows = PyList::empty(py);
    for tally in most_common(asked.tallies(py)?, limit) {
        let first = vec![PyString::new(py, &tally.name).into_any(), number(py, tally.count)?];
        rows.append(row(first, &tally, py)?)?;
    }
    Ok(rows)
}

/// Print the most common types with their counts.
///
/// As `most_common_types`, a line each, to `file` or `sys.stdout`. Where nothing counts, nothing is
/// printed.
#[pyfunction]
#[pyo3(
    signature = (
        limit=Limit::TEN, objects=None, shortnames=Truth(true), file=None, filter=None, *,
        untracked=Truth(false), sizes=Sizes::No, heap=None
    ),
    text_signature = "(limit=10, objects=None, shortnames=True, file=None, filter=None, *, untracked=False, sizes=False, heap=None)"
)]
#[allow(clippy::too_many_arguments)] // objgraph's and ours
fn show_most_common_types<'py>(
    py: Python<'py>,
    limit: Limit,
    objects: Option<&Bound<'py, PyAny>>,
    shortnames: Truth,
    file: Option<&Bound<'py, PyAny>>,
    filter: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    sizes: Sizes,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let asked =
        Asked { objects, shortnames: shortnames.0, filter, untracked: untracked.0, sizes, heap };
    let text = view::tally_table(&most_common(asked.tallies(py)?, limit));
    if text.is_empty() { Ok(()) } else { print(py, file, &text) }
}

/// The number of tracked objects whose type has a name; one with a dot is `module.name`.
///
/// Of those in `objects`, if these are given. With `untracked=True` everything in memory
/// counts, with `heap` that heap's objects do.
#[pyfunction]
#[pyo3(
    signature = (typename, objects=None, *, untracked=Truth(false), heap=None),
    text_signature = "(typename, objects=None, *, untracked=False, heap=None)"
)]
fn count(
    py: Python<'_>,
    typename: &Bound<'_, PyString>,
    objects: Option<&Bound<'_, PyAny>>,
    untracked: Truth,
    heap: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    let name = &*typename.to_string_lossy();
    if let Some(heap) = held(heap)? {
        let nodes = counted::nodes(heap.get(), objects, untracked.0)?;
        return Ok(analysis::named(heap.get().shared().snapshot(), nodes, name).len() as u64);
    }
    match given(objects) {
        Some(objects) => Ok(of_type(objects, name)?.len() as u64),
        None if untracked.0 => {
            let (graph, _) = live::walk(py, &Options::default())?;
            let all = analysis::counted(graph.snapshot(), true);
            Ok(analysis::named(graph.snapshot(), all, name).len() as u64)
        }
        None => Ok(snakeroot_walk::by_type(py, crate::probe(py)?, name, true)?.0),
    }
}

/// The tracked objects whose type has a name; one with a dot is `module.name`.
///
/// Of those in `objects`, if these are given. With `untracked=True` of everything in memory;
/// with `heap` that heap's nodes.
#[pyfunction]
#[pyo3(
    signature = (typename, objects=None, *, untracked=Truth(false), heap=None),
    text_signature = "(typename, objects=None, *, untracked=False, heap=None)"
)]
fn by_type<'py>(
    py: Python<'py>,
    typename: &Bound<'py, PyString>,
    objects: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let name = &*typename.to_string_lossy();
    if let Some(heap) = held(heap)? {
        let nodes = counted::nodes(heap.get(), objects, untracked.0)?;
        let graph = heap.get().shared();
        let nodes = analysis::named(graph.snapshot(), nodes, name);
        return PyList::new(py, nodes.into_iter().map(|node| Node::new(graph.clone(), node)));
    }
    match given(objects) {
        Some(objects) => PyList::new(py, of_type(objects, name)?),
        None if untracked.0 => {
            let named =
                |graph: &snakeroot::Graph, nodes| analysis::named(graph.snapshot(), nodes, name);
            let found = counted::all_objects(py, named)?;
            PyList::new(py, found.into_iter().map(|(_, object)| object))
        }
        None => Ok(snakeroot_walk::by_type(py, crate::probe(py)?, name, false)?.1),
    }
}

fn of_type<'py>(objects: &Bound<'py, PyAny>, typename: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let probe = crate::probe(objects.py())?;
    let shortnames = !typename.contains('.');
    let mut found = Vec::new();
    for object in objects.try_iter()? {
        let object = counted::no_node(object?)?;
        if snakeroot_walk::type_name(&object, shortnames, probe) == typename {
            found.push(object);
        }
    }
    Ok(found)
}

fn number(py: Python<'_>, number: u64) -> PyResult<Bound<'_, PyAny>> {
    Ok(number.into_pyobject(py)?.into_any())
}

/// Collects garbage, as objgraph does before it counts.
pub(crate) fn collect_garbage(py: Python<'_>) -> PyResult<()> {
    snakeroot_walk::module(py, c"gc")?.call_method0("collect")?;
    Ok(())
}

/// What has grown, cut at a limit; the peaks are raised.
fn grow<'py>(
    py: Python<'py>,
    limit: Limit,
    peak_stats: Option<&Bound<'py, PyAny>>,
    collect: bool,
    asked: &Asked<'_, 'py>,
) -> PyResult<Vec<Grown>> {
    let of_heap = held(asked.heap)?.is_some();
    if collect && !of_heap {
        collect_garbage(py)?;
    }
    let tallies = asked.tallies(py)?;
    let mut grown = match given(peak_stats) {
        None => {
            let slot = usize::from(of_heap) * 2 + usize::from(asked.untracked);
            let mut peaks = PEAKS.lock().unwrap_or_else(PoisonError::into_inner);
            analysis::grown(tallies, peaks[slot].get_or_insert_default())
        }
        Some(stats) => {
            let mut peaks = HashMap::with_capacity(tallies.len());
            for tally in &tallies {
                let peak = stats.call_method1("get", (&tally.name, 0))?.extract()?;
                peaks.insert(tally.name.clone(), peak);
            }
            let grown = analysis::grown(tallies, &mut peaks);
            for Grown { tally, .. } in &grown {
                stats.set_item(&tally.name, tally.count)?;
            }
            grown
        }
    };
    limit.or_all().cut(&mut grown);
    Ok(grown)
}

/// The types whose count rose above its peak: (name, count, increase), largest increase first.
///
/// `peak_stats` maps names to the highest counts seen and is updated; without
/// it the counts of earlier calls without it are kept. Collects garbage first, unless `collect` is
/// false. With `sizes=True` a row ends with the shallow sizes together, in bytes. With `heap`
/// that heap's objects count, against the peaks of heaps.
#[pyfunction]
#[pyo3(
    signature = (
        limit=Limit::TEN, peak_stats=None, shortnames=Truth(true), filter=None, *,
        untracked=Truth(false), sizes=Sizes::No, collect=Truth(true), heap=None
    ),
    text_signature = "(limit=10, peak_stats=None, shortnames=True, filter=None, *, untracked=False, sizes=False, collect=True, heap=None)"
)]
#[allow(clippy::too_many_arguments)] // objgraph's and ours
fn growth<'py>(
    py: Python<'py>,
    limit: Limit,
    peak_stats: Option<&Bound<'py, PyAny>>,
    shortnames: Truth,
    filter: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    sizes: Sizes,
    collect: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let asked = Asked {
        objects: None,
        shortnames: shortnames.0,
        filter,
        untracked: untracked.0,
        sizes,
        heap,
    };
    let rows = PyList::empty(py);
    for Grown { tally, increase } in grow(py, limit, peak_stats, collect.0, &asked)? {
        let first = vec![
            PyString::new(py, &tally.name).into_any(),
            number(py, tally.count)?,
            increase.into_pyobject(py)?.into_any(),
        ];
        rows.append(row(first, &tally, py)?)?;
    }
    Ok(rows)
}

/// Print the types whose count rose above its peak since the last call.
///
/// As `growth`, a line each, to `file` or `sys.stdout`.
#[pyfunction]
#[pyo3(
    signature = (
        limit=Limit::TEN, peak_stats=None, shortnames=Truth(true), file=None, filter=None, *,
        untracked=Truth(false), sizes=Sizes::No, collect=Truth(true), heap=None
    ),
    text_signature = "(limit=10, peak_stats=None, shortnames=True, file=None, filter=None, *, untracked=False, sizes=False, collect=True, heap=None)"
)]
#[allow(clippy::too_many_arguments)] // objgraph's and ours
fn show_growth<'py>(
    py: Python<'py>,
    limit: Limit,
    peak_stats: Option<&Bound<'py, PyAny>>,
    shortnames: Truth,
    file: Option<&Bound<'py, PyAny>>,
    filter: Option<&Bound<'py, PyAny>>,
    untracked: Truth,
    sizes: Sizes,
    collect: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let asked = Asked {
        objects: None,
        shortnames: shortnames.0,
        filter,
        untracked: untracked.0,
        sizes,
        heap,
    };
    let text = view::grown_table(&grow(py, limit, peak_stats, collect.0, &asked)?);
    if text.is_empty() { Ok(()) } else { print(py, file, &text) }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(typestats, module)?)?;
    module.add_function(wrap_pyfunction!(most_common_types, module)?)?;
    module.add_function(wrap_pyfunction!(show_most_common_types, module)?)?;
    module.add_function(wrap_pyfunction!(count, module)?)?;
    module.add_function(wrap_pyfunction!(by_type, module)?)?;
    module.add_function(wrap_pyfunction!(growth, module)?)?;
    module.add_function(wrap_pyfunction!(show_growth, module)?)
}
