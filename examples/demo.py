"""Finds four leaks in a running service: what there is, what grows, and what holds it.

    python examples/demo.py            # writes into ./demo
    python examples/demo.py somewhere

First inside the process, then from the dump that it wrote, with the `snakeroot` command.
"""

import argparse
import gc
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import leaky_service
import snakeroot

REQUESTS_PER_ROUND = 2000


def section(title):
    print(f"\n{title}\n{'-' * len(title)}", flush=True)


def run(*words):
    """Runs the `snakeroot` command of this environment, shown as one would type it."""
    print("$", shlex.join(["snakeroot", *words]), flush=True)
    command = Path(sysconfig.get_path("scripts"), "snakeroot")
    program = [str(command)] if command.exists() else [sys.executable, "-m", "snakeroot"]
    subprocess.run([*program, *words], check=True)
    print(flush=True)


def look_inside(service, folder):
    """The questions one asks a process that is still there."""
    section("What is in memory? The most common types")
    snakeroot.show_most_common_types(limit=12)

    section(f"What grows? {REQUESTS_PER_ROUND} more requests")
    seen = {}
    snakeroot.growth(peak_stats=seen)
    service.serve(REQUESTS_PER_ROUND)
    snakeroot.show_growth(peak_stats=seen)

    # A snapshot stands still: what is picked from now on, is not held by the picking.
    gc.collect()
    heap = snakeroot.snapshot()
    print()
    print(heap.info)

    leaks = [
        ("a list that only grows", leaky_service.AUDIT_LOG[100]),
        ("a cache keyed by request", leaky_service.SESSIONS[100]),
        ("a cycle whose finalizer puts it aside", leaky_service.UNCLOSED[100]),
    ]
    rows = snakeroot.by_type("leaky_service.Row")
    leaks.append(("the locals of another thread", rows[len(rows) // 2]))
    for leak, example in leaks:
        section(f"What holds it? {type(example).__name__}: {leak}")
        print(heap.why(example, limit=1))
    del leaks, leak, example, rows

    section("A drawing, and a dump")
    picture = folder / "foo_refs.png"
    snakeroot.show_backrefs(leaky_service.SESSIONS[100], str(picture))
    dump = folder / "app.heap.parquet"
    heap.save(str(dump))
    print(f"{dump}: {len(heap)} objects in {dump.stat().st_size} bytes")
    return picture, dump


def look_at_dump(dump, drawing):
    """The same questions, asked later and elsewhere."""
    section("From the dump, on the command line")
    run("info", str(dump))
    run("types", str(dump))
    run("why", str(dump), "--type", "leaky_service.Session")
    run("backrefs", str(dump), "--type", "leaky_service.Session", "-o", str(drawing))


def main():
    parser = argparse.ArgumentParser(description="Finds four leaks in a running service.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo"), help="where to write (./demo)")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    service = leaky_service.Service()
    service.start()
    service.serve(REQUESTS_PER_ROUND)
    gc.collect()

    picture, dump = look_inside(service, folder)
    service.stop()
    drawing = folder / "backrefs.svg"
    look_at_dump(dump, drawing)

    section("Where to look")
    print(f"{picture}   what holds one session, drawn live")
    print(f"{drawing}   the same, drawn from the dump")
    print(f"{dump}   the dump: open it with snakeroot, or with anything that reads Parquet")


if __name__ == "__main__":
    main()
