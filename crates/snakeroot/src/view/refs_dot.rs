//! References in DOT as objgraph writes them, for whoever reads them with a script.
//!
//! Nodes are named by address, colours tell the distance, and each arrow has the label that
//! objgraph would give it. Where that is none, what the heap knows of the reference stands
//! there. The drawing of our own look is [`dot`](super::dot()).

use std::fmt::Write;

use petgraph::graph::NodeIndex;

use super::{NodeKind, kind};
use crate::analysis::{Direction, Neighbourhood};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::{Flags, Label, LabelKind};

/// About the most bytes of one label: Graphviz 2.43 refuses a quoted value above 16,384.
const MAX_LABEL_BYTES: usize = 8_000;
/// The hue, saturation and value of what was asked for, and of what lies farthest from it.
const NEAR: [f64; 3] = [0.0, 0.0, 1.0];
const FAR: [f64; 3] = [0.0, 0.0, 0.3];
/// The same for what stands for neighbours that were left out.
const NEAR_LEFT_OUT: [f64; 3] = [0.0, 1.0, 1.0];
const FAR_LEFT_OUT: [f64; 3] = [0.0, 1.0, 0.3];

/// What is said of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefsNode {
    /// What stands in its box, lines ended by `\n`. Untrusted text.
    pub label: String,
    /// Whether it is a module: green.
    pub is_module: bool,
    /// Whether it is one of those to highlight: blue.
    pub is_highlighted: bool,
    /// Whether its type has a `__del__`, which a small circle says.
    pub has_del: bool,
    /// Further attributes by name. Untrusted text.
    pub attributes: Vec<(String, String)>,
}

/// A dict's key, as an arrow to its value says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefsKey {
    /// A str that could be a name.
    Name(String),
    /// The key's type and its short form, on a line each.
    Other(String),
}

/// What is said in a graph of references.
pub struct RefsDot<'a> {
    /// The distance at which the last shade of grey is reached.
    pub max_depth: f64,
    /// In the order of the neighbourhood's nodes.
    pub nodes: &'a [RefsNode],
    /// Under which key a dict holds a value, where that can be looked up; else labels tell.
    pub key: &'a dyn Fn(NodeId, NodeId) -> Option<RefsKey>,
}

/// A neighbourhood in the DOT language; Graphviz 2.43 and later read it.
///
/// # Panics
///
/// If there are fewer texts than nodes.
pub fn refs_dot(graph: &Graph, found: &Neighbourhood, texts: &RefsDot<'_>) -> String {
    let mut pen = Pen { graph, found, texts, out: String::new() };
    pen.line(format_args!("digraph ObjectGraph {{"));
    pen.line(format_args!("  node[shape=box, style=filled, fillcolor=white];"));
    for &start in &found.starts {
        let id = pen.id(start);
        pen.line(format_args!("  {id}[fontcolor=red];"));
    }
    let expanded = |&(referrer, referent): &(NodeIndex, NodeIndex)| match found.direction {
        Direction::Referents => referrer,
        Direction::Referrers => referent,
    };
    let mut taken = found.taken.as_slice();
    for at in found.graph.node_indices() {
        pen.node(at);
        let row = taken.iter().take_while(|&pair| expanded(pair) == at).count();
        for &(referrer, referent) in &taken[..row] {
            pen.edge(referrer, referent);
        }
        taken = &taken[row..];
        pen.left_out(at);
    }
    pen.line(format_args!("}}"));
    pen.out
}

struct Pen<'a> {
    graph: &'a Graph,
    found: &'a Neighbourhood,
    texts: &'a RefsDot<'a>,
    out: String,
}

