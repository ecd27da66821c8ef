//! Why are these objects still alive? Their chains, with equal steps made one.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::graph::{Graph, NodeSet};
use crate::id::{LabelId, NodeId, TypeId};
use crate::snapshot::{LabelKind, LabelTable};
use crate::watch::{Stopped, Watch};

use super::paths::Paths;

/// The chains of many objects as one tree, from the GC roots down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedChains {
    /// Each step below the one above it; of those below one step the one with the
    /// most members first.
    pub steps: Vec<MergedStep>,
    /// How many objects were asked for.
    pub members: u64,
    /// How many of them no chain leads to.
    pub unreached: u64,
}

/// A step that chains have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedStep {
    /// The place of the step above in [`MergedChains::steps`]; `None` for a GC root.
    pub above: Option<usize>,
    /// How many steps are above it.
    pub depth: u32,
    /// One of the nodes: the first that was met.
    pub node: NodeId,
    /// How many nodes this step stands for.
    pub nodes: u64,
    /// By what the first node is held; `None` for a GC root.
    pub label: Option<LabelId>,
    /// Whether all nodes are held by the same label.
    pub one_label: bool,
    /// How many members the chains through this step lead to.
    pub members: u64,
    /// How many of the nodes are members themselves.
    pub ends: u64,
}

/// What makes two steps below the same one equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a> {
    above: usize,
    type_id: TypeId,
    /// What the program calls the node: functions, classes, modules are not alike.
    name: Option<&'a str>,
    kind: Option<LabelKind>,
    /// The label, where it is a name in the program.
    label: Option<LabelId>,
}

/// The chains of all `members`, each by a cheapest chain in the sense of [`why`](super::why()), merged.
///
/// Below one step two steps are equal if they lead to nodes of one type by one kind of label, where
/// names must be the same: those of modules, types, functions, frames, attributes, variables
/// and of a namespace's entries. Keys of other dicts, indices and threads are not told apart.
/// No chain leads through a node of `avoid`.
///
/// # Complexity
///
/// O(V + E + S log S) time for S nodes on the chains, however long these are; 12 bytes a node and
/// about 100 a step of scratch. No recursion.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn why_merged(
    graph: &Graph,
    members: &NodeSet,
    avoid: &NodeSet,
    watch: &dyn Watch,
) -> Result<MergedChains, Stopped> {
    let paths = Paths::search(graph, members, avoid, watch)?;
    Ok(merge(graph, &paths, members))
}

/// The chains of all members among those of `paths`, merged.
pub(super) fn merge(graph: &Graph, paths: &Paths, members: &NodeSet) -> MergedChains {
    let mut merged = MergedChains { members: members.count() as u64, ..MergedChains::default() };
    let mut nodes = Vec::new();
    let mut seen = NodeSet::new(graph.node_count());
    for member in members.iter() {
        if paths.cost(member).is_none() {
            merged.unreached += 1;
            continue;
        }
        let mut at = Some(member);
        while let Some(node) = at.filter(|&node| seen.insert(node)) {
            nodes.push(node);
            at = paths.step(node).map(|(holder, _)| holder);
        }
    }
    // A holder costs less than what it holds.
    nodes.sort_unstable_by_key(|&node| (paths.cost(node), node));

    let table = graph.snapshot().label_table();
    let mut steps: Vec<MergedStep> = Vec::new();
    let mut step_of: HashMap<NodeId, usize> = HashMap::with_capacity(nodes.len());
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    for &node in &nodes {
        let held = paths.step(node);
        let above = held.map(|(holder, _)| step_of[&holder]);
        let label = held.map(|(_, label)| label);
        let in_namespace = above.is_some_and(|above| {
            steps[above].label.is_some_and(|label| is_namespace(table, label))
        });
        let key = Key {
            above: above.unwrap_or(usize::MAX),
            type_id: graph.snapshot().type_ids()[node.index()],
            name: program_name(graph, node),
            kind: label.map(|label| table.kind(label)),
            label: label.filter(|&label| match table.kind(label) {
                LabelKind::Attribute | LabelKind::Slot | LabelKind::Local => true,
                LabelKind::Key => in_namespace,
                _ => false,
            }),
        };
        let place = *known.entry(key).or_insert_with(|| {
            let depth = above.map_or(0, |above| steps[above].depth + 1);
            let (nodes, members, ends, one_label) = (0, 0, 0, true);
            steps.push(MergedStep { above, depth, node, nodes, label, one_label, members, ends });
            steps.len() - 1
        });
        let step = &mut steps[place];
        step.nodes += 1;
        step.one_label &= step.label == label;
        step.ends += u64::from(members.contains(node));
        step_of.insert(node, place);
    }
    for place in (0..steps.len()).rev() {
        steps[place].members += steps[place].ends;
        if let Some(above) = steps[place].above {
            steps[above].members += steps[place].members;
        }
    }
    merged.steps = in_order(&steps);
    merged
}

/// Whether what is held by a label has names of the program as its keys.
pub(super) fn is_namespace(table: &LabelTable, label: LabelId) -> bool {
    matches!(table.kind(label), LabelKind::Slot | LabelKind::Attribute)
        && matches!(table.text(label), "__dict__" | "__globals__" | "f_globals")
}

/// What the program calls a node: of a frame not the line, of a thread, which has a
/// number more than a name, nothing.
pub(super) fn program_name(graph: &Graph, node: NodeId) -> Option<&str> {
    let name = graph.snapshot().names().get(node)?;
    let entry = graph.snapshot().type_of(node);
    match (&*entry.module, &*entry.qualname) {
        ("", "thread") => None,
        // Before 3.11 a running frame is an object.
        ("" | "builtins", "frame") => Some(name.rsplit_once(':').map_or(name, |(place, _)| place)),
        _ => Some(name),
    }
}

/// Each step below the one above it, the one with the most members first.
fn in_order(steps: &[MergedStep]) -> Vec<MergedStep> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut stack = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        match step.above {
            Some(above) => below[above].push(place),
            None => stack.push(place),
        }
    }
    let last_first = |places: &mut Vec<usize>| {
        places.sort_by_key(|&place| (steps[place].members, Reverse(place)));
    };
    last_first(&mut stack);
    let mut ordered: Vec<MergedStep> = Vec::with_capacity(steps.len());
    let mut new_place = vec![0; steps.len()];
    while let Some(place) = stack.pop() {
        new_place[place] = ordered.len();
        let above = steps[place].above.map(|above| new_place[above]);
        ordered.push(MergedStep { above, ..steps[place] });
        last_first(&mut below[place]);
        stack.append(&mut below[place]);
    }
    ordered
}
