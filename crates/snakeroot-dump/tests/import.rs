//! Heaps of other tools: what is read, what is refused, and that nothing panics.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use snakeroot::analysis::{dominators, why};
use snakeroot::snapshot::Flags;
use snakeroot::view::chain_line;
use snakeroot::{Graph, NodeId, Snapshot};
use snakeroot_dump::{DumpErrorKind, load, read};

const FILES: [&str; 5] =
    ["meliae.jsonl", "midden.jsonl", "pygco.jsonl.gz", "small.pyheap", "small.heapsnapshot"];

/// No object of the file, but something refers to it.
const MISSING: u64 = 0x99_9000;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn heap(name: &str) -> Graph {
    Graph::new(load(&fixture(name)).unwrap())
}

fn said(bytes: impl Into<Vec<u8>>) -> String {
    read(Cursor::new(bytes.into())).unwrap_err().to_string()
}

/// Where `make.py` puts an object.
fn at(place: u64) -> u64 {
    0x1000 + 0x40 * place
}

fn node(graph: &Graph, address: u64) -> NodeId {
    let objects = &graph.snapshot().addresses()[..graph.snapshot().object_count()];
    NodeId::from_index(objects.binary_search(&address).unwrap())
}

/// The node with a name.
fn named(graph: &Graph, wanted: &str) -> NodeId {
    graph.snapshot().names().iter().find(|&(_, name)| name == wanted).unwrap().0
}

/// What a node refers to: labels as they are stored, and addresses.
fn edges(graph: &Graph, node: NodeId) -> Vec<(String, u64)> {
    let snapshot = graph.snapshot();
    let range = snapshot.referents().range(node);
    let label = |edge: usize| snapshot.label_table().get(snapshot.labels()[edge]).to_stored();
    range
        .map(|edge| (label(edge), snapshot.address(snapshot.referents().targets()[edge])))
        .collect()
}

fn labelled(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|&(label, address)| (label.to_owned(), address)).collect()
}

fn type_name(graph: &Graph, address: u64) -> String {
    graph.snapshot().type_of(node(graph, address)).full_name()
}

fn retained(graph: &Graph, address: u64) -> u64 {
    dominators(graph).retained_size(node(graph, address))
}

fn chain(graph: &Graph, node: NodeId) -> String {
    chain_line(graph, &why(graph, node, 1)[0])
}

fn has_notice(snapshot: &Snapshot, part: &str) {
    let notices = &snapshot.info().notices;
    assert!(notices.iter().any(|notice| notice.contains(part)), "{part:?} not in {notices:#?}");
}

/// What the heaps of `make.py` have in common: modules are roots, and what
/// nothing else explains; what is missing is there without a type.
fn check_python(graph: &Graph, objects: usize, size: u64) {
    let snapshot = graph.snapshot();
    assert_eq!(snapshot.object_count(), objects);
    let sizes = snapshot.nodes().map(|node| snapshot.size(node));
    assert_eq!(sizes.sum::<u64>(), size);
    assert_eq!(type_name(graph, MISSING), "unknown");
    assert_eq!(type_name(graph, at(4)), "builtins.dict");
    assert_eq!(snapshot.refcount(node(graph, at(4))), 0);
    has_notice(snapshot, "objects that were referred to and not recorded: 1;");
    has_notice(snapshot, "include the header of the garbage collector");
    let root = |place| snapshot.root(node(graph, at(place))).map(ToString::to_string);
    assert!(root(1).unwrap().starts_with("module"), "{:?}", root(1));
    assert_eq!(root(12).unwrap(), "held-from-c in a cycle that nothing else recorded refers to");
    assert_eq!(root(14).unwrap(), "held-from-c nothing recorded refers to it");
    assert_eq!((root(13), root(4)), (None, None));
    assert_eq!((snapshot.info().garbage, snapshot.info().held_from_c), (None, None));
    assert!(snapshot.all_flags().iter().all(|flags| !flags.contains(Flags::GARBAGE)));
    assert_eq!(dominators(graph).garbage_bytes(), 0);
}

