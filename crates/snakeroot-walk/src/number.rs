//! From raw records to a snapshot's columns, without the interpreter.
//!
//! A node's number is its object's rank by address, so the columns come out
//! sorted, neighbours in memory are neighbours in the columns, and no hash map
//! is needed. All cores take part.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use snakeroot::id::{LabelId, NodeId, TypeId};
use snakeroot::snapshot::{
    Flags, LabelKind, LabelTable, Root, RootKind, SnapshotParts, SparseText, TypeEntry,
};

use crate::account::Surplus;
use crate::labels::{self, Labels};
use crate::layout::WORD;
use crate::marks::{Marks, Numbers, Place};
use crate::outside::{Outside, Seen};
use crate::own::Own;
use crate::rows::{
    CHUNK, count_edges, edges_to, fill_rows, records_in_order, shared, starts_of, take_out,
};
use crate::segments::Segment;
use crate::tables::{NamedItems, Record, RecordText, Suspect, Synthetic};

/// What a walk leaves behind: no pointer into the interpreter is followed from here on.
pub(crate) struct Raw {
    pub(crate) marks: Marks,
    /// The address of each record's object.
    pub(crate) queue: Vec<usize>,
    pub(crate) records: Vec<Record>,
    pub(crate) large_sizes: Vec<(u32, u64)>,
    pub(crate) native_sizes: Vec<(u32, u64)>,
    pub(crate) outside: Outside,
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
    /// Whether the counts tell of all references.
    pub(crate) all_counted: bool,
    /// What to account for; of a part of a heap that cannot be known.
    pub(crate) accounts: Option<Accounts>,
}

