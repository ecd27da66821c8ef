//! How fast a dump is written and read, and how small it is.
//!
//! `cargo run --release -p snakeroot-dump --example throughput [GROUPS] [FILE]`
//!
//! The heap is made up: a million instances (`GROUPS`), each with a dict, a
//! list, a str and a float, ten references, at addresses as the small-object
//! allocator gives them out: a pool of 16 KiB a size class, and one object in
//! sixteen in a hole that another left.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use snakeroot::snapshot::{
    Flags, Info, LabelKind, LabelTable, Root, RootKind, SparseText, TypeEntry,
};
use snakeroot::{LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

const POOL_BYTES: u64 = 16 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let groups = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let file = arguments.next().map(PathBuf::from);
    let path = file.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("throughput-{}.heap.parquet", std::process::id()))
    });
    let mut out = std::io::stdout().lock();
    let snapshot = heap(groups);
    let (objects, edges) = (snapshot.node_count(), snapshot.edge_count());
    writeln!(out, "{objects} objects, {edges} edges")?;
    for _ in 0..5 {
        let started = Instant::now();
        let saved = snakeroot_dump::save(&snapshot, &path)?;
        let save = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let loaded = snakeroot_dump::load(&path)?;
        let load = started.elapsed().as_secs_f64();
        assert_eq!(loaded.edge_count(), edges);
        writeln!(
            out,
            "save {:.1} M objects/s, load {:.1} M objects/s, {:.2} bytes an object",
            objects as f64 / save / 1e6,
            objects as f64 / load / 1e6,
            saved.bytes as f64 / objects as f64
        )?;
    }
    if file.is_none() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Addresses in pools, one size class each.
#[derive(Default)]
struct Pools {
    next_pool: u64,
    open: HashMap<u64, (u64, u64)>,
}

impl Pools {
    fn take(&mut self, size: u64) -> u64 {
        let class = size.next_multiple_of(16);
        let (next, end) = self.open.entry(class).or_default();
        if *next + class > *end {
            *next = 0x7f00_0000_0000 + self.next_pool * POOL_BYTES + 48;
            *end = 0x7f00_0000_0000 + (self.next_pool + 1) * POOL_BYTES;
            self.next_pool += 1;
        }
        *next += class;
        *next - class
    }
}

fn heap(groups: usize) -> Snapshot {
    const NAMES: [&str; 8] = ["type", "dict", "list", "str", "float", "int", "NoneType", "Session"];
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut pools = Pools::default();
    let mut table = LabelTable::new();
    let class = table.push(LabelKind::Slot, "__class__");
    let attributes = table.push(LabelKind::Slot, "__dict__");
    let key = table.push(LabelKind::KeyObject, "");
    let entries: Vec<LabelId> =
        (0..600).map(|n| table.push(LabelKind::Attribute, &format!("field_{n}"))).collect();

    // Objects in the order in which they are made: type, size, references counts, edges.
    let mut objects: Vec<(u64, usize, u32, u32)> = Vec::new();
    let mut edges: Vec<Vec<(usize, LabelId)>> = Vec::new();
    let mut add =
        |objects: &mut Vec<_>, kind: usize, size: u32, refcount, to: Vec<(usize, LabelId)>| {
            objects.push((pools.take(size.into()), kind, size, refcount));
            edges.push(to);
            objects.len() - 1
        };
    let types: Vec<usize> =
        NAMES.iter().map(|_| add(&mut objects, 0, 1064, 1000, vec![])).collect();
    let none = add(&mut objects, 6, 16, u32::MAX, vec![]);
    let integers: Vec<usize> =
        (0..256).map(|_| add(&mut objects, 5, 28, u32::MAX, vec![])).collect();
    let keys: Vec<usize> =
        (0..600).map(|n| add(&mut objects, 3, 49 + n as u32 % 9, u32::MAX, vec![])).collect();
    for _ in 0..groups {
        let of = numbers.below(200) * 3;
        let text = add(&mut objects, 3, 50 + numbers.below(60) as u32, 1, vec![]);
        let float = add(&mut objects, 4, 24, 1, vec![]);
        let list =
            add(&mut objects, 2, 72, 1, vec![(float, LabelId::item(0)), (none, LabelId::item(1))]);
        let dict = add(
            &mut objects,
            1,
            [184, 232, 352][numbers.below(3)],
            1,
            vec![
                (keys[of], key),
                (text, entries[of]),
                (keys[of + 1], key),
                (list, entries[of + 1]),
                (keys[of + 2], key),
                (integers[numbers.below(256)], entries[of + 2]),
            ],
        );
        add(
            &mut objects,
            7,
            48,
            1 + numbers.below(3) as u32,
            vec![(dict, attributes), (types[7], class)],
        );
    }
    for _ in 0..objects.len() / 16 {
        let (one, other) = (numbers.below(objects.len()), numbers.below(objects.len()));
        let address = objects[one].0;
        objects[one].0 = objects[other].0;
        objects[other].0 = address;
    }

    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|&at| objects[at].0);
    let mut node = vec![NodeId::new(0); objects.len()];
    for (place, &at) in order.iter().enumerate() {
        node[at] = NodeId::from_index(place);
    }
    let mut parts = SnapshotParts {
        info: Info { tool: "made up".into(), ..Info::default() },
        starts: vec![0],
        label_table: table,
        ..SnapshotParts::default()
    };
    for (name, &at) in NAMES.iter().zip(&types) {
        let module = if *name == "Session" { "app" } else { "builtins" };
        let entry =
            TypeEntry { module: module.into(), qualname: (*name).into(), node: Some(node[at]) };
        parts.types.push(entry);
    }
    for &at in &order {
        let (address, kind, size, refcount) = objects[at];
        parts.addresses.push(address);
        parts.types_of.push(TypeId(kind as u32));
        parts.sizes.push(size);
        parts.refcounts.push(refcount);
        let tracked = matches!(kind, 0 | 1 | 2 | 7);
        parts.flags.push(if tracked { Flags::TRACKED | Flags::COLLECTABLE } else { Flags(0) });
        for &(target, label) in &edges[at] {
            parts.targets.push(node[target]);
            parts.labels.push(label);
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    let names = NAMES.iter().zip(&types).map(|(name, &at)| (node[at], *name));
    parts.names = SparseText::from_pairs(names.collect());
    parts.roots = types.iter().map(|&at| (node[at], Root::new(RootKind::StaticType, ""))).collect();
    parts.roots.sort_by_key(|&(node, _)| node);
    Snapshot::new(parts).expect("the heap is made as a snapshot must be")
}
