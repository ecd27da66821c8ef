//! What was recorded at one moment: columns over objects, edges and names.
//!
//! Plain data: an address is a number, nothing here points into a Python
//! process. Immutable once built. What can be derived from it (referrers,
//! look-up by address) is the graph's.

mod facts;
mod label;
mod reach;
mod rows;
mod text;

use std::fmt;

pub use facts::{Flags, Info, Root, RootKind, TypeEntry};
pub use label::{Label, LabelKind, LabelTable};
pub use rows::Rows;
pub use text::SparseText;

use crate::id::{LabelId, NodeId, TypeId};

/// Everything a snapshot is made of, before it is checked.
///
/// The columns over nodes (`addresses`, `types_of`, `sizes`, `refcounts`,
/// `flags`) have one entry a node. Objects come first, in ascending order of
/// address; synthetic nodes (threads, frames) come after them, with address 0.
#[derive(Clone, Debug, Default)]
pub struct SnapshotParts {
    /// About the process and the capture.
    pub info: Info,
    /// The table of types.
    pub types: Vec<TypeEntry>,
    /// The address of each object, ascending; 0 for a synthetic node.
    pub addresses: Vec<u64>,
    /// The type of each node.
    pub types_of: Vec<TypeId>,
    /// Shallow size in bytes; `u32::MAX` where `large_sizes` has the true one.
    pub sizes: Vec<u32>,
    /// The sizes that do not fit, ascending by node.
    pub large_sizes: Vec<(NodeId, u64)>,
    /// Reference counts, saturated at `u32::MAX`.
    pub refcounts: Vec<u32>,
    /// Flags of each node.
    pub flags: Vec<Flags>,
    /// Where each node's referents start, and at last where the last one's end.
    pub starts: Vec<u64>,
    /// The referents of all nodes, end to end.
    pub targets: Vec<NodeId>,
    /// The label of each edge, in the order of `targets`.
    pub labels: Vec<LabelId>,
    /// What the labels say.
    pub label_table: LabelTable,
    /// Names of modules, types, functions, code, threads, frames.
    pub names: SparseText,
    /// Short printable previews; only where they were asked for.
    pub values: SparseText,
    /// Keyed content hashes, ascending by node.
    pub hashes: Vec<(NodeId, u64)>,
    /// Memory owned outside the Python allocator, ascending by node.
    pub native_sizes: Vec<(NodeId, u64)>,
    /// Which nodes are GC roots and why, ascending by node.
    pub roots: Vec<(NodeId, Root)>,
}

/// Parts that do not make a snapshot: what was expected, what was found, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError(String);

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SnapshotError {}

/// What was recorded of a heap at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    info: Info,
    types: Box<[TypeEntry]>,
    addresses: Box<[u64]>,
    /// Nodes below are objects, the others synthetic.
    object_count: usize,
    types_of: Box<[TypeId]>,
    sizes: Box<[u32]>,
    large_sizes: Box<[(NodeId, u64)]>,
    refcounts: Box<[u32]>,
    flags: Box<[Flags]>,
    referents: Rows,
    labels: Box<[LabelId]>,
    label_table: LabelTable,
    names: SparseText,
    values: SparseText,
    hashes: Box<[(NodeId, u64)]>,
    native_sizes: Box<[(NodeId, u64)]>,
    roots: Box<[(NodeId, Root)]>,
}

