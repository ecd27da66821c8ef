//! Which recorded objects are still there, and these objects themselves.
//!
//! An address tells nothing: what lay there may be freed, and another of its type in its place.
//! An object is taken for the recorded one if something that held it then holds it still; where
//! only C code or nothing known held it, if it refers to something that it referred to then. The
//! collector's lists and what is in them tell that of most; what they do not tell is looked for
//! in a new walk.

#[cfg(not(Py_GIL_DISABLED))]
use std::cell::RefCell;
#[cfg(not(Py_GIL_DISABLED))]
use std::collections::HashMap;
use std::collections::HashSet;

#[cfg(not(Py_GIL_DISABLED))]
use pyo3::ffi;
use pyo3::prelude::*;
#[cfg(not(Py_GIL_DISABLED))]
use snakeroot::snapshot::Flags;
use snakeroot::{Graph, LabelId, NodeId};

#[cfg(not(Py_GIL_DISABLED))]
use crate::layout::Object;
#[cfg(not(Py_GIL_DISABLED))]
use crate::lists::Which;
#[cfg(not(Py_GIL_DISABLED))]
use crate::marks::Marks;
use crate::pause::Stopped;
use crate::sink::Targets;
use crate::walker::Walker;
use crate::{Options, Probe, WalkError};

/// Steps from an untracked object up to a tracked one that are tried.
#[cfg(not(Py_GIL_DISABLED))]
const MOST_STEPS: usize = 8;
/// Referrers of one object that are tried.
const MOST_HOLDERS: usize = 16;

/// The objects of some nodes, each where it is still alive: an object of the same type at the
/// same address.
///
/// # Errors
///
/// As for [`crate::snapshot`].
///
/// # Complexity
///
/// O(tracked objects) time, a few nanoseconds each; of what they do not tell, one walk.
pub fn living<'py>(
    py: Python<'py>,
    probe: &Probe,
    graph: &Graph,
    nodes: &[NodeId],
) -> Result<Vec<Option<Bound<'py, PyAny>>>, WalkError> {
    #[cfg(not(Py_GIL_DISABLED))]
    let mut found = told_by_lists(py, probe, graph, nodes)?;
    #[cfg(Py_GIL_DISABLED)]
    let mut found: Vec<Option<Bound<'py, PyAny>>> = vec![None; nodes.len()];
    let snapshot = graph.snapshot();
    let is_object = |node: NodeId| node.index() < snapshot.object_count();
    let is_open = |(at, node): (usize, &NodeId)| found[at].is_none() && is_object(*node);
    let open: Vec<usize> =
        nodes.iter().enumerate().filter(|&pair| is_open(pair)).map(|(at, _)| at).collect();
    if open.is_empty() {
        return Ok(found);
    }
    let options = Options { stay_attached: true, ..Options::default() };
    let (now, held) = crate::snapshot(py, probe, &options)?;
    let now = Graph::new(now);
    for at in open {
        let node = nodes[at];
        let there = now.at(snapshot.address(node)).filter(|&other| {
            type_address(&now, other).is_some_and(|ty| type_address(graph, node) == Some(ty))
                && is_continued(graph, node, &now, other)
        });
        found[at] = there.and_then(|other| crate::object_at(py, &held, &now, other));
    }
    Ok(found)
}

/// Whether what lies where an object lay, and is of its type, has something left of what held it
/// or of what it referred to.
fn is_continued(graph: &Graph, node: NodeId, now: &Graph, other: NodeId) -> bool {
    let before: HashSet<Holder> = holders(graph, node).take(MOST_HOLDERS).collect();
    if before.is_empty() {
        return has_common(&referents(graph, node), &referents(now, other));
    }
    holders(now, other).any(|holder| before.contains(&holder))
}

/// Whether some are in both, or there are none in either.
fn has_common(some: &HashSet<u64>, others: &HashSet<u64>) -> bool {
    some.is_empty() && others.is_empty() || !some.is_disjoint(others)
}

/// What holds a node.
fn holders(graph: &Graph, node: NodeId) -> impl Iterator<Item = Holder> {
    let snapshot = graph.snapshot();
    graph.strong_referrers(node).flat_map(move |referrer| {
        let is_object = referrer.index() < snapshot.object_count();
        let object = is_object.then(|| Holder::Object(snapshot.address(referrer)));
        let own = (!is_object).then(|| graph.edges_from(referrer));
        let own = own.into_iter().flatten().filter(move |edge| edge.referent == node);
        let text = |label: LabelId| Holder::Variable(snapshot.label_table().text(label).into());
        object.into_iter().chain(own.map(move |edge| text(edge.label)))
    })
}

