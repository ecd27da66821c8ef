//! The heap in forms of other tools: what is in the files, and that those tools take them.

mod common;
#[path = "../../snakeroot/benches/made_up/mod.rs"]
#[allow(dead_code)] // the benchmarks draw numbers too
mod made_up;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;

use common::{assert_same, small_heap};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::Value;
use snakeroot::analysis::{self, DominatorTree};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Label, LabelKind};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, NodeId, Snapshot};
use snakeroot_dump::{DumpErrorKind, Extra, ExtraValues, HeapSnapshot};

/// A heap with garbage in and beside cycles, weak references and a class named `Object`.
const DRAWN: &str = "
    root@module -[:__dict__]> globals@dict -[[\"cache\"]]> cache@app.Cache:48
    root2@module -> cache; globals -[[\"Object\"]]> other@Object
    cache -[.items]> items@list:88 -[[0]]> a@str:51=\"'first'\"; items -[[1]]> b@bytes:40
    items -[[4000000]]> c@int:28=\"7\"
    cache -[:slot]> f@function:120 -[:__code__]> code@code:300; f -[:__globals__]> globals
    watcher!held-from-c ~> cache; cache ~> seen@set -[element]> d@float:24=\"1.5\"
    thread1@thread -[frame 0]> run@frame -[local x]> other
    g1@app.Node -[.next]> g2@app.Node -[.next]> g1; g2 -> g3@tuple; g4@list -> g3; g5@app.Node -> g5
    g2 -> a; seen -> cache; root2 -> big@numpy.ndarray:20000000000; g5 -> huge@list:5000000000
";

struct Exported {
    text: String,
    value: Value,
}

fn garbage(tree: &DominatorTree) -> Vec<NodeId> {
    tree.top_level().iter().copied().filter(|&node| tree.is_garbage(node)).collect()
}

fn exported(graph: &Graph, numbers: Option<&[u32]>) -> Exported {
    let roots: Vec<NodeId> = analysis::roots(graph).collect();
    let tree = analysis::dominators(graph);
    let tops = garbage(&tree);
    let given =
        HeapSnapshot { roots: &roots, garbage: tree.garbage(), garbage_tops: &tops, numbers };
    let mut bytes = Vec::new();
    let written =
        snakeroot_dump::write_heapsnapshot(graph.snapshot(), &given, &(), &mut bytes).unwrap();
    assert_eq!(written.left_out, 0);
    let text = String::from_utf8(bytes).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["snapshot"]["node_count"], written.nodes);
    assert_eq!(value["snapshot"]["edge_count"], written.edges);
    Exported { text, value }
}

/// A `.heapsnapshot` as it is read: by nobody's rules but the file's own.
struct Read {
    types: Vec<String>,
    names: Vec<String>,
    ids: Vec<u64>,
    sizes: Vec<u64>,
    /// By node: kind, name or index, target.
    edges: Vec<Vec<(String, String, usize)>>,
}

impl Read {
    fn of(exported: &Exported) -> Self {
        let value = &exported.value;
        let meta = &value["snapshot"]["meta"];
        let words = |list: &Value| -> Vec<String> {
            let words = list.as_array().unwrap().iter();
            words.map(|word| word.as_str().unwrap_or_default().to_owned()).collect()
        };
        let numbers = |key: &str| -> Vec<u64> {
            let numbers = value[key].as_array().unwrap().iter();
            numbers.map(|number| number.as_u64().unwrap()).collect()
        };
        let fields = words(&meta["node_fields"]);
        let field = |name: &str| fields.iter().position(|field| field == name).unwrap();
        let node_types = words(&meta["node_types"][0]);
        let edge_types = words(&meta["edge_types"][0]);
        let strings = words(&value["strings"]);
        let (nodes, edges) = (numbers("nodes"), numbers("edges"));
        // Rule 2: the reader keeps 32 bits of each number.
        assert!(nodes.iter().chain(&edges).all(|&number| number <= u64::from(u32::MAX)));
        let width = fields.len();
        assert_eq!(nodes.len() % width, 0);
        let mut edges = edges.chunks_exact(3);
        let mut read =
            Self { types: vec![], names: vec![], ids: vec![], sizes: vec![], edges: vec![] };
        for node in nodes.chunks_exact(width) {
            read.types.push(node_types[node[field("type")] as usize].clone());
            read.names.push(strings[node[field("name")] as usize].clone());
            read.ids.push(node[field("id")]);
            read.sizes.push(node[field("self_size")]);
            let own = edges.by_ref().take(node[field("edge_count")] as usize).map(|edge| {
                let kind = edge_types[edge[0] as usize].clone();
                let name = match &*kind {
                    "element" | "hidden" => edge[1].to_string(),
                    _ => strings[edge[1] as usize].clone(),
                };
                assert_eq!(edge[2] % width as u64, 0);
                (kind, name, edge[2] as usize / width)
            });
            read.edges.push(own.collect());
        }
        assert!(edges.next().is_none());
        assert_eq!(nodes.len() / width, read.ids.len());
        read
    }

    /// The place of the first object: after the root and its categories.
    fn first(&self) -> usize {
        self.types.iter().position(|kind| kind != "synthetic").unwrap()
    }

    /// How far each node is from the root by edges that are not weak.
    fn distances(&self) -> Vec<Option<u32>> {
        let mut distances = vec![None; self.ids.len()];
        distances[0] = Some(0);
        let mut waiting = VecDeque::from([0]);
        while let Some(at) = waiting.pop_front() {
            let next = distances[at].map(|distance| distance + 1);
            for (kind, _, target) in &self.edges[at] {
                if kind != "weak" && distances[*target].is_none() {
                    distances[*target] = next;
                    waiting.push_back(*target);
                }
            }
        }
        distances
    }
}

/// The five rules that DevTools' reader makes, for any heap.
#[track_caller]
fn assert_keeps_the_rules(graph: &Graph) {
    let snapshot = graph.snapshot();
    let exported = exported(graph, None);
    let read = Read::of(&exported);

    // 1. The order of the keys, texts last.
    let keys = ["snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples"];
    let keys = keys.iter().chain(&["locations", "strings"]);
    let places: Vec<usize> =
        keys.map(|key| exported.text.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(exported.text.trim_end().ends_with("]}"));

    // 2. Sizes as ours, the rest of large ones in native nodes of their own.
    let first = read.first();
    for node in snapshot.nodes() {
        let at = first + node.index();
        let parts = read.edges[at].iter().filter(|(_, name, _)| name == "(more than 4 GiB)");
        let parts = parts.map(|&(_, _, part)| {
            assert_eq!((&*read.types[part], read.edges[part].len()), ("native", 0));
            read.sizes[part]
        });
        assert_eq!(read.sizes[at] + parts.sum::<u64>(), snapshot.size(node));
    }

    // 3. Ids that differ, and are no addresses.
    let ids: HashSet<u64> = read.ids.iter().copied().collect();
    assert_eq!(ids.len(), read.ids.len());
    assert!(snapshot.nodes().all(|node| read.ids[first + node.index()] % 2 == 1));

    // 4. The root leads to categories only, they to objects, and nothing by a short cut.
    assert_eq!((&*read.types[0], read.sizes[0]), ("synthetic", 0));
    assert_eq!(read.edges[0].len(), first - 1);
    assert!(read.edges[0].iter().all(|&(_, _, target)| (1..first).contains(&target)));
    for category in 1..first {
        assert_eq!((&*read.types[category], read.sizes[category]), ("synthetic", 0));
        assert!(read.edges[category].iter().all(|&(_, _, target)| target >= first));
    }
    assert!(read.types[first..].iter().all(|kind| kind != "synthetic"));
    assert!(read.edges.iter().flatten().all(|(kind, ..)| kind != "shortcut" && kind != "hidden"));

    // 5. Everything is reached, garbage by its own category; weak edges are weak.
    assert!(read.distances().iter().all(Option::is_some));
    let tree = analysis::dominators(graph);
    let bin = (1..first).find(|&at| read.names[at] == "(uncollected garbage)");
    assert_eq!(bin.is_some(), snapshot.nodes().any(|node| tree.is_garbage(node)));
    for category in 1..first {
        for &(_, _, target) in &read.edges[category] {
            let is_garbage = tree.is_garbage(NodeId::from_index(target - first));
            assert_eq!(is_garbage, Some(category) == bin);
        }
    }
    for node in snapshot.nodes() {
        let mut edges = read.edges[first + node.index()].iter();
        for edge in graph.edges_from(node) {
            let (kind, _, target) = edges.next().unwrap();
            assert_eq!(*target - first, edge.referent.index());
            // Garbage keeps nothing alive that a GC root reaches.
            let keeps = !tree.is_garbage(node) || tree.is_garbage(edge.referent);
            assert_eq!(kind == "weak", !graph.is_strong(edge.label) || !keeps);
        }
    }
    // An `Object` is renamed by its properties.
    assert!(read.names.iter().all(|name| name != "Object"));
}

#[test]
fn a_heapsnapshot_keeps_the_rules_of_its_reader() {
    assert_keeps_the_rules(&Graph::new(small_heap()));
    assert_keeps_the_rules(&Graph::from_notation(DRAWN).unwrap());
    assert_keeps_the_rules(&Graph::new(made_up::heap(3_000)));
}

#[test]
fn a_heapsnapshot_has_kinds_names_and_labels() {
    insta::assert_snapshot!("heapsnapshot", exported(&Graph::new(small_heap()), None).text);
    let graph = Graph::from_notation(DRAWN).unwrap();
    let exported = exported(&graph, None);
    let read = Read::of(&exported);
    let first = read.first();
    let at = |name: &str| first + graph.named(name).index();
    let what = |name: &str| (&*read.types[at(name)], &*read.names[at(name)]);
    assert_eq!(what("a"), ("string", "'first'"));
    assert_eq!(what("b"), ("native", "bytes"));
    assert_eq!(what("big"), ("native", "numpy.ndarray"));
    assert_eq!(read.edges[at("big")].len(), 4); // 20 GB are 4 GiB and four parts more
    assert_eq!(what("c"), ("number", "7"));
    assert_eq!(what("f"), ("closure", "f"));
    assert_eq!(what("code"), ("code", "code"));
    assert_eq!(what("cache"), ("object", "app.Cache"));
    assert_eq!(what("root"), ("object", "module root"));
    assert_eq!(what("run"), ("object", "frame run"));
    assert_eq!(what("thread1"), ("object", "thread thread1"));
    assert_eq!(what("other"), ("object", "builtins.Object"));
    let labels = |name: &str| -> Vec<(&str, &str)> {
        read.edges[at(name)].iter().map(|(kind, name, _)| (&**kind, &**name)).collect()
    };
    assert_eq!(labels("root"), [("internal", "__dict__")]);
    assert_eq!(labels("globals"), [("property", "[\"cache\"]"), ("property", "[\"Object\"]")]);
    assert_eq!(labels("cache"), [("property", "items"), ("property", "slot"), ("weak", "weak")]);
    assert_eq!(labels("items"), [("element", "0"), ("element", "1"), ("element", "4000000")]);
    assert_eq!(labels("run"), [("context", "x")]);
    // Held weakly only, `seen` is garbage, and the cache is not.
    assert_eq!(labels("seen"), [("internal", "(element)"), ("weak", "(reference)")]);
    let category = |name: &str| read.names.iter().position(|found| found == name).unwrap();
    let reached = |name: &str| -> Vec<(&str, usize)> {
        read.edges[category(name)].iter().map(|(_, name, to)| (&**name, *to)).collect()
    };
    assert_eq!(reached("(modules)"), [("root", at("root")), ("root2", at("root2"))]);
    assert_eq!(reached("(thread stacks)"), [("0", at("thread1"))]);
}

#[test]
fn ids_are_made_from_the_numbers_that_are_given() {
    let graph = Graph::from_notation("root -> a -> b").unwrap();
    let ids = |numbers: Option<&[u32]>| {
        let read = Read::of(&exported(&graph, numbers));
        read.ids[read.first()..].to_vec()
    };
    assert_eq!(ids(None), ids(Some(&[0, 1, 2])));
    let moved = ids(Some(&[1, 70, 0]));
    assert_eq!((moved[0], moved[2]), (ids(None)[1], ids(None)[0]));
    let refused = |numbers: &[u32]| {
        let garbage = &NodeSet::new(3);
        let given = HeapSnapshot { roots: &[], garbage, garbage_tops: &[], numbers: Some(numbers) };
        let written =
            snakeroot_dump::write_heapsnapshot(graph.snapshot(), &given, &(), &mut Vec::new());
        written.unwrap_err().to_string()
    };
    assert!(refused(&[1]).contains("expected a number for each of 3 rows, found 1"));
    assert!(refused(&[0, 1, u32::MAX]).contains("found 4294967295"));
}

/// What DevTools' own code finds out of a file: by id, distance and retained size.
const DEVTOOLS: &str = "
import { createReadStream } from 'node:fs'
import { pathToFileURL } from 'node:url'
const [toolkit, file] = process.argv.slice(2)
const { parse } = await import(pathToFileURL(toolkit + '/index.js'))
const heap = await parse(createReadStream(file, 'utf-8'))
const found = []
const node = heap.createNode(0)
for (let at = 0; at < heap.nodeCount; at++) {
  node.nodeIndex = at * heap.nodeFieldCount
  found.push([node.id(), node.distance(), node.retainedSize(), node.className()])
}
console.log(JSON.stringify(found))
";

#[test]
#[allow(clippy::print_stderr)] // a test that cannot run says so
fn devtools_finds_the_same_distances_and_retained_sizes() {
    let Some(toolkit) = std::env::var_os("HEAP_SNAPSHOT_TOOLKIT").map(PathBuf::from) else {
        eprintln!(
            "skipped: HEAP_SNAPSHOT_TOOLKIT is not set; it is the folder of the npm package \
             heap-snapshot-toolkit 1.1.3"
        );
        return;
    };
    assert!(toolkit.join("index.js").is_file(), "{}: no index.js there", toolkit.display());
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: there is no node");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (script, file) = (folder.path().join("read.mjs"), folder.path().join("a.heapsnapshot"));
    std::fs::write(&script, DEVTOOLS).unwrap();
    for graph in [
        Graph::new(small_heap()),
        Graph::from_notation(DRAWN).unwrap(),
        Graph::new(made_up::heap(3_000)),
    ] {
        let exported = exported(&graph, None);
        let read = Read::of(&exported);
        std::fs::write(&file, &exported.text).unwrap();
        let output = Command::new("node").arg(&script).arg(&toolkit).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let found: Vec<(u64, u64, u64, String)> = serde_json::from_slice(&output.stdout).unwrap();
        let found: HashMap<u64, _> =
            found.iter().map(|(id, far, kept, class)| (*id, (*far, *kept, class))).collect();
        assert_eq!(found.len(), read.ids.len());

        let tree = analysis::dominators(&graph);
        let ours = distances(&graph, &tree);
        let first = read.first();
        for node in graph.snapshot().nodes() {
            let (distance, retained, class) = found[&read.ids[first + node.index()]];
            assert_eq!(retained, tree.retained_size(node), "{}", node.place());
            // The root and a category stand above each GC root.
            assert_eq!(distance, ours[node.index()] + 2, "{}", node.place());
            if read.types[first + node.index()] == "object" {
                assert_eq!(*class, read.names[first + node.index()]);
            }
        }
        let all = tree.live_bytes() + tree.garbage_bytes();
        assert_eq!((found[&1].0, found[&1].1), (0, all));
    }
}

/// By how many references each node is away from a GC root, or from what no one of the garbage dominates.
fn distances(graph: &Graph, tree: &DominatorTree) -> Vec<u64> {
    let mut distances = vec![None; graph.node_count()];
    let mut waiting: VecDeque<(NodeId, u64)> =
        analysis::roots(graph).chain(garbage(tree)).map(|node| (node, 0)).collect();
    while let Some((node, distance)) = waiting.pop_front() {
        if distances[node.index()].is_none() {
            distances[node.index()] = Some(distance);
            let held = graph.strong_referents(node);
            let kept = held.filter(|&held| !tree.is_garbage(node) || tree.is_garbage(held));
            waiting.extend(kept.map(|node| (node, distance + 1)));
        }
    }
    distances.into_iter().map(Option::unwrap).collect()
}

fn lines(snapshot: &Snapshot, extras: &[Extra<'_>]) -> String {
    let mut bytes = Vec::new();
    snakeroot_dump::write_json_lines(snapshot, extras, &(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn json_lines_are_the_columns() {
    let graph = Graph::new(small_heap());
    let tree = analysis::dominators(&graph);
    let extras = extras(&tree);
    insta::assert_snapshot!("json_lines", lines(graph.snapshot(), &extras));
    let heap = Graph::from_notation(DRAWN).unwrap();
    let heap = heap.snapshot();
    let text = lines(heap, &[]);
    assert_eq!(text.lines().count(), heap.node_count());
    for (node, line) in heap.nodes().zip(text.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["id"], node.place());
        assert_eq!(line["size"], heap.size(node));
        assert_eq!(line["type"], heap.type_of(node).full_name());
        assert_eq!(line["root"].as_str().is_some(), heap.root(node).is_some());
        let referents = heap.referents().row(node).iter().map(|node| node.place());
        assert_eq!(line["referents"], Value::from_iter(referents));
        let labels = &heap.labels()[heap.referents().range(node)];
        let labels: Vec<Label> =
            labels.iter().map(|&label| heap.label_table().get(label)).collect();
        if labels.iter().any(|label| label.kind != LabelKind::Unnamed) || labels.is_empty() {
            let found = line["labels"].as_array().unwrap().iter();
            let found = found.map(|label| Label::from_stored(label.as_str().unwrap()).unwrap());
            assert!(found.eq(labels));
        } else {
            assert!(line["labels"].is_null());
        }
    }
}

fn extras(tree: &DominatorTree) -> [Extra<'_>; 2] {
    [
        Extra { name: "retained", values: ExtraValues::Numbers(tree.retained_sizes()) },
        Extra { name: "dominator", values: ExtraValues::Nodes(tree.immediate_dominators()) },
    ]
}

#[test]
fn further_columns_are_there_for_others_and_skipped_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("with.heap.parquet");
    for graph in [Graph::new(small_heap()), Graph::new(made_up::heap(100_000))] {
        let tree = analysis::dominators(&graph);
        snakeroot_dump::save_with(graph.snapshot(), &extras(&tree), &path).unwrap();
        assert_same(graph.snapshot(), &snakeroot_dump::load(&path).unwrap());

        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        let all: Vec<_> =
            schema.root_schema().get_fields().iter().map(|field| field.name()).collect();
        assert_eq!(all.len(), 16);
        assert_eq!(all[14..], ["retained", "dominator"]);
        let mut rows = 0;
        for (row, node) in reader.get_row_iter(None).unwrap().zip(graph.snapshot().nodes()) {
            let row = row.unwrap();
            assert_eq!(row.get_uint(0).unwrap(), node.place());
            assert_eq!(row.get_ulong(14).unwrap(), tree.retained_size(node));
            let dominator = tree.immediate_dominator(node).map(NodeId::place);
            assert_eq!(row.get_uint(15).ok(), dominator);
            rows += 1;
        }
        assert_eq!(rows, graph.node_count());
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let heap = small_heap();
    let numbers = vec![0; heap.node_count()];
    let column = |name, values| Extra { name, values: ExtraValues::Numbers(values) };
    let refused = |extras: &[Extra<'_>]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heap.parquet");
        let error = snakeroot_dump::save_with(&heap, extras, &path).unwrap_err().to_string();
        let lines = snakeroot_dump::write_json_lines(&heap, extras, &(), &mut Vec::new());
        assert!(error.ends_with(&lines.unwrap_err().to_string()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        error
    };
    assert!(refused(&[column("few", &numbers[1..])]).contains("expected 16 rows, found 15"));
    assert!(refused(&[column("size", &numbers)]).contains("size twice"));
    assert!(refused(&[column("a", &numbers), column("a", &numbers)]).contains("a twice"));
    assert!(refused(&[column("a b", &numbers)]).contains("found \"a b\""));
}

#[test]
fn whoever_watches_may_stop_it() {
    let heap = small_heap();
    let stop = |_: u64, _: u64| false;
    let garbage = &NodeSet::new(heap.node_count());
    let given = HeapSnapshot { roots: &[], garbage, garbage_tops: &[], numbers: None };
    let one = snakeroot_dump::write_heapsnapshot(&heap, &given, &stop, &mut Vec::new());
    let other = snakeroot_dump::write_json_lines(&heap, &[], &stop, &mut Vec::new());
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert!(matches!(error.kind(), DumpErrorKind::Stopped), "{error}");
        assert_eq!(error.to_string(), Stopped.to_string());
    }
}

#[test]
fn a_place_is_tried_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    snakeroot_dump::check_place(&path, 0).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = snakeroot_dump::check_place(&path, u64::MAX).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::NoRoom { least: u64::MAX, .. }), "{error}");
    assert!(error.to_string().contains("a.jsonl: no room on the disk"), "{error}");
    let error = snakeroot_dump::check_place(&folder.path().join("no/a.jsonl"), 0).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::NoFolder(_)), "{error}");
    let error = snakeroot_dump::check_place(folder.path(), 0).unwrap_err();
    assert!(matches!(error.kind(), DumpErrorKind::Directory), "{error}");
}

#[test]
fn an_exported_dump_is_a_dump() {
    // What other programs add is skipped wherever it stands.
    let graph = Graph::new(small_heap());
    let tree = analysis::dominators(&graph);
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("1"), folder.path().join("2"));
    snakeroot_dump::save_with(graph.snapshot(), &extras(&tree), &one).unwrap();
    let loaded = snakeroot_dump::load(&one).unwrap();
    snakeroot_dump::save(&loaded, &two).unwrap();
    let mut plain = Vec::new();
    snakeroot_dump::write(graph.snapshot(), &mut plain).unwrap();
    assert!(std::fs::read(&two).unwrap() == plain);
    assert_same(&loaded, &snakeroot_dump::read(Cursor::new(plain)).unwrap());
}
