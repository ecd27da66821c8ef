//! Two and three heaps against dicts of (address, type), and growth against petgraph's dominators.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::DiGraph;
use proptest::prelude::*;
use snakeroot::analysis::diff::{
    Amount, Apart, Change, Group, Grown, Kept, NotKept, Order, diff, growth, kept, partners,
};
use snakeroot::analysis::{DominatorTree, dominators};
use snakeroot::graph::NodeSet;
use snakeroot::snapshot::{Flags, Info, LabelTable, Root, RootKind, SparseText, TypeEntry};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, LabelId, NodeId, Snapshot, SnapshotParts, TypeId};

/// Places for objects, 16 bytes apart.
const PLACES: u32 = 14;
/// Two types have one name, and two modules and names only together.
const TYPES: [(&str, &str); 6] =
    [("a", "A"), ("a", "B"), ("b", "A"), ("b", "A"), ("builtins", "dict"), ("a.b", "C")];

/// A heap to be: what lies at each place (a type and a size), edges between places, roots, and
/// by how much the table of types is turned.
#[derive(Clone, Debug)]
struct Plan {
    objects: Vec<Option<(usize, u32)>>,
    edges: Vec<(u32, u32)>,
    roots: BTreeSet<u32>,
    turn: usize,
}

impl Plan {
    fn places(&self) -> Vec<u32> {
        (0..PLACES).filter(|&place| self.objects[place as usize].is_some()).collect()
    }

    fn graph(&self) -> Graph {
        let places = self.places();
        let node = |place: u32| places.binary_search(&place).ok().map(NodeId::from_index);
        let mut types = TYPES.map(|(module, qualname)| TypeEntry {
            module: module.into(),
            qualname: qualname.into(),
            node: None,
        });
        types.rotate_right(self.turn);
        let mut parts = SnapshotParts {
            types: types.into(),
            label_table: LabelTable::new(),
            starts: vec![0],
            ..SnapshotParts::default()
        };
        for &place in &places {
            let (type_at, size) = self.objects[place as usize].unwrap();
            parts.addresses.push(0x1000 + 16 * u64::from(place));
            parts.types_of.push(TypeId(((type_at + self.turn) % TYPES.len()) as u32));
            parts.sizes.push(size);
            parts.refcounts.push(1);
            parts.flags.push(Flags::default());
            for &(_, to) in self.edges.iter().filter(|edge| edge.0 == place) {
                if let Some(to) = node(to) {
                    parts.targets.push(to);
                    parts.labels.push(LabelId::item(0));
                }
            }
            parts.starts.push(parts.targets.len() as u64);
        }
        let roots = self.roots.iter().filter_map(|&place| node(place));
        parts.roots = roots.map(|node| (node, Root::new(RootKind::Module, "app"))).collect();
        Graph::new(Snapshot::new(parts).unwrap())
    }

    /// What the heap is as Python would write it: {(address, type's name): size}.
    fn dict(&self) -> BTreeMap<(u64, String), u64> {
        self.places()
            .into_iter()
            .map(|place| {
                let (type_at, size) = self.objects[place as usize].unwrap();
                ((0x1000 + 16 * u64::from(place), name(type_at)), u64::from(size))
            })
            .collect()
    }
}

fn name(type_at: usize) -> String {
    format!("{}.{}", TYPES[type_at].0, TYPES[type_at].1)
}

/// The module of a type by its full name, which is enough for these types.
fn module(name: &str) -> String {
    name.rsplit_once('.').unwrap().0.to_owned()
}

fn plans() -> impl Strategy<Value = Plan> {
    let object = prop::option::weighted(
        0.7,
        (prop::sample::select(vec![0, 0, 0, 1, 2, 3, 4, 5]), 1_u32..1000),
    );
    (
        prop::collection::vec(object, PLACES as usize),
        prop::collection::vec((0..PLACES, 0..PLACES), 0..40),
        prop::collection::btree_set(0..PLACES, 0..4),
        0..TYPES.len(),
    )
        .prop_map(|(objects, edges, roots, turn)| Plan { objects, edges, roots, turn })
}

