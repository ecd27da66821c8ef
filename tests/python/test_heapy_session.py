"""heapy's session by its own promises: nothing is kept alive, nothing of ours is seen, what is gone is said."""

import gc
import sys
import tracemalloc

import small_heaps
import pytest

import snakeroot
from snakeroot.heapy import hpy


class Thing:
    __slots__ = ("value", "__weakref__")

    def __init__(self, value):
        self.value = value


class Derived(Thing):
    __slots__ = ()


class Mute:
    """Its type answers nothing: no name, no module, no size."""

    def __sizeof__(self):
        raise RuntimeError("asked")

    def __repr__(self):
        raise RuntimeError("asked")


@pytest.fixture
def hp():
    return hpy()


def test_a_set_keeps_nothing_alive(hp):
    import weakref

    thing = Thing([1.5])
    watch = weakref.ref(thing)
    one = hp.iso(thing)
    assert one.theone is thing
    assert one.nodes == (thing,)
    del thing
    assert watch() is None
    assert one.count == 1
    assert one.size == sys.getsizeof(Thing(0))
    with pytest.raises(LookupError, match="gone"):
        one.theone
    with pytest.warns(RuntimeWarning, match="1 of 1 objects are gone"):
        assert one.nodes == ()


def test_values_are_of_the_moment_when_the_set_was_made(hp):
    one = hp.iso("some text of %d" % 5)
    assert str(one.byid).splitlines()[-1].endswith("'some text of 5'")


def test_ints_are_objects_and_not_addresses(hp):
    one = hp.iso(1, 10**9)
    assert sorted(one.nodes) == [1, 10**9]
    assert 1 in one
    assert 2 not in one


def test_a_changed_object_is_looked_at_anew(hp):
    thing = Thing([1.5])
    assert (hp.iso(thing).referents & list).count == 1
    thing.value = (2.5,)
    assert (hp.iso(thing).referents & list).count == 0
    assert (hp.iso(thing).referents & tuple).count == 1


def test_only_what_was_made_since_is_in_a_relative_heap(hp):
    hp.setrelheap()
    assert (hp.heap() & Thing).count == 0
    things = [Thing(number + 0.5) for number in range(20)]
    found = hp.heap()
    assert (found & Thing).count == 20
    assert (found & float).count == 20
    assert sorted(each.value for each in (found & Thing).nodes) == [number + 0.5 for number in range(20)]
    before = hp.heap()
    things += [Thing(None) for _ in range(5)]
    assert ((hp.heap() - before) & Thing).count == 5
    assert ((hp.heap() & before) & Thing).count == 20


@pytest.mark.parametrize("ask", ["heap", "setrelheap"])
def test_garbage_is_left_out_and_left_alone(hp, ask):
    import weakref

    class Ring(list):
        pass

    def rings(count):
        for _ in range(count):
            ring = Ring()
            ring.append(ring)
        return weakref.ref(ring)

    kept = Ring()
    gc.disable()
    try:
        watch = rings(10)
        getattr(hp, ask)()
        assert watch() is not None
        found = hp.heap() & Ring
        assert found.count == (1 if ask == "heap" else 0)
        assert (hp.heap() & hp.iso(kept)) == found
        later = Ring()
        assert (hp.heap() & Ring).count == found.count + 1
        del later
        assert gc.collect() >= 10
        assert watch() is None
    finally:
        gc.enable()


def test_a_given_set_is_the_reference(hp):
    things = [Thing(None) for _ in range(5)]
    hp.setrelheap(hp.iso(*things[:2]))
    assert (hp.heap() & Thing).count == 3
    hp.setref(hp.Nothing)
    assert (hp.heap() & Thing).count == 5


def test_sizes_and_counts_are_those_of_the_objects(hp):
    things = [Thing("x%d" % number) for number in range(10)]
    one = hp.iso(*things)
    assert one.count == 10
    assert one.size == one.indisize == sum(sys.getsizeof(thing) for thing in things)
    assert one.domisize == one.size + sum(sys.getsizeof(thing.value) for thing in things)
    assert one.dominos == one | (one.referents & str)
    assert len(one) == 1
    assert len(one.byid) == 10
    parts = one.byid.parts
    assert [part.count for part in parts] == [1] * 10
    assert (len(parts), parts[-1] == one.byid[9], [part == one.byid[2] for part in parts[2::-1]]) == (
        10,
        True,
        [True, False, False],
    )
    with pytest.raises(IndexError, match="row 10 of 10"):
        parts[10]
    # One set takes tens of KiB here: all at once would be gigabytes.
    everything = hp.heap().byid
    assert len(everything.parts) == everything.count > 50_000


