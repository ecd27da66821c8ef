//! From answers to a drawing's model: what each box says and how each arrow looks.

use std::collections::HashMap;

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::describe::{Describer, describe, kind, shortened};
use super::text::{grouped, human_size};
use super::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};
use crate::analysis::{Chain, Direction, Neighbourhood};
use crate::graph::{Graph, NodeSet};
use crate::id::{LabelId, NodeId};
use crate::snapshot::{Flags, Label, LabelKind};

/// What the boxes say.
pub struct DrawOptions<'a> {
    /// `Session` rather than `app.Session` as the title.
    pub shortnames: bool,
    /// A line with the reference count.
    pub refcounts: bool,
    /// How many of an object's references are the caller's own, and not counted.
    pub held: Option<&'a dyn Fn(NodeId) -> u32>,
    /// A line with the shallow size, together with the reference count.
    pub sizes: bool,
    /// What some objects retain, on the same line.
    pub retained: Option<&'a dyn Fn(NodeId) -> Option<u64>>,
    /// More text for some boxes, below everything else; several lines are several lines.
    pub extra: Option<&'a dyn Fn(NodeId) -> Option<String>>,
    /// Which boxes stand out.
    pub highlight: Option<&'a dyn Fn(NodeId) -> bool>,
    /// Values of objects; without it those that the snapshot holds.
    pub value: Option<&'a dyn Fn(NodeId) -> Option<String>>,
    /// Further attributes of some boxes by name, for DOT alone.
    pub attributes: Option<&'a dyn Fn(NodeId) -> Vec<(String, String)>>,
}

impl Default for DrawOptions<'_> {
    fn default() -> Self {
        Self {
            shortnames: true,
            refcounts: false,
            held: None,
            sizes: false,
            retained: None,
            extra: None,
            highlight: None,
            value: None,
            attributes: None,
        }
    }
}

/// The drawing of a neighbourhood, with a pill for what was left out of each node's neighbours.
pub fn drawing(graph: &Graph, neighbourhood: &Neighbourhood, options: &DrawOptions<'_>) -> Drawing {
    let shown = &neighbourhood.graph;
    let backwards = neighbourhood.direction == Direction::Referrers;
    let mut pen = Pen::new(graph, options, backwards);
    for weight in shown.node_weights() {
        pen.node(weight.node, weight.is_start);
    }
    for edge in shown.edge_references() {
        let at_target = |at: NodeIndex| shown[at].is_start;
        let strong = at_target(if backwards { edge.target() } else { edge.source() });
        let weight = edge.weight();
        pen.edge(edge.source().index(), edge.target().index(), weight.label, weight.count, strong);
    }
    for (place, weight) in shown.node_weights().enumerate() {
        pen.left_out(place, weight.left_out);
    }
    pen.drawing
}

/// The drawing of some chains as one picture: nodes that they share are drawn once.
///
/// `direction` tells which end was asked for: the held end of chains that were
/// searched over referrers, the holding end otherwise.
pub fn chains_drawing(
    graph: &Graph,
    chains: &[Chain],
    direction: Direction,
    options: &DrawOptions<'_>,
) -> Drawing {
    let backwards = direction == Direction::Referrers;
    let target = |chain: &Chain| {
        if backwards { chain.held() } else { chain.holder() }
    };
    let targets: Vec<NodeId> = chains.iter().map(target).collect();
    let mut pen = Pen::new(graph, options, backwards);
    let mut edges: HashMap<(NodeId, NodeId, LabelId), ()> = HashMap::new();
    for chain in chains {
        for &node in &chain.nodes {
            pen.node(node, targets.contains(&node));
        }
        for (pair, &label) in chain.nodes.windows(2).zip(&chain.labels) {
            if edges.insert((pair[0], pair[1], label), ()).is_none() {
                let (source, referent) = (pen.places[&pair[0]], pen.places[&pair[1]]);
                let strong = targets.contains(if backwards { &pair[1] } else { &pair[0] });
                pen.edge(source, referent, label, 1, strong);
            }
        }
    }
    pen.drawing
}

