//! Reference patterns: what refers to a set, by kind, and what refers to that, a line each.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyAttributeError, PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{
    self, Kind as CoreKind, Line, Pattern, PatternOptions, Referrers, Relation,
};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::Flags;
use snakeroot::view::heapy::{
    Paged, SUMMARY_CHARACTERS, kind_brief, line_name, line_places, more_lines, page, pattern_label,
    pattern_line,
};

use super::kinds::{Kind, kind_of, relation_of};
use super::pages::{More, Pages};
use super::pattern_paths::PatternPaths;
use super::pattern_rows::{RefPatIter, RefPatRow};
use super::session::Inner;
use super::set::IdentitySet;
use crate::shared::Shared;
use crate::work::interruptible;

/// Lines below the first one, where nothing else is said.
const DEPTH: usize = 7;

/// What `get_rp` is told.
#[derive(Default)]
pub(crate) struct Arguments<'a, 'py> {
    pub(crate) depth: Option<usize>,
    pub(crate) er: Option<&'a Bound<'py, PyAny>>,
    pub(crate) imdom: bool,
    pub(crate) bf: bool,
    pub(crate) src: Option<&'a Bound<'py, PyAny>>,
    pub(crate) stopkind: Option<&'a Bound<'py, PyAny>>,
    pub(crate) nocyc: bool,
    pub(crate) reference: Option<&'a Bound<'py, PyAny>>,
}

/// What the lines are made of.
enum Question {
    Referrers,
    /// The immediate dominators among the referrers.
    Dominators,
    /// Referrers that the collector tracks, garbage among them.
    Tracked,
    Function(Py<PyAny>),
}

/// The pattern of references to a set: `h.rp`, `h.get_rp(…)`.
///
/// A line is a set of referrers of one kind, and has a name: `rp.a` are the first referrers of the set, `rp.ab` the
/// second ones of these; `rp[3]` is the set of line 3. Lines are made when they are looked at.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct ReferencePattern {
    session: Arc<Inner>,
    graph: Arc<Shared>,
    relation: Relation,
    question: Question,
    /// A given source, and what it leads to.
    within: Option<(NodeSet, NodeSet)>,
    /// What is not followed; `None` for what usually is not.
    stop: Option<CoreKind>,
    /// Of what it is, and how it is made.
    start: (CoreKind, NodeSet, PatternOptions),
    /// Not there while some thread makes lines.
    pattern: Mutex<Option<Pattern>>,
}

impl ReferencePattern {
    pub(crate) fn of(
        py: Python<'_>,
        set: &IdentitySet,
        arguments: Arguments<'_, '_>,
    ) -> PyResult<Self> {
        let Arguments { depth, er, imdom, bf, src, stopkind, nocyc, reference } = arguments;
        let relation = er.map_or(Ok(Relation::Clodo), relation_of)?;
        let question = match reference {
            _ if imdom => Question::Dominators,
            None => Question::Referrers,
            Some(what) if what.is_callable() => Question::Function(what.clone().unbind()),
            Some(what) => match what.cast::<PyString>().map(|text| text.to_string()).as_deref() {
                Ok("imdom") => Question::Dominators,
                Ok("gc" | "gcx") => Question::Tracked,
                _ => {
                    return Err(PyValueError::new_err(format!(
                        "ref: expected \"gc\", \"gcx\", \"imdom\" or a function, found {what}"
                    )));
                }
            },
        };
        let stop = match stopkind {
            None => None,
            Some(what) => Some(stop_kind(py, what)?),
        };
        let (session, mut graph) = (set.session().clone(), set.graph().clone());
        let mut nodes = set.node_set().clone();
        let mut within = None;
        if let Some(src) = src {
            let src = super::paths::set_argument("src", src)?.get();
            let (newest, mut found) = super::paths::together(py, &[set, src])?;
            graph = newest;
            let source = found.swap_remove(1);
            nodes = found.swap_remove(0);
            let reached = interruptible(py, |watch| heapy::reached_from(&graph, &source, watch))?;
            within = Some((source, reached));
        }
        let start = IdentitySet::new(session.clone(), graph.clone(), nodes.clone());
        let kind = start.kind_by(py, set.relation())?;
        let options = PatternOptions {
            max_depth: depth.unwrap_or(DEPTH),
            is_breadth_first: bf,
            without_cycles: nocyc,
        };
        let pattern = Pattern::new(kind.clone(), &nodes, graph.node_count(), options);
        Ok(Self {
            session,
            graph,
            relation,
            question,
            within,
            stop,
            start: (kind, nodes, options),
            pattern: Mutex::new(Some(pattern)),
        })
    }

