//! Cycles against petgraph, a search from every node, and taking each cycle away.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{PlainEdge, parts_of, petgraph_of, small_graphs};
use proptest::prelude::*;
use snakeroot::analysis::{CycleScope, Cycles, cycles, try_cycles};
use snakeroot::snapshot::{LabelKind, LabelTable, Root, RootKind, TypeEntry};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, LabelId, NodeId, Snapshot, TypeId};

/// An edge to be, and whether it is machinery.
type Drawn = (PlainEdge, bool);

/// A small graph with some roots, some of whose edges are machinery.
fn heaps() -> impl Strategy<Value = (u32, Vec<Drawn>, BTreeSet<u32>)> {
    small_graphs().prop_flat_map(|(count, edges)| {
        let own = prop::collection::vec(prop::bool::weighted(0.25), edges.len());
        let edges = own.prop_map(move |own| edges.iter().copied().zip(own).collect());
        (Just(count), edges, prop::collection::btree_set(0..count, 0..4))
    })
}

fn graph_of(count: u32, edges: &[Drawn], roots: &BTreeSet<u32>) -> Graph {
    let plain: Vec<PlainEdge> = edges.iter().map(|&(edge, _)| edge).collect();
    let mut parts = parts_of(count, &plain);
    let machinery = parts.label_table.push(LabelKind::Slot, "__class__");
    for label in &mut parts.labels {
        if label.as_item().is_some_and(|place| edges[place as usize].1) {
            *label = machinery;
        }
    }
    let root = |&node: &u32| (NodeId::new(node), Root::new(RootKind::Module, "app"));
    parts.roots = roots.iter().map(root).collect();
    Graph::new(Snapshot::new(parts).unwrap())
}

/// All that some nodes reach over some edges, past those that are away.
fn reached(
    edges: &[PlainEdge],
    from: impl IntoIterator<Item = u32>,
    away: &BTreeSet<u32>,
) -> BTreeSet<u32> {
    let mut seen: BTreeSet<u32> = from.into_iter().filter(|node| !away.contains(node)).collect();
    let mut stack: Vec<u32> = seen.iter().copied().collect();
    while let Some(node) = stack.pop() {
        for &(_, to, is_weak) in edges.iter().filter(|edge| edge.0 == node) {
            if !is_weak && !away.contains(&to) && seen.insert(to) {
                stack.push(to);
            }
        }
    }
    seen
}

fn components(count: u32, edges: &[PlainEdge]) -> BTreeSet<Vec<u32>> {
    let oracle = petgraph_of(count, edges);
    let found = petgraph::algo::kosaraju_scc(&oracle).into_iter();
    found
        .filter(|nodes| nodes.len() > 1 || oracle.contains_edge(nodes[0], nodes[0]))
        .map(|nodes| {
            let nodes: BTreeSet<u32> = nodes.iter().map(|node| node.index() as u32).collect();
            nodes.into_iter().collect()
        })
        .collect()
}

fn places(found: &Cycles, at: usize) -> Vec<u32> {
    found.nodes(&found.rows()[at]).iter().map(|node| node.place()).collect()
}

