//! What some nodes lead to.

use super::view_of::referrers;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

/// Nodes between two looks at the watch.
const TICK: u64 = 1 << 16;

/// Some nodes and all that they lead to, past none of `ends`. O(V + E) time.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
fn reached_past(
    graph: &Graph,
    sources: &NodeSet,
    ends: Option<&NodeSet>,
    watch: &dyn Watch,
) -> Result<NodeSet, Stopped> {
    let mut seen = NodeSet::new(graph.node_count());
    let mut stack: Vec<NodeId> = sources.iter().filter(|&node| seen.insert(node)).collect();
    let mut reached = 0;
    while let Some(node) = stack.pop() {
        reached += 1;
        if reached % TICK == 0 {
            watch.tick(reached, graph.node_count() as u64)?;
        }
        if ends.is_none_or(|ends| !ends.contains(node)) {
            stack.extend(graph.strong_referents(node).filter(|&next| seen.insert(next)));
        }
    }
    Ok(seen)
}

/// Some nodes and all that they lead to.
///
/// # Complexity
///
/// O(V + E) time; an eighth of a byte a node, and 4 bytes a node at the edge of the search.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn reached_from(
    graph: &Graph,
    sources: &NodeSet,
    watch: &dyn Watch,
) -> Result<NodeSet, Stopped> {
    reached_past(graph, sources, None, watch)
}

/// Of the referrers of a set those that some nodes lead to without passing another of them.
///
/// # Complexity
///
/// As of [`reached_from`].
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn immediate_dominators_from(
    graph: &Graph,
    sources: &NodeSet,
    set: &NodeSet,
    watch: &dyn Watch,
) -> Result<NodeSet, Stopped> {
    let mut found = referrers(graph, set, watch)?;
    found.intersect(&reached_past(graph, sources, Some(&found), watch)?);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_referrers_hide_those_behind_them() {
        let graph =
            Graph::from_notation("s -> a -> b -> x; a -> x; s -> c; c ~> x; d -> x").unwrap();
        let set = |names: &[&str]| {
            let mut set = NodeSet::new(graph.node_count());
            set.extend(names.iter().map(|name| graph.named(name)));
            set
        };
        let source = set(&["s"]);
        let found = reached_from(&graph, &source, &()).unwrap();
        assert_eq!(found, set(&["s", "a", "b", "c", "x"]));
        let found = immediate_dominators_from(&graph, &source, &set(&["x"]), &()).unwrap();
        assert_eq!(found, set(&["a"]));
    }
}
