//! Numbers about a set, and heapy's files of them.

use pyo3::exceptions::{PyIndexError, PyStopIteration, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyString};
use snakeroot::analysis::heapy::Stat as CoreStat;
use snakeroot::view::heapy::{ends_record, page, read_record, record_lines};

use super::pages::{More, Pages, first_page};

/// A table of numbers, which refers to no object: `h.stat`, a difference of two, or one from a file.
///
/// Prints as the set does, ten rows a page; `stat[0]` is the table of the first row.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct Stat {
    stat: CoreStat,
    first_header: String,
}

impl Stat {
    pub(crate) fn new(stat: CoreStat) -> Self {
        Self { stat, first_header: String::new() }
    }

    pub(crate) fn with_first_header(self, first_header: String) -> Self {
        Self { first_header, ..self }
    }

    pub(crate) fn core(&self) -> &CoreStat {
        &self.stat
    }
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

impl Pages for Stat {
    fn page(
        &self,
        _py: Python<'_>,
        first: usize,
        lines: Option<usize>,
        with_label: bool,
    ) -> PyResult<(String, usize)> {
        match page(&self.stat, first, lines, with_label) {
            Ok(page) => Ok(page),
            Err(never) => match never {},
        }
    }
}

/// One row of a table of numbers.
#[pyclass(frozen, module = "snakeroot.heapy", get_all)]
pub(crate) struct StatRow {
    /// How many objects.
    count: i64,
    /// Their shallow sizes together, in bytes.
    size: i64,
    /// What they are.
    name: String,
    /// Which row; `None` for what other rows have together.
    index: Option<usize>,
    /// The sizes of all rows down to this one; `None` for what other rows have together.
    cumulsize: Option<i64>,
}

#[pymethods]
impl StatRow {
    fn __repr__(&self) -> String {
        format!("<{}: {} objects, {} bytes>", self.name, self.count, self.size)
    }
}

#[pymethods]
impl Stat {
    /// How many objects.
    #[getter]
    fn count(&self) -> i64 {
        self.stat.count
    }

    /// Their shallow sizes together, in bytes.
    #[getter]
    fn size(&self) -> i64 {
        self.stat.size
    }

    /// When it was made, in seconds since 1970-01-01 UTC.
    #[getter]
    fn timemade(&self) -> f64 {
        self.stat.time_made
    }

    /// What the names of the rows are.
    #[getter]
    fn kindheader(&self) -> &str {
        &self.stat.kind_header
    }

    /// The one kind of all rows, where these are objects.
    #[getter]
    fn kindname(&self) -> &str {
        &self.stat.kind_name
    }

    /// How many rows.
    #[getter]
    fn numrows(&self) -> usize {
        self.stat.rows.len()
    }

    /// `SetFormat`, `IdFormat` or `DiffFormat`.
    #[getter]
    fn format_name(&self) -> &'static str {
        self.stat.format.heapy_name()
    }

    /// What else is to be said of it; may be empty.
    #[getter]
    fn firstheader(&self) -> &str {
        &self.first_header
    }

    fn __len__(&self) -> usize {
        self.stat.rows.len()
    }

    /// A table of some rows.
    fn __getitem__(&self, index: &Bound<'_, PyAny>) -> PyResult<Self> {
        let count = self.stat.rows.len();
        if let Ok(slice) = index.cast::<PySlice>() {
            let slice = slice.indices(count as isize)?;
            let mut rows = Vec::new();
            let mut row = slice.start;
            while if slice.step > 0 { row < slice.stop } else { row > slice.stop } {
                rows.push(row as usize);
                row += slice.step;
            }
            return Ok(Self::new(self.stat.part(rows)));
        }
        Ok(Self::new(self.stat.part([self.place(index.extract()?)?])))
    }

    /// What this table has more than another; raises `ValueError` where that is one of other kinds.
    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(other) = other.cast::<Self>() else {
            return Err(PyTypeError::new_err(format!(
                "expected a Stat to take the difference from, found {}",
                crate::arguments::type_name(other)
            )));
        };
        let found = self.stat.difference(&other.get().stat, now());
        found.map(Self::new).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The rows from one on.
    #[pyo3(signature = (idx=0))]
    fn get_rows(&self, idx: usize) -> Vec<StatRow> {
        (idx..self.stat.rows.len()).map(|place| self.row(place)).collect()
    }

    /// One row.
    fn get_row(&self, idx: isize) -> PyResult<StatRow> {
        Ok(self.row(self.place(idx)?))
    }

    /// The rows of some names, in their order; `None` where there is none.
    fn get_rows_of_kinds(&self, kinds: Vec<String>) -> Vec<Option<StatRow>> {
        let place = |kind: &String| self.stat.rows.iter().position(|row| row.name == *kind);
        kinds.iter().map(|kind| place(kind).map(|place| self.row(place))).collect()
    }

