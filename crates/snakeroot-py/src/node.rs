//! An object of a heap, and the edges that leave it or lead to it.

use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use snakeroot::graph::Edge as CoreEdge;
use snakeroot::snapshot::Flags;
use snakeroot::{Graph, NodeId, view};

use crate::results::Cursor;
use crate::shared::Shared;
use crate::top::Top;

/// An object of a heap: what was recorded of it, not the object itself.
#[pyclass(frozen, module = "snakeroot", eq, hash)]
pub(crate) struct Node {
    graph: Arc<Shared>,
    id: NodeId,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.graph, &other.graph) && self.id == other.id
    }
}

impl std::hash::Hash for Node {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.graph) as usize, self.id).hash(state);
    }
}

impl Node {
    pub(crate) fn new(graph: Arc<Shared>, id: NodeId) -> Self {
        Self { graph, id }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The heap it belongs to.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.graph
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    fn flags(&self) -> Flags {
        self.graph.snapshot().flags(self.id)
    }
}

#[pymethods]
impl Node {
    /// The place in the heap, `0 .. number of nodes`; means one object for as long as the heap lives.
    #[getter(id)]
    fn place(&self) -> u32 {
        self.id.place()
    }

    /// Where the object lay; 0 for a thread or a frame.
    #[getter]
    fn address(&self) -> u64 {
        self.graph.snapshot().address(self.id)
    }

    /// The type's name, `module.QualName`; builtins without their module.
    #[getter(r#type)]
    fn type_name(&self) -> String {
        self.graph.snapshot().type_of(self.id).display_name()
    }

    /// Shallow size in bytes, as `sys.getsizeof` gives; 0 for a thread or a frame.
    #[getter]
    fn size(&self) -> u64 {
        self.graph.snapshot().size(self.id)
    }

    /// Bytes of memory that the object keeps outside Python's own: the data of
    /// an array that owns them, the buffer of a bytearray, a mapped file. `None`
    /// where nothing is known of such memory.
    #[getter]
    fn native_size(&self) -> Option<u64> {
        self.graph.snapshot().native_size(self.id)
    }

    /// The reference count when it was recorded; `None` where it never changes.
    #[getter]
    fn refcount(&self) -> Option<u32> {
        (!self.flags().contains(Flags::IMMORTAL)).then(|| self.graph.snapshot().refcount(self.id))
    }

    /// The name of a module, type, function, code object, generator, thread or frame.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.graph.snapshot().names().get(self.id)
    }

    /// A short preview of a str, bytes, int, float or bool, where values were kept.
    #[getter]
    fn value(&self) -> Option<&str> {
        self.graph.snapshot().values().get(self.id)
    }

    /// Why this object is a GC root, or `None`.
    #[getter]
    fn root(&self) -> Option<Root> {
        self.graph
            .snapshot()
            .root(self.id)
            .map(|root| Root { kind: root.kind.word(), words: root.words.to_string() })
    }

    /// Bytes that would be freed if this object were: its own shallow size and
    /// those of all that it dominates. The first time in a heap O(references log objects).
    #[getter]
    fn retained_size(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.graph.dominators(py)?.retained_size(self.id))
    }

    /// The immediate dominator: the last object that every path from a GC root to
    /// this one passes. `None` where there is none, for GC roots among others.
    #[getter]
    fn dominator(&self, py: Python<'_>) -> PyResult<Option<Node>> {
        let dominator = self.graph.dominators(py)?.immediate_dominator(self.id);
        Ok(dominator.map(|id| Node::new(self.graph.clone(), id)))
    }

    /// The objects whose immediate dominator this one is, those that retain most first.
    fn dominated(&self, py: Python<'_>) -> PyResult<Top> {
        let tree = self.graph.dominators(py)?;
        let nodes = py.detach(|| {
            let mut nodes = tree.dominated(self.id).to_vec();
            nodes.sort_by_key(|&node| std::cmp::Reverse(tree.retained_size(node)));
            nodes
        });
        Ok(Top::new(self.graph.clone(), nodes))
    }

    /// Whether the garbage collector tracked it.
    #[getter]
    fn tracked(&self) -> bool {
        self.flags().contains(Flags::TRACKED)
    }

    /// What else was recorded, as words: `tracked`, `immortal`, `has-dict`, `synthetic`, …
    #[getter]
    fn flag_words(&self) -> Vec<&'static str> {
        let flags = self.flags();
        Flags::NAMES
            .iter()
            .filter(|(flag, _)| flags.contains(*flag))
            .map(|(_, name)| *name)
            .collect()
    }

    /// The edges to what this object refers to, in the order of traversal.
    fn referents(&self) -> Edges {
        Edges {
            graph: self.graph.clone(),
            edges: self.graph.edges_from(self.id).collect(),
            far_is_referent: true,
        }
    }

    /// The edges from what refers to this object.
    fn referrers(&self) -> Edges {
        Edges {
            graph: self.graph.clone(),
            edges: self.graph.edges_to(self.id).collect(),
            far_is_referent: false,
        }
    }

    fn __repr__(&self) -> String {
        format!("<{}>", view::describe(&self.graph, self.id))
    }
}

