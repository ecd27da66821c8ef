"""Times and weighs snakeroot beside objgraph, heapy and refcycle, on one heap.

Every measurement runs in a process of its own, which builds the same heap from the same seed, so
that no tool meets another's leftovers. A difference between two processes is a difference
between two tools: the heap, the interpreter, the clock and the collector's state are the same.

Left out: other programs' load. Run it on a quiet machine, and read the best time rather than the median
when it was not.

    python benches/compare.py                        # this interpreter, one million instances
    python benches/compare.py --python python3.13 --wheel dist/snakeroot-*.whl
    python benches/compare.py --instances 50000      # a few seconds each, to try it out
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent

SEED = 20
VARIANTS = ("sequential", "shuffled")
MEASUREMENT_SECONDS = 180
# Two measurements of one process.
FIRST, AGAIN = "heap(), first", "heap(), again"
# Ours without the collection that objgraph forces: what is left of the time is the counting.
UNFORCED = "growth, collect=False"
REFCYCLE_MAX_INSTANCES = 20_000
"""refcycle keeps Python sets and dicts of everything: above this it takes minutes and gigabytes."""

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
    "hpy: byrcs": 50.0,
    "hpy: byvia": 50.0,
    "hpy: byid, first page": 20.0,
    "hpy: domisize of one": 20.0,
    "hpy: rp of one": 20.0,
    "hpy: sp of one": 20.0,
}
# One dict and nothing else: how many entries, as parts of the instances. heapy needs hours for the whole.
ONE_DICT = {"hpy: byvia, one dict": 1, "hpy: byvia, a quarter": 4}
# By what factor less memory than heapy's the first walk is to take.
FIRST_WALK, LESS_MEMORY = "hpy: heap(), first", 4.0
GROUPED_MAX_INSTANCES = 50_000
"""Above this heapy needs minutes to group a heap by labels or referrers."""

PEERS = {
    "objgraph": "objgraph>=3.6,<4",
    "guppy": "guppy3>=3.1.4,<4",
    "refcycle": "refcycle>=0.3,<1",
}


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
    session = hpy()
    held = session.heap()
    if what == "hpy: heap(), again":
        return measure(lambda: session.heap().count, runs)
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


# --------------------------------------------------------------------------------------------
# The plan: what is compared with whom, and what we promise

# (what, peer, the least factor by which we are to be faster than the peer)
COMPARED = (
    ("show_most_common_types", "objgraph", 10.0),
    ("typestats", "objgraph", 10.0),
    ("count", "objgraph", 10.0),
    ("by_type", "objgraph", 10.0),
    ("growth", "objgraph", 5.0),
    (UNFORCED, "objgraph", 5.0),
    ("get_leaking_objects", "objgraph", 5.0),
    ("show_backrefs, .dot", "objgraph", 3.0),
    ("find_backref_chain", "objgraph", 3.0),
    (HELD_BACKREFS, "objgraph", 100.0),
    (HELD_CHAIN, "objgraph", 100.0),
    (LONG_CHAIN, "objgraph", 50.0),
    (FIRST, "guppy", 10.0),
    (AGAIN, "guppy", 5.0),
    ("refcycle snapshot", "refcycle", 20.0),
    *((what, "guppy", 50.0) for what in GROUPED),
    *((what, "guppy", factor) for what, factor in SESSION.items()),
    (RETAINED, "guppy", 1 / 1.5),
    (COMPONENTS, "refcycle", 100.0),
    (CHAIN, "objgraph", 1000.0),
)
# Without a counterpart of ours.
PEER_ALONE = (("refcycle reachable", "refcycle"),)
# Without a peer's counterpart.
OURS_ALONE = ("show_backrefs, .png", "snapshot", "snapshot, asked", "attribute access", "save and load")

# Our own promises: (name, the most or the least it may be, unit)
LIMITS = {
    "pause": ("at most", 60.0, "ns an object"),
    "pause and thinking": ("at most", 150.0, "ns an object"),
    "held": ("at most", 1.0, "of 40 B an object and 14 B an edge"),
    "kept after del": ("at most", 2.0, "MiB"),
    "four times the entries": ("at most", 6.0, "times as long"),
    "attribute access": ("at most", 1.1, "times as long after a snapshot"),
    "saved": ("at least", 5.0, "M objects/s"),
    "saved size": ("at most", 10.0, "bytes an object"),
    "loaded": ("at least", 10.0, "M objects/s"),
}


class Bench:
    """The driver: one environment, many measuring processes, one table."""

    def __init__(self, python, instances, runs, out=sys.stdout):
        self.python = python
        self.instances = instances
        self.runs = runs
        self.out = out
        self.results = []
        self.pairs = {}  # (tool, variant) -> both heap() measurements of one process

    def say(self, text=""):
        print(text, file=self.out, flush=True)

    def importable(self, module):
        return (
            subprocess.run(
                [self.python, "-c", "import " + module], cwd=tempfile.gettempdir(), capture_output=True
            ).returncode
            == 0
        )

    def run(self, tool, what, variant):
        """One measurement; a dict with "error" where it failed."""
        if what in (FIRST, AGAIN):
            key = tool, variant
            if key not in self.pairs:
                self.pairs[key] = self.run(tool, "heap()", variant)
            pair = self.pairs[key]
            found = pair["parts"][what] if "parts" in pair else dict(pair)
            found.update(tool=tool, what=what, variant=variant, instances=self.instances)
            self.results.append(found)
            return found
        instances = self.instances
        if "refcycle" in what:
            instances = min(instances, REFCYCLE_MAX_INSTANCES)
        if what in GROUPED or what in ("hpy: byrcs", "hpy: byvia"):
            instances = min(instances, GROUPED_MAX_INSTANCES)
        with tempfile.TemporaryDirectory() as folder:
            request, answer = Path(folder, "request.json"), Path(folder, "answer.json")
            request.write_text(
                json.dumps(
                    {
                        "tool": tool,
                        "what": what,
                        "variant": variant,
                        "instances": instances,
                        "runs": self.runs,
                    }
                )
            )
            command = [self.python, __file__, "--child", str(request), str(answer)]
            environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
            environment["PYTHONHASHSEED"] = "0"
            try:
                done = subprocess.run(
                    command,
                    env=environment,
                    cwd=folder,
                    timeout=MEASUREMENT_SECONDS,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                if done.returncode == 0:
                    found = json.loads(answer.read_text())
                else:
                    last = done.stderr.strip().splitlines()[-1:] or ["exit code %d" % done.returncode]
                    found = {"error": last[0]}
            except subprocess.TimeoutExpired:
                found = {"error": "no answer in %d s" % MEASUREMENT_SECONDS}
        found.update(tool=tool, what=what, variant=variant, instances=instances)
        if "parts" not in found:
            self.results.append(found)
        return found


def best_ms(found):
    return min(found["seconds"]) * 1000


def cell(found):
    """best / median ms, peak and kept MiB of one measurement, for people."""
    if found is None:
        return "-"
    if "error" in found:
        return found["error"][:44]
    return "%.0f / %.0f ms, +%s, kept %s" % (
        best_ms(found),
        statistics.median(found["seconds"]) * 1000,
        mib(found["peak_bytes"]),
        mib(found["kept_bytes"]),
    )


def mib(count):
    return "%.1f MiB" % (count / 2**20)


def verdict(reached):
    return "reached" if reached else "not reached"


def compare(bench, variant, available):
    """The comparable verbs of one variant: a line each."""
    bench.say("%-24s %-46s %-46s %8s  %s" % ("", "snakeroot", "peer", "ratio", "target"))
    for what, peer, factor in COMPARED:
        ours = bench.run("snakeroot", what, variant) if "snakeroot" in available else None
        theirs = bench.run(peer, what, variant) if peer in available else None
        ratio, target = "-", "%gx faster" % factor
        if ours and theirs and "error" not in ours and "error" not in theirs:
            times = best_ms(theirs) / best_ms(ours)
            ratio = "%.1fx" % times
            target += ": " + verdict(times >= factor)
            ours["ratio"], ours["target"], ours["reached"] = times, factor, times >= factor
            if peer == "objgraph" and ours["answer"] != theirs["answer"]:
                target += "; ANSWERS DIFFER: %r, %r" % (ours["answer"], theirs["answer"])
            if what == FIRST_WALK:
                less = theirs["peak_bytes"] / max(ours["peak_bytes"], 1)
                target += "; %.1fx less memory, target %gx: %s" % (less, LESS_MEMORY, verdict(less >= LESS_MEMORY))
        elif ours and "error" in ours:
            target += ": " + verdict(False)
        bench.say("%-24s %-46s %-46s %8s  %s" % (what, cell(ours), cell(theirs), ratio, target))
    for what, peer in PEER_ALONE:
        if peer in available:
            bench.say("%-24s %-46s %-46s" % (what, "-", cell(bench.run(peer, what, variant))))


def alone(bench, variant):
    """What only we do: figures against our own limits."""
    png = bench.run("snakeroot", "show_backrefs, .png", variant)
    bench.say("%-24s %-46s" % ("show_backrefs, .png", cell(png)))
    whole, quarter = (bench.run("snakeroot", what, variant) for what in ONE_DICT)
    for what, found in zip(ONE_DICT, (whole, quarter)):
        bench.say("%-24s %-46s" % (what, cell(found)))
    if "error" not in whole and "error" not in quarter:
        limit(bench, whole, "four times the entries", best_ms(whole) / best_ms(quarter))
    walk = bench.run("snakeroot", "snapshot", variant)
    if "error" in walk:
        bench.say("%-24s %s" % ("snapshot", walk["error"]))
    else:
        objects, edges = walk["objects"], walk["edges"]
        bench.say("%-24s %d objects, %d edges, %s" % ("snapshot", objects, edges, cell(walk)))
        limit(bench, walk, "pause", min(walk["pause_ns"]) / objects)
        limit(bench, walk, "pause and thinking", min(walk["total_ns"]) / objects)
        if "floor_ns" in walk:
            bench.say(
                "    %-20s %.1f ns an object to visit %d references and do nothing; the pause is %.1f times that"
                % (
                    "floor",
                    walk["floor_ns"] / objects,
                    walk["floor_references"],
                    min(walk["pause_ns"]) / walk["floor_ns"],
                )
            )
        limit(bench, walk, "held", walk["heap_bytes"] / (40 * objects + 14 * edges))
        bench.say(
            "    %-20s %s by its own count, %s resident"
            % ("held heap", mib(walk["heap_bytes"]), mib(walk["held_resident_bytes"]))
        )
        limit(bench, walk, "kept after del", walk["kept_after_del_bytes"] / 2**20)
    asked = bench.run("snakeroot", "snapshot, asked", variant)
    if "error" in asked:
        bench.say("%-24s %s" % ("without readers", asked["error"]))
    else:
        figures = min(asked["pause_ns"]) / asked["objects"], min(asked["total_ns"]) / asked["objects"]
        bench.say("%-24s pause %.1f, all of it %.1f ns an object" % (("without readers",) + figures))
    bench.say("attribute access")
    for tool in "snakeroot", "guppy":
        access = bench.run(tool, "attribute access", variant)
        if tool == "snakeroot" and "error" not in access:
            limit(bench, access, "attribute access", access["times"])
        else:
            bench.say("    after %-14s %s" % (tool, access.get("error") or "%8.2f times" % access["times"]))
    dump = bench.run("snakeroot", "save and load", variant)
    if "error" in dump:
        bench.say("%-24s %s" % ("save and load", dump["error"]))
    else:
        objects = dump["objects"]
        bench.say(
            "%-24s %d objects, %s on disk, save +%s, load +%s"
            % (
                "save and load",
                objects,
                mib(dump["file_bytes"]),
                mib(dump["peak_bytes"]),
                mib(dump["load_peak_bytes"]),
            )
        )
        limit(bench, dump, "saved", objects / min(dump["seconds"]) / 1e6)
        limit(bench, dump, "saved size", dump["file_bytes"] / objects)
        limit(bench, dump, "loaded", objects / min(dump["load_seconds"]) / 1e6)


def limit(bench, found, name, value):
    sense, bound, unit = LIMITS[name]
    reached = value <= bound if sense == "at most" else value >= bound
    found.setdefault("limits", {})[name] = {
        "value": value,
        "bound": bound,
        "sense": sense,
        "unit": unit,
        "reached": reached,
    }
    bench.say("    %-20s %8.2f %-34s target: %s %g: %s" % (name, value, unit, sense, bound, verdict(reached)))


# --------------------------------------------------------------------------------------------
# The environment


def version_of(python):
    return subprocess.run(
        [python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


def set_up(python, folder, wheel, say):
    """A virtual environment with each peer that this interpreter can have; returns its interpreter."""
    own = folder / "bin" / "python"
    if not own.exists():
        say("making %s" % folder)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)

    def install(*what):
        done = subprocess.run(
            [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return None if done.returncode == 0 else (done.stdout.strip().splitlines() or ["pip failed"])[-1]

    for name, requirement in PEERS.items():
        failed = install(requirement)
        if failed:
            say("%s left out, cannot be installed here: %s" % (name, failed))
    # Installed anew each time: the same version may be another build.
    if wheel:
        failed = install("--force-reinstall", "--no-deps", str(wheel))
    elif (PROJECT / "pyproject.toml").exists():
        failed = install("--force-reinstall", "--no-deps", str(PROJECT))
    else:
        failed = None
    if failed:
        say("snakeroot cannot be installed: %s" % failed)
    return str(own)


def arguments():
    parser = argparse.ArgumentParser(description="Times and weighs snakeroot beside its peers.")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure on")
    parser.add_argument("--env", type=Path, help="folder of the virtual environment (.venvs/bench-<version>)")
    parser.add_argument("--wheel", type=Path, help="snakeroot's wheel; without it, the project is built")
    parser.add_argument("--as-is", action="store_true", help="install nothing, take the environment as it is")
    parser.add_argument(
        "--instances", type=int, default=1_000_000, help="size of the heap (five objects each)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--variant", choices=VARIANTS, action="append", help="only this one")
    parser.add_argument("--only", choices=tuple(TOOLS), action="append", help="only this tool")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.child:
        return run_child(*options.child)
    if not os.path.exists("/proc/self/clear_refs"):
        sys.exit("expected Linux's /proc/self/clear_refs to measure memory, found none")
    python = shutil.which(options.python)
    if python is None:
        sys.exit("expected an interpreter, found nothing executable at %r" % options.python)
    if options.instances < 10:
        sys.exit("expected 10 instances or more, found %d" % options.instances)
    version = version_of(python)
    folder = (options.env or PROJECT / ".venvs" / ("bench-" + version)).absolute()
    started = time.time()
    if options.as_is:
        own = folder / "bin" / "python"
        own = str(own) if own.exists() else python
    else:
        own = set_up(python, folder, options.wheel, print)
    bench = Bench(own, options.instances, options.runs)
    wanted = options.only or list(TOOLS)
    available = []
    for tool in wanted:
        if bench.importable(tool):
            available.append(tool)
        else:
            bench.say("%s not installed" % tool)
    bench.say(
        "Python %s, %s, %d CPUs, %d instances, best / median of %d"
        % (version, platform.machine(), os.cpu_count() or 0, options.instances, options.runs)
    )
    if options.instances > REFCYCLE_MAX_INSTANCES and "refcycle" in available:
        bench.say("lines with refcycle in their name: %d instances, for both tools" % REFCYCLE_MAX_INSTANCES)
    for variant in options.variant or VARIANTS:
        bench.say()
        bench.say("references %s" % variant)
        compare(bench, variant, available)
        if "snakeroot" in available:
            alone(bench, variant)
    bench.say()
    bench.say("in %.0f s" % (time.time() - started))
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "version": 1,
                    "python": version,
                    "machine": platform.machine(),
                    "instances": options.instances,
                    "runs": options.runs,
                    "results": bench.results,
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