impl Pen<'_> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.out, "{line}").expect("a String takes all text");
    }

    fn id(&self, at: NodeIndex) -> String {
        let node = self.found.graph[at].node;
        let snapshot = self.graph.snapshot();
        if snapshot.flags(node).contains(Flags::SYNTHETIC) {
            // Threads and frames have no address.
            return format!("n{}", node.place());
        }
        format!("o{}", snapshot.address(node))
    }

    fn shade(&self, near: [f64; 3], far: [f64; 3], depth: u32) -> [f64; 3] {
        if self.texts.max_depth == 0.0 {
            return near;
        }
        let share = f64::from(depth) / self.texts.max_depth;
        std::array::from_fn(|at| near[at] * (1.0 - share) + far[at] * share)
    }

    fn node(&mut self, at: NodeIndex) {
        let (id, text) = (self.id(at), &self.texts.nodes[at.index()]);
        let mut attributes = String::new();
        for (name, value) in &text.attributes {
            let is_plain = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
            let name: String = name.chars().filter(|&sign| is_plain(sign)).collect();
            if !name.is_empty() {
                write!(attributes, ", {name}=\"{}\"", escaped(value))
                    .expect("a String takes all text");
            }
        }
        self.line(format_args!("  {id}[label=\"{}\"{attributes}];", escaped(&text.label)));
        let [mut hue, mut saturation, mut value] =
            self.shade(NEAR, FAR, self.found.graph[at].depth);
        if text.is_module {
            (hue, saturation) = (0.3, 1.0);
        }
        if text.is_highlighted {
            (hue, saturation, value) = (0.6, 0.6, 0.5 + value * 0.5);
        }
        let fill = [hue, saturation, value].map(general).join(",");
        self.line(format_args!("  {id}[fillcolor=\"{fill}\"];"));
        if value < 0.5 {
            self.line(format_args!("  {id}[fontcolor=white];"));
        }
        if text.has_del {
            self.line(format_args!(
                "  {id}->{id}_has_a_del[color=red,style=dotted,len=0.25,weight=10];"
            ));
            self.line(format_args!(
                "  {id}_has_a_del[label=\"__del__\",shape=doublecircle,height=0.25,color=red,\
                 fillcolor=\"0,.5,1\",fontsize=6];"
            ));
        }
    }

    fn edge(&mut self, referrer: NodeIndex, referent: NodeIndex) {
        let (from, to) = (self.id(referrer), self.id(referent));
        let attributes = match self.label(referrer, referent) {
            (label, _) if label.is_empty() => String::new(),
            (label, Some(weight)) => format!(" [label=\"{}\",weight={weight}]", escaped(&label)),
            (label, None) => format!(" [label=\"{}\"]", escaped(&label)),
        };
        self.line(format_args!("  {from} -> {to}{attributes};"));
    }

    /// An arrow's label, and its weight where it has one.
    fn label(&self, referrer: NodeIndex, referent: NodeIndex) -> (String, Option<u32>) {
        let shown = &self.found.graph;
        let table = self.graph.snapshot().label_table();
        let mut edges: Vec<(Label, u64)> = (shown.edges_connecting(referrer, referent))
            .map(|edge| (table.get(edge.weight().label), edge.weight().count))
            .collect();
        edges.reverse(); // petgraph gives the last one first
        let (from, to) = (shown[referrer].node, shown[referent].node);
        let slot = |name: &str| {
            edges.iter().any(|(label, _)| label.kind == LabelKind::Slot && label.text == name)
        };
        let known = kind(self.graph, from);
        let is_dict = |node| kind(self.graph, node) == NodeKind::Dict;
        // A class gives out a view of its dict, not the dict.
        if slot("__dict__") && known != NodeKind::Type && is_dict(to) {
            return ("__dict__".into(), Some(10));
        }
        let entry = self.graph.snapshot().type_of(from);
        let full_name = (&*entry.module, &*entry.qualname);
        let named: &[&str] = match full_name {
            ("builtins", "frame") => &["f_locals", "f_globals"],
            ("builtins", "method") => &["__self__", "__func__"],
            _ => &[],
        };
        if let Some(name) = named.iter().find(|name| slot(name)) {
            return ((*name).into(), Some(10));
        }
        let is_unknown = edges.iter().all(|(label, _)| label.kind == LabelKind::Unnamed);
        if full_name == ("builtins", "frame") && is_unknown && is_dict(to) {
            // Its other dicts have labels: this one was made when somebody asked for it.
            return ("f_locals".into(), Some(10));
        }
        let slots = edges.iter().filter(|(label, _)| label.kind == LabelKind::Slot);
        if full_name == ("builtins", "function")
            && let Some(name) = slots.map(|(label, _)| &label.text).min()
        {
            return (name.clone(), Some(10));
        }
        if known == NodeKind::Dict
            && let Some(key) = (self.texts.key)(from, to).or_else(|| key_of(&edges))
        {
            return match key {
                RefsKey::Name(name) => (name, Some(2)),
                RefsKey::Other(text) => (text, None),
            };
        }
        let more = edges.iter().map(|&(_, count)| count - 1).sum::<u64>();
        let mut words: Vec<String> = edges.iter().map(|(label, _)| label.short()).collect();
        words.retain(|word| !word.is_empty());
        let mut text = words.join(", ");
        if more > 0 && !text.is_empty() {
            write!(text, " and {more} more").expect("a String takes all text");
        }
        (text, None)
    }

    fn left_out(&mut self, at: NodeIndex) {
        let node = self.found.graph[at];
        if node.left_out == 0 {
            return;
        }
        let id = self.id(at);
        let (word, arrow) = match self.found.direction {
            Direction::Referents => ("references", format!("{id}->too_many_{id}")),
            Direction::Referrers => ("backreferences", format!("too_many_{id}->{id}")),
        };
        let shade = self.shade(NEAR_LEFT_OUT, FAR_LEFT_OUT, node.depth + 1);
        let (fill, count) = (shade.map(general).join(","), node.left_out);
        self.line(format_args!("  {arrow}[color=red,style=dotted,len=0.25,weight=10];"));
        self.line(format_args!(
            "  too_many_{id}[label=\"{count} more {word}\",shape=box,height=0.25,color=red,\
             fillcolor=\"{fill}\",fontsize=6];"
        ));
        self.line(format_args!("  too_many_{id}[fontcolor=white];"));
    }
}

