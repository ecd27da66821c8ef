//! The shortest way around within a component.

use crate::analysis::Chain;
use crate::analysis::components::follows;
use crate::analysis::machinery::Machinery;
use crate::graph::Graph;
use crate::id::{LabelId, NodeId};
use crate::snapshot::LabelKind;
use crate::watch::{Stopped, Watch};

/// Once one way around is found, the search for a better one ends after this many steps.
const FURTHER_STEPS: u64 = 4_000_000;
/// Steps between two looks at the watch.
const TICK: u64 = 1 << 16;
/// In components with more nodes places are looked up in a table as long as the heap.
const SMALL: usize = 1 << 10;

/// A shortest way around, its last node its first, and whether it is known that there
/// is no shorter one.
///
/// Breadth-first from each node in turn, no deeper than the best way so far. A node that was tried
/// is taken out, and with it all that then nothing leads to: a ring is gone after one try. Of ways of
/// one length, one with labels that say more is taken where it is met.
///
/// `without` names references that are not followed; the nodes must be strongly connected by the others.
pub(super) fn shortest(
    graph: &Graph,
    machinery: &Machinery,
    without: Option<&Machinery>,
    nodes: &[NodeId],
    watch: &dyn Watch,
) -> Result<(Chain, bool), Stopped> {
    let inside = Inside::new(graph, machinery, without, nodes, watch)?;
    let mut search = Search::new(&inside, watch);
    let is_shortest = search.run(&starts(graph, nodes))?;
    let (_, mut places) = search.best.expect("within a component each node is on a cycle");
    let first = most_telling(graph, machinery, nodes, &places);
    places.rotate_left(first);
    let ring = places.iter().zip(places.iter().cycle().skip(1));
    let labels = ring.map(|(&from, &to)| inside.label(from, to)).collect();
    places.push(places[0]);
    let nodes = places.into_iter().map(|place| nodes[place as usize]).collect();
    Ok((Chain { nodes, labels }, is_shortest))
}

/// The places of the nodes in the order in which they are tried: first those of types that are not builtin.
fn starts(graph: &Graph, nodes: &[NodeId]) -> Vec<u32> {
    let is_builtin =
        |&place: &u32| &*graph.snapshot().type_of(nodes[place as usize]).module == "builtins";
    let (builtin, mut starts): (Vec<u32>, Vec<u32>) = (0..nodes.len() as u32).partition(is_builtin);
    starts.extend(builtin);
    starts
}

/// Where on the way around to begin: with an instance of a type that is not builtin,
/// else with a module, else with a type, else with the lowest address.
fn most_telling(graph: &Graph, machinery: &Machinery, nodes: &[NodeId], places: &[u32]) -> usize {
    let rank = |&(_, &place): &(usize, &u32)| {
        let node = nodes[place as usize];
        let rank = match &*graph.snapshot().type_of(node).module {
            _ if machinery.is_module(graph, node) => 1,
            _ if machinery.is_type(graph, node) => 2,
            "builtins" => 3,
            _ => 0,
        };
        (rank, node)
    };
    places.iter().enumerate().min_by_key(rank).map_or(0, |(at, _)| at)
}

/// How little a label says, beside that there is a reference.
fn noise(graph: &Graph, machinery: &Machinery, label: LabelId, referent: NodeId) -> u8 {
    if machinery.is(graph, label, referent) {
        return 2;
    }
    let kind = graph.snapshot().label_table().kind(label);
    u8::from(matches!(kind, LabelKind::Unnamed | LabelKind::KeyObject | LabelKind::Stack))
}

/// The edges within a component, one for each pair of nodes, those that say most first.
struct Inside {
    /// By place: where its edges begin; one entry more than nodes.
    starts: Vec<usize>,
    targets: Vec<u32>,
    labels: Vec<LabelId>,
    noise: Vec<u8>,
}

impl Inside {
    fn new(
        graph: &Graph,
        machinery: &Machinery,
        without: Option<&Machinery>,
        nodes: &[NodeId],
        watch: &dyn Watch,
    ) -> Result<Self, Stopped> {
        let mut table = Vec::new();
        if nodes.len() > SMALL {
            table.resize(graph.node_count(), 0_u32);
            (1..).zip(nodes).for_each(|(place, node)| table[node.index()] = place);
        }
        let place = |node: NodeId| match table.is_empty() {
            true => nodes.binary_search(&node).ok().map(|place| place as u32),
            false => table[node.index()].checked_sub(1),
        };
        let mut inside =
            Self { starts: vec![0], targets: Vec::new(), labels: Vec::new(), noise: Vec::new() };
        let mut row: Vec<(u32, u8, usize, LabelId)> = Vec::new();
        for (done, &node) in nodes.iter().enumerate() {
            if (done as u64).is_multiple_of(TICK) {
                watch.tick(done as u64, 2 * nodes.len() as u64)?;
            }
            for (at, edge) in graph.edges_from(node).enumerate() {
                if let Some(place) = place(edge.referent)
                    && follows(graph, without, node, at)
                {
                    let noise = noise(graph, machinery, edge.label, edge.referent);
                    row.push((place, noise, at, edge.label));
                }
            }
            row.sort_unstable();
            row.dedup_by_key(|&mut (place, ..)| place);
            row.sort_unstable_by_key(|&(_, noise, at, _)| (noise, at));
            for (place, noise, _, label) in row.drain(..) {
                inside.targets.push(place);
                inside.labels.push(label);
                inside.noise.push(noise);
            }
            inside.starts.push(inside.targets.len());
        }
        Ok(inside)
    }

    fn range(&self, place: u32) -> std::ops::Range<usize> {
        self.starts[place as usize]..self.starts[place as usize + 1]
    }

