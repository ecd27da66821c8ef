//! The heap in forms that other tools read.
//!
//! What an analysis found (what a node retains, which roots there are) comes in
//! as plain columns and lists: nothing here works it out.

mod heapsnapshot;
mod json_lines;
mod strings;

use std::io::{self, Write};

use snakeroot::{NodeId, Snapshot};

pub use heapsnapshot::{HeapSnapshot, HeapSnapshotWritten, write_heapsnapshot};
pub use json_lines::write_json_lines;

use crate::columns::Column;
use crate::error::{DumpError, DumpErrorKind};

/// Nodes between two looks at the watch.
const TICK: usize = 1 << 14;

/// A column beside those of the dump: an answer to each row.
#[derive(Clone, Copy, Debug)]
pub struct Extra<'a> {
    /// Its name in the file.
    pub name: &'a str,
    /// One entry a node.
    pub values: ExtraValues<'a>,
}

/// The values of an [`Extra`] column.
#[derive(Clone, Copy, Debug)]
pub enum ExtraValues<'a> {
    /// A number for each node, such as bytes.
    Numbers(&'a [u64]),
    /// Another node for each node, or none.
    Nodes(&'a [Option<NodeId>]),
}

impl ExtraValues<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Nodes(values) => values.len(),
        }
    }
}

/// Fails where columns do not fit a snapshot or each other.
pub(crate) fn check_extras(snapshot: &Snapshot, extras: &[Extra<'_>]) -> Result<(), DumpError> {
    for (at, extra) in extras.iter().enumerate() {
        let (name, expected, found) = (extra.name, snapshot.node_count(), extra.values.len());
        let unstorable = |reason| Err(DumpErrorKind::Unstorable { reason }.into());
        if expected != found {
            return unstorable(format!("column {name}: expected {expected} rows, found {found}"));
        }
        let is_word = !name.is_empty()
            && name.bytes().all(|sign| sign.is_ascii_alphanumeric() || sign == b'_');
        if !is_word {
            return unstorable(format!("expected a column named in letters, found {name:?}"));
        }
        let is_taken = Column::ALL.iter().any(|column| column.name() == name)
            || extras[..at].iter().any(|other| other.name == name);
        if is_taken {
            return unstorable(format!("expected each column once, found {name} twice"));
        }
    }
    Ok(())
}

/// Writes a number, as fast as that can be done.
fn put_number(out: &mut dyn Write, number: impl itoa::Integer) -> io::Result<()> {
    out.write_all(itoa::Buffer::new().format(number).as_bytes())
}

/// Writes a text as a JSON string.
fn put_text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}
