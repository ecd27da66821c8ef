//! What a leak has in common with the same leak in another process.

use crate::graph::Graph;
use crate::id::NodeId;
use crate::snapshot::{LabelKind, RootKind};

use super::Chain;
use super::merged::{is_namespace, program_name};
use super::suspects::Content;
use super::why::with_costs;

/// Chains among which the one to tell of is chosen.
const CHOICE: usize = 8;

/// The 64-bit FNV-1a hash's beginning and factor.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_FACTOR: u64 = 0x0000_0100_0000_01b3;

/// The cheapest chain to a node; of several the one whose words come first, so that
/// addresses do not decide.
pub(super) fn steady_chain(graph: &Graph, node: NodeId) -> Chain {
    let chains = with_costs(graph, node, CHOICE);
    let least = chains.first().map_or(0, |&(cost, _)| cost);
    let cheapest = chains.into_iter().filter(|&(cost, _)| cost == least).map(|(_, chain)| chain);
    let alone = || Chain { nodes: vec![node], labels: Vec::new() };
    cheapest.min_by_key(|chain| words(graph, chain)).unwrap_or_else(alone)
}

/// A hash over types, labels and root words; [`suspects`](super::suspects()) says which.
pub(super) fn fingerprint(
    graph: &Graph,
    kind: &str,
    contents: &[Content],
    accumulation: Option<NodeId>,
    chain: Option<&Chain>,
) -> u64 {
    let snapshot = graph.snapshot();
    let content = contents.first().map(|content| &snapshot.types()[content.type_id.index()]);
    let point = accumulation.map(|node| snapshot.type_of(node));
    let mut text = String::from(kind);
    for entry in [content, point] {
        text.push('\n');
        text.push_str(&entry.map_or(String::new(), |entry| entry.full_name()));
    }
    text.push('\n');
    text.push_str(&chain.map_or(String::new(), |chain| words(graph, chain)));
    text.bytes().fold(FNV_START, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_FACTOR))
}

/// A chain without addresses, counts and sizes, a line a node.
fn words(graph: &Graph, chain: &Chain) -> String {
    let snapshot = graph.snapshot();
    let table = snapshot.label_table();
    let mut words = snapshot.root(chain.holder()).map_or(String::new(), |root| match root.kind {
        RootKind::Module | RootKind::Builtins => root.to_string(),
        RootKind::Thread | RootKind::Task => without_numbers(&root.to_string()),
        _ => root.kind.word().to_owned(),
    });
    let mut in_namespace = false;
    for (place, &node) in chain.nodes.iter().enumerate() {
        if place > 0 {
            let label = table.get(chain.labels[place - 1]);
            let is_name = match label.kind {
                LabelKind::Attribute | LabelKind::Slot | LabelKind::Local => true,
                LabelKind::Key => in_namespace,
                _ => false,
            };
            in_namespace = is_namespace(table, chain.labels[place - 1]);
            let text = if is_name { &*label.text } else { "" };
            words.push_str(&format!("\n{:?} {text}", label.kind));
        }
        let name = program_name(graph, node).unwrap_or_default();
        words.push_str(&format!("\n{} {name}", snapshot.type_of(node).full_name()));
    }
    words
}

/// With each number made `#`: threads and tasks are counted.
fn without_numbers(text: &str) -> String {
    let mut short = String::new();
    for sign in text.chars() {
        match sign.is_ascii_digit() {
            true if short.ends_with('#') => {}
            true => short.push('#'),
            false => short.push(sign),
        }
    }
    short
}
