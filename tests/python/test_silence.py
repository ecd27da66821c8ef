"""A snapshot changes nothing in what it looks at, and leaves nothing behind."""

import gc
import json
import os
import subprocess
import sys
import sysconfig
import threading
import weakref

import pytest
import snakeroot


class Thing:
    def __init__(self):
        self.items = []


class Loud:
    """Every hook that a careless walk would call; each says that it was called."""

    heard = []

    def hook(name, result=None):
        def called(self, *_):
            type(self).heard.append(name)
            return result

        return called

    __repr__ = hook("__repr__", "")
    __str__ = hook("__str__", "")
    __hash__ = hook("__hash__", 7)
    __eq__ = hook("__eq__", False)
    __len__ = hook("__len__", 0)
    __bool__ = hook("__bool__", True)
    __sizeof__ = hook("__sizeof__", 1)
    __iter__ = hook("__iter__", iter(()))
    __getattr__ = hook("__getattr__")
    __dir__ = hook("__dir__", [])
    __reduce_ex__ = hook("__reduce_ex__", "")
    __class__ = property(hook("__class__", list))
    del hook


@pytest.fixture(autouse=True)
def warm():
    """The first snapshot of a process may import and probe; these tests are about every other one."""
    snakeroot.snapshot()
    gc.collect()


def resident_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def test_no_reference_count_is_changed():
    objects = [
        Thing(),
        [],
        {},
        (1, 2),
        {1},
        "a text of its own " * 2,
        10**30,
        Thing,
        type,
        None,
        len,
        gc,
        lambda: 0,
    ]
    objects += [Thing() for _ in range(500)] + [[number] for number in range(500)]
    before = [sys.getrefcount(value) for value in objects]
    heap = snakeroot.snapshot()
    during = [sys.getrefcount(value) for value in objects]
    del heap
    after = [sys.getrefcount(value) for value in objects]
    assert before == during == after


def test_a_heap_keeps_nothing_alive():
    thing = Thing()
    seen = weakref.ref(thing)
    heap = snakeroot.snapshot()
    node = heap.node(thing)
    chains = heap.why(thing)
    del thing
    assert seen() is None
    assert node.type.endswith("Thing") and chains is not None and len(heap) > 0


def test_no_instance_gets_a_dict():
    things = [Thing() for _ in range(1000)]
    before = sum(type(value) is dict for value in gc.get_objects())
    heap = snakeroot.snapshot()
    after = sum(type(value) is dict for value in gc.get_objects())
    assert abs(after - before) < 20
    assert len(things) == 1000 and len(heap) > 0
    if sys.version_info >= (3, 11):
        # The test can tell: this is what a materialised dict looks like.
        for thing in things:
            thing.__dict__
        assert sum(type(value) is dict for value in gc.get_objects()) >= before + 1000


def test_no_object_is_made_by_a_snapshot_that_is_dropped():
    def generator():
        kept = [Thing()]
        yield kept

    running = [generator() for _ in range(500)]
    for value in running:
        next(value)
    things = [Thing() for _ in range(500)]
    snakeroot.snapshot()
    before = sys.getallocatedblocks()
    snakeroot.snapshot()
    after = sys.getallocatedblocks()
    assert after - before < 50
    assert len(running) == len(things)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled):
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        before = (
            gc.isenabled(),
            gc.get_threshold(),
            gc.get_debug(),
            [one["collections"] for one in gc.get_stats()],
        )
        frozen = gc.get_freeze_count()
        heap = snakeroot.snapshot()
        after = (
            gc.isenabled(),
            gc.get_threshold(),
            gc.get_debug(),
            [one["collections"] for one in gc.get_stats()],
        )
        assert before == after
        assert gc.get_freeze_count() == frozen
        assert len(heap) > 0
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="each thread reckons by itself, and tells now and then",
)
def test_a_snapshot_that_is_dropped_brings_no_collection_nearer():
    def counts(work):
        before = gc.get_count()
        work()
        after = gc.get_count()
        return [now - then for now, then in zip(after, before, strict=True)]

    take = [lambda: None]

    def drop():
        take[0]()

    gc.disable()
    try:
        # What the asking itself makes comes from a free list by then, or is the same each time.
        for _ in range(3):
            nothing = counts(drop)
        take[0] = snakeroot.snapshot
        for _ in range(10):
            assert counts(drop) == nothing
        # The test can tell.
        held = []
        assert counts(lambda: held.extend([[]] for _ in range(200)))[0] > 0
    finally:
        gc.enable()


