//! What was made between two heaps and is still there in a third.

use std::collections::HashMap;

use super::{Amount, Apart, Group, Order, diff, partners};
use crate::analysis::DominatorTree;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::Snapshot;
use crate::watch::{Stopped, Watch};

/// What was made between two heaps and is still there in a third one.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Objects of the third heap.
    pub nodes: NodeSet,
}

/// Why there is no answer to [`kept`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// Two of the heaps are not of one process.
    Apart(Apart),
    /// The watch stopped it.
    Stopped,
}

impl From<Stopped> for NotKept {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

/// A group of what was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// The full name of the type, or the module.
    pub name: String,
    /// How many objects.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
    /// What they retain in the third heap, each byte counted once.
    pub retained: u64,
}

/// A node that holds some of what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The immediate dominator; `None` for those that only the GC roots as a group dominate,
    /// and for those that are entries to garbage.
    pub node: Option<NodeId>,
    /// How many kept objects it dominates immediately.
    pub count: u64,
    /// What those retain.
    pub retained: u64,
}

/// The objects that are not in the oldest heap, are in the middle one, and are in the new one still.
///
/// Objects are matched as by [`diff`]: one that died after the middle heap and whose
/// address another of its type then took is taken for one that was kept.
///
/// # Errors
///
/// [`NotKept::Apart`] where two of the heaps are not of one process; [`NotKept::Stopped`], within some milliseconds after
/// the watch said so.
///
/// # Complexity
///
/// O(V + T) time for all objects and types of the three heaps, on all cores.
pub fn kept(
    oldest: &Snapshot,
    middle: &Graph,
    new: &Graph,
    watch: &dyn Watch,
) -> Result<Kept, NotKept> {
    if let Some(apart) = Apart::of(middle.snapshot(), new.snapshot()) {
        return Err(NotKept::Apart(apart));
    }
    let between = diff(oldest, middle.snapshot(), watch)?;
    let made = match (between.new_objects(), between.apart()) {
        (Some(made), _) => made,
        (None, Some(apart)) => return Err(NotKept::Apart(apart.clone())),
        (None, None) => unreachable!("objects are matched where the heaps are not apart"),
    };
    let mut nodes = NodeSet::new(new.node_count());
    let pairs = partners(middle, new, watch)?;
    nodes.extend(pairs.pairs().filter(|&(_, old)| made.contains(old)).map(|(node, _)| node));
    Ok(Kept { nodes })
}

impl Kept {
    /// All of it: how many objects, and their shallow sizes in the third heap.
    pub fn total(&self, snapshot: &Snapshot) -> Amount {
        let mut total = Amount::default();
        for node in self.nodes.iter() {
            total.add(Amount { count: 1, size: snapshot.size(node) });
        }
        total
    }

    /// A row for each group that has some of it, in an order: [`Order::New`] is by size.
    ///
    /// Takes the third heap and its dominator tree. O(V) time.
    pub fn rows(
        &self,
        snapshot: &Snapshot,
        tree: &DominatorTree,
        group: Group,
        order: Order,
    ) -> Vec<KeptRow> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut rows: Vec<KeptRow> = Vec::new();
        let groups: Vec<usize> = snapshot
            .types()
            .iter()
            .map(|entry| {
                let name = match group {
                    Group::Type => entry.full_name(),
                    Group::Module => entry.module.to_string(),
                };
                *places.entry(name).or_insert_with_key(|name| {
                    rows.push(KeptRow { name: name.clone(), count: 0, size: 0, retained: 0 });
                    rows.len() - 1
                })
            })
            .collect();
        let group_of = |node: NodeId| groups[snapshot.type_ids()[node.index()].index()];
        for node in self.nodes.iter() {
            let row = &mut rows[group_of(node)];
            row.count += 1;
            row.size = row.size.saturating_add(snapshot.size(node));
        }
        let retained = tree.retained_by_group(rows.len(), |node| {
            self.nodes.contains(node).then(|| group_of(node))
        });
        for (row, retained) in rows.iter_mut().zip(retained) {
            row.retained = retained;
        }
        rows.retain(|row| row.count > 0);
        let number = |row: &KeptRow| match order {
            Order::Size | Order::New => row.size,
            Order::Count => row.count,
            Order::Retained => row.retained,
        };
        rows.sort_by(|some, other| {
            number(other).cmp(&number(some)).then_with(|| some.name.cmp(&other.name))
        });
        rows
    }

    /// Who holds what was kept: of the kept objects that no other kept one dominates
    /// immediately, by their immediate dominators, those that hold most bytes first.
    ///
    /// O(V / 64 + K log K) time for K kept objects.
    pub fn holders(&self, tree: &DominatorTree) -> Vec<Holder> {
        let mut holders: HashMap<Option<NodeId>, Holder> = HashMap::new();
        for node in self.nodes.iter() {
            let above = tree.immediate_dominator(node);
            if above.is_some_and(|above| self.nodes.contains(above)) {
                continue;
            }
            let new = Holder { node: above, count: 0, retained: 0 };
            let holder = holders.entry(above).or_insert(new);
            holder.count += 1;
            holder.retained = holder.retained.saturating_add(tree.retained_size(node));
        }
        let mut holders: Vec<Holder> = holders.into_values().collect();
        holders.sort_unstable_by_key(|holder| (std::cmp::Reverse(holder.retained), holder.node));
        holders
    }
}
