//! Noise: edges that hold everything and so explain little.
//!
//! Functions hold their module's namespace, types their bases and subclasses, instances
//! their class. Whoever asks why an object is alive wants these last: `why` makes them
//! cost more, `neighbourhood` leaves them out first. A holder that is there only
//! because somebody looks (a session's last results, a debugger, the last exception) is
//! the noisiest of all.

use std::collections::HashSet;

use crate::graph::Graph;
use crate::id::{LabelId, NodeId};
use crate::snapshot::{LabelKind, RootKind, TypeEntry};

/// Rows up to this length are read to see by what a referrer holds; for longer
/// ones the edge is taken for an ordinary one, unless a type is the referrer.
const SHORT_ROW: usize = 64;

/// What an edge costs more that is there because somebody looks.
pub(super) const LOOKER_COST: usize = 8;

/// Files whose running frames belong to a debugger or an interactive session.
const LOOKER_FILES: [&str; 4] = ["pdb.py", "bdb.py", "pydevd.py", "interactiveshell.py"];

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
    /// By `TypeId`: whether its instances are a debugger or an interactive session.
    is_looker: Vec<bool>,
    /// Running frames of a debugger or an interactive session.
    looker_frames: HashSet<NodeId>,
    /// The few namespaces of sessions and of the last exception, each with what it holds by
    /// their names alone.
    looked_at: Vec<(NodeId, HashSet<NodeId>)>,
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
            is_looker: types.iter().map(is_looker).collect(),
            looker_frames: looker_frames(graph),
            looked_at: looked_at(graph),
        }
    }

    /// Whether a referrer holds a referent only because somebody looks.
    fn is_for_looking(&self, referrer: NodeId, referent: NodeId) -> bool {
        self.is_looker[self.graph.snapshot().type_ids()[referrer.index()].index()]
            || self.looker_frames.contains(&referrer)
            || (self.looked_at.iter())
                .any(|(namespace, nodes)| *namespace == referrer && nodes.contains(&referent))
    }

    /// What it costs more to be held by a referrer, as far as a short look tells.
    pub(super) fn cost(&self, referrer: NodeId, referent: NodeId) -> usize {
        match self.is_for_looking(referrer, referent) {
            true => LOOKER_COST,
            false => usize::from(self.is_noise_itself(referrer, referent)),
        }
    }

    /// What an edge of this label costs more.
    pub(super) fn edge_cost(&self, referrer: NodeId, referent: NodeId, label: LabelId) -> usize {
        match self.is_for_looking(referrer, referent) {
            true => LOOKER_COST,
            false => usize::from(self.is_noisy_edge(referrer, referent, label)),
        }
    }

    /// Whether a node is a type.
    pub(super) fn is_type(&self, node: NodeId) -> bool {
        self.is_metatype[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a node is a module.
    pub(super) fn is_module(&self, node: NodeId) -> bool {
        self.is_module[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a node is a module, a thread or a frame: roots, or next to one.
    pub(super) fn is_near_root(&self, node: NodeId) -> bool {
        self.is_near_root[self.graph.snapshot().type_ids()[node.index()].index()]
    }

    /// Whether a referrer holds a referent by noisy edges only, as far as a
    /// short look tells.
    pub(super) fn is_noisy(&self, referrer: NodeId, referent: NodeId) -> bool {
        self.is_for_looking(referrer, referent) || self.is_noise_itself(referrer, referent)
    }

    /// As [`Noise::is_noisy`], whoever looks.
    fn is_noise_itself(&self, referrer: NodeId, referent: NodeId) -> bool {
        if self.is_module(referent) && self.is_dict_of_modules(referrer) {
            return true;
        }
        if self.graph.referents(referrer).len() > SHORT_ROW {
            return self.is_type(referrer);
        }
        self.is_noisy_label(referrer, self.best_label(referrer, referent))
    }

    /// Whether an edge of this label is noise.
    fn is_noisy_edge(&self, referrer: NodeId, referent: NodeId, label: LabelId) -> bool {
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

/// Whether the instances of a type are a debugger or an interactive session.
fn is_looker(entry: &TypeEntry) -> bool {
    let package = entry.module.split('.').next().unwrap_or_default();
    matches!(package, "pdb" | "bdb" | "pydevd" | "_pydevd_bundle" | "IPython")
}

fn looker_frames(graph: &Graph) -> HashSet<NodeId> {
    let snapshot = graph.snapshot();
    let synthetic = (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index);
    let is_lookers = |&node: &NodeId| {
        // `set_trace (pdb.py:1234)`
        let file = snapshot.names().get(node).and_then(|name| name.rsplit_once(':'));
        let file = file.map_or("", |(place, _)| place).rsplit([' ', '/', '(']).next();
        file.is_some_and(|file| LOOKER_FILES.contains(&file))
    };
    synthetic.filter(is_lookers).collect()
}

/// What `sys`, `builtins` and `__main__` hold by the names of a session or of the
/// last exception, and by no other.
fn looked_at(graph: &Graph) -> Vec<(NodeId, HashSet<NodeId>)> {
    let snapshot = graph.snapshot();
    let table = snapshot.label_table();
    let mut found = Vec::new();
    for (module, root) in snapshot.roots() {
        let is_looked_at: fn(&str) -> bool = match (root.kind, &*root.words) {
            (RootKind::Module, "sys") => {
                |name| matches!(name, "last_exc" | "last_value" | "last_traceback")
            }
            (RootKind::Module, "builtins") | (RootKind::Builtins, _) => |name| name == "_",
            (RootKind::Module, "__main__") => is_of_a_session,
            _ => continue,
        };
        let is_dict = |label| {
            matches!(table.kind(label), LabelKind::Slot | LabelKind::Attribute)
                && table.text(label) == "__dict__"
        };
        let dicts = graph.edges_from(*module).filter(|edge| is_dict(edge.label));
        for dict in dicts.map(|edge| edge.referent) {
            let mut others = HashSet::new();
            let mut looked_at = HashSet::new();
            for edge in
                graph.edges_from(dict).filter(|edge| table.kind(edge.label) == LabelKind::Key)
            {
                match is_looked_at(table.text(edge.label)) {
                    true => looked_at.insert(edge.referent),
                    false => others.insert(edge.referent),
                };
            }
            looked_at.retain(|node| !others.contains(node));
            if !looked_at.is_empty() {
                found.push((dict, looked_at));
            }
        }
    }
    found
}

/// Whether a name of `__main__` is one by which a session keeps what it read or showed.
fn is_of_a_session(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit());
    match name {
        "_" | "__" | "___" | "_i" | "_ii" | "_iii" => true,
        "In" | "Out" | "_ih" | "_oh" | "_dh" => true,
        _ => name.strip_prefix("_i").or_else(|| name.strip_prefix('_')).is_some_and(number),
    }
}
