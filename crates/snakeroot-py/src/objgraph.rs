//! objgraph's verbs that ask for references, on the live process.
//!
//! They walk the heap, or the part of it that the question needs, and stay
//! attached until the answer is there, so that the objects are still the same.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyModule as PyModuleType, PyTuple};
use snakeroot::analysis::{self, Chain, Direction, NeighbourhoodOptions};
use snakeroot::snapshot::{Flags, RootKind};
use snakeroot::view::{self, DrawOptions};
use snakeroot::{Graph, NodeId};
use snakeroot_walk::{Around, Held, Options};

use crate::arguments;
use crate::counts::print;
use crate::live;
use crate::picture::{self, Engine, Picture};

/// Characters of a value that a box shows.
const MOST_CHARACTERS: usize = 40;

/// Whether an object is a module that stands in `sys.modules` under its own name.
#[pyfunction]
fn is_proper_module(obj: &Bound<'_, PyAny>) -> PyResult<bool> {
    // Not by `isinstance`, which a mock's `__class__` deceives.
    if !obj.get_type().is_subclass_of::<PyModuleType>()? {
        return Ok(false);
    }
    let Ok(name) = obj.getattr("__name__") else {
        return Ok(false);
    };
    let modules = snakeroot_walk::module(obj.py(), c"sys")?.getattr("modules")?;
    let known = modules.call_method1("get", (name,));
    Ok(known.is_ok_and(|known| known.is(obj)))
}

/// `is_proper_module` as Python has it.
static NATIVE_PREDICATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Whether a node is a module in `sys.modules`.
fn is_module(graph: &Graph, node: NodeId) -> bool {
    let kind = graph.snapshot().root(node).map(|root| root.kind);
    matches!(kind, Some(RootKind::Module | RootKind::Builtins))
}

/// The address of the tuple that carries this very call's arguments, if the
/// interpreter made one: nothing but the call holds it.
fn call_tuple(graph: &Graph, argument: NodeId) -> Option<u64> {
    let snapshot = graph.snapshot();
    let carries = |node: NodeId| {
        snapshot.refcount(node) == 1
            && graph.referrers(node).is_empty()
            && snapshot.type_of(node).full_name() == "builtins.tuple"
            && graph.referents(node).first() == Some(&argument)
    };
    let found = graph.referrers(argument).iter().copied().find(|&node| carries(node));
    found.map(|node| snapshot.address(node))
}

/// The addresses that `extra_ignore` lists, and its own.
fn ignored(extra_ignore: Option<&Bound<'_, PyAny>>) -> PyResult<HashSet<u64>> {
    let mut ignored = HashSet::new();
    if let Some(extra) = extra_ignore.filter(|extra| !extra.is_none()) {
        ignored.insert(extra.as_ptr() as u64);
        for address in extra.try_iter()? {
            ignored.insert(address?.extract()?);
        }
    }
    Ok(ignored)
}

/// The walked heap with its objects still alive: no Python code ran since, or
/// what could be met is held.
struct Live<'py> {
    py: Python<'py>,
    graph: Graph,
    /// What keeps objects alive where other threads run on.
    alive: Held,
    held: Vec<Option<Bound<'py, PyAny>>>,
    places: HashMap<NodeId, usize>,
}

