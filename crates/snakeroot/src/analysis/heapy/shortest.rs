//! All shortest paths from the root, or from some nodes, to the nearest of others.
//!
//! As levels: a node of each level holds some of the next one, and every such edge is on a path. Paths are
//! counted and found by their number; they are never listed, since there may be more of them than atoms.

use std::sync::OnceLock;

use num_bigint::BigUint;

use super::link::{Step, link_of, steps_from, steps_from_root};
use super::roots::{Reach, RootEdge, RootEdges};
use super::search::Search;
use super::ways::{Avoid, Ends, Ways};
use crate::analysis::held::Meter;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

use super::link::Link;

/// Where paths begin.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// At the root.
    Root(&'a RootEdges),
    /// At some nodes.
    Nodes(&'a NodeSet),
}

/// The shortest paths to the nearest of some nodes.
#[derive(Debug)]
pub struct ShortestPaths {
    /// Ascending each, but for the first, which is as it was ordered. The first level are the sources,
    /// or none where paths begin at the root; the last are the nodes that were found.
    levels: Vec<Vec<NodeId>>,
    /// The edges of the root, where paths begin there.
    root: Option<Vec<RootEdge>>,
    ways: Ways,
    /// By level and place in it: how many paths go on from there.
    counts: OnceLock<Vec<Vec<BigUint>>>,
}

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Where it begins; `None` is the root.
    pub source: Option<NodeId>,
    /// How each node is reached, and which.
    pub steps: Vec<(Link, NodeId)>,
}

/// Steps that a frame is farther from the root than it seems.
///
/// heapy begins at its own frames, and those who ask stand some steps behind: what a module leads to as
/// well is found there. So it is here.
const STEPS_TO_FRAMES: usize = 5;

/// Searches from both ends, where fewer edges wait first.
///
/// From the root frames are followed only if nothing else leads there or what does is much longer, and of them their
/// variables; the edges that heapy does not follow only if nothing is found without.
/// Nodes that are sources too are not looked for. Weak edges are none.
///
/// # Complexity
///
/// O(V + E) time at worst, and where the ends are near the edges between them; 8 bytes a node of
/// scratch, untouched where the search does not come.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn shortest_paths(
    graph: &Graph,
    source: Source<'_>,
    targets: &NodeSet,
    avoid: Avoid,
    watch: &dyn Watch,
) -> Result<ShortestPaths, Stopped> {
    let mut meter = Meter::new(graph, watch);
    let paths = match source {
        Source::Nodes(nodes) => {
            let ways = Ways::new(avoid, &[]);
            let levels = Search::levels(graph, None, nodes, targets, &ways, &mut meter)?;
            ShortestPaths { levels, root: None, ways, counts: OnceLock::new() }
        }
        Source::Root(edges) => from_root(graph, edges, targets, avoid, &mut meter)?,
    };
    meter.tell()?;
    Ok(paths)
}

/// The paths of one step from some nodes to others, which may be among them.
///
/// # Complexity
///
/// O(d log d) time for d edges of the sources.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn single_steps(
    graph: &Graph,
    sources: &NodeSet,
    targets: &NodeSet,
    watch: &dyn Watch,
) -> Result<ShortestPaths, Stopped> {
    let mut meter = Meter::new(graph, watch);
    let mut levels = vec![Vec::new(), Vec::new()];
    for source in sources.iter() {
        meter.look(graph.referents(source).len())?;
        let held = graph.edges_from(source).filter(|edge| graph.is_strong(edge.label));
        let held = held.map(|edge| edge.referent).filter(|&node| targets.contains(node));
        let before = levels[1].len();
        levels[1].extend(held);
        if levels[1].len() > before {
            levels[0].push(source);
        }
    }
    levels[1].sort_unstable();
    levels[1].dedup();
    if levels[0].is_empty() {
        levels.clear();
    }
    meter.tell()?;
    let ways = Ways::new(Avoid::default(), &[]);
    Ok(ShortestPaths { levels, root: None, ways, counts: OnceLock::new() })
}