/// Why an object is a GC root: `kind` is a word, `str()` says it for people.
#[pyclass(frozen, module = "snakeroot", get_all)]
pub(crate) struct Root {
    /// module, builtins, thread, task, interpreter, static-type, immortal,
    /// interned or held-from-c.
    kind: &'static str,
    /// Which one; may be empty.
    words: String,
}

#[pymethods]
impl Root {
    fn __str__(&self) -> String {
        if self.words.is_empty() {
            self.kind.into()
        } else {
            format!("{} {}", self.kind, self.words)
        }
    }

    fn __repr__(&self) -> String {
        format!("<root: {}>", self.__str__())
    }
}

/// A reference: its label and the node at its far end.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Edge {
    graph: Arc<Shared>,
    edge: CoreEdge,
    far_is_referent: bool,
}

#[pymethods]
impl Edge {
    /// As Python would reach the referent: `.name`, `["key"]`, `[3]`.
    #[getter]
    fn label(&self) -> String {
        self.graph.snapshot().label_table().get(self.edge.label).to_string()
    }

    /// The kind of label: attribute, slot, key, index, element, local, …
    #[getter]
    fn kind(&self) -> String {
        format!("{:?}", self.graph.snapshot().label_table().kind(self.edge.label)).to_lowercase()
    }

    /// The name, key or index alone.
    #[getter]
    fn text(&self) -> String {
        self.graph.snapshot().label_table().get(self.edge.label).text
    }

    /// The node at the far end: the referent of `referents()`, the referrer of `referrers()`.
    #[getter]
    fn node(&self) -> Node {
        let far = if self.far_is_referent { self.edge.referent } else { self.edge.referrer };
        Node::new(self.graph.clone(), far)
    }

    /// Whether the reference is weak: it does not keep its referent alive.
    #[getter]
    fn weak(&self) -> bool {
        !self.graph.is_strong(self.edge.label)
    }

    /// `(label, node)`, so that an edge can be unpacked.
    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let pair = (self.label(), self.node()).into_pyobject(py)?;
        Ok(pair.try_iter()?.into_any().unbind())
    }

    fn __repr__(&self) -> String {
        let far = if self.far_is_referent { self.edge.referent } else { self.edge.referrer };
        let arrow = if self.far_is_referent { "->" } else { "<-" };
        format!("<{} {arrow} {}>", self.label(), view::describe(&self.graph, far))
    }
}

/// The edges of one node on one side: a sequence.
#[pyclass(frozen, module = "snakeroot", sequence)]
pub(crate) struct Edges {
    graph: Arc<Shared>,
    edges: Vec<CoreEdge>,
    far_is_referent: bool,
}

#[pymethods]
impl Edges {
    fn __len__(&self) -> usize {
        self.edges.len()
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    fn __getitem__(&self, index: isize) -> PyResult<Edge> {
        let place = if index < 0 { index + self.edges.len() as isize } else { index };
        let edge = usize::try_from(place).ok().and_then(|place| self.edges.get(place));
        let edge = edge.ok_or_else(|| {
            PyIndexError::new_err(format!("edge {index} of {}", self.edges.len()))
        })?;
        Ok(Edge { graph: self.graph.clone(), edge: *edge, far_is_referent: self.far_is_referent })
    }

    fn __repr__(&self) -> String {
        const SHOWN: usize = 20;
        let mut lines: Vec<String> = self
            .edges
            .iter()
            .take(SHOWN)
            .map(|&edge| {
                let graph = self.graph.clone();
                Edge { graph, edge, far_is_referent: self.far_is_referent }.__repr__()
            })
            .collect();
        if self.edges.len() > SHOWN {
            lines.push(format!("… {} more", self.edges.len() - SHOWN));
        }
        if lines.is_empty() { "(no edges)".into() } else { lines.join("\n") }
    }
}