def test_garbage_stays_garbage_and_is_in_the_heap():
    finalized = []

    class Lost:
        def __del__(self):
            finalized.append(1)

    lost = Lost()
    lost.itself = lost
    address = id(lost)
    gc.disable()
    try:
        del lost
        heap = snakeroot.snapshot()
        assert finalized == []
        assert heap.node(address).type.endswith("Lost")
    finally:
        gc.enable()
    gc.collect()
    assert finalized == [1]


def test_frozen_objects_are_seen():
    thing = Thing()
    gc.freeze()
    try:
        heap = snakeroot.snapshot()
        assert heap.node(thing).type.endswith("Thing")
        assert heap.node(thing).tracked
    finally:
        gc.unfreeze()


def test_no_python_code_runs():
    loud = [Loud() for _ in range(10)]
    holder = {"loud": loud, 1: loud[0]}
    del Loud.heard[:]
    heap = snakeroot.snapshot()
    assert Loud.heard == []
    # Looking at them afterwards is not an occasion either.
    address = id(loud[0])
    text = str(heap.node(address)) + str(heap.why(address)) + str(heap.types())
    edges = [str(label) for label, _ in heap.node(address).referrers()]
    assert Loud.heard == []
    assert text and edges and holder


def test_none_of_our_own_objects_is_in_a_heap():
    rows = snakeroot.snapshot().types(limit=None)
    assert [row.type for row in rows if row.type.startswith(("snakeroot", "_snakeroot"))] == []
    # What the caller holds is the caller's: now `rows` is there, and the heap that it looks at has no object.
    held = snakeroot.snapshot().types(limit=None)
    assert [row.type for row in held if row.type.startswith("snakeroot")] in ([], ["snakeroot.Types"])


def test_a_second_snapshot_finds_no_more_than_the_first():
    sizes = [len(snakeroot.snapshot()) for _ in range(6)]
    assert max(sizes[1:]) - min(sizes[1:]) < 20


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc to read the resident set")
def test_the_memory_is_given_back():
    things = [Thing() for _ in range(200_000)]
    dropped = []
    for _ in range(5):
        before = resident_bytes()
        heap = snakeroot.snapshot()
        held = resident_bytes() - before
        assert heap.heap_bytes > 1 << 20
        assert held > heap.heap_bytes // 2
        del heap
        dropped.append(resident_bytes())
    # The first rounds may warm buffers up; from then on nothing may pile up.
    assert dropped[-1] - dropped[1] < 4 << 20, dropped
    assert len(things) == 200_000


def test_a_heap_tells_what_it_holds():
    heap = snakeroot.snapshot()
    things = [Thing() for _ in range(200_000)]
    larger = snakeroot.snapshot()
    added = len(larger) - len(heap)
    assert added > 2 * len(things) - 100
    assert 8 * added < larger.heap_bytes - heap.heap_bytes < 200 * added


def test_other_threads_run_on_and_see_no_harm():
    stop = threading.Event()
    rounds = [0, 0, 0]
    failures = []

    def churn(place):
        try:
            while not stop.is_set():
                table = {number: Thing() for number in range(50)}
                table[7].items.append(table)
                table.pop(7).items.clear()
                rounds[place] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=churn, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    try:
        heaps = [len(snakeroot.snapshot()) for _ in range(20)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == [] and min(heaps) > 1000 and min(rounds) > 0


def test_a_snapshot_from_a_finalizer_in_a_collection_does_not_crash():
    outcome = []

    class Lost:
        def __del__(self):
            try:
                outcome.append(len(snakeroot.snapshot()) > 1000)
            except RuntimeError as error:
                outcome.append(bool(str(error)))

    lost = Lost()
    lost.itself = lost
    del lost
    gc.collect()
    assert outcome == [True]


def test_a_snapshot_from_a_gc_callback_does_not_crash():
    outcome = []

    def callback(phase, info):
        outcome.append((phase, len(snakeroot.snapshot()) > 1000))

    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)
    assert outcome == [("start", True), ("stop", True)]


def test_a_thread_may_take_a_snapshot():
    found = []
    thread = threading.Thread(target=lambda: found.append(len(snakeroot.snapshot())))
    thread.start()
    thread.join()
    assert found and found[0] > 1000


