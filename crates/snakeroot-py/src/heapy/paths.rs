//! Shortest paths: what leads from the root, or from a set, to a set.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use num_bigint::BigUint;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{self, Avoid, Cursor, Ends, ShortestPaths as CorePaths, Source};
use snakeroot::graph::NodeSet;
use snakeroot::view::heapy::{NO_MORE_PATHS, PAGE_LINES, Paged, more_paths, page, path_line};

use super::edges::Edges;
use super::pages::{More, Pages};
use super::path::Path;
use super::root::RootState;
use super::session::Inner;
use super::set::IdentitySet;
use super::values::Values;
use crate::shared::Shared;
use crate::work::interruptible;

/// What stands for the source at the beginning of a path.
pub(crate) enum SourceName {
    /// A name for all.
    One(String),
    /// Each source in few words.
    Each,
}

/// All shortest paths to the nearest objects of a set: `h.sp`, `h.get_shpaths(…)`.
///
/// Prints ten paths a page. `sp[3]` is one `Path`, iteration gives all. There may be more than anyone can list:
/// `numpaths` says how many.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct ShortestPaths {
    session: Arc<Inner>,
    graph: Arc<Shared>,
    paths: CorePaths,
    name: SourceName,
    /// Lines of a page.
    lines: AtomicUsize,
    /// Where the last line was, and its number.
    at: Mutex<Option<(BigUint, Cursor)>>,
}

/// Sets of one walk: the newest of theirs. What is gone since is in none of them.
pub(crate) fn together(
    py: Python<'_>,
    sets: &[&IdentitySet],
) -> PyResult<(Arc<Shared>, Vec<NodeSet>)> {
    let started = |set: &&&IdentitySet| set.graph().snapshot().info().started_ms;
    // Of walks of one moment the last one in the list is as good as another.
    let newest = sets.iter().max_by_key(started).expect("there is a set");
    let graph = newest.graph().clone();
    let found = sets.iter().map(|set| {
        if Arc::ptr_eq(set.graph(), &graph) {
            return Ok(set.node_set().clone());
        }
        let reference = set.reference(py);
        if !reference.is_of(&graph) {
            return Err(super::session::two_processes());
        }
        Ok(py.detach(|| reference.in_graph(&graph)))
    });
    let found = found.collect::<PyResult<_>>()?;
    Ok((graph, found))
}

