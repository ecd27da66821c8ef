//! A set of objects as another heap of the same process can find it again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::graph::{Edge, Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::{LabelKind, RootKind};

/// Holders of one object that are remembered. What has more is seldom freed.
const MOST_HOLDERS: usize = 4;

/// Where the objects of a set lay, of which types they were and what held them.
///
/// An address is used again, often by another object of the same type. So an object is taken for
/// the same only if a reference that led to it then leads there still, by the same key or attribute,
/// from an object that is the same in its turn, and so on up to a GC root. What was held by many is
/// taken for the same without. An object that moved to other holders counts as another one.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    /// Ascending.
    addresses: Box<[u64]>,
    /// By address: the place in `names`.
    types: Box<[u32]>,
    /// By address: where its holders end.
    ends: Box<[u32]>,
    /// Marks of references; of an object that needs none there are none.
    holders: Box<[u64]>,
    names: HashMap<String, u32>,
    /// The process: its id, and when it started.
    process: (u32, u64),
}

impl Reference {
    /// The objects of a set; frames and threads are left out.
    ///
    /// O(V + E) time; 16 bytes an object and 8 a holder are kept.
    pub fn new(graph: &Graph, set: &NodeSet) -> Self {
        let snapshot = graph.snapshot();
        let is_object = |node: NodeId| node.index() < snapshot.object_count();
        let mut names = HashMap::new();
        let of_type: Vec<u32> = (snapshot.types().iter())
            .map(|entry| {
                let next = names.len() as u32;
                *names.entry(entry.full_name()).or_insert(next)
            })
            .collect();
        let roots = roots_of(graph);
        let objects = set.iter().take_while(|&node| is_object(node));
        let (mut addresses, mut types, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        // By node: its place and 1, for those that a holder must tell of.
        let mut places = vec![0_u32; snapshot.object_count()];
        let mut end = 0;
        for (node, place) in objects.zip(1..) {
            addresses.push(snapshot.address(node));
            types.push(of_type[snapshot.type_ids()[node.index()].index()]);
            let others = || graph.strong_referrers(node).filter(|&holder| holder != node);
            let count = others().take(MOST_HOLDERS + 1).count();
            if count <= MOST_HOLDERS && !roots.contains(node) && others().all(is_object) {
                places[node.index()] = place;
                end += count as u32;
            }
            ends.push(end);
        }
        let mut holders = vec![0; end as usize];
        let mut next: Vec<u32> = [0].into_iter().chain(ends.iter().copied()).collect();
        let mut marks = Marks::new(graph);
        for holder in (0..snapshot.object_count()).map(NodeId::from_index) {
            for edge in graph.edges_from(holder).filter(|edge| graph.is_strong(edge.label)) {
                let place = places.get(edge.referent.index()).copied().unwrap_or_default();
                if place != 0 && edge.referent != holder {
                    let next = &mut next[place as usize - 1];
                    holders[*next as usize] = marks.of(&edge);
                    *next += 1;
                }
            }
        }
        let process = (snapshot.info().pid, snapshot.info().process_started);
        let (addresses, types) = (addresses.into(), types.into());
        Self { addresses, types, ends: ends.into(), holders: holders.into(), names, process }
    }

    /// How many objects it has.
    pub fn count(&self) -> usize {
        self.addresses.len()
    }

    /// Whether a graph is of the process that this is of.
    pub fn is_of(&self, graph: &Graph) -> bool {
        let info = graph.snapshot().info();
        (info.pid, info.process_started) == self.process
    }

    fn holders(&self, place: usize) -> &[u64] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.holders[start as usize..self.ends[place] as usize]
    }

