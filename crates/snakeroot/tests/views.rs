//! What a user sees, word by word.

use std::collections::HashSet;

use insta::assert_snapshot;
use snakeroot::analysis::{
    CycleScope, Direction, Neighbourhood, NeighbourhoodOptions, census, cycles, dominators,
    neighbourhood, shortest_chain, why,
};
use snakeroot::snapshot::{Flags, Info, LabelKind, SparseText};
use snakeroot::view::{
    DrawOptions, Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role, chain_line, chain_lines,
    chains_drawing, cycles_json, cycles_text, describe, dot, drawing, grouped, human_size, json,
    kind, top_table, types_table,
};
use snakeroot::{Graph, NodeId, Snapshot};

/// The graph of a small web application; see the comments in the file.
const APP: &str = include_str!("../../../fixtures/graphs/app.txt");

/// The application, with names where a recorded heap has some, and no others.
fn app() -> Graph {
    let mut parts = Graph::parts_from_notation(APP).unwrap();
    let named = ["module", "type", "function", "code", "thread", "frame"];
    let names: Vec<(NodeId, String)> = parts
        .names
        .iter()
        .filter(|(node, _)| {
            let type_id = parts.types_of[node.index()];
            named.contains(&&*parts.types[type_id.index()].qualname)
        })
        .map(|(node, name)| (node, name.trim_start_matches("root_").to_string()))
        .collect();
    parts.names = SparseText::from_pairs(names);
    parts.info = Info { tool: "0.1.0".into(), python: "3.13.0".into(), ..Info::default() };
    Graph::new(Snapshot::new(parts).unwrap())
}

/// A node of the application by its name in the drawing.
fn node(name: &str) -> NodeId {
    Graph::from_notation(APP).unwrap().named(name)
}

fn backrefs(graph: &Graph, name: &str) -> Neighbourhood {
    let options = NeighbourhoodOptions { too_many: 2, weak: true, ..Default::default() };
    let start = [node(name)];
    neighbourhood(graph, &start, Direction::Referrers, &options, |_| true, |_| false)
}

#[test]
fn sizes_are_in_binary_units() {
    let sizes = [0, 1, 1023, 1024, 1536, 1_048_524, 1_048_525, 1 << 30, u64::MAX];
    let text = sizes.map(human_size).join(" | ");
    assert_eq!(
        text,
        "0 B | 1 B | 1023 B | 1.0 KiB | 1.5 KiB | 1023.9 KiB | 1.0 MiB | 1.0 GiB | 16.0 EiB"
    );
}

#[test]
fn thousands_are_apart() {
    let numbers = [0, 12, 123, 1234, 1_234_567, u64::MAX].map(grouped).join(" ");
    assert_eq!(numbers, "0 12 123 1,234 1,234,567 18,446,744,073,709,551,615");
}

#[test]
fn a_node_is_described_by_its_type_and_name_or_address() {
    let graph = app();
    let names = [
        "root_app",
        "globals",
        "s7",
        "app.Session",
        "handle",
        "MainThread",
        "main",
        "path",
        "code",
    ];
    let lines = names.map(|name| describe(&graph, node(name))).join("\n");
    assert_snapshot!("descriptions", lines);
}

#[test]
fn a_kind_is_that_of_the_type_or_of_what_it_inherits_from() {
    let graph = app();
    let kinds = [
        ("root_app", NodeKind::Module),
        ("globals", NodeKind::Dict),
        ("recent", NodeKind::List),
        ("point", NodeKind::Tuple),
        ("tags", NodeKind::Set),
        ("path", NodeKind::Scalar),
        ("s7", NodeKind::Instance),
        ("cache", NodeKind::Dict),
        ("app.Session", NodeKind::Type),
        ("handle", NodeKind::Function),
        ("main", NodeKind::Frame),
        ("MainThread", NodeKind::Thread),
        ("watch", NodeKind::Weak),
    ];
    for (name, wanted) in kinds {
        assert_eq!(kind(&graph, node(name)), wanted, "{name}");
    }
}

#[test]
fn the_types_are_a_table() {
    let graph = app();
    let census = census(graph.snapshot()).by_size();
    let retained = dominators(&graph).retained_by_type(graph.snapshot());
    assert_snapshot!("types_table_of_four", types_table(&graph, &census, &retained, 4).text());
    let all = types_table(&graph, &census, &retained, census.len()).text();
    assert_snapshot!("types_table_of_all", all);
}

#[test]
fn the_types_of_nothing_are_a_table_too() {
    let graph = Graph::from_notation("").unwrap();
    assert_snapshot!(
        "types_table_of_nothing",
        types_table(&graph, &census(graph.snapshot()), &[], 10).text()
    );
}

