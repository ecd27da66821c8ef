//! Where objects were allocated, as `tracemalloc` knows it.

use std::collections::HashMap;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use snakeroot::NodeId;
use snakeroot::graph::NodeSet;

use super::values::Values;

/// By node: the file and line that allocated it.
pub(crate) type Lines = HashMap<NodeId, (Box<str>, u64)>;

/// Says so where `tracemalloc` does not trace.
pub(crate) fn check(py: Python<'_>) -> PyResult<()> {
    let tracing: bool = py.import("tracemalloc")?.call_method0("is_tracing")?.extract()?;
    if tracing {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "Tracemalloc is not tracing. No producer profile available. See https://docs.python.org/3/library/tracemalloc.html",
    ))
}

/// The lines that allocated the objects of a set that still live, as far as they are known.
pub(crate) fn of(values: &Values<'_, '_>, set: &NodeSet) -> PyResult<Lines> {
    check(values.py)?;
    let nodes: Vec<NodeId> = set.iter().collect();
    let living = snakeroot_walk::living(values.py, crate::probe(values.py)?, values.graph, &nodes)
        .map_err(crate::live::walk_error)?;
    let mut lines = Lines::new();
    for (node, object) in nodes.into_iter().zip(living) {
        let Some(object) = object else { continue };
        if let Some(frames) = frames(&object)? {
            let last = frames.get_item(-1)?;
            let file: String = last.getattr("filename")?.extract()?;
            let line: u64 = last.getattr("lineno")?.extract()?;
            lines.insert(node, (file.into(), line));
        }
    }
    Ok(lines)
}

fn frames<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let module = object.py().import("tracemalloc")?;
    let frames = module.call_method1("get_object_traceback", (object,))?;
    Ok((!frames.is_none()).then_some(frames))
}

/// What `tracemalloc` says of an object, the most recent call first.
pub(crate) fn traceback<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    frames(object)
}