/// A heap, and what became of it: some places differ, some edges and roots are others.
fn pairs() -> impl Strategy<Value = (Plan, Plan)> {
    let keep = prop::collection::vec(prop::bool::weighted(0.75), PLACES as usize);
    (plans(), plans(), keep).prop_map(|(old, mut new, keep)| {
        for (place, keep) in keep.into_iter().enumerate() {
            if keep {
                let size = new.objects[place].map(|(_, size)| size);
                new.objects[place] =
                    old.objects[place].map(|(at, before)| (at, size.unwrap_or(before)));
            }
        }
        let half = old.edges.len() / 2;
        new.edges.extend_from_slice(&old.edges[half..]);
        new.roots.extend(old.roots.iter().take(2));
        (old, new)
    })
}

/// The addresses and types of a set.
fn keys(graph: &Graph, set: &NodeSet) -> BTreeSet<(u64, String)> {
    let snapshot = graph.snapshot();
    set.iter().map(|node| (snapshot.address(node), snapshot.type_of(node).full_name())).collect()
}

fn key_set<V>(dict: &BTreeMap<(u64, String), V>) -> BTreeSet<(u64, String)> {
    dict.keys().cloned().collect()
}

/// The objects of a dict that belong to a group and for which a test is true.
fn amount(
    dict: &BTreeMap<(u64, String), u64>,
    is_in: impl Fn(&str) -> bool,
    counts: impl Fn(&(u64, String)) -> bool,
) -> Amount {
    let some: Vec<u64> = dict
        .iter()
        .filter(|(key, _)| is_in(&key.1) && counts(key))
        .map(|(_, &size)| size)
        .collect();
    Amount { count: some.len() as u64, size: some.iter().sum() }
}

/// The dominator tree by petgraph: for each node its dominator (none at the top) and what it
/// retains; without what no root reaches.
fn tree_of(graph: &Graph) -> BTreeMap<NodeId, (Option<NodeId>, u64)> {
    let snapshot = graph.snapshot();
    let mut oracle: DiGraph<(), ()> = DiGraph::new();
    for _ in 0..graph.node_count() {
        oracle.add_node(());
    }
    let top = oracle.add_node(());
    for node in snapshot.nodes() {
        for &to in graph.referents(node) {
            oracle.add_edge(node.place().into(), to.place().into(), ());
        }
    }
    for (root, _) in snapshot.roots() {
        oracle.add_edge(top, root.place().into(), ());
    }
    let found = simple_fast(&oracle, top);
    let mut tree = BTreeMap::new();
    for node in snapshot.nodes() {
        let Some(above) = found.immediate_dominator(node.place().into()) else { continue };
        let above = (above != top).then(|| NodeId::from_index(above.index()));
        tree.insert(node, (above, 0));
    }
    for &node in tree.clone().keys() {
        let mut at = Some(node);
        while let Some(above) = at {
            let entry = tree.get_mut(&above).unwrap();
            entry.1 += snapshot.size(node);
            at = entry.0;
        }
    }
    tree
}

/// Where growth accumulates below a node, as the rule says it.
fn ends_below(
    node: NodeId,
    growth: &dyn Fn(NodeId) -> i64,
    is_new: &dyn Fn(NodeId) -> bool,
    below: &dyn Fn(NodeId) -> Vec<NodeId>,
) -> Vec<NodeId> {
    if is_new(node) {
        return vec![node];
    }
    let part = |part: NodeId| growth(part) as f64 / growth(node) as f64;
    let mut heavy = below(node);
    heavy.retain(|&each| growth(each) > 0 && part(each) > 0.1 - 1e-12);
    // The heaviest; of two the one that comes first.
    heavy.sort_by_key(|&each| (-growth(each), each));
    if let Some(&first) = heavy.first().filter(|&&first| part(first) > 0.7 - 1e-12) {
        return ends_below(first, growth, is_new, below);
    }
    heavy.retain(|&each| !is_new(each));
    if heavy.iter().map(|&each| part(each)).sum::<f64>() > 0.7 - 1e-12 && !heavy.is_empty() {
        return heavy
            .into_iter()
            .flat_map(|each| ends_below(each, growth, is_new, below))
            .collect();
    }
    vec![node]
}