#[test]
fn the_upper_end_of_the_dominator_tree_is_a_table() {
    let graph = app();
    let tree = dominators(&graph);
    assert_snapshot!("top_table", top_table(&graph, &tree, &tree.largest(9)).text());
    let lost = Graph::from_notation("app@module!module; a@app.A -[.b]> b@app.B -[.a]> a").unwrap();
    let tree = dominators(&lost);
    assert_snapshot!("top_table_with_garbage", top_table(&lost, &tree, &tree.largest(9)).text());
}

#[test]
fn chains_read_like_python() {
    let graph = app();
    let lines = |name: &str| {
        let chains = why(&graph, node(name), 4);
        chains.iter().map(|chain| chain_line(&graph, chain) + "\n").collect::<String>()
    };
    let all = ["request", "one", "root_app", "k7"].map(lines);
    assert_snapshot!("chain_lines_of_one_line", all.join("\n"));
}

#[test]
fn chains_have_a_line_for_each_node() {
    let graph = app();
    let chains = why(&graph, node("one"), 1);
    let of_module = chain_lines(&graph, &chains[0]);
    let graph = Graph::from_notation("h@app.Pool!held-from-c:64 -[[0]]> x@app.Job").unwrap();
    let chains = why(&graph, graph.named("x"), 1);
    let held_from_c = chain_lines(&graph, &chains[0]);
    assert_snapshot!("chain_lines_of_many_lines", format!("{of_module}\n{held_from_c}"));
}

#[test]
fn answers_are_json_with_a_schema() {
    let graph = app();
    let snapshot = graph.snapshot();
    let census = census(snapshot).by_count();
    let pretty = |value| serde_json::to_string_pretty(&value).unwrap();
    assert_snapshot!("info", pretty(json::info(snapshot, &census)));
    let tree = dominators(&graph);
    let retained = tree.retained_by_type(snapshot);
    assert_snapshot!("types", pretty(json::types(snapshot, &census, &retained, Some(3))));
    assert_snapshot!("top", pretty(json::top(&graph, &tree, &tree.largest(3))));
    assert_snapshot!("chains", pretty(json::chains(&graph, &why(&graph, node("request"), 2))));
    let around = backrefs(&graph, "s7");
    assert_snapshot!("neighbourhood", pretty(json::neighbourhood(&graph, &around)));
}

/// A drawing as text: a line for each box and each arrow.
fn listed(drawing: &Drawing) -> String {
    let mut text = String::new();
    for node in &drawing.nodes {
        let (kind, role) = (node.kind, node.role);
        let lines = node.lines.join(" | ");
        text += &format!("[{}] {lines} ({kind:?} {role:?}; {})\n", node.title, node.tooltip);
    }
    for edge in &drawing.edges {
        let title = |place: usize| &drawing.nodes[place].title;
        let (source, target) = (title(edge.source), title(edge.target));
        text += &format!("{source} -{}-> {target} ({:?})\n", edge.label, edge.style);
    }
    text
}

#[test]
fn backreferences_are_drawn() {
    let graph = app();
    let options = DrawOptions { refcounts: true, sizes: true, ..DrawOptions::default() };
    let drawn = drawing(&graph, &backrefs(&graph, "s7"), &options);
    assert!(drawn.targets_last);
    assert_snapshot!("drawing_of_backrefs", listed(&drawn));
    assert_snapshot!("dot_of_backrefs", dot(&drawn));
}

#[test]
fn references_are_drawn() {
    let graph = app();
    let extra = |at: NodeId| (at == node("cache")).then(|| "one\ntwo".to_string());
    let value = |at: NodeId| (at == node("tags")).then(|| "{'new'}".to_string());
    let bright: HashSet<NodeId> = [node("tags")].into();
    let highlight = |at: NodeId| bright.contains(&at);
    let options = DrawOptions {
        shortnames: false,
        extra: Some(&extra),
        highlight: Some(&highlight),
        value: Some(&value),
        ..DrawOptions::default()
    };
    let start = [node("request")];
    let around = NeighbourhoodOptions { too_many: 3, ..Default::default() };
    let found = neighbourhood(&graph, &start, Direction::Referents, &around, |_| true, |_| false);
    let drawn = drawing(&graph, &found, &options);
    assert!(!drawn.targets_last);
    assert_snapshot!("drawing_of_refs", listed(&drawn));
}

