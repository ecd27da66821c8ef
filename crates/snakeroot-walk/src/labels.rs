//! Labels while the walk goes on: numbers now, text copied at once, the table later.

use std::collections::HashMap;

use snakeroot::snapshot::LabelKind;

/// Set in the label of an item of a sequence; the other bits are the index.
pub(crate) const ITEM: u32 = 1 << 31;
/// Nothing is known of the edge.
pub(crate) const UNNAMED: u32 = 0;
/// A dict's key itself.
pub(crate) const KEY_OBJECT: u32 = 1;
/// An element of a set.
pub(crate) const ELEMENT: u32 = 2;
/// A weak reference.
pub(crate) const WEAK: u32 = 3;
/// A dict's value: the edge before leads to its key. Never in the table.
pub(crate) const VALUE: u32 = 4;
/// An instance's type.
pub(crate) const CLASS: u32 = 5;
/// An instance's dict.
pub(crate) const DICT: u32 = 6;

/// Longest key or name that is kept, in characters.
pub(crate) const MOST_CHARACTERS: usize = 100;

/// The label of an item.
#[inline(always)]
pub(crate) fn item(index: usize) -> u32 {
    ITEM | index.min((ITEM - 1) as usize) as u32
}

/// Labels in the order of their numbers.
pub(crate) struct Labels {
    pub(crate) kinds: Vec<LabelKind>,
    /// The text of label `i` is `text[ends[i - 1]..ends[i]]`.
    pub(crate) ends: Vec<usize>,
    pub(crate) text: Vec<u8>,
    known: HashMap<(LabelKind, Box<[u8]>), u32>,
}

impl Labels {
    pub(crate) fn new() -> Self {
        let mut labels =
            Self { kinds: Vec::new(), ends: Vec::new(), text: Vec::new(), known: HashMap::new() };
        for (number, kind, text) in [
            (UNNAMED, LabelKind::Unnamed, ""),
            (KEY_OBJECT, LabelKind::KeyObject, ""),
            (ELEMENT, LabelKind::Element, ""),
            (WEAK, LabelKind::Weak, ""),
            (VALUE, LabelKind::Unnamed, ""),
            (CLASS, LabelKind::Slot, "__class__"),
            (DICT, LabelKind::Slot, "__dict__"),
        ] {
            let added = labels.named(kind, text.as_bytes());
            if added != number {
                // Equal to one before it, as `VALUE` is to `UNNAMED`.
                labels.push(kind, |_| {});
            }
        }
        labels
    }

    /// The label of a kind with a text, made if need be.
    pub(crate) fn named(&mut self, kind: LabelKind, text: &[u8]) -> u32 {
        if let Some(&number) = self.known.get(&(kind, text.into())) {
            return number;
        }
        let number = self.push(kind, |out| out.extend_from_slice(text));
        self.known.insert((kind, text.into()), number);
        number
    }

    /// A new label whose text `write` appends.
    pub(crate) fn push(&mut self, kind: LabelKind, write: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let number = self.kinds.len() as u32;
        self.kinds.push(kind);
        write(&mut self.text);
        self.ends.push(self.text.len());
        number
    }

    /// All labels with their text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LabelKind, &[u8])> {
        self.kinds.iter().enumerate().map(|(at, &kind)| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] };
            (kind, &self.text[start..self.ends[at]])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_labels_have_their_numbers() {
        let labels = Labels::new();
        let all: Vec<_> = labels.iter().collect();
        assert_eq!(all[UNNAMED as usize].0, LabelKind::Unnamed);
        assert_eq!(all[KEY_OBJECT as usize].0, LabelKind::KeyObject);
        assert_eq!(all[ELEMENT as usize].0, LabelKind::Element);
        assert_eq!(all[WEAK as usize].0, LabelKind::Weak);
        assert_eq!(all[CLASS as usize], (LabelKind::Slot, &b"__class__"[..]));
        assert_eq!(all[DICT as usize], (LabelKind::Slot, &b"__dict__"[..]));
        assert_eq!(all.len(), DICT as usize + 1);
    }
}
