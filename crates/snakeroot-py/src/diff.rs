//! What changed between two heaps.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::analysis::diff::{self, Change as CoreChange, Group, Grown, Order, Partners};
use snakeroot::graph::NodeSet;
use snakeroot::view::{self, Cells, json};

use crate::arguments;
use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::objects::Objects;
use crate::picture::{self, Picture};
use crate::results::{Cursor, loads};
use crate::shared::Shared;
use crate::work::interruptible;

/// Rows of growth where no limit is given.
const SHOWN_GROWTH: i64 = 10;
/// Rows in what a difference prints as.
const SHOWN_ROWS: usize = 10;

/// The two heaps, and what changed between them.
pub(crate) struct Pair {
    old: Arc<Shared>,
    new: Arc<Shared>,
    diff: diff::Diff,
    partners: OnceLock<Partners>,
}

impl Pair {
    fn notices(&self) -> Vec<String> {
        view::diff_notices(&self.diff, self.old.snapshot(), self.new.snapshot())
    }

    fn partners(&self, py: Python<'_>) -> PyResult<&Partners> {
        if let Some(partners) = self.partners.get() {
            return Ok(partners);
        }
        let found = interruptible(py, |watch| diff::partners(&self.old, &self.new, watch))?;
        Ok(self.partners.get_or_init(|| found))
    }

    /// The rows that changed, in an order.
    fn rows(&self, py: Python<'_>, group: Group, order: Order) -> PyResult<Vec<CoreChange>> {
        let trees = match order {
            Order::Retained => Some((self.old.dominators(py)?, self.new.dominators(py)?)),
            _ => None,
        };
        Ok(py.detach(|| {
            let mut rows = match trees {
                Some((before, after)) => self.diff.rows_with_retained(
                    group,
                    (self.old.snapshot(), before),
                    (self.new.snapshot(), after),
                ),
                None => self.diff.rows(group),
            };
            order.arrange(&mut rows);
            rows
        }))
    }

    /// Says why there is nothing to give where objects were not matched.
    fn matched<T>(&self, some: Option<T>) -> PyResult<T> {
        some.ok_or_else(|| {
            let apart = self.diff.apart().map(ToString::to_string);
            PyValueError::new_err(apart.unwrap_or_default())
        })
    }
}

/// What changed between two heaps of one process: prints as a table.
///
/// An object is the same in both if it has the same address and a type of the same name. An
/// address is used again, so one that died and another of its type in its place count as one that survived.
/// Made by `Heap.diff()`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Diff {
    pair: Arc<Pair>,
    /// Whether the heap of each is that of this process.
    live: (bool, bool),
}

impl Diff {
    pub(crate) fn new(
        py: Python<'_>,
        old: Arc<Shared>,
        new: Arc<Shared>,
        live: (bool, bool),
    ) -> PyResult<Self> {
        let diff = interruptible(py, |watch| diff::diff(old.snapshot(), new.snapshot(), watch))?;
        let pair = Arc::new(Pair { old, new, diff, partners: OnceLock::new() });
        Ok(Self { pair, live })
    }

    fn changes(
        &self,
        py: Python<'_>,
        group: Group,
        by: &str,
        limit: Option<i64>,
    ) -> PyResult<Changes> {
        let limit = arguments::limit(limit, "limit")?;
        let rows = self.pair.rows(py, group, order(by)?)?;
        Ok(Changes { pair: self.pair.clone(), rows, group, limit })
    }

    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let rows = self.pair.rows(py, Group::Type, Order::Size)?;
        Ok(view::diff_table(&self.pair.diff, &rows, Group::Type, SHOWN_ROWS))
    }

    /// The sentences above the table.
    fn head(&self) -> Vec<String> {
        let notices = self.pair.notices().into_iter().map(|notice| format!("notice: {notice}"));
        notices.chain([view::diff_summary(&self.pair.diff)]).collect()
    }
}

/// The order that a word names.
pub(crate) fn order(by: &str) -> PyResult<Order> {
    match by {
        "size" => Ok(Order::Size),
        "count" => Ok(Order::Count),
        "new" => Ok(Order::New),
        "retained" => Ok(Order::Retained),
        _ => Err(PyValueError::new_err(format!(
            "by: expected \"size\", \"count\", \"new\" or \"retained\", found {by:?}"
        ))),
    }
}

