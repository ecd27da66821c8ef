//! objgraph's verbs that count: one pass over the collector's lists, no graph.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList};

use crate::arguments;

/// Peak counts of `growth` when the caller keeps none.
static PEAKS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

type Counts = Vec<(String, u64)>;

/// Counts by type name, in the order of first appearance.
fn counts(
    py: Python<'_>,
    objects: Option<&Bound<'_, PyAny>>,
    shortnames: bool,
    filter: Option<&Bound<'_, PyAny>>,
) -> PyResult<Counts> {
    let probe = crate::probe(py)?;
    let filter = filter.filter(|filter| !filter.is_none());
    let objects = objects.filter(|objects| !objects.is_none()).cloned();
    let objects = match (objects, filter) {
        (None, None) => {
            let tallies = snakeroot_walk::tally(py, probe, shortnames)?;
            return Ok(tallies.into_iter().map(|tally| (tally.name, tally.count)).collect());
        }
        (Some(objects), _) => objects,
        (None, Some(_)) => snakeroot_walk::module(py, c"gc")?.call_method0("get_objects")?,
    };
    let mut places = HashMap::new();
    let mut counts = Counts::new();
    for object in objects.try_iter()? {
        let object = object?;
        if let Some(filter) = filter
            && !filter.call1((&object,))?.is_truthy()?
        {
            continue;
        }
        let name = snakeroot_walk::type_name(&object, shortnames, probe);
        let place = *places.entry(name).or_insert_with_key(|name: &String| {
            counts.push((name.clone(), 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    Ok(counts)
}

/// The most frequent first; equal counts keep their order.
fn most_common(mut counts: Counts, limit: Option<usize>) -> Counts {
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    // As with objgraph, a limit of 0 is none.
    counts.truncate(limit.filter(|&limit| limit > 0).unwrap_or(usize::MAX));
    counts
}

/// Writes text to a file object, or to `sys.stdout`.
pub(crate) fn print(py: Python<'_>, file: Option<&Bound<'_, PyAny>>, text: &str) -> PyResult<()> {
    let file = match file.filter(|file| !file.is_none()) {
        Some(file) => file.clone(),
        None => snakeroot_walk::module(py, c"sys")?.getattr("stdout")?,
    };
    if file.is_none() {
        return Ok(()); // a process without a terminal has no stdout
    }
    file.call_method1("write", (text,))?;
    Ok(())
}

/// Count the tracked objects by the name of their type.
///
/// One pass over the collector's lists, or over `objects`. With
/// `shortnames=False` names are `module.name`. `filter` takes an object and
/// says whether it counts.
#[pyfunction]
#[pyo3(signature = (objects=None, shortnames=true, filter=None))]
fn typestats<'py>(
    py: Python<'py>,
    objects: Option<&Bound<'py, PyAny>>,
    shortnames: bool,
    filter: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let stats = PyDict::new(py);
    for (name, count) in counts(py, objects, shortnames, filter)? {
        stats.set_item(name, count)?;
    }
    Ok(stats)
}

/// The names of the most common types with their counts, most frequent first.
#[pyfunction]
#[pyo3(signature = (limit=Some(10), objects=None, shortnames=true, filter=None),
    text_signature = "(limit=10, objects=None, shortnames=True, filter=None)")]
fn most_common_types(
    py: Python<'_>,
    limit: Option<i64>,
    objects: Option<&Bound<'_, PyAny>>,
    shortnames: bool,
    filter: Option<&Bound<'_, PyAny>>,
) -> PyResult<Counts> {
    let limit = arguments::limit(limit, "limit")?;
    Ok(most_common(counts(py, objects, shortnames, filter)?, limit))
}

/// Print the most common types with their counts.
#[pyfunction]
#[pyo3(signature = (limit=Some(10), objects=None, shortnames=true, file=None, filter=None),
    text_signature = "(limit=10, objects=None, shortnames=True, file=None, filter=None)")]
