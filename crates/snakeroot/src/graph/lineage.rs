//! From which types a type inherits, as far as the snapshot shows it.

use std::collections::VecDeque;

use super::Graph;
use crate::id::{NodeId, TypeId};
use crate::snapshot::LabelKind;

/// The full names of a type and of the types it inherits from, nearest first.
///
/// Read from the edges `__base__`, `__bases__` and `__mro__` of the type
/// objects. A type whose object was not recorded has only its own name.
#[derive(Debug)]
pub struct Lineage<'a> {
    graph: &'a Graph,
    /// The type's own name, until it was given.
    own: Option<String>,
    queue: VecDeque<NodeId>,
    seen: Vec<NodeId>,
}

/// Types looked at in one lineage: more than any class has, and a bound for
/// what a damaged file may hold.
const MAX_TYPES: usize = 512;

impl Graph {
    /// The full names of a type and of the types it inherits from, nearest first.
    pub fn lineage(&self, type_id: TypeId) -> Lineage<'_> {
        let entry = &self.snapshot().types()[type_id.index()];
        Lineage {
            graph: self,
            own: Some(entry.full_name()),
            queue: entry.node.into_iter().collect(),
            seen: entry.node.into_iter().collect(),
        }
    }

    /// Whether the instances of a type are types: `type` itself and the metaclasses.
    pub fn is_metatype(&self, type_id: TypeId) -> bool {
        self.lineage(type_id).any(|name| name == "builtins.type")
    }

    /// The name of a type object: from the table of types, else from the names.
    fn type_object_name(&self, node: NodeId) -> Option<String> {
        if let Some(type_id) = self.type_of_object(node) {
            return Some(self.snapshot().types()[type_id.index()].full_name());
        }
        let name = self.snapshot().names().get(node)?;
        Some(if name.contains('.') { name.to_string() } else { format!("builtins.{name}") })
    }
}

impl Lineage<'_> {
    /// Adds the types that `node` names as its bases.
    fn expand(&mut self, node: NodeId) {
        let table = self.graph.snapshot().label_table();
        for edge in self.graph.edges_from(node) {
            if table.kind(edge.label) != LabelKind::Slot {
                continue;
            }
            match table.text(edge.label) {
                "__base__" => self.add(edge.referent),
                "__bases__" | "__mro__" => {
                    for &base in self.graph.referents(edge.referent).iter().take(MAX_TYPES) {
                        self.add(base);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, node: NodeId) {
        if self.seen.len() < MAX_TYPES && !self.seen.contains(&node) {
            self.seen.push(node);
            self.queue.push_back(node);
        }
    }
}

impl Iterator for Lineage<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if let Some(own) = self.own.take() {
            if let Some(node) = self.queue.pop_front() {
                self.expand(node);
            }
            return Some(own);
        }
        loop {
            let node = self.queue.pop_front()?;
            self.expand(node);
            if let Some(name) = self.graph.type_object_name(node) {
                return Some(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_follows_bases_up_to_object() {
        let graph = Graph::from_notation(
            "x@app.Cache; app.Cache@type -[:__base__]> dict@type -[:__base__]> object@type",
        )
        .unwrap();
        let type_id = graph.snapshot().type_ids()[graph.named("x").index()];
        let names: Vec<String> = graph.lineage(type_id).collect();
        assert_eq!(names, ["app.Cache", "builtins.dict", "builtins.object"]);
        assert!(!graph.is_metatype(type_id));
    }

    #[test]
    fn a_lineage_reads_the_tuple_of_bases_too() {
        let graph = Graph::from_notation(
            "x@app.M; app.M@type -[:__bases__]> t@tuple -[[0]]> app.Mixin@type; t -[[1]]> type@type",
        )
        .unwrap();
        let type_id = graph.snapshot().type_ids()[graph.named("x").index()];
        assert!(graph.is_metatype(type_id));
    }

    #[test]
    fn a_circle_of_bases_ends() {
        let graph =
            Graph::from_notation("x@A; A@type -[:__base__]> B@type -[:__base__]> A").unwrap();
        let type_id = graph.snapshot().type_ids()[graph.named("x").index()];
        assert_eq!(graph.lineage(type_id).count(), 2);
    }
}
