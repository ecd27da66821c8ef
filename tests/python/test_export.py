"""`Heap.export`: what each form has of a heap of this process, and what is refused."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
import snakeroot

GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


class Kept:
    """Exported with its address."""


KEPT = Kept()
KEPT.items = ["a text of this test", 2.5]


@pytest.fixture(scope="module")
def heap():
    return snakeroot.snapshot()


def names_by_id(path):
    """The name of each node of a heapsnapshot, by its id."""
    value = json.loads(path.read_text())
    nodes, strings = value["nodes"], value["strings"]
    return {nodes[at + 2]: strings[nodes[at + 1]] for at in range(0, len(nodes), 7)}


def test_a_heapsnapshot_has_every_object_once(heap, tmp_path):
    path = tmp_path / "app.heapsnapshot"
    heap.export(path)
    value = json.loads(path.read_text())
    assert list(value)[-1] == "strings"
    names = names_by_id(path)
    assert len(names) == value["snapshot"]["node_count"] == len(value["nodes"]) // 7
    assert len(names) > len(heap)
    assert list(names.values()).count("%s.Kept" % Kept.__module__) == 1
    # The name under which it was written is gone.
    assert list(tmp_path.iterdir()) == [path]


def test_an_object_keeps_its_id(heap, tmp_path):
    one, two = tmp_path / "1.heapsnapshot", tmp_path / "2.heapsnapshot"
    heap.export(one)
    snakeroot.snapshot().export(two, since=[heap])
    name = "%s.Kept" % Kept.__module__
    first = [number for number, found in names_by_id(one).items() if found == name]
    assert first
    assert first == [number for number, found in names_by_id(two).items() if found == name]


def test_json_lines_have_our_answers(heap, tmp_path):
    path = tmp_path / "app.jsonl"
    heap.export(path, columns=["retained", "dominator"])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    node = heap.node(KEPT)
    row = rows[node.id]
    assert (row["address"], row["size"], row["type"]) == (hex(id(KEPT)), node.size, node.type)
    assert row["retained"] == node.retained_size
    assert row["dominator"] == (node.dominator and node.dominator.id)


def test_an_exported_dump_is_loaded(heap, tmp_path):
    path = tmp_path / "app.parquet"
    heap.export(path, columns=["retained"])
    assert len(snakeroot.load(path)) == len(heap)


def test_graphml_has_what_is_around(heap, tmp_path):
    path = tmp_path / "app.graphml"
    heap.export(path, nodes=[KEPT], depth=2)
    root = ElementTree.parse(path).getroot()
    found = {
        data.text for data in root.iter(GRAPHML + "data") if data.get("key") == "address"
    }
    assert {hex(id(KEPT)), hex(id(KEPT.items))} <= found
    heap.export(tmp_path / "app.dot", nodes=[KEPT], direction="referrers")
    assert (tmp_path / "app.dot").read_text().startswith("digraph")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("app.txt", {}, "or a path that ends so"),
        ("app.dot", {"to": "hprof"}, "to: expected one of"),
        ("app.dot", {}, "at most 5,000 objects, found a whole heap"),
        ("app.dot", {"columns": ["retained"]}, 'columns: expected to="parquet" or "jsonl"'),
        ("app.jsonl", {"columns": ["size"]}, 'columns: expected "retained" or "dominator"'),
        ("app.jsonl", {"nodes": [KEPT]}, 'nodes: expected to="graphml" or "dot"'),
        ("app.dot", {"nodes": [KEPT], "direction": "up"}, "direction: expected"),
        ("app.dot", {"nodes": [KEPT], "depth": -1}, "depth: expected 0 or more"),
    ],
)
def test_what_does_not_go_together_is_refused(heap, tmp_path, name, arguments, words):
    with pytest.raises(ValueError, match=words):
        heap.export(tmp_path / name, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_there_is_an_os_error(heap, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        heap.export(tmp_path / "no" / "app.jsonl")
