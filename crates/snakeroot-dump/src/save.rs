//! From a snapshot to a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;
use rayon::prelude::*;
use snakeroot::snapshot::{Label, SparseText};
use snakeroot::{LabelId, NodeId, Snapshot};

use crate::bits;
use crate::columns::{Column, KEY_FORMAT, KEY_INFO, KEY_TYPES, schema};
use crate::error::{DumpError, DumpErrorKind};
use crate::export::{Extra, ExtraValues, check_extras};
use crate::pages::{Chunk, ChunkWriter, MOST_PAGE_VALUES, PAGE_VALUES};
use crate::whole::write_whole;

/// Rows are written in groups of this many.
const GROUP_ROWS: usize = 1 << 20;

/// Labels that a row group's dictionary holds at most.
const MOST_DICTIONARY_LABELS: usize = 1 << 20;
/// Bytes that a row group's dictionary of labels holds at most.
const MOST_DICTIONARY_BYTES: usize = 32 << 20;
/// Indices from here on are not put into a dictionary: in a list of ten million
/// items each occurs once, and would be stored twice.
const MOST_DICTIONARY_INDEX: usize = 1 << 16;

/// Of this many pages one is encoded in both ways, to choose between them.
const SAMPLE_PAGES: usize = 8;

const NONE: u32 = u32::MAX;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows, one a node.
    pub rows: u64,
}

/// Writes a snapshot into a file, which is whole or not there.
///
/// # Errors
///
/// When the place cannot be written to, or the disk is full. What stood at
/// `path` before still stands there then.
///
/// # Complexity
///
/// O(V + E) time on all cores; a row group's compressed columns for each core
/// are held, about 10 MB.
pub fn save(snapshot: &Snapshot, path: &Path) -> Result<Saved, DumpError> {
    save_with(snapshot, &[], path)
}

/// As [`save`], with further columns after those of the dump. [`load`](crate::load) skips them.
///
/// # Errors
///
/// As [`save`], and when a column has not one entry a node, or its name is taken.
pub fn save_with(
    snapshot: &Snapshot,
    extras: &[Extra<'_>],
    path: &Path,
) -> Result<Saved, DumpError> {
    write_whole(path, |file: &mut File| {
        // Columns come in large pieces; the buffer is for the footer's many small ones.
        let mut buffered = BufWriter::new(file);
        let saved = write_with(snapshot, extras, &mut buffered)?;
        buffered.flush()?;
        Ok(saved)
    })
    .map_err(|error| error.at(path))
}

/// Writes a snapshot to anything that takes bytes.
///
/// # Errors
///
/// When `out` gives one.
///
/// # Complexity
///
/// As [`save`].
pub fn write(snapshot: &Snapshot, out: impl Write + Send) -> Result<Saved, DumpError> {
    write_with(snapshot, &[], out)
}

fn write_with(
    snapshot: &Snapshot,
    extras: &[Extra<'_>],
    out: impl Write + Send,
) -> Result<Saved, DumpError> {
    check_extras(snapshot, extras)?;
    snakeroot::parallel::run(|| {
        write_chunks(snapshot, extras, out, |group, column, descriptor| {
            group.chunk(column, descriptor)
        })
    })
}

/// As [`write`], with each column chunk made by `chunk`.
pub(crate) fn write_chunks(
    snapshot: &Snapshot,
    extras: &[Extra<'_>],
    out: impl Write + Send,
    chunk: impl Fn(&Group<'_>, Column, ColumnDescPtr) -> Result<Chunk, DumpError> + Sync,
) -> Result<Saved, DumpError> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("snakeroot ", env!("CARGO_PKG_VERSION")).into())
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(footer(snapshot)?))
        .build();
    let mut file =
        SerializedFileWriter::new(out, schema(extras), Arc::new(properties)).map_err(refused)?;
    let columns = file.schema_descr().columns().to_vec();

    let rows = snapshot.node_count();
    let groups: Vec<Range<usize>> =
        (0..rows).step_by(GROUP_ROWS).map(|from| from..(from + GROUP_ROWS).min(rows)).collect();
    for groups in groups.chunks(rayon::current_num_threads().clamp(1, 8)) {
        // The longest first, so that no core waits long for the last.
        let tasks: Vec<(usize, usize)> = (0..columns.len())
            .rev()
            .flat_map(|column| (0..groups.len()).map(move |group| (group, column)))
            .collect();
        let mut chunks: Vec<(usize, usize, Chunk)> = tasks
            .into_par_iter()
            .with_max_len(1)
            .map(|(at, column)| {
                let group = Group { snapshot, rows: groups[at].clone() };
                let descriptor = columns[column].clone();
                let chunk = match Column::ALL.get(column) {
                    Some(&own) => chunk(&group, own, descriptor)?,
                    None => group.extra(&extras[column - Column::ALL.len()], descriptor)?,
                };
                Ok((at, column, chunk))
            })
            .collect::<Result<_, DumpError>>()?;
        chunks.sort_by_key(|&(at, column, _)| (at, column));
        let mut chunks = chunks.into_iter();
        for _ in groups {
            let mut row_group = file.next_row_group().map_err(refused)?;
            for (_, _, chunk) in chunks.by_ref().take(columns.len()) {
                row_group.append_column(&chunk.bytes, chunk.close).map_err(refused)?;
            }
            row_group.close().map_err(refused)?;
        }
    }
    file.finish().map_err(refused)?;
    file.flush()?;
    Ok(Saved { bytes: file.bytes_written() as u64, rows: rows as u64 })
}

/// The operating system's answer, if the error holds one.
fn refused(error: ParquetError) -> DumpError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => (*error).into(),
            Err(inner) => DumpErrorKind::Unstorable { reason: inner.to_string() }.into(),
        },
        other => DumpErrorKind::Unstorable { reason: other.to_string() }.into(),
    }
}

