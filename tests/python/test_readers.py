"""Each reader can be left alone: then the public way takes its place and gives the same answers."""

import decimal
import gc
import json
import os
import subprocess
import sys
import sysconfig

import pytest
import snakeroot
from snakeroot import _snakeroot

PROGRAM = """
import collections, gc, json, sys
import snakeroot

class Plain:
    def __init__(self, *values):
        self.first, self.second = values

class Slotted:
    __slots__ = ("left", "right")
    def __init__(self, *values):
        self.left, self.right = values

class Items(list): pass
class Table(dict): pass

def produce(start):
    held = [start]
    yield held

def build():
    made = [[1, [2]], (3, (4, 5)), {"key": [6], 7: [8]}, {9, (10,)}, frozenset({"eleven"}),
            Plain([12], "thirteen"), Slotted([14], "fifteen"), Items([[16]]), Table(key=[17]),
            collections.OrderedDict(key=[18]), collections.deque([[19]]), "twenty é 日", 21**40, 22.5,
            b"twenty-three", produce(24), lambda default=[25]: made, bytearray(26), range(27)]
    made[5].__dict__
    next(made[15])
    return made

made = build()
heap = snakeroot.snapshot()
numbers = {id(value): at for at, value in enumerate(made)}
def name(address):
    return numbers.get(address, "other")

answer = {"sizes": [], "missing": [], "edges": [], "notices": heap.info.notices}
for value in made:
    node = heap.node(id(value))
    answer["sizes"].append([node.size, sys.getsizeof(value)])
    found = collections.Counter(far.address for edge in node.referents() if not edge.weak for far in [edge.node])
    expected = collections.Counter(map(id, gc.get_referents(value)))
    # Some patch levels visit an instance's values beside the dict that holds them: 3.13.0-.12, 3.14.0-.3.
    beside = set(map(id, value.__dict__.values())) if type(value) is Plain else ()
    for address in beside:
        del expected[address]
    answer["missing"].append([name(each) for each in (expected - found)])
    answer["edges"].append(sorted(
        [str(edge.label), edge.node.type] for edge in node.referents()
        if edge.node.type != "type" and edge.node.address not in beside
    ))
answer["value"] = heap.node(made[0]).type
answer["roots"] = sorted({str(heap.node(module).root) for module in (sys, collections)})
print(json.dumps(answer))
"""

# Objects of modules that a process need not have, by the name of the reader that knows them.
LATE = """
import array, asyncio, collections, datetime, decimal, gc, json, mmap, sys
import snakeroot
import snakeroot
from snakeroot import _snakeroot
try:
    import numpy
except ImportError:
    numpy = None
try:
    import _decimal
except ImportError:
    _decimal = None

async def wait():
    waiting.set()
    await forever

def build():
    zone = datetime.timezone(datetime.timedelta(hours=2), "named")
    made = {
        "builtins": [bytearray(100), memoryview(b"viewed")],
        "array": [array.array("d", [1.5] * 100)],
        "_datetime": [zone, datetime.datetime(2000, 1, 1, tzinfo=zone), datetime.time(1, tzinfo=zone)],
        "mmap": [mmap.mmap(-1, 8192)],
        "_asyncio": [asyncio.current_task(), task, forever],
    }
    if _decimal:
        made["_decimal"] = [decimal.Context(), decimal.Decimal("1.5")]
    if numpy:
        held = numpy.array([["held"], {"also"}, None], dtype=object)
        made["numpy"] = [held, held[1:], numpy.zeros(100)]
    return made

async def main():
    global made, task, forever, waiting
    forever, waiting = asyncio.get_running_loop().create_future(), asyncio.Event()
    task = asyncio.create_task(wait(), name="a name of its own")
    await waiting.wait()
    made = build()
    heap = snakeroot.snapshot()
    answer = {"notices": heap.info.notices, "kinds": {}}
    for name, values in made.items():
        answer["kinds"][name] = rows = []
        for value in values:
            node = heap.node(id(value))
            strong = [edge for edge in node.referents() if not edge.weak]
            found = collections.Counter(edge.node.address for edge in strong)
            expected = collections.Counter(map(id, gc.get_referents(value)))
            rows.append({
                "size": [node.size, sys.getsizeof(value)],
                "missing": len(list((expected - found).elements())),
                # Of some types the module is told by their dict only.
                "referents": sorted(edge.node.type.rpartition(".")[2] for edge in strong if edge.node.type != "type"),
                "labels": sorted(str(edge.label) for edge in strong),
                "native": node.native_size,
                "root": node.root and node.root.kind,
            })
    forever.set_result(None)
    print(json.dumps(answer))

asyncio.run(main())
_snakeroot.main(["snakeroot", "doctor", "--json"])
"""

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# Of a stopped world there is no public way to find objects.
ALWAYS = {"stopped world"} if FREE_THREADED else set()
NAMES = [
    "counts by thread" if FREE_THREADED else "gc lists",
    "list, tuple",
    "dict",
    "set",
    "instance attributes",
    "str",
    "int",
    "generator locals",
    "running frames",
    "value stacks",
    "size of list",
    "size of dict",
    "size of set",
    "size of str",
    "size of int",
    "size of plain objects",
]
OPTIONAL = ["builtins", "array", "_asyncio", "_datetime", "_decimal", "mmap", "numpy"]
# Without these, references are seen but not named.
UNNAMED = {"instance attributes", "generator locals", "dict", "all"}