    pub(super) fn set(&self, nodes: impl IntoIterator<Item = NodeId>) -> IdentitySet {
        let mut set = NodeSet::new(self.graph.node_count());
        set.extend(nodes);
        IdentitySet::new(self.session.clone(), self.graph.clone(), set)
    }

    /// The nodes of a set, in the walk of this pattern.
    pub(super) fn node_set_of(&self, py: Python<'_>, set: &IdentitySet) -> PyResult<NodeSet> {
        if Arc::ptr_eq(set.graph(), &self.graph) {
            return Ok(set.node_set().clone());
        }
        let reference = set.reference(py);
        if !reference.is_of(&self.graph) {
            return Err(super::session::two_processes());
        }
        Ok(reference.in_graph(&self.graph))
    }

    pub(super) fn graph(&self) -> &Arc<Shared> {
        &self.graph
    }

    pub(super) fn session(&self) -> &Arc<Inner> {
        &self.session
    }

    /// Works on the pattern, which no other thread does meanwhile.
    pub(super) fn with<R>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Pattern, &mut Asked<'_, '_>) -> PyResult<R>,
    ) -> PyResult<R> {
        let lock = || self.pattern.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pattern = lock().take().ok_or_else(|| {
            PyRuntimeError::new_err("another thread, or the function that was given as ref, makes lines of this pattern")
        })?;
        let found = work(&mut pattern, &mut Asked { pattern: self, py });
        *lock() = Some(pattern);
        found
    }

    /// Makes lines up to one, or all; how many there are then.
    fn make(&self, py: Python<'_>, index: Option<usize>) -> PyResult<usize> {
        self.with(py, |pattern, asked| {
            while index.is_none_or(|index| pattern.lines().len() <= index)
                && pattern.advance(asked)?
            {
                py.check_signals()?;
            }
            Ok(pattern.lines().len())
        })
    }

    /// A line by its place.
    pub(super) fn line(&self, py: Python<'_>, index: usize) -> PyResult<Option<Line>> {
        self.make(py, Some(index))?;
        self.with(py, |pattern, _| Ok(pattern.lines().get(index).cloned()))
    }

    /// Makes a page of lines, and reads what they show in one go.
    fn prepare(&self, py: Python<'_>, first: usize, lines: Option<usize>) -> PyResult<()> {
        // Behind a page two lines are looked for.
        let count = self.make(py, lines.map(|lines| first + lines + 1))?;
        let end = lines.map_or(count, |lines| count.min(first + lines + 2));
        let shown = self.with(py, |pattern, _| {
            let lines = pattern.lines().get(first..end).unwrap_or_default().iter();
            Ok(lines.flat_map(|line| shown(line).to_vec()).collect::<Vec<_>>())
        })?;
        self.set([]).values(py).read(shown)
    }

    /// A line by its name: its place.
    pub(super) fn named(&self, py: Python<'_>, name: &str) -> PyResult<Option<usize>> {
        let Some(places) = line_places(name) else { return Ok(None) };
        self.with(py, |pattern, asked| pattern.line_at(&places, asked))
    }

    pub(super) fn row(&self, py: Python<'_>, index: usize) -> PyResult<Option<RefPatRow>> {
        let Some(line) = self.line(py, index)? else { return Ok(None) };
        let text = self.text(py, index, &line)?;
        let (session, kind) = (self.session.clone(), line.kind.clone());
        Ok(Some(RefPatRow {
            index,
            name: line_name(&line.places),
            depth: line.places.len(),
            text,
            set: Bound::new(py, self.set(line.nodes.iter().copied()))?.unbind(),
            kind: Bound::new(py, Kind::new(session, kind))?.unbind(),
        }))
    }

    fn text(&self, py: Python<'_>, index: usize, line: &Line) -> PyResult<String> {
        let set = self.set([]);
        let values = set.values(py);
        let shown = shown(line);
        values.read(shown.iter().copied())?;
        let is_set = self.relation == Relation::Idset && line.above.is_some();
        let kind = match (is_set, shown.first()) {
            (true, Some(&node)) => values.brief_of_one(node),
            _ => kind_brief(&line.kind),
        };
        let by_value = is_set
            || is_shown_by_value(&line.kind)
            || (matches!(line.kind, CoreKind::Or(_)) && values.are_shown_alike(&line.nodes));
        let by_type = !is_set && !is_of_owners(&line.kind);
        let texts = shown.iter().map(|&node| match by_value {
            true if by_type => values.brief_of_its_own(node),
            true => values.brief(node),
            false => format!("{:#x}", self.graph.snapshot().address(node)),
        });
        Ok(pattern_line(index, &line.places, line.end, line.nodes.len(), &kind, texts))
    }
}

/// As many objects as a line can hold.
fn shown(line: &Line) -> &[NodeId] {
    &line.nodes[..line.nodes.len().min(SUMMARY_CHARACTERS)]
}

