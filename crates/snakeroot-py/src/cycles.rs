//! Cycles and garbage as Python sees them.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::NodeId;
use snakeroot::analysis::{self, CycleDetail, Direction};
use snakeroot::snapshot::Flags;
use snakeroot::view::{self, DrawOptions};

use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::picture::{self, Picture};
use crate::results::{Cursor, loads};
use crate::shared::Shared;
use crate::work::interruptible;

/// Cycles that a printed answer shows at most.
const SHOWN: usize = 1_000;

/// Objects that keep each other alive, those that retain most first: prints, iterates as cycles.
///
/// Made by `Heap.cycles()`; `Heap.garbage().cycles` are those of the garbage.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Cycles {
    graph: Arc<Shared>,
    found: Arc<analysis::Cycles>,
    limit: usize,
}

impl Cycles {
    pub(crate) fn new(
        graph: Arc<Shared>,
        found: Arc<analysis::Cycles>,
        limit: Option<usize>,
    ) -> Self {
        Self { graph, found, limit: limit.unwrap_or(usize::MAX) }
    }

    fn details(
        &self,
        py: Python<'_>,
        limit: usize,
    ) -> PyResult<Vec<(analysis::Cycle, CycleDetail)>> {
        interruptible(py, |watch| self.found.details(&self.graph, limit, watch))
    }

    fn text(&self, py: Python<'_>) -> PyResult<String> {
        let shown = self.details(py, self.limit.min(SHOWN))?;
        let how = "machinery=True shows them";
        Ok(view::cycles_text(&self.graph, &self.found, &shown, how).trim_end().to_owned())
    }

    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let shown = self.details(py, self.limit)?;
        let text = view::cycles_json(&self.graph, &self.found, &shown).to_string();
        loads(py, &text)
    }
}

#[pymethods]
impl Cycles {
    fn __len__(&self) -> usize {
        self.found.len().min(self.limit)
    }

    fn __getitem__(&self, index: isize) -> PyResult<Cycle> {
        let length = self.__len__();
        let place = if index < 0 { index + length as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < length);
        let place =
            place.ok_or_else(|| PyIndexError::new_err(format!("cycle {index} of {length}")))?;
        Ok(Cycle {
            graph: self.graph.clone(),
            found: self.found.clone(),
            row: self.found.rows()[place],
            detail: OnceLock::new(),
        })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// How many there are, also beyond the limit.
    #[getter]
    fn total(&self) -> usize {
        self.found.len()
    }

    /// How many cycles are left out because only classes, functions and modules
    /// make them, with their own parts.
    #[getter]
    fn left_out(&self) -> u64 {
        self.found.left_out()
    }

    /// Plain data: the cycles, each with its types, its path and where to break it.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.plain(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.text(py)
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::lines(py, self.__repr__(py)?)
    }
}

/// Objects that all reach each other: a strongly connected component of the heap.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Cycle {
    graph: Arc<Shared>,
    found: Arc<analysis::Cycles>,
    row: analysis::Cycle,
    detail: OnceLock<CycleDetail>,
}

impl Cycle {
    fn detail(&self, py: Python<'_>) -> PyResult<&CycleDetail> {
        if let Some(detail) = self.detail.get() {
            return Ok(detail);
        }
        let detail = interruptible(py, |watch| self.found.detail(&self.graph, &self.row, watch))?;
        Ok(self.detail.get_or_init(|| detail))
    }

    fn node(&self, id: NodeId) -> Node {
        Node::new(self.graph.clone(), id)
    }
}

#[pymethods]
impl Cycle {
    /// How many objects are in it.
    #[getter]
    fn count(&self) -> u64 {
        self.row.count
    }

