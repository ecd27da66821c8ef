//! A heap that stands still: from the live process or from a file.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use snakeroot::analysis::{self, CycleScope};
use snakeroot::view::{self, DrawOptions};
use snakeroot::{Graph, NodeId};

use crate::arguments;
use crate::cycles::{Cycle, Cycles, Garbage};
use crate::diff::{Change, Changes, Diff, GrownRow, Growth};
use crate::export;
use crate::groups::{GroupRow, Groups, RootRow, Roots};
use crate::kept::{Holder, Holders, Kept, KeptRow, KeptRows};
use crate::node::{Edge, Edges, Node, Root};
use crate::objects::{self, Objects, ObjectsCursor};
use crate::picture::{self, Picture};
use crate::results::{Chains, Cursor, HeapInfo, TypeRow, Types};
use crate::shared::Shared;
use crate::suspects::{Suspect, Suspects};
use crate::top::Top;
use crate::why::{self, MergedChains, MergedStep};
use crate::work::interruptible;

/// Boxes that a person can still make out in one picture.
const MOST_DRAWN: usize = 1_000;

/// A heap that stands still: objects, references, sizes, labels, roots.
///
/// Holds no reference to any object. Made by `snapshot()` or `load(path)`.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Heap {
    graph: Arc<Shared>,
    live: bool,
}

impl Heap {
    pub(crate) fn new(graph: Graph, live: bool) -> Self {
        Self { graph: Arc::new(Shared::new(graph)), live }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.graph
    }

