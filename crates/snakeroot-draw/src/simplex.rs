//! Network simplex: whole numbers for vertices, so that weighted arcs are short.
//!
//! Minimises the sum of `weight * (value[head] - value[tail])` where every arc
//! keeps `value[head] - value[tail] >= min` (Gansner, Koutsofios, North and Vo
//! 1993, section 2.3). Both the rows and the x coordinates come from it. It
//! knows nothing of drawings, and wants a connected graph.
//!
//! Every state on the way is feasible, so a run that exhausts its work budget
//! still returns a valid answer, only a longer one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No arc: the tree's root has no arc above it.
const NO_ARC: u32 = u32::MAX;

/// Tree arcs looked at for the most negative one before a pivot.
const LEAVING_CANDIDATES: usize = 30;

/// A wish that `head` come soon after `tail`, and a demand how soon at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc {
    pub(crate) tail: u32,
    pub(crate) head: u32,
    /// The least allowed `value[head] - value[tail]`.
    pub(crate) min: i32,
    /// The price of one unit of length.
    pub(crate) weight: i32,
}

/// Arcs by vertex, as compressed sparse rows.
struct Incidence {
    starts: Vec<u32>,
    arcs: Vec<u32>,
}

impl Incidence {
    fn new(vertices: usize, arcs: &[Arc], end: impl Fn(&Arc) -> u32) -> Self {
        let mut starts = vec![0u32; vertices + 1];
        for arc in arcs {
            starts[end(arc) as usize + 1] += 1;
        }
        for vertex in 0..vertices {
            starts[vertex + 1] += starts[vertex];
        }
        let mut next = starts.clone();
        let mut found = vec![0u32; arcs.len()];
        for (index, arc) in arcs.iter().enumerate() {
            let slot = &mut next[end(arc) as usize];
            found[*slot as usize] = index as u32;
            *slot += 1;
        }
        Self { starts, arcs: found }
    }

    fn of(&self, vertex: u32) -> &[u32] {
        let vertex = vertex as usize;
        &self.arcs[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }
}

/// The state between two pivots: a feasible value for each vertex and a spanning tree.
pub(crate) struct Simplex<'a> {
    arcs: &'a [Arc],
    leaving: Incidence,
    entering: Incidence,
    value: Vec<i32>,
    /// The tree's arcs, in no order.
    tree: Vec<u32>,
    /// The tree's arcs at each vertex.
    tree_at: Vec<Vec<u32>>,
    /// What one unit more of length costs, for arcs of the tree.
    cut: Vec<i64>,
    /// The tree arc towards the root.
    above: Vec<u32>,
    /// Postorder numbers: the subtree of `v` is `at[low[v]..=lim[v]]`.
    low: Vec<u32>,
    lim: Vec<u32>,
    at: Vec<u32>,
    /// Where the search for a leaving arc resumes: from one fixed place, it
    /// would look at the same good arcs again and again.
    resume: usize,
    stack: Vec<(u32, u32)>,
}

/// The least feasible values: each vertex as low as its arcs allow.
///
/// `None` where the arcs have a cycle.
pub(crate) fn longest_paths(vertices: usize, arcs: &[Arc]) -> Option<Vec<i32>> {
    let leaving = Incidence::new(vertices, arcs, |arc| arc.tail);
    let mut waiting = vec![0u32; vertices];
    for arc in arcs {
        waiting[arc.head as usize] += 1;
    }
    let mut ready: Vec<u32> = (0..vertices as u32).filter(|&v| waiting[v as usize] == 0).collect();
    let mut value = vec![0i32; vertices];
    let mut done = 0;
    while let Some(vertex) = ready.pop() {
        done += 1;
        for &arc in leaving.of(vertex) {
            let arc = arcs[arc as usize];
            let head = arc.head as usize;
            value[head] = value[head].max(value[vertex as usize] + arc.min);
            waiting[head] -= 1;
            if waiting[head] == 0 {
                ready.push(arc.head);
            }
        }
    }
    (done == vertices).then_some(value)
}

impl<'a> Simplex<'a> {
    /// Starts from `value`, which must be feasible; the graph must be connected.
    pub(crate) fn new(arcs: &'a [Arc], value: Vec<i32>) -> Self {
        let vertices = value.len();
        let mut simplex = Self {
            arcs,
            leaving: Incidence::new(vertices, arcs, |arc| arc.tail),
            entering: Incidence::new(vertices, arcs, |arc| arc.head),
            value,
            tree: Vec::new(),
            tree_at: vec![Vec::new(); vertices],
            cut: vec![0; arcs.len()],
            above: vec![NO_ARC; vertices],
            low: vec![0; vertices],
            lim: vec![0; vertices],
            at: vec![0; vertices],
            resume: 0,
            stack: Vec::new(),
        };
        if vertices > 0 {
            simplex.grow_tree();
            simplex.number(0, NO_ARC, 0);
            simplex.price();
        }
        simplex
    }

