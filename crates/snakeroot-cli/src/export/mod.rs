//! The heap, or a part of it, in a form of another tool: what is asked, and doing it.
//!
//! For the verb `export` and for Python alike: it knows no arguments and prints nothing.

mod ids;
pub(crate) mod verb;

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use snakeroot::analysis::{self, Direction, DominatorTree, Neighbourhood, NeighbourhoodOptions};
use snakeroot::graph::NodeSet;
use snakeroot::view::{self, DrawOptions, grouped};
use snakeroot::watch::{Stopped, Watch};
use snakeroot::{Graph, NodeId};
use snakeroot_dump::{DumpError, DumpErrorKind, Extra, ExtraValues, HeapSnapshot};

pub use ids::{NotEarlier, stable_numbers};

/// Nodes that a GraphML file may have: Gephi and yEd take no more in reasonable time.
pub const MOST_GRAPHML_NODES: usize = 100_000;
/// Nodes that a DOT file may have: with more Graphviz works for minutes, and nobody can look at it.
pub const MOST_DOT_NODES: usize = 5_000;

/// A form that other tools read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For the Memory panel of Chrome's DevTools
    #[value(name = "heapsnapshot")]
    HeapSnapshot,
    /// The dump itself, with answers as further columns: see --with
    Parquet,
    /// JSON lines: one object a line
    #[value(name = "jsonl")]
    JsonLines,
    /// GraphML, for Gephi, yEd, networkx: a part of the heap
    #[value(name = "graphml")]
    GraphMl,
    /// DOT, for Graphviz: a part of the heap
    Dot,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] =
        [Self::HeapSnapshot, Self::Parquet, Self::JsonLines, Self::GraphMl, Self::Dot];

    /// The word for it, and the usual end of its files' names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HeapSnapshot => "heapsnapshot",
            Self::Parquet => "parquet",
            Self::JsonLines => "jsonl",
            Self::GraphMl => "graphml",
            Self::Dot => "dot",
        }
    }

    /// The format that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// The format that the end of a file's name tells.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?.to_ascii_lowercase();
        match &*end {
            "ndjson" => Some(Self::JsonLines),
            "gv" => Some(Self::Dot),
            end => Self::from_word(end),
        }
    }

    /// Whether the whole heap is meant where no part is named, however large it is.
    pub const fn takes_a_whole_heap(self) -> bool {
        matches!(self, Self::HeapSnapshot | Self::Parquet | Self::JsonLines)
    }

    /// Whether further columns have a place in it.
    pub const fn takes_columns(self) -> bool {
        matches!(self, Self::Parquet | Self::JsonLines)
    }

    /// Bytes that a file of a heap has at least, so that a full disk is told of before the work.
    fn least_bytes(self, graph: &Graph) -> u64 {
        let (nodes, edges) = (graph.node_count() as u64, graph.edge_count());
        match self {
            // Seven numbers and three, with their commas.
            Self::HeapSnapshot => 14 * nodes + 6 * edges,
            // The names of the fields alone.
            Self::JsonLines => 150 * nodes + 2 * edges,
            Self::Parquet | Self::GraphMl | Self::Dot => 0,
        }
    }
}

/// An answer to each object, as a further column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Column {
    /// What would be freed if it were, in bytes
    Retained,
    /// The id of its immediate dominator
    Dominator,
}

impl Column {
    /// The word for it, and its name in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retained => "retained",
            Self::Dominator => "dominator",
        }
    }

    /// The column that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Retained, Self::Dominator].into_iter().find(|column| column.word() == word)
    }
}

/// A part of the heap: some nodes and what is around them.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where to begin.
    pub starts: Vec<NodeId>,
    /// Which way to go.
    pub direction: Direction,
    /// How many references away to look.
    pub depth: u32,
    /// The most neighbours of one node to show.
    pub too_many: usize,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Request {
    /// In which form.
    pub format: Format,
    /// The answers to add; only where [`Format::takes_columns`].
    pub columns: Vec<Column>,
    /// For GraphML and DOT: of which part; without one the whole heap.
    pub part: Option<Part>,
    /// For a `.heapsnapshot`: a number for each node, as [`stable_numbers`] gives them.
    pub numbers: Option<Vec<u32>>,
}

impl Request {
    /// Of a whole heap, with nothing added.
    pub fn new(format: Format) -> Self {
        Self { format, columns: Vec::new(), part: None, numbers: None }
    }

