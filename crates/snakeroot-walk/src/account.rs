//! Accounts: which references to an object does the graph not show?
//!
//! An object's reference count says how many there are. What the edges leave
//! over is held by C code: by the interpreter's own memory, by a running
//! frame's value stack, by a C variable of some library. Those places are looked
//! through for the objects in question, and for no others, so that what merely
//! looks like a pointer is never taken for a reference to an object whose count
//! balances.

use std::collections::HashSet;

use rayon::prelude::*;
use snakeroot::NodeId;
use snakeroot::snapshot::{Flags, Root, RootKind};

use crate::segments::{self, Owner, Segment};

/// Objects that one core looks at a time.
const CHUNK: usize = 1 << 14;

/// Objects with more references than the graph has edges to them, ascending.
pub(crate) struct Surplus {
    nodes: Vec<NodeId>,
    counts: Vec<u32>,
}

impl Surplus {
    /// What the counts leave over.
    ///
    /// `known` are the edges that lead to each object; `others` how many
    /// references beyond those are known to be there.
    pub(crate) fn new(
        refcounts: &[u32],
        flags: &[Flags],
        known: &[u32],
        others: impl Fn(usize) -> u32 + Sync,
    ) -> Self {
        let pieces = known.par_chunks(CHUNK).enumerate().map(|(piece, known)| {
            let first = piece * CHUNK;
            let counts = &refcounts[first..first + known.len()];
            let more =
                counts.iter().zip(known).enumerate().filter(|(_, (count, known))| count > known);
            let left = more.filter_map(|(at, (&count, &known))| {
                let at = first + at;
                if count == u32::MAX || flags[at].contains(Flags::IMMORTAL) {
                    return None;
                }
                let left = (count - known).saturating_sub(others(at));
                (left > 0).then_some((NodeId::from_index(at), left))
            });
            left.collect()
        });
        let pieces: Vec<Vec<(NodeId, u32)>> = pieces.collect();
        let (nodes, counts) = pieces.into_iter().flatten().unzip();
        Self { nodes, counts }
    }

    /// Takes one of the references to a node that are left; whether there was one.
    pub(crate) fn take(&mut self, node: NodeId) -> bool {
        match self.nodes.binary_search(&node) {
            Ok(at) if self.counts[at] > 0 => {
                self.counts[at] -= 1;
                true
            }
            _ => false,
        }
    }

    /// What is left.
    fn left(&self) -> impl Iterator<Item = (NodeId, u32)> + '_ {
        self.nodes.iter().copied().zip(self.counts.iter().copied()).filter(|&(_, left)| left > 0)
    }

    /// GC roots for all that is left: by where the references are found, the
    /// interpreter's memory first.
    ///
    /// `node_at` gives the node at an address, `address_of` a node's; `interned` says which objects are
    /// interned strings, which are kept by the interpreter as such.
    pub(crate) fn into_roots(
        mut self,
        segments: &[Segment],
        node_at: impl Fn(usize) -> Option<NodeId>,
        interned: impl Fn(NodeId) -> bool,
        is_list: impl Fn(NodeId) -> bool,
        address_of: impl Fn(NodeId) -> usize,
    ) -> Vec<(NodeId, Root)> {
        let mut roots = Vec::new();
        if self.nodes.is_empty() {
            return roots;
        }
        let mut libraries: std::collections::BTreeMap<NodeId, (u32, &str)> = Default::default();
        for segment in segments {
            segment.for_each_word(|word| {
                let Some(node) = node_at(word) else { return };
                if interned(node) || !self.take(node) {
                    return;
                }
                match &segment.owner {
                    Owner::Interpreter => {
                        roots.push((node, Root::new(RootKind::Interpreter, "state")));
                    }
                    Owner::Library(name) => {
                        libraries.entry(node).or_insert((0, name)).0 += 1;
                    }
                }
            });
        }
        let texts = self.texts_of_scripts(&is_list, &address_of);
        for (node, left) in self.left() {
            if texts.contains(&address_of(node)) {
                roots.push((node, Root::new(RootKind::Interpreter, "text of the running script")));
                continue;
            }
            let found = libraries.remove(&node);
            let root = if interned(node) {
                Root::new(RootKind::Interned, "")
            } else {
                let (in_library, name) = found.unwrap_or((0, ""));
                Root::new(RootKind::HeldFromC, references(left + in_library, name))
            };
            roots.push((node, root));
        }
        for (node, (count, name)) in libraries {
            roots.push((node, Root::new(RootKind::HeldFromC, references(count, name))));
        }
        roots
    }
}

impl Surplus {
    /// The addresses of what is left and holds what a running script was made of.
    fn texts_of_scripts(
        &self,
        is_list: &dyn Fn(NodeId) -> bool,
        address_of: &dyn Fn(NodeId) -> usize,
    ) -> HashSet<usize> {
        let lists = self.left().filter(|&(node, left)| left == 1 && is_list(node));
        segments::texts_of_scripts(&lists.map(|(node, _)| address_of(node)).collect())
    }
}

/// `2 references`, `1 reference, from _ssl.so`.
fn references(count: u32, library: &str) -> String {
    let word = if count == 1 { "reference" } else { "references" };
    let count = snakeroot::view::grouped(u64::from(count));
    if library.is_empty() {
        format!("{count} {word}")
    } else {
        format!("{count} {word}, from {library}")
    }
}