impl Snapshot {
    /// Checks the parts and keeps them.
    ///
    /// # Errors
    ///
    /// When a column has another length than the others, addresses do not
    /// ascend, or a number points outside the table it should point into.
    ///
    /// # Complexity
    ///
    /// O(V + E) time, no scratch.
    pub fn new(parts: SnapshotParts) -> Result<Self, SnapshotError> {
        let count = parts.addresses.len();
        let fail = |text: String| Err(SnapshotError(text));
        if count as u64 >= NodeId::MAX_NODES {
            return fail(format!("expected fewer than {} nodes, found {count}", NodeId::MAX_NODES));
        }
        for (column, length, expected) in [
            ("type", parts.types_of.len(), count),
            ("size", parts.sizes.len(), count),
            ("refcount", parts.refcounts.len(), count),
            ("flags", parts.flags.len(), count),
            ("referents", parts.starts.len().wrapping_sub(1), count),
            ("labels", parts.labels.len(), parts.targets.len()),
        ] {
            if length != expected {
                return fail(format!(
                    "column {column}: expected {expected} entries, found {length}"
                ));
            }
        }
        let object_count = parts.flags.partition_point(|flags| !flags.contains(Flags::SYNTHETIC));
        if let Some(at) = parts.addresses[..object_count].windows(2).position(|w| w[0] >= w[1]) {
            return fail(format!(
                "column address: expected ascending, found {:#x} after {:#x} at row {}",
                parts.addresses[at + 1],
                parts.addresses[at],
                at + 1
            ));
        }
        for at in object_count..count {
            if parts.addresses[at] != 0 || !parts.flags[at].contains(Flags::SYNTHETIC) {
                return fail(format!(
                    "row {at}: expected synthetic nodes only after the first one, at row {object_count}"
                ));
            }
        }
        if let Some(at) = parts.types_of.iter().position(|id| id.index() >= parts.types.len()) {
            return fail(format!(
                "column type: expected types below {}, found {} at row {at}",
                parts.types.len(),
                parts.types_of[at].0
            ));
        }
        if let Some(at) = parts.labels.iter().position(|&id| !parts.label_table.contains(id)) {
            return fail(format!("column labels: no such label in the table, at edge {at}"));
        }
        let sparse = [
            ("type_id", parts.types.iter().filter_map(|entry| entry.node).max()),
            ("size", ascending_last("size", &parts.large_sizes)?),
            ("hash", ascending_last("hash", &parts.hashes)?),
            ("native_size", ascending_last("native_size", &parts.native_sizes)?),
            ("root", ascending_last("root", &parts.roots)?),
            ("name", parts.names.iter().last().map(|(node, _)| node)),
            ("value", parts.values.iter().last().map(|(node, _)| node)),
        ];
        for (column, node) in sparse {
            if let Some(node) = node.filter(|node| node.index() >= count) {
                return fail(format!(
                    "column {column}: expected nodes below {count}, found {}",
                    node.place()
                ));
            }
        }
        let referents = Rows::new(parts.starts, parts.targets).map_err(SnapshotError)?;
        Ok(Self {
            info: parts.info,
            types: parts.types.into(),
            addresses: parts.addresses.into(),
            object_count,
            types_of: parts.types_of.into(),
            sizes: parts.sizes.into(),
            large_sizes: parts.large_sizes.into(),
            refcounts: parts.refcounts.into(),
            flags: parts.flags.into(),
            referents,
            labels: parts.labels.into(),
            label_table: parts.label_table,
            names: parts.names,
            values: parts.values,
            hashes: parts.hashes.into(),
            native_sizes: parts.native_sizes.into(),
            roots: parts.roots.into(),
        })
    }

    /// About the process and the capture.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// How many nodes there are: objects and synthetic ones.
    pub fn node_count(&self) -> usize {
        self.addresses.len()
    }

    /// How many objects there are; the nodes after them are threads and frames.
    pub fn object_count(&self) -> usize {
        self.object_count
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> u64 {
        self.referents.target_count() as u64
    }

    /// All nodes in order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.node_count() as u32).map(NodeId::new)
    }

    /// The table of types.
    pub fn types(&self) -> &[TypeEntry] {
        &self.types
    }

    /// The addresses of all nodes: ascending for objects, then 0 for synthetic ones.
    pub fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// The types of all nodes.
    pub fn type_ids(&self) -> &[TypeId] {
        &self.types_of
    }

    /// The shallow sizes of all nodes, `u32::MAX` where [`Snapshot::size`] must be asked.
    pub fn packed_sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The reference counts of all nodes.
    pub fn refcounts(&self) -> &[u32] {
        &self.refcounts
    }

