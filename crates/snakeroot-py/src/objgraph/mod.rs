//! objgraph's verbs that ask for references: on the live process, or in a held heap.
//!
//! By default they answer what objgraph answers: the references that the collector sees, among
//! the objects that it tracks.

mod chain;
mod label;
mod request;
mod show;
mod surroundings;

use std::collections::HashMap;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule as PyModuleType, PyTuple};
use snakeroot::analysis::Direction;

use crate::arguments;
use crate::heap::Heap;
use crate::node::Node;
use crate::picture::Picture;
use chain::{NATIVE_PREDICATE, Search};
use request::{Edges, Request, add_named, graph_arguments, named_arguments};

/// Whether an object is a module that stands in `sys.modules` under its own name.
///
/// Also for a node of a heap: whether it was one.
#[pyfunction]
fn is_proper_module(obj: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Ok(node) = obj.cast::<Node>() {
        return Ok(surroundings::is_module(node.get().graph(), node.get().id()));
    }
    // Not by `isinstance`, which a mock's `__class__` deceives, and not by asking the module, which
    // may load what it stands for.
    if !obj.get_type().is_subclass_of::<PyModuleType>()? {
        return Ok(false);
    }
    let Some(name) = obj.cast::<PyModuleType>()?.dict().get_item("__name__")? else {
        return Ok(false);
    };
    let Some(modules) = snakeroot_walk::of_sys(obj.py(), c"modules") else {
        return Ok(false); // the interpreter ends
    };
    let known = modules.call_method1("get", (name,));
    Ok(known.is_ok_and(|known| known.is(obj)))
}

/// `show_backrefs` or `show_refs`, by direction.
fn show<'py>(
    direction: Direction,
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    let named = named_arguments(show::function_of(direction), args, kwargs)?;
    let mut request = Request::new(direction, &named)?.about(objs);
    // What carries this call's own arguments.
    request.call = std::iter::once(objs.clone()).chain(args.iter()).collect();
    request.named = kwargs.iter().flat_map(|named| named.values()).collect();
    request.ignore.insert(args.as_ptr() as u64);
    request.ignore.extend(kwargs.map(|kwargs| kwargs.as_ptr() as u64));
    request.run(objs.py())
}

/// Draw what refers to `objs`, directly and indirectly.
///
/// `objs` is one object, or a list of them. A str or path in second place is
/// the file name. Its end tells the format: .png and .svg are painted here, .dot
/// is text for Graphviz, for .pdf and others Graphviz is run; `engine` is
/// "snakeroot" or "dot" where one of the two is to do it. Without a file name
/// (and without `output`, a file object for DOT) the picture comes back, which a
/// notebook shows; elsewhere it is also written to a temporary file, and opened
/// if there is a display.
///
/// `max_depth` and `too_many` bound depth and breadth; `filter` and
/// `extra_ignore` (ids) leave objects out; `highlight` marks some; `extra_info`
/// adds text; `refcounts` adds reference counts; `shortnames=False` gives
/// `module.name`; `extra_node_attrs` adds attributes in DOT. `sizes=True` adds
/// sizes to labels, `retained=True` what objects retain; `repr=False` keeps the
/// objects' own code from running.
///
/// Garbage is not shown, unless `collect=False`. `untracked=True` shows what the
/// collector does not track too, and running frames. With `heap`, a `Heap`, the
/// objects are those of a held heap: `objs` are its nodes or addresses, or
/// objects if it is of this process, and callbacks are given nodes.
///
/// Raises `ValueError` for two destinations or an unknown format, `OSError` for
/// a place that cannot be written, `RuntimeError` where Graphviz is needed and
/// missing, and what a callback raises. O(objects + references) time.
#[pyfunction]
#[pyo3(
    signature = (objs, *args, **kwargs),
    text_signature = "(objs, max_depth=3, extra_ignore=(), filter=None, too_many=10, \
        highlight=None, filename=None, extra_info=None, refcounts=False, shortnames=True, \
        output=None, extra_node_attrs=None, *, engine=None, collect=True, heap=None, \
        untracked=False, sizes=None, retained=False, repr=True)"
)]
fn show_backrefs<'py>(
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    show(Direction::Referrers, objs, args, kwargs)
}

