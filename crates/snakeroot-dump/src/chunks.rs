//! Decoding of column chunks: from a file's bytes to levels and values.
//!
//! The `parquet` crate finds the pages and decompresses them; what they hold is
//! decoded here, so that no length in a page is believed before its bytes are
//! seen.

use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use crate::bits::{self, Damage, short};

/// Bytes that several threads read pieces of.
pub(crate) struct Source<R> {
    reader: Mutex<R>,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    pub(crate) fn new(mut reader: R) -> std::io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Self { reader: Mutex::new(reader), length })
    }

    /// How many bytes there are.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes `start..start + length`; fewer where the end comes first.
    pub(crate) fn bytes(&self, start: u64, length: u64) -> std::io::Result<Bytes> {
        let here = self.length.saturating_sub(start).min(length);
        let mut bytes = Vec::with_capacity(here as usize);
        // A panic of another thread leaves nothing half done: the place is sought anew.
        let mut reader = self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        reader.seek(SeekFrom::Start(start))?;
        (&mut *reader).take(here).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// The bytes of one column chunk, at their places in the file.
struct Piece {
    start: u64,
    bytes: Bytes,
}

impl Length for Piece {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Piece {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let rest = self.len().saturating_sub(start) as usize;
        Ok(self.get_bytes(start, rest)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = start
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .filter(|from| from.saturating_add(length) <= self.bytes.len());
        match from {
            Some(from) => Ok(self.bytes.slice(from..from + length)),
            None => Err(ParquetError::EOF(format!(
                "expected {length} bytes from byte {start} on, found the column's end at {}",
                self.len()
            ))),
        }
    }
}

/// How a column's values are read from its pages.
pub(crate) trait Values {
    /// What a value becomes.
    type Item: Copy;

    /// Appends `count` values in the plain encoding.
    fn plain(
        &mut self,
        bytes: &[u8],
        count: usize,
        out: &mut Vec<Self::Item>,
    ) -> Result<(), Damage>;

    /// Appends `count` values in packed differences.
    fn delta(
        &mut self,
        bytes: &[u8],
        count: usize,
        out: &mut Vec<Self::Item>,
    ) -> Result<(), Damage>;
}

/// Numbers of 4 bytes.
pub(crate) struct Words;

impl Values for Words {
    type Item = u32;

    fn plain(&mut self, bytes: &[u8], count: usize, out: &mut Vec<u32>) -> Result<(), Damage> {
        let (words, _) = bytes.as_chunks::<4>();
        let words = words.get(..count).ok_or_else(|| short("numbers", count * 4, bytes.len()))?;
        out.extend(words.iter().map(|&word| u32::from_le_bytes(word)));
        Ok(())
    }

    fn delta(&mut self, bytes: &[u8], count: usize, out: &mut Vec<u32>) -> Result<(), Damage> {
        bits::take_delta(bytes, count, |value| out.push(value as u32))
    }
}

/// Numbers of 8 bytes.
pub(crate) struct LongWords;

impl Values for LongWords {
    type Item = u64;

    fn plain(&mut self, bytes: &[u8], count: usize, out: &mut Vec<u64>) -> Result<(), Damage> {
        let (words, _) = bytes.as_chunks::<8>();
        let words = words.get(..count).ok_or_else(|| short("numbers", count * 8, bytes.len()))?;
        out.extend(words.iter().map(|&word| u64::from_le_bytes(word)));
        Ok(())
    }

    fn delta(&mut self, bytes: &[u8], count: usize, out: &mut Vec<u64>) -> Result<(), Damage> {
        bits::take_delta(bytes, count, |value| out.push(value))
    }
}

/// Texts, each handed to a function that makes something small of it.
pub(crate) struct Texts<F>(pub(crate) F);

impl<T: Copy, F: FnMut(&str) -> Result<T, Damage>> Values for Texts<F> {
    type Item = T;

    fn plain(&mut self, mut bytes: &[u8], count: usize, out: &mut Vec<T>) -> Result<(), Damage> {
        for at in 0..count {
            let (length, rest) = bytes
                .split_first_chunk::<4>()
                .ok_or_else(|| short("a text's length", 4, bytes.len()))?;
            let length = u32::from_le_bytes(*length) as usize;
            let (text, rest) =
                rest.split_at_checked(length).ok_or_else(|| short("a text", length, rest.len()))?;
            let text = std::str::from_utf8(text)
                .map_err(|error| format!("text {at}: expected UTF-8, found {error}"))?;
            out.push((self.0)(text)?);
            bytes = rest;
        }
        Ok(())
    }

    fn delta(&mut self, _: &[u8], _: usize, _: &mut Vec<T>) -> Result<(), Damage> {
        Err("expected texts, found packed differences".into())
    }
}

/// One data page, decoded.
pub(crate) struct Decoded<'a, T> {
    /// For each entry, whether it goes on with a list (1) or begins a row (0);
    /// empty where the column holds no lists.
    pub(crate) repetitions: &'a [u8],
    /// For each entry, how much of it is there; empty where every value is.
    pub(crate) definitions: &'a [u8],
    /// The values that are there.
    pub(crate) values: &'a [T],
}

/// Reads one column chunk, page by page.
///
/// `room` gives the greatest number of entries that may still come; `take`
/// receives each page.
pub(crate) fn read_chunk<R: Read + Seek, V: Values>(
    source: &Source<R>,
    metadata: &ColumnChunkMetaData,
    values: &mut V,
    room: impl Fn(usize) -> Result<(), Damage>,
    mut take: impl FnMut(Decoded<'_, V::Item>) -> Result<(), Damage>,
) -> Result<(), Damage> {
    let descriptor = metadata.column_descr();
    let start = metadata.dictionary_page_offset().unwrap_or(metadata.data_page_offset());
    let (start, length) = match (u64::try_from(start), u64::try_from(metadata.compressed_size())) {
        (Ok(start), Ok(length))
            if start.checked_add(length).is_some_and(|end| end <= source.length()) =>
        {
            (start, length)
        }
        _ => {
            return Err(format!(
                "expected it within the file's {} bytes, found {} bytes from byte {start} on",
                source.length(),
                metadata.compressed_size()
            ));
        }
    };
    let bytes = source.bytes(start, length).map_err(|error| error.to_string())?;
    let piece = Arc::new(Piece { start, bytes });
    let mut pages = SerializedPageReader::new(piece, metadata, 0, None).map_err(said)?;

    let mut dictionary = Vec::new();
    let mut has_dictionary = false;
    let (mut repetitions, mut definitions) = (Vec::new(), Vec::new());
    let mut places: Vec<u32> = Vec::new();
    let mut found = Vec::new();
    let mut entries_left = u64::try_from(metadata.num_values()).unwrap_or(0);
    while let Some(page) = pages.get_next_page().map_err(said)? {
        if let Page::DictionaryPage { buf, num_values, encoding, .. } = &page {
            if has_dictionary || !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
                return Err(format!("expected one plain dictionary, found {encoding} as another"));
            }
            has_dictionary = true;
            values.plain(buf, *num_values as usize, &mut dictionary)?;
            continue;
        }
        let entries = page.num_values() as usize;
        room(entries)?;
        entries_left = entries_left.checked_sub(entries as u64).ok_or_else(|| {
            format!("expected {} entries as the footer says, found more", metadata.num_values())
        })?;
        repetitions.clear();
        definitions.clear();
        let encoded = levels(&page, descriptor, entries, &mut repetitions, &mut definitions)?;
        let most = descriptor.max_def_level() as u8;
        let present = match most {
            0 => entries,
            most => definitions.iter().filter(|&&level| level == most).count(),
        };
        found.clear();
        match page.encoding() {
            Encoding::PLAIN => values.plain(encoded, present, &mut found)?,
            Encoding::DELTA_BINARY_PACKED => values.delta(encoded, present, &mut found)?,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                places.clear();
                if present > 0 {
                    let (&width, runs) =
                        encoded.split_first().ok_or("expected a width, found none")?;
                    bits::take_runs(runs, width.into(), present, &mut places)?;
                }
                for &place in &places {
                    found.push(*dictionary.get(place as usize).ok_or_else(|| {
                        format!(
                            "expected places below {} in its dictionary, found {place}",
                            dictionary.len()
                        )
                    })?);
                }
            }
            other => {
                return Err(format!(
                    "expected plain, dictionary or packed differences, found {other}"
                ));
            }
        }
        take(Decoded { repetitions: &repetitions, definitions: &definitions, values: &found })?;
    }
    if entries_left > 0 {
        return Err(format!(
            "expected {} entries as the footer says, found {entries_left} fewer",
            metadata.num_values()
        ));
    }
    Ok(())
}

