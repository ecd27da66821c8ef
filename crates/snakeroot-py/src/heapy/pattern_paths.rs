//! Paths through a reference pattern.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{Line, PatternPaths as CorePaths};
use snakeroot::view::heapy::{
    Paged, PatternWidths, line_name, line_places, more_lines, page, pattern_step, python_repr,
};

use super::pages::{More, Pages};
use super::pattern::ReferencePattern;
use super::set::IdentitySet;
use super::values::Values;

/// How the objects of a line of a reference pattern lead down to the first line: `rp.paths("ab")`.
///
/// A page ends where a path ends, after ten lines or more.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct PatternPaths {
    pattern: Py<ReferencePattern>,
    /// By depth: the places of the lines.
    places: Vec<Box<[u32]>>,
    widths: PatternWidths,
    /// Not there while some thread makes steps.
    paths: Mutex<Option<CorePaths>>,
}

impl PatternPaths {
    /// From a line, by its place.
    pub(super) fn of(
        pattern: &Bound<'_, ReferencePattern>,
        place: usize,
        andsets: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = pattern.py();
        let own = pattern.get();
        let none = || PyIndexError::new_err(format!("no line has the number {place}"));
        // From the first line to the source.
        let mut lines: Vec<Line> = Vec::new();
        let mut next = Some(place);
        while let Some(place) = next {
            let line = own.line(py, place)?.ok_or_else(none)?;
            next = line.above;
            lines.push(line);
        }
        lines.reverse();
        let mut cut = vec![None; lines.len()];
        if let Some(andsets) = andsets {
            cut_sets(&lines, andsets, &mut cut)?;
        }
        let sets = lines.iter().zip(&cut).map(|(line, cut)| {
            let Some(set) = cut else { return Ok(line.nodes.clone()) };
            let set = own.node_set_of(py, set.get())?;
            Ok(line.nodes.iter().copied().filter(|&node| set.contains(node)).collect())
        });
        let sets: Vec<Arc<[NodeId]>> = sets.collect::<PyResult<_>>()?;
        let source = sets.last().map(|set| set.to_vec()).unwrap_or_default();
        let values = Values::new(py, own.graph(), own.session().is_live());
        let source = values.by_size(source)?;
        let widths = PatternWidths::new(lines.iter().map(|line| (&*line.places, line.nodes.len())));
        let places = lines.into_iter().map(|line| line.places).collect();
        let paths = Mutex::new(Some(CorePaths::new(source, sets)));
        Ok(Self { pattern: pattern.clone().unbind(), places, widths, paths })
    }
}

/// By depth the sets that lines are cut to.
fn cut_sets<'py>(
    lines: &[Line],
    andsets: &Bound<'py, PyAny>,
    cut: &mut [Option<Bound<'py, IdentitySet>>],
) -> PyResult<()> {
    let set = |what: &Bound<'py, PyAny>| match what.is_none() {
        true => Ok(None),
        false => super::paths::set_argument("andsets", what).map(|set| Some(set.clone())),
    };
    if let Ok(named) = andsets.cast::<PyDict>() {
        for (name, what) in named.iter() {
            let name: String = name.extract()?;
            let places = line_places(&name);
            let depth = lines.iter().position(|line| places.as_deref() == Some(&*line.places));
            let depth = depth.ok_or_else(|| {
                PyValueError::new_err(format!("andsets: no line on the way is named {name:?}"))
            })?;
            cut[depth] = set(&what)?;
        }
        return Ok(());
    }
    let given: Vec<Bound<'py, PyAny>> = andsets.extract().map_err(|_| {
        PyTypeError::new_err(format!(
            "andsets: expected a dict or a list, found {}",
            crate::arguments::type_name(andsets)
        ))
    })?;
    if given.len() > lines.len() {
        return Err(PyValueError::new_err(format!(
            "andsets: expected {} sets at most, found {}",
            lines.len(),
            given.len()
        )));
    }
    for (cut, what) in cut.iter_mut().rev().zip(&given) {
        *cut = set(what)?;
    }
    Ok(())
}

struct Lines<'a, 'py> {
    py: Python<'py>,
    paths: &'a PatternPaths,
}

impl Lines<'_, '_> {
    /// Makes steps up to one; `None` where there are fewer.
    fn step(&self, place: usize) -> PyResult<Option<snakeroot::analysis::heapy::PatternStep>> {
        let pattern = self.paths.pattern.get();
        let graph = pattern.graph();
        let values = Values::new(self.py, graph, pattern.session().is_live());
        let lock = || self.paths.paths.lock().unwrap_or_else(PoisonError::into_inner);
        // Not under the lock: to look at objects may give others their turn.
        let mut paths = lock()
            .take()
            .ok_or_else(|| PyRuntimeError::new_err("another thread makes lines of these paths"))?;
        let mut made = Ok(true);
        while paths.steps().len() <= place && matches!(made, Ok(true)) {
            made = paths.advance(graph, |nodes| values.by_size(nodes));
        }
        let step = paths.steps().get(place).cloned();
        *lock() = Some(paths);
        made.map(|_| step)
    }
}

impl Paged for Lines<'_, '_> {
    type Error = PyErr;

    fn label(&self) -> Option<String> {
        let name = self.paths.places.last().map(|places| line_name(places)).unwrap_or_default();
        Some(format!("Paths from source {} to target '_'.", python_repr(&name)))
    }

    fn header(&self) -> Option<String> {
        None
    }

    fn line(&self, place: usize) -> PyResult<Option<String>> {
        let Some(step) = self.step(place)? else { return Ok(None) };
        let target = match step.links {
            None => {
                let pattern = self.paths.pattern.get();
                let values = Values::new(self.py, pattern.graph(), pattern.session().is_live());
                values.summary_of_one(step.node)?
            }
            Some(_) => String::new(),
        };
        let places = &self.paths.places[step.depth];
        Ok(Some(pattern_step(place, places, self.paths.widths, &step, &target)))
    }

    fn may_end_after(&self, place: usize) -> bool {
        // What cannot be had is said where the line itself is asked for.
        self.step(place).is_ok_and(|step| step.is_none_or(|step| step.is_last()))
    }

    fn more(&self, _first: usize, _last: usize) -> String {
        more_lines(None)
    }
}

impl Pages for PatternPaths {
    fn page(
        &self,
        py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)> {
        page(&Lines { py, paths: self }, first, lines, with_label)
    }
}

#[pymethods]
impl PatternPaths {
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
