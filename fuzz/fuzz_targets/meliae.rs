//! Any bytes after the beginning of a file of meliae: an error or a heap, never a panic.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

/// Enough for the format to be told.
const BEGINNING: &[u8] = br#"{"address": 16, "type": "list", "size": 72, "refs": [32]}
"#;

fuzz_target!(|bytes: &[u8]| {
    let whole = [BEGINNING, bytes].concat();
    let _ = snakeroot_dump::read(Cursor::new(whole));
});
