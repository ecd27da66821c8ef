//! One path.

use std::sync::Arc;

use num_bigint::BigUint;
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyType};
use snakeroot::analysis::heapy::Path as CorePath;
use snakeroot::view::heapy::path_text;

use super::links;
use super::root::set_or_root;
use super::session::Inner;
use crate::shared::Shared;

/// One path: objects, and between them how each leads to the next.
///
/// `len(path)` counts the steps. As a text it begins with `%s`, which stands for its source.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct Path {
    session: Arc<Inner>,
    graph: Arc<Shared>,
    path: CorePath,
    number: BigUint,
    name: String,
}

impl Path {
    pub(super) fn new(
        session: Arc<Inner>,
        graph: Arc<Shared>,
        path: CorePath,
        number: BigUint,
        name: String,
    ) -> Self {
        Self { session, graph, path, number, name }
    }

    /// Its number, and the path from its source by name.
    pub(super) fn numbered(&self) -> (&BigUint, String) {
        (&self.number, self.text(&self.name, true))
    }

    fn text(&self, start: &str, is_short: bool) -> String {
        path_text(start, self.path.steps.iter().map(|(link, _)| link), is_short)
    }
}

#[pymethods]
impl Path {
    /// Source, relation, object, relation and so on, down to the target: each object as a set of one.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let set = |node| set_or_root(py, &self.session, &self.graph, node);
        let all = PyList::new(py, [set(self.path.source)?])?;
        for (link, node) in &self.path.steps {
            all.append(links::to_python(py, link)?)?;
            all.append(set(Some(*node))?)?;
        }
        Ok(all)
    }

    /// Where it begins: a set of one, or the session's root.
    #[getter]
    fn src(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        set_or_root(py, &self.session, &self.graph, self.path.source)
    }

    /// Where it ends, as a set of one.
    #[getter]
    fn tgt(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let last = self.path.steps.last().map(|(_, node)| *node);
        set_or_root(py, &self.session, &self.graph, last.or(self.path.source))
    }

    /// Its number among the paths.
    #[getter]
    fn index<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        super::paths::to_int(py, &self.number)
    }

    /// What stands for the source where it is printed among other paths.
    #[getter]
    fn srcname(&self) -> &str {
        &self.name
    }

    /// The classes of what is in `path`.
    fn types<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyType>>> {
        Ok(self.path(py)?.iter().map(|each| each.get_type()).collect())
    }

    /// The path as a text behind `%s`; with `safe` a long key has its middle left out.
    #[pyo3(signature = (safe=true))]
    fn stra(&self, safe: bool) -> String {
        self.text("%s", safe)
    }

    fn __len__(&self) -> usize {
        self.path.steps.len()
    }

    fn __str__(&self) -> String {
        self.text("%s", true)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(PyString::new(py, &self.text("%s", true)).repr()?.to_string())
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let order = self.text("%s", true).cmp(&other.get().text("%s", true));
        Ok(op.matches(order).into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.text("%s", true).hash(&mut hasher);
        hasher.finish()
    }
}