/// The length of the shortest way around in some nodes: a search from each of them.
fn girth(edges: &[PlainEdge], nodes: &BTreeSet<u32>) -> usize {
    let mut best = usize::MAX;
    for &start in nodes {
        let mut level = BTreeSet::from([start]);
        let mut steps = 0;
        while steps < nodes.len() {
            steps += 1;
            let next = edges.iter().filter(|edge| !edge.2 && level.contains(&edge.0));
            level = next.map(|edge| edge.1).filter(|node| nodes.contains(node)).collect();
            if level.contains(&start) {
                best = best.min(steps);
                break;
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn cycles_are_what_petgraph_finds_and_retain_what_goes_with_them((count, drawn, roots) in heaps()) {
        let graph = graph_of(count, &drawn, &roots);
        let all: Vec<PlainEdge> = drawn.iter().map(|&(edge, _)| edge).collect();
        let made: Vec<PlainEdge> = drawn.iter().filter(|edge| !edge.1).map(|&(edge, _)| edge).collect();
        let none = BTreeSet::new();
        let live = reached(&all, roots.iter().copied(), &none);
        let size = |node: &u32| graph.snapshot().size(NodeId::new(*node));

        // Garbage hangs from the lowest node of each component that nothing leads to.
        let own: Vec<PlainEdge> = all.iter().copied().filter(|edge| !live.contains(&edge.0)).collect();
        let entries: BTreeSet<u32> = (0..count).filter(|node| !live.contains(node)).filter(|&node| {
            let to_it: BTreeSet<u32> = (0..count)
                .filter(|other| !live.contains(other) && reached(&own, [*other], &none).contains(&node))
                .collect();
            to_it.is_subset(&reached(&own, [node], &none)) && to_it.first() == Some(&node)
        }).collect();

        for scope in [CycleScope::Made, CycleScope::All, CycleScope::Garbage] {
            let found = cycles(&graph, scope);
            let edges = if scope == CycleScope::Made { &made } else { &all };
            let mut expected = components(count, edges);
            if scope == CycleScope::Garbage {
                expected.retain(|nodes| !live.contains(&nodes[0]));
            }
            let nodes: BTreeSet<Vec<u32>> = (0..found.len()).map(|at| places(&found, at)).collect();
            prop_assert_eq!(nodes.len(), found.len());
            prop_assert_eq!(&nodes, &expected);
            prop_assert!(found.rows().is_sorted_by(|some, other| some.retained_size >= other.retained_size));

            let left_out = components(count, &all).into_iter()
                .filter(|whole| !expected.iter().any(|nodes| nodes.iter().any(|node| whole.contains(node))));
            prop_assert_eq!(found.left_out(), if scope == CycleScope::Made { left_out.count() as u64 } else { 0 });

            let mut explained = BTreeSet::new();
            for (at, row) in found.rows().iter().enumerate() {
                let away: BTreeSet<u32> = places(&found, at).into_iter().collect();
                let is_garbage = !live.contains(away.first().unwrap());
                prop_assert_eq!(row.is_garbage, is_garbage);
                prop_assert_eq!(row.count, away.len() as u64);
                prop_assert_eq!(row.size, away.iter().map(size).sum::<u64>());
                let (before, tops, edges_of) = match is_garbage {
                    false => (live.clone(), &roots, &all),
                    true => (reached(&own, entries.iter().copied(), &none), &entries, &own),
                };
                let left = reached(edges_of, tops.iter().copied(), &away);
                let freed: BTreeSet<u32> = before.difference(&left).copied()
                    .filter(|node| !is_garbage || !live.contains(node)).collect();
                prop_assert_eq!(row.retained_size, freed.iter().map(size).sum::<u64>(), "{:?} of {:?}", scope, away);
                prop_assert_eq!(row.retained_count, freed.len() as u64);
                if is_garbage {
                    explained.extend(freed);
                }

                let detail = found.detail(&graph, row, &()).unwrap();
                let path = &detail.path;
                prop_assert!(detail.is_shortest);
                prop_assert_eq!(path.labels.len(), girth(edges, &away));
                prop_assert_eq!(path.nodes.first(), path.nodes.last());
                for (pair, &label) in path.nodes.windows(2).zip(&path.labels) {
                    prop_assert!(away.contains(&pair[0].place()));
                    let edge = graph.edges_from(pair[0]).find(|edge| edge.referent == pair[1] && edge.label == label);
                    prop_assert!(edge.is_some_and(|edge| graph.is_strong(edge.label)));
                }
                let mut types: BTreeMap<TypeId, u64> = BTreeMap::new();
                for &node in &away {
                    *types.entry(graph.snapshot().type_ids()[node as usize]).or_default() += 1;
                }
                prop_assert_eq!(detail.types.iter().map(|row| (row.type_id, row.count)).collect::<BTreeMap<_, _>>(), types);
                prop_assert!(detail.types.is_sorted_by(|some, other| some.count >= other.count));
            }
            let garbage = found.garbage();
            prop_assert_eq!(garbage.count, u64::from(count) - live.len() as u64);
            prop_assert_eq!(garbage.size, (0..count).filter(|node| !live.contains(node)).map(|node| size(&node)).sum::<u64>());
            prop_assert_eq!(garbage.count - garbage.shared_count, explained.len() as u64);
        }
    }
}

/// What one drawn cycle is: its nodes by name, the way around and where to break it.
fn drawn(text: &str, scope: CycleScope) -> Vec<(String, String)> {
    let graph = Graph::from_notation(text).unwrap();
    let found = cycles(&graph, scope);
    let name = |node: NodeId| graph.snapshot().names().get(node).unwrap().to_owned();
    let rows = found.rows().iter().map(|row| {
        let detail = found.detail(&graph, row, &()).unwrap();
        let path: Vec<String> = detail.path.nodes.iter().map(|&node| name(node)).collect();
        let table = graph.snapshot().label_table();
        let at = detail.break_at.map_or("nowhere".to_owned(), |at| {
            format!("{} of {}", table.get(detail.path.labels[at.edge]), name(at.owner))
        });
        (path.join(" "), at)
    });
    rows.collect()
}

fn pair(path: &str, at: &str) -> (String, String) {
    (path.to_owned(), at.to_owned())
}

#[test]
fn the_shortest_way_around_is_told_with_its_best_reference() {
    let text = "root -> a@app.Tree -[.children]> l@list -[[0]]> b@app.Tree -[.parent]> a
                b -[.far]> c -> d -> a";
    assert_eq!(drawn(text, CycleScope::Made), [pair("a l b a", ".parent of b")]);
    // An attribute that stands in a dict.
    let text = "root -> a@app.Tree -[:__dict__]> d@dict -[[\"owner\"]]> b@app.Tree -[.kids]> a";
    assert_eq!(drawn(text, CycleScope::Made), [pair("a d b a", "[\"owner\"] of a")]);
    let text = "root -> d@dict -[[\"me\"]]> t@tuple -[[0]]> d";
    assert_eq!(drawn(text, CycleScope::Made), [pair("d t d", "[\"me\"] of d")]);
}

#[test]
fn a_reference_to_itself_is_a_cycle() {
    assert_eq!(
        drawn("root -> a@app.Node -[.me]> a; root -> b", CycleScope::Made),
        [pair("a a", ".me of a")]
    );
    assert_eq!(drawn("root -> a ~> a; a -> b ~> a", CycleScope::Made), []);
}

#[test]
fn what_every_class_and_function_has_by_itself_is_no_cycle_that_somebody_made() {
    let text = "root@module -[:__dict__]> d@dict -[[\"C\"]]> C@type -[:__dict__]> cd@dict
        cd -[[\"f\"]]> f@function -[:__globals__]> d; C -[:__mro__]> m@tuple -[[0]]> C
        cd -[[\"__dict__\"]]> g@getset_descriptor -[:__objclass__]> C
        d -[[\"cache\"]]> x@C -[:__class__]> C; x -[.other]> y@C -[.other]> x; y -[:__class__]> C
        d -[[\"lone\"]]> D@type -[:__mro__]> n@tuple -[[0]]> D";
    assert_eq!(drawn(text, CycleScope::Made), [pair("x y x", ".other of y")]);
    let found = cycles(&Graph::from_notation(text).unwrap(), CycleScope::Made);
    // That of D; the other one has the cycle of x and y in it.
    assert_eq!(found.left_out(), 1);
    let all = drawn(text, CycleScope::All);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1], pair("D n D", "nowhere"));
}

#[test]
fn what_a_cycle_retains_goes_when_all_of_it_goes() {
    // Both hold x, so neither retains it alone.
    let graph = Graph::from_notation(
        "root:1 -> a:10 -> b:20 -> a; root -> b; a b -> x:100; b -> y:1000; root -> y",
    )
    .unwrap();
    let found = cycles(&graph, CycleScope::Made);
    let row = found.rows()[0];
    assert_eq!((found.len(), row.count, row.size), (1, 2, 30));
    assert_eq!((row.retained_count, row.retained_size, row.is_garbage), (3, 130, false));
}

#[test]
fn garbage_is_told_with_what_hangs_on_it() {
    let graph = Graph::from_notation(
        "root -> live:7; a -> b -> a; b -> x:100 -> live; c -> c; c -> s; a -> s:1000; lone:5",
    )
    .unwrap();
    let found = cycles(&graph, CycleScope::Garbage);
    let sizes: Vec<(u64, u64)> =
        found.rows().iter().map(|row| (row.retained_count, row.retained_size)).collect();
    assert_eq!(sizes, [(3, 132), (1, 16)]);
    let garbage = found.garbage();
    // Both cycles hold s, and nothing holds the lone one.
    assert_eq!((garbage.count, garbage.size, garbage.shared_count), (6, 1153, 2));
    assert!(found.rows().iter().all(|row| row.is_garbage));
}

#[test]
fn a_finalizer_is_found_in_the_dict_of_a_type_or_of_its_bases() {
    let graph = Graph::from_notation(
        "root -> a@app.Sub -> b@app.Plain -> a
         app.Sub@type -[:__mro__]> m@tuple -[[0]]> app.Sub; m -[[1]]> Base@type
         Base -[:__dict__]> d@dict -[[\"__del__\"]]> f@function
         app.Plain@type -[:__dict__]> e@dict -[[\"x\"]]> f",
    )
    .unwrap();
    let found = cycles(&graph, CycleScope::Made);
    let detail = found.detail(&graph, &found.rows()[0], &()).unwrap();
    assert_eq!(detail.finalizers, [graph.named("a")]);
}

#[test]
fn of_two_ways_of_one_length_the_one_that_says_more_is_told() {
    let text = "root -> x@app.X; x -> a -> x; x -[.a]> b -[.x]> x";
    assert_eq!(drawn(text, CycleScope::Made), [pair("x b x", ".x of b")]);
}

#[test]
fn in_a_large_component_the_search_ends_and_says_so() {
    // A ring in which each node leads to many ahead of it: no short way around, and many ways.
    const COUNT: u32 = 40_000;
    let mut parts = parts_of(0, &[]);
    parts.types = vec![TypeEntry { module: "app".into(), qualname: "N".into(), node: None }];
    parts.label_table = LabelTable::new();
    for node in 0..COUNT {
        parts.addresses.push(16 * u64::from(node + 1));
        parts.types_of.push(TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(Default::default());
        for step in 0..20 {
            parts.targets.push(NodeId::new((node + 100 * step + 1) % COUNT));
            parts.labels.push(LabelId::item(step));
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    let graph = Graph::new(Snapshot::new(parts).unwrap());
    let found = cycles(&graph, CycleScope::All);
    let detail = found.detail(&graph, &found.rows()[0], &()).unwrap();
    assert!(!detail.is_shortest);
    // The longest step is one of 1,901 nodes.
    assert!(detail.path.labels.len() as u32 * 1_901 >= COUNT);
}

#[test]
fn who_watches_may_stop_the_search() {
    let graph = Graph::from_notation("root -> a -> b -> a").unwrap();
    assert_eq!(try_cycles(&graph, CycleScope::All, &|_, _| false).unwrap_err(), Stopped);
    let found = cycles(&graph, CycleScope::All);
    assert_eq!(found.detail(&graph, &found.rows()[0], &|_, _| false), Err(Stopped));
}
