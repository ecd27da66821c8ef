//! A heap put together row by row, in whatever order a file has its objects.
//!
//! Objects refer to each other by address, or by their place in the file; both
//! may lead forwards. At the end all is sorted by address and numbered.

use std::collections::HashMap;

use rayon::prelude::*;
use snakeroot::snapshot::{
    Flags, Info, LabelKind, LabelTable, Root, RootKind, SnapshotParts, SparseText, TypeEntry,
};
use snakeroot::{LabelId, NodeId, Snapshot, TypeId};

use super::roots;
use crate::error::{DumpError, DumpErrorKind};

/// Characters of a value, a name or a key that are kept.
const MOST_CHARS: usize = 200;
/// All sizes together stay below this, so that no sum of some is too great.
const SIZES_BELOW: u64 = 1 << 62;
/// The type of what is referred to and was not recorded.
const UNKNOWN: &str = "unknown";
/// In place of a label until the keys are known: the value of the key before.
const VALUE_OF_KEY: LabelId = LabelId::entry(LabelId::MAX_INDEX);
const NONE: u32 = u32::MAX;

/// What a row's edges lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    /// Addresses, of objects that may not be there.
    Addresses,
    /// The numbers of rows, all of which are there.
    Rows,
}

/// What a second object at one address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// The file says it twice; the first stays.
    SaidAgain,
    /// Damage.
    Refused,
}

/// Where the GC roots come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The file has them all.
    Given,
    /// The file has few or none: modules are roots, and what nothing else explains.
    Found,
}

/// A text that stands for an object.
struct Value {
    row: u32,
    text: Box<str>,
    /// Whether it is the text of a str, without quotes.
    is_str: bool,
}

/// A heap of which rows are still to come.
pub(super) struct Heap {
    format: &'static str,
    targets_are: Targets,
    pub(super) info: Info,
    pub(super) types: Vec<TypeEntry>,
    /// By module and name, with a 0 between them.
    type_ids: HashMap<Box<str>, TypeId>,
    type_key: String,
    /// Where the objects of some types are.
    pub(super) type_addresses: Vec<(TypeId, u64)>,
    addresses: Vec<u64>,
    types_of: Vec<TypeId>,
    sizes: Vec<u64>,
    all_sizes: u64,
    flags: Vec<Flags>,
    /// Where each row's edges start; the last row's end where all do.
    starts: Vec<u64>,
    targets: Vec<u64>,
    labels: Vec<LabelId>,
    label_table: LabelTable,
    label_ids: HashMap<(LabelKind, Box<str>), LabelId>,
    /// Edges between rows, by their numbers: they come after the row's others.
    links: Vec<(u32, u32, LabelId)>,
    names: Vec<(u32, Box<str>)>,
    values: Vec<Value>,
    roots: Vec<(u32, Root)>,
}

impl Heap {
    /// An empty heap from a file in some format.
    pub(super) fn new(format: &'static str, targets_are: Targets) -> Self {
        Self {
            format,
            targets_are,
            info: Info::default(),
            types: Vec::new(),
            type_ids: HashMap::new(),
            type_key: String::new(),
            type_addresses: Vec::new(),
            addresses: Vec::new(),
            types_of: Vec::new(),
            sizes: Vec::new(),
            all_sizes: 0,
            flags: Vec::new(),
            starts: Vec::new(),
            targets: Vec::new(),
            labels: Vec::new(),
            label_table: LabelTable::new(),
            label_ids: HashMap::new(),
            links: Vec::new(),
            names: Vec::new(),
            values: Vec::new(),
            roots: Vec::new(),
        }
    }

    /// Something the reader of this heap should know.
    pub(super) fn notice(&mut self, text: impl Into<String>) {
        self.info.notices.push(text.into());
    }

    /// The type with this module and name, made where it is new.
    pub(super) fn type_id(&mut self, module: &str, qualname: &str) -> TypeId {
        self.type_key.clear();
        self.type_key.extend([module, "\0", qualname]);
        if let Some(&id) = self.type_ids.get(&*self.type_key) {
            return id;
        }
        let id = self.new_type(module, qualname);
        self.type_ids.insert(self.type_key.as_str().into(), id);
        id
    }

    /// A type of its own, even if one has that name already.
    pub(super) fn new_type(&mut self, module: &str, qualname: &str) -> TypeId {
        let entry = TypeEntry { module: module.into(), qualname: qualname.into(), node: None };
        self.types.push(entry);
        TypeId(self.types.len() as u32 - 1)
    }

