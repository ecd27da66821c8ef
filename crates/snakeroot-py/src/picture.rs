//! Pictures: painted here, or laid out by Graphviz where that is asked for.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pyo3::exceptions::{
    PyFileNotFoundError, PyIsADirectoryError, PyNotADirectoryError, PyOSError, PyPermissionError,
    PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use snakeroot::view::{self, Drawing};
use snakeroot_dump::{DumpError, DumpErrorKind};

/// How long Graphviz may take.
const DOT_SECONDS: u64 = 60;
/// Boxes that Graphviz is asked to lay out; it does not end on much larger graphs.
const DOT_NODES: usize = 500;

/// Who lays a picture out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Own,
    Dot,
}

/// The engine that an argument names.
pub(crate) fn engine(name: Option<&str>) -> PyResult<Engine> {
    match name {
        None | Some("snakeroot") => Ok(Engine::Own),
        Some("dot") => Ok(Engine::Dot),
        Some(other) => Err(PyValueError::new_err(format!(
            "engine: expected \"snakeroot\" or \"dot\", found {other:?}"
        ))),
    }
}

/// What stands in a file, by the end of its name.
fn format_of(path: &Path, engine: Engine) -> PyResult<String> {
    let format = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    match (format.as_str(), engine) {
        ("png" | "svg" | "dot", _) => Ok(format),
        ("pdf" | "ps" | "eps" | "jpg" | "jpeg" | "gif" | "webp", Engine::Dot) => Ok(format),
        ("pdf" | "ps" | "eps" | "jpg" | "jpeg" | "gif" | "webp", Engine::Own) => {
            Err(PyValueError::new_err(format!(
                "{}: .{format} needs Graphviz: pass engine=\"dot\", or write .png, .svg or .dot",
                path.display()
            )))
        }
        _ => Err(PyValueError::new_err(format!(
            "{}: expected a name that ends in .png, .svg or .dot (with engine=\"dot\" also .pdf \
             and others), found {}",
            path.display(),
            if format.is_empty() { "no ending".to_owned() } else { format!(".{format}") }
        ))),
    }
}

/// Says at once what would fail only after the work was done.
pub(crate) fn check_destination(path: &Path, engine: Engine) -> PyResult<()> {
    if path.is_dir() {
        return Err(PyIsADirectoryError::new_err(format!(
            "{}: expected a file name, found a directory",
            path.display()
        )));
    }
    format_of(path, engine)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.exists() && !folder.is_dir() {
        return Err(PyNotADirectoryError::new_err(format!(
            "{}: expected {} to be a folder, found a file",
            path.display(),
            folder.display()
        )));
    }
    if folder.is_dir() {
        Ok(())
    } else {
        Err(PyFileNotFoundError::new_err(format!(
            "{}: the folder {} does not exist",
            path.display(),
            folder.display()
        )))
    }
}

/// A drawing that can be shown in a notebook or written to a file.
#[pyclass(frozen, module = "snakeroot")]
pub(crate) struct Picture {
    drawing: Drawing,
    engine: Engine,
}

impl Picture {
    pub(crate) fn new(drawing: Drawing, engine: Engine) -> Self {
        Self { drawing, engine }
    }

    /// How many boxes it has.
    pub(crate) fn len(&self) -> usize {
        self.drawing.nodes.len()
    }

    /// The drawing in DOT.
    pub(crate) fn source(&self) -> String {
        view::dot(&self.drawing)
    }

    /// Writes it whole or not at all, in the format that the name's end tells.
    pub(crate) fn write(&self, path: &Path) -> PyResult<()> {
        check_destination(path, self.engine)?;
        let bytes = self.bytes(&format_of(path, self.engine)?)?;
        snakeroot_dump::write_whole(path, |file| Ok(file.write_all(&bytes)?)).map_err(dump_error)
    }

