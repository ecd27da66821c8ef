//! Paints a layout as PNG, with the outlines of the embedded font.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use crate::compose::Line;
use crate::font::Font;
use crate::route::Curve;
use crate::svg::{SvgText, arrow_head, corner, ordered, texts};
use crate::theme::{self, Colour};
use crate::{DrawError, Layout};

/// The most pixels in a picture: 256 MB while it is painted.
const MAX_PIXELS: f64 = 64_000_000.0;
/// The most pixels in one direction.
const MAX_SIDE: f64 = 60_000.0;

/// The file's bytes.
pub(crate) fn png(layout: &Layout, scale: f32) -> Result<Vec<u8>, DrawError> {
    let mut canvas = Canvas::new(layout.width, layout.height, scale)?;
    for line in ordered(layout) {
        canvas.edge(line);
    }
    for line in &layout.lines {
        if let Some((label, width, at)) = &line.label {
            let patch_width = width + 2.0 * theme::PATCH_PAD;
            let patch = rounded(
                at.x - patch_width / 2.0,
                at.y - theme::PATCH_HEIGHT / 2.0,
                patch_width,
                theme::PATCH_HEIGHT,
                theme::PATCH_CORNER,
            );
            if let Some(patch) = patch {
                canvas.fill(&patch, theme::BACKGROUND);
            }
            let text = SvgText {
                text: label,
                width: *width,
                font: Font::Regular,
                size: theme::LABEL_SIZE,
                colour: theme::LABEL,
            };
            canvas.text(&text, at.x, at.y + theme::LABEL_SIZE * 0.36);
        }
    }
    for (at, node) in layout.boxes.iter().zip(&layout.nodes) {
        let look = theme::box_look(node.kind, node.role);
        let shape = rounded(at.left, at.top, at.width, at.height, corner(at, node.role));
        if let Some(shape) = shape {
            canvas.fill(&shape, look.fill);
            canvas.stroke(&shape, look.border, look.border_width, look.dash);
        }
        for (baseline, text) in texts(at, node) {
            canvas.text(&text, at.left + at.width / 2.0, baseline);
        }
    }
    if let Some((note, width, y)) = &layout.note {
        let text = SvgText {
            text: note,
            width: *width,
            font: Font::Regular,
            size: theme::NOTE_SIZE,
            colour: theme::NOTE,
        };
        canvas.text(&text, theme::MARGIN + width / 2.0, *y);
    }
    canvas.encode()
}

struct Canvas {
    pixmap: Pixmap,
    transform: Transform,
}

impl Canvas {
    fn new(width: f32, height: f32, scale: f32) -> Result<Self, DrawError> {
        let (w, h) = (f64::from(width), f64::from(height));
        let scale =
            f64::from(scale).min((MAX_PIXELS / (w * h)).sqrt()).min(MAX_SIDE / w).min(MAX_SIDE / h);
        // Down where the limit is met, so that it is kept.
        let pixels = |length: f64| ((length * scale).ceil()).clamp(1.0, MAX_SIDE) as u32;
        let mut pixmap = Pixmap::new(pixels(w), pixels(h)).ok_or_else(|| DrawError::Png {
            message: format!("expected a size that fits into memory, found {w} by {h} units"),
        })?;
        pixmap.fill(colour(theme::BACKGROUND));
        let scale = scale as f32;
        Ok(Self { pixmap, transform: Transform::from_scale(scale, scale) })
    }

    fn fill(&mut self, path: &Path, with: Colour) {
        let paint = paint(with);
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.transform, None);
    }

    fn stroke(&mut self, path: &Path, with: Colour, width: f32, dash: Option<[f32; 2]>) {
        let stroke = Stroke {
            width,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: dash.and_then(|dash| StrokeDash::new(dash.to_vec(), 0.0)),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(path, &paint(with), &stroke, self.transform, None);
    }

    fn edge(&mut self, line: &Line) {
        let look = theme::edge_look(line.style);
        let shaft = line.curve.shortened(theme::ARROW_LENGTH);
        if let Some(path) = curve_path(&shaft) {
            self.stroke(&path, look.colour, look.width, look.dash);
        }
        let [one, other, tip] = arrow_head(shaft.end(), line.curve.end());
        let mut path = PathBuilder::new();
        path.move_to(one.x, one.y);
        path.line_to(other.x, other.y);
        path.line_to(tip.x, tip.y);
        path.close();
        if let Some(path) = path.finish() {
            self.fill(&path, look.colour);
        }
    }

    fn text(&mut self, text: &SvgText<'_>, middle: f32, baseline: f32) {
        let left = middle - text.width / 2.0;
        if let Some(path) = text.font.outline(text.text, text.size, left, baseline) {
            self.fill(&path, text.colour);
        }
    }

    fn encode(self) -> Result<Vec<u8>, DrawError> {
        let failed = |error: png::EncodingError| DrawError::Png { message: error.to_string() };
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.pixmap.width(), self.pixmap.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(failed)?;
        // The background is opaque, so a quarter of each pixel says nothing.
        let opaque: Vec<u8> = self
            .pixmap
            .data()
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        writer.write_image_data(&opaque).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

fn colour(from: Colour) -> Color {
    Color::from_rgba8(from.0, from.1, from.2, 255)
}

fn paint(with: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour(with));
    paint.anti_alias = true;
    paint
}

fn curve_path(curve: &Curve) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(curve.start.x, curve.start.y);
    for [one, two, end] in &curve.cubics {
        path.cubic_to(one.x, one.y, two.x, two.y, end.x, end.y);
    }
    path.finish()
}

fn rounded(left: f32, top: f32, width: f32, height: f32, corner: f32) -> Option<Path> {
    let rect = Rect::from_xywh(left, top, width, height)?;
    let (right, bottom) = (rect.right(), rect.bottom());
    // The part of a radius that makes a cubic a quarter of a circle.
    let c = corner * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(left + corner, top);
    path.line_to(right - corner, top);
    path.cubic_to(right - c, top, right, top + c, right, top + corner);
    path.line_to(right, bottom - corner);
    path.cubic_to(right, bottom - c, right - c, bottom, right - corner, bottom);
    path.line_to(left + corner, bottom);
    path.cubic_to(left + c, bottom, left, bottom - c, left, bottom - corner);
    path.line_to(left, top + corner);
    path.cubic_to(left, top + c, left + c, top, left + corner, top);
    path.close();
    path.finish()
}
