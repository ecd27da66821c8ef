"""The verbs that count, beside objgraph on many heaps; sizes, what is not tracked, held heaps."""

import collections
import gc
import inspect
import io
import random
import sys
import weakref

import objgraph
import pytest
import snakeroot
from snakeroot import objgraph as ours


def printed(verb, *arguments, **options):
    text = io.StringIO()
    assert verb(*arguments, file=text, **options) is None
    return text.getvalue()


def random_objects(seed):
    """Objects of builtin types and of classes with odd names, many of one short name."""
    rng = random.Random(seed)
    kinds = [list, dict, set, object, float, int, str, bytearray, collections.deque, collections.Counter]
    names = ["Thing", "thing", "Long" * 20, "Ünï", "a.b", "with blank", "T"]
    for _ in range(rng.randrange(12)):
        module = rng.choice(["app", "app.web", "", __name__])
        kinds.append(type(rng.choice(names), (), {"__module__": module}))
    return [rng.choice(kinds)() for _ in range(rng.randrange(1, 400))]


HEAPS = range(24)
LIMITS = [None, 0, 1, 2, 10, 10**30, -1, -3, -(10**30), False, True]


@pytest.mark.parametrize("seed", HEAPS)
def test_counts_and_tables_of_a_random_heap_equal_objgraphs(seed):
    objects = random_objects(seed)
    for shortnames in (True, False, 1, 0, None):
        expected = objgraph.typestats(objects, shortnames)
        assert list(ours.typestats(objects, shortnames).items()) == list(expected.items())
        for limit in LIMITS:
            rows = ours.most_common_types(limit, objects, shortnames)
            assert rows == objgraph.most_common_types(limit, objects, shortnames)
            if rows:
                arguments = limit, objects, shortnames
                table = printed(ours.show_most_common_types, *arguments)
                assert table == printed(objgraph.show_most_common_types, *arguments)
        for name in expected:
            assert ours.count(name, objects) == objgraph.count(name, objects)
            found = ours.by_type(name, objects)
            assert list(map(id, found)) == list(map(id, objgraph.by_type(name, objects)))


def is_plain(value):
    """Whether the names of an object's type are text, and the type itself tells them."""
    kind = type(value)
    try:
        names = [type.__dict__[name].__get__(kind) for name in ("__name__", "__module__")]
    except AttributeError:
        return False
    return all(type(name) is str and name.isprintable() for name in names) and (
        "__name__" not in type(kind).__dict__ or type(kind) is type
    )


def test_counts_of_each_program_equal_objgraphs(program):
    objects = [value for value in gc.get_objects() if is_plain(value)]
    for shortnames in (True, False):
        expected = objgraph.typestats(objects, shortnames)
        assert list(ours.typestats(objects, shortnames).items()) == list(expected.items())
        limit = -7 if shortnames else None
        table = printed(ours.show_most_common_types, limit, objects, shortnames)
        assert table == printed(objgraph.show_most_common_types, limit, objects, shortnames)
    del objects
    # The whole process: what was there before both counts is counted by both.
    before = set(map(id, gc.get_objects()))
    for name in ("module", program.__name__ + ".Thing"):
        expected = [id(value) for value in objgraph.by_type(name) if id(value) in before]
        assert [id(value) for value in ours.by_type(name) if id(value) in before] == expected
        assert ours.count(name) == objgraph.count(name)


