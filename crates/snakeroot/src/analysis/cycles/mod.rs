//! Cycles: objects that keep each other alive, what each cycle retains, and where to break it.

use std::cmp::Reverse;

use super::components::{Components, components_without};
use super::dominators::{DominatorTree, try_contracted_dominators};
use super::machinery::Machinery;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::Flags;
use crate::watch::{Stopped, Watch};

mod breaking;
mod detail;
mod finalizers;
mod shortest;

pub use breaking::BreakAt;
pub use detail::CycleDetail;

/// Which cycles are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CycleScope {
    /// Those that somebody made: the references that every class, function and
    /// module has by itself are not followed.
    ///
    /// Left out are `__class__`, a function's and a frame's globals and builtins, a
    /// type's `__mro__`, `__objclass__`, `__self__` and `__module__` where that is a type or a module, and
    /// a closure's cell that holds a class, as far as labels tell. By these nearly all that lives is in one cycle with
    /// the modules.
    #[default]
    Made,
    /// All, the cycles of each class with its own parts too.
    All,
    /// All that are in the garbage.
    Garbage,
}

/// Nodes that reach each other: a strongly connected component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Place among the components.
    component: u32,
    /// How many nodes.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
    /// How many objects would be freed if all of its nodes were, these among them.
    pub retained_count: u64,
    /// The bytes of these.
    pub retained_size: u64,
    /// Whether no GC root reaches it.
    pub is_garbage: bool,
}

/// What no GC root reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GarbageTotal {
    /// How many objects.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
    /// How many of them no one cycle retains: several together do, or nothing does any more.
    pub shared_count: u64,
}

/// The cycles of a heap, those that retain most first.
#[derive(Debug)]
pub struct Cycles {
    scope: CycleScope,
    machinery: Machinery,
    components: Components,
    rows: Vec<Cycle>,
    left_out: u64,
    garbage: GarbageTotal,
}

impl Cycles {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The cycles, those that retain most first; of equal ones the one with the lowest address.
    pub fn rows(&self) -> &[Cycle] {
        &self.rows
    }

    /// The nodes of a cycle, ascending.
    pub fn nodes(&self, cycle: &Cycle) -> &[NodeId] {
        self.components.component(cycle.component as usize)
    }

    /// Which cycles were looked for.
    pub fn scope(&self) -> CycleScope {
        self.scope
    }

    /// How many components of the whole graph have no cycle in this scope; 0
    /// where all references are followed.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// All that no GC root reaches, whether in a cycle or not.
    pub fn garbage(&self) -> GarbageTotal {
        self.garbage
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        self.components.heap_bytes()
            + self.machinery.heap_bytes()
            + (self.rows.len() * size_of::<Cycle>()) as u64
    }

    /// The references that are not followed, if there are such.
    fn without(&self) -> Option<&Machinery> {
        (self.scope == CycleScope::Made).then_some(&self.machinery)
    }
}

/// The cycles of a heap, each with what it retains, those that retain most first.
///
/// A cycle is a strongly connected component: nodes that reach each other, or a
/// node that refers to itself. It retains what would be freed if all its nodes
/// were: itself and what the GC roots reach only through it, by any reference.
/// Where one cycle leads to another, what that retains may be in both numbers. Weak references are
/// not followed.
///
/// Garbage is entered as in [`dominators`](super::dominators): at one object of each component that nothing leads to.
///
/// Components after Pearce (2016). Retained sizes of all of them at once: in the
/// dominator tree of the graph in which each component is one node.
///
/// # Complexity
///
/// O(E log V) time; 40 bytes of scratch a node. 4 bytes a node of a cycle and 48 a
/// cycle are the result. No recursion.
pub fn cycles(graph: &Graph, scope: CycleScope) -> Cycles {
    match try_cycles(graph, scope, &()) {
        Ok(found) => found,
        Err(Stopped) => unreachable!("nobody stops it"),
    }
}

/// As [`cycles`], stopped when the watch says so.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn try_cycles(graph: &Graph, scope: CycleScope, watch: &dyn Watch) -> Result<Cycles, Stopped> {
    let machinery = Machinery::new(graph);
    let without = (scope == CycleScope::Made).then_some(&machinery);
    let components = components_without(graph, without, watch)?;
    let left_out = match without {
        Some(_) => without_any_of(&components_without(graph, None, watch)?, &components, graph),
        None => 0,
    };
    let tree = try_contracted_dominators(graph, &components, watch)?;
    let (counts, garbage) = count_retained(graph, &tree, &components);
    let rows = (0..).zip(components.iter()).map(|(component, nodes)| {
        let sizes = nodes.iter().map(|&node| graph.snapshot().size(node));
        Cycle {
            component,
            count: nodes.len() as u64,
            size: sizes.fold(0, u64::saturating_add),
            retained_count: u64::from(counts[nodes[0].index()]),
            retained_size: tree.retained_size(nodes[0]),
            is_garbage: tree.is_garbage(nodes[0]),
        }
    });
    let mut rows: Vec<Cycle> =
        rows.filter(|cycle| scope != CycleScope::Garbage || cycle.is_garbage).collect();
    rows.sort_by_key(|cycle| {
        let first = components.component(cycle.component as usize)[0];
        (Reverse(cycle.retained_size), Reverse(cycle.size), first)
    });
    Ok(Cycles { scope, machinery, components, rows, left_out, garbage })
}

/// How many components have no node of any of some others.
fn without_any_of(components: &Components, others: &Components, graph: &Graph) -> u64 {
    let mut seen = NodeSet::new(graph.node_count());
    others.iter().for_each(|nodes| seen.extend(nodes.iter().copied()));
    let none = |nodes: &&[NodeId]| !nodes.iter().any(|&node| seen.contains(node));
    components.iter().filter(none).count() as u64
}

/// How many objects each node retains in a contracted tree, and what no root reaches.
fn count_retained(
    graph: &Graph,
    tree: &DominatorTree,
    components: &Components,
) -> (Vec<u32>, GarbageTotal) {
    let snapshot = graph.snapshot();
    let mut in_cycle = NodeSet::new(graph.node_count());
    components.iter().for_each(|nodes| in_cycle.extend(nodes.iter().copied()));
    // Each node after its dominator.
    let mut order = tree.top_level().to_vec();
    let mut at = 0;
    while at < order.len() {
        order.extend_from_slice(tree.dominated(order[at]));
        at += 1;
    }
    let mut garbage = GarbageTotal { size: tree.garbage_bytes(), ..GarbageTotal::default() };
    let mut explained = in_cycle;
    for &node in &order {
        if tree.immediate_dominator(node).is_some_and(|above| explained.contains(above)) {
            explained.insert(node);
        }
    }
    let mut counts = vec![0_u32; graph.node_count()];
    for &node in order.iter().rev() {
        let is_object = !snapshot.flags(node).contains(Flags::SYNTHETIC);
        counts[node.index()] += u32::from(is_object);
        if let Some(above) = tree.immediate_dominator(node) {
            counts[above.index()] += counts[node.index()];
        }
        if is_object && tree.is_garbage(node) {
            garbage.count += 1;
            garbage.shared_count += u64::from(!explained.contains(node));
        }
    }
    (counts, garbage)
}
