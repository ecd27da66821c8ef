//! One column of one row group, as Parquet pages.
//!
//! The pages are made here and not by the `parquet` crate's column writers:
//! those hash every value for their dictionaries, and a snapshot's labels and
//! types are numbers already.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::bits;

/// A page ends with the row that reaches this many values.
pub(crate) const PAGE_VALUES: usize = 1 << 16;
/// A page ends here though a row does not: a list may be longer than any page.
pub(crate) const MOST_PAGE_VALUES: usize = 1 << 17;

/// Fast rather than small: the next levels take twice the time for a tenth less.
const ZSTD_LEVEL: i32 = 1;

/// A column chunk that is ready to be put into a file.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Writes the pages of one column chunk into memory.
pub(crate) struct ChunkWriter {
    descriptor: ColumnDescPtr,
    sink: TrackedWrite<Vec<u8>>,
    zstd: zstd::bulk::Compressor<'static>,
    /// The page that is being made, not yet compressed.
    page: Vec<u8>,
    rows: u64,
    values: i64,
    uncompressed: i64,
    encodings: Vec<Encoding>,
    dictionary: bool,
    first_data_page: Option<i64>,
    statistics: Option<Statistics>,
}

impl ChunkWriter {
    pub(crate) fn new(descriptor: ColumnDescPtr, rows: usize) -> Result<Self> {
        Ok(Self {
            descriptor,
            sink: TrackedWrite::new(Vec::new()),
            zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            page: Vec::new(),
            rows: rows as u64,
            values: 0,
            uncompressed: 0,
            encodings: Vec::new(),
            dictionary: false,
            first_data_page: None,
            statistics: None,
        })
    }

    /// What the footer says of the column's values.
    pub(crate) fn set_statistics(&mut self, statistics: Statistics) {
        self.statistics = Some(statistics);
    }

    /// Writes the dictionary, in the plain encoding. Comes before all data pages.
    pub(crate) fn dictionary(&mut self, values: usize, plain: &[u8]) -> Result<()> {
        self.dictionary = true;
        self.note(Encoding::PLAIN);
        let page = Page::DictionaryPage {
            buf: self.compressed(plain)?,
            num_values: count(values)?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.put(page, plain.len())
    }

    /// Writes a data page: its levels and, encoded by `fill`, the values that are present.
    ///
    /// The levels are empty slices where the column has none.
    pub(crate) fn data(
        &mut self,
        entries: usize,
        repetitions: &[u8],
        definitions: &[u8],
        encoding: Encoding,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut page = std::mem::take(&mut self.page);
        page.clear();
        for (levels, most) in [
            (repetitions, self.descriptor.max_rep_level()),
            (definitions, self.descriptor.max_def_level()),
        ] {
            if most > 0 {
                bits::put_levels(levels, bits::width_of(most as u64), &mut page);
                self.note(Encoding::RLE);
            }
        }
        fill(&mut page);
        self.note(encoding);
        let offset = self.sink.bytes_written() as i64;
        self.first_data_page.get_or_insert(offset);
        self.values += entries as i64;
        let data = Page::DataPage {
            buf: self.compressed(&page)?,
            num_values: count(entries)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let length = page.len();
        self.page = page;
        self.put(data, length)
    }

    /// How many bytes values would take, without writing them.
    pub(crate) fn measure(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<usize> {
        self.page.clear();
        fill(&mut self.page);
        Ok(self.zstd.compress(&self.page)?.len())
    }

    pub(crate) fn close(self) -> Result<Chunk> {
        let bytes_written = self.sink.bytes_written() as u64;
        let mut metadata = ColumnChunkMetaData::builder(self.descriptor)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_encodings(self.encodings)
            .set_num_values(self.values)
            .set_total_compressed_size(bytes_written as i64)
            .set_total_uncompressed_size(self.uncompressed)
            .set_dictionary_page_offset(self.dictionary.then_some(0))
            .set_data_page_offset(self.first_data_page.unwrap_or(0));
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(Chunk {
            bytes: self.sink.into_inner()?.into(),
            close: ColumnCloseResult {
                bytes_written,
                rows_written: self.rows,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            },
        })
    }

    fn note(&mut self, encoding: Encoding) {
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
    }

    fn compressed(&mut self, bytes: &[u8]) -> Result<Bytes> {
        Ok(self.zstd.compress(bytes)?.into())
    }

    fn put(&mut self, page: Page, uncompressed: usize) -> Result<()> {
        let page = CompressedPage::new(page, uncompressed);
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.uncompressed += spec.uncompressed_size as i64;
        Ok(())
    }
}

fn count(values: usize) -> Result<u32> {
    u32::try_from(values)
        .map_err(|_| ParquetError::General(format!("a page cannot hold {values} values")))
}
