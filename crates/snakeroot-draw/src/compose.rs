//! From a sketch to places: each connected piece on its own, then side by side.

use crate::layers::{Item, Layers, Piece, PieceEdge, Vertex};
use crate::position::Ports;
use crate::route::{Curve, Point};
use crate::sketch::{Sketch, SketchNode};
use crate::stack::{self, Stack};
use crate::{acyclic, lines, order, position, rank, theme};
use snakeroot::view::{EdgeStyle, Role};

/// Where a box stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) left: f32,
    pub(crate) top: f32,
}

/// An edge with its line, and its label's centre.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) curve: Curve,
    pub(crate) style: EdgeStyle,
    /// The text, its width and its centre.
    pub(crate) label: Option<(String, f32, Point)>,
    /// Places of the referrer and the referent in the sketch.
    #[cfg(test)]
    pub(crate) ends: (usize, usize),
}

/// Everything has a place.
pub(crate) struct Composed {
    pub(crate) places: Vec<Place>,
    pub(crate) lines: Vec<Line>,
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) crossings: u64,
}

/// Space that self loops take right of a box.
fn loop_space(node: &SketchNode) -> f32 {
    let reach = loop_reaches(node).last().map_or(0.0, |&(_, end)| end);
    reach.ceil()
}

/// For each self loop how far it reaches, and where its label ends.
pub(crate) fn loop_reaches(node: &SketchNode) -> Vec<(f32, f32)> {
    let mut end = 0.0;
    node.loops
        .iter()
        .map(|(_, label)| {
            let reach = end + theme::LOOP_REACH;
            end = reach + label.as_ref().map_or(0.0, |label| label.width + 4.0);
            (reach, end)
        })
        .collect()
}

/// Places all boxes and lines; `None` if the bends were more than `max_vertices`.
pub(crate) fn compose(sketch: &Sketch, max_vertices: usize) -> Option<Composed> {
    let piece_of = pieces(sketch);
    let count = piece_of.iter().max().map_or(0, |&last| last + 1);
    let mut composed = Composed {
        places: vec![Place::default(); sketch.nodes.len()],
        lines: Vec::new(),
        width: 0.0,
        height: 0.0,
        crossings: 0,
    };
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (node, &piece) in piece_of.iter().enumerate() {
        members[piece].push(node);
    }
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (edge, ends) in sketch.edges.iter().enumerate() {
        edges[piece_of[ends.source]].push(edge);
    }
    let mut boxes = Vec::with_capacity(count);
    let mut left = max_vertices;
    // The place of each node in its piece: written by one piece at a time.
    let mut local = vec![0; sketch.nodes.len()];
    for (members, edges) in members.iter().zip(&edges) {
        let placed = one_piece(sketch, members, edges, left, &mut local, &mut composed)?;
        left -= placed.vertices;
        boxes.push(placed);
    }
    pack(sketch, &members, boxes, &mut composed);
    Some(composed)
}

/// The number of the connected piece of each node.
fn pieces(sketch: &Sketch) -> Vec<usize> {
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); sketch.nodes.len()];
    for edge in &sketch.edges {
        beside[edge.source].push(edge.target);
        beside[edge.target].push(edge.source);
    }
    let mut piece = vec![usize::MAX; sketch.nodes.len()];
    let mut next = 0;
    let mut stack = Vec::new();
    for start in 0..piece.len() {
        if piece[start] != usize::MAX {
            continue;
        }
        piece[start] = next;
        stack.push(start);
        while let Some(node) = stack.pop() {
            for &other in &beside[node] {
                if piece[other] == usize::MAX {
                    piece[other] = next;
                    stack.push(other);
                }
            }
        }
        next += 1;
    }
    piece
}

/// A laid-out piece: its size, and which lines are its own.
struct Placed {
    width: f32,
    height: f32,
    lines: std::ops::Range<usize>,
    vertices: usize,
}

