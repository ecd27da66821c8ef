//! From a file to a snapshot.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::{Repetition, Type};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use serde::de::DeserializeOwned;
use snakeroot::snapshot::{
    Flags, Info, Label, LabelKind, LabelTable, Root, SnapshotParts, SparseText, TypeEntry,
};
use snakeroot::{LabelId, NodeId, Snapshot, TypeId};

use crate::bits::Damage;
use crate::chunks::{self, Decoded, LongWords, Source, Texts, Values, Words};
use crate::columns::{Column, KEY_FORMAT, KEY_INFO, KEY_TYPES};
use crate::error::{DumpError, DumpErrorKind};
use crate::import;

/// The mark at both ends of a Parquet file.
const MARK: &[u8] = b"PAR1";
/// The mark, the footer's length, and the mark.
const LEAST_BYTES: u64 = 12;

/// Rows, and edges, that one byte of a file can stand for.
///
/// A page holds at most 2^17 values and takes more than 40 bytes however well
/// it is compressed, and no row is without 14 columns, no edge without 2. A
/// file that claims more is no dump of ours, and could fill any memory.
const MOST_PER_BYTE: u64 = 2048;

const NONE: u32 = u32::MAX;

/// Reads the snapshot that [`save`](crate::save) wrote, or a heap that another tool did.
///
/// The format is told by the content: our own, or a dump of meliae, PyHeap,
/// midden, pygco or V8, which may be packed by gzip or zstd. What such a format
/// lacks is said in the notices of [`Info`].
///
/// # Errors
///
/// When there is no such file, when it is no heap, and when anything in it is
/// not as it should be.
///
/// # Complexity
///
/// O(V + E) time, one column a core; of another tool's dump, which is read as a
/// stream, O((V + E) log V), one core until the end of the file.
pub fn load(path: &Path) -> Result<Snapshot, DumpError> {
    let open = || -> Result<File, DumpError> {
        let found = fs::metadata(path)?;
        if found.is_dir() {
            return Err(DumpErrorKind::Directory.into());
        }
        if !found.is_file() {
            return Err(DumpErrorKind::Special.into());
        }
        Ok(File::open(path)?)
    };
    open()
        .map_err(|error| match error.kind() {
            DumpErrorKind::Io(inner) if inner.kind() == io::ErrorKind::NotFound => {
                DumpErrorKind::Missing.into()
            }
            DumpErrorKind::Io(inner) if inner.kind() == io::ErrorKind::PermissionDenied => {
                DumpErrorKind::Forbidden(path.to_owned()).into()
            }
            _ => error,
        })
        .and_then(read)
        .map_err(|error| error.at(path))
}

/// Reads a snapshot from anything that has a beginning and an end.
///
/// # Errors
///
/// As [`load`].
///
/// # Complexity
///
/// As [`load`].
pub fn read(mut reader: impl Read + Seek + Send) -> Result<Snapshot, DumpError> {
    let mut mark = Vec::new();
    reader.rewind()?;
    (&mut reader).take(MARK.len() as u64).read_to_end(&mut mark)?;
    if !mark.is_empty() && mark != MARK {
        return import::read(reader);
    }
    let source = Source::new(reader)?;
    // The `parquet` crate parses footers and page headers, and has panicked on
    // damaged ones before: it asserts that offsets are not negative, for one.
    // What it may have left half done is dropped here, so nobody sees it.
    let open = || snakeroot::parallel::run(|| Loader::open(&source)?.snapshot());
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(DumpError::damaged(format!("the Parquet reader gave up: {said}")))
    })
}

struct Loader<'a, R> {
    source: &'a Source<R>,
    metadata: ParquetMetaData,
    info: Info,
    types: Vec<TypeEntry>,
    /// For each of our columns, its place in the file.
    places: [usize; Column::ALL.len()],
    rows: usize,
}

