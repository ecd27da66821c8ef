//! Walking the live process, and what `doctor` says of it.

use std::fmt::Write;
use std::path::PathBuf;

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use snakeroot::{Graph, view};
use snakeroot_walk::{Held, Options, Probe, WalkError};

use crate::heap::Heap;

/// Walks the heap; attached to the end if objects are to be looked at after it.
pub(crate) fn walk(py: Python<'_>, options: &Options) -> PyResult<(Graph, Held)> {
    let walked = snakeroot_walk::snapshot(py, crate::probe(py)?, options);
    let (snapshot, held) = walked.map_err(walk_error)?;
    let graph = if options.stay_attached {
        Graph::new(snapshot)
    } else {
        py.detach(|| Graph::new(snapshot))
    };
    Ok((graph, held))
}

/// The Python exception for a walk that could not be finished.
pub(crate) fn walk_error(error: WalkError) -> PyErr {
    match error {
        WalkError::Memory(_) => PyMemoryError::new_err(error.to_string()),
        _ => PyRuntimeError::new_err(error.to_string()),
    }
}

/// The heap of this process, standing still.
///
/// Walks everything that the garbage collector tracks and all that it leads
/// to, in one pause without Python code; then numbers it with other threads
/// running. Holds no reference to any object. With `values` short previews of
/// str, bytes, int, float and bool are kept.
///
/// O(objects + references) time.
#[pyfunction]
#[pyo3(signature = (*, values=false))]
fn snapshot(py: Python<'_>, values: bool) -> PyResult<Heap> {
    let options = Options { values, ..Options::default() };
    Ok(Heap::new(walk(py, &options)?.0, true))
}

/// The heap in a file that `Heap.save` wrote.
///
/// Raises `FileNotFoundError`, `IsADirectoryError`, `PermissionError` or
/// another `OSError` where the file cannot be read, `ValueError` where it is
/// damaged, foreign or too new.
#[pyfunction]
fn load(py: Python<'_>, path: PathBuf) -> PyResult<Heap> {
    let graph = py.detach(|| snakeroot_dump::load(&path).map(Graph::new));
    Ok(Heap::new(graph.map_err(crate::picture::dump_error)?, false))
}

/// The least that a walk of this heap must cost: tracked objects, references
/// that their traverse functions visit, and nanoseconds. For benchmarks; `None`
/// where the collector's lists cannot be read.
#[pyfunction]
fn walk_floor(py: Python<'_>) -> PyResult<Option<(u64, u64, u64)>> {
    let floor = snakeroot_walk::floor(py, crate::probe(py)?);
    Ok(floor.map(|floor| (floor.objects, floor.references, floor.ns)))
}

/// What works on this interpreter and what does not.
pub(crate) fn doctor(probe: &Probe, version: &str, json: bool) -> Result<String, String> {
    // What a walk of this very process can explain.
    let snapshot = Python::attach(|py| snakeroot_walk::snapshot(py, probe, &Options::default()));
    let (snapshot, _) = snapshot.map_err(|error| error.to_string())?;
    let (info, objects) = (snapshot.info(), snapshot.object_count() as u64);
    let (held_from_c, garbage) = (info.held_from_c, info.garbage);
    let share = |count: Option<u64>| match count {
        Some(count) => view::share(count, objects),
        None => "not known".to_owned(),
    };
    let readers = probe.readers();
    let notices = probe.notices();
    if json {
        let readers: serde_json::Map<String, serde_json::Value> =
            readers.iter().map(|&(name, works)| (name.to_owned(), works.into())).collect();
        let answer = serde_json::json!({
            "schema": "snakeroot.doctor/1",
            "python": version,
            "snakeroot": env!("CARGO_PKG_VERSION"),
            "enumeration": probe.enumeration(),
            "readers": readers,
            "objects": objects,
            "held_from_c": held_from_c,
            "garbage": garbage,
            "notices": notices,
        });
        return Ok(format!("{answer:#}\n"));
    }
    let mut text = String::new();
    let mut line =
        |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").map_err(|e| e.to_string());
    line(format_args!("Python {version}"))?;
    line(format_args!("snakeroot {}", env!("CARGO_PKG_VERSION")))?;
    line(format_args!("objects are found by {}", probe.enumeration()))?;
    line(format_args!(""))?;
    for (name, works) in &readers {
        line(format_args!(
            "  {:<22} {}",
            name,
            if *works { "read from memory" } else { "public interface" }
        ))?;
    }
    line(format_args!(""))?;
    line(format_args!("of {} objects of this process", view::grouped(objects)))?;
    line(format_args!("  {:<22} {}", "held from C only", share(held_from_c)))?;
    line(format_args!("  {:<22} {}", "garbage", share(garbage)))?;
    line(format_args!(""))?;
    if notices.is_empty() {
        line(format_args!("Everything works as it should."))?;
    }
    for notice in notices {
        line(format_args!("note: {notice}"))?;
    }
    Ok(text)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(snapshot, module)?)?;
    module.add_function(wrap_pyfunction!(load, module)?)?;
    module.add_function(wrap_pyfunction!(walk_floor, module)?)
}