    /// Whether it was walked in this process: its objects may be given instead of nodes.
    pub(crate) fn is_live(&self) -> bool {
        self.live
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
        py.detach(|| self.graph.census().total().1)
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
    /// `by` is "size", "count" or "retained"; with `limit=None` all types are in
    /// it. What the objects of a type retain together is worked out when it is
    /// first looked at, O(references log objects). Raises `ValueError` for another
    /// word or a negative limit.
    #[pyo3(signature = (by="size", limit=Some(10)), text_signature = "($self, by=\"size\", limit=10)")]
    fn types(&self, py: Python<'_>, by: &str, limit: Option<i64>) -> PyResult<Types> {
        let limit = arguments::limit(limit, "limit")?;
        let census = match by {
            "size" => py.detach(|| self.graph.census().by_size()),
            "count" => py.detach(|| self.graph.census().by_count()),
            "retained" => {
                let retained = self.graph.retained_by_type(py)?;
                py.detach(|| self.graph.census().by_retained(retained))
            }
            _ => {
                return Err(PyValueError::new_err(format!(
                    "by: expected \"size\", \"count\" or \"retained\", found {by:?}"
                )));
            }
        };
        Ok(Types::new(self.graph.clone(), census, limit))
    }

    /// What retains most: the upper end of the dominator tree, at most `limit` objects.
    ///
    /// An object retains what would be freed if it were. Raises `ValueError` for a
    /// negative limit. The first time O(references log objects).
    #[pyo3(signature = (limit=20))]
    fn top(&self, py: Python<'_>, limit: i64) -> PyResult<Top> {
        let limit =
            usize::try_from(arguments::at_least_zero(limit, "limit")?).unwrap_or(usize::MAX);
        let tree = self.graph.dominators(py)?;
        let nodes = py.detach(|| tree.largest(limit));
        Ok(Top::new(self.graph.clone(), nodes))
    }

    /// The objects that are as is asked, as a set; all objects where nothing is.
    ///
    /// `type` is a type, a name or several of them, and subclasses are not meant; `module` is the one of the type,
    /// of functions, classes and modules their own, or one below it. Sizes are in bytes. `flags`
    /// are words as in `Node.flag_words`, `root` is a kind of GC root, `nodes` are those to choose from. Raises
    /// `ValueError` for a name that nothing has, with the nearest ones. O(objects).
    #[pyo3(signature = (r#type=None, module=None, *, min_size=None, max_size=None, flags=None, root=None, nodes=None))]
    #[allow(clippy::too_many_arguments)] // as many as there are properties
    fn objects(
        &self,
        py: Python<'_>,
        r#type: Option<&Bound<'_, PyAny>>,
        module: Option<String>,
        min_size: Option<i64>,
        max_size: Option<i64>,
        flags: Option<&Bound<'_, PyAny>>,
        root: Option<&str>,
        nodes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Objects> {
        let asked =
            objects::Asked { nodes, types: r#type, module, min_size, max_size, flags, root };
        objects::select(py, &self.graph, self.live, &asked)
    }

    /// What each GC root retains, the largest first: a table of `limit` rows.
    ///
    /// A thread retains its frames and what only their local variables lead to; to a module counts
    /// what its globals retain. With `limit=None` all are in it. The first time O(references log objects).
    #[pyo3(signature = (limit=Some(10)), text_signature = "($self, limit=10)")]
    fn roots(&self, py: Python<'_>, limit: Option<i64>) -> PyResult<Roots> {
        let limit = arguments::limit(limit, "limit")?;
        let tree = self.graph.dominators(py)?;
        let rows = py.detach(|| analysis::root_rows(&self.graph, tree));
        Ok(Roots::new(self.graph.clone(), rows, limit, false))
    }

    /// What each module object and its globals retain, the largest first: a table of `limit` rows.
    ///
    /// As `roots()`, with the modules that are not in `sys.modules` too.
    #[pyo3(signature = (limit=Some(10)), text_signature = "($self, limit=10)")]
    fn modules(&self, py: Python<'_>, limit: Option<i64>) -> PyResult<Roots> {
        let limit = arguments::limit(limit, "limit")?;
        let tree = self.graph.dominators(py)?;
        let rows = py.detach(|| analysis::module_rows(&self.graph, tree));
        Ok(Roots::new(self.graph.clone(), rows, limit, true))
    }

    /// Objects that keep each other alive, those that retain most first, at most `limit`.
    ///
    /// What every class, function and module refers to by itself (`__class__`, `__globals__`, `__mro__`, …) is
    /// not followed unless `machinery` is true: by these nearly all that lives is in one
    /// cycle. With `limit=None` all are in it. Raises `ValueError` for a negative limit. The first time O(references log objects).
    #[pyo3(
        signature = (limit=Some(20), *, machinery=false),
        text_signature = "($self, limit=20, *, machinery=False)"
    )]
    fn cycles(&self, py: Python<'_>, limit: Option<i64>, machinery: bool) -> PyResult<Cycles> {
        let limit = arguments::limit(limit, "limit")?;
        let scope = if machinery { CycleScope::All } else { CycleScope::Made };
        let found = self.graph.cycles(py, scope)?;
        Ok(Cycles::new(self.graph.clone(), found, limit))
    }

    /// What no GC root reaches: what the collector would free, with at most `limit` of its cycles.
    ///
    /// With `limit=None` all are in it. Raises `ValueError` for a negative limit.
    /// The first time O(references log objects).
    #[pyo3(signature = (limit=Some(20)), text_signature = "($self, limit=20)")]
    fn garbage(&self, py: Python<'_>, limit: Option<i64>) -> PyResult<Garbage> {
        let limit = arguments::limit(limit, "limit")?;
        let found = self.graph.cycles(py, CycleScope::Garbage)?;
        Ok(Garbage::new(Cycles::new(self.graph.clone(), found, limit)))
    }

    /// The node of an object, or of what lay at an address.
    ///
    /// Raises `KeyError` if it is not in the heap.
    fn node(&self, object_or_address: &Bound<'_, PyAny>) -> PyResult<Node> {
        Ok(Node::new(self.graph.clone(), self.find(object_or_address)?))
    }

    /// Why an object is alive: chains from GC roots, shortest and least noisy first.
    ///
    /// Takes an object, a node or an address, and gives at most `limit` (3) chains. With
    /// `type`, a name or a class, or with `nodes`, an iterable of nodes, addresses or objects, the chains of
    /// all those objects are merged: a tree with counts that prints its `limit` (20) largest steps.
    /// No chain leads through `avoid`, a node, an address, an object, or an
    /// iterable of nodes and addresses. Raises `KeyError` if something is not in the heap.
    /// O(objects + references) at worst.
    #[pyo3(signature = (object_or_address=None, limit=None, *, r#type=None, nodes=None, avoid=None))]
    fn why<'py>(
        &self,
        py: Python<'py>,
        object_or_address: Option<&Bound<'py, PyAny>>,
        limit: Option<i64>,
        r#type: Option<&Bound<'py, PyAny>>,
        nodes: Option<&Bound<'py, PyAny>>,
        avoid: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(limit) = limit.filter(|&limit| limit < 1) {
            let text = format!("limit: expected 1 or more, found {limit}");
            return Err(PyValueError::new_err(text));
        }
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let avoid = why::avoided(&self.graph, self.live, avoid)?;
        let members = match (object_or_address, r#type, nodes) {
            (Some(object), None, None) => {
                let node = self.find(object)?;
                let limit = limit.unwrap_or(why::DEFAULT_CHAINS);
                let chains = interruptible(py, |watch| {
                    analysis::try_why(&self.graph, node, limit, &avoid, watch)
                })?;
                return Ok(
                    Bound::new(py, Chains::new(self.graph.clone(), node, chains))?.into_any()
                );
            }
            (None, Some(what), None) => why::of_type(&self.graph, self.live, what)?,
            (None, None, Some(nodes)) => why::nodes(&self.graph, self.live, nodes)?,
            _ => {
                return Err(PyTypeError::new_err(
                    "why: expected one of an object or address, type= and nodes=",
                ));
            }
        };
        let merged = MergedChains::find(py, self.graph.clone(), &members, &avoid, limit)?;
        Ok(Bound::new(py, merged)?.into_any())
    }

