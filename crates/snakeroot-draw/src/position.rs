//! x coordinates: edges straight where they can be, nothing too close.
//!
//! Network simplex over an auxiliary graph (Gansner, Koutsofios, North and Vo
//! 1993, section 4.2), started from a few sweeps of least squares so that
//! little is left for it to do. Where its work budget ends, the answer is the
//! best so far: still without overlap, only less straight.

use crate::layers::{Item, Layers};
use crate::simplex::{Arc, Simplex};
use crate::theme;

/// Vertices and arcs that the simplex may look at.
const BUDGET: i64 = 14_000_000;
/// Sweeps of least squares before it.
const SWEEPS: usize = 8;

/// Where the ends of a join lie, off the centres of what it joins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    pub(crate) upper: i32,
    pub(crate) lower: i32,
}

/// Spreads the ends of edges over the sides of boxes, in the order of the rows.
pub(crate) fn ports(layers: &Layers, widths: &[f32]) -> Vec<Ports> {
    let mut place = vec![0u32; layers.vertices.len()];
    for row in &layers.rows {
        for (index, &vertex) in row.iter().enumerate() {
            place[vertex as usize] = index as u32;
        }
    }
    let mut below: Vec<Vec<u32>> = vec![Vec::new(); widths.len()];
    let mut above: Vec<Vec<u32>> = vec![Vec::new(); widths.len()];
    for (join, &(upper, lower)) in layers.joins.iter().enumerate() {
        if let Some(found) = below.get_mut(upper as usize) {
            found.push(join as u32);
        }
        if let Some(found) = above.get_mut(lower as usize) {
            found.push(join as u32);
        }
    }
    let mut ports = vec![Ports::default(); layers.joins.len()];
    for (node, &width) in widths.iter().enumerate() {
        let room = width - 2.0 * (theme::CORNER + 3.0);
        for (joins, is_upper) in [(&mut below[node], true), (&mut above[node], false)] {
            joins.sort_by_key(|&join| {
                let (upper, lower) = layers.joins[join as usize];
                (place[if is_upper { lower } else { upper } as usize], join)
            });
            let gaps = joins.len().saturating_sub(1) as f32;
            let gap = if gaps > 0.0 { theme::PORT_GAP.min(room / gaps) } else { 0.0 };
            for (index, &join) in joins.iter().enumerate() {
                let offset = ((index as f32 - gaps / 2.0) * gap).round() as i32;
                let port = &mut ports[join as usize];
                if is_upper {
                    port.upper = offset;
                } else {
                    port.lower = offset;
                }
            }
        }
    }
    ports
}

/// The least distance between the centres of two neighbours in a row.
pub(crate) fn distance(layers: &Layers, left: u32, right: u32) -> i32 {
    let (left, right) = (&layers.vertices[left as usize], &layers.vertices[right as usize]);
    let gap = match (left.item, right.item) {
        (Item::Node(_), Item::Node(_)) => theme::BOX_GAP,
        (Item::Label, _) | (_, Item::Label) => theme::LABEL_GAP,
        (Item::Bend, Item::Bend) => theme::EDGE_GAP,
        _ => theme::EDGE_BOX_GAP,
    };
    left.right + gap + right.left
}

/// The centre of each vertex.
pub(crate) fn centres(layers: &Layers, ports: &[Ports]) -> Vec<i32> {
    let weights: Vec<i32> = layers
        .joins
        .iter()
        .map(|&(upper, lower)| {
            let is_node = |vertex: u32| {
                usize::from(matches!(layers.vertices[vertex as usize].item, Item::Node(_)))
            };
            // Long edges should be straight first of all: each bend in one is seen.
            [8, 2, 1][is_node(upper) + is_node(lower)]
        })
        .collect();
    let start = least_squares(layers, ports, &weights);
    let vertices = layers.vertices.len();
    let mut arcs = Vec::with_capacity(layers.joins.len() * 2 + vertices);
    let mut values = start;
    // Each join gets a vertex left of both its ends, so that the sum of the two
    // distances is least where the join is vertical.
    for (join, &(upper, lower)) in layers.joins.iter().enumerate() {
        let shift = ports[join].upper - ports[join].lower;
        let helper = values.len() as u32;
        let (to_upper, to_lower) = ((-shift).max(0), shift.max(0));
        let weight = weights[join];
        arcs.push(Arc { tail: helper, head: upper, min: to_upper, weight });
        arcs.push(Arc { tail: helper, head: lower, min: to_lower, weight });
        values.push((values[upper as usize] - to_upper).min(values[lower as usize] - to_lower));
    }
    for row in &layers.rows {
        for pair in row.windows(2) {
            let min = distance(layers, pair[0], pair[1]);
            arcs.push(Arc { tail: pair[0], head: pair[1], min, weight: 0 });
        }
    }
    let mut simplex = Simplex::new(&arcs, values);
    let left = simplex.run(BUDGET);
    simplex.centre(left + BUDGET / 8);
    let mut centres = simplex.into_values();
    centres.truncate(vertices);
    centres
}

