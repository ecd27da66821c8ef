//! The order within each row, so that few edges cross.
//!
//! Sweeps of weighted medians or barycentres, then exchanges of neighbours and
//! sifting, from several starts (Gansner, Koutsofios, North and Vo 1993,
//! section 3, with more restarts). Starts are drawn from a fixed seed: the same
//! graph gets the same order. Counts work, not time, for the same reason.

use crate::layers::Layers;
use crate::neighbours::{Side, mean, median, pair};

/// How often the search starts anew, as far as the budget goes: a typical picture
/// gets all of them in some ten milliseconds, and each doubling takes a tenth of
/// the crossings.
const RESTARTS: u32 = 64;
/// Sweeps from one start.
const MAX_SWEEPS: u32 = 24;
/// Sweeps without gain after which a start is given up.
const PATIENCE: u32 = 5;
/// Orders kept beside the best, to choose the most compact from.
const MAX_AS_GOOD: usize = 7;
/// Comparisons of two neighbours, about; the first start may spend it all.
const BUDGET: i64 = 4_000_000;

/// Rows in their best orders, to choose from, and how many pairs of joins cross in each.
pub(crate) struct Orders {
    pub(crate) crossings: u64,
    /// Not empty; the first was found first.
    pub(crate) rows: Vec<Vec<Vec<u32>>>,
}

/// Looks for orders with few crossings, for as long as a share of the budget lasts.
///
/// With `in_order` the rows have an order already: the search starts from it, and its
/// answer has no more crossings.
pub(crate) fn orders(layers: &Layers, share: f32, in_order: bool) -> Orders {
    let mut search = Search::new(layers, (BUDGET as f32 * share) as i64);
    let crossings = search.run(in_order);
    let mut rows = vec![search.best_rows];
    rows.append(&mut search.as_good);
    Orders { crossings, rows }
}

/// A small generator of numbers (xorshift64*), for choices only.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end as u64) as usize
    }

    fn shuffle(&mut self, items: &mut [u32]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place + 1));
        }
    }
}

struct Search {
    up: Side,
    down: Side,
    /// The places of `up.others` and `down.others`, ascending for each vertex,
    /// for the row at hand.
    up_places: Vec<u32>,
    down_places: Vec<u32>,
    rows: Vec<Vec<u32>>,
    place: Vec<u32>,
    best_rows: Vec<Vec<u32>>,
    best: u64,
    /// Other orders with as few crossings.
    as_good: Vec<Vec<Vec<u32>>>,
    budget: i64,
    dice: Dice,
    /// Scratch: a tree of counts.
    tree: Vec<u32>,
    keys: Vec<f32>,
}