impl<'py> Live<'py> {
    /// Walks the part of the heap around some objects, or all of it where no
    /// part is asked for or the part cannot be had alone.
    fn walk(
        py: Python<'py>,
        objects: &[Bound<'py, PyAny>],
        around: Option<Around<'_>>,
    ) -> PyResult<Self> {
        let probe = crate::probe(py)?;
        let around = around.filter(|&around| snakeroot_walk::suits(probe, objects, around));
        let (graph, alive) = match around {
            Some(around) => {
                let part = snakeroot_walk::part(py, probe, objects, around);
                let (part, alive) = part.map_err(live::walk_error)?;
                (Graph::new(part), alive)
            }
            None => {
                let also = objects.iter().map(|object| object.as_ptr() as usize).collect();
                let options = Options { stay_attached: true, also, ..Options::default() };
                live::walk(py, &options)?
            }
        };
        Ok(Self { py, graph, alive, held: Vec::new(), places: Default::default() })
    }

    fn node(&self, object: &Bound<'py, PyAny>) -> NodeId {
        self.graph
            .at(object.as_ptr() as u64)
            .expect("the object was given to the walk, which made it a node")
    }

    fn is_object(&self, node: NodeId) -> bool {
        !self.graph.snapshot().flags(node).contains(Flags::SYNTHETIC)
    }

    /// Takes references to all that can be met from `starts` within `depth`
    /// steps, so that Python code may run from here on.
    fn hold(&mut self, starts: &[NodeId], direction: Direction, depth: u32) {
        let mut level: Vec<NodeId> = starts.to_vec();
        let mut seen: HashSet<NodeId> = starts.iter().copied().collect();
        for step in 0..=depth {
            let mut next = Vec::new();
            for &node in &level {
                if self.is_object(node) {
                    // No Python code has run since the walk.
                    let object = snakeroot_walk::object_at(self.py, &self.alive, &self.graph, node);
                    self.places.insert(node, self.held.len());
                    self.held.push(object);
                }
                if step < depth {
                    let neighbours = match direction {
                        Direction::Referents => self.graph.referents(node),
                        Direction::Referrers => self.graph.referrers(node),
                    };
                    next.extend(neighbours.iter().copied().filter(|&other| seen.insert(other)));
                }
            }
            level = next;
        }
    }

    /// The object of a node that is held.
    fn object(&self, node: NodeId) -> Option<&Bound<'py, PyAny>> {
        self.places.get(&node).and_then(|&place| self.held[place].as_ref())
    }
}

/// What `show_refs` and `show_backrefs` are asked for.
struct Request<'a, 'py> {
    direction: Direction,
    max_depth: i64,
    too_many: i64,
    ignore: HashSet<u64>,
    /// Only these, where there are any: the objects of chains.
    only: Option<HashSet<u64>>,
    filter: Option<&'a Bound<'py, PyAny>>,
    highlight: Option<&'a Bound<'py, PyAny>>,
    extra_info: Option<&'a Bound<'py, PyAny>>,
    extra_node_attrs: Option<&'a Bound<'py, PyAny>>,
    refcounts: bool,
    shortnames: bool,
    filename: Option<PathBuf>,
    output: Option<&'a Bound<'py, PyAny>>,
    engine: Engine,
}

