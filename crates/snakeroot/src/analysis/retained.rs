//! What a set of nodes retains.

use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 16;

/// What would be freed if all nodes of a set were: the set and all that the GC
/// roots reach only through it.
///
/// Of garbage in the set: itself and all garbage that it leads to.
///
/// # Complexity
///
/// O(V + E) time, sequential; an eighth of a byte a node, and 4 bytes a node
/// at the edge of the search.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn retained_by(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let all = graph.node_count() as u64;
    let mut kept = set.clone();
    // What is reached without passing the set stays.
    let mut reached = 0;
    let mut stack: Vec<NodeId> = Vec::new();
    let mut go = |stack: &mut Vec<NodeId>, seen: &mut NodeSet| {
        while let Some(node) = stack.pop() {
            reached += 1;
            if reached % TICK == 0 {
                watch.tick(reached, all)?;
            }
            stack.extend(graph.strong_referents(node).filter(|&node| seen.insert(node)));
        }
        Ok(())
    };
    stack.extend(super::roots(graph).filter(|&root| kept.insert(root)));
    go(&mut stack, &mut kept)?;
    // What of the rest the set leads to goes with it.
    let mut freed = set.clone();
    for node in set.iter() {
        stack.extend(graph.strong_referents(node).filter(|&node| kept.insert(node)));
    }
    stack.iter().for_each(|&node| {
        freed.insert(node);
    });
    while let Some(node) = stack.pop() {
        let more = graph.strong_referents(node).filter(|&node| kept.insert(node));
        let before = stack.len();
        stack.extend(more);
        stack[before..].iter().for_each(|&node| {
            freed.insert(node);
        });
    }
    Ok(freed)
}
