//! A neighbourhood in lines of text, indented by how far away a node is.

use std::io::{self, Write};

use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;
use snakeroot::Graph;
use snakeroot::analysis::{Direction, Neighbourhood};
use snakeroot::view::{describe, grouped, human_size};

/// A line that is still to come.
enum Line {
    /// A node, how deep, and the edge by which it was reached.
    Node(NodeIndex, u32, Option<EdgeIndex>),
    /// How many neighbours were left out, and how deep they would stand.
    More(u64, u32),
}

/// Writes the lines: each object once with its neighbours below it, at its distance.
///
/// Nodes `max_depth` away have no neighbours below them: only those that came
/// in by another way are known.
pub(crate) fn write_listing(
    graph: &Graph,
    neighbourhood: &Neighbourhood,
    max_depth: u32,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown = &neighbourhood.graph;
    let backwards = neighbourhood.direction == Direction::Referrers;
    let way = if backwards { petgraph::Direction::Incoming } else { petgraph::Direction::Outgoing };
    let mut listed = vec![false; shown.node_count()];
    let mut lines: Vec<Line> =
        neighbourhood.starts.iter().rev().map(|&start| Line::Node(start, 0, None)).collect();
    while let Some(line) = lines.pop() {
        let (at, depth, edge) = match line {
            Line::Node(at, depth, edge) => (at, depth, edge),
            Line::More(count, depth) => {
                let indent = indent(depth);
                writeln!(out, "{indent}({} more)", grouped(count))?;
                continue;
            }
        };
        let weight = shown[at];
        let what = describe(graph, weight.node);
        write!(out, "{}", indent(depth))?;
        match edge.map(|edge| shown[edge]) {
            None => write!(out, "{what}")?,
            Some(edge) => {
                let label = clean(&graph.snapshot().label_table().get(edge.label).to_string());
                let times = match edge.count {
                    0 | 1 => String::new(),
                    count => format!(" (×{})", grouped(count)),
                };
                match backwards {
                    true => write!(out, "← {what} {label}{times}")?,
                    false => write!(out, "→ {label}{times} {what}")?,
                }
            }
        }
        let here = weight.depth == depth && !listed[at.index()];
        if !here {
            writeln!(out, " (listed elsewhere)")?;
            continue;
        }
        listed[at.index()] = true;
        write!(out, ", {}", human_size(graph.snapshot().size(weight.node)))?;
        match graph.snapshot().root(weight.node) {
            Some(root) => writeln!(out, " [GC root: {}]", clean(&root.to_string()))?,
            None => writeln!(out)?,
        }
        // The last one pushed is the first one written.
        if weight.left_out > 0 {
            lines.push(Line::More(weight.left_out, depth + 1));
        }
        if depth < max_depth {
            let mut edges: Vec<_> = shown.edges_directed(at, way).collect();
            edges.sort_by_key(|edge| std::cmp::Reverse(edge.id()));
            lines.extend(edges.into_iter().map(|edge| {
                let neighbour = if backwards { edge.source() } else { edge.target() };
                Line::Node(neighbour, depth + 1, Some(edge.id()))
            }));
        }
    }
    Ok(())
}

/// Text from the heap, without what would steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|sign| {
            let escaped = sign.is_control().then(|| sign.escape_default());
            let plain = if escaped.is_none() { Some(sign) } else { None };
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// Two blanks for each step; far away a number says how many, so that lines
/// stay short.
fn indent(depth: u32) -> String {
    const MOST: u32 = 30;
    if depth <= MOST {
        "  ".repeat(depth as usize)
    } else {
        format!("{}({depth}) ", "  ".repeat(MOST as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(clean("é\u{1b}[31m\n"), "é\\u{1b}[31m\\n");
    }
}