/// The drawing of some nodes and the references among them. Several references from one node to another are one arrow.
pub fn nodes_drawing(graph: &Graph, nodes: &NodeSet, options: &DrawOptions<'_>) -> Drawing {
    let mut pen = Pen::new(graph, options, false);
    nodes.iter().for_each(|node| pen.node(node, false));
    for node in nodes.iter() {
        let mut counts: IndexMap<NodeId, (LabelId, u64)> = IndexMap::new();
        for edge in graph.edges_from(node).filter(|edge| nodes.contains(edge.referent)) {
            counts.entry(edge.referent).or_insert((edge.label, 0)).1 += 1;
        }
        for (referent, (label, count)) in counts {
            pen.edge(pen.places[&node], pen.places[&referent], label, count, false);
        }
    }
    pen.drawing
}

/// A node's object in a few words, beside its type: its value, its name, how many items it has,
/// or its address.
pub fn short_form(graph: &Graph, node: NodeId) -> String {
    let snapshot = graph.snapshot();
    if let Some(name) = snapshot.names().get(node) {
        return shortened(name);
    }
    let options = DrawOptions::default();
    let pen = Pen::new(graph, &options, false);
    pen.what(node, kind(graph, node)).unwrap_or_default()
}

struct Pen<'a> {
    graph: &'a Graph,
    options: &'a DrawOptions<'a>,
    describer: Describer<'a>,
    places: HashMap<NodeId, usize>,
    drawing: Drawing,
}

impl<'a> Pen<'a> {
    fn new(graph: &'a Graph, options: &'a DrawOptions<'a>, targets_last: bool) -> Self {
        let drawing = Drawing { targets_last, ..Drawing::default() };
        let describer = Describer::new(graph);
        Self { graph, options, describer, places: HashMap::new(), drawing }
    }

    /// Draws a node, unless it is there already.
    fn node(&mut self, node: NodeId, is_target: bool) {
        if self.places.contains_key(&node) {
            return;
        }
        self.places.insert(node, self.drawing.nodes.len());
        let kind = self.describer.kind(node);
        let is_highlighted = self.options.highlight.is_some_and(|highlight| highlight(node));
        let role = match (is_target, is_highlighted) {
            (true, _) => Role::Target,
            (false, true) => Role::Highlight,
            (false, false) => Role::Plain,
        };
        self.drawing.nodes.push(DrawnNode {
            id: format!("n{}", node.place()),
            title: self.title(node, kind),
            lines: self.lines(node, kind),
            kind,
            role,
            tooltip: self.tooltip(node),
            attributes: self.options.attributes.map_or_else(Vec::new, |given| given(node)),
        });
    }

    fn title(&self, node: NodeId, kind: NodeKind) -> String {
        let snapshot = self.graph.snapshot();
        let entry = snapshot.type_of(node);
        match (kind, snapshot.names().get(node)) {
            (NodeKind::Module, Some(name)) => format!("module {}", shortened(name)),
            _ if self.options.shortnames => shortened(entry.short_name()),
            _ => shortened(&entry.full_name()),
        }
    }

    fn lines(&self, node: NodeId, kind: NodeKind) -> Vec<String> {
        let mut lines: Vec<String> = self.what(node, kind).into_iter().collect();
        lines.extend(self.figures(node));
        if let Some(text) = self.options.extra.and_then(|extra| extra(node)) {
            lines.extend(text.lines().map(shortened));
        }
        lines
    }

    /// The line that tells this object from others of its type.
    fn what(&self, node: NodeId, kind: NodeKind) -> Option<String> {
        let snapshot = self.graph.snapshot();
        let value = match self.options.value {
            Some(value) => value(node),
            None => snapshot.values().get(node).map(str::to_string),
        };
        if let Some(value) = value {
            return Some(shortened(&value));
        }
        if let Some(name) = snapshot.names().get(node) {
            // A module's name stands in the title.
            return (kind != NodeKind::Module).then(|| shortened(name));
        }
        if let Some(items) = self.items(node, kind) {
            let word = if items == 1 { "item" } else { "items" };
            return Some(format!("{} {word}", grouped(items)));
        }
        let is_object = !snapshot.flags(node).contains(Flags::SYNTHETIC);
        is_object.then(|| format!("{:#x}", snapshot.address(node)))
    }

