//! Sets of objects of a heap.

use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use snakeroot::analysis::{self, By, Modules, Selection};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Flags, RootKind};
use snakeroot::view::{self, Cells};
use snakeroot::{NodeId, TypeId};

use crate::arguments;
use crate::groups::{Groups, Order};
use crate::node::Node;
use crate::notebook::{self, Bundle};
use crate::results::loads;
use crate::shared::Shared;
use crate::work::interruptible;

/// Types that a set prints.
const SHOWN_TYPES: usize = 5;

/// A set of objects of one heap: iterates as nodes, in the order of addresses.
///
/// Made by `Heap.objects()`. `&`, `|`, `-` and `^` combine sets of one heap; those of
/// two heaps raise `ValueError`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Objects {
    graph: Arc<Shared>,
    live: bool,
    set: Arc<NodeSet>,
    count: usize,
    size: OnceLock<u64>,
    /// What would be freed if the set were.
    freed: OnceLock<(NodeSet, u64)>,
}

impl Objects {
    pub(crate) fn new(graph: Arc<Shared>, live: bool, set: NodeSet) -> Self {
        let count = set.count();
        let (size, freed) = (OnceLock::new(), OnceLock::new());
        Self { graph, live, set: Arc::new(set), count, size, freed }
    }

    /// Another set of the same heap.
    fn other(&self, set: NodeSet) -> Self {
        Self::new(self.graph.clone(), self.live, set)
    }

    fn with(&self, other: &Self, how: fn(&mut NodeSet, &NodeSet)) -> PyResult<Self> {
        if !Arc::ptr_eq(&self.graph, &other.graph) {
            return Err(PyValueError::new_err(
                "expected two sets of one heap, found sets of two heaps: a node means an object of its own heap only",
            ));
        }
        let mut set = (*self.set).clone();
        how(&mut set, &other.set);
        Ok(self.other(set))
    }

    fn bytes(&self, set: &NodeSet) -> u64 {
        let sizes = set.iter().map(|node| self.graph.snapshot().size(node));
        sizes.fold(0, u64::saturating_add)
    }

    fn freed(&self, py: Python<'_>) -> PyResult<&(NodeSet, u64)> {
        if let Some(freed) = self.freed.get() {
            return Ok(freed);
        }
        let freed = interruptible(py, |watch| {
            let freed = analysis::retained_by(&self.graph, &self.set, watch)?;
            let bytes = self.bytes(&freed);
            Ok((freed, bytes))
        })?;
        Ok(self.freed.get_or_init(|| freed))
    }

    /// The set in a line, and the table of its types.
    fn line_and_cells(&self, py: Python<'_>) -> PyResult<(String, Cells)> {
        let groups = self.by(py, By::Type.word(), "size", Some(SHOWN_TYPES as i64))?;
        let together = self.retained(py)?;
        let line = view::objects_line(&self.graph, groups.partition(), together);
        Ok((line, groups.cells(py)?))
    }
}

#[pymethods]
impl Objects {
    fn __len__(&self) -> usize {
        self.count
    }

    /// The nodes, in the order of addresses; threads and frames come last.
    fn __iter__(&self) -> ObjectsCursor {
        ObjectsCursor { graph: self.graph.clone(), set: self.set.clone(), next: 0 }
    }

