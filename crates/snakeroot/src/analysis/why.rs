//! Why is this object still alive? Chains from GC roots down to it.

use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::RootKind;

use super::Chain;
use super::chain::LONG_LEVEL;
use super::noise::Noise;

/// What a root that explains little costs more: a chain from a module may be this
/// many edges longer and still comes first.
const LATE_ROOT_COST: usize = 8;

/// Costs at a time: one more than the most that a step adds.
const RING: usize = LATE_ROOT_COST + 1;

/// Once one chain is found, the search for others ends after this many edges.
const FURTHER_EDGES: u64 = 1_000_000;

/// Up to this many steps are remembered with all their rivals; beyond them each
/// node is passed once.
const RIVAL_STEPS: usize = 8_000_000;

/// The most ways through one node that are followed: each new one is compared
/// with those before it.
const MAX_RIVALS: usize = 64;

/// Whether a node is a GC root: the snapshot says so, or it is a thread.
pub fn is_root(graph: &Graph, node: NodeId) -> bool {
    graph.snapshot().root(node).is_some() || is_thread(graph, node)
}

fn is_thread(graph: &Graph, node: NodeId) -> bool {
    let entry = graph.snapshot().type_of(node);
    entry.module.is_empty() && &*entry.qualname == "thread"
}

/// Chains from GC roots down to `node`: shortest first, noisy ones later.
///
/// At most `limit` chains, no two with the same root and the same last holder
/// (the node that refers to `node` itself), and at most 64 through any one node. None where no root reaches; a chain of one
/// where the node is a root itself.
///
/// A chain costs 1 for each edge and 1 more for each noisy one: the fields of a type other than its
/// `__dict__`, an instance's `__class__`, a function's `__globals__`, a frame's
/// `f_globals` and `f_builtins`, a dict's keys, a dict of modules. They hold
/// everything, so they explain little. A root other than a module, `builtins`, a
/// thread or a task costs 8 more, and the search goes on behind it.
///
/// # Complexity
///
/// Backwards from the node in the order of cost, no farther than the chains need: O(limit · (V + E))
/// time at most, and at most a million edges after the first chain was found, so that
/// one object with few holders is not a tour of the heap. 4 bytes a node and 16
/// a step of scratch. No recursion.
pub fn why(graph: &Graph, node: NodeId, limit: usize) -> Vec<Chain> {
    if limit == 0 {
        return Vec::new();
    }
    let mut search = Search::new(graph, node, limit);
    search.run();
    let mut chains: Vec<(usize, Chain)> = search
        .found
        .iter()
        .map(|&step| {
            let chain = search.chain(step);
            (search.cost(&chain), chain)
        })
        .collect();
    chains.sort_by_key(|&(cost, _)| cost);
    chains.into_iter().map(|(_, chain)| chain).collect()
}

/// A way to reach a node, backwards from the target.
#[derive(Clone, Copy)]
struct Step {
    node: NodeId,
    /// The step nearer to the target; the first step names itself.
    towards: u32,
    /// The node next to the target on this way.
    last_holder: NodeId,
    /// The step taken before to the same node, and 1; 0 if there is none.
    rival: u32,
}

/// What the search does next, in the order in which it does it at one cost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Take a step's way as an answer: it ends at a root that explains little.
    Accept(u32),
    /// Reach a node from a step.
    Reach(NodeId, u32),
}

