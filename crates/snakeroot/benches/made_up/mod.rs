//! A made-up heap of any size, the same on each run.
//!
//! Three edges a node: one of a tree, one to a near node, as in a heap whose
//! objects were made together, and one to any node.

use snakeroot::snapshot::{Flags, LabelKind, LabelTable, Root, RootKind, SparseText, TypeEntry};
use snakeroot::{LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

const TYPES: u32 = 1_000;

/// A linear congruential generator: the same heap on each run, without a dependency.
pub struct Random(pub u64);

impl Random {
    /// The next number, which is less than `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (((self.0 >> 32) * u64::from(bound)) >> 32) as u32
    }
}

/// A tree of all nodes below node 0, and two more edges a node.
pub fn heap(count: u32) -> Snapshot {
    let mut random = Random(1);
    let mut label_table = LabelTable::new();
    let keys: Vec<LabelId> =
        (0..5_000).map(|at| label_table.push(LabelKind::Key, &format!("key {at}"))).collect();
    let weak = label_table.push(LabelKind::Weak, "");
    let types = (0..TYPES).map(|at| TypeEntry {
        module: "app".into(),
        qualname: format!("Type{at}").into(),
        node: None,
    });
    let mut parts = SnapshotParts {
        types: types.collect(),
        label_table,
        addresses: Vec::with_capacity(count as usize),
        types_of: Vec::with_capacity(count as usize),
        sizes: Vec::with_capacity(count as usize),
        refcounts: Vec::with_capacity(count as usize),
        flags: Vec::with_capacity(count as usize),
        starts: Vec::with_capacity(count as usize + 1),
        targets: Vec::with_capacity(3 * count as usize),
        labels: Vec::with_capacity(3 * count as usize),
        names: SparseText::new(),
        roots: vec![(NodeId::new(0), Root::new(RootKind::Module, "app"))],
        ..SnapshotParts::default()
    };
    parts.starts.push(0);
    for at in 0..count {
        parts.addresses.push(0x7f00_0000_0000 + u64::from(at) * 48);
        parts.types_of.push(TypeId(random.below(TYPES)));
        parts.sizes.push(32 + 16 * random.below(8));
        parts.refcounts.push(1);
        parts.flags.push(Flags::TRACKED);
        // The tree's edge to this row's nodes: node n hangs below n / 2.
        for below in
            (1..=2).map(|way| 2 * u64::from(at) + way).filter(|&below| below < count.into())
        {
            parts.targets.push(NodeId::new(below as u32));
            parts.labels.push(LabelId::item(0));
        }
        let near = (at + random.below(64)).min(count - 1);
        let label = keys[random.below(5_000) as usize];
        parts.targets.push(NodeId::new(near));
        parts.labels.push(label);
        parts.targets.push(NodeId::new(random.below(count)));
        parts.labels.push(if random.below(100) == 0 { weak } else { label });
        parts.starts.push(parts.targets.len() as u64);
    }
    Snapshot::new(parts).expect("the columns have one length")
}
