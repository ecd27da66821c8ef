//! Where paths begin: one root, whose edges lead to what the interpreter keeps.

use super::link::Link;
use super::relations::{HeldBy, relation_of};
use crate::graph::{Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::{LabelKind, RootKind};

/// An edge from the root to an object or a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootEdge {
    /// Where it leads.
    pub to: NodeId,
    /// By what.
    pub link: Link,
}

/// How many of its edges a path from the root may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What the interpreter and its threads keep by a name.
    Named,
    /// Frames too.
    Frames,
    /// What heapy does not follow too.
    All,
}

/// The edges that leave the root.
#[derive(Clone, Debug)]
pub struct RootEdges {
    edges: Vec<RootEdge>,
    /// How many of them lead to what has a name.
    named: usize,
    /// How many of them there are with those to frames; the others are taken where these lead nowhere.
    with_frames: usize,
    /// The frames, ascending.
    frames: Vec<NodeId>,
    threads: Vec<NodeId>,
    /// Nodes below are objects, and no threads.
    objects: usize,
}

impl RootEdges {
    /// What the interpreter keeps: `sys.modules`, the namespaces of `builtins` and `sys`, what each thread holds, and after
    /// these all other GC roots.
    ///
    /// # Complexity
    ///
    /// O(roots + edges that leave threads).
    pub fn new(graph: &Graph) -> Self {
        let snapshot = graph.snapshot();
        let attribute = |name: &str| Link::Held(HeldBy::Attribute(name.into()));
        let mut edges = Vec::new();
        let has_modules = snapshot.roots().iter().any(|(_, root)| is_modules(root));
        let mut others = Vec::new();
        for (node, root) in snapshot.roots() {
            let to = *node;
            match root.kind {
                RootKind::Thread => continue,
                RootKind::Interpreter if is_modules(root) => {
                    edges.push(RootEdge { to, link: attribute("i0_modules") });
                }
                RootKind::Module | RootKind::Builtins => {
                    let name = match root.kind {
                        RootKind::Builtins => "builtins",
                        _ => &*root.words,
                    };
                    if let Some(to) = namespace(graph, to) {
                        match name {
                            "builtins" => {
                                edges.push(RootEdge { to, link: attribute("i0_builtins") });
                            }
                            "sys" => edges.push(RootEdge { to, link: attribute("i0_sysdict") }),
                            _ => {}
                        }
                    }
                    // Where the dict of modules was not recorded, each is one of the root's.
                    if !has_modules {
                        let (key, behind) = (name.into(), "".into());
                        let link = Link::Root { table: "i0_modules", key, behind };
                        edges.push(RootEdge { to, link });
                    }
                }
                kind => {
                    let name = kind.word().replace('-', "_");
                    others.push(RootEdge { to, link: attribute(&name) });
                }
            }
        }
        let (mut threads, mut of_frames) = (Vec::new(), Vec::new());
        for thread in (snapshot.object_count()..snapshot.node_count()).map(NodeId::from_index) {
            if &*snapshot.type_of(thread).qualname == "thread" {
                threads.push(thread);
                edges_of_thread(graph, thread, &mut edges, &mut of_frames);
            }
        }
        let mut frames: Vec<NodeId> = of_frames.iter().map(|edge| edge.to).collect();
        frames.sort_unstable();
        let named = edges.len();
        edges.append(&mut of_frames);
        let with_frames = edges.len();
        edges.append(&mut others);
        Self { edges, named, with_frames, frames, threads, objects: snapshot.object_count() }
    }

    /// All edges, those that heapy follows first.
    pub fn all(&self) -> &[RootEdge] {
        &self.edges
    }

    /// The edges that a path may begin with.
    pub(super) fn edges(&self, reach: Reach) -> &[RootEdge] {
        match reach {
            Reach::Named => &self.edges[..self.named],
            Reach::Frames => &self.edges[..self.with_frames],
            Reach::All => &self.edges,
        }
    }

    /// The frames that the root leads to, ascending.
    pub(super) fn frames(&self) -> &[NodeId] {
        &self.frames
    }

