//! How a picture looks: colours, sizes and distances, in one place.
//!
//! Lengths are in units: one unit is one CSS pixel in SVG.

use snakeroot::view::{EdgeStyle, NodeKind, Role};

/// A colour without transparency: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const TITLE_SIZE: f32 = 11.5;
pub(crate) const LINE_SIZE: f32 = 10.0;
pub(crate) const LABEL_SIZE: f32 = 10.0;
pub(crate) const NOTE_SIZE: f32 = 10.0;
/// From one baseline to the next.
pub(crate) const TITLE_HEIGHT: f32 = 14.0;
pub(crate) const LINE_HEIGHT: f32 = 12.5;
pub(crate) const LABEL_HEIGHT: f32 = 14.0;
/// Between a box's border and its text.
pub(crate) const PAD_X: f32 = 10.0;
pub(crate) const PAD_Y: f32 = 6.0;
pub(crate) const MIN_BOX_WIDTH: f32 = 52.0;
pub(crate) const CORNER: f32 = 5.0;
/// Around the picture.
pub(crate) const MARGIN: f32 = 14.0;
/// Between the picture and its note.
pub(crate) const NOTE_GAP: f32 = 10.0;
/// Between two pieces of a picture that no edge joins.
pub(crate) const PIECE_GAP: f32 = 28.0;
/// Between two boxes of a row.
pub(crate) const BOX_GAP: i32 = 16;
/// Between an edge and a box that it passes.
pub(crate) const EDGE_BOX_GAP: i32 = 12;
/// Between two edges that pass through a row.
pub(crate) const EDGE_GAP: i32 = 9;
/// Around a label.
pub(crate) const LABEL_GAP: i32 = 7;
/// Between two rows; with labels between them, half of it on either side.
pub(crate) const ROW_GAP: f32 = 32.0;
/// What a row gap grows by, for each unit that its flattest edge runs sideways.
pub(crate) const ROW_GAP_GROWTH: f32 = 0.035;
/// The most that a row gap grows by.
pub(crate) const ROW_GAP_MAX_GROWTH: f32 = 34.0;
/// Between two ends of edges on one side of a box, where there is room.
pub(crate) const PORT_GAP: f32 = 12.0;
/// Between two ends of edges on one side of a box, for which the box is made wider.
pub(crate) const MIN_PORT_GAP: f32 = 6.0;
/// Beyond it the ends come closer again.
pub(crate) const MAX_PORTS_WIDTH: f32 = 400.0;
/// What a row gap grows by for each edge at one box, from so many on.
pub(crate) const BUSY_GAP_GROWTH: f32 = 0.8;
pub(crate) const BUSY: usize = 16;
/// The most that a row gap grows by for that.
pub(crate) const BUSY_GAP_MAX_GROWTH: f32 = 48.0;
/// How far the innermost self loop reaches out of its box.
pub(crate) const LOOP_REACH: f32 = 16.0;
pub(crate) const ARROW_LENGTH: f32 = 7.5;
pub(crate) const ARROW_HALF_WIDTH: f32 = 2.9;
/// Of the white patch that keeps a label apart from its edge.
pub(crate) const PATCH_HEIGHT: f32 = 12.0;
pub(crate) const PATCH_PAD: f32 = 1.5;
pub(crate) const PATCH_CORNER: f32 = 3.0;

pub(crate) const BACKGROUND: Colour = Colour(255, 255, 255);
pub(crate) const LABEL: Colour = Colour(0x8a, 0x3b, 0x12);
pub(crate) const NOTE: Colour = Colour(0x64, 0x74, 0x8b);

/// How a box is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoxLook {
    pub(crate) fill: Colour,
    pub(crate) border: Colour,
    pub(crate) border_width: f32,
    pub(crate) dash: Option<[f32; 2]>,
    pub(crate) title: Colour,
    pub(crate) text: Colour,
}