/// Draw what `objs` refer to, directly and indirectly.
///
/// The parameters are those of `show_backrefs`. O of what is met in time.
#[pyfunction]
#[pyo3(
    signature = (objs, *args, **kwargs),
    text_signature = "(objs, max_depth=3, extra_ignore=(), filter=None, too_many=10, \
        highlight=None, filename=None, extra_info=None, refcounts=False, shortnames=True, \
        output=None, extra_node_attrs=None, *, engine=None, collect=True, heap=None, \
        untracked=False, sizes=None, retained=False, repr=True)"
)]
fn show_refs<'py>(
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    show(Direction::Referents, objs, args, kwargs)
}

/// Draw one or several chains of objects, each of which refers to the next.
///
/// For what `find_backref_chain` and `find_ref_chain` return. `backrefs=False`
/// draws from the first object rather than towards the last. All other keywords
/// are those of `show_backrefs`; a str or path in the last place is the file
/// name. Raises `ValueError` where no chain has an object.
#[pyfunction]
#[pyo3(
    signature = (*chains, **kwargs),
    text_signature = "(*chains, backrefs=True, filename=None, highlight=None, extra_info=None, \
        refcounts=False, shortnames=True, output=None, extra_node_attrs=None, too_many=10, \
        extra_ignore=(), engine=None, collect=True, heap=None, untracked=False, sizes=None, \
        retained=False, repr=True)"
)]
fn show_chain<'py>(
    py: Python<'py>,
    chains: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    let mut lists: Vec<Vec<Bound<'py, PyAny>>> = Vec::new();
    let mut named = HashMap::new();
    for (place, chain) in chains.iter().enumerate() {
        if place > 0 && place + 1 == chains.len() && arguments::is_path(&chain) {
            // As with `show_backrefs`, a name may come last.
            named.insert("filename".to_owned(), chain);
            continue;
        }
        let objects = chain.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        if !objects.is_empty() {
            lists.push(objects);
        }
    }
    add_named("show_chain", kwargs, &mut named)?;
    if let Some(name) = ["max_depth", "filter"].into_iter().find(|&name| named.contains_key(name)) {
        return Err(PyTypeError::new_err(format!(
            "show_chain() got an unexpected keyword argument '{name}'"
        )));
    }
    let backrefs = named.remove("backrefs").map_or(Ok(true), |backrefs| backrefs.is_truthy())?;
    let Some(longest) = lists.iter().map(Vec::len).max() else {
        return Err(PyValueError::new_err("chains: expected at least one object, found none"));
    };
    let direction = if backrefs { Direction::Referrers } else { Direction::Referents };
    let mut request = Request::new(direction, &named)?;
    request.max_depth = (longest - 1) as f64;
    let end = |chain: &Vec<Bound<'py, PyAny>>| {
        if backrefs { chain[chain.len() - 1].clone() } else { chain[0].clone() }
    };
    request.objects = lists.iter().map(end).collect();
    request.only = Some(lists.into_iter().flatten().collect());
    request.run(py)
}

