//! Tables: a set of objects in groups, and what roots and modules retain.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use snakeroot::analysis::{Group, Key, Partition, RootRow as CoreRow};
use snakeroot::graph::NodeSet;
use snakeroot::view::{self, Cells};

use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::objects::Objects;
use crate::results::{Cursor, loads};
use crate::shared::Shared;

/// What comes first in a table.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Size,
    Count,
    Retained,
}

impl Order {
    pub(crate) fn from_word(word: &str, argument: &str) -> PyResult<Self> {
        match word {
            "size" => Ok(Self::Size),
            "count" => Ok(Self::Count),
            "retained" => Ok(Self::Retained),
            _ => Err(PyValueError::new_err(format!(
                "{argument}: expected \"size\", \"count\" or \"retained\", found {word:?}"
            ))),
        }
    }
}

/// A set of objects in groups: prints as a table, iterates as rows. Made by `Objects.by()`.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Groups {
    graph: Arc<Shared>,
    live: bool,
    partition: Partition,
    limit: Option<usize>,
    /// By a group's number; worked out when it is first asked for.
    retained: OnceLock<Vec<u64>>,
}

impl Groups {
    pub(crate) fn new(
        py: Python<'_>,
        graph: Arc<Shared>,
        live: bool,
        partition: Partition,
        order: Order,
        limit: Option<usize>,
    ) -> PyResult<Self> {
        let mut groups = Self { graph, live, partition, limit, retained: OnceLock::new() };
        if let Order::Retained = order {
            groups.retained(py)?;
        }
        let Self { partition, retained, .. } = groups;
        groups.partition = py.detach(|| match (order, retained.get()) {
            (Order::Retained, Some(retained)) => partition.by_retained(retained),
            (Order::Count, _) => partition.by_count(),
            _ => partition.by_size(),
        });
        groups.retained = retained;
        Ok(groups)
    }

    pub(crate) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// What the objects of each group retain, by the group's number.
    pub(crate) fn retained(&self, py: Python<'_>) -> PyResult<&[u64]> {
        let tree = self.graph.dominators(py)?;
        Ok(py.detach(|| self.retained.get_or_init(|| self.partition.retained(tree))))
    }

    fn shown(&self) -> &[Group] {
        let groups = self.partition.groups();
        &groups[..groups.len().min(self.limit.unwrap_or(usize::MAX))]
    }

    /// What a group has in common, as Python sees it.
    fn key<'py>(&self, py: Python<'py>, key: &Key) -> PyResult<Bound<'py, PyAny>> {
        let mut names = view::key_names(&self.graph, key);
        match key {
            Key::Size(least, most) => Ok((*least, *most).into_pyobject(py)?.into_any()),
            Key::Type(_) | Key::Module(_) => {
                Ok(names.pop().unwrap_or_default().into_pyobject(py)?.into_any())
            }
            Key::Referrers(_) | Key::Via(_) => Ok(PyTuple::new(py, names)?.into_any()),
        }
    }

    /// The table of all groups that are shown.
    pub(crate) fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let limit = self.limit.unwrap_or(usize::MAX);
        Ok(view::groups_table(&self.graph, &self.partition, self.retained(py)?, limit))
    }
}

#[pymethods]
impl Groups {
    fn __len__(&self) -> usize {
        self.shown().len()
    }

    fn __getitem__(this: Bound<'_, Self>, index: isize) -> PyResult<GroupRow> {
        let groups = this.get();
        let length = groups.shown().len();
        let place = if index < 0 { index + length as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < length);
        let place =
            place.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))?;
        Ok(GroupRow { groups: this.unbind(), place })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// The rows as plain data: a list of dicts with key, count, size and retained size in bytes.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let retained = self.retained(py)?;
        let rows = PyList::empty(py);
        for group in self.shown() {
            let dict = PyDict::new(py);
            dict.set_item("key", self.key(py, &group.key)?)?;
            dict.set_item("count", group.count)?;
            dict.set_item("size", group.size)?;
            dict.set_item("retained", retained[group.number])?;
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

/// Objects of a set that have something in common.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct GroupRow {
    groups: Py<Groups>,
    place: usize,
}

