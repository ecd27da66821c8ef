//! A heap that stands still: from the live process or from a file.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use snakeroot::analysis::{self, Census};
use snakeroot::{Graph, NodeId};

use crate::arguments;
use crate::node::{Edge, Edges, Node, Root};
use crate::picture;
use crate::results::{Chains, HeapInfo, TypeRow, Types};

/// A heap that stands still: objects, references, sizes, labels, roots.
///
/// Holds no reference to any object. Made by `snapshot()` or `load(path)`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Heap {
    graph: Arc<Graph>,
    live: bool,
    census: OnceLock<Census>,
}

impl Heap {
    pub(crate) fn new(graph: Graph, live: bool) -> Self {
        Self { graph: Arc::new(graph), live, census: OnceLock::new() }
    }

    fn census(&self) -> &Census {
        self.census.get_or_init(|| analysis::census(self.graph.snapshot()))
    }

    fn find(&self, what: &Bound<'_, PyAny>) -> PyResult<NodeId> {
        arguments::node_of(&self.graph, self.live, what)
    }
}

#[pymethods]
impl Heap {
    /// How many objects there are.
    fn __len__(&self) -> usize {
        self.graph.snapshot().object_count()
    }

    /// The shallow sizes of all objects together, in bytes. O(objects) the first time.
    #[getter]
    fn size(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.census().total().1)
    }

    /// Bytes that this heap itself takes.
    #[getter]
    fn heap_bytes(&self) -> u64 {
        self.graph.heap_bytes()
    }

    /// About the process and the capture.
    #[getter]
    fn info(&self, py: Python<'_>) -> HeapInfo {
        let size = self.size(py);
        HeapInfo::new(self.graph.snapshot(), size)
    }

    /// Objects counted by type, largest first: a table of `limit` rows.
    ///
    /// `by` is "size" or "count"; with `limit=None` all types are in it.
    /// Raises `ValueError` for another word or a negative limit.
    #[pyo3(signature = (by="size", limit=Some(10)), text_signature = "($self, by=\"size\", limit=10)")]
    fn types(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<Types> {
        let limit = arguments::limit(limit, "limit")?;
        let census = py.detach(|| match by {
            "size" => Some(self.census().by_size()),
            "count" => Some(self.census().by_count()),
            _ => None,
        });
        let census = census.ok_or_else(|| {
            PyValueError::new_err(format!("by: expected \"size\" or \"count\", found {by:?}"))
        })?;
        Ok(Types::new(self.graph.clone(), census, limit))
    }

    /// The node of an object, or of what lay at an address.
    ///
    /// Raises `KeyError` if it is not in the heap.
    fn node(&self, object_or_address: &Bound<'_, PyAny>) -> PyResult<Node> {
        Ok(Node::new(self.graph.clone(), self.find(object_or_address)?))
    }

    /// Why an object is alive: chains from GC roots, shortest and least noisy first.
    ///
    /// Takes an object, a node or an address. Raises `KeyError` if it is not in
    /// the heap. O(objects + references) at worst.
    #[pyo3(signature = (object_or_address, limit=3))]
    fn why(
        &self,
        py: Python<'_>,
        object_or_address: &Bound<'_, PyAny>,
        limit: i64,
    ) -> PyResult<Chains> {
        if limit < 1 {
            return Err(PyValueError::new_err(format!("limit: expected 1 or more, found {limit}")));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let node = self.find(object_or_address)?;
        let chains = py.detach(|| analysis::why(&self.graph, node, limit));
        Ok(Chains::new(self.graph.clone(), node, chains))
    }

    /// Writes the heap into a Parquet file, whole or not at all.
    ///
    /// Raises `OSError` where the file cannot be written.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| snakeroot_dump::save(self.graph.snapshot(), &path))
            .map_err(picture::dump_error)?;
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let snapshot = self.graph.snapshot();
        format!(
            "<heap of {} objects, {}, {} references: Python {}, pid {}>",
            snakeroot::view::grouped(snapshot.object_count() as u64),
            snakeroot::view::human_size(self.size(py)),
            snakeroot::view::grouped(snapshot.edge_count()),
            snapshot.info().python,
            snapshot.info().pid
        )
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Heap>()?;
    module.add_class::<Node>()?;
    module.add_class::<Edge>()?;
    module.add_class::<Edges>()?;
    module.add_class::<Root>()?;
    module.add_class::<HeapInfo>()?;
    module.add_class::<Types>()?;
    module.add_class::<TypeRow>()?;
    module.add_class::<Chains>()?;
    module.add_class::<picture::Picture>()
}
