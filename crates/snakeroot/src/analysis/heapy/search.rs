//! A search from both ends at once, whose answer is levels of nodes.

use super::roots::RootEdges;
use super::ways::Ways;
use crate::analysis::held::Meter;
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::watch::Stopped;

/// A search in progress, from one side.
struct Side {
    /// By node: its distance and 1; 0 where it was not reached.
    distances: Vec<u32>,
    /// The nodes by their distance.
    levels: Vec<Vec<NodeId>>,
}

impl Side {
    fn new(graph: &Graph, nodes: impl Iterator<Item = NodeId>) -> Self {
        let mut distances = vec![0; graph.node_count()];
        let first: Vec<NodeId> = nodes.collect();
        for node in &first {
            distances[node.index()] = 1;
        }
        Self { distances, levels: vec![first] }
    }

    fn last(&self) -> &[NodeId] {
        self.levels.last().map_or(&[], Vec::as_slice)
    }

    fn is_at(&self, node: NodeId, level: usize) -> bool {
        self.distances[node.index()] as usize == level + 1
    }
}

pub(super) struct Search<'a> {
    graph: &'a Graph,
    /// Where paths begin at the root: what is part of it.
    root: Option<&'a RootEdges>,
    ways: &'a Ways,
}

impl Search<'_> {
    /// The levels of the nodes on shortest paths; none where no path is.
    pub(super) fn levels(
        graph: &Graph,
        root: Option<&RootEdges>,
        sources: &NodeSet,
        targets: &NodeSet,
        ways: &Ways,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<Vec<NodeId>>, Stopped> {
        let search = Search { graph, root, ways };
        let begins = |node: &NodeId| ways.passes(*node);
        // What the root leads to is found at its first step, and a source is none.
        let ends =
            |node: &NodeId| ways.passes(*node) && (root.is_some() || !sources.contains(*node));
        let mut forwards = Side::new(graph, sources.iter().filter(begins));
        let mut backwards = Side::new(graph, targets.iter().filter(ends));
        let mut middle: Vec<NodeId> =
            forwards.last().iter().copied().filter(|&node| backwards.is_at(node, 0)).collect();
        let degrees = |nodes: &[NodeId], is_forwards: bool| -> usize {
            let degree = |&node: &NodeId| match is_forwards {
                true => graph.referents(node).len(),
                false => graph.referrers(node).len(),
            };
            nodes.iter().map(degree).sum()
        };
        // Counted once for each level: one side may wait with many nodes for all of a long chain.
        let mut ahead = degrees(forwards.last(), true);
        let mut behind = degrees(backwards.last(), false);
        while middle.is_empty() {
            if forwards.last().is_empty() || backwards.last().is_empty() {
                return Ok(Vec::new());
            }
            meter.look(ahead.min(behind))?;
            let (next, other) = if ahead <= behind {
                let next = search.next_level(&mut forwards, true);
                ahead = degrees(&next, true);
                (next, &backwards)
            } else {
                let next = search.next_level(&mut backwards, false);
                behind = degrees(&next, false);
                (next, &forwards)
            };
            let there = other.levels.len() - 1;
            middle = next.into_iter().filter(|&node| other.is_at(node, there)).collect();
        }
        middle.sort_unstable();
        search.between(&forwards, &backwards, middle, meter)
    }

    /// Goes one level on; gives the nodes of the new one.
    fn next_level(&self, side: &mut Side, is_forwards: bool) -> Vec<NodeId> {
        let distance = side.levels.len() as u32 + 1;
        let mut next = Vec::new();
        let last = std::mem::take(side.levels.last_mut().expect("a side begins with one level"));
        for &node in &last {
            let mut meet = |other: NodeId| {
                let known = &mut side.distances[other.index()];
                if *known == 0 && self.passes(other) {
                    *known = distance;
                    next.push(other);
                }
            };
            if is_forwards {
                self.ways.each_end(self.graph, node, meet);
            } else {
                let leads = |&from: &NodeId| self.ways.leads(self.graph, from, node);
                self.graph.strong_referrers(node).filter(leads).for_each(&mut meet);
            }
        }
        *side.levels.last_mut().expect("a side begins with one level") = last;
        side.levels.push(next.clone());
        next
    }

    /// Whether a path may pass a node.
    fn passes(&self, node: NodeId) -> bool {
        self.ways.passes(node) && self.root.is_none_or(|root| !root.is_thread(node))
    }

    /// The levels from the first of one side to the first of the other.
    fn between(
        &self,
        forwards: &Side,
        backwards: &Side,
        middle: Vec<NodeId>,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<Vec<NodeId>>, Stopped> {
        // A side may have gone one level less than the middle is from it: its last level is the middle.
        let distance = |side: &Side| {
            middle.first().map_or(0, |node| side.distances[node.index()] as usize - 1)
        };
        let (before, behind) = (distance(forwards), distance(backwards));
        let mut levels = vec![middle];
        for level in (0..before).rev() {
            let first = levels.last().expect("there is the middle");
            let nodes = self.neighbours(first, forwards, level, false, meter)?;
            levels.push(nodes);
        }
        levels.reverse();
        for level in (0..behind).rev() {
            let last = levels.last().expect("there is the middle");
            let nodes = self.neighbours(last, backwards, level, true, meter)?;
            levels.push(nodes);
        }
        Ok(levels)
    }

    /// The nodes of one level of a side that have an edge with some of `nodes`, ascending.
    fn neighbours(
        &self,
        nodes: &[NodeId],
        side: &Side,
        level: usize,
        is_forwards: bool,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<NodeId>, Stopped> {
        let graph = self.graph;
        let ahead = |node: NodeId| graph.referents(node).len();
        let behind = |node: NodeId| graph.referrers(node).len();
        let sum = |nodes: &[NodeId], degree: &dyn Fn(NodeId) -> usize| {
            nodes.iter().map(|&node| degree(node)).sum::<usize>()
        };
        let candidates = &side.levels[level];
        let (own, theirs) = if is_forwards {
            (sum(nodes, &ahead), sum(candidates, &behind))
        } else {
            (sum(nodes, &behind), sum(candidates, &ahead))
        };
        meter.look(own.min(theirs))?;
        let is_edge = |from, to| self.ways.leads(graph, from, to);
        let mut found = Vec::new();
        if own <= theirs {
            for &node in nodes {
                if is_forwards {
                    let next = graph.strong_referents(node).filter(|&to| side.is_at(to, level));
                    found.extend(next.filter(|&to| is_edge(node, to)));
                } else {
                    let next = graph.strong_referrers(node).filter(|&from| side.is_at(from, level));
                    found.extend(next.filter(|&from| is_edge(from, node)));
                }
            }
        } else {
            let is_there = |node: NodeId| nodes.binary_search(&node).is_ok();
            for &node in candidates {
                let is_held = if is_forwards {
                    graph.strong_referrers(node).any(|from| is_there(from) && is_edge(from, node))
                } else {
                    graph.strong_referents(node).any(|to| is_there(to) && is_edge(node, to))
                };
                if is_held {
                    found.push(node);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}