    /// What holds more than a share of the heap: leak suspects, where they accumulate, who holds them.
    ///
    /// `threshold` is from 0.001 to 1; another raises `ValueError`. O(references log objects)
    /// the first time.
    #[pyo3(signature = (threshold=0.1))]
    fn suspects(&self, py: Python<'_>, threshold: f64) -> PyResult<Suspects> {
        Suspects::find(py, self.graph.clone(), threshold)
    }

    /// What changed since an older heap of the same process, live or saved.
    ///
    /// An object is the same in both if it has the same address and a type of the same name. Of
    /// two processes only numbers are compared, and the answer's `notices` say so. O(objects) of both.
    fn diff(&self, py: Python<'_>, older: &Self) -> PyResult<Diff> {
        Diff::new(py, older.graph.clone(), self.graph.clone(), (older.live, self.live))
    }

    /// What was made between two older heaps and is still here: what may have leaked.
    ///
    /// The objects of this heap that `middle` has and `oldest` has not, matched as by `diff`.
    /// Raises `ValueError` where the heaps are not of one process. O(objects) of all three.
    fn kept(&self, py: Python<'_>, oldest: &Self, middle: &Self) -> PyResult<Kept> {
        Kept::new(py, &oldest.graph, &middle.graph, self.graph.clone(), self.live)
    }

    /// Draws some objects and the references among them: into a .png, .svg or .dot file, or gives
    /// the picture.
    ///
    /// `nodes` is an object set or another iterable of nodes, addresses and, on a live heap, objects. Raises
    /// `KeyError` if something is not in the heap, `ValueError` for more than 1,000 of them.
    #[pyo3(signature = (nodes, filename=None, *, engine=None))]
    fn draw(
        &self,
        py: Python<'_>,
        nodes: &Bound<'_, PyAny>,
        filename: Option<&Bound<'_, PyAny>>,
        engine: Option<&str>,
    ) -> PyResult<Option<Picture>> {
        let nodes = why::nodes(&self.graph, self.live, nodes)?;
        let count = nodes.iter().count();
        if count > MOST_DRAWN {
            let most = view::grouped(MOST_DRAWN as u64);
            let text = format!("nodes: expected at most {most} to draw, found {count}");
            return Err(PyValueError::new_err(text));
        }
        picture::deliver(py, filename, engine, || {
            let options = DrawOptions { sizes: true, ..DrawOptions::default() };
            view::nodes_drawing(&self.graph, &nodes, &options)
        })
    }

