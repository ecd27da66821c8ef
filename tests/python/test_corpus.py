"""A snapshot of a big process against what Python says of every object; the work is in tests/corpus."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
THIRD_PARTY = [
    name for name in ("numpy", "pandas", "django", "sqlalchemy") if importlib.util.find_spec(name)
]
CHECKS = ("edges", "sizes", "labels", "threads", "roots")
AT_LEAST = 150_000  # objects in the standard library alone


@pytest.fixture(scope="module")
def said():
    """What the corpus process prints: every difference, and how much was looked at."""
    arguments = ["--third-party"] if THIRD_PARTY else []
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "check", *arguments],  # A script's text would be held from C.
        cwd=CORPUS,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert done.stdout.count(" differences, ") == len(CHECKS), done.stdout[-2000:] + done.stderr[-4000:]
    print(done.stdout)
    return done.stdout


def part(said, name):
    """What one check said, without its first line."""
    found = re.search(rf"^{name}: \d+ differences, .*\n((?:  .*\n)*)", said, re.MULTILINE)
    return found[1]


def test_the_corpus_is_a_big_process(said, record_property):
    objects, edges = map(int, re.search(r"checked (\d+) objects, (\d+) edges", said).groups())
    held, recorded = map(int, re.search(r"held from C: (\d+) of (\d+) objects", said).groups())
    record_property("packages", " ".join(THIRD_PARTY) or "none")
    record_property("objects", objects)
    record_property("edges", edges)
    record_property("differences", sum(map(int, re.findall(r": (\d+) differences, ", said))))
    record_property("held from C", "%.2f %%" % (100 * held / recorded))
    assert objects > AT_LEAST
    assert edges > 2 * AT_LEAST


@pytest.mark.parametrize("name", CHECKS)
def test_a_snapshot_of_the_corpus_and_python_agree(said, name):
    assert part(said, name) == ""
