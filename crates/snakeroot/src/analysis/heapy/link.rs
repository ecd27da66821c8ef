//! How one object on a path leads to the next, in heapy's words and in heapy's order.

use std::cmp::Ordering;

use super::relations::{HeldBy, has_place, relation_of};
use super::roots::RootEdge;
use crate::graph::{Edge, Graph};
use crate::id::{LabelId, NodeId};
use crate::snapshot::{LabelKind, LabelTable};

/// How one object on a path leads to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// As a label says it.
    Held(HeldBy),
    /// `.f_locals ['x']`: a variable that frames share, by its cell.
    Cell(&'static str, Box<str>),
    /// From the root: `.threads['main'].frames[0]`.
    Root {
        /// `threads` or `i0_modules`.
        table: &'static str,
        /// The name of the thread or module.
        key: Box<str>,
        /// What stands behind: a frame, a field of the thread.
        behind: Box<str>,
    },
}

impl Link {
    /// heapy's number for links of a kind, which come in this order, and -1 for one of which nothing is known.
    pub fn code(&self) -> i8 {
        match self {
            Self::Held(HeldBy::Unknown) => -1,
            Self::Held(HeldBy::Attribute(_)) => 1,
            Self::Held(HeldBy::Key(_) | HeldBy::Index(_)) => 2,
            Self::Held(HeldBy::KeyAt(_)) => 3,
            Self::Held(HeldBy::Internal(_)) => 4,
            Self::Held(HeldBy::Local(..)) => 6,
            Self::Cell(..) => 7,
            Self::Held(HeldBy::Stack(_)) => 8,
            Self::Held(HeldBy::Element(_)) => 9,
            Self::Root { .. } => 10,
        }
    }
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) to: NodeId,
    label: LabelId,
    /// How many keys or elements of the referrer come before, or which edge of the root it is.
    place: u32,
}

/// The steps that leave a node, in heapy's order, by the edges that `is_next` says yes of.
///
/// Weak edges are none. O(d log d) for d edges.
pub(super) fn steps_from(
    graph: &Graph,
    node: NodeId,
    is_next: impl Fn(&Edge) -> bool,
) -> Vec<Step> {
    let table = graph.snapshot().label_table();
    let mut steps = Vec::new();
    let mut keys = 0;
    for edge in graph.edges_from(node) {
        let place = keys;
        let kind = table.kind(edge.label);
        keys += u32::from(has_place(kind));
        if graph.is_strong(edge.label) && is_next(&edge) {
            steps.push(Step { to: edge.referent, label: edge.label, place });
        }
    }
    steps.sort_by(|left, right| compare(graph, table, node, left, right));
    steps
}

/// The same from the root.
pub(super) fn steps_from_root(edges: &[RootEdge], is_next: impl Fn(NodeId) -> bool) -> Vec<Step> {
    let steps = edges.iter().zip(0..).filter(|(edge, _)| is_next(edge.to));
    let label = LabelTable::UNNAMED;
    let mut steps: Vec<Step> =
        steps.map(|(edge, place)| Step { to: edge.to, label, place }).collect();
    steps.sort_by(|left, right| {
        let link = |step: &Step| &edges[step.place as usize].link;
        compare_links(link(left), link(right)).then(left.place.cmp(&right.place))
    });
    steps
}

/// By what a step leads on from a node, or from the root.
pub(super) fn link_of(
    graph: &Graph,
    from: Option<NodeId>,
    step: Step,
    root_edges: &[RootEdge],
) -> Link {
    match from {
        Some(from) => link(graph, from, step.to, step.label, step.place),
        None => root_edges[step.place as usize].link.clone(),
    }
}

/// By what an edge leads from a node to another.
pub(super) fn link(graph: &Graph, from: NodeId, to: NodeId, label: LabelId, place: u32) -> Link {
    match relation_of(graph, from, label, place) {
        HeldBy::Local(frame, name) if is_cell(graph, to) => Link::Cell(frame, name),
        relation => Link::Held(relation),
    }
}

fn is_cell(graph: &Graph, node: NodeId) -> bool {
    let entry = graph.snapshot().type_of(node);
    &*entry.qualname == "cell" && &*entry.module == "builtins"
}

/// All ways in which one node holds another, in heapy's order. O(d log d) for d edges.
pub fn links(graph: &Graph, from: NodeId, to: NodeId) -> Vec<Link> {
    let steps = steps_from(graph, from, |edge| edge.referent == to);
    steps.into_iter().map(|step| link_of(graph, Some(from), step, &[])).collect()
}

