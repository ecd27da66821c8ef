//! Why is this object still alive? Chains from GC roots down to it.

use crate::graph::{Graph, LATE_ROOT_COST, NodeSet, RootDistances};
use crate::id::NodeId;
use crate::watch::{Stopped, Watch};

use super::Chain;
use super::noise::{LOOKER_COST, Noise};

/// Totals at a time: one more than the most that a step adds.
const RING: usize = 1 + LOOKER_COST + RootDistances::FURTHEST + 1;
const _: () = assert!(RING > LATE_ROOT_COST);

/// Once one chain is found, the search for others ends after this many edges.
const FURTHER_EDGES: u64 = 250_000;

/// Up to this many steps are remembered with all their rivals; beyond them each
/// node is passed once.
const RIVAL_STEPS: usize = 8_000_000;

/// The most ways through one node that are followed: each new one is compared
/// with those before it.
const MAX_RIVALS: usize = 64;

/// Looks at edges between two looks at the watch.
const TICK: u64 = 1 << 16;

/// Whether a node is a GC root: the snapshot says so, or it is a thread.
pub fn is_root(graph: &Graph, node: NodeId) -> bool {
    graph.snapshot().root(node).is_some() || graph.is_thread(node)
}

/// The GC roots: those that the snapshot names, and the threads.
pub fn roots(graph: &Graph) -> impl Iterator<Item = NodeId> + '_ {
    let snapshot = graph.snapshot();
    let synthetic = (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index);
    let threads = synthetic.filter(|&node| graph.is_thread(node));
    let named = snapshot.roots().iter().map(|&(node, _)| node);
    let objects = named.clone().filter(|node| node.index() < snapshot.object_count());
    let others =
        named.filter(|&node| node.index() >= snapshot.object_count() && !graph.is_thread(node));
    objects.chain(others).chain(threads)
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
/// everything, so they explain little. An edge that is there only because somebody looks (a session's
/// last results, a debugger, `sys.last_value` and its like) costs 8 more. A root other than a module, `builtins`, a
/// thread or a task costs 8 more, and the search goes on behind it.
///
/// # Complexity
///
/// The first time for a graph O(V + E), parallel, for how far each node is from a root, of which a byte a node
/// is kept. Then backwards from the node towards the roots (A*), no farther than the chains need:
/// O(limit · (V + E) log E) time at most, and after the first chain was found no new node once
/// 250,000 edges were looked at, so that one object with few holders is not a tour of the heap.
/// O(1) where no root reaches. 4 bytes a node, 16 a step and 12 an edge met of scratch. No recursion.
pub fn why(graph: &Graph, node: NodeId, limit: usize) -> Vec<Chain> {
    let chains = with_costs(graph, node, limit);
    chains.into_iter().map(|(_, chain)| chain).collect()
}

/// As [`why`], without the chains that lead through a node of `avoid`: what else holds it?
///
/// `node` itself may be among them: it ends the chains and leads nowhere.
///
/// # Errors
///
/// [`Stopped`], within some milliseconds after the watch said so.
pub fn try_why(
    graph: &Graph,
    node: NodeId,
    limit: usize,
    avoid: &NodeSet,
    watch: &dyn Watch,
) -> Result<Vec<Chain>, Stopped> {
    let chains = searched(graph, node, limit, avoid, watch)?;
    Ok(chains.into_iter().map(|(_, chain)| chain).collect())
}

/// As [`why`], each chain with what it costs.
pub(super) fn with_costs(graph: &Graph, node: NodeId, limit: usize) -> Vec<(usize, Chain)> {
    match searched(graph, node, limit, &NodeSet::default(), &()) {
        Ok(chains) => chains,
        Err(Stopped) => unreachable!("nobody stops it"),
    }
}

fn searched(
    graph: &Graph,
    node: NodeId,
    limit: usize,
    avoid: &NodeSet,
    watch: &dyn Watch,
) -> Result<Vec<(usize, Chain)>, Stopped> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut search = Search::new(graph, node, limit, avoid, watch)?;
    search.run()?;
    let mut chains: Vec<(usize, Chain)> = search
        .found
        .iter()
        .map(|&step| {
            let chain = search.chain(step);
            (search.cost(&chain), chain)
        })
        .collect();
    // Of equal chains the shorter come first, then those by the first holder, then those by its
    // first holder.
    chains.sort_by(|(cost, one), (other_cost, other)| {
        let length = || one.nodes.len().cmp(&other.nodes.len());
        let holders = || one.nodes.iter().rev().cmp(other.nodes.iter().rev());
        cost.cmp(other_cost).then_with(length).then_with(holders)
    });
    Ok(chains)
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

/// What the search does next, in the order in which it does it at one total.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Take a step's way as an answer: it ends at a root that explains little.
    Accept(u32),
    /// Reach a node from a step.
    Reach(NodeId, u32),
    /// Reach it so if the edge is no noise, which nobody looked at yet, else later.
    Try(NodeId, u32),
}