    /// Whether a node is a thread: part of the root, and no step of any path.
    pub(super) fn is_thread(&self, node: NodeId) -> bool {
        node.index() >= self.objects && self.threads.binary_search(&node).is_ok()
    }

    /// The nodes that the root leads to.
    pub(super) fn nodes(&self, reach: Reach, room: usize) -> NodeSet {
        let mut nodes = NodeSet::new(room);
        nodes.extend(self.edges(reach).iter().map(|edge| edge.to));
        nodes
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.edges.capacity() * size_of::<RootEdge>()
            + (self.threads.capacity() + self.frames.capacity()) * 4) as u64
    }
}

fn is_modules(root: &crate::snapshot::Root) -> bool {
    root.kind == RootKind::Interpreter && &*root.words == "sys.modules"
}

/// A module's `__dict__`.
fn namespace(graph: &Graph, module: NodeId) -> Option<NodeId> {
    let table = graph.snapshot().label_table();
    let mut edges = graph.edges_from(module);
    let is_dict = |label| table.kind(label) == LabelKind::Slot && table.text(label) == "__dict__";
    edges.find(|edge| is_dict(edge.label)).map(|edge| edge.referent)
}

/// What a thread holds: into `of_frames` its frames, counted from the oldest one, the rest by its label.
fn edges_of_thread(
    graph: &Graph,
    thread: NodeId,
    others: &mut Vec<RootEdge>,
    of_frames: &mut Vec<RootEdge>,
) {
    let snapshot = graph.snapshot();
    let table = snapshot.label_table();
    let name = snapshot.names().get(thread).unwrap_or_default();
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let key: Box<str> = quoted.unwrap_or(name).into();
    let is_frame = |label| table.kind(label) == LabelKind::Frame;
    let frames = graph.edges_from(thread).filter(|edge| is_frame(edge.label)).count();
    let edges = graph.edges_from(thread).filter(|edge| graph.is_strong(edge.label));
    for (edge, keys) in edges.zip(0..) {
        let behind = match is_frame(edge.label) {
            true => {
                let place: usize = table.get(edge.label).text.parse().unwrap_or(0);
                format!(".frames[{}]", frames.saturating_sub(place + 1))
            }
            false => match relation_of(graph, thread, edge.label, keys) {
                HeldBy::Attribute(name) | HeldBy::Key(name) => format!(".{name}"),
                _ => ".??".into(),
            },
        };
        let link = Link::Root { table: "threads", key: key.clone(), behind: behind.into() };
        let into = if is_frame(edge.label) { &mut *of_frames } else { &mut *others };
        into.push(RootEdge { to: edge.referent, link });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_leads_to_modules_namespaces_and_frames() {
        let graph = Graph::from_notation(
            "root1@module -[:__dict__]> ns; c!held-from-c -> d
             main@thread -[frame 0]> inner@frame; main -[frame 1]> outer@frame; main -[:context]> ctx",
        )
        .unwrap();
        let edges = RootEdges::new(&graph);
        let said = |reach| {
            let edges = edges.edges(reach).iter();
            edges
                .map(|edge| {
                    let name = graph.snapshot().names().get(edge.to).unwrap().to_owned();
                    let link = match &edge.link {
                        Link::Root { table, key, behind } => format!("{table} {key} {behind}"),
                        other => format!("{other:?}"),
                    };
                    (name, link)
                })
                .collect::<Vec<_>>()
        };
        let own = |name: &str, link: &str| (name.to_owned(), link.to_owned());
        let mut expected =
            vec![own("root1", "i0_modules root1 "), own("ctx", "threads main .context")];
        assert_eq!(said(Reach::Named), expected);
        expected.push(own("inner", "threads main .frames[1]"));
        expected.push(own("outer", "threads main .frames[0]"));
        assert_eq!(said(Reach::Frames), expected);
        expected.push(own("c", "Held(Attribute(\"held_from_c\"))"));
        assert_eq!(said(Reach::All), expected);
        assert!(edges.is_thread(graph.named("main")));
    }
}