/// A holder as another walk finds it: an object by its address, a frame or thread by the variable.
#[derive(PartialEq, Eq, Hash)]
enum Holder {
    Object(u64),
    Variable(Box<str>),
}

/// Where the objects lie that an object refers to, but for its type.
fn referents(graph: &Graph, node: NodeId) -> HashSet<u64> {
    let snapshot = graph.snapshot();
    let ty = type_address(graph, node);
    let objects =
        graph.strong_referents(node).filter(|node| node.index() < snapshot.object_count());
    objects.map(|node| snapshot.address(node)).filter(|&address| Some(address) != ty).collect()
}

/// Where the type object of a node lay.
fn type_address(graph: &Graph, node: NodeId) -> Option<u64> {
    let snapshot = graph.snapshot();
    snapshot.type_of(node).node.map(|ty| snapshot.address(ty))
}

/// Those that the collector's lists tell of, and those that are held by such.
#[cfg(not(Py_GIL_DISABLED))]
fn told_by_lists<'py>(
    py: Python<'py>,
    probe: &Probe,
    graph: &Graph,
    nodes: &[NodeId],
) -> Result<Vec<Option<Bound<'py, PyAny>>>, WalkError> {
    let none = vec![None; nodes.len()];
    let Some(lists) = probe.lists.as_ref().filter(|_| !probe.is_collecting()) else {
        return Ok(none);
    };
    let snapshot = graph.snapshot();
    let address = |node: NodeId| snapshot.address(node) as usize;
    let is_tracked = |node: NodeId| snapshot.flags(node).contains(Flags::TRACKED);
    // What is asked for and what holds it, nearest first.
    let mut holders: Vec<Vec<Vec<NodeId>>> = Vec::with_capacity(nodes.len());
    let mut wanted = Marks::new();
    for &node in nodes {
        let chains = if is_tracked(node) { vec![vec![node]] } else { chains_up(graph, node) };
        for last in chains.iter().filter_map(|chain| chain.last()) {
            wanted.mark(address(*last));
        }
        if is_tracked(node) {
            tracked_holders(graph, node).for_each(|holder| _ = wanted.mark(address(holder)));
        }
        holders.push(chains);
    }
    // SAFETY: attached through `py`; nothing below runs Python code or frees an object
    // until each that was found is held.
    unsafe {
        let there = lists
            .collect(Which::All, |object| wanted.has(object as usize).then_some(object as usize))?;
        let there: HashSet<usize> = there.into_iter().collect();
        let is_same = |object: usize, node: NodeId| {
            type_address(graph, node) == Some(ffi::Py_TYPE(object as Object) as u64)
        };
        let walker = RefCell::new(Walker::new(probe, Targets(Vec::new()), false));
        let take_edges = |object: usize| {
            let mut walker = walker.borrow_mut();
            walker.take_edges(object as Object);
            std::mem::take(&mut walker.sink.0)
        };
        // One that holds many is asked about each.
        let known: RefCell<HashMap<usize, HashSet<usize>>> = RefCell::default();
        let holds = |holder: usize, object: usize| {
            let mut known = known.borrow_mut();
            let held =
                known.entry(holder).or_insert_with(|| take_edges(holder).into_iter().collect());
            held.contains(&object)
        };
        let is_there =
            |node: NodeId| there.contains(&address(node)) && is_same(address(node), node);
        let is_continued = |node: NodeId| {
            let mut holders = tracked_holders(graph, node).peekable();
            if holders.peek().is_some() {
                let at = address(node);
                return holders.any(|holder| is_there(holder) && holds(address(holder), at));
            }
            let ty = ffi::Py_TYPE(address(node) as Object) as usize;
            let now = take_edges(address(node)).into_iter().filter(|&object| object != ty);
            has_common(&referents(graph, node), &now.map(|object| object as u64).collect())
        };
        let lives = |chain: &Vec<NodeId>| {
            let Some((&last, below)) = chain.split_last() else { return false };
            if !is_there(last) || below.is_empty() && !is_continued(last) {
                return false;
            }
            let mut holder = address(last);
            for &node in below.iter().rev() {
                if !holds(holder, address(node)) || !is_same(address(node), node) {
                    return false;
                }
                holder = address(node);
            }
            true
        };
        Ok(nodes
            .iter()
            .zip(&holders)
            .map(|(&node, chains)| {
                let object = address(node) as Object;
                chains.iter().any(lives).then(|| Bound::from_borrowed_ptr(py, object))
            })
            .collect())
    }
}

