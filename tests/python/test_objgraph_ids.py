"""The verbs about ids and leaks, and what stands behind an underscore, beside objgraph in the same process."""

import collections
import gc
import inspect
import io
import math
import os
import random
import sys
import types
import weakref

import objgraph
import pytest
import snakeroot
from snakeroot import objgraph as ours


def printed(verb, *arguments, **options):
    text = io.StringIO()
    answer = verb(*arguments, file=text, **options)
    return text.getvalue(), answer


def made(rng, registry):
    """Changes what there is of a few classes: some go, some come."""
    for name in ("Coming", "Going", "app.Both", "X"):
        kind = registry.setdefault(name, (type(name, (), {}), []))
        kept = kind[1]
        del kept[: rng.randrange(1 + len(kept))]
        kept.extend(kind[0]() for _ in range(rng.randrange(30)))
        if rng.random() < 0.2:
            kept.clear()


# get_new_ids


def is_of_interest(name):
    return name.split(".")[-1] in ("Coming", "Going", "Both", "X")


def of_interest(text):
    return [line for line in text.splitlines() if is_of_interest(line.split()[0])]


@pytest.mark.parametrize("seed", range(5))
def test_new_ids_are_objgraphs_call_by_call(seed):
    rng = random.Random(seed)
    registry, mine, theirs = {}, {}, {}
    for _ in range(4):
        made(rng, registry)
        how = {
            "limit": None,
            "sortby": rng.choice(["old", "current", "new", "deltas"]),
            "shortnames": rng.choice([None, True, False]),
        }
        expected, expected_ids = printed(objgraph.get_new_ids, _state=theirs, **how)
        found, ids = printed(ours.get_new_ids, _state=mine, **how)
        # Both tools make objects of their own; those of these classes nobody makes.
        rows = [line.split() for line in of_interest(found)]
        assert rows == [line.split() for line in of_interest(expected)]
        names = [name for name in expected_ids if is_of_interest(name)]
        assert names == [name for name in ids if is_of_interest(name)]
        assert {name: ids[name] for name in names} == {name: expected_ids[name] for name in names}
        assert mine["shortnames"] is theirs["shortnames"]
        for part in ("old", "current", "new"):
            assert {name: mine[part][name] for name in names} == {name: theirs[part][name] for name in names}


@pytest.fixture(scope="module")
def crowds():
    """More instances of three classes than there are objects of any other type."""
    kinds = [type(name, (), {"__slots__": "held"}) for name in ("A", "Crowd", "Crowd_of_a_long_name_" * 3)]
    kept = [[kind() for _ in range(40_000 + 1000 * place)] for place, kind in enumerate(kinds)]
    # They refer to something the collector tracks, or else it would not track them in some versions.
    for crowd in kept:
        for value in crowd:
            value.held = kinds
    yield kept
    kept.clear()


@pytest.mark.parametrize(("sortby", "limit"), [("old", 1), ("current", 3), ("new", 1), ("deltas", 1)])
def test_the_table_of_new_ids_is_objgraphs_to_the_byte(sortby, limit, crowds):
    mine, theirs = {}, {}
    ours.get_new_ids(limit=0, _state=mine)
    objgraph.get_new_ids(limit=0, _state=theirs)
    del crowds[0][:5], crowds[2][-50:]
    crowd = crowds[1]
    was = len(crowd)
    crowd.extend(type(crowd[0])() for _ in range(20_000))
    for value in crowd[was:]:
        value.held = crowds
    found, _ = printed(ours.get_new_ids, limit=limit, sortby=sortby, _state=mine)
    expected, _ = printed(objgraph.get_new_ids, limit=limit, sortby=sortby, _state=theirs)
    assert found == expected
    assert found.count("\n") == limit + 4
    if (sortby, limit) != ("old", 1):
        assert "%13d%13d%+13d%+13d" % (was, len(crowd), 20_000, 20_000) in found


@pytest.mark.parametrize("limit", [0, -(10**30), None, 10**30, -1])
def test_a_limit_of_new_ids_cuts_as_a_slice_does(limit):
    text, _ = printed(ours.get_new_ids, limit=limit, _state={})
    assert text == "" if limit in (0, -(10**30)) else text.count("\n") > 20


def test_a_state_of_objgraphs_serves_here_and_back():
    state = {}
    objgraph.get_new_ids(limit=0, _state=state)
    marker = type("Marker", (), {})
    kept = [marker() for _ in range(3)]
    assert ours.get_new_ids(limit=0, _state=state)["Marker"] == set(map(id, kept))
    kept.append(marker())
    assert objgraph.get_new_ids(limit=0, _state=state)["Marker"] == {id(kept[-1])}