    /// The objects that are in a graph too. O(V + E) time.
    pub fn in_graph(&self, graph: &Graph) -> NodeSet {
        let snapshot = graph.snapshot();
        let there = &snapshot.addresses()[..snapshot.object_count()];
        let candidates = self.candidates(graph);
        let mut found = NodeSet::new(graph.node_count());
        let mut waiting: Vec<NodeId> = Vec::new();
        // By node: its place here and 1, for those that a holder must tell of.
        let mut open = vec![0_u32; there.len()];
        for &(place, node) in &candidates {
            match self.holders(place as usize) {
                [] => waiting.push(node),
                _ => open[node.index()] = place + 1,
            }
        }
        let mut marks = Marks::new(graph);
        // Holders that were not of the set themselves are told by their addresses.
        let mut own = self.addresses.iter().peekable();
        for (at, address) in there.iter().enumerate() {
            while own.next_if(|&&own| own < *address).is_some() {}
            if own.peek() != Some(&address) {
                self.take_held(graph, NodeId::from_index(at), &mut marks, &mut open, &mut waiting);
            }
        }
        while let Some(holder) = waiting.pop() {
            if !found.insert(holder) {
                continue;
            }
            self.take_held(graph, holder, &mut marks, &mut open, &mut waiting);
        }
        found
    }

    /// Moves what a holder held and holds still from those that are open to those that wait.
    fn take_held(
        &self,
        graph: &Graph,
        holder: NodeId,
        marks: &mut Marks<'_>,
        open: &mut [u32],
        waiting: &mut Vec<NodeId>,
    ) {
        for edge in graph.edges_from(holder).filter(|edge| graph.is_strong(edge.label)) {
            let node = edge.referent;
            let place = open.get(node.index()).copied().unwrap_or_default();
            if place != 0 && self.holders(place as usize - 1).contains(&marks.of(&edge)) {
                open[node.index()] = 0;
                waiting.push(node);
            }
        }
    }

    /// Places of objects where another of a type of the same name lies now, and its node.
    fn candidates(&self, graph: &Graph) -> Vec<(u32, NodeId)> {
        let snapshot = graph.snapshot();
        let of_type: Vec<u32> = (snapshot.types().iter())
            .map(|entry| self.names.get(&entry.full_name()).copied().unwrap_or(u32::MAX))
            .collect();
        let there = &snapshot.addresses()[..snapshot.object_count()];
        let mut at = 0;
        let mut found = Vec::new();
        for (place, (&address, &own)) in (0..).zip(self.addresses.iter().zip(&self.types)) {
            while there.get(at).is_some_and(|&other| other < address) {
                at += 1;
            }
            if there.get(at) == Some(&address) && of_type[snapshot.type_ids()[at].index()] == own {
                found.push((place, NodeId::from_index(at)));
            }
        }
        found
    }
}

/// What is held by more than objects. An interned str is held by nothing for being one.
fn roots_of(graph: &Graph) -> NodeSet {
    let mut roots = NodeSet::new(graph.node_count());
    let of_kind =
        graph.snapshot().roots().iter().filter(|(_, root)| root.kind != RootKind::Interned);
    roots.extend(of_kind.map(|&(node, _)| node));
    roots
}

/// Tells references of two heaps alike: by where the holder lies, and by the key or attribute. Items of a list
/// may have moved on.
struct Marks<'a> {
    graph: &'a Graph,
    /// By entry of the table of labels, once asked for.
    words: Vec<Option<u64>>,
}

impl<'a> Marks<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self { graph, words: vec![None; graph.snapshot().label_table().len()] }
    }

    fn of(&mut self, edge: &Edge) -> u64 {
        let snapshot = self.graph.snapshot();
        let table = snapshot.label_table();
        let by_name = matches!(
            table.kind(edge.label),
            LabelKind::Key | LabelKind::OtherKey | LabelKind::Attribute
        );
        let word = match edge.label.as_entry().filter(|_| by_name) {
            Some(entry) => *self.words[entry as usize].get_or_insert_with(|| {
                let mut hasher = DefaultHasher::new();
                table.text(edge.label).hash(&mut hasher);
                hasher.finish()
            }),
            None => 0,
        };
        snapshot.address(edge.referrer) ^ word
    }
}