/// Some of the tracked objects that refer to one.
#[cfg(not(Py_GIL_DISABLED))]
fn tracked_holders(graph: &Graph, node: NodeId) -> impl Iterator<Item = NodeId> {
    let snapshot = graph.snapshot();
    let is_tracked = move |node: &NodeId| {
        node.index() < snapshot.object_count() && snapshot.flags(*node).contains(Flags::TRACKED)
    };
    graph.strong_referrers(node).filter(is_tracked).take(MOST_HOLDERS)
}

/// Ways from an untracked object up to tracked ones: each begins with the object.
#[cfg(not(Py_GIL_DISABLED))]
fn chains_up(graph: &Graph, node: NodeId) -> Vec<Vec<NodeId>> {
    let snapshot = graph.snapshot();
    let mut chains = Vec::new();
    let mut open = vec![vec![node]];
    while let Some(chain) = open.pop() {
        let Some(&last) = chain.last() else { continue };
        for holder in graph.strong_referrers(last).take(MOST_HOLDERS) {
            if holder.index() >= snapshot.object_count() || chain.contains(&holder) {
                continue;
            }
            let longer: Vec<NodeId> = chain.iter().copied().chain([holder]).collect();
            if snapshot.flags(holder).contains(Flags::TRACKED) {
                chains.push(longer);
            } else if longer.len() < MOST_STEPS && open.len() < MOST_HOLDERS {
                open.push(longer);
            }
            if chains.len() >= MOST_HOLDERS {
                return chains;
            }
        }
    }
    chains
}

/// Tuples that exist only to pass these objects, in this order, to the function that runs.
///
/// The interpreter makes one where a call has `*objects`, and nothing but C code holds it. A
/// tuple of the program's own that some object holds is none of them.
///
/// O(tracked objects); if there is one, their references too.
pub fn passing(py: Python<'_>, probe: &Probe, objects: &[Bound<'_, PyAny>]) -> Vec<usize> {
    #[cfg(Py_GIL_DISABLED)]
    {
        let _ = (py, probe, objects);
        Vec::new()
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        let Some(lists) = probe.lists.as_ref().filter(|_| !objects.is_empty()) else {
            return Vec::new();
        };
        let _attached = py;
        let passes = |object: Object| {
            // SAFETY: a tracked object; a tuple's own items are read, and each lives with it.
            unsafe {
                ffi::PyTuple_CheckExact(object) != 0
                    && ffi::PyTuple_GET_SIZE(object) == objects.len() as isize
                    && ffi::Py_REFCNT(object) == 1
                    && (0..)
                        .zip(objects)
                        .all(|(at, item)| ffi::PyTuple_GET_ITEM(object, at) == item.as_ptr())
            }
        };
        // SAFETY: attached, and nothing runs Python code or frees an object.
        unsafe {
            let found =
                lists.collect(Which::All, |object| passes(object).then_some(object as usize));
            let mut found = found.unwrap_or_default();
            if !found.is_empty() {
                let held = crate::references::held_by_tracked(probe, &found);
                found.retain(|tuple| !held.contains(tuple));
            }
            found
        }
    }
}

/// Whether a live object still refers to what was recorded of it, and to nothing else.
///
/// References to our own objects, which are never recorded, count as new ones.
///
/// O of its references.
pub fn is_as_recorded(
    object: &Bound<'_, PyAny>,
    probe: &Probe,
    graph: &Graph,
    node: NodeId,
) -> bool {
    let snapshot = graph.snapshot();
    let stopped = Stopped::begin(object.py());
    let mut walker = Walker::new(probe, Targets(Vec::new()), false);
    // SAFETY: attached, a live object, and nothing runs until its references were read.
    unsafe { walker.take_edges(object.as_ptr()) };
    drop(stopped);
    let mut now = walker.sink.0;
    let objects =
        graph.referents(node).iter().filter(|node| node.index() < snapshot.object_count());
    let mut then: Vec<usize> = objects.map(|&node| snapshot.address(node) as usize).collect();
    now.sort_unstable();
    then.sort_unstable();
    now == then
}
