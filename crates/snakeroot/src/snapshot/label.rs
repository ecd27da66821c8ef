//! Edge labels: by which attribute, key, index or field an object is held.

use std::fmt;

use crate::id::LabelId;

/// What kind of place in the referrer holds the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LabelKind {
    /// Nothing is known but that there is a reference.
    Unnamed,
    /// An entry of an instance's attributes: `.name`.
    Attribute,
    /// A `__slots__` member or a field of a C struct: `__dict__`, `__class__`, `__closure__`.
    Slot,
    /// A dict's value under a str key; the text is the key's own.
    Key,
    /// A dict's value under another key; the text is the key's short form.
    OtherKey,
    /// The key itself, held by its dict.
    KeyObject,
    /// An item of a sequence; the text is its index.
    Index,
    /// An element of a set.
    Element,
    /// A local variable of a frame, generator or coroutine.
    Local,
    /// A place on a frame's value stack; the text is its index.
    Stack,
    /// A frame of a thread; the text is 0 for the one that runs, 1 for its caller.
    Frame,
    /// A weak reference: shown, never followed.
    Weak,
}

impl LabelKind {
    /// All kinds.
    pub const ALL: [LabelKind; 12] = [
        Self::Unnamed,
        Self::Attribute,
        Self::Slot,
        Self::Key,
        Self::OtherKey,
        Self::KeyObject,
        Self::Index,
        Self::Element,
        Self::Local,
        Self::Stack,
        Self::Frame,
        Self::Weak,
    ];

    /// Whether the reference keeps its referent alive.
    pub fn is_strong(self) -> bool {
        self != Self::Weak
    }
}

/// An edge's label: its kind and, for most kinds, a text.
///
/// [`fmt::Display`] writes it as Python would reach the referent (`.name`,
/// `["key"]`, `[3]`); [`Label::to_stored`] writes a form that
/// [`Label::from_stored`] reads back without loss.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// What holds the reference.
    pub kind: LabelKind,
    /// A name, a key, an index; empty for the kinds that have none.
    pub text: String,
}

impl Label {
    /// A label of some kind and text.
    pub fn new(kind: LabelKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The form kept in a dump: a sign or a word that tells the kind, then the text.
    ///
    /// | kind | form |
    /// |---|---|
    /// | attribute | `.name` |
    /// | slot, C field | `:name` |
    /// | str key | `["key"]` (the key is not escaped) |
    /// | other key | `{key}` |
    /// | index | `[3]` |
    /// | the key itself | `key` |
    /// | set element | `element` |
    /// | local variable | `local name` |
    /// | value stack | `stack 3` |
    /// | frame of a thread | `frame 0` |
    /// | weak reference | `weak` |
    /// | nothing known | the empty text |
    pub fn to_stored(&self) -> String {
        let text = &self.text;
        match self.kind {
            LabelKind::Unnamed => String::new(),
            LabelKind::Attribute => format!(".{text}"),
            LabelKind::Slot => format!(":{text}"),
            LabelKind::Key => format!("[\"{text}\"]"),
            LabelKind::OtherKey => format!("{{{text}}}"),
            LabelKind::Index => format!("[{text}]"),
            LabelKind::KeyObject => "key".into(),
            LabelKind::Element => "element".into(),
            LabelKind::Local => format!("local {text}"),
            LabelKind::Stack => format!("stack {text}"),
            LabelKind::Frame => format!("frame {text}"),
            LabelKind::Weak => "weak".into(),
        }
    }

    /// Reads what [`Label::to_stored`] wrote; `None` for any other text.
    pub fn from_stored(stored: &str) -> Option<Self> {
        fn cut<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
            text.strip_prefix(before)?.strip_suffix(after)
        }
        let (kind, text) = match stored {
            "" => (LabelKind::Unnamed, ""),
            "key" => (LabelKind::KeyObject, ""),
            "element" => (LabelKind::Element, ""),
            "weak" => (LabelKind::Weak, ""),
            _ => {
                if let Some(text) = stored.strip_prefix('.') {
                    (LabelKind::Attribute, text)
                } else if let Some(text) = stored.strip_prefix(':') {
                    (LabelKind::Slot, text)
                } else if let Some(text) = cut(stored, "[\"", "\"]") {
                    (LabelKind::Key, text)
                } else if let Some(text) = cut(stored, "{", "}") {
                    (LabelKind::OtherKey, text)
                } else if let Some(text) = cut(stored, "[", "]") {
                    text.parse::<u32>().ok()?;
                    (LabelKind::Index, text)
                } else if let Some(text) = stored.strip_prefix("local ") {
                    (LabelKind::Local, text)
                } else if let Some(text) = stored.strip_prefix("stack ") {
                    (LabelKind::Stack, text)
                } else if let Some(text) = stored.strip_prefix("frame ") {
                    (LabelKind::Frame, text)
                } else {
                    return None;
                }
            }
        };
        Some(Self::new(kind, text))
    }

