//! Objects by what they retain.

use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::NodeId;
use snakeroot::view::{self, Cells};

use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::results::{Cursor, loads};
use crate::shared::Shared;

/// Rows that are printed.
const SHOWN: usize = 1_000;

/// Objects that retain much: prints as a table, iterates as nodes.
///
/// Made by `Heap.top()` and `Node.dominated()`. In the table an object stands below
/// its immediate dominator, if that is in the table too.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Top {
    graph: Arc<Shared>,
    nodes: Vec<NodeId>,
}

impl Top {
    /// Of nodes none of which comes before its dominator.
    pub(crate) fn new(graph: Arc<Shared>, nodes: Vec<NodeId>) -> Self {
        Self { graph, nodes }
    }

    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let shown = &self.nodes[..self.nodes.len().min(SHOWN)];
        let mut cells = view::top_table(&self.graph, self.graph.dominators(py)?, shown);
        if shown.len() < self.nodes.len() {
            let more = format!("… {} more", view::grouped((self.nodes.len() - SHOWN) as u64));
            let blanks = std::iter::repeat_n(String::new(), cells.header.len() - 1);
            cells.rows.push(std::iter::once(more).chain(blanks).collect());
        }
        Ok(cells)
    }
}

#[pymethods]
impl Top {
    fn __len__(&self) -> usize {
        self.nodes.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Node> {
        let place = if index < 0 { index + self.nodes.len() as isize } else { index };
        let node = usize::try_from(place).ok().and_then(|place| self.nodes.get(place));
        let node = node
            .ok_or_else(|| PyIndexError::new_err(format!("row {index} of {}", self.nodes.len())))?;
        Ok(Node::new(self.graph.clone(), *node))
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the nodes, each with what it retains, and all bytes of the heap.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let tree = self.graph.dominators(py)?;
        let text = view::json::top(&self.graph, tree, &self.nodes).to_string();
        loads(py, &text)
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
