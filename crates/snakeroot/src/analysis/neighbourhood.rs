//! The surroundings of some objects: what holds them, or what they hold, a few steps far.
//!
//! The expansion that objgraph's `show_backrefs` and `show_refs` made known.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use indexmap::IndexMap;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Direction;
use super::noise::Noise;
use crate::graph::{Edge, Graph, NodeSet};
use crate::id::{LabelId, NodeId, TypeId};
use crate::snapshot::LabelTable;

/// How far to go and how much to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourhoodOptions {
    /// Nodes this many edges away from the nearest start are not expanded.
    pub max_depth: u32,
    /// How many neighbours of one node are taken; the others are counted.
    pub too_many: usize,
    /// Whether weak references are shown. What only they reach is not expanded.
    pub weak: bool,
}

impl Default for NeighbourhoodOptions {
    fn default() -> Self {
        Self { max_depth: 3, too_many: 10, weak: false }
    }
}

/// A node of a neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NeighbourhoodNode {
    /// The node of the heap.
    pub node: NodeId,
    /// Its distance from the nearest start, in edges.
    pub depth: u32,
    /// How many of its neighbours were beyond `too_many`.
    pub left_out: u64,
    /// Whether it is one of those asked for.
    pub is_start: bool,
}

/// An edge of a neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NeighbourhoodEdge {
    /// By what the referrer holds the referent.
    pub label: LabelId,
    /// How many edges between the two this one stands for: itself and, if it
    /// is the first of a pair, those beyond [`Neighbourhood::MAX_PARALLEL`].
    pub count: u64,
}

/// The surroundings of some nodes.
#[derive(Clone, Debug)]
pub struct Neighbourhood {
    /// The starts come first, then the others as they were met. Edges run from
    /// referrer to referent, whichever way the search went.
    pub graph: DiGraph<NeighbourhoodNode, NeighbourhoodEdge>,
    /// Which way the search went.
    pub direction: Direction,
    /// What was asked for, each once.
    pub starts: Vec<NodeIndex>,
    /// Referrer and referent of each neighbour that was taken, in the order of the search:
    /// all those of one node, then all those of the next. As often as it was met.
    pub taken: Vec<(NodeIndex, NodeIndex)>,
}

impl Neighbourhood {
    /// The most edges that are kept between one pair of nodes, one way.
    pub const MAX_PARALLEL: usize = 4;

    /// The surroundings that were found elsewhere, with the labels of `graph`.
    ///
    /// `nodes` are in the order in which they were met, the starts first; `taken` gives the
    /// places of referrers and referents in it. Where the graph knows of no edge between the
    /// two, the edge is unnamed. Weak references are labels too only if `weak` is true.
    ///
    /// # Complexity
    ///
    /// O of the referents of all referrers in `taken`, and sorting of `taken`.
    pub fn joined(
        graph: &Graph,
        direction: Direction,
        weak: bool,
        nodes: &[NeighbourhoodNode],
        taken: &[(usize, usize)],
    ) -> Self {
        let mut seen = HashSet::new();
        let new = |&&(referrer, referent): &&(usize, usize)| seen.insert((referrer, referent));
        let distinct = taken.iter().filter(new);
        let mut pairs: Vec<Pair> = distinct
            .map(|&(referrer, referent)| Pair { referrer, referent, edges: Vec::new() })
            .collect();
        find_labels(graph, weak, nodes, &mut pairs);
        let mut shown = DiGraph::with_capacity(nodes.len(), pairs.len());
        for node in nodes {
            shown.add_node(*node);
        }
        let unnamed = NeighbourhoodEdge { label: LabelTable::UNNAMED, count: 1 };
        for pair in &mut pairs {
            if pair.edges.is_empty() {
                pair.edges.push(unnamed);
            }
            let ends = (NodeIndex::new(pair.referrer), NodeIndex::new(pair.referent));
            for edge in &pair.edges {
                shown.add_edge(ends.0, ends.1, *edge);
            }
        }
        let starts = shown.node_indices().take_while(|&at| shown[at].is_start).collect();
        let taken = taken.iter().map(|&(one, other)| (NodeIndex::new(one), NodeIndex::new(other)));
        Self { direction, starts, taken: taken.collect(), graph: shown }
    }
}

