"""What is measured: one heap, one question to one tool, in a process of its own.

`compare.py` starts these processes and sets what they find side by side.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

SEED = 20
# Two measurements of one process.
FIRST, AGAIN = "heap(), first", "heap(), again"
# Ours without the collection that objgraph forces: what is left of the time is the counting.
UNFORCED = "growth, collect=False"
# Whole heaps in groups: what ours is asked for, and heapy's name for it.
GROUPED = {"by(\"referrers\")": ("referrers", "byrcs"), "by(\"via\")": ("via", "byvia")}
# Questions to a heap that is held already.
RETAINED, COMPONENTS, CHAIN = "retained, all or one", "refcycle components", "why, fifty holders"
HOLDERS = 50
# objgraph's verbs on a heap that is held, and through many holders.
HELD_BACKREFS, HELD_CHAIN = "backrefs, held heap", "backref chain, held"
LONG_CHAIN = "chain, 200 holders"
LONG = 200
# heapy's session, ours and theirs: what is asked of it, and by what factor we are to be faster.
SESSION = {
    "hpy: heap(), first": 10.0,
    "hpy: heap(), again": 5.0,
    "hpy: printed, first": 10.0,
    "hpy: printed, again": 5.0,
    "hpy: byrcs": 50.0,
    "hpy: byvia": 50.0,
    "hpy: byid, first page": 20.0,
    "hpy: domisize of one": 20.0,
    "hpy: rp of one": 20.0,
    "hpy: sp of one": 20.0,
}
# One dict and nothing else: how many entries, as parts of the instances. heapy needs hours for the whole.
ONE_DICT = {"hpy: byvia, one dict": 1, "hpy: byvia, a quarter": 4}

# --------------------------------------------------------------------------------------------
# The heap: built anew in each measuring process


def build_heap(instances, variant):
    """A registry of `instances` nodes, five objects each; returns the module that holds it.

    A node is an instance, its `__dict__` (materialised, so that every version of Python has the same
    objects), a list of two other nodes, a str and a float. `sequential`: neighbours in the graph were
    allocated one after the other. `shuffled`: each node has its list, str, float and neighbours
    from somewhere else, as in a process that ran for a week.
    """
    import gc
    import random
    import types

    class Node:
        pass

    collecting = gc.isenabled()
    gc.disable()
    try:
        nodes, names, weights, links = [], [], [], []
        for place in range(instances):
            node = Node()
            node.__dict__  # noqa: B018  materialises it
            nodes.append(node)
            names.append("node %d" % place)
            weights.append(place + 0.5)
            links.append([])
        order = list(range(instances))
        if variant == "shuffled":
            random.Random(SEED).shuffle(order)
        for place, own in enumerate(order):
            node = nodes[own]
            node.name = names[order[place - 1]]
            node.weight = weights[order[place - 2]]
            node.links = links[order[place - 3]]
            node.links.append(nodes[order[place - 1]])
            node.links.append(nodes[order[place // 2]])
        if variant == "shuffled":
            nodes = [nodes[own] for own in order]
        Node.__module__ = "bench_heap"
        Node.__qualname__ = "Node"
        module = types.ModuleType("bench_heap")
        module.Node = Node
        module.NODES = nodes
        sys.modules["bench_heap"] = module
        gc.collect()  # moves it to the oldest generation, as in a process that ran for a while
    finally:
        if collecting:
            gc.enable()
    return module


# --------------------------------------------------------------------------------------------
# Memory, as the kernel counts it


def reset_peak():
    """Sets VmHWM, the peak of resident memory, back to what is resident now."""
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")


def resident_bytes(field="VmRSS"):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError("/proc/self/status has no " + field)


def settle():
    """Gives free memory back, so that the next difference is the tool's alone.

    Young garbage only: the heap itself was collected once, after it was built, and what a tool leaves behind
    until the next full collection is memory that it keeps.
    """
    import ctypes
    import gc

    gc.collect(1)
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass  # not glibc


def measure(action, runs):
    """Runs `action` `runs` times; gives seconds, bytes at the peak, bytes kept after, and its last answer.

    The peak is the first run's: later ones find memory that the first one left. The answer must be small.
    """
    settle()
    resident = resident_bytes()
    seconds = []
    peak = 0
    answer = None
    for run in range(runs):
        settle()
        reset_peak()
        before = resident_bytes()
        start = time.perf_counter()
        answer = action()
        seconds.append(time.perf_counter() - start)
        if run == 0:
            peak = resident_bytes("VmHWM") - before
    settle()
    return {
        "seconds": seconds,
        "peak_bytes": max(peak, 0),
        "kept_bytes": resident_bytes() - resident,
        "answer": answer,
    }


# --------------------------------------------------------------------------------------------
# What is measured; each returns what `measure` gives, with more facts where there are some


def objgraph_verbs(tool, module, runs, what):
    """One of objgraph's verbs, by whoever offers it."""
    import io

    def middle():
        return module.NODES[len(module.NODES) // 2]

    def most_common_types():
        text = io.StringIO()
        tool.show_most_common_types(file=text)
        lines = text.getvalue().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == "Node")

    def backrefs(target=None):
        text = io.StringIO()
        tool.show_backrefs([middle()], max_depth=3, output=text)
        return text.getvalue().count("fillcolor") > 3

    def chain():
        found = tool.find_backref_chain(middle(), tool.is_proper_module)
        return [len(found), found[0] is module, found[-1] is middle()]

    def growth(**how):
        rows = tool.growth(limit=None, peak_stats={}, **how)
        return next(count for name, count, _ in rows if name == "Node")

    def leaking():
        found = tool.get_leaking_objects()
        return [len(found) > 0, sum(type(value) is module.Node for value in found)]

    ours_only = {"collect": False} if tool.__name__ == "snakeroot" else {}
    actions = {
        "show_most_common_types": most_common_types,
        "typestats": lambda: tool.typestats()["Node"],
        "count": lambda: tool.count("Node"),
        "by_type": lambda: len(tool.by_type("Node")),
        "growth": growth,
        UNFORCED: lambda: growth(**ours_only),
        "get_leaking_objects": leaking,
        "show_backrefs, .dot": backrefs,
        "find_backref_chain": chain,
    }
    if what == LONG_CHAIN:
        last = behind_holders(module, LONG)
        return measure(
            lambda: len(tool.find_backref_chain(last, tool.is_proper_module, max_depth=2 * LONG)),
            runs if tool.__name__ == "snakeroot" else 1,
        )
    return measure(actions[what], runs)


