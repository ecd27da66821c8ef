//! From raw records to a snapshot's columns, without the interpreter.
//!
//! A node's number is its object's rank by address, so the columns come out
//! sorted, neighbours in memory are neighbours in the columns, and no hash map
//! is needed. All cores take part.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use snakeroot::id::{LabelId, NodeId, TypeId};
use snakeroot::snapshot::{
    Flags, LabelKind, LabelTable, Root, RootKind, SnapshotParts, SparseText, TypeEntry,
};

use crate::account::Surplus;
use crate::labels::{self, Labels};
use crate::layout::WORD;
use crate::marks::{Marks, Numbers, Place};
use crate::own::Own;
use crate::segments::Segment;
use crate::tables::{NamedItems, Record, RecordText, Suspect, Synthetic};

/// Nodes that one core takes at a time.
const CHUNK: usize = 1 << 16;

/// What a walk leaves behind: no pointer into the interpreter is followed from here on.
pub(crate) struct Raw {
    pub(crate) marks: Marks,
    /// The address of each record's object.
    pub(crate) queue: Vec<usize>,
    pub(crate) records: Vec<Record>,
    pub(crate) large_sizes: Vec<(u32, u64)>,
    pub(crate) native_sizes: Vec<(u32, u64)>,
    /// Memory that something is a view of, by the object that keeps it.
    pub(crate) foreign: HashMap<usize, (usize, usize)>,
    /// Tuples whose items have names.
    pub(crate) named_items: HashMap<usize, NamedItems>,
    pub(crate) edges: Vec<(Place, u32)>,
    pub(crate) keys: Vec<(Place, bool, usize)>,
    pub(crate) key_text: Vec<u8>,
    pub(crate) labels: Labels,
    pub(crate) names: RecordText,
    pub(crate) values: RecordText,
    pub(crate) types: Vec<(Place, Box<str>, Box<str>)>,
    pub(crate) synthetics: Vec<Synthetic>,
    pub(crate) roots: Vec<(Place, Root)>,
    /// Records of objects that are never freed, and of types not on the heap.
    pub(crate) immortals: Vec<u32>,
    pub(crate) static_types: Vec<u32>,
    /// Objects that the collector tracks.
    pub(crate) tracked: u64,
    /// Objects of our own, which become no nodes.
    pub(crate) own: Own,
    /// What to account for; of a part of a heap that cannot be known.
    pub(crate) accounts: Option<Accounts>,
}

/// What is needed to say who holds what no edge leads to.
pub(crate) struct Accounts {
    /// Objects with a reference of ours to each.
    pub(crate) held: Vec<usize>,
    /// Whether a list of ours holds every tracked object.
    pub(crate) all_held: bool,
    /// Words that may be references of a thread or a frame.
    pub(crate) suspects: Vec<Suspect>,
    /// The variables of the interpreter and of libraries.
    pub(crate) segments: Vec<Segment>,
    /// Records of tasks that wait, with their names.
    pub(crate) tasks: Vec<(u32, String)>,
    /// Records of generators and coroutines, and where each is.
    pub(crate) suspended: Vec<(u32, u32)>,
    pub(crate) places: Vec<String>,
    /// Labels: what a coroutine waits for, and a task's coroutine.
    pub(crate) awaits: u32,
    pub(crate) coroutine: u32,
}

impl Accounts {
    /// What a task is doing, from its coroutine inwards: `"Task-3" handle()
    /// service.py:42 > fetch() client.py:10`.
    fn words(
        &self,
        name: &str,
        task: NodeId,
        suspended: &HashMap<NodeId, u32>,
        referent: impl Fn(NodeId, Option<u32>) -> Option<NodeId>,
    ) -> String {
        /// Coroutines deep that a chain is told.
        const MOST_AWAITED: usize = 32;
        let mut words = format!("{name:?}");
        let mut next = referent(task, Some(self.coroutine));
        for depth in 0..MOST_AWAITED {
            // Between two coroutines may stand an object that has one.
            let inner = || referent(next?, None).filter(|node| suspended.contains_key(node));
            let Some(node) = next.filter(|node| suspended.contains_key(node)).or_else(inner) else {
                break;
            };
            words.push_str(if depth == 0 { " " } else { " > " });
            words.push_str(&self.places[suspended[&node] as usize]);
            next = referent(node, Some(self.awaits));
        }
        words
    }
}