    /// The flags of all nodes.
    pub fn all_flags(&self) -> &[Flags] {
        &self.flags
    }

    /// The referents of all nodes.
    pub fn referents(&self) -> &Rows {
        &self.referents
    }

    /// The label of each edge, in the order of [`Rows::targets`] of the referents.
    pub fn labels(&self) -> &[LabelId] {
        &self.labels
    }

    /// What the labels say.
    pub fn label_table(&self) -> &LabelTable {
        &self.label_table
    }

    /// Names of modules, types, functions, code, threads, frames.
    pub fn names(&self) -> &SparseText {
        &self.names
    }

    /// Short printable previews, where they were asked for.
    pub fn values(&self) -> &SparseText {
        &self.values
    }

    /// Keyed content hashes, where they were asked for.
    pub fn hashes(&self) -> &[(NodeId, u64)] {
        &self.hashes
    }

    /// Memory owned outside the Python allocator, where known.
    pub fn native_sizes(&self) -> &[(NodeId, u64)] {
        &self.native_sizes
    }

    /// The GC roots, ascending by node.
    pub fn roots(&self) -> &[(NodeId, Root)] {
        &self.roots
    }

    /// A node's address, 0 if it is synthetic.
    #[inline]
    pub fn address(&self, node: NodeId) -> u64 {
        self.addresses[node.index()]
    }

    /// A node's type.
    #[inline]
    pub fn type_of(&self, node: NodeId) -> &TypeEntry {
        &self.types[self.types_of[node.index()].index()]
    }

    /// A node's shallow size in bytes.
    #[inline]
    pub fn size(&self, node: NodeId) -> u64 {
        match self.sizes[node.index()] {
            u32::MAX => find(&self.large_sizes, node).copied().unwrap_or(u64::from(u32::MAX)),
            size => u64::from(size),
        }
    }

    /// A node's reference count when it was recorded.
    #[inline]
    pub fn refcount(&self, node: NodeId) -> u32 {
        self.refcounts[node.index()]
    }

    /// Bytes of memory outside Python's own that a node keeps; `None` where
    /// nothing is known of such memory.
    pub fn native_size(&self, node: NodeId) -> Option<u64> {
        find(&self.native_sizes, node).copied()
    }

    /// A node's flags.
    #[inline]
    pub fn flags(&self, node: NodeId) -> Flags {
        self.flags[node.index()]
    }

    /// Why a node is a GC root, if it is one.
    pub fn root(&self, node: NodeId) -> Option<&Root> {
        find(&self.roots, node)
    }

    /// Bytes that this snapshot holds.
    pub fn heap_bytes(&self) -> u64 {
        let nodes = self.addresses.len() * (8 + 4 + 4 + 4 + 2);
        let edges = self.labels.len() * 4;
        let sparse = (self.large_sizes.len() + self.hashes.len() + self.native_sizes.len()) * 16
            + self.roots.len() * size_of::<(NodeId, Root)>()
            + self.types.len() * size_of::<TypeEntry>();
        (nodes + edges + sparse) as u64
            + self.referents.heap_bytes()
            + self.label_table.heap_bytes()
            + self.names.heap_bytes()
            + self.values.heap_bytes()
    }
}

/// The value of `node` in pairs that ascend by node.
fn find<T>(pairs: &[(NodeId, T)], node: NodeId) -> Option<&T> {
    pairs.binary_search_by_key(&node, |pair| pair.0).ok().map(|place| &pairs[place].1)
}

/// The last node of pairs that must ascend by node.
fn ascending_last<T>(column: &str, pairs: &[(NodeId, T)]) -> Result<Option<NodeId>, SnapshotError> {
    match pairs.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        Some(pair) => Err(SnapshotError(format!(
            "column {column}: expected ascending nodes, found {} after {}",
            pair[1].0.place(),
            pair[0].0.place()
        ))),
        None => Ok(pairs.last().map(|pair| pair.0)),
    }
}