    /// Whether a node, an address or, on a live heap, an object is in the set.
    fn __contains__(&self, py: Python<'_>, what: &Bound<'_, PyAny>) -> PyResult<bool> {
        match arguments::node_of(&self.graph, self.live, what) {
            Ok(node) => Ok(self.set.contains(node)),
            Err(error) if error.is_instance_of::<PyKeyError>(py) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn __and__(&self, other: PyRef<'_, Self>) -> PyResult<Self> {
        self.with(&other, NodeSet::intersect)
    }

    fn __or__(&self, other: PyRef<'_, Self>) -> PyResult<Self> {
        self.with(&other, NodeSet::unite)
    }

    fn __sub__(&self, other: PyRef<'_, Self>) -> PyResult<Self> {
        self.with(&other, NodeSet::subtract)
    }

    fn __xor__(&self, other: PyRef<'_, Self>) -> PyResult<Self> {
        self.with(&other, NodeSet::differ)
    }

    /// Whether both are sets of one heap and have the same objects.
    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            Arc::ptr_eq(&self.graph, &other.graph) && self.set == other.set
        })
    }

    /// The shallow sizes of the objects together, in bytes.
    #[getter]
    fn size(&self, py: Python<'_>) -> u64 {
        py.detach(|| *self.size.get_or_init(|| self.bytes(&self.set)))
    }

    /// Bytes that would be freed if all objects of the set were: their own and those of
    /// all that the GC roots reach only through them. O(objects + references) the first time.
    #[getter]
    fn retained(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.freed(py)?.1)
    }

    /// What the set dominates: all that would be freed with it, without the set itself.
    ///
    /// So `retained` is `size` and the size of this.
    fn dominated(&self, py: Python<'_>) -> PyResult<Self> {
        let mut set = self.freed(py)?.0.clone();
        set.subtract(&self.set);
        Ok(self.other(set))
    }

    /// What refers to some object of the set, weak references apart. O(references to the set).
    fn referrers(&self, py: Python<'_>) -> PyResult<Self> {
        let set = interruptible(py, |watch| analysis::referrers_of(&self.graph, &self.set, watch))?;
        Ok(self.other(set))
    }

    /// What some object of the set refers to, weak references apart. O(references from the set).
    fn referents(&self, py: Python<'_>) -> PyResult<Self> {
        let set = interruptible(py, |watch| analysis::referents_of(&self.graph, &self.set, watch))?;
        Ok(self.other(set))
    }

    /// The objects in groups that have something in common: a table of `limit` rows.
    ///
    /// `what` is "type", "module", "size" (powers of two), "referrers" (the set of the types of the
    /// objects that refer to it, where the `__dict__` of an object counts as a kind of its own) or "via" (the set of
    /// labels by which it is held). `order` is "size", "count" or "retained"; with
    /// `limit=None` all groups are in it. Raises `ValueError` for another word.
    #[pyo3(signature = (what, *, order="size", limit=Some(10)), text_signature = "($self, what, *, order=\"size\", limit=10)")]
    fn by(&self, py: Python<'_>, what: &str, order: &str, limit: Option<i64>) -> PyResult<Groups> {
        let by = By::from_word(what).ok_or_else(|| {
            let words = By::ALL.map(|by| format!("{:?}", by.word())).join(", ");
            PyValueError::new_err(format!("by: expected one of {words}, found {what:?}"))
        })?;
        let order = Order::from_word(order, "order")?;
        let limit = arguments::limit(limit, "limit")?;
        let groups =
            interruptible(py, |watch| analysis::partition(&self.graph, &self.set, by, watch))?;
        Groups::new(py, self.graph.clone(), self.live, groups, order, limit)
    }

    /// The objects by type: as `by("type")`, with the arguments of `Heap.types()`.
    #[pyo3(signature = (by="size", limit=Some(10)), text_signature = "($self, by=\"size\", limit=10)")]
    fn types(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<Groups> {
        Order::from_word(by, "by")?;
        self.by(py, By::Type.word(), by, limit)
    }

    /// Plain data: count, size, what they retain together, and the types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let groups = self.by(py, By::Type.word(), "size", None)?;
        let (retained, together) = (groups.retained(py)?, self.retained(py)?);
        let value = view::json::objects(&self.graph, groups.partition(), retained, together, None);
        loads(py, &value)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (line, cells) = self.line_and_cells(py)?;
        let text = if self.__len__() == 0 { line } else { format!("{line}\n{}", cells.text()) };
        Ok(text.trim_end().to_owned())
    }

    /// Text and HTML for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> Bundle<'py> {
        let (line, cells) = self.line_and_cells(py)?;
        notebook::table(py, &[line], self.__repr__(py)?, &cells)
    }
}

/// Goes over a set, making each node when it is asked for.
#[pyclass(module = "snakeroot")]
pub(crate) struct ObjectsCursor {
    graph: Arc<Shared>,
    set: Arc<NodeSet>,
    next: usize,
}

#[pymethods]
impl ObjectsCursor {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&mut self) -> Option<Node> {
        let node = self.set.first_from(self.next)?;
        self.next = node.index() + 1;
        Some(Node::new(self.graph.clone(), node))
    }
}

/// What `Heap.objects()` was asked for.
pub(crate) struct Asked<'a, 'py> {
    pub(crate) nodes: Option<&'a Bound<'py, PyAny>>,
    pub(crate) types: Option<&'a Bound<'py, PyAny>>,
    pub(crate) module: Option<String>,
    pub(crate) min_size: Option<i64>,
    pub(crate) max_size: Option<i64>,
    pub(crate) flags: Option<&'a Bound<'py, PyAny>>,
    pub(crate) root: Option<&'a str>,
}