/// The set that an argument is.
pub(crate) fn set_argument<'a, 'py>(
    name: &str,
    what: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, IdentitySet>> {
    what.cast::<IdentitySet>().map_err(|_| {
        PyTypeError::new_err(format!(
            "{name}: expected a set, found {}",
            crate::arguments::type_name(what)
        ))
    })
}

/// The shortest paths to a set: `source` is a set or the session's `Root`, and `None` the latter too.
pub(crate) fn shortest_paths(
    py: Python<'_>,
    targets: &IdentitySet,
    source: Option<&Bound<'_, PyAny>>,
    avoid_nodes: Option<&Bound<'_, PyAny>>,
    avoid_edges: Option<&Bound<'_, PyAny>>,
) -> PyResult<ShortestPaths> {
    let session = targets.session().clone();
    let is_root = source.is_none_or(|source| source.cast::<RootState>().is_ok());
    let given = match source {
        Some(source) if !is_root => Some(set_argument("src", source)?),
        _ => None,
    };
    let avoided = avoid_nodes.map(|nodes| set_argument("avoid_nodes", nodes)).transpose()?;
    let mut sets = vec![targets];
    sets.extend(given.map(|set| set.get()));
    sets.extend(avoided.map(|set| set.get()));
    let (graph, mut found) = together(py, &sets)?;
    let nodes = avoided.and_then(|_| found.pop());
    let sources = given.and_then(|_| found.pop());
    let targets = found.swap_remove(0);
    let edges = avoid_edges.map(|edges| Edges::read(&session, &graph, edges)).transpose()?;
    let avoid = Avoid { nodes, edges: edges.unwrap_or_default() };
    let name = match (&sources, source) {
        (None, None) => SourceName::One(format!("{}Root", session.prefix(py))),
        (Some(sources), _) if sources.count() != 1 => SourceName::Each,
        _ => SourceName::One("Src".into()),
    };
    find(py, session, graph, sources.as_ref(), &targets, avoid, name)
}

fn find(
    py: Python<'_>,
    session: Arc<Inner>,
    graph: Arc<Shared>,
    sources: Option<&NodeSet>,
    targets: &NodeSet,
    avoid: Avoid,
    name: SourceName,
) -> PyResult<ShortestPaths> {
    let paths = interruptible(py, |watch| {
        let source = match sources {
            Some(sources) => Source::Nodes(sources),
            None => Source::Root(graph.root_edges()),
        };
        heapy::shortest_paths(&graph, source, targets, avoid, watch)
    })?;
    in_order(py, session, graph, paths, name)
}

/// The paths of one step from the objects of a set to those of another of the same walk.
pub(crate) fn single_steps(
    py: Python<'_>,
    sources: &IdentitySet,
    targets: &IdentitySet,
) -> PyResult<ShortestPaths> {
    let graph = sources.graph().clone();
    let paths = interruptible(py, |watch| {
        heapy::single_steps(&graph, sources.node_set(), targets.node_set(), watch)
    })?;
    let name = match sources.count() {
        1 => SourceName::One("Src".into()),
        _ => SourceName::Each,
    };
    in_order(py, sources.session().clone(), graph, paths, name)
}

/// With the sources in the order of tables.
fn in_order(
    py: Python<'_>,
    session: Arc<Inner>,
    graph: Arc<Shared>,
    mut paths: CorePaths,
    name: SourceName,
) -> PyResult<ShortestPaths> {
    if !paths.is_from_root()
        && let Some(first) = paths.levels().first()
    {
        let values = Values::new(py, &graph, session.is_live());
        let ordered = values.by_size(first.clone())?;
        paths.order_sources(ordered);
    }
    let lines = AtomicUsize::new(PAGE_LINES);
    Ok(ShortestPaths { session, graph, paths, name, lines, at: Mutex::default() })
}

/// Distances that the verb `name` was given.
fn levels(name: &str, args: &[Bound<'_, PyAny>]) -> PyResult<Vec<usize>> {
    let level = |level| Ok(crate::arguments::whole(name, level)? as usize);
    args.iter().map(level).collect()
}

/// A number of any length as an int.
pub(crate) fn to_int<'py>(py: Python<'py>, number: &BigUint) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyBytes::new(py, &number.to_bytes_le());
    py.get_type::<PyInt>().call_method1("from_bytes", (bytes, "little"))
}

/// An int that is not negative as a number of any length; `None` for one that is.
fn to_number(int: &Bound<'_, PyAny>) -> PyResult<Option<BigUint>> {
    let int = int.py().import("operator")?.call_method1("index", (int,))?;
    if let Ok(small) = int.extract::<i64>() {
        return Ok(u64::try_from(small).ok().map(BigUint::from));
    }
    if int.lt(0)? {
        return Ok(None);
    }
    let length = int.call_method0("bit_length")?.extract::<usize>()?.div_ceil(8);
    let bytes: Vec<u8> = int.call_method1("to_bytes", (length, "little"))?.extract()?;
    Ok(Some(BigUint::from_bytes_le(&bytes)))
}

impl ShortestPaths {
    /// The path of a number; `None` where there is none.
    fn path(&self, py: Python<'_>, number: &BigUint) -> PyResult<Option<Path>> {
        let path = {
            let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            let is_there = match at.as_mut() {
                Some((last, _)) if last == number => true,
                // The one after the last.
                Some((last, cursor)) if *number == &*last + 1_u32 => {
                    let moved = self.paths.advance(&self.graph, cursor);
                    *last = number.clone();
                    moved
                }
                _ => false,
            };
            if !is_there {
                *at = self.paths.from(&self.graph, number).map(|cursor| (number.clone(), cursor));
            }
            at.as_ref().map(|(_, cursor)| self.paths.path(&self.graph, cursor))
        };
        let Some(path) = path else { return Ok(None) };
        let name = match (&self.name, path.source) {
            (SourceName::One(name), _) => name.clone(),
            (SourceName::Each, Some(source)) => {
                Values::new(py, &self.graph, self.session.is_live()).summary_of_one(source)?
            }
            (SourceName::Each, None) => "Root".into(),
        };
        let (session, graph) = (self.session.clone(), self.graph.clone());
        Ok(Some(Path::new(session, graph, path, number.clone(), name)))
    }