    fn edge(&self, from: u32, to: u32) -> usize {
        let mut range = self.range(from);
        range.find(|&edge| self.targets[edge] == to).expect("the way goes over edges")
    }

    fn label(&self, from: u32, to: u32) -> LabelId {
        self.labels[self.edge(from, to)]
    }

    /// The noise of a way around together.
    fn noise(&self, places: &[u32]) -> u32 {
        let ring = places.iter().zip(places.iter().cycle().skip(1));
        ring.map(|(&from, &to)| u32::from(self.noise[self.edge(from, to)])).sum()
    }
}

struct Search<'a> {
    inside: &'a Inside,
    watch: &'a dyn Watch,
    /// By place: how many edges lead to it from nodes that are still there.
    leading: Vec<u32>,
    is_out: Vec<bool>,
    /// By place: one more than the start of the try that saw it last.
    seen: Vec<u32>,
    came_from: Vec<u32>,
    level: Vec<u32>,
    next: Vec<u32>,
    /// The noise and the places of the best way around so far.
    best: Option<(u32, Vec<u32>)>,
    steps: u64,
    /// The steps that were taken when the first way around was found.
    first: u64,
}

impl<'a> Search<'a> {
    fn new(inside: &'a Inside, watch: &'a dyn Watch) -> Self {
        let count = inside.starts.len() - 1;
        let mut leading = vec![0; count];
        inside.targets.iter().for_each(|&target| leading[target as usize] += 1);
        Self {
            inside,
            watch,
            leading,
            is_out: vec![false; count],
            seen: vec![0; count],
            came_from: vec![0; count],
            level: Vec::new(),
            next: Vec::new(),
            best: None,
            steps: 0,
            first: 0,
        }
    }

    /// Looks for the best way around; whether it is surely the shortest.
    fn run(&mut self, starts: &[u32]) -> Result<bool, Stopped> {
        let itself = starts.iter().filter_map(|&place| {
            let edge = self.inside.range(place).find(|&edge| self.inside.targets[edge] == place)?;
            Some((u32::from(self.inside.noise[edge]), place))
        });
        if let Some((noise, place)) = itself.min_by_key(|&(noise, _)| noise) {
            self.best = Some((noise, vec![place]));
            return Ok(true);
        }
        for &start in starts {
            if self.is_out[start as usize] {
                continue;
            }
            // Nothing refers to itself, so nothing is shorter than two steps.
            if self.most_steps() < 2 {
                return Ok(true);
            }
            if !self.go_around(start)? {
                return Ok(self.best.as_ref().is_some_and(|(_, best)| best.len() <= 2));
            }
            self.take_out(start)?;
        }
        Ok(true)
    }

    /// The most steps of a way around that would be better than the best so far.
    fn most_steps(&self) -> usize {
        match &self.best {
            None => usize::MAX,
            Some((0, best)) => best.len() - 1,
            Some((_, best)) => best.len(),
        }
    }

    fn step(&mut self) -> Result<(), Stopped> {
        self.steps += 1;
        if self.steps.is_multiple_of(TICK) {
            let all = self.first + FURTHER_STEPS;
            self.watch.tick(self.steps.min(all), all)?;
        }
        Ok(())
    }

    /// Looks for a better way around through one node; `false` where that took too long.
    fn go_around(&mut self, start: u32) -> Result<bool, Stopped> {
        let mark = start + 1;
        let most_steps = self.most_steps();
        self.level.clear();
        self.level.push(start);
        let mut depth = 1;
        while !self.level.is_empty() && depth <= most_steps {
            self.next.clear();
            for at in 0..self.level.len() {
                let node = self.level[at];
                for edge in self.inside.range(node) {
                    self.step()?;
                    let target = self.inside.targets[edge];
                    if target == start {
                        self.take(start, node);
                        return Ok(true);
                    }
                    if self.is_out[target as usize] || self.seen[target as usize] == mark {
                        continue;
                    }
                    self.seen[target as usize] = mark;
                    self.came_from[target as usize] = node;
                    self.next.push(target);
                }
                if self.best.is_some() && self.steps > self.first + FURTHER_STEPS {
                    return Ok(false);
                }
            }
            std::mem::swap(&mut self.level, &mut self.next);
            depth += 1;
        }
        Ok(true)
    }

    /// Keeps the way from the start to a node that leads back to it, if it is the best.
    fn take(&mut self, start: u32, last: u32) {
        let mut places = vec![last];
        let mut node = last;
        while node != start {
            node = self.came_from[node as usize];
            places.push(node);
        }
        places.reverse();
        let noise = self.inside.noise(&places);
        if self.best.is_none() {
            self.first = self.steps;
        }
        let is_better =
            |(other, best): &(u32, Vec<u32>)| (places.len(), noise) < (best.len(), *other);
        if self.best.as_ref().is_none_or(is_better) {
            self.best = Some((noise, places));
        }
    }

    /// Takes a node out, and all that then no node leads to: they are on no way around.
    fn take_out(&mut self, start: u32) -> Result<(), Stopped> {
        self.is_out[start as usize] = true;
        self.level.clear();
        self.level.push(start);
        let mut taken = 0;
        while let Some(node) = self.level.pop() {
            for edge in self.inside.range(node) {
                taken += 1;
                if taken % TICK == 0 {
                    self.watch.tick(self.steps.min(self.first), self.first + FURTHER_STEPS)?;
                }
                let target = self.inside.targets[edge] as usize;
                self.leading[target] -= 1;
                if self.leading[target] == 0 && !self.is_out[target] {
                    self.is_out[target] = true;
                    self.level.push(target as u32);
                }
            }
        }
        Ok(())
    }
}
