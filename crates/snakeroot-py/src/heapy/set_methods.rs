//! What a set of heapy's answers: its methods, as Python calls them.

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyIndexError, PyLookupError, PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};
use snakeroot::analysis::heapy;
use snakeroot::analysis::heapy::Relation;
use snakeroot::graph::NodeSet;

use super::doc::Doc;
use super::kinds::{EquivalenceRelation, Kind, relation_of};
use super::maprox::MappingProxy;
use super::pages::{More, first_page};
use super::parts::Parts;
use super::paths::{ShortestPaths, shortest_paths, single_steps};
use super::pattern::{Arguments, ReferencePattern};
use super::producers;
use super::set::IdentitySet;
use super::stat::{Stat, now};
use crate::arguments;

#[pymethods]
impl IdentitySet {
    fn __getattr__(&self, name: &str) -> PyResult<Py<PyAny>> {
        Err(super::left_out::of_set(name))
    }

    /// How many rows the set prints as, not how many objects it has: see `count`.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.row_count(py)
    }

    fn __bool__(&self) -> bool {
        self.count > 0
    }

    /// The objects of a row, or of several.
    fn __getitem__(&self, py: Python<'_>, index: &Bound<'_, PyAny>) -> PyResult<Self> {
        let count = self.row_count(py)?;
        if let Ok(slice) = index.cast::<PySlice>() {
            let slice = slice.indices(count as isize)?;
            if slice.step <= 0 {
                return Err(PyValueError::new_err("Step must be positive."));
            }
            let rows = (slice.start..slice.stop).step_by(slice.step as usize);
            return self.rows(py, rows.map(|row| row as usize));
        }
        let index: isize = index.extract()?;
        let place = if index < 0 { index + count as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < count);
        let place =
            place.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {count}")))?;
        self.rows(py, std::iter::once(place))
    }

    /// Always refused: rows or objects could be meant.
    fn __iter__(&self) -> PyResult<Self> {
        Err(PyTypeError::new_err(
            "a set is not iterated: take .parts for its rows as sets, .nodes for the live objects, .byid for a row an object",
        ))
    }

    fn __contains__(&self, py: Python<'_>, what: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.session.node(&self.graph, what) {
            Ok(node) => Ok(self.set.contains(node)),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyKeyError>(py) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn __and__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combined(py, other, NodeSet::intersect, |_, selected| selected)
    }

    fn __rand__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__and__(py, other)
    }

    fn __or__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(_) = other.cast::<Self>() else { return Err(expected_set(other)) };
        self.combined(py, other, NodeSet::unite, |all, _| all)
    }

    fn __sub__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.combined(py, other, NodeSet::subtract, |mut all, selected| {
            all.subtract(&selected);
            all
        })
    }

    fn __xor__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(_) = other.cast::<Self>() else { return Err(expected_set(other)) };
        self.combined(py, other, NodeSet::differ, |all, _| all)
    }

    fn __mul__(&self, _other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Err(super::left_out::operator("a * b"))
    }

    fn __lshift__(&self, _other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Err(super::left_out::operator("a << b"))
    }

    fn __invert__(&self) -> PyResult<Self> {
        Err(super::left_out::operator("~a of a set"))
    }

    fn __richcmp__(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        op: CompareOp,
    ) -> PyResult<bool> {
        let Ok(set) = other.cast::<Self>() else {
            return match op {
                CompareOp::Eq => Ok(false),
                CompareOp::Ne => Ok(true),
                // Whether all is of a kind.
                CompareOp::Le => Ok(self.__sub__(py, other)?.count == 0),
                _ => Err(expected_set(other)),
            };
        };
        let (_, left, right) = self.joined(py, set.get())?;
        // What is gone is in neither: then they are no longer what was compared.
        let whole = left.count() == self.count && right.count() == set.get().count;
        let part = |part: &NodeSet, of: &NodeSet| {
            let mut rest = part.clone();
            rest.subtract(of);
            rest.is_empty()
        };
        Ok(match op {
            CompareOp::Eq => whole && left == right,
            CompareOp::Ne => !whole || left != right,
            CompareOp::Le => part(&left, &right),
            CompareOp::Lt => part(&left, &right) && left != right,
            CompareOp::Ge => part(&right, &left),
            CompareOp::Gt => part(&right, &left) && left != right,
        })
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        // Sets of two walks may be equal: by what stays the same.
        for node in self.set.iter() {
            self.graph.snapshot().address(node).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// How many objects.
    #[getter(count)]
    fn object_count(&self) -> usize {
        self.count
    }

    /// The shallow sizes of the objects together, in bytes.
    #[getter]
    fn size(&self, py: Python<'_>) -> u64 {
        py.detach(|| *self.size.get_or_init(|| self.bytes(&self.set)))
    }

    /// As `size`.
    #[getter]
    fn indisize(&self, py: Python<'_>) -> u64 {
        self.size(py)
    }

    /// Bytes that would be freed if all objects of the set were. O of these and of what keeps the rest;
    /// O(objects + references) at worst.
    #[getter]
    fn domisize(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.dominos(py)?.size(py))
    }

    /// All objects that would be freed with the set, itself among them.
    #[getter]
    fn dominos(&self, py: Python<'_>) -> PyResult<Self> {
        self.ask(py, |graph, set, watch| {
            let mut freed = heapy::dominated(graph, set, watch)?;
            let objects = graph.snapshot().object_count();
            freed.retain(|node| node.index() < objects);
            Ok(freed)
        })
    }

    /// Of the referrers those that GC roots reach without passing another of them.
    #[getter]
    pub(crate) fn imdom(&self, py: Python<'_>) -> PyResult<Self> {
        self.ask(py, |graph, set, watch| heapy::immediate_dominators(graph, set, watch))
    }

    /// What refers to some object of the set.
    #[getter]
    pub(crate) fn referrers(&self, py: Python<'_>) -> PyResult<Self> {
        self.ask(py, |graph, set, watch| heapy::referrers(graph, set, watch))
    }

    /// What some object of the set refers to.
    #[getter]
    pub(crate) fn referents(&self, py: Python<'_>) -> PyResult<Self> {
        self.ask(py, |graph, set, watch| heapy::referents(graph, set, watch))
    }

    /// The objects whose `__dict__` the dicts of the set are.
    #[getter]
    fn owners(&self) -> Self {
        let owners = self.graph.owners();
        let mut found = NodeSet::new(self.graph.node_count());
        found.extend(self.set.iter().filter_map(|node| owners.of(node)));
        self.other(found)
    }

    /// By type, and dicts by the type of whose `__dict__` they are.
    #[getter]
    fn byclodo(&self) -> Self {
        self.by_relation(Relation::Clodo)
    }

    /// By exact type.
    #[getter]
    fn bytype(&self) -> Self {
        self.by_relation(Relation::Type)
    }

    /// By the set of the kinds of referrers.
    #[getter]
    fn byrcs(&self) -> Self {
        self.by_relation(Relation::rcs())
    }

    /// By the set of labels by which referrers hold it.
    #[getter]
    fn byvia(&self) -> Self {
        self.by_relation(Relation::Via)
    }

    /// By shallow size.
    #[getter]
    fn bysize(&self) -> Self {
        self.by_relation(Relation::Size)
    }

    /// A row an object, the largest first.
    #[getter]
    fn byid(&self) -> Self {
        self.by_relation(Relation::Id)
    }

    /// A row an object, in a table of sets.
    #[getter]
    fn byidset(&self) -> Self {
        self.by_relation(Relation::Idset)
    }

    /// Each module object by itself, all else as one.
    #[getter]
    fn bymodule(&self) -> Self {
        self.by_relation(Relation::Module)
    }

    /// By the line that allocated it. Raises `RuntimeError` where `tracemalloc` does not trace.
    #[getter]
    fn byprod(&self, py: Python<'_>) -> PyResult<Self> {
        producers::check(py)?;
        Ok(self.by_relation(Relation::Prod))
    }

    /// All in one row.
    #[getter]
    fn byunity(&self) -> Self {
        self.by_relation(Relation::Unity)
    }

    /// By a relation, or by names of relations with `&` between them: `"Type&Size"`.
    fn by(&self, er: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(self.by_relation(relation_of(er)?))
    }

    /// What the attributes of a set are: `h.doc`, `h.doc.byrcs`.
    #[getter]
    fn doc(&self, py: Python<'_>) -> PyResult<Doc> {
        let header = "A set of objects. Available attributes:";
        let footer = "Use eg: h.doc.<attribute> for info on <attribute>.";
        Doc::of(&py.get_type::<Self>(), header, footer)
    }

    /// The relation that the set is shown by.
    #[getter]
    fn er(&self) -> EquivalenceRelation {
        EquivalenceRelation::new(self.session.clone(), self.relation().clone())
    }

    /// The kinds that the objects are of, together.
    #[getter]
    fn kind(&self, py: Python<'_>) -> PyResult<Kind> {
        Ok(Kind::new(self.session.clone(), self.kind_by(py, self.relation())?))
    }

    /// The set in one line.
    #[getter]
    fn brief(&self, py: Python<'_>) -> PyResult<String> {
        if self.count == 0 {
            return Ok("<Nothing>".into());
        }
        self.summary(py)
    }

    /// The object of a set of one. Raises `ValueError` for another set, `LookupError` if it is gone.
    #[getter]
    fn theone(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.count != 1 {
            return Err(PyValueError::new_err(format!(
                "theone requires a singleton set, found {} objects",
                self.count
            )));
        }
        let mut living = self.living(py)?;
        living.pop().map(Bound::unbind).ok_or_else(|| {
            PyLookupError::new_err(
                "the object is gone: it was freed since the heap was walked, or nothing that held it \
                 then holds it now, or it is a running frame",
            )
        })
    }

    /// The objects that still live, as a tuple; warns if some are gone. One walk at worst.
    #[getter]
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let living = self.living(py)?;
        if living.len() < self.count {
            let text = format!(
                "{} of {} objects are gone since the heap was walked",
                self.count - living.len(),
                self.count
            );
            let text = std::ffi::CString::new(text)?;
            PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1)?;
        }
        PyTuple::new(py, living)
    }

    /// Reads an attribute or an item of all objects: `h.maprox.name`, `h.maprox["key"]`.
    #[getter]
    fn maprox(this: Bound<'_, Self>) -> MappingProxy {
        MappingProxy::new(this.unbind())
    }

    /// Where the one object of the set was allocated, as `tracemalloc` knows it; `None` where it does not.
    #[getter]
    fn prod<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        producers::check(py)?;
        producers::traceback(self.theone(py)?.bind(py))
    }

    /// The numbers of the table, which refer to no object.
    #[getter]
    fn stat(&self, py: Python<'_>) -> PyResult<Stat> {
        self.numbers(py).map(Stat::new)
    }

    /// Appends the numbers of the table to a file: as `stat.dump`.
    #[pyo3(signature = (r#fn, mode="a"), text_signature = "($self, fn, mode=\"a\")")]
    fn dump(&self, py: Python<'_>, r#fn: &Bound<'_, PyAny>, mode: &str) -> PyResult<()> {
        super::stat::dump(&self.numbers(py)?, r#fn, mode)
    }

    /// The numbers of this set's table without those of another set by the same relation.
    fn diff(&self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<Stat> {
        let other = other.by_relation(self.relation().clone()).numbers(py)?;
        let found = self.numbers(py)?.difference(&other, now());
        found.map(Stat::new).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The shortest paths from the root to the nearest objects of the set.
    #[getter]
    fn sp(&self, py: Python<'_>) -> PyResult<ShortestPaths> {
        shortest_paths(py, self, None, None, None)
    }

    /// As `sp`.
    #[getter(shpaths)]
    fn shortest_paths(&self, py: Python<'_>) -> PyResult<ShortestPaths> {
        self.sp(py)
    }

    /// The shortest paths to the nearest objects of the set from the set `src`, or from the root.
    ///
    /// No path passes an object of `avoid_nodes`, nor an edge of `avoid_edges`: edges of other paths, or pairs of
    /// what refers and what is referred to. O(objects + references) at worst.
    #[pyo3(name = "get_shpaths", signature = (src=None, avoid_nodes=None, avoid_edges=None))]
    fn paths_from(
        &self,
        py: Python<'_>,
        src: Option<&Bound<'_, PyAny>>,
        avoid_nodes: Option<&Bound<'_, PyAny>>,
        avoid_edges: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ShortestPaths> {
        shortest_paths(py, self, src, avoid_nodes, avoid_edges)
    }

    /// The paths of one step from what refers to the objects.
    #[getter]
    fn pathsin(&self, py: Python<'_>) -> PyResult<ShortestPaths> {
        single_steps(py, &self.referrers(py)?, self)
    }

    /// The paths of one step to what the objects refer to.
    #[getter]
    fn pathsout(&self, py: Python<'_>) -> PyResult<ShortestPaths> {
        single_steps(py, self, &self.referents(py)?)
    }

    /// What refers to the set, by kind, and what refers to that, and so on: a line each.
    #[getter(rp)]
    fn reference_pattern(&self, py: Python<'_>) -> PyResult<ReferencePattern> {
        ReferencePattern::of(py, self, Arguments::default())
    }

    /// As `rp`: `depth` lines deep, by the relation `er`, by immediate dominators with `imdom`, all of one depth before the next with `bf`.
    ///
    /// With a set `src` only what that leads to refers. Referrers of the kind `stopkind` are not followed. With
    /// `nocyc` what is in a line above is left out. `ref` is `"gc"` or `"gcx"` for what the collector
    /// tracks, `"imdom"`, or a function from a set to its referrers.
    #[pyo3(name = "get_rp", signature = (depth=None, er=None, imdom=None, bf=None, src=None, stopkind=None, nocyc=None, r#ref=None))]
    #[allow(clippy::too_many_arguments)] // heapy's own
    fn pattern_by(
        &self,
        py: Python<'_>,
        depth: Option<&Bound<'_, PyAny>>,
        er: Option<&Bound<'_, PyAny>>,
        imdom: Option<&Bound<'_, PyAny>>,
        bf: Option<&Bound<'_, PyAny>>,
        src: Option<&Bound<'_, PyAny>>,
        stopkind: Option<&Bound<'_, PyAny>>,
        nocyc: Option<&Bound<'_, PyAny>>,
        r#ref: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ReferencePattern> {
        let depth = depth.map(|depth| arguments::whole("depth", depth)).transpose()?;
        let arguments = Arguments {
            depth: depth.map(|depth| depth as usize),
            er,
            imdom: truth(imdom)?,
            bf: truth(bf)?,
            src,
            stopkind,
            nocyc: truth(nocyc)?,
            reference: r#ref,
        };
        ReferencePattern::of(py, self, arguments)
    }

    /// The rows as sets, each made when it is asked for.
    #[getter]
    fn parts(this: Bound<'_, Self>) -> Parts {
        Parts::new(this.unbind())
    }

    /// The rows after the first page: prints them.
    #[getter]
    fn more(this: Bound<'_, Self>) -> PyResult<More> {
        More::after_top(this.clone().into_any(), this.get())
    }

    /// All rows: prints them.
    #[getter]
    fn all(this: Bound<'_, Self>) -> More {
        More::all_of(this.into_any())
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        if self.count == 0 {
            return Ok("<Nothing>".into());
        }
        first_page(py, self)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if self.count == 0 {
            return Ok(format!("{}Nothing", self.session.prefix(py)));
        }
        first_page(py, self)
    }
}

/// Whether an argument was given and is true.
fn truth(what: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    what.map_or(Ok(false), |what| what.is_truthy())
}

fn expected_set(other: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("expected a set, found {}", arguments::type_name(other)))
}
