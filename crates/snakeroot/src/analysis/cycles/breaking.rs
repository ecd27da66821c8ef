//! Where a cycle is best broken.

use crate::analysis::Chain;
use crate::analysis::machinery::Machinery;
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::LabelKind;

/// What one reference of a cycle costs to take away, from what is easy on; what
/// costs as much as this cannot be taken away at all.
const NEVER: u8 = 20;

/// Names that are mostly given to a reference back to who holds one.
const BACK_NAMES: [&str; 10] =
    ["parent", "owner", "prev", "previous", "back", "container", "manager", "root", "up", "outer"];

/// The reference of a cycle that is best taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakAt {
    /// Its place among the labels of the cycle's path.
    pub edge: usize,
    /// Whose attribute it is: the node that the edge leaves, or the one before it
    /// where that is its `__dict__`.
    pub owner: NodeId,
}

impl BreakAt {
    /// The best edge of a path that ends where it begins; `None` where each is machinery, or
    /// one of modules to each other.
    ///
    /// Best is an attribute of an instance, above all one with a name such as
    /// `parent`; then an entry of a dict, an item of a list or set, an
    /// attribute of a class or module, a variable, an item of a tuple, a field of a type in C. Of equal
    /// ones the last.
    pub(super) fn of(graph: &Graph, machinery: &Machinery, path: &Chain) -> Option<Self> {
        let edges = 0..path.labels.len();
        let has_module = path.nodes.iter().any(|&node| machinery.is_module(graph, node));
        let rated = edges.map(|edge| {
            let owner = owner(graph, path, edge);
            (cost(graph, machinery, path, has_module, edge, owner), edge, owner)
        });
        let (cost, edge, owner) =
            rated.min_by_key(|&(cost, edge, _)| (cost, std::cmp::Reverse(edge)))?;
        (cost < NEVER).then_some(Self { edge, owner })
    }
}

/// The node whose attribute or variable an edge is.
fn owner(graph: &Graph, path: &Chain, edge: usize) -> NodeId {
    let table = graph.snapshot().label_table();
    let count = path.labels.len();
    let before = (edge + count - 1) % count;
    let label = path.labels[before];
    let is_field = matches!(table.kind(label), LabelKind::Slot | LabelKind::Attribute);
    let is_its = match table.kind(path.labels[edge]) {
        LabelKind::Key => table.text(label) == "__dict__",
        LabelKind::Local => table.text(label) == "__closure__",
        _ => false,
    };
    if is_field && is_its { path.nodes[before] } else { path.nodes[edge] }
}

fn cost(
    graph: &Graph,
    machinery: &Machinery,
    path: &Chain,
    has_module: bool,
    edge: usize,
    owner: NodeId,
) -> u8 {
    let table = graph.snapshot().label_table();
    let (label, text) = (path.labels[edge], table.text(path.labels[edge]));
    let count = path.labels.len();
    let is_machinery = |edge: usize| {
        let edge = edge % count;
        machinery.is(graph, path.labels[edge], path.nodes[edge + 1])
    };
    let is_of_class = machinery.is_type(graph, owner);
    let is_lasting = is_of_class || machinery.is_module(graph, owner);
    let kind = table.kind(label);
    if is_machinery(edge)
        // Modules that import each other live as long as the program.
        || machinery.is_module(graph, path.nodes[edge + 1])
        || is_lasting && has_module
        // A class's methods and descriptors, and its place in its own `__mro__`.
        || is_of_class && is_machinery(edge + 1)
        || kind == LabelKind::Index && is_machinery(edge + count - 1)
    {
        return NEVER;
    }
    let is_dunder = text.starts_with("__") && text.ends_with("__");
    let entry = graph.snapshot().type_of(path.nodes[edge]);
    let is_builtin = &*entry.module == "builtins";
    let attribute = || {
        if is_lasting {
            return 5;
        }
        let name = text.trim_start_matches('_');
        if BACK_NAMES.iter().any(|back| name.ends_with(back)) { 0 } else { 1 }
    };
    match kind {
        LabelKind::Slot if text == "__dict__" => NEVER,
        LabelKind::Slot if is_dunder || is_builtin => 9,
        LabelKind::Slot | LabelKind::Attribute => attribute(),
        LabelKind::Key if owner != path.nodes[edge] => attribute(),
        LabelKind::Key | LabelKind::OtherKey => 2,
        LabelKind::Index if is_builtin && &*entry.qualname == "tuple" => 7,
        LabelKind::Index | LabelKind::Element => 3,
        LabelKind::Local => 6,
        LabelKind::KeyObject | LabelKind::Unnamed => 8,
        LabelKind::Stack | LabelKind::Frame | LabelKind::Weak => NEVER,
    }
}
