//! Chrome's `.heapsnapshot`: the file that the Memory panel of DevTools loads.
//!
//! What its reader asks for decides the form. It scans forward, so keys have one order
//! and texts come last. It puts every number into 32 bits without a word, so a size beyond
//! that is shared with nodes of its own, and ids are numbers of ours, never addresses. Its
//! dominators and distances come out as ours if the root leads to categories only,
//! categories to objects, weak edges are called weak, and garbage has a category too.

use std::collections::HashMap;
use std::io::Write;

use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Flags, Label, LabelKind, Root, RootKind};
use snakeroot::watch::Watch;
use snakeroot::{LabelId, NodeId, Snapshot};

use super::strings::{MOST_BYTES, Strings, TextId};
use super::{TICK, put_number};
use crate::error::{DumpError, DumpErrorKind};

/// The lists of names that the file begins with, whose places are the numbers that it goes on with.
const META: &str = r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],
"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],
"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],
"trace_node_fields":["id","function_info_index","count","size","children"],
"sample_fields":["timestamp_us","last_assigned_id"],
"location_fields":["object_index","script_id","line","column"]},
"#;

/// Fields of a node: edges name their target by the place of its first field.
const NODE_FIELDS: u64 = 7;

/// The most bytes that one node's size can be.
const MOST_SIZE: u64 = u32::MAX as u64;
/// Nodes for what sizes have beyond that: 256 TiB, which no machine has.
const MOST_PARTS: u64 = 1 << 16;

/// Ids of the root and of categories are below those of objects, and always the same.
const FIRST_OBJECT_ID: u64 = 101;

/// A node's kind, by its place in the list of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    String = 2,
    Object = 3,
    Code = 4,
    Closure = 5,
    Number = 7,
    Native = 8,
    Synthetic = 9,
}

/// An edge's kind, by its place in the list of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Edge {
    Context = 0,
    Element = 1,
    Property = 2,
    Internal = 3,
    Weak = 6,
}

/// What the roots of a category are to the reader: one for each kind, in the order of [`RootKind::ALL`].
const CATEGORIES: [&str; RootKind::ALL.len()] = [
    "(modules)",
    "(builtins)",
    "(thread stacks)",
    "(tasks)",
    "(interpreter)",
    "(static types)",
    "(immortal)",
    "(interned)",
    "(held from C)",
];
const GARBAGE: &str = "(uncollected garbage)";
const PART: &str = "(more than 4 GiB)";
/// What an item is called where an edge can have no number.
const ITEM: &str = "(item)";

/// What is written, beside the heap itself.
#[derive(Clone, Copy, Debug)]
pub struct HeapSnapshot<'a> {
    /// All GC roots; what the snapshot has no root for goes to the threads.
    pub roots: &'a [NodeId],
    /// All nodes that no GC root reaches.
    pub garbage: &'a NodeSet,
    /// Those of them that lead to all others.
    pub garbage_tops: &'a [NodeId],
    /// A number for each node, from which its id is made: the same in two files for what
    /// is the same object. Without it the row's.
    pub numbers: Option<&'a [u32]>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSnapshotWritten {
    /// Nodes, those of categories and parts among them.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Names, labels and values for which the reader has no room.
    pub left_out: u64,
}

/// Writes a `.heapsnapshot`.
///
/// # Errors
///
/// When `out` gives one, when the watch stops it, or when the heap has more nodes or bytes
/// than 32 bits can tell.
///
/// # Complexity
///
/// O(V + E) time. The file is written as the columns are read; names are held, each
/// once, and 4 bytes for each node that has one.
pub fn write_heapsnapshot(
    snapshot: &Snapshot,
    given: &HeapSnapshot<'_>,
    watch: &dyn Watch,
    out: &mut dyn Write,
) -> Result<HeapSnapshotWritten, DumpError> {
    write_within(snapshot, given, MOST_BYTES, watch, out)
}

