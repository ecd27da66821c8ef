//! Answers that print in pages, `_.more` after `_.more`.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use snakeroot::view::heapy::PAGE_LINES;

/// What prints in pages: one page from a line on, and where the next one begins.
pub(crate) trait Pages {
    /// As [`snakeroot::view::heapy::page`].
    fn page(
        &self,
        py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)>;

    /// Lines of a page.
    fn page_lines(&self) -> usize {
        PAGE_LINES
    }
}

/// The page that a representation shows.
pub(crate) fn first_page(py: Python<'_>, pages: &impl Pages) -> PyResult<String> {
    Ok(pages.page(py, 0, Some(pages.page_lines()), true)?.0)
}

/// Prints a page of something; all else is asked of what it prints.
///
/// `more` is the page after it, `prev` the one before, `all` is everything and `top` what is printed.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct More {
    client: Py<PyAny>,
    previous: Option<Py<More>>,
    first: usize,
    is_all: bool,
}

impl More {
    /// The page after the first one.
    pub(crate) fn after_top(client: Bound<'_, PyAny>, pages: &impl Pages) -> PyResult<Self> {
        let (_, first) = pages.page(client.py(), 0, Some(pages.page_lines()), true)?;
        Ok(Self { client: client.unbind(), previous: None, first, is_all: false })
    }

    /// Everything.
    pub(crate) fn all_of(client: Bound<'_, PyAny>) -> Self {
        Self { client: client.unbind(), previous: None, first: 0, is_all: true }
    }

    fn page(&self, py: Python<'_>) -> PyResult<(String, usize)> {
        fn of(more: &More, py: Python<'_>, pages: &impl Pages) -> PyResult<(String, usize)> {
            let lines = (!more.is_all).then(|| pages.page_lines());
            pages.page(py, more.first, lines, more.is_all)
        }
        let client = self.client.bind(py);
        if let Ok(set) = client.cast::<super::set::IdentitySet>() {
            return of(self, py, set.get());
        }
        if let Ok(stat) = client.cast::<super::stat::Stat>() {
            return of(self, py, stat.get());
        }
        if let Ok(paths) = client.cast::<super::paths::ShortestPaths>() {
            return of(self, py, paths.get());
        }
        if let Ok(pattern) = client.cast::<super::pattern::ReferencePattern>() {
            return of(self, py, pattern.get());
        }
        if let Ok(paths) = client.cast::<super::pattern_paths::PatternPaths>() {
            return of(self, py, paths.get());
        }
        Err(PyAttributeError::new_err("this does not print in pages"))
    }
}

#[pymethods]
impl More {
    /// The page after this one.
    #[getter(more)]
    fn after(this: Bound<'_, Self>) -> PyResult<Self> {
        let py = this.py();
        let (_, first) = this.get().page(py)?;
        let client = this.get().client.clone_ref(py);
        Ok(Self { client, previous: Some(this.unbind()), first, is_all: false })
    }

    /// All lines.
    #[getter]
    fn all(&self, py: Python<'_>) -> Self {
        Self::all_of(self.client.bind(py).clone())
    }

    /// The page before this one: what is printed, where this is the second.
    #[getter]
    fn prev(&self, py: Python<'_>) -> Py<PyAny> {
        match &self.previous {
            Some(previous) => previous.clone_ref(py).into_any(),
            None => self.client.clone_ref(py),
        }
    }

    /// What is printed.
    #[getter]
    fn top(&self, py: Python<'_>) -> Py<PyAny> {
        self.client.clone_ref(py)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.client.bind(py).getattr(name)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.client.bind(py).get_item(index)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.client.bind(py).len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.page(py)?.0)
    }
}