    fn bytes(&self, format: &str) -> PyResult<Vec<u8>> {
        let options = snakeroot_draw::Options::default();
        let failed = |error: snakeroot_draw::DrawError| PyRuntimeError::new_err(error.to_string());
        match (format, self.engine) {
            ("dot", _) => Ok(self.source().into_bytes()),
            (format, Engine::Dot) => self.by_dot(format),
            ("svg", Engine::Own) => {
                Ok(snakeroot_draw::svg(&self.drawing, &options).map_err(failed)?.into_bytes())
            }
            _ => snakeroot_draw::png(&self.drawing, &options).map_err(failed),
        }
    }

    /// Lets Graphviz lay it out and paint it.
    fn by_dot(&self, format: &str) -> PyResult<Vec<u8>> {
        const WAYS_OUT: &str =
            "install Graphviz, or leave engine=\"dot\" out and write .png or .svg";
        if self.drawing.nodes.len() > DOT_NODES {
            return Err(PyValueError::new_err(format!(
                "Graphviz is asked for at most {DOT_NODES} boxes, found {}: lower max_depth or \
                 too_many, or leave engine=\"dot\" out",
                self.drawing.nodes.len()
            )));
        }
        let spawned = Command::new("dot")
            .arg(format!("-T{format}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|error| {
            PyRuntimeError::new_err(format!(
                "the program dot could not be run ({error}): {WAYS_OUT}"
            ))
        })?;
        // Fed and read by threads of their own, so that no pipe can fill up.
        let source = self.source();
        let mut input = child.stdin.take().expect("the child's input was asked for");
        let mut output = child.stdout.take().expect("the child's output was asked for");
        let mut errors = child.stderr.take().expect("the child's errors were asked for");
        let feeder = std::thread::spawn(move || input.write_all(source.as_bytes()));
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).map(|_| bytes)
        });
        let listener = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if started.elapsed() > Duration::from_secs(DOT_SECONDS) {
                child.kill()?;
                child.wait()?;
                return Err(PyRuntimeError::new_err(format!(
                    "dot was stopped after {DOT_SECONDS} seconds: {WAYS_OUT}"
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let said = listener.join().ok().and_then(Result::ok).unwrap_or_default();
        let bytes = reader.join().ok().and_then(Result::ok).unwrap_or_default();
        // When the program ended early the feeder's pipe broke; its status says why.
        drop(feeder.join());
        if !status.success() || bytes.is_empty() {
            return Err(PyRuntimeError::new_err(format!(
                "dot failed ({status}): {}; {WAYS_OUT}",
                said.lines().next().unwrap_or("it said nothing")
            )));
        }
        Ok(bytes)
    }
}

#[pymethods]
impl Picture {
    /// Writes the picture as .png, .svg or .dot, whole or not at all.
    fn save(&self, py: Python<'_>, filename: PathBuf) -> PyResult<()> {
        py.detach(|| self.write(&filename))
    }

    /// The picture as SVG.
    #[getter]
    fn svg(&self) -> PyResult<String> {
        Ok(String::from_utf8_lossy(&self.bytes("svg")?).into_owned())
    }

    /// The picture as DOT, for Graphviz.
    #[getter]
    fn dot(&self) -> String {
        self.source()
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.bytes("png")?))
    }

    /// SVG and text for a notebook.
    #[pyo3(signature = (include=None, exclude=None))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        include: Option<&Bound<'py, PyAny>>,
        exclude: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let _ = (include, exclude);
        let bundle = PyDict::new(py);
        bundle.set_item("image/svg+xml", self.svg()?)?;
        bundle.set_item("text/plain", self.__repr__())?;
        Ok(bundle)
    }

    fn __repr__(&self) -> String {
        format!(
            "<picture of {} boxes and {} arrows>",
            self.drawing.nodes.len(),
            self.drawing.edges.len()
        )
    }
}

/// The Python exception for what went wrong with a file.
pub(crate) fn dump_error(error: DumpError) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        DumpErrorKind::Missing | DumpErrorKind::NoFolder(_) => PyFileNotFoundError::new_err(text),
        DumpErrorKind::Directory => PyIsADirectoryError::new_err(text),
        DumpErrorKind::Forbidden(_) => PyPermissionError::new_err(text),
        DumpErrorKind::Special | DumpErrorKind::Io(_) => PyOSError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