/// The look of a box; the role goes before the kind.
pub(crate) fn box_look(kind: NodeKind, role: Role) -> BoxLook {
    let (fill, border) = match kind {
        NodeKind::Instance => (Colour(0xf1, 0xf5, 0xf9), Colour(0x64, 0x74, 0x8b)),
        NodeKind::Dict => (Colour(0xdb, 0xea, 0xfe), Colour(0x3b, 0x82, 0xf6)),
        NodeKind::List => (Colour(0xdc, 0xfc, 0xe7), Colour(0x16, 0xa3, 0x4a)),
        NodeKind::Tuple => (Colour(0xd5, 0xf2, 0xee), Colour(0x0d, 0x94, 0x88)),
        NodeKind::Set => (Colour(0xcf, 0xf3, 0xfa), Colour(0x08, 0x91, 0xb2)),
        NodeKind::Scalar => (Colour(0xfa, 0xfa, 0xf9), Colour(0xa8, 0xa2, 0x9e)),
        NodeKind::Type => (Colour(0xed, 0xe9, 0xfe), Colour(0x7c, 0x3a, 0xed)),
        NodeKind::Module => (Colour(0xf5, 0xe3, 0xc3), Colour(0x85, 0x4d, 0x0e)),
        NodeKind::Function => (Colour(0xfc, 0xe7, 0xf3), Colour(0xdb, 0x27, 0x77)),
        NodeKind::Frame => (Colour(0xe6, 0xea, 0xd3), Colour(0x65, 0x79, 0x2a)),
        NodeKind::Thread => (Colour(0xd3, 0xd9, 0xe3), Colour(0x33, 0x41, 0x55)),
        NodeKind::Weak => (Colour(0xff, 0xff, 0xff), Colour(0x94, 0xa3, 0xb8)),
    };
    let plain = BoxLook {
        fill,
        border,
        border_width: 1.2,
        dash: (kind == NodeKind::Weak).then_some([1.5, 2.5]),
        title: Colour(0x0f, 0x17, 0x2a),
        text: Colour(0x33, 0x41, 0x55),
    };
    match role {
        Role::Plain => plain,
        Role::Target => BoxLook {
            fill: Colour(0xfe, 0xf0, 0xcd),
            border: Colour(0xd9, 0x77, 0x06),
            border_width: 2.4,
            dash: None,
            ..plain
        },
        Role::Highlight => {
            BoxLook { border: Colour(0x1d, 0x4e, 0xd8), border_width: 2.8, dash: None, ..plain }
        }
        Role::More => BoxLook {
            fill: Colour(0xfe, 0xf2, 0xf2),
            border: Colour(0xdc, 0x26, 0x26),
            border_width: 1.1,
            dash: Some([4.0, 3.0]),
            title: Colour(0xb9, 0x1c, 0x1c),
            text: Colour(0xb9, 0x1c, 0x1c),
        },
    }
}

/// How an edge is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EdgeLook {
    pub(crate) colour: Colour,
    pub(crate) width: f32,
    pub(crate) dash: Option<[f32; 2]>,
}

/// The look of an edge.
pub(crate) fn edge_look(style: EdgeStyle) -> EdgeLook {
    match style {
        EdgeStyle::Plain => EdgeLook { colour: Colour(0x8c, 0x9c, 0xb5), width: 1.1, dash: None },
        EdgeStyle::Strong => EdgeLook { colour: Colour(0x3f, 0x4d, 0x63), width: 1.4, dash: None },
        EdgeStyle::Weak => {
            EdgeLook { colour: Colour(0x8c, 0x9c, 0xb5), width: 1.3, dash: Some([1.3, 3.0]) }
        }
        EdgeStyle::More => {
            EdgeLook { colour: Colour(0xdc, 0x26, 0x26), width: 1.1, dash: Some([4.0, 3.0]) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_look_the_same() {
        use NodeKind::*;
        let kinds =
            [Instance, Dict, List, Tuple, Set, Scalar, Type, Module, Function, Frame, Thread, Weak];
        for (place, &one) in kinds.iter().enumerate() {
            for &other in &kinds[place + 1..] {
                assert_ne!(
                    box_look(one, Role::Plain),
                    box_look(other, Role::Plain),
                    "{one:?} and {other:?}"
                );
            }
        }
    }
}
