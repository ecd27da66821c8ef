//! Answers as Python sees them: they print well, iterate, and give plain data.

use std::sync::Arc;

use pyo3::PyClass;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use snakeroot::NodeId;
use snakeroot::analysis::{Census, Chain, Direction, TypeCount};
use snakeroot::snapshot::{Info, Snapshot};
use snakeroot::view::{self, Cells, DrawOptions};

use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::picture::{self, Picture};
use crate::shared::Shared;

/// JSON as Python's objects.
pub(crate) fn loads<'py>(py: Python<'py>, value: &impl ToString) -> PyResult<Bound<'py, PyAny>> {
    snakeroot_walk::module(py, c"json")?.call_method1("loads", (value.to_string(),))
}

/// About the process and the capture; prints as a table.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct HeapInfo {
    info: Info,
    objects: usize,
    edges: u64,
    size: u64,
}

impl HeapInfo {
    pub(crate) fn new(snapshot: &Snapshot, size: u64) -> Self {
        Self {
            info: snapshot.info().clone(),
            objects: snapshot.object_count(),
            edges: snapshot.edge_count(),
            size,
        }
    }
}

#[pymethods]
impl HeapInfo {
    /// Version of Python.
    #[getter]
    fn python(&self) -> &str {
        &self.info.python
    }
    /// Kind of build.
    #[getter]
    fn build(&self) -> &str {
        &self.info.build
    }
    /// Operating system and processor.
    #[getter]
    fn platform(&self) -> &str {
        &self.info.platform
    }
    /// Process id.
    #[getter]
    fn pid(&self) -> u32 {
        self.info.pid
    }
    /// The process's arguments.
    #[getter]
    fn argv(&self) -> Vec<String> {
        self.info.argv.clone()
    }
    /// When the capture began, in seconds since 1970-01-01 UTC.
    #[getter]
    fn started(&self) -> f64 {
        self.info.started_ms as f64 / 1000.0
    }
    /// For how long no Python code could run, in nanoseconds.
    #[getter]
    fn pause_ns(&self) -> u64 {
        self.info.pause_ns
    }
    /// The whole capture, in nanoseconds.
    #[getter]
    fn total_ns(&self) -> u64 {
        self.info.total_ns
    }
    /// How many objects.
    #[getter]
    fn objects(&self) -> usize {
        self.objects
    }
    /// How many references.
    #[getter]
    fn edges(&self) -> u64 {
        self.edges
    }
    /// How many of the objects the garbage collector tracked.
    #[getter]
    fn tracked(&self) -> u64 {
        self.info.tracked
    }
    /// How many objects only references from C that nothing accounts for keep
    /// alive; None where that was not counted.
    #[getter]
    fn held_from_c(&self) -> Option<u64> {
        self.info.held_from_c
    }
    /// How many objects no GC root reaches; None where that was not counted.
    #[getter]
    fn garbage(&self) -> Option<u64> {
        self.info.garbage
    }
    /// The shallow sizes of all objects together, in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.size
    }
    /// Bytes of the process that were in memory when the capture began.
    #[getter]
    fn resident_bytes(&self) -> u64 {
        self.info.resident_bytes
    }
    /// How objects were found: "gc lists" or "gc.get_objects".
    #[getter]
    fn enumeration(&self) -> &str {
        &self.info.enumeration
    }
    /// What the reader should know, a sentence each.
    #[getter]
    fn notices(&self) -> Vec<String> {
        self.info.notices.clone()
    }

    fn __repr__(&self) -> String {
        let info = &self.info;
        let unexplained = |some: Option<u64>| {
            some.map_or("not counted".into(), |some| view::share(some, self.objects as u64))
        };
        let mut rows = vec![
            ("python", format!("{} ({})", info.python, info.build)),
            ("platform", info.platform.clone()),
            ("pid", info.pid.to_string()),
            ("argv", info.argv.join(" ")),
            ("objects", view::grouped(self.objects as u64)),
            ("tracked", view::grouped(info.tracked)),
            ("held from C", unexplained(info.held_from_c)),
            ("garbage", unexplained(info.garbage)),
            ("references", view::grouped(self.edges)),
            ("size", view::human_size(self.size)),
            ("resident", view::human_size(info.resident_bytes)),
            ("pause", format!("{:.1} ms", info.pause_ns as f64 / 1e6)),
            ("total", format!("{:.1} ms", info.total_ns as f64 / 1e6)),
            ("found by", info.enumeration.clone()),
        ];
        rows.extend(info.notices.iter().map(|notice| ("note", notice.clone())));
        let lines: Vec<String> =
            rows.iter().map(|(name, value)| format!("{name:<11} {value}")).collect();
        lines.join("\n")
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::lines(py, self.__repr__())
    }
}

/// Goes over a sequence of ours, making each item when it is asked for.
#[pyclass(module = "snakeroot")]
pub(crate) struct Cursor {
    sequence: Py<PyAny>,
    next: usize,
}

impl Cursor {
    pub(crate) fn over<T: PyClass>(sequence: Bound<'_, T>) -> Self {
        Self { sequence: sequence.into_any().unbind(), next: 0 }
    }
}

#[pymethods]
impl Cursor {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let sequence = self.sequence.bind(py);
        if self.next >= sequence.len()? {
            return Ok(None);
        }
        self.next += 1;
        sequence.get_item(self.next - 1).map(Some)
    }
}

