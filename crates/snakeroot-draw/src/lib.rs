//! Lays a small graph out and paints it as SVG or PNG, with no outside program.
//!
//! [`svg`] and [`png()`] make a picture of a [`Drawing`]; [`layout`] tells where
//! everything would stand. The same drawing gives the same bytes, on every
//! machine: the font is embedded, and work is limited by counting it, not by
//! the clock. Nothing is opened, printed or remembered, and nothing recurses.
//!
//! Labels are untrusted text: shortened, made visible and escaped.

mod acyclic;
mod compose;
mod font;
mod layers;
mod lines;
mod neighbours;
mod order;
mod paint;
mod position;
mod rank;
mod route;
mod simplex;
mod sketch;
mod stack;
mod svg;
mod text;
mod theme;

#[cfg(test)]
mod tests;

use std::fmt;

use compose::{Line, compose};
use sketch::{Sketch, SketchNode};
use snakeroot::view::Drawing;

/// Boxes, bends and labels in one picture; beyond it, more nodes are left out.
const MAX_VERTICES: usize = 40_000;

/// What the caller decides about a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Pixels of a PNG for each unit; lowered where the picture would have more
    /// than 64 million of them. SVG has units only.
    pub scale: f32,
    /// The most boxes in one picture. Those nearest the targets stay, and the
    /// note says how many were left out.
    pub max_nodes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { scale: 2.0, max_nodes: 1_000 }
    }
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq)]
pub enum DrawError {
    /// An edge starts or ends at no node of the drawing.
    EdgeEnd {
        /// The edge's place in the drawing.
        edge: usize,
        /// The node's place that it names.
        found: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A scale that is no positive number.
    Scale {
        /// The scale asked for.
        found: f32,
    },
    /// The PNG could not be written into memory.
    Png {
        /// What the encoder says.
        message: String,
    },
}

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EdgeEnd { edge, found, nodes } => {
                write!(f, "edge {edge}: expected a node below {nodes}, found {found}")
            }
            Self::Scale { found } => {
                write!(f, "scale: expected a positive number, found {found}")
            }
            Self::Png { message } => write!(f, "PNG: {message}"),
        }
    }
}

impl std::error::Error for DrawError {}

/// Where a box stands, in units from the picture's top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeBox {
    /// The node's place in [`Drawing::nodes`].
    pub node: usize,
    /// The box's left side.
    pub left: f32,
    /// The box's upper side.
    pub top: f32,
    /// From its left side to its right.
    pub width: f32,
    /// From its upper side to its lower.
    pub height: f32,
}

/// A drawing with a place for everything in it.
#[derive(Clone, Debug)]
pub struct Layout {
    width: f32,
    height: f32,
    boxes: Vec<NodeBox>,
    /// What is in `boxes`, in the same order.
    nodes: Vec<SketchNode>,
    lines: Vec<Line>,
    /// The note, its width and its baseline.
    note: Option<(String, f32, f32)>,
    crossings: u64,
    left_out: usize,
}

impl Layout {
    /// The picture's width with its margins, in units.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// The picture's height with its margins and its note, in units.
    pub fn height(&self) -> f32 {
        self.height
    }

    /// The boxes, in the drawing's order; none for a node that was left out.
    pub fn nodes(&self) -> &[NodeBox] {
        &self.boxes
    }

    /// How many times two edges change sides between two rows.
    pub fn crossings(&self) -> u64 {
        self.crossings
    }

    /// How many nodes of the drawing are not in the picture.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// Finds a place for everything.
///
/// # Errors
///
/// [`DrawError::EdgeEnd`] where an edge's end is no node of the drawing.
pub fn layout(drawing: &Drawing, options: &Options) -> Result<Layout, DrawError> {
    let mut max_nodes = options.max_nodes;
    let (sketch, composed) = loop {
        let sketch = Sketch::new(drawing, max_nodes)?;
        if let Some(composed) = compose(&sketch, MAX_VERTICES) {
            break (sketch, composed);
        }
        // A few hundred nodes can have millions of bends. A quarter fewer at
        // each try ends soon, and a single box has no bend.
        max_nodes = sketch.nodes.len() * 3 / 4;
    };
    let note_width = sketch.note.as_ref().map_or(0.0, |note| note.width);
    let width = composed.width.max(note_width) + 2.0 * theme::MARGIN;
    let mut height = composed.height + 2.0 * theme::MARGIN;
    let note = sketch.note.map(|note| {
        if composed.height > 0.0 {
            height += theme::NOTE_GAP;
        }
        height += theme::LINE_HEIGHT;
        (note.text, note.width, height - theme::MARGIN - 2.5)
    });
    let mut lines = composed.lines;
    for line in &mut lines {
        line.curve.shift(theme::MARGIN, theme::MARGIN);
        if let Some((_, _, at)) = &mut line.label {
            at.x += theme::MARGIN;
            at.y += theme::MARGIN;
        }
    }
    let boxes = sketch
        .nodes
        .iter()
        .zip(&composed.places)
        .map(|(node, place)| NodeBox {
            node: node.node,
            left: place.left + theme::MARGIN,
            top: place.top + theme::MARGIN,
            width: node.width,
            height: node.height,
        })
        .collect();
    Ok(Layout {
        width,
        height,
        boxes,
        nodes: sketch.nodes,
        lines,
        note,
        crossings: composed.crossings,
        left_out: sketch.left_out,
    })
}

/// Draws as an SVG document, which may also stand inside an HTML page.
///
/// # Errors
///
/// As [`layout`].
pub fn svg(drawing: &Drawing, options: &Options) -> Result<String, DrawError> {
    Ok(svg::write(&layout(drawing, options)?))
}

/// Draws as a PNG file, `options.scale` pixels for each unit.
///
/// # Errors
///
/// As [`layout`]; [`DrawError::Scale`] where the scale is no positive number.
pub fn png(drawing: &Drawing, options: &Options) -> Result<Vec<u8>, DrawError> {
    if !(options.scale.is_finite() && options.scale > 0.0) {
        return Err(DrawError::Scale { found: options.scale });
    }
    paint::png(&layout(drawing, options)?, options.scale)
}
