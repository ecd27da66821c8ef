//! A set of nodes: one bit a node.

use crate::id::NodeId;

/// A set of nodes: one bit for each node of a graph.
///
/// An eighth of a byte a node, untouched pages cost nothing: marks for a search
/// that may visit three nodes or ten million.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSet {
    words: Vec<u64>,
}

impl NodeSet {
    /// No node, with room for the nodes `0..count`.
    pub fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    /// Adds a node; whether it was not there before.
    ///
    /// # Panics
    ///
    /// When the set has no room for it.
    #[inline]
    pub fn insert(&mut self, node: NodeId) -> bool {
        let (word, bit) = place(node);
        let before = self.words[word];
        self.words[word] = before | bit;
        before & bit == 0
    }

    /// Takes a node out; whether it was there.
    ///
    /// # Panics
    ///
    /// When the set has no room for it.
    #[inline]
    pub fn remove(&mut self, node: NodeId) -> bool {
        let (word, bit) = place(node);
        let before = self.words[word];
        self.words[word] = before & !bit;
        before & bit != 0
    }

    /// Whether a node is there; one that the set has no room for is not.
    #[inline]
    pub fn contains(&self, node: NodeId) -> bool {
        let (word, bit) = place(node);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Takes all nodes out and makes room for the nodes `0..count`.
    pub fn reset(&mut self, count: usize) {
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
    }

    /// How many nodes are there. O(room).
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.words.capacity() * 8) as u64
    }
}

#[inline]
fn place(node: NodeId) -> (usize, u64) {
    (node.index() / 64, 1 << (node.index() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_there_from_its_insertion_to_its_removal() {
        let mut set = NodeSet::new(65);
        let (first, last) = (NodeId::new(0), NodeId::new(64));
        assert!(set.insert(last));
        assert!(!set.insert(last));
        assert!(set.contains(last) && !set.contains(first));
        assert_eq!(set.count(), 1);
        assert!(set.remove(last));
        assert!(!set.remove(last));
        assert!(!set.contains(last));
        assert!(!set.contains(NodeId::new(1 << 20)));
    }
}
