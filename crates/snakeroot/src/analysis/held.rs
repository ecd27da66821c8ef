//! What holds the nodes of a set, and by what, without reading any row twice.
//!
//! A row of referrers has no labels. To find those of one node its referrers' rows must be
//! read; done for each of ten million items of one list, that would be the list's
//! whole row each time. So all rows are read once, whatever is in the set.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::group::ReferrerKind;
use crate::graph::{Graph, NodeSet};
use crate::id::{LabelId, NodeId, TypeId};
use crate::snapshot::LabelKind;
use crate::watch::{Stopped, Watch};

/// Edges between two looks at the watch.
const TICK: u64 = 1 << 16;

/// Counts the edges that are looked at, and says so to who watches.
pub(super) struct Meter<'a> {
    watch: &'a dyn Watch,
    looked: u64,
    next: u64,
    all: u64,
}

impl<'a> Meter<'a> {
    /// For work that may look at each edge twice, once from each side.
    pub(super) fn new(graph: &Graph, watch: &'a dyn Watch) -> Self {
        Self { watch, looked: 0, next: TICK, all: 2 * graph.edge_count() }
    }

    pub(super) fn look(&mut self, edges: usize) -> Result<(), Stopped> {
        self.looked += edges as u64;
        if self.looked >= self.next {
            self.next = self.looked + TICK;
            self.tell()?;
        }
        Ok(())
    }

    /// Says how many edges were looked at.
    pub(super) fn tell(&self) -> Result<(), Stopped> {
        self.watch.tick(self.looked, self.all.max(self.looked))
    }
}

/// The nodes that hold some node of a set by a strong edge; they may be in the set too.
///
/// # Complexity
///
/// O(V / 64 + edges that end in the set) time; an eighth of a byte a node.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn referrers_of(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    holders(graph, set.iter(), &mut Meter::new(graph, watch))
}

/// The nodes that some node of a set holds by a strong edge; they may be in the set too.
///
/// # Complexity
///
/// O(V / 64 + edges that leave the set) time; an eighth of a byte a node.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn referents_of(graph: &Graph, set: &NodeSet, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
    let mut meter = Meter::new(graph, watch);
    let mut found = NodeSet::new(graph.node_count());
    for node in set.iter() {
        meter.look(graph.referents(node).len())?;
        found.extend(graph.strong_referents(node));
    }
    Ok(found)
}

fn holders(
    graph: &Graph,
    nodes: impl Iterator<Item = NodeId>,
    meter: &mut Meter<'_>,
) -> Result<NodeSet, Stopped> {
    let mut found = NodeSet::new(graph.node_count());
    for node in nodes {
        meter.look(graph.referrers(node).len())?;
        found.extend(graph.strong_referrers(node));
    }
    Ok(found)
}

/// The group of each of some nodes, and what those of each group have in common.
type Grouped<T> = (Vec<u32>, Vec<Box<[T]>>);

/// A hash of numbers and short texts: one multiplication for 8 bytes. The maps here
/// live for one answer, and their keys come from the heap that is looked at.
#[derive(Default)]
pub(super) struct Fold(u64);

pub(super) type FoldMap<K, V> = HashMap<K, V, BuildHasherDefault<Fold>>;

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        // 2^64 through the golden ratio: spreads neighbours over all bits.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The low bits choose a place, and the high ones are the mixed ones.
        self.0.rotate_left(26)
    }
}

/// Sets of small numbers, each once.
///
/// A set's number is its place in `keys`.
#[derive(Default)]
pub(super) struct KeySets {
    /// By the only number of a set: the set's place and 1.
    single: Vec<u32>,
    several: FoldMap<Box<[u32]>, u32>,
    pub(super) keys: Vec<Box<[u32]>>,
}

impl KeySets {
    /// The place of a set, which is given in any order and perhaps with repetitions.
    pub(super) fn place(&mut self, values: &mut Vec<u32>) -> u32 {
        if values.len() > 1 {
            values.sort_unstable();
            values.dedup();
        }
        let next = self.keys.len() as u32;
        if let &[only] = values.as_slice() {
            let at = only as usize;
            if self.single.len() <= at {
                self.single.resize(at + 1, 0);
            }
            if self.single[at] == 0 {
                self.single[at] = next + 1;
                self.keys.push(values.as_slice().into());
            }
            return self.single[at] - 1;
        }
        if let Some(&place) = self.several.get(values.as_slice()) {
            return place;
        }
        self.several.insert(values.as_slice().into(), next);
        self.keys.push(values.as_slice().into());
        next
    }
}