impl<'py> Request<'_, 'py> {
    fn check(&self) -> PyResult<()> {
        arguments::at_least_zero(self.max_depth, "max_depth")?;
        arguments::at_least_zero(self.too_many, "too_many")?;
        if self.filename.is_some() && self.output.is_some() {
            return Err(PyValueError::new_err("Cannot specify both output and filename."));
        }
        for (name, callback) in [
            ("filter", self.filter),
            ("highlight", self.highlight),
            ("extra_info", self.extra_info),
            ("extra_node_attrs", self.extra_node_attrs),
        ] {
            if let Some(callback) = callback.filter(|callback| !callback.is_callable()) {
                return Err(PyTypeError::new_err(format!(
                    "{name}: expected a function, found {}",
                    arguments::type_name(callback)
                )));
            }
        }
        match &self.filename {
            Some(path) => picture::check_destination(path, self.engine),
            None => Ok(()),
        }
    }

    fn run(self, objs: &Bound<'py, PyAny>) -> PyResult<Option<Picture>> {
        self.check()?;
        let py = objs.py();
        let mut ignore = self.ignore.clone();
        let objects: Vec<Bound<'py, PyAny>> = if let Ok(list) = objs.cast::<PyList>() {
            ignore.insert(objs.as_ptr() as u64);
            list.iter().collect()
        } else if let Ok(tuple) = objs.cast::<PyTuple>() {
            ignore.insert(objs.as_ptr() as u64);
            tuple.iter().collect()
        } else {
            vec![objs.clone()]
        };
        let max_depth = u32::try_from(self.max_depth).unwrap_or(u32::MAX);
        let around = match self.direction {
            // Two steps at least, to tell what holds the first ones.
            Direction::Referrers => {
                Around::Referrers { depth: max_depth.max(2), ignore: &self.ignore }
            }
            Direction::Referents => Around::Referents { depth: max_depth },
        };
        let mut live = Live::walk(py, &objects, Some(around))?;
        let starts: Vec<NodeId> = objects.iter().map(|object| live.node(object)).collect();
        ignore.extend(starts.iter().filter_map(|&start| call_tuple(&live.graph, start)));
        let callbacks = self.filter.is_some()
            || self.highlight.is_some()
            || self.extra_info.is_some()
            || self.extra_node_attrs.is_some();
        if callbacks {
            live.hold(&starts, self.direction, max_depth);
        }
        let picture = self.picture(&live, &starts, &ignore, max_depth)?;
        let (py_nodes, filename) = (picture.len(), self.filename);
        if let Some(output) = self.output {
            output.call_method1("write", (picture.source(),))?;
            return Ok(None);
        }
        match filename {
            Some(path) => {
                drop(live);
                py.detach(|| picture.write(&path))?;
                let line = format!("Graph written to {} ({py_nodes} nodes)\n", path.display());
                print(py, None, &line)?;
                Ok(None)
            }
            None => Ok(Some(picture)),
        }
    }

    fn picture(
        &self,
        live: &Live<'py>,
        starts: &[NodeId],
        ignore: &HashSet<u64>,
        max_depth: u32,
    ) -> PyResult<Picture> {
        let graph = &live.graph;
        let options = NeighbourhoodOptions {
            max_depth,
            too_many: usize::try_from(self.too_many).unwrap_or(usize::MAX),
            weak: false,
        };
        let keep = |node: NodeId| -> PyResult<bool> {
            let address = graph.snapshot().address(node);
            if ignore.contains(&address)
                || self.only.as_ref().is_some_and(|only| !only.contains(&address))
            {
                return Ok(false);
            }
            match (self.filter, live.object(node)) {
                (None, _) => Ok(true),
                (Some(filter), Some(object)) => filter.call1((object,))?.is_truthy(),
                (Some(_), None) => Ok(false),
            }
        };
        let backwards = self.direction == Direction::Referrers;
        let stop = |node| Ok::<bool, PyErr>(backwards && is_module(graph, node));
        let around =
            analysis::try_neighbourhood(graph, starts, self.direction, &options, keep, stop)?;

        let mut highlighted = HashSet::new();
        let mut extra = HashMap::new();
        let mut attributes = HashMap::new();
        for weight in around.graph.node_weights() {
            let Some(object) = live.object(weight.node) else {
                continue;
            };
            if let Some(highlight) = self.highlight
                && highlight.call1((object,))?.is_truthy()?
            {
                highlighted.insert(weight.node);
            }
            if let Some(extra_info) = self.extra_info {
                extra.insert(weight.node, extra_info.call1((object,))?.str()?.to_string());
            }
            if let Some(attrs) = self.extra_node_attrs {
                let attrs = attrs.call1((object,))?;
                let mut pairs = Vec::new();
                for pair in attrs.call_method0("items")?.try_iter()? {
                    let (name, value): (String, Bound<'py, PyAny>) = pair?.extract()?;
                    if !value.is_none() {
                        pairs.push((name, value.str()?.to_string()));
                    }
                }
                pairs.sort();
                attributes.insert(weight.node, pairs);
            }
        }
        let extra = |node: NodeId| extra.get(&node).cloned();
        let highlight = |node: NodeId| highlighted.contains(&node);
        let value = |node: NodeId| {
            live.is_object(node)
                .then(|| {
                    snakeroot_walk::preview(live.py, &live.alive, graph, node, MOST_CHARACTERS)
                })
                .flatten()
        };
        let attributes = |node: NodeId| attributes.get(&node).cloned().unwrap_or_default();
        let drawing = view::drawing(
            graph,
            &around,
            &DrawOptions {
                shortnames: self.shortnames,
                refcounts: self.refcounts,
                sizes: true,
                extra: Some(&extra),
                highlight: Some(&highlight),
                value: Some(&value),
                attributes: Some(&attributes),
            },
        );
        Ok(Picture::new(drawing, self.engine))
    }
}