fn show_most_common_types(
    py: Python<'_>,
    limit: Option<i64>,
    objects: Option<&Bound<'_, PyAny>>,
    shortnames: bool,
    file: Option<&Bound<'_, PyAny>>,
    filter: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let limit = arguments::limit(limit, "limit")?;
    let counts = most_common(counts(py, objects, shortnames, filter)?, limit);
    let width = counts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: String =
        counts.iter().map(|(name, count)| format!("{name:<width$} {count}\n")).collect();
    print(py, file, &lines)
}

/// The number of tracked objects whose type has a name; one with a dot is `module.name`.
#[pyfunction]
#[pyo3(signature = (typename, objects=None))]
fn count(py: Python<'_>, typename: &str, objects: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
    match objects.filter(|objects| !objects.is_none()) {
        None => Ok(snakeroot_walk::by_type(py, crate::probe(py)?, typename, true)?.0),
        Some(objects) => Ok(of_type(objects, typename)?.len() as u64),
    }
}

/// The tracked objects whose type has a name; one with a dot is `module.name`.
#[pyfunction]
#[pyo3(signature = (typename, objects=None))]
fn by_type<'py>(
    py: Python<'py>,
    typename: &str,
    objects: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    match objects.filter(|objects| !objects.is_none()) {
        None => Ok(snakeroot_walk::by_type(py, crate::probe(py)?, typename, false)?.1),
        Some(objects) => PyList::new(py, of_type(objects, typename)?),
    }
}

fn of_type<'py>(objects: &Bound<'py, PyAny>, typename: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let probe = crate::probe(objects.py())?;
    let shortnames = !typename.contains('.');
    let mut found = Vec::new();
    for object in objects.try_iter()? {
        let object = object?;
        if snakeroot_walk::type_name(&object, shortnames, probe) == typename {
            found.push(object);
        }
    }
    Ok(found)
}

/// The types whose count rose above its peak: (name, count, increase), largest increase first.
///
/// `peak_stats` maps names to the highest counts seen and is updated; without
/// it the counts of earlier calls are kept. Collects garbage first.
#[pyfunction]
#[pyo3(signature = (limit=Some(10), peak_stats=None, shortnames=true, filter=None),
    text_signature = "(limit=10, peak_stats=None, shortnames=True, filter=None)")]
fn growth(
    py: Python<'_>,
    limit: Option<i64>,
    peak_stats: Option<&Bound<'_, PyDict>>,
    shortnames: bool,
    filter: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<(String, u64, u64)>> {
    let limit = arguments::limit(limit, "limit")?;
    snakeroot_walk::module(py, c"gc")?.call_method0("collect")?;
    let peaks = match peak_stats {
        Some(peaks) => peaks.clone(),
        None => PEAKS.get_or_init(py, || PyDict::new(py).unbind()).bind(py).clone(),
    };
    let mut rows = Vec::new();
    for (name, count) in counts(py, None, shortnames, filter)? {
        let old: u64 = match peaks.get_item(&name)? {
            Some(old) => old.extract()?,
            None => 0,
        };
        if count > old {
            peaks.set_item(&name, count)?;
            rows.push((name, count, count - old));
        }
    }
    rows.sort_by_key(|&(_, _, delta)| std::cmp::Reverse(delta));
    rows.truncate(limit.filter(|&limit| limit > 0).unwrap_or(usize::MAX));
    Ok(rows)
}

/// Print the types whose count rose above its peak since the last call.
#[pyfunction]
#[pyo3(signature = (limit=Some(10), peak_stats=None, shortnames=true, file=None, filter=None),
    text_signature = "(limit=10, peak_stats=None, shortnames=True, file=None, filter=None)")]
fn show_growth(
    py: Python<'_>,
    limit: Option<i64>,
    peak_stats: Option<&Bound<'_, PyDict>>,
    shortnames: bool,
    file: Option<&Bound<'_, PyAny>>,
    filter: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let rows = growth(py, limit, peak_stats, shortnames, filter)?;
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let lines: String = rows
        .iter()
        .map(|(name, count, delta)| format!("{name:<width$}{count:>9} {:>+9}\n", *delta as i64))
        .collect();
    if lines.is_empty() { Ok(()) } else { print(py, file, &lines) }
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