/// Draw what a function of the caller's own says of `objs`: `edge_func` gives the neighbours of an object.
///
/// objgraph keeps it behind an underscore. Arrows lead to the objects asked about; with `swap_source_target` from
/// them. What `cull_func` is true for is shown and not asked about. All else is as with `show_refs`.
#[pyfunction]
#[pyo3(
    signature = (objs, edge_func, swap_source_target, *args, **kwargs),
    text_signature = "(objs, edge_func, swap_source_target, max_depth=3, extra_ignore=(), \
        filter=None, too_many=10, highlight=None, filename=None, extra_info=None, refcounts=False, \
        shortnames=True, output=None, cull_func=None, extra_node_attrs=None, *, engine=None, \
        collect=True, sizes=None, repr=True)"
)]
fn _show_graph<'py>(
    objs: &Bound<'py, PyAny>,
    edge_func: &Bound<'py, PyAny>,
    swap_source_target: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    let (named, cull) = graph_arguments(args, kwargs)?;
    if let Some(name) =
        ["heap", "untracked", "retained"].into_iter().find(|&name| named.contains_key(name))
    {
        return Err(PyTypeError::new_err(format!(
            "_show_graph() got an unexpected keyword argument '{name}'"
        )));
    }
    let direction = match swap_source_target.is_truthy()? {
        true => Direction::Referents,
        false => Direction::Referrers,
    };
    let mut request = Request::new(direction, &named)?.about(objs);
    request.edges = Some(Edges { function: edge_func.clone(), cull });
    request.run(objs.py())
}

/// Find a shortest chain of references that leads to `obj`.
///
/// The chain starts with an object for which `predicate` is true and ends with
/// `obj`; without one within `max_depth` steps it is `[obj]`. `extra_ignore`
/// lists ids of objects that no chain may pass. Garbage is no part of it, unless
/// `collect=False`. `untracked=True` looks at what the collector does not track
/// too. With `heap`, a `Heap`, the chain is of its nodes, and `predicate` is
/// given nodes. Raises what `predicate` raises.
#[pyfunction]
#[pyo3(
    signature = (obj, predicate, max_depth=20.0, extra_ignore=None, *, collect=true, heap=None,
        untracked=false),
    text_signature = "(obj, predicate, max_depth=20, extra_ignore=(), *, collect=True, heap=None, \
        untracked=False)"
)]
fn find_backref_chain<'py>(
    obj: &Bound<'py, PyAny>,
    predicate: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = request::max_depth)] max_depth: f64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
    collect: bool,
    heap: Option<&Bound<'py, Heap>>,
    untracked: bool,
) -> PyResult<Bound<'py, PyList>> {
    let search = Search::new(obj, predicate, Direction::Referrers, max_depth, extra_ignore)?;
    search.with(collect, untracked).run(heap.map(Bound::get))
}

/// Find a shortest chain of references that leads from `obj`.
///
/// The chain starts with `obj` and ends with an object for which `predicate` is
/// true; without one within `max_depth` steps it is `[obj]`. The parameters are
/// those of `find_backref_chain`.
#[pyfunction]
#[pyo3(
    signature = (obj, predicate, max_depth=20.0, extra_ignore=None, *, collect=true, heap=None,
        untracked=false),
    text_signature = "(obj, predicate, max_depth=20, extra_ignore=(), *, collect=True, heap=None, \
        untracked=False)"
)]
fn find_ref_chain<'py>(
    obj: &Bound<'py, PyAny>,
    predicate: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = request::max_depth)] max_depth: f64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
    collect: bool,
    heap: Option<&Bound<'py, Heap>>,
    untracked: bool,
) -> PyResult<Bound<'py, PyList>> {
    let search = Search::new(obj, predicate, Direction::Referents, max_depth, extra_ignore)?;
    search.with(collect, untracked).run(heap.map(Bound::get))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let native = wrap_pyfunction!(is_proper_module, module)?;
    module.add_function(native.clone())?;
    NATIVE_PREDICATE.set(module.py(), native.into_any().unbind()).ok();
    module.add_function(wrap_pyfunction!(show_backrefs, module)?)?;
    module.add_function(wrap_pyfunction!(show_refs, module)?)?;
    module.add_function(wrap_pyfunction!(show_chain, module)?)?;
    module.add_function(wrap_pyfunction!(_show_graph, module)?)?;
    module.add_function(wrap_pyfunction!(find_backref_chain, module)?)?;
    module.add_function(wrap_pyfunction!(find_ref_chain, module)?)
}
