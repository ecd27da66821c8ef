//! What stands in an object's box and beside an arrow, as objgraph says it.
//!
//! These run the objects' own code (`__repr__`, `__len__`, `__name__`), for what is drawn and
//! after the walk only. What such code raises is said in the label; what ends programs is raised.

use std::cell::RefCell;

use pyo3::exceptions::{PyAttributeError, PyException};
use pyo3::prelude::*;
use pyo3::types::{
    PyCFunction, PyDict, PyFrame, PyFunction, PyList, PyModule, PySet, PyString, PyTuple, PyType,
};
use snakeroot::view::{self, RefsKey};
use snakeroot_walk::calls;

/// Characters of a `repr` that are shown.
const MOST_CHARACTERS: usize = 40;
const UNREPRESENTABLE: &str = "(unrepresentable)";

/// An object in a few words: its name, how many items it has, or its `repr`, cut.
///
/// # Errors
///
/// `KeyboardInterrupt`, `SystemExit` and their like, raised by the object's code.
pub(super) fn short(object: &Bound<'_, PyAny>) -> PyResult<String> {
    match unsafe_short(object) {
        Err(error) if error.is_instance_of::<PyException>(object.py()) => {
            Ok(UNREPRESENTABLE.into())
        }
        answer => answer,
    }
}

/// As [`short`], with all errors.
fn unsafe_short(object: &Bound<'_, PyAny>) -> PyResult<String> {
    if object.cast::<PyType>().is_ok()
        || object.cast::<PyModule>().is_ok()
        || object.cast::<PyCFunction>().is_ok()
    {
        return name_or_repr(object);
    }
    if snakeroot_walk::is_method(object) {
        let name = name_or_repr(&object.getattr("__func__")?)?;
        let is_bound = calls::is_true(&object.getattr("__self__")?)?;
        return Ok(if is_bound { name + " (bound)" } else { name });
    }
    if object.cast::<PyFunction>().is_ok() {
        let name = object.getattr("__name__")?;
        if name.eq("<lambda>")? {
            let code = object.getattr("__code__")?;
            let file = text_of(&code.getattr("co_filename")?)?;
            let file = file.rsplit('/').next().unwrap_or_default();
            return Ok(format!("lambda: {file}:{}", code.getattr("co_firstlineno")?));
        }
    }
    if object.cast::<PyFrame>().is_ok() {
        let file = text_of(&object.getattr("f_code")?.getattr("co_filename")?)?;
        return Ok(format!("{file}:{}", object.getattr("f_lineno")?));
    }
    let is_container = object.cast::<PyTuple>().is_ok()
        || object.cast::<PyList>().is_ok()
        || object.cast::<PyDict>().is_ok()
        || object.cast::<PySet>().is_ok();
    if is_container {
        return Ok(format!("{} items", object.len()?));
    }
    cut_repr(object)
}

/// An object's `__name__` where that is a str, else its `repr`, cut.
fn name_or_repr(object: &Bound<'_, PyAny>) -> PyResult<String> {
    match object.getattr("__name__") {
        Ok(name) if name.cast::<PyString>().is_ok() => text_of(&name),
        Err(error) if !error.is_instance_of::<PyAttributeError>(object.py()) => Err(error),
        _ => cut_repr(object),
    }
}

fn cut_repr(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = calls::repr(object)?;
    // A str that is cut here is copied in its first characters only.
    let start = text.as_any().get_item(pyo3::types::PySlice::new(
        object.py(),
        0,
        MOST_CHARACTERS as isize,
        1,
    ));
    let start = start.and_then(|start| Ok(start.cast_into::<PyString>()?));
    let text = start.unwrap_or(text);
    Ok(lossy(&text).chars().take(MOST_CHARACTERS).collect())
}

/// The text of a str; where it is none, the error says so.
fn text_of(text: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(lossy(text.cast::<PyString>()?))
}

/// The text of a str, with a sign for each character that has no place in UTF-8.
pub(super) fn lossy(text: &Bound<'_, PyString>) -> String {
    text.to_cow().map_or_else(
        // Each such character is three bytes that mean nothing.
        |_| text.to_string_lossy().replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}"),
        |text| text.into_owned(),
    )
}

/// The first key under which a dict holds a value.
///
/// # Errors
///
/// As for [`short`].
pub(super) fn key(
    holder: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    shortnames: bool,
) -> PyResult<Option<RefsKey>> {
    let Ok(dict) = holder.cast::<PyDict>() else {
        return Ok(None);
    };
    let found = RefCell::new(None);
    // Nothing is compared but addresses, so no code runs that could change the dict. The error
    // only ends the search.
    let ended = dict.locked_for_each(|key, held| {
        if held.is(value) {
            found.replace(Some(key));
            return Err(PyException::new_err(()));
        }
        Ok(())
    });
    let Some(key) = found.into_inner() else {
        return ended.map(|()| None);
    };
    if let Ok(text) = key.cast::<PyString>() {
        let text = lossy(text);
        if view::is_name(&text) {
            return Ok(Some(RefsKey::Name(text)));
        }
    }
    let ty = snakeroot_walk::type_name(&key, shortnames, crate::probe(key.py())?);
    Ok(Some(RefsKey::Other(format!("{ty}\n{}", short(&key)?))))
}