def test_a_subtype_is_below_its_base(hp):
    both = hp.iso(Thing(1), Derived(2), [3])
    assert (both & Thing).count == 1
    assert (both & hp.Type(Thing).alt("<=")).count == 2
    assert (both & hp.Type(Thing).alt("<")).count == 1
    assert (both & hp.Type(Derived).alt(">")).count == 1
    assert both <= hp.Type(object).alt("<=")
    assert not both <= hp.Type(Thing).alt("<=")


def test_kinds_combine_as_sets_do(hp):
    both = hp.iso(Thing(1), [2], (3,))
    lists, tuples = hp.Type(list), hp.Type(tuple)
    assert (both & (lists | tuples)).count == 2
    assert (both & ~(lists | tuples)).count == 1
    assert (both & (lists & tuples)).count == 0
    assert (both - list).count == 2
    assert (both & (lists ^ tuples)).count == 2
    assert lists & tuples <= lists <= lists | tuples
    assert hp.Type(list) == lists != tuples
    assert hash(hp.Type(list)) == hash(lists)
    assert [1] in lists
    assert (1,) not in lists
    assert both.kind == hp.Type(Thing) | lists | tuples


def test_a_repr_of_a_kind_makes_it_again(hp):
    one = hp.Type(Thing)
    assert eval(repr(one).replace("hpy().", "hp.")) == one


def test_a_saved_heap_answers_alike(hp, tmp_path):
    things = [Thing([number + 0.5]) for number in range(7)]
    heap = snakeroot.snapshot()
    path = tmp_path / "a.heap.parquet"
    heap.save(path)
    live, saved = hpy(heap=heap), hpy(heap=snakeroot.load(path))
    for question in ("", ".byrcs", ".byvia", ".bysize", ".bytype", ".referents", ".domisize", ".referrers", ".brief"):
        expected = str(eval("(live.heap() & Thing)" + question))
        assert str(eval("(saved.heap() & Thing)" + question)) == expected, question
    address = id(things[3])
    assert saved.iso(address) <= saved.heap() & saved.Type(Thing)
    with pytest.raises(LookupError, match="file has no live objects"):
        saved.iso(address).theone
    with pytest.raises(KeyError, match="a heap from a file has no live objects"):
        saved.iso(things[3])


def test_two_processes_do_not_mix(tmp_path):
    import subprocess

    path = tmp_path / "other.heap.parquet"
    code = "import collections, snakeroot, sys; snakeroot.snapshot().save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    other = hpy(heap=snakeroot.load(path)).heap()
    # Types are found by name there, wherever they lie here.
    assert (other & dict).count > 0
    assert (other & type).count > 0
    assert (other & Thing).count == 0
    with pytest.raises(ValueError, match="sets of one process"):
        hpy().heap() - other


def test_nothing_of_ours_is_in_the_heap(hp):
    kept = [hp.heap(), hp.Type(list), hp.Rcs, hp.heap().stat, hp.heap().more, hp.doc]
    rows = str(hp.heap().all).splitlines()
    assert kept
    assert [row for row in rows if "snakeroot" in row] == []


def test_no_python_code_of_the_objects_runs(hp):
    one = hp.iso(Mute(), Mute())
    for question in ("", ".byid", ".byrcs", ".byvia", ".brief", ".referrers", ".byidset", ".stat"):
        assert str(eval("one" + question))
    assert one.count == 2


def test_looking_leaves_no_trace(hp):
    small_heaps.HEAP[:] = [each() for name, each in small_heaps.HEAPS.items() if name in ("strs", "mixed", "persons")]
    sizes = [sys.getsizeof(each) for heap in small_heaps.HEAP for each in heap]
    for heap in small_heaps.HEAP:
        str(hp.idset(heap).byid.all)
        str(hp.idset(heap).brief)
    assert [sys.getsizeof(each) for heap in small_heaps.HEAP for each in heap] == sizes
    small_heaps.HEAP.clear()


def test_attributes_and_items_are_mapped(hp):
    things = [Thing({"key": number + 0.5}) for number in range(4)]
    found = hp.iso(*things).maprox.value
    assert found == hp.iso(*[thing.value for thing in things])
    assert sorted(found.maprox["key"].nodes) == [0.5, 1.5, 2.5, 3.5]
    assert not found.maprox["other"]
    assert not found.maprox.other


