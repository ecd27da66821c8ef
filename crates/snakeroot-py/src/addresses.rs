//! objgraph's verbs about ids: what has one, what nothing refers to.

use std::collections::HashSet;

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyIterator, PyList, PySet, PyTuple};
use snakeroot::analysis;

use crate::counted::{self, Truth, given, held};
use crate::counts::collect_garbage;
use crate::node::Node;

/// The tracked objects that no tracked object refers to.
///
/// Those of `objects`, if these are given, in their order; that list itself refers to nothing here.
/// Only what the collector sees counts: a local variable of a running function does not, nor does C code. What is left may be
/// there for good, or because C code forgot to let go of it. Collects garbage first, unless
/// `collect` is false. With `heap` the nodes of that heap that nothing in it refers to, and
/// there running frames do.
#[pyfunction]
#[pyo3(
    signature = (objects=None, *, collect=Truth(true), heap=None),
    text_signature = "(objects=None, *, collect=True, heap=None)"
)]
fn get_leaking_objects<'py>(
    py: Python<'py>,
    objects: Option<&Bound<'py, PyAny>>,
    collect: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let objects = given(objects);
    if let Some(heap) = held(heap)? {
        let graph = heap.get().shared();
        let nodes = counted::nodes(heap.get(), objects, false)?;
        let nodes = py.detach(|| analysis::unreferred(graph, nodes));
        return PyList::new(py, nodes.into_iter().map(|node| Node::new(graph.clone(), node)));
    }
    if collect.0 {
        collect_garbage(py)?;
    }
    let among = objects.map(|objects| objects.try_iter()?.collect()).transpose();
    let among: Option<Vec<Bound<'py, PyAny>>> = among?;
    let left = snakeroot_walk::unreferred(py, crate::probe(py)?, among.as_deref(), objects)?;
    PyList::new(py, left)
}

/// The number that an argument means as an id; `None` where no object has such a one.
fn id_of(what: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    match what.extract::<u64>() {
        Ok(id) => Ok(Some(id)),
        // No number at all is no object's id either.
        Err(error)
            if error.is_instance_of::<pyo3::exceptions::PyTypeError>(what.py())
                || error.is_instance_of::<PyOverflowError>(what.py()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The tracked object at an address, or `None`: the reverse of `id`.
///
/// What is not an object's address is not touched. With `untracked=True` any object in memory, with
/// `heap` that heap's node. O(objects).
#[pyfunction]
#[pyo3(
    signature = (addr, *, untracked=Truth(false), heap=None),
    text_signature = "(addr, *, untracked=False, heap=None)"
)]
fn at<'py>(
    py: Python<'py>,
    addr: &Bound<'py, PyAny>,
    untracked: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let ids = id_of(addr)?.into_iter().collect();
    Ok(objects_at(py, ids, untracked.0, heap)?.into_iter().next())
}

/// The tracked objects at some addresses, in no particular order.
///
/// `address_set` is any container of ids. With `untracked=True` any objects in memory, with `heap`
/// that heap's nodes. O(objects).
#[pyfunction]
#[pyo3(
    signature = (address_set, *, untracked=Truth(false), heap=None),
    text_signature = "(address_set, *, untracked=False, heap=None)"
)]
fn at_addrs<'py>(
    py: Python<'py>,
    address_set: &Bound<'py, PyAny>,
    untracked: Truth,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let is_plain = address_set.is_exact_instance_of::<PySet>()
        || address_set.is_exact_instance_of::<PyFrozenSet>()
        || address_set.is_exact_instance_of::<PyList>()
        || address_set.is_exact_instance_of::<PyTuple>()
        || address_set.is_exact_instance_of::<PyDict>()
        || address_set.cast::<PyIterator>().is_ok();
    if is_plain {
        let mut ids = HashSet::new();
        for id in address_set.try_iter()? {
            ids.extend(id_of(&id?)?);
        }
        return PyList::new(py, objects_at(py, ids, untracked.0, heap)?);
    }
    // What says by itself what is in it is asked about each object, when all are held.
    let found = PyList::empty(py);
    if let Some(heap) = held(heap)? {
        let graph = heap.get().shared();
        for node in counted::nodes(heap.get(), None, true)? {
            if address_set.contains(graph.snapshot().address(node))? {
                found.append(Node::new(graph.clone(), node))?;
            }
        }
        return Ok(found);
    }
    let all = if untracked.0 {
        let all = counted::all_objects(py, |_, nodes| nodes)?;
        all.into_iter().map(|(_, object)| object).collect()
    } else {
        let all = snakeroot_walk::module(py, c"gc")?.call_method0("get_objects")?;
        all.try_iter()?.collect::<PyResult<Vec<_>>>()?
    };
    for object in all {
        if address_set.contains(object.as_ptr() as u64)? {
            found.append(object)?;
        }
    }
    Ok(found)
}

/// What lies at some addresses.
fn objects_at<'py>(
    py: Python<'py>,
    ids: HashSet<u64>,
    untracked: bool,
    heap: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if let Some(heap) = held(heap)? {
        let graph = heap.get().shared();
        let mut nodes: Vec<_> = ids.into_iter().filter_map(|id| graph.at(id)).collect();
        nodes.sort_unstable();
        let nodes = nodes.into_iter().map(|node| Bound::new(py, Node::new(graph.clone(), node)));
        return nodes.map(|node| Ok(node?.into_any())).collect();
    }
    if untracked {
        let at = |graph: &snakeroot::Graph, _| ids.iter().filter_map(|&id| graph.at(id)).collect();
        let found = counted::all_objects(py, at)?;
        return Ok(found.into_iter().map(|(_, object)| object).collect());
    }
    let found = snakeroot_walk::tracked_at(py, crate::probe(py)?, &ids)?;
    Ok(found.into_iter().map(|object| object.into_bound(py)).collect())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(get_leaking_objects, module)?)?;
    module.add_function(wrap_pyfunction!(at, module)?)?;
    module.add_function(wrap_pyfunction!(at_addrs, module)?)
}
