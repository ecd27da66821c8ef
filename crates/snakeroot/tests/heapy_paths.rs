//! Shortest paths against a list of all of them.

mod common;

use std::collections::{BTreeSet, HashSet};

use common::{PlainEdge, graph_of, small_graphs};
use num_bigint::BigUint;
use proptest::prelude::*;
use snakeroot::analysis::heapy::{
    Avoid, HeldBy, Link, Path, RootEdges, ShortestPaths, Source, shortest_paths,
};
use snakeroot::graph::NodeSet;
use snakeroot::watch::Stopped;
use snakeroot::{Graph, NodeId};

/// A path as places of edges, from a node.
type Walk = (u32, Vec<usize>);

/// All shortest paths, found by making every path one edge longer until one arrives.
fn all_shortest(
    edges: &[PlainEdge],
    sources: &BTreeSet<u32>,
    targets: &BTreeSet<u32>,
    avoid: &BTreeSet<u32>,
    avoid_edges: &BTreeSet<(u32, u32)>,
) -> BTreeSet<Walk> {
    let mut walks: Vec<(Walk, Vec<u32>)> =
        sources.difference(avoid).map(|&source| ((source, Vec::new()), vec![source])).collect();
    while !walks.is_empty() {
        let mut longer = Vec::new();
        for ((source, places), nodes) in &walks {
            for (place, &(from, to, is_weak)) in edges.iter().enumerate() {
                let is_next = nodes.last() == Some(&from)
                    && !is_weak
                    && !nodes.contains(&to)
                    && !avoid.contains(&to)
                    && !avoid_edges.contains(&(from, to));
                if is_next {
                    let places = places.iter().copied().chain([place]).collect();
                    let nodes = nodes.iter().copied().chain([to]).collect::<Vec<_>>();
                    longer.push(((*source, places), nodes));
                }
            }
        }
        let is_target = |node: &u32| targets.contains(node) && !sources.contains(node);
        let found: BTreeSet<Walk> = longer
            .iter()
            .filter(|(_, nodes)| nodes.last().is_some_and(is_target))
            .map(|(walk, _)| walk.clone())
            .collect();
        if !found.is_empty() {
            return found;
        }
        walks = longer;
    }
    BTreeSet::new()
}

fn walk_of(path: &Path) -> Walk {
    let places = path.steps.iter().map(|(link, _)| match link {
        Link::Held(HeldBy::Index(place)) => place.parse().unwrap(),
        other => panic!("an edge of the test has its place as label, found {other:?}"),
    });
    (path.source.unwrap().place(), places.collect())
}

fn listed(graph: &Graph, paths: &ShortestPaths) -> Vec<Path> {
    let mut all = Vec::new();
    let mut cursor = paths.from(graph, &BigUint::ZERO);
    while let Some(at) = &mut cursor {
        all.push(paths.path(graph, at));
        if !paths.advance(graph, at) {
            break;
        }
    }
    all
}

fn node_set(graph: &Graph, nodes: &BTreeSet<u32>) -> NodeSet {
    let mut set = NodeSet::new(graph.node_count());
    set.extend(nodes.iter().map(|&node| NodeId::new(node)));
    set
}

/// Some of the nodes, one in so many.
fn some(count: u32, one_in: u32) -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::vec(prop::bool::weighted(1.0 / f64::from(one_in)), count as usize)
        .prop_map(|taken| (0..).zip(taken).filter(|(_, taken)| *taken).map(|(at, _)| at).collect())
}

type Case =
    ((u32, Vec<PlainEdge>), BTreeSet<u32>, BTreeSet<u32>, BTreeSet<u32>, BTreeSet<(u32, u32)>);