def test_growth_on_each_program_equals_objgraphs(program):
    first = ours.typestats(shortnames=False)
    kinds = [type("Kept%d" % number, (), {}) for number in range(7)]
    kept = [kind() for place, kind in enumerate(kinds) for _ in range(40 + place // 2)]
    peaks, theirs = dict(first), dict(first)
    expected = [row for row in objgraph.growth(0, theirs, False) if "Kept" in row[0]]
    assert [row for row in ours.growth(0, peaks, False) if "Kept" in row[0]] == expected != []
    changed = {name: count for name, count in theirs.items() if "Kept" in name}
    assert {name: count for name, count in peaks.items() if "Kept" in name} == changed

    def mine(value):
        return type(value).__name__.startswith("Kept")

    table = printed(ours.show_growth, -3, {}, True, filter=mine)
    assert table == printed(objgraph.show_growth, -3, {}, True, filter=mine) != "" and kept


@pytest.mark.parametrize("name", [name for name in objgraph.__dict__ if name in snakeroot.objgraph.__all__])
def test_each_function_takes_objgraphs_parameters_in_their_order_with_their_defaults(name):
    theirs = inspect.signature(getattr(objgraph, name)).parameters
    found = inspect.signature(getattr(ours, name)).parameters
    if name == "show_chain":
        assert next(iter(found.values())).kind is inspect.Parameter.VAR_POSITIONAL
        return
    positional = {
        key: value for key, value in found.items() if value.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    assert list(positional) == list(theirs)
    for key, parameter in theirs.items():
        if key not in ("peak_stats", "_state", "extra_ignore"):  # there a dict or tuple of its own
            assert positional[key].default == parameter.default, key


def test_all_names_of_objgraph_are_there():
    public = {name for name, value in vars(objgraph).items() if inspect.isfunction(value) and name[0] != "_"}
    assert public == set(ours.__all__) and len(public) == 17
    for name in public:
        assert getattr(snakeroot, name) is getattr(ours, name)
    assert public <= set(snakeroot.__all__)


# Odd arguments


def test_no_object_makes_an_empty_table():
    assert printed(ours.show_most_common_types, objects=[]) == ""
    assert ours.most_common_types(objects=[]) == [] and ours.typestats([]) == {}
    assert ours.count("list", []) == 0 and ours.by_type("list", ()) == []


def test_a_generator_is_read_once():
    assert ours.typestats(iter([[], {}, []])) == {"list": 2, "dict": 1}
    assert ours.by_type("list", (value for value in ([], 1, {}))) == [[]]
    assert ours.most_common_types(1, (value for value in ([], 1, []))) == [("list", 2)]


def test_a_filter_that_raises_is_heard_and_holds_nothing():
    class Witness:
        pass

    def broken(value):
        raise LookupError("no")

    witness = Witness()
    gone = weakref.ref(witness)
    for call in (
        lambda: ours.typestats([witness], filter=broken),
        lambda: ours.typestats(filter=broken),
        lambda: ours.typestats(filter=broken, untracked=True),
        lambda: printed(ours.show_growth, filter=broken, peak_stats={}),
        lambda: ours.typestats(filter=broken, heap=snakeroot.snapshot()),
    ):
        with pytest.raises(LookupError, match="no"):
            call()
    del witness, call
    gc.collect()
    assert gone() is None
    peaks = {}
    with pytest.raises(LookupError):
        ours.growth(peak_stats=peaks, filter=broken)
    assert peaks == {}


@pytest.mark.parametrize("nothing", [None, False, 0, ""])
def test_a_filter_that_is_false_filters_nothing(nothing):
    assert ours.typestats([1, []], filter=nothing) == objgraph.typestats([1, []], filter=nothing)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda tool: tool.count(5), TypeError),
        (lambda tool: tool.by_type(None), TypeError),
        (lambda tool: tool.typestats(5), TypeError),
        (lambda tool: tool.typestats([1], filter=5), TypeError),
        (lambda tool: tool.most_common_types(2.5, [1]), TypeError),
        (lambda tool: tool.most_common_types("2", [1]), TypeError),
        (lambda tool: tool.growth(peak_stats=5), (TypeError, AttributeError)),
        (lambda tool: tool.show_most_common_types(objects=[1], file=5), AttributeError),
    ],
)
def test_bad_arguments_are_refused_as_by_objgraph(call, error):
    for tool in (objgraph, ours):
        with pytest.raises(error):
            call(tool)


def test_our_own_arguments_say_what_they_expect():
    with pytest.raises(ValueError, match='sizes: expected True, False or "retained", found "big"'):
        ours.most_common_types(sizes="big")
    with pytest.raises(ValueError, match=r"expected heap=snapshot\(\) beside it"):
        ours.show_most_common_types(sizes="retained")
    with pytest.raises(
        TypeError, match=r"heap: expected a heap that snapshot\(\) or load\(\) gave, found int"
    ):
        ours.typestats(heap=5)
    with pytest.raises(TypeError):
        ours.typestats([], True, None, True)  # what is ours goes by its name only