/// Those of some nodes that grew, and below the others those that were there before and grew.
fn starts_below(
    nodes: &[NodeId],
    growth: &dyn Fn(NodeId) -> i64,
    olds_below: &dyn Fn(NodeId) -> Vec<NodeId>,
) -> Vec<NodeId> {
    let starts = nodes.iter().flat_map(|&node| match growth(node) {
        1.. => vec![node],
        _ => starts_below(&olds_below(node), growth, olds_below),
    });
    starts.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn what_is_new_gone_and_survived_is_the_difference_of_dicts((old, new) in pairs()) {
        let (before, after) = (old.graph(), new.graph());
        let (was, is) = (old.dict(), new.dict());
        let found = diff(before.snapshot(), after.snapshot(), &()).unwrap();
        let made: BTreeSet<_> = key_set(&is).difference(&key_set(&was)).cloned().collect();
        let lost: BTreeSet<_> = key_set(&was).difference(&key_set(&is)).cloned().collect();
        let both: BTreeSet<_> = key_set(&was).intersection(&key_set(&is)).cloned().collect();
        prop_assert_eq!(found.apart(), None);
        prop_assert_eq!(&keys(&after, found.new_objects().unwrap()), &made);
        prop_assert_eq!(&keys(&before, found.gone_objects().unwrap()), &lost);
        prop_assert_eq!(&keys(&after, &found.survived(after.snapshot()).unwrap()), &both);

        let pairs = partners(&before, &after, &()).unwrap();
        for (node, partner) in pairs.pairs() {
            prop_assert_eq!(after.snapshot().address(node), before.snapshot().address(partner));
        }
        prop_assert_eq!(pairs.pairs().count(), both.len());

        for group in [Group::Type, Group::Module] {
            let of = |name: &str| if group == Group::Type { name.to_owned() } else { module(name) };
            let rows = found.rows(group);
            let names: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
            prop_assert_eq!(names.len(), rows.len());
            for row in &rows {
                let is_in = |name: &str| of(name) == row.name;
                prop_assert_eq!(row.before, amount(&was, is_in, |_| true));
                prop_assert_eq!(row.after, amount(&is, is_in, |_| true));
                let turnover = row.turnover.unwrap();
                prop_assert_eq!(turnover.new, amount(&is, is_in, |key| made.contains(key)));
                prop_assert_eq!(turnover.gone, amount(&was, is_in, |key| lost.contains(key)));
                let survived = row.survived().unwrap();
                prop_assert_eq!(survived.0, amount(&was, is_in, |key| both.contains(key)));
                prop_assert_eq!(survived.1, amount(&is, is_in, |key| both.contains(key)));
                prop_assert_eq!(row.size_delta(), row.after.size as i64 - row.before.size as i64);
            }
            let changed: BTreeSet<&String> =
                rows.iter().filter(|row| row.is_changed()).map(|row| &row.name).collect();
            let differs = |name: &String| {
                let some = |dict: &BTreeMap<(u64, String), u64>| -> Vec<((u64, String), u64)> {
                    dict.clone().into_iter().filter(|(key, _)| of(&key.1) == *name).collect()
                };
                // Sizes that are others and come to the same are no change of the group.
                let sizes = |of: Vec<((u64, String), u64)>| of.into_iter().map(|pair| pair.1).sum::<u64>();
                let keys = |of: Vec<((u64, String), u64)>| of.into_iter().map(|pair| pair.0).collect::<Vec<_>>();
                keys(some(&was)) != keys(some(&is)) || sizes(some(&was)) != sizes(some(&is))
            };
            prop_assert_eq!(changed, names.iter().filter(|name| differs(name)).collect());
        }
        let total = found.total();
        prop_assert_eq!(total.before, amount(&was, |_| true, |_| true));
        prop_assert_eq!(total.after, amount(&is, |_| true, |_| true));
        prop_assert_eq!(total.turnover.unwrap().new, amount(&is, |_| true, |key| made.contains(key)));
    }

    #[test]
    fn what_groups_retain_is_what_each_heap_says((old, new) in pairs()) {
        let (before, after) = (old.graph(), new.graph());
        let (was, is) = (dominators(&before), dominators(&after));
        let found = diff(before.snapshot(), after.snapshot(), &()).unwrap();
        for group in [Group::Type, Group::Module] {
            let rows = found.rows_with_retained(group, (before.snapshot(), &was), (after.snapshot(), &is));
            for row in rows {
                let expected = |graph: &Graph, tree: &DominatorTree| {
                    let is_in = |node: NodeId| {
                        let entry = graph.snapshot().type_of(node);
                        row.name == match group {
                            Group::Type => entry.full_name(),
                            Group::Module => entry.module.to_string(),
                        }
                    };
                    let tops = graph.snapshot().nodes().filter(|&node| is_in(node) && !tree.path(node).any(is_in));
                    tops.map(|node| tree.retained_size(node)).sum::<u64>()
                };
                let retained = row.retained.unwrap();
                prop_assert_eq!(retained.before, expected(&before, &was));
                prop_assert_eq!(retained.after, expected(&after, &is));
            }
        }
    }

    #[test]
    fn growth_accumulates_where_the_rule_says((old, new) in pairs(), limit in 0_usize..6) {
        let (before, after) = (old.graph(), new.graph());
        let (was, is) = (tree_of(&before), tree_of(&after));
        let pairs = partners(&before, &after, &()).unwrap();
        let (old_tree, new_tree) = (dominators(&before), dominators(&after));
        // What was garbage has no place in petgraph's tree, but retained something.
        let before_of = |node: NodeId| pairs.of(node).map(|old| {
            was.get(&old).map_or_else(|| old_tree.retained_size(old), |&(_, retained)| retained)
        });
        let grew = |node: NodeId| is[&node].1 as i64 - before_of(node).unwrap_or(0) as i64;
        let below = |node: Option<NodeId>| -> Vec<NodeId> {
            is.iter().filter(|(_, entry)| entry.0 == node).map(|(&node, _)| node).collect()
        };
        let mut expected: Vec<NodeId> = starts_below(&below(None), &grew, &|node| {
            below(Some(node)).into_iter().filter(|&node| pairs.of(node).is_some()).collect()
        })
            .into_iter()
            .flat_map(|node| {
                ends_below(node, &grew, &|node| pairs.of(node).is_none(), &|node| below(Some(node)))
            })
            .collect();
        expected.sort_by_key(|&node| (-grew(node), node));
        let found = growth(&pairs, &old_tree, &new_tree, usize::MAX);
        prop_assert_eq!(found.iter().map(|grown| grown.node).collect::<Vec<_>>(), expected);
        for grown in &found {
            prop_assert_eq!(grown.after, is[&grown.node].1);
            prop_assert_eq!(grown.before, before_of(grown.node));
            prop_assert_eq!(grown.growth(), grew(grown.node));
            let new_below = below(Some(grown.node)).into_iter().filter(|&node| pairs.of(node).is_none());
            prop_assert_eq!(grown.new_below, new_below.count() as u64);
        }
        let some = growth(&pairs, &old_tree, &new_tree, limit);
        prop_assert_eq!(some.len(), limit.min(found.len()));
        prop_assert!(some.iter().all(|grown| found.contains(grown)));
    }

    #[test]
    fn what_was_kept_is_in_the_later_two_and_not_in_the_first((first, second) in pairs(), third in plans(), keep in prop::collection::vec(prop::bool::weighted(0.7), PLACES as usize)) {
        let mut third = third;
        for (place, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            third.objects[place] = second.objects[place];
        }
        let (oldest, middle, new) = (first.graph(), second.graph(), third.graph());
        let Kept { nodes } = kept(oldest.snapshot(), &middle, &new, &()).unwrap();
        let (was, then, is) = (first.dict(), second.dict(), third.dict());
        let expected: BTreeSet<_> = key_set(&is)
            .into_iter()
            .filter(|key| then.contains_key(key) && !was.contains_key(key))
            .collect();
        prop_assert_eq!(&keys(&new, &nodes), &expected);

        let tree = dominators(&new);
        let all = Kept { nodes: nodes.clone() };
        for group in [Group::Type, Group::Module] {
            let of = |name: &str| if group == Group::Type { name.to_owned() } else { module(name) };
            let rows = all.rows(new.snapshot(), &tree, group, Order::Size);
            prop_assert!(rows.is_sorted_by(|some, next| some.size >= next.size));
            prop_assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), expected.len() as u64);
            for row in rows {
                let found = amount(&is, |name| of(name) == row.name, |key| expected.contains(key));
                prop_assert_eq!((row.count, row.size), (found.count, found.size));
                let is_in = |node: NodeId| nodes.contains(node) && of(&new.snapshot().type_of(node).full_name()) == row.name;
                let tops = nodes.iter().filter(|&node| is_in(node) && !tree.path(node).any(is_in));
                prop_assert_eq!(row.retained, tops.map(|node| tree.retained_size(node)).sum::<u64>());
            }
        }
        let holders = all.holders(&tree);
        prop_assert!(holders.is_sorted_by(|some, next| some.retained >= next.retained));
        for holder in &holders {
            let held: Vec<u64> = nodes
                .iter()
                .filter(|&node| tree.immediate_dominator(node) == holder.node)
                .map(|node| tree.retained_size(node))
                .collect();
            prop_assert_eq!(holder.count, held.len() as u64);
            prop_assert_eq!(holder.retained, held.iter().sum::<u64>());
            prop_assert!(holder.node.is_none_or(|node| !nodes.contains(node)));
        }
    }
}

