//! The texts of a `.heapsnapshot`, which come last in it and are numbered before.
//!
//! Three kinds, one after the other: those that are kept here, each once; those of the
//! snapshot's labels; those of its values. The latter two are as many as there are
//! objects in a heap of strings, so they are not copied: a text's number is its place.

use std::collections::HashMap;
use std::io::{self, Write};

use snakeroot::snapshot::{Label, LabelKind};
use snakeroot::{LabelId, NodeId, Snapshot};

use super::put_text;

/// Bytes that all texts together may take in the file, with their quotes and commas.
///
/// The reader makes one string of them, and JavaScript's have at most 2^29 - 24
/// characters; a character is never less than a byte here.
pub(super) const MOST_BYTES: u64 = 500_000_000;

/// Characters of one text, as V8 cuts them.
const MOST_CHARS: usize = 1_024;

/// The number of a text: its place in the list that ends the file.
pub(super) type TextId = u32;

pub(super) struct Strings<'a> {
    snapshot: &'a Snapshot,
    /// Bytes that texts may still take.
    left: u64,
    own: Vec<Box<str>>,
    known: HashMap<Box<str>, TextId>,
    /// The labels of the table below this place have texts.
    labels: u32,
    /// The values before this one in the order of nodes have texts.
    values: u32,
    /// The text for what has none of its own.
    other: TextId,
    /// Texts that there was no room for.
    left_out: u64,
}

impl<'a> Strings<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, most_bytes: u64) -> Self {
        let mut strings = Self {
            snapshot,
            left: most_bytes,
            own: Vec::new(),
            known: HashMap::new(),
            labels: 0,
            values: 0,
            other: 0,
            left_out: 0,
        };
        // What no name refers to: 0 is used for it by V8 too.
        strings.must("<dummy>");
        strings.other = strings.must("(left out)");
        strings
    }

    /// A text that the file cannot do without.
    pub(super) fn must(&mut self, text: &str) -> TextId {
        let text = cut(text);
        if let Some(&id) = self.known.get(text) {
            return id;
        }
        self.left = self.left.saturating_sub(bytes_of(text));
        let id = self.own.len() as TextId;
        self.own.push(text.into());
        self.known.insert(text.into(), id);
        id
    }

    /// A text, if there is room for it.
    pub(super) fn add(&mut self, text: &str) -> Option<TextId> {
        let text = cut(text);
        if let Some(&id) = self.known.get(text) {
            return Some(id);
        }
        if bytes_of(text) > self.left {
            self.left_out += 1;
            return None;
        }
        Some(self.must(text))
    }

    /// The text for what there was no room for.
    pub(super) fn other(&self) -> TextId {
        self.other
    }

    /// Numbers the labels and then, as far as there is room, the values that are `wanted`.
    /// Nothing can be added after that.
    pub(super) fn number(&mut self, wanted: impl Fn(NodeId) -> bool) {
        let table = self.snapshot.label_table();
        let labels = table.len() as u32;
        while self.labels < labels && self.take(&label_text(self.snapshot, self.labels)) {
            self.labels += 1;
        }
        self.left_out += u64::from(labels - self.labels);
        let mut values = self.snapshot.values().iter().filter(|&(node, _)| wanted(node));
        for (_, text) in values.by_ref() {
            if !self.take(text) {
                self.left_out += 1 + values.count() as u64;
                break;
            }
            self.values += 1;
        }
    }

    fn take(&mut self, text: &str) -> bool {
        let bytes = bytes_of(cut(text));
        let fits = bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }

    /// The number of a label of the table.
    pub(super) fn label(&self, label: LabelId) -> TextId {
        match label.as_entry() {
            Some(place) if place < self.labels => self.own.len() as TextId + place,
            _ => self.other,
        }
    }

    /// The number of the value of the `nth` node that has a wanted one, if it has a text.
    pub(super) fn value(&self, nth: u32) -> Option<TextId> {
        (nth < self.values).then_some(self.own.len() as TextId + self.labels + nth)
    }

    /// Texts that there was no room for.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Writes all texts in the order of their numbers; `wanted` as it was for [`Strings::number`].
    pub(super) fn write(
        &self,
        wanted: impl Fn(NodeId) -> bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut separator: &[u8] = b"";
        let mut put = |text: &str| {
            out.write_all(separator)?;
            separator = b",\n";
            put_text(out, cut(text))
        };
        self.own.iter().try_for_each(|text| put(text))?;
        (0..self.labels).try_for_each(|place| put(&label_text(self.snapshot, place)))?;
        let values = self.snapshot.values().iter().filter(|&(node, _)| wanted(node));
        values.take(self.values as usize).try_for_each(|(_, text)| put(text))
    }
}

/// What an edge with a label of the table is called.
fn label_text(snapshot: &Snapshot, place: u32) -> String {
    let label = snapshot.label_table().get(LabelId::entry(place));
    match label.kind {
        LabelKind::Attribute | LabelKind::Slot | LabelKind::Local => label.text,
        LabelKind::Weak => Label::to_stored(&label),
        _ => label.to_string(),
    }
}

/// At most as many characters as V8 writes.
fn cut(text: &str) -> &str {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The most bytes that a text takes in the file.
fn bytes_of(text: &str) -> u64 {
    let escaped = text.bytes().map(|byte| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    });
    escaped.sum::<u64>() + b"\"\",\n".len() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use snakeroot::Graph;

    use super::*;

    fn written(strings: &Strings<'_>) -> (u64, Vec<String>) {
        let mut bytes = b"[".to_vec();
        strings.write(|_| true, &mut bytes).unwrap();
        bytes.push(b']');
        let texts: Value = serde_json::from_slice(&bytes).unwrap();
        let texts = texts.as_array().unwrap().iter();
        (bytes.len() as u64, texts.map(|text| text.as_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let graph =
            Graph::from_notation("root -> a -[.\"quoted\"]> b; a -[.next]> c; a -[.more]> d");
        let graph = graph.unwrap();
        let snapshot = graph.snapshot();
        let labels = snapshot.label_table().len() as u64;
        assert!(labels > 3);
        for most in 60..200 {
            let mut strings = Strings::new(snapshot, most);
            let name = strings.add("a name of some length");
            strings.number(|_| true);
            let (bytes, texts) = written(&strings);
            assert!(bytes <= most, "{bytes} of {most}");
            assert_eq!(texts.len() as u64 + strings.left_out(), 3 + labels);
            assert_eq!(name.is_some(), texts.contains(&"a name of some length".to_owned()));
            for place in 0..labels as u32 {
                let text = &texts[strings.label(LabelId::entry(place)) as usize];
                let expected = label_text(snapshot, place);
                assert!(*text == expected || text == "(left out)", "{text}");
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(2_000)), "é".repeat(1_024));
        assert_eq!(cut("short"), "short");
    }
}