/// The group of each of some nodes, and of which kinds the referrers of each group are.
pub(super) fn by_referrers(
    graph: &Graph,
    members: &[NodeId],
    meter: &mut Meter<'_>,
) -> Result<Grouped<ReferrerKind>, Stopped> {
    let snapshot = graph.snapshot();
    let owners = owner_types(graph, members, meter)?;
    let types = snapshot.type_ids();
    let count = snapshot.types().len();
    // Numbers of kinds: the types, then the namespaces of their instances.
    let kind_of = |node: NodeId| match owners[node.index()] {
        0 => types[node.index()].0,
        owner => count as u32 + owner - 1,
    };
    // By kind: the last member that was seen with it, and 1. None has millions
    // of referrers of three kinds.
    let mut seen = vec![0_u32; 2 * count];
    let mut sets = KeySets::default();
    let mut groups = Vec::with_capacity(members.len());
    let mut kinds = Vec::new();
    for (&member, mark) in members.iter().zip(1..) {
        meter.look(graph.referrers(member).len())?;
        kinds.clear();
        for referrer in graph.strong_referrers(member) {
            let kind = kind_of(referrer);
            if std::mem::replace(&mut seen[kind as usize], mark) != mark {
                kinds.push(kind);
            }
        }
        groups.push(sets.place(&mut kinds));
    }
    let kind = |&kind: &u32| match kind as usize >= count {
        false => ReferrerKind { type_id: TypeId(kind), is_namespace: false },
        true => ReferrerKind { type_id: TypeId(kind - count as u32), is_namespace: true },
    };
    let keys = sets.keys.iter().map(|set| {
        let mut kinds: Vec<ReferrerKind> = set.iter().map(kind).collect();
        kinds.sort_by_cached_key(|kind| {
            (snapshot.types()[kind.type_id.index()].display_name(), kind.is_namespace)
        });
        kinds.into()
    });
    Ok((groups, keys.collect()))
}

/// By node, of the dicts that hold some nodes: the type of the object whose
/// `__dict__` it is, and 1; of several objects that of the first. 0 where it is of none.
fn owner_types(
    graph: &Graph,
    members: &[NodeId],
    meter: &mut Meter<'_>,
) -> Result<Vec<u32>, Stopped> {
    let snapshot = graph.snapshot();
    let types = snapshot.type_ids();
    let is_dict: Vec<bool> =
        snapshot.types().iter().map(|entry| entry.full_name() == "builtins.dict").collect();
    let mut dicts = holders(graph, members.iter().copied(), meter)?;
    dicts.retain(|node| is_dict[types[node.index()].index()]);
    let table = snapshot.label_table();
    let mut owners = vec![0; graph.node_count()];
    for owner in holders(graph, dicts.iter(), meter)?.iter() {
        meter.look(graph.referents(owner).len())?;
        for edge in graph.edges_from(owner) {
            if dicts.contains(edge.referent)
                && table.kind(edge.label) == LabelKind::Slot
                && table.text(edge.label) == "__dict__"
                && owners[edge.referent.index()] == 0
            {
                owners[edge.referent.index()] = types[owner.index()].0 + 1;
            }
        }
    }
    Ok(owners)
}

