//! A set of nodes in groups: by type, module, size, by what holds them and by which labels.

use std::cmp::Reverse;

use super::DominatorTree;
use super::held::{self, Meter};
use super::modules::Modules;
use crate::graph::{Graph, NodeSet};
use crate::id::{LabelId, NodeId, TypeId};
use crate::watch::{Stopped, Watch};

/// By what nodes are put into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// Their type.
    Type,
    /// The module that they belong to: see [`Modules`].
    Module,
    /// Their shallow size, in powers of two.
    Size,
    /// The set of the kinds of their referrers: see [`ReferrerKind`].
    Referrers,
    /// The set of the labels by which their referrers hold them.
    Via,
}

impl By {
    /// All of them.
    pub const ALL: [By; 5] = [Self::Type, Self::Module, Self::Size, Self::Referrers, Self::Via];

    /// The word for it in text and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Module => "module",
            Self::Size => "size",
            Self::Referrers => "referrers",
            Self::Via => "via",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// What a referrer is: its type; or of a dict that is some object's `__dict__`, the type of that object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferrerKind {
    /// The type of the referrer, or of the object whose `__dict__` it is.
    pub type_id: TypeId,
    /// Whether it is the `__dict__` of an object with that type.
    pub is_namespace: bool,
}

/// What the nodes of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Their type.
    Type(TypeId),
    /// The name of their module; empty for threads and frames.
    Module(Box<str>),
    /// The least and the greatest size that belongs here, in bytes.
    Size(u64, u64),
    /// Of what kinds their referrers are, by name; none where nothing refers to them.
    Referrers(Box<[ReferrerKind]>),
    /// The labels by which their referrers hold them, indices last; none where nothing refers to them.
    Via(Box<[LabelId]>),
}

/// Nodes that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub key: Key,
    /// How many they are.
    pub count: u64,
    /// Their shallow sizes together, in bytes.
    pub size: u64,
    /// The group's number, which it keeps in every order.
    pub number: usize,
    /// Its first place in [`Partition::nodes`].
    start: usize,
}

/// The nodes of a set in groups: each in one, and no group without a node.
#[derive(Clone, Debug)]
pub struct Partition {
    by: By,
    groups: Vec<Group>,
    /// The nodes of each group end to end, ascending within a group.
    nodes: Box<[NodeId]>,
}

impl Partition {
    /// By what the nodes were put into groups.
    pub fn by(&self) -> By {
        self.by
    }

    /// The groups in their order: at first those with the most bytes come first.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The nodes of one group, ascending.
    pub fn nodes(&self, group: &Group) -> &[NodeId] {
        &self.nodes[group.start..group.start + group.count as usize]
    }

    /// How many nodes there are, and their shallow sizes together.
    pub fn total(&self) -> (u64, u64) {
        let size = |sum: u64, group: &Group| sum.saturating_add(group.size);
        (self.nodes.len() as u64, self.groups.iter().fold(0, size))
    }

    /// What the nodes of each group retain, by the group's number: see [`DominatorTree::retained_by_group`].
    ///
    /// O(V) time; 4 bytes a node of scratch.
    pub fn retained(&self, tree: &DominatorTree) -> Vec<u64> {
        let mut number_of = vec![0_u32; tree.retained_sizes().len()];
        for group in &self.groups {
            for node in self.nodes(group) {
                number_of[node.index()] = group.number as u32 + 1;
            }
        }
        tree.retained_by_group(self.groups.len(), |node| {
            (number_of[node.index()] as usize).checked_sub(1)
        })
    }

    /// The same groups, most nodes first; equal ones by size, then by their first node.
    pub fn by_count(self) -> Self {
        self.sorted(|group| group.count)
    }

    /// The same groups, most bytes first; equal ones by their first node.
    pub fn by_size(self) -> Self {
        self.sorted(|group| group.size)
    }

    /// The same groups, those first that retain most; equal ones by size, then by their first node.
    ///
    /// `retained` as [`Partition::retained`] gives it.
    pub fn by_retained(self, retained: &[u64]) -> Self {
        self.sorted(|group| retained[group.number])
    }

