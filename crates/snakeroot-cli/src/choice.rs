//! Which object is meant: by its type, its address or its row.

use std::path::Path;

use snakeroot::snapshot::{Snapshot, TypeEntry};
use snakeroot::{Graph, NodeId};

use crate::Failure;
use crate::arguments::Which;

/// The most names to suggest for one that is unknown.
const MOST_SUGGESTIONS: usize = 3;

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
    let types =
        types_named(snapshot, name).map_err(|text| Failure::wrong(format!("{text} in {file}")))?;
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

/// For each type, whether it has this name.
///
/// The full name, `dict` for `builtins.dict`, or the name without the module
/// where only one type's is so.
fn types_named(snapshot: &Snapshot, name: &str) -> Result<Vec<bool>, String> {
    let types = snapshot.types();
    let all = |fits: &dyn Fn(&TypeEntry) -> bool| types.iter().map(fits).collect::<Vec<bool>>();
    let exact = all(&|entry| entry.full_name() == name || entry.display_name() == name);
    if exact.contains(&true) {
        return Ok(exact);
    }
    let short = all(&|entry| &*entry.qualname == name || entry.short_name() == name);
    let mut names: Vec<String> = types
        .iter()
        .zip(&short)
        .filter(|&(_, &fits)| fits)
        .map(|(entry, _)| entry.full_name())
        .collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [_] => Ok(short),
        [] => {
            let near = nearest(types, name);
            let hint = match near.as_slice() {
                [] => String::new(),
                near => format!(" (did you mean {}?)", near.join(" or ")),
            };
            Err(format!("no type named {name}{hint}"))
        }
        _ => Err(format!("{name} names {} types ({})", names.len(), names.join(", "))),
    }
}

/// The names that are nearest to an unknown one, the nearest first.
fn nearest(types: &[TypeEntry], name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let far = 1 + wanted.chars().count() / 3;
    let mut near: Vec<(usize, String)> = types
        .iter()
        .filter_map(|entry| {
            let forms =
                [entry.display_name(), entry.qualname.to_string(), entry.short_name().into()];
            let distance = forms
                .iter()
                .map(|form| strsim::damerau_levenshtein(&form.to_lowercase(), &wanted))
                .min()?;
            (distance <= far).then(|| (distance, entry.display_name()))
        })
        .collect();
    near.sort();
    near.dedup();
    near.truncate(MOST_SUGGESTIONS);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(module: &str, qualname: &str) -> TypeEntry {
        TypeEntry { module: module.into(), qualname: qualname.into(), node: None }
    }

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        let types = [entry("app", "Session"), entry("app", "Sessions"), entry("builtins", "dict")];
        assert_eq!(nearest(&types, "app.session"), ["app.Session", "app.Sessions"]);
        assert_eq!(nearest(&types, "Sesion"), ["app.Session", "app.Sessions"]);
        assert_eq!(nearest(&types, "dct"), ["dict"]);
        assert!(nearest(&types, "numpy.ndarray").is_empty());
    }
}