fn one_piece(
    sketch: &Sketch,
    members: &[usize],
    edges: &[usize],
    max_vertices: usize,
    local: &mut [usize],
    composed: &mut Composed,
) -> Option<Placed> {
    // Budgets are for the whole picture: a piece has its part of them.
    let share = members.len() as f32 / sketch.nodes.len() as f32;
    for (index, &node) in members.iter().enumerate() {
        local[node] = index;
    }
    let ends: Vec<(usize, usize)> = edges
        .iter()
        .map(|&edge| (local[sketch.edges[edge].source], local[sketch.edges[edge].target]))
        .collect();
    let targets: Vec<usize> = (0..members.len())
        .filter(|&index| sketch.nodes[members[index]].role == Role::Target)
        .collect();
    let turned = acyclic::turned(members.len(), &ends, &targets, sketch.targets_last);
    let piece = Piece {
        nodes: members
            .iter()
            .map(|&node| {
                let drawn = &sketch.nodes[node];
                let half = (drawn.width / 2.0).ceil() as i32;
                Vertex {
                    item: Item::Node(node),
                    left: half,
                    right: half + loop_space(drawn) as i32,
                    height: drawn.height,
                }
            })
            .collect(),
        edges: edges
            .iter()
            .zip(&ends)
            .zip(&turned)
            .map(|((&edge, &(source, target)), &turned)| PieceEdge {
                edge,
                upper: if turned { target } else { source },
                lower: if turned { source } else { target },
                turned,
                label: sketch.edges[edge].label.as_ref().map(|label| label.width),
            })
            .collect(),
    };
    let span = if piece.edges.iter().any(|edge| edge.label.is_some()) { 2 } else { 1 };
    let downwards: Vec<(usize, usize)> =
        piece.edges.iter().map(|edge| (edge.upper, edge.lower)).collect();
    let rows = rank::rows(members.len(), &downwards, span);
    let widths: Vec<f32> = members.iter().map(|&node| sketch.nodes[node].width).collect();
    let layers = Layers::new(&piece, &rows, &[], max_vertices)?;
    let mut arranged = Arranged::new(layers, &widths, share, false);
    let size = (arranged.spread.width, arranged.spread.height);
    if let Some(stack) = Stack::new(&piece, &arranged.layers, &rows, span, size)
        && let Some(mut layers) =
            Layers::new(&piece, &stack.ranks, &stack.label_wishes(&piece), max_vertices)
    {
        stack.keep_order(&piece, &arranged.layers, &mut layers);
        let stacked = Arranged::new(layers, &widths, share, true);
        let distance = stack::distance(stacked.spread.width, stacked.spread.height);
        // The order is kept, but edges that pass by a stacked row may cross in it.
        let is_as_clear = stacked.crossings <= arranged.crossings;
        if is_as_clear && distance < STACKED_GAIN * stack::distance(size.0, size.1) {
            arranged = stacked;
        }
    }
    let Arranged { layers, spread, crossings } = arranged;
    composed.crossings += crossings;
    let first_line = composed.lines.len();
    lines::draw(sketch, &piece, &layers, &spread, composed);
    let Spread { width, height, .. } = spread;
    Some(Placed {
        width,
        height,
        lines: first_line..composed.lines.len(),
        vertices: layers.vertices.len(),
    })
}

/// Vertices that may be placed in all tries together.
const MAX_TRIED_VERTICES: f32 = 6_000.0;

/// Rows are stacked only if the picture can then be looked at from at most this part of
/// the distance.
const STACKED_GAIN: f32 = 0.8;

/// Rows in their order, with coordinates.
struct Arranged {
    layers: Layers,
    spread: Spread,
    crossings: u64,
}

impl Arranged {
    /// Orders the rows and spreads them, for a share of the budgets.
    fn new(mut layers: Layers, widths: &[f32], share: f32, in_order: bool) -> Self {
        let orders = order::orders(&layers, share, in_order);
        // Of orders with equally many crossings, the one that takes the least paper,
        // as far as trying them costs little.
        let tries = (MAX_TRIED_VERTICES * share / layers.vertices.len() as f32).max(1.0) as usize;
        let mut best: Option<(f32, Spread)> = None;
        for rows in orders.rows.into_iter().take(tries) {
            layers.rows = rows;
            let ports = position::ports(&layers, widths);
            let centres = position::centres(&layers, &ports);
            let spread = Spread::new(&layers, ports, centres);
            let area = spread.width * spread.height;
            if best.as_ref().is_none_or(|&(least, _)| area < least) {
                best = Some((area, spread));
            }
        }
        let (_, spread) = best.expect("there is at least one order");
        layers.rows.clone_from(&spread.rows);
        Self { layers, spread, crossings: orders.crossings }
    }
}

/// Rows in one order, with coordinates.
pub(crate) struct Spread {
    rows: Vec<Vec<u32>>,
    pub(crate) ports: Vec<Ports>,
    centres: Vec<i32>,
    pub(crate) bands: Vec<Band>,
    /// The least x that anything reaches.
    left: i32,
    pub(crate) width: f32,
    height: f32,
}

impl Spread {
    /// The centre of a vertex, from the piece's left side.
    pub(crate) fn x(&self, vertex: u32) -> f32 {
        (self.centres[vertex as usize] - self.left) as f32
    }

    fn new(layers: &Layers, ports: Vec<Ports>, centres: Vec<i32>) -> Self {
        let ends = || layers.vertices.iter().zip(&centres);
        let left = ends().map(|(vertex, centre)| centre - vertex.left).min().unwrap_or(0);
        let right = ends().map(|(vertex, centre)| centre + vertex.right).max().unwrap_or(0);
        let bands = bands(layers, &centres, &ports);
        Self {
            rows: layers.rows.clone(),
            left,
            width: (right - left) as f32,
            height: bands.last().map_or(0.0, |band| band.bottom),
            ports,
            centres,
            bands,
        }
    }
}