/// A drawn heap with some of its facts changed.
fn drawn(text: &str, change: impl FnOnce(&mut SnapshotParts)) -> Graph {
    let mut parts = Graph::parts_from_notation(text).unwrap();
    change(&mut parts);
    Graph::new(Snapshot::new(parts).unwrap())
}

/// What grew from one drawn heap to another, by name.
fn grown<'a>(old: &Graph, new: &'a Graph) -> Vec<(&'a str, i64, u64)> {
    let found =
        growth(&partners(old, new, &()).unwrap(), &dominators(old), &dominators(new), usize::MAX);
    let names = new.snapshot().names();
    let row = |grown: &Grown| (names.get(grown.node).unwrap(), grown.growth(), grown.new_below);
    found.iter().map(row).collect()
}

fn row(rows: Vec<Change>, name: &str) -> Change {
    rows.into_iter().find(|row| row.name == name).unwrap()
}

// Objects lie in the order in which they are named first, so each heap names its old ones first.

#[test]
fn a_leak_is_named_by_the_dict_that_holds_it() {
    let old = Graph::from_notation("root_app -> d@dict -> cache@dict other@dict").unwrap();
    let new = Graph::from_notation(
        "root_app -> d@dict -> cache@dict other@dict; cache -> s1@app.S s2@app.S s3@app.S; other -> o",
    )
    .unwrap();
    // Three quarters of the growth are the cache's.
    assert_eq!(grown(&old, &new), [("cache", 48, 3)]);
    let found = diff(old.snapshot(), new.snapshot(), &()).unwrap();
    let sessions = row(found.rows(Group::Type), "app.S");
    assert_eq!((sessions.count_delta(), sessions.size_delta()), (3, 48));
    assert_eq!(row(found.rows(Group::Module), "app").turnover.unwrap().new.count, 3);
    let mut rows = found.rows(Group::Type);
    Order::Size.arrange(&mut rows);
    assert_eq!(rows.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["app.S", "builtins.object"]);
}

