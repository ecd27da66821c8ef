//! Stacks the boxes of a row that is far too wide in several rows.
//!
//! Sixty referrers of one object all belong into the row above it, where they make a
//! picture that nobody can read. Here such a row becomes a block: its boxes go, from left
//! to right, into one after the other of several rows, and their edges run down between
//! the boxes below. No two edges cross that did not before.

use crate::layers::{Item, Layers, Piece, PieceEdge, Vertex};
use crate::theme;

/// A piece up to this wide is left as it is: it fits on a page.
const FITTING_WIDTH: f32 = 1_600.0;
/// A piece is left as it is unless it is this many times as wide as high.
const WIDE: f32 = 2.5;
/// How many times as wide as high a picture should be: as a screen is.
const GOOD_ASPECT: f32 = 1.6;
/// The most rows that one row becomes.
const MAX_ROWS: usize = 40;
/// About how many bends there may be when all rows became as many as they may: beyond it,
/// they become fewer.
const MAX_BENDS: usize = 20_000;

/// Into how many rows each row of boxes goes.
pub(crate) struct Stack {
    /// The rank of each box.
    pub(crate) ranks: Vec<i32>,
    /// Ranks before, and the first and last rank that each became, from top to bottom.
    blocks: Vec<Block>,
}

/// A rank, and those that it became.
#[derive(Clone, Copy)]
struct Block {
    old: i32,
    first: i32,
    last: i32,
}

/// What size of picture is the better to look at: how far away one must stand.
pub(crate) fn distance(width: f32, height: f32) -> f32 {
    (width / GOOD_ASPECT).max(height)
}

impl Stack {
    /// How to stack a piece that has its `ranks`, orders and size; `None` where it is well
    /// as it is.
    pub(crate) fn new(
        piece: &Piece,
        layers: &Layers,
        ranks: &[i32],
        span: i32,
        (width, height): (f32, f32),
    ) -> Option<Self> {
        if width <= FITTING_WIDTH || width <= WIDE * height {
            return None;
        }
        let crowds = Crowd::all(piece, layers);
        let widest = crowds.iter().map(|crowd| crowd.widths[0]).fold(0.0, f32::max);
        // Ever narrower, as long as it pays.
        let mut best: Option<(f32, Vec<usize>)> = None;
        let mut limit = widest;
        while limit > 100.0 {
            limit *= 0.93;
            let counts: Vec<usize> = crowds.iter().map(|crowd| crowd.rows_for(limit)).collect();
            let sized = || crowds.iter().zip(&counts);
            let wide = sized().map(|(crowd, &rows)| crowd.widths[rows - 1]).fold(0.0, f32::max);
            let high: f32 = sized().map(|(crowd, &rows)| crowd.growth(rows)).sum();
            let distance = distance(wide, height + high);
            if best.as_ref().is_none_or(|&(least, _)| distance < least) {
                best = Some((distance, counts));
            }
        }
        let (_, counts) = best?;
        if counts.iter().all(|&rows| rows == 1) {
            return None;
        }
        Some(Self::with_rows(&crowds, &counts, ranks, span))
    }

    /// Puts the boxes of each row in turn into so many rows.
    fn with_rows(crowds: &[Crowd], counts: &[usize], ranks: &[i32], span: i32) -> Self {
        let mut stacked = ranks.to_vec();
        let mut blocks = Vec::with_capacity(crowds.len());
        let mut shift = 0;
        for (crowd, &rows) in crowds.iter().zip(counts) {
            let old = ranks[crowd.boxes[0].0];
            let growth = (rows as i32 - 1) * span;
            blocks.push(Block { old, first: old + shift, last: old + shift + growth });
            for (place, &(node, _)) in crowd.boxes.iter().enumerate() {
                stacked[node] = old + shift + (place % rows) as i32 * span;
            }
            shift += growth;
        }
        Self { ranks: stacked, blocks }
    }

    /// For each edge at a stacked box the row beside the box, for its label: farther
    /// off, among the edges of other boxes, it could be any of theirs.
    pub(crate) fn label_wishes(&self, piece: &Piece) -> Vec<Option<i32>> {
        let is_stacked = |node: usize| {
            let rank = self.ranks[node];
            let block = self.blocks.partition_point(|block| block.last < rank);
            self.blocks.get(block).is_some_and(|block| block.first < block.last)
        };
        let wish = |edge: &PieceEdge| match (is_stacked(edge.upper), is_stacked(edge.lower)) {
            (true, false) => Some(self.ranks[edge.upper] + 1),
            (false, true) => Some(self.ranks[edge.lower] - 1),
            _ => None,
        };
        piece.edges.iter().map(|edge| edge.label.and_then(|_| wish(edge))).collect()
    }

