//! What was made between two heaps and is still there in a third.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::analysis::diff::{self, Group, Holder as CoreHolder, KeptRow as CoreRow, NotKept};
use snakeroot::view::{self, Cells, json};
use snakeroot::watch::Stopped;

use crate::arguments;
use crate::diff::order;
use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::objects::Objects;
use crate::results::{Cursor, loads};
use crate::shared::Shared;
use crate::work::interruptible;

/// Rows in what it prints as.
const SHOWN_ROWS: i64 = 10;

/// What was made between two heaps and is still there in a third: prints as tables.
///
/// Objects are matched as by `Heap.diff()`. Made by `Heap.kept()`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Kept {
    graph: Arc<Shared>,
    /// Whether the third heap is that of this process.
    live: bool,
    kept: Arc<diff::Kept>,
}

impl Kept {
    pub(crate) fn new(
        py: Python<'_>,
        oldest: &Shared,
        middle: &Shared,
        new: Arc<Shared>,
        live: bool,
    ) -> PyResult<Self> {
        let kept =
            interruptible(py, |watch| match diff::kept(oldest.snapshot(), middle, &new, watch) {
                Ok(kept) => Ok(Ok(kept)),
                Err(NotKept::Apart(apart)) => Ok(Err(apart)),
                Err(NotKept::Stopped) => Err(Stopped),
            })?;
        let kept = kept.map_err(|apart| PyValueError::new_err(apart.to_string()))?;
        Ok(Self { graph: new, live, kept: Arc::new(kept) })
    }

    fn rows(
        &self,
        py: Python<'_>,
        group: Group,
        by: &str,
        limit: Option<i64>,
    ) -> PyResult<KeptRows> {
        let limit = arguments::limit(limit, "limit")?;
        let order = order(by)?;
        let tree = self.graph.dominators(py)?;
        let rows = py.detach(|| self.kept.rows(self.graph.snapshot(), tree, group, order));
        Ok(KeptRows { rows, group, limit })
    }

    fn head(&self) -> String {
        let total = self.kept.total(self.graph.snapshot());
        let (count, size) = (view::grouped(total.count), view::human_size(total.size));
        format!("{count} objects, {size}, made between the first two heaps and still there")
    }
}

#[pymethods]
impl Kept {
    /// The objects: nodes of the third heap.
    #[getter]
    fn nodes(&self) -> Objects {
        Objects::new(self.graph.clone(), self.live, self.kept.nodes.clone())
    }

    /// By type: a table of at most `limit` rows, all with `limit=None`.
    ///
    /// `by` is "size" (or "new", which is the same here), "count" or "retained". Raises `ValueError` for
    /// another word or a negative limit.
    #[pyo3(signature = (by="size", limit=Some(20)), text_signature = "($self, by=\"size\", limit=20)")]
    fn types(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<KeptRows> {
        self.rows(py, Group::Type, by, limit)
    }

    /// By the module of the objects' types; see `types`.
    #[pyo3(signature = (by="size", limit=Some(20)), text_signature = "($self, by=\"size\", limit=20)")]
    fn modules(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<KeptRows> {
        self.rows(py, Group::Module, by, limit)
    }

    /// Who holds them: their immediate dominators that are not among them, those that hold most bytes first.
    ///
    /// Raises `ValueError` for a negative limit.
    #[pyo3(signature = (limit=Some(20)), text_signature = "($self, limit=20)")]
    fn dominators(&self, py: Python<'_>, limit: Option<i64>) -> PyResult<Holders> {
        let limit = arguments::limit(limit, "limit")?;
        let tree = self.graph.dominators(py)?;
        let rows = py.detach(|| self.kept.holders(tree));
        Ok(Holders { graph: self.graph.clone(), kept: self.kept.clone(), rows, limit })
    }

    /// Plain data: the total, and all types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.types(py, "size", None)?.to_dict(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let types = self.types(py, "size", Some(SHOWN_ROWS))?.__repr__();
        let holders = self.dominators(py, Some(SHOWN_ROWS))?.__repr__(py)?;
        Ok(format!("{}\n\n{types}\n\n{holders}", self.head()))
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        let cells = self.types(py, "size", Some(SHOWN_ROWS))?.cells();
        notebook::table(py, &[self.head()], self.__repr__(py)?, &cells)
    }
}

/// A type or module of what was kept.
#[pyclass(frozen, module = "snakeroot", get_all)]
pub(crate) struct KeptRow {
    /// The type's name, builtins without their module; or the module's.
    name: String,
    /// How many objects.
    count: u64,
    /// Their shallow sizes together, in bytes.
    size: u64,
    /// What they retain, in bytes.
    retained: u64,
}

#[pymethods]
impl KeptRow {
    fn __repr__(&self) -> String {
        format!(
            "<{}: {} objects, {}, retain {}>",
            self.name,
            view::grouped(self.count),
            view::human_size(self.size),
            view::human_size(self.retained)
        )
    }
}

/// What was kept by type or module: prints as a table, iterates as rows.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct KeptRows {
    rows: Vec<CoreRow>,
    group: Group,
    limit: Option<usize>,
}

