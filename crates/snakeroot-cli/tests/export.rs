//! The verb `export` and CSV: what is written, when it is refused, and that it says what JSON says.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use snakeroot::snapshot::Info;
use snakeroot::{Graph, Snapshot, analysis};

fn dump() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.join("../../fixtures/dumps/small-1.heap.parquet").display().to_string()
}

/// The status, what was printed and what was said of errors; `DUMP` and `DIR` stand for the paths.
fn run_in(folder: &Path, arguments: &str) -> (u8, String, String) {
    let folder = folder.display().to_string();
    let words = std::iter::once("snakeroot").chain(arguments.split(' '));
    let words = words.map(|word| word.replace("DUMP", &dump()).replace("DIR", &folder));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = words.map(OsString::from);
    let status = snakeroot_cli::run_with(args, None, &mut out, &mut err);
    let text = |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&dump(), "DUMP").replace(&folder, "DIR")
    };
    (status, text(out), text(err))
}

#[track_caller]
fn answer_in(folder: &Path, arguments: &str) -> String {
    let (status, out, err) = run_in(folder, arguments);
    assert_eq!((status, err.as_str()), (0, ""));
    out
}

#[track_caller]
fn answer(arguments: &str) -> String {
    answer_in(Path::new("nowhere"), arguments)
}

#[track_caller]
fn refusal(arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, err) = run_in(folder.path(), arguments);
    assert_eq!((status, out.as_str()), (2, ""));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    err
}

/// Saves a drawn heap.
fn save(folder: &Path, name: &str, drawn: &str, pid: u32) {
    let mut parts = Graph::parts_from_notation(drawn).unwrap();
    parts.info = Info { pid, ..Info::default() };
    snakeroot_dump::save(&Snapshot::new(parts).unwrap(), &folder.join(name)).unwrap();
}

#[test]
fn help_says_what_it_takes() {
    insta::assert_snapshot!("help", answer("export --help"));
}

#[test]
fn each_form_is_written_whole_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let forms = ["heapsnapshot", "parquet", "jsonl", "graphml", "dot"];
    let mut said = String::new();
    for form in forms {
        let text = answer_in(folder.path(), &format!("export DUMP --to {form} -o DIR/{form}"));
        // How well a file is compressed is no promise.
        said.push_str(text.rsplit_once(", ").unwrap().0);
        said.push('\n');
        let by_name = answer_in(folder.path(), &format!("export DUMP -o DIR/by_name.{form}"));
        assert!(by_name.contains("by_name"), "{by_name}");
        let (one, other) = (folder.path().join(form), folder.path().join("by_name"));
        let (one, other) = (fs::read(one).unwrap(), fs::read(other.with_extension(form)).unwrap());
        assert!(one == other, "{form}");
        if form != "parquet" {
            let printed = answer(&format!("export DUMP --to {form} -o -"));
            assert!(printed.into_bytes() == one, "{form}");
        }
    }
    insta::assert_snapshot!("said", said);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * forms.len());
    let told = answer_in(folder.path(), "export DUMP -o DIR/a.jsonl --json");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["schema"], "snakeroot.export/1");
    assert_eq!((&told["nodes"], &told["left_out"]), (&16.into(), &0.into()));
    let bytes = fs::metadata(folder.path().join("a.jsonl")).unwrap().len();
    assert_eq!(told["bytes"], bytes);
}

#[test]
fn columns_are_our_answers_and_the_dump_is_still_one() {
    let folder = tempfile::tempdir().unwrap();
    answer_in(folder.path(), "export DUMP --with retained,dominator -o DIR/a.parquet");
    let again = snakeroot_dump::load(&folder.path().join("a.parquet")).unwrap();
    let heap = Graph::new(snakeroot_dump::load(dump().as_ref()).unwrap());
    assert_eq!(again.addresses(), heap.snapshot().addresses());
    let tree = analysis::dominators(&heap);
    let lines = answer("export DUMP --to jsonl --with retained --with dominator -o -");
    for (node, line) in heap.snapshot().nodes().zip(lines.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["retained"], tree.retained_size(node));
        let dominator = tree.immediate_dominator(node).map(|node| node.place());
        assert_eq!(line["dominator"], Value::from(dominator));
    }
    // The answers about the exported dump are those about the first.
    let top = |file: &str| answer_in(folder.path(), &format!("top {file} --json"));
    assert_eq!(top("DIR/a.parquet"), top("DUMP"));
}

