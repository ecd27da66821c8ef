//! A piece of the picture with every edge cut at every row it passes.
//!
//! Each piece of an edge then joins neighbouring rows only, so that ordering
//! and placing need to look at two rows at a time. Where an edge passes, a
//! bend stands in the row; where its label goes, a label does.

use crate::theme;

/// What stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A box: its place in the sketch.
    Node(usize),
    /// An edge that passes through.
    Bend,
    /// An edge's label, on the edge.
    Label,
}

/// An item and the room it takes about its centre.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertex {
    pub(crate) item: Item,
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) height: f32,
}

/// A connected piece of the sketch, its edges running downwards.
pub(crate) struct Piece {
    /// The boxes.
    pub(crate) nodes: Vec<Vertex>,
    pub(crate) edges: Vec<PieceEdge>,
}

/// An edge of a piece, downwards.
pub(crate) struct PieceEdge {
    /// Its place in the sketch.
    pub(crate) edge: usize,
    pub(crate) upper: usize,
    pub(crate) lower: usize,
    /// Its arrow points upwards.
    pub(crate) turned: bool,
    /// The width of its label.
    pub(crate) label: Option<f32>,
}

/// The rows, and the way of each edge through them.
pub(crate) struct Layers {
    pub(crate) vertices: Vec<Vertex>,
    /// The row of each vertex.
    pub(crate) row: Vec<u32>,
    /// The rank of each row, ascending: ranks without boxes and labels have no row.
    pub(crate) ranks: Vec<i32>,
    /// The vertices of each row, from left to right.
    pub(crate) rows: Vec<Vec<u32>>,
    /// Joins of a vertex and one in the next row: (upper, lower).
    pub(crate) joins: Vec<(u32, u32)>,
    /// For each edge of the piece, its first join; the others follow.
    pub(crate) first_join: Vec<u32>,
}

impl Layers {
    /// Cuts the edges, given the boxes' rows; `None` if that takes more than
    /// `max_vertices`.
    ///
    /// `label_wishes` are rows for the labels of some edges: labels without one
    /// stand near their edge's middle.
    pub(crate) fn new(
        piece: &Piece,
        node_rows: &[i32],
        label_wishes: &[Option<i32>],
        max_vertices: usize,
    ) -> Option<Self> {
        let mut crowd = Vec::new();
        let label_rows = label_rows(piece, node_rows, label_wishes, &mut crowd);
        // Rows that hold neither box nor label hold bends only: they go.
        let mut used = vec![false; crowd.len()];
        for &row in node_rows.iter().chain(label_rows.iter().flatten()) {
            used[row as usize] = true;
        }
        let mut new_row = vec![0u32; used.len()];
        let mut rows = 0;
        for (row, &used) in used.iter().enumerate() {
            new_row[row] = rows;
            rows += u32::from(used);
        }
        let row_of = |row: i32| new_row[row as usize];
        let total: usize = piece
            .edges
            .iter()
            .map(|edge| (row_of(node_rows[edge.lower]) - row_of(node_rows[edge.upper])) as usize)
            .sum();
        if total + piece.nodes.len() > max_vertices {
            return None;
        }
        let mut layers = Self {
            vertices: piece.nodes.clone(),
            row: node_rows.iter().map(|&row| row_of(row)).collect(),
            ranks: (0..).zip(&used).filter(|&(_, &used)| used).map(|(rank, _)| rank).collect(),
            rows: vec![Vec::new(); rows as usize],
            joins: Vec::with_capacity(total),
            first_join: Vec::with_capacity(piece.edges.len()),
        };
        for (edge, label_row) in piece.edges.iter().zip(&label_rows) {
            layers.first_join.push(layers.joins.len() as u32);
            let label_row = label_row.map(row_of);
            let mut upper = edge.upper as u32;
            for row in layers.row[edge.upper] + 1..layers.row[edge.lower] {
                let bend = layers.vertices.len() as u32;
                let is_label = label_row == Some(row);
                let half =
                    if is_label { (edge.label.unwrap_or(0.0) / 2.0).ceil() as i32 + 1 } else { 0 };
                layers.vertices.push(Vertex {
                    item: if is_label { Item::Label } else { Item::Bend },
                    left: half,
                    right: half,
                    height: if is_label { theme::LABEL_HEIGHT } else { 0.0 },
                });
                layers.row.push(row);
                layers.joins.push((upper, bend));
                upper = bend;
            }
            layers.joins.push((upper, edge.lower as u32));
        }
        for (vertex, &row) in layers.row.iter().enumerate() {
            layers.rows[row as usize].push(vertex as u32);
        }
        Some(layers)
    }

    /// The joins of an edge of the piece, from top to bottom.
    pub(crate) fn way(&self, edge: usize) -> &[(u32, u32)] {
        let first = self.first_join[edge] as usize;
        let end = self.first_join.get(edge + 1).map_or(self.joins.len(), |&end| end as usize);
        &self.joins[first..end]
    }
}

/// The row of each label: between two rows of boxes, near the edge's middle,
/// rather where fewer labels stand.
fn label_rows(
    piece: &Piece,
    node_rows: &[i32],
    wishes: &[Option<i32>],
    crowd: &mut Vec<f32>,
) -> Vec<Option<i32>> {
    let last = node_rows.iter().copied().max().unwrap_or(0);
    crowd.resize(last as usize + 1, 0.0);
    // Short edges have no choice, so they choose first.
    let mut order: Vec<usize> = (0..piece.edges.len()).collect();
    let length =
        |edge: usize| node_rows[piece.edges[edge].lower] - node_rows[piece.edges[edge].upper];
    order.sort_by_key(|&edge| length(edge));
    let mut rows = vec![None; piece.edges.len()];
    for edge in order {
        let ends = &piece.edges[edge];
        let Some(width) = ends.label else {
            continue;
        };
        if let Some(&Some(wish)) = wishes.get(edge) {
            crowd[wish as usize] += width;
            rows[edge] = Some(wish);
            continue;
        }
        let first = node_rows[ends.upper] + 1;
        let end = node_rows[ends.lower];
        let middle = (first + end - 1) as f32 / 2.0;
        // A row of labels may as well be as wide as five of these before the
        // next one is worth the way.
        let cost = |row: i32| crowd[row as usize] + (row as f32 - middle).abs() * width * 1.5;
        let best = (first..end)
            .step_by(2)
            .take(200)
            .min_by(|&one, &other| cost(one).total_cmp(&cost(other)))
            .expect("an edge with a label spans at least two rows");
        crowd[best as usize] += width;
        rows[edge] = Some(best);
    }
    rows
}
