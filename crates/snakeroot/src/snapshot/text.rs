//! Text for a few of the nodes: names, values.
//!
//! Most objects have neither, so a column over all nodes would be mostly empty.

use crate::id::NodeId;

/// Text for some nodes, in the order of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseText {
    /// Ascending, without repetition.
    nodes: Vec<NodeId>,
    /// The text of `nodes[i]` is `bytes[ends[i - 1]..ends[i]]`.
    ends: Vec<u64>,
    text: String,
}

impl SparseText {
    /// No text for any node.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the text of a node that comes after all nodes so far; otherwise
    /// gives the node back.
    pub fn push(&mut self, node: NodeId, text: &str) -> Result<(), NodeId> {
        if self.nodes.last().is_some_and(|&last| last >= node) {
            return Err(node);
        }
        self.nodes.push(node);
        self.text.push_str(text);
        self.ends.push(self.text.len() as u64);
        Ok(())
    }

    /// From pairs in any order; of several texts for one node the first stays.
    pub fn from_pairs<S: AsRef<str>>(mut pairs: Vec<(NodeId, S)>) -> Self {
        pairs.sort_by_key(|&(node, _)| node);
        pairs.dedup_by_key(|&mut (node, _)| node);
        let mut all = Self::new();
        for (node, text) in &pairs {
            all.push(*node, text.as_ref()).expect("sorted and without repetition");
        }
        all
    }

    /// The text of a node. O(log n).
    pub fn get(&self, node: NodeId) -> Option<&str> {
        self.nodes.binary_search(&node).ok().map(|place| self.at(place))
    }

    /// How many nodes have text.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no node has text.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All texts in the order of their nodes.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &str)> {
        self.nodes.iter().enumerate().map(|(place, &node)| (node, self.at(place)))
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.nodes.capacity() * 4 + self.ends.capacity() * 8 + self.text.capacity()) as u64
    }

    fn at(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.text[start..self.ends[place] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_by_node_and_only_there() {
        let node = NodeId::new;
        let text = SparseText::from_pairs(vec![(node(5), "five"), (node(2), "two"), (node(9), "")]);
        assert_eq!(text.get(node(2)), Some("two"));
        assert_eq!(text.get(node(5)), Some("five"));
        assert_eq!(text.get(node(9)), Some(""));
        assert_eq!(text.get(node(3)), None);
        assert_eq!(text.len(), 3);
    }
}