impl KeptRows {
    fn cells(&self) -> Cells {
        view::kept_table(&self.rows, self.group, self.limit.unwrap_or(usize::MAX))
    }
}

#[pymethods]
impl KeptRows {
    fn __len__(&self) -> usize {
        self.rows.len().min(self.limit.unwrap_or(usize::MAX))
    }

    fn __getitem__(&self, index: isize) -> PyResult<KeptRow> {
        let row = &self.rows[place(index, self.__len__())?];
        let name = view::group_name(&row.name, self.group);
        Ok(KeptRow { name, count: row.count, size: row.size, retained: row.retained })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the total and the rows.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &json::kept(&self.rows, self.group, self.limit))
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

/// An object that holds some of what was kept.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Holder {
    graph: Arc<Shared>,
    holder: CoreHolder,
}

#[pymethods]
impl Holder {
    /// The object; `None` stands for what no one object dominates.
    #[getter]
    fn node(&self) -> Option<Node> {
        self.holder.node.map(|node| Node::new(self.graph.clone(), node))
    }
    /// How many kept objects it dominates immediately.
    #[getter]
    fn count(&self) -> u64 {
        self.holder.count
    }
    /// What those retain, in bytes.
    #[getter]
    fn retained(&self) -> u64 {
        self.holder.retained
    }

    fn __repr__(&self) -> String {
        let node = self.holder.node.map(|node| view::describe(&self.graph, node));
        format!(
            "<{} holds {} objects that retain {}>",
            node.unwrap_or_else(|| "no one object".into()),
            view::grouped(self.holder.count),
            view::human_size(self.holder.retained)
        )
    }
}

/// Who holds what was kept: prints as a table, iterates as rows.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Holders {
    graph: Arc<Shared>,
    kept: Arc<diff::Kept>,
    rows: Vec<CoreHolder>,
    limit: Option<usize>,
}

impl Holders {
    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let tree = self.graph.dominators(py)?;
        let limit = self.limit.unwrap_or(usize::MAX);
        Ok(py.detach(|| view::holders_table(&self.graph, tree, &self.rows, limit)))
    }
}

#[pymethods]
impl Holders {
    fn __len__(&self) -> usize {
        self.rows.len().min(self.limit.unwrap_or(usize::MAX))
    }

    fn __getitem__(&self, index: isize) -> PyResult<Holder> {
        let holder = self.rows[place(index, self.__len__())?];
        Ok(Holder { graph: self.graph.clone(), holder })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the total and the rows.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let total = self.kept.total(self.graph.snapshot());
        loads(py, &json::kept_holders(&self.graph, total, &self.rows, self.limit))
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

/// The place of a row by its index, which counts from the end if it is negative.
fn place(index: isize, length: usize) -> PyResult<usize> {
    let place = if index < 0 { index + length as isize } else { index };
    let place = usize::try_from(place).ok().filter(|&place| place < length);
    place.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))
}
