//! Numbers and texts from a stream of bytes, most significant byte first.

use std::io::{self, BufRead};

use super::input::dump_error;
use crate::error::DumpError;

/// Reads field after field and knows where it is.
pub(super) struct Fields<R> {
    input: R,
    format: &'static str,
    /// Bytes read.
    at: u64,
}

impl<R: BufRead> Fields<R> {
    pub(super) fn new(input: R, format: &'static str) -> Self {
        Self { input, format, at: 0 }
    }

    /// An error in the field that begins at a byte.
    pub(super) fn damaged(&self, at: u64, reason: impl std::fmt::Display) -> DumpError {
        DumpError::damaged(format!("{}, byte {at}: {reason}", self.format))
    }

    /// Where the next field begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whether no byte is left.
    pub(super) fn is_at_end(&mut self) -> Result<bool, DumpError> {
        Ok(self.input.fill_buf().map_err(dump_error)?.is_empty())
    }

    #[inline]
    fn take<const N: usize>(&mut self, what: &str) -> Result<[u8; N], DumpError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    #[inline]
    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), DumpError> {
        match self.input.read_exact(bytes) {
            Ok(()) => {
                self.at += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let length = bytes.len();
                Err(self.damaged(
                    self.at,
                    format_args!("expected {what} of {length} bytes, found the end of the file"),
                ))
            }
            Err(error) => Err(dump_error(error)),
        }
    }

    /// A byte.
    pub(super) fn byte(&mut self, what: &str) -> Result<u8, DumpError> {
        Ok(u8::from_be_bytes(self.take(what)?))
    }

    /// A signed number of two bytes.
    pub(super) fn short(&mut self, what: &str) -> Result<i16, DumpError> {
        Ok(i16::from_be_bytes(self.take(what)?))
    }

    /// A number of four bytes.
    pub(super) fn word(&mut self, what: &str) -> Result<u32, DumpError> {
        Ok(u32::from_be_bytes(self.take(what)?))
    }

    /// A number of eight bytes.
    pub(super) fn long(&mut self, what: &str) -> Result<u64, DumpError> {
        Ok(u64::from_be_bytes(self.take(what)?))
    }

    /// Text after its length in two bytes.
    pub(super) fn text(&mut self, what: &str) -> Result<String, DumpError> {
        let length = u16::from_be_bytes(self.take(what)?);
        self.text_of(usize::from(length), what)
    }

    /// Text of a known length, at most 65,535 bytes.
    pub(super) fn text_of(&mut self, length: usize, what: &str) -> Result<String, DumpError> {
        let start = self.at;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|error| {
            let error = error.utf8_error();
            let place = start + error.valid_up_to() as u64;
            self.damaged(place, format_args!("expected {what} in UTF-8, found another byte"))
        })
    }
}