impl<'a, R: Read + Seek + Send> Loader<'a, R> {
    /// Reads the footer and decides whether this is a heap that can be read.
    fn open(source: &'a Source<R>) -> Result<Self, DumpError> {
        let bytes = source.length();
        if bytes == 0 {
            return Err(DumpErrorKind::Empty.into());
        }
        let ends = [source.bytes(0, 4)?, source.bytes(bytes.saturating_sub(4), 4)?];
        if *ends[0] != *MARK {
            return Err(DumpError::damaged("expected the mark PAR1 at its beginning"));
        }
        if *ends[1] != *MARK || bytes < LEAST_BYTES {
            return Err(DumpErrorKind::Truncated { bytes }.into());
        }
        let tail = source.bytes(bytes - 8, 4)?;
        let length = tail.iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte));
        let Some(start) = (bytes - 8).checked_sub(length).filter(|&start| start >= 4) else {
            return Err(DumpError::damaged(format!(
                "footer: expected at most {} bytes, found {length}",
                bytes - LEAST_BYTES
            )));
        };
        let metadata = ParquetMetaDataReader::decode_metadata(&source.bytes(start, length)?)
            .map_err(|error| DumpError::damaged(format!("footer: {}", chunks::said(error))))?;

        let value = |key: &str| -> Option<&str> {
            let pairs = metadata.file_metadata().key_value_metadata()?;
            pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
        };
        let Some(format) = value(KEY_FORMAT) else {
            return Err(DumpErrorKind::Foreign.into());
        };
        match format.parse::<u32>() {
            Ok(found) if found > crate::FORMAT => {
                return Err(DumpErrorKind::TooNew { found }.into());
            }
            Ok(1..) => {}
            _ => {
                return Err(DumpError::damaged(format!(
                    "{KEY_FORMAT}: expected a number from 1 on, found {format:?}"
                )));
            }
        }
        let info = json(KEY_INFO, value(KEY_INFO))?;
        let types: Vec<(Box<str>, Box<str>, Option<u32>)> = json(KEY_TYPES, value(KEY_TYPES))?;

        let rows = metadata
            .row_groups()
            .iter()
            .try_fold(0_u64, |all, group| all.checked_add(u64::try_from(group.num_rows()).ok()?));
        let rows = match rows {
            Some(rows) if rows < NodeId::MAX_NODES && rows / MOST_PER_BYTE <= bytes => {
                rows as usize
            }
            _ => {
                return Err(DumpError::damaged(format!(
                    "footer: expected no more rows than {bytes} bytes can hold, found {}",
                    rows.map_or("more than any file has".into(), |rows| rows.to_string())
                )));
            }
        };
        let types = types
            .into_iter()
            .map(|(module, qualname, node)| {
                let node = node.map(|node| node_below(node, rows)).transpose()?;
                Ok(TypeEntry { module, qualname, node })
            })
            .collect::<Result<_, Damage>>()
            .map_err(|damage| DumpError::damaged(format!("{KEY_TYPES}: {damage}")))?;
        let places = places(&metadata)?;
        Ok(Self { source, metadata, info, types, places, rows })
    }

    fn snapshot(mut self) -> Result<Snapshot, DumpError> {
        let mut parts = SnapshotParts {
            info: std::mem::take(&mut self.info),
            types: std::mem::take(&mut self.types),
            ..SnapshotParts::default()
        };
        let types = &parts.types;
        let this = &self;
        // One task a column; the long ones first.
        let (mut labels, mut referents, mut sizes) =
            (Ok(Labels::default()), Ok(Lists::default()), Ok(Sizes::default()));
        let (mut addresses, mut refcounts, mut flags) = (Ok(vec![]), Ok(vec![]), Ok(vec![]));
        let (mut type_names, mut type_nodes) = (Ok(TypeNames::default()), Ok(vec![]));
        let (mut names, mut values) = (Ok(SparseText::new()), Ok(SparseText::new()));
        let (mut hashes, mut native, mut roots) = (Ok(vec![]), Ok(vec![]), Ok(vec![]));
        let mut ids = Ok(());
        rayon::scope(|scope| {
            scope.spawn(|_| ids = this.check_ids());
            scope.spawn(|_| roots = this.roots());
            scope.spawn(|_| native = this.numbers(Column::NativeSize));
            scope.spawn(|_| hashes = this.numbers(Column::Hash));
            scope.spawn(|_| values = this.text(Column::Value));
            scope.spawn(|_| names = this.text(Column::Name));
            scope.spawn(|_| flags = this.flags());
            scope.spawn(|_| refcounts = this.flat(Column::Refcount, &mut Words, Ok));
            scope.spawn(|_| type_nodes = this.type_nodes());
            scope.spawn(|_| type_names = this.type_names());
            scope.spawn(|_| sizes = this.sizes());
            scope.spawn(|_| addresses = this.flat(Column::Address, &mut LongWords, Ok));
            scope.spawn(|_| labels = this.labels());
            scope.spawn(|_| referents = this.referents());
        });
        ids?;
        let (referents, labels) = (referents?, labels?);
        parts.types_of = resolve(types, type_names?, type_nodes?)?;
        (parts.label_table, parts.labels) = labels.along(&referents.starts)?;
        (parts.starts, parts.targets) = (referents.starts, referents.values);
        (parts.sizes, parts.large_sizes) = sizes?;
        (parts.addresses, parts.refcounts, parts.flags) = (addresses?, refcounts?, flags?);
        (parts.names, parts.values) = (names?, values?);
        (parts.hashes, parts.native_sizes, parts.roots) = (hashes?, native?, roots?);
        Snapshot::new(parts).map_err(|error| DumpError::damaged(error.to_string()))
    }

    /// Reads a column's pages, row group after row group. `take` is given the
    /// first row and the number of rows of the group with each page.
    fn pages<V: Values>(
        &self,
        column: Column,
        values: &mut V,
        mut take: impl FnMut(&Position, Decoded<'_, V::Item>) -> Result<(), Damage>,
        mut end: impl FnMut(&Position) -> Result<(), Damage>,
    ) -> Result<(), DumpError> {
        let mut first = 0;
        let edges = self.source.length().saturating_mul(MOST_PER_BYTE);
        for (at, group) in self.metadata.row_groups().iter().enumerate() {
            let damaged = |damage: Damage| {
                DumpError::damaged(format!("column {}, row group {at}: {damage}", column.name()))
            };
            let rows = group.num_rows() as usize; // not negative: counted in `open`
            let position = Position { first, rows };
            let Some(metadata) = group.columns().get(self.places[column as usize]) else {
                return Err(damaged("expected it, found fewer columns".into()));
            };
            // A column without lists has as many entries as rows, and a list
            // column no more than a file of this size can hold.
            let most = if column.is_list() { edges } else { rows as u64 };
            let mut all = 0;
            let room = |entries: usize| match entries as u64 <= most {
                true => Ok(()),
                false => Err(format!("expected at most {most} entries in a page, found {entries}")),
            };
            let counted = |page: Decoded<'_, V::Item>| {
                all += page.values.len().max(page.definitions.len()) as u64;
                if all > most {
                    return Err(format!("expected at most {most} entries, found {all}"));
                }
                take(&position, page)
            };
            chunks::read_chunk(self.source, metadata, values, room, counted).map_err(damaged)?;
            if !column.is_list() && all != most {
                return Err(damaged(format!("expected {most} entries, found {all}")));
            }
            end(&position).map_err(damaged)?;
            first += rows;
        }
        Ok(())
    }

    /// A column that has a value in every row.
    fn flat<V: Values, T>(
        &self,
        column: Column,
        values: &mut V,
        mut convert: impl FnMut(V::Item) -> Result<T, Damage>,
    ) -> Result<Vec<T>, DumpError> {
        let mut all = Vec::new();
        let take = |position: &Position, page: Decoded<'_, V::Item>| {
            if page.definitions.contains(&0) {
                return Err("expected a value in every row, found a null".into());
            }
            // Room for the whole group once its first page has come, so that
            // nothing is reserved for rows that are only claimed.
            if all.len() == position.first {
                all.reserve(page.values.len());
            }
            for &value in page.values {
                all.push(convert(value)?);
            }
            Ok(())
        };
        self.pages(column, values, take, |_| Ok(()))?;
        Ok(all)
    }

    /// A column that has a value in some rows, each given with its row.
    fn some<V: Values>(
        &self,
        column: Column,
        values: &mut V,
        mut take: impl FnMut(NodeId, V::Item) -> Result<(), Damage>,
    ) -> Result<(), DumpError> {
        let mut row = 0_u32;
        let pages = |_: &Position, page: Decoded<'_, V::Item>| {
            if page.definitions.is_empty() {
                for &value in page.values {
                    take(NodeId::new(row), value)?;
                    row += 1;
                }
                return Ok(());
            }
            if page.values.is_empty() {
                row += page.definitions.len() as u32;
                return Ok(());
            }
            let mut values = page.values.iter();
            for &level in page.definitions {
                if level > 0
                    && let Some(&value) = values.next()
                {
                    take(NodeId::new(row), value)?;
                }
                row += 1;
            }
            Ok(())
        };
        self.pages(column, values, pages, |_| Ok(()))
    }

    fn check_ids(&self) -> Result<(), DumpError> {
        let mut row = 0_u32;
        self.flat(Column::Id, &mut Words, |id| {
            if id != row {
                return Err(format!("expected {row} in row {row}, found {id}"));
            }
            row += 1;
            Ok(())
        })
        .map(drop)
    }

    fn flags(&self) -> Result<Vec<Flags>, DumpError> {
        self.flat(Column::Flags, &mut Words, |flags| {
            let flags =
                u16::try_from(flags).map_err(|_| format!("expected 16 bits, found {flags:#x}"))?;
            Ok(Flags(flags))
        })
    }

    fn sizes(&self) -> Result<Sizes, DumpError> {
        let mut large = Vec::new();
        let mut row = 0_u32;
        let sizes = self.flat(Column::Size, &mut LongWords, |size| {
            let packed = match u32::try_from(size) {
                Ok(size) if size < u32::MAX => size,
                _ => {
                    large.push((NodeId::new(row), size));
                    u32::MAX
                }
            };
            row += 1;
            Ok(packed)
        })?;
        Ok((sizes, large))
    }

    fn numbers(&self, column: Column) -> Result<Vec<(NodeId, u64)>, DumpError> {
        let mut all = Vec::new();
        self.some(column, &mut LongWords, |node, number| {
            all.push((node, number));
            Ok(())
        })?;
        Ok(all)
    }

    fn text(&self, column: Column) -> Result<SparseText, DumpError> {
        let mut texts: Vec<Box<str>> = Vec::new();
        let mut places: Vec<(NodeId, u32)> = Vec::new();
        let mut intern = Texts(|text: &str| {
            texts.push(text.into());
            u32::try_from(texts.len() - 1).map_err(|_| "expected fewer texts".to_string())
        });
        self.some(column, &mut intern, |node, place| {
            places.push((node, place));
            Ok(())
        })?;
        let mut all = SparseText::new();
        for (node, place) in places {
            all.push(node, &texts[place as usize]).expect("rows are read in their order");
        }
        Ok(all)
    }

    fn roots(&self) -> Result<Vec<(NodeId, Root)>, DumpError> {
        let mut texts: Vec<Root> = Vec::new();
        let mut places = Vec::new();
        let mut intern = Texts(|text: &str| {
            let root = Root::from_text(text)
                .ok_or_else(|| format!("expected the kind of a root and words, found {text:?}"))?;
            texts.push(root);
            u32::try_from(texts.len() - 1).map_err(|_| "expected fewer texts".to_string())
        });
        self.some(Column::Root, &mut intern, |node, place| {
            places.push((node, place));
            Ok(())
        })?;
        Ok(places
            .into_iter()
            .map(|(node, place): (NodeId, u32)| (node, texts[place as usize].clone()))
            .collect())
    }

    fn type_names(&self) -> Result<TypeNames, DumpError> {
        let mut names: HashMap<Box<str>, u32> = HashMap::new();
        let mut intern = Texts(|name: &str| {
            if let Some(&place) = names.get(name) {
                return Ok(place);
            }
            let place = names.len() as u32;
            names.insert(name.into(), place);
            Ok(place)
        });
        let of = self.flat(Column::Type, &mut intern, Ok)?;
        Ok(TypeNames { names, of })
    }

    /// The row of each row's type object, `NONE` where there is none.
    fn type_nodes(&self) -> Result<Vec<u32>, DumpError> {
        let mut all = Vec::new();
        self.some(Column::TypeId, &mut Words, |node, type_node| {
            node_below(type_node, self.rows)?;
            all.resize(node.index(), NONE);
            all.push(type_node);
            Ok(())
        })?;
        all.resize(self.rows, NONE);
        Ok(all)
    }

    fn referents(&self) -> Result<Lists<NodeId>, DumpError> {
        let rows = self.rows;
        self.lists(Column::Referents, &mut Words, |place| node_below(place, rows))
    }

    fn labels(&self) -> Result<Labels, DumpError> {
        let mut table = LabelTable::new();
        let mut known: HashMap<Box<str>, LabelId> = HashMap::new();
        let mut intern = Texts(|stored: &str| {
            if stored.is_empty() {
                return Ok(LabelTable::UNNAMED);
            }
            // An index is its own number and needs no table.
            if let Some(digits) = stored.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
                && let Ok(index) = digits.parse::<u32>()
            {
                return Ok(LabelId::item(index));
            }
            if let Some(&label) = known.get(stored) {
                return Ok(label);
            }
            let label = Label::from_stored(stored)
                .ok_or_else(|| format!("expected a label, found {stored:?}"))?;
            debug_assert_ne!(label.kind, LabelKind::Index);
            let id = table.push(label.kind, &label.text);
            known.insert(stored.into(), id);
            Ok(id)
        });
        let lists = self.lists(Column::Labels, &mut intern, Ok)?;
        Ok(Labels { table, lists })
    }

    /// A column that has a list in every row.
    fn lists<V: Values, T>(
        &self,
        column: Column,
        values: &mut V,
        convert: impl Fn(V::Item) -> Result<T, Damage>,
    ) -> Result<Lists<T>, DumpError> {
        let place = self.places[column as usize];
        let descriptor = self.metadata.file_metadata().schema_descr().column(place);
        let most = descriptor.max_def_level() as u8;
        let lists =
            std::cell::RefCell::new(Lists { starts: vec![], values: vec![], nulls: vec![] });
        // Levels: 0 is no list where lists may be null; then an empty list;
        // then an item that is null where items may be; then an item.
        let nullable = descriptor.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
        let empty = most - 1 - u8::from(nullable);
        let take = |_: &Position, page: Decoded<'_, V::Item>| {
            let lists = &mut *lists.borrow_mut();
            let mut converted = page.values.iter();
            for (&repetition, &definition) in page.repetitions.iter().zip(page.definitions) {
                if repetition == 0 {
                    lists.starts.push(lists.values.len() as u64);
                    if definition < empty {
                        lists.nulls.push(lists.starts.len() as u32 - 1);
                    }
                } else if lists.starts.is_empty() || definition <= empty {
                    return Err("expected an item of a list, found none".into());
                }
                if definition == most
                    && let Some(&value) = converted.next()
                {
                    lists.values.push(convert(value)?);
                } else if definition > empty {
                    return Err("expected a value in every list item, found a null".into());
                }
            }
            Ok(())
        };
        let end = |position: &Position| {
            let (expected, found) = (position.first + position.rows, lists.borrow().starts.len());
            if found == expected {
                Ok(())
            } else {
                Err(format!(
                    "expected {} rows, found {}",
                    position.rows,
                    found.wrapping_sub(position.first)
                ))
            }
        };
        self.pages(column, values, take, end)?;
        let mut lists = lists.into_inner();
        lists.starts.push(lists.values.len() as u64);
        Ok(lists)
    }
}

