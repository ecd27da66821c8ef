//! Which nodes have some properties.

use super::modules::Modules;
use super::names::NameError;
use super::why;
use crate::graph::{Graph, NodeSet};
use crate::id::TypeId;
use crate::snapshot::{Flags, RootKind};

/// What is asked of nodes; all of it at once. Nothing is asked by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// It is one of these, threads and frames among them.
    pub among: Option<NodeSet>,
    /// Its type is one of these, and not only inherits from one.
    pub types: Option<Vec<TypeId>>,
    /// It belongs to this module or to one below it: see [`Modules`].
    pub module: Option<String>,
    /// Its shallow size is at least so many bytes.
    pub min_size: Option<u64>,
    /// Its shallow size is at most so many bytes.
    pub max_size: Option<u64>,
    /// It has all of these flags.
    pub flags: Flags,
    /// It is a GC root of this kind.
    pub root: Option<RootKind>,
}

/// The nodes that are as a selection says.
///
/// Threads and frames, which are no objects, are among them only where nodes, types or a kind
/// of root were asked for, or the flag [`Flags::SYNTHETIC`].
///
/// # Errors
///
/// [`NameError`] where no module is named so.
///
/// # Complexity
///
/// O(V) time, sequential; and for a module the references of functions and classes.
pub fn select(graph: &Graph, selection: &Selection) -> Result<NodeSet, NameError> {
    let snapshot = graph.snapshot();
    let Selection { among, types, module, min_size, max_size, flags, root } = selection;
    let mut found = NodeSet::new(graph.node_count());
    match root {
        Some(kind) => {
            let is_kind = |node: &_| match snapshot.root(*node) {
                Some(root) => root.kind == *kind,
                None => *kind == RootKind::Thread,
            };
            found.extend(why::roots(graph).filter(is_kind));
        }
        None if among.is_some() || types.is_some() || flags.contains(Flags::SYNTHETIC) => {
            found.extend(snapshot.nodes());
        }
        None => found.extend(snapshot.nodes().take(snapshot.object_count())),
    }
    if let Some(among) = among {
        found.intersect(among);
    }
    if let Some(types) = types {
        let mut wanted = vec![false; snapshot.types().len()];
        types.iter().for_each(|id| wanted[id.index()] = true);
        found.retain(|node| wanted[snapshot.type_ids()[node.index()].index()]);
    }
    if *flags != Flags::default() {
        found.retain(|node| snapshot.flags(node).contains(*flags));
    }
    if min_size.is_some() || max_size.is_some() {
        let (least, most) = (min_size.unwrap_or(0), max_size.unwrap_or(u64::MAX));
        found.retain(|node| (least..=most).contains(&snapshot.size(node)));
    }
    if let Some(module) = module {
        let modules = Modules::new(graph);
        let wanted = modules.within(module)?;
        found.retain(|node| wanted[modules.of(node)]);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_asked_must_hold() {
        let graph = Graph::from_notation(
            "root:100@app.Box -> a:50@app.Box b:50@dict c:10@app.web.Page; d:70@lib.Box; t@thread; i!interned@str",
        )
        .unwrap();
        let type_of = |name: &str| graph.snapshot().type_ids()[graph.named(name).index()];
        let names = |selection: Selection| -> Vec<&str> {
            let nodes = select(&graph, &selection).unwrap();
            nodes.iter().map(|node| graph.snapshot().names().get(node).unwrap()).collect()
        };
        let any = Selection::default;
        assert_eq!(names(any()), ["root", "a", "b", "c", "d", "i"]);
        let boxes = || Selection { types: Some(vec![type_of("a"), type_of("d")]), ..any() };
        assert_eq!(names(boxes()), ["root", "a", "d"]);
        assert_eq!(names(Selection { max_size: Some(70), ..boxes() }), ["a", "d"]);
        assert_eq!(names(Selection { min_size: Some(70), ..any() }), ["root", "d"]);
        assert_eq!(names(Selection { module: Some("app".into()), ..any() }), ["root", "a", "c"]);
        assert_eq!(names(Selection { types: Some(vec![]), ..any() }), [""; 0]);
        assert_eq!(names(Selection { types: Some(vec![type_of("t")]), ..any() }), ["t"]);
        assert_eq!(names(Selection { flags: Flags::SYNTHETIC, ..any() }), ["t"]);
        assert_eq!(names(Selection { root: Some(RootKind::Interned), ..any() }), ["i"]);
        assert_eq!(names(Selection { root: Some(RootKind::Thread), ..any() }), ["t"]);
        let mut some = NodeSet::new(graph.node_count());
        some.extend(["a", "d", "t"].map(|name| graph.named(name)));
        assert_eq!(names(Selection { among: Some(some.clone()), ..any() }), ["a", "d", "t"]);
        assert_eq!(names(Selection { among: Some(some), min_size: Some(70), ..any() }), ["d"]);
        let unknown = select(&graph, &Selection { module: Some("apps".into()), ..any() });
        assert_eq!(unknown.unwrap_err().to_string(), "no module named apps (did you mean app?)");
    }
}
