//! What can go wrong with a dump, each in its own sentence.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use snakeroot::watch::Stopped;

/// A dump that could not be written or read: what was expected, what was found, where.
#[derive(Debug)]
pub struct DumpError {
    path: Option<PathBuf>,
    kind: DumpErrorKind,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum DumpErrorKind {
    /// There is no such file.
    Missing,
    /// A file was expected and a directory found.
    Directory,
    /// The folder to write into does not exist.
    NoFolder(PathBuf),
    /// The folder to write into, or the file to read, is not open to this user.
    Forbidden(PathBuf),
    /// The path leads to a device, a socket or a pipe.
    Special,
    /// The file has no bytes.
    Empty,
    /// The file begins as Parquet and does not end so.
    Truncated {
        /// Bytes found.
        bytes: u64,
    },
    /// The file is in no format that is read.
    NoHeap {
        /// How it begins.
        found: String,
    },
    /// A file that is understood and still no heap that can be read.
    Refused {
        /// What it is and why.
        reason: String,
    },
    /// A Parquet file that is no heap.
    Foreign,
    /// A heap in a later format than this version of snakeroot knows.
    TooNew {
        /// The format that the file names.
        found: u32,
    },
    /// A column that a heap must have is not there or is of another type.
    Column {
        /// Its name.
        column: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// Bytes that do not mean what they should.
    Damaged {
        /// Where, what was expected and what was found.
        reason: String,
    },
    /// A snapshot that the format cannot hold.
    Unstorable {
        /// What it is and why.
        reason: String,
    },
    /// Who watches stopped the work.
    Stopped,
    /// There is less room on the disk than the file takes at least.
    NoRoom {
        /// Bytes that it takes at least.
        least: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The operating system refused.
    Io(io::Error),
}

impl DumpError {
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        DumpErrorKind::Damaged { reason: reason.into() }.into()
    }

    /// The same error, at a path.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &DumpErrorKind {
        &self.kind
    }

    /// The file, where it has a name.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl From<DumpErrorKind> for DumpError {
    fn from(kind: DumpErrorKind) -> Self {
        Self { path: None, kind }
    }
}

impl From<Stopped> for DumpError {
    fn from(_: Stopped) -> Self {
        DumpErrorKind::Stopped.into()
    }
}

impl From<io::Error> for DumpError {
    fn from(error: io::Error) -> Self {
        DumpErrorKind::Io(error).into()
    }
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        match &self.kind {
            DumpErrorKind::Missing => f.write_str("no such file"),
            DumpErrorKind::Directory => f.write_str("expected a file, found a directory"),
            DumpErrorKind::NoFolder(folder) => {
                write!(f, "the folder {} does not exist", folder.display())
            }
            DumpErrorKind::Forbidden(place) => {
                write!(f, "no permission for {}", place.display())
            }
            DumpErrorKind::Special => {
                f.write_str("expected a regular file, found a device, a pipe or a socket")
            }
            DumpErrorKind::Empty => f.write_str("expected a heap, found an empty file"),
            DumpErrorKind::Truncated { bytes } => write!(
                f,
                "the file is cut off: expected the mark PAR1 at its end, found something else after {bytes} bytes"
            ),
            DumpErrorKind::NoHeap { found } => write!(
                f,
                "not a heap: expected a dump of snakeroot, meliae, PyHeap, midden, pygco or V8, found {found}"
            ),
            DumpErrorKind::Refused { reason } => f.write_str(reason),
            DumpErrorKind::Foreign => f.write_str(
                "a Parquet file, but no heap: expected the key snakeroot.format in its footer",
            ),
            DumpErrorKind::TooNew { found } => write!(
                f,
                "written in heap format {found}, but this version of snakeroot reads formats up to {}: \
                 install a newer one",
                crate::FORMAT
            ),
            DumpErrorKind::Column { column, reason } => write!(f, "column {column}: {reason}"),
            DumpErrorKind::Damaged { reason } => write!(f, "the file is damaged: {reason}"),
            DumpErrorKind::Unstorable { reason } => write!(f, "cannot be stored: {reason}"),
            DumpErrorKind::Stopped => Stopped.fmt(f),
            DumpErrorKind::NoRoom { least, free } => {
                write!(f, "no room on the disk: expected at least {least} bytes free, found {free}")
            }
            DumpErrorKind::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            DumpErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
