//! What `show_refs`, `show_backrefs` and `show_chain` are asked for, in objgraph's order of
//! arguments.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString, PyTuple};
use snakeroot::analysis::Direction;

use crate::arguments;
use crate::heap::Heap;
use crate::picture::{self, Engine};

/// The parameters of `show_backrefs` and `show_refs` behind `objs`, in objgraph's order.
const PARAMETERS: [&str; 11] = [
    "max_depth",
    "extra_ignore",
    "filter",
    "too_many",
    "highlight",
    "filename",
    "extra_info",
    "refcounts",
    "shortnames",
    "output",
    "extra_node_attrs",
];
/// Those that objgraph has not; by name only.
const FURTHER: [&str; 7] = ["engine", "collect", "heap", "untracked", "sizes", "retained", "repr"];

/// Arguments by the names of their parameters.
pub(super) type Named<'py> = HashMap<String, Bound<'py, PyAny>>;

/// What a picture of references is asked for.
pub(super) struct Request<'py> {
    pub(super) direction: Direction,
    pub(super) objects: Vec<Bound<'py, PyAny>>,
    /// A number, which need not be whole nor finite.
    pub(super) max_depth: f64,
    pub(super) too_many: usize,
    /// Addresses of objects that are no neighbours.
    pub(super) ignore: HashSet<u64>,
    /// The arguments of the call itself, in their order; of `show_chain` none need be known.
    pub(super) call: Vec<Bound<'py, PyAny>>,
    /// Those that were given by name, in their order.
    pub(super) named: Vec<Bound<'py, PyAny>>,
    /// Asked for the neighbours of each object in place of the collector, with what is not expanded.
    pub(super) edges: Option<Edges<'py>>,
    /// Only these, where there are any: the objects of chains.
    pub(super) only: Option<Vec<Bound<'py, PyAny>>>,
    pub(super) filter: Option<Bound<'py, PyAny>>,
    pub(super) highlight: Option<Bound<'py, PyAny>>,
    pub(super) extra_info: Option<Bound<'py, PyAny>>,
    pub(super) extra_node_attrs: Option<Bound<'py, PyAny>>,
    pub(super) refcounts: bool,
    pub(super) shortnames: bool,
    pub(super) filename: Option<PathBuf>,
    pub(super) output: Option<Bound<'py, PyAny>>,
    pub(super) engine: Engine,
    pub(super) collect: bool,
    pub(super) heap: Option<Py<Heap>>,
    pub(super) untracked: bool,
    /// Whether labels have sizes; where nobody said, painted pictures have.
    pub(super) sizes: Option<bool>,
    pub(super) retained: bool,
    pub(super) repr: bool,
}

/// Neighbours that a function of the caller's own names.
pub(super) struct Edges<'py> {
    /// From an object to those that refer to it, or that it refers to.
    pub(super) function: Bound<'py, PyAny>,
    /// Whether an object is shown but not expanded.
    pub(super) cull: Option<Bound<'py, PyAny>>,
}

