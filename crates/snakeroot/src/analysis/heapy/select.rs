//! Which objects of a set are of a kind.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::classes::{Heap, Producers};
use super::kind::{Kind, TypeKey};
use super::partition::partition;
use super::view_of::Owners;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::{LabelKind, TypeEntry};
use crate::watch::{Stopped, Watch};

/// The objects of a set that are of a kind.
///
/// # Complexity
///
/// As of a partition by the kind's relation, for each kind that it is made of.
///
/// # Errors
///
/// [`Stopped`] when the watch says so.
pub fn select(
    graph: &Graph,
    owners: &Owners,
    set: &NodeSet,
    kind: &Kind,
    producers: &Producers<'_>,
    watch: &dyn Watch,
) -> Result<NodeSet, Stopped> {
    let heap = Heap { graph, owners, producers };
    heap.select(set, kind, watch)
}

impl Heap<'_> {
    fn select(&self, set: &NodeSet, kind: &Kind, watch: &dyn Watch) -> Result<NodeSet, Stopped> {
        let mut found = set.clone();
        match kind {
            Kind::Anything => {}
            Kind::Nothing => found.retain(|_| false),
            Kind::And(parts) => {
                for part in parts {
                    found = self.select(&found, part, watch)?;
                }
            }
            Kind::Or(parts) => {
                let mut all = NodeSet::new(self.graph.node_count());
                for part in parts {
                    all.unite(&self.select(&found, part, watch)?);
                }
                found = all;
            }
            Kind::Not(kind) => {
                let out = self.select(set, kind, watch)?;
                found.subtract(&out);
            }
            Kind::Id(address) => {
                let node = self.graph.at(*address);
                found.retain(|each| Some(each) == node);
            }
            Kind::Alt(kind, comparison) => {
                found = self
                    .rows_that(set, kind, watch, |row| comparison.takes(self.compare(row, kind)))?;
            }
            Kind::DictOf(owner) => {
                found.retain(|node| self.owners.is_dict(self.graph, node));
                if **owner == Kind::Nothing {
                    found.retain(|node| self.owners.of(node).is_none());
                    return Ok(found);
                }
                let mut owners = NodeSet::new(self.graph.node_count());
                owners.extend(found.iter().filter_map(|dict| self.owners.of(dict)));
                let owners = self.select(&owners, owner, watch)?;
                let is_owned =
                    |dict: NodeId| self.owners.of(dict).is_some_and(|owner| owners.contains(owner));
                found.retain(is_owned);
            }
            Kind::ReferredBy(_, kinds) => {
                found = self.rows_that(set, kind, watch, |row| match row {
                    Kind::ReferredBy(_, own) => is_same_set(own, kinds),
                    _ => false,
                })?;
            }
            Kind::Via(relations) => {
                let wanted: HashSet<_> = relations.iter().collect();
                found = self.rows_that(set, kind, watch, |row| match row {
                    Kind::Via(own) => own.iter().collect::<HashSet<_>>() == wanted,
                    _ => false,
                })?;
            }
            Kind::Type(_) | Kind::Size(_) | Kind::Module(..) | Kind::NoModule | Kind::Prod(_) => {
                found = self.rows_that(set, kind, watch, |row| self.is_class(row, kind))?;
            }
        }
        Ok(found)
    }

    /// The objects of those classes of a kind's relation that are meant.
    fn rows_that(
        &self,
        set: &NodeSet,
        kind: &Kind,
        watch: &dyn Watch,
        is_meant: impl Fn(&Kind) -> bool,
    ) -> Result<NodeSet, Stopped> {
        let mut found = NodeSet::new(self.graph.node_count());
        let Some(relation) = kind.relation() else { return Ok(found) };
        let Self { graph, owners, producers } = self;
        let partition = partition(graph, owners, set, &relation, producers, watch)?;
        for row in partition.rows().iter().filter(|row| is_meant(&row.kind)) {
            found.extend(partition.nodes(row).iter().copied());
        }
        Ok(found)
    }

    /// Whether a class of this heap is the one that is meant.
    fn is_class(&self, row: &Kind, wanted: &Kind) -> bool {
        match (row, wanted) {
            (Kind::Module(name, at), Kind::Module(wanted, place)) => {
                name == wanted && (*place == 0 || at == place)
            }
            _ => row == wanted,
        }
    }

    /// How a class of this heap compares with another one.
    fn compare(&self, row: &Kind, with: &Kind) -> Option<Ordering> {
        match (row, with) {
            (Kind::Type(own), Kind::Type(other)) => self.compare_types(own, other),
            (Kind::Size(own), Kind::Size(other)) => Some(own.cmp(other)),
            (Kind::ReferredBy(_, own), Kind::ReferredBy(_, other)) => compare_sets(own, other),
            (Kind::Via(own), Kind::Via(other)) => compare_sets(own, other),
            (Kind::Prod(own), Kind::Prod(other)) => match (own, other) {
                (Some(own), Some(other)) if own.0 == other.0 => Some(own.1.cmp(&other.1)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A subtype is less than what it inherits from.
    fn compare_types(&self, own: &TypeKey, other: &TypeKey) -> Option<Ordering> {
        if own == other {
            return Some(Ordering::Equal);
        }
        if self.inherits(own, other) {
            return Some(Ordering::Less);
        }
        self.inherits(other, own).then_some(Ordering::Greater)
    }

    /// Whether a type has another among those it inherits from.
    fn inherits(&self, own: &TypeKey, from: &TypeKey) -> bool {
        let (Some(own), Some(from)) = (self.type_node(own), self.type_node(from)) else {
            return false;
        };
        let table = self.graph.snapshot().label_table();
        let is_order =
            |label| table.kind(label) == LabelKind::Slot && table.text(label) == "__mro__";
        let order = self.graph.edges_from(own).find(|edge| is_order(edge.label));
        order.is_some_and(|edge| self.graph.referents(edge.referent).contains(&from))
    }

    /// The object of a type; some have no instance.
    fn type_node(&self, key: &TypeKey) -> Option<NodeId> {
        match key.address {
            0 => {
                let types = self.graph.snapshot().types();
                let is_it = |entry: &&TypeEntry| {
                    entry.module == key.module && entry.qualname == key.qualname
                };
                types.iter().find(is_it).and_then(|entry| entry.node)
            }
            address => self.graph.at(address),
        }
    }
}

fn is_same_set<T: PartialEq>(left: &[T], right: &[T]) -> bool {
    left.iter().all(|each| right.contains(each)) && right.iter().all(|each| left.contains(each))
}

/// How two sets compare: a part of another is less.
fn compare_sets<T: PartialEq>(left: &[T], right: &[T]) -> Option<Ordering> {
    let is_part = |part: &[T], whole: &[T]| part.iter().all(|each| whole.contains(each));
    match (is_part(left, right), is_part(right, left)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}
