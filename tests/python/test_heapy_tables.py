"""heapy's tables, byte by byte beside guppy3's of the same objects in the same process."""

import gc
import sys

import small_heaps
import pytest

from snakeroot.heapy import hpy

guppy = pytest.importorskip("guppy", reason="guppy3 has no wheel for this interpreter")

TABLES = [
    "",
    ".byclodo",
    ".bytype",
    ".bysize",
    ".bymodule",
    ".byunity",
    ".byidset",
    ".byid",
    ".byid.more",
    ".byid.all",
    ".more",
    ".all",
    "[0]",
    "[0:2]",
    ".byid[0]",
    ".byid[1:3]",
    ".bysize[0].byid",
    ".by('Type&Size')",
    ".by('Size&Type').all",
    ".kind",
    ".stat",
    ".stat[0]",
    "[-1].count",
    ".stat - x.stat",
    ".byid.stat",
]
NUMBERS = [".size", ".indisize", ".count", ".stat.numrows"]
AROUND = [".referrers", ".byrcs", ".byvia", ".by('Clodo&Rcs')", ".byrcs[0].byvia", ".domisize", ".dominos", ".imdom"]
FORWARD = [".referents", ".referents.byid", ".referents.referents.bysize"]

# Keys that are str are no referents to guppy3 from Python 3.11 on.
STR_KEYS = {
    "persons", "many persons", "dicts of persons", "mixed", "one size, several types", "types", "builtin types",
    "modules", "functions", "methods", "others", "subclasses", "weak", "generators", "code", "exceptions",
}  # fmt: skip
# These are held by guppy3's own objects too, which it does not show.
HELD_BY_THE_PEER = {"singletons", "types", "builtin types", "modules", "functions", "methods", "code", "subclasses", "weak"}
BRIEF = [".brief", "[0].brief"]
# Of several kinds guppy3 shows some in an order that depends on where they lie.
OF_ONE_KIND = ["lists", "persons", "many persons", "floats", "ints", "strs", "slotted", "bytes"]


@pytest.fixture
def heap(request):
    """One of the small heaps, held by its holder alone."""
    small_heaps.HEAP.clear()
    small_heaps.HEAP[:] = small_heaps.HEAPS[request.param]()
    gc.collect()
    yield request.param
    small_heaps.HEAP.clear()


def answers(x, questions):
    return {question: str(eval("x" + question, {"x": x})) for question in questions}


@pytest.fixture(scope="module")
def both():
    """What both tools say of all heaps: by name of the heap, ours and theirs by question.

    Ours first: guppy3 keeps objects of its own. And each tool looks at the whole process once.
    """
    for name, make in small_heaps.HEAPS.items():
        small_heaps.HELD[name] = make()
    gc.collect()
    gc.disable()  # a collection makes guppy3 look again
    try:
        found = []
        for session in (hpy, guppy.hpy):
            hp = session()
            if session is hpy:
                hp.heap()
            else:
                hp.idset([each for objects in small_heaps.HELD.values() for each in objects]).referrers  # noqa: B018  read to fill a cache
            of_heaps = {}
            for name in small_heaps.HEAPS:
                questions = TABLES + NUMBERS
                if name not in HELD_BY_THE_PEER:
                    questions = questions + AROUND
                if name not in STR_KEYS:
                    questions = questions + FORWARD
                if name in OF_ONE_KIND:
                    questions = questions + BRIEF
                of_heaps[name] = answers(hp.idset(small_heaps.HELD[name]), questions)
            found.append(of_heaps)
    finally:
        gc.enable()
        small_heaps.HELD.clear()
        small_heaps.OWNERS.clear()
    ours, theirs = found
    return {name: (ours[name], theirs[name]) for name in small_heaps.HEAPS}


@pytest.mark.parametrize("name", small_heaps.HEAPS)
def test_what_is_printed_is_the_same(both, name):
    ours, theirs = both[name]
    for question in theirs:
        assert ours[question] == theirs[question], question


def test_a_set_of_given_objects_is_the_same():
    """What the arguments of a call come in is none of their referrers."""
    small_heaps.HEAP[:] = small_heaps.HEAPS["persons"]()
    questions = [*TABLES, ".referrers", ".byrcs"]
    ours = answers(hpy().iso(*small_heaps.HEAP), questions)
    walked = hpy()
    walked.heap()
    alone = walked.iso(small_heaps.HEAP[0], small_heaps.HEAP[1])
    assert [row.theone for row in alone.referrers.parts] == [small_heaps.HEAP]
    hp = guppy.hpy()
    assert ours == answers(hp.iso(*small_heaps.HEAP), questions)
    small_heaps.HEAP.clear()