/// The group of each of some nodes, and by which labels those of each group are held.
///
/// `set` has the same nodes as `members`, which ascend.
pub(super) fn by_labels(
    graph: &Graph,
    set: &NodeSet,
    members: &[NodeId],
    meter: &mut Meter<'_>,
) -> Result<Grouped<LabelId>, Stopped> {
    let referrers = holders(graph, members.iter().copied(), meter)?;
    // Member `m` has the labels `starts[m]..starts[m + 1]`; each start serves as
    // the place of what comes next and is then where the member before ends.
    let mut next = Vec::with_capacity(members.len());
    let mut all = 0_usize;
    let mut place_of = vec![0_u32; graph.node_count()];
    for (&member, place) in members.iter().zip(0..) {
        next.push(all);
        place_of[member.index()] = place;
        all += graph.strong_referrers(member).len();
    }
    let mut labels = vec![0_u32; all];
    let mut numbers = LabelNumbers::new(graph);
    for referrer in referrers.iter() {
        meter.look(graph.referents(referrer).len())?;
        for edge in graph.edges_from(referrer) {
            if set.contains(edge.referent) && graph.is_strong(edge.label) {
                let place = &mut next[place_of[edge.referent.index()] as usize];
                labels[*place] = numbers.of(edge.label);
                *place += 1;
            }
        }
    }
    let mut sets = KeySets::default();
    let mut groups = Vec::with_capacity(members.len());
    let mut values = Vec::new();
    let mut start = 0;
    for end in next {
        values.clear();
        values.extend_from_slice(&labels[start..end]);
        start = end;
        groups.push(sets.place(&mut values));
    }
    let table = graph.snapshot().label_table();
    let keys = sets.keys.iter().map(|set| {
        let mut labels: Vec<LabelId> =
            set.iter().map(|&number| numbers.labels[number as usize]).collect();
        if labels.len() > 1 {
            labels.sort_by_cached_key(|&label| {
                (label.as_item(), label.as_entry().map(|_| table.get(label)))
            });
        }
        labels.into()
    });
    Ok((groups, keys.collect()))
}

/// A small number for each label that reads otherwise.
///
/// A table may have several entries that say the same, for keys that are equal and not one str; and
/// an attribute reads like a field, a dict's key 5 like the index 5.
struct LabelNumbers<'a> {
    graph: &'a Graph,
    /// By entry of the table: its number and 1; 0 where it was not met.
    entries: Vec<u32>,
    texts: FoldMap<(LabelKind, &'a str), u32>,
    items: FoldMap<u32, u32>,
    /// By index of an item, as far as they are small: as `entries`.
    first_items: Vec<u32>,
    labels: Vec<LabelId>,
}

/// Indices below are looked up in an array.
const FIRST_ITEMS: usize = 1 << 20;

impl<'a> LabelNumbers<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            entries: vec![0; graph.snapshot().label_table().len()],
            texts: FoldMap::default(),
            items: FoldMap::default(),
            first_items: vec![0; FIRST_ITEMS],
            labels: Vec::new(),
        }
    }

    fn of(&mut self, label: LabelId) -> u32 {
        match (label.as_entry(), label.as_item()) {
            (Some(entry), _) => {
                let entry = entry as usize;
                if self.entries[entry] == 0 {
                    self.entries[entry] = self.of_entry(label) + 1;
                }
                self.entries[entry] - 1
            }
            (None, Some(item)) => self.of_item(item),
            (None, None) => unreachable!("a label is an entry or an item"),
        }
    }

    fn of_entry(&mut self, label: LabelId) -> u32 {
        let table = self.graph.snapshot().label_table();
        let (kind, text) = (table.kind(label), table.text(label));
        let kind = match kind {
            LabelKind::Attribute => LabelKind::Slot,
            LabelKind::Index | LabelKind::OtherKey => match text.parse::<u32>() {
                Ok(item) if item <= LabelId::MAX_INDEX && item.to_string() == text => {
                    return self.of_item(item);
                }
                _ => LabelKind::OtherKey,
            },
            kind => kind,
        };
        let next = self.labels.len() as u32;
        let number = *self.texts.entry((kind, text)).or_insert(next);
        if number == next {
            self.labels.push(label);
        }
        number
    }

    fn of_item(&mut self, item: u32) -> u32 {
        let label = LabelId::item(item);
        let next = self.labels.len() as u32;
        let number = match self.first_items.get_mut(item as usize) {
            Some(number) => {
                if *number == 0 {
                    *number = next + 1;
                }
                *number - 1
            }
            None => *self.items.entry(label.as_item().unwrap_or(item)).or_insert(next),
        };
        if number == next {
            self.labels.push(label);
        }
        number
    }
}
