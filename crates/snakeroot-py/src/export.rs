//! `Heap.export`: translates what is asked; the work is the command's.

use std::path::PathBuf;

use pyo3::exceptions::{PyRuntimeWarning, PyValueError};
use pyo3::prelude::*;
use snakeroot::analysis::Direction;
use snakeroot::view;
use snakeroot::watch::Stopped;
use snakeroot_cli::export::{
    Column, ExportError, Format, NotEarlier, Part, Request, stable_numbers,
};

use crate::arguments;
use crate::heap::Heap;
use crate::picture::dump_error;
use crate::why;
use crate::work::interruptible;

/// What was asked, as it was passed.
pub(crate) struct Asked<'a, 'py> {
    pub(crate) to: Option<&'a str>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) since: Option<Vec<Bound<'py, Heap>>>,
    pub(crate) nodes: Option<&'a Bound<'py, PyAny>>,
    pub(crate) direction: &'a str,
    pub(crate) depth: i64,
    pub(crate) too_many: i64,
}

pub(crate) fn export(
    py: Python<'_>,
    heap: &Heap,
    path: PathBuf,
    asked: &Asked<'_, '_>,
) -> PyResult<()> {
    let format = match asked.to {
        Some(word) => Format::from_word(word),
        None => Format::of(&path),
    };
    let format = format.ok_or_else(|| {
        let words = Format::ALL.map(|format| format!("\"{}\"", format.word())).join(", ");
        match asked.to {
            Some(word) => {
                PyValueError::new_err(format!("to: expected one of {words}, found {word:?}"))
            }
            None => PyValueError::new_err(format!(
                "to: expected one of {words}, or a path that ends so, found {}",
                path.display()
            )),
        }
    })?;
    let mut request = Request::new(format);
    request.columns = columns(format, asked)?;
    request.part = part(heap, format, asked)?;
    snakeroot_dump::check_place(&path, 0).map_err(dump_error)?;
    request.numbers = numbers(py, heap, format, asked)?;
    let graph = heap.shared();
    let tree = match request.needs_dominators() {
        true => Some(graph.dominators(py)?),
        false => None,
    };
    let written = interruptible(py, |watch| match request.save(graph, tree, &path, watch) {
        Err(ExportError::Stopped) => Err(Stopped),
        other => Ok(other),
    })?;
    let written = written.map_err(|error| match error {
        ExportError::Dump(error) => dump_error(error),
        ExportError::TooMany { is_whole: true, .. } => {
            PyValueError::new_err(format!("{error} with nodes="))
        }
        other => PyValueError::new_err(other.to_string()),
    })?;
    if written.left_out > 0 {
        let text = format!(
            "{}: left out {} names, labels and values, for which DevTools has no room\0",
            path.display(),
            view::grouped(written.left_out)
        );
        let text = std::ffi::CString::from_vec_with_nul(text.into_bytes()).unwrap_or_default();
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1)?;
    }
    Ok(())
}

fn columns(format: Format, asked: &Asked<'_, '_>) -> PyResult<Vec<Column>> {
    let words = asked.columns.as_deref().unwrap_or_default();
    if !words.is_empty() && !format.takes_columns() {
        let word = format.word();
        let text = format!("columns: expected to=\"parquet\" or \"jsonl\", found \"{word}\"");
        return Err(PyValueError::new_err(text));
    }
    let column = |word: &String| {
        Column::from_word(word).ok_or_else(|| {
            let text = format!("columns: expected \"retained\" or \"dominator\", found {word:?}");
            PyValueError::new_err(text)
        })
    };
    words.iter().map(column).collect()
}

fn part(heap: &Heap, format: Format, asked: &Asked<'_, '_>) -> PyResult<Option<Part>> {
    let Some(nodes) = asked.nodes else {
        return Ok(None);
    };
    if format.takes_a_whole_heap() {
        let word = format.word();
        let text = format!("nodes: expected to=\"graphml\" or \"dot\", found \"{word}\"");
        return Err(PyValueError::new_err(text));
    }
    let direction = match asked.direction {
        "referents" => Direction::Referents,
        "referrers" => Direction::Referrers,
        word => {
            let text =
                format!("direction: expected \"referents\" or \"referrers\", found {word:?}");
            return Err(PyValueError::new_err(text));
        }
    };
    let starts = why::nodes(heap.shared(), heap.is_live(), nodes)?;
    let depth = arguments::at_least_zero(asked.depth, "depth")?;
    let too_many = arguments::at_least_zero(asked.too_many, "too_many")?;
    Ok(Some(Part {
        starts: starts.iter().collect(),
        direction,
        depth: u32::try_from(depth).unwrap_or(u32::MAX),
        too_many: usize::try_from(too_many).unwrap_or(usize::MAX),
    }))
}

fn numbers(
    py: Python<'_>,
    heap: &Heap,
    format: Format,
    asked: &Asked<'_, '_>,
) -> PyResult<Option<Vec<u32>>> {
    let Some(since) = asked.since.as_deref().filter(|since| !since.is_empty()) else {
        return Ok(None);
    };
    if format != Format::HeapSnapshot {
        let text = format!("since: expected to=\"heapsnapshot\", found \"{}\"", format.word());
        return Err(PyValueError::new_err(text));
    }
    let earlier: Vec<_> = since.iter().map(|heap| heap.get().shared().clone()).collect();
    let found = interruptible(py, |watch| {
        let earlier: Vec<&snakeroot::Graph> = earlier.iter().map(|graph| &***graph).collect();
        match stable_numbers(&earlier, heap.shared(), watch) {
            Err(NotEarlier::Stopped) => Err(Stopped),
            other => Ok(other),
        }
    })?;
    found.map(Some).map_err(|error| PyValueError::new_err(format!("since: {error}")))
}
