//! Heaps for the tests, and what it means that two are the same.
#![allow(dead_code)] // each test file uses a part

use snakeroot::snapshot::{
    Flags, Info, Label, LabelKind, LabelTable, Root, RootKind, SparseText, TypeEntry,
};
use snakeroot::{LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

/// Type, size, reference count, flags, referents.
type Row = (u32, u64, u32, Flags, Vec<(u32, LabelId)>);

/// A small heap with one of everything that a column can hold.
///
/// A module `app` holds a cache, a dict of two sessions; each has a name and a
/// list; a thread's frame holds one of them, a C extension the other.
pub fn small_heap() -> Snapshot {
    let node = NodeId::new;
    let mut table = LabelTable::new();
    let class = table.push(LabelKind::Slot, "__class__");
    let attributes = table.push(LabelKind::Slot, "__dict__");
    let cache = table.push(LabelKind::Key, "cache");
    let user = table.push(LabelKind::Key, "user:7");
    let number = table.push(LabelKind::OtherKey, "(1, 'é')");
    let key = table.push(LabelKind::KeyObject, "");
    let name = table.push(LabelKind::Attribute, "name");
    let items = table.push(LabelKind::Attribute, "items");
    let local = table.push(LabelKind::Local, "session");
    let frame = table.push(LabelKind::Frame, "0");
    let weak = table.push(LabelKind::Weak, "");
    let types = [
        ("builtins", "type", Some(0)),
        ("builtins", "module", Some(1)),
        ("builtins", "dict", Some(2)),
        ("app", "Session", Some(3)),
        ("builtins", "str", Some(4)),
        ("builtins", "list", Some(5)),
        ("", "thread", None),
        ("", "frame", None),
        ("app", "Unused.Inner", None),
    ];
    let tracked = Flags::TRACKED | Flags::COLLECTABLE;
    let fixed = Flags::IMMORTAL | Flags::TRACKED;
    let session = tracked | Flags::HAS_DICT;
    let rows: Vec<Row> = vec![
        (0, 936, u32::MAX, fixed, vec![]),
        (0, 936, u32::MAX, fixed, vec![]),
        (0, 936, u32::MAX, fixed, vec![]),
        (0, 1688, 5, tracked, vec![(0, LabelTable::UNNAMED), (4, LabelTable::UNNAMED)]),
        (0, 936, u32::MAX, fixed, vec![]),
        (0, 936, u32::MAX, fixed, vec![]),
        (1, 72, 2, tracked, vec![(7, attributes), (1, class)]),
        (2, 232, 1, tracked, vec![(8, cache)]),
        (2, 232, 1, tracked, vec![(12, key), (9, user), (10, number)]),
        (3, 48, 2, session, vec![(11, items), (12, name), (3, class)]),
        (3, 48, 3, session, vec![(11, items), (13, name), (9, weak), (3, class)]),
        (5, 5_000_000_000, 2, tracked, vec![(12, LabelId::item(0)), (13, LabelId::item(70_000))]),
        (4, 55, 4, Flags(0), vec![]),
        (4, 53, 2, Flags(0), vec![]),
        (6, 0, 0, Flags::SYNTHETIC, vec![(15, frame)]),
        (7, 0, 0, Flags::SYNTHETIC, vec![(9, local)]),
    ];
    let mut parts = SnapshotParts {
        info: Info {
            tool: "0.1.0".into(),
            python: "3.11.7".into(),
            build: "cpython release".into(),
            platform: "linux x86_64".into(),
            pid: 4711,
            argv: vec!["app.py".into(), "--serve".into()],
            started_ms: 1_767_225_600_000,
            pause_ns: 1_200_000,
            total_ns: 8_400_000,
            tracked: 10,
            resident_bytes: 9_437_184,
            enumeration: "gc lists".into(),
            ..Info::default()
        },
        types: types
            .iter()
            .map(|&(module, qualname, place)| TypeEntry {
                module: module.into(),
                qualname: qualname.into(),
                node: place.map(node),
            })
            .collect(),
        starts: vec![0],
        label_table: table,
        names: SparseText::from_pairs(vec![
            (node(0), "type"),
            (node(1), "module"),
            (node(2), "dict"),
            (node(3), "Session"),
            (node(4), "str"),
            (node(5), "list"),
            (node(6), "app"),
            (node(14), "MainThread"),
            (node(15), "serve (app.py:12)"),
        ]),
        values: SparseText::from_pairs(vec![(node(12), "'user:7'"), (node(13), "")]),
        hashes: vec![(node(12), 0xDEAD_BEEF_0000_0001), (node(13), 0)],
        native_sizes: vec![(node(11), 1 << 33)],
        roots: vec![
            (node(0), Root::new(RootKind::StaticType, "")),
            (node(6), Root::new(RootKind::Module, "app")),
            (node(10), Root::new(RootKind::HeldFromC, "1")),
            (node(14), Root::new(RootKind::Thread, "\"MainThread\"")),
        ],
        ..SnapshotParts::default()
    };
    for (place, (kind, size, refcount, flags, edges)) in rows.into_iter().enumerate() {
        let synthetic = flags.contains(Flags::SYNTHETIC);
        parts.addresses.push(if synthetic { 0 } else { 0x7f00_0000_1000 + 0x40 * place as u64 });
        parts.types_of.push(TypeId(kind));
        match u32::try_from(size) {
            Ok(size) => parts.sizes.push(size),
            Err(_) => {
                parts.sizes.push(u32::MAX);
                parts.large_sizes.push((node(place as u32), size));
            }
        }
        parts.refcounts.push(refcount);
        parts.flags.push(flags);
        for (target, label) in edges {
            parts.targets.push(node(target));
            parts.labels.push(label);
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    Snapshot::new(parts).expect("the heap is drawn as a snapshot must be")
}

/// Fails unless the two say the same of every node and edge.
///
/// The table of labels may be in another order and without the labels that no
/// edge has: what counts is what each edge is called.
#[track_caller]
pub fn assert_same(one: &Snapshot, other: &Snapshot) {
    assert_eq!(one.info(), other.info());
    assert_eq!(one.types(), other.types());
    assert_eq!(one.addresses(), other.addresses());
    assert_eq!(one.object_count(), other.object_count());
    assert_eq!(one.type_ids(), other.type_ids());
    assert_eq!(one.refcounts(), other.refcounts());
    assert_eq!(one.all_flags(), other.all_flags());
    assert_eq!(one.referents(), other.referents());
    assert_eq!(one.names(), other.names());
    assert_eq!(one.values(), other.values());
    assert_eq!(one.hashes(), other.hashes());
    assert_eq!(one.native_sizes(), other.native_sizes());
    assert_eq!(one.roots(), other.roots());
    for node in one.nodes() {
        assert_eq!(one.size(node), other.size(node), "size of row {}", node.place());
    }
    let labels = |snapshot: &Snapshot| -> Vec<Label> {
        snapshot.labels().iter().map(|&label| snapshot.label_table().get(label)).collect()
    };
    if one.edge_count() < 100_000 {
        assert_eq!(labels(one), labels(other));
    } else {
        let same = |(&one_label, &other_label): (&LabelId, &LabelId)| {
            one_label.as_item() == other_label.as_item()
                && one.label_table().get(one_label) == other.label_table().get(other_label)
        };
        assert!(one.labels().iter().zip(other.labels()).all(same));
    }
}

/// The bytes of a dump.
pub fn bytes_of(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snakeroot_dump::write(snapshot, &mut bytes).expect("memory takes all bytes");
    bytes
}
