//! Where a picture's nodes come from: what the collector tells of the live process, all of the
//! live process, or a heap that is held.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use snakeroot::analysis::{
    self, Bounds, Direction, Expansion, Neighbourhood, NeighbourhoodNode, NeighbourhoodOptions,
};
use snakeroot::snapshot::{Flags, LabelKind, RootKind};
use snakeroot::{Graph, NodeId};
use snakeroot_walk::{Backwards, Held, Options, calls};

use super::request::{Edges, Request};
use crate::arguments;
use crate::heap::Heap;
use crate::live;
use crate::node::Node;
use crate::shared::Shared;

/// A graph of this call's own, or one that is held.
pub(super) enum Source {
    Own(Box<Graph>),
    Held(Arc<Shared>),
}

impl Deref for Source {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        match self {
            Self::Own(graph) => graph,
            Self::Held(shared) => shared,
        }
    }
}

/// A held heap that is asked.
pub(super) struct Asked {
    pub(super) graph: Arc<Shared>,
    /// Whether objects may stand for their nodes.
    pub(super) live: bool,
}

impl Asked {
    /// The heap that was given, or the one that all of the objects are nodes of; `None` where the
    /// live process is asked.
    ///
    /// # Errors
    ///
    /// `TypeError` for nodes among other objects.
    pub(super) fn of<'a, 'py: 'a>(
        heap: Option<&Heap>,
        mut objects: impl Iterator<Item = &'a Bound<'py, PyAny>> + Clone,
    ) -> PyResult<Option<Self>> {
        if let Some(heap) = heap {
            return Ok(Some(Self { graph: heap.shared().clone(), live: heap.is_live() }));
        }
        let is_node = |object: &&Bound<'py, PyAny>| object.cast::<Node>().is_ok();
        let Some(node) = objects.clone().find(is_node) else { return Ok(None) };
        if let Some(other) = objects.find(|object| !is_node(object)) {
            return Err(PyTypeError::new_err(format!(
                "expected objects of the process, or nodes of a heap alone, found a Node and {}",
                arguments::type_name(other)
            )));
        }
        let graph = node.cast::<Node>()?.get().shared().clone();
        Ok(Some(Self { graph, live: false }))
    }
}

/// What snakeroot has made is in no heap, and so in no picture.
pub(super) fn own_object(object: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!(
        "{} of snakeroot's own: what snakeroot has made is in no heap",
        arguments::type_name(object)
    ))
}

/// What is drawn.
pub(super) struct Surroundings<'py> {
    pub(super) graph: Source,
    pub(super) found: Neighbourhood,
    /// The objects of the nodes, on the live process.
    pub(super) objects: HashMap<NodeId, Bound<'py, PyAny>>,
    pub(super) alive: Held,
    /// What is retained by address, where that was asked for.
    pub(super) retained: HashMap<u64, u64>,
    /// How many references this call held to each node's object when they were counted.
    held: u32,
}

impl Surroundings<'_> {
    /// How many of the references that were counted are this call's own.
    pub(super) fn own_references(&self, request: &Request<'_>, node: NodeId) -> u32 {
        if matches!(self.graph, Source::Held(_)) {
            return 0;
        }
        let address = self.graph.snapshot().address(node);
        let asked = request.objects.iter().chain(request.only.iter().flatten());
        self.held + asked.filter(|object| object.as_ptr() as u64 == address).count() as u32
    }
}

/// Whether a node is a module in `sys.modules`.
pub(super) fn is_module(graph: &Graph, node: NodeId) -> bool {
    let kind = graph.snapshot().root(node).map(|root| root.kind);
    matches!(kind, Some(RootKind::Module | RootKind::Builtins))
}

pub(super) fn is_object(graph: &Graph, node: NodeId) -> bool {
    !graph.snapshot().flags(node).contains(Flags::SYNTHETIC)
}