#[pymethods]
impl Diff {
    /// What changed by type: a table of at most `limit` rows, all with `limit=None`.
    ///
    /// `by` says which come first: those with the largest change in "size", "count" or
    /// "retained" size, or the most bytes of "new" objects. Types without a change are left out. What
    /// types retain is in the rows with "retained" only. Raises `ValueError` for another word or a negative limit.
    #[pyo3(signature = (by="size", limit=Some(20)), text_signature = "($self, by=\"size\", limit=20)")]
    fn types(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<Changes> {
        self.changes(py, Group::Type, by, limit)
    }

    /// What changed by the module of the objects' types; see `types`.
    #[pyo3(signature = (by="size", limit=Some(20)), text_signature = "($self, by=\"size\", limit=20)")]
    fn modules(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<Changes> {
        self.changes(py, Group::Module, by, limit)
    }

    /// Where what is retained grew: at most `limit` objects at which growth accumulates, those that grew most first.
    ///
    /// Down the dominator tree from each object at its top that grew, to one below that carries at least 70 % of
    /// the growth, or to several that were there before and carry as much
    /// together. Prints with the way from the top. Raises `ValueError` for a negative limit and where
    /// the heaps are of two processes.
    #[pyo3(signature = (limit=10))]
    fn dominators(&self, py: Python<'_>, limit: i64) -> PyResult<Growth> {
        let limit =
            usize::try_from(arguments::at_least_zero(limit, "limit")?).unwrap_or(usize::MAX);
        self.pair.matched(self.pair.diff.new_objects())?;
        let (before, after) = (self.pair.old.dominators(py)?, self.pair.new.dominators(py)?);
        let partners = self.pair.partners(py)?;
        let rows = py.detach(|| diff::growth(partners, before, after, limit));
        Ok(Growth { pair: self.pair.clone(), rows })
    }

    /// Draws the chains that hold what grew most: `dominators().show()`.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        self.dominators(py, SHOWN_GROWTH)?.show(py, filename, engine)
    }

    /// The objects that only the new heap has: nodes of that heap.
    ///
    /// Raises `ValueError` where the heaps are of two processes.
    #[getter(new)]
    fn new_nodes(&self) -> PyResult<Objects> {
        let set: &NodeSet = self.pair.matched(self.pair.diff.new_objects())?;
        Ok(Objects::new(self.pair.new.clone(), self.live.1, set.clone()))
    }

    /// The objects that only the old heap has: nodes of that heap.
    ///
    /// Raises `ValueError` where the heaps are of two processes.
    #[getter]
    fn gone(&self) -> PyResult<Objects> {
        let set: &NodeSet = self.pair.matched(self.pair.diff.gone_objects())?;
        Ok(Objects::new(self.pair.old.clone(), self.live.0, set.clone()))
    }

    /// The objects that both heaps have: nodes of the new one.
    ///
    /// Raises `ValueError` where the heaps are of two processes.
    #[getter]
    fn survived(&self) -> PyResult<Objects> {
        let set = self.pair.diff.survived(self.pair.new.snapshot());
        Ok(Objects::new(self.pair.new.clone(), self.live.1, self.pair.matched(set)?))
    }

    /// The node of the old heap that a node of the new one was; `None` if it is new.
    ///
    /// Threads and frames are known by their names. Raises `KeyError` for a node of
    /// another heap, `ValueError` where the heaps are of two processes.
    fn before(&self, py: Python<'_>, node: &Bound<'_, PyAny>) -> PyResult<Option<Node>> {
        self.pair.matched(self.pair.diff.new_objects())?;
        let node = arguments::node_of(&self.pair.new, false, node)?;
        let old = self.pair.partners(py)?.of(node);
        Ok(old.map(|old| Node::new(self.pair.old.clone(), old)))
    }

    /// All objects as one row, without a name.
    #[getter]
    fn total(&self) -> Change {
        Change(self.pair.diff.total(), Group::Type)
    }

    /// What must be known before the numbers are read, a sentence each: that the heaps are of
    /// two processes, or in the wrong order.
    #[getter]
    fn notices(&self) -> Vec<String> {
        self.pair.notices()
    }

    /// Plain data: notices, the total, and all types that changed.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.changes(py, Group::Type, "size", None)?.to_dict(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = self.cells(py)?.text();
        Ok(format!("{}\n\n{}", self.head().join("\n"), text.trim_end()))
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        notebook::table(py, &self.head(), self.__repr__(py)?, &self.cells(py)?)
    }
}

/// How a group of objects changed.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Change(CoreChange, Group);