    /// The `N` largest rows, and `<Other>` for what all others have together, where its size puts it.
    ///
    /// `sortby` is `"Size"` or `"Count"`. Raises `ValueError` for another word.
    #[pyo3(signature = (N, sortby="Size"))]
    #[allow(non_snake_case)] // heapy's own name
    fn get_rows_n_and_other(&self, N: usize, sortby: &str) -> PyResult<Vec<StatRow>> {
        let by_count = match sortby {
            "Size" => false,
            "Count" => true,
            other => {
                return Err(PyValueError::new_err(format!(
                    "sortby: expected \"Size\" or \"Count\", found {other:?}"
                )));
            }
        };
        let rows = self.stat.largest_and_other(N, by_count).into_iter();
        let rows = rows.map(|(row, place)| match place {
            Some(place) => self.row(place),
            None => {
                let (count, size, name) = (row.count, row.size, row.name);
                StatRow { count, size, name, index: None, cumulsize: None }
            }
        });
        Ok(rows.collect())
    }

    /// Appends the table to a file, which `load` and heapy's Profile Browser read.
    ///
    /// `fn` is a file name or an open file. Raises `OSError` where it cannot be written.
    #[pyo3(signature = (r#fn, mode="a"), text_signature = "($self, fn, mode=\"a\")")]
    fn dump(&self, r#fn: &Bound<'_, PyAny>, mode: &str) -> PyResult<()> {
        dump(&self.stat, r#fn, mode)
    }

    /// The rows after the first page: prints them.
    #[getter]
    fn more(this: Bound<'_, Self>) -> PyResult<More> {
        More::after_top(this.clone().into_any(), this.get())
    }

    /// All rows: prints them.
    #[getter]
    fn all(this: Bound<'_, Self>) -> More {
        More::all_of(this.into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        first_page(py, self)
    }
}

impl Stat {
    fn place(&self, index: isize) -> PyResult<usize> {
        let count = self.stat.rows.len();
        let place = if index < 0 { index + count as isize } else { index };
        let place = usize::try_from(place).ok().filter(|&place| place < count);
        place.ok_or_else(|| PyIndexError::new_err(format!("row {index} of {count}")))
    }

    fn row(&self, place: usize) -> StatRow {
        let (row, numbers) = (&self.stat.rows[place], self.stat.numbers(place));
        StatRow {
            count: row.count,
            size: row.size,
            name: row.name.clone(),
            index: Some(place),
            cumulsize: Some(numbers.cumulative),
        }
    }
}

/// Appends a table to a file, by its name or open.
pub(crate) fn dump(stat: &CoreStat, file: &Bound<'_, PyAny>, mode: &str) -> PyResult<()> {
    let py = file.py();
    let text = record_lines(stat).concat();
    if file.hasattr("write")? {
        file.call_method1("write", (text,))?;
        return Ok(());
    }
    let file = py.import("io")?.call_method1("open", (file, mode, -1, "utf-8"))?;
    let written = file.call_method1("write", (text,));
    file.call_method0("close")?;
    written.map(drop)
}

/// Opens a file that is given by its name; `None` where it is open, or lines.
fn opened<'py>(file: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !(file.is_instance_of::<PyString>() || file.hasattr("__fspath__")?) {
        return Ok(None);
    }
    file.py().import("io")?.call_method1("open", (file, "r", -1, "utf-8")).map(Some)
}

fn read(lines: &[String]) -> PyResult<Stat> {
    let stat = read_record(lines);
    stat.map(Stat::new).map_err(|error| PyValueError::new_err(format!("load: {error}")))
}

/// The next table of a file: of one given by name the first, of an open one or of lines those that come next.
pub(crate) fn load(file: &Bound<'_, PyAny>, by_line: bool) -> PyResult<Stat> {
    let Some(opened) = opened(file)? else {
        let end = || PyStopIteration::new_err("load: no other record");
        return read(&read_lines(file, by_line)?.ok_or_else(end)?);
    };
    let lines = read_lines(&opened, by_line);
    opened.call_method0("close")?;
    let end = || PyValueError::new_err("load: expected a record, found the end of the file");
    read(&lines?.ok_or_else(end)?)
}

/// All tables of a file from where it is on, or of lines.
pub(crate) fn load_all(file: &Bound<'_, PyAny>) -> PyResult<Vec<Stat>> {
    let opened = opened(file)?;
    // One iterator, so that what was read of a list is not read again.
    let lines = opened.as_ref().unwrap_or(file).try_iter()?;
    let mut all = Vec::new();
    let mut found = || -> PyResult<()> {
        while let Some(record) = read_lines(lines.as_any(), false)? {
            all.push(read(&record)?);
        }
        Ok(())
    };
    let found = found();
    if let Some(file) = &opened {
        file.call_method0("close")?;
    }
    found.map(|()| all)
}

/// The lines of one record; `None` where nothing but empty lines comes.
fn read_lines(file: &Bound<'_, PyAny>, by_line: bool) -> PyResult<Option<Vec<String>>> {
    let mut lines: Vec<String> = Vec::new();
    let mut take = |line: String| {
        let ends = ends_record(&line);
        // Lines that were split have an empty one at the end.
        if !lines.is_empty() || !line.trim_end_matches(['\n', '\r']).is_empty() {
            lines.push(line);
        }
        ends
    };
    if by_line {
        loop {
            let line: String = file.call_method0("readline")?.extract()?;
            if line.is_empty() || take(line) {
                break;
            }
        }
    } else {
        for line in file.try_iter()? {
            if take(line?.extract()?) {
                break;
            }
        }
    }
    Ok((!lines.is_empty()).then_some(lines))
}
