//! Chains that avoid holders, chains of many objects made one, and the noisiest holders.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{PlainEdge, graph_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{MergedChains, try_why, why, why_merged};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Root, RootKind};
use snakeroot::view::{chain_line, json, merged_table};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, NodeId, Snapshot};

fn set(graph: &Graph, nodes: impl IntoIterator<Item = NodeId>) -> NodeSet {
    let mut set = NodeSet::new(graph.node_count());
    set.extend(nodes);
    set
}

fn named(graph: &Graph, names: &str) -> NodeSet {
    set(graph, names.split_whitespace().map(|name| graph.named(name)))
}

/// Without the nodes' names, which a recorded dict or list does not have.
fn anonymous(text: &str) -> (Graph, Graph) {
    let mut parts = Graph::parts_from_notation(text).unwrap();
    let keeps = ["module", "function", "frame", "thread", "type"];
    let kept = parts.names.iter().filter(|(node, _)| {
        keeps.contains(&&*parts.types[parts.types_of[node.index()].index()].qualname)
    });
    let kept =
        kept.map(|(node, name)| (node, name.trim_start_matches("root_").to_owned())).collect();
    parts.names = snakeroot::snapshot::SparseText::from_pairs(kept);
    (Graph::from_notation(text).unwrap(), Graph::new(Snapshot::new(parts).unwrap()))
}

fn merged(text: &str, members: &str) -> (Graph, MergedChains) {
    let (with_names, graph) = anonymous(text);
    let members = named(&with_names, members);
    let merged = why_merged(&graph, &members, &NodeSet::default(), &()).unwrap();
    (graph, merged)
}