    /// A label, made where it is new.
    pub(super) fn label(&mut self, kind: LabelKind, text: &str) -> Result<LabelId, DumpError> {
        // A key for the look-up alone would cost as much as one that stays.
        let key = (kind, Box::from(text));
        if let Some(&label) = self.label_ids.get(&key) {
            return Ok(label);
        }
        let label = push_label(&mut self.label_table, kind, text)?;
        self.label_ids.insert(key, label);
        Ok(label)
    }

    /// Begins a row: edges, and whatever else is told, are its own until the next.
    ///
    /// Gives its number.
    pub(super) fn row(
        &mut self,
        address: u64,
        type_id: TypeId,
        size: u64,
        flags: Flags,
    ) -> Result<u32, DumpError> {
        let row = self.addresses.len();
        let sum = self.all_sizes.checked_add(size).filter(|&sum| sum < SIZES_BELOW);
        self.all_sizes = sum.ok_or_else(|| {
            DumpError::damaged(format!(
                "{}: expected sizes of less than 2^62 bytes together, found {size} more in object {row}",
                self.format
            ))
        })?;
        if row as u64 >= NodeId::MAX_NODES - 1 {
            return Err(self.too_many());
        }
        self.addresses.push(address);
        self.types_of.push(type_id);
        self.sizes.push(size);
        self.flags.push(flags);
        self.starts.push(self.targets.len() as u64);
        Ok(row as u32)
    }

    fn too_many(&self) -> DumpError {
        DumpErrorKind::Refused {
            reason: format!(
                "{}: expected fewer than {} objects, found more",
                self.format,
                NodeId::MAX_NODES
            ),
        }
        .into()
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// The last row refers to something.
    #[inline]
    pub(super) fn edge(&mut self, target: u64, label: LabelId) {
        self.targets.push(target);
        self.labels.push(label);
    }

    /// The last row is a dict that has this key and this value.
    pub(super) fn entry(&mut self, key: u64, value: u64) -> Result<(), DumpError> {
        let label = self.label(LabelKind::KeyObject, "")?;
        self.edge(key, label);
        self.edge(value, VALUE_OF_KEY);
        Ok(())
    }

    /// Where the last row's edges lead so far, with their labels.
    pub(super) fn edges(&mut self) -> impl Iterator<Item = (u64, &mut LabelId)> {
        let start = self.starts.last().map_or(0, |&start| start as usize);
        self.targets[start..].iter().copied().zip(&mut self.labels[start..])
    }

    /// One row refers to another; both by number.
    pub(super) fn link(&mut self, from: u32, to: u32, label: LabelId) {
        self.links.push((from, to, label));
    }

    /// A row's name.
    pub(super) fn name(&mut self, row: u32, text: &str) {
        self.names.push((row, short(text)));
    }

    /// The name of each row that was given one.
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.iter().map(|(row, name)| (*row, &**name))
    }

    /// The type of a row.
    pub(super) fn type_of(&self, row: u32) -> &TypeEntry {
        &self.types[self.types_of[row as usize].index()]
    }

    /// The last row's value as Python would write it.
    pub(super) fn value(&mut self, row: u32, text: &str) {
        self.values.push(Value { row, text: short(text), is_str: false });
    }

    /// The text of the last row, which is a str.
    pub(super) fn text(&mut self, row: u32, text: &str) {
        self.values.push(Value { row, text: short(text), is_str: true });
    }

    /// The address and the text of each str that has one.
    pub(super) fn texts(&self) -> impl Iterator<Item = (u64, &str)> {
        let strs = self.values.iter().filter(|value| value.is_str);
        strs.map(|value| (self.addresses[value.row as usize], &*value.text))
    }

    /// A row is a GC root.
    pub(super) fn root(&mut self, row: u32, kind: RootKind, words: &str) {
        self.roots.push((row, Root::new(kind, &*short(words))));
    }

    /// Sorts and numbers all that there is.
    ///
    /// # Errors
    ///
    /// Where two objects have one address and must not, and where there are more
    /// nodes than a snapshot can have.
    ///
    /// # Complexity
    ///
    /// O(V log V + E log V) time, on all cores; 24 bytes a node and 4 bytes an edge of scratch.
    pub(super) fn finish(self, twice: Twice, find: Roots) -> Result<Snapshot, DumpError> {
        snakeroot::parallel::run(move || self.number(twice, find))
    }

