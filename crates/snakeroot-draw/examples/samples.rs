//! Draws samples: one `.svg` and one `.png` each, into the directory given.
//!
//! For looking at, and for measuring against other programs: with a second
//! argument it draws that many graphs of random heaps as well, and writes each
//! as `.dot` with the boxes' sizes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use snakeroot::view::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};
use snakeroot_draw::{Layout, Options, layout, png, svg};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let into = arguments.next().ok_or("expected a directory to write into")?;
    let into = Path::new(&into);
    std::fs::create_dir_all(into)?;
    for (name, drawing) in samples() {
        write(into, name, &drawing)?;
    }
    if let Some(count) = arguments.next() {
        for seed in 0..count.parse::<u64>()? {
            let mut dice = Dice(seed * 7919 + 13);
            let nodes = 12 + dice.below(40);
            write(into, &format!("heap{seed:03}"), &heap(&mut dice, nodes))?;
        }
        for nodes in [100, 300, 1_000] {
            write(into, &format!("size{nodes}"), &heap(&mut Dice(nodes as u64), nodes))?;
        }
        write(into, "tangle", &tangle(&mut Dice(1), 1_000, 3_000))?;
        write(into, "knot", &tangle(&mut Dice(2), 60, 3_000))?;
        write(into, "far", &far(1_000))?;
        write(into, "widest_fan", &fan(950))?;
    }
    Ok(())
}

/// Edges from anywhere to anywhere: no heap, but whoever asks must get an answer.
fn tangle(dice: &mut Dice, nodes: usize, edges: usize) -> Drawing {
    let mut drawing = Drawing::default();
    for place in 0..nodes {
        let mut drawn = instance("Node", place);
        if place == 0 {
            drawn.role = Role::Target;
        }
        drawing.nodes.push(drawn);
    }
    for _ in 0..edges {
        drawing.edges.push(edge(dice.below(nodes), dice.below(nodes), "x", EdgeStyle::Plain));
    }
    numbered(drawing)
}

/// A chain in which each box refers to the target, too.
fn far(length: usize) -> Drawing {
    let mut drawing = chain(length);
    for place in 0..length - 2 {
        drawing.edges.push(edge(place, length - 1, "far", EdgeStyle::Strong));
    }
    drawing
}

fn write(into: &Path, name: &str, drawing: &Drawing) -> Outcome {
    let options = Options::default();
    let start = Instant::now();
    let places = layout(drawing, &options)?;
    let time = start.elapsed();
    std::fs::write(into.join(format!("{name}.svg")), svg(drawing, &options)?)?;
    let start = Instant::now();
    std::fs::write(into.join(format!("{name}.png")), png(drawing, &options)?)?;
    let whole = start.elapsed();
    std::fs::write(into.join(format!("{name}.dot")), dot(drawing, &places))?;
    writeln!(
        std::io::stdout(),
        "{name:12} {:5} nodes {:5} edges {:6} crossings {:6.0} x {:6.0}, {:4} left out, \
         layout {time:.1?}, png {whole:.1?}",
        drawing.nodes.len(),
        drawing.edges.len(),
        places.crossings(),
        places.width(),
        places.height(),
        places.left_out(),
    )?;
    Ok(())
}

/// The same graph with the same boxes for Graphviz, the other way round so that
/// it breaks cycles from the targets too.
fn dot(drawing: &Drawing, places: &Layout) -> String {
    let mut out =
        String::from("digraph {\nrankdir=BT\nnode [shape=box fixedsize=true label=\"\"]\n");
    for place in places.nodes() {
        let (width, height) = (place.width / 72.0, place.height / 72.0);
        let _ = writeln!(out, "n{} [width={width} height={height}]", place.node);
    }
    for edge in &drawing.edges {
        let label = edge.label.replace(['"', '\\', '\n'], "_");
        let _ = writeln!(
            out,
            "n{} -> n{} [dir=back fontname=\"DejaVu Sans\" fontsize=10 label=\"{label}\"]",
            edge.target, edge.source,
        );
    }
    out.push_str("}\n");
    out
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}