struct Search<'a> {
    graph: &'a Graph,
    target: NodeId,
    limit: usize,
    noise: Noise<'a>,
    /// Roots that explain: a chain ends there.
    good_roots: NodeSet,
    /// Roots that explain little: the search goes on behind them.
    late_roots: NodeSet,
    steps: Vec<Step>,
    /// The last step to each node, and 1; 0 where there is none.
    last_step: Vec<u32>,
    /// What comes next, by cost modulo [`RING`].
    ring: [Vec<Event>; RING],
    waiting: usize,
    found: Vec<u32>,
    edges: u64,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, target: NodeId, limit: usize) -> Self {
        let snapshot = graph.snapshot();
        let mut good_roots = NodeSet::new(graph.node_count());
        let mut late_roots = NodeSet::new(graph.node_count());
        for (node, root) in snapshot.roots() {
            match is_good(root.kind) {
                true => good_roots.insert(*node),
                false => late_roots.insert(*node),
            };
        }
        for node in (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index) {
            if is_thread(graph, node) {
                good_roots.insert(node);
            }
        }
        Self {
            graph,
            target,
            limit,
            noise: Noise::new(graph),
            good_roots,
            late_roots,
            steps: Vec::new(),
            last_step: vec![0; graph.node_count()],
            ring: [const { Vec::new() }; RING],
            waiting: 0,
            found: Vec::new(),
            edges: 0,
        }
    }

    fn run(&mut self) {
        self.push(0, Event::Reach(self.target, 0));
        let mut cost = 0;
        while self.waiting > 0 && self.found.len() < self.limit {
            let mut events = std::mem::take(&mut self.ring[cost % RING]);
            if events.len() > LONG_LEVEL {
                events.sort_unstable();
            }
            for event in events {
                self.waiting -= 1;
                match event {
                    Event::Accept(step) => self.found.push(step),
                    Event::Reach(node, towards) => self.reach(node, towards, cost),
                }
                if self.found.len() == self.limit {
                    return;
                }
                if !self.found.is_empty() && self.edges > FURTHER_EDGES {
                    return;
                }
            }
            cost += 1;
        }
    }

    fn push(&mut self, cost: usize, event: Event) {
        self.ring[cost % RING].push(event);
        self.waiting += 1;
    }

    fn reach(&mut self, node: NodeId, towards: u32, cost: usize) {
        let is_first = self.steps.is_empty();
        let last_holder = match self.steps.get(towards as usize) {
            Some(step) if step.node != self.target => step.last_holder,
            _ => node,
        };
        if !is_first && self.is_settled(node, last_holder) {
            return;
        }
        let step = u32::try_from(self.steps.len()).expect("steps are fewer than 2^32");
        let rival = self.last_step[node.index()];
        self.steps.push(Step { node, towards, last_holder, rival });
        self.last_step[node.index()] = step + 1;

        if self.good_roots.contains(node) {
            self.found.push(step);
            return;
        }
        if self.late_roots.contains(node) {
            self.push(cost + LATE_ROOT_COST, Event::Accept(step));
        }
        let graph = self.graph;
        let mut last = None;
        for referrer in graph.strong_referrers(node) {
            self.edges += u64::from(!self.found.is_empty());
            if referrer == self.target || last.replace(referrer) == Some(referrer) {
                continue;
            }
            let last_holder = if node == self.target { referrer } else { last_holder };
            if !self.is_settled(referrer, last_holder) {
                let weight = 1 + usize::from(self.noise.is_noisy(referrer, node));
                self.push(cost + weight, Event::Reach(referrer, step));
            }
        }
    }

    /// Whether a node needs no further step by way of `last_holder`.
    fn is_settled(&self, node: NodeId, last_holder: NodeId) -> bool {
        let mut rival = self.last_step[node.index()];
        if rival != 0 && self.steps.len() >= RIVAL_STEPS {
            return true;
        }
        let mut rivals = 0;
        while rival != 0 {
            let step = &self.steps[rival as usize - 1];
            rivals += 1;
            if step.last_holder == last_holder || rivals >= self.limit.min(MAX_RIVALS) {
                return true;
            }
            rival = step.rival;
        }
        false
    }

    fn chain(&self, step: u32) -> Chain {
        let mut nodes = Vec::new();
        let mut at = step;
        loop {
            let Step { node, towards, .. } = self.steps[at as usize];
            nodes.push(node);
            if at == towards {
                break;
            }
            at = towards;
        }
        let labels = nodes.windows(2).map(|pair| self.noise.best_label(pair[0], pair[1])).collect();
        Chain { nodes, labels }
    }

    /// What a chain costs, now that all its labels are known.
    fn cost(&self, chain: &Chain) -> usize {
        let edges = chain.nodes.windows(2).zip(&chain.labels);
        let noisy =
            edges.filter(|(pair, label)| self.noise.is_noisy_edge(pair[0], pair[1], **label));
        let root = self.graph.snapshot().root(chain.holder());
        let late = root.is_some_and(|root| !is_good(root.kind));
        chain.labels.len() + noisy.count() + if late { LATE_ROOT_COST } else { 0 }
    }
}

/// Whether a root of this kind explains why an object is alive.
fn is_good(kind: RootKind) -> bool {
    matches!(kind, RootKind::Module | RootKind::Builtins | RootKind::Thread | RootKind::Task)
}
