//! What changed between two heaps: by type, by module, and which objects.
//!
//! An object of one heap is the same in the other if it has the same address
//! and a type of the same name. An address is used again once its object has
//! died, so one that died and another of its type that took its place are
//! taken for one that survived. Threads and frames are not counted.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::analysis::DominatorTree;
use crate::graph::NodeSet;
use crate::id::NodeId;
use crate::parallel;
use crate::snapshot::Snapshot;
use crate::watch::{Stopped, Watch};

mod apart;
mod change;
mod growth;
mod kept;
mod partners;

pub use apart::Apart;
pub use change::{Amount, Change, Order, Retained, Turnover};
pub use growth::{Grown, growth};
pub use kept::{Holder, Kept, KeptRow, NotKept, kept};
pub use partners::{Partners, partners};

/// By what objects are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// By the full name of their type; two types with one name are one group.
    Type,
    /// By the module of their type.
    Module,
}

/// What changed between two heaps.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Why no object of one heap can be found in the other, if so.
    apart: Option<Apart>,
    /// By `TypeId` of the old heap, and of the new one.
    before: Vec<Amount>,
    after: Vec<Amount>,
    /// Which objects came and went; none where the heaps are apart.
    turnover: Option<Objects>,
    types: Names,
    modules: Names,
}

/// The objects that came and went.
#[derive(Clone, Debug)]
struct Objects {
    new: NodeSet,
    gone: NodeSet,
    /// By `TypeId` of the new heap.
    new_by_type: Vec<Amount>,
    /// By `TypeId` of the old heap.
    gone_by_type: Vec<Amount>,
}

/// The groups of two heaps under one numbering.
#[derive(Clone, Debug)]
struct Names {
    names: Vec<String>,
    /// The group of each `TypeId` of the old heap, and of the new one.
    old: Vec<u32>,
    new: Vec<u32>,
}

impl Names {
    fn new(old: &Snapshot, new: &Snapshot, group: Group) -> Self {
        let mut names = Vec::new();
        let mut places = HashMap::new();
        let mut number = |snapshot: &Snapshot| -> Vec<u32> {
            let types = snapshot.types().iter().map(|entry| match group {
                Group::Type => entry.full_name(),
                Group::Module => entry.module.to_string(),
            });
            types
                .map(|name| {
                    *places.entry(name).or_insert_with_key(|name: &String| {
                        names.push(name.clone());
                        names.len() as u32 - 1
                    })
                })
                .collect()
        };
        let (old, new) = (number(old), number(new));
        Self { names, old, new }
    }
}

/// What changed from an old heap to a new one.
///
/// Objects are matched by address and by their type's name; where the heaps
/// are of two processes (see [`Diff::apart`]) they are only counted.
///
/// # Complexity
///
/// O(V + T) time for all objects and types of both heaps, on all cores: the columns
/// are in the order of addresses, so one pass over both finds all pairs. An
/// eighth of a byte an object is kept.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn diff(old: &Snapshot, new: &Snapshot, watch: &dyn Watch) -> Result<Diff, Stopped> {
    parallel::run(|| {
        let apart = Apart::of(old, new);
        let types = Names::new(old, new, Group::Type);
        let turnover = match apart {
            Some(_) => None,
            None => {
                let (new, gone) = rayon::join(
                    || missing(new, &types.new, old, &types.old, watch),
                    || missing(old, &types.old, new, &types.new, watch),
                );
                let ((new, new_by_type), (gone, gone_by_type)) = (new?, gone?);
                Some(Objects { new, gone, new_by_type, gone_by_type })
            }
        };
        let modules = Names::new(old, new, Group::Module);
        let (before, after) = (amounts(old), amounts(new));
        Ok(Diff { apart, before, after, turnover, types, modules })
    })
}

impl Diff {
    /// Why no object of one heap can be found in the other: they are of two processes, so addresses
    /// mean nothing. `None` where objects were matched.
    pub fn apart(&self) -> Option<&Apart> {
        self.apart.as_ref()
    }

    /// The objects of the new heap that are not in the old one; `None` where the heaps are apart.
    pub fn new_objects(&self) -> Option<&NodeSet> {
        self.turnover.as_ref().map(|objects| &objects.new)
    }

    /// The objects of the old heap that are not in the new one; `None` where the heaps are apart.
    pub fn gone_objects(&self) -> Option<&NodeSet> {
        self.turnover.as_ref().map(|objects| &objects.gone)
    }

    /// The objects of the new heap that are in the old one too; `None` where
    /// the heaps are apart. O(V / 64).
    ///
    /// `new` is the snapshot of the new heap.
    pub fn survived(&self, new: &Snapshot) -> Option<NodeSet> {
        let mut survived = NodeSet::all(new.object_count(), new.node_count());
        survived.subtract(self.new_objects()?);
        Some(survived)
    }