#[test]
fn two_leaks_below_one_dict_are_two() {
    let old = Graph::from_notation("root_app -> d -> one two").unwrap();
    let new = Graph::from_notation("root_app -> d -> one two; one -> a b; two -> c e f").unwrap();
    assert_eq!(grown(&old, &new), [("two", 48, 3), ("one", 32, 2)]);
}

#[test]
fn growth_that_is_spread_stays_with_who_holds_it_all() {
    let members = (0..20).map(|at| format!("m{at} ")).collect::<String>();
    let more = (0..20).map(|at| format!("; m{at} -> n{at}")).collect::<String>();
    let old = Graph::from_notation(&format!("root_app -> d -> {members}")).unwrap();
    let new = Graph::from_notation(&format!("root_app -> d -> {members}{more}")).unwrap();
    assert_eq!(grown(&old, &new), [("d", 320, 0)]);
}

#[test]
fn growth_beside_what_shrank_by_more_is_found() {
    let old = Graph::from_notation("root_app -> d -> cache big:500; cache -> a").unwrap();
    let new =
        Graph::from_notation("root_app -> d -> cache; freed:500; cache -> a -> b c e").unwrap();
    assert_eq!(grown(&old, &new), [("a", 48, 3)]);
}

#[test]
fn a_new_node_is_not_gone_into() {
    let old = Graph::from_notation("root_app -> d").unwrap();
    let new = Graph::from_notation("root_app -> d -> head -> next -> last").unwrap();
    assert_eq!(grown(&old, &new), [("head", 48, 1)]);
}