/// A start: each row in turn as near as it can be to its neighbours' wishes.
fn least_squares(layers: &Layers, ports: &[Ports], weights: &[i32]) -> Vec<i32> {
    let vertices = layers.vertices.len();
    let mut x = vec![0i32; vertices];
    for row in &layers.rows {
        for pair in row.windows(2) {
            x[pair[1] as usize] = x[pair[0] as usize] + distance(layers, pair[0], pair[1]);
        }
    }
    // (other end, shift of this end's wish, weight)
    let mut up: Vec<Vec<(u32, i32, i32)>> = vec![Vec::new(); vertices];
    let mut down: Vec<Vec<(u32, i32, i32)>> = vec![Vec::new(); vertices];
    for (join, &(upper, lower)) in layers.joins.iter().enumerate() {
        let shift = ports[join].upper - ports[join].lower;
        down[upper as usize].push((lower, -shift, weights[join]));
        up[lower as usize].push((upper, shift, weights[join]));
    }
    let count = layers.rows.len();
    let mut blocks: Vec<Block> = Vec::new();
    for sweep in 0..SWEEPS {
        for step in 0..count {
            let row = if sweep % 2 == 0 { step } else { count - 1 - step };
            let both = sweep + 2 >= SWEEPS;
            blocks.clear();
            let mut offset = 0;
            let items = &layers.rows[row];
            for (index, &vertex) in items.iter().enumerate() {
                if index > 0 {
                    offset += distance(layers, items[index - 1], vertex);
                }
                let (mut sum, mut weight) = (0.0, 0.0);
                let (first, second) = if sweep % 2 == 0 { (&up, &down) } else { (&down, &up) };
                let wishes = first[vertex as usize].iter();
                let more = second[vertex as usize]
                    .iter()
                    .filter(|_| both || first[vertex as usize].is_empty());
                for &(other, shift, w) in wishes.chain(more) {
                    sum += f64::from(w) * f64::from(x[other as usize] + shift);
                    weight += f64::from(w);
                }
                if weight == 0.0 {
                    (sum, weight) = (f64::from(x[vertex as usize]) * 0.01, 0.01);
                }
                // Pool adjacent violators: neighbours that would come too close
                // move as one, to where they wish to be on average.
                blocks.push(Block { sum: sum - weight * f64::from(offset), weight, count: 1 });
                while let [.., before, last] = blocks.as_slice()
                    && before.sum / before.weight > last.sum / last.weight
                {
                    let last = blocks.pop().expect("there are two");
                    let before = blocks.last_mut().expect("there are two");
                    before.sum += last.sum;
                    before.weight += last.weight;
                    before.count += last.count;
                }
            }
            let mut index = 0;
            let mut offset = 0;
            for block in &blocks {
                let base = (block.sum / block.weight).round() as i32;
                for _ in 0..block.count {
                    if index > 0 {
                        offset += distance(layers, items[index - 1], items[index]);
                    }
                    x[items[index] as usize] = base + offset;
                    index += 1;
                }
            }
        }
    }
    x
}

/// Neighbours that touch.
struct Block {
    /// Of the wished places, weighted, each less its distance from the row's first.
    sum: f64,
    weight: f64,
    count: usize,
}