fn cases() -> impl Strategy<Value = Case> {
    small_graphs().prop_flat_map(|(count, edges)| {
        let taken = prop::collection::vec(prop::bool::weighted(0.1), edges.len());
        let avoided = (Just(edges.clone()), taken).prop_map(|(edges, taken)| {
            let taken = edges.into_iter().zip(taken).filter(|(_, taken)| *taken);
            taken.map(|((from, to, _), _)| (from, to)).collect()
        });
        (Just((count, edges)), some(count, 4), some(count, 4), some(count, 8), avoided)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn all_shortest_paths_are_found_and_each_by_its_number(
        ((count, edges), sources, targets, avoid, avoid_edges) in cases()
    ) {
        let graph = graph_of(count, &edges);
        let expected = all_shortest(&edges, &sources, &targets, &avoid, &avoid_edges);
        let out = Avoid {
            nodes: Some(node_set(&graph, &avoid)),
            edges: avoid_edges
                .iter()
                .map(|&(from, to)| (Some(NodeId::new(from)), NodeId::new(to)))
                .collect::<HashSet<_>>(),
        };
        let (sources, targets) = (node_set(&graph, &sources), node_set(&graph, &targets));
        let mut paths =
            shortest_paths(&graph, Source::Nodes(&sources), &targets, out, &()).unwrap();
        if let Some(first) = paths.levels().first() {
            // Any order will do.
            let reversed = first.iter().rev().copied().collect();
            paths.order_sources(reversed);
        }
        let all = listed(&graph, &paths);
        let found: BTreeSet<Walk> = all.iter().map(walk_of).collect();
        prop_assert_eq!(found.len(), all.len());
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(paths.count(&graph), BigUint::from(expected.len()));
        for (number, path) in all.iter().enumerate() {
            let cursor = paths.from(&graph, &BigUint::from(number)).unwrap();
            prop_assert_eq!(&paths.path(&graph, &cursor), path);
        }
        prop_assert!(paths.from(&graph, &BigUint::from(all.len())).is_none());
        // From each source in its turn, and of two paths that part the one with the lower place first.
        let order: Vec<usize> = all
            .iter()
            .map(|path| paths.levels()[0].iter().position(|&node| Some(node) == path.source).unwrap())
            .collect();
        prop_assert!(order.is_sorted());
        for pair in all.windows(2).filter(|pair| pair[0].source == pair[1].source) {
            prop_assert!(walk_of(&pair[0]) < walk_of(&pair[1]));
        }
        for level in 0..paths.length().unwrap_or(0) {
            let edges: BTreeSet<(u32, u32)> = paths
                .edges_at(&graph, level)
                .iter()
                .map(|(from, to)| (from.unwrap().place(), to.place()))
                .collect();
            let expected: BTreeSet<(u32, u32)> = all
                .iter()
                .map(|path| {
                    let from = match level {
                        0 => path.source.unwrap(),
                        level => path.steps[level - 1].1,
                    };
                    (from.place(), path.steps[level].1.place())
                })
                .collect();
            prop_assert_eq!(edges, expected);
        }
    }

    #[test]
    fn from_the_root_paths_are_those_from_its_modules_and_a_step_more(
        ((count, edges), _, targets, ..) in cases()
    ) {
        let graph = graph_of(count, &edges);
        let roots = RootEdges::new(&graph);
        let set = node_set(&graph, &targets);
        let paths = shortest_paths(&graph, Source::Root(&roots), &set, Avoid::default(), &()).unwrap();
        // Node 0 is the only root.
        let found: Vec<Path> = listed(&graph, &paths);
        if targets.contains(&0) {
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].steps.len(), 1);
        } else {
            let none = BTreeSet::new();
            let expected = all_shortest(&edges, &[0].into(), &targets, &none, &BTreeSet::new());
            let walks: BTreeSet<Walk> = found
                .iter()
                .map(|path| walk_of(&Path { source: Some(path.steps[0].1), steps: path.steps[1..].to_vec() }))
                .collect();
            prop_assert_eq!(walks, expected);
        }
    }
}

#[test]
fn paths_beyond_any_number_are_counted_and_found() {
    // 200 times two ways: 2^200 paths.
    let mut text = String::from("n0@list");
    for at in 0..200 {
        let next = at + 1;
        text.push_str(&format!("; n{at} -[[0]]> n{next}; n{at} -[[1]]> n{next}"));
    }
    let graph = Graph::from_notation(&text).unwrap();
    let set = |name| {
        let mut set = NodeSet::new(graph.node_count());
        set.insert(graph.named(name));
        set
    };
    let (from, to) = (set("n0"), set("n200"));
    let paths = shortest_paths(&graph, Source::Nodes(&from), &to, Avoid::default(), &()).unwrap();
    let all = BigUint::from(2_u32).pow(200);
    assert_eq!(paths.count(&graph), all);
    let last = paths.from(&graph, &(&all - 1_u32)).unwrap();
    let path = paths.path(&graph, &last);
    assert!(path.steps.iter().all(|(link, _)| *link == Link::Held(HeldBy::Index("1".into()))));
    assert!(paths.from(&graph, &all).is_none());
    let third = paths.path(&graph, &paths.from(&graph, &BigUint::from(2_u32)).unwrap());
    let ones = third.steps.iter().rev().map(|(link, _)| match link {
        Link::Held(HeldBy::Index(place)) => place.to_string(),
        other => panic!("expected an index, found {other:?}"),
    });
    assert_eq!(ones.take(3).collect::<String>(), "010");
}

