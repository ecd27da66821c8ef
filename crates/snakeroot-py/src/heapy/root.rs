//! Where paths begin.

use std::sync::Arc;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{HeldBy, Link};
use snakeroot::graph::NodeSet;

use super::session::Inner;
use super::set::IdentitySet;
use crate::shared::Shared;

/// Where paths begin: `hp.Root`. What the interpreter keeps are its attributes, each as a set.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct RootState {
    session: Arc<Inner>,
}

impl RootState {
    pub(crate) fn new(session: Arc<Inner>) -> Self {
        Self { session }
    }
}

#[pymethods]
impl RootState {
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<IdentitySet> {
        let graph = self.session.graph(py)?;
        let mut set = NodeSet::new(graph.node_count());
        let is_named =
            |link: &Link| matches!(link, Link::Held(HeldBy::Attribute(own)) if **own == *name);
        let edges = graph.root_edges().all().iter();
        set.extend(edges.filter(|edge| is_named(&edge.link)).map(|edge| edge.to));
        if set.is_empty() {
            return Err(PyAttributeError::new_err(format!(
                "the root has no attribute {name:?}: dir() lists them"
            )));
        }
        Ok(IdentitySet::new(self.session.clone(), graph, set))
    }

    fn __dir__(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let graph = self.session.graph(py)?;
        let names = graph.root_edges().all().iter().filter_map(|edge| match &edge.link {
            Link::Held(HeldBy::Attribute(name)) => Some(name.to_string()),
            _ => None,
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| Arc::ptr_eq(&other.get().session, &self.session))
    }

    fn __hash__(&self) -> u64 {
        Arc::as_ptr(&self.session) as u64
    }

    fn __repr__(&self) -> &'static str {
        "RootState"
    }
}

/// The set of a node, and of `None` the root.
pub(super) fn set_or_root(
    py: Python<'_>,
    session: &Arc<Inner>,
    graph: &Arc<Shared>,
    node: Option<NodeId>,
) -> PyResult<Py<PyAny>> {
    let Some(node) = node else {
        return Ok(Bound::new(py, RootState::new(session.clone()))?.into_any().unbind());
    };
    let mut set = NodeSet::new(graph.node_count());
    set.insert(node);
    let set = IdentitySet::new(session.clone(), graph.clone(), set);
    Ok(Bound::new(py, set)?.into_any().unbind())
}
