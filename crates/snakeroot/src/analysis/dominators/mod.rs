//! What would be freed: immediate dominators and retained sizes of all nodes.

use rayon::prelude::*;

use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

mod contraction;
mod tree;

use super::Components;
use contraction::Contraction;
pub use tree::DominatorTree;

/// Nodes whose referrers are looked up at a time, on all cores.
const BLOCK: usize = 1 << 15;
/// Of those, the nodes that one core takes.
const PIECE: usize = 1 << 11;
/// Nodes between two looks at the watch.
const TICK: usize = 1 << 16;

/// The place of the root of all GC roots in the order of the search.
const ALL_ROOTS: u32 = 0;

/// The immediate dominator and the retained size of every node.
///
/// `a` dominates `b` when every path from a GC root to `b` passes through `a`:
/// were `a` freed, `b` would be too. Weak references are not followed.
///
/// Semi-dominators as Lengauer and Tarjan found them (1979), from there upwards
/// as in Georgiadis' semi-NCA (2005), but by jump pointers (Myers 1983), so that a
/// linked list whose values are also held by others does not take quadratic time.
///
/// # Complexity
///
/// O(E log V) time. 24 bytes of scratch a node, and 4 more for the longest path
/// that is walked at a time; 12 bytes a node are the result. The referrers are looked up
/// on all cores, the rest is sequential. No recursion.
pub fn dominators(graph: &Graph) -> DominatorTree {
    match try_dominators(graph, &()) {
        Ok(tree) => tree,
        Err(Stopped) => unreachable!("nobody stops it"),
    }
}

/// As [`dominators`], stopped when the watch says so.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn try_dominators(graph: &Graph, watch: &dyn Watch) -> Result<DominatorTree, Stopped> {
    dominators_of(graph, None, watch)
}

/// As [`try_dominators`], of the graph in which some sets of nodes are one node each.
///
/// The first node of a set stands for it: it dominates the others, and retains what
/// the set does.
pub(super) fn try_contracted_dominators(
    graph: &Graph,
    sets: &Components,
    watch: &dyn Watch,
) -> Result<DominatorTree, Stopped> {
    dominators_of(graph, Some(&Contraction::new(graph, sets)), watch)
}

fn dominators_of(
    graph: &Graph,
    contraction: Option<&Contraction<'_>>,
    watch: &dyn Watch,
) -> Result<DominatorTree, Stopped> {
    crate::parallel::run(|| {
        let mut search = Search::new(graph, contraction, watch);
        let enter = |node| contraction.map_or(node, |sets| sets.enter(None, node));
        let roots: Vec<NodeId> = super::roots(graph).map(enter).collect();
        roots.iter().for_each(|&root| {
            search.roots.insert(root);
        });
        search.visit_all(ALL_ROOTS, &roots)?;
        let live = search.vertex.len() as u32;
        let unreached = search.entries_to_the_rest()?;
        let unreached: Vec<NodeId> = unreached.into_iter().map(enter).collect();
        let all_garbage = search.push(None, ALL_ROOTS);
        debug_assert_eq!(all_garbage, live);
        search.visit_all(all_garbage, &unreached)?;
        search.semi_dominators(all_garbage)?;
        search.immediate_dominators();
        Ok(search.into_tree(all_garbage))
    })
}