fn given<'a, 'py>(what: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    what.filter(|what| !what.is_none())
}

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

/// The arguments of `show_backrefs` and `show_refs` behind `objs`, by name.
///
/// objgraph's order, but a str or path in the second place is the file name,
/// and the others follow it.
fn named_arguments<'py>(
    function: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<HashMap<String, Bound<'py, PyAny>>> {
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
    for (name, argument) in kwargs.into_iter().flat_map(|kwargs| kwargs.iter()) {
        let name: String = name.extract()?;
        if !PARAMETERS.contains(&name.as_str()) && name != "engine" {
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
    Ok(named)
}

/// `show_backrefs` or `show_refs`, by direction.
fn show<'py>(
    function: &str,
    direction: Direction,
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    let named = named_arguments(function, args, kwargs)?;
    let given = |name: &str| given(named.get(name));
    let number = |name: &str, default: i64| match given(name) {
        None => Ok(default),
        // A number beyond 64 bits is as good as any large one.
        Some(value) if value.is_instance_of::<PyInt>() => {
            let limit = if value.lt(0)? { i64::MIN } else { i64::MAX };
            Ok(value.extract::<i64>().unwrap_or(limit))
        }
        Some(value) => value.extract::<i64>().map_err(|_| {
            PyTypeError::new_err(format!(
                "{name}: expected a number, found {}",
                arguments::type_name(value)
            ))
        }),
    };
    let truth = |name: &str, default: bool| given(name).map_or(Ok(default), |it| it.is_truthy());
    let engine = given("engine").map(|name| name.extract::<String>()).transpose()?;
    let request = Request {
        direction,
        max_depth: number("max_depth", 3)?,
        too_many: number("too_many", 10)?,
        ignore: ignored(given("extra_ignore"))?,
        only: None,
        filter: given("filter"),
        highlight: given("highlight"),
        extra_info: given("extra_info"),
        extra_node_attrs: given("extra_node_attrs"),
        refcounts: truth("refcounts", false)?,
        shortnames: truth("shortnames", true)?,
        filename: arguments::path(given("filename"), "filename")?,
        output: given("output"),
        engine: picture::engine(engine.as_deref())?,
    };
    request.run(objs)
}

/// Draw what refers to `objs`, directly and indirectly.
///
/// `objs` is one object, or a list of them. A str or path in second place is
/// the file name; without one (and without `output`) the picture comes back, to
/// be shown in a notebook or saved. The name's end tells the format: .png and
/// .svg are painted here, .dot is text for Graphviz; `engine="dot"` lets
/// Graphviz lay out and paint, .pdf included.
///
/// `max_depth` and `too_many` bound depth and breadth; `filter` and
/// `extra_ignore` (ids) leave objects out; `highlight` marks some; `extra_info`
/// adds text; `refcounts` adds reference counts; `shortnames=False` gives
/// `module.name`; `output` is a file object for DOT; `extra_node_attrs` adds
/// attributes in DOT.
///
/// Raises `ValueError` for a negative depth or an unknown format, `OSError` for
/// a place that cannot be written, and what a callback raises.
/// O(objects + references) time.
#[pyfunction]
#[pyo3(
    signature = (objs, *args, **kwargs),
    text_signature = "(objs, max_depth=3, extra_ignore=(), filter=None, too_many=10, \
        highlight=None, filename=None, extra_info=None, refcounts=False, shortnames=True, \
        output=None, extra_node_attrs=None, *, engine=None)"
)]
fn show_backrefs<'py>(
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    show("show_backrefs", Direction::Referrers, objs, args, kwargs)
}

