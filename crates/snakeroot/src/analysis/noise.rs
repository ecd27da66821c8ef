//! Noise: edges that hold everything and so explain little.
//!
//! Functions hold their module's namespace, types their bases and subclasses, instances
//! their class. Whoever asks why an object is alive wants these last: `why` makes them
//! cost more, `neighbourhood` leaves them out first.

use crate::graph::Graph;
use crate::id::{LabelId, NodeId};
use crate::snapshot::LabelKind;

/// Rows up to this length are read to see by what a referrer holds; for longer
/// ones the edge is taken for an ordinary one, unless a type is the referrer.
const SHORT_ROW: usize = 64;

/// Which edges are noise: the fields of a type other than its `__dict__`, an instance's
/// `__class__`, a function's `__globals__` and `__builtins__`, a frame's `f_globals` and
/// `f_builtins`, a dict's keys, the values of a dict of modules.
pub(super) struct Noise<'a> {
    graph: &'a Graph,
    /// By `TypeId`: whether its instances are types.
    is_metatype: Vec<bool>,
    /// By `TypeId`: whether its instances are modules.
    is_module: Vec<bool>,
    /// By `TypeId`: whether its instances are modules, threads or frames.
    is_near_root: Vec<bool>,
}

impl<'a> Noise<'a> {
    /// For the nodes of one graph.
    pub(super) fn new(graph: &'a Graph) -> Self {
        let snapshot = graph.snapshot();
        let types = snapshot.types();
        let is = |names: &[&str]| -> Vec<bool> {
            types.iter().map(|entry| names.contains(&entry.full_name().as_str())).collect()
        };
        let mut is_metatype = is(&["builtins.type"]);
        // What has a type as its instance is a metaclass.
        for node in types.iter().filter_map(|entry| entry.node) {
            is_metatype[snapshot.type_ids()[node.index()].index()] = true;
        }
        Self {
            graph,
            is_metatype,
            is_module: is(&["builtins.module"]),
            is_near_root: is(&["builtins.module", "builtins.frame", "frame", "thread"]),
        }
    }

    /// Whether a node is a type.
    pub(super) fn is_type(&self, node: NodeId) -> bool {
        self.is_metatype[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    fn is_module(&self, node: NodeId) -> bool {
        self.is_module[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a node is a module, a thread or a frame: roots, or next to one.
    pub(super) fn is_near_root(&self, node: NodeId) -> bool {
        self.is_near_root[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a referrer holds a referent by noisy edges only, as far as a
    /// short look tells.
    pub(super) fn is_noisy(&self, referrer: NodeId, referent: NodeId) -> bool {
        if self.is_module(referent) && self.is_dict_of_modules(referrer) {
            return true;
        }
        if self.graph.referents(referrer).len() > SHORT_ROW {
            return self.is_type(referrer);
        }
        self.is_noisy_label(referrer, self.best_label(referrer, referent))
    }

    /// Whether an edge of this label is noise.
    pub(super) fn is_noisy_edge(&self, referrer: NodeId, referent: NodeId, label: LabelId) -> bool {
        let of_modules = self.is_module(referent) && self.is_dict_of_modules(referrer);
        of_modules || self.is_noisy_label(referrer, label)
    }

    fn is_noisy_label(&self, referrer: NodeId, label: LabelId) -> bool {
        let table = self.graph.snapshot().label_table();
        match table.kind(label) {
            LabelKind::KeyObject => true,
            LabelKind::Slot => match table.text(label) {
                "__globals__" | "__builtins__" | "f_globals" | "f_builtins" | "__class__" => true,
                "__dict__" => false,
                _ => self.is_type(referrer),
            },
            _ => false,
        }
    }

    /// Whether the first values of a dict are modules, as those of `sys.modules`.
    fn is_dict_of_modules(&self, node: NodeId) -> bool {
        const VALUES: usize = 8;
        let table = self.graph.snapshot().label_table();
        // Keys stand between the values, and the referrer may be a list of millions.
        let edges = self.graph.edges_from(node).take(SHORT_ROW);
        let mut values = edges.filter(|edge| table.kind(edge.label) == LabelKind::Key).take(VALUES);
        let mut any = false;
        values.all(|edge| {
            any = true;
            self.is_module(edge.referent)
        }) && any
    }

    /// The label of the first strong edge that is not noisy, else of the first strong one.
    pub(super) fn best_label(&self, referrer: NodeId, referent: NodeId) -> LabelId {
        let mut first = None;
        for edge in self.graph.edges_from(referrer) {
            if edge.referent == referent && self.graph.is_strong(edge.label) {
                if !self.is_noisy_label(referrer, edge.label) {
                    return edge.label;
                }
                first.get_or_insert(edge.label);
            }
        }
        first.expect("a strong referrer has a strong edge")
    }
}
