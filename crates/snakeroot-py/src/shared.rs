//! A heap and what was worked out of it, shared by all answers about it.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};

use pyo3::prelude::*;
use snakeroot::Graph;
use snakeroot::analysis::heapy::{Owners, RootEdges, StopKinds};
use snakeroot::analysis::{self, Census, CycleScope, Cycles, DominatorTree};

use crate::heapy::Known;
use crate::work::interruptible;

/// A graph with the answers that are worth keeping.
pub(crate) struct Shared {
    graph: Graph,
    census: OnceLock<Census>,
    dominators: OnceLock<DominatorTree>,
    retained_by_type: OnceLock<Vec<u64>>,
    /// By `CycleScope`.
    cycles: [OnceLock<Arc<Cycles>>; 3],
    owners: OnceLock<Owners>,
    root_edges: OnceLock<RootEdges>,
    stop_kinds: OnceLock<StopKinds>,
    values: Mutex<Known>,
}

impl Deref for Shared {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl Shared {
    pub(crate) fn new(graph: Graph) -> Self {
        Self {
            graph,
            census: OnceLock::new(),
            dominators: OnceLock::new(),
            retained_by_type: OnceLock::new(),
            cycles: Default::default(),
            owners: OnceLock::new(),
            root_edges: OnceLock::new(),
            stop_kinds: OnceLock::new(),
            values: Mutex::default(),
        }
    }

    /// The objects by type.
    pub(crate) fn census(&self) -> &Census {
        self.census.get_or_init(|| analysis::census(self.graph.snapshot()))
    }

    /// Who dominates whom; worked out when it is first asked for.
    pub(crate) fn dominators(&self, py: Python<'_>) -> PyResult<&DominatorTree> {
        if let Some(tree) = self.dominators.get() {
            return Ok(tree);
        }
        let tree = interruptible(py, |watch| analysis::try_dominators(&self.graph, watch))?;
        Ok(self.dominators.get_or_init(|| tree))
    }

    /// What the objects of each type retain.
    pub(crate) fn retained_by_type(&self, py: Python<'_>) -> PyResult<&[u64]> {
        let tree = self.dominators(py)?;
        Ok(py.detach(|| {
            self.retained_by_type.get_or_init(|| tree.retained_by_type(self.graph.snapshot()))
        }))
    }

    /// The cycles of one kind, with what each retains.
    pub(crate) fn cycles(&self, py: Python<'_>, scope: CycleScope) -> PyResult<Arc<Cycles>> {
        let slot = &self.cycles[scope as usize];
        if let Some(found) = slot.get() {
            return Ok(found.clone());
        }
        let found = interruptible(py, |watch| analysis::try_cycles(&self.graph, scope, watch))?;
        Ok(slot.get_or_init(|| Arc::new(found)).clone())
    }

    /// Whose `__dict__` each dict is.
    pub(crate) fn owners(&self) -> &Owners {
        self.owners.get_or_init(|| Owners::new(&self.graph))
    }

    /// Where paths begin.
    pub(crate) fn root_edges(&self) -> &RootEdges {
        self.root_edges.get_or_init(|| RootEdges::new(&self.graph))
    }

    /// What reference patterns do not follow.
    pub(crate) fn stop_kinds(&self) -> &StopKinds {
        self.stop_kinds.get_or_init(|| StopKinds::new(&self.graph))
    }

    /// The values of single objects that were read so far.
    pub(crate) fn values(&self) -> &Mutex<Known> {
        &self.values
    }

    /// Bytes that all of this takes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let cycles = self.cycles.iter().filter_map(OnceLock::get).map(|found| found.heap_bytes());
        self.graph.heap_bytes()
            + self.dominators.get().map_or(0, DominatorTree::heap_bytes)
            + cycles.sum::<u64>()
            + self.owners.get().map_or(0, Owners::heap_bytes)
            + self.root_edges.get().map_or(0, RootEdges::heap_bytes)
    }
}