/// The search under way. All arrays but `order` are by the place in the order
/// in which a depth-first search meets the nodes; the arrays are used
/// twice where one use ends before the other begins.
struct Search<'a> {
    graph: &'a Graph,
    contraction: Option<&'a Contraction<'a>>,
    watch: &'a dyn Watch,
    roots: NodeSet,
    /// Bits that stay in the cache, where `order` would not: one is looked at for each edge.
    met: NodeSet,
    /// By node: its place, 0 before it is met.
    order: Vec<u32>,
    /// The node at each place; none for the two tops.
    vertex: Vec<Option<NodeId>>,
    /// The parent in the search's tree, then the immediate dominator.
    parent: Vec<u32>,
    /// How many referents were followed, then the semi-dominator.
    semi: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(
        graph: &'a Graph,
        contraction: Option<&'a Contraction<'a>>,
        watch: &'a dyn Watch,
    ) -> Self {
        let count = graph.node_count();
        let room = count + 2;
        let mut search = Self {
            graph,
            contraction,
            watch,
            roots: NodeSet::new(count),
            met: NodeSet::new(count),
            order: vec![0; count],
            vertex: Vec::with_capacity(room),
            parent: Vec::with_capacity(room),
            semi: Vec::with_capacity(room),
        };
        search.push(None, ALL_ROOTS);
        search
    }

    fn push(&mut self, node: Option<NodeId>, parent: u32) -> u32 {
        let place = self.vertex.len() as u32;
        if let Some(node) = node {
            self.met.insert(node);
            self.order[node.index()] = place;
        }
        self.vertex.push(node);
        self.parent.push(parent);
        self.semi.push(0);
        place
    }

    fn tick(&self) -> Result<(), Stopped> {
        self.watch.tick(self.vertex.len() as u64, 2 * self.order.len() as u64)
    }

    /// Meets, depth first, all that some nodes lead to and that was not met before.
    fn visit_all(&mut self, top: u32, nodes: &[NodeId]) -> Result<(), Stopped> {
        for &node in nodes {
            if self.met.contains(node) {
                continue;
            }
            let mut place = self.push(Some(node), top);
            let mut next = node;
            loop {
                // On to the first referent that was not met yet, else back.
                let row = self.graph.referents(next);
                let from = self.semi[place as usize] as usize;
                let ahead = &row[from..];
                let some_weak = self.graph.holds_some_weakly(next);
                let is_strong = |at| !some_weak || self.graph.is_strong_edge(next, from + at);
                let found = match (self.contraction, some_weak) {
                    (None, false) => ahead.iter().position(|&node| !self.met.contains(node)),
                    (None, true) => {
                        (0..ahead.len()).find(|&at| !self.met.contains(ahead[at]) && is_strong(at))
                    }
                    (Some(sets), _) => (0..ahead.len()).find(|&at| {
                        !self.met.contains(sets.enter(Some(next), ahead[at])) && is_strong(at)
                    }),
                };
                match found {
                    Some(at) => {
                        self.semi[place as usize] = (from + at + 1) as u32;
                        let referent = ahead[at];
                        next = self
                            .contraction
                            .map_or(referent, |sets| sets.enter(Some(next), referent));
                        place = self.push(Some(next), place);
                        if (place as usize).is_multiple_of(TICK) {
                            self.tick()?;
                        }
                    }
                    None => {
                        place = self.parent[place as usize];
                        match self.vertex[place as usize] {
                            Some(node) => next = node,
                            None => break,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Nodes from which everything that was not met is reached, and none of
    /// which another one reaches: one for each component that nothing leads to.
    ///
    /// Two searches: a node where the first had to begin anew, and that is not
    /// reached from any later such node, is reached from nothing but its own component.
    fn entries_to_the_rest(&self) -> Result<Vec<NodeId>, Stopped> {
        let count = self.order.len();
        let met = self.vertex.len() - 1;
        if met == count {
            return Ok(Vec::new());
        }
        let mut stack = Vec::new();
        let mut reach = |from: NodeId, seen: &mut NodeSet| {
            if self.met.contains(from) || !seen.insert(from) {
                return false;
            }
            stack.push(from);
            while let Some(node) = stack.pop() {
                let referents = self.graph.strong_referents(node);
                let unmet = referents.filter(|&node| !self.met.contains(node));
                stack.extend(unmet.filter(|&node| seen.insert(node)));
            }
            true
        };
        let mut seen = NodeSet::new(count);
        let nodes = (0..count).map(NodeId::from_index);
        let begun: Vec<NodeId> = nodes.filter(|&node| reach(node, &mut seen)).collect();
        self.tick()?;
        seen.reset(count);
        let mut entries: Vec<NodeId> =
            begun.into_iter().rev().filter(|&node| reach(node, &mut seen)).collect();
        entries.reverse();
        Ok(entries)
    }

    /// Finds the semi-dominator of each place, from the last to the first.
    ///
    /// What garbage refers to does not live longer for it: those edges do not count.
    fn semi_dominators(&mut self, all_garbage: u32) -> Result<(), Stopped> {
        let places = self.vertex.len();
        let links = self.parent.iter().zip(0..);
        let links = links.map(|(&ancestor, label)| Link { ancestor, label }).collect();
        let mut forest = Forest { links, path: Vec::new() };
        let mut end = places;
        while end > 1 {
            self.watch.tick((2 * places - end) as u64, 2 * places as u64)?;
            let start = end.saturating_sub(BLOCK).max(1);
            // Where referrers stand is all over memory: many at once, by all cores.
            let pieces: Vec<Referrers> = self.vertex[start..end]
                .par_chunks(PIECE)
                .enumerate()
                .map(|(piece, nodes)| self.referrers(start + piece * PIECE, nodes, all_garbage))
                .collect();
            for (at, piece) in pieces.iter().enumerate().rev() {
                let first = start + at * PIECE;
                let mut later_end = piece.later.len();
                for (within, &(nearest, later_start)) in piece.rows.iter().enumerate().rev() {
                    let place = (first + within) as u32;
                    let later = &piece.later[later_start as usize..later_end];
                    let semi = nearest.min(forest.lowest(later, place));
                    later_end = later_start as usize;
                    self.semi[place as usize] = semi;
                    forest.links[place as usize].label = semi;
                }
            }
            end = start;
        }
        Ok(())
    }

    /// The places of the referrers of some nodes, the first of which is at `first`.
    fn referrers(&self, first: usize, nodes: &[Option<NodeId>], all_garbage: u32) -> Referrers {
        let mut found = Referrers { rows: Vec::with_capacity(nodes.len()), later: Vec::new() };
        for (at, node) in nodes.iter().enumerate() {
            let place = (first + at) as u32;
            let mut nearest = self.parent[place as usize];
            let start = found.later.len() as u32;
            let bound = if place < all_garbage { all_garbage } else { u32::MAX };
            if node.is_some_and(|node| self.roots.contains(node)) {
                nearest = ALL_ROOTS;
            } else if let Some(node) = *node {
                let own = &mut found.later;
                let mut last = 0;
                let mut see = |referrer: NodeId| {
                    let referrer = self.order[referrer.index()];
                    if referrer < place {
                        nearest = nearest.min(referrer);
                    } else if referrer > place && referrer < bound && referrer != last {
                        own.push(referrer);
                        last = referrer;
                    }
                };
                match self.contraction {
                    None => self.graph.strong_referrers(node).for_each(&mut see),
                    Some(sets) => sets.for_each_referrer(node, &mut see),
                }
            }
            found.rows.push((nearest, start));
        }
        found
    }

    /// From semi-dominators to immediate dominators, in place of the parents.
    fn immediate_dominators(&mut self) {
        let places = self.vertex.len();
        let mut jump = vec![0_u32; places];
        let mut depth = vec![0_u32; places];
        for place in 1..places {
            let semi = self.semi[place];
            let mut dominator = self.parent[place];
            while dominator > semi {
                let far = jump[dominator as usize];
                dominator = if far > semi { far } else { self.parent[dominator as usize] };
            }
            self.parent[place] = dominator;
            let up = dominator as usize;
            let (far, farther) = (jump[up] as usize, jump[jump[up] as usize] as usize);
            depth[place] = depth[up] + 1;
            let is_even = depth[up] - depth[far] == depth[far] - depth[farther];
            jump[place] = if is_even { farther as u32 } else { dominator };
        }
    }

    fn into_tree(self, all_garbage: u32) -> DominatorTree {
        let Self { graph, order, vertex, parent, semi, .. } = self;
        drop(semi);
        let snapshot = graph.snapshot();
        let mut sizes: Vec<u64> = vertex
            .par_iter()
            .with_min_len(TICK)
            .map(|node| node.map_or(0, |node| snapshot.size(node)))
            .collect();
        for place in (1..sizes.len()).rev() {
            sizes[parent[place] as usize] += sizes[place];
        }
        let garbage_bytes = sizes[all_garbage as usize];
        let live_bytes = sizes[ALL_ROOTS as usize] - garbage_bytes;
        let at = |place: &u32| *place as usize;
        let retained: Box<[u64]> =
            order.par_iter().with_min_len(TICK).map(|place| sizes[at(place)]).collect();
        drop(sizes);
        let dominators: Box<[_]> = order
            .par_iter()
            .with_min_len(TICK)
            .map(|place| vertex[parent[at(place)] as usize])
            .collect();
        let mut garbage = NodeSet::new(order.len());
        for node in vertex[all_garbage as usize..].iter().flatten() {
            garbage.insert(*node);
        }
        DominatorTree::new(dominators, retained, garbage, live_bytes, garbage_bytes)
    }
}

/// Where the referrers of a piece of nodes stand in the order of the search.
struct Referrers {
    /// For each node the first referrer of all, and where its row of `later` starts.
    rows: Vec<(u32, u32)>,
    /// The referrers that were met after the node itself.
    later: Vec<u32>,
}

/// The part of the search's tree that was gone through, with paths made short.
struct Forest {
    links: Vec<Link>,
    path: Vec<u32>,
}

/// What the forest knows of a place, side by side: both are read together, and
/// places are read in no order.
#[derive(Clone, Copy)]
struct Link {
    ancestor: u32,
    /// The lowest semi-dominator on the way to the ancestor.
    label: u32,
}

impl Forest {
    /// The lowest semi-dominator of the places and their ancestors beyond `bound`.
    #[inline]
    fn lowest(&mut self, places: &[u32], bound: u32) -> u32 {
        let mut lowest = u32::MAX;
        for &place in places {
            let mut link = self.links[place as usize];
            if link.ancestor > bound {
                self.shorten(place, bound);
                link = self.links[place as usize];
            }
            lowest = lowest.min(link.label);
        }
        lowest
    }

    fn shorten(&mut self, place: u32, bound: u32) {
        let mut at = place;
        let mut link = self.links[at as usize];
        while link.ancestor > bound {
            self.path.push(at);
            at = link.ancestor;
            link = self.links[at as usize];
        }
        let Link { ancestor: top, label: mut lowest } = link;
        while let Some(at) = self.path.pop() {
            let link = &mut self.links[at as usize];
            lowest = lowest.min(link.label);
            *link = Link { ancestor: top, label: lowest };
        }
    }
}