    /// Whether [`write`](Request::write) must be given the dominator tree.
    pub fn needs_dominators(&self) -> bool {
        self.format == Format::HeapSnapshot || !self.columns.is_empty()
    }

    /// Writes what was asked for into a file, which is whole or not there.
    ///
    /// # Errors
    ///
    /// When the place cannot be written to, when the heap or its part has more nodes than the
    /// format is good for, and when the watch stops it.
    ///
    /// # Panics
    ///
    /// When [`Request::needs_dominators`] and `tree` is none.
    pub fn save(
        &self,
        graph: &Graph,
        tree: Option<&DominatorTree>,
        path: &Path,
        watch: &dyn Watch,
    ) -> Result<Written, ExportError> {
        let part = self.part(graph, watch)?;
        snakeroot_dump::check_place(path, self.format.least_bytes(graph))?;
        if self.format == Format::Parquet {
            watch.tick(0, 1)?;
            let extras = self.extras(tree);
            let saved = snakeroot_dump::save_with(graph.snapshot(), &extras, path)?;
            let (nodes, references) = (saved.rows, graph.edge_count());
            return Ok(Written { nodes, references, bytes: saved.bytes, left_out: 0 });
        }
        Ok(snakeroot_dump::write_whole(path, |file| {
            let mut out = Counted { out: BufWriter::with_capacity(1 << 16, file), bytes: 0 };
            let mut written = self.write_text(graph, tree, part.as_ref(), watch, &mut out)?;
            out.flush()?;
            written.bytes = out.bytes;
            Ok(written)
        })?)
    }

    /// Writes what was asked for to anything that takes bytes; not for Parquet.
    ///
    /// # Errors
    ///
    /// As [`Request::save`].
    ///
    /// # Panics
    ///
    /// As [`Request::save`].
    pub fn write(
        &self,
        graph: &Graph,
        tree: Option<&DominatorTree>,
        out: &mut dyn Write,
        watch: &dyn Watch,
    ) -> Result<Written, ExportError> {
        let part = self.part(graph, watch)?;
        let mut out = Counted { out, bytes: 0 };
        let mut written = self.write_text(graph, tree, part.as_ref(), watch, &mut out)?;
        out.flush().map_err(DumpError::from)?;
        written.bytes = out.bytes;
        Ok(written)
    }

