//! Answers as JSON, in shapes with a name and a version.
//!
//! Each value has a `schema` such as `snakeroot.types/1`; the number rises when a
//! field changes its meaning or goes, not when one is added. Sizes are bytes,
//! addresses are text (`"0x7f85a5338410"`: a JSON number may lose the low bits), ids are
//! places in the snapshot and mean one object only within it.
//!
//! A **node** is everywhere `{"id", "type", "address", "size", "refcount", "name", "root"}`: `address` is null for
//! a thread or a frame, `name` and `root` where there is none.

use serde_json::{Map, Value, json};

use super::merged::merged_json;
use super::suspects::{one_json, suspects_json};
use crate::analysis::{
    Census, Chain, Direction, DominatorTree, MergedChains, Neighbourhood, Suspect, Suspects,
};
use crate::graph::Graph;
use crate::id::{LabelId, NodeId};
use crate::snapshot::{Flags, Snapshot};

use petgraph::visit::EdgeRef;

pub use super::diff_json::{diff, diff_dominators, kept, kept_holders};
pub use super::groups::json as objects;
pub use super::roots::{modules_json as modules, roots_json as roots};

/// `snakeroot.info/1`: about the process and the capture.
///
/// The fields of [`Info`](crate::snapshot::Info) beside `objects`, `synthetic`, `edges`, `size`, `types`
/// and `roots`.
pub fn info(snapshot: &Snapshot, census: &Census) -> Value {
    let (_, size) = census.total();
    let mut value = match serde_json::to_value(snapshot.info()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let objects = snapshot.object_count();
    value.insert("schema".into(), json!("snakeroot.info/1"));
    value.insert("objects".into(), json!(objects));
    value.insert("synthetic".into(), json!(snapshot.node_count() - objects));
    value.insert("edges".into(), json!(snapshot.edge_count()));
    value.insert("size".into(), json!(size));
    value.insert("types".into(), json!(census.len()));
    value.insert("roots".into(), json!(snapshot.roots().len()));
    Value::Object(value)
}

/// `snakeroot.types/1`: a census, at most `limit` rows in its order.
///
/// `{"schema", "total": {"types", "count", "size"}, "types": [{"type", "count", "size", "retained"}]}`:
/// `retained` is what all objects of the type retain, each byte counted once.
pub fn types(
    snapshot: &Snapshot,
    census: &Census,
    retained: &[u64],
    limit: Option<usize>,
) -> Value {
    let (count, size) = census.total();
    let rows = census.rows().take(limit.unwrap_or(usize::MAX)).map(|row| {
        let name = snapshot.types()[row.type_id.index()].full_name();
        let retained = retained[row.type_id.index()];
        json!({ "type": name, "count": row.count, "size": row.size, "retained": retained })
    });
    json!({
        "schema": "snakeroot.types/1",
        "total": { "types": census.len(), "count": count, "size": size },
        "types": rows.collect::<Vec<_>>(),
    })
}

/// `snakeroot.top/1`: what retains most, no object before its immediate dominator.
///
/// `{"schema", "total": {"live", "garbage"}, "top": [node]}`: a node has `retained`,
/// `dominator` (an id, null where no one object dominates it) and `dominates` (how many
/// it dominates immediately) too. `live` and `garbage` are the bytes of what GC roots reach and of what
/// they do not.
pub fn top(graph: &Graph, tree: &DominatorTree, nodes: &[NodeId]) -> Value {
    let rows = nodes.iter().map(|&at| {
        let mut value = node(graph, at);
        value.insert("retained".into(), json!(tree.retained_size(at)));
        let dominator = tree.immediate_dominator(at).map(NodeId::place);
        value.insert("dominator".into(), json!(dominator));
        value.insert("dominates".into(), json!(tree.dominated(at).len()));
        Value::Object(value)
    });
    json!({
        "schema": "snakeroot.top/1",
        "total": { "live": tree.live_bytes(), "garbage": tree.garbage_bytes() },
        "top": rows.collect::<Vec<_>>(),
    })
}

/// `snakeroot.chains/1`: chains, each from the holder down to the held.
///
/// `{"schema", "chains": [{"root", "nodes": [node], "labels": [label]}]}`: label `i` is of the
/// edge from node `i` to node `i + 1`, in the form that
/// [`Label::from_stored`](crate::snapshot::Label::from_stored) reads. `root` says why the first node is a GC root, null if it is none.
pub fn chains(graph: &Graph, chains: &[Chain]) -> Value {
    let chains = chains.iter().map(|chain| {
        let nodes: Vec<Value> =
            chain.nodes.iter().map(|&at| Value::Object(node(graph, at))).collect();
        let labels: Vec<String> = chain.labels.iter().map(|&at| label(graph, at)).collect();
        json!({ "root": root(graph, chain.holder()), "nodes": nodes, "labels": labels })
    });
    json!({ "schema": "snakeroot.chains/1", "chains": chains.collect::<Vec<_>>() })
}

/// `snakeroot.merged/1`: the chains of several objects, with equal steps made one.
///
/// `{"schema", "members", "unreached", "steps": [{"above", "depth", "node", "nodes", "label", "one_label", "members", "ends"}]}`,
/// each step after the one above it: `above` is its place in `steps`, null for a GC root; `node` is the first of
/// the `nodes` (a number) that the step stands for, `label` by what that one is held, null for a GC root; `members` counts
/// the objects asked for at the step and below it, `ends` those at it, `unreached` those that no chain leads to.
pub fn merged(graph: &Graph, chains: &MergedChains) -> Value {
    merged_json(graph, chains)
}

/// `snakeroot.suspects/1`: what holds too much.
///
/// `{"schema", "threshold", "heap", "garbage", "suspects": [suspect], "below": [suspect]}`: `threshold` is a share from 0 to 1, `heap`
/// and `garbage` are bytes, `below` has the largest objects that are no suspects. A suspect is as [`suspect`] gives it.
pub fn suspects(graph: &Graph, suspects: &Suspects) -> Value {
    suspects_json(graph, suspects)
}

/// A suspect of `snakeroot.suspects/1`.
///
/// `{"sentence", "fingerprint", "kind", "count", "node", "retained", "share", "accumulation", "carried", "run", "contents", "chain"}`: `kind` is
/// `object` or `group`, `count` how many nodes it has, `node` the first of them; `accumulation` is a node, null where a group
/// has no holder in common; `carried` and `run` are those of [`Suspect`]; `contents` is a list of `{"type", "count", "retained"}`; `chain` one of
/// `snakeroot.chains/1`.
pub fn suspect(graph: &Graph, suspect: &Suspect, heap_bytes: u64) -> Value {
    one_json(graph, suspect, heap_bytes)
}

/// `snakeroot.neighbourhood/1`: the surroundings of some nodes.
///
/// `{"schema", "direction", "starts": [id], "nodes": [node], "edges": [edge]}`. `direction` is `referrers` or `referents`;
/// a node has `depth` and `left_out` too; an edge is `{"referrer": id, "referent": id, "label", "count"}`.
pub fn neighbourhood(graph: &Graph, neighbourhood: &Neighbourhood) -> Value {
    let shown = &neighbourhood.graph;
    let nodes = shown.node_weights().map(|weight| {
        let mut value = node(graph, weight.node);
        value.insert("depth".into(), json!(weight.depth));
        value.insert("left_out".into(), json!(weight.left_out));
        Value::Object(value)
    });
    let edges = shown.edge_references().map(|edge| {
        json!({
            "referrer": shown[edge.source()].node.place(),
            "referent": shown[edge.target()].node.place(),
            "label": label(graph, edge.weight().label),
            "count": edge.weight().count,
        })
    });
    let direction = match neighbourhood.direction {
        Direction::Referents => "referents",
        Direction::Referrers => "referrers",
    };
    let starts = neighbourhood.starts.iter().map(|&at| shown[at].node.place());
    json!({
        "schema": "snakeroot.neighbourhood/1",
        "direction": direction,
        "starts": starts.collect::<Vec<_>>(),
        "nodes": nodes.collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    })
}

pub(super) fn node(graph: &Graph, node: NodeId) -> Map<String, Value> {
    let snapshot = graph.snapshot();
    let is_object = !snapshot.flags(node).contains(Flags::SYNTHETIC);
    let address = is_object.then(|| format!("{:#x}", snapshot.address(node)));
    let fields = [
        ("id", json!(node.place())),
        ("type", json!(snapshot.type_of(node).full_name())),
        ("address", json!(address)),
        ("size", json!(snapshot.size(node))),
        ("refcount", json!(snapshot.refcount(node))),
        ("name", json!(snapshot.names().get(node))),
        ("root", root(graph, node)),
    ];
    fields.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

pub(super) fn root(graph: &Graph, node: NodeId) -> Value {
    json!(graph.snapshot().root(node).map(ToString::to_string))
}

pub(super) fn label(graph: &Graph, label: LabelId) -> String {
    graph.snapshot().label_table().get(label).to_stored()
}