fn node(title: &str, lines: &[&str], kind: NodeKind, role: Role) -> DrawnNode {
    DrawnNode {
        id: String::new(),
        title: title.to_owned(),
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
        kind,
        role,
        tooltip: format!("{title}\n{}", lines.join("\n")),
        attributes: Vec::new(),
    }
}

fn edge(source: usize, target: usize, label: &str, style: EdgeStyle) -> DrawnEdge {
    DrawnEdge { source, target, label: label.to_owned(), style }
}

fn numbered(mut drawing: Drawing) -> Drawing {
    for (index, node) in drawing.nodes.iter_mut().enumerate() {
        node.id = format!("n{index}");
    }
    drawing.targets_last = true;
    drawing
}

fn instance(title: &str, place: usize) -> DrawnNode {
    let address = format!("0x7f85a5{:04x}", 0x3384 + place * 16);
    node(title, &[&address, "2 refs, 56 B"], NodeKind::Instance, Role::Plain)
}

/// Referrers of one target as a heap would have them: containers that hold
/// instances with dicts, some of them shared, some in cycles.
fn heap(dice: &mut Dice, count: usize) -> Drawing {
    let mut drawing = Drawing::default();
    drawing.nodes.push(node(
        "Request",
        &["0x7f85a53383", "58 refs, 56 B"],
        NodeKind::Instance,
        Role::Target,
    ));
    for place in 1..count {
        let drawn = match dice.below(6) {
            0 | 1 => node("dict", &["2 items", "2 refs, 184 B"], NodeKind::Dict, Role::Plain),
            2 => node("list", &["14 items", "3 refs, 184 B"], NodeKind::List, Role::Plain),
            3 => node("tuple", &["3 items", "2 refs, 64 B"], NodeKind::Tuple, Role::Plain),
            _ => instance("Session", place),
        };
        drawing.nodes.push(drawn);
        // Near the newest mostly, so that there are chains; else the target.
        let target = if dice.below(4) == 0 { 0 } else { place - 1 - dice.below(place.min(12)) };
        let labels = ["", "", "s", "r", "cache", "sessions", "[0]"];
        let style = if target == 0 { EdgeStyle::Strong } else { EdgeStyle::Plain };
        drawing.edges.push(edge(place, target, labels[dice.below(labels.len())], style));
        while dice.below(3) == 0 {
            let other = dice.below(place + 1);
            if other != place {
                let (from, to) = if dice.below(5) == 0 { (other, place) } else { (place, other) };
                let style = if to == 0 { EdgeStyle::Strong } else { EdgeStyle::Plain };
                drawing.edges.push(edge(from, to, labels[dice.below(labels.len())], style));
            }
        }
    }
    numbered(drawing)
}

fn samples() -> Vec<(&'static str, Drawing)> {
    vec![
        ("chain", chain(5)),
        ("long_chain", chain(25)),
        ("fan", fan(12)),
        ("wide_fan", fan(60)),
        ("dense", dense()),
        ("odd_edges", odd_edges()),
        ("texts", texts()),
        ("apart", apart()),
        ("kinds", kinds()),
        ("forwards", forwards()),
        ("empty", Drawing::default()),
    ]
}

fn chain(length: usize) -> Drawing {
    let mut drawing = Drawing::default();
    drawing.nodes.push(node("module", &["app.cache", "58 refs"], NodeKind::Module, Role::Plain));
    for place in 1..length - 1 {
        drawing.nodes.push(match place % 3 {
            1 => node("dict", &["48 items", "1 ref, 2.2 KiB"], NodeKind::Dict, Role::Plain),
            2 => instance("Session", place),
            _ => node("list", &["3 items", "2 refs, 88 B"], NodeKind::List, Role::Plain),
        });
    }
    drawing.nodes.push(node(
        "Request",
        &["0x7f85a53383", "2 refs, 56 B"],
        NodeKind::Instance,
        Role::Target,
    ));
    for place in 1..length {
        let style = if place == length - 1 { EdgeStyle::Strong } else { EdgeStyle::Plain };
        let label = ["__dict__", "SESSIONS", "['current']"][place % 3];
        drawing.edges.push(edge(place - 1, place, label, style));
    }
    numbered(drawing)
}