#[test]
fn the_same_heap_has_no_change() {
    let heap = Graph::from_notation("root_app -> d -> a b; t@thread -[frame 0]> f@frame").unwrap();
    let found = diff(heap.snapshot(), heap.snapshot(), &()).unwrap();
    assert_eq!(grown(&heap, &heap), []);
    assert!(found.rows(Group::Type).iter().all(|row| !row.is_changed()));
    assert!(!found.total().is_changed());
    assert_eq!(found.survived(heap.snapshot()).unwrap().count(), heap.snapshot().object_count());
    assert_eq!(partners(&heap, &heap, &()).unwrap().pairs().count(), heap.node_count());
}

#[test]
fn a_type_of_another_name_at_an_address_is_another_object() {
    let old = Graph::from_notation("root_app -> x@app.A").unwrap();
    let new = Graph::from_notation("root_app -> x@app.B").unwrap();
    let found = diff(old.snapshot(), new.snapshot(), &()).unwrap();
    assert_eq!(found.new_objects().unwrap().iter().collect::<Vec<_>>(), [new.named("x")]);
    assert_eq!(found.gone_objects().unwrap().iter().collect::<Vec<_>>(), [old.named("x")]);
}

/// A thread with frames, innermost first, each of which holds 16 bytes.
fn thread(frames: &[&str]) -> Graph {
    let mut text = String::from("");
    for at in 0..frames.len() {
        text.push_str(&format!("x{at}; "));
    }
    text.push_str("t@thread; ");
    for at in 0..frames.len() {
        text.push_str(&format!("t -[frame {at}]> f{at}@frame; f{at} -> x{at}; "));
    }
    drawn(&text, |parts| {
        let objects = frames.len();
        let mut names = vec![(NodeId::from_index(objects), "\"MainThread\"")];
        let frames = frames.iter().enumerate();
        names.extend(frames.map(|(at, &name)| (NodeId::from_index(objects + 1 + at), name)));
        parts.names = SparseText::from_pairs(names);
        parts.roots.retain(|(node, _)| node.index() >= objects);
    })
}

#[test]
fn a_thread_and_its_calls_are_the_same_from_the_outermost_on() {
    let old = thread(&["inner() a.py:1", "work() a.py:10", "main() a.py:20"]);
    let new = thread(&["other() a.py:1", "inner() a.py:1", "work() a.py:11", "main() a.py:20"]);
    let pairs = partners(&old, &new, &()).unwrap();
    let partner = |at: usize| pairs.of(NodeId::from_index(at)).map(NodeId::index);
    // Objects are 0..4 in the new heap and 0..3 in the old one, the thread comes after them.
    assert_eq!(partner(4), Some(3));
    assert_eq!([partner(5), partner(6), partner(7), partner(8)], [None, Some(4), Some(5), Some(6)]);
    let broken = thread(&["inner() a.py:1", "changed() a.py:10", "main() a.py:20"]);
    let pairs = partners(&old, &broken, &()).unwrap();
    let partner = |at: usize| pairs.of(NodeId::from_index(at)).map(NodeId::index);
    assert_eq!([partner(4), partner(5), partner(6)], [None, None, Some(6)]);
}

