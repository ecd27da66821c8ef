//! What holds too much: leak suspects, and where they accumulate.
//!
//! The rules are those of Eclipse MAT's query for leaks, with one difference: a JVM's class loaders
//! and threads keep little, but a Python program's modules, classes and functions keep all. They are
//! looked through, so that a suspect is data and not the program that holds it.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::graph::{Graph, NodeSet};
use crate::id::{NodeId, TypeId};
use crate::snapshot::RootKind;
use crate::watch::{Stopped, Watch};

use super::fingerprint::{fingerprint, steady_chain};
use super::merged::merge;
use super::paths::Paths;
use super::structure::structure;
use super::{Chain, DominatorTree, MergedChains};

/// The path downwards goes on while one dominated node keeps this share of what its dominator retains.
const GOES_ON: f64 = 0.7;

/// The merged chains of a group are followed while they carry this share of its members.
const CARRIES: f64 = 0.8;

/// So often must types repeat on the path for it to be one long list.
const LONG_RUN: usize = 16;

/// The longest pattern of types that is seen to repeat: an object, its dict, a list in it.
const LONGEST_PATTERN: usize = 3;

/// How many of those that are no suspects are told of.
const MOST_BELOW: usize = 3;

/// Types of which every program has many, that are no data of its own.
const OF_THE_PROGRAM: [&str; 10] = [
    "builtins.code",
    "builtins.cell",
    "builtins.property",
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.getset_descriptor",
    "builtins.member_descriptor",
    "builtins.method_descriptor",
    "builtins.wrapper_descriptor",
    "builtins.builtin_function_or_method",
];

/// What holds too much.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspects {
    /// A suspect retains more than this share of the heap.
    pub threshold: f64,
    /// The shallow sizes of all nodes together.
    pub heap_bytes: u64,
    /// The shallow sizes of what no GC root reaches.
    pub garbage_bytes: u64,
    /// The suspects, largest first.
    pub found: Vec<Suspect>,
    /// The largest single objects that are no suspects, at most 3, largest first.
    pub below: Vec<Suspect>,
}

/// An object, or a group of objects of one type, that retains much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The object, or the group, ascending.
    pub nodes: Vec<NodeId>,
    /// What they retain together, in bytes. No node of a group dominates another.
    pub retained: u64,
    /// Where the memory accumulates: see [`suspects`]. `None` for a group whose objects are held each by another.
    pub accumulation: Option<NodeId>,
    /// How many nodes of a group the chains through the accumulation point lead to; 1 for an object.
    pub carried: u64,
    /// Of objects that hold one another in a long row, how many were followed; 0 otherwise.
    pub run: u64,
    /// What accumulates: the types of what the accumulation point dominates immediately, or the group's own, those that
    /// retain most first, at most 3.
    pub contents: Vec<Content>,
    /// From a GC root down to the accumulation point, or to the group's largest object.
    pub chain: Chain,
    /// The same for the same leak in another process of the program; see [`suspects`].
    pub fingerprint: u64,
}

/// Objects of one type among those that accumulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Their type.
    pub type_id: TypeId,
    /// How many there are.
    pub count: u64,
    /// What they retain together, in bytes.
    pub retained: u64,
}

