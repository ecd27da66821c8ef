//! A graph in one line of text, for tests and examples.

use std::fmt;

use indexmap::IndexMap;

use super::Graph;
use crate::id::{NodeId, TypeId};
use crate::snapshot::{
    Flags, Label, LabelKind, LabelTable, Root, RootKind, Snapshot, SnapshotParts, SparseText,
    TypeEntry,
};

/// The first object's address; the others follow every [`OBJECT_BYTES`].
const FIRST_ADDRESS: u64 = 0x1000;

/// The size of an object that says no other.
const OBJECT_BYTES: u64 = 16;

/// Text that draws no graph: what was expected, what was found, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    expected: String,
    found: String,
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, expected, found } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

impl std::error::Error for NotationError {}

impl Graph {
    /// The graph that a text draws.
    ///
    /// ```
    /// use snakeroot::Graph;
    ///
    /// let graph = Graph::from_notation("root -> a -> b c; b c -> d").unwrap();
    /// assert_eq!(graph.referents(graph.named("b")), [graph.named("d")]);
    /// assert_eq!(graph.referrers(graph.named("d")).len(), 2);
    /// ```
    ///
    /// A semicolon or the end of a line ends a statement; `#` begins a comment.
    ///
    /// | written | means |
    /// |---|---|
    /// | `a` | a node |
    /// | `a b -> c d` | edges from each on the left to each on the right |
    /// | `a -[.x]> b` | an edge with a label, in the form of [`Label::to_stored`] |
    /// | `a ~> b` | a weak edge |
    /// | `root…` | a name that begins with `root` is a GC root, of kind module |
    /// | `a!interned` | a GC root of another kind, by its word |
    /// | `a:64` | its size; 16 where none is given |
    /// | `a@dict`, `a@app.Session` | its type; `object` where none is given |
    /// | `a@thread`, `a@frame` | a synthetic node |
    /// | `a="text"` | its value |
    ///
    /// Nodes stand in the order of their first appearance, synthetic ones after
    /// the objects; the first object is at address 0x1000, the next 16 above. Every node
    /// has its name in [`Snapshot::names`]. A node with the name of a type is
    /// that type's object. Reference counts are the strong edges that end at a
    /// node, one more for a GC root.
    ///
    /// # Errors
    ///
    /// When the text does not follow these rules, with the place.
    pub fn from_notation(text: &str) -> Result<Self, NotationError> {
        let parts = Self::parts_from_notation(text)?;
        let snapshot = Snapshot::new(parts).expect("a drawn graph has columns of one length");
        Ok(Self::new(snapshot))
    }

    /// The parts of the snapshot that a text draws, for a test that changes some.
    ///
    /// # Errors
    ///
    /// As [`Graph::from_notation`].
    pub fn parts_from_notation(text: &str) -> Result<SnapshotParts, NotationError> {
        let mut reader = Reader { text, at: 0, nodes: IndexMap::new(), edges: Vec::new() };
        reader.read()?;
        Ok(reader.into_parts())
    }
}

/// What was said of a node.
#[derive(Default)]
struct Drawn {
    size: Option<u64>,
    type_name: Option<String>,
    root: Option<RootKind>,
    value: Option<String>,
}

