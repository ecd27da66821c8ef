"""Builds the wheel and runs the Python tests on every interpreter that is found.

Looks for CPython 3.10 to 3.15, and 3.14 and 3.15 without a global interpreter lock, among pyenv's versions, on the
PATH, and below the folder given by --pythons or SNAKEROOT_PYTHONS. Interpreters that are missing are named and left
out. The last lines say of each version whether it passed, failed, or is not here.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15", "3.15t"]
PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3] + sys.abiflags, sys.implementation.name)"


# What a debug build runs among others: it is slow, and what differs there is where things lie.
OF_DEBUG_BUILDS = ["tests/python/test_%s.py" % name for name in ("values", "labels", "sizes", "roots", "readers")]
# What only the newest runs among others: what is found in a heap once it is walked differs little, and takes long.
OF_THE_NEWEST = (
    "cycles diff errors heapy_paths heapy_session heapy_stat notebook objgraph_compat objgraph_counts objgraph_graphs "
    "objgraph_ids objgraph_places retained sets suspects why why_many"
).split()


def describe(python):
    """`("3.11.7", "3.11")`, the first with the build's flags, or None for what is no CPython of ours."""
    try:
        found = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = re.match(r"(\d+\.\d+)\.\d+(\w*) cpython", found.stdout)
    if not match:
        return None
    # A free-threaded build is a version of its own, a debug build is not.
    version = match[1] + ("t" if "t" in match[2] else "")
    return (match[0].split()[0], version) if version in VERSIONS else None


def interpreters(more_in):
    """`{"3.11.7": (path, "3.11")}`; of two of a name, the one that comes first."""
    candidates = [sys.executable]
    root = os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"
    candidates += sorted(map(str, Path(root).glob("versions/*/bin/python3")))
    candidates += [found for version in VERSIONS if (found := shutil.which("python" + version))]
    if more_in:
        for flags in ("", "d", "t", "td"):
            candidates += sorted(map(str, Path(more_in).glob("**/bin/python3.*[0-9]" + flags)))
    found = {}
    for python in candidates:
        what = describe(python)
        if what:
            found.setdefault(what[0], (python, what[1]))
    return found


def order(name):
    """Sorts 3.9 before 3.10."""
    return [int(part) for part in re.findall(r"\d+", name)], name


def others(found):
    """One release build of each version but that of the interpreter that runs this, and the newest debug build."""
    one = {}
    own = describe(sys.executable)
    for name, (python, version) in sorted(found.items(), key=lambda it: order(it[0])):
        if "d" in name:
            one["debug"] = (name, python, version)
        elif not (own and version == own[1]):
            one[version] = (name, python, version)
    return {name: (python, version) for name, python, version in one.values()}


def chosen(name, found):
    """What of the tests one of several others runs, as pytest is told."""
    releases = [name for name in found if "d" not in name]
    if "d" in name:
        return OF_DEBUG_BUILDS
    if name == releases[-1]:
        return []
    return ["--ignore=tests/python/test_%s.py" % each for each in OF_THE_NEWEST]


def run(*command, **options):
    return subprocess.run(list(map(str, command)), cwd=HERE, check=False, **options).returncode


def prepare(python, name, folder):
    """Builds and installs for one interpreter, with what the tests need; what went wrong, or None."""
    environment = folder / name
    if run(python, "-m", "venv", "--without-pip", environment):
        return "no virtual environment"
    own = environment / "bin" / "python"
    # The newest pip installs for the newest interpreters, from an environment of its own.
    tools = folder / "tools"
    if not tools.exists():
        run(sys.executable, "-m", "venv", tools)
        run(tools / "bin" / "python", "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    pip = [tools / "bin" / "python", "-m", "pip", "--python", own, "--quiet", "--disable-pip-version-check"]
    if run(*pip, "install", "--force-reinstall", "--no-deps", "."):
        return "the wheel does not build or install"
    requirements = (HERE / "tests/python/requirements.txt").read_text().splitlines()
    if "t" in name:
        # DuckDB has no wheels for free-threaded interpreters, and a marker cannot say so.
        requirements = [line for line in requirements if not line.startswith("duckdb")]
    own_requirements = environment / "requirements.txt"
    own_requirements.write_text("\n".join(requirements) + "\n")
    if run(*pip, "install", "-r", own_requirements):
        return "the test requirements do not install"
    return None


BUILDING = threading.Lock()


def test(python, name, folder, more):
    """Builds, installs and tests with one interpreter: how that went, and what was printed."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        # One build at a time: they use all cores, and one folder.
        with BUILDING:
            wrong = prepare(python, name, folder)
        if not wrong:
            own = folder / name / "bin" / "python"
            if run(own, "-m", "pytest", "-q", *more, stdout=said, stderr=subprocess.STDOUT):
                wrong = "tests fail"
        said.seek(0)
        seconds = time.monotonic() - started
        return "%s, %.0f s" % ("failed: " + wrong if wrong else "passed", seconds), said.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / ".venvs" / "matrix")
    parser.add_argument("--pythons", type=Path, default=os.environ.get("SNAKEROOT_PYTHONS") or None)
    parser.add_argument("--only", nargs="*", help="versions to test, e.g. 3.14")
    parser.add_argument(
        "--others",
        action="store_true",
        help="one of each version but this interpreter's: the newest runs all tests, the rest those of the walk",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="interpreters at a time; as many as cores")
    parser.add_argument("--list", action="store_true", help="say what was found, and test nothing")
    parser.add_argument("pytest", nargs="*", help="after --, what pytest is given")
    arguments = parser.parse_args()
    found = interpreters(arguments.pythons)
    known = {version for _, version in found.values()}
    if arguments.others:
        found = others(found)
    if arguments.only:
        found = {name: it for name, it in found.items() if it[1] in arguments.only}
    missing = [version for version in arguments.only or VERSIONS if version not in known]
    found = sorted(found.items(), key=lambda it: order(it[0]))
    said = {name: python for name, (python, _) in found}
    if not arguments.list:
        with concurrent.futures.ThreadPoolExecutor(max_workers=arguments.jobs) as pool:
            asked = {}
            names = [name for name, _ in found]
            # The newest comes first: with others it takes longest.
            for name, (python, _) in reversed(found):
                more = [*(chosen(name, names) if arguments.others else []), *arguments.pytest]
                asked[pool.submit(test, python, name, arguments.folder, more)] = name
            for done in concurrent.futures.as_completed(asked):
                name = asked[done]
                said[name], printed = done.result()
                print("CPython %s: %s\n%s" % (name, dict(found)[name][0], printed), flush=True)
    for name, outcome in [*said.items(), *((version, "not here") for version in missing)]:
        print("CPython %-8s %s" % (name, outcome), flush=True)
    return any(outcome.startswith("failed") for outcome in said.values())


if __name__ == "__main__":
    sys.exit(main())
