//! V8's `.heapsnapshot`: one JSON object with long lists of numbers.
//!
//! Read as a stream: what is kept of a list is its numbers. The lists of fields
//! in `snapshot.meta` tell where in a node or an edge each number stands, so
//! `snapshot` comes before `nodes` and `edges`, as V8 writes it.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use snakeroot::snapshot::{Flags, LabelKind, LabelTable, RootKind};
use snakeroot::{LabelId, Snapshot, TypeId};

use super::heap::{Heap, Roots, Targets, Twice};
use super::input::dump_error;
use super::json::{Text, said};
use crate::error::DumpError;

/// Fields of a node or an edge, and kinds of them, that a file may name.
const MOST_FIELDS: usize = 256;
/// The name of a root that has none.
const ROOT: &str = "(root)";

pub(super) fn read(input: impl Read) -> Result<Snapshot, DumpError> {
    let mut file = File::default();
    let mut json = serde_json::Deserializer::from_reader(input);
    let read = FileSeed(&mut file).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        if error.classify() == Category::Io {
            return dump_error(io::Error::from(error));
        }
        let (line, column) = (error.line(), error.column());
        DumpError::damaged(format!("V8, line {line}, column {column}: {}", said(&error)))
    })?;
    file.heap()
}

/// What is kept of the file.
#[derive(Default)]
struct File {
    head: Option<Head>,
    nodes: Option<Vec<Node>>,
    edges: Option<Vec<Edge>>,
    strings: Option<Strings>,
}

/// What `snapshot` says of the lists.
struct Head {
    node_kinds: Vec<String>,
    edge_kinds: Vec<String>,
    /// Where in a node stand: type, name, id, self_size, edge_count.
    node_places: [usize; 5],
    /// Numbers in a node.
    node_length: usize,
    /// Where in an edge stand: type, name_or_index, to_node.
    edge_places: [usize; 3],
    edge_length: usize,
    node_count: Option<u64>,
    edge_count: Option<u64>,
}

struct Node {
    kind: u32,
    name: u32,
    id: u64,
    size: u64,
    edges: u32,
}

struct Edge {
    kind: u32,
    name: u32,
    /// A place in the list of nodes' numbers.
    to: u64,
}

/// Texts end to end.
#[derive(Default)]
struct Strings {
    ends: Vec<usize>,
    text: String,
}

impl Strings {
    fn get(&self, at: u32) -> Option<&str> {
        let at = at as usize;
        let end = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        Some(&self.text[start..end])
    }
}

#[derive(Deserialize)]
struct RawHead {
    meta: Meta,
    #[serde(default)]
    node_count: Option<u64>,
    #[serde(default)]
    edge_count: Option<u64>,
}

#[derive(Deserialize)]
struct Meta {
    node_fields: Few<String>,
    node_types: Kinds,
    edge_fields: Few<String>,
    edge_types: Kinds,
}

impl RawHead {
    fn head(self) -> Result<Head, String> {
        let Meta { node_fields, node_types, edge_fields, edge_types } = self.meta;
        fn places<const N: usize>(
            what: &str,
            fields: &[String],
            wanted: [&str; N],
        ) -> Result<[usize; N], String> {
            let mut places = [0; N];
            for (place, wanted) in places.iter_mut().zip(wanted) {
                *place = fields.iter().position(|field| field == wanted).ok_or_else(|| {
                    format!("{what}: expected the field {wanted:?}, found {}", fields.join(", "))
                })?;
            }
            Ok(places)
        }
        let node_wanted = ["type", "name", "id", "self_size", "edge_count"];
        Ok(Head {
            node_places: places("node_fields", &node_fields.0, node_wanted)?,
            edge_places: places(
                "edge_fields",
                &edge_fields.0,
                ["type", "name_or_index", "to_node"],
            )?,
            node_length: node_fields.0.len(),
            edge_length: edge_fields.0.len(),
            node_kinds: node_types.0.0,
            edge_kinds: edge_types.0.0,
            node_count: self.node_count,
            edge_count: self.edge_count,
        })
    }
}

/// A list that is short in every file.
struct Few<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FewVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST_FIELDS}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = list.next_element()? {
                    if all.len() == MOST_FIELDS {
                        return Err(A::Error::custom(format!(
                            "expected a list of at most {MOST_FIELDS}, found more"
                        )));
                    }
                    all.push(item);
                }
                Ok(Few(all))
            }
        }
        deserializer.deserialize_seq(FewVisitor(std::marker::PhantomData))
    }
}

/// The kinds that the first field counts: a list, before what the other fields are.
struct Kinds(Few<String>);

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindsVisitor;
        impl<'de> Visitor<'de> for KindsVisitor {
            type Value = Kinds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list that begins with a list of kinds")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kinds, A::Error> {
                let kinds =
                    list.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Kinds(kinds))
            }
        }
        deserializer.deserialize_seq(KindsVisitor)
    }
}