def said(program, without):
    environment = {**os.environ, "SNAKEROOT_WITHOUT": without}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(without, broken=""):
    return json.loads(said(broken + PROGRAM, without))


def late_answers(without):
    """Of the process, and what `doctor` says in it."""
    line, _, doctor = said(LATE, without).partition("\n")
    return json.loads(line), json.loads(doctor)


@pytest.fixture(scope="module")
def usual():
    return answers("")


def test_all_readers_are_left_alone_in_some_test():
    doctor = subprocess.run(
        [sys.executable, "-m", "snakeroot", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    readers = json.loads(doctor.stdout)["readers"]
    assert set(readers) - set(OPTIONAL) - ALWAYS == set(NAMES)
    assert _snakeroot.__version__


@pytest.mark.parametrize("without", [*NAMES, "all"])
def test_without_a_reader_the_answers_are_the_same(without, usual):
    found = answers(without)
    assert all(size == expected for size, expected in found["sizes"])
    assert all(missing == [] for missing in found["missing"])
    assert found["roots"] == usual["roots"]
    if without not in UNNAMED:
        assert found["edges"] == usual["edges"]
    else:
        types = [[kind for _, kind in sorted(row, key=lambda edge: edge[1])] for row in found["edges"]]
        expected = [[kind for _, kind in sorted(row, key=lambda edge: edge[1])] for row in usual["edges"]]
        assert types == expected


@pytest.mark.parametrize("without", [NAMES[0], "dict", "str", "running frames", "all"])
def test_a_reader_that_is_left_alone_is_named(without):
    assert any("SNAKEROOT_WITHOUT" in notice for notice in answers(without)["notices"])
    doctor = "from snakeroot import _snakeroot; _snakeroot.main(['snakeroot', 'doctor', '--json'])"
    readers = json.loads(said(doctor, without))["readers"]
    named = NAMES if without == "all" else [without]
    assert not any(readers[name] for name in named)


# What of a reader's answers has no public way, by its kind of object: fields that traverse does not visit, bytes
# outside of Python's memory, names and roots. Where a reference is missing, its referent is held from C.
ONLY_THEIRS = {
    "builtins": {"native"},
    "array": {"native"},
    "_asyncio": {"labels", "root"},
    "_datetime": {"labels", "referents", "root"},
    "_decimal": {"labels", "referents"},
    "mmap": {"native"},
    "numpy": {"labels", "referents", "native", "root"},
}


@pytest.fixture(scope="module")
def late():
    return late_answers("")


@pytest.mark.parametrize("without", [*OPTIONAL, "all"])
def test_without_a_late_reader_the_answers_are_the_same_but_for_what_only_it_knows(without, late):
    (usual, usual_doctor), (found, doctor) = late, late_answers(without)
    if without not in [*usual["kinds"], "all"]:
        pytest.skip("needs %s" % without)
    assert usual["notices"] == usual_doctor["notices"]
    assert set(found["kinds"]) == set(usual["kinds"]) >= set(OPTIONAL) - {"numpy", "_decimal"}
    for kind, rows in usual["kinds"].items():
        off = without in (kind, "all")
        differ = set()
        for row, expected in zip(found["kinds"][kind], rows, strict=True):
            assert row["size"][0] == row["size"][1] and row["missing"] == expected["missing"] == 0
            differ |= {key for key in row if row[key] != expected[key]}
        # Some versions' traverse functions visit more than others'.
        assert differ <= (ONLY_THEIRS[kind] if off else set()), (kind, rows, found["kinds"][kind])
        assert bool(differ) == off
        notices = [notice for notice in found["notices"] if notice.startswith(kind + ": ")]
        asked = "its objects are read through the public interface only: SNAKEROOT_WITHOUT asks for that"
        assert notices == (["%s: %s" % (kind, asked)] if off else [])
        assert doctor["readers"][kind] is not off
    assert doctor["notices"] == found["notices"]


@pytest.mark.parametrize("without", ["_datetime", "_decimal", "numpy"])
def test_without_their_reader_some_references_are_missing(without, late):
    if without not in late[0]["kinds"]:
        pytest.skip("needs %s" % without)
    found = late_answers(without)[0]["kinds"][without]
    for row, expected in zip(found, late[0]["kinds"][without], strict=True):
        assert len(row["referents"]) <= len(expected["referents"])
    missing = {"_datetime": "timezone", "_decimal": "SignalDict", "numpy": "list"}[without]

    def has(rows):
        return any(missing in row["referents"] for row in rows)

    visited = [type(each).__name__ for each in gc.get_referents(decimal.Context())]
    assert has(found) == (without == "_decimal" and "SignalDict" in visited)
    assert has(late[0]["kinds"][without])


# Each makes one kind of trial fail while snakeroot is imported, and then is gone: what a layout would do that is not
# the expected one.
BREAKS = {
    "sizes": """
import sys
honest = sys.getsizeof
sys.getsizeof = lambda *values: honest(*values) + 8
import snakeroot
sys.getsizeof = honest
""",
    "gc lists": """
import gc
honest = gc.get_objects
gc.get_objects = lambda *values: [*honest(*values), 0.5]
import snakeroot
gc.get_objects = honest
""",
    "list, tuple": """
import builtins
honest = builtins.tuple
class Liar(honest):
    def __iter__(self):
        return iter([*honest.__iter__(self), *["one more"] * (len(self) == 40)])
builtins.tuple = Liar
import snakeroot
builtins.tuple = honest
del Liar
""",
    "set": """
import builtins
honest = builtins.set
class Liar(honest):
    def __iter__(self):
        return iter([*honest.__iter__(self), "one more"])
builtins.set = Liar
import snakeroot
builtins.set = honest
del Liar
""",
    "instance attributes": """
import builtins
honest = builtins.getattr
def lying(value, name, *default):
    found = honest(value, name, *default)
    return [found] if name == "attribute_1" else found
builtins.getattr = lying
import snakeroot
builtins.getattr = honest
""",
    "generator locals": """
import builtins
honest = builtins.next
builtins.next = lambda *values: [honest(*values)]
import snakeroot
builtins.next = honest
""",
}
SIZES = [name for name in NAMES if name.startswith("size of ")]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_reader_whose_trial_fails_is_left_alone(broken, usual):
    if broken == "gc lists" and FREE_THREADED:
        pytest.skip("there are no lists")
    if broken == "generator locals" and sys.version_info < (3, 11):
        pytest.skip("generators keep their locals in frame objects")
    asks = """
import snakeroot._snakeroot
snakeroot._snakeroot.main(["snakeroot", "doctor", "--json"])
"""
    line, _, doctor = said(BREAKS[broken] + PROGRAM + asks, "").partition("\n")
    found, doctor = json.loads(line), json.loads(doctor)
    assert all(size == expected for size, expected in found["sizes"])
    assert all(missing == [] for missing in found["missing"])
    assert found["roots"] == usual["roots"]
    if broken not in UNNAMED:
        assert found["edges"] == usual["edges"]
    off = {name for name, works in doctor["readers"].items() if not works}
    assert off >= (set(SIZES) if broken == "sizes" else {broken})
    assert doctor["notices"] == found["notices"] != []
    assert not any("SNAKEROOT_WITHOUT" in notice for notice in found["notices"])


# Every object whose size can be asked without changing it; names of types make one for each type, later.
ALL_SIZES = """
import gc, json, sys
import snakeroot

held = [list(range(number)) for number in range(20)] + [dict.fromkeys(range(number)) for number in range(20)]
held += [set(range(number)) for number in range(20)] + ["é" * number for number in range(20)]
held += [10**number for number in range(60)] + [(number,) * number for number in range(20)] + [0, 1, -1, True]
held += [type("Made", (), {})(), object(), 0.5, 1j, b"bytes", range(3), None, len, int, type, object, dict, Exception]
gc.disable()
tracked = gc.get_objects()
# A question may import what stands there lazily, and so change others.
sizes = [sys.getsizeof(value) for value in [*held, *tracked]]
seen = 0
heap = snakeroot.snapshot()
wrong = []
for value, size in zip([*held, *tracked], sizes, strict=True):
    try:
        node = heap.node(id(value))
    except KeyError:
        continue  # one of snakeroot's own
    seen += value is not tracked
    if value is not tracked and "size-not-asked" not in node.flag_words and sys.getsizeof(value) == size != node.size:
        wrong.append([type(value).__name__, node.size, size])
print(json.dumps({"wrong": wrong, "notices": heap.info.notices, "seen": [seen, len(held), len(tracked)]}))
"""


def test_where_no_size_formula_passes_its_trial_all_sizes_are_asked():
    found = json.loads(said(BREAKS["sizes"] + ALL_SIZES, ""))
    seen, held, tracked = found["seen"]
    assert found["wrong"] == [] and seen > held + tracked - 200 > 1000
    for name in ["list", "dict", "set", "str", "int", "tuple", "object"]:
        said_of_it = [one for one in found["notices"] if one.startswith("sizes of %s are asked" % name)]
        assert [one.endswith(" computed") and " bytes expected, " in one for one in said_of_it] == [True], (
            name
        )
    assert json.loads(said(ALL_SIZES, ""))["wrong"] == []


def test_what_a_frame_or_a_root_holds_is_tracked_only_if_the_collector_tracks_it():
    local = "a text of " + "a local variable"
    number = 2.5
    items = [local, number]
    heap = snakeroot.snapshot()
    for value in (local, number, items, sys.modules, None, pytest):
        assert heap.node(value).tracked is gc.is_tracked(value)
    assert len(heap.objects(type=["builtins.str", "builtins.int"], flags="tracked")) == 0
