//! To which module a node belongs.

use std::collections::HashMap;

use indexmap::IndexSet;

use super::names::{NameError, nearest};
use crate::graph::Graph;
use crate::id::{NodeId, TypeId};
use crate::snapshot::LabelKind;

/// The modules of a heap, and which one each node belongs to.
///
/// | node | belongs to |
/// |---|---|
/// | a module object | itself |
/// | a function in Python | the module whose namespace is its `__globals__` |
/// | a class | what its `__module__` says |
/// | everything else | the module of its type |
///
/// Where a function's namespace is no module's, or a class says nothing, the type's module is
/// taken. A thread or frame belongs to none, which is the module without a name.
///
/// # Complexity
///
/// O(V) time to be made, and the entries of all namespaces; a few bytes a
/// type and module are kept.
#[derive(Debug)]
pub struct Modules<'a> {
    graph: &'a Graph,
    names: IndexSet<Box<str>>,
    /// By `TypeId`: what its instances are.
    types: Vec<OfType>,
    objects: Vec<NodeId>,
    /// By namespace: its module object and that one's name.
    namespaces: HashMap<NodeId, (NodeId, usize)>,
    /// By the str that a module has as its `__name__`: the module.
    name_strings: HashMap<NodeId, usize>,
}

/// What the instances of a type are.
#[derive(Clone, Copy, Debug)]
struct OfType {
    kind: Kind,
    /// The module of the type.
    module: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Module,
    Function,
    Class,
    Other,
}

impl<'a> Modules<'a> {
    /// The modules of a graph's heap.
    pub fn new(graph: &'a Graph) -> Self {
        let snapshot = graph.snapshot();
        let mut names = IndexSet::new();
        let mut is_metatype = vec![false; snapshot.types().len()];
        // What has a type as its instance is a metaclass.
        for node in snapshot.types().iter().filter_map(|entry| entry.node) {
            is_metatype[snapshot.type_ids()[node.index()].index()] = true;
        }
        let types = snapshot.types().iter().zip(0..).map(|(entry, id)| {
            let is = |wanted| graph.lineage(TypeId(id)).any(|name| name == wanted);
            let kind = if is("builtins.module") {
                Kind::Module
            } else if is_metatype[id as usize] || is("builtins.type") {
                Kind::Class
            } else if entry.full_name() == "builtins.function" {
                Kind::Function
            } else {
                Kind::Other
            };
            OfType { kind, module: names.insert_full(entry.module.clone()).0 }
        });
        let types: Vec<OfType> = types.collect();
        let is_module = |&node: &NodeId| kind_in(&types, graph, node) == Kind::Module;
        let objects: Vec<NodeId> = snapshot.nodes().filter(is_module).collect();
        let mut modules = Self {
            graph,
            names,
            types,
            objects,
            namespaces: HashMap::new(),
            name_strings: HashMap::new(),
        };
        for at in 0..modules.objects.len() {
            modules.add(modules.objects[at]);
        }
        modules
    }

    fn add(&mut self, object: NodeId) {
        let Some(name) = self.graph.snapshot().names().get(object) else {
            return;
        };
        let module = self.names.insert_full(name.into()).0;
        let Some(namespace) = self.slot(object, "__dict__") else {
            return;
        };
        // Of two modules with one namespace it is the first one's.
        self.namespaces.entry(namespace).or_insert((object, module));
        if let Some(text) = self.entry(namespace, "__name__") {
            self.name_strings.entry(text).or_insert(module);
        }
    }

    /// The module objects, ascending.
    pub fn objects(&self) -> &[NodeId] {
        &self.objects
    }

    /// The namespaces, each with its module object, in no order.
    pub fn namespaces(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        self.namespaces.iter().map(|(&dict, &(object, _))| (dict, object))
    }

    /// How many names there are.
    pub fn name_count(&self) -> usize {
        self.names.len()
    }

    /// The name that [`Modules::of`] gave the number of.
    ///
    /// # Panics
    ///
    /// When there is no such number.
    pub fn name(&self, number: usize) -> &str {
        &self.names[number]
    }

    /// Whether a node is a class.
    pub fn is_class(&self, node: NodeId) -> bool {
        kind_in(&self.types, self.graph, node) == Kind::Class
    }