impl Drawn {
    fn is_synthetic(&self) -> bool {
        matches!(self.type_name.as_deref(), Some("thread" | "frame"))
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes read so far; always between two characters.
    at: usize,
    nodes: IndexMap<&'a str, Drawn>,
    /// Referrer, referent, label; nodes by their place in `nodes`.
    edges: Vec<(usize, usize, Label)>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error<T>(&self, at: usize, expected: impl Into<String>) -> Result<T, NotationError> {
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let found = match self.text[at..].chars().next() {
            None => "the end".to_string(),
            Some('\n') => "the end of the line".to_string(),
            Some(sign) => format!("`{}`", sign.escape_debug()),
        };
        Err(NotationError {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            expected: expected.into(),
            found,
        })
    }

    /// Passes over what `is_blank` accepts, and over comments.
    fn skip(&mut self, is_blank: impl Fn(char) -> bool) {
        loop {
            let rest = self.rest().trim_start_matches(&is_blank);
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn skip_blanks(&mut self) {
        self.skip(|sign| sign.is_whitespace() && sign != '\n');
    }

    /// Takes `sign` if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Takes as many characters as `accepts` does.
    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|sign| !accepts(sign)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn read(&mut self) -> Result<(), NotationError> {
        loop {
            self.skip(|sign| sign.is_whitespace() || sign == ';');
            if self.rest().is_empty() {
                return Ok(());
            }
            let mut left = self.read_group()?;
            while let Some(label) = self.read_arrow()? {
                let right = self.read_group()?;
                for &referrer in &left {
                    for &referent in &right {
                        self.edges.push((referrer, referent, label.clone()));
                    }
                }
                left = right;
            }
            if !(self.rest().is_empty() || self.rest().starts_with([';', '\n'])) {
                return self.error(self.at, "a name, an arrow, `;` or the end");
            }
        }
    }

    /// One or more nodes.
    fn read_group(&mut self) -> Result<Vec<usize>, NotationError> {
        let mut group = Vec::new();
        loop {
            self.skip_blanks();
            match self.read_node()? {
                Some(node) => group.push(node),
                None if group.is_empty() => return self.error(self.at, "a name"),
                None => return Ok(group),
            }
        }
    }

    fn read_node(&mut self) -> Result<Option<usize>, NotationError> {
        let name = self.take_while(is_name);
        if name.is_empty() {
            return Ok(None);
        }
        let entry = self.nodes.entry(name);
        let place = entry.index();
        entry.or_default();
        loop {
            let at = self.at;
            let agrees = if self.take(":") {
                let digits = self.take_while(|sign| sign.is_ascii_digit());
                let Ok(size) = digits.parse() else {
                    return self.error(at + 1, "a size in bytes");
                };
                agree(&mut self.nodes[place].size, size)
            } else if self.take("@") {
                let type_name = self.take_while(is_name);
                if type_name.is_empty() {
                    return self.error(at + 1, "the name of a type");
                }
                agree(&mut self.nodes[place].type_name, type_name.to_string())
            } else if self.take("!") {
                let word = self.root_word();
                let Some(kind) = RootKind::from_word(word) else {
                    let words = RootKind::ALL.map(RootKind::word).join(", ");
                    return self.error(at + 1, format!("a kind of GC root ({words})"));
                };
                agree(&mut self.nodes[place].root, kind)
            } else if self.take("=") {
                if !self.take("\"") {
                    return self.error(self.at, "`\"`");
                }
                let value = self.take_while(|sign| sign != '"');
                if !self.take("\"") {
                    return self.error(self.at, "`\"` to end the value");
                }
                agree(&mut self.nodes[place].value, value.to_string())
            } else {
                return Ok(Some(place));
            };
            if !agrees {
                return self
                    .error(at, format!("nothing else about {name} than what was said before"));
            }
        }
    }

    /// Letters and hyphens, but not the hyphen of an arrow.
    fn root_word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = self.take_while(|sign| sign.is_ascii_lowercase() || sign == '-');
        let word = word.trim_end_matches('-');
        self.at = self.text.len() - rest.len() + word.len();
        word
    }

    /// The label of the arrow that comes next, if one does.
    fn read_arrow(&mut self) -> Result<Option<Label>, NotationError> {
        self.skip_blanks();
        if self.take("->") {
            return Ok(Some(Label::new(LabelKind::Unnamed, "")));
        }
        if self.take("~>") {
            return Ok(Some(Label::new(LabelKind::Weak, "")));
        }
        if !self.take("-[") {
            return Ok(None);
        }
        let at = self.at;
        let Some(length) = self.rest().find("]>") else {
            self.at = self.text.len();
            return self.error(self.at, "`]>` to end the label");
        };
        let stored = &self.rest()[..length];
        self.at += length + 2;
        match Label::from_stored(stored) {
            Some(label) => Ok(Some(label)),
            None => self.error(at, "a label such as `.name`, `[\"key\"]`, `[3]`, `:slot`"),
        }
    }

    fn into_parts(self) -> SnapshotParts {
        let count = self.nodes.len();
        // Synthetic nodes come after the objects.
        let (synthetic, objects): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|&place| self.nodes[place].is_synthetic());
        let mut id_of = vec![NodeId::new(0); count];
        let order: Vec<usize> = objects.iter().chain(&synthetic).copied().collect();
        for (id, &place) in order.iter().enumerate() {
            id_of[place] = NodeId::from_index(id);
        }

        let mut parts = SnapshotParts { starts: vec![0], ..SnapshotParts::default() };
        let mut types: IndexMap<&str, TypeEntry> = IndexMap::new();
        let mut labels: IndexMap<Label, _> = IndexMap::new();
        let mut rows: Vec<Vec<(NodeId, &Label)>> = vec![Vec::new(); count];
        parts.refcounts = vec![0; count];
        for (referrer, referent, label) in &self.edges {
            rows[id_of[*referrer].index()].push((id_of[*referent], label));
            parts.refcounts[id_of[*referent].index()] += u32::from(label.kind.is_strong());
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (id, &place) in order.iter().enumerate() {
            let node = NodeId::from_index(id);
            let (&name, drawn) = self.nodes.get_index(place).expect("an order of the nodes");
            let is_synthetic = drawn.is_synthetic();

            let type_name = drawn.type_name.as_deref().unwrap_or("object");
            let type_entry = types.entry(type_name);
            parts.types_of.push(TypeId(type_entry.index() as u32));
            type_entry.or_insert_with(|| {
                let (module, qualname) = match type_name.rsplit_once('.') {
                    Some(parts) => parts,
                    None if is_synthetic => ("", type_name),
                    None => ("builtins", type_name),
                };
                let place = self.nodes.get_index_of(type_name);
                TypeEntry {
                    module: module.into(),
                    qualname: qualname.into(),
                    node: place.map(|place| id_of[place]),
                }
            });

            let (address, size, flags) = match is_synthetic {
                true => (0, 0, Flags::SYNTHETIC),
                false => (FIRST_ADDRESS + 16 * id as u64, OBJECT_BYTES, Flags::default()),
            };
            let size = drawn.size.unwrap_or(size);
            parts.addresses.push(address);
            parts.flags.push(flags);
            parts.sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
            if size >= u64::from(u32::MAX) {
                parts.large_sizes.push((node, size));
            }

            let by_name = name.starts_with("root").then_some(RootKind::Module);
            if let Some(kind) = drawn.root.or(by_name) {
                parts.roots.push((node, Root::new(kind, name)));
                parts.refcounts[id] += 1;
            }
            names.push((node, name));
            values.extend(drawn.value.as_ref().map(|value| (node, value)));

            for &(referent, label) in &rows[id] {
                let index = match label.kind {
                    LabelKind::Index => label.text.parse().ok().map(crate::id::LabelId::item),
                    _ => None,
                };
                parts.targets.push(referent);
                parts.labels.push(index.unwrap_or_else(|| {
                    match label.kind {
                        LabelKind::Unnamed => LabelTable::UNNAMED,
                        kind => *labels
                            .entry(label.clone())
                            .or_insert_with(|| parts.label_table.push(kind, &label.text)),
                    }
                }));
            }
            parts.starts.push(parts.targets.len() as u64);
        }
        parts.types = types.into_values().collect();
        parts.names = SparseText::from_pairs(names);
        parts.values = SparseText::from_pairs(values);
        parts
    }
}

fn is_name(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '.' | '\'')
}

/// Sets a fact, or tells whether the one that is there is the same.
fn agree<T: PartialEq>(fact: &mut Option<T>, new: T) -> bool {
    match fact {
        Some(old) => *old == new,
        None => {
            *fact = Some(new);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Graph::from_notation(text).unwrap_err().to_string()
    }

    #[test]
    fn each_on_the_left_refers_to_each_on_the_right() {
        let graph = Graph::from_notation("root -> a -> b c; b c -> d\nlone # not a node").unwrap();
        let node = |name| graph.named(name);
        assert_eq!(graph.node_count(), 6);
        assert_eq!(graph.edge_count(), 5);
        assert_eq!(graph.referents(node("a")), [node("b"), node("c")]);
        assert_eq!(graph.referrers(node("d")), [node("b"), node("c")]);
        assert_eq!(graph.referents(node("lone")), []);
        assert_eq!(graph.find_name("not"), None);
        assert_eq!(graph.snapshot().roots(), [(node("root"), Root::new(RootKind::Module, "root"))]);
    }

    #[test]
    fn nodes_stand_in_the_order_of_their_first_appearance() {
        let graph = Graph::from_notation("c -> t@thread; t -> a b").unwrap();
        let order = ["c", "a", "b", "t"].map(|name| graph.named(name).place());
        assert_eq!(order, [0, 1, 2, 3]);
        assert_eq!(graph.snapshot().addresses(), [0x1000, 0x1010, 0x1020, 0]);
        assert_eq!(graph.at(0x1010), Some(graph.named("a")));
        assert!(graph.snapshot().flags(graph.named("t")).contains(Flags::SYNTHETIC));
    }

    #[test]
    fn facts_stand_after_the_name() {
        let text = "a:64@app.Session!held-from-c-> k@str=\"x; -> y\" big:5000000000";
        let graph = Graph::from_notation(text).unwrap();
        let snapshot = graph.snapshot();
        let a = graph.named("a");
        assert_eq!(snapshot.size(a), 64);
        assert_eq!(snapshot.type_of(a).full_name(), "app.Session");
        assert_eq!(snapshot.root(a).unwrap().kind, RootKind::HeldFromC);
        assert_eq!(snapshot.values().get(graph.named("k")), Some("x; -> y"));
        assert_eq!(snapshot.size(graph.named("k")), 16);
        assert_eq!(snapshot.size(graph.named("big")), 5_000_000_000);
        assert_eq!((snapshot.refcount(a), snapshot.refcount(graph.named("k"))), (1, 1));
    }

    #[test]
    fn an_arrow_carries_a_label_in_its_stored_form() {
        let text = "a -[.x]> b -[[\"k]e\"]]> c -[[7]]> d ~> a; d -[]> b";
        let graph = Graph::from_notation(text).unwrap();
        let table = graph.snapshot().label_table();
        let labels: Vec<String> =
            graph.snapshot().labels().iter().map(|&id| table.get(id).to_stored()).collect();
        assert_eq!(labels, [".x", "[\"k]e\"]", "[7]", "weak", ""]);
        assert_eq!(graph.weak_edge_count(), 1);
        assert_eq!(graph.snapshot().refcount(graph.named("a")), 0);
    }

    #[test]
    fn a_node_with_the_name_of_a_type_is_its_object() {
        let graph = Graph::from_notation("x@app.Foo -[:__class__]> app.Foo@type").unwrap();
        let snapshot = graph.snapshot();
        assert_eq!(snapshot.type_of(graph.named("x")).node, Some(graph.named("app.Foo")));
        assert_eq!(snapshot.type_of(graph.named("app.Foo")).node, None);
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        assert_eq!(error("a ->"), "line 1, column 5: expected a name, found the end");
        assert_eq!(error("a -> b\n-> c"), "line 2, column 1: expected a name, found `-`");
        assert_eq!(
            error("a -> b\n  é ! c"),
            "line 2, column 5: expected a name, an arrow, `;` or the end, found `!`"
        );
        assert_eq!(error("a:x"), "line 1, column 3: expected a size in bytes, found `x`");
        assert_eq!(error("a@ b"), "line 1, column 3: expected the name of a type, found ` `");
        assert!(error("a!nobody").starts_with("line 1, column 3: expected a kind of GC root (mod"));
        assert_eq!(
            error("a -[.x> b"),
            "line 1, column 10: expected `]>` to end the label, found the end"
        );
        assert!(error("a -[x]> b").contains("column 5: expected a label such as"));
        assert_eq!(
            error("a=\"x"),
            "line 1, column 5: expected `\"` to end the value, found the end"
        );
        assert!(error("a:1 -> a:2").contains("nothing else about a than"));
    }

    #[test]
    fn no_text_is_an_empty_graph() {
        assert_eq!(Graph::from_notation(" ;\n# nothing\n").unwrap().node_count(), 0);
    }
}