/// Whether a node of a held heap is one that is asked for.
pub(super) fn is_shown(
    graph: &Graph,
    node: NodeId,
    direction: Direction,
    untracked: bool,
    collect: bool,
) -> bool {
    let flags = graph.snapshot().flags(node);
    let is_known = untracked
        || !flags.contains(Flags::SYNTHETIC)
            && (direction == Direction::Referents || flags.contains(Flags::TRACKED));
    is_known && !(collect && flags.contains(Flags::GARBAGE))
}

pub(super) fn collect_garbage(py: Python<'_>) -> PyResult<()> {
    // While the interpreter ends it has no modules to ask, and collects by itself.
    if snakeroot_walk::is_ending() {
        return Ok(());
    }
    let collect = snakeroot_walk::module(py, c"gc")?.getattr("collect")?;
    calls::call(&collect, ()).map(drop)
}

/// Finds what is drawn.
///
/// # Errors
///
/// What a walk or the filter raises.
pub(super) fn surroundings<'py>(
    py: Python<'py>,
    request: &Request<'py>,
) -> PyResult<Surroundings<'py>> {
    let asked = request.objects.iter().chain(request.only.iter().flatten());
    if let Some(heap) = Asked::of(request.heap.as_ref().map(Py::get), asked)? {
        return of_heap(py, request, &heap);
    }
    let mut collected = false;
    // A filter sees all that is met, and no garbage may be among it. What is retained is known
    // of the whole heap only, and before references are taken.
    let backwards = request.direction == Direction::Referrers;
    let at_once = request.untracked
        || request.retained
        || request.edges.is_some()
        || backwards && request.only.is_none() && request.filter.is_some();
    if request.collect && at_once {
        collect_garbage(py)?;
        collected = true;
    }
    let retained = if request.retained { retained(py)? } else { HashMap::new() };
    let mut surroundings = if request.untracked {
        of_whole(py, request)?
    } else {
        of_tracked(py, request, collected)?
    };
    surroundings.retained = retained;
    Ok(surroundings)
}

/// What each object retains, by address.
fn retained(py: Python<'_>) -> PyResult<HashMap<u64, u64>> {
    let shared = Shared::new(live::walk(py, &Options::default())?.0);
    let tree = shared.dominators(py)?;
    let snapshot = shared.snapshot();
    let objects = (0..snapshot.object_count() as u32).map(NodeId::new);
    Ok(objects.map(|node| (snapshot.address(node), tree.retained_size(node))).collect())
}

/// A callback's answer about an object.
pub(super) fn says<'py>(
    callback: Option<&Bound<'py, PyAny>>,
    object: &Bound<'py, PyAny>,
) -> PyResult<bool> {
    callback.map_or(Ok(true), |callback| calls::is_true(&calls::call(callback, (object,))?))
}

/// As the collector sees it: objgraph's own nodes and edges.
fn of_tracked<'py>(
    py: Python<'py>,
    request: &Request<'py>,
    collected: bool,
) -> PyResult<Surroundings<'py>> {
    let (met, expansion) = match (&request.edges, request.direction) {
        (Some(edges), _) => by_function(request, edges)?,
        (None, Direction::Referrers) => backwards(py, request, collected)?,
        (None, Direction::Referents) => forwards(request)?,
    };
    let shown: Vec<Bound<'py, PyAny>> =
        expansion.met.iter().map(|of| met[of.key as usize].clone()).collect();
    let part = snakeroot_walk::part(py, crate::probe(py)?, &shown);
    let (part, alive) = part.map_err(live::walk_error)?;
    let graph = Graph::new(part);
    let node_of = |object: &Bound<'py, PyAny>| {
        graph.at(object.as_ptr() as u64).ok_or_else(|| own_object(object))
    };
    let starts: HashSet<u64> = request.objects.iter().map(|it| it.as_ptr() as u64).collect();
    let nodes: Vec<NeighbourhoodNode> = (expansion.met.iter().zip(&shown))
        .map(|(met, object)| {
            Ok(NeighbourhoodNode {
                node: node_of(object)?,
                depth: met.depth,
                left_out: met.left_out,
                is_start: met.depth == 0 && starts.contains(&(object.as_ptr() as u64)),
            })
        })
        .collect::<PyResult<_>>()?;
    let taken: Vec<(usize, usize)> = (expansion.taken.iter())
        .map(|&(one, other)| match request.direction {
            Direction::Referrers => (other, one),
            Direction::Referents => (one, other),
        })
        .collect();
    let found = Neighbourhood::joined(&graph, request.direction, false, &nodes, &taken);
    let objects = nodes.iter().map(|node| node.node).zip(shown).collect();
    let graph = Source::Own(Box::new(graph));
    // Those in the table and those that are shown.
    Ok(Surroundings { graph, found, objects, alive, retained: HashMap::new(), held: 2 })
}

