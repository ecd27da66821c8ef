//! What an object is called, in a few words.

use super::NodeKind;
use crate::graph::Graph;
use crate::id::{NodeId, TypeId};
use crate::snapshot::Flags;

/// The most characters of a name or value that are shown.
pub(super) const MAX_TEXT_CHARS: usize = 60;

/// A node in a few words: `app.Session 0x7f85a5338410`, `module app`,
/// `function handle`, `thread "MainThread"`.
///
/// The type's name and the node's own name where it has one, else its address.
pub fn describe(graph: &Graph, node: NodeId) -> String {
    let snapshot = graph.snapshot();
    let type_name = shortened(&snapshot.type_of(node).display_name());
    let name = snapshot.names().get(node).map(shortened);
    match name {
        Some(name) if is_thread(graph, node) => format!("{type_name} {}", quoted(&name)),
        Some(name) if graph.is_metatype(snapshot.type_ids()[node.index()]) => {
            format!("class {name}")
        }
        Some(name) => format!("{type_name} {name}"),
        None if snapshot.flags(node).contains(Flags::SYNTHETIC) => {
            format!("{type_name} #{}", node.place())
        }
        None => format!("{type_name} {:#x}", snapshot.address(node)),
    }
}

/// What a node is, by its type's name, else by what the type inherits from.
///
/// For many nodes a [`Describer`] looks each type up only once.
pub fn kind(graph: &Graph, node: NodeId) -> NodeKind {
    kind_of_type(graph, graph.snapshot().type_ids()[node.index()])
}

fn kind_of_type(graph: &Graph, type_id: TypeId) -> NodeKind {
    graph.lineage(type_id).find_map(|name| known_kind(&name)).unwrap_or(NodeKind::Instance)
}

fn known_kind(full_name: &str) -> Option<NodeKind> {
    Some(match full_name {
        "thread" => NodeKind::Thread,
        "frame" => NodeKind::Frame,
        "weakref.ReferenceType"
        | "weakref.ProxyType"
        | "weakref.CallableProxyType"
        | "_weakref.ReferenceType" => NodeKind::Weak,
        "collections.OrderedDict" | "collections.defaultdict" => NodeKind::Dict,
        "collections.deque" | "_collections.deque" | "array.array" => NodeKind::List,
        _ => return full_name.strip_prefix("builtins.").and_then(known_builtin),
    })
}

fn known_builtin(name: &str) -> Option<NodeKind> {
    Some(match name {
        "dict" | "frozendict" => NodeKind::Dict,
        "list" | "bytearray" => NodeKind::List,
        "tuple" => NodeKind::Tuple,
        "set" | "frozenset" => NodeKind::Set,
        "str" | "bytes" | "int" | "float" | "complex" | "bool" | "NoneType" | "ellipsis"
        | "NotImplementedType" => NodeKind::Scalar,
        "type" => NodeKind::Type,
        "module" => NodeKind::Module,
        "function"
        | "builtin_function_or_method"
        | "method"
        | "method_descriptor"
        | "wrapper_descriptor"
        | "classmethod_descriptor"
        | "method-wrapper"
        | "code"
        | "cell"
        | "classmethod"
        | "staticmethod" => NodeKind::Function,
        "generator" | "coroutine" | "async_generator" | "frame" | "traceback" => NodeKind::Frame,
        "weakref" | "weakproxy" | "weakcallableproxy" => NodeKind::Weak,
        _ => return None,
    })
}

/// Tells the kinds of many nodes, each type looked up once.
pub struct Describer<'a> {
    graph: &'a Graph,
    kinds: Vec<Option<NodeKind>>,
}

impl<'a> Describer<'a> {
    /// For the nodes of one graph.
    pub fn new(graph: &'a Graph) -> Self {
        Self { graph, kinds: vec![None; graph.snapshot().types().len()] }
    }

    /// As [`kind`].
    pub fn kind(&mut self, node: NodeId) -> NodeKind {
        let type_id = self.graph.snapshot().type_ids()[node.index()];
        *self.kinds[type_id.index()].get_or_insert_with(|| kind_of_type(self.graph, type_id))
    }
}

fn is_thread(graph: &Graph, node: NodeId) -> bool {
    let entry = graph.snapshot().type_of(node);
    entry.module.is_empty() && &*entry.qualname == "thread"
}

/// In double quotes, unless it is already.
fn quoted(name: &str) -> String {
    if name.starts_with('"') { name.to_string() } else { format!("\"{name}\"") }
}

/// On one line and not longer than a line: the rest becomes `…`.
pub(super) fn shortened(text: &str) -> String {
    let mut short = String::new();
    for (at, sign) in text.chars().enumerate() {
        if at == MAX_TEXT_CHARS {
            short.push('…');
            break;
        }
        match sign {
            '\n' => short.push_str("\\n"),
            // Marks that turn the direction of the text around them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                short.extend(sign.escape_unicode());
            }
            sign if sign.is_control() => short.extend(sign.escape_default()),
            sign => short.push(sign),
        }
    }
    short
}