    /// Their shallow sizes together, in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.row.size
    }

    /// Bytes that would be freed if all of its objects were: their own and those of all that only they hold.
    #[getter]
    fn retained_size(&self) -> u64 {
        self.row.retained_size
    }

    /// How many objects would be freed if all of its objects were, these among them.
    #[getter]
    fn retained_count(&self) -> u64 {
        self.row.retained_count
    }

    /// Whether no GC root reaches it.
    #[getter]
    fn garbage(&self) -> bool {
        self.row.is_garbage
    }

    /// How many objects there are of each type, the most frequent type first.
    #[getter]
    fn types<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let types = PyDict::new(py);
        for row in &self.detail(py)?.types {
            let name = self.graph.snapshot().types()[row.type_id.index()].display_name();
            let before: u64 = types.get_item(&name)?.map_or(Ok(0), |count| count.extract())?;
            types.set_item(name, before + row.count)?;
        }
        Ok(types)
    }

    /// Its objects that have a finalizer: `__del__`, in Python or in C, as a generator has.
    #[getter]
    fn finalizers(&self, py: Python<'_>) -> PyResult<Vec<Node>> {
        Ok(self.detail(py)?.finalizers.iter().map(|&id| self.node(id)).collect())
    }

    /// A shortest way around: pairs of an object and the label by which it holds
    /// that of the next pair, the last one that of the first.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Vec<(Node, String)>> {
        let path = &self.detail(py)?.path;
        let table = self.graph.snapshot().label_table();
        let steps = path.nodes.iter().zip(&path.labels);
        Ok(steps.map(|(&id, &label)| (self.node(id), table.get(label).to_string())).collect())
    }

    /// Whether there is surely no shorter way around. In a large cycle not all ways are tried.
    #[getter]
    fn is_shortest(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.detail(py)?.is_shortest)
    }

    /// Which reference of the path is best taken away: the object whose attribute or item it
    /// is, and its label. `None` where each is one that classes, functions and modules have by themselves.
    #[getter]
    fn break_at(&self, py: Python<'_>) -> PyResult<Option<(Node, String)>> {
        let detail = self.detail(py)?;
        let table = self.graph.snapshot().label_table();
        Ok(detail
            .break_at
            .map(|at| (self.node(at.owner), table.get(detail.path.labels[at.edge]).to_string())))
    }

    /// How to break it, in words.
    #[getter]
    fn how_to_break(&self, py: Python<'_>) -> PyResult<String> {
        Ok(view::break_words(&self.graph, self.detail(py)?))
    }

    /// All of its objects, in the order of their addresses.
    fn nodes(&self) -> Vec<Node> {
        self.found.nodes(&self.row).iter().map(|&id| self.node(id)).collect()
    }

    /// Plain data, as in `Cycles.to_dict()`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = view::cycle_json(&self.graph, &self.row, self.detail(py)?).to_string();
        loads(py, &text)
    }

    /// Draws the path: into a .png, .svg or .dot file, or gives the picture.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        let chain = std::slice::from_ref(&self.detail(py)?.path);
        picture::deliver(py, filename, engine, || {
            let options = DrawOptions { sizes: true, ..DrawOptions::default() };
            view::chains_drawing(&self.graph, chain, Direction::Referents, &options)
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = view::cycle_text(&self.graph, &self.row, self.detail(py)?);
        Ok(text.trim_end().to_owned())
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::lines(py, self.__repr__(py)?)
    }
}

/// What no GC root reaches and the collector would free: prints with its cycles.
///
/// Made by `Heap.garbage()`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Garbage {
    cycles: Cycles,
}

impl Garbage {
    pub(crate) fn new(cycles: Cycles) -> Self {
        Self { cycles }
    }
}

#[pymethods]
impl Garbage {
    /// How many objects.
    #[getter]
    fn count(&self) -> u64 {
        self.cycles.found.garbage().count
    }

    /// Their shallow sizes together, in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.cycles.found.garbage().size
    }

    /// How many of them no one cycle retains: several together do, or none does.
    #[getter]
    fn shared_count(&self) -> u64 {
        self.cycles.found.garbage().shared_count
    }

    /// Its cycles, at most as many as were asked for, those that retain most first.
    #[getter]
    fn cycles(&self) -> Cycles {
        let Cycles { graph, found, limit } = &self.cycles;
        Cycles { graph: graph.clone(), found: found.clone(), limit: *limit }
    }

    /// All of its objects, in the order of their addresses.
    fn nodes(&self, py: Python<'_>) -> PyResult<Vec<Node>> {
        let graph = &self.cycles.graph;
        let tree = graph.dominators(py)?;
        let is_object = |node: &NodeId| !graph.snapshot().flags(*node).contains(Flags::SYNTHETIC);
        let nodes = tree.garbage().iter().filter(is_object);
        Ok(nodes.map(|id| Node::new(graph.clone(), id)).collect())
    }

    /// Plain data: how much it is, and its cycles.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.cycles.plain(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.cycles.text(py)
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::lines(py, self.__repr__(py)?)
    }
}
