//! Any bytes after the beginning of a file of PyHeap: an error or a heap, never a panic.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

/// Enough for the format to be told.
const BEGINNING: &[u8] = b"\x00\x00\x00\x00\x07\x54\xd6\x01\x00\x00\x00\x01";

fuzz_target!(|bytes: &[u8]| {
    let whole = [BEGINNING, bytes].concat();
    let _ = snakeroot_dump::read(Cursor::new(whole));
});