/// Draw what `objs` refer to, directly and indirectly.
///
/// The parameters are those of `show_backrefs`. O of what is met in time.
#[pyfunction]
#[pyo3(
    signature = (objs, *args, **kwargs),
    text_signature = "(objs, max_depth=3, extra_ignore=(), filter=None, too_many=10, \
        highlight=None, filename=None, extra_info=None, refcounts=False, shortnames=True, \
        output=None, extra_node_attrs=None, *, engine=None)"
)]
fn show_refs<'py>(
    objs: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Picture>> {
    show("show_refs", Direction::Referents, objs, args, kwargs)
}

/// Draw one or several chains of objects, each of which refers to the next.
///
/// For what `find_backref_chain` and `find_ref_chain` return. `backrefs=False`
/// draws from the first object rather than towards the last. All other keywords
/// are those of `show_backrefs`.
#[pyfunction]
#[pyo3(signature = (*chains, backrefs=true, filename=None, highlight=None, extra_info=None,
    refcounts=false, shortnames=true, output=None, extra_node_attrs=None, too_many=10,
    extra_ignore=None, engine=None))]
#[allow(clippy::too_many_arguments)] // objgraph's own
fn show_chain<'py>(
    py: Python<'py>,
    chains: &Bound<'py, PyTuple>,
    backrefs: bool,
    filename: Option<&Bound<'py, PyAny>>,
    highlight: Option<&Bound<'py, PyAny>>,
    extra_info: Option<&Bound<'py, PyAny>>,
    refcounts: bool,
    shortnames: bool,
    output: Option<&Bound<'py, PyAny>>,
    extra_node_attrs: Option<&Bound<'py, PyAny>>,
    too_many: i64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
    engine: Option<&str>,
) -> PyResult<Option<Picture>> {
    let mut lists: Vec<Vec<Bound<'py, PyAny>>> = Vec::new();
    let mut filename = arguments::path(filename, "filename")?;
    for (place, chain) in chains.iter().enumerate() {
        if place > 0 && place + 1 == chains.len() && arguments::is_path(&chain) {
            // As with `show_backrefs`, a name may come last.
            if filename.is_some() {
                return Err(PyTypeError::new_err("filename: given twice, last and by name"));
            }
            filename = arguments::path(Some(&chain), "filename")?;
            continue;
        }
        let objects = chain.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        if !objects.is_empty() {
            lists.push(objects);
        }
    }
    let Some(longest) = lists.iter().map(Vec::len).max() else {
        return Err(PyValueError::new_err("chains: expected at least one object, found none"));
    };
    let only = lists.iter().flatten().map(|object| object.as_ptr() as u64).collect();
    let ends = lists.iter().map(|chain| if backrefs { &chain[chain.len() - 1] } else { &chain[0] });
    let ends = PyList::new(py, ends)?;
    let request = Request {
        direction: if backrefs { Direction::Referrers } else { Direction::Referents },
        max_depth: longest as i64 - 1,
        too_many,
        ignore: ignored(extra_ignore)?,
        only: Some(only),
        filter: None,
        highlight: given(highlight),
        extra_info: given(extra_info),
        extra_node_attrs: given(extra_node_attrs),
        refcounts,
        shortnames,
        filename,
        output: given(output),
        engine: picture::engine(engine)?,
    };
    request.run(ends.as_any())
}

