//! Analyses against the slowest obvious definitions, on small random graphs.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use common::{PlainEdge, graph_of, petgraph_of, small_graphs, snapshot_of};
use petgraph::graph::NodeIndex;
use petgraph::visit::{EdgeRef, Reversed};
use proptest::prelude::*;
use snakeroot::analysis::{
    Chain, Direction, Neighbourhood, NeighbourhoodNode, NeighbourhoodOptions, census,
    neighbourhood, shortest_chain, try_neighbourhood, try_shortest_chain, why,
};
use snakeroot::snapshot::{Root, RootKind};
use snakeroot::{Graph, LabelId, NodeId, Snapshot, TypeId};

/// Distances from (or, backwards, to) a node over strong edges, past no skipped node.
fn distances(
    (count, edges): &(u32, Vec<PlainEdge>),
    start: u32,
    direction: Direction,
    skipped: &BTreeSet<u32>,
) -> BTreeMap<u32, usize> {
    let open = |node: u32| node == start || !skipped.contains(&node);
    let edges: Vec<PlainEdge> =
        edges.iter().copied().filter(|edge| open(edge.0) && open(edge.1)).collect();
    let oracle = petgraph_of(*count, &edges);
    let start = NodeIndex::new(start as usize);
    let found = match direction {
        Direction::Referents => petgraph::algo::dijkstra(&oracle, start, None, |_| 1_usize),
        Direction::Referrers => {
            petgraph::algo::dijkstra(Reversed(&oracle), start, None, |_| 1_usize)
        }
    };
    found.into_iter().map(|(node, distance)| (node.index() as u32, distance)).collect()
}

/// Says what is wrong with a chain: each node must hold the next by the label beside it.
fn check_chain(graph: &Graph, chain: &Chain) -> Result<(), TestCaseError> {
    prop_assert_eq!(chain.nodes.len(), chain.labels.len() + 1);
    for (pair, &label) in chain.nodes.windows(2).zip(&chain.labels) {
        prop_assert!(graph.is_strong(label));
        let held = graph.edges_from(pair[0]).any(|at| at.referent == pair[1] && at.label == label);
        prop_assert!(held, "{:?} does not hold {:?} by {:?}", pair[0], pair[1], label);
    }
    Ok(())
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Referents), Just(Direction::Referrers)]
}