/// One type and how many objects have it.
#[pyclass(frozen, module = "snakeroot", get_all)]
pub(crate) struct TypeRow {
    /// `module.QualName`; builtins without their module.
    r#type: String,
    /// How many objects.
    count: u64,
    /// Their shallow sizes together, in bytes.
    size: u64,
    /// What they retain: the bytes that would be freed if they were, where those
    /// that only several of them together retain are not counted.
    retained: u64,
}

#[pymethods]
impl TypeRow {
    fn __repr__(&self) -> String {
        format!(
            "<{}: {} objects, {}, retain {}>",
            self.r#type,
            view::grouped(self.count),
            view::human_size(self.size),
            view::human_size(self.retained)
        )
    }
}

/// Objects counted by type: prints as a table, iterates as rows.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Types {
    graph: Arc<Shared>,
    census: Census,
    limit: Option<usize>,
}

impl Types {
    pub(crate) fn new(graph: Arc<Shared>, census: Census, limit: Option<usize>) -> Self {
        Self { graph, census, limit }
    }

    fn shown(&self) -> impl Iterator<Item = &TypeCount> {
        self.census.rows().take(self.limit.unwrap_or(usize::MAX))
    }

    fn row(&self, py: Python<'_>, count: &TypeCount) -> PyResult<TypeRow> {
        let entry = &self.graph.snapshot().types()[count.type_id.index()];
        Ok(TypeRow {
            r#type: entry.display_name(),
            count: count.count,
            size: count.size,
            retained: self.graph.retained_by_type(py)?[count.type_id.index()],
        })
    }

    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let retained = self.graph.retained_by_type(py)?;
        let limit = self.limit.unwrap_or(usize::MAX);
        Ok(view::types_table(&self.graph, &self.census, retained, limit))
    }
}

#[pymethods]
impl Types {
    fn __len__(&self) -> usize {
        self.census.len().min(self.limit.unwrap_or(usize::MAX))
    }

    fn __getitem__(&self, py: Python<'_>, index: isize) -> PyResult<TypeRow> {
        let length = self.__len__();
        let place = if index < 0 { index + length as isize } else { index };
        let row = usize::try_from(place).ok().and_then(|place| self.shown().nth(place));
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))?;
        self.row(py, row)
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// The rows as plain data: a list of dicts with type, count, size and retained size in bytes.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for count in self.shown() {
            let row = self.row(py, count)?;
            let dict = PyDict::new(py);
            dict.set_item("type", row.r#type)?;
            dict.set_item("count", row.count)?;
            dict.set_item("size", row.size)?;
            dict.set_item("retained", row.retained)?;
            rows.append(dict)?;
        }
        Ok(rows)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.cells(py)?.text().trim_end().to_owned())
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::table(py, &[], self.__repr__(py)?, &self.cells(py)?)
    }
}

/// Chains that keep one object alive: prints, iterates as lists of nodes.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Chains {
    graph: Arc<Shared>,
    node: NodeId,
    chains: Vec<Chain>,
}

impl Chains {
    pub(crate) fn new(graph: Arc<Shared>, node: NodeId, chains: Vec<Chain>) -> Self {
        Self { graph, node, chains }
    }

    fn nodes(&self, chain: &Chain) -> Vec<Node> {
        chain.nodes.iter().map(|&node| Node::new(self.graph.clone(), node)).collect()
    }
}

#[pymethods]
impl Chains {
    fn __len__(&self) -> usize {
        self.chains.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Vec<Node>> {
        let place = if index < 0 { index + self.chains.len() as isize } else { index };
        let chain = usize::try_from(place).ok().and_then(|place| self.chains.get(place));
        chain
            .map(|chain| self.nodes(chain))
            .ok_or_else(|| PyIndexError::new_err(format!("chain {index} of {}", self.chains.len())))
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Each chain on one line, as Python would reach the object.
    #[getter]
    fn lines(&self) -> Vec<String> {
        self.chains.iter().map(|chain| view::chain_line(&self.graph, chain)).collect()
    }

    /// Plain data: for each chain its root and its steps, each with address, type and label.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = view::json::chains(&self.graph, &self.chains).to_string();
        loads(py, &text)
    }

    /// Draws the chains: into a .png, .svg or .dot file, or gives the picture.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        picture::deliver(py, filename, engine, || {
            let options = DrawOptions { sizes: true, ..DrawOptions::default() };
            // Where nothing holds it: the object alone.
            let alone = [Chain { nodes: vec![self.node], labels: Vec::new() }];
            let chains = if self.chains.is_empty() { &alone } else { &*self.chains };
            view::chains_drawing(&self.graph, chains, Direction::Referrers, &options)
        })
    }

    fn __repr__(&self) -> String {
        if self.chains.is_empty() {
            // Where it was not counted what C code holds, that may hold it.
            let counted = self.graph.snapshot().info().garbage.is_some();
            let or_held = if counted { "" } else { ", or held from C" };
            let what = view::describe(&self.graph, self.node);
            return format!("no GC root reaches {what}: it is garbage{or_held}");
        }
        let chains: Vec<String> = self
            .chains
            .iter()
            .map(|chain| view::chain_lines(&self.graph, chain).trim_end().to_owned())
            .collect();
        chains.join("\n\n")
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::lines(py, self.__repr__())
    }
}
