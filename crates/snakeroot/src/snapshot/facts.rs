//! The small facts of a snapshot: flags, types, GC roots, and about the capture.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// What else is known of a node, one bit a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// The garbage collector tracks it.
    pub const TRACKED: Flags = Flags(1);
    /// Its reference count never changes.
    pub const IMMORTAL: Flags = Flags(2);
    /// It has a `__dict__`, made or not yet made.
    pub const HAS_DICT: Flags = Flags(4);
    /// No GC root reaches it.
    pub const GARBAGE: Flags = Flags(8);
    /// A thread or a frame: no object, no address, size 0.
    pub const SYNTHETIC: Flags = Flags(16);
    /// Its type has a `__sizeof__` in Python, which was not run: the size is
    /// what `object.__sizeof__` gives.
    pub const SIZE_NOT_ASKED: Flags = Flags(32);
    /// Its type can be tracked by the garbage collector.
    pub const COLLECTABLE: Flags = Flags(64);
    /// An interned str: equal ones are this one.
    pub const INTERNED: Flags = Flags(128);

    /// Each flag with the name used in text.
    pub const NAMES: [(Flags, &'static str); 8] = [
        (Self::TRACKED, "tracked"),
        (Self::IMMORTAL, "immortal"),
        (Self::HAS_DICT, "has-dict"),
        (Self::GARBAGE, "garbage"),
        (Self::SYNTHETIC, "synthetic"),
        (Self::SIZE_NOT_ASKED, "size-not-asked"),
        (Self::COLLECTABLE, "collectable"),
        (Self::INTERNED, "interned"),
    ];

    /// Whether all of `other`'s flags are set.
    #[inline]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// A type that some node has.
///
/// Two types may have the same name and still be two entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeEntry {
    /// The value of the type's `__module__`; empty for a synthetic type.
    pub module: Box<str>,
    /// The value of the type's `__qualname__`.
    pub qualname: Box<str>,
    /// The type object's own node; synthetic types have none.
    pub node: Option<NodeId>,
}

impl TypeEntry {
    /// `module.QualName`.
    pub fn full_name(&self) -> String {
        if self.module.is_empty() {
            self.qualname.to_string()
        } else {
            format!("{}.{}", self.module, self.qualname)
        }
    }

    /// As a table shows it: the full name, but without the module `builtins`.
    pub fn display_name(&self) -> String {
        if &*self.module == "builtins" { self.qualname.to_string() } else { self.full_name() }
    }

    /// The last part of the qualified name: what `__name__` is unless it was changed.
    pub fn short_name(&self) -> &str {
        self.qualname.rsplit('.').next().unwrap_or(&self.qualname)
    }
}

/// Why an object is a GC root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// A module in `sys.modules`.
    Module,
    /// The `builtins` module or its dict.
    Builtins,
    /// A thread.
    Thread,
    /// A task that an event loop will run.
    Task,
    /// Held by the interpreter itself.
    Interpreter,
    /// A type that is not on the heap.
    StaticType,
    /// An object that is never freed.
    Immortal,
    /// An interned string.
    Interned,
    /// Held by references that no object accounts for.
    HeldFromC,
}

impl RootKind {
    /// All kinds.
    pub const ALL: [RootKind; 9] = [
        Self::Module,
        Self::Builtins,
        Self::Thread,
        Self::Task,
        Self::Interpreter,
        Self::StaticType,
        Self::Immortal,
        Self::Interned,
        Self::HeldFromC,
    ];

    /// The word for it in text and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Builtins => "builtins",
            Self::Thread => "thread",
            Self::Task => "task",
            Self::Interpreter => "interpreter",
            Self::StaticType => "static-type",
            Self::Immortal => "immortal",
            Self::Interned => "interned",
            Self::HeldFromC => "held-from-c",
        }
    }

    /// Whether a root of this kind explains why an object is alive.
    pub(crate) const fn explains(self) -> bool {
        matches!(self, Self::Module | Self::Builtins | Self::Thread | Self::Task)
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Why an object is a GC root, in a kind and in words.
///
/// Its text is the kind's word, then the words: `module app`,
/// `thread "MainThread"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root {
    /// The kind of root.
    pub kind: RootKind,
    /// Which one, for a person; may be empty.
    pub words: Box<str>,
}

impl Root {
    /// A root of some kind.
    pub fn new(kind: RootKind, words: impl Into<Box<str>>) -> Self {
        Self { kind, words: words.into() }
    }

    /// Reads what [`fmt::Display`] wrote; `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (word, words) = text.split_once(' ').unwrap_or((text, ""));
        Some(Self::new(RootKind::from_word(word)?, words))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        if !self.words.is_empty() {
            write!(f, " {}", self.words)?;
        }
        Ok(())
    }
}

/// About the process and the capture.
///
/// Written into a dump's footer as JSON; fields unknown to a reader are
/// skipped, missing ones are empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Version of snakeroot that recorded the heap.
    pub tool: String,
    /// Version of Python, as `sys.version` begins: `3.11.7`.
    pub python: String,
    /// `cpython`, and of the build `release` or `debug`, `free-threaded`.
    pub build: String,
    /// Operating system and processor.
    pub platform: String,
    /// Process id.
    pub pid: u32,
    /// When the process started, in clock ticks since the machine did; 0 where that is not known.
    ///
    /// A process id is used again, so with it this tells two processes apart.
    pub process_started: u64,
    /// The process's arguments.
    pub argv: Vec<String>,
    /// When the capture began, in milliseconds since 1970-01-01 UTC.
    pub started_ms: u64,
    /// For how long no Python code could run, in nanoseconds.
    pub pause_ns: u64,
    /// The whole capture, in nanoseconds.
    pub total_ns: u64,
    /// Objects that the garbage collector tracks.
    pub tracked: u64,
    /// Objects that only references which no object accounts for keep alive;
    /// `None` where that was not counted.
    pub held_from_c: Option<u64>,
    /// Objects that no GC root reaches; `None` where that was not counted.
    pub garbage: Option<u64>,
    /// Bytes of the process that were in memory when the capture began.
    pub resident_bytes: u64,
    /// How objects were found: `gc lists` or `gc.get_objects`.
    pub enumeration: String,
    /// What the reader should know: readers switched off, interpreters not walked.
    pub notices: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_read_back_from_its_text() {
        for kind in RootKind::ALL {
            for words in ["", "app", "\"worker 3\" (5)"] {
                let root = Root::new(kind, words);
                assert_eq!(Root::from_text(&root.to_string()), Some(root));
            }
        }
        assert_eq!(Root::from_text("nobody"), None);
    }

    #[test]
    fn builtins_are_shown_without_their_module() {
        let entry = TypeEntry { module: "builtins".into(), qualname: "dict".into(), node: None };
        assert_eq!(entry.display_name(), "dict");
        assert_eq!(entry.full_name(), "builtins.dict");
        let entry = TypeEntry { module: "app".into(), qualname: "A.B".into(), node: None };
        assert_eq!(entry.short_name(), "B");
        assert_eq!(entry.display_name(), "app.A.B");
    }
}