fn write_within(
    snapshot: &Snapshot,
    given: &HeapSnapshot<'_>,
    most_text: u64,
    watch: &dyn Watch,
    out: &mut dyn Write,
) -> Result<HeapSnapshotWritten, DumpError> {
    let plan = Plan::new(snapshot, given, most_text)?;
    let written = HeapSnapshotWritten {
        nodes: plan.node_count(),
        edges: plan.edge_count(),
        left_out: plan.strings.left_out(),
    };
    out.write_all(META.as_bytes())?;
    writeln!(
        out,
        "\"node_count\":{},\"edge_count\":{},\"trace_function_count\":0}},",
        written.nodes, written.edges
    )?;
    out.write_all(b"\"nodes\":[")?;
    plan.write_nodes(watch, out)?;
    out.write_all(b"],\n\"edges\":[")?;
    plan.write_edges(watch, out)?;
    out.write_all(
        b"],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":[",
    )?;
    plan.strings.write(|node| plan.has_value(node), out)?;
    out.write_all(b"]}\n")?;
    Ok(written)
}

/// One category and what it leads to.
struct Category<'a> {
    id: u64,
    name: TextId,
    members: Vec<(NodeId, Option<&'a Root>)>,
}

/// What a type's nodes are.
struct TypePlan {
    kind: Kind,
    /// The class that the reader puts its nodes in.
    name: TextId,
}

/// All that must be known before the first node is written.
struct Plan<'a> {
    snapshot: &'a Snapshot,
    numbers: Option<&'a [u32]>,
    strings: Strings<'a>,
    root_name: TextId,
    part_name: TextId,
    item_name: TextId,
    garbage: &'a NodeSet,
    categories: Vec<Category<'a>>,
    types: Vec<TypePlan>,
    /// The texts of the nodes in the snapshot's names, in their order; none where
    /// the type's is to be taken.
    names: Vec<Option<TextId>>,
    /// The texts of what roots say of themselves, by category and member.
    words: Vec<Vec<Option<TextId>>>,
    /// Nodes that are larger than a size may be, with how many parts the rest of it takes.
    parted: Vec<(NodeId, u64)>,
}

impl<'a> Plan<'a> {
    fn new(
        snapshot: &'a Snapshot,
        given: &HeapSnapshot<'a>,
        most_text: u64,
    ) -> Result<Self, DumpError> {
        let unstorable = |reason: String| DumpError::from(DumpErrorKind::Unstorable { reason });
        let mut strings = Strings::new(snapshot, most_text);
        let root_name = strings.must("");
        let part_name = strings.must(PART);
        let item_name = strings.must(ITEM);
        let categories = categories(snapshot, given, &mut strings);
        let types = types(snapshot, &mut strings);

        let is_class = classes(snapshot);
        let entries = snapshot.types().iter();
        let full_names: HashMap<NodeId, String> =
            entries.filter_map(|entry| Some((entry.node?, entry.display_name()))).collect();
        let mut names = Vec::with_capacity(snapshot.names().len());
        for (node, name) in snapshot.names().iter() {
            let type_id = snapshot.type_ids()[node.index()].index();
            let text = match types[type_id].kind {
                Kind::Closure | Kind::Code => name.to_owned(),
                // The module is known of those that have instances.
                Kind::Object if is_class[type_id] => {
                    format!("class {}", full_names.get(&node).map_or(name, String::as_str))
                }
                Kind::Object => match &*snapshot.types()[type_id].full_name() {
                    "builtins.module" => format!("module {name}"),
                    "frame" | "builtins.frame" => format!("frame {name}"),
                    "thread" => format!("thread {name}"),
                    "builtins.generator" => format!("generator {name}"),
                    "builtins.coroutine" => format!("coroutine {name}"),
                    "builtins.async_generator" => format!("async_generator {name}"),
                    _ => {
                        names.push(None);
                        continue;
                    }
                },
                _ => {
                    names.push(None);
                    continue;
                }
            };
            names.push(strings.add(&text));
        }
        let words = categories.iter().map(|category| {
            let words = category.members.iter().map(|(_, root)| {
                let words = root.map(|root| &*root.words).filter(|words| !words.is_empty());
                words.and_then(|words| strings.add(words))
            });
            words.collect()
        });
        let words = words.collect();
        strings.number(|node| types[snapshot.type_ids()[node.index()].index()].takes_value());

        let mut parted = Vec::new();
        let mut parts = 0;
        for (node, &size) in snapshot.nodes().zip(snapshot.packed_sizes()) {
            if size == u32::MAX {
                let rest = snapshot.size(node).saturating_sub(MOST_SIZE).div_ceil(MOST_SIZE);
                if rest > 0 {
                    parted.push((node, rest));
                }
                parts += rest;
            }
            if parts > MOST_PARTS {
                return Err(unstorable(format!(
                    "expected sizes of at most {} bytes together, found more by row {}",
                    MOST_PARTS * MOST_SIZE,
                    node.place()
                )));
            }
        }
        let plan = Self {
            snapshot,
            numbers: given.numbers,
            strings,
            root_name,
            part_name,
            item_name,
            garbage: given.garbage,
            categories,
            types,
            names,
            words,
            parted,
        };
        let most = u64::from(u32::MAX) / NODE_FIELDS;
        if plan.node_count() > most {
            return Err(unstorable(format!(
                "a .heapsnapshot has at most {most} nodes, found {}",
                plan.node_count()
            )));
        }
        let count = snapshot.node_count();
        if let Some(found) = given.numbers.map(<[u32]>::len).filter(|&found| found != count) {
            return Err(unstorable(format!(
                "expected a number for each of {count} rows, found {found}"
            )));
        }
        // Ids of parts beyond the first come from the upper end.
        let most = (u64::from(u32::MAX) - FIRST_OBJECT_ID - 2 * MOST_PARTS) / 2;
        let greatest = given
            .numbers
            .map_or(count as u64, |numbers| numbers.iter().copied().max().map_or(0, u64::from));
        if greatest > most {
            return Err(unstorable(format!("expected numbers up to {most}, found {greatest}")));
        }
        Ok(plan)
    }