#[test]
fn ids_stay_from_one_heapsnapshot_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "1", "root -> a@T -> b@T -> c@T", 7);
    save(folder.path(), "2", "root -> a@T -> b@U -> c@T; c -> d@T", 7);
    save(folder.path(), "other", "root -> a@T -> b@T -> c@T", 8);
    let ids = |arguments: &str| -> Vec<u64> {
        let text = answer_in(folder.path(), &format!("export {arguments} --to heapsnapshot -o -"));
        let value: Value = serde_json::from_str(&text).unwrap();
        let nodes = value["nodes"].as_array().unwrap();
        let first = 1 + nodes[4].as_u64().unwrap() as usize; // after the root and its categories
        nodes.chunks(7).skip(first).map(|node| node[2].as_u64().unwrap()).collect()
    };
    let (one, two) = (ids("DIR/1"), ids("DIR/2 --since DIR/1"));
    assert_eq!(one.len(), 4);
    assert_eq!([two[0], two[1], two[3]], [one[0], one[1], one[3]]);
    assert!(!one.contains(&two[2]) && !one.contains(&two[4]));
    let (status, _, err) =
        run_in(folder.path(), "export DIR/2 --since DIR/other -o DIR/a.heapsnapshot");
    assert_eq!(status, 2);
    assert!(err.contains("--since: the heaps are of two processes (pid 8 and pid 7)"), "{err}");
    assert!(!folder.path().join("a.heapsnapshot").exists());
}

#[test]
fn what_does_not_go_together_is_refused_before_the_heap_is_read() {
    let none = "export none.heap.parquet";
    assert_eq!(
        refusal(&format!("{none} -o DIR/a.txt")),
        "snakeroot: DIR/a.txt: expected --to with one of heapsnapshot, parquet, jsonl, graphml, dot, \
         or a name that ends so\n"
    );
    assert_eq!(
        refusal(&format!("{none} -o DIR/a.dot --with retained")),
        "snakeroot: --with: expected --to parquet or jsonl, found dot\n"
    );
    assert_eq!(
        refusal(&format!("{none} -o DIR/a.jsonl --since DUMP")),
        "snakeroot: --since: expected --to heapsnapshot, found jsonl\n"
    );
    assert_eq!(
        refusal(&format!("{none} -o DIR/a.heapsnapshot --id 3")),
        "snakeroot: --type, --address and --id: expected --to graphml or dot, found heapsnapshot\n"
    );
    assert_eq!(
        refusal(&format!("{none} --to parquet -o -")),
        "snakeroot: -o -: expected a file for parquet, which is no text\n"
    );
    assert_eq!(
        refusal(&format!("{none} -o DIR/no/a.dot")),
        "snakeroot: DIR/no/a.dot: the folder DIR/no does not exist\n"
    );
    assert_eq!(
        refusal(&format!("{none} --to dot -o DIR")),
        "snakeroot: DIR: expected a file, found a directory\n"
    );
    assert_eq!(
        refusal(&format!("{none} -o DIR/a.dot")),
        "snakeroot: none.heap.parquet: no such file\n"
    );
    assert!(refusal("export DUMP -o DIR/a.dot --id 3 --type dict").contains("cannot be used with"));
    assert!(refusal("export DUMP -o DIR/a.dot --id 3 --nth 2").contains("cannot be used with"));
    assert!(refusal("export DUMP -o DIR/a.dot --nth 2").contains("--type"));
    assert!(refusal("export DUMP --to hprof -o DIR/a").contains("possible values: heapsnapshot"));
    assert!(
        refusal("export DUMP -o DIR/a.dot --id 99").contains("expected an id below 16, found 99")
    );
    assert!(refusal("export DUMP -o DIR/a.dot --depth 2").contains("--type"));
}

#[test]
fn a_picture_of_a_large_heap_needs_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<String> = (0..6_000).map(|at| format!("n{at}")).collect();
    save(folder.path(), "large", &format!("root -> all@list -> {}", items.join(" ")), 7);
    let (status, out, err) = run_in(folder.path(), "export DIR/large -o DIR/a.dot");
    assert_eq!((status, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "snakeroot: dot: expected a part of at most 5,000 objects, found a whole heap of 6,002: \
         name an object to begin with with --type, --address or --id\n"
    );
    let (_, _, err) =
        run_in(folder.path(), "export DIR/large -o DIR/a.dot --type list --too-many 5500");
    assert!(
        err.contains("dot: expected at most 5,000 objects, found 5,001 or more around: take"),
        "{err}"
    );
    let said = answer_in(folder.path(), "export DIR/large -o DIR/a.dot --type list");
    assert!(said.contains("a.dot: 12 objects, 11 references"), "{said}");
    let said = answer_in(folder.path(), "export DIR/large -o DIR/a.graphml");
    assert!(said.contains("a.graphml: 6,002 objects, 6,001 references"), "{said}");
    let said = answer_in(
        folder.path(),
        "export DIR/large -o DIR/b.graphml --type list --direction referrers",
    );
    assert!(said.contains("b.graphml: 2 objects, 1 references"), "{said}");
}

