//! The lines of a reference pattern, one by one.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use super::kinds::Kind;
use super::pattern::ReferencePattern;
use super::set::IdentitySet;

/// One line of a reference pattern.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct RefPatRow {
    /// Its place.
    #[pyo3(get)]
    pub(super) index: usize,
    /// Its name.
    #[pyo3(get, name = "ixlstr")]
    pub(super) name: String,
    /// How many lines lead to it from the first one.
    #[pyo3(get)]
    pub(super) depth: usize,
    pub(super) text: String,
    /// Its objects.
    #[pyo3(get)]
    pub(super) set: Py<IdentitySet>,
    /// Their kind.
    #[pyo3(get)]
    pub(super) kind: Py<Kind>,
}

#[pymethods]
impl RefPatRow {
    fn __repr__(&self) -> &str {
        &self.text
    }
}

/// The lines of a reference pattern in their order.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct RefPatIter {
    pub(super) pattern: Py<ReferencePattern>,
    pub(super) next: Mutex<usize>,
    /// Lines, or their sets.
    pub(super) rows: bool,
}

#[pymethods]
impl RefPatIter {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let place = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next - 1
        };
        let pattern = self.pattern.get();
        if self.rows {
            let row = pattern.row(py, place)?;
            return row.map(|row| Ok(Bound::new(py, row)?.into_any())).transpose();
        }
        let line = pattern.line(py, place)?;
        line.map(|line| Ok(Bound::new(py, pattern.set(line.nodes.iter().copied()))?.into_any()))
            .transpose()
    }
}