/// The objects of a heap that are as was asked for.
pub(crate) fn select(
    py: Python<'_>,
    graph: &Arc<Shared>,
    live: bool,
    asked: &Asked<'_, '_>,
) -> PyResult<Objects> {
    let size = |bytes: Option<i64>, name| {
        bytes.map(|bytes| arguments::at_least_zero(bytes, name)).transpose()
    };
    let selection = Selection {
        among: asked.nodes.map(|nodes| nodes_of(graph, live, nodes)).transpose()?,
        types: asked.types.map(|types| types_of(graph, live, types)).transpose()?,
        module: asked.module.clone(),
        min_size: size(asked.min_size, "min_size")?,
        max_size: size(asked.max_size, "max_size")?,
        flags: asked.flags.map_or(Ok(Flags::default()), flags_of)?,
        root: asked.root.map(root_of).transpose()?,
    };
    let found = py.detach(|| analysis::select(graph, &selection));
    let set = found.map_err(|error| PyValueError::new_err(format!("module: {error}")))?;
    Ok(Objects::new(graph.clone(), live, set))
}

fn nodes_of(graph: &Shared, live: bool, nodes: &Bound<'_, PyAny>) -> PyResult<NodeSet> {
    let mut set = NodeSet::new(graph.node_count());
    for node in nodes.try_iter()? {
        set.insert(arguments::node_of(graph, live, &node?)?);
    }
    Ok(set)
}

/// The types that are meant: one or several, as type objects or by name.
pub(crate) fn types_of(
    graph: &Shared,
    live: bool,
    what: &Bound<'_, PyAny>,
) -> PyResult<Vec<TypeId>> {
    if let Ok(name) = what.cast::<PyString>() {
        return named(graph, &name.to_string_lossy());
    }
    if let Ok(object) = what.cast::<PyType>() {
        return of_type_object(graph, live, object);
    }
    let Ok(several) = what.try_iter() else {
        return Err(PyTypeError::new_err(format!(
            "type: expected a type, a name or several of them, found {}",
            arguments::type_name(what)
        )));
    };
    let mut types = Vec::new();
    for one in several {
        let one = one?;
        if one.cast::<PyString>().is_err() && one.cast::<PyType>().is_err() {
            return Err(PyTypeError::new_err(format!(
                "type: expected types or names, found {} among them",
                arguments::type_name(&one)
            )));
        }
        types.extend(types_of(graph, live, &one)?);
    }
    Ok(types)
}

fn named(graph: &Shared, name: &str) -> PyResult<Vec<TypeId>> {
    analysis::types_named(graph, name)
        .map_err(|error| PyValueError::new_err(format!("type: {error}")))
}

/// The type of a live heap whose object this is, or of a loaded one the types of its name.
fn of_type_object(graph: &Shared, live: bool, object: &Bound<'_, PyType>) -> PyResult<Vec<TypeId>> {
    if !live {
        let (module, name) = (object.module()?, object.qualname()?);
        let (module, name) = (module.to_string_lossy(), name.to_string_lossy());
        return named(graph, &format!("{module}.{name}"));
    }
    let node: NodeId = arguments::node_of(graph, live, object)?;
    // A class that no object has is no type of the heap.
    match graph.type_of_object(node) {
        Some(own) => Ok(vec![own]),
        None if Modules::new(graph).is_class(node) => Ok(Vec::new()),
        None => Err(PyKeyError::new_err("this class is not in the heap: it was made later")),
    }
}

/// One flag or several, by their words.
fn flags_of(what: &Bound<'_, PyAny>) -> PyResult<Flags> {
    let words: Vec<String> = match what.cast::<PyString>() {
        Ok(word) => vec![word.to_string()],
        Err(_) => what.extract()?,
    };
    let mut flags = Flags::default();
    for word in words {
        let Some((flag, _)) = Flags::NAMES.into_iter().find(|&(_, name)| name == word) else {
            let names = Flags::NAMES.map(|(_, name)| name).join(", ");
            return Err(PyValueError::new_err(format!(
                "flags: expected words among {names}; found {word:?}"
            )));
        };
        flags |= flag;
    }
    Ok(flags)
}

fn root_of(word: &str) -> PyResult<RootKind> {
    RootKind::from_word(word).ok_or_else(|| {
        let words = RootKind::ALL.map(RootKind::word).join(", ");
        PyValueError::new_err(format!("root: expected one of {words}; found {word:?}"))
    })
}
