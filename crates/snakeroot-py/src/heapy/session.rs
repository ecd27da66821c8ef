//! The session: the walk that is looked at, and what later ones are compared with.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{self, Kind as CoreKind, Reference, Relation, Stat as CoreStat};
use snakeroot::graph::NodeSet;
use snakeroot_walk::Options;

use super::doc::Doc;
use super::kinds::{EquivalenceRelation, Kind};
use super::root::RootState;
use super::set::IdentitySet;
use super::stat::{Stat, now};
use super::values::Values;
use crate::arguments;
use crate::heap::Heap;
use crate::node::Node;
use crate::shared::Shared;
use crate::work::interruptible;

/// What all answers of a session share.
pub(crate) struct Inner {
    /// The heap of a session on a saved heap or a given one.
    given: Option<(Arc<Shared>, bool)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last walk.
    walk: Option<Arc<Shared>>,
    /// What `heap()` leaves out.
    before: Option<Arc<Reference>>,
    /// What `heapu()` takes off.
    unreachable: Option<Arc<CoreStat>>,
}

impl Inner {
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether objects can be asked for: it is about this process.
    pub(crate) fn is_live(&self) -> bool {
        self.given.as_ref().is_none_or(|(_, live)| *live)
    }

    /// The node of an object; on a heap from a file of an address. A node stands for itself.
    pub(crate) fn node(&self, graph: &Shared, what: &Bound<'_, PyAny>) -> PyResult<NodeId> {
        if self.is_live() && !is_reference(what) {
            return arguments::node_of_object(graph, what);
        }
        arguments::node_of(graph, self.is_live(), what)
    }