fn footer(snapshot: &Snapshot) -> Result<Vec<KeyValue>, DumpError> {
    let types: Vec<(&str, &str, Option<u32>)> = snapshot
        .types()
        .iter()
        .map(|entry| (&*entry.module, &*entry.qualname, entry.node.map(NodeId::place)))
        .collect();
    let json = |text: serde_json::Result<String>| {
        text.map_err(|error| DumpErrorKind::Unstorable { reason: error.to_string() })
    };
    Ok(vec![
        KeyValue::new(KEY_FORMAT.into(), crate::FORMAT.to_string()),
        KeyValue::new(KEY_INFO.into(), json(serde_json::to_string(snapshot.info()))?),
        KeyValue::new(KEY_TYPES.into(), json(serde_json::to_string(&types))?),
    ])
}

/// Some of a snapshot's rows.
pub(crate) struct Group<'a> {
    snapshot: &'a Snapshot,
    rows: Range<usize>,
}

impl Group<'_> {
    pub(crate) fn chunk(
        &self,
        column: Column,
        descriptor: ColumnDescPtr,
    ) -> Result<Chunk, DumpError> {
        let snapshot = self.snapshot;
        let rows = self.rows.clone();
        let mut writer = ChunkWriter::new(descriptor, rows.len()).map_err(refused)?;
        match column {
            Column::Id => {
                let (first, last) = (rows.start as i32, rows.end as i32 - 1);
                writer.set_statistics(Statistics::int32(
                    Some(first),
                    Some(last),
                    None,
                    Some(0),
                    false,
                ));
                self.packed(&mut writer, 32, |row| row as u64)
            }
            Column::Address => {
                let here = &snapshot.addresses()[rows];
                let (least, most) = (here.iter().min(), here.iter().max());
                writer.set_statistics(Statistics::int64(
                    least.map(|&address| address as i64),
                    most.map(|&address| address as i64),
                    None,
                    Some(0),
                    false,
                ));
                self.packed(&mut writer, 64, |row| snapshot.addresses()[row])
            }
            Column::Type => self.types(&mut writer),
            Column::TypeId => self.type_ids(&mut writer),
            Column::Size => self.plain(&mut writer, |row, out| {
                out.extend_from_slice(&snapshot.size(NodeId::from_index(row)).to_le_bytes());
            }),
            Column::Refcount => self.plain(&mut writer, |row, out| {
                out.extend_from_slice(&snapshot.refcounts()[row].to_le_bytes());
            }),
            Column::Flags => self.plain(&mut writer, |row, out| {
                out.extend_from_slice(&u32::from(snapshot.all_flags()[row].0).to_le_bytes());
            }),
            Column::Name => self.text(&mut writer, snapshot.names()),
            Column::Value => self.text(&mut writer, snapshot.values()),
            Column::Hash => self.numbers(&mut writer, snapshot.hashes()),
            Column::NativeSize => self.numbers(&mut writer, snapshot.native_sizes()),
            Column::Root => self.roots(&mut writer),
            Column::Referents => self.referents(&mut writer),
            Column::Labels => return self.labels(writer),
        }
        .map_err(refused)?;
        writer.close().map_err(refused)
    }

    fn extra(&self, extra: &Extra<'_>, descriptor: ColumnDescPtr) -> Result<Chunk, DumpError> {
        let mut writer = ChunkWriter::new(descriptor, self.rows.len()).map_err(refused)?;
        match extra.values {
            ExtraValues::Numbers(all) => self.plain(&mut writer, |row, out| {
                out.extend_from_slice(&all[row].to_le_bytes());
            }),
            ExtraValues::Nodes(all) => self.nodes(&mut writer, all),
        }
        .map_err(refused)?;
        writer.close().map_err(refused)
    }

    fn pages(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let end = self.rows.end;
        self.rows.clone().step_by(PAGE_VALUES).map(move |from| from..(from + PAGE_VALUES).min(end))
    }

    /// Numbers that ascend, or nearly: packed differences.
    fn packed(
        &self,
        writer: &mut ChunkWriter,
        bits: u32,
        value: impl Fn(usize) -> u64,
    ) -> Result<(), ParquetError> {
        for page in self.pages() {
            writer.data(page.len(), &[], &[], Encoding::DELTA_BINARY_PACKED, |out| {
                bits::put_delta(page.map(&value), bits, out);
            })?;
        }
        Ok(())
    }

    /// Numbers of which few are distinct: plain, so that compression finds them.
    fn plain(
        &self,
        writer: &mut ChunkWriter,
        put: impl Fn(usize, &mut Vec<u8>),
    ) -> Result<(), ParquetError> {
        for page in self.pages() {
            writer.data(page.len(), &[], &[], Encoding::PLAIN, |out| {
                page.for_each(|row| put(row, out));
            })?;
        }
        Ok(())
    }

    /// The place in a dictionary of each of this group's rows; `NONE` for a null.
    fn places(
        &self,
        writer: &mut ChunkWriter,
        places: &[u32],
        optional: bool,
    ) -> Result<(), ParquetError> {
        let mut present = Vec::new();
        let mut levels = Vec::new();
        for page in places.chunks(PAGE_VALUES) {
            let values = if optional {
                levels.clear();
                levels.extend(page.iter().map(|&place| u8::from(place != NONE)));
                present.clear();
                present.extend(page.iter().copied().filter(|&place| place != NONE));
                &present
            } else {
                page
            };
            writer.data(page.len(), &[], &levels, Encoding::RLE_DICTIONARY, |out| {
                bits::put_places(values, out);
            })?;
        }
        Ok(())
    }

    fn types(&self, writer: &mut ChunkWriter) -> Result<(), ParquetError> {
        let mut dictionary = Texts::default();
        let mut known = vec![NONE; self.snapshot.types().len()];
        let places: Vec<u32> = self.snapshot.type_ids()[self.rows.clone()]
            .iter()
            .map(|id| {
                let place = &mut known[id.index()];
                if *place == NONE {
                    *place = dictionary.place(&self.snapshot.types()[id.index()].full_name());
                }
                *place
            })
            .collect();
        writer.dictionary(dictionary.count, &dictionary.plain)?;
        self.places(writer, &places, false)
    }

    fn type_ids(&self, writer: &mut ChunkWriter) -> Result<(), ParquetError> {
        let types = self.snapshot.types();
        let mut known = vec![NONE; types.len()];
        let (mut count, mut plain) = (0, Vec::new());
        let places: Vec<u32> = self.snapshot.type_ids()[self.rows.clone()]
            .iter()
            .map(|id| {
                let Some(node) = types[id.index()].node else {
                    return NONE;
                };
                let place = &mut known[id.index()];
                if *place == NONE {
                    *place = count;
                    count += 1;
                    plain.extend_from_slice(&node.place().to_le_bytes());
                }
                *place
            })
            .collect();
        writer.dictionary(count as usize, &plain)?;
        self.places(writer, &places, true)
    }

    fn text(&self, writer: &mut ChunkWriter, text: &SparseText) -> Result<(), ParquetError> {
        let mut dictionary = Texts::default();
        let mut places = vec![NONE; self.rows.len()];
        for (node, text) in text
            .iter()
            .skip_while(|(node, _)| node.index() < self.rows.start)
            .take_while(|(node, _)| node.index() < self.rows.end)
        {
            places[node.index() - self.rows.start] = dictionary.place(text);
        }
        writer.dictionary(dictionary.count, &dictionary.plain)?;
        self.places(writer, &places, true)
    }

    fn roots(&self, writer: &mut ChunkWriter) -> Result<(), ParquetError> {
        let mut dictionary = Texts::default();
        let mut places = vec![NONE; self.rows.len()];
        for (node, root) in within(self.snapshot.roots(), &self.rows) {
            places[node.index() - self.rows.start] = dictionary.place(&root.to_string());
        }
        writer.dictionary(dictionary.count, &dictionary.plain)?;
        self.places(writer, &places, true)
    }

    fn numbers(
        &self,
        writer: &mut ChunkWriter,
        numbers: &[(NodeId, u64)],
    ) -> Result<(), ParquetError> {
        let mut levels = Vec::new();
        for page in self.pages() {
            let here = within(numbers, &page);
            levels.clear();
            levels.resize(page.len(), 0);
            for (node, _) in here {
                levels[node.index() - page.start] = 1;
            }
            writer.data(page.len(), &[], &levels, Encoding::PLAIN, |out| {
                out.extend(here.iter().flat_map(|(_, number)| number.to_le_bytes()));
            })?;
        }
        Ok(())
    }

    /// A node for some of the rows.
    fn nodes(&self, writer: &mut ChunkWriter, all: &[Option<NodeId>]) -> Result<(), ParquetError> {
        let mut levels = Vec::new();
        for page in self.pages() {
            let here = &all[page.clone()];
            levels.clear();
            levels.extend(here.iter().map(|node| u8::from(node.is_some())));
            writer.data(page.len(), &[], &levels, Encoding::PLAIN, |out| {
                out.extend(here.iter().flatten().flat_map(|node| node.place().to_le_bytes()));
            })?;
        }
        Ok(())
    }

    /// The pages of a list column: ranges of rows, or a part of one long row.
    fn list_pages(&self) -> Vec<ListPage> {
        let starts = self.snapshot.referents().starts();
        let mut pages = Vec::new();
        let mut row = self.rows.start;
        while row < self.rows.end {
            let from = row;
            let mut values = 0;
            while row < self.rows.end && values < PAGE_VALUES {
                let length = (starts[row + 1] - starts[row]) as usize;
                if values > 0 && values + length > MOST_PAGE_VALUES {
                    break;
                }
                values += length.max(1);
                row += 1;
            }
            let edges = starts[from] as usize..starts[row] as usize;
            if values <= MOST_PAGE_VALUES {
                pages.push(ListPage { rows: from..row, edges, continues: false });
                continue;
            }
            for (at, start) in edges.clone().step_by(MOST_PAGE_VALUES).enumerate() {
                let end = (start + MOST_PAGE_VALUES).min(edges.end);
                pages.push(ListPage { rows: from..row, edges: start..end, continues: at > 0 });
            }
        }
        pages
    }

    fn referents(&self, writer: &mut ChunkWriter) -> Result<(), ParquetError> {
        let starts = self.snapshot.referents().starts();
        let targets = self.snapshot.referents().targets();
        let pages = self.list_pages();
        let plain = |page: &ListPage, out: &mut Vec<u8>| {
            out.extend(
                targets[page.edges.clone()].iter().flat_map(|target| target.place().to_le_bytes()),
            );
        };
        let packed = |page: &ListPage, out: &mut Vec<u8>| {
            let places = targets[page.edges.clone()].iter().map(|target| u64::from(target.place()));
            bits::put_delta(places, 32, out);
        };
        // Which is smaller depends on the program: differences where objects
        // lie in the order in which they refer to each other, plain where one
        // class's instances refer to the same few. One page in eight tells.
        let (mut plain_bytes, mut packed_bytes) = (0, 0);
        for page in pages.iter().skip(pages.len() / 2 % SAMPLE_PAGES).step_by(SAMPLE_PAGES) {
            plain_bytes += writer.measure(|out| plain(page, out))?;
            packed_bytes += writer.measure(|out| packed(page, out))?;
        }
        let mut levels = Levels::default();
        for page in &pages {
            levels.fill(page, starts, 1, |_| false);
            let entries = levels.definitions.len();
            let (repetitions, definitions) = (&levels.repetitions, &levels.definitions);
            if packed_bytes < plain_bytes {
                let encoding = Encoding::DELTA_BINARY_PACKED;
                writer
                    .data(entries, repetitions, definitions, encoding, |out| packed(page, out))?;
            } else {
                writer.data(entries, repetitions, definitions, Encoding::PLAIN, |out| {
                    plain(page, out)
                })?;
            }
        }
        Ok(())
    }

    fn labels(&self, mut writer: ChunkWriter) -> Result<Chunk, DumpError> {
        let starts = self.snapshot.referents().starts();
        let labels = self.snapshot.labels();
        let table = self.snapshot.label_table();
        let edges = starts[self.rows.start] as usize..starts[self.rows.end] as usize;

        let mut dictionary = Texts::default();
        let mut entries = vec![NONE; table.len()];
        let mut items: Vec<u32> = Vec::new();
        let mut places = Vec::with_capacity(edges.len());
        for &label in &labels[edges.clone()] {
            let known = match (label.as_item(), label.as_entry()) {
                (Some(item), _) => {
                    let item = item as usize;
                    if item >= MOST_DICTIONARY_INDEX {
                        places.push(NONE);
                        continue;
                    }
                    if item >= items.len() {
                        items.resize(item + 1, NONE);
                    }
                    &mut items[item]
                }
                (None, entry) => &mut entries[entry.unwrap_or(0) as usize],
            };
            if *known == NONE
                && dictionary.count < MOST_DICTIONARY_LABELS
                && dictionary.plain.len() < MOST_DICTIONARY_BYTES
            {
                *known = dictionary.push(&stored(self.snapshot, label)?);
            }
            places.push(*known);
        }
        writer.dictionary(dictionary.count, &dictionary.plain).map_err(refused)?;

        let unnamed = |row: usize| {
            let row = starts[row] as usize..starts[row + 1] as usize;
            !row.is_empty() && labels[row].iter().all(|&label| is_unnamed(label))
        };
        let mut levels = Levels::default();
        let mut present = Vec::new();
        for page in self.list_pages() {
            levels.fill(&page, starts, 2, unnamed);
            let here = page.edges.start - edges.start..page.edges.end - edges.start;
            let mut here = &places[here];
            let mut these = &labels[page.edges.clone()];
            let kept: Vec<LabelId>;
            if levels.nulls {
                // What stands in a null list is not there.
                let rows = page.rows.clone().filter(|&row| !unnamed(row));
                present.clear();
                let mut left = Vec::new();
                for row in rows {
                    let row = (starts[row] as usize).max(page.edges.start)
                        ..(starts[row + 1] as usize).min(page.edges.end);
                    left.extend_from_slice(&labels[row.clone()]);
                    present
                        .extend_from_slice(&places[row.start - edges.start..row.end - edges.start]);
                }
                kept = left;
                here = &present;
                these = &kept;
            }
            let entries = levels.definitions.len();
            if entries == 0 {
                continue; // a null list that is as long as several pages
            }
            let (repetitions, definitions) = (&levels.repetitions, &levels.definitions);
            if here.contains(&NONE) {
                let mut plain = Texts::default();
                for &label in these {
                    plain.push(&stored(self.snapshot, label)?);
                }
                writer.data(entries, repetitions, definitions, Encoding::PLAIN, |out| {
                    out.extend_from_slice(&plain.plain);
                })
            } else {
                writer.data(entries, repetitions, definitions, Encoding::RLE_DICTIONARY, |out| {
                    bits::put_places(here, out);
                })
            }
            .map_err(refused)?;
        }
        writer.close().map_err(refused)
    }
}