    /// The number of the name of the module that a node belongs to.
    ///
    /// O(1), but for functions and classes O of what they refer to.
    pub fn of(&self, node: NodeId) -> usize {
        let OfType { kind, module } =
            self.types[self.graph.snapshot().type_ids()[node.index()].index()];
        let known = match kind {
            Kind::Other => None,
            Kind::Module => {
                let name = self.graph.snapshot().names().get(node);
                name.and_then(|name| self.names.get_index_of(name))
            }
            Kind::Function => {
                let namespace = self.slot(node, "__globals__");
                namespace.and_then(|dict| self.namespaces.get(&dict)).map(|&(_, module)| module)
            }
            Kind::Class => match self.graph.type_of_object(node) {
                Some(own) => Some(self.types[own.index()].module),
                None => {
                    let text = self.slot(node, "__dict__");
                    let text = text.and_then(|dict| self.entry(dict, "__module__"));
                    text.and_then(|text| self.name_strings.get(&text)).copied()
                }
            },
        };
        known.unwrap_or(module)
    }

    /// For each number of a name whether it is `name` or below it: `app.web` is below `app`.
    ///
    /// # Errors
    ///
    /// [`NameError::Unknown`] where none is.
    pub fn within(&self, name: &str) -> Result<Vec<bool>, NameError> {
        let is_below = |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let found: Vec<bool> =
            self.names.iter().map(|own| &**own == name || is_below(own)).collect();
        if found.contains(&true) {
            return Ok(found);
        }
        let candidates = self.names.iter().filter(|own| !own.is_empty());
        let near = nearest(name, candidates.map(|own| (vec![own.to_string()], own.to_string())));
        Err(NameError::Unknown { what: "module", name: name.to_owned(), near })
    }

    /// What a node has in a slot.
    fn slot(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.held(node, LabelKind::Slot, name)
    }

    /// What a dict has under a key.
    fn entry(&self, dict: NodeId, key: &str) -> Option<NodeId> {
        self.held(dict, LabelKind::Key, key)
    }

    fn held(&self, node: NodeId, kind: LabelKind, text: &str) -> Option<NodeId> {
        let table = self.graph.snapshot().label_table();
        let is_it = |label| table.kind(label) == kind && table.text(label) == text;
        self.graph.edges_from(node).find(|edge| is_it(edge.label)).map(|edge| edge.referent)
    }
}

fn kind_in(types: &[OfType], graph: &Graph, node: NodeId) -> Kind {
    types[graph.snapshot().type_ids()[node.index()].index()].kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_functions_and_classes_belong_where_they_say() {
        let graph = Graph::from_notation(
            "app.web@module -[:__dict__]> ns@dict -[[\"__name__\"]]> text@str
             serve@function -[:__globals__]> ns
             lost@function -[:__globals__]> other@dict
             Idle@type -[:__dict__]> own@dict -[[\"__module__\"]]> text
             Mute@type
             app.db.Row@type; row@app.db.Row; main@thread",
        )
        .unwrap();
        let modules = Modules::new(&graph);
        let of = |name| modules.name(modules.of(graph.named(name)));
        assert_eq!(of("app.web"), "app.web");
        assert_eq!(of("serve"), "app.web");
        assert_eq!(of("lost"), "builtins");
        assert_eq!(of("Idle"), "app.web");
        assert_eq!(of("Mute"), "builtins");
        assert_eq!(of("app.db.Row"), "app.db");
        assert_eq!(of("row"), "app.db");
        assert_eq!(of("ns"), "builtins");
        assert_eq!(of("main"), "");
        let namespaces: Vec<_> = modules.namespaces().collect();
        assert_eq!(namespaces, [(graph.named("ns"), graph.named("app.web"))]);
        let within = |name| modules.within(name).map(|all| all.iter().filter(|&&is| is).count());
        assert_eq!(within("app"), Ok(2));
        assert_eq!(within("app.db"), Ok(1));
        let said = within("apweb").unwrap_err().to_string();
        assert_eq!(said, "no module named apweb (did you mean app.web?)");
        assert!(within("ap").is_err());
    }
}