#[test]
fn chains_are_drawn_as_one_picture() {
    let graph = app();
    let chains = why(&graph, node("request"), 3);
    let drawn = chains_drawing(&graph, &chains, Direction::Referrers, &DrawOptions::default());
    assert_snapshot!("drawing_of_chains", listed(&drawn));
    let held = node("one");
    let chain = shortest_chain(
        &graph,
        node("request"),
        Direction::Referents,
        None,
        |_| false,
        |at| at == held,
    );
    let chains = [chain.unwrap()];
    let drawn = chains_drawing(&graph, &chains, Direction::Referents, &DrawOptions::default());
    assert_eq!(drawn.nodes[0].role, Role::Target);
    assert_eq!(drawn.edges[0].style, EdgeStyle::Strong);
    assert_eq!(drawn.edges[1].style, EdgeStyle::Plain);
}

#[test]
fn many_neighbours_become_a_pill() {
    let graph = Graph::from_notation("a b c d -> x; y -> z").unwrap();
    let around = |name, too_many| {
        let options = NeighbourhoodOptions { too_many, ..Default::default() };
        let start = [graph.named(name)];
        let found =
            neighbourhood(&graph, &start, Direction::Referrers, &options, |_| true, |_| false);
        drawing(&graph, &found, &DrawOptions::default())
    };
    let drawn = around("x", 1);
    let pill = drawn.nodes.last().unwrap();
    assert_eq!((pill.title.as_str(), pill.role), ("3 more backreferences", Role::More));
    let arrow = drawn.edges.last().unwrap();
    assert_eq!((arrow.target, arrow.style), (0, EdgeStyle::More));
    assert_eq!(around("z", 0).nodes.last().unwrap().title, "1 more backreference");
}

/// What `holder` holds in a graph without names.
fn refs(text: &str) -> Drawing {
    let mut parts = Graph::parts_from_notation(text).unwrap();
    parts.names = SparseText::default();
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let options = NeighbourhoodOptions { max_depth: 1, ..Default::default() };
    let start = [NodeId::new(0)];
    let found = neighbourhood(&graph, &start, Direction::Referents, &options, |_| true, |_| false);
    drawing(&graph, &found, &DrawOptions::default())
}

#[test]
fn a_key_of_blanks_is_drawn_in_quotes() {
    let drawn = refs("d@dict -[[\"\"]]> x; d -[[\"  \"]]> x; d -[[\"k\"]]> x");
    let labels: Vec<&str> = drawn.edges.iter().map(|edge| &*edge.label).collect();
    assert_eq!(labels, ["\"\"", "\"  \"", "k"]);
}

#[test]
fn only_an_exact_container_is_said_to_have_no_items() {
    let drawn = refs("holder -> a@list b@collections.deque c@collections.deque; c -[[0]]> x");
    let lines: Vec<&str> = drawn.nodes[1..].iter().map(|node| &*node.lines[0]).collect();
    assert_eq!(lines, ["0 items", "0x1020", "1 item"]);
}

#[test]
fn a_weak_reference_is_drawn_as_one() {
    let graph = Graph::from_notation("w@weakref ~> x").unwrap();
    let options = NeighbourhoodOptions { weak: true, ..Default::default() };
    let start = [graph.named("x")];
    let found = neighbourhood(&graph, &start, Direction::Referrers, &options, |_| true, |_| false);
    let drawn = drawing(&graph, &found, &DrawOptions::default());
    assert_eq!(drawn.nodes[1].kind, NodeKind::Weak);
    assert_eq!(drawn.edges[0].style, EdgeStyle::Weak);
    assert_eq!(drawn.edges[0].label, "weak");
}

#[test]
fn the_rest_of_many_edges_is_counted_on_the_first() {
    let edges: Vec<String> = (0..9).map(|at| format!("l@list -[[{at}]]> x")).collect();
    let graph = Graph::from_notation(&edges.join(";")).unwrap();
    let start = [graph.named("l")];
    let options = NeighbourhoodOptions::default();
    let found = neighbourhood(&graph, &start, Direction::Referents, &options, |_| true, |_| false);
    let drawn = drawing(&graph, &found, &DrawOptions::default());
    let labels: Vec<&str> = drawn.edges.iter().map(|edge| edge.label.as_str()).collect();
    assert_eq!(labels, ["[0] and 5 more", "[1]", "[2]", "[3]"]);
}

#[test]
fn an_immortal_object_shows_no_count() {
    let mut parts = Graph::parts_from_notation("a").unwrap();
    parts.flags[0] = Flags::IMMORTAL;
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let start = [NodeId::new(0)];
    let found = neighbourhood(
        &graph,
        &start,
        Direction::Referents,
        &Default::default(),
        |_| true,
        |_| false,
    );
    let options = DrawOptions { refcounts: true, ..DrawOptions::default() };
    assert_eq!(drawing(&graph, &found, &options).nodes[0].lines, ["a", "immortal"]);
}

