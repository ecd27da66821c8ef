//! Arguments that several functions share: file names, depths, which object is meant.

use std::path::PathBuf;

use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use snakeroot::{Graph, NodeId};

use crate::node::Node;

/// The node that an argument means: a node of this heap, an address, or on a
/// live heap an object.
pub(crate) fn node_of(graph: &Graph, live: bool, what: &Bound<'_, PyAny>) -> PyResult<NodeId> {
    if let Ok(node) = what.cast::<Node>() {
        let node = node.get();
        return if std::ptr::eq(node.graph(), graph) {
            Ok(node.id())
        } else {
            Err(PyKeyError::new_err("the node belongs to another heap: ask by its address"))
        };
    }
    if what.is_exact_instance_of::<PyInt>() {
        let address: u64 = what.extract().map_err(|_| {
            PyKeyError::new_err(format!("expected an address, found {}", short(what)))
        })?;
        return graph.at(address).ok_or_else(|| {
            PyKeyError::new_err(format!("no object of this heap lies at {address:#x}"))
        });
    }
    if !live {
        return Err(PyKeyError::new_err(
            "a heap from a file has no live objects: expected a node of it or an address",
        ));
    }
    node_of_object(graph, what)
}

/// The node of a live object, ints among them.
pub(crate) fn node_of_object(graph: &Graph, what: &Bound<'_, PyAny>) -> PyResult<NodeId> {
    let found = graph.at(what.as_ptr() as u64).filter(|&node| {
        // Another object may have taken the place of one that died.
        let ty = graph.snapshot().type_of(node).node;
        ty.map(|ty| graph.snapshot().address(ty)) == Some(what.get_type_ptr() as u64)
    });
    found.ok_or_else(|| {
        PyKeyError::new_err(format!(
            "this {} at {:#x} is not in the heap: it was made later, or nothing that was walked leads to it",
            type_name(what),
            what.as_ptr() as usize
        ))
    })
}

/// The name of an argument's type, for a message.
pub(crate) fn type_name(what: &Bound<'_, PyAny>) -> String {
    // Read and not asked: a metaclass may answer in Python.
    crate::probe(what.py())
        .map_or_else(|_| "object".into(), |probe| snakeroot_walk::type_name(what, true, probe))
}

fn short(what: &Bound<'_, PyAny>) -> String {
    what.str().map_or_else(|_| type_name(what), |text| text.to_string())
}

/// Whether an argument is a file name: a str or a path.
pub(crate) fn is_path(what: &Bound<'_, PyAny>) -> bool {
    what.is_instance_of::<PyString>() || what.hasattr("__fspath__").unwrap_or(false)
}

/// A file name, if there is one.
pub(crate) fn path(what: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<PathBuf>> {
    let Some(what) = what.filter(|what| !what.is_none()) else {
        return Ok(None);
    };
    if !is_path(what) {
        return Err(PyTypeError::new_err(format!(
            "{name}: expected a str or a path, found {}",
            type_name(what)
        )));
    }
    let path: PathBuf = what.extract()?;
    if path.as_os_str().is_empty() {
        return Err(PyValueError::new_err(format!("{name}: expected a file name, found none")));
    }
    Ok(Some(path))
}

/// A number that must not be negative.
pub(crate) fn at_least_zero(what: i64, name: &str) -> PyResult<u64> {
    u64::try_from(what)
        .map_err(|_| PyValueError::new_err(format!("{name}: expected 0 or more, found {what}")))
}

/// A number that must not be negative, or any number at all where it is `None`.
pub(crate) fn limit(what: Option<i64>, name: &str) -> PyResult<Option<usize>> {
    what.map(|what| {
        at_least_zero(what, name).map(|what| usize::try_from(what).unwrap_or(usize::MAX))
    })
    .transpose()
}

/// A whole number, 0 or more, for the argument `name`.
///
/// # Errors
///
/// `TypeError` for what is no int, `ValueError` for one that is negative or beyond 64 bits.
pub(crate) fn whole(name: &str, what: &Bound<'_, PyAny>) -> PyResult<u64> {
    if !what.is_instance_of::<PyInt>() {
        return Err(PyTypeError::new_err(format!(
            "{name}: expected an int, found {}",
            type_name(what)
        )));
    }
    what.extract().map_err(|_| {
        PyValueError::new_err(format!(
            "{name}: expected 0 or more, in 64 bits, found {}",
            short(what)
        ))
    })
}
