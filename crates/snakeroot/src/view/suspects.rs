//! Suspects in words: a sentence that a person can act on, and the whole report.

use serde_json::{Value, json};

use super::describe::{describe, shortened};
use super::json;
use super::text::{chain_lines, folded_steps, grouped, human_size, per_cent};
use crate::analysis::{Chain, Content, Suspect, Suspects};
use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::RootKind;

/// What a suspect is, how much it keeps, where, and who holds that:
/// `131,072 instances of app.Session, 48.1 MiB, 71.0% of the heap, accumulate in one list held by app.registry > .sessions`.
pub fn suspect_sentence(graph: &Graph, suspect: &Suspect, heap_bytes: u64) -> String {
    let amount =
        |bytes: u64| format!("{}, {} of the heap", human_size(bytes), per_cent(bytes, heap_bytes));
    let Some(point) = suspect.accumulation else {
        let what = instances(graph, suspect.contents.first(), suspect.nodes.len() as u64);
        let holder = holder_path(graph, &suspect.chain);
        return format!(
            "{what}, {}, have no holder in common; the largest is {holder}",
            amount(suspect.retained)
        );
    };
    let holder = holder_path(graph, &suspect.chain);
    let one = format!("one {}", type_name(graph, point));
    let held = if suspect.chain.nodes.len() > 1 { "held by" } else { "which is" };
    if suspect.nodes.len() > 1 {
        let what = instances(graph, suspect.contents.first(), suspect.nodes.len() as u64);
        let share = per_cent(suspect.carried, suspect.nodes.len() as u64);
        let amount = amount(suspect.retained);
        return format!(
            "{what}, {amount}, accumulate in {one} {held} {holder}, which leads to {share} of them and shares \
             them with other holders"
        );
    }
    if suspect.run > 0 {
        return format!(
            "{}, accumulate in a row of {} or more {} that hold one another, the first {held} {holder}",
            amount(suspect.retained),
            grouped(suspect.run),
            type_name(graph, point)
        );
    }
    // Of the object itself: what is dominated above it may be a little more.
    let own = graph.snapshot().size(point);
    match suspect.contents.first() {
        Some(content) if content.count > 1 && content.retained >= suspect.retained / 2 => {
            let what = instances(graph, Some(content), content.count);
            format!("{what}, {}, accumulate in {one} {held} {holder}", amount(content.retained))
        }
        _ if own >= suspect.retained / 2 => {
            let verb = if held == "held by" { ", is held by" } else { ", which is" };
            format!("{one} of {}{verb} {holder}", amount(own))
        }
        contents => {
            let mostly = contents.map_or(String::new(), |_| {
                let parts = suspect.contents.iter().take(2);
                let parts = parts.map(|content| {
                    let size = human_size(content.retained);
                    format!("{} ({size})", instances(graph, Some(content), content.count))
                });
                format!(", mostly {}", parts.collect::<Vec<_>>().join(" and "))
            });
            format!("{}, accumulate in {one} {held} {holder}{mostly}", amount(suspect.retained))
        }
    }
}

fn instances(graph: &Graph, content: Option<&Content>, count: u64) -> String {
    let name = content.map_or("object".into(), |content| {
        shortened(&graph.snapshot().types()[content.type_id.index()].display_name())
    });
    let plural = if count == 1 { "" } else { "s" };
    format!("{} instance{plural} of {name}", grouped(count))
}

fn type_name(graph: &Graph, node: NodeId) -> String {
    shortened(&graph.snapshot().type_of(node).display_name())
}

/// The way to a chain's end: `app.registry > .sessions`, `thread "MainThread" > main() app.py:12 > local "server"`.
fn holder_path(graph: &Graph, chain: &Chain) -> String {
    let root = chain.holder();
    let mut steps = folded_steps(graph, chain);
    let is_module = graph
        .snapshot()
        .root(root)
        .is_some_and(|root| matches!(root.kind, RootKind::Module | RootKind::Builtins));
    let mut path = describe(graph, root);
    if is_module
        && steps.first().is_some_and(|step| step.starts_with('.'))
        && let Some(name) = path.strip_prefix("module ")
    {
        path = format!("{name}{}", steps.remove(0));
    }
    for step in steps {
        path.push_str(" > ");
        path.push_str(&step);
    }
    path
}

