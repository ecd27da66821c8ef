//! meliae: a line of JSON for each object, with the addresses it refers to.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::value::RawValue;
use snakeroot::Snapshot;
use snakeroot::snapshot::{Flags, LabelTable};

use super::builtin;
use super::heap::{Heap, Roots, Targets, Twice};
use super::json::{Lines, Text, said};
use crate::error::DumpError;

#[derive(Deserialize)]
struct Row<'a> {
    address: u64,
    #[serde(borrow, rename = "type")]
    type_name: Text<'a>,
    size: u64,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    refs: Vec<u64>,
}

pub(super) fn read(input: impl BufRead) -> Result<Snapshot, DumpError> {
    let mut lines = Lines::new(input, "meliae");
    let mut heap = Heap::new("meliae", Targets::Addresses);
    heap.notice("read from a file of meliae");
    heap.notice(
        "sizes are meliae's: they include the header of the garbage collector, and for some types \
         memory outside Python's own",
    );
    heap.notice(
        "not recorded: labels of references, reference counts, which references are weak, threads, \
         the modules of classes; a type with the name of a built-in one is taken for it",
    );
    while lines.advance()? {
        let Row { address, type_name, size, name, value, refs } = lines.parse()?;
        let (module, qualname) = builtin::split(&type_name.0);
        let type_id = heap.type_id(module, qualname);
        let row = heap.row(address, type_id, size, Flags::default())?;
        refs.iter().for_each(|&target| heap.edge(target, LabelTable::UNNAMED));
        if let Some(name) = name {
            heap.name(row, &name.0);
        }
        let Some(value) = value.map(RawValue::get) else { continue };
        match value.as_bytes() {
            [b'"', ..] => {
                let text: Text = serde_json::from_str(value)
                    .map_err(|error| lines.damaged(format!("value: {}", said(&error))))?;
                match qualname {
                    "str" => heap.text(row, &text.0),
                    "bytes" => heap.value(row, &bytes_shown(&text.0)),
                    _ => heap.value(row, &text.0),
                }
            }
            [b'{' | b'[', ..] => {
                return Err(lines.damaged("value: expected text or a number, found another thing"));
            }
            b"null" => {}
            _ => heap.value(row, value),
        }
    }
    heap.finish(Twice::SaidAgain, Roots::Found)
}

/// Bytes as Python would write them, of which each character is one.
fn bytes_shown(text: &str) -> String {
    let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    match bytes {
        Ok(bytes) => format!("b'{}'", bytes.escape_ascii()),
        Err(_) => text.into(),
    }
}
