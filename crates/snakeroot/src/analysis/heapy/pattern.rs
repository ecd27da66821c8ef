//! The pattern of references to a set: its referrers by kind, theirs by kind, and so on, a line each.
//!
//! Lines are made when they are asked for: a whole pattern may have more of them than anyone reads.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::kind::Kind;
use crate::graph::NodeSet;
use crate::id::NodeId;

/// What a line ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// Its referrers follow.
    Open,
    /// It is the same set as an earlier line: which one.
    Seen(usize),
    /// Nothing refers to it.
    Root,
    /// It is of a kind that is not followed.
    Stop,
    /// It is as deep as the pattern goes.
    Deep,
}

/// One line: objects of a kind that refer to some of the line above it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which kind.
    pub kind: Kind,
    /// The objects, ascending.
    pub nodes: Arc<[NodeId]>,
    /// How it ends.
    pub end: LineEnd,
    /// Which of the referrers' kinds it is, of each line above it and of this one.
    pub places: Box<[u32]>,
    /// The line whose referrers these are.
    pub above: Option<usize>,
    /// The lines of its referrers that were made.
    pub below: Vec<usize>,
    /// How many lines its referrers will have.
    pub below_count: usize,
}

/// Lines in the order in which they are printed.
#[derive(Debug)]
pub struct Pattern {
    lines: Vec<Line>,
    waiting: VecDeque<Waiting>,
    seen: HashMap<Arc<[NodeId]>, usize>,
    max_depth: usize,
    is_breadth_first: bool,
    without_cycles: bool,
    room: usize,
}

#[derive(Debug)]
struct Waiting {
    kind: Kind,
    nodes: Arc<[NodeId]>,
    above: Option<usize>,
    place: u32,
}

/// How deep a pattern goes, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternOptions {
    /// Lines below the first one.
    pub max_depth: usize,
    /// All lines of one depth before those of the next.
    pub is_breadth_first: bool,
    /// Referrers that are in a line above are left out.
    pub without_cycles: bool,
}

/// What a pattern asks of its heap.
pub trait Referrers {
    /// Why it cannot say.
    type Error;

    /// What refers to some of the nodes.
    ///
    /// # Errors
    ///
    /// Where that cannot be said.
    fn of(&mut self, nodes: &NodeSet) -> Result<NodeSet, Self::Error>;

    /// Nodes by kind, in the order of their lines.
    ///
    /// # Errors
    ///
    /// Where that cannot be said.
    fn by_kind(&mut self, nodes: &NodeSet) -> Result<Vec<(Kind, Vec<NodeId>)>, Self::Error>;

    /// Whether all of the nodes are of a kind that is not followed.
    ///
    /// # Errors
    ///
    /// Where that cannot be said.
    fn ends_at(&mut self, nodes: &NodeSet) -> Result<bool, Self::Error>;
}

impl Pattern {
    /// The pattern of a set, in a heap of so many nodes; no line of it yet.
    pub fn new(kind: Kind, set: &NodeSet, node_count: usize, options: PatternOptions) -> Self {
        let nodes = set.iter().collect();
        let first = Waiting { kind, nodes, above: None, place: 0 };
        Self {
            lines: Vec::new(),
            waiting: VecDeque::from([first]),
            seen: HashMap::new(),
            max_depth: options.max_depth,
            is_breadth_first: options.is_breadth_first,
            without_cycles: options.without_cycles,
            room: node_count,
        }
    }