/// What holds more than a share `threshold` of the heap, and where it accumulates.
///
/// - A *candidate* is a node that is no part of the program itself (module, type, function, thread, frame, a namespace
///   of one of these), and has no dominator that is not. What no GC root reaches is none.
/// - A candidate that retains more than the share is a suspect. Its *accumulation point* is found by going
///   down to the dominated node that retains most, as long as that retains 70 % of what its
///   dominator does. If the path ends in a long list (a pattern of up to 3 types that
///   repeats 16 times), it is the list's beginning.
/// - Of the other candidates those of one type are a suspect if together they retain more than the share. Their merged chains
///   ([`why_merged`](super::why_merged)) are followed from the root down while they carry 80 % of the group: the accumulation point is the
///   last single object on the way. Objects that are roots for a reason that explains little (interned,
///   immortal, static types) belong to no group, nor do parts of the program such as code and descriptors. Of
///   a type of `builtins` a group is a suspect only where it accumulates: every program has many strings.
///
/// The fingerprint is the 64-bit FNV-1a hash of: whether it is an object or a group; the full name of the type that accumulates
/// most; the full name of the accumulation point's type; then, unless a group has no holder in common, for each node of the chain by what it is held (the kind of label; its text where that is a name in
/// the program: an attribute, a field, a variable, an entry of a namespace), its type's full name, and the name of a module, type, function or
/// frame without its line; for the root its kind, and the words of a module, thread or task with digits made `#`. No addresses, counts or sizes.
///
/// # Complexity
///
/// O(V + E) time, and for each suspect what [`why`](super::why()) takes. No recursion.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn suspects(
    graph: &Graph,
    tree: &DominatorTree,
    threshold: f64,
    watch: &dyn Watch,
) -> Result<Suspects, Stopped> {
    let heap_bytes = tree.live_bytes().saturating_add(tree.garbage_bytes());
    let is_over = |bytes: u64| bytes as f64 > threshold * heap_bytes as f64;
    let (singles, others): (Vec<NodeId>, Vec<NodeId>) = candidates(graph, tree, watch)?
        .into_iter()
        .partition(|&node| is_over(tree.retained_size(node)));

    let mut found: Vec<Suspect> = singles.iter().map(|&node| single(graph, tree, node)).collect();
    let mut paths = None;
    for (type_id, members, retained) in groups(graph, tree, &others, is_over) {
        let paths = match &mut paths {
            Some(paths) => paths,
            none => {
                // All of the heap: several groups share the search.
                let mut all = NodeSet::new(graph.node_count());
                all.extend(others.iter().copied());
                none.insert(Paths::search(graph, &all, &NodeSet::default(), watch)?)
            }
        };
        found.extend(group(graph, tree, paths, type_id, members, retained));
    }
    found.sort_by_key(|suspect| (Reverse(suspect.retained), suspect.nodes[0]));

    let mut below = others;
    below.sort_unstable_by_key(|&node| (Reverse(tree.retained_size(node)), node));
    below.truncate(MOST_BELOW);
    let below = below.into_iter().map(|node| single(graph, tree, node)).collect();
    let garbage_bytes = tree.garbage_bytes();
    Ok(Suspects { threshold, heap_bytes, garbage_bytes, found, below })
}

