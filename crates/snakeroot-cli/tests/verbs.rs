//! What the command says to the golden dump, and to what it cannot use.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::Value;

fn dump() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.join("../../fixtures/dumps/small-1.heap.parquet").display().to_string()
}

/// The status, what was printed and what was said of errors, with the dump's path as `DUMP`.
fn run(arguments: &[&str]) -> (u8, String, String) {
    let args = ["snakeroot"]
        .iter()
        .chain(arguments)
        .map(|argument| OsString::from(argument.replace("DUMP", &dump())));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = snakeroot_cli::run_with(args, None, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&dump(), "DUMP");
    (status, text(out), text(err))
}

/// What is printed when all goes well.
#[track_caller]
fn answer(arguments: &[&str]) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!((status, err.as_str()), (0, ""));
    out
}

/// What is said when it does not.
#[track_caller]
fn refusal(arguments: &[&str]) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!((status, out.as_str()), (2, ""));
    err
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&answer(arguments)).unwrap()
}

#[test]
fn help_names_the_verbs_and_what_each_takes() {
    insta::assert_snapshot!("help", answer(&["--help"]));
    for verb in ["info", "types", "top", "cycles", "why", "suspects", "refs", "backrefs"] {
        insta::assert_snapshot!(format!("help_{verb}"), answer(&[verb, "--help"]));
    }
}

#[test]
fn info_says_what_was_recorded() {
    insta::assert_snapshot!("info", answer(&["info", "DUMP"]));
}

#[test]
fn types_come_by_size_by_count_or_by_what_they_retain() {
    insta::assert_snapshot!("types", answer(&["types", "DUMP"]));
    insta::assert_snapshot!(
        "types_by_count",
        answer(&["types", "DUMP", "--by", "count", "--limit", "2"])
    );
    insta::assert_snapshot!(
        "types_by_retained",
        answer(&["types", "DUMP", "--by", "retained", "--limit", "3"])
    );
}

#[test]
fn top_shows_what_retains_most_below_what_dominates_it() {
    insta::assert_snapshot!("top", answer(&["top", "DUMP"]));
    insta::assert_snapshot!("top_two", answer(&["top", "DUMP", "--limit", "2"]));
}

#[test]
fn cycles_and_garbage_are_told_as_cycles() {
    insta::assert_snapshot!("cycles", answer(&["cycles", "DUMP"]));
    insta::assert_snapshot!("cycles_all", answer(&["cycles", "DUMP", "--machinery"]));
    insta::assert_snapshot!("cycles_garbage", answer(&["cycles", "DUMP", "--garbage"]));
    let text = refusal(&["cycles", "DUMP", "--garbage", "--machinery"]);
    assert!(text.contains("cannot be used with"), "{text}");
}

