//! Which object is meant: by its type, its address or its row.

use std::path::Path;

use snakeroot::analysis::{self, Selection};
use snakeroot::graph::NodeSet;
use snakeroot::{Graph, NodeId};

use crate::Failure;
use crate::arguments::Which;

/// An object, and among how many it was the `nth`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) node: NodeId,
    /// Objects of the type that was asked for; 1 for an address or a row.
    pub(crate) among: u64,
    /// Which of them, from 1.
    pub(crate) nth: u64,
}

/// The object that is meant.
pub(crate) fn choose(
    graph: &Graph,
    file: &Path,
    which: &Which,
    nth: u64,
) -> Result<Chosen, Failure> {
    let alone = |node| Chosen { node, among: 1, nth: 1 };
    let file = file.display();
    if let Some(address) = which.address {
        return graph
            .at(address)
            .map(alone)
            .ok_or_else(|| Failure::wrong(format!("no object at {address:#x} in {file}")));
    }
    if let Some(id) = which.id {
        let count = graph.node_count();
        if id as usize >= count {
            let text = format!("expected an id below {count}, found {id}: {file} has no more rows");
            return Err(Failure::wrong(text));
        }
        return Ok(alone(NodeId::new(id)));
    }
    let name = which.type_name.as_deref().unwrap_or_default();
    let snapshot = graph.snapshot();
    let found = analysis::types_named(graph, name)
        .map_err(|error| Failure::wrong(format!("{error} in {file}")))?;
    let mut types = vec![false; snapshot.types().len()];
    found.iter().for_each(|id| types[id.index()] = true);
    let mut among = 0;
    let mut chosen = None;
    for (node, type_id) in snapshot.nodes().zip(snapshot.type_ids()) {
        if types[type_id.index()] {
            among += 1;
            if among == nth {
                chosen = Some(node);
            }
        }
    }
    match chosen {
        Some(node) => Ok(Chosen { node, among, nth }),
        None if among == 0 => Err(Failure::wrong(format!("no object of type {name} in {file}"))),
        None => Err(Failure::wrong(format!(
            "--nth: expected at most {among}, the objects of type {name} in {file}; found {nth}"
        ))),
    }
}

/// The objects of a type, by the name that was typed.
pub(crate) fn choose_all(graph: &Graph, file: &Path, name: &str) -> Result<NodeSet, Failure> {
    let file = file.display();
    let types = analysis::types_named(graph, name)
        .map_err(|error| Failure::wrong(format!("{error} in {file}")))?;
    let selection = Selection { types: Some(types), ..Selection::default() };
    let chosen = analysis::select(graph, &selection)
        .map_err(|error| Failure::wrong(format!("{error} in {file}")))?;
    match chosen.count() {
        0 => Err(Failure::wrong(format!("no object of type {name} in {file}"))),
        _ => Ok(chosen),
    }
}

/// The objects at some addresses.
pub(crate) fn at_addresses(
    graph: &Graph,
    file: &Path,
    addresses: &[u64],
) -> Result<NodeSet, Failure> {
    let mut chosen = NodeSet::new(graph.node_count());
    for &address in addresses {
        chosen.insert(graph.at(address).ok_or_else(|| {
            Failure::wrong(format!("no object at {address:#x} in {}", file.display()))
        })?);
    }
    Ok(chosen)
}
