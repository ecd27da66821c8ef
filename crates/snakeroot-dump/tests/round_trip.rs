//! What is written is read back, whatever the heap.

mod common;

use std::io::Cursor;

use common::{assert_same, bytes_of, small_heap};
use proptest::prelude::*;
use snakeroot::snapshot::{
    Flags, Info, LabelKind, LabelTable, Root, RootKind, SparseText, TypeEntry,
};
use snakeroot::{LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

fn again(snapshot: &Snapshot) -> Snapshot {
    snakeroot_dump::read(Cursor::new(bytes_of(snapshot))).expect("what was written is read")
}

/// Objects of one type, `lists[n]` being what object `n` holds, with its labels.
fn heap_of(table: LabelTable, lists: &[Vec<(u32, LabelId)>]) -> Snapshot {
    let count = lists.len();
    let mut parts = SnapshotParts {
        types: vec![TypeEntry { module: "m".into(), qualname: "T".into(), node: None }],
        addresses: (0..count as u64).map(|at| 16 + at * 16).collect(),
        types_of: vec![TypeId(0); count],
        sizes: vec![16; count],
        refcounts: vec![1; count],
        flags: vec![Flags(0); count],
        starts: vec![0],
        label_table: table,
        ..SnapshotParts::default()
    };
    for list in lists {
        parts.targets.extend(list.iter().map(|&(target, _)| NodeId::new(target)));
        parts.labels.extend(list.iter().map(|&(_, label)| label));
        parts.starts.push(parts.targets.len() as u64);
    }
    Snapshot::new(parts).unwrap()
}

#[test]
fn a_drawn_heap_is_read_back() {
    let heap = small_heap();
    assert_same(&heap, &again(&heap));
}

#[test]
fn a_graph_in_notation_is_read_back() {
    let graph = snakeroot::Graph::from_notation("root -> a -> b c; b c -> d").unwrap();
    assert_same(graph.snapshot(), &again(graph.snapshot()));
}

#[test]
fn a_heap_without_objects_is_read_back() {
    let heap =
        Snapshot::new(SnapshotParts { starts: vec![0], ..SnapshotParts::default() }).unwrap();
    assert_same(&heap, &again(&heap));
}

#[test]
fn a_saved_file_is_the_bytes_that_are_written_and_saving_again_gives_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.heap.parquet");
    let saved = snakeroot_dump::save(&small_heap(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!((saved.bytes, saved.rows), (bytes.len() as u64, 16));
    assert!(bytes == bytes_of(&small_heap()));
    assert!(bytes == bytes_of(&snakeroot_dump::load(&path).unwrap()));
}

#[test]
fn a_list_longer_than_any_page_is_read_back() {
    // Indices beyond those of the dictionary, with a label of another kind amid them.
    let mut table = LabelTable::new();
    let name = table.push(LabelKind::Attribute, "rest");
    let mut long: Vec<(u32, LabelId)> =
        (0..300_000).map(|at| (at % 3, LabelId::item(at))).collect();
    long[200_000].1 = name;
    let heap = heap_of(table, &[vec![(1, name)], long, vec![], vec![(0, LabelId::item(0))]]);
    assert_same(&heap, &again(&heap));
}

#[test]
fn a_long_list_of_unnamed_references_is_read_back() {
    let long = vec![(0, LabelTable::UNNAMED); 300_000];
    let short = vec![(0, LabelId::item(0)); 3];
    let heap = heap_of(LabelTable::new(), &[short.clone(), long, short, vec![]]);
    assert_same(&heap, &again(&heap));
}

#[test]
fn more_labels_than_a_dictionary_holds_are_read_back() {
    let mut table = LabelTable::new();
    let labels: Vec<LabelId> =
        (0..1_100_000).map(|at| table.push(LabelKind::Key, &format!("k{at}"))).collect();
    let rows: Vec<Vec<(u32, LabelId)>> =
        labels.chunks(1000).map(|part| part.iter().map(|&label| (0, label)).collect()).collect();
    let heap = heap_of(table, &rows);
    assert_same(&heap, &again(&heap));
}

#[test]
fn rows_of_several_groups_are_read_back() {
    let rows: Vec<Vec<(u32, LabelId)>> = (0..1_500_000)
        .map(|at| if at % 7 == 0 { vec![(at, LabelId::item(at % 5))] } else { vec![] })
        .collect();
    let heap = heap_of(LabelTable::new(), &rows);
    assert_same(&heap, &again(&heap));
}

#[test]
fn two_types_of_one_name_stay_two() {
    let types = [Some(0), Some(1), None];
    let parts = SnapshotParts {
        types: types
            .iter()
            .map(|place| TypeEntry {
                module: "m".into(),
                qualname: "T".into(),
                node: place.map(NodeId::new),
            })
            .collect(),
        addresses: vec![16, 32, 48],
        types_of: vec![TypeId(1), TypeId(2), TypeId(0)],
        sizes: vec![1; 3],
        refcounts: vec![1; 3],
        flags: vec![Flags(0); 3],
        starts: vec![0; 4],
        ..SnapshotParts::default()
    };
    let heap = Snapshot::new(parts).unwrap();
    assert_same(&heap, &again(&heap));
}

#[test]
fn a_label_that_could_not_be_read_back_is_refused() {
    let mut table = LabelTable::new();
    let index = table.push(LabelKind::Index, "minus one");
    let heap = heap_of(table, &[vec![(0, index)]]);
    let error = snakeroot_dump::write(&heap, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("minus one"), "{error}");
}

fn label(kind: usize, number: u32) -> (LabelKind, String) {
    let kind = LabelKind::ALL[kind];
    let text = match kind {
        LabelKind::Index | LabelKind::Stack | LabelKind::Frame => number.to_string(),
        LabelKind::Unnamed | LabelKind::KeyObject | LabelKind::Element | LabelKind::Weak => {
            String::new()
        }
        _ => ["", "a", "a\"]", "é\n", "[3]"][number as usize % 5].into(),
    };
    (kind, text)
}

prop_compose! {
    fn any_heap()(
        objects in 0_usize..40,
        synthetic in 0_usize..4,
    )(
        steps in prop::collection::vec(1_u64..1000, objects),
        types in prop::collection::vec((0_usize..3, any::<bool>()), 1..6),
        facts in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u64>(), any::<u32>(), 0_u16..128), objects + synthetic),
        lists in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
            objects + synthetic),
        labels in prop::collection::vec((0_usize..LabelKind::ALL.len(), 0_u32..100_000), 0..12),
        names in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        extra in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0_usize..9), 0..6),
        words in "[ -~é]{0,8}",
        objects in Just(objects),
    ) -> Snapshot {
        let count = facts.len();
        let mut parts = SnapshotParts { starts: vec![0], ..SnapshotParts::default() };
        parts.info = Info { tool: words.clone(), argv: vec![words.clone()], ..Info::default() };
        for (at, &(name, has_node)) in types.iter().enumerate() {
            parts.types.push(TypeEntry {
                module: ["", "app", "a.b"][name].into(),
                // Names recur among the types that have a node of their own.
                qualname: if has_node && at < count { "Name".into() } else { format!("Name{at}").into() },
                node: (has_node && at < count).then(|| NodeId::from_index(at)),
            });
        }
        let mut table = LabelTable::new();
        let mut ids = vec![LabelTable::UNNAMED];
        for &(kind, number) in &labels {
            ids.push(match label(kind, number) {
                (LabelKind::Index, _) => LabelId::item(number),
                (kind, text) => table.push(kind, &text),
            });
        }
        parts.label_table = table;
        let mut address = 0;
        for (at, (kind, size, refcount, flags)) in facts.iter().enumerate() {
            let node = NodeId::from_index(at);
            address += steps.get(at).copied().unwrap_or(0);
            parts.addresses.push(if at < objects { address } else { 0 });
            parts.types_of.push(TypeId(kind.index(types.len()) as u32));
            if *size % 3 == 0 && *size >= u64::from(u32::MAX) {
                parts.sizes.push(u32::MAX);
                parts.large_sizes.push((node, *size));
            } else {
                parts.sizes.push(*size as u32 >> 1);
            }
            parts.refcounts.push(*refcount);
            let flags = Flags(flags & !Flags::SYNTHETIC.0);
            parts.flags.push(if at < objects { flags } else { flags | Flags::SYNTHETIC });
            for (target, label) in &lists[at] {
                parts.targets.push(NodeId::from_index(target.index(count)));
                parts.labels.push(ids[label.index(ids.len())]);
            }
            parts.starts.push(parts.targets.len() as u64);
        }
        if count > 0 {
            let pairs = |text: &str| -> Vec<(NodeId, String)> {
                let node = |at: &prop::sample::Index| NodeId::from_index(at.index(count));
                names.iter().map(|at| (node(at), format!("{text}{}", at.index(3)))).collect()
            };
            parts.names = SparseText::from_pairs(pairs(""));
            parts.values = SparseText::from_pairs(pairs(&words));
            let mut some: Vec<(NodeId, u64, usize)> = extra
                .iter()
                .map(|&(at, number, kind)| (NodeId::from_index(at.index(count)), number, kind))
                .collect();
            some.sort_by_key(|&(node, ..)| node);
            some.dedup_by_key(|&mut (node, ..)| node);
            parts.hashes = some.iter().map(|&(node, number, _)| (node, number)).collect();
            parts.native_sizes = some.iter().map(|&(node, number, _)| (node, number / 2)).collect();
            parts.roots = some
                .iter()
                .map(|&(node, _, kind)| (node, Root::new(RootKind::ALL[kind], words.clone())))
                .collect();
        }
        Snapshot::new(parts).expect("made as a snapshot must be")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_heap_is_read_back(heap in any_heap()) {
        assert_same(&heap, &again(&heap));
    }
}