    fn part_count(&self) -> u64 {
        self.parted.iter().map(|&(_, parts)| parts).sum()
    }

    fn node_count(&self) -> u64 {
        self.first_part() + self.part_count()
    }

    fn edge_count(&self) -> u64 {
        let members = self.categories.iter().map(|category| category.members.len() as u64);
        self.categories.len() as u64
            + members.sum::<u64>()
            + self.snapshot.edge_count()
            + self.part_count()
    }

    /// The place of the first object among all nodes: before it are the root and the categories.
    fn first_object(&self) -> u64 {
        1 + self.categories.len() as u64
    }

    /// The place of the first part of a size among all nodes.
    fn first_part(&self) -> u64 {
        self.first_object() + self.snapshot.node_count() as u64
    }

    fn id(&self, node: NodeId) -> u64 {
        let number = self.numbers.map_or(node.place(), |numbers| numbers[node.index()]);
        // Even ids are those of nodes that stand for no object.
        FIRST_OBJECT_ID + 2 * u64::from(number)
    }

    fn has_value(&self, node: NodeId) -> bool {
        self.types[self.snapshot.type_ids()[node.index()].index()].takes_value()
    }

    fn write_nodes(&self, watch: &dyn Watch, out: &mut dyn Write) -> Result<(), DumpError> {
        let snapshot = self.snapshot;
        put_node(out, Kind::Synthetic, self.root_name, 1, 0, self.categories.len() as u64, b"")?;
        for category in &self.categories {
            let edges = category.members.len() as u64;
            put_node(out, Kind::Synthetic, category.name, category.id, 0, edges, b",\n")?;
        }
        let mut names = snapshot.names().iter().zip(&self.names).peekable();
        let values = snapshot.values().iter().map(|(node, _)| node);
        let mut values = values.filter(|&node| self.has_value(node)).zip(0..).peekable();
        let mut parted = self.parted.iter().peekable();
        for node in snapshot.nodes() {
            if node.index() % TICK == 0 {
                watch.tick(node.index() as u64, 3 * snapshot.node_count() as u64)?;
            }
            let plan = &self.types[snapshot.type_ids()[node.index()].index()];
            let own = names.next_if(|((at, _), _)| *at == node).and_then(|(_, &name)| name);
            let value = values.next_if(|&(at, _)| at == node);
            let value = value.and_then(|(_, nth)| self.strings.value(nth));
            let name = own.or(value).unwrap_or(plan.name);
            let parts = parted.next_if(|(at, _)| *at == node).map_or(0, |&(_, parts)| parts);
            let size = snapshot.size(node).min(MOST_SIZE);
            let edges = snapshot.referents().row(node).len() as u64 + parts;
            put_node(out, plan.kind, name, self.id(node), size, edges, b",\n")?;
        }
        let mut last_id = u64::from(u32::MAX) + 1;
        for &(node, parts) in &self.parted {
            let mut left = snapshot.size(node) - MOST_SIZE;
            for part in 0..parts {
                let size = left.min(MOST_SIZE);
                left -= size;
                // Objects of more than 8 GiB are few, and so are files with several.
                let id = if part == 0 {
                    self.id(node) + 1
                } else {
                    last_id -= 2;
                    last_id
                };
                put_node(out, Kind::Native, self.part_name, id, size, 0, b",\n")?;
            }
        }
        Ok(())
    }

