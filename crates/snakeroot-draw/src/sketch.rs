//! What is to be drawn, before anything has a place: cleaned texts, measured
//! boxes, and no more of them than a picture holds.
//!
//! The one reader of [`Drawing`], and so the one to check it.

use std::collections::{BTreeMap, VecDeque};

use snakeroot::view::{Drawing, EdgeStyle, NodeKind, Role};

use crate::font::Font;
use crate::{DrawError, text, theme};

/// Edges in one picture; beyond it the farthest nodes are left out.
const MAX_EDGES: usize = 3_000;
/// Edges drawn from one node to another; the rest are one edge, "7 more".
const MAX_PARALLEL: usize = 6;
/// Self loops drawn at one node; beyond it, one loop has all labels.
const MAX_LOOPS: usize = 3;
/// Lines drawn in one box.
const MAX_LINES: usize = 12;

/// A text as it will be painted.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) width: f32,
}

impl Text {
    fn new(text: String, font: Font, size: f32) -> Self {
        let width = font.width(&text, size);
        Self { text, width }
    }
}

/// A box with its texts and its size.
#[derive(Clone, Debug)]
pub(crate) struct SketchNode {
    /// Its place in the drawing.
    pub(crate) node: usize,
    pub(crate) title: Text,
    pub(crate) lines: Vec<Text>,
    pub(crate) tooltip: String,
    pub(crate) kind: NodeKind,
    pub(crate) role: Role,
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) loops: Vec<(EdgeStyle, Option<Text>)>,
}

/// An edge between two different boxes.
#[derive(Clone, Debug)]
pub(crate) struct SketchEdge {
    /// Place of the referrer in the sketch.
    pub(crate) source: usize,
    /// Place of the referent in the sketch.
    pub(crate) target: usize,
    pub(crate) style: EdgeStyle,
    pub(crate) label: Option<Text>,
}

/// All that goes into the picture.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) nodes: Vec<SketchNode>,
    pub(crate) edges: Vec<SketchEdge>,
    /// Nodes of the drawing that are not in the sketch.
    pub(crate) left_out: usize,
    pub(crate) note: Option<Text>,
    pub(crate) targets_last: bool,
}

impl Sketch {
    /// Checks, cuts, cleans and measures.
    pub(crate) fn new(drawing: &Drawing, max_nodes: usize) -> Result<Self, DrawError> {
        let count = drawing.nodes.len();
        for (edge, ends) in drawing.edges.iter().enumerate() {
            for found in [ends.source, ends.target] {
                if found >= count {
                    return Err(DrawError::EdgeEnd { edge, found, nodes: count });
                }
            }
        }
        let bundles = Bundles::new(drawing);
        let kept = nearest(drawing, &bundles, max_nodes);
        let mut place = vec![None; count];
        for (new, &old) in kept.iter().enumerate() {
            place[old] = Some(new);
        }
        let mut nodes: Vec<SketchNode> = kept.iter().map(|&node| measured(drawing, node)).collect();
        let mut edges = Vec::new();
        for (&(source, target), bundle) in &bundles.by_ends {
            let (Some(source), Some(target)) = (place[source], place[target]) else {
                continue;
            };
            if source == target {
                nodes[source].loops = loops(bundle);
                continue;
            }
            let shown = if bundle.len() > MAX_PARALLEL { MAX_PARALLEL - 1 } else { bundle.len() };
            for (style, label) in &bundle[..shown] {
                edges.push(SketchEdge { source, target, style: *style, label: label_text(label) });
            }
            if shown < bundle.len() {
                let label = Some(format!("{} more", bundle.len() - shown));
                edges.push(SketchEdge {
                    source,
                    target,
                    style: bundle[shown].0,
                    label: label_text(&label),
                });
            }
        }
        widen(&mut nodes, &edges);
        let left_out = count - kept.len();
        Ok(Self {
            nodes,
            edges,
            left_out,
            note: note(drawing, left_out),
            targets_last: drawing.targets_last,
        })
    }
}

/// An edge but for its ends: its style and its cleaned label.
type Reference = (EdgeStyle, Option<String>);

/// The edges of the drawing by their ends, equal ones once.
struct Bundles {
    by_ends: BTreeMap<(usize, usize), Vec<Reference>>,
}

impl Bundles {
    fn new(drawing: &Drawing) -> Self {
        let mut by_ends: BTreeMap<_, Vec<Reference>> = BTreeMap::new();
        for edge in &drawing.edges {
            let label = text::one_line(&edge.label, text::MAX_LABEL_CHARS);
            let label = (!label.trim().is_empty()).then_some(label);
            by_ends.entry((edge.source, edge.target)).or_default().push((edge.style, label));
        }
        for bundle in by_ends.values_mut() {
            // Two references by the same name look like one drawn twice.
            let mut seen = std::collections::HashSet::new();
            bundle.retain(|(style, label)| seen.insert((*style, label.clone())));
        }
        Self { by_ends }
    }
}