    fn set_of(&self, nodes: impl IntoIterator<Item = NodeId>) -> IdentitySet {
        let mut set = NodeSet::new(self.graph.node_count());
        set.extend(nodes);
        IdentitySet::new(self.session.clone(), self.graph.clone(), set)
    }

    /// The objects of a level; of the first one the root, where paths begin there.
    fn level(&self, py: Python<'_>, level: usize) -> PyResult<Py<PyAny>> {
        if level == 0 && self.paths.is_from_root() {
            let root = RootState::new(self.session.clone());
            return Ok(Bound::new(py, root)?.into_any().unbind());
        }
        let nodes = self.paths.levels().get(level).into_iter().flatten().copied();
        Ok(Bound::new(py, self.set_of(nodes))?.into_any().unbind())
    }

    fn ends_at(&self, levels: &[usize]) -> PyResult<Vec<Ends>> {
        let length = self.paths.length().unwrap_or(0);
        let mut ends = Vec::new();
        for &level in levels {
            if level >= length {
                return Err(PyIndexError::new_err(format!("level {level} of {length}")));
            }
            ends.append(&mut self.paths.edges_at(&self.graph, level));
        }
        Ok(ends)
    }

    fn edges_of(&self, ends: Vec<Ends>) -> Edges {
        Edges::new(self.session.clone(), self.graph.clone(), ends)
    }
}

/// The lines of some paths.
struct Lines<'a, 'py> {
    py: Python<'py>,
    paths: &'a ShortestPaths,
}

impl Paged for Lines<'_, '_> {
    type Error = PyErr;

    fn label(&self) -> Option<String> {
        None
    }

    fn header(&self) -> Option<String> {
        None
    }

    fn line(&self, place: usize) -> PyResult<Option<String>> {
        Ok(self.paths.path(self.py, &BigUint::from(place))?.map(|path| {
            let (number, text) = path.numbered();
            path_line(&number.to_string(), &text)
        }))
    }

    fn more(&self, _first: usize, last: usize) -> String {
        let all = self.paths.paths.count(&self.paths.graph);
        more_paths(&(all - (last + 1)).to_string())
    }

    fn empty(&self) -> Option<String> {
        self.paths.paths.length().map(|_| NO_MORE_PATHS.into())
    }
}

impl Pages for ShortestPaths {
    fn page(
        &self,
        py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)> {
        page(&Lines { py, paths: self }, first, lines, with_label)
    }

    fn page_lines(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }
}