#[test]
fn heaps_of_two_processes_are_compared_by_numbers_only() {
    let info = Info { pid: 7, process_started: 100, python: "3.11.7".into(), ..Info::default() };
    let heap = |info: &Info| {
        drawn("root_app -> d@dict; sys@module!module", |parts| parts.info = info.clone())
    };
    let old = heap(&info);
    let apart =
        |other: Info| diff(old.snapshot(), heap(&other).snapshot(), &()).unwrap().apart().cloned();
    assert_eq!(apart(info.clone()), None);
    assert_eq!(apart(Info { process_started: 0, ..info.clone() }), None);
    assert_eq!(apart(Info { process_started: 101, ..info.clone() }), Some(Apart::Started));
    assert_eq!(apart(Info { pid: 8, ..info.clone() }), Some(Apart::Pid(7, 8)));
    let other = Info { python: "3.12.1".into(), ..info.clone() };
    assert!(matches!(apart(other), Some(Apart::Python(..))));

    let moved = drawn("root_app -> d@dict x; sys@module!module", |parts| parts.info = info.clone());
    let found = diff(old.snapshot(), moved.snapshot(), &()).unwrap();
    assert_eq!(found.apart(), Some(&Apart::Module("sys")));
    assert_eq!(found.new_objects(), None);
    assert_eq!(found.gone_objects(), None);
    assert_eq!(found.survived(moved.snapshot()), None);
    assert_eq!(found.total().turnover, None);
    let object = row(found.rows(Group::Type), "builtins.object");
    assert_eq!((object.count_delta(), object.turnover, object.survived()), (1, None, None));
    assert_eq!(
        kept(old.snapshot(), &old, &moved, &()).unwrap_err(),
        NotKept::Apart(Apart::Module("sys"))
    );
    assert_eq!(
        kept(moved.snapshot(), &old, &old, &()).unwrap_err(),
        NotKept::Apart(Apart::Module("sys"))
    );
    assert!(found.apart().unwrap().to_string().contains("module sys lies at two addresses"));
}

#[test]
fn what_two_searches_left_behind_is_kept() {
    let first = Graph::from_notation("root_app -> d@dict").unwrap();
    let second = Graph::from_notation("root_app -> d@dict -> a@app.S b@app.S").unwrap();
    let third =
        Graph::from_notation("root_app -> d@dict -> a@app.S; x -> y; d -> z@app.S").unwrap();
    let found = kept(first.snapshot(), &second, &third, &()).unwrap();
    assert_eq!(found.nodes.iter().collect::<Vec<_>>(), [third.named("a")]);
    let tree = dominators(&third);
    let holders = found.holders(&tree);
    assert_eq!(holders.len(), 1);
    assert_eq!(
        (holders[0].node, holders[0].count, holders[0].retained),
        (Some(third.named("d")), 1, 16)
    );
}

#[test]
fn a_chain_of_millions_is_an_ordinary_heap() {
    const NODES: u32 = 2_000_000;
    let chain = |count: u32| {
        let mut parts = common::parts_of(0, &[]);
        for node in 0..count {
            parts.addresses.push(0x1000 + 16 * u64::from(node));
            parts.types_of.push(TypeId(node % 3));
            parts.sizes.push(16);
            parts.refcounts.push(1);
            parts.flags.push(Flags::default());
            if node + 1 < count {
                parts.targets.push(NodeId::new(node + 1));
                parts.labels.push(LabelId::item(0));
            }
            parts.starts.push(parts.targets.len() as u64);
        }
        parts.roots.push((NodeId::new(0), Root::new(RootKind::Module, "app")));
        Graph::new(Snapshot::new(parts).unwrap())
    };
    let run = move || {
        let (old, new) = (chain(NODES - 10), chain(NODES));
        let found =
            growth(&partners(&old, &new, &()).unwrap(), &dominators(&old), &dominators(&new), 5);
        let ends: Vec<NodeId> = found.iter().map(|grown| grown.node).collect();
        assert_eq!(ends, [NodeId::new(NODES - 10)]);
        assert_eq!(
            diff(old.snapshot(), new.snapshot(), &()).unwrap().new_objects().unwrap().count(),
            10
        );
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_watch_ends_it() {
    let heap = Graph::from_notation("root_app -> d -> a b").unwrap();
    let stop = |_: u64, _: u64| false;
    assert_eq!(diff(heap.snapshot(), heap.snapshot(), &stop).err(), Some(Stopped));
    assert_eq!(partners(&heap, &heap, &stop).err(), Some(Stopped));
    assert_eq!(kept(heap.snapshot(), &heap, &heap, &stop).err(), Some(NotKept::Stopped));
}