def test_what_is_remembered_without_a_state():
    class Fresh:
        pass

    ours.get_new_ids(limit=0)
    kept = [Fresh() for _ in range(4)]
    ids = ours.get_new_ids(limit=0)
    assert ids["Fresh"] == set(map(id, kept))
    assert sorted(map(id, ours.at_addrs(ids["Fresh"]))) == sorted(map(id, kept))
    assert ids["nothing at all"] == set()  # as with objgraph, whose dict makes sets up
    again = ours.get_new_ids(True)
    assert again["Fresh"] == ids["Fresh"] and "nothing at all" not in again
    assert ours.get_new_ids(limit=0)["Fresh"] == set()
    # What was given stays as it was given.
    assert ids["Fresh"] == set(map(id, kept))
    name = __name__ + ".Fresh"
    ours.get_new_ids(limit=0, shortnames=False)
    kept.append(Fresh())
    assert ours.get_new_ids(limit=0)[name] == {id(kept[-1])}
    ours.get_new_ids(limit=0, shortnames=True)
    assert ours.get_new_ids(limit=0)["Fresh"] == set()


def news(**options):
    """What is new of the types that answers are made of, and the answer."""
    text = io.StringIO()
    answer = ours.get_new_ids(limit=None, file=text, **options)
    rows = [line.split() for line in text.getvalue().splitlines()]
    told = {row[0].split(".")[-1]: (int(row[3]), int(row[4])) for row in rows if len(row) == 5 and row[0] != "Type"}
    return [told[name] for name in ("set", "defaultdict") if name in told], answer


@pytest.mark.parametrize("options", [{"shortnames": True}, {"shortnames": False}, {"shortnames": True, "untracked": True}])
def test_answers_that_are_held_are_not_new(options):
    kind = type("Newcomer", (), {})
    fresh = [kind()]
    _, first = news(**options)
    held = []
    for _ in range(3):
        told, answer = news(**options)
        assert told == [(0, 0), (0, 0)]
        held.append(answer)
        held.append(ours.get_new_ids(skip_update=True, **options))
    # A part of one is the caller's too.
    things = first.pop("Newcomer" if options["shortnames"] else __name__ + ".Newcomer")
    assert things == set(map(id, fresh))
    del first
    told, _ = news(**options)
    assert told == [(0, 0), (0, 0)]
    del held[1:]
    told, _ = news(**options)
    assert told == [(0, 0), (0, 0)]
    # The caller's own are new.
    mine = [set(things), {1, 2}, set(), collections.defaultdict(set)]
    told, _ = news(**options)
    assert told == [(3, 3), (1, 1)]
    things.add("no id")
    told, _ = news(**options)
    assert told[0] == (1, 1)
    del mine


def test_a_state_keeps_its_sets():
    state = {}
    for _ in range(3):
        assert ours.get_new_ids(limit=0, _state=state) is state["new"]
    before = {key: {name: id(ids) for name, ids in state[key].items()} for key in ("old", "current", "new")}
    told, _ = news(_state=state, shortnames=True)
    assert told == [(0, 0), (0, 0)]
    for key, sets in before.items():
        assert {name: id(state[key][name]) for name in sets if name in state[key]}.items() <= sets.items()


def test_a_wrong_column_is_refused_before_anything_is_remembered():
    state = {}
    ours.get_new_ids(limit=0, _state=state)
    before = {name: set(ids) for name, ids in state["current"].items()}
    for tool in (objgraph, ours):
        with pytest.raises(KeyError):
            tool.get_new_ids(sortby="delta", _state=state if tool is ours else {})
    assert before == state["current"]
    with pytest.raises(KeyError, match="sortby: expected 'old', 'current', 'new' or 'deltas', found 'delta'"):
        ours.get_new_ids(sortby="delta")


def test_new_ids_of_what_is_not_tracked_and_of_held_heaps(tmp_path):
    ours.get_new_ids(limit=0, untracked=True)
    words = ["a new word %d" % number for number in range(200)]
    assert set(map(id, words)) <= ours.get_new_ids(limit=0, untracked=True)["str"]
    state = {}
    heap = snakeroot.snapshot()
    heap.save(tmp_path / "one.heap.parquet")
    ours.get_new_ids(limit=0, heap=snakeroot.load(tmp_path / "one.heap.parquet"), _state=state)
    marker = type("LaterMarker", (), {})
    kept = [marker() for _ in range(3)]
    assert ours.get_new_ids(limit=0, heap=snakeroot.snapshot(), _state=state)["LaterMarker"] == set(
        map(id, kept)
    )