fn is_unnamed(label: LabelId) -> bool {
    label == snakeroot::snapshot::LabelTable::UNNAMED
}

/// A label's stored form, if it can be read back.
fn stored(snapshot: &Snapshot, label: LabelId) -> Result<String, DumpError> {
    let label = snapshot.label_table().get(label);
    let stored = label.to_stored();
    if Label::from_stored(&stored).as_ref() != Some(&label) {
        let reason = format!("the label {label:?} would be read back as another one");
        return Err(DumpErrorKind::Unstorable { reason }.into());
    }
    Ok(stored)
}

/// The pairs whose nodes are within `rows`.
fn within<'a, T>(pairs: &'a [(NodeId, T)], rows: &Range<usize>) -> &'a [(NodeId, T)] {
    let from = pairs.partition_point(|(node, _)| node.index() < rows.start);
    let to = pairs.partition_point(|(node, _)| node.index() < rows.end);
    &pairs[from..to]
}

/// One page of a list column.
struct ListPage {
    rows: Range<usize>,
    /// Where its values lie among all edges.
    edges: Range<usize>,
    /// Whether it goes on with a row that an earlier page began.
    continues: bool,
}

/// The levels of one page of a list column.
#[derive(Default)]
struct Levels {
    repetitions: Vec<u8>,
    definitions: Vec<u8>,
    /// Whether some list is null.
    nulls: bool,
}

