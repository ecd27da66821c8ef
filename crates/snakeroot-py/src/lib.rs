//! What Python calls: translates arguments, calls the core, translates answers.
//!
//! No analysis lives here; what is met is only held while Python callbacks run.
//! Functions are native so that no frame of ours stands in the heap they look at.

mod addresses;
mod arguments;
mod counted;
mod counts;
mod cycles;
mod diff;
mod export;
mod groups;
mod heap;
mod heapy;
mod kept;
mod live;
mod new_ids;
mod node;
mod notebook;
mod objects;
mod objgraph;
mod picture;
mod results;
mod shared;
mod suspects;
mod top;
mod viewer;
mod why;
mod work;

use pyo3::exceptions::{PyImportError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use snakeroot_walk::Probe;

/// Large columns are mapped by themselves and given back at once.
#[global_allocator]
static ALLOCATOR: snakeroot_walk::memory::Allocator = snakeroot_walk::memory::Allocator;

/// What an interpreter is told that comes second.
const ONE_INTERPRETER: &str = "snakeroot works in one interpreter of a process: \
    expected the one that imported it first, found another";

static PROBE: PyOnceLock<Probe> = PyOnceLock::new();

/// What was found out about this interpreter when the module was imported.
fn probe(py: Python<'_>) -> PyResult<&'static Probe> {
    let probe = PROBE
        .get(py)
        .ok_or_else(|| PyRuntimeError::new_err("snakeroot was not imported as a module"))?;
    if probe.is_here(py) { Ok(probe) } else { Err(PyRuntimeError::new_err(ONE_INTERPRETER)) }
}

/// Runs the `snakeroot` command on `arguments` (the program's name first) and
/// returns its exit code.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> PyResult<u8> {
    let probe = probe(py)?;
    let version = Python::version_str().to_owned();
    let doctor = move |json: bool| live::doctor(probe, &version, json);
    Ok(py.detach(|| snakeroot_cli::run(arguments, Some(&doctor))))
}

/// The native half of snakeroot.
#[pymodule(gil_used = false)]
fn _snakeroot(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    match PROBE.get(py) {
        Some(probe) if !probe.is_here(py) => return Err(PyImportError::new_err(ONE_INTERPRETER)),
        Some(_) => {}
        None => {
            PROBE.set(py, Probe::new(py)?).ok();
        }
    }
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    live::register(module)?;
    heap::register(module)?;
    counts::register(module)?;
    addresses::register(module)?;
    new_ids::register(module)?;
    heapy::register(module)?;
    objgraph::register(module)
}