    fn write_edges(&self, watch: &dyn Watch, out: &mut dyn Write) -> Result<(), DumpError> {
        let snapshot = self.snapshot;
        let mut separator: &[u8] = b"";
        let mut put = |out: &mut dyn Write, kind: Edge, name: u64, place: u64| {
            out.write_all(separator)?;
            separator = b",\n";
            put_number(out, kind as u8)?;
            out.write_all(b",")?;
            put_number(out, name)?;
            out.write_all(b",")?;
            put_number(out, place * NODE_FIELDS)
        };
        for at in 0..self.categories.len() as u64 {
            put(out, Edge::Element, at, 1 + at)?;
        }
        let first = self.first_object();
        for (category, words) in self.categories.iter().zip(&self.words) {
            for (at, ((node, _), words)) in (0..).zip(category.members.iter().zip(words)) {
                let place = first + u64::from(node.place());
                match words {
                    Some(words) => put(out, Edge::Property, u64::from(*words), place)?,
                    None => put(out, Edge::Element, at, place)?,
                }
            }
        }
        let table = snapshot.label_table();
        let entries = 0..table.len() as u32;
        let kinds: Vec<Edge> =
            entries.map(|place| edge_kind(&table.get(LabelId::entry(place)))).collect();
        let mut parted = self.parted.iter().peekable();
        let mut next_part = self.first_part();
        for node in snapshot.nodes() {
            if node.index() % TICK == 0 {
                let done = snapshot.node_count() + 2 * node.index();
                watch.tick(done as u64, 3 * snapshot.node_count() as u64)?;
            }
            let range = snapshot.referents().range(node);
            let targets = &snapshot.referents().targets()[range.clone()];
            let is_garbage = self.garbage.contains(node);
            for (target, &label) in targets.iter().zip(&snapshot.labels()[range]) {
                let place = first + u64::from(target.place());
                // Garbage keeps nothing alive that a GC root reaches; the reader would take it for
                // one more way to get there.
                let keeps = !is_garbage || self.garbage.contains(*target);
                match (label.as_item(), label.as_entry()) {
                    (Some(_), _) if !keeps => {
                        put(out, Edge::Weak, u64::from(self.item_name), place)?;
                    }
                    (Some(index), _) => put(out, Edge::Element, u64::from(index), place)?,
                    (None, entry) => {
                        let kind = match keeps {
                            true => kinds[entry.unwrap_or(0) as usize],
                            false => Edge::Weak,
                        };
                        put(out, kind, u64::from(self.strings.label(label)), place)?;
                    }
                }
            }
            if let Some(&(_, parts)) = parted.next_if(|(at, _)| *at == node) {
                for _ in 0..parts {
                    put(out, Edge::Internal, u64::from(self.part_name), next_part)?;
                    next_part += 1;
                }
            }
        }
        Ok(())
    }
}

