//! The kinds of referrers that a reference pattern does not follow, unless it is told others.

use super::view_of::Owners;
use crate::graph::{Graph, NodeSet};

/// Modules, types, the namespaces of both, code and frames: what holds so much that it explains little.
#[derive(Clone, Debug)]
pub struct StopKinds {
    /// By `TypeId`: whether its objects are such.
    types: Box<[bool]>,
    /// By `TypeId`: whether the `__dict__` of its objects is such.
    owners: Box<[bool]>,
}

impl StopKinds {
    /// Looks through the types. O(types).
    pub fn new(graph: &Graph) -> Self {
        let names: Vec<String> =
            graph.snapshot().types().iter().map(|entry| entry.full_name()).collect();
        let among = |all: &[&str]| names.iter().map(|name| all.contains(&name.as_str())).collect();
        let types =
            ["builtins.module", "builtins.type", "builtins.code", "builtins.frame", "frame"];
        Self { types: among(&types), owners: among(&types[..2]) }
    }

    /// Whether all of some nodes are such. O(nodes).
    pub fn have_all(&self, graph: &Graph, owners: &Owners, nodes: &NodeSet) -> bool {
        let types = graph.snapshot().type_ids();
        nodes.iter().all(|node| {
            self.types[types[node.index()].index()]
                || owners.of(node).is_some_and(|owner| self.owners[types[owner.index()].index()])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_modules_and_types_are_not_followed() {
        let graph = Graph::from_notation(
            "m@module -[:__dict__]> md@dict; t@type -[:__dict__]> td@dict; M@meta.Meta -[:__dict__]> Md@dict
             d@dict; f@frame -> c@code",
        )
        .unwrap();
        let owners = Owners::new(&graph);
        let stops = StopKinds::new(&graph);
        let is_such = |names: &[&str]| {
            let mut set = NodeSet::new(graph.node_count());
            set.extend(names.iter().map(|name| graph.named(name)));
            stops.have_all(&graph, &owners, &set)
        };
        assert!(is_such(&["m", "md", "t", "td", "f", "c"]));
        for name in ["d", "M", "Md"] {
            assert!(!is_such(&[name]), "{name}");
            assert!(!is_such(&["m", name]), "{name}");
        }
    }
}
