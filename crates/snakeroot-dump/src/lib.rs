//! The dump: a snapshot in one Parquet file, and back; and the same heap in forms of other tools.
//!
//! One row is one node; every tool that reads Parquet opens it. A file is whole
//! or not there, and a damaged or foreign one is an error with a place, never a
//! panic. Heaps that other tools saved are read too.

mod bits;
mod chunks;
mod columns;
mod error;
mod export;
mod import;
mod load;
mod pages;
mod save;
mod whole;

#[cfg(test)]
mod wrong_columns;

pub use error::{DumpError, DumpErrorKind};
pub use export::{
    Extra, ExtraValues, HeapSnapshot, HeapSnapshotWritten, write_heapsnapshot, write_json_lines,
};
pub use load::{load, read};
pub use save::{Saved, save, save_with, write};
pub use whole::{check_place, write_whole};

/// The version of the format that is written, and the latest that is read.
pub const FORMAT: u32 = 1;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
