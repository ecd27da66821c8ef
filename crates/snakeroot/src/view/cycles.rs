//! Cycles in words and as JSON.

use serde_json::{Value, json};

use super::describe::{describe, shortened};
use super::json::{label, node};
use super::text::{grouped, human_size};
use crate::analysis::{Chain, Cycle, CycleDetail, CycleScope, Cycles};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::{Label, LabelKind};

/// Types of a cycle that are named; the others are counted.
const SHOWN_TYPES: usize = 5;
/// Nodes of a longer way around that are named, half of them at each end.
const SHOWN_NODES: usize = 8;
/// Nodes of a way around that are in JSON.
const JSON_NODES: usize = 1_000;

/// Some cycles in words, a few lines each, and how many there are beside them.
///
/// `shown` are the first ones. `how` says how those are had that are left
/// out: `machinery=True shows them`.
pub fn cycles_text(
    graph: &Graph,
    cycles: &Cycles,
    shown: &[(Cycle, CycleDetail)],
    how: &str,
) -> String {
    let mut text = heading(graph, cycles);
    let is_said = cycles.scope() == CycleScope::Garbage;
    for (at, (cycle, detail)) in (1_u64..).zip(shown) {
        let words = words(graph, cycle, detail, cycle.is_garbage && !is_said);
        text.push_str(&format!("\n{}. {words}", grouped(at)));
    }
    let more = cycles.len() - shown.len();
    if more > 0 {
        text.push_str(&format!("\n… {}\n", counted(more as u64, "more cycle")));
    }
    if cycles.left_out() > 0 {
        text.push_str(&format!(
            "\nleft out: {} of classes, functions and modules with their own parts ({how})\n",
            counted(cycles.left_out(), "cycle"),
        ));
    }
    text
}

fn heading(graph: &Graph, cycles: &Cycles) -> String {
    if cycles.scope() != CycleScope::Garbage {
        return match cycles.len() {
            0 => "no cycles\n".into(),
            count => format!("{}, those that retain most first\n", counted(count as u64, "cycle")),
        };
    }
    let garbage = cycles.garbage();
    if garbage.count == 0 {
        return "no garbage\n".into();
    }
    let total =
        format!("garbage: {}, {}", counted(garbage.count, "object"), human_size(garbage.size));
    let mut text = match cycles.len() {
        0 => format!("{total}, in no cycle\n"),
        1 => format!("{total}: 1 cycle and what hangs on it\n"),
        count => format!("{total}: {} and what hangs on them\n", counted(count as u64, "cycle")),
    };
    if graph.snapshot().info().garbage.is_none() {
        text.push_str("what C code holds was not counted: it is in this too\n");
    }
    if garbage.shared_count > 0 && !cycles.is_empty() {
        let hang = if garbage.shared_count == 1 { "hangs" } else { "hang" };
        text.push_str(&format!(
            "of these {} {hang} on several cycles, or on none\n",
            counted(garbage.shared_count, "object"),
        ));
    }
    text
}

/// One cycle in words: what it retains, its types, a shortest way around, where to break it.
pub fn cycle_text(graph: &Graph, cycle: &Cycle, detail: &CycleDetail) -> String {
    words(graph, cycle, detail, cycle.is_garbage)
}

fn words(graph: &Graph, cycle: &Cycle, detail: &CycleDetail, say_garbage: bool) -> String {
    let mut text = format!(
        "retains {}, {}; in the cycle {}, {}",
        human_size(cycle.retained_size),
        counted(cycle.retained_count, "object"),
        human_size(cycle.size),
        counted(cycle.count, "object"),
    );
    if say_garbage {
        text.push_str("; garbage");
    }
    let mut line = |name: &str, words: &str| text.push_str(&format!("\n   {name:<9} {words}"));
    line("types", &types(graph, detail));
    if let Some(&first) = detail.finalizers.first() {
        let words = match detail.finalizers.len() {
            1 => describe(graph, first),
            count => format!("{}, {} in all", describe(graph, first), grouped(count as u64)),
        };
        line("finalizer", &words);
    }
    let name = if detail.is_shortest { "shortest" } else { "one way" };
    line(name, &way_around(graph, &detail.path));
    line("break", &break_words(graph, detail));
    text.push('\n');
    text
}

fn types(graph: &Graph, detail: &CycleDetail) -> String {
    let mut words: Vec<String> = Vec::new();
    for row in detail.types.iter().take(SHOWN_TYPES) {
        let name = graph.snapshot().types()[row.type_id.index()].display_name();
        words.push(format!("{} {}", grouped(row.count), shortened(&name)));
    }
    let more = detail.types.len().saturating_sub(SHOWN_TYPES);
    if more > 0 {
        words.push(counted(more as u64, "more type"));
    }
    words.join(", ")
}

/// A way around in one line: `app.Node 0x10 .next → app.Node 0x20 .next → back`.
fn way_around(graph: &Graph, path: &Chain) -> String {
    let count = path.labels.len();
    let mut words = Vec::new();
    for (at, (&node, &label)) in path.nodes.iter().zip(&path.labels).enumerate() {
        let is_left_out =
            count > SHOWN_NODES && (SHOWN_NODES / 2..count - SHOWN_NODES / 2).contains(&at);
        if !is_left_out {
            let label = graph.snapshot().label_table().get(label).to_string();
            words.push(format!("{} {}", describe(graph, node), shortened(&label)));
        } else if at == SHOWN_NODES / 2 {
            words.push(format!("… {} …", counted((count - SHOWN_NODES) as u64, "object")));
        }
    }
    words.push(if count == 1 { "itself".into() } else { "back".to_owned() });
    words.join(" → ")
}

