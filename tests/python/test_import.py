"""Heaps that other tools recorded, opened from Python and by the command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import snakeroot

FOREIGN = Path(__file__).resolve().parent.parent.parent / "fixtures" / "foreign"
# The file, its objects, and what its notices say of it.
FILES = {
    "meliae.jsonl": (15, "meliae"),
    "meliae-0.5.1-python-3.8.jsonl": (15, "meliae"),
    "midden.jsonl": (15, "midden"),
    "midden-0.2.0-python-3.12.jsonl": (15, "midden"),
    "pygco.jsonl.gz": (15, "pygco"),
    "small.pyheap": (16, "PyHeap"),
    "small.heapsnapshot": (6, "V8"),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_heap_of_another_tool_is_loaded_as_any(name, tmp_path):
    objects, tool = FILES[name]
    heap = snakeroot.load(FOREIGN / name)
    assert len(heap) == heap.info.objects == objects
    assert any(tool in notice for notice in heap.info.notices)
    assert sum(row.size for row in heap.types()) == heap.info.size
    assert heap.top(1)[0].retained_size > 0
    # In our own form it is the same.
    heap.save(tmp_path / "own.heap.parquet")
    again = snakeroot.load(tmp_path / "own.heap.parquet")
    assert [row.retained_size for row in again.top(5)] == [row.retained_size for row in heap.top(5)]
    assert again.info.notices == heap.info.notices


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_command_reads_it(name):
    command = [sys.executable, "-m", "snakeroot", "info", "--json", str(FOREIGN / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objects"] == FILES[name][0]


def test_what_is_no_heap_is_said_with_what_it_is(tmp_path):
    path = tmp_path / "text.jsonl"
    path.write_text('{"name": "nothing of a heap"}\n')
    with pytest.raises(ValueError, match="expected a dump of snakeroot, meliae, PyHeap, midden, pygco or V8"):
        snakeroot.load(path)
    path.write_bytes((FOREIGN / "meliae.jsonl").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"meliae, line \d+, column \d+: expected"):
        snakeroot.load(path)