impl Search {
    fn new(layers: &Layers, budget: i64) -> Self {
        let vertices = layers.vertices.len();
        let up = Side::new(vertices, layers.joins.iter().map(|&(a, b)| (b, a)));
        let down = Side::new(vertices, layers.joins.iter().copied());
        let widest = layers.rows.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            up_places: vec![0; up.others.len()],
            down_places: vec![0; down.others.len()],
            up,
            down,
            rows: layers.rows.clone(),
            place: vec![0; vertices],
            best_rows: layers.rows.clone(),
            best: u64::MAX,
            as_good: Vec::new(),
            budget,
            dice: Dice(0x9e37_79b9_7f4a_7c15),
            tree: vec![0; 2 * widest.next_power_of_two()],
            keys: vec![0.0; vertices],
        }
    }

    fn run(&mut self, in_order: bool) -> u64 {
        for start in 0..RESTARTS {
            match start {
                0 if in_order => self.renumber(),
                0 => self.walk_order(true, false),
                1 => self.walk_order(false, false),
                2..8 => self.walk_order(start % 2 == 0, true),
                _ if start % 3 == 2 => self.walk_order(start % 2 == 0, true),
                _ => self.disturb(),
            }
            self.improve(start);
            let enough = self.best == 0 && self.as_good.len() == MAX_AS_GOOD;
            if enough || self.budget <= 0 {
                break;
            }
        }
        self.best
    }

    /// Rows in the order of a walk from the first row or the last.
    ///
    /// What hangs together comes together, which is the better part of an order.
    fn walk_order(&mut self, from_top: bool, random: bool) {
        let count = self.place.len();
        let mut starts: Vec<u32> = Vec::with_capacity(count);
        if from_top {
            starts.extend(self.best_rows.iter().flatten());
        } else {
            starts.extend(self.best_rows.iter().rev().flatten());
        }
        if random {
            let first = if from_top { self.rows.first() } else { self.rows.last() };
            let first = first.map_or(0, Vec::len);
            self.dice.shuffle(&mut starts[..first]);
        }
        let mut row_of = vec![0u32; count];
        for (row, items) in self.rows.iter().enumerate() {
            for &vertex in items {
                row_of[vertex as usize] = row as u32;
            }
        }
        for row in &mut self.rows {
            row.clear();
        }
        let mut seen = vec![false; count];
        let mut path = Vec::new();
        let mut others = Vec::new();
        for start in starts {
            path.push(start);
            while let Some(vertex) = path.pop() {
                if std::mem::replace(&mut seen[vertex as usize], true) {
                    continue;
                }
                self.rows[row_of[vertex as usize] as usize].push(vertex);
                others.clear();
                let (near, far) =
                    if from_top { (&self.up, &self.down) } else { (&self.down, &self.up) };
                others.extend(near.of(vertex));
                others.extend(far.of(vertex));
                // What was pushed last comes first.
                others.reverse();
                if random {
                    self.dice.shuffle(&mut others);
                }
                path.extend(others.iter().filter(|&&other| !seen[other as usize]));
            }
        }
        self.renumber();
    }

    /// The best rows so far, with some parts of some rows in disorder.
    fn disturb(&mut self) {
        for row in 0..self.rows.len() {
            self.rows[row].clone_from(&self.best_rows[row]);
            let count = self.rows[row].len();
            if count > 2 && self.dice.below(2) == 0 {
                let from = self.dice.below(count);
                let length = 2 + self.dice.below(count / 2 + 1);
                let end = (from + length).min(count);
                self.dice.shuffle(&mut self.rows[row][from..end]);
            }
        }
        self.renumber();
    }

    fn renumber(&mut self) {
        for row in &self.rows {
            for (place, &vertex) in row.iter().enumerate() {
                self.place[vertex as usize] = place as u32;
            }
        }
    }

    /// Sweeps from the order at hand and keeps the best found.
    fn improve(&mut self, start: u32) {
        let mut here = u64::MAX;
        let mut patience = PATIENCE;
        for sweep in 0..MAX_SWEEPS {
            // A disturbed order is first put right by exchanges alone: a sweep
            // would undo the disturbance.
            if sweep > 0 || start < 8 {
                self.sweep(sweep % 2 == 0, start % 2 == 1, (start + sweep / 2) % 2 == 1);
            }
            self.exchange(sweep % 4 < 2);
            if sweep + 1 == MAX_SWEEPS || patience <= 1 || self.budget <= 0 {
                self.sift();
            }
            let crossings = self.count();
            if crossings == self.best
                && self.as_good.len() < MAX_AS_GOOD
                && crossings < here
                && self.rows != self.best_rows
                && !self.as_good.contains(&self.rows)
            {
                self.as_good.push(self.rows.clone());
            }
            if crossings < self.best {
                self.best = crossings;
                self.as_good.clear();
                for (best, row) in self.best_rows.iter_mut().zip(&self.rows) {
                    best.clone_from(row);
                }
            }
            if crossings < here {
                here = crossings;
                patience = PATIENCE;
            } else {
                patience -= 1;
            }
            if here == 0 || patience == 0 || self.budget <= 0 {
                break;
            }
        }
    }

    /// One pass over the rows, each ordered by its neighbours in the row before.
    fn sweep(&mut self, downwards: bool, by_mean: bool, late_ties: bool) {
        let count = self.rows.len();
        for step in 1..count {
            let row = if downwards { step } else { count - 1 - step };
            self.read_places(row);
            let items = std::mem::take(&mut self.rows[row]);
            let mut moving = Vec::with_capacity(items.len());
            for &vertex in &items {
                let (side, places) = if downwards {
                    (&self.up, &self.up_places)
                } else {
                    (&self.down, &self.down_places)
                };
                let places = &places[side.range(vertex)];
                if !places.is_empty() {
                    self.keys[vertex as usize] =
                        if by_mean { mean(places) } else { median(places) };
                    moving.push(vertex);
                }
            }
            self.budget -= items.len() as i64;
            if late_ties {
                moving.reverse();
            }
            moving.sort_by(|&one, &other| {
                self.keys[one as usize].total_cmp(&self.keys[other as usize])
            });
            // What has no neighbour there keeps its place.
            let mut moving = moving.into_iter();
            let mut items = items;
            for vertex in &mut items {
                let side = if downwards { &self.up } else { &self.down };
                if !side.range(*vertex).is_empty() {
                    *vertex = moving.next().expect("as many move as have a neighbour");
                }
            }
            for (place, &vertex) in items.iter().enumerate() {
                self.place[vertex as usize] = place as u32;
            }
            self.rows[row] = items;
        }
    }

    /// Reads the neighbours' places for the vertices of a row.
    fn read_places(&mut self, row: usize) {
        for &vertex in &self.rows[row] {
            for (side, places) in
                [(&self.up, &mut self.up_places), (&self.down, &mut self.down_places)]
            {
                let range = side.range(vertex);
                let places = &mut places[range.clone()];
                for (place, &other) in places.iter_mut().zip(&side.others[range]) {
                    *place = self.place[other as usize];
                }
                places.sort_unstable();
                self.budget -= places.len() as i64;
            }
        }
    }

    /// Crossings gained by putting `right` left of `left`: negative is better.
    fn gain(&self, left: u32, right: u32) -> i64 {
        pair(&self.up_places[self.up.range(left)], &self.up_places[self.up.range(right)])
            + pair(
                &self.down_places[self.down.range(left)],
                &self.down_places[self.down.range(right)],
            )
    }

    /// Exchanges neighbours while that helps; with `even`, also where it does
    /// not hurt, in the first pass.
    fn exchange(&mut self, even: bool) {
        let mut even = even;
        loop {
            let mut gained = 0;
            for row in 0..self.rows.len() {
                self.read_places(row);
                self.budget -= self.rows[row].len() as i64;
                for place in 1..self.rows[row].len() {
                    let (left, right) = (self.rows[row][place - 1], self.rows[row][place]);
                    let gain = self.gain(left, right);
                    if gain < 0 || (gain == 0 && even) {
                        self.rows[row].swap(place - 1, place);
                        self.place[left as usize] = place as u32;
                        self.place[right as usize] = place as u32 - 1;
                        gained -= gain;
                    }
                }
            }
            even = false;
            if gained == 0 || self.budget <= 0 {
                break;
            }
        }
    }

    /// Moves single vertices to the best place of their row while that helps.
    fn sift(&mut self) {
        loop {
            let mut gained = 0;
            for row in 0..self.rows.len() {
                self.read_places(row);
                for vertex in self.rows[row].clone() {
                    if self.budget <= 0 {
                        return;
                    }
                    let from = self.place[vertex as usize] as usize;
                    self.budget -= self.rows[row].len() as i64;
                    let (mut best, mut best_place) = (0, from);
                    let mut total = 0;
                    for place in from + 1..self.rows[row].len() {
                        total += self.gain(vertex, self.rows[row][place]);
                        if total < best {
                            (best, best_place) = (total, place);
                        }
                    }
                    total = 0;
                    for place in (0..from).rev() {
                        total += self.gain(self.rows[row][place], vertex);
                        if total < best {
                            (best, best_place) = (total, place);
                        }
                    }
                    if best < 0 {
                        gained -= best;
                        let items = &mut self.rows[row];
                        if best_place > from {
                            items[from..=best_place].rotate_left(1);
                        } else {
                            items[best_place..=from].rotate_right(1);
                        }
                        let first = from.min(best_place);
                        for (place, &item) in items.iter().enumerate().skip(first) {
                            self.place[item as usize] = place as u32;
                        }
                    }
                }
            }
            if gained == 0 {
                break;
            }
        }
    }

    /// All crossings, by counting inversions (Barth, Mutzel and Jünger 2002).
    fn count(&mut self) -> u64 {
        let mut crossings = 0;
        for row in 1..self.rows.len() {
            let leaves = self.rows[row].len().next_power_of_two();
            self.tree[..2 * leaves].fill(0);
            for &vertex in &self.rows[row - 1] {
                let range = self.down.range(vertex);
                let places = &mut self.down_places[range.clone()];
                for (place, &other) in places.iter_mut().zip(&self.down.others[range]) {
                    *place = self.place[other as usize];
                }
                places.sort_unstable();
                self.budget -= places.len() as i64;
                for &place in places.iter() {
                    let mut at = leaves + place as usize;
                    self.tree[at] += 1;
                    while at > 1 {
                        if at.is_multiple_of(2) {
                            crossings += u64::from(self.tree[at + 1]);
                        }
                        at /= 2;
                        self.tree[at] += 1;
                    }
                }
            }
        }
        crossings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Item, Vertex};
    use proptest::prelude::*;

    fn layers(rows: &[u32], joins: &[(u32, u32)]) -> Layers {
        let vertex = Vertex { item: Item::Bend, left: 0, right: 0, height: 0.0 };
        let last = rows.iter().copied().max().unwrap_or(0);
        Layers {
            vertices: vec![vertex; rows.len()],
            row: rows.to_vec(),
            ranks: (0..=last as i32).collect(),
            rows: (0..=last)
                .map(|row| (0..rows.len() as u32).filter(|&v| rows[v as usize] == row).collect())
                .collect(),
            joins: joins.to_vec(),
            first_join: Vec::new(),
        }
    }

    /// Counts crossings pair by pair.
    fn slow_count(layers: &Layers) -> u64 {
        let place = |vertex: u32| {
            layers.rows[layers.row[vertex as usize] as usize].iter().position(|&v| v == vertex)
        };
        let mut crossings = 0;
        for (index, &(a, b)) in layers.joins.iter().enumerate() {
            for &(c, d) in &layers.joins[..index] {
                crossings += u64::from(
                    layers.row[a as usize] == layers.row[c as usize]
                        && (place(a) < place(c) && place(b) > place(d)
                            || place(a) > place(c) && place(b) < place(d)),
                );
            }
        }
        crossings
    }

    #[test]
    fn a_needless_crossing_goes() {
        // 0 1
        //  X
        // 2 3
        let layers = layers(&[0, 0, 1, 1], &[(0, 3), (1, 2)]);
        assert_eq!(orders(&layers, 1.0, false).crossings, 0);
    }

    #[test]
    fn three_against_three_cross_as_they_must() {
        // Each of three above joins each of three below: 9 crossings, whatever the order.
        let joins: Vec<_> = (0..3).flat_map(|a| (3..6).map(move |b| (a, b))).collect();
        let layers = layers(&[0, 0, 0, 1, 1, 1], &joins);
        assert_eq!(orders(&layers, 1.0, false).crossings, 9);
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_comparing_each_pair(
            joins in prop::collection::vec((0u32..5, 5u32..10), 0..14),
            more in prop::collection::vec((5u32..10, 10u32..14), 0..14),
        ) {
            let joins: Vec<_> = joins.into_iter().chain(more).collect();
            let rows: Vec<u32> =
                (0..14).map(|v| if v < 5 { 0 } else if v < 10 { 1 } else { 2 }).collect();
            let mut layers = layers(&rows, &joins);
            let before = slow_count(&layers);
            let found = orders(&layers, 1.0, false);
            prop_assert!(found.crossings <= before);
            for rows in found.rows {
                layers.rows = rows;
                prop_assert_eq!(found.crossings, slow_count(&layers));
            }
        }
    }
}
