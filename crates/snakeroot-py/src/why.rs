//! Why many objects are alive: merged chains, and what they are asked with.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::Graph;
use snakeroot::analysis::{self, Selection};
use snakeroot::graph::NodeSet;
use snakeroot::view::{self, Cells};

use crate::arguments;
use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::objects;
use crate::picture::{self, Picture};
use crate::results::{Cursor, loads};
use crate::shared::Shared;
use crate::work::interruptible;

/// Chains that are given where no limit is.
pub(crate) const DEFAULT_CHAINS: usize = 3;
/// Merged steps that are printed where no limit is given.
const DEFAULT_STEPS: usize = 20;

/// The chains of many objects with equal steps made one: prints as a table, iterates as
/// steps from the GC roots down.
///
/// Made by `Heap.why(type=…)` and `Heap.why(nodes=…)`.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct MergedChains {
    graph: Arc<Shared>,
    merged: analysis::MergedChains,
    shown: usize,
}

impl MergedChains {
    pub(crate) fn find(
        py: Python<'_>,
        graph: Arc<Shared>,
        members: &NodeSet,
        avoid: &NodeSet,
        limit: Option<usize>,
    ) -> PyResult<Self> {
        let merged =
            interruptible(py, |watch| analysis::why_merged(&graph, members, avoid, watch))?;
        Ok(Self { graph, merged, shown: limit.unwrap_or(DEFAULT_STEPS) })
    }

    fn cells(&self) -> Cells {
        view::merged_table(&self.graph, &self.merged, self.shown)
    }
}

#[pymethods]
impl MergedChains {
    /// How many objects were asked for.
    #[getter]
    fn members(&self) -> u64 {
        self.merged.members
    }

    /// How many of them no chain leads to.
    #[getter]
    fn unreached(&self) -> u64 {
        self.merged.unreached
    }

    fn __len__(&self) -> usize {
        self.merged.steps.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<MergedStep> {
        let length = self.merged.steps.len();
        let place = if index < 0 { index + length as isize } else { index };
        let step = usize::try_from(place).ok().and_then(|place| self.merged.steps.get(place));
        let step =
            *step.ok_or_else(|| PyIndexError::new_err(format!("step {index} of {length}")))?;
        Ok(MergedStep { graph: self.graph.clone(), step, all: self.merged.members })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the counts and the steps, each with its node, label and numbers.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = view::json::merged(&self.graph, &self.merged).to_string();
        loads(py, &text)
    }

    /// Draws the steps that are printed, each with how many objects are reached through it: into a
    /// .png, .svg or .dot file, or gives the picture.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        picture::deliver(py, filename, engine, || {
            view::merged_drawing(&self.graph, &self.merged, self.shown)
        })
    }

    fn __repr__(&self) -> String {
        self.cells().text().trim_end().to_owned()
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::table(py, &[], self.__repr__(), &self.cells())
    }
}

/// A step that the chains of several objects have in common.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct MergedStep {
    graph: Arc<Shared>,
    step: analysis::MergedStep,
    all: u64,
}

#[pymethods]
impl MergedStep {
    /// The place of the step above in the merged chains; `None` for a GC root.
    #[getter]
    fn above(&self) -> Option<usize> {
        self.step.above
    }

    /// How many steps are above it.
    #[getter]
    fn depth(&self) -> u32 {
        self.step.depth
    }

    /// One of the nodes that the step stands for.
    #[getter]
    fn node(&self) -> Node {
        Node::new(self.graph.clone(), self.step.node)
    }

    /// How many nodes the step stands for.
    #[getter]
    fn nodes(&self) -> u64 {
        self.step.nodes
    }

    /// By what the nodes are held, `[…]` where by several keys or indices; `None` for a GC root.
    #[getter]
    fn label(&self) -> Option<String> {
        view::merged_label(&self.graph, &self.step)
    }

    /// How many of the objects asked for the chains through this step lead to.
    #[getter]
    fn members(&self) -> u64 {
        self.step.members
    }

    /// The same as a share of all of them, from 0 to 1.
    #[getter]
    fn share(&self) -> f64 {
        self.step.members as f64 / self.all.max(1) as f64
    }

    fn __repr__(&self) -> String {
        let label = self.label().map_or(String::new(), |label| format!("{label} → "));
        let what = view::merged_words(&self.graph, &self.step);
        let (some, all) = (view::grouped(self.step.members), view::grouped(self.all));
        format!("<{label}{what}: {some} of {all} objects>")
    }
}

/// The nodes of an iterable of nodes, addresses and, on a live heap, objects.
pub(crate) fn nodes(graph: &Graph, live: bool, what: &Bound<'_, PyAny>) -> PyResult<NodeSet> {
    let mut found = NodeSet::new(graph.node_count());
    for item in what.try_iter()? {
        found.insert(arguments::node_of(graph, live, &item?)?);
    }
    Ok(found)
}

/// The holders to leave out: one, or those of an iterable.
///
/// On a live heap a list or another object that lies in the heap is meant itself.
pub(crate) fn avoided(
    graph: &Graph,
    live: bool,
    what: Option<&Bound<'_, PyAny>>,
) -> PyResult<NodeSet> {
    let mut found = NodeSet::default();
    let Some(what) = what else {
        return Ok(found);
    };
    match arguments::node_of(graph, live, what) {
        Ok(node) => {
            found.reset(graph.node_count());
            found.insert(node);
            Ok(found)
        }
        Err(error) if !error.is_instance_of::<PyKeyError>(what.py()) => Err(error),
        Err(error) => nodes(graph, live, what).map_err(|of_items| {
            // No iterable: it was meant as one holder.
            if of_items.is_instance_of::<PyTypeError>(what.py()) { error } else { of_items }
        }),
    }
}

/// The objects of a type, given by its name or as a class.
pub(crate) fn of_type(graph: &Shared, live: bool, what: &Bound<'_, PyAny>) -> PyResult<NodeSet> {
    let types = Some(objects::types_of(graph, live, what)?);
    let selection = Selection { types, ..Selection::default() };
    analysis::select(graph, &selection).map_err(|error| PyValueError::new_err(error.to_string()))
}