struct Search<'a> {
    graph: &'a Graph,
    target: NodeId,
    limit: usize,
    avoid: &'a NodeSet,
    watch: &'a dyn Watch,
    noise: Noise<'a>,
    /// What the rest of a chain costs at least.
    distances: &'a RootDistances,
    steps: Vec<Step>,
    /// The last step to each node, and 1; 0 where there is none.
    last_step: Vec<u32>,
    /// What comes next, the last first, by the total modulo [`RING`]: what a way costs so far
    /// and what its rest costs at least.
    ring: Vec<Vec<Event>>,
    waiting: usize,
    found: Vec<u32>,
    /// Looks at edges: one when its referent is reached, another when its noise is asked for.
    looks: u64,
    /// Edges to what was reached after the first chain was found.
    further_edges: u64,
}

impl<'a> Search<'a> {
    fn new(
        graph: &'a Graph,
        target: NodeId,
        limit: usize,
        avoid: &'a NodeSet,
        watch: &'a dyn Watch,
    ) -> Result<Self, Stopped> {
        Ok(Self {
            graph,
            target,
            limit,
            avoid,
            watch,
            noise: Noise::new(graph),
            distances: graph.root_distances(watch)?,
            steps: Vec::new(),
            last_step: vec![0; graph.node_count()],
            ring: vec![Vec::new(); RING],
            waiting: 0,
            found: Vec::new(),
            looks: 0,
            further_edges: 0,
        })
    }

    fn run(&mut self) -> Result<(), Stopped> {
        let Some(mut total) = self.distances.get(self.target) else {
            return Ok(());
        };
        self.push(total, Event::Reach(self.target, 0));
        while self.waiting > 0 {
            // Mostly sorted as it is: rows are, and noise is met in their order.
            self.ring[total % RING].sort_by(|one, other| other.cmp(one));
            // Steps of no more than the least cost have the same total, so that the
            // last event first is the straight way to a root.
            while let Some(event) = self.ring[total % RING].pop() {
                self.waiting -= 1;
                match event {
                    Event::Accept(step) => self.found.push(step),
                    Event::Reach(node, towards) => self.reach(node, towards, total)?,
                    Event::Try(node, towards) => self.attempt(node, towards, total)?,
                }
                if self.found.len() == self.limit || self.further_edges > FURTHER_EDGES {
                    return Ok(());
                }
            }
            total += 1;
        }
        Ok(())
    }

    fn push(&mut self, total: usize, event: Event) {
        self.ring[total % RING].push(event);
        self.waiting += 1;
    }

    /// Counts a look at an edge.
    #[inline]
    fn look(&mut self) -> Result<(), Stopped> {
        self.looks += 1;
        if self.looks.is_multiple_of(TICK) {
            let all = self.graph.edge_count();
            self.watch.tick(self.looks.min(all), all)?;
        }
        Ok(())
    }

    /// Reaches a node at once or, if its edge is noise, later.
    fn attempt(&mut self, node: NodeId, towards: u32, total: usize) -> Result<(), Stopped> {
        if self.is_settled(node, self.last_holder(node, towards)) {
            return Ok(());
        }
        self.look()?;
        match self.noise.cost(node, self.steps[towards as usize].node) {
            0 => self.reach(node, towards, total)?,
            noise => self.push(total + noise, Event::Reach(node, towards)),
        }
        Ok(())
    }

    /// The node next to the target on the way to a node from a step.
    fn last_holder(&self, node: NodeId, towards: u32) -> NodeId {
        match self.steps.get(towards as usize) {
            Some(step) if step.node != self.target => step.last_holder,
            _ => node,
        }
    }

    fn reach(&mut self, node: NodeId, towards: u32, total: usize) -> Result<(), Stopped> {
        let is_first = self.steps.is_empty();
        let last_holder = self.last_holder(node, towards);
        if !is_first && self.is_settled(node, last_holder) {
            return Ok(());
        }
        let step = u32::try_from(self.steps.len()).expect("steps are fewer than 2^32");
        let rival = self.last_step[node.index()];
        self.steps.push(Step { node, towards, last_holder, rival });
        self.last_step[node.index()] = step + 1;

        if self.distances.is_good_root(node) {
            self.found.push(step);
            return Ok(());
        }
        let rest = self.distances.get(node).expect("only what a root reaches is met");
        let cost = total - rest;
        if self.distances.is_late_root(node) {
            self.push(cost + LATE_ROOT_COST, Event::Accept(step));
        }
        let graph = self.graph;
        let mut last = None;
        // Of equal ways the one from the first referrer comes first, so it is pushed last.
        for referrer in graph.strong_referrers(node).rev() {
            self.further_edges += u64::from(!self.found.is_empty());
            self.look()?;
            if referrer == self.target || last.replace(referrer) == Some(referrer) {
                continue;
            }
            if self.avoid.contains(referrer) {
                continue;
            }
            if let Some(rest) = self.distances.get(referrer) {
                self.push(cost + 1 + rest, Event::Try(referrer, step));
            }
        }
        Ok(())
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
        let noise = edges.map(|(pair, label)| self.noise.edge_cost(pair[0], pair[1], *label));
        let root = self.graph.snapshot().root(chain.holder());
        let late = root.is_some_and(|root| !root.kind.explains());
        chain.labels.len() + noise.sum::<usize>() + if late { LATE_ROOT_COST } else { 0 }
    }
}