/// Where a row group lies among all rows.
struct Position {
    first: usize,
    rows: usize,
}

/// Packed sizes, and those that do not fit.
type Sizes = (Vec<u32>, Vec<(NodeId, u64)>);

/// A list for each row, end to end.
struct Lists<T> {
    /// Where each row's list starts, and at last where the last one ends.
    starts: Vec<u64>,
    values: Vec<T>,
    /// The rows that have no list, not even an empty one; ascending.
    nulls: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { starts: Vec::new(), values: Vec::new(), nulls: Vec::new() }
    }
}

#[derive(Default)]
struct Labels {
    table: LabelTable,
    lists: Lists<LabelId>,
}

impl Labels {
    /// One label for each edge: a row without a list has unnamed ones.
    fn along(self, starts: &[u64]) -> Result<(LabelTable, Vec<LabelId>), DumpError> {
        let Lists { starts: own, values, nulls } = self.lists;
        if nulls.is_empty() && own == starts {
            return Ok((self.table, values));
        }
        let mut all = Vec::new();
        let mut nulls = nulls.iter().map(|&row| row as usize).peekable();
        for (row, (edges, labels)) in starts.windows(2).zip(own.windows(2)).enumerate() {
            let expected = (edges[1] - edges[0]) as usize;
            if nulls.next_if_eq(&row).is_some() {
                all.resize(all.len() + expected, LabelTable::UNNAMED);
                continue;
            }
            let labels = &values[labels[0] as usize..labels[1] as usize];
            if labels.len() != expected {
                return Err(DumpError::damaged(format!(
                    "column labels: expected {expected} as there are referents in row {row}, found {}",
                    labels.len()
                )));
            }
            all.extend_from_slice(labels);
        }
        Ok((self.table, all))
    }
}