@pytest.mark.parametrize("heap", ["mixed", "persons"], indirect=True)
@pytest.mark.parametrize(
    "question",
    [
        "x & list",
        "x - list",
        "x & hp.Type(small_heaps.Person)",
        "x & hp.Type(dict).alt('<=')",
        "x & hp.Type(small_heaps.Mapping).alt('>')",
        "x & hp.Size(56)",
        "x & hp.Size(56).alt('>')",
        "x & hp.Size(56).alt('<=')",
        "x & ~hp.Type(list)",
        "x & (hp.Type(list) | hp.Type(tuple))",
        "x & hp.Clodo(dictof=())",
        "x.referents & hp.Clodo(dictof=small_heaps.Person)",
        "x.referents & hp.Type(small_heaps.Person).dictof",
        "(x.referents & hp.Type(small_heaps.Person).dictof).owners",
        "x & hp.Rcs(hp.Type(list))",
        "x & hp.Via('[0]')",
        "x & hp.Via('[1]', '[2]')",
        "x.by(hp.Size & hp.Type)",
        "x.referents.by(hp.Type.dictof)",
        "x.by(hp.Type.refdby)",
        "(x & list) | (x & tuple)",
        "(x & list) ^ x",
        "x & x[0]",
        "x - x[0]",
        "x <= hp.Type(list)",
        "x[0] <= x",
        "x == x[0:]",
        "x[0] == x",
        "bool(x & complex)",
        "len(x)",
        "hp.Type(list)",
        "hp.Size(56).alt('<')",
        "~hp.Type(list)",
        "hp.Type(list) | hp.Type(dict)",
        "hp.Clodo(dictof=small_heaps.Person)",
        "hp.Type(small_heaps.Person).alt('<=')",
    ],
)
def test_kinds_select_the_same(heap, question):
    def answer(hp):
        return str(eval(question, {"x": hp.idset(small_heaps.HEAP), "hp": hp, "small_heaps": small_heaps}))

    assert answer(hpy()) == answer(guppy.hpy())


@pytest.mark.parametrize("heap", ["many persons", "lists of many sizes", "slotted", "mixed"], indirect=True)
def test_files_are_read_both_ways(heap, tmp_path):
    path = str(tmp_path / "both.hpy")
    ours, theirs = hpy(), guppy.hpy()
    x, y = ours.idset(small_heaps.HEAP), theirs.idset(small_heaps.HEAP)
    x.dump(path)
    y.dump(path)
    x.byid.stat.dump(path)
    (y[0].stat - y.stat).dump(path)
    (x[0].stat - x.stat).dump(path)
    for hp in (ours, theirs):
        with open(path) as file:
            read = [str(hp.load(file)) for _ in range(5)]
        assert read[0] == read[1] == str(y)
        assert read[2] == str(y.byid.stat)
        assert read[3] == read[4] == str(y[0].stat - y.stat)
        assert str(hp.load(path)) == str(y)


def test_what_was_made_since_is_the_same():
    """Relative heaps: but for the frames, which are no objects here until something asks for them."""
    ours, theirs = hpy(), guppy.hpy()
    theirs.heap()
    theirs.setrelheap()
    ours.setrelheap()
    small_heaps.HEAP[:] = small_heaps.HEAPS["many persons"]() + small_heaps.HEAPS["slotted"]()
    expected = theirs.heap()
    # What guppy3 made meanwhile is its own.
    of_theirs = [str(expected & kind) for kind in (small_heaps.Person, small_heaps.Slotted)]
    of_theirs.append(str(expected & theirs.Type(small_heaps.Person).dictof))
    del expected
    gc.collect()
    found = ours.heap()
    of_ours = [str(found & kind) for kind in (small_heaps.Person, small_heaps.Slotted)]
    of_ours.append(str(found & ours.Type(small_heaps.Person).dictof))
    assert of_ours == of_theirs
    small_heaps.HEAP.clear()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="instances keep their attributes in a dict from the beginning")
def test_no_dict_is_made_by_looking():
    class Plain:
        def __init__(self):
            self.value = [1.5]

    small_heaps.HEAP[:] = [Plain() for _ in range(10)]
    hp = hpy()
    x = hp.idset(small_heaps.HEAP)
    for question in (*TABLES, *AROUND, *FORWARD):
        str(eval("x" + question, {"x": x}))
    # A second walk meets no dict: the values are held by the instances.
    fresh = hpy().idset(small_heaps.HEAP)
    assert (fresh.referents & dict).count == 0
    held = (fresh.referents & list).byrcs
    assert held.kind == hp.Rcs(hp.Type(Plain))
    small_heaps.HEAP.clear()
