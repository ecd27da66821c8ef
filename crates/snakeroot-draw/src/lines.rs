//! The lines of one piece: where each edge may run, and where it does.
//!
//! Two edges side by side share the room between them. Who runs where is known
//! only after routing, so edges are routed several times, each time with the
//! room divided between the lines of the time before.

use crate::compose::{Band, Composed, Line, Place, Spread, loop_reaches};
use crate::layers::{Item, Layers, Piece, PieceEdge};
use crate::route::{self, Door, Point};
use crate::sketch::Sketch;
use crate::theme;

/// How many times edges are routed.
const ROUNDS: usize = 3;

/// Writes the places and lines of one piece, its top left corner at the origin.
pub(crate) fn draw(
    sketch: &Sketch,
    piece: &Piece,
    layers: &Layers,
    spread: &Spread,
    composed: &mut Composed,
) {
    for (vertex, node) in piece.nodes.iter().enumerate() {
        let Item::Node(place) = node.item else {
            continue;
        };
        let drawn = &sketch.nodes[place];
        let band = spread.bands[layers.row[vertex] as usize];
        composed.places[place] = Place {
            left: spread.x(vertex as u32) - drawn.width / 2.0,
            top: (band.top + band.bottom - drawn.height) / 2.0,
        };
    }
    let mut x: Vec<f32> =
        (0..layers.vertices.len() as u32).map(|vertex| spread.x(vertex)).collect();
    let mut routed: Vec<(Vec<Door>, Vec<Point>)> = Vec::new();
    for _ in 0..ROUNDS {
        let room = room(layers, &x, spread.width);
        routed.clear();
        for (index, edge) in piece.edges.iter().enumerate() {
            let doors = doors(layers, spread, &room, index, edge);
            let points = route::points(&doors);
            for &(_, bend) in &layers.way(index)[..layers.way(index).len() - 1] {
                if layers.vertices[bend as usize].item == Item::Bend {
                    let band = spread.bands[layers.row[bend as usize] as usize];
                    x[bend as usize] = x_at(&points, (band.top + band.bottom) / 2.0);
                }
            }
            routed.push((doors, points));
        }
    }
    for (index, (edge, (doors, points))) in piece.edges.iter().zip(&routed).enumerate() {
        let curve = route::curve(points, doors);
        let drawn = &sketch.edges[edge.edge];
        let label_at = layers.way(index).iter().find_map(|&(_, vertex)| {
            let band = spread.bands[layers.row[vertex as usize] as usize];
            (layers.vertices[vertex as usize].item == Item::Label)
                .then(|| Point { x: spread.x(vertex), y: (band.top + band.bottom) / 2.0 })
        });
        composed.lines.push(Line {
            curve: if edge.turned { curve.reversed() } else { curve },
            style: drawn.style,
            label: drawn
                .label
                .as_ref()
                .zip(label_at)
                .map(|(label, at)| (label.text.clone(), label.width, at)),
            #[cfg(test)]
            ends: (drawn.source, drawn.target),
        });
    }
    for vertex in &piece.nodes {
        if let Item::Node(place) = vertex.item {
            loops(sketch, place, composed);
        }
    }
}

/// Where a line of points is at a height that it passes.
fn x_at(points: &[Point], y: f32) -> f32 {
    let below = points.partition_point(|point| point.y < y).clamp(1, points.len() - 1);
    let (from, to) = (points[below - 1], points[below]);
    let part = ((y - from.y) / (to.y - from.y)).clamp(0.0, 1.0);
    from.x + (to.x - from.x) * part
}