    /// Pivots until the answer is optimal or `budget` (vertices and arcs looked
    /// at) is spent; returns what is left of it.
    pub(crate) fn run(&mut self, mut budget: i64) -> i64 {
        while budget > 0 {
            let Some(place) = self.leaving_arc(&mut budget) else {
                break;
            };
            let Some(entering) = self.entering_arc(self.tree[place], &mut budget) else {
                break;
            };
            self.pivot(place, entering, &mut budget);
        }
        budget
    }

    /// Moves what can move for nothing to the middle of its room.
    ///
    /// Best called once, last: the tree's arcs are not tight afterwards.
    pub(crate) fn centre(&mut self, mut budget: i64) {
        for place in 0..self.tree.len() {
            let arc = self.tree[place];
            if self.cut[arc as usize] != 0 || budget <= 0 {
                continue;
            }
            if let Some(entering) = self.entering_arc(arc, &mut budget) {
                let room = self.slack(entering);
                if room > 1 {
                    self.lengthen(arc, room / 2);
                }
            }
        }
    }

    pub(crate) fn into_values(self) -> Vec<i32> {
        self.value
    }

    fn slack(&self, arc: u32) -> i32 {
        let arc = &self.arcs[arc as usize];
        self.value[arc.head as usize] - self.value[arc.tail as usize] - arc.min
    }

    /// A spanning tree of tight arcs.
    ///
    /// Grows from vertex 0 by the arc of least slack, shifting the tree to make
    /// that arc tight. Arcs out of the tree and into it change their slack by
    /// the same amount at each shift, so two heaps with one offset suffice.
    fn grow_tree(&mut self) {
        let vertices = self.value.len();
        let mut inside = vec![false; vertices];
        let mut offset = 0i64;
        let mut outward = BinaryHeap::new();
        let mut inward = BinaryHeap::new();
        let mut next = Some(0u32);
        while let Some(vertex) = next.take() {
            inside[vertex as usize] = true;
            for &arc in self.leaving.of(vertex) {
                if !inside[self.arcs[arc as usize].head as usize] {
                    outward.push(Reverse((i64::from(self.slack(arc)) + offset, arc)));
                }
            }
            for &arc in self.entering.of(vertex) {
                if !inside[self.arcs[arc as usize].tail as usize] {
                    inward.push(Reverse((i64::from(self.slack(arc)) - offset, arc)));
                }
            }
            // Inside the tree, a value is kept less the offset, so that one
            // addition at the end shifts all of them.
            self.value[vertex as usize] -= offset as i32;
            loop {
                let out = outward.peek().map(|&Reverse((key, arc))| (key - offset, arc));
                let into = inward.peek().map(|&Reverse((key, arc))| (key + offset, arc));
                let take_out = match (out, into) {
                    (Some(out), Some(into)) => out.0 <= into.0,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (None, None) => break,
                };
                let (shift, arc, joining) = if take_out {
                    let (slack, arc) = out.expect("the heap was just found to have a first entry");
                    outward.pop();
                    (slack, arc, self.arcs[arc as usize].head)
                } else {
                    let (slack, arc) = into.expect("the heap was just found to have a first entry");
                    inward.pop();
                    (-slack, arc, self.arcs[arc as usize].tail)
                };
                if inside[joining as usize] {
                    continue;
                }
                offset += shift;
                self.tree.push(arc);
                let ends = self.arcs[arc as usize];
                self.tree_at[ends.tail as usize].push(arc);
                self.tree_at[ends.head as usize].push(arc);
                next = Some(joining);
                break;
            }
        }
        for value in &mut self.value {
            *value += offset as i32;
        }
        debug_assert_eq!(self.tree.len() + 1, vertices, "the graph is connected");
    }

