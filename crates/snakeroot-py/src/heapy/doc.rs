//! What the attributes of a session or a set are.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Columns of a list of names, and characters of each.
const COLUMNS: usize = 4;
const COLUMN_CHARACTERS: usize = 20;

/// Prints help: a list of attributes, and as an attribute of it what one of them is.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct Doc {
    text: String,
    about: Option<Py<PyType>>,
}

impl Doc {
    /// The public attributes of a type, in columns.
    pub(crate) fn of(ty: &Bound<'_, PyType>, header: &str, footer: &str) -> PyResult<Self> {
        let names: Vec<String> =
            ty.dir()?.iter().map(|name| name.extract()).collect::<PyResult<_>>()?;
        let names: Vec<String> = names.into_iter().filter(|name| !name.starts_with('_')).collect();
        let rows = names.len().div_ceil(COLUMNS);
        let mut text = format!("{header}\n");
        for row in 0..rows {
            let mut line = String::new();
            for name in names.iter().skip(row).step_by(rows.max(1)) {
                line.push_str(&format!("{name:COLUMN_CHARACTERS$}"));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str(footer);
        Ok(Self { text, about: Some(ty.clone().unbind()) })
    }
}

#[pymethods]
impl Doc {
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Self> {
        let unknown = || PyAttributeError::new_err(format!("no attribute {name:?} to tell of"));
        let about = self.about.as_ref().filter(|_| !name.starts_with('_')).ok_or_else(unknown)?;
        let what = about.bind(py).getattr(name).map_err(|_| unknown())?;
        let text: String = what.getattr("__doc__")?.extract().unwrap_or_default();
        Ok(Self { text: format!("{name}\n\n{}", text.trim_end()), about: None })
    }

    fn __repr__(&self) -> &str {
        &self.text
    }
}
