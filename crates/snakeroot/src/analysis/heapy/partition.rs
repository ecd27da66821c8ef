//! A set of objects in the classes of a relation.

use std::cmp::Reverse;
use std::ops::Range;

use rayon::prelude::*;

use super::classes::{Classes, Heap, Producers};
use super::kind::{Kind, Relation};
use super::view_of::Owners;
use crate::analysis::held::Meter;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::parallel;
use crate::watch::{Stopped, Watch};

/// The objects of one class.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which class.
    pub kind: Kind,
    /// How many objects.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
    /// The first place in [`Partition::nodes`].
    start: usize,
}

/// The objects of a set, each in one row, and no row without an object.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Those of one class together.
    pub relation: Relation,
    rows: Vec<Row>,
    nodes: Box<[NodeId]>,
}

impl Partition {
    /// The rows in their order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The objects of a row, ascending.
    pub fn nodes(&self, row: &Row) -> &[NodeId] {
        &self.nodes[row.start..row.start + row.count as usize]
    }

    /// How many objects there are.
    pub fn count(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// The same rows, most bytes first; of equal ones that of the first object.
    pub fn sort_by_size(&mut self) {
        let nodes = &self.nodes;
        self.rows.sort_unstable_by_key(|row| (Reverse(row.size), nodes[row.start]));
    }

    /// Some rows next to each other by their names, then by their first object. Gives the names in the new order.
    pub fn sort_by_name(&mut self, places: Range<usize>, names: Vec<String>) -> Vec<String> {
        let rows = &mut self.rows[places];
        let nodes = &self.nodes;
        let mut named: Vec<(String, Row)> = names.into_iter().zip(rows.iter().cloned()).collect();
        named.sort_unstable_by(|(left_name, left), (right_name, right)| {
            let by_name = left_name.cmp(right_name);
            by_name.then_with(|| nodes[left.start].cmp(&nodes[right.start]))
        });
        let named = named.into_iter().zip(rows).map(|((name, row), place)| {
            *place = row;
            name
        });
        named.collect()
    }

    /// The places of the rows that have as many bytes as the one at a place, once all are sorted by size.
    pub fn places_of_size(&self, place: usize) -> Range<usize> {
        let size = self.rows[place].size;
        let first = self.rows.partition_point(|row| row.size > size);
        first..self.rows.partition_point(|row| row.size >= size)
    }
}

/// Puts the objects of a set into the classes of a relation.
///
/// Weak edges count neither for referrers nor for labels. `producers` tells who allocated an object, where
/// the relation is about that.
///
/// # Complexity
///
/// O(V / 64) time, and for referrers and labels O of the edges that end in the set and of
/// those that leave its referrers, each looked at a few times, whatever the shape.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn partition(
    graph: &Graph,
    owners: &Owners,
    set: &NodeSet,
    relation: &Relation,
    producers: &Producers<'_>,
    watch: &dyn Watch,
) -> Result<Partition, Stopped> {
    let members: Vec<NodeId> = set.iter().collect();
    let mut meter = Meter::new(graph, watch);
    let heap = Heap { graph, owners, producers };
    let classes = heap.classes(relation, &members, &mut meter)?;
    meter.tell()?;
    Ok(in_rows(graph, relation.clone(), &members, classes))
}

/// The nodes of a set, the largest first, and of one size in the order of addresses.
///
/// O(n log n) time on all cores; 4 bytes a node.
pub fn by_size(graph: &Graph, set: &NodeSet) -> Vec<NodeId> {
    let snapshot = graph.snapshot();
    let mut nodes: Vec<NodeId> = set.iter().collect();
    parallel::run(|| {
        nodes.par_sort_unstable_by_key(|&node| (Reverse(snapshot.size(node)), node));
    });
    nodes
}

/// The one class by type, of dicts by their owner's type, that all nodes of a set are in; `None` where they are
/// in several.
///
/// O(n) time, until a second class is met.
pub fn of_one_kind(graph: &Graph, owners: &Owners, set: &NodeSet) -> Option<Kind> {
    let types = graph.snapshot().type_ids();
    let class = |node: NodeId| {
        let owner = owners.is_dict(graph, node).then(|| owners.of(node)).flatten();
        (types[node.index()], owner.map(|owner| types[owner.index()]))
    };
    let mut nodes = set.iter();
    let first = nodes.next()?;
    let of_first = class(first);
    nodes.all(|node| class(node) == of_first).then(|| super::clodo(graph, owners, first))
}

/// Nodes with their classes, a row a class; a counting sort.
fn in_rows(graph: &Graph, relation: Relation, members: &[NodeId], classes: Classes) -> Partition {
    let mut sums = vec![(0_usize, 0_u64); classes.kinds.len()];
    for (&node, &class) in members.iter().zip(&classes.of) {
        let (count, size) = &mut sums[class as usize];
        *count += 1;
        *size = size.saturating_add(graph.snapshot().size(node));
    }
    let mut rows = Vec::new();
    let mut next = Vec::with_capacity(sums.len());
    let mut start = 0;
    for (kind, (count, size)) in classes.kinds.into_iter().zip(sums) {
        next.push(start);
        if count > 0 {
            rows.push(Row { kind, count: count as u64, size, start });
        }
        start += count;
    }
    let mut nodes = vec![NodeId::new(0); members.len()];
    for (&node, &class) in members.iter().zip(&classes.of) {
        let place = &mut next[class as usize];
        nodes[*place] = node;
        *place += 1;
    }
    Partition { relation, rows, nodes: nodes.into() }
}