    /// The lines that were made.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether there is no other line.
    pub fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Makes the next line; `false` where there is none.
    ///
    /// # Complexity
    ///
    /// O(V / 64), one question for referrers, and for one that is followed one for their kinds.
    ///
    /// # Errors
    ///
    /// What an answer fails with; the line may be asked for again.
    pub fn advance<R: Referrers>(&mut self, referrers: &mut R) -> Result<bool, R::Error> {
        let next = if self.is_breadth_first { self.waiting.front() } else { self.waiting.back() };
        let Some(next) = next else { return Ok(false) };
        let set = self.set_of(&next.nodes);
        let mut holders = referrers.of(&set)?;
        if self.without_cycles {
            holders.subtract(&set);
            let mut above = next.above;
            while let Some(line) = above {
                holders.subtract(&self.set_of(&self.lines[line].nodes));
                above = self.lines[line].above;
            }
        }
        let depth = next.above.map_or(0, |line| self.lines[line].places.len() + 1);
        let end = match self.seen.get(&next.nodes) {
            Some(&line) => LineEnd::Seen(line),
            // What only the root holds has no referrers, and may be a frame.
            None if depth > 0 && referrers.ends_at(&set)? => LineEnd::Stop,
            None if holders.is_empty() => LineEnd::Root,
            None if depth >= self.max_depth => LineEnd::Deep,
            None => LineEnd::Open,
        };
        let rows = match end {
            LineEnd::Open => referrers.by_kind(&holders)?,
            _ => Vec::new(),
        };
        self.add(end, rows);
        Ok(true)
    }

    /// Takes the next line, all of which is known.
    fn add(&mut self, end: LineEnd, rows: Vec<(Kind, Vec<NodeId>)>) {
        let next = match self.is_breadth_first {
            true => self.waiting.pop_front(),
            false => self.waiting.pop_back(),
        };
        let Waiting { kind, nodes, above, place } = next.expect("the next line was looked at");
        let index = self.lines.len();
        let mut places: Vec<u32> = Vec::new();
        if let Some(line) = above {
            places.extend(&*self.lines[line].places);
            places.push(place);
            self.lines[line].below.push(index);
        }
        if !matches!(end, LineEnd::Seen(_)) {
            self.seen.insert(nodes.clone(), index);
        }
        let below_count = rows.len();
        let rows = rows.into_iter().zip(0..).map(|((kind, nodes), place)| Waiting {
            kind,
            nodes: nodes.into(),
            above: Some(index),
            place,
        });
        if self.is_breadth_first {
            self.waiting.extend(rows);
        } else {
            // The first of them is taken first.
            let rows: Vec<Waiting> = rows.collect();
            self.waiting.extend(rows.into_iter().rev());
        }
        let (places, below) = (places.into(), Vec::new());
        self.lines.push(Line { kind, nodes, end, places, above, below, below_count });
    }

    fn set_of(&self, nodes: &[NodeId]) -> NodeSet {
        let mut set = NodeSet::new(self.room);
        set.extend(nodes.iter().copied());
        set
    }

    /// The line that is reached by these places, made if need be; `None` where there is none.
    ///
    /// # Errors
    ///
    /// As [`Pattern::advance`].
    pub fn line_at<R: Referrers>(
        &mut self,
        places: &[u32],
        referrers: &mut R,
    ) -> Result<Option<usize>, R::Error> {
        if self.lines.is_empty() && !self.advance(referrers)? {
            return Ok(None);
        }
        let mut line = 0;
        for &place in places {
            let place = place as usize;
            if place >= self.lines[line].below_count {
                return Ok(None);
            }
            while self.lines[line].below.len() <= place {
                if !self.advance(referrers)? {
                    return Ok(None);
                }
            }
            line = self.lines[line].below[place];
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::graph::Graph;

    /// Referrers by the first letter of their names; those with a z are not followed.
    struct ByLetter<'a>(&'a Graph);

    impl ByLetter<'_> {
        fn letter(&self, node: NodeId) -> String {
            self.0.snapshot().names().get(node).unwrap()[..1].to_owned()
        }
    }

    impl Referrers for ByLetter<'_> {
        type Error = Infallible;

        fn of(&mut self, nodes: &NodeSet) -> Result<NodeSet, Infallible> {
            let mut found = NodeSet::new(self.0.node_count());
            found.extend(nodes.iter().flat_map(|node| self.0.strong_referrers(node)));
            Ok(found)
        }

        fn by_kind(&mut self, nodes: &NodeSet) -> Result<Vec<(Kind, Vec<NodeId>)>, Infallible> {
            let mut rows = std::collections::BTreeMap::<String, Vec<NodeId>>::new();
            for node in nodes.iter() {
                rows.entry(self.letter(node)).or_default().push(node);
            }
            let rows = rows.into_iter();
            Ok(rows.map(|(letter, nodes)| (Kind::Module(letter.into(), 0), nodes)).collect())
        }

