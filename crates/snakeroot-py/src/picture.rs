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

use crate::arguments;
use crate::counts::print;
use crate::viewer;

/// How long Graphviz may take.
const DOT_SECONDS: u64 = 60;
/// Boxes that Graphviz is asked to lay out; it does not end on much larger graphs.
const DOT_NODES: usize = 500;

/// Who lays a picture out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Graphviz for formats that only it has.
    Any,
    Own,
    Dot,
}

/// The engine that an argument names.
pub(crate) fn engine(name: Option<&str>) -> PyResult<Engine> {
    match name {
        None => Ok(Engine::Any),
        Some("snakeroot") => Ok(Engine::Own),
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
    let is_name = !format.is_empty() && format.bytes().all(|sign| sign.is_ascii_alphanumeric());
    match (format.as_str(), engine) {
        ("png" | "svg" | "dot", _) => Ok(format),
        // Which others there are is for Graphviz to say.
        (_, Engine::Any | Engine::Dot) if is_name => Ok(format),
        (_, Engine::Own) if is_name => Err(PyValueError::new_err(format!(
            "{}: .{format} needs Graphviz: leave engine=\"snakeroot\" out, or write .png, .svg \
             or .dot",
            path.display()
        ))),
        _ => Err(PyValueError::new_err(format!(
            "{}: expected a name that ends in .png, .svg or .dot (with Graphviz also .pdf and \
             others), found {}",
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
    /// The DOT of objgraph's verbs.
    references: Option<String>,
    /// How many nodes it shows; what stands for others is none.
    nodes: usize,
}

impl Picture {
    pub(crate) fn new(drawing: Drawing, engine: Engine) -> Self {
        let nodes = drawing.nodes.len();
        Self { drawing, engine, references: None, nodes }
    }

    /// A picture of references, with the DOT that objgraph's users expect.
    pub(crate) fn of_references(
        drawing: Drawing,
        engine: Engine,
        dot: String,
        nodes: usize,
    ) -> Self {
        Self { drawing, engine, references: Some(dot), nodes }
    }

    /// The drawing in DOT.
    pub(crate) fn source(&self) -> String {
        self.references.clone().unwrap_or_else(|| view::dot(&self.drawing))
    }

    /// What is printed when the picture was written to a file.
    pub(crate) fn written_line(&self, path: &Path) -> String {
        if format_of(path, self.engine).is_ok_and(|format| format == "dot") {
            format!("Graph written to {} ({} nodes)\n", path.display(), self.nodes)
        } else {
            format!("Image generated as {}\n", path.display())
        }
    }

    /// Shows the picture where nobody said where it goes: a notebook shows it by itself,
    /// elsewhere a temporary file has it, whose name is printed, and a viewer is started if
    /// there is a display.
    pub(crate) fn present(&self, py: Python<'_>) -> PyResult<()> {
        if viewer::is_notebook(py)? {
            return Ok(());
        }
        let path = py.detach(|| self.write_temporary())?;
        print(py, None, &self.written_line(&path))?;
        viewer::open(&path);
        Ok(())
    }

    /// Writes it to a new temporary file: as an image, or where it is too large for one as DOT.
    fn write_temporary(&self) -> PyResult<PathBuf> {
        let paths = ["png", "svg", "dot"].map(viewer::temporary);
        for path in &paths[..2] {
            match self.write(path) {
                Err(error) if Python::attach(|py| error.is_instance_of::<PyRuntimeError>(py)) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(path.clone()),
            }
        }
        self.write(&paths[2])?;
        Ok(paths[2].clone())
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
            ("svg", Engine::Own | Engine::Any) => {
                Ok(snakeroot_draw::svg(&self.drawing, &options).map_err(failed)?.into_bytes())
            }
            ("png", Engine::Own | Engine::Any) => {
                snakeroot_draw::png(&self.drawing, &options).map_err(failed)
            }
            (format, _) => self.by_dot(format),
        }
    }

    /// Lets Graphviz lay it out and paint it.
    fn by_dot(&self, format: &str) -> PyResult<Vec<u8>> {
        const WAY_OUT: &str = "write .png or .svg without engine=\"dot\"";
        if self.drawing.nodes.len() > DOT_NODES {
            return Err(PyValueError::new_err(format!(
                "Graphviz is asked for at most {DOT_NODES} boxes, found {}: lower max_depth or \
                 too_many, or write .png or .svg without engine=\"dot\"",
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
                "the program dot could not be run ({error}): install Graphviz, or {WAY_OUT}"
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
                    "dot was stopped after {DOT_SECONDS} seconds: {WAY_OUT}"
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
                "dot failed ({status}): {}; {WAY_OUT}",
                said.lines().next().unwrap_or("it said nothing")
            )));
        }
        Ok(bytes)
    }
}

/// What the `show` of an answer does: writes the picture into a file, or gives it.
pub(crate) fn deliver(
    py: Python<'_>,
    filename: Option<&Bound<'_, PyAny>>,
    engine: Option<&str>,
    drawing: impl FnOnce() -> Drawing + Send,
) -> PyResult<Option<Picture>> {
    let path = arguments::path(filename, "filename")?;
    let engine = self::engine(engine)?;
    if let Some(path) = &path {
        check_destination(path, engine)?;
    }
    py.detach(|| {
        let picture = Picture::new(drawing(), engine);
        match path {
            Some(path) => picture.write(&path).map(|()| None),
            None => Ok(Some(picture)),
        }
    })
}

#[pymethods]
impl Picture {
    /// Writes the picture as .png, .svg or .dot, or with Graphviz as .pdf and others; whole or
    /// not at all.
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

    /// The same, by the name that it has in Graphviz's own Python package.
    #[getter(source)]
    fn graphviz_source(&self) -> String {
        self.source()
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.bytes("png")?))
    }

    /// SVG and text for a notebook.
    #[pyo3(signature = (**_formats))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        _formats: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
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
        DumpErrorKind::Special | DumpErrorKind::NoRoom { .. } | DumpErrorKind::Io(_) => {
            PyOSError::new_err(text)
        }
        _ => PyValueError::new_err(text),
    }
}