    /// How many items a container has, by the labels of what it holds.
    fn items(&self, node: NodeId, kind: NodeKind) -> Option<u64> {
        let counts: fn(LabelKind) -> bool = match kind {
            NodeKind::Dict => |kind| matches!(kind, LabelKind::Key | LabelKind::OtherKey),
            NodeKind::List | NodeKind::Tuple => |kind| kind == LabelKind::Index,
            NodeKind::Set => |kind| kind == LabelKind::Element,
            _ => return None,
        };
        let table = self.graph.snapshot().label_table();
        let (mut items, mut unknown) = (0, 0);
        for edge in self.graph.edges_from(node) {
            let kind = table.kind(edge.label);
            items += u64::from(counts(kind));
            unknown += u64::from(kind == LabelKind::Unnamed);
        }
        // Where the labels were not read, nobody counted the items. That a subclass's instance
        // seems to hold none may mean as much: a part of a heap has only the edges within it.
        let module = &*self.graph.snapshot().type_of(node).module;
        (items > 0 || (unknown == 0 && module == "builtins")).then_some(items)
    }

    /// `3 refs, 184 B`
    fn figures(&self, node: NodeId) -> Option<String> {
        let snapshot = self.graph.snapshot();
        if snapshot.flags(node).contains(Flags::SYNTHETIC) {
            return None;
        }
        let mut figures = Vec::new();
        if self.options.refcounts {
            let held = self.options.held.map_or(0, |held| held(node));
            figures.push(match snapshot.refcount(node).saturating_sub(held) {
                _ if snapshot.flags(node).contains(Flags::IMMORTAL) => "immortal".to_string(),
                1 => "1 ref".to_string(),
                count => format!("{} refs", grouped(u64::from(count))),
            });
        }
        if self.options.sizes {
            figures.push(human_size(snapshot.size(node)));
        }
        if let Some(bytes) = self.options.retained.and_then(|retained| retained(node)) {
            figures.push(format!("retains {}", human_size(bytes)));
        }
        (!figures.is_empty()).then(|| figures.join(", "))
    }

    fn tooltip(&self, node: NodeId) -> String {
        let snapshot = self.graph.snapshot();
        let mut text = describe(self.graph, node);
        if !snapshot.flags(node).contains(Flags::SYNTHETIC) {
            if snapshot.names().get(node).is_some() {
                text.push_str(&format!(" {:#x}", snapshot.address(node)));
            }
            text.push_str(&format!(", {}", human_size(snapshot.size(node))));
        }
        if let Some(root) = snapshot.root(node).filter(|root| !text.starts_with(root.kind.word())) {
            text.push_str(&format!(", GC root: {root}"));
        }
        text
    }

    fn edge(&mut self, source: usize, target: usize, label: LabelId, count: u64, strong: bool) {
        let style = match self.graph.is_strong(label) {
            false => EdgeStyle::Weak,
            true if strong => EdgeStyle::Strong,
            true => EdgeStyle::Plain,
        };
        let label: Label = self.graph.snapshot().label_table().get(label);
        let is_blank_key = label.kind == LabelKind::Key && label.text.trim().is_empty();
        let short = if is_blank_key { format!("{:?}", label.text) } else { label.short() };
        let mut label = shortened(&short);
        if count > 1 {
            label.push_str(&format!(" and {} more", grouped(count - 1)));
        }
        self.drawing.edges.push(DrawnEdge { source, target, label: label.trim().into(), style });
    }

    /// The pill for neighbours that are not shown.
    fn left_out(&mut self, place: usize, count: u64) {
        if count == 0 {
            return;
        }
        let back = if self.drawing.targets_last { "back" } else { "" };
        let plural = if count == 1 { "" } else { "s" };
        let title = format!("{} more {back}reference{plural}", grouped(count));
        let pill = self.drawing.nodes.len();
        self.drawing.nodes.push(DrawnNode {
            id: format!("more_{}", self.drawing.nodes[place].id),
            tooltip: title.clone(),
            attributes: Vec::new(),
            title,
            lines: Vec::new(),
            kind: NodeKind::Instance,
            role: Role::More,
        });
        let (source, target) =
            if self.drawing.targets_last { (pill, place) } else { (place, pill) };
        let style = EdgeStyle::More;
        self.drawing.edges.push(DrawnEdge { source, target, label: String::new(), style });
    }
}
