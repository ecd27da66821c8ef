//! What the verbs on sets of objects say to the golden dump, and to what it has not.

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Value, json};

/// The status, what was printed and what was said of errors, with the dump's path as `DUMP`.
fn run(arguments: &str) -> (u8, String, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dump = path.join("../../fixtures/dumps/small-1.heap.parquet").display().to_string();
    let words = std::iter::once("snakeroot").chain(arguments.split(' '));
    let args = words.map(|word| OsString::from(word.replace("DUMP", &dump)));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = snakeroot_cli::run_with(args, None, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&dump, "DUMP");
    (status, text(out), text(err))
}

/// What is printed when all goes well.
#[track_caller]
fn answer(arguments: &str) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!((status, err.as_str()), (0, ""));
    out
}

fn value(arguments: &str) -> Value {
    serde_json::from_str(&answer(arguments)).unwrap()
}

#[test]
fn help_says_what_each_takes() {
    for verb in ["objects", "roots", "modules"] {
        insta::assert_snapshot!(format!("help_{verb}"), answer(&format!("{verb} --help")));
    }
}

#[test]
fn objects_come_in_groups() {
    insta::assert_snapshot!("objects", answer("objects DUMP"));
    insta::assert_snapshot!("objects_by_module", answer("objects DUMP --by module --limit 2"));
    insta::assert_snapshot!("objects_via", answer("objects DUMP --type app.Session --by via"));
    insta::assert_snapshot!(
        "objects_of_referrers",
        answer("objects DUMP --type str --by referrers")
    );
    assert_eq!(answer("objects DUMP --min-size 900GiB"), "no objects\n");
}

#[test]
fn roots_and_modules_say_what_they_retain() {
    insta::assert_snapshot!("roots", answer("roots DUMP"));
    insta::assert_snapshot!("modules", answer("modules DUMP --limit 1"));
}

#[test]
fn json_has_a_shape_with_a_name_and_a_version() {
    let objects = value("objects DUMP --type app.Session --by via --json");
    assert_eq!(objects["schema"], "snakeroot.objects/1");
    assert_eq!(objects["by"], "via");
    assert_eq!(objects["total"]["groups"], objects["groups"].as_array().unwrap().len());
    assert!(objects["groups"][0]["key"].is_array());
    let size = value("objects DUMP --by size --limit 1 --json");
    assert_eq!(size["groups"][0]["key"], json!([4_294_967_296_u64, 8_589_934_591_u64]));
    assert_eq!(value("roots DUMP --json")["schema"], "snakeroot.roots/1");
    assert_eq!(value("modules DUMP --json")["schema"], "snakeroot.modules/1");
}

#[test]
fn what_is_not_there_is_refused_with_the_nearest_names() {
    let refusal = |arguments| {
        let (status, out, err) = run(arguments);
        assert_eq!((status, out.as_str()), (2, ""));
        err
    };
    let said = refusal("objects DUMP --type app.Sesion");
    assert_eq!(said, "snakeroot: no type named app.Sesion (did you mean app.Session?) in DUMP\n");
    let said = refusal("objects DUMP --module apps");
    assert_eq!(said, "snakeroot: no module named apps (did you mean app?) in DUMP\n");
    assert!(refusal("objects DUMP --min-size 3XB").contains("expected a size such as"));
    assert!(refusal("objects DUMP --flag lost").contains("possible values: tracked"));
}
