//! A file that is not as it should be is an error with a place: never a panic.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use common::{bytes_of, small_heap};
use parquet::data_type::Int32Type;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use snakeroot_dump::{DumpErrorKind, load, read, save};

/// What is said of a file with these bytes, without the path.
fn said(bytes: &[u8]) -> String {
    let error = read(Cursor::new(bytes.to_vec())).unwrap_err();
    error.to_string()
}

/// A Parquet file with one column of numbers, named `column`.
fn foreign(column: &str, keys: &[(&str, &str)]) -> Vec<u8> {
    let schema = format!("message foreign {{ required int32 {column}; }}");
    let keys = keys.iter().map(|(key, value)| KeyValue::new((*key).into(), (*value).to_string()));
    let properties =
        WriterProperties::builder().set_key_value_metadata(Some(keys.collect())).build();
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut writer = group.next_column().unwrap().unwrap();
    writer.typed::<Int32Type>().write_batch(&[1, 2], None, None).unwrap();
    writer.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .expect("the bytes hold what is to be replaced");
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn each_wrong_place_has_its_own_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let sentence = |path: &Path| {
        let error = load(path).unwrap_err();
        assert_eq!(error.path(), Some(path));
        error.to_string().replace(&path.display().to_string(), "FILE")
    };
    assert_eq!(sentence(&at("none")), "FILE: no such file");
    assert_eq!(sentence(folder.path()), "FILE: expected a file, found a directory");
    fs::write(at("empty"), "").unwrap();
    assert_eq!(sentence(&at("empty")), "FILE: expected a heap, found an empty file");
    fs::write(at("text"), "type,count\n").unwrap();
    assert_eq!(
        sentence(&at("text")),
        "FILE: not a heap: expected a dump of snakeroot, meliae, PyHeap, midden, pygco or V8, \
         found \"type,count\\n\""
    );
    #[cfg(unix)]
    assert_eq!(
        sentence(Path::new("/dev/null")),
        "FILE: expected a regular file, found a device, a pipe or a socket"
    );
}

#[test]
fn a_place_that_cannot_be_written_has_its_own_sentence_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let heap = small_heap();
    let error = save(&heap, &folder.path().join("no/such/app.heap.parquet")).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::NoFolder(_)), "{error}");
    assert!(error.to_string().ends_with("does not exist"), "{error}");
    let error = save(&heap, folder.path()).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::Directory), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_fails_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "before").unwrap();
    let error = snakeroot_dump::write_whole(&path, |file| -> Result<(), _> {
        std::io::Write::write_all(file, b"half")?;
        Err(std::io::Error::other("the disk is full").into())
    });
    assert!(error.unwrap_err().to_string().contains("the disk is full"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_leads_to_the_new_heap() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "before").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    save(&small_heap(), &link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(load(&file).unwrap().node_count(), 16);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = bytes_of(&small_heap());
    for end in 1..bytes.len() {
        let text = said(&bytes[..end]);
        assert!(text.contains("cut off") || text.contains("not a heap"), "at {end}: {text}");
    }
}

#[test]
fn a_foreign_parquet_file_is_told_from_a_heap() {
    assert_eq!(
        said(&foreign("id", &[])),
        "a Parquet file, but no heap: expected the key snakeroot.format in its footer"
    );
}

#[test]
fn a_format_that_is_too_new_is_refused_by_name() {
    assert_eq!(
        said(&foreign("id", &[("snakeroot.format", "2")])),
        "written in heap format 2, but this version of snakeroot reads formats up to 1: install a newer one"
    );
}

#[test]
fn a_column_that_is_missing_or_of_another_type_is_named() {
    let keys = [("snakeroot.format", "1"), ("snakeroot.info", "{}"), ("snakeroot.types", "[]")];
    assert_eq!(said(&foreign("id", &keys)), "column address: expected it, found no such column");
    assert_eq!(
        said(&foreign("address", &keys[..])),
        "column id: expected it, found no such column"
    );
    assert_eq!(
        said(&foreign("id", &keys[..1])),
        "the file is damaged: footer: expected the key snakeroot.info, found none"
    );
    assert_eq!(
        said(&foreign("id", &[("snakeroot.format", "one")])),
        "the file is damaged: snakeroot.format: expected a number from 1 on, found \"one\""
    );
}

#[test]
fn a_footer_that_says_something_else_than_the_columns_is_refused() {
    let bytes = bytes_of(&small_heap());
    let types = said(&replaced(&bytes, "[\"app\",\"Session\",3]", "[\"app\",\"Cession\",3]"));
    assert!(types.contains("column type: expected a type of the table"), "{types}");
    assert!(types.contains("\"app.Session\" with type_id 3 in row 9"), "{types}");
    let outside = said(&replaced(&bytes, "[\"app\",\"Session\",3]", "[\"app\",\"Sessi\",399]"));
    assert!(outside.contains("expected a row below 16, found 399"), "{outside}");
    let utf8 = {
        let mut bytes = bytes.clone();
        let at = bytes.windows(8).position(|window| window == b"\"python\"").unwrap();
        bytes[at + 2] = 0xff;
        said(&bytes)
    };
    assert!(utf8.contains("UTF-8") || utf8.contains("utf-8"), "{utf8}");
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn any_changed_bytes_give_a_heap_or_an_error() {
    let whole = bytes_of(&small_heap());
    let mut numbers = Numbers(0x5DEE_CE66_D1CE_4E5B);
    let mut refused = 0;
    for _ in 0..6000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + numbers.below(3) {
            let at = numbers.below(bytes.len());
            bytes[at] = numbers.below(256) as u8;
        }
        refused += usize::from(read(Cursor::new(bytes)).is_err());
    }
    assert!(refused > 3000, "of 6000 damaged files only {refused} were refused");
}
