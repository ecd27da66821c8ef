//! Objects by the name of their type, as objgraph's verbs count them: types of
//! one name are one. What grew since, and what nothing refers to.

use std::cmp::Reverse;
use std::collections::HashMap;

use indexmap::IndexMap;

use super::DominatorTree;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::{Flags, Snapshot, TypeEntry};

/// Objects whose types have one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// `__name__` of the type, or `module.name`.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// Their shallow sizes together, in bytes; `None` where nobody asked.
    pub size: Option<u64>,
    /// What they retain, each byte once, in bytes; `None` where nobody asked.
    pub retained: Option<u64>,
}

/// The name under which objgraph counts the objects of a type.
pub(super) fn name_of(entry: &TypeEntry, shortnames: bool) -> String {
    match &*entry.module {
        module if !shortnames && !module.is_empty() => format!("{module}.{}", entry.short_name()),
        _ => entry.short_name().to_owned(),
    }
}

/// The objects of a snapshot, or those of them that the collector tracks.
pub fn counted(snapshot: &Snapshot, untracked: bool) -> impl Iterator<Item = NodeId> + '_ {
    let objects = snapshot.nodes().take(snapshot.object_count());
    objects.filter(move |&node| untracked || snapshot.flags(node).contains(Flags::TRACKED))
}

/// Counts nodes by the name of their type, in the order in which the names first appear.
///
/// A node that is given twice counts twice. With a dominator tree of the graph
/// each name's objects have a retained size too, in which no byte counts twice.
///
/// # Complexity
///
/// O(nodes + T) time for T types; with a tree O(V).
pub fn tally(
    graph: &Graph,
    nodes: impl IntoIterator<Item = NodeId>,
    shortnames: bool,
    tree: Option<&DominatorTree>,
) -> Vec<Tally> {
    let snapshot = graph.snapshot();
    let mut members = tree.map(|_| NodeSet::new(graph.node_count()));
    let mut tallies: IndexMap<String, Tally> = IndexMap::new();
    let mut places: Vec<Option<usize>> = vec![None; snapshot.types().len()];
    for node in nodes {
        let type_id = snapshot.type_ids()[node.index()].index();
        let place = *places[type_id].get_or_insert_with(|| {
            let name = name_of(&snapshot.types()[type_id], shortnames);
            let entry = tallies.entry(name);
            let place = entry.index();
            let name = entry.key().clone();
            entry.or_insert(Tally { name, size: Some(0), ..Tally::default() });
            place
        });
        let tally = &mut tallies[place];
        tally.count += 1;
        tally.size = tally.size.map(|size| size.saturating_add(snapshot.size(node)));
        if let Some(members) = &mut members {
            members.insert(node);
        }
    }
    if let (Some(tree), Some(members)) = (tree, members) {
        let place = |node: NodeId| places[snapshot.type_ids()[node.index()].index()];
        let place = |node| members.contains(node).then(|| place(node)).flatten();
        let retained = tree.retained_by_group(tallies.len(), place);
        for (tally, retained) in tallies.values_mut().zip(retained) {
            tally.retained = Some(retained);
        }
    }
    tallies.into_values().collect()
}

/// Those of some nodes whose type has a name; one with a dot is `module.name`.
///
/// # Complexity
///
/// O(nodes + T) time for T types.
pub fn named(
    snapshot: &Snapshot,
    nodes: impl IntoIterator<Item = NodeId>,
    name: &str,
) -> Vec<NodeId> {
    let shortnames = !name.contains('.');
    let is_wanted = |entry: &TypeEntry| name_of(entry, shortnames) == name;
    let wanted: Vec<bool> = snapshot.types().iter().map(is_wanted).collect();
    let is_wanted = |node: &NodeId| wanted[snapshot.type_ids()[node.index()].index()];
    nodes.into_iter().filter(is_wanted).collect()
}