/// The shortest paths from the root, by what heapy follows if that leads there.
fn from_root(
    graph: &Graph,
    edges: &RootEdges,
    targets: &NodeSet,
    avoid: Avoid,
    meter: &mut Meter<'_>,
) -> Result<ShortestPaths, Stopped> {
    let mut ways = Ways::new(avoid, edges.frames());
    let mut search = |ways: &Ways, reach| {
        let mut nodes = edges.nodes(reach, graph.node_count());
        nodes.retain(|node| ways.begins(node));
        Search::levels(graph, Some(edges), &nodes, targets, ways, meter)
    };
    let mut reach = Reach::Named;
    let mut levels = search(&ways, reach)?;
    if levels.is_empty() || levels.len() > STEPS_TO_FRAMES {
        let near = search(&ways, Reach::Frames)?;
        let is_nearer = near.len() + STEPS_TO_FRAMES < levels.len();
        if !near.is_empty() && (levels.is_empty() || is_nearer) {
            (levels, reach) = (near, Reach::Frames);
        }
    }
    if levels.is_empty() {
        ways = Ways::new(ways.avoid, &[]);
        reach = Reach::All;
        levels = search(&ways, reach)?;
    }
    if !levels.is_empty() {
        levels.insert(0, Vec::new());
    }
    let root = Some(edges.edges(reach).to_vec());
    Ok(ShortestPaths { levels, root, ways, counts: OnceLock::new() })
}

impl ShortestPaths {
    /// How many edges each path has; `None` where there is no path.
    pub fn length(&self) -> Option<usize> {
        self.levels.len().checked_sub(1)
    }

    /// Whether they begin at the root.
    pub fn is_from_root(&self) -> bool {
        self.root.is_some()
    }

    /// The nodes of each level, from the sources to what was found; that of the root is empty.
    pub fn levels(&self) -> &[Vec<NodeId>] {
        &self.levels
    }

    /// What no path passes.
    pub fn avoid(&self) -> &Avoid {
        &self.ways.avoid
    }

    /// Puts the sources into the order in which paths are numbered.
    ///
    /// # Panics
    ///
    /// When these are not the sources.
    pub fn order_sources(&mut self, sources: Vec<NodeId>) {
        let Some(first) = self.levels.first_mut() else { return };
        assert_eq!(first.len(), sources.len(), "the same sources in another order");
        *first = sources;
        self.counts = OnceLock::new();
    }

    /// The edges from one level to the next one.
    pub fn edges_at(&self, graph: &Graph, level: usize) -> Vec<Ends> {
        let Some(next) = self.levels.get(level + 1) else { return Vec::new() };
        let mut edges = Vec::new();
        if level == 0 && self.root.is_some() {
            edges.extend(next.iter().map(|&node| (None, node)));
            return edges;
        }
        for &node in &self.levels[level] {
            let steps = graph.strong_referents(node).filter(|to| next.binary_search(to).is_ok());
            let mut ends: Vec<Ends> = steps
                .filter(|&to| self.ways.leads(graph, node, to))
                .map(|to| (Some(node), to))
                .collect();
            ends.sort_unstable();
            ends.dedup();
            edges.append(&mut ends);
        }
        edges
    }

    fn steps(&self, graph: &Graph, level: usize, from: Option<NodeId>) -> Vec<Step> {
        let Some(next) = self.levels.get(level + 1) else { return Vec::new() };
        let is_next = |to: NodeId| next.binary_search(&to).is_ok();
        match (from, &self.root) {
            (Some(from), _) => steps_from(graph, from, |edge| {
                is_next(edge.referent) && self.ways.takes(graph, edge)
            }),
            (None, Some(edges)) => steps_from_root(edges, |to| is_next(to) && self.ways.begins(to)),
            (None, None) => Vec::new(),
        }
    }

    fn counts(&self, graph: &Graph) -> &Vec<Vec<BigUint>> {
        self.counts.get_or_init(|| {
            let mut counts: Vec<Vec<BigUint>> =
                self.levels.iter().map(|level| vec![BigUint::ZERO; level.len()]).collect();
            if let Some(last) = counts.last_mut() {
                last.fill(BigUint::from(1_u32));
            }
            for level in (0..self.levels.len().saturating_sub(1)).rev() {
                let (own, next) = counts.split_at_mut(level + 1);
                for (count, &node) in own[level].iter_mut().zip(&self.levels[level]) {
                    let next_level = &self.levels[level + 1];
                    self.ways.each_end(graph, node, |to| {
                        if let Ok(place) = next_level.binary_search(&to) {
                            *count += &next[0][place];
                        }
                    });
                }
            }
            counts
        })
    }