fn fan(referrers: usize) -> Drawing {
    let mut drawing = Drawing::default();
    drawing.nodes.push(node(
        "User",
        &["0x7f85a53383", "62 refs, 56 B"],
        NodeKind::Instance,
        Role::Target,
    ));
    for place in 1..=referrers {
        let kind = place % 3;
        drawing.nodes.push(match kind {
            0 => node("dict", &["2 items", "2 refs, 184 B"], NodeKind::Dict, Role::Plain),
            1 => node("list", &["2 items", "2 refs, 72 B"], NodeKind::List, Role::Plain),
            _ => node("cell", &["1 ref, 40 B"], NodeKind::Function, Role::Plain),
        });
        drawing.edges.push(edge(
            place,
            0,
            ["user", "[0]", "cell_contents"][kind],
            EdgeStyle::Strong,
        ));
    }
    drawing.nodes.push(node("50 more backreferences", &[], NodeKind::Instance, Role::More));
    drawing.edges.push(edge(referrers + 1, 0, "", EdgeStyle::More));
    drawing.note = format!("{} referrers; {referrers} of them drawn", referrers + 50);
    numbered(drawing)
}

fn dense() -> Drawing {
    let mut drawing = heap(&mut Dice(45), 12);
    let cache = drawing.nodes.len();
    drawing.nodes.push(node("Cache", &["20 items", "4 refs, 488 B"], NodeKind::Dict, Role::Plain));
    drawing.nodes.push(node("list", &["20 items", "3 refs, 248 B"], NodeKind::List, Role::Plain));
    drawing.nodes.push(node("dict", &["4 items", "2 refs, 184 B"], NodeKind::Dict, Role::Plain));
    drawing.edges.push(edge(cache + 2, cache, "cache", EdgeStyle::Plain));
    drawing.edges.push(edge(cache + 2, cache + 1, "sessions", EdgeStyle::Plain));
    for turn in 0..8 {
        let session = drawing.nodes.len();
        drawing.nodes.push(instance("Session", session));
        drawing.nodes.push(node(
            "dict",
            &["2 items", "2 refs, 184 B"],
            NodeKind::Dict,
            Role::Plain,
        ));
        drawing.nodes.push(node(
            "tuple",
            &["3 items", "2 refs, 64 B"],
            NodeKind::Tuple,
            Role::Plain,
        ));
        drawing.nodes.push(node("list", &["2 items", "2 refs, 72 B"], NodeKind::List, Role::Plain));
        drawing.edges.push(edge(cache, session, &format!("s{turn}"), EdgeStyle::Plain));
        drawing.edges.push(edge(cache + 1, session, "", EdgeStyle::Plain));
        drawing.edges.push(edge(session + 2, session, "", EdgeStyle::Plain));
        drawing.edges.push(edge(session, session + 1, "__dict__", EdgeStyle::Plain));
        drawing.edges.push(edge(session + 1, 0, "r", EdgeStyle::Strong));
        drawing.edges.push(edge(session, session + 3, "", EdgeStyle::Plain));
        drawing.edges.push(edge(session + 3, 0, "", EdgeStyle::Strong));
        if turn % 3 == 0 {
            drawing.edges.push(edge(session + 1, session, "s", EdgeStyle::Plain));
        }
    }
    let more = drawing.nodes.len();
    drawing.nodes.push(node("39 more backreferences", &[], NodeKind::Instance, Role::More));
    drawing.edges.push(edge(more, 0, "", EdgeStyle::More));
    numbered(drawing)
}