# get_leaking_objects


def test_leaks_in_the_process_are_objgraphs_in_order(program):
    gc.collect()
    before = set(map(id, gc.get_objects()))
    expected = [id(value) for value in objgraph.get_leaking_objects() if id(value) in before]
    found = [id(value) for value in ours.get_leaking_objects() if id(value) in before]
    assert found == expected and expected


@pytest.mark.parametrize("seed", range(12))
def test_leaks_among_given_objects_are_objgraphs(seed):
    rng = random.Random(seed)
    objects = [rng.choice([list, dict, set, object, float, collections.deque])() for _ in range(60)]
    objects += ["text %d" % seed, 10**20 + seed, None, len, int, objects[0]]
    holders = []
    for value in rng.sample(objects, 20):
        holders.append(
            rng.choice([lambda v: [v], lambda v: {"k": v}, lambda v: (v, []), lambda v: {1: (v,)}])(value)
        )
    for value in objects:
        if type(value) is list and rng.random() < 0.2:
            value.append(value)
        elif type(value) is list and rng.random() < 0.3:
            value.append(rng.choice(objects))
    given = objects[:]
    # The other list of the same objects refers to them all: it goes first.
    objects.clear()
    expected = list(map(id, objgraph.get_leaking_objects(given)))
    assert list(map(id, ours.get_leaking_objects(given))) == expected
    assert 0 < len(expected) < len(given)


def test_leaks_among_objects_that_come_once():
    class Lonely:
        pass

    assert len(ours.get_leaking_objects(Lonely() for _ in range(3))) == 3
    assert objgraph.get_leaking_objects(Lonely() for _ in range(3)) == []  # they have come and gone
    assert ours.get_leaking_objects([]) == objgraph.get_leaking_objects([]) == []


def test_leaks_are_neither_ours_nor_told_of_twice():
    gc.collect()
    first = ours.get_leaking_objects()
    count = len(first)
    assert not any(value is first for value in first)
    del first
    assert abs(len(ours.get_leaking_objects()) - count) <= 2


def test_a_reference_that_c_code_forgot_is_told_of():
    import ctypes

    class Leaked:
        pass

    ctypes.pythonapi.Py_IncRef.argtypes = [ctypes.py_object]
    ctypes.pythonapi.Py_IncRef.restype = None
    ctypes.pythonapi.Py_DecRef.argtypes = [ctypes.py_object]
    ctypes.pythonapi.Py_DecRef.restype = None
    leaked = Leaked()
    ctypes.pythonapi.Py_IncRef(leaked)
    address = id(leaked)
    del leaked
    found = [value for value in ours.get_leaking_objects() if type(value) is Leaked]
    assert [id(value) for value in found] == [address]
    mine = ours.get_leaking_objects(by_address := ours.at_addrs([address]))
    # `found` refers to it too by now.
    assert [type(value) for value in by_address] == [Leaked] and mine == []
    del mine, by_address
    ctypes.pythonapi.Py_DecRef(found[0])
    del found
    gc.collect()
    assert ours.count("Leaked") == 0


def test_leaks_of_a_held_heap_are_nodes_that_nothing_refers_to(tmp_path):
    heap = snakeroot.snapshot()
    heap.save(tmp_path / "some.heap.parquet")
    loaded = snakeroot.load(tmp_path / "some.heap.parquet")
    found = ours.get_leaking_objects(heap=heap)
    assert [node.address for node in ours.get_leaking_objects(heap=loaded)] == [
        node.address for node in found
    ]
    assert all(node.tracked and not [edge for edge in node.referrers() if not edge.weak] for node in found)
    held = [heap.node(int), *found]
    assert ours.get_leaking_objects(held, heap=heap) == found


# at, at_addrs


def test_an_object_is_found_by_its_id():
    tracked = [[], {}, set(), type("Some", (), {})(), gc, test_an_object_is_found_by_its_id]
    for value in tracked:
        if gc.is_tracked(value):
            assert ours.at(id(value)) is objgraph.at(id(value)) is value
            assert ours.at(id(value), untracked=True) is value
    for value in ["text", 10**20, 1.5, b"bytes"]:
        assert ours.at(id(value)) is objgraph.at(id(value)) is None
    kept = ["a text that the module holds"]
    assert ours.at(id(kept[0]), untracked=True) is kept[0]


@pytest.mark.parametrize(
    "address", [0, 1, 8, -1, 2**64 - 1, 2**64, -(2**70), 10**30, None, "text", b"", 1.5, [], object()]
)
def test_what_is_no_objects_id_is_nobody_and_not_touched(address):
    assert ours.at(address) is objgraph.at(address) is None
    assert ours.at(address, untracked=True) is None
    assert ours.at(address, heap=snakeroot.snapshot()) is None
    assert ours.at_addrs([address]) == objgraph.at_addrs([address]) == []