def test_lines_of_allocation_are_told(hp):
    with pytest.raises(RuntimeError, match="Tracemalloc is not tracing"):
        hp.iso([]).byprod
    tracemalloc.start()
    try:
        # Lists may lie where one lay before, of which nothing was noted.
        made = ["made of %d" % number for number in range(10)]
        found = hp.iso(*made).byprod
        assert "test_heapy_session.py:" in str(found)
        assert found.kind.brief.rsplit(":", 1)[1].isdigit()
        assert (hp.iso(*made) & found.kind).count == 10
        assert hp.iso(made[0]).prod is not None
    finally:
        tracemalloc.stop()


def test_numbers_are_differences_slices_and_rows(hp):
    before = hp.iso([1], (2,)).stat
    after = hp.iso([1], [2], [3]).stat
    found = after - before
    assert (found.count, found.format_name) == (1, "DiffFormat")
    rows = {row.name: row.count for row in found.get_rows()}
    assert rows == {"list": 2, "tuple": -1}
    assert after[0].numrows == len(after) == 1
    assert after.get_row(0).cumulsize == after.size
    assert hp.iso([1], [2], [3]).diff(hp.iso([1], (2,))).count == 1
    assert before.get_rows_of_kinds(["tuple", "nobody"])[1] is None
    with pytest.raises(ValueError, match="expected two tables of the same kinds"):
        after - hp.iso([1]).bysize.stat


def test_unreachable_objects_are_compared_with_the_reference(hp):
    assert hp.heapu().kindheader == "Type"
    hp.setref()
    relative = hp.heapu()
    assert relative.format_name == "DiffFormat"
    assert relative.firstheader.startswith("Data from unreachable objects relative to: ")
    assert hp.heapu(abs=1).format_name == "SetFormat"
    assert hp.heapu(stat=0).er == hp.Type


def test_pages_follow_each_other(hp):
    made = hp.iso(*[[None] * size for size in range(25)])
    page = made.byid
    more = page.more
    assert str(more).splitlines()[1].split()[0] == "10"
    assert str(more.more).splitlines()[1].split()[0] == "20"
    assert repr(more.more.prev) == repr(more)
    assert repr(more.prev) == repr(more.top) == str(page)
    assert more.count == 25
    assert more[0].count == 1
    assert len(str(more.all).splitlines()) == 27


@pytest.mark.parametrize(
    ("ask", "error", "text"),
    [
        (lambda hp: hp.iso([]).by("type"), ValueError, "expected names among"),
        (lambda hp: hp.iso([]).by(5), TypeError, "expected an equivalence relation or its name, found int"),
        (lambda hp: hp.iso([])[1], IndexError, "row 1 of 1"),
        (lambda hp: hp.iso([])[::-1], ValueError, "Step must be positive"),
        (lambda hp: iter(hp.iso([])), TypeError, "take .parts"),
        (lambda hp: hp.iso([]) & 5, TypeError, "expected a set, a kind or a type, found int"),
        (lambda hp: hp.iso([]) | list, TypeError, "expected a set, found type"),
        (lambda hp: hp.iso([], []).theone, ValueError, "singleton"),
        (lambda hp: hp.Type(5), TypeError, "expected a type"),
        (lambda hp: hp.Clodo(dict), TypeError, "expected a type other than dict"),
        (lambda hp: hp.Via("what"), ValueError, "expected a relation such as"),
        (lambda hp: hp.Type(list).alt("~"), ValueError, "expected one of"),
        (lambda hp: hp.Id(5).alt("<"), ValueError, "expected a kind by type"),
        (lambda hp: hp.load(["nothing"]), ValueError, "expected a line such as"),
        (lambda hp: hp.load([]), StopIteration, "no other record"),
        (lambda hp: hp.load("/nowhere/at/all"), OSError, "nowhere"),
        (lambda hp: hp.findex, AttributeError, "findex of heapy is left out"),
        (lambda hp: hp.monitor(), AttributeError, "monitor of heapy is left out"),
        (lambda hp: hp.iso([]).partition, AttributeError, "partition of heapy is left out"),
        (lambda hp: hp.relheap, AttributeError, "relheap of heapy is left out"),
        (lambda hp: hp.iso([]) * hp.iso([]), TypeError, r"a \* b of heapy is left out"),
        (lambda hp: hp.iso([]) << 1, TypeError, "a << b of heapy is left out"),
        (lambda hp: ~hp.iso([]), TypeError, "~a of a set of heapy is left out"),
        (lambda hp: hp.iso([]).what, AttributeError, "no attribute \"what\""),
        (lambda hp: hp.Type(list).sokind, AttributeError, "sokind of heapy is left out"),
        (lambda hp: hp.Type.sokind, AttributeError, "sokind of heapy is left out"),
        (lambda hp: hp.Size(-1), ValueError, "Size: expected 0 or more, in 64 bits, found -1"),
        (lambda hp: hp.Size("5"), TypeError, "Size: expected an int, found str"),
        (lambda hp: hp.Idset(object()), TypeError, "Id: expected an int, found object"),
        (lambda hp: hp.iso([]).get_rp(depth=-1), ValueError, "depth: expected 0 or more"),
        (lambda hp: hp.iso([]).sp.avoided(-1), ValueError, "avoided: expected 0 or more"),
        (lambda hp: hp.iso([]).stat - 5, TypeError, "expected a Stat"),
    ],
)
def test_errors_say_what_was_expected(hp, ask, error, text):
    with pytest.raises(error, match=text):
        ask(hp)