type Found<'py> = (Vec<Bound<'py, PyAny>>, Expansion<u32>);

fn backwards<'py>(
    py: Python<'py>,
    request: &Request<'py>,
    mut collected: bool,
) -> PyResult<Found<'py>> {
    let probe = crate::probe(py)?;
    let filter = request.filter.as_ref();
    let asked = Backwards {
        depth: request.max_depth,
        ignore: &request.ignore,
        stop_at_modules: true,
        // A filter has to be asked about each.
        most: filter.is_none().then_some(request.too_many),
        only: request.only.as_deref(),
        call: &request.call,
        named: &request.named,
    };
    let may_be_garbage = request.collect && request.only.is_none();
    if may_be_garbage && !collected && !snakeroot_walk::reads_lists(probe) {
        collect_garbage(py)?;
        collected = true;
    }
    let mut found = snakeroot_walk::referrers(py, probe, &request.objects, &asked)?;
    if may_be_garbage && !collected && !found.alive {
        // Garbage may be among it; and which ones are the first tells the collector's order.
        drop(found);
        collect_garbage(py)?;
        found = snakeroot_walk::referrers(py, probe, &request.objects, &asked)?;
    }
    let distinct: HashSet<usize> =
        request.objects.iter().map(|object| object.as_ptr() as usize).collect();
    let starts: Vec<u32> = (0..distinct.len() as u32).collect();
    let expansion = analysis::try_expand(
        &starts,
        Bounds { max_depth: request.max_depth, too_many: request.too_many },
        |at| Ok((found.rows[at as usize].clone(), found.left_out[at as usize])),
        |at| says(filter, &found.objects[at as usize]),
        |at| Ok::<bool, PyErr>(found.modules.contains(&at)),
    )?;
    Ok((found.objects, expansion))
}

/// Objects that were met, by place and by address.
#[derive(Default)]
pub(super) struct Table<'py> {
    objects: Vec<Bound<'py, PyAny>>,
    places: HashMap<usize, u32>,
}

impl<'py> Table<'py> {
    pub(super) fn place(&mut self, object: Bound<'py, PyAny>) -> u32 {
        let next = self.objects.len() as u32;
        let place = *self.places.entry(object.as_ptr() as usize).or_insert(next);
        if place == next {
            self.objects.push(object);
        }
        place
    }

    pub(super) fn at(&self, place: u32) -> Bound<'py, PyAny> {
        self.objects[place as usize].clone()
    }

    pub(super) fn into_objects(self) -> Vec<Bound<'py, PyAny>> {
        self.objects
    }
}

fn forwards<'py>(request: &Request<'py>) -> PyResult<Found<'py>> {
    let table = RefCell::new(Table::default());
    let starts: Vec<u32> =
        request.objects.iter().map(|start| table.borrow_mut().place(start.clone())).collect();
    let only: Option<HashSet<usize>> = (request.only.as_ref())
        .map(|only| only.iter().map(|object| object.as_ptr() as usize).collect());
    let filter = request.filter.as_ref();
    let neighbours = |at: u32| {
        let object = table.borrow().at(at);
        let (mut named, mut left_out) = (Vec::new(), 0);
        for referent in snakeroot_walk::referents(&object)? {
            let address = referent.as_ptr() as usize;
            if request.ignore.contains(&(address as u64))
                || only.as_ref().is_some_and(|only| !only.contains(&address))
            {
                continue;
            }
            if filter.is_none() && named.len() >= request.too_many {
                left_out += 1;
            } else {
                named.push(table.borrow_mut().place(referent));
            }
        }
        Ok((named, left_out))
    };
    let expansion = analysis::try_expand(
        &starts,
        Bounds { max_depth: request.max_depth, too_many: request.too_many },
        neighbours,
        |at| {
            let object = table.borrow().at(at);
            says(filter, &object)
        },
        |_| Ok::<bool, PyErr>(false),
    )?;
    Ok((table.into_inner().into_objects(), expansion))
}