    fn sorted(mut self, number: impl Fn(&Group) -> u64) -> Self {
        let nodes = &self.nodes;
        self.groups.sort_unstable_by_key(|group| {
            (Reverse(number(group)), Reverse(group.size), nodes[group.start])
        });
        self
    }
}

/// Puts the nodes of a set into groups.
///
/// Weak edges count neither for the referrers nor for the labels. Labels are
/// one if they read the same: `.x` whether it is an attribute or a field, `[5]` whether an index or a key. Each
/// index of a sequence is one of its own.
///
/// # Complexity
///
/// O(V / 64) time; for referrers and labels in addition O of the edges that end in the set
/// and of those that leave its referrers and the owners of those, each looked
/// at at most three times, whatever the shape: a list of ten million items is read once.
/// To sort the labels of one node is n log n. 8 bytes a node of the set, and for labels 4 an
/// edge that ends in it, 4 to 8 a node of the graph.
///
/// # Errors
///
/// [`Stopped`] when the watch says so, which is told the edges that were looked at.
pub fn partition(
    graph: &Graph,
    set: &NodeSet,
    by: By,
    watch: &dyn Watch,
) -> Result<Partition, Stopped> {
    let mut meter = Meter::new(graph, watch);
    let members: Vec<NodeId> = set.iter().collect();
    let (groups, keys) = match by {
        By::Type => {
            let types = graph.snapshot().type_ids();
            let groups = members.iter().map(|node| types[node.index()].0).collect();
            let keys = (0..graph.snapshot().types().len() as u32).map(|id| Key::Type(TypeId(id)));
            (groups, keys.collect())
        }
        By::Module => {
            let modules = Modules::new(graph);
            let groups = members.iter().map(|&node| modules.of(node) as u32).collect();
            let names = (0..modules.name_count()).map(|number| modules.name(number));
            (groups, names.map(|name| Key::Module(name.into())).collect())
        }
        By::Size => {
            let bits = |node| u64::BITS - graph.snapshot().size(node).leading_zeros();
            let groups = members.iter().map(|&node| bits(node)).collect();
            (groups, (0..=u64::BITS).map(sizes_of_bits).collect())
        }
        By::Referrers => {
            let (groups, keys) = held::by_referrers(graph, &members, &mut meter)?;
            (groups, keys.into_iter().map(Key::Referrers).collect())
        }
        By::Via => {
            let (groups, keys) = held::by_labels(graph, set, &members, &mut meter)?;
            (groups, keys.into_iter().map(Key::Via).collect())
        }
    };
    meter.tell()?;
    Ok(in_groups(graph, by, &members, &groups, keys))
}

/// The sizes that need so many bits.
fn sizes_of_bits(bits: u32) -> Key {
    match bits {
        0 => Key::Size(0, 0),
        bits => Key::Size(1 << (bits - 1), u64::MAX >> (u64::BITS - bits)),
    }
}

/// Nodes with their groups, the largest groups first; a counting sort.
fn in_groups(
    graph: &Graph,
    by: By,
    members: &[NodeId],
    group_of: &[u32],
    keys: Vec<Key>,
) -> Partition {
    let mut counts = vec![(0_usize, 0_u64); keys.len()];
    for (&node, &group) in members.iter().zip(group_of) {
        let (count, size) = &mut counts[group as usize];
        *count += 1;
        *size = size.saturating_add(graph.snapshot().size(node));
    }
    let mut groups = Vec::new();
    let mut next = Vec::with_capacity(keys.len());
    let mut start = 0;
    for (key, (count, size)) in keys.into_iter().zip(counts) {
        next.push(start);
        if count > 0 {
            groups.push(Group { key, count: count as u64, size, number: groups.len(), start });
        }
        start += count;
    }
    let mut nodes = vec![NodeId::new(0); members.len()];
    for (&node, &group) in members.iter().zip(group_of) {
        let place = &mut next[group as usize];
        nodes[*place] = node;
        *place += 1;
    }
    Partition { by, groups, nodes: nodes.into() }.by_size()
}