impl<'py> Request<'py> {
    /// From what was given by name, without the objects.
    ///
    /// # Errors
    ///
    /// `TypeError` for what is of the wrong kind, `ValueError` for two destinations and for a
    /// format that is not known, `OSError` for a place that cannot be written.
    pub(super) fn new(direction: Direction, named: &Named<'py>) -> PyResult<Self> {
        let given = |name: &str| named.get(name).filter(|value| !value.is_none()).cloned();
        let truth =
            |name: &str, default: bool| named.get(name).map_or(Ok(default), |it| it.is_truthy());
        let function = |name: &str| -> PyResult<_> {
            match given(name) {
                Some(it) if it.is_callable() => Ok(Some(it)),
                // As with objgraph, what is false is no function.
                Some(it) if name != "extra_node_attrs" && is_plainly_false(&it)? => Ok(None),
                Some(it) => Err(PyTypeError::new_err(format!(
                    "{name}: expected a function, found {}",
                    arguments::type_name(&it)
                ))),
                None => Ok(None),
            }
        };
        let heap = given("heap").map(|heap| {
            heap.cast::<Heap>().map(|heap| heap.clone().unbind()).map_err(|_| {
                PyTypeError::new_err(format!(
                    "heap: expected a Heap, found {}",
                    arguments::type_name(&heap)
                ))
            })
        });
        let engine = given("engine").map(|name| name.extract::<String>()).transpose()?;
        let too_many = number(named.get("too_many"), "too_many", 10.0)?;
        // No more than this many are taken, as long as fewer than `too_many` were.
        let too_many = too_many.ceil().max(0.0);
        let filename = match given("filename") {
            Some(name) if is_plainly_false(&name)? => None,
            name => arguments::path(name.as_ref(), "filename")?,
        };
        let request = Self {
            direction,
            objects: Vec::new(),
            max_depth: number(named.get("max_depth"), "max_depth", 3.0)?,
            too_many: if too_many < 1e18 { too_many as usize } else { usize::MAX },
            ignore: ignored(given("extra_ignore").as_ref())?,
            call: Vec::new(),
            named: Vec::new(),
            edges: None,
            only: None,
            filter: function("filter")?,
            highlight: function("highlight")?,
            extra_info: function("extra_info")?,
            extra_node_attrs: function("extra_node_attrs")?,
            refcounts: truth("refcounts", false)?,
            shortnames: truth("shortnames", true)?,
            filename,
            output: given("output"),
            engine: picture::engine(engine.as_deref())?,
            collect: truth("collect", true)?,
            heap: heap.transpose()?,
            untracked: truth("untracked", false)?,
            sizes: given("sizes").map(|sizes| sizes.is_truthy()).transpose()?,
            retained: truth("retained", false)?,
            repr: truth("repr", true)?,
        };
        if let (Some(path), None) = (&request.filename, &request.output) {
            picture::check_destination(path, request.engine)?;
        } else if request.filename.is_some() {
            return Err(PyValueError::new_err("Cannot specify both output and filename."));
        }
        Ok(request)
    }

    /// Takes what the picture begins with: one object, or a list or tuple of them.
    pub(super) fn about(mut self, objs: &Bound<'py, PyAny>) -> Self {
        self.ignore.insert(objs.as_ptr() as u64);
        self.objects = if let Ok(list) = objs.cast::<PyList>() {
            list.iter().collect()
        } else if let Ok(tuple) = objs.cast::<PyTuple>() {
            tuple.iter().collect()
        } else {
            self.ignore.remove(&(objs.as_ptr() as u64));
            vec![objs.clone()]
        };
        self
    }
}

/// Whether an argument is `False`, 0 or an empty str, which is told without its own code.
fn is_plainly_false(what: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_plain = what.is_exact_instance_of::<PyInt>()
        || what.is_exact_instance_of::<PyBool>()
        || what.is_exact_instance_of::<PyString>();
    Ok(is_plain && !what.is_truthy()?)
}

/// The arguments of `show_backrefs` and `show_refs` behind `objs`, by name.
///
/// objgraph's order, but a str or path in the second place is the file name,
/// and the others follow it.
pub(super) fn named_arguments<'py>(
    function: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Named<'py>> {
    let mut named = HashMap::new();
    let mut places = PARAMETERS.iter();
    for (place, argument) in args.iter().enumerate() {
        let name = if place == 0 && arguments::is_path(&argument) {
            "filename"
        } else {
            let next = places.find(|name| !named.contains_key(**name));
            next.ok_or_else(|| {
                PyTypeError::new_err(format!("{function}() takes at most 12 positional arguments"))
            })?
        };
        named.insert(name.to_owned(), argument);
    }
    add_named(function, kwargs, &mut named)?;
    Ok(named)
}

