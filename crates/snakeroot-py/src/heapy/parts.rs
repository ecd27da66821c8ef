//! The rows of a set as sets.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use super::set::IdentitySet;
use crate::results::Cursor;

/// The rows of a set as sets: `len`, `[i]`, `[i:j]`, iteration.
///
/// Each is made when it is asked for: it takes an eighth of a byte an object of the heap, and there may be
/// as many rows as objects.
#[pyclass(frozen, module = "snakeroot.heapy", sequence)]
pub(crate) struct Parts {
    set: Py<IdentitySet>,
}

impl Parts {
    pub(super) fn new(set: Py<IdentitySet>) -> Self {
        Self { set }
    }
}

#[pymethods]
impl Parts {
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.set.get().row_count(py)
    }

    /// The set of a row, or of several a list.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let count = self.__len__(py)?;
        let part = |row: isize| {
            let row = usize::try_from(row).ok().filter(|&row| row < count);
            let row =
                row.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {count}")))?;
            Bound::new(py, self.set.get().rows(py, std::iter::once(row))?)
        };
        if let Ok(slice) = index.cast::<PySlice>() {
            let slice = slice.indices(count as isize)?;
            let rows = PyList::empty(py);
            let mut row = slice.start;
            for _ in 0..slice.slicelength {
                rows.append(part(row)?)?;
                row += slice.step;
            }
            return Ok(rows.into_any());
        }
        let row: isize = index.extract()?;
        Ok(part(if row < 0 { row + count as isize } else { row })?.into_any())
    }

    fn __iter__(this: Bound<'_, Self>) -> Cursor {
        Cursor::over(this)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{} rows as sets>", self.__len__(py)?))
    }
}