def behind_holders(module, holders=HOLDERS):
    """An object that only the last of some lists holds, each of which only the one before holds."""
    last = module.Node()
    module.CHAIN = held = [last]
    for _ in range(holders - 1):
        module.CHAIN = held = [held]
    return last


def measure_objgraph(module, runs, what):
    import objgraph

    if what == CHAIN:
        last = behind_holders(module)
        return measure(
            lambda: len(objgraph.find_backref_chain(last, objgraph.is_proper_module, max_depth=2 * HOLDERS)), 1
        )
    same = {HELD_BACKREFS: "show_backrefs, .dot", HELD_CHAIN: "find_backref_chain"}
    return objgraph_verbs(objgraph, module, runs, same.get(what, what))


def held_verbs(snakeroot, module, runs, what):
    """The same questions to a heap that is held; its nodes are the answers."""
    import io

    address, module_address = id(module.NODES[len(module.NODES) // 2]), id(module)
    held = snakeroot.snapshot()

    def backrefs():
        text = io.StringIO()
        snakeroot.show_backrefs([address], max_depth=3, output=text, heap=held)
        return text.getvalue().count("fillcolor") > 3

    def chain():
        found = snakeroot.find_backref_chain(address, snakeroot.is_proper_module, heap=held)
        return [len(found), found[0].address == module_address, found[-1].address == address]

    return measure(backrefs if what == HELD_BACKREFS else chain, runs)


def measure_guppy(module, runs, what):
    """heapy's view of the whole heap: the first in a process, then the ones after it."""
    from guppy import hpy

    kept = {}

    def heap():
        if "session" not in kept:
            kept["session"] = hpy()
        return kept["session"].heap().count

    if what == "attribute access":
        return attribute_access(heap, runs)
    if what in SESSION:
        return ask_session(hpy, module, runs, what)
    if what == RETAINED:
        session = hpy()
        one = session.iso(module.NODES[len(module.NODES) // 2])
        return measure(lambda: one.domisize > 0, 1)
    if what in GROUPED:
        held = hpy().heap()
        return measure(lambda: getattr(held, GROUPED[what][1]).partition.numrows > 0, 1)

    return first_and_again(heap, runs)


def ask_session(hpy, module, runs, what):
    """heapy's session by whoever offers it: tables with their first page as text."""
    if what == "hpy: heap(), first":
        return measure(lambda: hpy().heap().count, 1)
    if what == "hpy: printed, first":
        return measure(lambda: len(str(hpy().heap())) > 0, 1)
    session = hpy()
    held = session.heap()
    if what == "hpy: heap(), again":
        return measure(lambda: session.heap().count, runs)
    if what == "hpy: printed, again":
        return measure(lambda: len(str(session.heap())) > 0, runs)
    one = session.iso(module.NODES[len(module.NODES) // 2])
    ask = {
        "hpy: byrcs": lambda: len(str(held.byrcs)) > 0,
        "hpy: byvia": lambda: len(str(held.byvia)) > 0,
        "hpy: byid, first page": lambda: len(str(held.byid)) > 0,
        "hpy: domisize of one": lambda: one.domisize > 0,
        "hpy: rp of one": lambda: len(str(one.rp)) > 0,
        "hpy: sp of one": lambda: len(str(one.sp)) > 0,
    }
    return measure(ask[what], 1)


def attribute_access(action, runs):
    """How much slower attributes of plain instances are read after `action` than before it.

    Instances as a program makes them: nobody has asked for a `__dict__`, so that from 3.11 on their attributes
    lie in the instance. `times` is the best time after through the best time before.
    """

    class Plain:
        def __init__(self, number):
            self.number = number

    things = [Plain(number) for number in range(20_000)]

    def read():
        total = 0
        for thing in things:
            total += thing.number
        return total

    def best():
        times = []
        for _ in range(200):
            start = time.process_time()
            read()
            times.append(time.process_time() - start)
        return min(times)

    best()
    before = best()
    found = measure(action, 1)
    after = best()
    found.update(before_seconds=before, after_seconds=after, times=after / before)
    return found


def first_and_again(action, runs):
    return {"parts": {FIRST: measure(action, 1), AGAIN: measure(action, runs)}}


def measure_refcycle(module, runs, what):
    import refcycle

    if what == "refcycle snapshot":
        return measure(lambda: len(refcycle.snapshot()), 1)
    if what == COMPONENTS:
        held = refcycle.snapshot()
        return measure(lambda: len(held.strongly_connected_components()) > 0, 1)
    middle = module.NODES[len(module.NODES) // 2]
    return measure(lambda: len(refcycle.objects_reachable_from(middle)), 1)


def measure_snakeroot(module, runs, what):
    import snakeroot

    if what == "heap()":
        return first_and_again(lambda: len(snakeroot.snapshot()), runs)
    if what in SESSION:
        from snakeroot.heapy import hpy

        return ask_session(hpy, module, runs, what)
    if what in ONE_DICT:
        from snakeroot.heapy import hpy

        entries = len(module.NODES) // ONE_DICT[what]
        module.NODES.clear()
        module.TABLE = {"key-%d" % number: [number] for number in range(entries)}
        held = hpy().heap()
        return measure(lambda: len(str(held.byvia)) > 0, 1)
    if what == "refcycle snapshot":
        return measure(lambda: len(snakeroot.snapshot()), 1)
    if what in (RETAINED, COMPONENTS, CHAIN):
        address = id(behind_holders(module))  # no variable of ours holds it
        held = [snakeroot.snapshot() for _ in range(runs)]
        ask = {
            RETAINED: lambda heap: heap.top(1)[0].retained_size > 0,
            COMPONENTS: lambda heap: len(heap.cycles(limit=1, machinery=True)) > 0,
            CHAIN: lambda heap: len(heap.why(address, limit=1)[0]),
        }[what]
        return measure(lambda: ask(held.pop()), runs)
    if what in (HELD_BACKREFS, HELD_CHAIN):
        return held_verbs(snakeroot, module, runs, what)
    if what in GROUPED:
        held = snakeroot.snapshot()
        return measure(lambda: len(held.objects().by(GROUPED[what][0], limit=None)) > 0, 1)
    if what == "show_backrefs, .png":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "backrefs.png")

            def draw():
                snakeroot.show_backrefs(
                    [module.NODES[len(module.NODES) // 2]], max_depth=3, filename=str(path)
                )
                return path.stat().st_size > 0

            return measure(draw, runs)
    if what in ("snapshot", "snapshot, asked"):
        return measure_snapshot(snakeroot, runs)
    if what == "attribute access":
        return attribute_access(lambda: len(snakeroot.snapshot()), runs)
    if what == "save and load":
        return measure_dump(snakeroot)
    return objgraph_verbs(snakeroot, module, runs, what)


def measure_snapshot(snakeroot, runs):
    """The pause, the whole, and what a held heap costs."""
    pauses, totals = [], []

    def walk():
        info = snakeroot.snapshot().info
        pauses.append(info.pause_ns)
        totals.append(info.total_ns)
        return info.objects

    found = measure(walk, runs)
    settle()
    before = resident_bytes()
    heap = snakeroot.snapshot()
    settle()
    found.update(
        pause_ns=pauses,
        total_ns=totals,
        objects=heap.info.objects,
        edges=heap.info.edges,
        heap_bytes=heap.heap_bytes,
        held_resident_bytes=resident_bytes() - before,
    )
    del heap
    settle()
    found["kept_after_del_bytes"] = resident_bytes() - before
    from snakeroot import _snakeroot

    floors = [_snakeroot.walk_floor() for _ in range(runs)]
    if all(floors):
        found["floor_ns"] = min(floor[2] for floor in floors)
        found["floor_references"] = floors[0][1]
    return found


def measure_dump(snakeroot):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.heap.parquet")
        saved, objects = measure_save(snakeroot, path)
        loaded = measure(lambda: len(snakeroot.load(str(path))), 3)
        return {
            "seconds": saved["seconds"],
            "peak_bytes": saved["peak_bytes"],
            "kept_bytes": saved["kept_bytes"],
            "answer": loaded["answer"] == objects,
            "objects": objects,
            "file_bytes": path.stat().st_size,
            "load_seconds": loaded["seconds"],
            "load_peak_bytes": loaded["peak_bytes"],
        }


def measure_save(snakeroot, path):
    heap = snakeroot.snapshot()
    return measure(lambda: heap.save(str(path)), 1), len(heap)


TOOLS = {
    "snakeroot": measure_snakeroot,
    "objgraph": measure_objgraph,
    "guppy": measure_guppy,
    "refcycle": measure_refcycle,
}


def run_child(request_path, answer_path):
    """A measuring process: builds the heap, measures one thing with one tool, writes what it found."""
    request = json.loads(Path(request_path).read_text())
    module_name = request["tool"]
    if request["what"] == "snapshot, asked":
        os.environ["SNAKEROOT_WITHOUT"] = "all"  # as on an interpreter whose layouts are not known
    __import__(module_name)
    start = time.perf_counter()
    module = build_heap(request["instances"], request["variant"])
    built = time.perf_counter() - start
    found = TOOLS[module_name](module, request["runs"], request["what"])
    found["build_seconds"] = built
    Path(answer_path).write_text(json.dumps(found))
    os._exit(0)  # to free a shuffled heap object by object would take longer than most measurements