#[test]
fn long_text_is_cut_and_kept_on_one_line() {
    let mut parts = Graph::parts_from_notation("a@str -[.x]> b").unwrap();
    parts.values = SparseText::from_pairs(vec![(NodeId::new(0), "x\n\u{1b}".repeat(100))]);
    let place = parts.label_table.push(LabelKind::Key, &"k".repeat(1000));
    parts.labels = vec![place];
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let start = [NodeId::new(0)];
    let found = neighbourhood(
        &graph,
        &start,
        Direction::Referents,
        &Default::default(),
        |_| true,
        |_| false,
    );
    let drawn = drawing(&graph, &found, &DrawOptions::default());
    assert!(drawn.nodes[0].lines[0].starts_with("x\\n\\u{1b}x\\n"));
    assert!(!drawn.nodes[0].lines[0].contains(char::is_control));
    assert_eq!(drawn.edges[0].label.chars().count(), 61);
}

fn one_box(text: &str) -> Drawing {
    let node = DrawnNode {
        id: "n0".into(),
        title: text.into(),
        lines: vec![text.into()],
        kind: NodeKind::Instance,
        role: Role::Plain,
        tooltip: text.into(),
        attributes: vec![(text.into(), text.into())],
    };
    let edge = DrawnEdge { source: 0, target: 0, label: text.into(), style: EdgeStyle::Plain };
    Drawing { nodes: vec![node], edges: vec![edge], note: text.into(), targets_last: false }
}

#[test]
fn dot_is_safe_from_its_texts() {
    let text = "a\\N \"b\" \n&lt; <i> {|}\0\x1b\x7f\u{85} é \u{1f40d}";
    assert_snapshot!("dot_of_hostile_text", dot(&one_box(text)));
}

#[test]
fn dot_keeps_its_values_as_short_as_graphviz_needs_them() {
    const GRAPHVIZ_BYTES: usize = 16_384;
    let mut drawn = one_box(&"&".repeat(100_000));
    drawn.nodes[0].lines = vec!["\u{85}".repeat(900); 1_000];
    let text = dot(&drawn);
    assert!(text.split('"').all(|value| value.len() < GRAPHVIZ_BYTES));
}

/// One cycle of each kind, and what is left out of them.
const CIRCLES: &str = "root_app@module -[:__dict__]> g@dict
    g -[[\"TREE\"]]> top@app.Tree -[.children]> kids@list -[[0]]> low@app.Tree -[.parent]> top
    low -[.text]> text@str:1000
    g -[[\"CACHE\"]]> cache@dict -[{(1, 2)}]> entry@tuple -[[0]]> cache
    g -[[\"own\"]]> own@app.Own -[:__dict__]> od@dict -[[\"itself\"]]> own
    app.Own@type -[:__dict__]> cd@dict -[[\"__del__\"]]> del@function; g -[[\"Own\"]]> app.Own
    app.Own -[:__mro__]> mro@tuple -[[0]]> app.Own
    g -[[\"set\"]]> set@set -[element]> in@app.Tree -[.of]> set
    g -[[\"other\"]]> other@module -[:__dict__]> h@dict -[[\"app\"]]> root_app
    f@function -[:__closure__]> c@tuple -[local f]> cell@cell -[:cell_contents]> f
    a0@list -[[0]]> a1@list -[[0]]> a2@list -[[0]]> a3@list -[[0]]> a4@list -[[0]]> a5@list
    a5 -[[0]]> a6@list -[[0]]> a7@list -[[0]]> a8@list -[[0]]> a9@list -[[0]]> a0
    a9 -[[1]]> shared@str:7; cell -[.x]> shared";

fn circles(scope: CycleScope, limit: usize) -> (String, serde_json::Value) {
    let graph = Graph::from_notation(CIRCLES).unwrap();
    let found = cycles(&graph, scope);
    let shown = found.details(&graph, limit, &()).unwrap();
    let text = cycles_text(&graph, &found, &shown, "machinery=True shows them");
    (text, cycles_json(&graph, &found, &shown))
}

#[test]
fn cycles_are_told_with_where_to_break_them() {
    assert_snapshot!("cycles_made", circles(CycleScope::Made, 20).0);
    assert_snapshot!("cycles_all", circles(CycleScope::All, 1).0);
    assert_snapshot!("cycles_garbage", circles(CycleScope::Garbage, 20).0);
    assert_snapshot!("cycles_json", format!("{:#}", circles(CycleScope::Made, 2).1));
}

#[test]
fn no_cycles_are_told_too() {
    let graph = Graph::from_notation("root -> a").unwrap();
    let text = |scope| cycles_text(&graph, &cycles(&graph, scope), &[], "");
    assert_eq!(text(CycleScope::Made), "no cycles\n");
    assert_eq!(text(CycleScope::Garbage), "no garbage\n");
}