    /// All objects as one row, with an empty name.
    pub fn total(&self) -> Change {
        let sum = |amounts: &[Amount]| {
            amounts.iter().fold(Amount::default(), |sum, &amount| sum.plus(amount))
        };
        let turnover = self.turnover.as_ref().map(|objects| Turnover {
            new: sum(&objects.new_by_type),
            gone: sum(&objects.gone_by_type),
        });
        Change {
            name: String::new(),
            before: sum(&self.before),
            after: sum(&self.after),
            turnover,
            retained: None,
        }
    }

    /// A row for each group of either heap, those without a change too, in
    /// the order in which the tables of types have them.
    ///
    /// O(types) time.
    pub fn rows(&self, group: Group) -> Vec<Change> {
        let names = self.names(group);
        let turnover = self.turnover.as_ref().map(|_| Turnover::default());
        let row = |name: &String| Change { name: name.clone(), turnover, ..Change::default() };
        let mut rows: Vec<Change> = names.names.iter().map(row).collect();
        for (&place, &amount) in names.old.iter().zip(&self.before) {
            rows[place as usize].before.add(amount);
        }
        for (&place, &amount) in names.new.iter().zip(&self.after) {
            rows[place as usize].after.add(amount);
        }
        if let Some(objects) = &self.turnover {
            for (&place, &amount) in names.new.iter().zip(&objects.new_by_type) {
                rows[place as usize].turnover.get_or_insert_default().new.add(amount);
            }
            for (&place, &amount) in names.old.iter().zip(&objects.gone_by_type) {
                rows[place as usize].turnover.get_or_insert_default().gone.add(amount);
            }
        }
        rows
    }

    /// As [`Diff::rows`], with what each group retains in either heap, each byte counted once:
    /// see [`DominatorTree::retained_by_group`].
    ///
    /// Takes the snapshots and dominator trees of the two heaps. O(V) time.
    pub fn rows_with_retained(
        &self,
        group: Group,
        old: (&Snapshot, &DominatorTree),
        new: (&Snapshot, &DominatorTree),
    ) -> Vec<Change> {
        let names = self.names(group);
        let retained = |(snapshot, tree): (&Snapshot, &DominatorTree), places: &[u32]| {
            tree.retained_by_group(names.names.len(), |node| {
                Some(places[snapshot.type_ids()[node.index()].index()] as usize)
            })
        };
        let (before, after) = parallel::run(|| {
            rayon::join(|| retained(old, &names.old), || retained(new, &names.new))
        });
        let mut rows = self.rows(group);
        for (row, (before, after)) in rows.iter_mut().zip(before.into_iter().zip(after)) {
            row.retained = Some(Retained { before, after });
        }
        rows
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        let sets = self
            .turnover
            .as_ref()
            .map_or(0, |objects| objects.new.heap_bytes() + objects.gone.heap_bytes());
        sets + 2 * ((self.before.len() + self.after.len()) * size_of::<Amount>()) as u64
    }

    fn names(&self, group: Group) -> &Names {
        match group {
            Group::Type => &self.types,
            Group::Module => &self.modules,
        }
    }
}

/// Objects of a heap that one core takes at a time: whole words of a set.
const PIECE: usize = 1 << 16;

/// How many objects of each type there are, and their sizes.
fn amounts(snapshot: &Snapshot) -> Vec<Amount> {
    let mut amounts = vec![Amount::default(); snapshot.types().len()];
    for row in super::census(snapshot).rows() {
        amounts[row.type_id.index()] = Amount { count: row.count, size: row.size };
    }
    amounts
}

/// The objects of one heap that are not in another one, and how much that is by type.
///
/// `names` and `other_names` number the names of types in either heap alike.
fn missing(
    snapshot: &Snapshot,
    names: &[u32],
    other: &Snapshot,
    other_names: &[u32],
    watch: &dyn Watch,
) -> Result<(NodeSet, Vec<Amount>), Stopped> {
    let mut words = vec![0_u64; snapshot.node_count().div_ceil(64)];
    let types = snapshot.types().len();
    let objects = snapshot.object_count();
    let pieces = words.par_chunks_mut(PIECE / 64).enumerate();
    let amounts = pieces
        .try_fold(
            || vec![Amount::default(); types],
            |mut amounts, (piece, words)| {
                watch.tick((piece * PIECE) as u64, objects as u64)?;
                let range = (piece * PIECE).min(objects)..((piece + 1) * PIECE).min(objects);
                partners::join(snapshot, names, range, other, other_names, |at, partner| {
                    if partner.is_none() {
                        words[at % PIECE / 64] |= 1 << (at % 64);
                        let node = NodeId::from_index(at);
                        let type_id = snapshot.type_ids()[at];
                        amounts[type_id.index()]
                            .add(Amount { count: 1, size: snapshot.size(node) });
                    }
                });
                Ok(amounts)
            },
        )
        .try_reduce_with(|mut some, others| {
            some.iter_mut().zip(others).for_each(|(to, from)| to.add(from));
            Ok(some)
        });
    let amounts = amounts.transpose()?.unwrap_or_else(|| vec![Amount::default(); types]);
    Ok((NodeSet::from_words(words), amounts))
}
