//! Machinery: references that every class, function and module has by itself.
//!
//! An instance refers to its class, the class to its methods, a method to the
//! globals of its module, and those to most of the program. So nearly all that lives is in one
//! cycle with the modules, and every class in one with its own `__mro__`. Nobody made these cycles,
//! and nobody can break them.

use crate::graph::Graph;
use crate::id::{LabelId, NodeId, TypeId};
use crate::snapshot::LabelKind;

/// Which edges with a label are machinery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    None,
    All,
    ToTypes,
    ToModules,
    ToTypesAndModules,
}

impl Rule {
    fn of(kind: LabelKind, text: &str) -> Self {
        match (kind, text) {
            (
                LabelKind::Slot,
                "__class__" | "__globals__" | "__builtins__" | "f_globals" | "f_builtins"
                | "__mro__",
            ) => Self::All,
            // Descriptors have it as a field, members of an enum as an attribute.
            (LabelKind::Slot | LabelKind::Attribute | LabelKind::Key, "__objclass__") => Self::All,
            // The functions of a module in C, and `__new__` of a class in C.
            (LabelKind::Slot, "__self__") => Self::ToTypesAndModules,
            (LabelKind::Slot, "__module__") => Self::ToModules,
            // What `super()` without arguments needs, and a local class that names itself.
            (LabelKind::Slot, "cell_contents") => Self::ToTypes,
            _ => Self::None,
        }
    }
}

/// Which edges are machinery: `__class__`, a function's and a frame's globals and builtins, a type's `__mro__`,
/// `__objclass__`, `__self__` where that is a type or a module, the module of a type in C,
/// and a cell that holds a class.
///
/// As far as labels tell.
#[derive(Debug)]
pub(super) struct Machinery {
    /// By place in the table of labels.
    rules: Box<[Rule]>,
    /// By `TypeId`: whether its instances are types.
    is_metatype: Vec<bool>,
    /// By `TypeId`: whether its instances are modules.
    is_module: Vec<bool>,
}

impl Machinery {
    /// Of one graph. O(labels + types) time, a byte a label.
    pub(super) fn new(graph: &Graph) -> Self {
        let snapshot = graph.snapshot();
        let table = snapshot.label_table();
        let labels = (0..table.len() as u32).map(LabelId::entry);
        let types = (0..snapshot.types().len() as u32).map(TypeId);
        let is_module = |at: usize| snapshot.types()[at].full_name() == "builtins.module";
        Self {
            rules: labels.map(|label| Rule::of(table.kind(label), table.text(label))).collect(),
            is_metatype: types.clone().map(|id| graph.is_metatype(id)).collect(),
            is_module: types.map(|id| is_module(id.index())).collect(),
        }
    }

    /// Whether a node is a type.
    pub(super) fn is_type(&self, graph: &Graph, node: NodeId) -> bool {
        self.is_metatype[graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a node is a module.
    pub(super) fn is_module(&self, graph: &Graph, node: NodeId) -> bool {
        self.is_module[graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether an edge with this label to this node is machinery.
    #[inline]
    pub(super) fn is(&self, graph: &Graph, label: LabelId, referent: NodeId) -> bool {
        let rule = label.as_entry().map_or(Rule::None, |place| self.rules[place as usize]);
        match rule {
            Rule::None => false,
            Rule::All => true,
            Rule::ToTypes => self.is_type(graph, referent),
            Rule::ToModules => self.is_module(graph, referent),
            Rule::ToTypesAndModules => {
                self.is_type(graph, referent) || self.is_module(graph, referent)
            }
        }
    }

    /// As [`Machinery::is`], by the edge's place among those that leave a node.
    #[inline]
    pub(super) fn is_edge(&self, graph: &Graph, node: NodeId, at: usize) -> bool {
        let snapshot = graph.snapshot();
        let edge = snapshot.referents().range(node).start + at;
        self.is(graph, snapshot.labels()[edge], snapshot.referents().targets()[edge])
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> u64 {
        (self.rules.len() + self.is_metatype.len() + self.is_module.len()) as u64
    }
}