    /// As short as it can be said beside an arrow: `name`, `key`, `[3]`.
    pub fn short(&self) -> String {
        match self.kind {
            LabelKind::Attribute | LabelKind::Slot | LabelKind::Key | LabelKind::Local => {
                self.text.clone()
            }
            LabelKind::Index | LabelKind::OtherKey => format!("[{}]", self.text),
            LabelKind::Unnamed | LabelKind::Element => String::new(),
            LabelKind::KeyObject => "key".into(),
            LabelKind::Stack => format!("stack {}", self.text),
            LabelKind::Frame => format!("frame {}", self.text),
            LabelKind::Weak => "weak".into(),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.kind {
            LabelKind::Unnamed => f.write_str("(reference)"),
            LabelKind::Attribute | LabelKind::Slot => write!(f, ".{text}"),
            LabelKind::Key => write!(f, "[{text:?}]"),
            LabelKind::OtherKey | LabelKind::Index => write!(f, "[{text}]"),
            LabelKind::KeyObject => f.write_str("(key)"),
            LabelKind::Element => f.write_str("(element)"),
            LabelKind::Local => write!(f, "local {text:?}"),
            LabelKind::Stack => write!(f, "(value stack {text})"),
            LabelKind::Frame => write!(f, "(frame {text})"),
            LabelKind::Weak => f.write_str("(weak)"),
        }
    }
}

/// The labels that edges refer to, each once.
///
/// The first entry is always the unnamed label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTable {
    kinds: Vec<LabelKind>,
    /// The text of entry `i` is `text[ends[i - 1]..ends[i]]`.
    ends: Vec<u64>,
    text: String,
}

impl Default for LabelTable {
    fn default() -> Self {
        Self { kinds: vec![LabelKind::Unnamed], ends: vec![0], text: String::new() }
    }
}

impl LabelTable {
    /// The label of an edge of which nothing else is known.
    pub const UNNAMED: LabelId = LabelId::entry(0);

    /// A table with the unnamed label only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label without asking whether it is there already.
    pub fn push(&mut self, kind: LabelKind, text: &str) -> LabelId {
        let place = u32::try_from(self.kinds.len()).expect("labels are fewer than 2^31");
        self.kinds.push(kind);
        self.text.push_str(text);
        self.ends.push(self.text.len() as u64);
        LabelId::entry(place)
    }

    /// How many labels there are.
    #[allow(clippy::len_without_is_empty)] // the unnamed label is always there
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether `label` is an index or stands in this table.
    pub fn contains(&self, label: LabelId) -> bool {
        label.as_entry().is_none_or(|place| (place as usize) < self.kinds.len())
    }

    /// A label's kind. O(1).
    #[inline]
    pub fn kind(&self, label: LabelId) -> LabelKind {
        label.as_entry().map_or(LabelKind::Index, |place| self.kinds[place as usize])
    }

    /// A label's text as it stands in the table; an index has none there.
    pub fn text(&self, label: LabelId) -> &str {
        let Some(place) = label.as_entry() else {
            return "";
        };
        let place = place as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.text[start..self.ends[place] as usize]
    }

    /// The label in full.
    pub fn get(&self, label: LabelId) -> Label {
        match label.as_item() {
            Some(index) => Label::new(LabelKind::Index, index.to_string()),
            None => Label::new(self.kind(label), self.text(label)),
        }
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.kinds.capacity() + self.ends.capacity() * 8 + self.text.capacity()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_stored_form() {
        for kind in LabelKind::ALL {
            let text = match kind {
                LabelKind::Index | LabelKind::Stack | LabelKind::Frame => "12",
                LabelKind::Unnamed
                | LabelKind::KeyObject
                | LabelKind::Element
                | LabelKind::Weak => "",
                _ => "a \"b\"]\n.é",
            };
            let label = Label::new(kind, text);
            assert_eq!(Label::from_stored(&label.to_stored()), Some(label));
        }
        assert_eq!(Label::from_stored("what"), None);
        assert_eq!(Label::from_stored("[x]"), None);
    }

    #[test]
    fn a_label_reads_like_python() {
        let mut table = LabelTable::new();
        let name = table.push(LabelKind::Attribute, "cache");
        let key = table.push(LabelKind::Key, "user:7");
        assert_eq!(table.get(name).to_string(), ".cache");
        assert_eq!(table.get(key).to_string(), "[\"user:7\"]");
        assert_eq!(table.get(LabelId::item(3)).to_string(), "[3]");
        assert_eq!(table.kind(LabelTable::UNNAMED), LabelKind::Unnamed);
    }
}