fn odd_edges() -> Drawing {
    let mut drawing = Drawing::default();
    drawing.nodes.push(instance("Node", 0));
    drawing.nodes.push(instance("Node", 1));
    drawing.nodes.push(node(
        "Tree",
        &["0x7f85a53383", "9 refs, 56 B"],
        NodeKind::Instance,
        Role::Target,
    ));
    drawing.nodes.push(node("ref", &["weak, 1 ref"], NodeKind::Weak, Role::Plain));
    drawing.nodes.push(node("list", &["[[...]]"], NodeKind::List, Role::Highlight));
    for (source, target, label) in [
        (0, 1, "next"),
        (1, 0, "previous"),
        (0, 0, "self"),
        (1, 2, "tree"),
        (1, 2, "root"),
        (1, 2, "owner"),
        (2, 0, "first"),
        (2, 1, "last"),
        (4, 4, "[0]"),
        (4, 4, "[1]"),
        (4, 2, ""),
        (4, 2, ""),
    ] {
        let style = if target == 2 { EdgeStyle::Strong } else { EdgeStyle::Plain };
        drawing.edges.push(edge(source, target, label, style));
    }
    drawing.edges.push(edge(3, 2, "", EdgeStyle::Weak));
    numbered(drawing)
}

fn texts() -> Drawing {
    let mut drawing = Drawing::default();
    drawing.nodes.push(node(
        "Größe<\"T\">",
        &["naïve & co", "it's λ → ∞"],
        NodeKind::Type,
        Role::Plain,
    ));
    drawing.nodes.push(node(
        "Привет.Мир",
        &["two\nlines\tand a tab", "漢字 🐍 עברית"],
        NodeKind::Scalar,
        Role::Plain,
    ));
    drawing.nodes.push(node(
        &"VeryLongClassName".repeat(8),
        &[&"line ".repeat(40)],
        NodeKind::Instance,
        Role::Plain,
    ));
    drawing.nodes.push(node("", &[], NodeKind::Instance, Role::Plain));
    drawing.nodes.push(node(
        "Target",
        &["\u{202e}desrever\u{202c} \0\u{1b}[31m"],
        NodeKind::Instance,
        Role::Target,
    ));
    for (source, target, label) in [
        (0, 4, "['key\n\"x\"']"),
        (1, 4, "<script>&amp;"),
        (2, 4, "a label that is far too long to be shown in a picture whole"),
        (3, 4, "ключ"),
        (0, 1, "__naïve__"),
    ] {
        drawing.edges.push(edge(source, target, label, EdgeStyle::Plain));
    }
    numbered(drawing)
}

fn apart() -> Drawing {
    let mut drawing = chain(4);
    let first = drawing.nodes.len();
    let other = chain(3);
    drawing.nodes.extend(other.nodes);
    drawing.edges.extend(other.edges.into_iter().map(|mut edge| {
        edge.source += first;
        edge.target += first;
        edge
    }));
    drawing.nodes.push(node(
        "object",
        &["0x7f85a53999", "0 refs, 16 B"],
        NodeKind::Instance,
        Role::Target,
    ));
    numbered(drawing)
}

fn kinds() -> Drawing {
    use NodeKind::*;
    let mut drawing = Drawing::default();
    let kinds = [
        ("Session", Instance),
        ("dict", Dict),
        ("list", List),
        ("tuple", Tuple),
        ("set", Set),
        ("str", Scalar),
        ("type", Type),
        ("module", Module),
        ("function", Function),
        ("frame", Frame),
        ("Thread", Thread),
        ("weakref", Weak),
    ];
    for (title, kind) in kinds {
        drawing.nodes.push(node(title, &["3 refs, 56 B"], kind, Role::Plain));
    }
    drawing.nodes.push(node("target", &["3 refs"], Instance, Role::Target));
    drawing.nodes.push(node("highlight", &["3 refs"], Dict, Role::Highlight));
    for place in 0..12 {
        drawing.edges.push(edge(place, 12 + place % 2, "", EdgeStyle::Plain));
    }
    numbered(drawing)
}

fn forwards() -> Drawing {
    let mut drawing = heap(&mut Dice(5), 18);
    for edge in &mut drawing.edges {
        std::mem::swap(&mut edge.source, &mut edge.target);
    }
    drawing.targets_last = false;
    drawing
}
