//! Writes a layout as SVG.
//!
//! Presentation attributes only, no style sheet: two pictures in one page must
//! not dress each other. Ids begin with a hash of the content for the same
//! reason. `textLength` makes a text as wide as it was measured, whatever font
//! the viewer has.

use std::fmt::Write;

use snakeroot::view::{EdgeStyle, Role};

use crate::font::Font;
use crate::route::{Curve, Point};
use crate::sketch::title_style;
use crate::text::xml;
use crate::theme::{self, Colour};
use crate::{Layout, NodeBox, SketchNode};

const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The whole document.
pub(crate) fn write(layout: &Layout) -> String {
    // Ids are written with a placeholder first: their prefix depends on the rest.
    let mut body = String::new();
    for line in ordered(layout) {
        edge(&mut body, line);
    }
    for line in &layout.lines {
        if let Some((label, width, at)) = &line.label {
            let patch_width = width + 2.0 * theme::PATCH_PAD;
            let _ = writeln!(
                body,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\"/>",
                Number(at.x - patch_width / 2.0),
                Number(at.y - theme::PATCH_HEIGHT / 2.0),
                Number(patch_width),
                theme::PATCH_HEIGHT,
                theme::PATCH_CORNER,
                Hex(theme::BACKGROUND),
            );
            let text = SvgText {
                text: label,
                width: *width,
                font: Font::Regular,
                size: theme::LABEL_SIZE,
                colour: theme::LABEL,
            };
            text.write(&mut body, at.x, at.y + theme::LABEL_SIZE * 0.36);
        }
    }
    let mut nodes = String::new();
    for (at, node) in layout.boxes.iter().zip(&layout.nodes) {
        boxed(&mut nodes, at, node);
    }
    if let Some((note, width, y)) = &layout.note {
        let text = SvgText {
            text: note,
            width: *width,
            font: Font::Regular,
            size: theme::NOTE_SIZE,
            colour: theme::NOTE,
        };
        text.write(&mut nodes, theme::MARGIN + width / 2.0, *y);
    }
    let prefix = format!("sr{:08x}", fnv(body.as_bytes(), &nodes) as u32);
    let (width, height) = (Number(layout.width), Number(layout.height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{prefix}\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\" \
         text-anchor=\"middle\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n\
         {body}{}</svg>\n",
        Hex(theme::BACKGROUND),
        nodes.replace(PREFIX, &prefix),
    )
}

/// Stands for the ids' prefix until it is known: no cleaned text has it.
const PREFIX: &str = "\u{1}";

/// Lines in painting order: those that matter most are painted last.
pub(crate) fn ordered(layout: &Layout) -> impl Iterator<Item = &crate::compose::Line> {
    let strong = |line: &&crate::compose::Line| line.style == EdgeStyle::Strong;
    let plain = layout.lines.iter().filter(move |line| !strong(line));
    plain.chain(layout.lines.iter().filter(strong))
}

fn edge(out: &mut String, line: &crate::compose::Line) {
    let look = theme::edge_look(line.style);
    let colour = Hex(look.colour);
    let shaft = line.curve.shortened(theme::ARROW_LENGTH);
    let dash = Dash(look.dash);
    let _ = writeln!(
        out,
        "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}/>",
        PathData(&shaft),
        look.width,
    );
    let head = arrow_head(shaft.end(), line.curve.end());
    let _ = write!(out, "<path d=\"");
    for (point, command) in head.iter().zip(["M", "L", "L"]) {
        let _ = write!(out, "{command}{} {}", Number(point.x), Number(point.y));
    }
    let _ = writeln!(out, "Z\" fill=\"{colour}\"/>");
}

/// The three corners of an arrowhead, its tip last.
pub(crate) fn arrow_head(from: Point, tip: Point) -> [Point; 3] {
    let (dx, dy) = (tip.x - from.x, tip.y - from.y);
    let length = dx.hypot(dy).max(0.01);
    // Back from the tip, so that a very short line has an arrow too.
    let (ux, uy) = (dx / length, dy / length);
    let (bx, by) = (tip.x - ux * theme::ARROW_LENGTH, tip.y - uy * theme::ARROW_LENGTH);
    let half = theme::ARROW_HALF_WIDTH;
    [
        Point { x: bx - uy * half, y: by + ux * half },
        Point { x: bx + uy * half, y: by - ux * half },
        tip,
    ]
}

fn boxed(out: &mut String, at: &NodeBox, node: &SketchNode) {
    let look = theme::box_look(node.kind, node.role);
    let _ = writeln!(out, "<g id=\"{PREFIX}-{}\">", at.node);
    if !node.tooltip.is_empty() {
        let _ = writeln!(out, "<title>{}</title>", xml(&node.tooltip));
    }
    let _ = writeln!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" stroke=\"{}\" \
         stroke-width=\"{}\"{}/>",
        Number(at.left),
        Number(at.top),
        Number(at.width),
        Number(at.height),
        Number(corner(at, node.role)),
        Hex(look.fill),
        Hex(look.border),
        look.border_width,
        Dash(look.dash),
    );
    let x = at.left + at.width / 2.0;
    for (baseline, text) in texts(at, node) {
        text.write(out, x, baseline);
    }
    out.push_str("</g>\n");
}

