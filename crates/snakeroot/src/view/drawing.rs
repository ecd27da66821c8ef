//! The model of a picture: what stands in each box and which arrows join them.
//!
//! Nothing here has a position: laying out and painting is the painter's work,
//! and DOT leaves it to Graphviz.

/// What an object is, as far as its colour in a picture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// An instance of an ordinary class.
    Instance,
    /// A dict or a mapping like it.
    Dict,
    /// A list, deque or array.
    List,
    /// A tuple.
    Tuple,
    /// A set or frozenset.
    Set,
    /// A str, bytes, number, bool or `None`.
    Scalar,
    /// A class.
    Type,
    /// A module.
    Module,
    /// A function, method, code object or closure cell.
    Function,
    /// A generator, coroutine, frame or traceback.
    Frame,
    /// A thread.
    Thread,
    /// A weak reference or proxy.
    Weak,
}

/// What part a box plays in its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// One of the objects.
    Plain,
    /// What was asked for: painted in gold, at the end of every chain.
    Target,
    /// Chosen by the caller's `highlight`.
    Highlight,
    /// No object, but "39 more backreferences": a dashed pill.
    More,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnNode {
    /// Unique in the drawing; letters, digits and `_` only.
    pub id: String,
    /// The first line, in bold: the type's name. Untrusted text.
    pub title: String,
    /// The lines below it. Untrusted text.
    pub lines: Vec<String>,
    /// Decides the colour.
    pub kind: NodeKind,
    /// Decides the emphasis.
    pub role: Role,
    /// The long form, shown when the pointer rests on the box. Untrusted text.
    pub tooltip: String,
    /// Further attributes by name, for DOT alone. Untrusted text.
    pub attributes: Vec<(String, String)>,
}

/// How an arrow is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgeStyle {
    /// A reference.
    Plain,
    /// A reference that ends at (or, forwards, starts at) the target.
    Strong,
    /// A weak reference: dotted.
    Weak,
    /// To or from a pill that stands for what was left out: dashed.
    More,
}

/// An arrow from the referrer to its referent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnEdge {
    /// Place of the referrer in [`Drawing::nodes`].
    pub source: usize,
    /// Place of the referent in [`Drawing::nodes`].
    pub target: usize,
    /// The reference's label, or nothing. Untrusted text.
    pub label: String,
    /// How it is drawn.
    pub style: EdgeStyle,
}

/// A small graph, ready to be laid out and painted.
///
/// Arrows run from top to bottom, from referrer to referent. There may be
/// cycles, self loops and several arrows between one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The boxes.
    pub nodes: Vec<DrawnNode>,
    /// The arrows.
    pub edges: Vec<DrawnEdge>,
    /// Shown small below the picture, where not empty: what was left out.
    pub note: String,
    /// Whether the targets are the sinks (backrefs) rather than the sources (refs).
    pub targets_last: bool,
}