    fn extras<'a>(&self, tree: Option<&'a DominatorTree>) -> Vec<Extra<'a>> {
        let columns = self.columns.iter().map(|column| {
            let tree = tree.expect("columns are answers of the dominator tree");
            let values = match column {
                Column::Retained => ExtraValues::Numbers(tree.retained_sizes()),
                Column::Dominator => ExtraValues::Nodes(tree.immediate_dominators()),
            };
            Extra { name: column.word(), values }
        });
        columns.collect()
    }

    /// The neighbourhood that was asked for, if one was.
    fn part(&self, graph: &Graph, watch: &dyn Watch) -> Result<Option<Neighbourhood>, ExportError> {
        let most = match self.format {
            Format::GraphMl => MOST_GRAPHML_NODES,
            Format::Dot => MOST_DOT_NODES,
            _ => return Ok(None),
        };
        let found = match &self.part {
            None => None,
            Some(part) => {
                let options = NeighbourhoodOptions {
                    max_depth: part.depth,
                    too_many: part.too_many,
                    ..NeighbourhoodOptions::default()
                };
                let mut expanded = 0;
                // Those that are expanded are a part of what is found.
                let stop = |_| {
                    expanded += 1;
                    watch.tick(expanded as u64, most as u64)?;
                    match expanded > most {
                        true => Err(self.too_many(most, expanded, false)),
                        false => Ok(false),
                    }
                };
                let (starts, direction) = (&part.starts, part.direction);
                let keep = |_| Ok(true);
                Some(analysis::try_neighbourhood(graph, starts, direction, &options, keep, stop)?)
            }
        };
        let count = found.as_ref().map_or(graph.node_count(), |found| found.graph.node_count());
        if count > most {
            return Err(self.too_many(most, count, found.is_none()));
        }
        Ok(found)
    }

    fn too_many(&self, most: usize, found: usize, is_whole: bool) -> ExportError {
        ExportError::TooMany { format: self.format, most, found, is_whole }
    }

    fn write_text(
        &self,
        graph: &Graph,
        tree: Option<&DominatorTree>,
        part: Option<&Neighbourhood>,
        watch: &dyn Watch,
        out: &mut dyn Write,
    ) -> Result<Written, DumpError> {
        let snapshot = graph.snapshot();
        let whole = Written {
            nodes: graph.node_count() as u64,
            references: graph.edge_count(),
            bytes: 0,
            left_out: 0,
        };
        match self.format {
            Format::HeapSnapshot => {
                let tree = tree.expect("a heapsnapshot needs the dominator tree");
                let roots: Vec<NodeId> = analysis::roots(graph).collect();
                let top = tree.top_level().iter().copied();
                let tops: Vec<NodeId> = top.filter(|&node| tree.is_garbage(node)).collect();
                let given = HeapSnapshot {
                    roots: &roots,
                    garbage: tree.garbage(),
                    garbage_tops: &tops,
                    numbers: self.numbers.as_deref(),
                };
                let written = snakeroot_dump::write_heapsnapshot(snapshot, &given, watch, out)?;
                Ok(Written { left_out: written.left_out, ..whole })
            }
            Format::JsonLines => {
                snakeroot_dump::write_json_lines(snapshot, &self.extras(tree), watch, out)?;
                Ok(whole)
            }
            Format::GraphMl => {
                let nodes = match part {
                    Some(found) => nodes_of(graph, found),
                    None => all_nodes(graph),
                };
                let text = view::graphml(graph, &nodes);
                out.write_all(text.text.as_bytes())?;
                let (nodes, references) = (nodes.count() as u64, text.references);
                Ok(Written { nodes, references, ..whole })
            }
            Format::Dot => {
                let options = DrawOptions { sizes: true, ..DrawOptions::default() };
                let drawing = match part {
                    Some(found) => view::drawing(graph, found, &options),
                    None => view::nodes_drawing(graph, &all_nodes(graph), &options),
                };
                out.write_all(view::dot(&drawing).as_bytes())?;
                let (nodes, references) = (drawing.nodes.len() as u64, drawing.edges.len() as u64);
                Ok(Written { nodes, references, ..whole })
            }
            Format::Parquet => Err(DumpErrorKind::Unstorable {
                reason: "parquet is no text, it needs a file".into(),
            }
            .into()),
        }
    }
}

fn all_nodes(graph: &Graph) -> NodeSet {
    NodeSet::all(graph.node_count(), graph.node_count())
}

fn nodes_of(graph: &Graph, found: &Neighbourhood) -> NodeSet {
    let mut nodes = NodeSet::new(graph.node_count());
    found.graph.node_weights().for_each(|weight| {
        nodes.insert(weight.node);
    });
    nodes
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Objects, threads and frames; in a DOT file boxes.
    pub nodes: u64,
    /// References; in a DOT file arrows.
    pub references: u64,
    /// Bytes.
    pub bytes: u64,
    /// Names, labels and values that a `.heapsnapshot` has no room for.
    pub left_out: u64,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum ExportError {
    /// More nodes than the format is good for.
    TooMany {
        /// The format.
        format: Format,
        /// As many as it takes.
        most: usize,
        /// As many as there are; of a part as far as they were counted.
        found: usize,
        /// Whether that is the whole heap.
        is_whole: bool,
    },
    /// Who watches stopped it.
    Stopped,
    /// The file could not be written.
    Dump(DumpError),
}

impl From<Stopped> for ExportError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<DumpError> for ExportError {
    fn from(error: DumpError) -> Self {
        match error.kind() {
            DumpErrorKind::Stopped => Self::Stopped,
            _ => Self::Dump(error),
        }
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { format, most, found, is_whole } => {
                let (most, found) = (grouped(*most as u64), grouped(*found as u64));
                let word = format.word();
                match is_whole {
                    true => write!(
                        f,
                        "{word}: expected a part of at most {most} objects, found a whole heap of {found}: \
                         name an object to begin with"
                    ),
                    false => write!(
                        f,
                        "{word}: expected at most {most} objects, found {found} or more around: \
                         take a smaller depth"
                    ),
                }
            }
            Self::Stopped => write!(f, "{Stopped}"),
            Self::Dump(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ExportError {}

/// Counts the bytes that go through.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