/// The doors of an edge: its two ends, and both sides of each row it passes.
fn doors(
    layers: &Layers,
    spread: &Spread,
    room: &[(f32, f32)],
    index: usize,
    edge: &PieceEdge,
) -> Vec<Door> {
    let way = layers.way(index);
    let first_join = layers.first_join[index] as usize;
    let mut doors: Vec<Door> = Vec::with_capacity(2 * way.len() + 2);
    let mut pass = |y: f32, left: f32, right: f32| {
        // A door at the height of the one before says nothing new: a box as
        // high as its row, or a row without height.
        if doors.last().is_none_or(|door| y > door.y + 0.01) {
            // Where edges stand as close as they may, rounding can turn a door
            // inside out by the last bit.
            let right = right.max(left);
            doors.push(Door { y, left, right });
        }
    };
    let band = |vertex: u32| -> Band { spread.bands[layers.row[vertex as usize] as usize] };
    let height = |vertex: u32| layers.vertices[vertex as usize].height;
    let (upper, lower) = (edge.upper as u32, edge.lower as u32);
    let start = Point {
        x: spread.x(upper) + spread.ports[first_join].upper as f32,
        y: (band(upper).top + band(upper).bottom + height(upper)) / 2.0,
    };
    let end = Point {
        x: spread.x(lower) + spread.ports[first_join + way.len() - 1].lower as f32,
        y: (band(lower).top + band(lower).bottom - height(lower)) / 2.0,
    };
    pass(start.y, start.x, start.x);
    let (from, to) = room[upper as usize];
    pass(band(upper).bottom, from.min(start.x), to.max(start.x));
    for &(_, bend) in &way[..way.len() - 1] {
        let band = band(bend);
        let (from, to) = room[bend as usize];
        pass(band.top, from, to);
        if layers.vertices[bend as usize].item == Item::Label {
            // Through the label's centre, as slanted as its room allows.
            let x = spread.x(bend);
            pass((band.top + band.bottom) / 2.0, x, x);
        }
        pass(band.bottom, from, to);
    }
    let (from, to) = room[lower as usize];
    if end.y > band(lower).top + 0.01 {
        pass(band(lower).top, from.min(end.x), to.max(end.x));
    }
    pass(end.y, end.x, end.x);
    doors
}

/// For each vertex how far to the left and right an edge there may go, given
/// where each stands.
fn room(layers: &Layers, x: &[f32], width: f32) -> Vec<(f32, f32)> {
    let left_end = |vertex: u32| x[vertex as usize] - layers.vertices[vertex as usize].left as f32;
    let right_end =
        |vertex: u32| x[vertex as usize] + layers.vertices[vertex as usize].right as f32;
    let is_bend = |vertex: u32| layers.vertices[vertex as usize].item == Item::Bend;
    // Half of what position.rs keeps free, so that there is room for every edge.
    let distance = |vertex: u32| match layers.vertices[vertex as usize].item {
        Item::Label => theme::LABEL_GAP as f32 / 2.0,
        _ => theme::EDGE_BOX_GAP as f32 / 2.0,
    };
    let mut room = vec![(0.0, width); layers.vertices.len()];
    for row in &layers.rows {
        for pair in row.windows(2) {
            let (left, right) = (pair[0], pair[1]);
            let (from, to) = (right_end(left), left_end(right));
            // Two edges divide the room between them and leave some of it free;
            // from boxes and labels edges keep off.
            let middle = (from + to) / 2.0;
            let free = ((to - from) / 2.0).clamp(0.0, HALF_EDGE_GAP);
            (room[left as usize].1, room[right as usize].0) = match (is_bend(left), is_bend(right))
            {
                (true, true) => (middle - free, middle + free),
                (true, false) => (to - distance(right), middle),
                (false, true) => (middle, from + distance(left)),
                (false, false) => (middle, middle),
            };
        }
    }
    room
}

/// Half of the least distance of two edges that pass a row side by side.
const HALF_EDGE_GAP: f32 = 2.0;
fn loops(sketch: &Sketch, place: usize, composed: &mut Composed) {
    let node = &sketch.nodes[place];
    let at = composed.places[place];
    let right = at.left + node.width;
    let middle = at.top + node.height / 2.0;
    let count = node.loops.len() as f32;
    for (index, ((style, label), (reach, _))) in
        node.loops.iter().zip(loop_reaches(node)).enumerate()
    {
        let room = node.height / 2.0 - theme::CORNER;
        let half_height = room * (index as f32 + 1.0) / (count + 1.0);
        composed.lines.push(Line {
            curve: route::self_loop(right, middle, half_height, reach),
            style: *style,
            label: label.as_ref().map(|label| {
                let x = right + reach + 2.0 + label.width / 2.0;
                (label.text.clone(), label.width, Point { x, y: middle })
            }),
            #[cfg(test)]
            ends: (place, place),
        });
    }
}