proptest! {
    #[test]
    fn a_census_counts_each_object_once(types in prop::collection::vec((0_u32..5, any::<u32>()), 0..60)) {
        let count = types.len() as u32;
        let mut parts = snakeroot::SnapshotParts {
            types: vec![Default::default(); 5],
            addresses: (1..=u64::from(count)).collect(),
            types_of: types.iter().map(|&(at, _)| TypeId(at)).collect(),
            sizes: types.iter().map(|&(_, size)| size).collect(),
            refcounts: vec![1; types.len()],
            flags: vec![Default::default(); types.len()],
            starts: vec![0; types.len() + 1],
            ..Default::default()
        };
        if let Some(first) = parts.sizes.first_mut() {
            *first = u32::MAX;
            parts.large_sizes.push((NodeId::new(0), 5_000_000_000));
        }
        let snapshot = Snapshot::new(parts).unwrap();
        let mut slow: HashMap<TypeId, (u64, u64)> = HashMap::new();
        for node in snapshot.nodes() {
            let row = slow.entry(snapshot.type_ids()[node.index()]).or_default();
            row.0 += 1;
            row.1 += snapshot.size(node);
        }
        let found = census(&snapshot);
        prop_assert_eq!(found.len(), slow.len());
        for row in found.rows() {
            prop_assert_eq!(slow[&row.type_id], (row.count, row.size));
            prop_assert_eq!(found.get(row.type_id), Some(row));
        }
        let total = slow.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        prop_assert_eq!(found.total(), total);
        for (sorted, by_size) in [(found.by_size(), true), (found.by_count(), false)] {
            let keys: Vec<_> = sorted
                .rows()
                .map(|row| (std::cmp::Reverse(if by_size { row.size } else { row.count }), row.type_id))
                .collect();
            prop_assert!(keys.is_sorted(), "{keys:?}");
            prop_assert_eq!(sorted.total(), found.total());
        }
    }

    #[test]
    fn a_chain_is_as_short_as_can_be(
        drawn in small_graphs(),
        start in 0_u32..12,
        goals in prop::collection::btree_set(0_u32..12, 0..4),
        skipped in prop::collection::btree_set(0_u32..12, 0..3),
        max_depth in prop::option::of(0_u32..5),
        direction in directions(),
    ) {
        prop_assume!(start < drawn.0);
        let graph = graph_of(drawn.0, &drawn.1);
        let slow = distances(&drawn, start, direction, &skipped);
        let mut asked = Vec::new();
        let found = shortest_chain(
            &graph,
            NodeId::new(start),
            direction,
            max_depth,
            |node| skipped.contains(&node.place()),
            |node| {
                asked.push(node.place());
                goals.contains(&node.place())
            },
        );
        let may = |place: &u32| *place == start || !skipped.contains(place);
        let nearest = goals
            .iter()
            .filter(|place| may(place))
            .filter_map(|place| slow.get(place).copied())
            .filter(|&distance| max_depth.is_none_or(|max| distance <= max as usize))
            .min();
        prop_assert_eq!(found.as_ref().map(|chain| chain.labels.len()), nearest);

        // Asked once each, the near ones first, none that is skipped.
        prop_assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
        let order: Vec<usize> = asked.iter().map(|place| slow[place]).collect();
        prop_assert!(order.is_sorted());
        prop_assert!(asked.iter().all(may));

        if let Some(chain) = found {
            check_chain(&graph, &chain)?;
            let (begin, end) = match direction {
                Direction::Referents => (chain.holder(), chain.held()),
                Direction::Referrers => (chain.held(), chain.holder()),
            };
            prop_assert_eq!(begin.place(), start);
            prop_assert!(goals.contains(&end.place()));
        }
    }

    #[test]
    fn why_finds_a_chain_wherever_a_root_reaches(
        drawn in small_graphs(),
        target in 0_u32..12,
        roots in prop::collection::btree_map(0_u32..12, 0_usize..RootKind::ALL.len(), 0..4),
        limit in 0_usize..5,
    ) {
        prop_assume!(target < drawn.0);
        let (count, edges) = &drawn;
        let roots: BTreeMap<u32, RootKind> = roots
            .into_iter()
            .filter(|(place, _)| place < count)
            .map(|(place, kind)| (place, RootKind::ALL[kind]))
            .collect();
        let graph = with_roots(*count, edges, &roots);
        let is_good = |place: u32| matches!(
            roots[&place],
            RootKind::Module | RootKind::Builtins | RootKind::Thread | RootKind::Task
        );
        let cost = |place: u32, length: usize| length + if is_good(place) { 0 } else { 8 };

        let chains = why(&graph, NodeId::new(target), limit);
        for chain in &chains {
            check_chain(&graph, chain)?;
            prop_assert_eq!(chain.held().place(), target);
            prop_assert!(roots.contains_key(&chain.holder().place()));
            prop_assert_eq!(chain.nodes.iter().collect::<HashSet<_>>().len(), chain.nodes.len());
        }
        let ends: HashSet<_> = chains
            .iter()
            .map(|chain| (chain.holder(), chain.nodes.iter().rev().nth(1).copied()))
            .collect();
        prop_assert_eq!(ends.len(), chains.len());
        let costs: Vec<usize> =
            chains.iter().map(|chain| cost(chain.holder().place(), chain.labels.len())).collect();
        prop_assert!(costs.is_sorted());

        let slow = distances(&drawn, target, Direction::Referrers, &BTreeSet::new());
        let cheapest = roots
            .keys()
            .filter_map(|&place| slow.get(&place).map(|&length| cost(place, length)))
            .min();
        prop_assert_eq!(costs.first().copied(), cheapest.filter(|_| limit > 0));
        prop_assert!(chains.len() <= limit);
    }

    #[test]
    fn why_finds_each_way_that_ends_otherwise(drawn in small_graphs(), target in 1_u32..12) {
        // With one good root: one chain for each referrer of the target that the root reaches
        // without passing the target.
        prop_assume!(target < drawn.0);
        let (count, edges) = &drawn;
        let graph = graph_of(*count, edges);
        let around: Vec<PlainEdge> = edges.iter().copied().filter(|edge| edge.0 != target).collect();
        let reached =
            distances(&(*count, around), 0, Direction::Referents, &BTreeSet::new());
        let wanted: BTreeSet<u32> = edges
            .iter()
            .filter(|edge| edge.1 == target && edge.0 != target && !edge.2)
            .map(|edge| edge.0)
            .filter(|referrer| reached.contains_key(referrer))
            .collect();
        let chains = why(&graph, NodeId::new(target), 50);
        let found: BTreeSet<u32> =
            chains.iter().map(|chain| chain.nodes[chain.nodes.len() - 2].place()).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn a_neighbourhood_grows_as_defined(
        drawn in small_graphs(),
        starts in prop::collection::vec(0_u32..12, 1..4),
        refused in prop::collection::btree_set(0_u32..12, 0..3),
        stopping in prop::collection::btree_set(0_u32..12, 0..3),
        max_depth in 0_u32..5,
        too_many in 0_usize..5,
        direction in directions(),
        weak: bool,
    ) {
        prop_assume!(starts.iter().all(|start| *start < drawn.0));
        let graph = graph_of(drawn.0, &drawn.1);
        let options = NeighbourhoodOptions { max_depth, too_many, weak };
        let starts: Vec<NodeId> = starts.into_iter().map(NodeId::new).collect();
        let found = neighbourhood(
            &graph,
            &starts,
            direction,
            &options,
            |node| !refused.contains(&node.place()),
            |node| stopping.contains(&node.place()),
        );
        let slow = slow_neighbourhood(&graph, &starts, direction, &options, &refused, &stopping);
        let nodes: Vec<_> = found
            .graph
            .node_weights()
            .map(|at| (at.node.place(), (at.depth, at.left_out, at.is_start)))
            .collect();
        prop_assert_eq!(nodes.len(), slow.nodes.len());
        prop_assert_eq!(nodes.into_iter().collect::<BTreeMap<_, _>>(), slow.nodes);
        let mut edges: BTreeMap<(u32, u32), Vec<(LabelId, u64)>> = BTreeMap::new();
        for edge in found.graph.edge_references() {
            let place = |at: NodeIndex| found.graph[at].node.place();
            let pair = (place(edge.source()), place(edge.target()));
            edges.entry(pair).or_default().push((edge.weight().label, edge.weight().count));
        }
        prop_assert_eq!(edges, slow.edges);
        let of_start = found.starts.iter().map(|&at| found.graph[at].node);
        let mut once: Vec<NodeId> = Vec::new();
        starts.iter().for_each(|start| if !once.contains(start) { once.push(*start) });
        prop_assert!(of_start.eq(once));
    }
}

fn with_roots(count: u32, edges: &[PlainEdge], roots: &BTreeMap<u32, RootKind>) -> Graph {
    let snapshot = snapshot_of(count, edges);
    let parts = snakeroot::SnapshotParts {
        types: snapshot.types().to_vec(),
        addresses: snapshot.addresses().to_vec(),
        types_of: snapshot.type_ids().to_vec(),
        sizes: snapshot.packed_sizes().to_vec(),
        refcounts: snapshot.refcounts().to_vec(),
        flags: snapshot.all_flags().to_vec(),
        starts: snapshot.referents().starts().to_vec(),
        targets: snapshot.referents().targets().to_vec(),
        labels: snapshot.labels().to_vec(),
        label_table: snapshot.label_table().clone(),
        roots: roots.iter().map(|(&at, &kind)| (NodeId::new(at), Root::new(kind, ""))).collect(),
        ..Default::default()
    };
    Graph::new(Snapshot::new(parts).unwrap())
}

#[derive(Default)]
struct Slow {
    /// Depth, left out, whether a start.
    nodes: BTreeMap<u32, (u32, u64, bool)>,
    edges: BTreeMap<(u32, u32), Vec<(LabelId, u64)>>,
}

/// objgraph's expansion, edge by edge.
fn slow_neighbourhood(
    graph: &Graph,
    starts: &[NodeId],
    direction: Direction,
    options: &NeighbourhoodOptions,
    refused: &BTreeSet<u32>,
    stopping: &BTreeSet<u32>,
) -> Slow {
    let mut slow = Slow::default();
    let mut queue = VecDeque::new();
    let mut queued = BTreeSet::new();
    for start in starts {
        slow.nodes.insert(start.place(), (0, 0, true));
        if queued.insert(*start) {
            queue.push_back(*start);
        }
    }
    let all: Vec<_> = graph
        .snapshot()
        .nodes()
        .flat_map(|node| graph.edges_from(node))
        .filter(|edge| options.weak || graph.is_strong(edge.label))
        .collect();
    while let Some(node) = queue.pop_front() {
        let depth = slow.nodes[&node.place()].0;
        if depth >= options.max_depth || stopping.contains(&node.place()) {
            continue;
        }
        let mut neighbours: Vec<NodeId> = Vec::new();
        let ends = |edge: &snakeroot::graph::Edge| match direction {
            Direction::Referents => (edge.referrer, edge.referent),
            Direction::Referrers => (edge.referent, edge.referrer),
        };
        for edge in &all {
            let (here, there) = ends(edge);
            if here == node && !neighbours.contains(&there) && !refused.contains(&there.place()) {
                neighbours.push(there);
            }
        }
        let taken = neighbours.len().min(options.too_many);
        if direction == Direction::Referrers && taken < neighbours.len() {
            // No other noise than weak references is in these graphs.
            neighbours.sort_by_key(|&there| {
                !all.iter().any(|edge| ends(edge) == (node, there) && graph.is_strong(edge.label))
            });
        }
        slow.nodes.get_mut(&node.place()).unwrap().1 = (neighbours.len() - taken) as u64;
        for &neighbour in &neighbours[..taken] {
            let between: Vec<_> =
                all.iter().filter(|edge| ends(edge) == (node, neighbour)).collect();
            slow.nodes.entry(neighbour.place()).or_insert((depth + 1, 0, false));
            if between.iter().any(|edge| graph.is_strong(edge.label)) && queued.insert(neighbour) {
                slow.nodes.get_mut(&neighbour.place()).unwrap().0 = depth + 1;
                queue.push_back(neighbour);
            }
            let pair = (between[0].referrer.place(), between[0].referent.place());
            let mut labels: Vec<(LabelId, u64)> = Vec::new();
            for edge in between {
                if labels.iter().any(|label| label.0 == edge.label) {
                } else if labels.len() < Neighbourhood::MAX_PARALLEL {
                    labels.push((edge.label, 1));
                } else {
                    labels[0].1 += 1;
                }
            }
            slow.edges.insert(pair, labels);
        }
    }
    slow
}

// --- Drawn graphs -----------------------------------------------------------

fn drawn(text: &str) -> Graph {
    Graph::from_notation(text).unwrap()
}

fn names(graph: &Graph, chain: &Chain) -> Vec<String> {
    let name = |&node| graph.snapshot().names().get(node).unwrap().to_string();
    chain.nodes.iter().map(name).collect()
}

/// The chains that `why` finds, each as `root a b`.
fn why_names(graph: &Graph, name: &str, limit: usize) -> Vec<String> {
    let chains = why(graph, graph.named(name), limit);
    chains.iter().map(|chain| names(graph, chain).join(" ")).collect()
}

#[test]
fn threads_and_frames_are_not_counted() {
    let graph = drawn("t@thread -> f@frame -> x@app.A:32 y@app.A:8 z@dict:100");
    let found = census(graph.snapshot());
    let row = |name: &str| {
        let entries = graph.snapshot().types();
        let place = entries.iter().position(|entry| entry.display_name() == name).unwrap();
        found.get(TypeId(place as u32)).map(|row| (row.count, row.size))
    };
    assert_eq!(row("app.A"), Some((2, 40)));
    assert_eq!(row("dict"), Some((1, 100)));
    assert_eq!(row("thread"), None);
    assert_eq!(found.total(), (3, 140));
}

#[test]
fn equal_rows_come_in_the_order_of_their_names() {
    let graph = drawn("a@app.B b@app.A c@app.C:8 d@dict");
    let order = |census: snakeroot::analysis::Census| -> Vec<String> {
        let types = graph.snapshot().types();
        census.rows().map(|row| types[row.type_id.index()].display_name()).collect()
    };
    assert_eq!(order(census(graph.snapshot()).by_count()), ["app.A", "app.B", "app.C", "dict"]);
    assert_eq!(order(census(graph.snapshot()).by_size()), ["app.A", "app.B", "dict", "app.C"]);
}

#[test]
fn an_empty_heap_has_an_empty_census() {
    let graph = drawn("");
    assert!(census(graph.snapshot()).is_empty());
    assert_eq!(census(graph.snapshot()).total(), (0, 0));
}

#[test]
fn a_chain_names_a_value_rather_than_the_key_that_it_also_is() {
    let graph = drawn("d@dict -[key]> s@str; d -[[\"s\"]]> s");
    let s = graph.named("s");
    let chain = shortest_chain(
        &graph,
        graph.named("d"),
        Direction::Referents,
        None,
        |_| false,
        |at| at == s,
    );
    let label = graph.snapshot().label_table().get(chain.unwrap().labels[0]);
    assert_eq!(label.to_string(), "[\"s\"]");
}

#[test]
fn a_weak_edge_beside_a_strong_one_changes_nothing() {
    let graph = drawn("root ~> a; root -[.x]> a; root ~> b");
    assert_eq!(why_names(&graph, "a", 3), ["root a"]);
    assert_eq!(why_names(&graph, "b", 3), [""; 0]);
    let chain = &why(&graph, graph.named("a"), 1)[0];
    assert_eq!(graph.snapshot().label_table().get(chain.labels[0]).to_string(), ".x");
}

#[test]
fn a_goal_that_fails_ends_the_search() {
    let graph = drawn("a -> b -> c");
    let mut asked = 0;
    let found = try_shortest_chain(
        &graph,
        graph.named("a"),
        Direction::Referents,
        None,
        |_| false,
        |node| {
            asked += 1;
            if node == graph.named("b") { Err("no") } else { Ok(false) }
        },
    );
    assert_eq!(found, Err("no"));
    assert_eq!(asked, 2);
}

#[test]
fn a_root_explains_itself() {
    let graph = drawn("root1@module -> root2@module -> x");
    assert_eq!(why_names(&graph, "root2", 3), ["root2"]);
    assert_eq!(why_names(&graph, "x", 3), ["root2 x"]);
}

#[test]
fn a_thread_is_a_root_without_being_told() {
    let graph = drawn("t@thread -[frame 0]> f@frame -[local x]> x");
    assert_eq!(why_names(&graph, "x", 3), ["t f x"]);
    assert!(snakeroot::analysis::is_root(&graph, graph.named("t")));
    assert!(!snakeroot::analysis::is_root(&graph, graph.named("f")));
}

#[test]
fn chains_through_other_holders_follow_the_shortest() {
    let graph = drawn("root -> a -> x; root -> b -> c -> x; root -> d -> d2 -> d3 -> x");
    assert_eq!(why_names(&graph, "x", 1), ["root a x"]);
    assert_eq!(why_names(&graph, "x", 2), ["root a x", "root b c x"]);
    assert_eq!(why_names(&graph, "x", 9), ["root a x", "root b c x", "root d d2 d3 x"]);
}

#[test]
fn the_globals_of_a_function_come_after_what_holds_the_dict_itself() {
    let graph = drawn(
        "root@module -[:__dict__]> d@dict -[[\"x\"]]> x
         root2@module -[[\"f\"]]> f@function -[:__globals__]> d",
    );
    assert_eq!(why_names(&graph, "x", 1), ["root d x"]);
    // The same length, but one of the two is noisy.
    let graph = drawn(
        "root -[.f]> f@function -[:__globals__]> x
         root -[.z]> z -[.x]> x",
    );
    assert_eq!(why_names(&graph, "x", 2), ["root z x", "root f x"]);
}

#[test]
fn what_a_class_holds_as_its_base_comes_after_the_module() {
    let graph = drawn(
        "root1 -[.C]> C@type -[:__base__]> B@type
         root2 -[.a]> a@dict -[[\"B\"]]> B
         root1 -[.b]> b@B -[:__class__]> B",
    );
    assert_eq!(why_names(&graph, "B", 3), ["root2 a B", "root1 C B", "root1 b B"]);
}

#[test]
fn an_attribute_of_a_class_is_no_noise() {
    let graph = drawn(
        "root -[.C]> C@type -[:__dict__]> d@dict -[[\"cache\"]]> x
         root -[.f]> f@function -[:__globals__]> g@dict -[[\"x\"]]> x",
    );
    assert_eq!(why_names(&graph, "x", 2), ["root C d x", "root f g x"]);
}

#[test]
fn a_dict_key_comes_after_a_value() {
    let graph = drawn("root -[.a]> a@dict -[key]> x; root -[.b]> b@dict -[[\"k\"]]> x");
    assert_eq!(why_names(&graph, "x", 2), ["root b x", "root a x"]);
}

#[test]
fn a_dict_of_modules_comes_after_what_imported_the_module() {
    let graph = drawn(
        "m@module; other@module
         root1 -[.modules]> mods@dict -[[\"m\"]]> m; mods -[[\"o\"]]> other
         root2 -[.m]> holder@dict -[[\"m\"]]> m; holder -[[\"n\"]]> n@str",
    );
    assert_eq!(why_names(&graph, "m", 2), ["root2 holder m", "root1 mods m"]);
}

#[test]
fn a_root_that_explains_little_waits_for_a_module_further_away() {
    let graph = drawn("root -> a -> b -> c -> x; h!held-from-c -> x");
    assert_eq!(why_names(&graph, "x", 2), ["root a b c x", "h x"]);
    assert_eq!(why_names(&graph, "x", 1), ["root a b c x"]);
    // The search goes on behind such a root, which may have a better one above.
    let graph = drawn("root -> h!held-from-c -> x");
    assert_eq!(why_names(&graph, "x", 1), ["root h x"]);
}

#[test]
fn nothing_holds_garbage() {
    let graph = drawn("root -> other; a -> b -> a");
    assert_eq!(why_names(&graph, "a", 3), [""; 0]);
    assert_eq!(why_names(&graph, "other", 0), [""; 0]);
}

#[test]
fn a_long_list_among_the_holders_is_read_for_its_label() {
    let items: String = (0..200).map(|at| format!("l -[[{at}]]> i{at};")).collect();
    let graph = drawn(&format!("root -[.items]> l@list; {items}"));
    let chain = &why(&graph, graph.named("i150"), 1)[0];
    let table = graph.snapshot().label_table();
    let labels: Vec<String> = chain.labels.iter().map(|&at| table.get(at).to_string()).collect();
    assert_eq!(labels, [".items", "[150]"]);
}

#[test]
fn a_neighbourhood_counts_what_it_leaves_out() {
    let graph = drawn("a b c d e -> x; r -> a");
    let options = NeighbourhoodOptions { too_many: 2, ..Default::default() };
    let found = neighbourhood(
        &graph,
        &[graph.named("x")],
        Direction::Referrers,
        &options,
        |_| true,
        |_| false,
    );
    let nodes: Vec<_> =
        found.graph.node_weights().map(|at| (at.node, at.depth, at.left_out)).collect();
    let node = |name| graph.named(name);
    assert_eq!(nodes, [(node("x"), 0, 3), (node("a"), 1, 0), (node("b"), 1, 0), (node("r"), 2, 0)]);
}

/// What is taken of the referrers of `x`, and how many are left out.
fn taken(graph: &Graph, options: &NeighbourhoodOptions) -> (Vec<String>, u64) {
    let start = [graph.named("x")];
    let found =
        neighbourhood(graph, &start, Direction::Referrers, options, |_| true, |_| false).graph;
    let mut nodes = found.node_weights();
    let left_out = nodes.next().unwrap().left_out;
    let name = |at: &NeighbourhoodNode| graph.snapshot().names().get(at.node).unwrap().to_string();
    (nodes.map(name).collect(), left_out)
}

#[test]
fn of_too_many_referrers_those_that_explain_most_are_taken() {
    let graph = drawn(
        "f1@function f2@function f3@function -[:__globals__]> x@dict
         c@type -[:__subclasses__]> x; k@dict -[key]> x; w ~> x
         l@list -[[0]]> x; i -[.namespace]> x
         m@module -[:__dict__]> x; fr@frame -[:f_globals]> x; t@thread -[:locals]> x
         s@frame -[:local]> x",
    );
    let take = |too_many| {
        let options = NeighbourhoodOptions { max_depth: 1, too_many, weak: true };
        taken(&graph, &options)
    };
    let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(take(3), (names("m t s"), 9));
    assert_eq!(take(5), (names("m t s l i"), 7));
    assert_eq!(take(6), (names("m t s l i f1"), 6));
    // Where all are taken, they stay in the graph's order.
    assert_eq!(take(12), (names("f1 f2 f3 c k w l i m fr t s"), 0));
}

#[test]
fn of_too_many_referrers_beyond_the_first_thousands_their_type_decides() {
    let mut text = String::new();
    for place in 0..5_000 {
        text.push_str(&format!("o{place} -[:__class__]> x@type\n"));
    }
    text.push_str("d@dict -[[\"x\"]]> x; m@module -[.x]> x; c@type -[:__base__]> x");
    let options = NeighbourhoodOptions { max_depth: 1, too_many: 3, ..Default::default() };
    // Instances are known by then to hold by their class.
    assert_eq!(taken(&drawn(&text), &options).0, ["m", "d", "o0"]);
}

#[test]
fn of_too_many_referents_the_first_are_taken() {
    let graph =
        drawn("x@function -[:__globals__]> a; x -[:__closure__]> b; x -[:__dict__]> m@module");
    let start = [graph.named("x")];
    let options = NeighbourhoodOptions { too_many: 2, ..Default::default() };
    let found =
        neighbourhood(&graph, &start, Direction::Referents, &options, |_| true, |_| false).graph;
    let nodes: Vec<NodeId> = found.node_weights().map(|at| at.node).collect();
    assert_eq!(nodes, ["x", "a", "b"].map(|name| graph.named(name)));
}

#[test]
fn what_only_a_weak_edge_reaches_is_shown_but_not_expanded() {
    let graph = drawn("w ~> x; v -> w");
    let weak = NeighbourhoodOptions { weak: true, ..Default::default() };
    let grow = |options| {
        let start = [graph.named("x")];
        neighbourhood(&graph, &start, Direction::Referrers, options, |_| true, |_| false).graph
    };
    assert_eq!(grow(&weak).node_count(), 2);
    assert_eq!(grow(&NeighbourhoodOptions::default()).node_count(), 1);
}

#[test]
fn edges_between_one_pair_are_few_and_the_rest_is_counted() {
    let graph =
        drawn("l@list -[[0]]> x; l -[[1]]> x; l -[[2]]> x; l -[[3]]> x; l -[[4]]> x; l -[[5]]> x");
    let found = neighbourhood(
        &graph,
        &[graph.named("l")],
        Direction::Referents,
        &NeighbourhoodOptions::default(),
        |_| true,
        |_| false,
    );
    let edges: Vec<_> =
        found.graph.edge_weights().map(|edge| (edge.label.as_item(), edge.count)).collect();
    assert_eq!(edges, [(Some(0), 3), (Some(1), 1), (Some(2), 1), (Some(3), 1)]);
}

#[test]
fn a_question_that_fails_ends_the_neighbourhood() {
    let graph = drawn("a -> b -> c");
    let start = [graph.named("a")];
    let options = NeighbourhoodOptions::default();
    let keep = |_| Err::<bool, _>("keep");
    let found =
        try_neighbourhood(&graph, &start, Direction::Referents, &options, keep, |_| Ok(false));
    assert_eq!(found.err(), Some("keep"));
    let found = try_neighbourhood(
        &graph,
        &start,
        Direction::Referents,
        &options,
        |_| Ok(true),
        |_| Err("stop"),
    );
    assert_eq!(found.err(), Some("stop"));
}