HELD = {}
"""What only this holds."""


class Labelled:
    def __init__(self, label):
        self.label = label


@pytest.mark.parametrize(
    "make",
    [lambda: Labelled([]), lambda: [object()], lambda: {"key": object()}, lambda: (object(), 1), lambda: 2.5 * len(HELD)],
    ids=["instance", "list", "dict", "tuple", "float"],
)
def test_another_object_in_the_place_of_one_is_not_it(make):
    hp = hpy()
    for _ in range(200):
        HELD["one"] = make()
        address = id(HELD["one"])
        hp.heap()
        one = hp.iso(HELD["one"])
        assert one.theone is HELD["one"]
        del HELD["one"]
        other = make()
        if id(other) == address:
            with pytest.raises(LookupError, match="gone"):
                one.theone  # noqa: B018  read to raise
            return
    pytest.skip("no object came to lie where another had")


class Plain:
    __slots__ = ()


class Request:
    def __init__(self, number):
        self.number = number + 0.5
        self.text = "request %d" % number
        self.parts = [number]


def test_new_objects_in_the_place_of_freed_ones_are_new():
    hp = hpy()
    for kind in (Plain, Request):

        def make(number, kind=kind):
            return kind() if kind is Plain else kind(number)

        HELD["old"] = [make(number) for number in range(1000)]
        hp.setrelheap()
        assert not hp.heap() & kind
        HELD["old"].clear()
        HELD["new"] = [make(number) for number in range(1000)]
        new = hp.heap()
        assert (new & kind).count == 1000
        if kind is Request:
            assert (new & float).count >= 1000
            assert len([1 for text in (new & str).nodes if text.startswith("request ")]) == 1000
        # One by one, so that each lies where the one before it did.
        HELD["old"] = {number: make(number) for number in range(1000)}
        hp.setrelheap()
        for number in range(1000):
            HELD["old"][number] = make(number)
        assert (hp.heap() & kind).count == 1000
        HELD.clear()


def test_sets_of_two_walks_tell_new_objects_from_freed_ones():
    hp = hpy()
    HELD["old"] = [Plain() for _ in range(1000)]
    before = hp.heap() & Plain
    assert ((hp.heap() & Plain) - before).count == 0
    HELD["old"].clear()
    HELD["new"] = [Plain() for _ in range(1000)]
    after = hp.heap() & Plain
    assert (after - before).count == 1000
    assert (after & before).count == 0
    HELD.clear()


def test_an_object_that_changed_is_the_same():
    hp = hpy()
    local, HELD["one"], HELD["two"] = [[1]], Labelled([]), [[]]
    hp.heap()
    sets = [hp.iso(each) for each in (local, HELD["one"], HELD["two"])]
    HELD["one"].label = {}
    HELD["two"][:] = [{}]
    local[:] = [[2]]
    assert [each.theone for each in sets] == [local, HELD["one"], HELD["two"]]
    HELD.clear()


def test_many_untracked_objects_are_found_again():
    hp = hpy()
    HELD["many"] = {"key %d" % number: number + 0.5 for number in range(20_000)}
    found = (hp.heap() & float).nodes
    assert {id(value) for value in HELD["many"].values()} <= set(map(id, found))
    HELD.clear()


def test_help_names_the_attributes(hp):
    assert "setrelheap" in repr(hp.doc)
    assert "byrcs" in repr(hp.heap().doc)
    assert "walks anew" in repr(hp.doc.heap)
    with pytest.raises(AttributeError, match="nothing_of_this"):
        hp.doc.nothing_of_this


def test_other_threads_locals_are_seen(hp):
    import threading

    entered, leave = threading.Event(), threading.Event()

    def work():
        own = Thing("local to a thread")
        entered.set()
        leave.wait()
        return own

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    try:
        found = hp.heap() & Thing
        assert found.count == 1
        if sys.version_info >= (3, 11):
            assert str(found.byvia).splitlines()[-1].endswith(".f_locals['own']\"")
    finally:
        leave.set()
        thread.join()
    gc.collect()