/// Where a cycle is best broken: `set .parent of app.Node 0x7f85a5338410 to None, or hold it weakly`.
pub fn break_words(graph: &Graph, detail: &CycleDetail) -> String {
    let Some(at) = detail.break_at else {
        return "nowhere: classes, functions and modules refer to each other so by themselves"
            .into();
    };
    let (holder, held) = (detail.path.nodes[at.edge], detail.path.nodes[at.edge + 1]);
    let label = graph.snapshot().label_table().get(detail.path.labels[at.edge]);
    let (short, owner, held) =
        (shortened(&label.to_string()), describe(graph, at.owner), describe(graph, held));
    match label.kind {
        LabelKind::Attribute | LabelKind::Slot if is_settable(graph, &label, holder) => {
            format!("set {short} of {owner} to None, or hold it weakly")
        }
        LabelKind::Key if at.owner != holder => {
            format!("set .{} of {owner} to None, or hold it weakly", shortened(&label.text))
        }
        LabelKind::Slot if label.text == "cell_contents" => {
            format!("delete the variable that {owner} is for, when it is done")
        }
        LabelKind::Key | LabelKind::OtherKey => {
            format!("delete {short} from {owner}, or hold it weakly")
        }
        LabelKind::KeyObject => format!("delete the key {held} from {owner}"),
        LabelKind::Index if is_tuple(graph, holder) => {
            format!("make {owner} without {short}, or with a weak reference there")
        }
        LabelKind::Index => format!("take {short} out of {owner}, or hold it weakly"),
        LabelKind::Element => format!("take {held} out of {owner}, or hold it weakly"),
        LabelKind::Local => {
            format!("delete the variable {:?} of {owner}, when it is done", label.text)
        }
        _ => format!("let {owner} no longer hold {held}"),
    }
}

/// Whether a field can be set to `None` in Python.
fn is_settable(graph: &Graph, label: &Label, holder: NodeId) -> bool {
    label.kind == LabelKind::Attribute
        || matches!(&*label.text, "__traceback__" | "__context__" | "__cause__")
        || &*graph.snapshot().type_of(holder).module != "builtins"
            && !(label.text.starts_with("__") && label.text.ends_with("__"))
}

fn is_tuple(graph: &Graph, node: NodeId) -> bool {
    graph.snapshot().type_of(node).full_name() == "builtins.tuple"
}

/// A number with its noun: `1 cycle`, `2,000 cycles`.
fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `snakeroot.cycles/1`: the first of some cycles.
///
/// `{"schema", "scope", "total": {"cycles", "left_out"}, "garbage": {"count", "size", "shared"}, "cycles": [cycle]}`.
/// `scope` is `made` (without what every class, function and module refers to by itself), `all` or `garbage`;
/// `left_out` counts the cycles that are only in `all`. `garbage` is all that no GC root
/// reaches; `shared` of its objects no one cycle retains.
///
/// A cycle is `{"count", "size", "retained_count", "retained", "garbage", "types", "finalizers",
/// "path", "break"}`: `types` as in `snakeroot.types/1` without what they retain, `finalizers` ids, `path`
/// `{"nodes": [node], "labels": [label], "length", "shortest"}` with label `i` from node `i` to the next and the
/// last one back to the first, at most 1,000 of each, `break` `{"edge", "owner", "text"}`
/// with the place of the label and the id of whose attribute it is, or null.
pub fn cycles_json(graph: &Graph, cycles: &Cycles, shown: &[(Cycle, CycleDetail)]) -> Value {
    let rows: Vec<Value> =
        shown.iter().map(|(cycle, detail)| cycle_json(graph, cycle, detail)).collect();
    let garbage = cycles.garbage();
    json!({
        "schema": "snakeroot.cycles/1",
        "scope": match cycles.scope() {
            CycleScope::Made => "made",
            CycleScope::All => "all",
            CycleScope::Garbage => "garbage",
        },
        "total": { "cycles": cycles.len(), "left_out": cycles.left_out() },
        "garbage": {
            "count": garbage.count, "size": garbage.size, "shared": garbage.shared_count,
        },
        "cycles": rows,
    })
}

/// One cycle of `snakeroot.cycles/1`.
pub fn cycle_json(graph: &Graph, cycle: &Cycle, detail: &CycleDetail) -> Value {
    let length = detail.path.labels.len();
    let types = detail.types.iter().map(|row| {
        let name = graph.snapshot().types()[row.type_id.index()].full_name();
        json!({ "type": name, "count": row.count, "size": row.size })
    });
    let path = detail.path.nodes[..length].iter().zip(&detail.path.labels).take(JSON_NODES);
    let (nodes, labels): (Vec<Value>, Vec<String>) =
        path.map(|(&at, &by)| (Value::Object(node(graph, at)), label(graph, by))).unzip();
    let break_at = detail.break_at.map(|at| {
        json!({ "edge": at.edge, "owner": at.owner.place(), "text": break_words(graph, detail) })
    });
    json!({
        "count": cycle.count,
        "size": cycle.size,
        "retained_count": cycle.retained_count,
        "retained": cycle.retained_size,
        "garbage": cycle.is_garbage,
        "types": types.collect::<Vec<_>>(),
        "finalizers": detail.finalizers.iter().map(|at| at.place()).collect::<Vec<_>>(),
        "path": {
            "nodes": nodes, "labels": labels, "length": length, "shortest": detail.is_shortest,
        },
        "break": break_at,
    })
}