#[pymethods]
impl Change {
    /// The type's name, `module.QualName`, builtins without their module; or the module's.
    #[getter]
    fn name(&self) -> String {
        view::group_name(&self.0.name, self.1)
    }
    /// How many objects there are.
    #[getter]
    fn count(&self) -> u64 {
        self.0.after.count
    }
    /// How many there were.
    #[getter]
    fn count_before(&self) -> u64 {
        self.0.before.count
    }
    /// By how many there are more; negative if fewer.
    #[getter]
    fn count_change(&self) -> i64 {
        self.0.count_delta()
    }
    /// Their shallow sizes together, in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.0.after.size
    }
    /// What these were.
    #[getter]
    fn size_before(&self) -> u64 {
        self.0.before.size
    }
    /// By how many bytes they are more; negative if less.
    #[getter]
    fn size_change(&self) -> i64 {
        self.0.size_delta()
    }
    /// How many are new; `None` where the heaps are of two processes.
    #[getter(new)]
    fn new_count(&self) -> Option<u64> {
        self.0.turnover.map(|turnover| turnover.new.count)
    }
    /// The shallow sizes of the new ones, in bytes.
    #[getter]
    fn new_size(&self) -> Option<u64> {
        self.0.turnover.map(|turnover| turnover.new.size)
    }
    /// How many are gone; `None` where the heaps are of two processes.
    #[getter]
    fn gone(&self) -> Option<u64> {
        self.0.turnover.map(|turnover| turnover.gone.count)
    }
    /// The shallow sizes of those that are gone, in bytes.
    #[getter]
    fn gone_size(&self) -> Option<u64> {
        self.0.turnover.map(|turnover| turnover.gone.size)
    }
    /// How many are in both heaps; `None` where they are of two processes.
    #[getter]
    fn survived(&self) -> Option<u64> {
        self.0.survived().map(|(_, after)| after.count)
    }
    /// By how many bytes the shallow sizes of those grew.
    #[getter]
    fn survived_change(&self) -> Option<i64> {
        self.0.survived().map(|(before, after)| after.size as i64 - before.size as i64)
    }
    /// What they retain, in bytes; `None` where it was not asked for.
    #[getter]
    fn retained(&self) -> Option<u64> {
        self.0.retained.map(|retained| retained.after)
    }
    /// What they retained.
    #[getter]
    fn retained_before(&self) -> Option<u64> {
        self.0.retained.map(|retained| retained.before)
    }
    /// By how many bytes that is more; negative if less.
    #[getter]
    fn retained_change(&self) -> Option<i64> {
        self.0.retained_delta()
    }

    fn __repr__(&self) -> String {
        let name = if self.0.name.is_empty() { "all".into() } else { self.name() };
        let (count, size) = (self.0.count_delta(), self.0.size_delta());
        format!("<{name}: {} objects, {}>", view::signed(count), view::signed_size(size))
    }
}

/// What changed by type or module: prints as a table, iterates as rows.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Changes {
    pair: Arc<Pair>,
    rows: Vec<CoreChange>,
    group: Group,
    limit: Option<usize>,
}

impl Changes {
    fn cells(&self) -> Cells {
        let limit = self.limit.unwrap_or(usize::MAX);
        view::diff_table(&self.pair.diff, &self.rows, self.group, limit)
    }
}

#[pymethods]
impl Changes {
    fn __len__(&self) -> usize {
        self.rows.len().min(self.limit.unwrap_or(usize::MAX))
    }

    fn __getitem__(&self, index: isize) -> PyResult<Change> {
        let length = self.__len__();
        let place = if index < 0 { index + length as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < length);
        let row = place.and_then(|place| self.rows.get(place));
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))?;
        Ok(Change(row.clone(), self.group))
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: notices, the total, and the rows.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let notices = self.pair.notices();
        let text = json::diff(&self.pair.diff, &notices, &self.rows, self.group, self.limit);
        loads(py, &text)
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

/// An object at which growth accumulates.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct GrownRow {
    pair: Arc<Pair>,
    grown: Grown,
}

#[pymethods]
impl GrownRow {
    /// The object, in the new heap.
    #[getter]
    fn node(&self) -> Node {
        Node::new(self.pair.new.clone(), self.grown.node)
    }
    /// What it retained in the old heap, in bytes; `None` if it is new.
    #[getter]
    fn before(&self) -> Option<u64> {
        self.grown.before
    }
    /// What it retains, in bytes.
    #[getter]
    fn after(&self) -> u64 {
        self.grown.after
    }
    /// By how many bytes that is more.
    #[getter]
    fn change(&self) -> i64 {
        self.grown.growth()
    }
    /// How many of the objects that it dominates immediately are new.
    #[getter]
    fn new_below(&self) -> u64 {
        self.grown.new_below
    }

    fn __repr__(&self) -> String {
        let change = view::signed_size(self.grown.growth());
        format!("<{}: {change}>", view::describe(&self.pair.new, self.grown.node))
    }
}

/// Where what is retained grew: prints as branches of the dominator tree, iterates as rows.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Growth {
    pair: Arc<Pair>,
    rows: Vec<Grown>,
}

impl Growth {
    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let (old, new) = (self.pair.old.dominators(py)?, self.pair.new.dominators(py)?);
        let partners = self.pair.partners(py)?;
        Ok(view::growth_table(&self.pair.new, new, old, partners, &self.rows))
    }
}

#[pymethods]
impl Growth {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<GrownRow> {
        let length = self.rows.len();
        let place = if index < 0 { index + length as isize } else { index };
        let row = usize::try_from(place).ok().and_then(|place| self.rows.get(place));
        let row = row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))?;
        Ok(GrownRow { pair: self.pair.clone(), grown: *row })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Draws the chains from GC roots down to these objects, with how much each grew: into a .png,
    /// .svg or .dot file, or gives the picture.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        picture::deliver(py, filename, engine, || view::growth_drawing(&self.pair.new, &self.rows))
    }

    /// Plain data: notices, the total, and the objects, each with its dominators.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Pair { old, new, diff, .. } = &*self.pair;
        let (before, after) = (old.dominators(py)?, new.dominators(py)?);
        let (notices, partners) = (self.pair.notices(), self.pair.partners(py)?);
        let of_new = (&***new, after);
        let value = json::diff_dominators(diff, &notices, of_new, before, partners, &self.rows);
        loads(py, &value)
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