impl Levels {
    /// `item` is the definition level of a value; one below stands for an empty
    /// list and, where `is_null` says so, 0 for none at all.
    fn fill(&mut self, page: &ListPage, starts: &[u64], item: u8, is_null: impl Fn(usize) -> bool) {
        self.repetitions.clear();
        self.definitions.clear();
        self.nulls = false;
        for row in page.rows.clone() {
            let length = (starts[row + 1].min(page.edges.end as u64)
                - starts[row].max(page.edges.start as u64)) as usize;
            if is_null(row) {
                self.nulls = true;
                if !page.continues {
                    self.repetitions.push(0);
                    self.definitions.push(0);
                }
                continue;
            }
            self.repetitions.push(u8::from(page.continues));
            match length {
                0 => self.definitions.push(item - 1),
                1 => self.definitions.push(item),
                _ => {
                    self.repetitions.resize(self.repetitions.len() + length - 1, 1);
                    self.definitions.resize(self.definitions.len() + length, item);
                }
            }
        }
    }
}

/// Texts in Parquet's plain encoding, each known by its place.
#[derive(Default)]
struct Texts {
    count: usize,
    plain: Vec<u8>,
    known: HashMap<Box<str>, u32>,
}

impl Texts {
    /// Adds a text without asking whether it is there already.
    fn push(&mut self, text: &str) -> u32 {
        self.plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(text.as_bytes());
        self.count += 1;
        self.count as u32 - 1
    }

    /// The place of a text, which is added if it is new.
    fn place(&mut self, text: &str) -> u32 {
        if let Some(&place) = self.known.get(text) {
            return place;
        }
        let place = self.push(text);
        self.known.insert(text.into(), place);
        place
    }
}
