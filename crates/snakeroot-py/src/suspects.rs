//! What holds too much.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::analysis::{self, Direction};
use snakeroot::view::{self, DrawOptions};

use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::picture::{self, Picture};
use crate::results::{Cursor, loads};
use crate::shared::Shared;
use crate::work::interruptible;

/// Leak suspects, largest first: prints as a report.
///
/// Made by `Heap.suspects()`.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Suspects {
    graph: Arc<Shared>,
    suspects: analysis::Suspects,
}

impl Suspects {
    pub(crate) fn find(py: Python<'_>, graph: Arc<Shared>, threshold: f64) -> PyResult<Self> {
        if !(0.001..=1.0).contains(&threshold) {
            return Err(PyValueError::new_err(format!(
                "threshold: expected a share from 0.001 to 1, found {threshold}"
            )));
        }
        let tree = graph.dominators(py)?;
        let suspects =
            interruptible(py, |watch| analysis::suspects(&graph, tree, threshold, watch))?;
        Ok(Self { graph: graph.clone(), suspects })
    }

    fn suspect(&self, suspect: &analysis::Suspect) -> Suspect {
        let heap_bytes = self.suspects.heap_bytes;
        Suspect { graph: self.graph.clone(), suspect: suspect.clone(), heap_bytes }
    }
}

#[pymethods]
impl Suspects {
    /// The share of the heap above which something is a suspect.
    #[getter]
    fn threshold(&self) -> f64 {
        self.suspects.threshold
    }

    /// The largest single objects that are no suspects, at most 3.
    #[getter]
    fn below(&self) -> Vec<Suspect> {
        self.suspects.below.iter().map(|suspect| self.suspect(suspect)).collect()
    }

    fn __len__(&self) -> usize {
        self.suspects.found.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Suspect> {
        let length = self.suspects.found.len();
        let place = if index < 0 { index + length as isize } else { index };
        let found = usize::try_from(place).ok().and_then(|place| self.suspects.found.get(place));
        found
            .map(|suspect| self.suspect(suspect))
            .ok_or_else(|| PyIndexError::new_err(format!("suspect {index} of {length}")))
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    /// Plain data: the suspects with sentence, sizes, accumulation point, chain and fingerprint.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = view::json::suspects(&self.graph, &self.suspects).to_string();
        loads(py, &text)
    }

    fn __repr__(&self) -> String {
        view::suspects_text(&self.graph, &self.suspects).trim_end().to_owned()
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

/// An object, or a group of objects of one type, that retains much of the heap.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Suspect {
    graph: Arc<Shared>,
    suspect: analysis::Suspect,
    heap_bytes: u64,
}

#[pymethods]
impl Suspect {
    /// What it is, how much it keeps, where, and who holds that.
    #[getter]
    fn sentence(&self) -> String {
        view::suspect_sentence(&self.graph, &self.suspect, self.heap_bytes)
    }

    /// Bytes that would be freed if the object, or the group, were.
    #[getter]
    fn retained_size(&self) -> u64 {
        self.suspect.retained
    }

    /// The same as a share of the heap, from 0 to 1.
    #[getter]
    fn share(&self) -> f64 {
        self.suspect.retained as f64 / self.heap_bytes.max(1) as f64
    }

    /// The object, or the objects of the group.
    #[getter]
    fn nodes(&self) -> Vec<Node> {
        self.suspect.nodes.iter().map(|&id| Node::new(self.graph.clone(), id)).collect()
    }

    /// The object in which the memory accumulates; `None` for a group without a holder in common.
    #[getter]
    fn accumulation(&self) -> Option<Node> {
        self.suspect.accumulation.map(|id| Node::new(self.graph.clone(), id))
    }

    /// From a GC root down to the accumulation point, or to the group's largest object.
    #[getter]
    fn chain(&self) -> Vec<Node> {
        let nodes = self.suspect.chain.nodes.iter();
        nodes.map(|&id| Node::new(self.graph.clone(), id)).collect()
    }

    /// 16 hexadecimal digits: the same for the same leak in another process of the program.
    #[getter]
    fn fingerprint(&self) -> String {
        format!("{:016x}", self.suspect.fingerprint)
    }

    /// Plain data: sentence, sizes, accumulation point, chain and fingerprint.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = view::json::suspect(&self.graph, &self.suspect, self.heap_bytes).to_string();
        loads(py, &text)
    }

    /// Draws the chain: into a .png, .svg or .dot file, or gives the picture.
    #[pyo3(signature = (filename=None, *, engine=None))]
    fn show(
        &self,
        py: Python<'_>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        let chains = std::slice::from_ref(&self.suspect.chain);
        picture::deliver(py, filename, engine, || {
            let options = DrawOptions { sizes: true, ..DrawOptions::default() };
            view::chains_drawing(&self.graph, chains, Direction::Referrers, &options)
        })
    }

    fn __str__(&self) -> String {
        self.sentence()
    }

    fn __repr__(&self) -> String {
        format!("<suspect: {}>", self.sentence())
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