impl GroupRow {
    fn group(&self) -> &Group {
        &self.groups.get().partition.groups()[self.place]
    }
}

#[pymethods]
impl GroupRow {
    /// What they have in common: the name of a type or module, the least and the greatest size,
    /// a tuple of the kinds of referrers, a tuple of labels.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.groups.get().key(py, &self.group().key)
    }

    /// How many objects.
    #[getter]
    fn count(&self) -> u64 {
        self.group().count
    }

    /// Their shallow sizes together, in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.group().size
    }

    /// What they retain one by one, each byte counted once. `objects.retained` has what
    /// only several of them together retain, too.
    #[getter]
    fn retained(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.groups.get().retained(py)?[self.group().number])
    }

    /// The objects, as a set.
    #[getter]
    fn objects(&self) -> Objects {
        let groups = self.groups.get();
        let mut set = NodeSet::new(groups.graph.node_count());
        set.extend(groups.partition.nodes(self.group()).iter().copied());
        Objects::new(groups.graph.clone(), groups.live, set)
    }

    fn __repr__(&self) -> String {
        let group = self.group();
        format!(
            "<{}: {} objects, {}>",
            view::key_name(&self.groups.get().graph, &group.key),
            view::grouped(group.count),
            view::human_size(group.size),
        )
    }
}

/// What GC roots or modules retain: prints as a table, iterates as rows.
///
/// Made by `Heap.roots()` and `Heap.modules()`.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Roots {
    graph: Arc<Shared>,
    rows: Vec<CoreRow>,
    limit: Option<usize>,
    of_modules: bool,
}

impl Roots {
    pub(crate) fn new(
        graph: Arc<Shared>,
        rows: Vec<CoreRow>,
        limit: Option<usize>,
        of_modules: bool,
    ) -> Self {
        Self { graph, rows, limit, of_modules }
    }

    fn cells(&self, py: Python<'_>) -> PyResult<Cells> {
        let tree = self.graph.dominators(py)?;
        let table = if self.of_modules { view::modules_table } else { view::roots_table };
        Ok(table(&self.graph, tree, &self.rows, self.limit.unwrap_or(usize::MAX)))
    }
}

#[pymethods]
impl Roots {
    fn __len__(&self) -> usize {
        self.rows.len().min(self.limit.unwrap_or(usize::MAX))
    }

    fn __getitem__(&self, index: isize) -> PyResult<RootRow> {
        let length = self.__len__();
        let place = if index < 0 { index + length as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < length);
        let place =
            place.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {length}")))?;
        Ok(RootRow { graph: self.graph.clone(), row: self.rows[place] })
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the roots or modules, each with what it retains, and all bytes of the heap.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let tree = self.graph.dominators(py)?;
        let as_json = if self.of_modules { view::json::modules } else { view::json::roots };
        let text = as_json(&self.graph, tree, &self.rows, self.limit).to_string();
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

/// What one GC root or module retains.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct RootRow {
    graph: Arc<Shared>,
    row: CoreRow,
}

#[pymethods]
impl RootRow {
    /// The GC root, or the module object.
    #[getter]
    fn node(&self) -> Node {
        Node::new(self.graph.clone(), self.row.node)
    }

    /// How many objects would be freed if it were, itself among them.
    #[getter]
    fn count(&self) -> u64 {
        self.row.count
    }

    /// How many bytes that would be.
    #[getter]
    fn retained(&self) -> u64 {
        self.row.retained
    }

    fn __repr__(&self) -> String {
        format!(
            "<{}: retains {} objects, {}>",
            view::describe(&self.graph, self.row.node),
            view::grouped(self.row.count),
            view::human_size(self.row.retained),
        )
    }
}
