//! Edges between objects, for searches that avoid them.

use std::collections::HashSet;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use snakeroot::NodeId;
use snakeroot::analysis::heapy::Ends;

use super::root::{RootState, set_or_root};
use super::session::Inner;
use super::set::IdentitySet;
use crate::shared::Shared;

/// Edges of one walk: from `ShortestPaths.edges`, for `avoid_edges`.
///
/// `edges | others` has those of both; iteration gives pairs of sets of one.
#[pyclass(frozen, module = "snakeroot.heapy", name = "NodeGraph")]
pub(crate) struct Edges {
    session: Arc<Inner>,
    graph: Arc<Shared>,
    /// Ascending, each once.
    ends: Vec<Ends>,
}

impl Edges {
    pub(super) fn new(session: Arc<Inner>, graph: Arc<Shared>, mut ends: Vec<Ends>) -> Self {
        ends.sort_unstable();
        ends.dedup();
        Self { session, graph, ends }
    }

    /// The edges that an argument says: such an object, or pairs of what refers and what is referred to.
    pub(super) fn read(
        session: &Arc<Inner>,
        graph: &Arc<Shared>,
        what: &Bound<'_, PyAny>,
    ) -> PyResult<HashSet<Ends>> {
        if let Ok(edges) = what.cast::<Self>() {
            if !Arc::ptr_eq(&edges.get().graph, graph) {
                return Err(PyValueError::new_err(
                    "avoid_edges: expected edges of the walk that the set is of, found those of another walk",
                ));
            }
            return Ok(edges.get().ends.iter().copied().collect());
        }
        let nodes = |what: &Bound<'_, PyAny>| -> PyResult<Vec<Option<NodeId>>> {
            if what.cast::<RootState>().is_ok() {
                return Ok(vec![None]);
            }
            if let Ok(set) = what.cast::<IdentitySet>() {
                let set = set.get();
                let found = match Arc::ptr_eq(set.graph(), graph) {
                    true => set.node_set().clone(),
                    false => set.reference(what.py()).in_graph(graph),
                };
                return Ok(found.iter().map(Some).collect());
            }
            Ok(vec![Some(session.node(graph, what)?)])
        };
        let mut all = HashSet::new();
        for pair in what.try_iter()? {
            let pair = pair?;
            let (from, to): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                pair.extract().map_err(|_| {
                    PyTypeError::new_err(format!(
                        "avoid_edges: expected pairs of what refers and what is referred to, found {}",
                        crate::arguments::type_name(&pair)
                    ))
                })?;
            for from in nodes(&from)? {
                all.extend(nodes(&to)?.into_iter().flatten().map(|to| (from, to)));
            }
        }
        Ok(all)
    }
}

#[pymethods]
impl Edges {
    fn __len__(&self) -> usize {
        self.ends.len()
    }

    fn __getitem__(&self, py: Python<'_>, index: usize) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let &(from, to) = self.ends.get(index).ok_or_else(|| {
            pyo3::exceptions::PyIndexError::new_err(format!("edge {index} of {}", self.ends.len()))
        })?;
        let set = |node| set_or_root(py, &self.session, &self.graph, node);
        Ok((set(from)?, set(Some(to))?))
    }

    fn __or__(&self, other: PyRef<'_, Self>) -> PyResult<Self> {
        if !Arc::ptr_eq(&self.graph, &other.graph) {
            return Err(PyValueError::new_err(
                "expected edges of one walk, found those of two walks",
            ));
        }
        let ends = self.ends.iter().chain(&other.ends).copied().collect();
        Ok(Self::new(self.session.clone(), self.graph.clone(), ends))
    }

    fn __repr__(&self) -> String {
        format!("<{} edges>", self.ends.len())
    }
}