/// How round a box is: a pill is as round as can be.
pub(crate) fn corner(at: &NodeBox, role: Role) -> f32 {
    if role == Role::More { at.height / 2.0 } else { theme::CORNER }
}

/// The texts of a box with their baselines.
pub(crate) fn texts<'a>(
    at: &NodeBox,
    node: &'a SketchNode,
) -> impl Iterator<Item = (f32, SvgText<'a>)> {
    let look = theme::box_look(node.kind, node.role);
    let (font, size) = title_style(node.role);
    let content = theme::TITLE_HEIGHT + theme::LINE_HEIGHT * node.lines.len() as f32;
    let top = at.top + (at.height - content) / 2.0;
    let title =
        SvgText { text: &node.title.text, width: node.title.width, font, size, colour: look.title };
    // A capital is 0.73 of the size high: this centres it in its line.
    let first = top + theme::TITLE_HEIGHT / 2.0 + size * 0.365;
    let lines = node.lines.iter().enumerate().map(move |(index, line)| {
        let middle = top + theme::TITLE_HEIGHT + theme::LINE_HEIGHT * (index as f32 + 0.5);
        let text = SvgText {
            text: &line.text,
            width: line.width,
            font: Font::Regular,
            size: theme::LINE_SIZE,
            colour: look.text,
        };
        (middle + theme::LINE_SIZE * 0.365, text)
    });
    std::iter::once((first, title)).chain(lines)
}

/// One line of text, centred.
pub(crate) struct SvgText<'a> {
    pub(crate) text: &'a str,
    pub(crate) width: f32,
    pub(crate) font: Font,
    pub(crate) size: f32,
    pub(crate) colour: Colour,
}

impl SvgText<'_> {
    fn write(&self, out: &mut String, x: f32, baseline: f32) {
        if self.text.trim().is_empty() {
            return;
        }
        let bold = if self.font == Font::Bold { " font-weight=\"bold\"" } else { "" };
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{bold} fill=\"{}\" textLength=\"{}\" \
             lengthAdjust=\"spacingAndGlyphs\"",
            Number(x),
            Number(baseline),
            self.size,
            Hex(self.colour),
            Number(self.width),
        );
        let _ = writeln!(out, ">{}</text>", xml(self.text));
    }
}

/// FNV-1a: not against malice, only so that two pictures differ.
fn fnv(body: &[u8], nodes: &str) -> u64 {
    body.iter().chain(nodes.as_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A length with at most one decimal: a tenth of a pixel is not seen.
struct Number(f32);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        if tenths < 0 {
            f.write_str("-")?;
        }
        let tenths = tenths.abs();
        match tenths % 10 {
            0 => write!(f, "{}", tenths / 10),
            part => write!(f, "{}.{part}", tenths / 10),
        }
    }
}

struct Hex(Colour);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0.0, self.0.1, self.0.2)
    }
}

struct Dash(Option<[f32; 2]>);

impl std::fmt::Display for Dash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some([on, off]) => write!(f, " stroke-dasharray=\"{on} {off}\""),
            None => Ok(()),
        }
    }
}

struct PathData<'a>(&'a Curve);

impl std::fmt::Display for PathData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "M{} {}", Number(self.0.start.x), Number(self.0.start.y))?;
        for cubic in &self.0.cubics {
            for (point, command) in cubic.iter().zip(["C", " ", " "]) {
                write!(f, "{command}{} {}", Number(point.x), Number(point.y))?;
            }
        }
        Ok(())
    }
}