/// The arguments of `_show_graph` behind `swap_source_target`, by name: those of `show_refs` with `cull_func` as
/// the last but one, which is given besides.
pub(super) fn graph_arguments<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Named<'py>, Option<Bound<'py, PyAny>>)> {
    const FUNCTION: &str = "_show_graph";
    let (last, others) = PARAMETERS.split_last().expect("there are parameters");
    let places: Vec<&str> = others.iter().chain([&"cull_func", last]).copied().collect();
    if args.len() > places.len() {
        return Err(PyTypeError::new_err(format!(
            "{FUNCTION}() takes at most 15 positional arguments"
        )));
    }
    let mut named: Named<'py> = places.into_iter().map(str::to_owned).zip(args.iter()).collect();
    let mut culls: Vec<Bound<'py, PyAny>> = named.remove("cull_func").into_iter().collect();
    let kwargs = kwargs.map(|kwargs| kwargs.copy()).transpose()?;
    if let Some(kwargs) = &kwargs
        && let Some(cull) = kwargs.get_item("cull_func")?
    {
        kwargs.del_item("cull_func")?;
        culls.push(cull);
    }
    if culls.len() > 1 {
        return Err(PyTypeError::new_err(format!(
            "{FUNCTION}() got multiple values for argument 'cull_func'"
        )));
    }
    add_named(FUNCTION, kwargs.as_ref(), &mut named)?;
    Ok((named, culls.pop().filter(|cull| !cull.is_none())))
}

/// Adds what is given by name.
pub(super) fn add_named<'py>(
    function: &str,
    kwargs: Option<&Bound<'py, PyDict>>,
    named: &mut Named<'py>,
) -> PyResult<()> {
    for (name, argument) in kwargs.into_iter().flat_map(|kwargs| kwargs.iter()) {
        let name: String = name.extract()?;
        let is_known = PARAMETERS.contains(&name.as_str())
            || FURTHER.contains(&name.as_str())
            || (function, &*name) == ("show_chain", "backrefs");
        if !is_known {
            return Err(PyTypeError::new_err(format!(
                "{function}() got an unexpected keyword argument '{name}'"
            )));
        }
        if named.insert(name.clone(), argument).is_some() {
            return Err(PyTypeError::new_err(format!(
                "{function}() got multiple values for argument '{name}'"
            )));
        }
    }
    Ok(())
}

/// A number, whole or not, finite or not.
fn number(what: Option<&Bound<'_, PyAny>>, name: &str, default: f64) -> PyResult<f64> {
    let Some(value) = what else {
        return Ok(default);
    };
    if value.is_instance_of::<PyInt>() {
        // A number beyond all floats is as good as any large one.
        let limit = if value.lt(0)? { f64::NEG_INFINITY } else { f64::INFINITY };
        return Ok(value.extract::<f64>().unwrap_or(limit));
    }
    value.extract::<f64>().ok().filter(|value| !value.is_nan()).ok_or_else(|| {
        PyTypeError::new_err(format!(
            "{name}: expected a number, found {}",
            arguments::type_name(value)
        ))
    })
}

/// A depth, which may be any number.
pub(super) fn max_depth(what: &Bound<'_, PyAny>) -> PyResult<f64> {
    number(Some(what), "max_depth", 0.0)
}

/// The addresses that `extra_ignore` lists, and its own.
pub(super) fn ignored(extra_ignore: Option<&Bound<'_, PyAny>>) -> PyResult<HashSet<u64>> {
    let mut ignored = HashSet::new();
    if let Some(extra) = extra_ignore.filter(|extra| !extra.is_none()) {
        ignored.insert(extra.as_ptr() as u64);
        for id in extra.try_iter()? {
            let id = id?;
            if !id.is_instance_of::<PyInt>() {
                return Err(PyTypeError::new_err(format!(
                    "extra_ignore: expected ids, as id(obj) gives them, found {}",
                    arguments::type_name(&id)
                )));
            }
            // A number that is no address is no object's.
            ignored.extend(id.extract::<u64>().ok());
        }
    }
    Ok(ignored)
}
