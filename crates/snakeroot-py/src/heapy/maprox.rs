//! An attribute or an item of each object of a set.

use pyo3::exceptions::{PyAttributeError, PyIndexError, PyKeyError};
use pyo3::prelude::*;

use super::session::iso;
use super::set::IdentitySet;

/// Reads an attribute or an item of each live object of a set: gives the set of what was found.
///
/// Objects without it are passed over. Properties and `__getattr__` run as for any reading.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct MappingProxy {
    set: Py<IdentitySet>,
}

impl MappingProxy {
    pub(crate) fn new(set: Py<IdentitySet>) -> Self {
        Self { set }
    }

    fn map<'py>(
        &self,
        py: Python<'py>,
        get: impl Fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
        has_not: impl Fn(&PyErr) -> bool,
    ) -> PyResult<IdentitySet> {
        let set = self.set.get();
        let mut found = Vec::new();
        for object in set.living(py)? {
            match get(&object) {
                Ok(value) => found.push(value),
                Err(error) if has_not(&error) => {}
                Err(error) => return Err(error),
            }
        }
        iso(py, set.session(), &found, &[])
    }
}

#[pymethods]
impl MappingProxy {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<IdentitySet> {
        let has_not = |error: &PyErr| error.is_instance_of::<PyAttributeError>(py);
        self.map(py, |object| object.getattr(name), has_not)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: Bound<'py, PyAny>) -> PyResult<IdentitySet> {
        let has_not = |error: &PyErr| {
            error.is_instance_of::<PyKeyError>(py) || error.is_instance_of::<PyIndexError>(py)
        };
        self.map(py, |object| object.get_item(&key), has_not)
    }
}
