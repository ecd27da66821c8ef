//! By what an object is held, in heapy's words.
//!
//! A label says it, and for a dict's key and an element of a set its place too: heapy
//! counts the entries.
use crate::analysis::held::FoldMap;
use crate::graph::Graph;
use crate::id::{LabelId, NodeId};
use crate::snapshot::LabelKind;

/// By what a referrer holds a referent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldBy {
    /// `.name`.
    Attribute(Box<str>),
    /// `['key']`.
    Key(Box<str>),
    /// `[3]`, or a dict's value under a key that is no str, in its short form.
    Index(Box<str>),
    /// `.keys()[3]`: the key of the fourth entry.
    KeyAt(u32),
    /// `list(_)[3]`: the fourth element of a set.
    Element(u32),
    /// `->ob_type`: a field that Python has no name for.
    Internal(Box<str>),
    /// `.f_locals['x']`, of a frame; what leads to the frame stands before it.
    Local(&'static str, Box<str>),
    /// `->f_valuestack[3]`.
    Stack(Box<str>),
    /// `.??`.
    Unknown,
}

impl HeldBy {
    /// Reads what heapy writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        fn cut<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
            text.strip_prefix(before)?.strip_suffix(after)
        }
        if let Some(place) = cut(text, "list(_)[", "]") {
            return place.parse().ok().map(Self::Element);
        }
        let text = text.strip_prefix('_').unwrap_or(text);
        if let Some(place) = cut(text, ".keys()[", "]") {
            return place.parse().ok().map(Self::KeyAt);
        }
        if let Some(place) = cut(text, "->f_valuestack[", "]") {
            return Some(Self::Stack(place.into()));
        }
        if let Some(field) = text.strip_prefix("->") {
            return Some(Self::Internal(field.into()));
        }
        for frame in ["", ".gi_frame", ".cr_frame", ".ag_frame"] {
            let local = text.strip_prefix(frame);
            if let Some(name) = local.and_then(|text| cut(text, ".f_locals[", "]")) {
                return Some(Self::Local(frame, unquoted(name)?.into()));
            }
        }
        if text == ".??" {
            return Some(Self::Unknown);
        }
        if let Some(key) = cut(text, "[", "]") {
            return Some(match unquoted(key) {
                Some(key) => Self::Key(key.into()),
                None => Self::Index(key.into()),
            });
        }
        let name = text.strip_prefix('.')?;
        let is_name = |sign: char| sign.is_alphanumeric() || sign == '_';
        (!name.is_empty() && name.chars().all(is_name)).then(|| Self::Attribute(name.into()))
    }
}

/// What a str literal says, its escapes by a backslash and one sign resolved.
fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|sign| matches!(sign, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut out = String::with_capacity(inner.len());
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => out.push(match signs.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            }),
            sign => out.push(sign),
        }
    }
    Some(out)
}

/// Whether what an edge holds by may be its place among the others of its kind.
pub(super) fn has_place(kind: LabelKind) -> bool {
    matches!(kind, LabelKind::KeyObject | LabelKind::Element | LabelKind::Local)
}

/// Fields that Python has no attribute for.
const FIELDS_OF_C: [&str; 3] = ["co_localsplusnames", "co_localspluskinds", "f_func"];

/// By what one edge holds: `place` is how many edges of its referrer that have a place ([`LabelKind::KeyObject`],
/// [`LabelKind::Element`], [`LabelKind::Local`]) come before it.
pub fn relation_of(graph: &Graph, referrer: NodeId, label: LabelId, place: u32) -> HeldBy {
    let table = graph.snapshot().label_table();
    let text = || -> Box<str> { table.get(label).text.into() };
    match table.kind(label) {
        LabelKind::Attribute => HeldBy::Attribute(text()),
        LabelKind::Slot if table.text(label) == "__class__" => HeldBy::Internal("ob_type".into()),
        LabelKind::Slot if FIELDS_OF_C.contains(&table.text(label)) => HeldBy::Internal(text()),
        LabelKind::Slot => HeldBy::Attribute(text()),
        LabelKind::Key => HeldBy::Key(text()),
        LabelKind::OtherKey | LabelKind::Index => HeldBy::Index(text()),
        LabelKind::KeyObject => HeldBy::KeyAt(place),
        LabelKind::Element => HeldBy::Element(place),
        // Defaults and closures are tuples, whose items have names besides.
        LabelKind::Local if is_tuple(graph, referrer) => HeldBy::Index(place.to_string().into()),
        LabelKind::Local => HeldBy::Local(frame_of(graph, referrer), text()),
        LabelKind::Stack => HeldBy::Stack(text()),
        LabelKind::Frame => HeldBy::Internal(format!("f{}", table.text(label)).into()),
        LabelKind::Unnamed | LabelKind::Weak => HeldBy::Unknown,
    }
}

fn is_tuple(graph: &Graph, node: NodeId) -> bool {
    let entry = graph.snapshot().type_of(node);
    &*entry.qualname == "tuple" && &*entry.module == "builtins"
}

/// The attribute by which what has locals leads to its frame; a frame is that itself.
fn frame_of(graph: &Graph, node: NodeId) -> &'static str {
    match &*graph.snapshot().type_of(node).qualname {
        "generator" => ".gi_frame",
        "coroutine" => ".cr_frame",
        "async_generator" => ".ag_frame",
        _ => "",
    }
}

/// A small number for each relation that was met.
pub(super) struct RelationNumbers<'a> {
    graph: &'a Graph,
    /// By entry of the table, where the label alone says it: its number and 1.
    entries: Vec<u32>,
    /// By index of an item: as `entries`.
    items: Vec<u32>,
    numbers: FoldMap<HeldBy, u32>,
    pub(super) relations: Vec<HeldBy>,
}

/// Indices below are looked up in an array.
const FIRST_ITEMS: usize = 1 << 20;

impl<'a> RelationNumbers<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            entries: vec![0; graph.snapshot().label_table().len()],
            items: vec![0; FIRST_ITEMS],
            numbers: FoldMap::default(),
            relations: Vec::new(),
        }
    }

    pub(super) fn of(&mut self, referrer: NodeId, label: LabelId, place: u32) -> u32 {
        let table = self.graph.snapshot().label_table();
        let is_alone = !has_place(table.kind(label));
        if is_alone {
            let known = match (label.as_entry(), label.as_item()) {
                (Some(entry), _) => Some(&mut self.entries[entry as usize]),
                (_, Some(item)) => self.items.get_mut(item as usize),
                _ => None,
            };
            if let Some(&mut number) = known
                && number != 0
            {
                return number - 1;
            }
        }
        let relation = relation_of(self.graph, referrer, label, place);
        let next = self.relations.len() as u32;
        let number = *self.numbers.entry(relation.clone()).or_insert(next);
        if number == next {
            self.relations.push(relation);
        }
        if is_alone {
            match (label.as_entry(), label.as_item()) {
                (Some(entry), _) => self.entries[entry as usize] = number + 1,
                (_, Some(item)) if (item as usize) < FIRST_ITEMS => {
                    self.items[item as usize] = number + 1;
                }
                _ => {}
            }
        }
        number
    }
}