    /// Numbers the subtree of `root` in postorder, from `first` on.
    fn number(&mut self, root: u32, above: u32, first: u32) {
        let mut next = first;
        self.above[root as usize] = above;
        self.low[root as usize] = first;
        self.stack.clear();
        self.stack.push((root, 0));
        while let Some((vertex, child)) = self.stack.last_mut() {
            let vertex = *vertex;
            if let Some(&arc) = self.tree_at[vertex as usize].get(*child as usize) {
                *child += 1;
                if arc != self.above[vertex as usize] {
                    let ends = &self.arcs[arc as usize];
                    let below = if ends.tail == vertex { ends.head } else { ends.tail };
                    self.above[below as usize] = arc;
                    self.low[below as usize] = next;
                    self.stack.push((below, 0));
                }
            } else {
                self.lim[vertex as usize] = next;
                self.at[next as usize] = vertex;
                next += 1;
                self.stack.pop();
            }
        }
    }

    /// Computes every cut value.
    ///
    /// What leaves a subtree less what enters it is the sum over its vertices,
    /// since arcs inside it count once each way.
    fn price(&mut self) {
        let mut net = vec![0i64; self.value.len()];
        for arc in self.arcs {
            net[arc.tail as usize] += i64::from(arc.weight);
            net[arc.head as usize] -= i64::from(arc.weight);
        }
        for &vertex in &self.at {
            let above = self.above[vertex as usize];
            if above == NO_ARC {
                continue;
            }
            let ends = &self.arcs[above as usize];
            let own = net[vertex as usize];
            if ends.tail == vertex {
                self.cut[above as usize] = own;
                net[ends.head as usize] += own;
            } else {
                self.cut[above as usize] = -own;
                net[ends.tail as usize] += own;
            }
        }
    }

    /// The place in `tree` of an arc that gets cheaper as it gets longer.
    fn leaving_arc(&mut self, budget: &mut i64) -> Option<usize> {
        let mut best = None;
        let mut best_cut = 0;
        let mut found = 0;
        for step in 0..self.tree.len() {
            let place = (self.resume + step) % self.tree.len();
            let cut = self.cut[self.tree[place] as usize];
            if cut < 0 {
                if cut < best_cut {
                    best_cut = cut;
                    best = Some(place);
                }
                found += 1;
                if found == LEAVING_CANDIDATES {
                    *budget -= step as i64 / 4;
                    self.resume = place + 1;
                    return best;
                }
            }
        }
        *budget -= self.tree.len() as i64 / 4;
        best
    }

    /// Whether the lower end of this tree arc is its tail, and that end's subtree.
    fn below(&self, arc: u32) -> (bool, usize, usize) {
        let ends = &self.arcs[arc as usize];
        let tail_below = self.lim[ends.tail as usize] < self.lim[ends.head as usize];
        let vertex = if tail_below { ends.tail } else { ends.head } as usize;
        (tail_below, self.low[vertex] as usize, self.lim[vertex] as usize)
    }

    /// The arc of least slack from the head's side of a tree arc to its tail's.
    fn entering_arc(&self, leaving: u32, budget: &mut i64) -> Option<u32> {
        let (tail_below, low, lim) = self.below(leaving);
        let vertices = self.at.len();
        let size = lim - low + 1;
        // The smaller side is searched: its arcs across are the same arcs.
        let small_is_below = size * 2 <= vertices;
        let incidence = if tail_below == small_is_below { &self.entering } else { &self.leaving };
        let (first, second) =
            if small_is_below { (low..lim + 1, 0..0) } else { (0..low, lim + 1..vertices) };
        let mut best: Option<(i32, u32)> = None;
        for number in first.chain(second) {
            let vertex = self.at[number];
            let found = incidence.of(vertex);
            *budget -= 1 + found.len() as i64;
            for &arc in found {
                let ends = &self.arcs[arc as usize];
                let other = if ends.tail == vertex { ends.head } else { ends.tail };
                let number = self.lim[other as usize] as usize;
                let other_below = (low..=lim).contains(&number);
                if other_below != small_is_below {
                    let slack = self.slack(arc);
                    if best.is_none_or(|(least, _)| slack < least) {
                        best = Some((slack, arc));
                        if slack == 0 {
                            return Some(arc);
                        }
                    }
                }
            }
        }
        best.map(|(_, arc)| arc)
    }

    /// Moves the two sides of a tree arc apart.
    fn lengthen(&mut self, arc: u32, by: i32) {
        let (tail_below, low, lim) = self.below(arc);
        let vertices = self.at.len();
        let small_is_below = (lim - low + 1) * 2 <= vertices;
        let by = if tail_below == small_is_below { -by } else { by };
        let (first, second) =
            if small_is_below { (low..lim + 1, 0..0) } else { (0..low, lim + 1..vertices) };
        for number in first.chain(second) {
            self.value[self.at[number] as usize] += by;
        }
    }

