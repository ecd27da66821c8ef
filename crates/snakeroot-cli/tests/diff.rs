//! What the verb `diff` says of two heaps and of three.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;
use snakeroot::snapshot::{Info, SparseText};
use snakeroot::{Graph, NodeId, Snapshot};

/// An application at three moments. Objects lie in the order in which they are named first.
const START: &str = "app@module!module -[:__dict__]> d@dict:64 -[[\"CACHE\"]]> cache@dict:64; d -[[\"tmp\"]]> tmp@list:500; \
    t@thread -[frame 0]> f@frame";
const LATER: &str = "app@module!module -[:__dict__]> d@dict:64 -[[\"CACHE\"]]> cache@dict:264; gone:500; \
    cache -[[\"a\"]]> a@app.Session:48; cache -[[\"b\"]]> b@app.Session:48; d -[[\"x\"]]> x@app.Other:16; \
    t@thread -[frame 0]> f@frame";
const LAST: &str = "app@module!module -[:__dict__]> d@dict:64 -[[\"CACHE\"]]> cache@dict:264; gone:500; \
    cache -[[\"a\"]]> a@app.Session:48; cache -[[\"b\"]]> b@app.Session:48; other; d -> y@app.Session:48; \
    t@thread -[frame 0]> f@frame";

/// Writes a drawn heap with the names that a recorded one would have.
fn write(folder: &Path, name: &str, drawn: &str, pid: u32) {
    let mut parts = Graph::parts_from_notation(drawn).unwrap();
    parts.info = Info { pid, ..Info::default() };
    let count = parts.addresses.len();
    let frame = (NodeId::from_index(count - 1), "serve() app.py:12");
    parts.names = SparseText::from_pairs(vec![
        (NodeId::from_index(0), "app"),
        (NodeId::from_index(count - 2), "\"MainThread\""),
        frame,
    ]);
    snakeroot_dump::save(&Snapshot::new(parts).unwrap(), &folder.join(name)).unwrap();
}

/// The status, what was printed and what was said of errors.
fn run(arguments: &[&str]) -> (u8, String, String) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old.heap", START, 7);
    write(folder.path(), "middle.heap", LATER, 7);
    write(folder.path(), "new.heap", LAST, 7);
    write(folder.path(), "other.heap", LAST, 8);
    let path = |argument: &&str| -> OsString {
        let file = folder.path().join(format!("{argument}.heap"));
        if file.exists() { file.into() } else { argument.into() }
    };
    let args = ["snakeroot", "diff"].iter().map(Into::into).chain(arguments.iter().map(path));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = snakeroot_cli::run_with(args, None, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(out), text(err))
}

#[track_caller]
fn answer(arguments: &[&str]) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!((status, err.as_str()), (0, ""));
    out
}

#[test]
fn two_heaps_are_compared_by_type_by_module_and_by_dominator() {
    insta::assert_snapshot!("types", answer(&["old", "middle"]));
    insta::assert_snapshot!("types_two", answer(&["old", "middle", "--order=new", "--limit", "2"]));
    insta::assert_snapshot!("types_retained", answer(&["old", "middle", "--order", "retained"]));
    insta::assert_snapshot!("modules", answer(&["old", "middle", "--by", "module"]));
    insta::assert_snapshot!("dominators", answer(&["old", "middle", "--by", "dominator"]));
    insta::assert_snapshot!("nothing", answer(&["new", "new"]));
}

#[test]
fn three_heaps_show_what_was_kept() {
    insta::assert_snapshot!("kept", answer(&["old", "middle", "new"]));
    insta::assert_snapshot!("kept_by", answer(&["old", "middle", "new", "--by", "dominator"]));
}

#[test]
fn heaps_of_two_processes_are_compared_by_numbers() {
    insta::assert_snapshot!("apart", answer(&["old", "other"]));
    for arguments in [&["old", "other", "--by", "dominator"][..], &["old", "middle", "other"]] {
        let (status, out, err) = run(arguments);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("two processes (pid 7 and pid 8)"), "{err}");
    }
}

#[test]
fn json_has_what_the_tables_have_and_more() {
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&answer(&[arguments, &["--json"]].concat())).unwrap()
    };
    insta::assert_snapshot!(
        "json_types",
        format!("{:#}", json(&["old", "middle", "--limit", "1"]))
    );
    let dominators = json(&["old", "middle", "--by", "dominator"]);
    insta::assert_snapshot!("json_dominators", format!("{:#}", dominators["dominators"]));
    let modules = json(&["old", "middle", "--by", "module", "--order", "retained"]);
    assert_eq!(modules["schema"], "snakeroot.diff/1");
    assert_eq!(modules["modules"][0]["module"], "builtins");
    assert_eq!(modules["modules"][0]["retained"]["change"], 312);
    let apart = json(&["old", "other"]);
    assert_eq!(apart["total"]["new"], Value::Null);
    assert!(apart["notices"][0].as_str().unwrap().contains("two processes"));
    let kept = json(&["old", "middle", "new"]);
    assert_eq!(kept["schema"], "snakeroot.kept/1");
    assert_eq!(kept["types"][1]["count"], 2);
    let holders = json(&["old", "middle", "new", "--by", "dominator"]);
    assert_eq!(holders["dominators"][1]["node"]["type"], "builtins.dict");
    assert_eq!(holders["total"]["count"], kept["total"]["count"]);
}

#[test]
fn help_shows_both_ways_and_one_heap_is_too_few() {
    insta::assert_snapshot!("help", answer(&["--help"]));
    let (status, _, err) = run(&["old"]);
    assert_eq!(status, 2);
    assert!(err.contains("2"), "{err}");
    assert_eq!(run(&["old", "middle", "new", "other"]).0, 2);
}
