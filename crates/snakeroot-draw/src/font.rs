//! The two embedded fonts: how wide a text is, and what its outline looks like.
//!
//! Pictures are the same on every machine because no other font is asked for.
//! A character that the subset lacks has the width and the shape of `.notdef`,
//! a box. No kerning, no ligatures, no right-to-left runs.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Font {
    Regular,
    Bold,
}

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(include_bytes!("../fonts/DejaVuSans-subset.ttf"), 0)
        .expect("the embedded font is whole")
});
static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(include_bytes!("../fonts/DejaVuSans-Bold-subset.ttf"), 0)
        .expect("the embedded font is whole")
});

impl Font {
    fn face(self) -> &'static Face<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }

    fn glyph(self, letter: char) -> GlyphId {
        self.face().glyph_index(letter).unwrap_or(GlyphId(0))
    }

    /// How far a text of `size` reaches, in units of the picture.
    pub(crate) fn width(self, text: &str, size: f32) -> f32 {
        let units: u32 = text
            .chars()
            .map(|letter| u32::from(self.face().glyph_hor_advance(self.glyph(letter)).unwrap_or(0)))
            .sum();
        units as f32 * size / f32::from(self.face().units_per_em())
    }

    /// The outline of a text whose baseline starts at (`x`, `y`), or `None`
    /// where there is nothing to paint.
    pub(crate) fn outline(self, text: &str, size: f32, x: f32, y: f32) -> Option<Path> {
        let scale = size / f32::from(self.face().units_per_em());
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale };
        for letter in text.chars() {
            let glyph = self.glyph(letter);
            self.face().outline_glyph(glyph, &mut pen);
            pen.x += f32::from(self.face().glyph_hor_advance(glyph).unwrap_or(0)) * scale;
        }
        pen.path.finish()
    }
}

/// Moves a glyph's outline to its place; a font's y axis points upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (x1, y1) = self.place(x1, y1);
        let (x, y) = self.place(x, y);
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (x1, y1) = self.place(x1, y1);
        let (x2, y2) = self.place(x2, y2);
        let (x, y) = self.place(x, y);
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bold_is_wider_than_regular() {
        assert!(Font::Bold.width("Session", 12.0) > Font::Regular.width("Session", 12.0));
    }

    #[test]
    fn a_character_the_font_lacks_is_painted_as_a_box() {
        let missing = Font::Regular.outline("\u{6f22}", 10.0, 0.0, 0.0).expect("a box");
        let other = Font::Regular.outline("\u{1f40d}", 10.0, 0.0, 0.0).expect("a box");
        assert_eq!(missing.bounds(), other.bounds());
    }

    #[test]
    fn what_stands_for_other_characters_is_in_both_fonts() {
        for font in [Font::Regular, Font::Bold] {
            for letter in "⏎…\u{fffd}éЖλ→\\".chars() {
                assert_ne!(font.glyph(letter), GlyphId(0), "{letter} in {font:?}");
            }
        }
    }
}