    /// Writes the heap into a Parquet file, whole or not at all.
    ///
    /// Raises `OSError` where the file cannot be written.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| snakeroot_dump::save(self.graph.snapshot(), &path))
            .map_err(picture::dump_error)?;
        Ok(())
    }

    /// Writes the heap for another tool into a file, whole or not at all.
    ///
    /// `to` is "heapsnapshot" (Chrome DevTools), "parquet", "jsonl", "graphml" or "dot"; without it the end of the path
    /// tells. `columns`, "retained" and "dominator", are added to Parquet and JSON lines. Of a `.heapsnapshot` objects
    /// have the ids that they had in the heaps `since`, exported before, the oldest first. GraphML and DOT have
    /// what is around `nodes` (nodes, addresses, objects): `depth` references away in one `direction`, "referents" or
    /// "referrers", `too_many` neighbours of each at most. Raises `ValueError` for what does not go together, for heaps of
    /// another process, and for more than 100,000 objects in GraphML or 5,000 in DOT; `OSError` where the
    /// file cannot be written.
    #[pyo3(
        signature = (path, to=None, *, columns=None, since=None, nodes=None, direction="referents", depth=3, too_many=10),
        text_signature = "($self, path, to=None, *, columns=None, since=None, nodes=None, direction=\"referents\", depth=3, too_many=10)"
    )]
    #[allow(clippy::too_many_arguments)] // as many as there are things to ask
    fn export(
        &self,
        py: Python<'_>,
        path: PathBuf,
        to: Option<&str>,
        columns: Option<Vec<String>>,
        since: Option<Vec<Bound<'_, Heap>>>,
        nodes: Option<&Bound<'_, PyAny>>,
        direction: &str,
        depth: i64,
        too_many: i64,
    ) -> PyResult<()> {
        let asked = export::Asked { to, columns, since, nodes, direction, depth, too_many };
        export::export(py, self, path, &asked)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let snapshot = self.graph.snapshot();
        let info = snapshot.info();
        // A heap of another tool may lack either.
        let python = (!info.python.is_empty()).then(|| format!("Python {}", info.python));
        let process = (info.pid > 0).then(|| format!("pid {}", info.pid));
        let source: Vec<String> = python.into_iter().chain(process).collect();
        format!(
            "<heap of {} objects, {}, {} references{}{}>",
            snakeroot::view::grouped(snapshot.object_count() as u64),
            snakeroot::view::human_size(self.size(py)),
            snakeroot::view::grouped(snapshot.edge_count()),
            if source.is_empty() { "" } else { ": " },
            source.join(", ")
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
    module.add_class::<Top>()?;
    module.add_class::<Objects>()?;
    module.add_class::<ObjectsCursor>()?;
    module.add_class::<Cursor>()?;
    module.add_class::<Groups>()?;
    module.add_class::<GroupRow>()?;
    module.add_class::<Roots>()?;
    module.add_class::<RootRow>()?;
    module.add_class::<TypeRow>()?;
    module.add_class::<Diff>()?;
    module.add_class::<Change>()?;
    module.add_class::<Changes>()?;
    module.add_class::<Growth>()?;
    module.add_class::<GrownRow>()?;
    module.add_class::<Kept>()?;
    module.add_class::<KeptRow>()?;
    module.add_class::<KeptRows>()?;
    module.add_class::<Holder>()?;
    module.add_class::<Holders>()?;
    module.add_class::<Chains>()?;
    module.add_class::<Cycle>()?;
    module.add_class::<Cycles>()?;
    module.add_class::<Garbage>()?;
    module.add_class::<MergedChains>()?;
    module.add_class::<Suspects>()?;
    module.add_class::<Suspect>()?;
    module.add_class::<MergedStep>()?;
    module.add_class::<picture::Picture>()
}
