//! What a notebook shows of an answer: its text, and the same as HTML.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use snakeroot::view::{Cells, escaped};

/// What `_repr_mimebundle_` returns: contents by MIME type.
pub(crate) type Bundle<'py> = PyResult<Bound<'py, PyDict>>;

/// Sentences, and a table below them.
pub(crate) fn table<'py>(
    py: Python<'py>,
    head: &[String],
    text: String,
    cells: &Cells,
) -> Bundle<'py> {
    let head = head.iter().map(|line| format!("<p>{}</p>\n", escaped(line)));
    bundle(py, text, head.collect::<String>() + &cells.html())
}

/// Lines whose blanks count.
pub(crate) fn lines<'py>(py: Python<'py>, text: String) -> Bundle<'py> {
    let html = format!("<pre>{}</pre>", escaped(&text));
    bundle(py, text, html)
}

fn bundle<'py>(py: Python<'py>, text: String, html: String) -> Bundle<'py> {
    let bundle = PyDict::new(py);
    bundle.set_item("text/plain", text)?;
    bundle.set_item("text/html", html)?;
    Ok(bundle)
}