/// Those of some nodes that no node refers to, weak references apart.
///
/// # Complexity
///
/// O(nodes) time, and of each the referrers up to the first that is not weak.
pub fn unreferred(graph: &Graph, nodes: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let is_unreferred = |node: &NodeId| graph.strong_referrers(*node).next().is_none();
    nodes.into_iter().filter(is_unreferred).collect()
}

/// A name whose count rose above its peak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The name and its count now.
    pub tally: Tally,
    /// By how much it is above the peak before.
    pub increase: i64,
}

/// The names whose count is above its peak, the largest increase first, equal
/// ones in their order; the peaks are raised to it.
///
/// # Complexity
///
/// O(N log N) time for N names.
pub fn grown(tallies: Vec<Tally>, peaks: &mut HashMap<String, i64>) -> Vec<Grown> {
    let mut grown = Vec::new();
    for tally in tallies {
        let count = i64::try_from(tally.count).unwrap_or(i64::MAX);
        let peak = peaks.get(&tally.name).copied().unwrap_or(0);
        if count > peak {
            peaks.insert(tally.name.clone(), count);
            grown.push(Grown { tally, increase: count.saturating_sub(peak) });
        }
    }
    grown.sort_by_key(|grown| Reverse(grown.increase));
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dominators;

    #[test]
    fn types_of_one_short_name_are_one() {
        let graph = Graph::from_notation(
            "root:100@app.Box -> a:50@lib.Box b:7@dict; a -> c:5@app.Box; a ~> d:1@lib.Page",
        )
        .unwrap();
        let tree = dominators(&graph);
        let all = || counted(graph.snapshot(), true);
        let rows = |shortnames| -> Vec<(String, u64, u64, u64)> {
            let tallies = tally(&graph, all(), shortnames, Some(&tree));
            let numbers =
                |row: Tally| (row.name, row.count, row.size.unwrap(), row.retained.unwrap());
            tallies.into_iter().map(numbers).collect()
        };
        let row = |name: &str, count, size, retained| (name.to_owned(), count, size, retained);
        // What nothing refers to strongly is garbage here, and retains itself.
        assert_eq!(
            rows(true),
            [row("Box", 3, 155, 162), row("dict", 1, 7, 7), row("Page", 1, 1, 1)]
        );
        let long = rows(false);
        assert_eq!(long[0], row("app.Box", 2, 105, 162));
        assert_eq!(long[1], row("lib.Box", 1, 50, 55));
        assert_eq!(named(graph.snapshot(), all(), "Box").len(), 3);
        assert_eq!(named(graph.snapshot(), all(), "lib.Box"), [graph.named("a")]);
        assert_eq!(unreferred(&graph, all()), [graph.named("root"), graph.named("d")]);
        // A node that is given twice counts twice, and retains once.
        let a = graph.named("a");
        let twice = tally(&graph, [a, a], true, Some(&tree)).remove(0);
        assert_eq!((twice.count, twice.size, twice.retained), (2, Some(100), Some(55)));
    }

    #[test]
    fn only_a_count_above_its_peak_has_grown() {
        let tallies = |counts: &[(&str, u64)]| -> Vec<Tally> {
            let tally = |&(name, count): &(&str, u64)| Tally {
                name: name.into(),
                count,
                ..Tally::default()
            };
            counts.iter().map(tally).collect()
        };
        let mut peaks = HashMap::from([("list".to_owned(), 5), ("set".to_owned(), -2)]);
        let found =
            grown(tallies(&[("list", 5), ("dict", 1), ("set", 0), ("tuple", 1)]), &mut peaks);
        let found: Vec<_> = found.iter().map(|row| (&*row.tally.name, row.increase)).collect();
        assert_eq!(found, [("set", 2), ("dict", 1), ("tuple", 1)]);
        assert!(grown(tallies(&[("list", 3), ("dict", 1)]), &mut peaks).is_empty());
        assert_eq!((peaks["list"], peaks["dict"], peaks["set"]), (5, 1, 0));
    }
}