/// The surroundings of `starts`: what refers to them, or what they refer to.
///
/// Breadth-first. At each node that is expanded its neighbours are gone through in the graph's
/// order: those that `keep` refuses do not count, [`NeighbourhoodOptions::too_many`]
/// are taken, the others are counted in [`NeighbourhoodNode::left_out`]. Of more referrers
/// than are taken, those that explain most go first: modules, threads and frames, then all
/// others, then what holds by noise only (see below), in the graph's order each. Nodes at the
/// greatest depth and those for which `stop` is true are shown but not expanded. A neighbour
/// counts once, by however many edges it is one.
///
/// Noise is as for [`why`](super::why): a function's `__globals__` and `__builtins__`, a
/// frame's `f_globals` and `f_builtins`, the fields of a type other than its `__dict__`, an
/// instance's `__class__`, a dict's keys, a dict of modules; and weak references. A class
/// with a million instances or a module's namespace with a thousand functions is still seen
/// in the dict that holds it by name.
///
/// # Complexity
///
/// O of the neighbours of all nodes expanded, and of the referents of all
/// referrers shown: each of their rows is read once. Where referrers must be left out, the
/// first 4,096 are looked into besides, rows of up to 64 referents only; of longer rows the
/// referrer's type decides, of later referrers what those of their type were found to be. Two bits a node of scratch.
pub fn neighbourhood(
    graph: &Graph,
    starts: &[NodeId],
    direction: Direction,
    options: &NeighbourhoodOptions,
    mut keep: impl FnMut(NodeId) -> bool,
    mut stop: impl FnMut(NodeId) -> bool,
) -> Neighbourhood {
    let keep = |node| Ok::<bool, Infallible>(keep(node));
    let stop = |node| Ok::<bool, Infallible>(stop(node));
    match try_neighbourhood(graph, starts, direction, options, keep, stop) {
        Ok(neighbourhood) => neighbourhood,
        Err(never) => match never {},
    }
}

/// As [`neighbourhood`], with a `keep` and a `stop` that may fail; the first error ends it.
///
/// # Errors
///
/// What `keep` or `stop` returns.
pub fn try_neighbourhood<E>(
    graph: &Graph,
    starts: &[NodeId],
    direction: Direction,
    options: &NeighbourhoodOptions,
    mut keep: impl FnMut(NodeId) -> Result<bool, E>,
    mut stop: impl FnMut(NodeId) -> Result<bool, E>,
) -> Result<Neighbourhood, E> {
    let mut growth = Growth::new(graph, direction, options.weak);
    for &start in starts {
        growth.start(start);
    }
    while let Some((place, node)) = growth.queue.pop_front() {
        let depth = growth.nodes[place].depth;
        if depth >= options.max_depth || stop(node)? {
            continue;
        }
        let mut neighbours = growth.neighbours(node);
        let mut kept = 0;
        for at in 0..neighbours.len() {
            if keep(neighbours[at].0)? {
                neighbours[kept] = neighbours[at];
                kept += 1;
            }
        }
        neighbours.truncate(kept);
        if kept > options.too_many {
            growth.keep_telling(node, &mut neighbours, options.too_many);
            growth.nodes[place].left_out = (kept - options.too_many) as u64;
        }
        for (neighbour, strong) in neighbours {
            growth.take(place, neighbour, strong, depth + 1);
        }
    }
    Ok(growth.finish())
}

/// How many referrers of one node are looked into to see by what they hold it.
const MAX_LOOKED_INTO: usize = 4_096;

/// How much a referrer explains.
#[derive(Clone, Copy)]
enum Telling {
    /// Modules, threads and frames: a chain from a root ends here, or nearly so.
    Root,
    Ordinary,
    Noise,
}

/// A neighbourhood while it grows.
struct Growth<'a> {
    graph: &'a Graph,
    direction: Direction,
    weak: bool,
    nodes: IndexMap<NodeId, NeighbourhoodNode>,
    /// Nodes to expand, with their place in `nodes`.
    queue: VecDeque<(usize, NodeId)>,
    /// Those that were put into the queue at some time.
    queued: NodeSet,
    /// Empty between two uses.
    marks: NodeSet,
    /// Made when referrers must be left out.
    noise: Option<Noise<'a>>,
    /// Referrer and referent by their places in `nodes`, in the order in which they were met,
    /// each once: a node is expanded once.
    pairs: Vec<(usize, usize)>,
}

/// A referrer and a referent that are joined, by their places in the nodes.
struct Pair {
    referrer: usize,
    referent: usize,
    edges: Vec<NeighbourhoodEdge>,
}

impl<'a> Growth<'a> {
    fn new(graph: &'a Graph, direction: Direction, weak: bool) -> Self {
        Self {
            graph,
            direction,
            weak,
            nodes: IndexMap::new(),
            queue: VecDeque::new(),
            queued: NodeSet::new(graph.node_count()),
            marks: NodeSet::new(graph.node_count()),
            noise: None,
            pairs: Vec::new(),
        }
    }

    fn start(&mut self, node: NodeId) {
        let start = NeighbourhoodNode { node, depth: 0, left_out: 0, is_start: true };
        let (place, _) = self.nodes.insert_full(node, start);
        if self.queued.insert(node) {
            self.queue.push_back((place, node));
        }
    }

