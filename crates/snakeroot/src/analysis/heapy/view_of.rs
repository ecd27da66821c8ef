//! What heapy sees of a heap: which objects, whose dicts, who refers to whom.

use crate::graph::{Graph, NodeSet};
use crate::id::{NodeId, TypeId};
use crate::snapshot::{Flags, LabelKind};
use crate::watch::{Stopped, Watch};

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 16;

/// The objects that are alive: all but garbage, threads and frames. O(V) time.
pub fn visible(graph: &Graph) -> NodeSet {
    let snapshot = graph.snapshot();
    let mut found = NodeSet::all(snapshot.object_count(), graph.node_count());
    found.retain(|node| !snapshot.flags(node).contains(Flags::GARBAGE));
    found
}

/// Whose `__dict__` each dict is.
#[derive(Clone, Debug)]
pub struct Owners {
    /// Dict and owner, ascending by dict; of several owners the first one.
    pairs: Box<[(NodeId, NodeId)]>,
    /// By `TypeId`: whether it is the exact type `dict`.
    is_dict: Box<[bool]>,
}

impl Owners {
    /// Looks through the labels of all edges. O(E) time; 8 bytes an owned dict are kept.
    pub fn new(graph: &Graph) -> Self {
        let snapshot = graph.snapshot();
        let is_dict: Box<[bool]> =
            snapshot.types().iter().map(|entry| entry.full_name() == "builtins.dict").collect();
        let table = snapshot.label_table();
        let is_slot: Vec<bool> = (0..table.len() as u32)
            .map(crate::id::LabelId::entry)
            .map(|label| table.kind(label) == LabelKind::Slot && table.text(label) == "__dict__")
            .collect();
        let rows = snapshot.referents();
        let mut pairs = Vec::new();
        for (at, label) in snapshot.labels().iter().enumerate() {
            let Some(place) = label.as_entry() else { continue };
            if is_slot[place as usize] {
                let dict = rows.targets()[at];
                if is_dict[snapshot.type_ids()[dict.index()].index()] {
                    pairs.push((dict, rows.row_of(at)));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        Self { pairs: pairs.into(), is_dict }
    }

    /// Whether a node's type is exactly `dict`.
    #[inline]
    pub fn is_dict(&self, graph: &Graph, node: NodeId) -> bool {
        self.is_dict_type(graph.snapshot().type_ids()[node.index()])
    }

    /// Whether a type is exactly `dict`.
    #[inline]
    pub fn is_dict_type(&self, id: TypeId) -> bool {
        self.is_dict[id.index()]
    }

    /// The object whose `__dict__` a dict is. O(log dicts).
    pub fn of(&self, dict: NodeId) -> Option<NodeId> {
        let place = self.pairs.binary_search_by_key(&dict, |pair| pair.0).ok()?;
        Some(self.pairs[place].1)
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.pairs.len() * 8 + self.is_dict.len()) as u64
    }
}

/// Whether a node is one that heapy would name as a referrer: no garbage and no thread.
pub(super) fn refers(graph: &Graph, node: NodeId) -> bool {
    let snapshot = graph.snapshot();
    let flags = snapshot.flags(node);
    let is_garbage = flags.contains(Flags::GARBAGE);
    let is_thread = flags.contains(Flags::SYNTHETIC) && is_thread(graph, node);
    !is_garbage && !is_thread
}

/// Whether a synthetic node is a thread.
fn is_thread(graph: &Graph, node: NodeId) -> bool {
    &*graph.snapshot().type_of(node).qualname == "thread"
}

/// What holds some object of a set: objects and frames, neither garbage nor threads.
///
/// # Complexity
///
/// O(V / 64 + edges that end in the set) time; an eighth of a byte a node.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn referrers(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let mut found = super::super::referrers_of(graph, set, watch)?;
    found.retain(|node| refers(graph, node));
    Ok(found)
}

/// What some object of a set holds: objects, no frames.
///
/// # Complexity
///
/// O(V / 64 + edges that leave the set) time; an eighth of a byte a node.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn referents(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let mut found = super::super::referents_of(graph, set, watch)?;
    let objects = graph.snapshot().object_count();
    found.retain(|node| node.index() < objects);
    Ok(found)
}

/// Of the referrers of a set those that the GC roots reach without passing another of them.
///
/// # Complexity
///
/// O(V + E) time; an eighth of a byte a node, and 4 bytes a node at the edge of the search.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn immediate_dominators(
    graph: &Graph,
    set: &NodeSet,
    watch: &dyn Watch,
) -> Result<NodeSet, Stopped> {
    let referrers = referrers(graph, set, watch)?;
    let mut seen = NodeSet::new(graph.node_count());
    let mut stack: Vec<NodeId> =
        super::super::roots(graph).filter(|&root| seen.insert(root)).collect();
    let mut reached = 0;
    while let Some(node) = stack.pop() {
        reached += 1;
        if reached % TICK == 0 {
            watch.tick(reached, graph.node_count() as u64)?;
        }
        if !referrers.contains(node) {
            stack.extend(graph.strong_referents(node).filter(|&next| seen.insert(next)));
        }
    }
    seen.intersect(&referrers);
    Ok(seen)
}
