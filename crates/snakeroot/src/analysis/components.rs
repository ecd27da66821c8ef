//! Cycles of references: the strongly connected components of the graph.

use super::machinery::Machinery;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 16;

/// Nodes that reach each other: each group is a component with a cycle in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Components {
    /// The nodes of all components, end to end, ascending in each.
    nodes: Vec<NodeId>,
    /// Where each component ends.
    ends: Vec<usize>,
}

impl Components {
    /// How many components there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing in the heap is in a cycle.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The nodes of one component, ascending.
    ///
    /// # Panics
    ///
    /// When there are no more than `at` components.
    pub fn component(&self, at: usize) -> &[NodeId] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.nodes[start..self.ends[at]]
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.nodes.capacity() * 4 + self.ends.capacity() * 8) as u64
    }

    /// All components, in no order that means anything.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[NodeId]> {
        (0..self.len()).map(|at| self.component(at))
    }
}

/// The components in which each node reaches each other one: those of more than
/// one node, and nodes that refer to themselves. Weak references are not followed.
///
/// Tarjan 1972 in the form of Pearce 2016, which needs one number a node.
///
/// # Complexity
///
/// O(V + E) time, sequential. 4 bytes of scratch a node, and 8 for each node
/// of the longest path that is walked and of the components under way. No recursion.
pub fn components(graph: &Graph) -> Components {
    match try_components(graph, &()) {
        Ok(found) => found,
        Err(Stopped) => unreachable!("nobody stops it"),
    }
}

/// As [`components`], stopped when the watch says so.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn try_components(graph: &Graph, watch: &dyn Watch) -> Result<Components, Stopped> {
    components_without(graph, None, watch)
}

/// As [`try_components`], past the references that are machinery where it is given.
pub(super) fn components_without(
    graph: &Graph,
    machinery: Option<&Machinery>,
    watch: &dyn Watch,
) -> Result<Components, Stopped> {
    let mut search = Search {
        graph,
        machinery,
        index: vec![0; graph.node_count()],
        done: NodeSet::new(graph.node_count()),
        path: Vec::new(),
        open: Vec::new(),
        next: 1,
        found: Components::default(),
    };
    let all = graph.node_count() as u64;
    let mut met = 0;
    for node in graph.snapshot().nodes() {
        if search.is_new(node) {
            search.begin(node);
            while search.step() {
                met += 1;
                if met % TICK == 0 {
                    watch.tick((met / 2).min(all), all)?;
                }
            }
        }
    }
    Ok(search.found)
}

/// A node on the path that is walked.
struct Step {
    node: NodeId,
    /// How many of its referents were followed; the highest bit says that the
    /// node leads back to one before it.
    followed: u32,
}

const LEADS_BACK: u32 = 1 << 31;

/// Whether an edge, by its place among those that leave a node, is strong and no machinery
/// that is left out.
pub(super) fn follows(
    graph: &Graph,
    machinery: Option<&Machinery>,
    node: NodeId,
    at: usize,
) -> bool {
    graph.is_strong_edge(node, at)
        && machinery.is_none_or(|machinery| !machinery.is_edge(graph, node, at))
}

struct Search<'a> {
    graph: &'a Graph,
    machinery: Option<&'a Machinery>,
    /// By node: 0 before it is met, then the lowest number that it leads back to.
    index: Vec<u32>,
    /// The nodes whose component is known: bits that stay in the cache, where `index` would not.
    done: NodeSet,
    path: Vec<Step>,
    /// Nodes that were left and whose component is not known yet.
    open: Vec<NodeId>,
    next: u32,
    found: Components,
}

impl Search<'_> {
    fn is_new(&self, node: NodeId) -> bool {
        self.index[node.index()] == 0
    }

    fn begin(&mut self, node: NodeId) {
        self.index[node.index()] = self.next;
        self.next += 1;
        self.path.push(Step { node, followed: 0 });
    }

    /// Goes one node further, or one back; whether there was one on the path.
    fn step(&mut self) -> bool {
        let Some(&Step { node, followed }) = self.path.last() else { return false };
        let row = self.graph.referents(node);
        let some_left_out = self.machinery.is_some() || self.graph.holds_some_weakly(node);
        let mut own = self.index[node.index()];
        let mut back = followed & LEADS_BACK;
        let from = (followed & !LEADS_BACK) as usize;
        for (at, &referent) in row.iter().enumerate().skip(from) {
            // Of most edges the end is done already, and its label need not be read.
            if self.done.contains(referent) || some_left_out && !self.follows(node, at) {
                continue;
            }
            let index = self.index[referent.index()];
            if index == 0 {
                self.index[node.index()] = own;
                let step = self.path.last_mut().expect("the node is on the path");
                // The edge is looked at once more, when its end is known.
                step.followed = at as u32 | back;
                self.begin(referent);
                return true;
            } else if index < own {
                own = index;
                back = LEADS_BACK;
            }
        }
        self.index[node.index()] = own;
        self.path.pop();
        if back != 0 {
            self.open.push(node);
        } else {
            self.close(node, own);
        }
        true
    }

    /// Takes out the component whose first node is left.
    fn close(&mut self, node: NodeId, index: u32) {
        let first = self.open.iter().rposition(|open| self.index[open.index()] < index);
        let own = first.map_or(0, |first| first + 1);
        self.next -= (self.open.len() - own) as u32 + 1;
        self.done.insert(node);
        for &open in &self.open[own..] {
            self.done.insert(open);
        }
        if own < self.open.len() || self.refers_to_itself(node) {
            let start = self.found.nodes.len();
            self.found.nodes.push(node);
            self.found.nodes.extend_from_slice(&self.open[own..]);
            self.found.nodes[start..].sort_unstable();
            self.found.ends.push(self.found.nodes.len());
        }
        self.open.truncate(own);
    }

    fn refers_to_itself(&self, node: NodeId) -> bool {
        let mut row = self.graph.referents(node).iter().enumerate();
        row.any(|(at, &referent)| referent == node && self.follows(node, at))
    }

    /// Whether an edge counts, by its place among those that leave a node.
    fn follows(&self, node: NodeId, at: usize) -> bool {
        follows(self.graph, self.machinery, node, at)
    }
}