#[test]
fn graphml_is_well_formed_and_has_all_nodes_and_references() {
    let text = answer("export DUMP --to graphml -o -");
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = true;
    let (mut nodes, mut edges, mut open) = (Vec::new(), 0, 0);
    loop {
        let attribute = |start: &quick_xml::events::BytesStart<'_>, name: &str| {
            let found = start.try_get_attribute(name).unwrap().unwrap();
            found.unescape_value().unwrap().into_owned()
        };
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                open += 1;
                match start.name().as_ref() {
                    b"node" => nodes.push(attribute(&start, "id")),
                    b"edge" => {
                        edges += 1;
                        assert!(nodes.contains(&attribute(&start, "source")));
                        assert!(nodes.contains(&attribute(&start, "target")));
                    }
                    _ => {}
                }
            }
            Event::End(_) => open -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    let heap = snakeroot_dump::load(dump().as_ref()).unwrap();
    assert_eq!((nodes.len(), edges, open), (heap.node_count(), heap.edge_count(), 0));
}

#[test]
#[allow(clippy::print_stderr)] // a test that cannot run says so
fn graphviz_takes_the_dot() {
    if Command::new("dot").arg("-V").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no dot (Graphviz)");
        return;
    }
    for arguments in ["", " --type app.Session --direction referrers"] {
        let text = answer(&format!("export DUMP --to dot -o -{arguments}"));
        let mut dot = Command::new("dot");
        let dot = dot.arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = dot.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty());
    }
}

/// A place to write to that gives one error.
struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is() {
    for rest in
        ["export DUMP -o - --to heapsnapshot", "export DUMP -o - --to jsonl", "types DUMP --csv"]
    {
        let ask = |kind| {
            let words = std::iter::once("snakeroot").chain(rest.split(' '));
            let args = words.map(|word| OsString::from(word.replace("DUMP", &dump())));
            let mut err = Vec::new();
            let status = snakeroot_cli::run_with(args, None, &mut Closed(kind), &mut err);
            (status, String::from_utf8(err).unwrap())
        };
        assert_eq!(ask(io::ErrorKind::BrokenPipe), (0, String::new()), "{rest}");
        let (status, err) = ask(io::ErrorKind::StorageFull);
        assert_eq!(status, 2);
        assert!(err.starts_with("snakeroot: the answer could not be written"), "{err}");
    }
}

/// A cell as JSON: what its column has.
fn as_json(cell: &str, like: &Value) -> Value {
    match like {
        Value::Null if cell.is_empty() => Value::Null,
        Value::String(_) => cell.into(),
        _ => serde_json::from_str(cell).unwrap_or_else(|_| Value::from(cell)),
    }
}

#[test]
fn csv_read_back_is_the_json() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "1", "app@module!module -> a@T:50 -> b@T; app -> tmp@U:7", 7);
    save(folder.path(), "2", "app@module!module -> a@T:50 -> c@T:90; c -> d@V; c -> e@V -> c", 7);
    save(folder.path(), "3", "app@module!module -> a@T:50 -> c@T:90; c -> d@V; c -> e@V -> c", 7);
    for (arguments, list) in [
        ("types DUMP", "types"),
        ("types DUMP --limit 2 --by count", "types"),
        ("top DUMP", "top"),
        ("roots DUMP", "roots"),
        ("modules DUMP", "modules"),
        ("objects DUMP", "groups"),
        ("objects DUMP --by size", "groups"),
        ("objects DUMP --by referrers", "groups"),
        ("objects DUMP --by via", "groups"),
        ("cycles DIR/2", "cycles"),
        ("suspects DUMP", "suspects"),
        ("diff DIR/1 DIR/2", "types"),
        ("diff DIR/1 DIR/2 --order retained --by module", "modules"),
        ("diff DIR/1 DIR/2 --by dominator", "dominators"),
        ("diff DIR/1 DIR/2 DIR/3", "types"),
        ("diff DIR/1 DIR/2 DIR/3 --by module", "modules"),
        ("diff DIR/1 DIR/2 DIR/3 --by dominator", "dominators"),
    ] {
        let text = |form: &str| {
            let (status, out, err) = run_in(folder.path(), &format!("{arguments} {form}"));
            assert_eq!((status, err.as_str()), (0, ""), "{arguments}");
            out
        };
        let json: Value = serde_json::from_str(&text("--json")).unwrap();
        let rows = json[list].as_array().unwrap();
        let csv = text("--csv");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().unwrap().clone();
        let mut count = 0;
        for (record, row) in reader.records().zip(rows) {
            let record = record.unwrap();
            for (column, cell) in header.iter().zip(&record) {
                let expected = row.pointer(&format!("/{}", column.replace('.', "/")));
                let expected = expected.unwrap_or(&Value::Null);
                assert_eq!(&as_json(cell, expected), expected, "{arguments}: {column}");
            }
            count += 1;
        }
        assert_eq!(count, rows.len(), "{arguments}");
        assert!(count > 0, "{arguments}: nothing to compare");
        // Each column stands in some row's JSON, unless it was not asked for.
        for column in header.iter().filter(|column| !column.contains('.')) {
            assert!(rows[0].get(column).is_some(), "{arguments}: no {column}");
        }
    }
    insta::assert_snapshot!("types", answer("types DUMP --csv --limit 3"));
    assert!(refusal("types DUMP --csv --json").contains("cannot be used with"));
}