/// The full name of each row's type.
#[derive(Default)]
struct TypeNames {
    names: HashMap<Box<str>, u32>,
    /// The place in `names` for each row.
    of: Vec<u32>,
}

/// The place of each row's type in the table.
fn resolve(
    types: &[TypeEntry],
    names: TypeNames,
    nodes: Vec<u32>,
) -> Result<Vec<TypeId>, DumpError> {
    let mut table: HashMap<(u32, u32), TypeId> = HashMap::new();
    for (at, entry) in types.iter().enumerate() {
        if let Some(&name) = names.names.get(&*entry.full_name()) {
            let node = entry.node.map_or(NONE, NodeId::place);
            table.entry((name, node)).or_insert(TypeId(at as u32));
        }
    }
    // Nearly always all rows with one name have one type.
    let mut last: Vec<Option<(u32, TypeId)>> = vec![None; names.names.len()];
    let mut all = Vec::with_capacity(nodes.len());
    for (row, (&name, &node)) in names.of.iter().zip(&nodes).enumerate() {
        let known = &mut last[name as usize];
        let id = match *known {
            Some((of, id)) if of == node => id,
            _ => {
                let Some(&id) = table.get(&(name, node)) else {
                    let name = names.names.iter().find(|(_, place)| **place == name);
                    return Err(DumpError::damaged(format!(
                        "column type: expected a type of the table {KEY_TYPES}, found {:?} with type_id {} in row {row}",
                        name.map_or("", |(name, _)| name),
                        if node == NONE { "null".into() } else { node.to_string() },
                    )));
                };
                *known = Some((node, id));
                id
            }
        };
        all.push(id);
    }
    Ok(all)
}

