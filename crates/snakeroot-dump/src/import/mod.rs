//! Heaps that other tools recorded, read into a snapshot.
//!
//! The format is told by the content. What a format lacks is not made up: it is
//! said in the notices of [`Info`](snakeroot::snapshot::Info). One file a
//! format; what they share is the heap they fill (`heap`) and the roots that
//! are found where a format has none (`roots`).

mod builtin;
mod bytes;
mod heap;
mod input;
mod json;
mod meliae;
mod midden;
mod pygco;
mod pyheap;
mod roots;
mod sniff;
mod time;
mod v8;

use std::io::{Read, Seek};

use snakeroot::Snapshot;

use crate::error::DumpError;
use sniff::Format;

/// Reads a heap in any of the formats.
///
/// # Errors
///
/// When it is in none of them, and when anything in it is not as it should be.
pub(crate) fn read(reader: impl Read + Seek) -> Result<Snapshot, DumpError> {
    let (input, head) = input::open(reader)?;
    match sniff::tell(&head)? {
        Format::Meliae => meliae::read(input),
        Format::PyHeap => pyheap::read(input),
        Format::Midden => midden::read(input),
        Format::Pygco => pygco::read(input),
        Format::V8 => v8::read(input),
    }
}