MILLION = """
import array, ctypes, gc, json, sys
import snakeroot

class Thing:
    def __init__(self, number):
        self.number = number
        self.items = [number]

things = [Thing(number) for number in range(1_000_000)]

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

def counts(heap):
    return {row.type: (row.count, row.size) for row in heap.types(limit=None)}

def collector():
    return [gc.isenabled(), gc.get_threshold(), list(gc.callbacks), len(gc.garbage)]

snakeroot.snapshot()
gc.collect()
said = {}
def refcounts():
    return array.array("q", map(sys.getrefcount, things))

def version():
    # What attribute caches go by: 45 words behind the head of a type.
    return ctypes.c_uint.from_address(id(Thing) + object.__basicsize__ + 8 + 45 * 8).value

things[0].number
was = version()
Thing.later = 1
things[0].number
said["tells"] = version() != was
kept, state, was = refcounts(), collector(), version()
before = resident()
for _ in range(3):
    snakeroot.snapshot()
said["resident"] = before, resident()
said["refcounts"] = kept == refcounts()
said["version"] = was == version() != 0
said["collector"] = state == collector()
first = second = None
first = snakeroot.snapshot()
second = snakeroot.snapshot()
third = snakeroot.snapshot()
said["growth"] = sorted(set(counts(second).items()) ^ set(counts(third).items()))
said["held"] = [len(second), len(third)]
said["own"] = [name for name in counts(third) if name.startswith("snakeroot")]
said["pause"], said["total"] = third.info.pause_ns / len(third), third.info.total_ns / len(third)
said["dicts"] = counts(second)["dict"][0], counts(third)["dict"][0]
said["labels"] = str([label for label, _ in third.node(things[7]).referents()])
del first, second, third
# Half of the instances get one now, which is what a walk must not do.
for thing in things[::2]:
    thing.__dict__
said["made"] = counts(snakeroot.snapshot())["dict"][0]
print(json.dumps(said))
"""


def test_a_million_instances_are_left_as_they_were(record_property):
    done = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    before, after = said["resident"]
    record_property("resident before", "%d KiB" % before)
    record_property("after", "%d KiB" % after)
    record_property("objects", said["held"][1])
    record_property("pause", "%.0f ns an object" % said["pause"])
    record_property("total", "%.0f ns an object" % said["total"])
    assert after - before < 2 * 1024  # KiB
    assert said["refcounts"] and said["collector"]
    # Reading attributes stays as fast: the caches hold, and the attributes lie where they lay.
    assert said["tells"] and said["version"]
    assert said["growth"] == []
    assert said["held"][0] == said["held"][1]
    assert said["own"] == []
    if sys.version_info >= (3, 11):
        # No instance has a __dict__, and the test can tell.
        assert "'.number'" in said["labels"]
        assert max(said["dicts"]) < 100_000 < 500_000 <= said["made"]


ANSWERS = """
import json
import snakeroot
from snakeroot import _snakeroot

heap = snakeroot.snapshot()
everything = heap.objects()
held = [
    heap, heap.info, heap.types(), heap.types()[0], heap.top(), heap.node(list), heap.node(list).referents(),
    heap.node(list).referents()[0], heap.why(list), heap.why(type="dict"), everything, everything.by("via"),
    everything.by("type")[0], heap.roots(), heap.roots()[0], heap.modules(), heap.cycles(), heap.cycles()[0],
    heap.garbage(), heap.suspects(), heap.suspects(0.001)[0], heap.diff(heap), heap.diff(heap).types(),
    heap.diff(heap).dominators(), heap.diff(heap).total, heap.diff(heap).survived, heap.kept(heap, heap),
    heap.kept(heap, heap).types(), heap.kept(heap, heap).dominators(),
]
for answer in list(held):
    try:
        held.append(iter(answer))
        next(held[-1])
    except (TypeError, StopIteration):
        pass
own = {type(each) for each in held if type(each).__module__ == "snakeroot"}
unknown = sorted(each.__name__ for each in own - {each for each in vars(_snakeroot).values() if type(each) is type})
kinds = len(own)
del answer, everything, own
second = snakeroot.snapshot()
third = snakeroot.snapshot()
names = [row.type for row in third.types(limit=None) if row.type.startswith("snakeroot")]
print(json.dumps([kinds, unknown, names, len(third.diff(second).new), len(third.diff(second).gone)]))
"""


def test_answers_that_are_held_and_gone_over_are_in_no_heap():
    done = subprocess.run([sys.executable, "-c", ANSWERS], capture_output=True, text=True, check=True)
    own, *others = json.loads(done.stdout)
    assert own > 25
    assert others == [[], [], 0, 0]