    /// Joins the node at `place` to one of its neighbours.
    fn take(&mut self, place: usize, neighbour: NodeId, strong: bool, depth: u32) {
        let entry = self.nodes.entry(neighbour);
        let other = entry.index();
        entry.or_insert(NeighbourhoodNode { node: neighbour, depth, left_out: 0, is_start: false });
        let (referrer, referent) = match self.direction {
            Direction::Referents => (place, other),
            Direction::Referrers => (other, place),
        };
        self.pairs.push((referrer, referent));
        if strong && self.queued.insert(neighbour) {
            self.nodes[other].depth = depth;
            self.queue.push_back((other, neighbour));
        }
    }

    /// Each neighbour once, in the graph's order, and whether some edge to it is strong.
    fn neighbours(&mut self, node: NodeId) -> Vec<(NodeId, bool)> {
        let graph = self.graph;
        let mut strong: Vec<NodeId> = Vec::new();
        match self.direction {
            Direction::Referrers => strong.extend(graph.strong_referrers(node)),
            Direction::Referents => strong.extend(graph.strong_referents(node)),
        }
        self.keep_first(&mut strong);
        if !self.weak {
            return strong.into_iter().map(|node| (node, true)).collect();
        }
        let mut all = match self.direction {
            Direction::Referrers => graph.referrers(node).to_vec(),
            Direction::Referents => graph.referents(node).to_vec(),
        };
        self.keep_first(&mut all);
        strong.sort_unstable();
        all.into_iter().map(|node| (node, strong.binary_search(&node).is_ok())).collect()
    }

    /// Leaves the first `limit` neighbours; of referrers those that explain most.
    fn keep_telling(&mut self, node: NodeId, neighbours: &mut Vec<(NodeId, bool)>, limit: usize) {
        if self.direction == Direction::Referrers {
            let noise = self.noise.get_or_insert_with(|| Noise::new(self.graph));
            let types = self.graph.snapshot().type_ids();
            let mut classes: [Vec<(NodeId, bool)>; 3] = Default::default();
            // By type, whether all of it that were looked into are noise.
            let mut only_noise: HashMap<TypeId, bool> = HashMap::new();
            for (at, &(referrer, strong)) in neighbours.iter().enumerate() {
                let type_id = types[referrer.index()];
                let mut is_noise = || {
                    if at >= MAX_LOOKED_INTO {
                        let known = only_noise.get(&type_id).copied();
                        return known.unwrap_or_else(|| noise.is_type(referrer));
                    }
                    let is_noise = noise.is_noisy(referrer, node);
                    *only_noise.entry(type_id).or_insert(true) &= is_noise;
                    is_noise
                };
                let class = if !strong || is_noise() {
                    Telling::Noise
                } else if noise.is_near_root(referrer) {
                    Telling::Root
                } else {
                    Telling::Ordinary
                };
                let class = &mut classes[class as usize];
                if class.len() < limit {
                    class.push((referrer, strong));
                }
            }
            *neighbours = classes.concat();
        }
        neighbours.truncate(limit);
    }

    /// Leaves each node where it stands first.
    fn keep_first(&mut self, nodes: &mut Vec<NodeId>) {
        nodes.retain(|&node| self.marks.insert(node));
        for &node in nodes.iter() {
            self.marks.remove(node);
        }
    }

    /// Finds the labels and makes the graph.
    fn finish(self) -> Neighbourhood {
        let nodes: Vec<NeighbourhoodNode> = self.nodes.into_values().collect();
        Neighbourhood::joined(self.graph, self.direction, self.weak, &nodes, &self.pairs)
    }
}

/// Reads the row of each referrer once, however many of its referents are shown:
/// it may be a list of millions.
fn find_labels(graph: &Graph, weak: bool, nodes: &[NeighbourhoodNode], pairs: &mut [Pair]) {
    let node = |place: usize| nodes[place].node;
    let mut marks = NodeSet::new(graph.node_count());
    let mut order: Vec<(NodeId, NodeId, usize)> = Vec::with_capacity(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        order.push((node(pair.referrer), node(pair.referent), at));
        marks.insert(node(pair.referent));
    }
    order.sort_unstable();
    for row in order.chunk_by(|one, other| one.0 == other.0) {
        for Edge { referent, label, .. } in graph.edges_from(row[0].0) {
            if !marks.contains(referent) || !(weak || graph.is_strong(label)) {
                continue;
            }
            let found = row.binary_search_by_key(&referent, |&(_, referent, _)| referent);
            let Ok(place) = found else { continue };
            let edges = &mut pairs[row[place].2].edges;
            if edges.iter().any(|edge| edge.label == label) {
                continue;
            }
            if edges.len() < Neighbourhood::MAX_PARALLEL {
                edges.push(NeighbourhoodEdge { label, count: 1 });
            } else {
                edges[0].count += 1;
            }
        }
    }
}