/// A shortest chain from `obj` in one direction to an object that `predicate` accepts.
fn find_chain<'py>(
    obj: &Bound<'py, PyAny>,
    predicate: &Bound<'py, PyAny>,
    max_depth: i64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
    direction: Direction,
) -> PyResult<Bound<'py, PyList>> {
    let py = obj.py();
    let depth =
        u32::try_from(arguments::at_least_zero(max_depth, "max_depth")?).unwrap_or(u32::MAX);
    if !predicate.is_callable() {
        return Err(PyTypeError::new_err(format!(
            "predicate: expected a function, found {}",
            arguments::type_name(predicate)
        )));
    }
    let ignore = ignored(extra_ignore)?;
    let native = is_native_predicate(py, predicate);
    let search = |live: &Live<'py>| -> PyResult<Option<Chain>> {
        let skip = |node: NodeId| {
            !live.is_object(node) || ignore.contains(&live.graph.snapshot().address(node))
        };
        let goal = |node: NodeId| -> PyResult<bool> {
            if native {
                return Ok(is_module(&live.graph, node));
            }
            match live.object(node) {
                Some(object) => predicate.call1((object,))?.is_truthy(),
                None => Ok(false),
            }
        };
        let start = live.node(obj);
        analysis::try_shortest_chain(&live.graph, start, direction, Some(depth), skip, goal)
    };
    let mut found = None;
    if native && direction == Direction::Referrers {
        let around = Around::Module { depth, ignore: &ignore };
        let live = Live::walk(py, std::slice::from_ref(obj), Some(around))?;
        found = search(&live)?.map(|chain| (live, chain));
    }
    // Holders that the collector does not track are seen in the whole heap only.
    if found.is_none() {
        let mut live = Live::walk(py, std::slice::from_ref(obj), None)?;
        if !native {
            live.hold(&[live.node(obj)], direction, depth);
        }
        found = search(&live)?.map(|chain| (live, chain));
    }
    let Some((live, Chain { nodes, .. })) = found else {
        return PyList::new(py, [obj]);
    };
    let objects: Vec<Option<Bound<'py, PyAny>>> = nodes
        .into_iter()
        .map(|node| match live.object(node) {
            Some(object) => Some(object.clone()),
            None => snakeroot_walk::object_at(py, &live.alive, &live.graph, node),
        })
        .collect();
    PyList::new(py, objects.into_iter().flatten())
}

/// Whether a predicate is `is_proper_module`, which needs no Python call.
fn is_native_predicate(py: Python<'_>, predicate: &Bound<'_, PyAny>) -> bool {
    NATIVE_PREDICATE.get(py).is_some_and(|native| native.is(predicate))
}

/// Find a shortest chain of references that leads to `obj`.
///
/// The chain starts with an object for which `predicate` is true and ends with
/// `obj`; without one within `max_depth` steps it is `[obj]`. `extra_ignore`
/// lists ids of objects that no chain may pass. Raises what `predicate` raises.
#[pyfunction]
#[pyo3(signature = (obj, predicate, max_depth=20, extra_ignore=None))]
fn find_backref_chain<'py>(
    obj: &Bound<'py, PyAny>,
    predicate: &Bound<'py, PyAny>,
    max_depth: i64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    find_chain(obj, predicate, max_depth, extra_ignore, Direction::Referrers)
}

/// Find a shortest chain of references that leads from `obj`.
///
/// The chain starts with `obj` and ends with an object for which `predicate` is
/// true; without one within `max_depth` steps it is `[obj]`.
#[pyfunction]
#[pyo3(signature = (obj, predicate, max_depth=20, extra_ignore=None))]
fn find_ref_chain<'py>(
    obj: &Bound<'py, PyAny>,
    predicate: &Bound<'py, PyAny>,
    max_depth: i64,
    extra_ignore: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    find_chain(obj, predicate, max_depth, extra_ignore, Direction::Referents)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let native = wrap_pyfunction!(is_proper_module, module)?;
    module.add_function(native.clone())?;
    NATIVE_PREDICATE.set(module.py(), native.into_any().unbind()).ok();
    module.add_function(wrap_pyfunction!(show_backrefs, module)?)?;
    module.add_function(wrap_pyfunction!(show_refs, module)?)?;
    module.add_function(wrap_pyfunction!(show_chain, module)?)?;
    module.add_function(wrap_pyfunction!(find_backref_chain, module)?)?;
    module.add_function(wrap_pyfunction!(find_ref_chain, module)?)
}
