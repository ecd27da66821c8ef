//! Leak suspects: the rules by their definition on small graphs, and drawn graphs with known answers.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{PlainEdge, parts_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{Suspect, Suspects, dominators, suspects};
use snakeroot::snapshot::{Root, RootKind, SparseText, TypeEntry};
use snakeroot::view::{json, suspect_sentence, suspects_text};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, NodeId, Snapshot};

fn find(graph: &Graph, threshold: f64) -> Suspects {
    suspects(graph, &dominators(graph), threshold, &()).unwrap()
}

/// All that some nodes reach over strong edges, past no `without`.
fn reached(edges: &[PlainEdge], roots: &BTreeSet<u32>, without: Option<u32>) -> BTreeSet<u32> {
    let from = roots.iter().copied().filter(|&node| Some(node) != without);
    let mut seen: BTreeSet<u32> = from.collect();
    let mut stack: Vec<u32> = seen.iter().copied().collect();
    while let Some(node) = stack.pop() {
        for &(_, to, is_weak) in edges.iter().filter(|edge| edge.0 == node) {
            if !is_weak && Some(to) != without && seen.insert(to) {
                stack.push(to);
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn suspects_are_what_goes_with_a_node_that_nothing_but_the_program_keeps(
        (count, edges) in small_graphs(),
        roots in prop::collection::btree_set(0_u32..12, 1..4),
        percent in 1_u32..60,
    ) {
        // Every third node is a module; of the others the types are `list` and `app.Node`.
        let mut parts = parts_of(count, &edges);
        let names = [("builtins", "module"), ("builtins", "list"), ("app", "Node")];
        parts.types = names
            .map(|(module, name)| TypeEntry { module: module.into(), qualname: name.into(), node: None })
            .into();
        let roots: BTreeSet<u32> = roots.into_iter().filter(|&node| node < count).collect();
        parts.roots = roots
            .iter()
            .map(|&node| (NodeId::new(node), Root::new(RootKind::Module, "app")))
            .collect();
        let graph = Graph::new(Snapshot::new(parts).unwrap());
        let threshold = f64::from(percent) / 100.0;
        let found = find(&graph, threshold);

        // By deleting each node and looking what is reached still.
        let size = |node: u32| graph.snapshot().size(NodeId::new(node));
        let live = reached(&edges, &roots, None);
        let freed: BTreeMap<u32, BTreeSet<u32>> = live
            .iter()
            .map(|&node| {
                let left = reached(&edges, &roots, Some(node));
                (node, live.difference(&left).copied().collect())
            })
            .collect();
        let retained = |node: u32| freed[&node].iter().map(|&node| size(node)).sum::<u64>();
        let all: u64 = (0..count).map(size).sum();
        let is_over = |bytes: u64| bytes as f64 > threshold * all as f64;
        let is_program = |node: u32| node.is_multiple_of(3);
        let candidates: Vec<u32> = live
            .iter()
            .copied()
            .filter(|&node| !is_program(node))
            .filter(|&node| {
                let above = freed.iter().filter(|&(&other, freed)| other != node && freed.contains(&node));
                above.into_iter().all(|(&other, _)| is_program(other))
            })
            .collect();

        prop_assert_eq!(found.heap_bytes, all);
        let (singles, others): (Vec<u32>, Vec<u32>) =
            candidates.iter().copied().partition(|&node| is_over(retained(node)));
        let (ones, groups): (Vec<&Suspect>, Vec<&Suspect>) =
            found.found.iter().partition(|suspect| suspect.nodes.len() == 1);
        let ones_nodes: BTreeSet<u32> = ones.iter().map(|suspect| suspect.nodes[0].place()).collect();
        prop_assert_eq!(ones_nodes, singles.iter().copied().collect::<BTreeSet<u32>>());
        for suspect in &ones {
            let node = suspect.nodes[0].place();
            prop_assert_eq!(suspect.retained, retained(node));
            // Down while the largest of those that go with it keeps 70 %.
            let mut at = node;
            loop {
                let below = freed[&at].iter().copied().filter(|&node| node != at);
                let Some(most) = below.max_by_key(|&node| (retained(node), std::cmp::Reverse(node))) else { break };
                if 10 * retained(most) < 7 * retained(at) {
                    break;
                }
                at = most;
            }
            prop_assert_eq!(suspect.accumulation.unwrap().place(), at);
            prop_assert_eq!(suspect.chain.held().place(), at);
            prop_assert!(roots.contains(&suspect.chain.holder().place()));
        }
        // Groups: of the builtin type only where it accumulates, of the other always.
        let of_type = |rest: u32| -> Vec<u32> {
            others.iter().copied().filter(|node| node % 3 == rest).collect()
        };
        for rest in [1, 2] {
            let members = of_type(rest);
            let together: u64 = members.iter().map(|&node| retained(node)).sum();
            let group = groups.iter().find(|group| group.nodes[0].place() % 3 == rest);
            if members.len() > 1 && is_over(together) {
                prop_assert!(rest == 1 || group.is_some());
                if let Some(group) = group {
                    prop_assert_eq!(group.nodes.iter().map(|node| node.place()).collect::<Vec<_>>(), members);
                    prop_assert_eq!(group.retained, together);
                    prop_assert!(rest == 2 || group.accumulation.is_some());
                }
            } else {
                prop_assert!(group.is_none());
            }
        }
        prop_assert!(found.found.is_sorted_by(|a, b| a.retained >= b.retained));
        let mut below: Vec<u64> = others.iter().map(|&node| retained(node)).collect();
        below.sort_unstable_by(|a, b| b.cmp(a));
        below.truncate(3);
        prop_assert_eq!(found.below.iter().map(|suspect| suspect.retained).collect::<Vec<_>>(), below);
        // Whatever it is, it can be said.
        prop_assert!(suspects_text(&graph, &found).ends_with('\n'));
        prop_assert_eq!(json::suspects(&graph, &found)["suspects"].as_array().unwrap().len(), found.found.len());
    }
}

/// A drawn graph where only what has a name in a recorded heap has one.
fn app(text: &str) -> (Graph, Graph) {
    let mut parts = Graph::parts_from_notation(text).unwrap();
    let keeps = ["module", "function", "frame", "thread", "type"];
    let kept = parts.names.iter().filter(|(node, _)| {
        keeps.contains(&&*parts.types[parts.types_of[node.index()].index()].qualname)
    });
    let kept: Vec<(NodeId, String)> =
        kept.map(|(node, name)| (node, name.trim_start_matches("root_").to_owned())).collect();
    parts.names = SparseText::from_pairs(kept);
    (Graph::from_notation(text).unwrap(), Graph::new(Snapshot::new(parts).unwrap()))
}

/// The accumulation point's name, the sentence.
fn first(text: &str) -> (String, String) {
    let (names, graph) = app(text);
    let found = find(&graph, 0.1);
    let suspect = &found.found[0];
    let point =
        suspect.accumulation.map_or("-", |node| names.snapshot().names().get(node).unwrap());
    (point.to_owned(), suspect_sentence(&graph, suspect, found.heap_bytes))
}

#[test]
fn a_modules_dict_is_the_suspect_and_not_its_module() {
    let (point, sentence) = first(
        "root_app@module -[:__dict__]> ns@dict -[[\"cache\"]]> cache@dict
         cache -[[\"a\"]]> a@app.S:1000; cache -[[\"b\"]]> b@app.S:1000; cache -[[\"c\"]]> c@app.S:1000",
    );
    assert_eq!(point, "cache");
    assert_eq!(
        sentence,
        "3 instances of app.S, 2.9 KiB, 98.4% of the heap, accumulate in one dict held by app.cache"
    );
}

#[test]
fn two_dicts_of_one_module_are_two_suspects() {
    let (names, graph) =
        app("root_app@module -[:__dict__]> ns@dict; ns -[[\"x\"]]> x@dict; ns -[[\"y\"]]> y@list
         x -[[\"1\"]]> x1@app.S:1000; x -[[\"2\"]]> x2@app.S:1000
         y -[[0]]> y1@app.S:800; y -[[1]]> y2@app.S:800");
    let found = find(&graph, 0.1).found;
    let points: Vec<NodeId> = found.iter().filter_map(|suspect| suspect.accumulation).collect();
    assert_eq!(points, [names.named("x"), names.named("y")]);
    assert_ne!(found[0].fingerprint, found[1].fingerprint);
}

#[test]
fn what_threads_functions_and_classes_hold_is_theirs_only_in_name() {
    for (text, end) in [
        (
            "T@thread!thread -[frame 0]> f@frame -[local rows]> rows@list; rows -[[0]]> a@app.S:900; rows -[[1]]> b@app.S:900",
            "held by thread \"T\" > frame f > local \"rows\"",
        ),
        (
            "root_app@module -[:__dict__]> ns@dict -[[\"f\"]]> f@function -[:__closure__]> t@tuple -[local rows]> cell@cell -[.cell_contents]> rows@list
             rows -[[0]]> a@app.S:900; rows -[[1]]> b@app.S:900",
            "held by app.f > .__closure__ > local \"rows\" > .cell_contents",
        ),
        (
            "root_app@module -[:__dict__]> ns@dict -[[\"C\"]]> C@type -[:__dict__]> d@dict -[[\"seen\"]]> rows@list
             rows -[[0]]> a@app.S:900; rows -[[1]]> b@app.S:900",
            "held by app.C > .seen",
        ),
    ] {
        let (point, sentence) = first(text);
        assert_eq!(point, "rows");
        assert!(sentence.starts_with("2 instances of app.S, ") && sentence.ends_with(end), "{sentence}");
    }
}

#[test]
fn the_path_ends_where_no_one_keeps_seventy_percent() {
    let (point, sentence) = first(
        "root_app@module -[.a]> a@app.A -[.b]> b@app.B; b -[.c]> c@app.C:600; b -[.d]> d@app.D:300; b -[.e]> e@app.E:90",
    );
    assert_eq!(point, "b");
    assert_eq!(
        sentence,
        "1022 B, 98.5% of the heap, accumulate in one app.B held by app.a > .b, mostly 1 instance of app.C (600 B) and \
         1 instance of app.D (300 B)"
    );
}

#[test]
fn one_large_object_is_named_itself() {
    let (point, sentence) =
        first("root_app@module -[:__dict__]> ns@dict -[[\"x\"]]> x@list -[[0]]> big@bytes:5000");
    assert_eq!(point, "big");
    assert_eq!(sentence, "one bytes of 4.9 KiB, 99.0% of the heap, is held by app.x > [0]");
}

#[test]
fn a_long_list_begins_where_it_begins() {
    let mut text = "root_app@module -[:__dict__]> ns@dict -[[\"head\"]]> n0@app.N:100".to_owned();
    for at in 0..99 {
        text.push_str(&format!(
            "\nn{at} -[.__dict__]> d{at}@dict; d{at} -[[\"next\"]]> n{}@app.N:100",
            at + 1
        ));
    }
    let (point, sentence) = first(&text);
    assert_eq!(point, "n0");
    assert!(sentence.contains("accumulate in a row of "), "{sentence}");
    assert!(
        sentence.ends_with("or more app.N that hold one another, the first held by app.head"),
        "{sentence}"
    );
}

#[test]
fn a_nest_of_few_dicts_is_no_long_list() {
    let (point, _) = first(
        "root_app@module -[.x]> a@dict -[[\"b\"]]> b@dict -[[\"c\"]]> c@dict; c -[[\"1\"]]> i@app.S:500; c -[[\"2\"]]> j@app.S:500",
    );
    assert_eq!(point, "c");
}

#[test]
fn objects_that_two_indices_share_are_a_group() {
    let mut text = "root_app@module -[:__dict__]> ns@dict; ns -[[\"ids\"]]> ids@dict; ns -[[\"all\"]]> all@app.Set".to_owned();
    for at in 0..20 {
        text.push_str(&format!(
            "\nids -[[\"k{at}\"]]> s{at}@app.S:100; all -[.first]> l@list -[[{at}]]> s{at}"
        ));
    }
    let (point, sentence) = first(&text);
    assert_eq!(point, "ids");
    assert!(
        sentence.starts_with("20 instances of app.S, 2.0 KiB, ")
            && sentence.ends_with("accumulate in one dict held by app.ids, which leads to 100.0% of them and shares them with other holders"),
        "{sentence}"
    );
}

#[test]
fn an_index_and_what_it_shares_are_told_of_at_one_place() {
    let mut text = "root_app@module -[:__dict__]> ns@dict; ns -[[\"ids\"]]> ids@dict:900; ns -[[\"all\"]]> all@list".to_owned();
    for at in 0..20 {
        text.push_str(&format!(
            "\nids -[[\"k{at}\"]]> s{at}@app.S:100; all -[[{at}]]> mid{at}@tuple:20 -[[0]]> s{at}"
        ));
    }
    let graph = app(&text).1;
    let found = find(&graph, 0.1);
    let places: Vec<_> = found.found.iter().map(|suspect| suspect.accumulation).collect();
    assert_eq!(places[0], places[1]);
    let said = suspects_text(&graph, &found);
    assert!(
        said.contains("is held by app.ids\n     the same place as 1\n   fingerprint "),
        "{said}"
    );
}

#[test]
fn objects_with_a_holder_each_are_a_group_unless_every_program_has_such() {
    let text = |type_name: &str| {
        let lines = (0..20).map(|at| {
            format!(
                "root_m{at}@module -[:__dict__]> ns{at}@dict -[[\"x\"]]> s{at}@{type_name}:100\n"
            )
        });
        lines.collect::<String>()
    };
    let (point, sentence) = first(&text("app.S"));
    assert_eq!(point, "-");
    assert!(sentence.starts_with("20 instances of app.S, 2.0 KiB, "), "{sentence}");
    assert!(sentence.contains("have no holder in common; the largest is m0.x"), "{sentence}");
    assert!(find(&app(&text("str")).1, 0.1).found.is_empty());
}

#[test]
fn where_nothing_is_too_large_the_largest_are_told_of() {
    let mut text = String::new();
    for at in 0..30 {
        text.push_str(&format!(
            "root_m{at}@module -[:__dict__]> ns{at}@dict -[[\"x\"]]> s{at}@str:{}\n",
            100 + at
        ));
    }
    text.push_str("lost:3000");
    let graph = app(&text).1;
    let found = find(&graph, 0.1);
    assert!(found.found.is_empty());
    let said = suspects_text(&graph, &found);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "nothing keeps more than 10% of 7.2 KiB");
    assert_eq!(lines[1], "the largest single objects:");
    assert_eq!(lines[2], "  one str of 129 B, 1.7% of the heap, is held by m29.x");
    assert_eq!(lines.last().unwrap(), &"40.6% of the heap is garbage: no GC root reaches it");
}

#[test]
fn the_fingerprint_knows_no_addresses_counts_and_sizes() {
    let print = |before: &str, count: usize, name: &str, thread: &str| {
        let mut text =
            format!("{before}\n{thread}@thread!thread -[frame 0]> f@frame -[local {name}]> x@dict");
        for at in 0..count {
            text.push_str(&format!("\nx -[[\"{at}\"]]> s{at}@app.S:{}", 100 + count));
        }
        let graph = app(&text).1;
        find(&graph, 0.1).found[0].fingerprint
    };
    let one = print("", 5, "rows", "T1");
    assert_eq!(one, print("root_z@module -[.a]> zz@list:24", 9, "rows", "T22"));
    assert_ne!(one, print("", 5, "other", "T1"));
    assert_ne!(one, print("", 5, "rows", "Main"));
}

#[test]
fn who_watches_may_stop_the_search() {
    let graph = app("root_app@module -[.x]> x@list -[[0]]> y@str:900").1;
    let tree = dominators(&graph);
    let stopped = suspects(&graph, &tree, 0.1, &|_: u64, _: u64| false);
    assert_eq!(stopped.unwrap_err(), Stopped);
}