#[test]
fn meliae_is_read() {
    let graph = heap("meliae.jsonl");
    let snapshot = graph.snapshot();
    check_python(&graph, 15, 2128);
    has_notice(snapshot, "with the address of one before: 1;");
    has_notice(
        snapshot,
        "modules (1), objects that nothing refers to (1), and one object of each cycle that nothing else refers to (1)",
    );
    assert_eq!(type_name(&graph, at(6)), "Session");
    assert_eq!(
        edges(&graph, node(&graph, at(4))),
        labelled(&[("", at(5)), ("", at(6)), ("", at(7)), ("", at(8)),])
    );
    assert_eq!(edges(&graph, node(&graph, at(10))), labelled(&[("", MISSING), ("", at(7))]));
    assert_eq!(snapshot.names().get(node(&graph, at(11))), Some("Session"));
    assert_eq!(snapshot.values().get(node(&graph, at(5))), Some("'user:7'"));
    assert_eq!(snapshot.values().get(node(&graph, at(7))), Some("9"));
    assert_eq!(snapshot.values().get(node(&graph, at(14))), Some("b'by\\x00tes'"));
    assert_eq!(retained(&graph, at(1)), 1977);
    assert_eq!(retained(&graph, at(4)), 1619);
    assert_eq!(retained(&graph, at(6)), 192);
    assert_eq!(retained(&graph, at(12)), 112);
    assert_eq!(
        chain(&graph, node(&graph, at(9))),
        "module app (reference) (reference) (reference) (reference) → list 0x1240"
    );
}

#[test]
fn midden_is_read() {
    let graph = heap("midden.jsonl");
    let snapshot = graph.snapshot();
    check_python(&graph, 15, 2128);
    let session = snapshot.type_of(node(&graph, at(6)));
    assert_eq!((&*session.module, &*session.qualname), ("app", "Session"));
    assert_eq!(
        edges(&graph, node(&graph, at(4))),
        labelled(&[("key", at(5)), ("[\"user:7\"]", at(6)), ("key", at(7)), ("{9}", at(8)),])
    );
    assert_eq!(edges(&graph, node(&graph, at(9))), labelled(&[("[0]", at(5)), ("[1]", at(10))]));
    assert_eq!(edges(&graph, node(&graph, at(8))), labelled(&[("", at(6)), ("", at(11))]));
    assert_eq!(snapshot.names().get(node(&graph, at(1))), Some("app"));
    assert_eq!(snapshot.names().get(node(&graph, at(11))), Some("app.Session"));
    assert_eq!(snapshot.values().get(node(&graph, at(5))), Some("'user:7'"));
    assert_eq!(snapshot.values().get(node(&graph, at(14))), Some("b'by\\x00tes'"));
    assert_eq!(retained(&graph, at(4)), 1619);
    assert_eq!(retained(&graph, at(6)), 192);
}

#[test]
fn pygco_is_read() {
    let graph = heap("pygco.jsonl.gz");
    let snapshot = graph.snapshot();
    check_python(&graph, 15, 2100);
    let info = snapshot.info();
    assert_eq!((&*info.python, &*info.platform, info.pid), ("3.12.1", "Linux-6.1-x86_64", 4242));
    assert_eq!((info.started_ms, info.tracked), (1_782_864_001_000, 10));
    has_notice(snapshot, "what they refer to: 1 objects");
    has_notice(snapshot, "objects without a size: 1;");
    let session = snapshot.type_of(node(&graph, at(6)));
    assert_eq!((&*session.module, &*session.qualname), ("app", "Session"));
    assert!(snapshot.flags(node(&graph, at(6))).contains(Flags::TRACKED));
    assert!(!snapshot.flags(node(&graph, at(5))).contains(Flags::TRACKED));
    assert_eq!(edges(&graph, node(&graph, at(2))), labelled(&[("", at(3)), ("", at(4))]));
    assert_eq!(retained(&graph, at(4)), 1619 - 28);
}