def test_a_name_with_surrogates_is_nothing_s_name():
    assert ours.count("\ud800") == objgraph.count("\ud800") == 0
    assert ours.by_type("\ud800.x") == []


def test_a_metaclass_is_not_asked():
    class Meta(type):
        @property
        def __name__(cls):
            raise RuntimeError("asked")

    class Odd(metaclass=Meta):
        pass

    assert ours.typestats([Odd()]) == {"Odd": 1}
    with pytest.raises(RuntimeError):
        objgraph.typestats([Odd()])


# Sizes


def test_sizes_are_those_of_getsizeof():
    objects = random_objects(7) + [list(range(100)), {1: 2}, "text", 10**50, (1, 2), {3}, len, object]
    sizes = collections.Counter()
    for value in objects:
        sizes[type(value).__name__] += sys.getsizeof(value)
    rows = ours.most_common_types(None, objects, sizes=True)
    assert [row[:2] for row in rows] == objgraph.most_common_types(None, objects)
    assert {name: size for name, _, size in rows} == sizes


def test_sizes_of_the_process_are_those_of_the_objects_that_it_counts():
    class Sized:
        def __init__(self):
            self.items = [None] * 500

    kept = [Sized() for _ in range(20)]
    rows = {name: (count, size) for name, count, size in ours.most_common_types(None, sizes=True)}
    assert rows["Sized"] == (20, sum(map(sys.getsizeof, kept)))
    stats = ours.typestats()
    assert abs(rows["function"][0] - stats["function"]) < 5 and set(stats) <= set(rows) | {"list_iterator"}
    table = printed(ours.show_most_common_types, 3, sizes=True).splitlines()
    assert len(table) == 3 and all(line.split()[-1] in ("B", "KiB", "MiB") for line in table)


def test_growth_has_sizes_too():
    peaks = ours.typestats()
    kept = [collections.deque([1]) for _ in range(300)]
    found = {row[0]: row[1:] for row in ours.growth(None, peaks, sizes=True)}
    count, increase, size = found["deque"]
    assert increase == 300 and size >= sum(map(sys.getsizeof, kept)) and count >= 300
    assert printed(ours.show_growth, 1, {}, sizes=True).split()[2].startswith("+")


# What is not tracked


def test_everything_in_memory_counts_if_asked():
    class Only:
        pass

    kept = [Only() for _ in range(5)]
    words = ["only here %d" % number for number in range(4000)]
    stats = ours.typestats(untracked=True)
    heap = snakeroot.snapshot()
    assert abs(stats["bytes"] - len(heap.objects(type="builtins.bytes"))) < 100 and stats["str"] > 4000
    assert stats["Only"] == len(kept)
    assert "str" not in ours.typestats()
    assert ours.count("str", untracked=True) > 4000 > ours.count("str") == 0
    found = set(map(id, ours.by_type("str", untracked=True)))
    assert found >= set(map(id, words))
    assert ours.most_common_types(None, untracked=True, sizes=True)[0][2] > 1000

    def word(value):
        return type(value) is str and value.startswith("only here ") and value[-1].isdigit()

    assert ours.typestats(filter=word, untracked=True) == {"str": 4000}
    peaks = {}
    assert ours.growth(1, peaks, untracked=True, filter=word, sizes=True) == [
        ("str", 4000, 4000, sum(map(sys.getsizeof, words)))
    ]
    more = ["only here more %d" % number for number in range(3)]
    assert ours.growth(1, peaks, untracked=True, filter=word) == [("str", 4003, 3)] and more


# Held heaps


@pytest.fixture(params=["live", "loaded"])
def heap_of(request, tmp_path):
    def take():
        heap = snakeroot.snapshot()
        if request.param == "live":
            return heap
        path = tmp_path / "some.heap.parquet"
        heap.save(path)
        return snakeroot.load(path)

    return take