/// The first key among the labels of one pair's edges.
fn key_of(edges: &[(Label, u64)]) -> Option<RefsKey> {
    edges.iter().find_map(|(label, _)| match label.kind {
        LabelKind::Key if is_name(&label.text) => Some(RefsKey::Name(label.text.clone())),
        LabelKind::Key => Some(RefsKey::Other(format!("str\n{:?}", label.text))),
        LabelKind::OtherKey => Some(RefsKey::Other(label.text.clone())),
        _ => None,
    })
}

/// Whether a key is an ASCII name; a line feed may follow it.
pub fn is_name(key: &str) -> bool {
    let name = key.strip_suffix('\n').unwrap_or(key);
    let is_letter = |sign: char| sign.is_ascii_alphabetic() || sign == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

/// A number in at most six significant digits, as C's `%g` writes those of a colour.
fn general(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 5 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", digits.clamp(0, 17) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// Text for a quoted value.
///
/// Backslashes, quotes, line feeds and NUL as objgraph writes them. An ampersand that would
/// begin an entity is written as one, and other control characters, for which there is no
/// picture, become their Unicode symbols. Long text is cut.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(MAX_LABEL_BYTES));
    for (at, sign) in text.char_indices() {
        if safe.len() > MAX_LABEL_BYTES {
            safe.push('…');
            break;
        }
        match sign {
            '\\' => safe.push_str("\\\\"),
            '"' => safe.push_str("\\\""),
            '\n' => safe.push_str("\\n"),
            '\0' => safe.push_str("\\\\0"),
            '&' if begins_entity(&text[at + 1..]) => safe.push_str("&amp;"),
            '\t' => safe.push('\t'),
            '\x01'..='\x1f' => safe.push(char::from_u32(0x2400 + sign as u32).unwrap_or('?')),
            '\x7f' => safe.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                write!(safe, "U+{:04X}", sign as u32).expect("a String takes all text");
            }
            sign => safe.push(sign),
        }
    }
    safe
}

/// Whether an ampersand before this text would not be shown as one.
fn begins_entity(rest: &str) -> bool {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    let length = name.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(name.len());
    length > 0 && name[length..].starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.3, "0.3"),
            (1.0 - 0.7 / 3.0, "0.766667"),
            (0.065, "0.065"),
            (-0.4, "-0.4"),
            (12.5, "12.5"),
        ] {
            assert_eq!(general(value), expected);
        }
    }

    #[test]
    fn only_what_would_be_an_entity_is_escaped_as_one() {
        assert_eq!(escaped("a & b &c; &#12; &&lt;"), "a & b &amp;c; &amp;#12; &&amp;lt;");
        assert_eq!(escaped("\"\\\n\0\x1b"), "\\\"\\\\\\n\\\\0\u{241b}");
        assert!(escaped(&"é".repeat(9_000)).len() < 9_000);
    }

    #[test]
    fn a_name_is_ascii() {
        let names = ["a", "_9", "a\n", "9", "", "é", "a b", "\n"].map(is_name);
        assert_eq!(names, [true, true, true, false, false, false, false, false]);
    }

    #[test]
    fn each_node_is_followed_by_what_was_taken_of_it() {
        use crate::analysis::{NeighbourhoodOptions, neighbourhood};
        // a -> b c; b -> d; c -> d
        let graph = Graph::from_notation("a -> b c; b -> d; c -> d").unwrap();
        let options = NeighbourhoodOptions { max_depth: 2, too_many: 1, weak: false };
        let d = graph.named("d");
        let found =
            neighbourhood(&graph, &[d], Direction::Referrers, &options, |_| true, |_| false);
        let said = |at: usize| RefsNode {
            label: format!("node {at}"),
            is_module: at == 1,
            has_del: at == 0,
            ..RefsNode::default()
        };
        let nodes: Vec<RefsNode> = (0..found.graph.node_count()).map(said).collect();
        let texts = RefsDot { max_depth: 2.0, nodes: &nodes, key: &|_, _| None };
        let text = refs_dot(&graph, &found, &texts);
        let [a, b, d] = ["a", "b", "d"].map(|name| graph.snapshot().address(graph.named(name)));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], format!("  o{d}[fontcolor=red];"));
        assert!(lines.contains(&format!("  o{b}[fillcolor=\"0.3,1,0.65\"];").as_str()));
        assert!(lines.contains(&format!("  o{a}[fontcolor=white];").as_str()));
        assert!(text.contains(&format!("o{d}->o{d}_has_a_del[")));
        assert!(text.contains("label=\"1 more backreferences\""));
        let place = |line: String| text.find(&line).expect("the line is there");
        assert!(place(format!("  o{d}[label=")) < place(format!("  o{b} -> o{d}")));
        assert!(place(format!("  o{b} -> o{d}")) < place(format!("  o{b}[label=")));
    }
}
