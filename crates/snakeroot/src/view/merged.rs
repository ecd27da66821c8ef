//! Merged chains as a table and as JSON.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::cells::Cells;
use super::describe::{Describer, describe, shortened};
use super::drawing::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, Role};
use super::json;
use super::text::{grouped, per_cent};
use crate::analysis::{MergedChains, MergedStep};
use crate::graph::Graph;
use crate::snapshot::{Label, LabelKind};

/// Steps that a row is moved to the right at most.
const MOST_STEPS: usize = 20;

/// What a step stands for: `dict 0x7f85a5338410`, `8 × app.Holder`, `3 × function handle`.
pub fn merged_words(graph: &Graph, step: &MergedStep) -> String {
    let snapshot = graph.snapshot();
    if step.nodes == 1 {
        return describe(graph, step.node);
    }
    let entry = snapshot.type_of(step.node);
    let type_name = shortened(&entry.display_name());
    let is_thread = entry.module.is_empty() && &*entry.qualname == "thread";
    let name = snapshot.names().get(step.node).filter(|_| !is_thread);
    let name = name.map_or(String::new(), |name| format!(" {}", shortened(name)));
    format!("{} × {type_name}{name}", grouped(step.nodes))
}

/// By what a step's nodes are held: the label, or its kind where they have several.
pub fn merged_label(graph: &Graph, step: &MergedStep) -> Option<String> {
    let label = graph.snapshot().label_table().get(step.label?);
    Some(shortened(&if step.one_label { label.to_string() } else { kind_words(&label) }))
}

/// A label that stands for several of its kind: `[…]`.
pub(super) fn kind_words(label: &Label) -> String {
    match label.kind {
        LabelKind::Key | LabelKind::OtherKey | LabelKind::Index => "[…]".into(),
        LabelKind::Stack => "(value stack)".into(),
        LabelKind::Frame => "(frame)".into(),
        _ => label.to_string(),
    }
}

/// Merged chains as a table: each step below the one above it, how many members
/// the chains through it lead to, and what share of all that is.
///
/// The `limit` steps with the most members; the last lines say how many more there are, and how many members
/// no chain leads to.
pub fn merged_table(graph: &Graph, merged: &MergedChains, limit: usize) -> Cells {
    let most = most(merged, limit);
    let mut rows: Vec<[String; 3]> = most
        .iter()
        .map(|&place| {
            let step = &merged.steps[place];
            let label = merged_label(graph, step);
            let label = label.map_or(String::new(), |label| format!("{label} → "));
            let ends = match step.ends {
                ends if ends == step.nodes || ends == 0 => String::new(),
                ends => format!(", {} of them asked for", grouped(ends)),
            };
            [
                format!(
                    "{:indent$}{label}{}{ends}",
                    "",
                    merged_words(graph, step),
                    indent = 2 * MOST_STEPS.min(step.depth as usize)
                ),
                grouped(step.members),
                per_cent(step.members, merged.members),
            ]
        })
        .collect();
    let hidden = merged.steps.len() - most.len();
    if hidden > 0 {
        let plural = if hidden == 1 { "" } else { "s" };
        let [name, count] =
            [format!("({} more step{plural})", grouped(hidden as u64)), String::new()];
        rows.push([name, count.clone(), count]);
    }
    if merged.unreached > 0 {
        rows.push([
            "(no chain leads to the others)".into(),
            grouped(merged.unreached),
            per_cent(merged.unreached, merged.members),
        ]);
    }
    Cells::new(["chain", "objects", "share"], rows)
}

/// The places of the steps with the most members, in their order: a step comes after the one above it.
fn most(merged: &MergedChains, limit: usize) -> Vec<usize> {
    // No step has more members than the one above it: the most stand at the upper end.
    let mut most: Vec<usize> = (0..merged.steps.len()).collect();
    most.sort_by_key(|&place| std::cmp::Reverse(merged.steps[place].members));
    most.truncate(limit);
    most.sort_unstable();
    most
}

/// Merged chains as a drawing: a box for each of the `limit` steps with the most members, with how many
/// members the chains through it lead to.
pub fn merged_drawing(graph: &Graph, merged: &MergedChains, limit: usize) -> Drawing {
    let mut describer = Describer::new(graph);
    let mut drawing = Drawing { targets_last: true, ..Drawing::default() };
    let mut places = HashMap::new();
    for place in most(merged, limit) {
        let step = &merged.steps[place];
        let kind = describer.kind(step.node);
        let words = merged_words(graph, step);
        let share = per_cent(step.members, merged.members);
        let leads_to = match (step.ends, step.members) {
            (ends, members) if ends == members => "asked for".to_owned(),
            (_, 1) => format!("to 1 object, {share}"),
            (_, members) => format!("to {} objects, {share}", grouped(members)),
        };
        places.insert(place, drawing.nodes.len());
        drawing.nodes.push(DrawnNode {
            id: format!("s{place}"),
            tooltip: words.clone(),
            title: words,
            lines: vec![leads_to],
            kind,
            role: if step.ends > 0 { Role::Target } else { Role::Plain },
            attributes: Vec::new(),
        });
        if let Some(source) = step.above.and_then(|above| places.get(&above)) {
            drawing.edges.push(DrawnEdge {
                source: *source,
                target: drawing.nodes.len() - 1,
                label: merged_label(graph, step).unwrap_or_default(),
                style: if step.ends > 0 { EdgeStyle::Strong } else { EdgeStyle::Plain },
            });
        }
    }
    drawing
}

/// See [`json::merged`].
pub(super) fn merged_json(graph: &Graph, merged: &MergedChains) -> Value {
    let steps = merged.steps.iter().map(|step| {
        json!({
            "above": step.above,
            "depth": step.depth,
            "node": json::node(graph, step.node),
            "nodes": step.nodes,
            "label": step.label.map(|label| json::label(graph, label)),
            "one_label": step.one_label,
            "members": step.members,
            "ends": step.ends,
        })
    });
    json!({
        "schema": "snakeroot.merged/1",
        "members": merged.members,
        "unreached": merged.unreached,
        "steps": steps.collect::<Vec<_>>(),
    })
}