/// Appends a page's levels and gives the bytes of its values.
fn levels<'a>(
    page: &'a Page,
    descriptor: &ColumnDescriptor,
    entries: usize,
    repetitions: &mut Vec<u8>,
    definitions: &mut Vec<u8>,
) -> Result<&'a [u8], Damage> {
    let (rep, def) = (descriptor.max_rep_level(), descriptor.max_def_level());
    let mut rest: &[u8] = page.buffer();
    let lengths = match page {
        Page::DataPageV2 { rep_levels_byte_len, def_levels_byte_len, .. } => {
            [Some(*rep_levels_byte_len), Some(*def_levels_byte_len)]
        }
        Page::DataPage { rep_level_encoding, def_level_encoding, .. } => {
            for (most, encoding) in [(rep, rep_level_encoding), (def, def_level_encoding)] {
                if most > 0 && *encoding != Encoding::RLE {
                    return Err(format!("expected levels in the encoding RLE, found {encoding}"));
                }
            }
            [None, None]
        }
        Page::DictionaryPage { .. } => {
            return Err("expected a data page, found a dictionary".into());
        }
    };
    for (most, length, out) in [(rep, lengths[0], repetitions), (def, lengths[1], definitions)] {
        if most == 0 && length.is_none() {
            continue;
        }
        let length = match length {
            Some(length) => length,
            None => {
                let (length, after) =
                    rest.split_first_chunk::<4>().ok_or_else(|| short("levels", 4, rest.len()))?;
                rest = after;
                u32::from_le_bytes(*length)
            }
        } as usize;
        let (encoded, after) =
            rest.split_at_checked(length).ok_or_else(|| short("levels", length, rest.len()))?;
        rest = after;
        if most > 0 {
            bits::take_runs(encoded, bits::width_of(most as u64), entries, out)?;
            if let Some(level) = out.iter().find(|&&level| level > most as u8) {
                return Err(format!("expected levels up to {most}, found {level}"));
            }
        }
    }
    Ok(rest)
}

/// What the `parquet` crate says, without its own first words.
pub(crate) fn said(error: ParquetError) -> Damage {
    match error {
        ParquetError::General(text) | ParquetError::EOF(text) => text,
        other => other.to_string(),
    }
}

/// The physical type's name, for messages.
pub(crate) fn type_name(physical: Type) -> &'static str {
    match physical {
        Type::INT32 => "32-bit numbers",
        Type::INT64 => "64-bit numbers",
        Type::BYTE_ARRAY => "text",
        _ => "something else",
    }
}
