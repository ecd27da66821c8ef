//! A set of objects of one walk.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyLookupError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyType;
use snakeroot::NodeId;
use snakeroot::analysis::heapy;
use snakeroot::analysis::heapy::{Kind as CoreKind, Reference, Relation, Stat as CoreStat};
use snakeroot::graph::NodeSet;
use snakeroot::view::heapy as view;
use snakeroot::watch::{Stopped, Watch};

use super::kinds::kind_of;
use super::pages::Pages;
use super::producers;
use super::session::{Inner, two_processes};
use super::stat::now;
use super::table::{Printed, Table};
use super::values::Values;
use crate::arguments;
use crate::shared::Shared;
use crate::work::interruptible;

/// A set of objects, as they were when the heap was walked; none of them is kept alive.
///
/// Prints as a table by the set's equivalence relation, ten rows a page. `h[0]` is the set of the first row,
/// `len(h)` counts rows, `h.count` objects. `&`, `|`, `-`, `^` combine sets, kinds and types.
#[pyclass(frozen, module = "snakeroot.heapy", sequence)]
pub(crate) struct IdentitySet {
    pub(super) session: Arc<Inner>,
    pub(super) graph: Arc<Shared>,
    pub(super) set: Arc<NodeSet>,
    pub(super) count: usize,
    relation: Relation,
    pub(super) size: OnceLock<u64>,
    table: OnceLock<Arc<Table>>,
}

impl IdentitySet {
    pub(crate) fn new(session: Arc<Inner>, graph: Arc<Shared>, set: NodeSet) -> Self {
        Self::with_relation(session, graph, Arc::new(set), Relation::Clodo)
    }

    fn with_relation(
        session: Arc<Inner>,
        graph: Arc<Shared>,
        set: Arc<NodeSet>,
        relation: Relation,
    ) -> Self {
        let count = set.count();
        let (size, table) = (OnceLock::new(), OnceLock::new());
        Self { session, graph, set, count, relation, size, table }
    }

    /// Another set of the same walk.
    pub(crate) fn other(&self, set: NodeSet) -> Self {
        Self::new(self.session.clone(), self.graph.clone(), set)
    }

    pub(crate) fn graph(&self) -> &Arc<Shared> {
        &self.graph
    }

    pub(crate) fn relation(&self) -> &Relation {
        &self.relation
    }

    pub(crate) fn node_set(&self) -> &NodeSet {
        &self.set
    }

    pub(crate) fn session(&self) -> &Arc<Inner> {
        &self.session
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The same objects by another relation.
    pub(crate) fn by_relation(&self, relation: Relation) -> Self {
        Self::with_relation(self.session.clone(), self.graph.clone(), self.set.clone(), relation)
    }

    pub(crate) fn row_count(&self, py: Python<'_>) -> PyResult<usize> {
        if self.count == 0 {
            return Ok(0);
        }
        Ok(self.table(py)?.len())
    }

    /// How another heap of the process finds these objects.
    pub(crate) fn reference(&self, py: Python<'_>) -> Reference {
        py.detach(|| Reference::new(&self.graph, &self.set))
    }

    /// Those of a kind.
    pub(crate) fn of_kind(&self, py: Python<'_>, kind: &CoreKind) -> PyResult<Self> {
        let known = match kind.is_by_producer() {
            true => producers::of(&self.values(py), &self.set)?,
            false => producers::Lines::default(),
        };
        let producers = |node| known.get(&node).cloned();
        let set = interruptible(py, |watch| {
            heapy::select(&self.graph, self.graph.owners(), &self.set, kind, &producers, watch)
        })?;
        Ok(self.other(set))
    }

    /// The kinds that the objects are of, by a relation.
    pub(crate) fn kind_by(&self, py: Python<'_>, relation: &Relation) -> PyResult<CoreKind> {
        let set = self.by_relation(match relation {
            // Its table is by objects, of which no kinds are known.
            Relation::Id => Relation::Idset,
            relation => relation.clone(),
        });
        let table = set.table(py)?;
        let kinds = table.kinds(&set.values(py))?.unwrap_or_default();
        Ok(CoreKind::any(kinds.into_iter().map(|(kind, _)| kind)))
    }

    pub(crate) fn table(&self, py: Python<'_>) -> PyResult<&Arc<Table>> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let known = match self.relation.is_by_producer() {
            true => producers::of(&self.values(py), &self.set)?,
            false => producers::Lines::default(),
        };
        let producers = |node| known.get(&node).cloned();
        let table = Table::new(&self.values(py), &self.set, &self.relation, &producers)?;
        Ok(self.table.get_or_init(|| Arc::new(table)))
    }