    /// Walks anew, with some objects in it that perhaps nothing leads to; a given heap stays.
    fn walk(
        &self,
        py: Python<'_>,
        also: &[Bound<'_, PyAny>],
        hide: &[usize],
    ) -> PyResult<Arc<Shared>> {
        if let Some((graph, _)) = &self.given {
            return Ok(graph.clone());
        }
        let mut hide = hide.to_vec();
        hide.extend(snakeroot_walk::passing(py, crate::probe(py)?, also));
        let also = also.iter().map(|object| object.as_ptr() as usize).collect();
        let options = Options { also, hide, ..Options::default() };
        // Two walks at once take twice the memory, if no set is of the last one.
        drop(self.with(|state| state.walk.take()));
        let graph = Arc::new(Shared::new(crate::live::walk(py, &options)?.0));
        self.with(|state| state.walk = Some(graph.clone()));
        Ok(graph)
    }

    /// Walks anew, and where that cannot tell what is garbage once more after a collection.
    fn walk_telling_garbage(&self, py: Python<'_>) -> PyResult<Arc<Shared>> {
        let graph = self.walk(py, &[], &[])?;
        if self.given.is_some() || graph.snapshot().info().garbage.is_some() {
            return Ok(graph);
        }
        drop(graph);
        py.import("gc")?.call_method0("collect")?;
        self.walk(py, &[], &[])
    }

    /// The last walk, or the first one.
    pub(crate) fn graph(&self, py: Python<'_>) -> PyResult<Arc<Shared>> {
        self.graph_with(py, &[], &[])
    }

    /// The same; the first one as `walk` does it.
    fn graph_with(
        &self,
        py: Python<'_>,
        also: &[Bound<'_, PyAny>],
        hide: &[usize],
    ) -> PyResult<Arc<Shared>> {
        if let Some((graph, _)) = &self.given {
            return Ok(graph.clone());
        }
        match self.with(|state| state.walk.clone()) {
            Some(graph) => Ok(graph),
            None => self.walk(py, also, hide),
        }
    }

    /// The name of the session in `__main__` and a dot; `hpy().` where it has none there.
    pub(crate) fn prefix(&self, py: Python<'_>) -> String {
        let find = || -> PyResult<Option<String>> {
            let names = py.import("__main__")?.getattr("__dict__")?.cast_into::<PyDict>()?;
            for (name, value) in names.iter() {
                let is_this = value
                    .cast::<Session>()
                    .is_ok_and(|session| std::ptr::eq(&raw const *session.get().inner, self));
                if is_this {
                    return Ok(Some(format!("{}.", name.extract::<String>()?)));
                }
            }
            Ok(None)
        };
        find().ok().flatten().unwrap_or_else(|| "hpy().".into())
    }
}

/// A session of heapy, on this process or on the heap `heap`, from `snakeroot.load()` or `snakeroot.snapshot()`.
///
/// On this process it walks when it is first asked, and anew with each `heap()`; in between all
/// answers are about the same walk, and take no more than what they are about.
#[pyfunction]
#[pyo3(signature = (*, heap=None))]
pub(crate) fn hpy(heap: Option<PyRef<'_, Heap>>) -> Session {
    let given = heap.map(|heap| {
        let (graph, live) = (heap.shared(), heap.is_live());
        (graph.clone(), live)
    });
    Session { inner: Arc::new(Inner { given, state: Mutex::default() }) }
}

/// Some live objects as a set: of the last walk, if it has them as they are, else of a new one,
/// in which what lies at `hide` is not.
pub(crate) fn iso(
    py: Python<'_>,
    session: &Arc<Inner>,
    objects: &[Bound<'_, PyAny>],
    hide: &[usize],
) -> PyResult<IdentitySet> {
    let find = |graph: &Arc<Shared>| -> PyResult<Vec<NodeId>> {
        objects.iter().map(|object| session.node(graph, object)).collect()
    };
    let probe = crate::probe(py)?;
    let can_walk = session.given.is_none();
    let is_current = |graph: &Shared, nodes: &[NodeId]| {
        let mut each = nodes.iter().zip(objects).filter(|(_, object)| !is_reference(object));
        each.all(|(&node, object)| snakeroot_walk::is_as_recorded(object, probe, graph, node))
    };
    let mut graph = session.graph_with(py, objects, hide)?;
    let mut nodes = find(&graph);
    let is_old = match &nodes {
        Ok(nodes) => can_walk && !is_current(&graph, nodes),
        Err(error) => can_walk && error.is_instance_of::<PyKeyError>(py),
    };
    if is_old {
        graph = session.walk(py, objects, hide)?;
        nodes = find(&graph);
    }
    let nodes = nodes?;
    let live = session.is_live();
    if live {
        let values = Values::new(py, &graph, live);
        let objects = nodes.iter().copied().zip(objects.iter().cloned());
        values.note(objects.filter(|(_, object)| !is_reference(object)).take(MOST_NOTED))?;
    }
    let mut set = NodeSet::new(graph.node_count());
    set.extend(nodes);
    Ok(IdentitySet::new(session.clone(), graph, set))
}

/// Values that are noted when a set of given objects is made: these may die before it is printed.
const MOST_NOTED: usize = 1000;

/// Whether an argument is no object that is meant itself, but a node.
fn is_reference(what: &Bound<'_, PyAny>) -> bool {
    what.cast::<Node>().is_ok()
}

/// heapy's session, made by `hpy()`: `heap()`, `iso(…)`, `setrelheap()`, and the relations.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct Session {
    inner: Arc<Inner>,
}

impl Session {
    /// What no GC root with a name leads to, after a collection.
    fn unreachable(&self, py: Python<'_>) -> PyResult<IdentitySet> {
        if self.inner.given.is_none() {
            py.import("gc")?.call_method0("collect")?;
        }
        let graph = self.inner.walk(py, &[], &[])?;
        let set = interruptible(py, |watch| heapy::unreachable(&graph, watch))?;
        Ok(IdentitySet::new(self.inner.clone(), graph, set).by_relation(Relation::Type))
    }

    fn relation(&self, relation: Relation) -> EquivalenceRelation {
        EquivalenceRelation::new(self.inner.clone(), relation)
    }
}

#[pymethods]
impl Session {
    fn __getattr__(&self, name: &str) -> PyResult<Py<PyAny>> {
        Err(super::left_out::of_session(name))
    }

    /// All objects that are alive, but those there at `setrelheap()`: walks anew.
    ///
    /// Garbage is left out, and stays for the collector. O(objects + references).
    fn heap(&self, py: Python<'_>) -> PyResult<IdentitySet> {
        let graph = self.inner.walk_telling_garbage(py)?;
        let before = self.inner.with(|state| state.before.clone());
        let set = py.detach(|| {
            let mut set = heapy::visible(&graph);
            if let Some(before) = before {
                set.subtract(&before.in_graph(&graph));
            }
            set
        });
        Ok(IdentitySet::new(self.inner.clone(), graph, set))
    }

    /// Leaves out of later `heap()`s what is there now, or the objects of the set `reference`.
    #[pyo3(signature = (reference=None))]
    fn setrelheap(
        &self,
        py: Python<'_>,
        reference: Option<PyRef<'_, IdentitySet>>,
    ) -> PyResult<()> {
        let reference = match reference {
            Some(set) => Reference::new(set.graph(), set.node_set()),
            None => {
                let graph = self.inner.walk_telling_garbage(py)?;
                py.detach(|| Reference::new(&graph, &heapy::visible(&graph)))
            }
        };
        self.inner.with(|state| state.before = Some(Arc::new(reference)));
        Ok(())
    }

    /// Compares all that comes later with what is there now: `setrelheap()`, and the same for `heapu()`.
    ///
    /// Given sets or tables are taken instead of what is there.
    #[pyo3(signature = (reachable=None, unreachable=None))]
    fn setref(
        &self,
        py: Python<'_>,
        reachable: Option<PyRef<'_, IdentitySet>>,
        unreachable: Option<PyRef<'_, Stat>>,
    ) -> PyResult<()> {
        let both = reachable.is_none() && unreachable.is_none();
        if both || reachable.is_some() {
            self.setrelheap(py, reachable)?;
        }
        if both || unreachable.is_some() {
            let stat = match unreachable {
                Some(stat) => stat.core().clone(),
                None => self.unreachable(py)?.numbers(py)?,
            };
            self.inner.with(|state| state.unreachable = Some(Arc::new(stat)));
        }
        Ok(())
    }

    /// What no GC root with a name leads to, by type: what only C code holds, and what the collector could not free.
    ///
    /// Walks anew. After `setref()` the difference to what it was then. The numbers
    /// alone, so that nothing is held. With `stat=0` the set; `abs=1` takes no difference. O(objects + references).
    #[pyo3(signature = (rma=1, abs=0, stat=1))]
    fn heapu<'py>(
        &self,
        py: Python<'py>,
        rma: i64,
        abs: i64,
        stat: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        if rma == 0 {
            return Err(PyValueError::new_err(
                "heapu: expected rma=1, found 0: what is reachable is in heap()",
            ));
        }
        let set = self.unreachable(py)?;
        if stat == 0 {
            return Ok(Bound::new(py, set)?.into_any());
        }
        let mut numbers = set.numbers(py)?;
        let mut header = String::from("Data from unreachable objects");
        let before = self.inner.with(|state| state.unreachable.clone());
        if let Some(before) = before.filter(|_| abs == 0) {
            let made = py.import("time")?.call_method1("ctime", (before.time_made,))?;
            header.push_str(&format!(" relative to: {}", made.extract::<String>()?));
            numbers = numbers
                .difference(&before, now())
                .map_err(|error| PyValueError::new_err(error.to_string()))?;
        }
        header.push_str(".\n");
        Ok(Bound::new(py, Stat::new(numbers).with_first_header(header))?.into_any())
    }

    /// Reads what `Stat.dump` or heapy wrote: the first table of a file given by name, the next one of an open file or
    /// of an iterator over lines.
    ///
    /// Raises `OSError` where the file cannot be read, `ValueError` for what is no table, and `StopIteration` at the end of an
    /// open file or of lines.
    #[pyo3(signature = (r#fn, use_readline=0), text_signature = "($self, fn, use_readline=0)")]
    fn load(&self, r#fn: &Bound<'_, PyAny>, use_readline: i64) -> PyResult<Stat> {
        super::stat::load(r#fn, use_readline != 0)
    }

    /// All tables of a file, by its name or open, or of an iterator over lines.
    ///
    /// Raises `OSError` where the file cannot be read, `ValueError` for what is no table.
    fn loadall(&self, f: &Bound<'_, PyAny>) -> PyResult<Vec<Stat>> {
        super::stat::load_all(f)
    }

    /// The set of some objects, nodes or, on a saved heap, addresses.
    ///
    /// Of the last walk, or of a new one where that has not all of them.
    #[pyo3(signature = (*objects))]
    fn iso(&self, py: Python<'_>, objects: &Bound<'_, PyTuple>) -> PyResult<IdentitySet> {
        // What the objects came in is none of theirs.
        let hide = [objects.as_ptr() as usize];
        iso(py, &self.inner, &objects.iter().collect::<Vec<_>>(), &hide)
    }

    /// The set of the objects that an iterable gives.
    fn idset(&self, py: Python<'_>, iterable: &Bound<'_, PyAny>) -> PyResult<IdentitySet> {
        let objects: Vec<_> = iterable.try_iter()?.collect::<PyResult<_>>()?;
        iso(py, &self.inner, &objects, &[])
    }

    /// What the attributes of a session are: `hp.doc`, `hp.doc.heap`.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Doc> {
        let prefix = self.inner.prefix(py);
        let header = "Top level interface to heapy. Available attributes:";
        let footer = format!("Use eg: {prefix}doc.<attribute> for info on <attribute>.");
        Doc::of(&py.get_type::<Self>(), header, &footer)
    }

    /// The kind of every object.
    #[getter(Anything)]
    fn anything(&self) -> Kind {
        Kind::new(self.inner.clone(), CoreKind::Anything)
    }

    /// The empty set.
    #[getter(Nothing)]
    fn nothing(&self, py: Python<'_>) -> PyResult<IdentitySet> {
        let graph = self.inner.graph(py)?;
        let set = NodeSet::new(graph.node_count());
        Ok(IdentitySet::new(self.inner.clone(), graph, set))
    }

    /// Where paths begin.
    #[getter(Root)]
    fn root(&self) -> RootState {
        RootState::new(self.inner.clone())
    }

    /// By type, and dicts by the type of whose `__dict__` they are.
    #[getter(Clodo)]
    fn clodo(&self) -> EquivalenceRelation {
        self.relation(Relation::Clodo)
    }

    /// By identity.
    #[getter(Id)]
    fn id(&self) -> EquivalenceRelation {
        self.relation(Relation::Id)
    }

    /// By identity, shown as sets.
    #[getter(Idset)]
    fn id_set(&self) -> EquivalenceRelation {
        self.relation(Relation::Idset)
    }

    /// Each module object by itself, all else as one.
    #[getter(Module)]
    fn module(&self) -> EquivalenceRelation {
        self.relation(Relation::Module)
    }

    /// By the line that allocated it, which `tracemalloc` knows.
    #[getter(Prod)]
    fn prod(&self) -> EquivalenceRelation {
        self.relation(Relation::Prod)
    }

    /// By the set of the kinds of referrers.
    #[getter(Rcs)]
    fn rcs(&self) -> EquivalenceRelation {
        self.relation(Relation::rcs())
    }

    /// By shallow size.
    #[getter(Size)]
    fn size(&self) -> EquivalenceRelation {
        self.relation(Relation::Size)
    }

    /// By exact type.
    #[getter(Type)]
    fn r#type(&self) -> EquivalenceRelation {
        self.relation(Relation::Type)
    }

    /// All objects as one.
    #[getter(Unity)]
    fn unity(&self) -> EquivalenceRelation {
        self.relation(Relation::Unity)
    }

    /// By the set of labels by which referrers hold it.
    #[getter(Via)]
    fn via(&self) -> EquivalenceRelation {
        self.relation(Relation::Via)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let prefix = self.inner.prefix(py);
        let name = prefix.trim_end_matches('.');
        format!("Top level interface to heapy.\nUse eg: {prefix}doc for more info on {name}.")
    }
}

/// Sets of two heaps that do not belong together.
pub(crate) fn two_processes() -> PyErr {
    PyValueError::new_err(
        "expected two sets of one process, found sets of two: an address means an object of its own process only",
    )
}