/// Whether a kind is of dicts by their owners, or made of several kinds.
fn is_of_owners(kind: &CoreKind) -> bool {
    match kind {
        CoreKind::DictOf(_) | CoreKind::Or(_) => true,
        CoreKind::And(parts) => parts.iter().any(is_of_owners),
        _ => false,
    }
}

/// Whether objects of a kind are shown by what they are, and not by where.
fn is_shown_by_value(kind: &CoreKind) -> bool {
    match kind {
        CoreKind::Type(_) => true,
        CoreKind::DictOf(owner) => **owner == CoreKind::Nothing || is_shown_by_value(owner),
        CoreKind::Not(kind) => is_shown_by_value(kind),
        CoreKind::And(parts) => parts.first().is_some_and(is_shown_by_value),
        _ => false,
    }
}

/// A kind or a type, or a set for the kinds of its objects.
fn stop_kind(py: Python<'_>, what: &Bound<'_, PyAny>) -> PyResult<CoreKind> {
    if let Some(kind) = kind_of(what) {
        return Ok(kind);
    }
    if let Ok(set) = what.cast::<IdentitySet>() {
        return set.get().kind_by(py, &Relation::Id);
    }
    Err(PyTypeError::new_err(format!(
        "stopkind: expected a kind, a type or a set, found {}",
        crate::arguments::type_name(what)
    )))
}

/// Answers what a pattern asks of its heap.
pub(super) struct Asked<'a, 'py> {
    pattern: &'a ReferencePattern,
    py: Python<'py>,
}

impl Referrers for Asked<'_, '_> {
    type Error = PyErr;

    fn of(&mut self, nodes: &NodeSet) -> PyResult<NodeSet> {
        let (pattern, py) = (self.pattern, self.py);
        let graph = &pattern.graph;
        let mut found = match &pattern.question {
            Question::Referrers => heapy::referrers(graph, nodes, &()),
            Question::Dominators => {
                return interruptible(py, |watch| match &pattern.within {
                    None => heapy::immediate_dominators(graph, nodes, watch),
                    Some((source, _)) => {
                        heapy::immediate_dominators_from(graph, source, nodes, watch)
                    }
                });
            }
            Question::Tracked => {
                snakeroot::analysis::referrers_of(graph, nodes, &()).map(|mut found| {
                    found.retain(|node| graph.snapshot().flags(node).contains(Flags::TRACKED));
                    found
                })
            }
            Question::Function(function) => {
                let set = pattern.set(nodes.iter());
                let found = function.bind(py).call1((set,))?;
                let Ok(found) = found.cast::<IdentitySet>() else {
                    return Err(PyTypeError::new_err(format!(
                        "ref: expected that the function gives a set, found {}",
                        crate::arguments::type_name(&found)
                    )));
                };
                Ok(pattern.node_set_of(py, found.get())?)
            }
        }
        .map_err(|stopped| PyRuntimeError::new_err(stopped.to_string()))?;
        if let Some((_, within)) = &pattern.within {
            found.intersect(within);
        }
        Ok(found)
    }

    fn by_kind(&mut self, nodes: &NodeSet) -> PyResult<Vec<(CoreKind, Vec<NodeId>)>> {
        let pattern = self.pattern;
        let relation = pattern.relation.clone();
        let set = pattern.set(nodes.iter()).by_relation(relation);
        let table = set.table(self.py)?;
        let values = set.values(self.py);
        if let Some(kinds) = table.kinds(&values)? {
            return Ok(kinds);
        }
        let rows = (0..table.len()).map(|row| {
            let nodes = table.nodes(&values, row)?;
            Ok((CoreKind::Id(pattern.graph.snapshot().address(nodes[0])), nodes))
        });
        rows.collect()
    }

    fn ends_at(&mut self, nodes: &NodeSet) -> PyResult<bool> {
        let pattern = self.pattern;
        let graph = &pattern.graph;
        match &pattern.stop {
            None => Ok(graph.stop_kinds().have_all(graph, graph.owners(), nodes)),
            Some(kind) => {
                let set = pattern.set(nodes.iter());
                Ok(set.of_kind(self.py, kind)?.count() == set.count())
            }
        }
    }
}

struct Lines<'a, 'py> {
    py: Python<'py>,
    pattern: &'a ReferencePattern,
}

impl Paged for Lines<'_, '_> {
    type Error = PyErr;

    fn label(&self) -> Option<String> {
        Some(pattern_label(&self.pattern.relation))
    }

    fn header(&self) -> Option<String> {
        None
    }

    fn line(&self, place: usize) -> PyResult<Option<String>> {
        let line = self.pattern.line(self.py, place)?;
        line.map(|line| self.pattern.text(self.py, place, &line)).transpose()
    }