#[inline]
fn node_below(place: u32, rows: usize) -> Result<NodeId, Damage> {
    if (place as usize) < rows && place != NONE {
        Ok(NodeId::new(place))
    } else {
        Err(format!("expected a row below {rows}, found {place}"))
    }
}

fn json<T: DeserializeOwned>(key: &str, text: Option<&str>) -> Result<T, DumpError> {
    let text = text
        .ok_or_else(|| DumpError::damaged(format!("footer: expected the key {key}, found none")))?;
    serde_json::from_str(text).map_err(|error| DumpError::damaged(format!("{key}: {error}")))
}

/// Where our columns are in the file, each of the type it must have.
fn places(metadata: &ParquetMetaData) -> Result<[usize; Column::ALL.len()], DumpError> {
    let schema = metadata.file_metadata().schema_descr();
    let mut places = [0; Column::ALL.len()];
    for column in Column::ALL {
        let error = |reason: String| DumpErrorKind::Column { column: column.name().into(), reason };
        let place = (0..schema.num_columns())
            .find(|&at| {
                schema.column(at).path().parts().first().is_some_and(|name| name == column.name())
            })
            .ok_or_else(|| error("expected it, found no such column".into()))?;
        let found = schema.column(place);
        let physical = match column {
            Column::Address | Column::Size | Column::Hash | Column::NativeSize => Type::INT64,
            Column::Type | Column::Name | Column::Value | Column::Root | Column::Labels => {
                Type::BYTE_ARRAY
            }
            _ => Type::INT32,
        };
        let list = column.is_list();
        let (depth, most) = if list { (3, 3) } else { (1, 1) };
        if found.physical_type() != physical
            || found.path().parts().len() != depth
            || found.max_rep_level() != i16::from(list)
            || !(i16::from(list)..=most).contains(&found.max_def_level())
        {
            return Err(error(format!(
                "expected {}{}, found {} at {}",
                if list { "lists of " } else { "" },
                chunks::type_name(physical),
                chunks::type_name(found.physical_type()),
                found.path()
            ))
            .into());
        }
        places[column as usize] = place;
    }
    Ok(places)
}