/// By neighbours that a function names.
fn by_function<'py>(request: &Request<'py>, edges: &Edges<'py>) -> PyResult<Found<'py>> {
    let table = RefCell::new(Table::default());
    let starts: Vec<u32> =
        request.objects.iter().map(|start| table.borrow_mut().place(start.clone())).collect();
    let object = |at: u32| table.borrow().at(at);
    let neighbours = |at: u32| {
        let mut named = Vec::new();
        for neighbour in calls::call(&edges.function, (object(at),))?.try_iter()? {
            let neighbour = neighbour?;
            if !request.ignore.contains(&(neighbour.as_ptr() as u64)) {
                named.push(table.borrow_mut().place(neighbour));
            }
        }
        Ok((named, 0))
    };
    let expansion = analysis::try_expand(
        &starts,
        Bounds { max_depth: request.max_depth, too_many: request.too_many },
        neighbours,
        |at| says(request.filter.as_ref(), &object(at)),
        |at| match &edges.cull {
            Some(cull) => says(Some(cull), &object(at)),
            None => Ok::<bool, PyErr>(false),
        },
    )?;
    Ok((table.into_inner().into_objects(), expansion))
}

fn options(request: &Request<'_>) -> NeighbourhoodOptions {
    NeighbourhoodOptions {
        max_depth: steps(request.max_depth),
        too_many: request.too_many,
        weak: false,
    }
}