    fn more(&self, _first: usize, last: usize) -> String {
        let left = self.pattern.with(self.py, |pattern, _| {
            Ok(pattern.is_complete().then(|| pattern.lines().len() - 1 - last))
        });
        more_lines(left.unwrap_or(None))
    }
}

impl Pages for ReferencePattern {
    fn page(
        &self,
        py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)> {
        self.prepare(py, first, lines)?;
        page(&Lines { py, pattern: self }, first, lines, with_label)
    }
}

#[pymethods]
impl ReferencePattern {
    /// Of how many lines it is: makes them all.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.make(py, None)
    }

    /// The set of a line, by its place or its name. Raises `IndexError` or `ValueError` where there is none.
    fn __getitem__(&self, py: Python<'_>, index: &Bound<'_, PyAny>) -> PyResult<IdentitySet> {
        let place = match index.cast::<PyString>() {
            Ok(name) => {
                let name = name.to_string();
                self.named(py, &name)?.ok_or_else(|| no_line(&name))?
            }
            Err(_) => {
                let place: isize = index.extract()?;
                match usize::try_from(place) {
                    Ok(place) => place,
                    Err(_) => (self.make(py, None)? as isize + place) as usize,
                }
            }
        };
        match self.line(py, place)? {
            Some(line) => Ok(self.set(line.nodes.iter().copied())),
            None => {
                let count = self.make(py, None)?;
                Err(PyIndexError::new_err(format!("line {index} of {count}")))
            }
        }
    }

    /// The set of a line by its name.
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<IdentitySet> {
        let none = || {
            PyAttributeError::new_err(format!(
                "a reference pattern has no attribute and no line named {name:?}"
            ))
        };
        let place = self.named(py, name)?.ok_or_else(none)?;
        let line = self.line(py, place)?.ok_or_else(none)?;
        Ok(self.set(line.nodes.iter().copied()))
    }

    /// The sets of the lines.
    fn __iter__(this: Bound<'_, Self>) -> RefPatIter {
        RefPatIter { pattern: this.unbind(), next: Mutex::new(0), rows: false }
    }

    /// The lines from `start` on: each prints as in the pattern, and has `set`, `kind`, `index`, `ixlstr` and `depth`.
    #[pyo3(signature = (start=0))]
    fn iterlines(this: Bound<'_, Self>, start: usize) -> RefPatIter {
        RefPatIter { pattern: this.unbind(), next: Mutex::new(start), rows: true }
    }

    /// One line, by its place or its name.
    fn get_row(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<RefPatRow> {
        let place = match key.cast::<PyString>() {
            Ok(name) => {
                let name = name.to_string();
                self.named(py, &name)?.ok_or_else(|| no_line(&name))?
            }
            Err(_) => key.extract()?,
        };
        let none = || PyIndexError::new_err(format!("no line has the number {place}"));
        self.row(py, place)?.ok_or_else(none)
    }

    /// By what the objects of a line lead, line by line, down to the first one.
    ///
    /// `andsets` cuts the sets of lines: a dict by their names, or a list from the line `key` on, with `None` for a line
    /// that stays whole. Raises `ValueError` where no line has the name.
    #[pyo3(signature = (key, extended=true, andsets=None, variant=2))]
    fn paths(
        this: Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        extended: bool,
        andsets: Option<&Bound<'_, PyAny>>,
        variant: u32,
    ) -> PyResult<PatternPaths> {
        let _ = extended;
        if variant != 2 {
            return Err(PyValueError::new_err(format!(
                "variant: expected 2, found {variant}: the older form is left out"
            )));
        }
        let py = this.py();
        let place = match key.cast::<PyString>() {
            Ok(name) => {
                let name = name.to_string();
                this.get().named(py, &name)?.ok_or_else(|| no_line(&name))?
            }
            Err(_) => key.extract()?,
        };
        PatternPaths::of(&this, place, andsets)
    }

    /// Forgets the lines, so that they are made anew.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        let (kind, set, options) = &self.start;
        self.with(py, |pattern, _| {
            *pattern = Pattern::new(kind.clone(), set, self.graph.node_count(), *options);
            Ok(())
        })
    }

    /// The lines after the first page: prints them.
    #[getter]
    fn more(this: Bound<'_, Self>) -> PyResult<More> {
        More::after_top(this.clone().into_any(), this.get())
    }

    /// All lines: prints them.
    #[getter]
    fn all(this: Bound<'_, Self>) -> More {
        More::all_of(this.into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        super::pages::first_page(py, self)
    }
}

fn no_line(name: &str) -> PyErr {
    PyValueError::new_err(format!("the reference pattern has no line named {name:?}"))
}
