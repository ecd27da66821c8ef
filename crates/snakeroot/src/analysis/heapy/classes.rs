//! Which class of a relation each object of a set is in.

use super::kind::{Kind, Relation, TypeKey};
use super::relations::{RelationNumbers, has_place};
use super::view_of::{Owners, refers};
use crate::analysis::held::{FoldMap, KeySets, Meter};
use crate::graph::{Graph, NodeSet};
use crate::id::{NodeId, TypeId};
use crate::watch::Stopped;

/// The class of each of some nodes; a class may have none.
pub(super) struct Classes {
    /// By place among the nodes: the place in `kinds`.
    pub(super) of: Vec<u32>,
    pub(super) kinds: Vec<Kind>,
}

/// Tells the file and line that allocated an object, where that is known.
pub type Producers<'a> = dyn Fn(NodeId) -> Option<(Box<str>, u64)> + Sync + 'a;

/// A heap, and what all classifications of it need.
pub(super) struct Heap<'a> {
    pub(super) graph: &'a Graph,
    pub(super) owners: &'a Owners,
    pub(super) producers: &'a Producers<'a>,
}

impl Heap<'_> {
    pub(super) fn classes(
        &self,
        relation: &Relation,
        members: &[NodeId],
        meter: &mut Meter<'_>,
    ) -> Result<Classes, Stopped> {
        let graph = self.graph;
        let snapshot = graph.snapshot();
        Ok(match relation {
            Relation::Unity => Classes { of: vec![0; members.len()], kinds: vec![Kind::Anything] },
            Relation::Type => {
                let of = members.iter().map(|node| snapshot.type_ids()[node.index()].0).collect();
                Classes { of, kinds: self.type_kinds() }
            }
            Relation::Clodo => self.by_owner(&Relation::Type, members, true, meter)?,
            Relation::DictOf(inner) => self.by_owner(inner, members, false, meter)?,
            Relation::Size => {
                numbered(members, |node| snapshot.size(node), |&size| Kind::Size(size))
            }
            Relation::Id | Relation::Idset => {
                let of = (0..members.len() as u32).collect();
                let kinds = members.iter().map(|&node| Kind::Id(snapshot.address(node)));
                Classes { of, kinds: kinds.collect() }
            }
            Relation::Module => self.by_module(members),
            Relation::Prod => numbered(members, self.producers, |line| Kind::Prod(line.clone())),
            Relation::ReferredBy(inner) => self.by_referrers(inner, members, meter)?,
            Relation::Via => self.by_relations(members, meter)?,
            Relation::And(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.classes(part, members, meter))
                    .collect::<Result<Vec<_>, _>>()?;
                let key =
                    |at: usize| -> Box<[u32]> { parts.iter().map(|part| part.of[at]).collect() };
                let mut places: FoldMap<Box<[u32]>, u32> = FoldMap::default();
                let mut kinds = Vec::new();
                let mut of = Vec::with_capacity(members.len());
                for at in 0..members.len() {
                    let key = key(at);
                    let place = match places.get(&key) {
                        Some(&place) => place,
                        None => {
                            let place = kinds.len() as u32;
                            let each = key.iter().zip(&parts);
                            // Not `Kind::and`: each part stands where its relation does.
                            kinds.push(Kind::And(
                                each.map(|(&class, part)| part.kinds[class as usize].clone())
                                    .collect(),
                            ));
                            places.insert(key, place);
                            place
                        }
                    };
                    of.push(place);
                }
                Classes { of, kinds }
            }
        })
    }

    /// The kinds of all types, by `TypeId`.
    fn type_kinds(&self) -> Vec<Kind> {
        let types = 0..self.graph.snapshot().types().len() as u32;
        types.map(|id| Kind::Type(type_key(self.graph, TypeId(id)))).collect()
    }

    /// By the class of a dict's owner; what is no dict by its type or all as one.
    fn by_owner(
        &self,
        inner: &Relation,
        members: &[NodeId],
        others_by_type: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Classes, Stopped> {
        let types = self.graph.snapshot().type_ids();
        let is_dict = |node: NodeId| self.owners.is_dict(self.graph, node);
        let dicts = members.iter().copied().filter(|&node| is_dict(node));
        let owners: Vec<NodeId> = dicts.filter_map(|dict| self.owners.of(dict)).collect();
        let classes = self.classes(inner, &owners, meter)?;
        // Types or the one class of what is no dict; dicts without an owner; owners' classes.
        let mut kinds =
            if others_by_type { self.type_kinds() } else { vec![Kind::dict().complement()] };
        let unowned = kinds.len() as u32;
        kinds.push(Kind::unowned());
        kinds.extend(classes.kinds.into_iter().map(|kind| Kind::DictOf(Box::new(kind))));
        let mut next = classes.of.into_iter();
        let of = members.iter().map(|&node| {
            if !is_dict(node) {
                return if others_by_type { types[node.index()].0 } else { 0 };
            }
            match self.owners.of(node) {
                None => unowned,
                Some(_) => unowned + 1 + next.next().expect("each owner was classified"),
            }
        });
        Ok(Classes { of: of.collect(), kinds })
    }

    fn by_module(&self, members: &[NodeId]) -> Classes {
        let snapshot = self.graph.snapshot();
        let types = 0..snapshot.types().len() as u32;
        let is_module: Vec<bool> = types
            .map(|id| snapshot.types()[id as usize].full_name() == "builtins.module")
            .collect();
        let key =
            |node: NodeId| is_module[snapshot.type_ids()[node.index()].index()].then_some(node);
        numbered(members, key, |module| match module {
            None => Kind::NoModule,
            Some(node) => {
                let name = snapshot.names().get(*node).unwrap_or_default();
                Kind::Module(name.into(), snapshot.address(*node))
            }
        })
    }

    /// By the set of the classes of the referrers.
    fn by_referrers(
        &self,
        inner: &Relation,
        members: &[NodeId],
        meter: &mut Meter<'_>,
    ) -> Result<Classes, Stopped> {
        let graph = self.graph;
        let referrers = self.holders(members, meter)?;
        let list: Vec<NodeId> = referrers.iter().collect();
        let classes = self.classes(inner, &list, meter)?;
        // By node: its class and 1; 0 for what is no referrer.
        let mut class_of = vec![0_u32; graph.node_count()];
        for (node, class) in list.iter().zip(&classes.of) {
            class_of[node.index()] = class + 1;
        }
        // By class: the last member that was seen with it, and 1. None has millions
        // of referrers of many classes.
        let mut seen = vec![0_u32; classes.kinds.len()];
        let mut sets = KeySets::default();
        let mut of = Vec::with_capacity(members.len());
        let mut found = Vec::new();
        for (&member, mark) in members.iter().zip(1..) {
            meter.look(graph.referrers(member).len())?;
            found.clear();
            for referrer in graph.strong_referrers(member) {
                let Some(class) = class_of[referrer.index()].checked_sub(1) else { continue };
                if std::mem::replace(&mut seen[class as usize], mark) != mark {
                    found.push(class);
                }
            }
            of.push(sets.place(&mut found));
        }
        let kinds = sets.keys.iter().map(|set| {
            let kinds = set.iter().map(|&class| classes.kinds[class as usize].clone());
            Kind::ReferredBy(Box::new(inner.clone()), kinds.collect())
        });
        Ok(Classes { of, kinds: kinds.collect() })
    }

    /// What holds some of the nodes.
    fn holders(&self, members: &[NodeId], meter: &mut Meter<'_>) -> Result<NodeSet, Stopped> {
        let mut found = NodeSet::new(self.graph.node_count());
        for &node in members {
            meter.look(self.graph.referrers(node).len())?;
            found.extend(self.graph.strong_referrers(node));
        }
        found.retain(|node| refers(self.graph, node));
        Ok(found)
    }

    /// By the set of what the referrers hold each by.
    fn by_relations(&self, members: &[NodeId], meter: &mut Meter<'_>) -> Result<Classes, Stopped> {
        let graph = self.graph;
        let referrers = self.holders(members, meter)?;
        // Member `m` has the relations `starts[m]..starts[m + 1]`; each start serves as
        // the place of what comes next and is then where the member before ends.
        let mut next = Vec::with_capacity(members.len());
        let mut all = 0_usize;
        // By node: the place among the members and 1.
        let mut place_of = vec![0_u32; graph.node_count()];
        for (&member, place) in members.iter().zip(1..) {
            next.push(all);
            place_of[member.index()] = place;
            all += graph.strong_referrers(member).len();
        }
        let starts = next.clone();
        let mut found = vec![0_u32; all];
        let mut numbers = RelationNumbers::new(graph);
        let table = graph.snapshot().label_table();
        for referrer in referrers.iter() {
            meter.look(graph.referents(referrer).len())?;
            let mut keys = 0;
            for edge in graph.edges_from(referrer) {
                let place = keys;
                let kind = table.kind(edge.label);
                keys += u32::from(has_place(kind));
                let member = place_of[edge.referent.index()];
                if member != 0 && graph.is_strong(edge.label) {
                    let next = &mut next[member as usize - 1];
                    found[*next] = numbers.of(referrer, edge.label, place);
                    *next += 1;
                }
            }
        }
        let mut sets = KeySets::default();
        let mut of = Vec::with_capacity(members.len());
        let mut values = Vec::new();
        for (start, end) in starts.into_iter().zip(next) {
            values.clear();
            values.extend_from_slice(&found[start..end]);
            of.push(sets.place(&mut values));
        }
        let kinds = sets.keys.iter().map(|set| {
            let relations = set.iter().map(|&number| numbers.relations[number as usize].clone());
            Kind::Via(relations.collect())
        });
        Ok(Classes { of, kinds: kinds.collect() })
    }
}