#[test]
fn pyheap_is_read_with_its_threads() {
    let graph = heap("small.pyheap");
    let snapshot = graph.snapshot();
    check_python(&graph, 16, 2180);
    assert_eq!(snapshot.node_count(), 16 + 3);
    assert_eq!(snapshot.info().started_ms, 1_782_864_001_000);
    let session = snapshot.type_of(node(&graph, at(6)));
    assert_eq!((&*session.module, &*session.qualname), ("app", "Session"));
    assert_eq!(session.node, Some(node(&graph, at(11))));
    assert_eq!(type_name(&graph, at(1)), "builtins.module");
    assert_eq!(snapshot.names().get(node(&graph, at(1))), Some("app"));
    assert_eq!(snapshot.values().get(node(&graph, at(5))), Some("'user:7'"));
    // A name that is the only one to lead there is the reference's.
    assert_eq!(
        edges(&graph, node(&graph, at(6))),
        labelled(&[(".items", at(9)), (":__class__", at(11))])
    );
    assert_eq!(
        edges(&graph, node(&graph, at(8))),
        labelled(&[("", at(6)), (":__class__", at(11))])
    );
    assert_eq!(
        edges(&graph, node(&graph, at(4))),
        labelled(&[("key", at(5)), ("[\"user:7\"]", at(6)), ("key", at(7)), ("{9}", at(8)),])
    );
    assert_eq!(edges(&graph, node(&graph, at(10))), labelled(&[("[0]", MISSING), ("[1]", at(7))]));
    let thread = named(&graph, "\"MainThread\"");
    assert_eq!(snapshot.root(thread).unwrap().to_string(), "thread \"MainThread\"");
    assert_eq!(edges(&graph, thread), labelled(&[("frame 0", 0), ("frame 1", 0)]));
    let frame = named(&graph, "serve() app.py:42");
    assert_eq!(edges(&graph, frame), labelled(&[("local session", at(8))]));
    assert_eq!(edges(&graph, named(&graph, "<module>() app.py:50")), []);
    assert!(chain(&graph, node(&graph, at(8))).starts_with("thread \"MainThread\""));
    assert_eq!(retained(&graph, at(6)), 192);
    assert_eq!(retained(&graph, at(8)), 48);
}

#[test]
fn v8_is_read() {
    let graph = heap("small.heapsnapshot");
    let snapshot = graph.snapshot();
    assert_eq!((snapshot.object_count(), snapshot.node_count()), (6, 8));
    // Ascending ids, which are not in the order of the file.
    assert_eq!(snapshot.addresses(), [5, 7, 9, 11, 13, 15, 0, 0]);
    assert_eq!(type_name(&graph, 7), "app.Cache");
    assert_eq!(type_name(&graph, 13), "Function");
    assert_eq!(
        edges(&graph, node(&graph, 7)),
        labelled(&[(".items", 9), (":map", 11), ("weak", 15)])
    );
    assert_eq!(edges(&graph, node(&graph, 9)), labelled(&[("[0]", 15), ("", 13)]));
    assert_eq!(edges(&graph, node(&graph, 13)), labelled(&[("local seen", 15)]));
    assert_eq!(snapshot.values().get(node(&graph, 15)), Some("\"it's\""));
    assert_eq!(snapshot.size(node(&graph, 5)), 5_000_000_000);
    let roots: Vec<String> = snapshot.roots().iter().map(|(_, root)| root.to_string()).collect();
    assert_eq!(roots, ["interpreter", "interpreter"]);
    assert_eq!((snapshot.info().garbage, snapshot.info().held_from_c), (Some(1), None));
    assert!(snapshot.flags(node(&graph, 5)).contains(Flags::GARBAGE));
    assert_eq!(retained(&graph, 7), 64 + 100 + 24 + 40 + 32);
    assert_eq!(retained(&graph, 9), 100 + 24 + 32);
    assert!(chain(&graph, node(&graph, 15)).contains("(GC roots)"));
    has_notice(snapshot, "addresses are V8's ids");
}