    fn number(mut self, twice: Twice, find: Roots) -> Result<Snapshot, DumpError> {
        self.starts.push(self.targets.len() as u64);
        let mut order = self.order(twice)?;
        if self.targets_are == Targets::Addresses {
            self.add_unknown(&mut order)?;
        }
        let objects = order.len();
        let is_synthetic = |&row: &u32| self.flags[row as usize].contains(Flags::SYNTHETIC);
        order.extend((0..self.len() as u32).filter(is_synthetic));
        let mut place_of = vec![NONE; self.len()];
        for (place, &row) in order.iter().enumerate() {
            place_of[row as usize] = place as u32;
        }
        let addresses: Vec<u64> = order.iter().map(|&row| self.addresses[row as usize]).collect();
        let places = self.resolve(&addresses[..objects], &place_of);
        self.targets = Vec::new();
        let node = |row: u32| NodeId::new(place_of[row as usize]);
        let is_there = |row: u32| place_of[row as usize] != NONE;

        let mut parts = SnapshotParts { addresses, ..SnapshotParts::default() };
        parts.addresses[objects..].fill(0);
        parts.types_of = order.iter().map(|&row| self.types_of[row as usize]).collect();
        parts.flags = order.iter().map(|&row| self.flags[row as usize]).collect();
        parts.refcounts = vec![0; order.len()];
        for (place, &row) in order.iter().enumerate() {
            let size = self.sizes[row as usize];
            parts.sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
            if size >= u64::from(u32::MAX) {
                parts.large_sizes.push((NodeId::from_index(place), size));
            }
        }

        self.links.sort_by_key(|&(from, ..)| from); // keeps the order of each row's own
        let text_of = |row: u32| {
            let found = self.values.binary_search_by_key(&row, |value| value.row);
            found.ok().map(|at| &self.values[at])
        };
        let mut key_labels: HashMap<u32, LabelId> = HashMap::new();
        parts.label_table = std::mem::take(&mut self.label_table);
        for &row in &order {
            parts.starts.push(parts.targets.len() as u64);
            let edges = self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize;
            let mut key = NONE;
            for edge in edges {
                let place = places[edge];
                let mut label = self.labels[edge];
                if label == VALUE_OF_KEY {
                    label = match key_labels.get(&key) {
                        Some(&label) => label,
                        None => {
                            let label = match text_of(order[key as usize]) {
                                Some(Value { text, is_str: true, .. }) => {
                                    push_label(&mut parts.label_table, LabelKind::Key, text)?
                                }
                                Some(Value { text, .. }) => {
                                    push_label(&mut parts.label_table, LabelKind::OtherKey, text)?
                                }
                                None => LabelTable::UNNAMED,
                            };
                            key_labels.insert(key, label);
                            label
                        }
                    };
                }
                key = place;
                parts.targets.push(NodeId::new(place));
                parts.labels.push(label);
            }
            let first = self.links.partition_point(|&(from, ..)| from < row);
            for &(_, to, label) in self.links[first..].iter().take_while(|link| link.0 == row) {
                parts.targets.push(node(to));
                parts.labels.push(label);
            }
        }
        parts.starts.push(parts.targets.len() as u64);

        let names = self.names.iter().filter(|(row, _)| is_there(*row));
        parts.names = SparseText::from_pairs(names.map(|(row, text)| (node(*row), text)).collect());
        let values = self.values.iter().filter(|value| is_there(value.row));
        let shown = values.map(|value| (node(value.row), value.shown()));
        parts.values = SparseText::from_pairs(shown.collect());
        parts.types = std::mem::take(&mut self.types);
        for &(id, address) in &self.type_addresses {
            let found = parts.addresses[..objects].binary_search(&address).ok();
            parts.types[id.index()].node = found.map(NodeId::from_index);
        }
        let roots = self.roots.iter().filter(|(row, _)| is_there(*row));
        parts.roots = roots.map(|(row, root)| (node(*row), root.clone())).collect();
        parts.info = std::mem::take(&mut self.info);
        drop(self);
        match find {
            Roots::Given => {
                parts.roots.sort_by_key(|&(node, _)| node);
                parts.mark_garbage();
                parts.info.held_from_c = None;
            }
            Roots::Found => find_roots(&mut parts),
        }
        Snapshot::new(parts).map_err(|error| DumpError::damaged(error.to_string()))
    }