    fn pivot(&mut self, place: usize, entering: u32, budget: &mut i64) {
        let leaving = self.tree[place];
        let slack = self.slack(entering);
        if slack > 0 {
            self.lengthen(leaving, slack);
        }
        let cut = self.cut[leaving as usize];
        let ends = self.arcs[entering as usize];
        let top = self.reprice(ends.tail, ends.head, cut, true);
        self.reprice(ends.head, ends.tail, cut, false);
        self.cut[entering as usize] = -cut;
        self.cut[leaving as usize] = 0;

        self.tree[place] = entering;
        let old = self.arcs[leaving as usize];
        for vertex in [old.tail, old.head] {
            self.tree_at[vertex as usize].retain(|&arc| arc != leaving);
        }
        for vertex in [ends.tail, ends.head] {
            self.tree_at[vertex as usize].push(entering);
        }
        *budget -= i64::from(self.lim[top as usize] - self.low[top as usize]) / 2;
        self.number(top, self.above[top as usize], self.low[top as usize]);
    }

    /// Walks from `from` up to where `to` is below too, and adds `cut` to what
    /// runs one way and takes it from what runs the other. Returns the top.
    fn reprice(&mut self, from: u32, to: u32, cut: i64, along: bool) -> u32 {
        let to = self.lim[to as usize];
        let mut vertex = from;
        while !(self.low[vertex as usize]..=self.lim[vertex as usize]).contains(&to) {
            let arc = self.above[vertex as usize];
            let ends = &self.arcs[arc as usize];
            let is_tail = ends.tail == vertex;
            self.cut[arc as usize] += if is_tail == along { cut } else { -cut };
            vertex = if is_tail { ends.head } else { ends.tail };
        }
        vertex
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arc(tail: u32, head: u32, min: i32, weight: i32) -> Arc {
        Arc { tail, head, min, weight }
    }

    fn cost(arcs: &[Arc], value: &[i32]) -> i64 {
        arcs.iter()
            .map(|arc| {
                i64::from(arc.weight)
                    * i64::from(value[arc.head as usize] - value[arc.tail as usize])
            })
            .sum()
    }

    #[test]
    fn a_vertex_with_two_ways_on_moves_to_the_heavier_side() {
        // 0 -> 1 -> 2 -> 3,  0 -> 4 => 3 (heavy)
        let arcs =
            [arc(0, 1, 1, 1), arc(1, 2, 1, 1), arc(2, 3, 1, 1), arc(0, 4, 1, 1), arc(4, 3, 1, 5)];
        let start = longest_paths(5, &arcs).unwrap();
        let mut simplex = Simplex::new(&arcs, start);
        simplex.run(1_000);
        let value = simplex.into_values();
        assert_eq!(value[3] - value[4], 1);
        assert_eq!(value[3] - value[0], 3);
    }

    #[test]
    fn a_cycle_has_no_longest_path() {
        assert!(longest_paths(2, &[arc(0, 1, 1, 1), arc(1, 0, 1, 1)]).is_none());
    }

    proptest! {
        /// Every assignment of small numbers, tried one by one, costs no less.
        #[test]
        fn no_assignment_is_cheaper(
            ends in prop::collection::vec((0u32..5, 0u32..5, 0i32..3, 0i32..4), 0..8)
        ) {
            let mut arcs: Vec<Arc> = ends.into_iter().filter(|(a, b, ..)| a != b)
                .map(|(a, b, min, weight)| arc(a.min(b), a.max(b), min, weight))
                .collect();
            arcs.extend((1..5).map(|v| arc(v - 1, v, 0, 1)));
            let start = longest_paths(5, &arcs).unwrap();
            let mut simplex = Simplex::new(&arcs, start);
            simplex.run(100_000);
            simplex.centre(1_000);
            let value = simplex.into_values();
            for arc in &arcs {
                prop_assert!(value[arc.head as usize] - value[arc.tail as usize] >= arc.min);
            }
            let found = cost(&arcs, &value);
            let side = 9i32;
            for code in 0..side.pow(4) {
                let other = [
                    0, code % side, code / side % side, code / side / side % side,
                    code / side / side / side,
                ];
                if arcs.iter().all(|a| other[a.head as usize] - other[a.tail as usize] >= a.min) {
                    prop_assert!(cost(&arcs, &other) >= found);
                }
            }
        }
    }
}