/// A type as it is found again elsewhere; a frame is one of heapy's `types.FrameType`.
pub(super) fn type_key(graph: &Graph, id: TypeId) -> TypeKey {
    let entry = &graph.snapshot().types()[id.index()];
    let address = entry.node.map_or(0, |node| graph.snapshot().address(node));
    let module = match entry.module.is_empty() && &*entry.qualname == "frame" {
        true => "builtins".into(),
        false => entry.module.clone(),
    };
    TypeKey { address, module, qualname: entry.qualname.clone() }
}

/// Classes of what has the same key.
fn numbered<K: std::hash::Hash + Eq>(
    members: &[NodeId],
    key: impl Fn(NodeId) -> K,
    kind: impl Fn(&K) -> Kind,
) -> Classes {
    let mut places: std::collections::HashMap<K, u32> = std::collections::HashMap::new();
    let mut kinds = Vec::new();
    let mut of = Vec::with_capacity(members.len());
    for &member in members {
        let key = key(member);
        let place = match places.get(&key) {
            Some(&place) => place,
            None => {
                let place = kinds.len() as u32;
                kinds.push(kind(&key));
                places.insert(key, place);
                place
            }
        };
        of.push(place);
    }
    Classes { of, kinds }
}

/// The class of one object by type, of a dict by the type of its owner.
pub fn clodo(graph: &Graph, owners: &Owners, node: NodeId) -> Kind {
    let of_type =
        |node: NodeId| Kind::Type(type_key(graph, graph.snapshot().type_ids()[node.index()]));
    match owners.of(node) {
        _ if !owners.is_dict(graph, node) => of_type(node),
        None => Kind::unowned(),
        Some(owner) => Kind::DictOf(Box::new(of_type(owner))),
    }
}
