//! A drawing in the DOT language, for Graphviz.
//!
//! Written into memory only. `dot-writer` escapes nothing, so every text goes
//! through an escaper of our own, and every value into quotes.

use std::fmt::Write;

use dot_writer::{Attributes, DotWriter};

use super::{Drawing, EdgeStyle, NodeKind, Role};

/// The most characters of one text, and about the most bytes of one label:
/// Graphviz 2.43 refuses a quoted value above 16,384 bytes.
const MAX_TEXT_CHARS: usize = 1_000;
const MAX_LABEL_BYTES: usize = 8_000;

/// A drawing in the DOT language; Graphviz 2.43 and later read it.
///
/// Any character may stand in the drawing's texts.
pub fn dot(drawing: &Drawing) -> String {
    let mut bytes = Vec::new();
    {
        let mut writer = DotWriter::from(&mut bytes);
        let mut graph = writer.digraph();
        {
            let mut attributes = graph.graph_attributes();
            quoted(&mut attributes, "rankdir", "TB");
            quoted(&mut attributes, "charset", "UTF-8");
            if !drawing.note.is_empty() {
                quoted(&mut attributes, "label", &escaped(&drawing.note));
                quoted(&mut attributes, "fontsize", "10");
            }
        }
        {
            let mut attributes = graph.node_attributes();
            quoted(&mut attributes, "shape", "box");
            quoted(&mut attributes, "style", "rounded,filled");
            quoted(&mut attributes, "fontname", "DejaVu Sans");
            quoted(&mut attributes, "fontsize", "10");
        }
        {
            let mut attributes = graph.edge_attributes();
            quoted(&mut attributes, "color", "#94a3b8");
            quoted(&mut attributes, "fontcolor", "#7c2d12");
            quoted(&mut attributes, "fontname", "DejaVu Sans");
            quoted(&mut attributes, "fontsize", "9");
        }
        for node in &drawing.nodes {
            let mut label = escaped(&node.title);
            for line in &node.lines {
                if label.len() > MAX_LABEL_BYTES {
                    label.push_str("\\n…");
                    break;
                }
                label.push_str("\\n");
                label.push_str(&escaped(line));
            }
            let (fill, line) = colours(node.kind, node.role);
            let mut named = graph.node_named(&node.id);
            let written = &mut *named;
            quoted(written, "label", &label);
            quoted(written, "tooltip", &escaped(&node.tooltip));
            quoted(written, "fillcolor", fill);
            quoted(written, "color", line);
            match node.role {
                Role::Target => quoted(written, "penwidth", "2"),
                Role::More => quoted(written, "style", "rounded,filled,dashed"),
                Role::Plain | Role::Highlight => {}
            }
            for (name, value) in &node.attributes {
                let name: String =
                    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if !name.is_empty() {
                    quoted(written, &name, &escaped(value));
                }
            }
        }
        for edge in &drawing.edges {
            let ends = (&drawing.nodes[edge.source].id, &drawing.nodes[edge.target].id);
            let mut written = graph.edge(ends.0, ends.1).attributes();
            if !edge.label.is_empty() {
                quoted(&mut written, "label", &escaped(&edge.label));
            }
            match edge.style {
                EdgeStyle::Plain => {}
                EdgeStyle::Strong => quoted(&mut written, "color", "#475569"),
                EdgeStyle::Weak => quoted(&mut written, "style", "dotted"),
                EdgeStyle::More => {
                    quoted(&mut written, "style", "dashed");
                    quoted(&mut written, "color", "#b91c1c");
                }
            }
        }
    }
    String::from_utf8(bytes).expect("the writer was given UTF-8 only")
}

fn quoted(to: &mut impl Attributes, name: &str, value: &str) {
    to.set(name, value, true);
}

/// The fill and the line of a box.
fn colours(kind: NodeKind, role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Target => return ("#fef3c7", "#d97706"),
        Role::Highlight => return ("#fae8ff", "#a21caf"),
        Role::More => return ("#fee2e2", "#dc2626"),
        Role::Plain => {}
    }
    match kind {
        NodeKind::Instance => ("#f1f5f9", "#64748b"),
        NodeKind::Dict => ("#dbeafe", "#3b82f6"),
        NodeKind::List => ("#dcfce7", "#16a34a"),
        NodeKind::Tuple => ("#ccfbf1", "#0d9488"),
        NodeKind::Set => ("#ecfccb", "#65a30d"),
        NodeKind::Scalar => ("#ffffff", "#94a3b8"),
        NodeKind::Type => ("#ede9fe", "#7c3aed"),
        NodeKind::Module => ("#bbf7d0", "#15803d"),
        NodeKind::Function => ("#ffedd5", "#ea580c"),
        NodeKind::Frame => ("#fce7f3", "#db2777"),
        NodeKind::Thread => ("#e0e7ff", "#4f46e5"),
        NodeKind::Weak => ("#f5f5f4", "#a8a29e"),
    }
}

/// Text for a quoted value, so that Graphviz shows just these characters.
///
/// A backslash would begin an escape sequence, a quote end the value, an
/// ampersand begin an entity. Control characters have no picture: a NUL would end the file,
/// so they become their Unicode symbols. Long text is cut.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (at, sign) in text.chars().enumerate() {
        if at == MAX_TEXT_CHARS {
            safe.push('…');
            break;
        }
        match sign {
            '\\' => safe.push_str("\\\\"),
            '"' => safe.push_str("\\\""),
            '&' => safe.push_str("&amp;"),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push(' '),
            '\0'..='\x1f' => safe.push(char::from_u32(0x2400 + sign as u32).unwrap_or('?')),
            '\x7f' => safe.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                write!(safe, "U+{:04X}", sign as u32).expect("a String takes all text");
            }
            sign => safe.push(sign),
        }
    }
    safe
}