        fn ends_at(&mut self, nodes: &NodeSet) -> Result<bool, Infallible> {
            Ok(nodes.iter().all(|node| self.letter(node) == "z"))
        }
    }

    fn lines(text: &str, start: &str, options: PatternOptions) -> Vec<String> {
        let graph = Graph::from_notation(text).unwrap();
        let mut set = NodeSet::new(graph.node_count());
        set.insert(graph.named(start));
        let mut pattern = Pattern::new(Kind::Anything, &set, graph.node_count(), options);
        let mut referrers = ByLetter(&graph);
        while pattern.advance(&mut referrers).unwrap() {}
        assert!(pattern.is_complete());
        for (index, line) in pattern.lines().to_vec().iter().enumerate() {
            let found = pattern.line_at(&line.places, &mut referrers).unwrap();
            assert_eq!(found, Some(index));
        }
        let names = |nodes: &[NodeId]| -> Vec<&str> {
            nodes.iter().map(|&node| graph.snapshot().names().get(node).unwrap()).collect()
        };
        pattern
            .lines()
            .iter()
            .map(|line| {
                format!("{:?} {} {:?}", line.places, names(&line.nodes).join(" "), line.end)
            })
            .collect()
    }

    const DEEP: PatternOptions =
        PatternOptions { max_depth: 7, is_breadth_first: false, without_cycles: false };

    const TEXT: &str = "b1 b2 c1 -> x; d1 -> b1; d1 -> b2; z1 -> c1; e1 -> z1; c1 -> d1; x -> d1";

    #[test]
    fn lines_go_down_before_they_go_on() {
        assert_eq!(
            lines(TEXT, "x", DEEP),
            [
                "[] x Open",
                "[0] b1 b2 Open",
                "[0, 0] d1 Open",
                "[0, 0, 0] c1 Open",
                "[0, 0, 0, 0] z1 Stop",
                "[0, 0, 1] x Seen(0)",
                "[1] c1 Seen(3)",
            ]
        );
    }

    #[test]
    fn breadth_depth_and_cycles_are_as_told() {
        let broad = PatternOptions { is_breadth_first: true, ..DEEP };
        assert_eq!(
            lines(TEXT, "x", broad),
            [
                "[] x Open",
                "[0] b1 b2 Open",
                "[1] c1 Open",
                "[0, 0] d1 Open",
                "[1, 0] z1 Stop",
                "[0, 0, 0] c1 Seen(2)",
                "[0, 0, 1] x Seen(0)",
            ]
        );
        let flat = PatternOptions { max_depth: 1, ..DEEP };
        assert_eq!(lines(TEXT, "x", flat), ["[] x Open", "[0] b1 b2 Deep", "[1] c1 Deep"]);
        let plain = PatternOptions { without_cycles: true, ..DEEP };
        assert_eq!(
            lines(TEXT, "x", plain),
            [
                "[] x Open",
                "[0] b1 b2 Open",
                "[0, 0] d1 Open",
                "[0, 0, 0] c1 Open",
                "[0, 0, 0, 0] z1 Stop",
                "[1] c1 Seen(3)",
            ]
        );
        assert_eq!(lines(TEXT, "e1", DEEP), ["[] e1 Root"]);
    }

    #[test]
    fn a_line_is_found_by_its_places_before_all_are_made() {
        let graph = Graph::from_notation(TEXT).unwrap();
        let mut set = NodeSet::new(graph.node_count());
        set.insert(graph.named("x"));
        let mut pattern = Pattern::new(Kind::Anything, &set, graph.node_count(), DEEP);
        let mut referrers = ByLetter(&graph);
        assert_eq!(pattern.line_at(&[0, 0], &mut referrers), Ok(Some(2)));
        assert_eq!(pattern.lines().len(), 3);
        assert_eq!(pattern.line_at(&[2], &mut referrers), Ok(None));
        assert_eq!(pattern.line_at(&[1], &mut referrers), Ok(Some(6)));
        assert_eq!(pattern.line_at(&[1, 0], &mut referrers), Ok(None));
    }
}