/// The least whole number of steps that is not below a bound.
pub(super) fn steps(max_depth: f64) -> u32 {
    // A bound that no heap reaches is no bound.
    max_depth.ceil().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// All of the live process: what is not tracked, and frames, count too.
fn of_whole<'py>(py: Python<'py>, request: &Request<'py>) -> PyResult<Surroundings<'py>> {
    let also = request.objects.iter().map(|object| object.as_ptr() as usize).collect();
    let options_of_walk = Options { stay_attached: true, also, ..Options::default() };
    let (graph, alive) = live::walk(py, &options_of_walk)?;
    let starts: Vec<NodeId> = (request.objects.iter())
        .map(|object| graph.at(object.as_ptr() as u64).ok_or_else(|| own_object(object)))
        .collect::<PyResult<_>>()?;
    // No Python code has run since the walk.
    let mut objects = HashMap::new();
    if request.filter.is_some() {
        objects = held(py, &graph, &alive, &starts, request.direction, steps(request.max_depth));
    }
    let only = request.only.as_ref().map(|only| addresses(only));
    let keep = |node: NodeId| {
        let address = graph.snapshot().address(node);
        if request.ignore.contains(&address)
            || carries_call(&graph, node, request)
            || only.as_ref().is_some_and(|only| !only.contains(&address))
        {
            return Ok(false);
        }
        match (&request.filter, objects.get(&node)) {
            (Some(_), None) => Ok(false),
            (filter, object) => object.map_or(Ok(true), |object| says(filter.as_ref(), object)),
        }
    };
    let backwards = request.direction == Direction::Referrers;
    let stop = |node| Ok::<bool, PyErr>(backwards && is_module(&graph, node));
    let options = options(request);
    let found =
        analysis::try_neighbourhood(&graph, &starts, request.direction, &options, keep, stop)?;
    for node in found.graph.node_weights().map(|weight| weight.node) {
        if request.filter.is_none()
            && is_object(&graph, node)
            && let Some(object) = snakeroot_walk::object_at(py, &alive, &graph, node)
        {
            objects.insert(node, object);
        }
    }
    let graph = Source::Own(Box::new(graph));
    Ok(Surroundings { graph, found, objects, alive, retained: HashMap::new(), held: 0 })
}

/// Whether a node is the tuple or dict that carries the arguments of the call itself, to which at
/// most the frame that calls refers.
fn carries_call(graph: &Graph, node: NodeId, request: &Request<'_>) -> bool {
    let snapshot = graph.snapshot();
    let arguments = match &*snapshot.type_of(node).full_name() {
        "builtins.tuple" => &request.call,
        "builtins.dict" => &request.named,
        _ => return false,
    };
    let is_key = |label| snapshot.label_table().kind(label) == LabelKind::KeyObject;
    let held = graph.edges_from(node).filter(|edge| !is_key(edge.label));
    let held = held.map(|edge| snapshot.address(edge.referent));
    !arguments.is_empty()
        && snapshot.refcount(node) == 1
        && graph.referrers(node).iter().all(|&holder| !is_object(graph, holder))
        && held.eq(arguments.iter().map(|argument| argument.as_ptr() as u64))
}

pub(super) fn addresses(objects: &[Bound<'_, PyAny>]) -> HashSet<u64> {
    objects.iter().map(|object| object.as_ptr() as u64).collect()
}

/// Takes references to all that can be met from `starts` within `depth`
/// steps, so that Python code may run from here on.
///
/// No Python code has run since the walk.
pub(super) fn held<'py>(
    py: Python<'py>,
    graph: &Graph,
    alive: &Held,
    starts: &[NodeId],
    direction: Direction,
    depth: u32,
) -> HashMap<NodeId, Bound<'py, PyAny>> {
    let mut held = HashMap::new();
    let mut level: Vec<NodeId> = starts.to_vec();
    let mut seen: HashSet<NodeId> = starts.iter().copied().collect();
    for step in 0..=depth {
        let mut next = Vec::new();
        for &node in &level {
            if is_object(graph, node)
                && let Some(object) = snakeroot_walk::object_at(py, alive, graph, node)
            {
                held.insert(node, object);
            }
            if step < depth {
                let neighbours = match direction {
                    Direction::Referents => graph.referents(node),
                    Direction::Referrers => graph.referrers(node),
                };
                next.extend(neighbours.iter().copied().filter(|&other| seen.insert(other)));
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    held
}

/// A heap that is held, live or loaded: callbacks are given its nodes.
fn of_heap<'py>(
    py: Python<'py>,
    request: &Request<'py>,
    heap: &Asked,
) -> PyResult<Surroundings<'py>> {
    let shared = &heap.graph;
    let find = |what: &Bound<'py, PyAny>| arguments::node_of(shared, heap.live, what);
    let starts = request.objects.iter().map(find).collect::<PyResult<Vec<NodeId>>>()?;
    let only = request.only.as_ref().map(|only| only.iter().map(find).collect());
    let only: Option<HashSet<NodeId>> = only.transpose()?;
    let keep = |node: NodeId| {
        if request.ignore.contains(&shared.snapshot().address(node))
            || only.as_ref().is_some_and(|only| !only.contains(&node))
            || !is_shown(shared, node, request.direction, request.untracked, request.collect)
        {
            return Ok(false);
        }
        match &request.filter {
            Some(filter) => {
                let node = Node::new(shared.clone(), node);
                calls::is_true(&calls::call(filter, (node,))?)
            }
            None => Ok(true),
        }
    };
    let backwards = request.direction == Direction::Referrers;
    let stop = |node| Ok::<bool, PyErr>(backwards && is_module(shared, node));
    let options = options(request);
    let found =
        analysis::try_neighbourhood(shared, &starts, request.direction, &options, keep, stop)?;
    let mut retained = HashMap::new();
    if request.retained {
        let tree = shared.dominators(py)?;
        let nodes = found.graph.node_weights().map(|weight| weight.node);
        retained =
            nodes.map(|node| (shared.snapshot().address(node), tree.retained_size(node))).collect();
    }
    Ok(Surroundings {
        graph: Source::Held(shared.clone()),
        found,
        objects: HashMap::new(),
        alive: Held::default(),
        retained,
        held: 0,
    })
}