/// Reads the whole file's object.
struct FileSeed<'a>(&'a mut File);

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with snapshot, nodes, edges and strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let File { head, nodes, edges, strings } = self.0;
        while let Some(key) = map.next_key::<String>()? {
            let is_again = match &*key {
                "snapshot" => head.is_some(),
                "nodes" => nodes.is_some(),
                "edges" => edges.is_some(),
                "strings" => strings.is_some(),
                _ => false,
            };
            if is_again {
                return Err(A::Error::custom(format!("expected {key} once, found it again")));
            }
            let known = || head.as_ref().ok_or_else(|| A::Error::custom("expected snapshot first"));
            match &*key {
                "snapshot" => {
                    let raw: RawHead = map.next_value()?;
                    *head = Some(raw.head().map_err(A::Error::custom)?);
                }
                "nodes" => {
                    let head = known()?;
                    let [kind, name, id, size, edges] = head.node_places;
                    let mut all = Vec::new();
                    map.next_value_seed(Numbers {
                        what: "nodes",
                        length: head.node_length,
                        take: |numbers: &[u64]| {
                            all.push(Node {
                                kind: word("type", numbers[kind])?,
                                name: word("name", numbers[name])?,
                                id: numbers[id],
                                size: numbers[size],
                                edges: word("edge_count", numbers[edges])?,
                            });
                            Ok(())
                        },
                    })?;
                    *nodes = Some(all);
                }
                "edges" => {
                    let head = known()?;
                    let [kind, name, to] = head.edge_places;
                    let mut all = Vec::new();
                    map.next_value_seed(Numbers {
                        what: "edges",
                        length: head.edge_length,
                        take: |numbers: &[u64]| {
                            all.push(Edge {
                                kind: word("type", numbers[kind])?,
                                name: word("name_or_index", numbers[name])?,
                                to: numbers[to],
                            });
                            Ok(())
                        },
                    })?;
                    *edges = Some(all);
                }
                "strings" => *strings = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

fn word(what: &str, number: u64) -> Result<u32, String> {
    u32::try_from(number)
        .map_err(|_| format!("{what}: expected a number below 2^32, found {number}"))
}

/// A list of numbers, `length` of which belong together.
struct Numbers<F> {
    what: &'static str,
    length: usize,
    take: F,
}

impl<'de, F: FnMut(&[u64]) -> Result<(), String>> DeserializeSeed<'de> for Numbers<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&[u64]) -> Result<(), String>> Visitor<'de> for Numbers<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of {}", self.what)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut together = [0_u64; MOST_FIELDS];
        let mut filled = 0;
        while let Some(number) = list.next_element()? {
            together[filled] = number;
            filled += 1;
            if filled == self.length {
                (self.take)(&together[..filled]).map_err(A::Error::custom)?;
                filled = 0;
            }
        }
        if filled > 0 {
            return Err(A::Error::custom(format!(
                "{}: expected {} numbers each, found {filled} for the last",
                self.what, self.length
            )));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringsVisitor;
        impl<'de> Visitor<'de> for StringsVisitor {
            type Value = Strings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strings, A::Error> {
                let mut all = Strings::default();
                while let Some(Text(text)) = list.next_element()? {
                    all.text.push_str(&text);
                    all.ends.push(all.text.len());
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(StringsVisitor)
    }
}

impl File {
    fn heap(self) -> Result<Snapshot, DumpError> {
        fn there<T>(key: &str, part: Option<T>) -> Result<T, DumpError> {
            part.ok_or_else(|| damaged(format!("expected the key {key}, found none")))
        }
        let head = there("snapshot", self.head)?;
        let nodes = there("nodes", self.nodes)?;
        let edges = there("edges", self.edges)?;
        let strings = there("strings", self.strings)?;
        let counts = [
            ("node_count", head.node_count, nodes.len() as u64),
            ("edge_count", head.edge_count, edges.len() as u64),
            (
                "edges",
                Some(nodes.iter().map(|node| u64::from(node.edges)).sum()),
                edges.len() as u64,
            ),
        ];
        for (what, expected, found) in counts {
            if let Some(expected) = expected.filter(|&expected| expected != found) {
                return Err(damaged(format!("{what}: expected {expected}, found {found}")));
            }
        }
        let mut heap = Heap::new("V8", Targets::Rows);
        heap.notice("read from a heap snapshot of V8");
        heap.notice("sizes are V8's self sizes; addresses are V8's ids, which are no addresses");
        heap.notice(
            "not recorded: reference counts, modules of types, values other than texts and numbers",
        );
        Filling { head, strings, edges, heap, types: HashMap::new(), labels: HashMap::new() }
            .fill(&nodes)
    }
}

fn damaged(reason: String) -> DumpError {
    DumpError::damaged(format!("V8: {reason}"))
}

/// A heap that is filled with the file's nodes.
struct Filling {
    head: Head,
    strings: Strings,
    edges: Vec<Edge>,
    heap: Heap,
    /// By the place of the name among the strings.
    types: HashMap<u32, TypeId>,
    /// By the kind and the place of the name.
    labels: HashMap<(u32, u32), LabelId>,
}

impl Filling {
    fn fill(mut self, nodes: &[Node]) -> Result<Snapshot, DumpError> {
        let mut at = 0;
        for (place, node) in nodes.iter().enumerate() {
            let kind = self.head.node_kinds.get(node.kind as usize).map(|kind| &**kind);
            let kind = kind.ok_or_else(|| {
                let most = self.head.node_kinds.len();
                damaged(format!("node {place}: expected a type below {most}, found {}", node.kind))
            })?;
            let name = self.strings.get(node.name).ok_or_else(|| {
                let most = self.strings.ends.len();
                damaged(format!(
                    "node {place}: expected a string below {most}, found {}",
                    node.name
                ))
            })?;
            let is_synthetic = kind == "synthetic";
            let type_id = match kind {
                "object" | "native" => match self.types.get(&node.name) {
                    Some(&id) => id,
                    None => {
                        let id = self.heap.type_id("", name);
                        self.types.insert(node.name, id);
                        id
                    }
                },
                kind => self.heap.type_id("", type_name(kind)),
            };
            let flags = if is_synthetic { Flags::SYNTHETIC } else { Flags::default() };
            let row = self.heap.row(node.id, type_id, node.size, flags)?;
            match kind {
                "synthetic" => {
                    let name = if name.is_empty() { ROOT } else { name };
                    self.heap.name(row, name);
                    self.heap.root(row, RootKind::Interpreter, "");
                }
                "string" | "concatenated string" | "sliced string" => self.heap.text(row, name),
                "object" | "native" => {}
                _ if name.is_empty() => {}
                "number" | "bigint" | "symbol" | "regexp" => self.heap.value(row, name),
                _ => self.heap.name(row, name),
            }
            for _ in 0..node.edges {
                self.edge(at, nodes.len())?;
                at += 1;
            }
        }
        let Self { heap, .. } = self;
        heap.finish(Twice::Refused, Roots::Given)
    }

    fn edge(&mut self, at: usize, nodes: usize) -> Result<(), DumpError> {
        let Edge { kind, name, to } = self.edges[at];
        let length = self.head.node_length as u64;
        let target = to / length;
        if to % length != 0 || target >= nodes as u64 {
            return Err(damaged(format!(
                "edge {at}: expected to_node to be a multiple of {length} below {}, found {to}",
                nodes as u64 * length
            )));
        }
        let kind_name = self.head.edge_kinds.get(kind as usize).map(|kind| &**kind);
        let label = match kind_name {
            Some("element") => LabelId::item(name),
            Some("hidden") => LabelTable::UNNAMED,
            Some(kind_name) => match self.labels.get(&(kind, name)) {
                Some(&label) => label,
                None => {
                    let text = self.strings.get(name).ok_or_else(|| {
                        let most = self.strings.ends.len();
                        damaged(format!("edge {at}: expected a string below {most}, found {name}"))
                    })?;
                    let label = match kind_name {
                        "weak" => self.heap.label(LabelKind::Weak, "")?,
                        "context" => self.heap.label(LabelKind::Local, text)?,
                        "property" => self.heap.label(LabelKind::Attribute, text)?,
                        _ => self.heap.label(LabelKind::Slot, text)?,
                    };
                    self.labels.insert((kind, name), label);
                    label
                }
            },
            None => {
                let most = self.head.edge_kinds.len();
                return Err(damaged(format!(
                    "edge {at}: expected a type below {most}, found {kind}"
                )));
            }
        };
        self.heap.edge(target, label);
        Ok(())
    }
}

/// What objects of a kind that have no type of their own are called, as the
/// developer tools of browsers call them.
fn type_name(kind: &str) -> &str {
    match kind {
        "hidden" => "(system)",
        "array" => "(array)",
        "string" => "(string)",
        "code" => "(compiled code)",
        "closure" => "Function",
        "regexp" => "RegExp",
        "number" => "(number)",
        "concatenated string" => "(concatenated string)",
        "sliced string" => "(sliced string)",
        "symbol" => "(symbol)",
        "bigint" => "(bigint)",
        "object shape" => "(object shape)",
        kind => kind,
    }
}