#[test]
fn what_the_tools_themselves_wrote_is_read() {
    let graph = heap("meliae-0.5.1-python-3.8.jsonl");
    assert_eq!((graph.snapshot().object_count(), graph.snapshot().edge_count()), (15, 15));
    let dict = node(&graph, 140_230_186_210_944);
    assert_eq!(graph.snapshot().roots().len(), 1);
    assert_eq!(dominators(&graph).retained_size(dict), 1081);

    let graph = heap("midden-0.2.0-python-3.12.jsonl");
    assert_eq!((graph.snapshot().object_count(), graph.snapshot().edge_count()), (15, 15));
    let dict = node(&graph, 140_148_410_361_088);
    let labels: Vec<String> = edges(&graph, dict).into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["key", "[\"user:7\"]", "key", "[\"user:8\"]", "key", "{9}"]);
    assert_eq!(dominators(&graph).retained_size(dict), 1129);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_packed_file_is_unpacked_whatever_its_name() {
    for name in ["meliae.jsonl", "midden.jsonl", "small.pyheap", "small.heapsnapshot"] {
        let plain = read(Cursor::new(bytes_of(name))).unwrap();
        let zstd = zstd::encode_all(&*bytes_of(name), 3).unwrap();
        for packed in [gzip(&bytes_of(name)), zstd] {
            let read = read(Cursor::new(packed)).unwrap();
            assert_eq!(read.addresses(), plain.addresses());
            assert_eq!(read.referents(), plain.referents());
            assert_eq!(read.info(), plain.info());
        }
    }
    let members = [gzip(&bytes_of("meliae.jsonl")), gzip(b"\n")].concat();
    assert_eq!(read(Cursor::new(members)).unwrap().object_count(), 15);
}

#[test]
fn what_unpacks_to_far_more_than_a_heap_does_is_refused() {
    let mut bomb = bytes_of("meliae.jsonl");
    bomb.resize(8 << 20, b'\n');
    for (name, packed) in [("gzip", gzip(&bomb)), ("zstd", zstd::encode_all(&*bomb, 3).unwrap())] {
        let said = said(packed);
        let expected =
            format!("{name}: expected at most 1048576 unpacked bytes of a file of this size");
        assert!(said.starts_with(&expected), "{said}");
    }
    let twice = said(gzip(&gzip(&bytes_of("meliae.jsonl"))));
    assert_eq!(twice, "a file that is packed twice: unpack it first");
}