fn compare(graph: &Graph, table: &LabelTable, from: NodeId, left: &Step, right: &Step) -> Ordering {
    // Items of long lists are told without making texts.
    let order = match (left.label.as_item(), right.label.as_item()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => match (table.kind(left.label), table.kind(right.label)) {
            (LabelKind::Key, LabelKind::Key) => table.text(left.label).cmp(table.text(right.label)),
            (LabelKind::Element, LabelKind::Element)
            | (LabelKind::KeyObject, LabelKind::KeyObject) => left.place.cmp(&right.place),
            _ => compare_links(
                &link_of(graph, Some(from), *left, &[]),
                &link_of(graph, Some(from), *right, &[]),
            ),
        },
    };
    order.then(left.to.cmp(&right.to))
}

fn compare_links(left: &Link, right: &Link) -> Ordering {
    let order = left.code().cmp(&right.code());
    order.then_with(|| match (left, right) {
        (Link::Held(left), Link::Held(right)) => compare_held(left, right),
        (Link::Cell(_, left), Link::Cell(_, right)) => left.cmp(right),
        (Link::Root { table, key, .. }, Link::Root { table: other_table, key: other_key, .. }) => {
            table.cmp(other_table).then_with(|| key.cmp(other_key))
        }
        _ => Ordering::Equal,
    })
}

fn compare_held(left: &HeldBy, right: &HeldBy) -> Ordering {
    match (left, right) {
        (HeldBy::Key(left), HeldBy::Key(right)) => left.cmp(right),
        (HeldBy::Index(left), HeldBy::Index(right)) => KeyOrder::of(left).cmp(&KeyOrder::of(right)),
        (HeldBy::Key(_), HeldBy::Index(_)) => Ordering::Greater,
        (HeldBy::Index(_), HeldBy::Key(_)) => Ordering::Less,
        (HeldBy::Stack(left), HeldBy::Stack(right)) => {
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        }
        _ => left.cmp(right),
    }
}

/// Where a key that is no str stands among others, told from its short form.
///
/// heapy puts keys of one type in their own order, and types by where they lie in memory. Builtin types lie
/// where the linker put them, which is by the names of their source files.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum KeyOrder<'a> {
    Bool(&'a str),
    Bytes(&'a str),
    /// Bits that are in the order of the numbers.
    Float(i64),
    Int(i128),
    None,
    Tuple(&'a str),
    Other(&'a str),
}

impl<'a> KeyOrder<'a> {
    fn of(text: &'a str) -> Self {
        if let Ok(number) = text.parse::<i128>() {
            return Self::Int(number);
        }
        match text {
            "None" => return Self::None,
            "False" | "True" => return Self::Bool(text),
            _ => {}
        }
        let is_number = text.starts_with(|sign: char| sign.is_ascii_digit() || sign == '-');
        if is_number && let Ok(number) = text.parse::<f64>() {
            let bits = number.to_bits() as i64;
            return Self::Float(bits ^ (((bits >> 63) as u64) >> 1) as i64);
        }
        match text {
            text if text.starts_with(['(']) => Self::Tuple(text),
            text if text.starts_with("b'") || text.starts_with("b\"") => Self::Bytes(text),
            text => Self::Other(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_in_heapys_order() {
        let graph = Graph::from_notation(
            "a -[[\"b\"]]> x; a -[.z]> x; a -[{10}]> x; a -[{9}]> x; a -> x; a -[key]> x; a -[.c]> x
             a -[element]> x; a -[{(1, 2)}]> x; a -[{1.5}]> x; a ~> x; a -[key]> other; a -[key]> x",
        )
        .unwrap();
        let found = links(&graph, graph.named("a"), graph.named("x"));
        let held = |held| Link::Held(held);
        assert_eq!(
            found,
            [
                held(HeldBy::Unknown),
                held(HeldBy::Attribute("c".into())),
                held(HeldBy::Attribute("z".into())),
                held(HeldBy::Index("1.5".into())),
                held(HeldBy::Index("9".into())),
                held(HeldBy::Index("10".into())),
                held(HeldBy::Index("(1, 2)".into())),
                held(HeldBy::Key("b".into())),
                held(HeldBy::KeyAt(0)),
                held(HeldBy::KeyAt(3)),
                held(HeldBy::Element(1)),
            ]
        );
    }

    #[test]
    fn a_variable_that_is_shared_is_held_by_its_cell() {
        let graph = Graph::from_notation(
            "f@frame -[local x]> c@cell; f -[local y]> d; g@generator -[local z]> d",
        )
        .unwrap();
        let one = |from, to| links(&graph, graph.named(from), graph.named(to)).remove(0);
        assert_eq!(one("f", "c"), Link::Cell("", "x".into()));
        assert_eq!(one("f", "d"), Link::Held(HeldBy::Local("", "y".into())));
        assert_eq!(one("g", "d"), Link::Held(HeldBy::Local(".gi_frame", "z".into())));
    }
}