#[pymethods]
impl ShortestPaths {
    /// How many paths there are, as an int of any length. Counted once: O(edges that leave objects on paths).
    #[getter]
    fn numpaths<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let count = py.detach(|| self.paths.count(&self.graph));
        to_int(py, &count)
    }

    /// Lines of a page.
    #[getter]
    fn maxpaths(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_maxpaths(&self, value: usize) -> PyResult<()> {
        if value == 0 {
            return Err(PyValueError::new_err("maxpaths: expected 1 or more, found 0"));
        }
        self.lines.store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Where paths begin: a set, or the session's root.
    #[getter(Src)]
    fn src(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.level(py, 0)
    }

    /// Where paths end: the nearest objects of the set that was asked about.
    #[getter(Dst)]
    fn dst(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.paths.length() {
            Some(last) => self.level(py, last),
            None => Ok(Bound::new(py, self.set_of([]))?.into_any().unbind()),
        }
    }

    /// What stands for the source at the beginning of a path; `None` where each source stands for itself.
    #[getter]
    fn srcname(&self) -> Option<&str> {
        match &self.name {
            SourceName::One(name) => Some(name),
            SourceName::Each => None,
        }
    }

    /// The objects at each distance, from the sources on.
    #[getter]
    fn sets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let levels = 0..self.paths.levels().len();
        let sets = levels.map(|level| self.level(py, level)).collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, sets)
    }

    /// The edges from each distance to the next one.
    #[getter]
    fn edges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let levels = 0..self.paths.length().unwrap_or(0);
        let edges = levels.map(|level| Ok(self.edges_of(self.ends_at(&[level])?)));
        PyTuple::new(py, edges.collect::<PyResult<Vec<_>>>()?)
    }

    /// The edges at some distances together. Raises `IndexError` for a distance that no path has.
    #[pyo3(signature = (*args))]
    fn edges_at(&self, args: Vec<Bound<'_, PyAny>>) -> PyResult<Edges> {
        Ok(self.edges_of(self.ends_at(&levels("edges_at", &args)?)?))
    }

    /// The next best paths: those that avoid the edges at some distances, and all that these avoid.
    ///
    /// Raises `IndexError` for a distance that no path has.
    #[pyo3(signature = (*args))]
    fn copy_but_avoid_edges_at_levels(
        &self,
        py: Python<'_>,
        args: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut avoid = self.paths.avoid().clone();
        avoid.edges.extend(self.ends_at(&levels("avoided", &args)?)?);
        let set = |level: usize| {
            let mut set = NodeSet::new(self.graph.node_count());
            set.extend(self.paths.levels().get(level).into_iter().flatten().copied());
            set
        };
        let sources = (!self.paths.is_from_root()).then(|| set(0));
        let targets = set(self.paths.length().unwrap_or(0));
        let name = match &sources {
            Some(sources) if sources.count() != 1 => SourceName::Each,
            _ => SourceName::One("Src".into()),
        };
        let (session, graph) = (self.session.clone(), self.graph.clone());
        find(py, session, graph, sources.as_ref(), &targets, avoid, name)
    }

    /// As `copy_but_avoid_edges_at_levels`.
    #[pyo3(signature = (*args))]
    fn avoided(&self, py: Python<'_>, args: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        self.copy_but_avoid_edges_at_levels(py, args)
    }

    /// The path of a number; a negative one counts from the end. Raises `IndexError` where there is none.
    fn __getitem__(&self, py: Python<'_>, index: &Bound<'_, PyAny>) -> PyResult<Path> {
        let none = || PyIndexError::new_err(format!("no path has the number {index}"));
        let number = match to_number(index)? {
            Some(number) => number,
            None => {
                let all = self.numpaths(py)?;
                to_number(&all.add(index)?)?.ok_or_else(none)?
            }
        };
        self.path(py, &number)?.ok_or_else(none)
    }

    fn __iter__(this: Bound<'_, Self>) -> PathsIter {
        PathsIter { paths: this.unbind(), next: Mutex::new(BigUint::ZERO), stop: None }
    }

    /// The paths from the number `start` on, up to `stop` and without it.
    #[pyo3(signature = (start=None, stop=None))]
    fn iter(
        this: Bound<'_, Self>,
        start: Option<&Bound<'_, PyAny>>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PathsIter> {
        let number = |name: &str, int: &Bound<'_, PyAny>| {
            let negative =
                || PyValueError::new_err(format!("{name}: expected 0 or more, found {int}"));
            to_number(int)?.ok_or_else(negative)
        };
        let next = start.map(|int| number("start", int)).transpose()?.unwrap_or_default();
        let stop = stop.map(|int| number("stop", int)).transpose()?;
        Ok(PathsIter { paths: this.unbind(), next: Mutex::new(next), stop })
    }

    /// All paths as a list: as many as `numpaths` says.
    fn aslist(&self, py: Python<'_>) -> PyResult<Vec<Path>> {
        let mut all = Vec::new();
        let mut number = BigUint::ZERO;
        while let Some(path) = self.path(py, &number)? {
            all.push(path);
            number += 1_u32;
            if all.len() % 1024 == 0 {
                py.check_signals()?;
            }
        }
        Ok(all)
    }

    /// The paths after the first page: prints them.
    #[getter]
    fn more(this: Bound<'_, Self>) -> PyResult<More> {
        More::after_top(this.clone().into_any(), this.get())
    }

    /// All paths: prints them.
    #[getter]
    fn all(this: Bound<'_, Self>) -> More {
        More::all_of(this.into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        super::pages::first_page(py, self)
    }
}

/// The paths in their order.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct PathsIter {
    paths: Py<ShortestPaths>,
    next: Mutex<BigUint>,
    stop: Option<BigUint>,
}

#[pymethods]
impl PathsIter {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Path>> {
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            if self.stop.as_ref().is_some_and(|stop| *next >= *stop) {
                return Ok(None);
            }
            let number = next.clone();
            *next += 1_u32;
            number
        };
        self.paths.get().path(py, &number)
    }
}