/// The nodes to draw, in the drawing's order: all, or those nearest the targets.
fn nearest(drawing: &Drawing, bundles: &Bundles, max_nodes: usize) -> Vec<usize> {
    let count = drawing.nodes.len();
    let edges: usize = bundles.by_ends.values().map(|bundle| bundle.len().min(MAX_PARALLEL)).sum();
    if count <= max_nodes && edges <= MAX_EDGES {
        return (0..count).collect();
    }
    let mut beside: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    for (&(source, target), bundle) in &bundles.by_ends {
        let size = bundle.len().min(MAX_PARALLEL);
        beside[source].push((target, size));
        beside[target].push((source, size));
    }
    let targets = (0..count).filter(|&node| drawing.nodes[node].role == Role::Target);
    let mut seen = vec![false; count];
    let mut kept = vec![false; count];
    let mut order = VecDeque::new();
    let mut left = max_nodes;
    let mut room = MAX_EDGES;
    // Where no target reaches, the drawing's own order decides.
    for start in targets.chain(0..count) {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        order.push_back(start);
        while let Some(node) = order.pop_front() {
            let new_edges: usize =
                beside[node].iter().filter(|&&(other, _)| kept[other]).map(|&(_, size)| size).sum();
            if left == 0 || new_edges > room {
                continue;
            }
            left -= 1;
            room -= new_edges;
            kept[node] = true;
            for &(other, _) in &beside[node] {
                if !seen[other] {
                    seen[other] = true;
                    order.push_back(other);
                }
            }
        }
    }
    (0..count).filter(|&node| kept[node]).collect()
}

fn measured(drawing: &Drawing, node: usize) -> SketchNode {
    let drawn = &drawing.nodes[node];
    let (title_font, title_size) = title_style(drawn.role);
    let title =
        Text::new(text::one_line(&drawn.title, text::MAX_TITLE_CHARS), title_font, title_size);
    let shown = if drawn.lines.len() > MAX_LINES { MAX_LINES - 1 } else { drawn.lines.len() };
    let mut lines: Vec<Text> = drawn.lines[..shown]
        .iter()
        .map(|line| {
            Text::new(text::one_line(line, text::MAX_LINE_CHARS), Font::Regular, theme::LINE_SIZE)
        })
        .collect();
    if shown < drawn.lines.len() {
        let more = format!("{} more lines", drawn.lines.len() - shown);
        lines.push(Text::new(more, Font::Regular, theme::LINE_SIZE));
    }
    let widest = lines.iter().map(|line| line.width).fold(title.width, f32::max);
    // A pill's ends are round: its text needs more room there.
    let pad = if drawn.role == Role::More { theme::PAD_X + 2.0 } else { theme::PAD_X };
    let pad_y = if drawn.role == Role::More { theme::PAD_Y - 2.0 } else { theme::PAD_Y };
    SketchNode {
        node,
        title,
        tooltip: text::several_lines(&drawn.tooltip, text::MAX_TOOLTIP_CHARS),
        kind: drawn.kind,
        role: drawn.role,
        width: (widest + 2.0 * pad).max(theme::MIN_BOX_WIDTH).ceil(),
        height: (theme::TITLE_HEIGHT + theme::LINE_HEIGHT * lines.len() as f32 + 2.0 * pad_y)
            .ceil(),
        lines,
        loops: Vec::new(),
    }
}

/// Makes boxes wide enough that many arrows beside one another can be told apart.
fn widen(nodes: &mut [SketchNode], edges: &[SketchEdge]) {
    let mut ends = vec![[0u16; 2]; nodes.len()];
    for edge in edges {
        ends[edge.source][0] += 1;
        ends[edge.target][1] += 1;
    }
    for (node, ends) in nodes.iter_mut().zip(ends) {
        let most = f32::from(ends[0].max(ends[1]));
        let room = (most * theme::MIN_PORT_GAP).min(theme::MAX_PORTS_WIDTH);
        node.width = node.width.max(room + 2.0 * theme::CORNER).ceil();
    }
}

/// The font and size of a box's first line.
pub(crate) fn title_style(role: Role) -> (Font, f32) {
    match role {
        Role::More => (Font::Regular, theme::LINE_SIZE),
        _ => (Font::Bold, theme::TITLE_SIZE),
    }
}

fn label_text(label: &Option<String>) -> Option<Text> {
    label.as_ref().map(|label| Text::new(label.clone(), Font::Regular, theme::LABEL_SIZE))
}

fn loops(bundle: &[Reference]) -> Vec<(EdgeStyle, Option<Text>)> {
    if bundle.len() <= MAX_LOOPS {
        return bundle.iter().map(|(style, label)| (*style, label_text(label))).collect();
    }
    let labels: Vec<&str> = bundle.iter().filter_map(|(_, label)| label.as_deref()).collect();
    let joined = text::one_line(&labels.join(", "), text::MAX_LABEL_CHARS);
    vec![(bundle[0].0, label_text(&Some(joined)))]
}

fn note(drawing: &Drawing, left_out: usize) -> Option<Text> {
    let mut parts = Vec::new();
    if !drawing.note.trim().is_empty() {
        parts.push(drawing.note.trim().to_owned());
    }
    match left_out {
        0 => {}
        1 => parts.push("1 node left out".to_owned()),
        _ => parts.push(format!("{left_out} nodes left out")),
    }
    if parts.is_empty() && drawing.nodes.is_empty() {
        parts.push("nothing to draw".to_owned());
    }
    // What is left out here goes last and must not be cut off.
    let last = if left_out > 0 { parts.pop() } else { None };
    let mut note = text::one_line(&parts.join("; "), text::MAX_NOTE_CHARS);
    if let Some(last) = last {
        if !note.is_empty() {
            note.push_str("; ");
        }
        note.push_str(&last);
    }
    (!note.is_empty()).then(|| Text::new(note, Font::Regular, theme::NOTE_SIZE))
}