/// The upper end of the dominator tree below the program itself.
fn candidates(
    graph: &Graph,
    tree: &DominatorTree,
    watch: &dyn Watch,
) -> Result<Vec<NodeId>, Stopped> {
    let structure = structure(graph, watch)?;
    let mut found = Vec::new();
    let live = tree.top_level().iter().copied().filter(|&node| !tree.is_garbage(node));
    let mut stack: Vec<NodeId> = live.collect();
    while let Some(node) = stack.pop() {
        match structure.contains(node) {
            true => stack.extend_from_slice(tree.dominated(node)),
            false => found.push(node),
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn single(graph: &Graph, tree: &DominatorTree, node: NodeId) -> Suspect {
    let (accumulation, run) = accumulation_point(graph, tree, node);
    let contents = contents(graph, tree, tree.dominated(accumulation));
    let chain = steady_chain(graph, accumulation);
    let fingerprint = fingerprint(graph, "object", &contents, Some(accumulation), Some(&chain));
    Suspect {
        nodes: vec![node],
        retained: tree.retained_size(node),
        accumulation: Some(accumulation),
        carried: 1,
        run,
        contents,
        chain,
        fingerprint,
    }
}

/// Down from a node to where its memory lies side by side, and how long the row
/// is of those that hold one another there.
fn accumulation_point(graph: &Graph, tree: &DominatorTree, from: NodeId) -> (NodeId, u64) {
    let mut path = vec![from];
    let mut at = from;
    while let Some(&most) =
        tree.dominated(at).iter().max_by_key(|&&node| (tree.retained_size(node), Reverse(node)))
        && tree.retained_size(most) as f64 >= GOES_ON * tree.retained_size(at) as f64
    {
        path.push(most);
        at = most;
    }
    let type_at = |place: usize| graph.snapshot().type_ids()[path[place].index()];
    // In a long list each item keeps nearly all that the one before it does.
    for pattern in 1..=LONGEST_PATTERN {
        // The list's end looks different: data of the last item.
        for end in (path.len().saturating_sub(LONGEST_PATTERN)..path.len()).rev() {
            let mut start = end;
            while start >= pattern && type_at(start) == type_at(start - pattern) {
                start -= 1;
            }
            // `start` is the last of the first pattern.
            if end - start >= LONG_RUN * pattern {
                let first = start + 1 - pattern.min(start + 1);
                return (path[first], ((end - first + 1) / pattern) as u64);
            }
        }
    }
    (at, 0)
}

/// The types of some nodes, those that retain most first.
fn contents(graph: &Graph, tree: &DominatorTree, nodes: &[NodeId]) -> Vec<Content> {
    const MOST: usize = 3;
    let mut by_type: HashMap<TypeId, Content> = HashMap::new();
    for &node in nodes {
        let type_id = graph.snapshot().type_ids()[node.index()];
        let content = by_type.entry(type_id).or_insert(Content { type_id, count: 0, retained: 0 });
        content.count += 1;
        content.retained = content.retained.saturating_add(tree.retained_size(node));
    }
    let mut contents: Vec<Content> = by_type.into_values().collect();
    let name = |content: &Content| graph.snapshot().types()[content.type_id.index()].full_name();
    contents.sort_by_cached_key(|content| (Reverse(content.retained), name(content)));
    contents.truncate(MOST);
    contents
}

/// The candidates by type, where they retain enough together.
fn groups(
    graph: &Graph,
    tree: &DominatorTree,
    candidates: &[NodeId],
    is_over: impl Fn(u64) -> bool,
) -> Vec<(TypeId, Vec<NodeId>, u64)> {
    let snapshot = graph.snapshot();
    let names = snapshot.types().iter().map(|entry| entry.full_name());
    let of_the_program: Vec<bool> = names.map(|name| OF_THE_PROGRAM.contains(&&*name)).collect();
    let explains_little = |node: NodeId| {
        snapshot.root(node).is_some_and(|root| {
            matches!(root.kind, RootKind::Immortal | RootKind::Interned | RootKind::StaticType)
        })
    };
    let mut by_type: HashMap<TypeId, (Vec<NodeId>, u64)> = HashMap::new();
    for &node in candidates {
        let type_id = snapshot.type_ids()[node.index()];
        if !of_the_program[type_id.index()] && !explains_little(node) {
            let (nodes, retained) = by_type.entry(type_id).or_default();
            nodes.push(node);
            *retained = retained.saturating_add(tree.retained_size(node));
        }
    }
    let all = by_type.into_iter().map(|(type_id, (nodes, retained))| (type_id, nodes, retained));
    let mut groups: Vec<_> = all.filter(|group| group.1.len() > 1 && is_over(group.2)).collect();
    groups.sort_unstable_by_key(|group| group.0);
    groups
}

fn group(
    graph: &Graph,
    tree: &DominatorTree,
    paths: &Paths,
    type_id: TypeId,
    nodes: Vec<NodeId>,
    retained: u64,
) -> Option<Suspect> {
    let mut members = NodeSet::new(graph.node_count());
    members.extend(nodes.iter().copied());
    let (accumulation, carried) = followed(&merge(graph, paths, &members));
    let accumulates = accumulation.is_some();
    if !accumulates && &*graph.snapshot().types()[type_id.index()].module == "builtins" {
        return None;
    }
    let largest =
        nodes.iter().copied().min_by_key(|&node| (Reverse(tree.retained_size(node)), node));
    let chain = steady_chain(graph, accumulation.or(largest)?);
    let contents = vec![Content { type_id, count: nodes.len() as u64, retained }];
    let in_common = accumulates.then_some(&chain);
    let fingerprint = fingerprint(graph, "group", &contents, accumulation, in_common);
    Some(Suspect { nodes, retained, accumulation, carried, run: 0, contents, chain, fingerprint })
}

/// The last single node below the root on the way that most members go, and how many do.
fn followed(merged: &MergedChains) -> (Option<NodeId>, u64) {
    let enough = CARRIES * merged.members as f64;
    let mut found = (None, 0);
    let mut above = None;
    // Of the steps below one the first has the most members, and stands right after it.
    for (place, step) in merged.steps.iter().enumerate() {
        if step.above != above || (step.members as f64) < enough {
            break;
        }
        if step.nodes == 1 && step.above.is_some() && step.members > step.ends {
            found = (Some(step.node), step.members);
        }
        above = Some(place);
    }
    found
}