fn lines(text: &str, members: &str) -> Vec<String> {
    let (graph, merged) = merged(text, members);
    let table = merged_table(&graph, &merged, 99).text();
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// How far each node is from node 0 without passing `avoid`; what `avoid` holds is held by nothing.
fn distances(count: u32, edges: &[PlainEdge], avoid: &BTreeSet<u32>) -> BTreeMap<u32, usize> {
    let mut found = BTreeMap::from([(0, 0)]);
    for depth in 0..count as usize {
        for &(from, to, is_weak) in edges {
            if !is_weak && found.get(&from) == Some(&depth) && !avoid.contains(&from) {
                found.entry(to).or_insert(depth + 1);
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn merged_chains_count_every_member_once_at_its_distance(
        (count, edges) in small_graphs(),
        members in prop::collection::btree_set(0_u32..12, 0..9),
        avoid in prop::collection::btree_set(0_u32..12, 0..3),
    ) {
        let graph = graph_of(count, &edges);
        let members: BTreeSet<u32> = members.into_iter().filter(|&node| node < count).collect();
        let avoid: BTreeSet<u32> = avoid.into_iter().filter(|&node| node < count).collect();
        let nodes = |nodes: &BTreeSet<u32>| set(&graph, nodes.iter().map(|&node| NodeId::new(node)));
        let merged = why_merged(&graph, &nodes(&members), &nodes(&avoid), &()).unwrap();

        // With one root and no noise a cheapest chain is a shortest one.
        let far = distances(count, &edges, &avoid);
        prop_assert_eq!(merged.members, members.len() as u64);
        let lost = members.iter().filter(|node| !far.contains_key(node)).count();
        prop_assert_eq!(merged.unreached, lost as u64);
        let mut by_depth: BTreeMap<usize, u64> = BTreeMap::new();
        for node in &members {
            if let Some(&depth) = far.get(node) {
                *by_depth.entry(depth).or_default() += 1;
            }
        }
        let mut found: BTreeMap<usize, u64> = BTreeMap::new();
        for (place, step) in merged.steps.iter().enumerate() {
            if step.ends > 0 {
                *found.entry(step.depth as usize).or_default() += step.ends;
            }
            let below = merged.steps.iter().filter(|each| each.above == Some(place));
            prop_assert_eq!(step.members, step.ends + below.map(|each| each.members).sum::<u64>());
            prop_assert!(step.members > 0 && step.nodes >= step.ends);
            prop_assert_eq!(far[&step.node.place()], step.depth as usize);
            match step.above {
                None => prop_assert_eq!((step.depth, step.label), (0, None)),
                Some(above) => {
                    prop_assert!(above < place);
                    prop_assert_eq!(merged.steps[above].depth + 1, step.depth);
                    // No two steps below one are alike.
                    let twin = merged.steps[..place].iter().find(|each| {
                        each.above == Some(above)
                            && graph.snapshot().type_ids()[each.node.index()]
                                == graph.snapshot().type_ids()[step.node.index()]
                    });
                    prop_assert!(twin.is_none());
                }
            }
        }
        prop_assert_eq!(found, by_depth);
    }

    #[test]
    fn chains_that_avoid_are_those_of_the_graph_without_the_avoided(
        (count, edges) in small_graphs(),
        target in 0_u32..12,
        avoid in prop::collection::btree_set(0_u32..12, 0..4),
    ) {
        let target = target % count;
        let graph = graph_of(count, &edges);
        let avoided = set(&graph, avoid.iter().filter(|&&node| node < count).map(|&node| NodeId::new(node)));
        let found = try_why(&graph, NodeId::new(target), 5, &avoided, &()).unwrap();
        let nothing_held: Vec<PlainEdge> = edges
            .iter()
            .map(|&(from, to, is_weak)| (from, to, is_weak || avoid.contains(&from) && from != target))
            .collect();
        let left = graph_of(count, &nothing_held);
        let expected = why(&left, NodeId::new(target), 5);
        let nodes = |chains: &[snakeroot::analysis::Chain]| {
            chains.iter().map(|chain| chain.nodes.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(nodes(&found), nodes(&expected));
    }
}

/// Two dicts of sessions, one of them behind holders that are each on their own.
const SESSIONS: &str = "
    root_app@module -[:__dict__]> ns@dict
    ns -[[\"by_id\"]]> ids@dict; ns -[[\"holders\"]]> list@list
    ids -[[\"user:1\"]]> s1@app.Session; ids -[[\"user:2\"]]> s2@app.Session; ids -[[\"user:3\"]]> s3@app.Session
    list -[[0]]> h1@app.Holder -[.session]> s4@app.Session
    list -[[1]]> h2@app.Holder -[.session]> s5@app.Session
    lost@app.Session";

#[test]
fn equal_steps_are_one_and_names_are_not_equal() {
    assert_eq!(
        lines(SESSIONS, "s1 s2 s3 s4 s5"),
        [
            "module app 5 100.0%",
            ".__dict__ → dict 0x1010 5 100.0%",
            "[\"by_id\"] → dict 0x1020 3 60.0%",
            "[…] → 3 × app.Session 3 60.0%",
            "[\"holders\"] → list 0x1030 2 40.0%",
            "[…] → 2 × app.Holder 2 40.0%",
            ".session → 2 × app.Session 2 40.0%",
        ]
    );
}

#[test]
fn threads_are_alike_and_functions_are_not() {
    let text = "
        one@thread!thread -[frame 0]> f1@frame -[local x]> a@app.A
        two@thread!thread -[frame 3]> f2@frame -[local x]> b@app.A
        f2 -[local y]> c@app.A";
    let lines = lines(text, "a b c");
    assert_eq!(lines[0], "2 × thread 3 100.0%");
    assert!(lines.iter().any(|line| line.starts_with("(frame 3) → frame f2 2")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("local \"y\" → app.A")), "{lines:?}");
}

#[test]
fn a_member_that_holds_another_is_counted_at_both() {
    assert_eq!(
        lines("root_m@module -[.a]> a@app.A -[.b]> b@app.B -[.c]> c@app.A", "a c"),
        [
            "module m 2 100.0%",
            ".a → app.A 0x1010 2 100.0%",
            ".b → app.B 0x1020 1 50.0%",
            ".c → app.A 0x1030 1 50.0%",
        ]
    );
}

#[test]
fn what_no_chain_leads_to_and_what_does_not_fit_is_said() {
    let (graph, merged) = merged(SESSIONS, "s1 s4 lost");
    let table = merged_table(&graph, &merged, 2).text();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[3].starts_with("(5 more steps)"), "{table}");
    assert!(lines[4].starts_with("(no chain leads to the others)"), "{table}");
    let value = json::merged(&graph, &merged);
    assert_eq!((&value["members"], &value["unreached"]), (&3.into(), &1.into()));
    assert_eq!(value["steps"][2]["above"], 1);
    assert_eq!(value["steps"][2]["label"], "[\"by_id\"]");
}

#[test]
fn a_holder_left_out_shows_the_next() {
    let graph = Graph::from_notation("root -> a b; a -> x; b -> c -> x").unwrap();
    let x = graph.named("x");
    let names = |avoid: &str| {
        let chains = try_why(&graph, x, 3, &named(&graph, avoid), &()).unwrap();
        chains
            .iter()
            .map(|chain| graph.snapshot().names().get(chain.nodes[1]))
            .map(|name| name.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["a", "b"]);
    assert_eq!(names("a"), ["b"]);
    assert_eq!(names("b"), ["a"]);
    assert_eq!(names("a c"), [""; 0]);
    assert_eq!(names("x"), ["a", "b"]);
    assert_eq!(names("root"), [""; 0]);
}

#[test]
fn what_holds_only_because_somebody_looks_comes_last() {
    let module = |name: &str, key: &str| {
        let text = format!(
            "m@module!module -[:__dict__]> ns@dict -[[\"{key}\"]]> x
             root_app@module -[:__dict__]> g@dict -[[\"a\"]]> a -[.b]> b -[.c]> c -[.d]> x"
        );
        let mut parts = Graph::parts_from_notation(&text).unwrap();
        for (_, root) in &mut parts.roots {
            if &*root.words == "m" {
                *root = Root::new(RootKind::Module, name);
            }
        }
        let graph = Graph::new(Snapshot::new(parts).unwrap());
        let chain = why(&graph, graph.named("x"), 2).remove(0);
        chain_line(&graph, &chain).starts_with("module m ")
    };
    for (name, key) in [
        ("sys", "last_value"),
        ("sys", "last_exc"),
        ("builtins", "_"),
        ("__main__", "_12"),
        ("__main__", "Out"),
    ] {
        assert!(!module(name, key), "{name}.{key}");
    }
    for (name, key) in
        [("sys", "path"), ("builtins", "x"), ("__main__", "_x"), ("app2", "_"), ("__main__", "_i")]
    {
        assert_eq!(module(name, key), key != "_i", "{name}.{key}");
    }
    // A debugger's own objects and frames.
    let text = "t@thread!thread -[frame 0]> f@frame -[local x]> x
         root_app@module -[.a]> a -[.b]> b -[.c]> c -[.d]> x";
    let first = |frame: &str| {
        let mut parts = Graph::parts_from_notation(text).unwrap();
        let names =
            parts.names.iter().map(|(node, name)| (node, if name == "f" { frame } else { name }));
        parts.names = snakeroot::snapshot::SparseText::from_pairs(names.collect());
        let graph = Graph::new(Snapshot::new(parts).unwrap());
        chain_line(&graph, &why(&graph, graph.named("x"), 2)[0])
    };
    assert!(first("interaction (pdb.py:427)").starts_with("module"));
    assert!(first("main (app.py:427)").starts_with("thread"));
    let graph = Graph::from_notation(
        "t@thread!thread -[frame 0]> f@frame -[local self]> p@pdb.Pdb -[.curframe]> x
         root_app@module -[.a]> a -[.b]> b -[.c]> c -[.d]> x",
    );
    let graph = graph.unwrap();
    assert!(
        chain_line(&graph, &why(&graph, graph.named("x"), 2)[0]).starts_with("module root_app")
    );
}

#[test]
fn who_watches_may_stop_the_merging() {
    let edges: Vec<PlainEdge> = (0..20_000).map(|node| (node, node + 1, false)).collect();
    let mut parts = common::parts_of(1, &[]);
    let more = common::parts_of(0, &[]);
    assert!(more.addresses.is_empty());
    for node in 1..=edges.len() as u32 {
        parts.addresses.push(0x1000 + 16 * u64::from(node));
        parts.types_of.push(snakeroot::TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(snakeroot::snapshot::Flags::default());
    }
    parts.starts = (0..=edges.len() as u64).chain([edges.len() as u64]).collect();
    parts.targets = edges.iter().map(|edge| NodeId::new(edge.1)).collect();
    parts.labels = edges.iter().map(|_| snakeroot::LabelId::item(0)).collect();
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let last = set(&graph, [NodeId::new(edges.len() as u32)]);
    let stopped = why_merged(&graph, &last, &NodeSet::default(), &|_: u64, _: u64| false);
    assert_eq!(stopped.unwrap_err(), Stopped);
}