class Once:
    pass


class Twice:
    pass


class Held:
    def __init__(self):
        self.items = ["%d items" % id(self)]


def test_a_held_heap_is_counted_in_place_of_the_process(heap_of):
    kept = [Held() for _ in range(30)]
    gc.collect()
    heap = heap_of()
    addresses = {id(value) for value in kept}
    kept += [Held()]
    assert ours.count("Held", heap=heap) == ours.count(__name__ + ".Held", heap=heap) == 30
    nodes = ours.by_type("Held", heap=heap)
    assert {node.address for node in nodes} == addresses
    stats = ours.typestats(heap=heap, shortnames=False)
    assert stats[__name__ + ".Held"] == 30 and "builtins.str" not in stats
    stats = ours.typestats(heap=heap, shortnames=False, untracked=True)
    assert stats["builtins.str"] == len(heap.objects(type="builtins.str"))
    assert ours.typestats(nodes, heap=heap, shortnames=False) == {__name__ + ".Held": 30}
    assert ours.typestats(heap.objects(type="Held"), heap=heap) == {"Held": 30}
    assert ours.typestats(heap=heap, filter=lambda node: node in nodes) == {"Held": 30}
    name, count, size, retained = ours.most_common_types(None, nodes, heap=heap, sizes="retained")[0]
    group = heap.objects(type="Held")
    assert (name, count, size, retained) == ("Held", 30, group.size, group.retained)
    assert printed(ours.show_most_common_types, 1, nodes, heap=heap).strip() == "Held 30"
    peaks = {}
    ours.growth(None, peaks, heap=heap)
    later = heap_of()
    grown = {row[0]: row[1:] for row in ours.growth(None, peaks, heap=later)}
    assert grown["Held"] == (31, 1)
    with pytest.raises(KeyError, match="another heap"):
        ours.typestats(nodes, heap=later)


def test_the_peaks_of_heaps_and_of_the_process_are_apart():
    ours.growth(None)
    heap = snakeroot.snapshot()
    ours.growth(None, heap=heap, untracked=True)
    kept = [Twice() for _ in range(9)]
    assert ("Twice", 9) in [(name, delta) for name, _, delta in ours.growth(None)] and kept
    assert ours.growth(None, heap=heap, untracked=True) == []


# The state of growth, and collections


def test_growth_keeps_its_peaks_where_nobody_can_reach_them():
    assert "peak_stats=None" in str(inspect.signature(ours.growth))
    tracked = {id(value) for value in gc.get_objects()}
    ours.growth(None)
    ours.growth(None)
    kept = [Once() for _ in range(4)]
    grown = ours.growth(None)
    assert ("Once", 4) in [(name, delta) for name, _, delta in grown]
    del grown
    peaks = [
        value
        for value in gc.get_objects()
        if id(value) not in tracked
        and type(value) is dict
        and "function" in value
        and value is not vars(ours)
    ]
    assert peaks == [] and kept


def test_a_collection_is_forced_as_by_objgraph_unless_it_is_not_wanted():
    class Lost:
        pass

    def make_garbage():
        lost = Lost()
        lost.itself = lost
        return weakref.ref(lost)

    gc.disable()
    try:
        for verb in (
            ours.growth,
            ours.show_growth,
            ours.get_leaking_objects,
            lambda **how: ours.get_new_ids(limit=0, **how),
        ):
            gone = make_garbage()
            quiet = {"file": io.StringIO()} if verb is ours.show_growth else {}
            verb(collect=False, **quiet)
            assert gone() is not None
            verb(**quiet)
            assert gone() is None
    finally:
        gc.enable()


def test_nodes_are_not_taken_for_objects_of_the_process():
    nodes = snakeroot.by_type("dict", heap=snakeroot.snapshot())
    for count in (
        lambda: snakeroot.count("dict", nodes),
        lambda: snakeroot.by_type("dict", nodes),
        lambda: snakeroot.typestats(nodes),
        lambda: snakeroot.show_most_common_types(objects=nodes),
    ):
        with pytest.raises(TypeError, match="heap="):
            count()