#[test]
fn cycles_of_a_saved_heap_are_told_as_many_as_were_asked_for() {
    let graph = snakeroot::Graph::from_notation(
        "root -> a@app.Node -[.next]> b@app.Node -[.owner]> a; a -> data:1000
         root -> c@app.Node -[.me]> c; C@type -[:__mro__]> mro@tuple -[[0]]> C; root -> C",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cycles.heap.parquet").display().to_string();
    snakeroot_dump::save(graph.unwrap().snapshot(), path.as_ref()).unwrap();
    let text = answer(&["cycles", &path, "--limit", "1"]);
    for part in [
        "2 cycles, those that retain most first\n\n1. retains 1.0 KiB, 3 objects; in the cycle 32 B, 2 objects\n",
        "break     set .owner of app.Node b to None, or hold it weakly\n\n… 1 more cycle\n",
        "left out: 1 cycle of classes, functions and modules with their own parts (--machinery shows them)\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(answer(&["cycles", &path, "--machinery"]).starts_with("3 cycles"));
    assert_eq!(answer(&["cycles", &path, "--garbage"]), "no garbage\n");
    let value = json(&["cycles", &path, "--limit", "1", "--json"]);
    assert_eq!(value["total"], serde_json::json!({ "cycles": 2, "left_out": 1 }));
    assert_eq!(value["cycles"].as_array().unwrap().len(), 1);
}

#[test]
fn why_shows_the_chains_and_among_how_many_objects_it_chose() {
    insta::assert_snapshot!("why", answer(&["why", "DUMP", "--type", "app.Session"]));
    insta::assert_snapshot!("why_nth", answer(&["why", "DUMP", "--type", "Session", "--nth", "2"]));
    insta::assert_snapshot!(
        "why_address",
        answer(&["why", "DUMP", "--address", "0x7f0000001300", "--limit", "1"])
    );
}

#[test]
fn why_merges_the_chains_of_all_objects_of_a_type_and_leaves_holders_out() {
    insta::assert_snapshot!(
        "why_merged",
        answer(&["why", "DUMP", "--type", "app.Session", "--merge"])
    );
    let value = json(&["why", "DUMP", "--type", "app.Session", "--merge", "--json"]);
    assert_eq!((&value["schema"], &value["members"]), (&"snakeroot.merged/1".into(), &2.into()));

    let asked = ["why", "DUMP", "--address", "0x7f0000001280"];
    assert!(answer(&asked).contains("dict 0x7f0000001200"));
    let left = answer(&[&asked[..], &["--avoid", "0x7f0000001200"]].concat());
    assert_eq!(left, "app.Session 0x7f0000001280 (48 B), GC root: held-from-c 1\n");
    let left = answer(&["why", "DUMP", "--id", "12", "--avoid", "0x7f0000001200", "--limit", "1"]);
    assert!(!left.contains("0x7f0000001200"), "{left}");
    let text = refusal(&["why", "DUMP", "--id", "9", "--merge"]);
    assert!(text.contains("--type"), "{text}");
    let text = refusal(&["why", "DUMP", "--id", "9", "--avoid", "0x10"]);
    assert_eq!(text, "snakeroot: no object at 0x10 in DUMP\n");
}

#[test]
fn suspects_are_told_of_and_may_fail_a_check() {
    insta::assert_snapshot!("suspects", answer(&["suspects", "DUMP"]));
    let status = |more: &[&str]| run(&[&["suspects", "DUMP"], more].concat()).0;
    let largest = json(&["suspects", "DUMP", "--json"])["suspects"][0]["share"].as_f64().unwrap();
    assert!(largest < 1.0);
    assert_eq!(status(&["--fail-over", "10%"]), 1);
    assert_eq!(status(&["--fail-over", "10%", "--json"]), 1);
    assert_eq!(status(&["--fail-over", "1.0"]), 0);
    assert_eq!(status(&["--fail-over", &(largest - 1e-9).to_string()]), 1);
    assert_eq!(status(&["--fail-over", &largest.to_string()]), 0);
    assert_eq!(status(&["--threshold", "50%"]), 0);
    for wrong in ["10", "0", "-1%", "ten", "101%"] {
        let text = refusal(&["suspects", "DUMP", &format!("--fail-over={wrong}")]);
        assert!(text.contains("expected a share from 0.1% to 100%, such as 10% or 0.1"), "{text}");
    }
}

#[test]
fn refs_and_backrefs_list_the_surroundings() {
    insta::assert_snapshot!("refs", answer(&["refs", "DUMP", "--id", "9"]));
    insta::assert_snapshot!("backrefs", answer(&["backrefs", "DUMP", "--id", "12"]));
    insta::assert_snapshot!(
        "backrefs_few",
        answer(&["backrefs", "DUMP", "--id", "12", "--depth", "1", "--too-many", "2"])
    );
}

#[test]
fn json_has_a_shape_with_a_name_and_a_version() {
    let schemas = [
        (vec!["info", "DUMP"], "snakeroot.info/1"),
        (vec!["types", "DUMP"], "snakeroot.types/1"),
        (vec!["top", "DUMP"], "snakeroot.top/1"),
        (vec!["cycles", "DUMP"], "snakeroot.cycles/1"),
        (vec!["why", "DUMP", "--id", "9"], "snakeroot.chains/1"),
        (vec!["suspects", "DUMP"], "snakeroot.suspects/1"),
        (vec!["refs", "DUMP", "--id", "9"], "snakeroot.neighbourhood/1"),
        (vec!["backrefs", "DUMP", "--id", "9"], "snakeroot.neighbourhood/1"),
    ];
    for (mut arguments, schema) in schemas {
        arguments.push("--json");
        assert_eq!(json(&arguments)["schema"], schema);
    }
    let why = json(&["why", "DUMP", "--type", "dict", "--nth", "2", "--json"]);
    assert_eq!(why["object"], serde_json::json!({ "id": 8, "nth": 2, "among": 2 }));
    let types = json(&["types", "DUMP", "--json"]);
    assert_eq!(types["types"][0]["size"], 5_000_000_000_u64);
}

#[test]
fn a_picture_is_written_whole_in_the_format_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, beginning) in [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<"), ("a.DOT", b"digraph")] {
        let path = folder.path().join(name);
        let said = answer(&["backrefs", "DUMP", "--id", "12", "-o", path.to_str().unwrap()]);
        assert!(said.contains(&format!("{name}: ")), "{said}");
        assert!(fs::read(&path).unwrap().starts_with(beginning), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_picture_that_cannot_be_is_refused() {
    let text = refusal(&["refs", "none.heap.parquet", "--id", "9", "-o", "refs.jpg"]);
    assert_eq!(text, "snakeroot: refs.jpg: expected a name that ends in .png, .svg or .dot\n");
    let text = refusal(&["refs", "DUMP", "--id", "9", "-o", "no/such/folder/refs.png"]);
    assert_eq!(
        text,
        "snakeroot: no/such/folder/refs.png: the folder no/such/folder does not exist\n"
    );
}

#[test]
fn what_cannot_be_used_is_said_in_a_sentence() {
    assert_eq!(
        refusal(&["info", "none.heap.parquet"]),
        "snakeroot: none.heap.parquet: no such file\n"
    );
    assert_eq!(
        refusal(&["why", "DUMP", "--type", "app.Sesion"]),
        "snakeroot: no type named app.Sesion (did you mean app.Session?) in DUMP\n"
    );
    assert_eq!(
        refusal(&["why", "DUMP", "--type", "app.Unused.Inner"]),
        "snakeroot: no object of type app.Unused.Inner in DUMP\n"
    );
    assert_eq!(
        refusal(&["why", "DUMP", "--type", "Session", "--nth", "3"]),
        "snakeroot: --nth: expected at most 2, the objects of type Session in DUMP; found 3\n"
    );
    assert_eq!(
        refusal(&["refs", "DUMP", "--id", "16"]),
        "snakeroot: expected an id below 16, found 16: DUMP has no more rows\n"
    );
    assert_eq!(
        refusal(&["refs", "DUMP", "--address", "0x10"]),
        "snakeroot: no object at 0x10 in DUMP\n"
    );
    let text = refusal(&["refs", "DUMP"]);
    assert!(text.contains("--type <TYPE>|--address <ADDRESS>|--id <ID>"), "{text}");
    let text = refusal(&["refs", "DUMP", "--id", "1", "--type", "dict"]);
    assert!(text.contains("cannot be used with"), "{text}");
    let text = refusal(&["inf", "DUMP"]);
    assert!(text.contains("info"), "{text}");
}

#[test]
fn doctor_is_the_hosts() {
    assert!(refusal(&["doctor"]).contains("python -m snakeroot doctor"));
    assert!(!answer(&["--help"]).contains("doctor"));

    let ask = |arguments: &[&str], healthy: bool| {
        let doctor = |json: bool| {
            let text = if json { "{}" } else { "all is well" };
            if healthy { Ok(text.to_string()) } else { Err("the probes fail".to_string()) }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = arguments.iter().map(OsString::from);
        let status = snakeroot_cli::run_with(args, Some(&doctor), &mut out, &mut err);
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    let (status, out, _) = ask(&["snakeroot", "doctor"], true);
    assert_eq!((status, out.as_str()), (0, "all is well\n"));
    let (status, out, _) = ask(&["snakeroot", "doctor", "--json"], true);
    assert_eq!((status, out.as_str()), (0, "{}\n"));
    let (status, _, err) = ask(&["snakeroot", "doctor"], false);
    assert_eq!((status, err.as_str()), (1, "snakeroot: the probes fail\n"));
    assert!(ask(&["snakeroot", "--help"], true).1.contains("doctor"));
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
    let ask = |kind| {
        let args = ["snakeroot".to_string(), "info".into(), dump()].map(OsString::from);
        let mut err = Vec::new();
        let status = snakeroot_cli::run_with(args, None, &mut Closed(kind), &mut err);
        (status, String::from_utf8(err).unwrap())
    };
    assert_eq!(ask(io::ErrorKind::BrokenPipe), (0, String::new()));
    let (status, err) = ask(io::ErrorKind::StorageFull);
    assert_eq!(status, 2);
    assert!(err.starts_with("snakeroot: the answer could not be written"), "{err}");
}
