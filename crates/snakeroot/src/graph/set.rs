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

    /// The nodes `0..present`, with room for the nodes `0..count`.
    ///
    /// # Panics
    ///
    /// When `present` is more than `count`.
    pub fn all(present: usize, count: usize) -> Self {
        assert!(present <= count, "the set has room for what is in it");
        let mut words = vec![0; count.div_ceil(64)];
        words[..present / 64].fill(u64::MAX);
        if !present.is_multiple_of(64) {
            words[present / 64] = (1 << (present % 64)) - 1;
        }
        Self { words }
    }

    /// The nodes whose bits are set: node `n` is bit `n % 64` of word `n / 64`.
    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        Self { words }
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

    /// The nodes that are there, ascending. O(room + nodes).
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let bits = std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            });
            bits.map(move |word| NodeId::from_index(at * 64 + word.trailing_zeros() as usize))
        })
    }

    /// The first node at `index` or after it that is there. O(room skipped).
    pub fn first_from(&self, index: usize) -> Option<NodeId> {
        let mut at = index / 64;
        let mut word = self.words.get(at)? & (u64::MAX << (index % 64));
        while word == 0 {
            at += 1;
            word = *self.words.get(at)?;
        }
        Some(NodeId::from_index(at * 64 + word.trailing_zeros() as usize))
    }

    /// Takes out the nodes that a function says `false` of. O(room + nodes).
    pub fn retain(&mut self, mut stays: impl FnMut(NodeId) -> bool) {
        for (at, word) in self.words.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest & rest.wrapping_neg();
                if !stays(NodeId::from_index(at * 64 + bit.trailing_zeros() as usize)) {
                    *word &= !bit;
                }
                rest &= rest - 1;
            }
        }
    }

    /// Whether no node is there. O(room).
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Adds the nodes of another set of the same room.
    pub fn unite(&mut self, other: &NodeSet) {
        self.combine(other, |own, other| own | other);
    }

    /// Keeps the nodes that are in another set of the same room too.
    pub fn intersect(&mut self, other: &NodeSet) {
        self.combine(other, |own, other| own & other);
    }

    /// Takes out the nodes of another set of the same room.
    pub fn subtract(&mut self, other: &NodeSet) {
        self.combine(other, |own, other| own & !other);
    }

    /// Keeps the nodes that are in one of two sets of the same room, and not in both.
    pub fn differ(&mut self, other: &NodeSet) {
        self.combine(other, |own, other| own ^ other);
    }

    fn combine(&mut self, other: &NodeSet, how: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.words.len(), other.words.len(), "both sets have the same room");
        for (own, &other) in self.words.iter_mut().zip(&other.words) {
            *own = how(*own, other);
        }
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

impl Extend<NodeId> for NodeSet {
    fn extend<I: IntoIterator<Item = NodeId>>(&mut self, nodes: I) {
        for node in nodes {
            self.insert(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(nodes: &[u32]) -> NodeSet {
        let mut set = NodeSet::new(200);
        set.extend(nodes.iter().copied().map(NodeId::new));
        set
    }

    #[test]
    fn sets_are_united_and_cut() {
        let (some, others) = (set(&[0, 63, 64, 130]), set(&[63, 130, 199]));
        let with = |how: fn(&mut NodeSet, &NodeSet)| {
            let mut own = some.clone();
            how(&mut own, &others);
            own.iter().map(NodeId::place).collect::<Vec<u32>>()
        };
        assert_eq!(with(NodeSet::unite), [0, 63, 64, 130, 199]);
        assert_eq!(with(NodeSet::intersect), [63, 130]);
        assert_eq!(with(NodeSet::subtract), [0, 64]);
        assert_eq!(with(NodeSet::differ), [0, 64, 199]);
    }

    #[test]
    fn nodes_are_kept_and_found_from_a_place_on() {
        let mut some = set(&[0, 63, 64, 130]);
        let from = |some: &NodeSet, index| some.first_from(index).map(NodeId::place);
        assert_eq!(from(&some, 0), Some(0));
        assert_eq!(from(&some, 1), Some(63));
        assert_eq!(from(&some, 65), Some(130));
        assert_eq!(from(&some, 131), None);
        assert_eq!(from(&some, 5000), None);
        some.retain(|node| node.place() % 2 == 1);
        assert_eq!(some, set(&[63]));
        assert!(!some.is_empty() && set(&[]).is_empty());
    }

    #[test]
    fn all_nodes_are_those_below_a_number() {
        for present in [0, 1, 63, 64, 65, 128, 200] {
            let set = NodeSet::all(present, 200);
            assert!(set.iter().map(NodeId::index).eq(0..present), "{present}");
            assert_eq!(set.heap_bytes(), NodeSet::new(200).heap_bytes());
        }
    }

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
