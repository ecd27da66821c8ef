//! Files that are whole and well-formed Parquet, but for one column.

use std::io::Cursor;

use parquet::basic::Encoding;
use snakeroot::{Graph, Snapshot};

use crate::columns::Column;
use crate::pages::ChunkWriter;
use crate::save::write_chunks;

/// What is said of a dump of two objects and an edge in which one column is
/// what `fill` writes.
fn said(column: Column, fill: impl Fn(&mut ChunkWriter) + Sync) -> String {
    let graph = Graph::from_notation("root -> a").unwrap();
    read_with(graph.snapshot(), column, fill).unwrap_err()
}

fn read_with(
    snapshot: &Snapshot,
    wrong: Column,
    fill: impl Fn(&mut ChunkWriter) + Sync,
) -> Result<Snapshot, String> {
    let mut bytes = Vec::new();
    write_chunks(snapshot, &[], &mut bytes, |group, column, descriptor| {
        if column != wrong {
            return group.chunk(column, descriptor);
        }
        let mut writer = ChunkWriter::new(descriptor, snapshot.node_count()).unwrap();
        fill(&mut writer);
        Ok(writer.close().unwrap())
    })
    .unwrap();
    crate::read(Cursor::new(bytes)).map_err(|error| error.to_string())
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn texts(texts: &[&[u8]]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes()[..], text].concat()).collect()
}

/// Fills a column with one plain page.
fn page<'a>(
    definitions: &'a [u8],
    repetitions: &'a [u8],
    entries: usize,
    plain: &'a [u8],
) -> impl Fn(&mut ChunkWriter) + Sync + 'a {
    move |writer| {
        writer
            .data(entries, repetitions, definitions, Encoding::PLAIN, |out| {
                out.extend_from_slice(plain);
            })
            .unwrap();
    }
}

#[track_caller]
fn expect(said: String, words: &[&str]) {
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

#[test]
fn a_column_that_is_right_is_read_whatever_its_encoding() {
    let graph = Graph::from_notation("root -> a").unwrap();
    read_with(graph.snapshot(), Column::Id, page(&[], &[], 2, &words(&[0, 1]))).unwrap();
}

#[test]
fn ids_that_are_not_the_rows_are_refused() {
    let text = said(Column::Id, page(&[], &[], 2, &words(&[0, 7])));
    expect(text, &["column id, row group 0", "expected 1 in row 1, found 7"]);
}

#[test]
fn references_beyond_the_last_row_are_refused() {
    for place in [2, u32::MAX] {
        let text = said(Column::Referents, page(&[1, 0], &[0, 0], 2, &words(&[place])));
        expect(text, &["column referents", "expected a row below 2", &place.to_string()]);
        let text = said(Column::TypeId, page(&[1, 0], &[], 2, &words(&[place])));
        expect(text, &["column type_id", "expected a row below 2", &place.to_string()]);
    }
}

#[test]
fn addresses_that_run_back_are_refused() {
    let plain = [0x2000_u64, 0x1000].map(u64::to_le_bytes).concat();
    let text = said(Column::Address, page(&[], &[], 2, &plain));
    expect(text, &["column address", "0x1000 after 0x2000 at row 1"]);
}

#[test]
fn lists_that_do_not_fit_the_rows_are_refused() {
    let more = said(Column::Referents, page(&[1, 1, 1], &[0, 0, 0], 3, &words(&[1, 1, 1])));
    expect(more, &["column referents", "expected 2 rows, found 3"]);
    let amid = said(Column::Referents, page(&[1, 1], &[1, 0], 2, &words(&[1, 1])));
    expect(amid, &["column referents", "expected an item of a list"]);
    let longer = texts(&[b"[0]", b"[1]"]);
    let longer = said(Column::Labels, page(&[2, 2, 1], &[0, 1, 0], 3, &longer));
    expect(longer, &["column labels", "expected 1", "in row 0, found 2"]);
}

#[test]
fn texts_that_are_none_are_refused() {
    let type_name = said(Column::Type, page(&[], &[], 2, &texts(&[b"a\xff", b"b"])));
    expect(type_name, &["column type", "expected UTF-8"]);
    let unknown = said(Column::Type, page(&[], &[], 2, &texts(&[b"no.such", b"object"])));
    expect(unknown, &["column type", "\"no.such\"", "row 0"]);
    let root = said(Column::Root, page(&[1, 0], &[], 2, &texts(&[b"nobody"])));
    expect(root, &["column root", "expected the kind of a root", "nobody"]);
    let label = said(Column::Labels, page(&[2, 1], &[0, 0], 2, &texts(&[b"what"])));
    expect(label, &["column labels", "expected a label", "what"]);
    let cut = said(Column::Name, page(&[1, 0], &[], 2, &words(&[100])));
    expect(cut, &["column name", "a text: expected 100 bytes, found 0"]);
}

#[test]
fn values_that_are_missing_or_too_many_are_refused() {
    let few = said(Column::Size, page(&[], &[], 2, &[0; 8]));
    expect(few, &["column size", "expected 16 bytes, found 8"]);
    let many = said(Column::Size, page(&[], &[], 3, &[0; 24]));
    expect(many, &["column size", "expected at most 2 entries in a page, found 3"]);
    let short = said(Column::Size, page(&[], &[], 1, &[0; 8]));
    expect(short, &["column size", "expected 2 entries, found 1"]);
    let wide = said(Column::Flags, page(&[], &[], 2, &words(&[0, 1 << 16])));
    expect(wide, &["column flags", "expected 16 bits, found 0x10000"]);
    let level = said(Column::Root, page(&[3, 0], &[], 2, &[]));
    expect(level, &["column root"]);
}

#[test]
fn places_outside_a_dictionary_are_refused() {
    let text = said(Column::Type, |writer| {
        writer.dictionary(1, &texts(&[b"object"])).unwrap();
        let fill = |out: &mut Vec<u8>| crate::bits::put_places(&[0, 1], out);
        writer.data(2, &[], &[], Encoding::RLE_DICTIONARY, fill).unwrap();
    });
    expect(text, &["column type", "expected places below 1 in its dictionary, found 1"]);
}

#[test]
fn an_encoding_that_is_not_known_is_named() {
    let text = said(Column::Size, |writer| {
        writer.data(2, &[], &[], Encoding::BYTE_STREAM_SPLIT, |_| ()).unwrap();
    });
    expect(text, &["column size", "BYTE_STREAM_SPLIT"]);
}