/// The top and bottom of a row.
#[derive(Clone, Copy)]
pub(crate) struct Band {
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

/// Heights of the rows: boxes' rows `ROW_GAP` apart, labels between them.
fn bands(layers: &Layers, centres: &[i32], ports: &[Ports]) -> Vec<Band> {
    // How far the flattest edge runs sideways, from each row to the next.
    let mut sideways = vec![0.0f32; layers.rows.len()];
    for (&(upper, lower), port) in layers.joins.iter().zip(ports) {
        let run = centres[lower as usize] + port.lower - centres[upper as usize] - port.upper;
        let row = layers.row[upper as usize] as usize;
        sideways[row] = sideways[row].max(run.abs() as f32);
    }
    let busy = busy(layers);
    let mut bands: Vec<Band> = Vec::with_capacity(layers.rows.len());
    let mut y = 0.0;
    let mut was_boxes = true;
    for (row, items) in layers.rows.iter().enumerate() {
        let height =
            items.iter().map(|&vertex| layers.vertices[vertex as usize].height).fold(0.0, f32::max);
        let is_boxes = items
            .iter()
            .any(|&vertex| matches!(layers.vertices[vertex as usize].item, Item::Node(_)));
        if row > 0 {
            let gap = if was_boxes && is_boxes { theme::ROW_GAP } else { theme::ROW_GAP / 2.0 };
            let growth = sideways[row - 1] * theme::ROW_GAP_GROWTH;
            y += gap + growth.min(theme::ROW_GAP_MAX_GROWTH) + busy[row - 1];
        }
        bands.push(Band { top: y, bottom: y + height });
        y += height;
        was_boxes = is_boxes;
    }
    bands
}

/// How much more room there is below each row where many edges meet at one box.
fn busy(layers: &Layers) -> Vec<f32> {
    let mut ends = vec![[0usize; 2]; layers.vertices.len()];
    let mut most = vec![0; layers.rows.len()];
    for &(upper, lower) in &layers.joins {
        ends[upper as usize][0] += 1;
        ends[lower as usize][1] += 1;
        let row = layers.row[upper as usize] as usize;
        most[row] = ends[upper as usize][0].max(ends[lower as usize][1]).max(most[row]);
    }
    let growth = |most: usize| most.saturating_sub(theme::BUSY) as f32 * theme::BUSY_GAP_GROWTH;
    most.into_iter().map(|most| growth(most).min(theme::BUSY_GAP_MAX_GROWTH)).collect()
}

/// Sets the pieces side by side, in as many shelves as make a wide page.
fn pack(sketch: &Sketch, members: &[Vec<usize>], boxes: Vec<Placed>, composed: &mut Composed) {
    let area: f32 = boxes
        .iter()
        .map(|placed| (placed.width + theme::PIECE_GAP) * (placed.height + theme::PIECE_GAP))
        .sum();
    let widest = boxes.iter().map(|placed| placed.width).fold(0.0, f32::max);
    let limit = widest.max((area * 1.8).sqrt());
    let has_target =
        |piece: usize| members[piece].iter().any(|&node| sketch.nodes[node].role == Role::Target);
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by_key(|&piece| (!has_target(piece), std::cmp::Reverse(members[piece].len())));
    let mut y = 0.0;
    let mut shelf: Vec<(usize, f32)> = Vec::new();
    let mut x = 0.0;
    let mut next = 0;
    while next < order.len() || !shelf.is_empty() {
        if let Some(&piece) = order.get(next)
            && (shelf.is_empty() || x + boxes[piece].width <= limit)
        {
            shelf.push((piece, x));
            x += boxes[piece].width + theme::PIECE_GAP;
            next += 1;
            continue;
        }
        let height = shelf.iter().map(|&(piece, _)| boxes[piece].height).fold(0.0, f32::max);
        for (piece, x) in shelf.drain(..) {
            // Targets side by side, on the side where they are the ends.
            let down = if sketch.targets_last { height - boxes[piece].height } else { 0.0 };
            for &node in &members[piece] {
                composed.places[node].left += x;
                composed.places[node].top += y + down;
            }
            for line in &mut composed.lines[boxes[piece].lines.clone()] {
                line.curve.shift(x, y + down);
                if let Some((_, _, at)) = &mut line.label {
                    at.x += x;
                    at.y += y + down;
                }
            }
            composed.width = composed.width.max(x + boxes[piece].width);
        }
        composed.height = y + height;
        y += height + theme::PIECE_GAP;
        x = 0.0;
    }
}