/// Numbers the nodes and lays the columns out.
pub(crate) fn finish(raw: Raw) -> SnapshotParts {
    let Raw {
        mut marks,
        queue,
        records,
        large_sizes,
        native_sizes,
        foreign,
        named_items,
        edges,
        keys,
        key_text,
        labels,
        names,
        values,
        types,
        synthetics,
        roots,
        immortals,
        static_types,
        tracked: _,
        own,
        accounts,
    } = raw;
    let places: Vec<Place> =
        queue.par_iter().with_min_len(CHUNK).map(|&object| marks.place(object)).collect();
    let first_record_edge = synthetics.last().map_or(0, |last| last.end) as usize;
    let edge_range = |record: usize| {
        let start = if record == 0 { first_record_edge } else { records[record - 1].end as usize };
        start..records[record].end as usize
    };

    // Which record each node is: of all objects first, then without our own.
    let numbers = marks.numbers();
    let mut order = records_in_order(&places, &numbers);
    let row = |record: usize| &edges[edge_range(record)];
    let ours = own.whole(&marks, &numbers, &order, &records, row);
    let mut ours_in_order: Vec<usize> =
        ours.iter().map(|&record| numbers.of(places[record as usize]) as usize).collect();
    drop(numbers);
    ours_in_order.sort_unstable();
    take_out(&mut order, &ours_in_order);
    ours.iter().for_each(|&record| marks.forget(places[record as usize]));
    let numbers = marks.numbers();
    let key_numbers = marks.key_numbers();
    let objects = numbers.count();
    let count = objects + synthetics.len();
    let node = |place: Place| NodeId::new(numbers.of(place));
    let some_node = |place: Place| numbers.has(place).then(|| node(place));
    let node_of_record = |record: usize| some_node(places[record]);

    let thread_type = types.len() as u32;
    let frame_type = thread_type + 1;
    let column = |of_object: &(dyn Fn(usize) -> u32 + Sync),
                  of_synthetic: &dyn Fn(&Synthetic) -> u32| {
        let mut column: Vec<u32> =
            order.par_iter().with_min_len(CHUNK).map(|&at| of_object(at as usize)).collect();
        column.extend(synthetics.iter().map(of_synthetic));
        column
    };
    let types_of = column(&|at| records[at].ty, &|synthetic| {
        if synthetic.is_thread { thread_type } else { frame_type }
    });
    let sizes = column(&|at| records[at].size, &|_| 0);
    let refcounts = column(&|at| records[at].refcount, &|_| 0);
    let mut flags: Vec<Flags> =
        order.par_iter().with_min_len(CHUNK).map(|&at| records[at as usize].flags).collect();
    flags.resize(count, Flags::SYNTHETIC);
    let mut addresses: Vec<u64> =
        order.par_iter().with_min_len(CHUNK).map(|&at| queue[at as usize] as u64).collect();
    addresses.resize(count, 0);

    // Labels: the fixed ones and those made on the way, then one for each key.
    let mut label_table = LabelTable::new();
    for (kind, text) in labels.iter().skip(1) {
        label_table.push(kind, &String::from_utf8_lossy(text));
    }
    let first_key = add_key_labels(&mut label_table, &keys, &key_text, &key_numbers);

    // The rows of objects, and how many strong edges end at each on the way.
    let known: Vec<AtomicU32> = match accounts {
        Some(_) => (0..objects).into_par_iter().map(|_| AtomicU32::new(0)).collect(),
        None => Vec::new(),
    };
    let meet = |node: NodeId, label: u32| {
        if label != labels::WEAK
            && let Some(known) = known.get(node.index())
        {
            known.fetch_add(1, Ordering::Relaxed);
        }
    };
    let lengths: Vec<u32> = order
        .par_iter()
        .with_min_len(CHUNK)
        .map(|&record| {
            let edges = &edges[edge_range(record as usize)];
            let length = match ours.is_empty() {
                true => edges.len(),
                false => edges.iter().filter(|(place, _)| numbers.has(*place)).count(),
            };
            length as u32
        })
        .collect();
    let mut starts: Vec<u64> = Vec::with_capacity(count + 1);
    let mut end = 0;
    starts.push(0);
    for length in lengths {
        end += u64::from(length);
        starts.push(end);
    }
    let mut targets = vec![NodeId::new(0); end as usize];
    let mut edge_labels = vec![LabelTable::UNNAMED; end as usize];
    fill_rows(&order, &starts, &mut targets, &mut edge_labels, |record, targets, labels| {
        let mut key = 0;
        let mut at = 0;
        for &(place, label) in &edges[edge_range(record)] {
            if label == labels::KEY_OBJECT && key_numbers.has(place) {
                key = key_numbers.of(place);
            }
            if !numbers.has(place) {
                continue;
            }
            targets[at] = node(place);
            meet(targets[at], label);
            labels[at] = if label == labels::VALUE {
                LabelId::entry(first_key + key)
            } else {
                plain_label(label)
            };
            at += 1;
        }
    });
    for (items, named) in named_items {
        let place = marks.has(items).then(|| marks.place(items));
        let Some(node) = place.and_then(some_node) else { continue };
        // What others hold too has indexes for them.
        if refcounts[node.index()] != named.holders {
            continue;
        }
        let row = starts[node.index()] as usize..starts[node.index() + 1] as usize;
        for label in &mut edge_labels[row] {
            if let Some(at) = label.as_item().filter(|&at| at < named.count) {
                *label = LabelId::entry(named.first + at);
            }
        }
    }
    let of_ours = ours.iter().flat_map(|&record| &edges[edge_range(record as usize)]);
    for &(place, label) in edges[..first_record_edge].iter().chain(of_ours) {
        if let Some(node) = some_node(place) {
            meet(node, label);
        }
    }

    // What the counts leave over may be found where threads keep references.
    let mut suspected: Vec<Vec<(NodeId, LabelId)>> = vec![Vec::new(); synthetics.len()];
    let mut other_roots = Vec::new();
    if let Some(accounts) = &accounts {
        let node_at = |word: usize| {
            let is_known = word.is_multiple_of(WORD) && marks.has(word);
            is_known.then(|| some_node(marks.place(word))).flatten()
        };
        for node in accounts.held.iter().filter_map(|&object| node_at(object)) {
            meet(node, labels::UNNAMED);
        }
        let mut surplus = Surplus::new(&refcounts, &flags, &known, |at| {
            u32::from(accounts.all_held && flags[at].contains(Flags::TRACKED))
        });
        for suspect in &accounts.suspects {
            if let Some(node) = node_at(suspect.word).filter(|&node| surplus.take(node)) {
                suspected[suspect.owner].push((node, plain_label(suspect.label)));
            }
        }
        let interned = |node: NodeId| flags[node.index()].contains(Flags::INTERNED);
        other_roots = surplus.into_roots(&accounts.segments, node_at, interned);
    }

    // A thread's row leads to its frames, a frame's to what it holds.
    let mut before = 0;
    for (at, synthetic) in synthetics.iter().enumerate() {
        let own = before..synthetic.end as usize;
        before = synthetic.end as usize;
        let mut push = |target: NodeId, label: LabelId| {
            targets.push(target);
            edge_labels.push(label);
        };
        for &(place, label) in &edges[own] {
            if let Some(node) = some_node(place) {
                push(node, plain_label(label));
            }
        }
        suspected[at].iter().for_each(|&(target, label)| push(target, label));
        if synthetic.is_thread {
            let frames = synthetics[at + 1..].iter().enumerate();
            let own_frames = frames.filter(|(_, frame)| !frame.is_thread && frame.thread == at);
            for (count, (after, _)) in own_frames.enumerate() {
                let label = label_table.push(LabelKind::Frame, &count.to_string());
                push(NodeId::from_index(objects + at + 1 + after), label);
            }
        }
        starts.push(targets.len() as u64);
    }

    let text_of = |text: &RecordText| -> Vec<(NodeId, String)> {
        text.iter()
            .filter_map(|(record, text)| {
                Some((node_of_record(record)?, String::from_utf8_lossy(text).into_owned()))
            })
            .collect()
    };
    let mut names = text_of(&names);
    names.extend(
        synthetics
            .iter()
            .enumerate()
            .map(|(at, synthetic)| (NodeId::from_index(objects + at), synthetic.name.clone())),
    );
    let values = SparseText::from_pairs(text_of(&values));
    let sizes_of = |pairs: Vec<(u32, u64)>| {
        let pairs = pairs.into_iter();
        let pairs =
            pairs.filter_map(|(record, size)| Some((node_of_record(record as usize)?, size)));
        let mut pairs: Vec<(NodeId, u64)> = pairs.collect();
        pairs.sort_unstable_by_key(|&(node, _)| node);
        pairs
    };

    let mut natives: HashMap<NodeId, u64> = sizes_of(native_sizes).into_iter().collect();
    for (object, (start, end)) in foreign {
        if marks.has(object)
            && let Some(node) = some_node(marks.place(object))
        {
            natives.entry(node).or_insert((end - start) as u64);
        }
    }
    let mut natives: Vec<(NodeId, u64)> = natives.into_iter().collect();
    natives.sort_unstable_by_key(|&(node, _)| node);

    // The first reason that is found to be a root is the one that is told.
    let mut all_roots: HashMap<NodeId, Root> = HashMap::new();
    for (place, root) in roots {
        if let Some(node) = some_node(place) {
            all_roots.entry(node).or_insert(root);
        }
    }
    for (at, synthetic) in synthetics.iter().enumerate().filter(|(_, each)| each.is_thread) {
        let root = Root::new(RootKind::Thread, synthetic.name.as_str());
        all_roots.insert(NodeId::from_index(objects + at), root);
    }
    for (records, kind) in [(static_types, RootKind::StaticType), (immortals, RootKind::Immortal)] {
        for node in records.into_iter().filter_map(|record| node_of_record(record as usize)) {
            all_roots.entry(node).or_insert_with(|| Root::new(kind, ""));
        }
    }
    for (node, root) in other_roots {
        all_roots.entry(node).or_insert(root);
    }
    let in_order = |roots: HashMap<NodeId, Root>| {
        let mut roots: Vec<(NodeId, Root)> = roots.into_iter().collect();
        roots.sort_unstable_by_key(|&(node, _)| node);
        roots
    };

    let mut entries: Vec<TypeEntry> = types
        .into_iter()
        .map(|(place, module, qualname)| TypeEntry { module, qualname, node: some_node(place) })
        .collect();
    for name in ["thread", "frame"] {
        entries.push(TypeEntry { module: "".into(), qualname: name.into(), node: None });
    }
    let mut parts = SnapshotParts {
        types: entries,
        addresses,
        types_of: types_of.into_iter().map(TypeId).collect(),
        sizes,
        large_sizes: sizes_of(large_sizes),
        native_sizes: natives,
        refcounts,
        flags,
        starts,
        targets,
        labels: edge_labels,
        label_table,
        names: SparseText::from_pairs(names),
        values,
        roots: in_order(all_roots.clone()),
        ..SnapshotParts::default()
    };
    if let Some(accounts) = accounts {
        parts.mark_garbage();
        // A task that something holds goes on; one that nothing does is garbage.
        let suspended: HashMap<NodeId, u32> = accounts
            .suspended
            .iter()
            .filter_map(|&(record, place)| Some((node_of_record(record as usize)?, place)))
            .collect();
        let referent = |node: NodeId, label: Option<u32>| {
            let row = parts.starts[node.index()] as usize..parts.starts[node.index() + 1] as usize;
            let label = label.map(plain_label);
            let mut edges = row.filter(|&at| label.is_none_or(|label| parts.labels[at] == label));
            edges.next().map(|at| parts.targets[at])
        };
        for (record, name) in &accounts.tasks {
            let node = node_of_record(*record as usize);
            let runs = |node: &NodeId| !parts.flags[node.index()].contains(Flags::GARBAGE);
            if let Some(node) = node.filter(runs) {
                let words = accounts.words(name, node, &suspended, referent);
                all_roots.insert(node, Root::new(RootKind::Task, words));
            }
        }
        parts.roots = in_order(all_roots);
    }
    parts
}