    /// The rows of objects by address, each address once.
    fn order(&mut self, twice: Twice) -> Result<Vec<u32>, DumpError> {
        let is_object = |&row: &u32| !self.flags[row as usize].contains(Flags::SYNTHETIC);
        let mut order: Vec<u32> = (0..self.len() as u32).filter(is_object).collect();
        let address = |row: u32| self.addresses[row as usize];
        order.par_sort_unstable_by_key(|&row| (address(row), row));
        let same = order.windows(2).find(|pair| address(pair[0]) == address(pair[1]));
        let Some(same) = same else { return Ok(order) };
        if twice == Twice::Refused {
            return Err(DumpError::damaged(format!(
                "{}: expected each address once, found {:#x} for objects {} and {} of the file",
                self.format,
                address(same[0]),
                same[0],
                same[1]
            )));
        }
        let before = order.len();
        order.dedup_by_key(|row| address(*row));
        let again = before - order.len();
        self.notice(format!(
            "objects that stand in the file again, with the address of one before: {again}; the first was taken"
        ));
        Ok(order)
    }

    /// Adds an object for each address that is only referred to.
    fn add_unknown(&mut self, order: &mut Vec<u32>) -> Result<(), DumpError> {
        let known: Vec<u64> = order.iter().map(|&row| self.addresses[row as usize]).collect();
        let is_synthetic = |&row: &u32| self.flags[row as usize].contains(Flags::SYNTHETIC);
        let synthetic: Vec<u32> = (0..self.len() as u32).filter(is_synthetic).collect();
        let rows = order.par_iter().chain(&synthetic);
        let missing = rows.flat_map_iter(|&row| {
            let edges = self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize;
            let targets = self.targets[edges].iter().copied();
            targets.filter(|target| known.binary_search(target).is_err())
        });
        let mut missing: Vec<u64> = missing.collect();
        missing.par_sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let unknown = self.type_id("", UNKNOWN);
        self.starts.pop();
        for &address in &missing {
            order.push(self.row(address, unknown, 0, Flags::default())?);
        }
        self.starts.push(self.targets.len() as u64);
        order.par_sort_unstable_by_key(|&row| self.addresses[row as usize]);
        let count = missing.len();
        self.notice(format!(
            "objects that were referred to and not recorded: {count}; their type is {UNKNOWN}, their size 0"
        ));
        Ok(())
    }

    /// The place among all nodes that each edge leads to; of edges of rows that
    /// were left out, some place.
    fn resolve(&self, addresses: &[u64], place_of: &[u32]) -> Vec<u32> {
        let targets = self.targets.par_iter();
        match self.targets_are {
            Targets::Addresses => targets
                .map(|target| addresses.binary_search(target).map_or(NONE, |place| place as u32))
                .collect(),
            Targets::Rows => targets.map(|&row| place_of[row as usize]).collect(),
        }
    }
}

impl Value {
    /// As Python would write it.
    fn shown(&self) -> String {
        if self.is_str { quoted(&self.text) } else { self.text.to_string() }
    }
}

/// Makes modules roots, and whatever else must be one for all to be reached.
fn find_roots(parts: &mut SnapshotParts) {
    let is_module = parts.types.iter().map(|entry| entry.full_name() == "builtins.module");
    let is_module: Vec<bool> = is_module.collect();
    let modules = parts.types_of.iter().enumerate().filter(|(_, id)| is_module[id.index()]);
    let modules = modules.map(|(place, _)| {
        let node = NodeId::from_index(place);
        match parts.names.get(node) {
            Some("builtins") => (node, Root::new(RootKind::Builtins, "")),
            name => (node, Root::new(RootKind::Module, name.unwrap_or_default())),
        }
    });
    let modules: Vec<_> = modules.collect();
    let modules_count = modules.len() as u64;
    let threads = parts.roots.len();
    parts.roots.extend(modules);
    let added = roots::complete(parts);
    parts.info.notices.push(format!(
        "the format has {}; taken for roots are modules ({}), objects that nothing refers to ({}), and \
         one object of each cycle that nothing else refers to ({})",
        if threads > 0 { "no GC roots but threads" } else { "no GC roots" },
        modules_count,
        added.alone,
        added.cycles
    ));
}

fn push_label(table: &mut LabelTable, kind: LabelKind, text: &str) -> Result<LabelId, DumpError> {
    if table.len() as u64 >= u64::from(LabelId::MAX_INDEX) {
        let reason = format!("expected fewer than {} labels, found more", LabelId::MAX_INDEX);
        return Err(DumpErrorKind::Refused { reason }.into());
    }
    Ok(table.push(kind, text))
}

/// Not longer than is kept; what was longer ends in `…`.
fn short(text: &str) -> Box<str> {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// A str as Python would write it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            other if other == quote => shown.extend(['\\', other]),
            other if other.is_control() => shown.extend(other.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown.push(quote);
    shown
}