/// What is needed to say who holds what no edge leads to.
pub(crate) struct Accounts {
    /// Objects with a reference of ours to each.
    pub(crate) held: Vec<usize>,
    /// Objects that were asked for.
    pub(crate) asked: Vec<usize>,
    /// Whether a list of ours holds every tracked object.
    pub(crate) all_held: bool,
    /// Objects of edges that no count tells of, once for each such edge.
    pub(crate) uncounted: Vec<usize>,
    /// Words that may be references of a thread or a frame.
    pub(crate) suspects: Vec<Suspect>,
    /// The type of lists in the table of types.
    pub(crate) list: u32,
    /// The variables of the interpreter and of libraries.
    pub(crate) segments: Vec<Segment>,
    /// Records of tasks that wait, with their names.
    pub(crate) tasks: Vec<(u32, String)>,
    /// Records of generators and coroutines, and where each is.
    pub(crate) suspended: Vec<(u32, u32)>,
    pub(crate) places: Vec<String>,
    /// Labels: what a coroutine waits for, its frame, and a task's coroutine.
    pub(crate) awaits: u32,
    pub(crate) frame: u32,
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
        last_referent: impl Fn(NodeId) -> Option<NodeId>,
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
            // Before 3.11 the coroutine's frame has what it waits for, as the
            // last of all that it holds.
            next = referent(node, Some(self.awaits))
                .or_else(|| last_referent(referent(node, Some(self.frame))?));
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
        outside,
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
        all_counted,
        accounts,
    } = raw;
    let first_record_edge = synthetics.last().map_or(0, |last| last.end) as usize;
    let edge_range = |record: usize| {
        let start = if record == 0 { first_record_edge } else { records[record - 1].end as usize };
        start..records[record].end as usize
    };

    // Which record each node is: of all objects first, then without our own.
    let numbers = marks.numbers();
    let mut order = records_in_order(&queue, &marks, &numbers);
    let row = |record: usize| &edges[edge_range(record)];
    let ours = own.whole(&marks, &numbers, &order, &records, all_counted, row);
    let own_places: Vec<Place> =
        ours.iter().map(|&record| marks.place(queue[record as usize])).collect();
    let mut ours_in_order: Vec<usize> =
        own_places.iter().map(|&place| numbers.of(place) as usize).collect();
    drop(numbers);
    ours_in_order.sort_unstable();
    take_out(&mut order, &ours_in_order);
    own_places.iter().for_each(|&place| marks.forget(place));
    let numbers = marks.numbers();
    let key_numbers = marks.key_numbers();
    let objects = numbers.count();
    let count = objects + synthetics.len();
    let node = |place: Place| NodeId::new(numbers.of(place));
    let some_node = |place: Place| numbers.has(place).then(|| node(place));
    let place_of = |record: u32| marks.place(queue[record as usize]);
    let node_of_record = |record: usize| some_node(place_of(record as u32));

    let thread_type = types.len() as u32;
    let frame_type = thread_type + 1;
    // One pass over the records, which lie in the order in which they were met.
    let to_ours = edges_to(&ours, place_of, &edges, first_record_edge, &records);
    let (mut types_of, mut sizes, mut refcounts) =
        (vec![0_u32; count], vec![0_u32; count], vec![0_u32; count]);
    let (mut flags, mut addresses, mut lengths) =
        (vec![Flags::SYNTHETIC; count], vec![0_u64; count], vec![0_u32; objects]);
    let columns = (
        order.par_chunks(CHUNK),
        types_of.par_chunks_mut(CHUNK),
        sizes.par_chunks_mut(CHUNK),
        refcounts.par_chunks_mut(CHUNK),
        flags.par_chunks_mut(CHUNK),
        addresses.par_chunks_mut(CHUNK),
        lengths.par_chunks_mut(CHUNK),
    );
    columns.into_par_iter().for_each(
        |(order, types_of, sizes, refcounts, flags, addresses, lengths)| {
            for (at, &record) in order.iter().enumerate() {
                let from = records[record as usize];
                types_of[at] = from.ty;
                sizes[at] = from.size;
                refcounts[at] = from.refcount;
                flags[at] = from.flags;
                addresses[at] = queue[record as usize] as u64;
                lengths[at] = edge_range(record as usize).len() as u32;
            }
        },
    );
    for (record, gone) in to_ours {
        if let Some(node) = node_of_record(record as usize) {
            lengths[node.index()] -= gone;
        }
    }
    for (at, synthetic) in synthetics.iter().enumerate() {
        types_of[objects + at] = if synthetic.is_thread { thread_type } else { frame_type };
    }

    // Labels: the fixed ones and those made on the way, then one for each key.
    let mut label_table = LabelTable::new();
    for (kind, text) in labels.iter().skip(1) {
        label_table.push(kind, &String::from_utf8_lossy(text));
    }
    let first_key = add_key_labels(&mut label_table, &keys, &key_text, &key_numbers);

    // The rows of objects, and how many strong edges end at each.
    let is_counted = |label: u32| label != labels::WEAK && accounts.is_some();
    let mut known = vec![0_u32; if accounts.is_some() { objects } else { 0 }];
    let weak = shared(&mut known);
    let mut starts = starts_of(&lengths, synthetics.len());
    let (mut targets, mut edge_labels) = fill_rows(&order, &starts[..=objects], |record, row| {
        let mut key = 0;
        for &(place, label) in &edges[edge_range(record)] {
            if label == labels::KEY_OBJECT && key_numbers.has(place) {
                key = key_numbers.of(place);
            }
            if !numbers.has(place) {
                continue;
            }
            let target = node(place);
            if label == labels::WEAK
                && let Some(weak) = weak.get(target.index())
            {
                weak.fetch_sub(1, Ordering::Relaxed);
            }
            row.push(
                target,
                if label == labels::VALUE {
                    LabelId::entry(first_key + key)
                } else {
                    plain_label(label)
                },
            );
        }
    });
    count_edges(&targets, &mut known);
    let mut meet = |node: NodeId, label: u32| {
        if is_counted(label) {
            known[node.index()] += 1;
        }
    };
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
        for node in accounts.uncounted.iter().filter_map(|&object| node_at(object)) {
            known[node.index()] = known[node.index()].saturating_sub(1);
        }
        let mut surplus = Surplus::new(&refcounts, &flags, &known, |at| {
            u32::from(accounts.all_held && flags[at].contains(Flags::TRACKED))
        });
        for suspect in &accounts.suspects {
            if let Some(node) = node_at(suspect.word).filter(|&node| surplus.take(node)) {
                // Its own question is no holder of what is asked for.
                if cfg!(Py_GIL_DISABLED) && accounts.asked.contains(&suspect.word) {
                    continue;
                }
                suspected[suspect.owner].push((node, plain_label(suspect.label)));
            }
        }
        let interned = |node: NodeId| flags[node.index()].contains(Flags::INTERNED);
        let is_list = |node: NodeId| types_of[node.index()] == accounts.list;
        let address_of = |node: NodeId| addresses[node.index()] as usize;
        let segments = &accounts.segments;
        other_roots = surplus.into_roots(segments, node_at, interned, is_list, address_of);
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
        starts[objects + at + 1] = targets.len() as u64;
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
    let large_sizes = sizes_of(large_sizes);
    let size_of = |at: usize| match sizes[at] {
        u32::MAX => large_sizes
            .binary_search_by_key(&at, |(node, _)| node.index())
            .map_or(0, |found| large_sizes[found].1),
        size => u64::from(size),
    };
    let is_bytes = |at: usize| {
        let (_, module, name) = &types[types_of[at] as usize];
        &**name == "bytes" && matches!(&**module, "" | "builtins")
    };
    let is_inside = |seen: &Seen| {
        let after = addresses[..objects].partition_point(|&address| address <= seen.start as u64);
        after.checked_sub(1).is_some_and(|at| {
            (addresses[at] == seen.keeper as u64 || is_bytes(at))
                && seen.end as u64 <= addresses[at] + size_of(at)
        })
    };
    for (object, size) in outside.sizes(is_inside) {
        if size > 0
            && marks.has(object)
            && let Some(node) = some_node(marks.place(object))
        {
            natives.entry(node).or_insert(size);
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
        large_sizes,
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
        let last_referent = |node: NodeId| {
            let row = parts.starts[node.index()]..parts.starts[node.index() + 1];
            (!row.is_empty()).then(|| parts.targets[row.end as usize - 1])
        };
        for (record, name) in &accounts.tasks {
            let node = node_of_record(*record as usize);
            let runs = |node: &NodeId| !parts.flags[node.index()].contains(Flags::GARBAGE);
            if let Some(node) = node.filter(runs) {
                let words = accounts.words(name, node, &suspended, referent, last_referent);
                all_roots.insert(node, Root::new(RootKind::Task, words));
            }
        }
        parts.roots = in_order(all_roots);
    }
    parts
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
