//! Lines of JSON, one record each, and the text in them.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::error::Category;

use super::input::dump_error;
use crate::error::DumpError;

/// The lines of a file, one at a time.
pub(super) struct Lines<R> {
    input: R,
    format: &'static str,
    line: Vec<u8>,
    /// Counted from 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, format: &'static str) -> Self {
        Self { input, format, line: Vec::new(), number: 0 }
    }

    /// Goes to the next line that is not blank; whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool, DumpError> {
        loop {
            self.line.clear();
            if self.input.read_until(b'\n', &mut self.line).map_err(dump_error)? == 0 {
                return Ok(false);
            }
            self.number += 1;
            let text = self.line.trim_ascii_end().len();
            self.line.truncate(text);
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Reads the line.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DumpError> {
        serde_json::from_slice(&self.line)
            .map_err(|error| self.damaged_at(error.column(), said(&error)))
    }

    /// An error at a column of this line.
    fn damaged_at(&self, column: usize, reason: String) -> DumpError {
        let (format, line, column) = (self.format, self.number, column.max(1));
        DumpError::damaged(format!("{format}, line {line}, column {column}: {reason}"))
    }

    /// An error in this line.
    pub(super) fn damaged(&self, reason: impl fmt::Display) -> DumpError {
        DumpError::damaged(format!("{}, line {}: {reason}", self.format, self.number))
    }
}

/// What a JSON reader says, without the place.
pub(super) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        Category::Eof => format!("expected more, found the end ({text})"),
        _ => text.into(),
    }
}

/// Text, which may have halves of surrogate pairs in it: these become U+FFFD.
#[derive(Debug)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.into())))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Text(Cow::Borrowed(text))),
            Err(_) => self.visit_bytes(bytes),
        }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
        whole(bytes).map(|text| Text(Cow::Owned(text))).map_err(E::custom)
    }
}

/// UTF-8 in which surrogates, three bytes each, stand for nothing.
pub(super) fn whole(mut bytes: &[u8]) -> Result<String, String> {
    let mut text = String::with_capacity(bytes.len());
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return Ok(text);
            }
            Err(error) => {
                let (good, rest) = bytes.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                let [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] = rest else {
                    let found = rest.first().copied().unwrap_or_default();
                    return Err(format!("expected UTF-8, found the byte {found:#04x}"));
                };
                text.push(char::REPLACEMENT_CHARACTER);
                bytes = rest;
            }
        }
    }
}
