//! Pictures of neighbourhoods from real heaps, as `fixtures/drawings` keeps them.
//!
//! Each NAME.json there is a drawing's model, taken once from the program of that name by
//! `make.py`. Its SVG is a snapshot, its PNG is compared with NAME.png. After a wanted change
//! of layout or painting, run with `SNAKEROOT_PAINT=1`, which writes the PNGs anew, and
//! look at each.

use std::path::{Path, PathBuf};

use serde_json::Value;
use snakeroot::view::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};
use snakeroot_draw::{Options, layout, png, svg};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/drawings")
}

/// The drawing of a fixture.
fn fixture(name: &str) -> Drawing {
    let path = directory().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let model: Value = serde_json::from_str(&text).unwrap();
    let nodes = model["nodes"].as_array().unwrap().iter().enumerate().map(node).collect();
    let edges = model["edges"].as_array().unwrap().iter().map(edge).collect();
    Drawing {
        nodes,
        edges,
        note: text_of(&model["note"]),
        targets_last: model["targets_last"].as_bool().unwrap(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn node((place, value): (usize, &Value)) -> DrawnNode {
    DrawnNode {
        id: format!("n{place}"),
        title: text_of(&value["title"]),
        lines: value["lines"].as_array().unwrap().iter().map(text_of).collect(),
        kind: match value["kind"].as_str().unwrap() {
            "Instance" => NodeKind::Instance,
            "Dict" => NodeKind::Dict,
            "List" => NodeKind::List,
            "Tuple" => NodeKind::Tuple,
            "Set" => NodeKind::Set,
            "Scalar" => NodeKind::Scalar,
            "Type" => NodeKind::Type,
            "Module" => NodeKind::Module,
            "Function" => NodeKind::Function,
            "Frame" => NodeKind::Frame,
            "Thread" => NodeKind::Thread,
            "Weak" => NodeKind::Weak,
            other => panic!("expected a kind, found {other}"),
        },
        role: match value["role"].as_str().unwrap() {
            "Plain" => Role::Plain,
            "Target" => Role::Target,
            "More" => Role::More,
            other => panic!("expected a role, found {other}"),
        },
        tooltip: text_of(&value["tooltip"]),
        attributes: Vec::new(),
    }
}

fn edge(value: &Value) -> DrawnEdge {
    let place = |end: &str| usize::try_from(value[end].as_u64().unwrap()).unwrap();
    DrawnEdge {
        source: place("source"),
        target: place("target"),
        label: text_of(&value["label"]),
        style: match value["style"].as_str().unwrap() {
            "Plain" => EdgeStyle::Plain,
            "Strong" => EdgeStyle::Strong,
            "Weak" => EdgeStyle::Weak,
            "More" => EdgeStyle::More,
            other => panic!("expected a style, found {other}"),
        },
    }
}

/// One channel of a pixel may be off by this much, as rounding differs by processor.
const MAX_OFF: u8 = 24;
/// One pixel in so many may be off by more.
const MAX_WRONG: usize = 1_000;

/// A PNG's bytes without their compression, and its size.
fn decoded(bytes: &[u8]) -> (Vec<u8>, u32, u32) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut buffer).unwrap();
    buffer.truncate(info.buffer_size());
    (buffer, info.width, info.height)
}

/// Compares the picture of a fixture with those kept of it.
fn check(name: &str) {
    let drawing = fixture(name);
    let options = Options { scale: 1.0, ..Options::default() };
    insta::assert_snapshot!(name, svg(&drawing, &options).unwrap());

    let painted = png(&drawing, &options).unwrap();
    let path = directory().join(format!("{name}.png"));
    if std::env::var_os("SNAKEROOT_PAINT").is_some() {
        std::fs::write(&path, painted).unwrap();
        return;
    }
    let kept = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (painted, width, height) = decoded(&painted);
    let (kept, kept_width, kept_height) = decoded(&kept);
    assert_eq!((width, height), (kept_width, kept_height), "the size of {name}.png");
    let is_off = |(one, other): (&[u8], &[u8])| {
        one.iter().zip(other).any(|(one, other)| one.abs_diff(*other) > MAX_OFF)
    };
    let wrong = painted.chunks(3).zip(kept.chunks(3)).filter(|&pair| is_off(pair)).count();
    let pixels = width as usize * height as usize;
    assert!(wrong <= pixels / MAX_WRONG, "{wrong} of {pixels} pixels of {name}.png differ");
}

/// A test for each fixture.
macro_rules! pictures {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_fixture_has_a_test() {
            let tested = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(directory()).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    let name = path.file_stem().unwrap().to_str().unwrap();
                    assert!(tested.contains(&name), "{name}.json has no test");
                }
            }
        }
    };
}

pictures! {
    class_object,
    closure,
    generator,
    holders_25,
    module_list,
    module_object,
    odd_names,
    self_cycle,
    sixty_referrers,
    sixty_referrers_near,
    sixty_referrers_some,
    thread_locals,
}

#[test]
fn sixty_referrers_are_a_block() {
    for name in ["sixty_referrers", "sixty_referrers_near"] {
        let picture = layout(&fixture(name), &Options::default()).unwrap();
        assert!(picture.width() < 4.0 * picture.height(), "{name}");
        assert!(picture.width() < 2_000.0, "{name}");
        assert_eq!(picture.crossings(), 0, "{name}");
    }
}
