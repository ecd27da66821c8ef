//! GC roots for a heap that was recorded without any.
//!
//! All that is in a dump was alive, or garbage that nobody had collected yet,
//! so every object must be reached. What no root known so far reaches needs a
//! root of its own: each object that nothing refers to, and of objects that
//! only each other refer to, one.

use snakeroot::NodeId;
use snakeroot::snapshot::{Root, RootKind, SnapshotParts};

/// What was taken for a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Objects that nothing refers to.
    pub(super) alone: u64,
    /// Cycles that nothing else refers to, of which one object each is a root now.
    pub(super) cycles: u64,
}

/// Adds roots until all nodes are reached, as few as that takes, and keeps them in order.
///
/// # Complexity
///
/// O(V + E) time, 21 bytes a node of scratch at most. No recursion.
pub(super) fn complete(parts: &mut SnapshotParts) -> Added {
    let count = parts.flags.len();
    let row =
        |node: usize| &parts.targets[parts.starts[node] as usize..parts.starts[node + 1] as usize];
    let mut has_referrer = vec![false; count];
    for node in 0..count {
        for target in row(node).iter().filter(|target| target.index() != node) {
            has_referrer[target.index()] = true;
        }
    }
    let mut reached = vec![false; count];
    let mut stack: Vec<u32> = Vec::new();
    let mut reach = |node: usize, reached: &mut [bool]| {
        if std::mem::replace(&mut reached[node], true) {
            return;
        }
        stack.push(node as u32);
        while let Some(node) = stack.pop() {
            for target in row(node as usize) {
                if !std::mem::replace(&mut reached[target.index()], true) {
                    stack.push(target.place());
                }
            }
        }
    };
    for (root, _) in &parts.roots {
        reach(root.index(), &mut reached);
    }
    // Nodes in the order in which a search depth first leaves them. Whatever of
    // the rest was left last is in no cycle that a node left before leads to.
    let mut left = Vec::new();
    let mut seen = reached.clone();
    let mut path: Vec<(u32, u64)> = Vec::new();
    for start in 0..count {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        path.push((start as u32, parts.starts[start]));
        while let Some((node, edge)) = path.last_mut() {
            if *edge == parts.starts[*node as usize + 1] {
                left.push(*node);
                path.pop();
                continue;
            }
            let target = parts.targets[*edge as usize].index();
            *edge += 1;
            if !std::mem::replace(&mut seen[target], true) {
                path.push((target as u32, parts.starts[target]));
            }
        }
    }
    let mut added = Added::default();
    let mut roots = Vec::new();
    for &node in left.iter().rev() {
        let node = node as usize;
        if reached[node] {
            continue;
        }
        reach(node, &mut reached);
        let words = if has_referrer[node] {
            added.cycles += 1;
            "in a cycle that nothing else recorded refers to"
        } else {
            added.alone += 1;
            "nothing recorded refers to it"
        };
        roots.push((NodeId::from_index(node), Root::new(RootKind::HeldFromC, words)));
    }
    parts.roots.append(&mut roots);
    parts.roots.sort_by_key(|&(node, _)| node);
    added
}