/// Takes what stands at some places, ascending, out of a vector.
fn take_out<T: Copy>(vector: &mut Vec<T>, places: &[usize]) {
    let mut to = places.first().copied().unwrap_or(vector.len());
    for (at, &place) in places.iter().enumerate() {
        let next = places.get(at + 1).copied().unwrap_or(vector.len());
        vector.copy_within(place + 1..next, to);
        to += next - place - 1;
    }
    vector.truncate(to);
}

/// The record of each node, by the node's number.
fn records_in_order(places: &[Place], numbers: &Numbers<'_>) -> Vec<u32> {
    let order: Vec<AtomicU32> = (0..places.len()).map(|_| AtomicU32::new(0)).collect();
    places.par_iter().with_min_len(CHUNK).enumerate().for_each(|(record, &place)| {
        order[numbers.of(place) as usize].store(record as u32, Ordering::Relaxed);
    });
    order.into_par_iter().map(AtomicU32::into_inner).collect()
}

fn plain_label(label: u32) -> LabelId {
    if label & labels::ITEM != 0 {
        LabelId::item(label & !labels::ITEM)
    } else {
        LabelId::entry(label)
    }
}

/// Adds a label for each key, in the order of their numbers; the first one's place.
fn add_key_labels(
    table: &mut LabelTable,
    keys: &[(Place, bool, usize)],
    text: &[u8],
    numbers: &Numbers<'_>,
) -> u32 {
    let first = table.len() as u32;
    let mut order: Vec<u32> = vec![0; keys.len()];
    for (at, &(place, ..)) in keys.iter().enumerate() {
        order[numbers.of(place) as usize] = at as u32;
    }
    for at in order {
        let (_, is_text, end) = keys[at as usize];
        let start = if at == 0 { 0 } else { keys[at as usize - 1].2 };
        let kind = if is_text { LabelKind::Key } else { LabelKind::OtherKey };
        table.push(kind, &String::from_utf8_lossy(&text[start..end]));
    }
    first
}

