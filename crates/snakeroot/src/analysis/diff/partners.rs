//! Which node of an old heap each node of a new one is.

use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;

use super::{Group, Names};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::parallel;
use crate::snapshot::{LabelKind, Snapshot};
use crate::watch::{Stopped, Watch};

/// For each node of a new heap the one that it is in the old heap.
#[derive(Clone, Debug)]
pub struct Partners(Box<[Option<NodeId>]>);

impl Partners {
    /// The node of the old heap that a node of the new one is; `None` if that was not there.
    #[inline]
    pub fn of(&self, node: NodeId) -> Option<NodeId> {
        self.0[node.index()]
    }

    /// The pairs, by the nodes of the new heap: new node, old node.
    pub fn pairs(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let pair = |(at, old): (usize, &Option<NodeId>)| Some((NodeId::from_index(at), (*old)?));
        self.0.iter().enumerate().filter_map(pair)
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        4 * self.0.len() as u64
    }
}

/// Which node of an old heap each node of a new one is, of two heaps of one process.
///
/// An object by its address and the name of its type. A thread by its name, of several
/// with one name in their order. A frame by its thread and the calls that led to it:
/// of the outermost ones those are the same that have the same function and file, whatever line they are at.
///
/// # Complexity
///
/// O(V + T) time on all cores; 4 bytes a node are kept.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn partners(old: &Graph, new: &Graph, watch: &dyn Watch) -> Result<Partners, Stopped> {
    const PIECE: usize = 1 << 16;
    let (before, after) = (old.snapshot(), new.snapshot());
    let names = Names::new(before, after, Group::Type);
    let mut partners = vec![None; new.node_count()];
    let objects = after.object_count();
    parallel::run(|| {
        partners[..objects].par_chunks_mut(PIECE).enumerate().try_for_each(|(piece, partners)| {
            let first = piece * PIECE;
            watch.tick(first as u64, objects as u64)?;
            let range = first..first + partners.len();
            join(after, &names.new, range, before, &names.old, |at, partner| {
                partners[at - first] = partner;
            });
            Ok(())
        })
    })?;
    let mut threads: HashMap<(&str, usize), NodeId> = HashMap::new();
    for (key, thread) in threads_of(before) {
        threads.insert(key, thread);
    }
    for (key, thread) in threads_of(after) {
        let Some(&partner) = threads.get(&key) else { continue };
        partners[thread.index()] = Some(partner);
        let (olds, news) = (frames_of(old, partner), frames_of(new, thread));
        for (&old, &new) in olds.iter().rev().zip(news.iter().rev()) {
            let place = |snapshot: &Snapshot, node| {
                snapshot.names().get(node).map(|name| without_line(name).to_owned())
            };
            if place(before, old) != place(after, new) {
                break;
            }
            partners[new.index()] = Some(old);
        }
    }
    Ok(Partners(partners.into()))
}

/// Tells of each object in a range of one heap which object of another heap it is.
pub(super) fn join(
    snapshot: &Snapshot,
    names: &[u32],
    range: Range<usize>,
    other: &Snapshot,
    other_names: &[u32],
    mut found: impl FnMut(usize, Option<NodeId>),
) {
    let addresses = &snapshot.addresses()[range.clone()];
    let others = &other.addresses()[..other.object_count()];
    let Some(&first) = addresses.first() else { return };
    let mut next = others.partition_point(|&address| address < first);
    for (&address, at) in addresses.iter().zip(range) {
        while others.get(next).is_some_and(|&other| other < address) {
            next += 1;
        }
        let is_same = others.get(next) == Some(&address)
            && other_names[other.type_ids()[next].index()]
                == names[snapshot.type_ids()[at].index()];
        found(at, is_same.then(|| NodeId::from_index(next)));
    }
}

/// The threads of a heap, each by its name and as the how-manieth of that name.
fn threads_of(snapshot: &Snapshot) -> Vec<((&str, usize), NodeId)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let nodes = (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index);
    let threads = nodes.filter(|&node| &*snapshot.type_of(node).qualname == "thread");
    threads
        .map(|node| {
            let name = snapshot.names().get(node).unwrap_or_default();
            let count = seen.entry(name).or_default();
            *count += 1;
            ((name, *count), node)
        })
        .collect()
}

/// The frames of a thread, the innermost first.
fn frames_of(graph: &Graph, thread: NodeId) -> Vec<NodeId> {
    let table = graph.snapshot().label_table();
    let edges = graph.edges_from(thread);
    let frames = edges.filter(|edge| table.kind(edge.label) == LabelKind::Frame);
    frames
        .map(|edge| edge.referent)
        .filter(|node| node.index() >= graph.snapshot().object_count())
        .collect()
}

/// The name of a frame, `handle() service.py:42`, without the line.
fn without_line(name: &str) -> &str {
    let bare = name.trim_end_matches(|sign: char| sign.is_ascii_digit());
    match bare.strip_suffix(':') {
        Some(place) if bare.len() < name.len() => place,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::without_line;

    #[test]
    fn a_frame_is_the_same_at_another_line() {
        assert_eq!(without_line("handle() service.py:42"), "handle() service.py");
        assert_eq!(without_line("handle() service.py"), "handle() service.py");
        assert_eq!(without_line("run2"), "run2");
    }
}