    /// How many paths go on from a node of a level.
    fn count_from(&self, graph: &Graph, level: usize, place: usize) -> &BigUint {
        &self.counts(graph)[level][place]
    }

    fn count_of(&self, graph: &Graph, level: usize, node: NodeId) -> &BigUint {
        let place =
            self.levels[level].binary_search(&node).expect("a step leads to the next level");
        self.count_from(graph, level, place)
    }

    /// How many paths there are.
    ///
    /// # Complexity
    ///
    /// O of the edges that leave the nodes on paths, and the numbers' lengths; kept.
    pub fn count(&self, graph: &Graph) -> BigUint {
        if self.levels.is_empty() {
            return BigUint::ZERO;
        }
        if self.root.is_some() {
            let steps = self.steps(graph, 0, None);
            return steps.into_iter().map(|step| self.count_of(graph, 1, step.to)).sum();
        }
        self.counts(graph)[0].iter().sum()
    }

    /// The path of a number, counted from 0, and from there on all others; `None` where there is none.
    ///
    /// Paths are in the order of the sources, then of the links of each step.
    ///
    /// # Complexity
    ///
    /// That of [`ShortestPaths::count`] once, but for the first path; then O(d log d) for d edges that leave the nodes of the path.
    pub fn from(&self, graph: &Graph, number: &BigUint) -> Option<Cursor> {
        let last = self.length()?;
        let mut cursor = Cursor { source: 0, steps: Vec::with_capacity(last) };
        let mut rest = number.clone();
        if self.root.is_none() {
            cursor.source = self
                .take(self.levels[0].len(), &mut rest, |place| self.count_from(graph, 0, place))?;
        }
        let mut node = self.source(cursor.source);
        for level in 0..last {
            let steps = self.steps(graph, level, node);
            let place = self.take(steps.len(), &mut rest, |place| {
                self.count_of(graph, level + 1, steps[place].to)
            })?;
            node = Some(steps[place].to);
            cursor.steps.push((steps, place));
        }
        Some(cursor)
    }

    /// The place of which `rest` is one, what comes before it taken off; the first one without any count.
    fn take<'a>(
        &'a self,
        places: usize,
        rest: &mut BigUint,
        count: impl Fn(usize) -> &'a BigUint,
    ) -> Option<usize> {
        if *rest == BigUint::ZERO {
            return (places > 0).then_some(0);
        }
        for place in 0..places {
            let own = count(place);
            if *rest < *own {
                return Some(place);
            }
            *rest -= own;
        }
        None
    }

    fn source(&self, place: usize) -> Option<NodeId> {
        match self.root {
            Some(_) => None,
            None => Some(self.levels[0][place]),
        }
    }

    /// The path at a cursor.
    pub fn path(&self, graph: &Graph, cursor: &Cursor) -> Path {
        let source = self.source(cursor.source);
        let root = self.root.as_deref().unwrap_or_default();
        let mut from = source;
        let steps = cursor.steps.iter().map(|(steps, place)| {
            let step = steps[*place];
            let link = link_of(graph, from, step, root);
            from = Some(step.to);
            (link, step.to)
        });
        Path { source, steps: steps.collect() }
    }

    /// Moves a cursor to the next path; `false` where there is none.
    ///
    /// # Complexity
    ///
    /// O(d log d) for d edges that leave nodes that the path before did not have.
    pub fn advance(&self, graph: &Graph, cursor: &mut Cursor) -> bool {
        let Some(last) = self.length() else { return false };
        loop {
            let Some((steps, place)) = cursor.steps.last_mut() else {
                cursor.source += 1;
                if self.root.is_some() || cursor.source >= self.levels[0].len() {
                    return false;
                }
                break;
            };
            *place += 1;
            if *place < steps.len() {
                break;
            }
            cursor.steps.pop();
        }
        while cursor.steps.len() < last {
            let node = match cursor.steps.last() {
                Some((steps, place)) => Some(steps[*place].to),
                None => self.source(cursor.source),
            };
            let steps = self.steps(graph, cursor.steps.len(), node);
            if steps.is_empty() {
                return false;
            }
            cursor.steps.push((steps, 0));
        }
        true
    }
}

/// A place among the shortest paths.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Which of the sources.
    source: usize,
    /// By level: the steps of the node there, and which is taken.
    steps: Vec<(Vec<Step>, usize)>,
}