def test_no_address_near_an_object_is_one():
    value = []
    for offset in (-16, -8, -1, 1, 8, 16, 24):
        assert ours.at(id(value) + offset) is objgraph.at(id(value) + offset)


@pytest.mark.parametrize("container", [set, frozenset, list, tuple, iter, dict.fromkeys])
def test_objects_are_found_by_their_ids(container):
    kept = [[number] for number in range(40)]
    ids = list(map(id, kept))
    found = ours.at_addrs(container(ids))
    assert sorted(map(id, found)) == sorted(ids)
    if container is not iter:
        assert list(map(id, found)) == list(map(id, objgraph.at_addrs(container(ids))))
    nodes = ours.at_addrs(container(ids), heap=snakeroot.snapshot())
    assert [node.address for node in nodes] == sorted(ids)


def test_any_container_of_ids_is_asked():
    kept = [[], []]

    class Odd:
        def __contains__(self, address):
            return address in (id(kept[0]), id(kept[1]))

    assert list(map(id, ours.at_addrs(Odd()))) == list(map(id, objgraph.at_addrs(Odd())))
    assert len(ours.at_addrs(Odd())) == 2
    below = range(id(kept[0]) + 1)
    assert any(value is kept[0] for value in ours.at_addrs(below))
    assert [node.address for node in ours.at_addrs(Odd(), heap=snakeroot.snapshot())] == sorted(map(id, kept))
    with pytest.raises(TypeError):
        ours.at_addrs(5)
    words = ["some text", "another text"]
    assert set(ours.at_addrs({id(word) for word in words}, untracked=True)) == set(words)


# Nothing is left behind