fn put_node(
    out: &mut dyn Write,
    kind: Kind,
    name: TextId,
    id: u64,
    size: u64,
    edges: u64,
    separator: &[u8],
) -> std::io::Result<()> {
    out.write_all(separator)?;
    for number in [kind as u64, u64::from(name), id, size, edges] {
        put_number(out, number)?;
        out.write_all(b",")?;
    }
    // No tracked allocation, and attached to nothing that could be detached.
    out.write_all(b"0,0")
}

/// The categories that have members, those of garbage last.
fn categories<'a>(
    snapshot: &'a Snapshot,
    given: &HeapSnapshot<'_>,
    strings: &mut Strings<'_>,
) -> Vec<Category<'a>> {
    let mut members = [const { Vec::new() }; CATEGORIES.len()];
    for &node in given.roots {
        let root = snapshot.root(node);
        let kind = root.map_or(RootKind::Thread, |root| root.kind);
        members[kind as usize].push((node, root));
    }
    let garbage = given.garbage_tops.iter().map(|&node| (node, None)).collect();
    let all = CATEGORIES.into_iter().zip(members).chain([(GARBAGE, garbage)]).zip(1..);
    let used = all.filter(|((_, members), _)| !members.is_empty());
    used.map(|((name, members), at)| Category { id: 1 + 2 * at, name: strings.must(name), members })
        .collect()
}

fn types(snapshot: &Snapshot, strings: &mut Strings<'_>) -> Vec<TypePlan> {
    let plan = |entry: &snakeroot::snapshot::TypeEntry| {
        let full_name = entry.full_name();
        let kind = kind_of(&full_name);
        // The reader takes plain `Object` for an object of JavaScript and names it by its properties.
        let name = match (&*entry.display_name(), &*full_name) {
            ("Object", "Object") => "Object ".to_owned(),
            ("Object", _) => full_name,
            (name, _) => name.to_owned(),
        };
        TypePlan { kind, name: strings.add(&name).unwrap_or(strings.other()) }
    };
    snapshot.types().iter().map(plan).collect()
}

impl TypePlan {
    /// Whether a node is named by its value: other nodes' names are classes.
    fn takes_value(&self) -> bool {
        matches!(self.kind, Kind::String | Kind::Number)
    }
}

fn kind_of(full_name: &str) -> Kind {
    match full_name {
        "array.array" | "numpy.ndarray" | "mmap.mmap" => return Kind::Native,
        _ => {}
    }
    match full_name.strip_prefix("builtins.").unwrap_or_default() {
        "str" => Kind::String,
        "int" | "float" | "complex" | "bool" => Kind::Number,
        "bytes" | "bytearray" | "memoryview" => Kind::Native,
        "function" | "builtin_function_or_method" => Kind::Closure,
        "code" => Kind::Code,
        _ => Kind::Object,
    }
}

/// By type: whether its nodes are classes.
fn classes(snapshot: &Snapshot) -> Vec<bool> {
    let mut is_class: Vec<bool> =
        snapshot.types().iter().map(|entry| entry.full_name() == "builtins.type").collect();
    // What has a type as its instance is a metaclass.
    for node in snapshot.types().iter().filter_map(|entry| entry.node) {
        if !snapshot.flags(node).contains(Flags::SYNTHETIC) {
            is_class[snapshot.type_ids()[node.index()].index()] = true;
        }
    }
    is_class
}

fn edge_kind(label: &Label) -> Edge {
    match label.kind {
        LabelKind::Attribute | LabelKind::Key | LabelKind::OtherKey => Edge::Property,
        LabelKind::Slot if label.text.starts_with("__") && label.text.ends_with("__") => {
            Edge::Internal
        }
        LabelKind::Slot => Edge::Property,
        LabelKind::Local => Edge::Context,
        LabelKind::Weak => Edge::Weak,
        // An index stands in the table only if it is none that fits beside it.
        LabelKind::Index
        | LabelKind::Unnamed
        | LabelKind::KeyObject
        | LabelKind::Element
        | LabelKind::Stack
        | LabelKind::Frame => Edge::Internal,
    }
}