    pub(crate) fn values<'py>(&self, py: Python<'py>) -> Values<'_, 'py> {
        Values::new(py, &self.graph, self.session.is_live())
    }

    fn printed<'a, 'py>(&'a self, py: Python<'py>, table: &'a Table) -> Printed<'a, 'py> {
        Printed { table, relation: &self.relation, values: self.values(py) }
    }

    /// The objects of some rows.
    pub(super) fn rows(&self, py: Python<'_>, rows: impl Iterator<Item = usize>) -> PyResult<Self> {
        let table = self.table(py)?;
        let printed = self.printed(py, table);
        let mut set = NodeSet::new(self.graph.node_count());
        for row in rows {
            set.extend(table.nodes(&printed.values, row)?);
        }
        Ok(Self::with_relation(
            self.session.clone(),
            self.graph.clone(),
            Arc::new(set),
            self.relation.clone(),
        ))
    }

    /// Two sets as sets of one walk: of the newer one, what is gone since the older left out.
    pub(super) fn joined(
        &self,
        py: Python<'_>,
        other: &Self,
    ) -> PyResult<(Arc<Shared>, NodeSet, NodeSet)> {
        if Arc::ptr_eq(&self.graph, &other.graph) {
            return Ok((self.graph.clone(), (*self.set).clone(), (*other.set).clone()));
        }
        let started = |graph: &Shared| graph.snapshot().info().started_ms;
        let is_newer = started(&self.graph) >= started(&other.graph);
        let (newer, older) = if is_newer { (self, other) } else { (other, self) };
        let reference = older.reference(py);
        if !reference.is_of(&newer.graph) {
            return Err(two_processes());
        }
        let found = py.detach(|| reference.in_graph(&newer.graph));
        let (newer_set, graph) = ((*newer.set).clone(), newer.graph.clone());
        Ok(if is_newer { (graph, newer_set, found) } else { (graph, found, newer_set) })
    }

    pub(super) fn combined(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        how: fn(&mut NodeSet, &NodeSet),
        by_kind: impl Fn(NodeSet, NodeSet) -> NodeSet,
    ) -> PyResult<Self> {
        if let Ok(other) = other.cast::<Self>() {
            let (graph, mut left, right) = self.joined(py, other.get())?;
            how(&mut left, &right);
            return Ok(Self::new(self.session.clone(), graph, left));
        }
        let mut kind = kind_of(other).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "expected a set, a kind or a type, found {}",
                arguments::type_name(other)
            ))
        })?;
        if let CoreKind::Type(key) = &mut kind
            && !self.session.is_live()
            && other.is_instance_of::<PyType>()
        {
            // Where it lies in this process tells nothing of another one.
            key.address = 0;
        }
        let selected = self.of_kind(py, &kind)?;
        Ok(self.other(by_kind((*self.set).clone(), (*selected.set).clone())))
    }

    /// The objects that still live.
    pub(crate) fn living<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        if !self.session.is_live() {
            return Err(PyLookupError::new_err("a heap from a file has no live objects"));
        }
        let nodes: Vec<NodeId> = self.set.iter().collect();
        let living = snakeroot_walk::living(py, crate::probe(py)?, &self.graph, &nodes)
            .map_err(crate::live::walk_error)?;
        Ok(living.into_iter().flatten().collect())
    }

    /// The numbers of the table.
    pub(crate) fn numbers(&self, py: Python<'_>) -> PyResult<CoreStat> {
        let table = self.table(py)?;
        let values = self.values(py);
        let printed = Printed { table, relation: &self.relation, values };
        printed.numbers(now())
    }

    /// The set in one line.
    pub(crate) fn summary(&self, py: Python<'_>) -> PyResult<String> {
        let set = self.by_relation(Relation::Clodo);
        let table = set.table(py)?;
        let values = self.values(py);
        let Some(kinds) = table.kinds(&values)? else { return Ok(String::new()) };
        let parts = kinds.iter().map(|(kind, nodes)| {
            let first = &nodes[..nodes.len().min(view::SUMMARY_CHARACTERS)];
            (nodes.len(), view::kind_brief(kind), first)
        });
        let parts: Vec<_> = parts.take(view::SUMMARY_CHARACTERS).collect();
        values.read(parts.iter().flat_map(|(_, _, nodes)| nodes.iter().copied()))?;
        let shown = parts.into_iter().map(|(count, kind, nodes)| {
            (count, kind, nodes.iter().map(|&node| values.brief(node)))
        });
        let all = kinds.iter().map(|(kind, _)| kind.clone());
        let kind = view::kind_brief(&CoreKind::any(all));
        Ok(view::summary(self.count, &kind, shown.collect()))
    }

    /// The nodes that a question about the set gives.
    pub(super) fn ask(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Shared, &NodeSet, &dyn Watch) -> Result<NodeSet, Stopped> + Send,
    ) -> PyResult<Self> {
        let set = interruptible(py, |watch| question(&self.graph, &self.set, watch))?;
        Ok(self.other(set))
    }

    pub(super) fn bytes(&self, set: &NodeSet) -> u64 {
        let sizes = set.iter().map(|node| self.graph.snapshot().size(node));
        sizes.fold(0, u64::saturating_add)
    }
}

impl Pages for IdentitySet {
    fn page(
        &self,
        py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)> {
        let table = self.table(py)?;
        let printed = self.printed(py, table);
        view::page(&printed, first, lines, with_label)
    }
}