/// Fills each node's row from its record, many nodes at once.
fn fill_rows(
    order: &[u32],
    starts: &[u64],
    targets: &mut [NodeId],
    labels: &mut [LabelId],
    fill: impl Fn(usize, &mut [NodeId], &mut [LabelId]) + Sync,
) {
    let mut pieces = Vec::with_capacity(order.len() / CHUNK + 1);
    let (mut targets, mut labels) = (targets, labels);
    for (chunk, records) in order.chunks(CHUNK).enumerate() {
        let first = chunk * CHUNK;
        let length = (starts[first + records.len()] - starts[first]) as usize;
        let (own_targets, rest_targets) = targets.split_at_mut(length);
        let (own_labels, rest_labels) = labels.split_at_mut(length);
        (targets, labels) = (rest_targets, rest_labels);
        pieces.push((first, records, own_targets, own_labels));
    }
    pieces.into_par_iter().for_each(|(first, records, targets, labels)| {
        for (at, &record) in records.iter().enumerate() {
            let from = (starts[first + at] - starts[first]) as usize;
            let to = (starts[first + at + 1] - starts[first]) as usize;
            fill(record as usize, &mut targets[from..to], &mut labels[from..to]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::take_out;

    #[test]
    fn what_is_taken_out_leaves_no_hole() {
        for places in [&[][..], &[0], &[4], &[0, 1, 4], &[1, 3], &[0, 1, 2, 3, 4]] {
            let mut vector = vec![10, 11, 12, 13, 14];
            let left = (0..5).filter(|at| !places.contains(at)).map(|at| at + 10);
            let expected: Vec<i32> = left.map(|value| value as i32).collect();
            take_out(&mut vector, places);
            assert_eq!(vector, expected, "without {places:?}");
        }
    }
}