CALLS = {
    "typestats": lambda: ours.typestats(),
    "typestats, all": lambda: ours.typestats(untracked=True),
    "typestats, filter": lambda: ours.typestats(filter=id),
    "most_common_types": lambda: ours.most_common_types(None, sizes=True),
    "count": lambda: ours.count("list"),
    "count, given": lambda: ours.count("list", [[], []]),
    "by_type": lambda: ours.by_type("function"),
    "by_type, all": lambda: ours.by_type("str", untracked=True),
    "growth": lambda: ours.growth(None),
    "growth, kept": lambda: ours.growth(None, {}),
    "get_new_ids": lambda: ours.get_new_ids(limit=0),
    "get_leaking_objects": lambda: ours.get_leaking_objects(),
    "get_leaking_objects, given": lambda: ours.get_leaking_objects([[], {}]),
    "at": lambda: ours.at(id(CALLS)),
    "at_addrs": lambda: ours.at_addrs({id(CALLS)}),
    "at_addrs, range": lambda: ours.at_addrs(range(10)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_makes_no_garbage_and_keeps_nothing_alive(name):
    class Witness:
        pass

    call = CALLS[name]
    call()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        witness = Witness()
        gone = weakref.ref(witness)
        witness_count = sys.getrefcount(witness)
        call()
        assert sys.getrefcount(witness) == witness_count
        del witness
        assert gone() is None
        gc.collect()
        assert gc.garbage == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def test_what_is_remembered_is_in_no_heap():
    ours.growth(None)
    ours.get_new_ids(limit=0)
    gc.collect()
    before = snakeroot.snapshot()
    ours.growth(None)
    ours.get_new_ids(limit=0)
    after = snakeroot.snapshot()
    found = [
        node for node in after.diff(before).new if node.type in ("dict", "set", "collections.defaultdict")
    ]
    # The sets of `get_new_ids` are the caller's, who let them go.
    assert [node for node in found if len(node.referents()) > 50] == []


# What stands behind an underscore


class Loud:
    def __repr__(self):
        raise RuntimeError("no")


def sample():
    class Local:
        def method(self):
            return 1

    class Empty:
        def __len__(self):
            return 0

        def method(self):
            return 1

    frame = inspect.currentframe()
    named = types.SimpleNamespace(__name__="a name")
    return [
        [], [1], {}, {1: 2}, (), (1, 2), {3}, frozenset([4]), "text", "x" * 100, 'quo"te\n\\', b"b\0", 5, 10**60, 1.5, None,
        int, Local, Local(), Local().method, Empty().method, Local.method, len, [].append, gc, types, lambda: 0, sample,
        frame, named, Loud(), collections.OrderedDict(a=1), collections.deque([1]), collections.Counter("ab"), type, object(),
        math.sin, os.environ, sys, range(3), slice(1), Ellipsis, types.MethodType(len, []), weakref.ref(Local),
    ]  # fmt: skip


@pytest.mark.parametrize("value", sample(), ids=lambda value: type(value).__name__)
def test_names_and_short_forms_are_objgraphs(value):
    assert ours._short_typename(value) == objgraph._short_typename(value)
    assert ours._long_typename(value) == objgraph._long_typename(value)
    assert ours._obj_node_id(value) == objgraph._obj_node_id(value)
    assert ours._safe_repr(value) == objgraph._safe_repr(value)
    if type(value) is not Loud:
        assert ours._short_repr(value) == objgraph._short_repr(value)
    for how in ({}, {"extra_info": id}, {"shortnames": False}):
        assert ours._obj_label(value, **how) == objgraph._obj_label(value, **how)
    extra = {"URL": 'a"b', "color": None, "b": "1"}
    assert ours._obj_attrs(value, lambda _: extra) == objgraph._obj_attrs(value, lambda _: extra)
    assert ours._obj_attrs(value, None) == objgraph._obj_attrs(value, None) == ""
    for other in gc.get_referents(value):
        assert ours._edge_label(value, other) == objgraph._edge_label(value, other)
        assert ours._edge_label(value, other, False) == objgraph._edge_label(value, other, False)


def test_labels_have_objgraphs_reference_counts():
    inner = []
    for value in (inner, [inner], [inner, inner]):
        found = ours._obj_label(value, refcounts=True)
        expected = objgraph._obj_label(value, refcounts=True)
        assert found == expected


def test_edges_have_the_names_that_objgraph_gives_them():
    def function():
        pass

    function.__dict__["note"] = note = []
    target = []
    holder = types.SimpleNamespace(a=target)
    for source, held in [
        (holder, vars(holder)), (vars(holder), target), ({"no name": target}, target), ({5: target}, target),
        ({Loud(): target}, target), ({("a", 1): target}, target), ({'q"': target}, target), (function, note),
        (function, function.__globals__), (function, function.__code__), (target, holder), ({"a\n": target}, target),
    ]:  # fmt: skip
        for shortnames in (True, False):
            label = ours._edge_label(source, held, shortnames)
            assert label == objgraph._edge_label(source, held, shortnames)


def test_texts_and_colours_are_objgraphs():
    for text in ["", "plain", 'a"b', "a\\b", "a\nb", "a\0b", '\\"\n\0', "ü€"]:
        assert ours._quote(text) == objgraph._quote(text)
    for depth in range(5):
        for most in range(5):
            colours = (0, 0, 1), (0, 1, 0.3), depth, most
            assert ours._gradient(*colours) == objgraph._gradient(*colours)


def test_chains_are_found_by_the_function_of_their_edges():
    held = []
    vars(sys.modules[__name__])["HOLDER"] = {"held": held}
    found = ours._find_chain(held, objgraph.is_proper_module, gc.get_referrers)
    assert found[-1] is held and objgraph.is_proper_module(found[0])
    found = ours._find_chain(HOLDER, lambda value: value is held, gc.get_referents)
    assert [id(value) for value in found] == [id(held), id(HOLDER)]


def test_a_chain_by_a_function_is_objgraphs():
    names = {"a": "bc", "b": "d", "c": "def", "d": "ag", "e": "", "f": "g", "g": "h", "h": ""}
    places = {name: [name] for name in names}

    def edges(place):
        return [places[name] for name in names[place[0]]]

    for goal in "abcdefghx":
        for max_depth in (0, 1, 2, 3, 20):
            for ignored in ([], [id(places["b"])], [id(places["a"]), id(places["c"])]):
                asked = places["a"], lambda place, goal=goal: place == [goal], edges, max_depth, ignored
                assert ours._find_chain(*asked) == objgraph._find_chain(*asked)
    with pytest.raises(TypeError, match="not iterable"):
        ours._find_chain(places["a"], lambda place: False, len)


HOLDER = None


def test_what_is_not_there_says_what_to_use_instead():
    for name in ("_present_graph", "_program_in_path", "_isinstance", "IS_INTERACTIVE"):
        assert hasattr(objgraph, name)
        with pytest.raises(AttributeError, match=name + "': .+") as told:
            getattr(ours, name)
        assert told.value.name == name
    with pytest.raises(AttributeError, match="'snakeroot.objgraph' has no attribute 'nothing'$"):
        ours.nothing  # noqa: B018  read to raise
    assert not hasattr(ours, "__date__")
    assert ours.__version__.split(".")[:2] == objgraph.__version__.split(".")[:2]
