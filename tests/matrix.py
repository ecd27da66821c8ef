"""Builds the wheel and runs the Python tests on every interpreter that is found.

Looks for CPython 3.10 to 3.15, and 3.14 and 3.15 without a global interpreter lock, among pyenv's versions, on the PATH, and below the folder given by
--pythons or SNAKEROOT_PYTHONS. Interpreters that are missing are named and left out.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15", "3.15t"]
PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3] + sys.abiflags, sys.implementation.name)"


def describe(python):
    """`(3.11.7, "")` with the build's flags, or None for what is no CPython of ours."""
    found = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=False)
    match = re.match(r"(\d+\.\d+)\.\d+(\w*) cpython", found.stdout)
    if not match:
        return None
    # A free-threaded build is a version of its own, a debug build is not.
    version = match[1] + ("t" if "t" in match[2] else "")
    return (match[0].split()[0], version) if version in VERSIONS else None


def interpreters(more_in):
    candidates = [sys.executable]
    root = os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"
    candidates += sorted(map(str, Path(root).glob("versions/*/bin/python3")))
    candidates += [found for version in VERSIONS if (found := shutil.which("python" + version))]
    if more_in:
        candidates += sorted(map(str, Path(more_in).glob("**/bin/python3.*[0-9]")))
        candidates += sorted(map(str, Path(more_in).glob("**/bin/python3.*[0-9]d")))
        candidates += sorted(map(str, Path(more_in).glob("**/bin/python3.*[0-9]t")))
        candidates += sorted(map(str, Path(more_in).glob("**/bin/python3.*[0-9]td")))
    found = {}
    for python in candidates:
        what = describe(python)
        if what:
            found.setdefault(what[0], (python, what[1]))
    return found


def run(*command, **options):
    return subprocess.run(list(map(str, command)), cwd=HERE, check=False, **options).returncode


def test(python, name, folder):
    """Builds, installs and tests with one interpreter; what went wrong, or None."""
    environment = folder / name
    if run(python, "-m", "venv", "--without-pip", environment):
        return "no virtual environment"
    own = environment / "bin" / "python"
    # The newest pip installs for the newest interpreters, from an environment of its own.
    tools = folder / "tools"
    if not tools.exists():
        run(sys.executable, "-m", "venv", tools)
        run(tools / "bin" / "python", "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    pip = [tools / "bin" / "python", "-m", "pip", "--python", own, "--quiet"]
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
    return "tests fail" if run(own, "-m", "pytest", "-q") else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=HERE / ".venvs" / "matrix")
    parser.add_argument("--pythons", type=Path, default=os.environ.get("SNAKEROOT_PYTHONS"))
    parser.add_argument("--only", nargs="*", help="versions to test, e.g. 3.14")
    arguments = parser.parse_args()
    found = interpreters(arguments.pythons)
    if arguments.only:
        found = {name: it for name, it in found.items() if it[1] in arguments.only}
    for version in VERSIONS:
        if not any(it[1] == version for it in found.values()):
            print("CPython %s is not here and is left out" % version, flush=True)
    failures = 0
    for name, (python, _) in sorted(found.items()):
        print("CPython %s: %s" % (name, python), flush=True)
        wrong = test(python, name, arguments.folder)
        failures += wrong is not None
        print("CPython %s: %s" % (name, wrong or "all tests pass"), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