    /// Puts the rows of `new`, which has the stacked ranks, into the order of `old`.
    pub(crate) fn keep_order(&self, piece: &Piece, old: &Layers, new: &mut Layers) {
        let mut place = vec![0u32; old.vertices.len()];
        for row in &old.rows {
            for (index, &vertex) in row.iter().enumerate() {
                place[vertex as usize] = index as u32;
            }
        }
        let mut key = vec![(0u32, 0u32); new.vertices.len()];
        key[..piece.nodes.len()].copy_from_slice(
            &place[..piece.nodes.len()].iter().map(|&at| (at, 0)).collect::<Vec<_>>(),
        );
        for (index, edge) in piece.edges.iter().enumerate() {
            let (first, last) = (old.row[edge.upper], old.row[edge.lower]);
            // Where the edge stood in a row, at its ends as well.
            let at = |row: usize| {
                let row = (row as u32).clamp(first, last);
                if row == first {
                    return place[edge.upper];
                }
                place[old.way(index)[(row - first) as usize - 1].1 as usize]
            };
            for &(_, vertex) in &new.way(index)[..new.way(index).len() - 1] {
                let rank = new.ranks[new.row[vertex as usize] as usize];
                let block = self.blocks.partition_point(|block| block.last < rank);
                let within = self.blocks.get(block).filter(|block| block.first <= rank);
                key[vertex as usize] = if let Some(block) = within {
                    // Beside the box at which it ends, or where it passed.
                    let row = old.ranks.partition_point(|&rank| rank < block.old);
                    let beyond = if row as u32 == last { row - 1 } else { row + 1 };
                    (at(row), at(beyond))
                } else {
                    // Between two blocks: in the old row, or between the two that were next.
                    let shift = block
                        .checked_sub(1)
                        .map_or(0, |above| self.blocks[above].last - self.blocks[above].old);
                    let below = old.ranks.partition_point(|&old| old < rank - shift);
                    let above = old.ranks.partition_point(|&old| old <= rank - shift) - 1;
                    (at(above), at(below))
                };
            }
        }
        for row in &mut new.rows {
            row.sort_by_key(|&vertex| (key[vertex as usize], vertex));
        }
    }
}

/// A row of boxes, and what passes it.
struct Crowd {
    /// Each box, from left to right, and how many edges arrive from above and leave below.
    boxes: Vec<(usize, Ends)>,
    /// Edges that pass.
    passing: usize,
    /// The mean width of a box, with its gaps on either side.
    box_width: f32,
    /// How much higher the picture is with another row of them.
    box_height: f32,
    /// About how wide it is in one row, in two, and so on.
    widths: Vec<f32>,
}

#[derive(Clone, Copy, Default)]
struct Ends {
    above: usize,
    below: usize,
}

impl Crowd {
    /// All rows with boxes, from top to bottom.
    fn all(piece: &Piece, layers: &Layers) -> Vec<Self> {
        let mut ends = vec![Ends::default(); piece.nodes.len()];
        for edge in &piece.edges {
            ends[edge.upper].below += 1;
            ends[edge.lower].above += 1;
        }
        let has_labels = piece.edges.iter().any(|edge| edge.label.is_some());
        let gap = theme::ROW_GAP + if has_labels { theme::LABEL_HEIGHT } else { 0.0 };
        let crowd = |row: &Vec<u32>| {
            let is_box =
                |&&vertex: &&u32| matches!(layers.vertices[vertex as usize].item, Item::Node(_));
            let boxes: Vec<(usize, Ends)> = row
                .iter()
                .filter(is_box)
                .map(|&vertex| (vertex as usize, ends[vertex as usize]))
                .collect();
            let drawn = || boxes.iter().map(|&(node, _)| &piece.nodes[node]);
            let width = drawn().map(|node: &Vertex| node.left + node.right).sum::<i32>() as f32;
            let height = drawn().map(|node| node.height).fold(0.0, f32::max);
            Self {
                passing: row.len() - boxes.len(),
                box_width: width / boxes.len() as f32 + 2.0 * theme::EDGE_BOX_GAP as f32,
                box_height: height + gap,
                boxes,
                widths: Vec::new(),
            }
        };
        let mut crowds: Vec<Self> =
            layers.rows.iter().map(crowd).filter(|crowd| !crowd.boxes.is_empty()).collect();
        let edges = |crowd: &Self| {
            let ends = crowd.boxes.iter().map(|(_, ends)| ends.above + ends.below);
            crowd.passing + ends.sum::<usize>()
        };
        let edges: usize = crowds.iter().map(edges).sum();
        let most = (MAX_BENDS / edges.max(1)).clamp(1, MAX_ROWS);
        for crowd in &mut crowds {
            let most = most.min(crowd.boxes.len());
            crowd.widths = (1..=most).map(|rows| crowd.width(rows)).collect();
        }
        crowds
    }

    /// About how wide it is in so many rows.
    fn width(&self, rows: usize) -> f32 {
        // Edges that pass a row: to the boxes in rows below it, from those above.
        let mut passing = vec![self.passing; rows];
        let mut boxes = vec![0usize; rows];
        for (place, (_, ends)) in self.boxes.iter().enumerate() {
            let own = place % rows;
            boxes[own] += 1;
            for (row, passing) in passing.iter_mut().enumerate() {
                *passing += match row.cmp(&own) {
                    std::cmp::Ordering::Less => ends.above,
                    std::cmp::Ordering::Equal => 0,
                    std::cmp::Ordering::Greater => ends.below,
                };
            }
        }
        let width = |(&boxes, &passing): (&usize, &usize)| {
            boxes as f32 * self.box_width + passing as f32 * theme::EDGE_GAP as f32
        };
        boxes.iter().zip(&passing).map(width).fold(0.0, f32::max)
    }

    /// The fewest rows in which it is no wider than `limit`, or else narrowest.
    fn rows_for(&self, limit: f32) -> usize {
        let widths = &self.widths;
        let fitting = widths.iter().position(|&width| width <= limit);
        let narrowest =
            || (0..widths.len()).min_by(|&one, &other| widths[one].total_cmp(&widths[other]));
        1 + fitting.or_else(narrowest).expect("a row has a box")
    }

    /// How much higher the picture is with so many rows.
    fn growth(&self, rows: usize) -> f32 {
        (rows - 1) as f32 * self.box_height
    }
}