#[test]
fn what_is_no_heap_is_told_apart() {
    let error = read(Cursor::new(b"PK\x03\x04".to_vec())).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::NoHeap { .. }), "{error}");
    assert!(error.to_string().ends_with(r#"found "PK\x03\x04""#), "{error}");
    let other = said(r#"{"vertices": [{"id": 1}], "edges": []}"#);
    assert!(other.ends_with(r#"found a JSON object with the keys "vertices", "edges""#), "{other}");
    let stat = said(".loader: _load_stat\n.format: SetFormat\n");
    assert!(stat.starts_with("a table of numbers that heapy wrote"), "{stat}");
}

#[test]
fn what_is_wrong_in_a_line_is_said_with_its_place() {
    let line = r#"{"address": 16, "type": "list", "size": 72, "refs": []}"#;
    let wrong = |from: &str, to: &str| said(format!("{line}\n{}\n", line.replace(from, to)));
    for (from, to, expected) in [
        (
            ": []}",
            ": [",
            "meliae, line 2, column 53: expected more, found the end (EOF while parsing a list)",
        ),
        ("72", "\"72\"", "meliae, line 2, column 44: invalid type: string \"72\", expected u64"),
        ("16", "-16", "meliae, line 2, column 15: invalid value: integer `-16`, expected u64"),
        ("16", "99999999999999999999", "expected u64"),
        (", \"refs\": []", "", "meliae, line 2, column 43: missing field `refs`"),
        ("[]", "[1, 2.5]", "invalid type: floating point `2.5`, expected u64"),
        ("\"size\"", "\"address\"", "duplicate field `address`"),
        ("list", "\\q", "invalid escape"),
    ] {
        let said = wrong(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
    let mut bytes = line.replace("list", "l?st").into_bytes();
    *bytes.iter_mut().find(|byte| **byte == b'?').unwrap() = 0xff;
    let text = said(bytes);
    assert!(text.contains("expected UTF-8, found the byte 0xff"), "{text}");
    for key in ["type", "value", "other"] {
        let deep = format!("{{\"address\": 16, \"refs\": [], \"{key}\": {}", "[".repeat(1 << 20));
        assert!(said(deep).contains("meliae, line 1, column"));
    }
    let deep = said(format!("{{\"snapshot\": {}", "[".repeat(1 << 20)));
    assert!(deep.contains("V8, line 1, column 1"), "{deep}");
    let (open, close) = ("[".repeat(9999), "]".repeat(9999));
    let deep = said(format!("{{\"trace_tree\": {open}{close}, \"snapshot\": 1}}"));
    assert!(deep.contains("V8, line 1, column 20"), "{deep}");
    let large =
        format!("{line}\n{}", line.replace("16", "32").replace("72", "18446744073709551615"));
    assert!(said(large).contains("expected sizes of less than 2^62 bytes together"));
}

#[test]
fn halves_of_surrogate_pairs_do_no_harm() {
    let line =
        r#"{"id": 16, "type": "builtins.str", "references": [], "size": 60, "value": "a\ud800b"}"#;
    let snapshot = read(Cursor::new(line)).unwrap();
    assert_eq!(snapshot.values().get(NodeId::new(0)), Some("'a\u{fffd}b'"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let line = r#"{"id": 16, "type": "builtins.list", "references": [], "size": 72}"#;
    assert_eq!(
        said(format!("{line}\n{line}")),
        "the file is damaged: midden: expected each address once, found 0x10 for objects 0 and 1 of the file"
    );
    let v8 = String::from_utf8(bytes_of("small.heapsnapshot")).unwrap();
    for (from, to, expected) in [
        ("\"node_count\": 8", "\"node_count\": 9", "V8: node_count: expected 9, found 8"),
        ("\"edge_count\": 9", "\"edge_count\": 10", "V8: edge_count: expected 10, found 9"),
        (
            "\"to_node\"",
            "\"to\"",
            "edge_fields: expected the field \"to_node\", found type, name_or_index, to",
        ),
        (
            "\"edges\":[1, 1, 7",
            "\"edges\":[1, 1, 8",
            "edge 0: expected to_node to be a multiple of 7 below 56, found 8",
        ),
        (
            "\"edges\":[1, 1, 7",
            "\"edges\":[1, 1, 70",
            "edge 0: expected to_node to be a multiple of 7 below 56, found 70",
        ),
        ("\"edges\":[1, 1, 7", "\"edges\":[2, 99, 7", "edge 0: expected a string below"),
        ("\"edges\":[1, 1, 7", "\"edges\":[7, 1, 7", "edge 0: expected a type below 7, found 7"),
        ("\"nodes\":[9,", "\"nodes\":[90,", "node 0: expected a type below 15, found 90"),
        (
            "\"edges\":[1,",
            "\"edges\":[0, 1,",
            "edges: expected 3 numbers each, found 1 for the last",
        ),
        ("\"nodes\":", "\"nods\":", "V8: expected the key nodes, found none"),
        ("\"trace_tree\"", "\"edges\"", "expected edges once, found it again"),
        ("\"snapshot\":", "\"late\":{},\"nodes\":[],\"snapshot\":", "expected snapshot first"),
    ] {
        assert!(v8.contains(from), "{from}");
        let said = said(v8.replacen(from, to, 1));
        assert!(said.contains(expected), "{to}: {said}");
    }
}

#[test]
fn pygco_must_be_whole_and_of_a_known_version() {
    let mut plain = String::new();
    let packed = bytes_of("pygco.jsonl.gz");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut plain).unwrap();
    let lines: Vec<&str> = plain.lines().collect();
    let without_end = said(lines[..lines.len() - 1].join("\n"));
    assert!(
        without_end.contains(
            "expected a last record with the phase \"end\", found the end of the file after 14"
        ),
        "{without_end}"
    );
    let one_less = said([&lines[..3], &lines[4..]].concat().join("\n"));
    assert!(
        one_less.contains("expected 14 objects, as total_object_records says, found 13"),
        "{one_less}"
    );
    let later = said(plain.replace("\"format_version\":1", "\"format_version\":2"));
    assert!(later.ends_with("found \"pygco-dump-jsonl\" in version 2"), "{later}");
    let more = said(format!("{plain}{}", lines[1]));
    assert!(
        more.contains("line 17: expected nothing after the record that ends the dump"),
        "{more}"
    );
}

#[test]
fn pyheap_says_at_which_byte_it_is_damaged() {
    let whole = bytes_of("small.pyheap");
    let cut = said(&whole[..whole.len() - 3]);
    let place = whole.len() - 8;
    assert_eq!(
        cut,
        format!(
            "the file is damaged: PyHeap, byte {place}: expected the mark at the end of 8 bytes, found the end of the file"
        )
    );
    let more = said([&*whole, b"x"].concat());
    assert!(more.ends_with("expected the end of the file, found more"), "{more}");
    let mut later = whole.clone();
    later[11] = 2;
    assert_eq!(said(later), "PyHeap: expected version 1, found 2");
}

/// Loads what may be damaged; where it loads, all that is asked of heaps must work.
fn try_out(bytes: Vec<u8>) -> bool {
    let Ok(snapshot) = read(Cursor::new(bytes)) else { return false };
    let graph = Graph::new(snapshot);
    let tree = dominators(&graph);
    for node in graph.snapshot().nodes().take(3) {
        assert!(tree.is_garbage(node) || tree.retained_size(node) >= graph.snapshot().size(node));
        why(&graph, node, 2)
            .iter()
            .for_each(|chain| assert!(!chain_line(&graph, chain).is_empty()));
    }
    true
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused_or_a_heap() {
    for name in FILES {
        let bytes = bytes_of(name);
        let read = (0..bytes.len()).filter(|&end| try_out(bytes[..end].to_vec())).count();
        // Only where lines stand for themselves is what was written so far a heap.
        let most = if matches!(name, "meliae.jsonl" | "midden.jsonl") { 32 } else { 0 };
        assert!(read <= most, "{name}: {read}");
    }
}

#[test]
fn any_changed_byte_gives_a_heap_or_an_error() {
    for name in FILES {
        let mut bytes = bytes_of(name);
        for at in 0..bytes.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                bytes[at] ^= change;
                try_out(bytes.clone());
                bytes[at] ^= change;
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_after_the_beginning_of_a_format_give_a_heap_or_an_error(
        which in 0..FILES.len(),
        kept in 0.0..1.0_f64,
        tail in prop::collection::vec(any::<u8>(), 0..200),
        packed in any::<bool>(),
    ) {
        let mut bytes = bytes_of(FILES[which]);
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        bytes.extend(tail);
        try_out(if packed { gzip(&bytes) } else { bytes });
    }

    #[test]
    fn any_numbers_in_place_of_numbers_give_a_heap_or_an_error(
        which in prop::sample::select(vec!["meliae.jsonl", "midden.jsonl", "small.heapsnapshot"]),
        at in any::<prop::sample::Index>(),
        number in prop_oneof![0_u64..70, any::<u64>()],
    ) {
        let text = String::from_utf8(bytes_of(which)).unwrap();
        let starts: Vec<usize> =
            text.match_indices([' ', '[']).map(|(at, _)| at + 1).collect();
        let start = *at.get(&starts);
        let end = text[start..].find(|sign: char| !sign.is_ascii_digit()).map_or(text.len(), |end| start + end);
        try_out(format!("{}{number}{}", &text[..start], &text[end..]).into_bytes());
    }
}

#[test]
fn a_count_that_promises_more_than_there_is_takes_no_memory() {
    let mut bytes = bytes_of("small.pyheap");
    // The number of objects stands before the first object's address.
    let first = at(1).to_be_bytes();
    let place = bytes.windows(8).position(|window| window == first).unwrap();
    bytes[place - 4..place].copy_from_slice(&u32::MAX.to_be_bytes());
    let said = said(bytes);
    assert!(said.contains("PyHeap, byte"), "{said}");
}
