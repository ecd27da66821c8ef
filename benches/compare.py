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

from measures import (
    AGAIN,
    CHAIN,
    COMPONENTS,
    FIRST,
    GROUPED,
    HELD_BACKREFS,
    HELD_CHAIN,
    LONG_CHAIN,
    ONE_DICT,
    RETAINED,
    SESSION,
    TOOLS,
    UNFORCED,
    run_child,
)

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent

VARIANTS = ("sequential", "shuffled")
MEASUREMENT_SECONDS = 180
REFCYCLE_MAX_INSTANCES = 20_000
"""refcycle keeps Python sets and dicts of everything: above this it takes minutes and gigabytes."""
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