/// The report: each suspect's sentence, fingerprint and chain; where there is none, what keeps most.
pub fn suspects_text(graph: &Graph, suspects: &Suspects) -> String {
    let heap = human_size(suspects.heap_bytes);
    let over = format!("more than {} of {heap}", share_words(suspects.threshold));
    let mut text = match suspects.found.len() {
        0 => format!("nothing keeps {over}\n"),
        1 => format!("1 suspect keeps {over}\n"),
        count => format!("{} suspects keep {over} each\n", grouped(count as u64)),
    };
    for (place, suspect) in suspects.found.iter().enumerate() {
        let sentence = suspect_sentence(graph, suspect, suspects.heap_bytes);
        text.push_str(&format!("\n{}. {sentence}\n", place + 1));
        // An index and what it shares with another are one leak.
        let same = |other: &Suspect| other.accumulation == suspect.accumulation;
        let earlier = suspects.found[..place].iter().position(same);
        match earlier.filter(|_| suspect.accumulation.is_some()) {
            Some(earlier) => text.push_str(&format!("     the same place as {}\n", earlier + 1)),
            None => {
                for line in chain_lines(graph, &suspect.chain).lines() {
                    text.push_str(&format!("     {line}\n"));
                }
            }
        }
        text.push_str(&format!("   fingerprint {:016x}\n", suspect.fingerprint));
    }
    if suspects.found.is_empty() && !suspects.below.is_empty() {
        text.push_str("the largest single objects:\n");
        for suspect in &suspects.below {
            let sentence = suspect_sentence(graph, suspect, suspects.heap_bytes);
            text.push_str(&format!("  {sentence}\n"));
        }
    }
    if suspects.garbage_bytes as f64 > suspects.threshold * suspects.heap_bytes as f64 {
        let garbage = per_cent(suspects.garbage_bytes, suspects.heap_bytes);
        text.push_str(&format!("\n{garbage} of the heap is garbage: no GC root reaches it\n"));
    }
    text
}

/// A share from 0 to 1 in per cent: `10%`, `0.5%`.
fn share_words(share: f64) -> String {
    // Not 28.999999999999996.
    format!("{}%", (share * 1e8).round() / 1e6)
}

/// See [`json::suspects`].
pub(super) fn suspects_json(graph: &Graph, suspects: &Suspects) -> Value {
    let all = |list: &[Suspect]| -> Vec<Value> {
        list.iter().map(|suspect| one_json(graph, suspect, suspects.heap_bytes)).collect()
    };
    json!({
        "schema": "snakeroot.suspects/1",
        "threshold": suspects.threshold,
        "heap": suspects.heap_bytes,
        "garbage": suspects.garbage_bytes,
        "suspects": all(&suspects.found),
        "below": all(&suspects.below),
    })
}

/// See [`json::suspect`].
pub(super) fn one_json(graph: &Graph, suspect: &Suspect, heap_bytes: u64) -> Value {
    let contents = suspect.contents.iter().map(|content| {
        let name = graph.snapshot().types()[content.type_id.index()].full_name();
        json!({ "type": name, "count": content.count, "retained": content.retained })
    });
    let chain = json::chains(graph, std::slice::from_ref(&suspect.chain));
    json!({
        "sentence": suspect_sentence(graph, suspect, heap_bytes),
        "fingerprint": format!("{:016x}", suspect.fingerprint),
        "kind": if suspect.nodes.len() == 1 { "object" } else { "group" },
        "count": suspect.nodes.len(),
        "node": json::node(graph, suspect.nodes[0]),
        "retained": suspect.retained,
        "share": suspect.retained as f64 / heap_bytes.max(1) as f64,
        "accumulation": suspect.accumulation.map(|node| json::node(graph, node)),
        "carried": suspect.carried,
        "run": suspect.run,
        "contents": contents.collect::<Vec<_>>(),
        "chain": chain["chains"][0],
    })
}