#[test]
fn what_only_c_holds_is_found_where_nothing_else_leads() {
    let graph = Graph::from_notation(
        "root1 -> a -> b; c!held-from-c -> b; c -> d; main@thread -[frame 0]> f@frame -[local x]> e",
    )
    .unwrap();
    let roots = RootEdges::new(&graph);
    let length = |name| {
        let mut set = NodeSet::new(graph.node_count());
        set.insert(graph.named(name));
        let paths =
            shortest_paths(&graph, Source::Root(&roots), &set, Avoid::default(), &()).unwrap();
        paths.length()
    };
    assert_eq!(length("b"), Some(3));
    assert_eq!(length("d"), Some(2));
    assert_eq!(length("e"), Some(2));
    assert_eq!(length("main"), None);
}

#[test]
fn frames_come_after_modules_and_lead_on_by_their_variables() {
    let graph = Graph::from_notation(
        "root1 -> ns -[[\"g\"]]> g; ns -[[\"far\"]]> n1 -> n2 -> n3 -> n4 -> n5 -> n6
         main@thread -[frame 0]> f@frame -[local x]> g; f -[:f_globals]> ns; f -[local y]> l; f -[stack 0]> l
         f -[local z]> n6; f -[stack 1]> s; f -[local n]> n5",
    )
    .unwrap();
    let roots = RootEdges::new(&graph);
    let found = |name| {
        let mut set = NodeSet::new(graph.node_count());
        set.insert(graph.named(name));
        let paths =
            shortest_paths(&graph, Source::Root(&roots), &set, Avoid::default(), &()).unwrap();
        let count = paths.count(&graph);
        let first = paths.path(&graph, &paths.from(&graph, &BigUint::ZERO).unwrap());
        assert_eq!(count, BigUint::from(listed(&graph, &paths).len()));
        let last = first.steps.last().unwrap().0.clone();
        (count, first.steps.len(), last)
    };
    let one = BigUint::from(1_u32);
    let local = |name: &str| Link::Held(HeldBy::Local("", name.into()));
    // Neither the variable nor the namespace of the frame: the module leads there too.
    assert_eq!(found("g"), (one.clone(), 3, Link::Held(HeldBy::Key("g".into()))));
    assert_eq!(found("n5"), (one.clone(), 7, Link::Held(HeldBy::Unknown)));
    // Five steps and more are saved.
    assert_eq!(found("n6"), (one.clone(), 2, local("z")));
    // Not the place on the stack, but where nothing else leads.
    assert_eq!(found("l"), (one.clone(), 2, local("y")));
    assert_eq!(found("s"), (one, 2, Link::Held(HeldBy::Stack("1".into()))));
}

#[test]
fn a_long_list_is_no_recursion_and_the_watch_stops_the_search() {
    let count = 300_000;
    let edges: Vec<PlainEdge> = (0..count - 1).map(|at| (at, at + 1, false)).collect();
    let mut parts = snakeroot::SnapshotParts { starts: vec![0], ..Default::default() };
    for at in 0..count {
        parts.addresses.push(16 + 16 * u64::from(at));
        parts.types_of.push(snakeroot::TypeId(0));
        parts.sizes.push(16);
        parts.refcounts.push(1);
        parts.flags.push(Default::default());
        if let Some(edge) = edges.get(at as usize) {
            parts.targets.push(NodeId::new(edge.1));
            parts.labels.push(snakeroot::LabelId::item(0));
        }
        parts.starts.push(parts.targets.len() as u64);
    }
    parts.types.push(Default::default());
    let graph = Graph::new(snakeroot::Snapshot::new(parts).unwrap());
    let set = |at| {
        let mut set = NodeSet::new(graph.node_count());
        set.insert(NodeId::new(at));
        set
    };
    let (from, to) = (set(0), set(count - 1));
    let source = Source::Nodes(&from);
    let paths = shortest_paths(&graph, source, &to, Avoid::default(), &()).unwrap();
    assert_eq!(paths.length(), Some(count as usize - 1));
    assert_eq!(paths.count(&graph), BigUint::from(1_u32));
    let stop = |_: u64, _: u64| false;
    let stopped = shortest_paths(&graph, source, &to, Avoid::default(), &stop);
    assert_eq!(stopped.err(), Some(Stopped));
}
