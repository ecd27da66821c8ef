"""Each reader can be left alone: then the public way takes its place and gives the same answers."""

import json
import os
import subprocess
import sys

import pytest
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
    answer["missing"].append([name(each) for each in (expected - found)])
    answer["edges"].append(sorted(
        [str(edge.label), edge.node.type] for edge in node.referents() if edge.node.type != "type"
    ))
answer["value"] = heap.node(made[0]).type
answer["roots"] = sorted({str(heap.node(module).root) for module in (sys, collections)})
print(json.dumps(answer))
"""

NAMES = [
    "gc lists",
    "list, tuple",
    "dict",
    "set",
    "instance attributes",
    "str",
    "int",
    "generator locals",
    "running frames",
    "size of list",
    "size of dict",
    "size of set",
    "size of str",
    "size of int",
    "size of plain objects",
]
# Without these, references are seen but not named.
UNNAMED = {"instance attributes", "generator locals", "dict", "all"}


def answers(without):
    environment = {**os.environ, "SNAKEROOT_WITHOUT": without}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def usual():
    return answers("")


def test_all_readers_are_left_alone_in_some_test():
    doctor = subprocess.run(
        [sys.executable, "-m", "snakeroot", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    readers = json.loads(doctor.stdout)["readers"]
    optional = {"builtins", "array", "_asyncio", "_datetime", "_decimal", "mmap", "numpy"}
    assert set(readers) - optional == set(NAMES)
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


@pytest.mark.parametrize("without", ["gc lists", "dict", "str", "running frames", "all"])
def test_a_reader_that_is_left_alone_is_named(without):
    assert any("SNAKEROOT_WITHOUT" in notice for notice in answers(without)["notices"])
    doctor = subprocess.run(
        [sys.executable, "-m", "snakeroot", "doctor", "--json"],
        env={**os.environ, "SNAKEROOT_WITHOUT": without},
        capture_output=True,
        text=True,
        check=True,
    )
    readers = json.loads(doctor.stdout)["readers"]
    named = NAMES if without == "all" else [without]
    assert not any(readers[name] for name in named)
