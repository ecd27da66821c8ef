"""Sets of objects against all nodes and edges of the same heap, one by one, and groups against heapy's."""

import collections
import functools
import json
import sys
import threading
import types

import pytest
import snakeroot


class Box:
    pass


class Other:
    pass


class Slotted:
    __slots__ = ("held",)


class Idle:
    """A class that no object has."""


def text(mark):
    return "".join(["set ", mark, " "] * 3)


@pytest.fixture(scope="module")
def heap():
    """A heap with some boxes in it, that lasts as long as these tests."""
    shared = [Box() for _ in range(50)]
    kept = types.ModuleType("kept_by_test_sets")
    kept.boxes = shared
    kept.by_key = {"first": shared[0], 5: shared[1]}
    kept.slotted = Slotted()
    kept.slotted.held = shared[2]
    for number, box in enumerate(shared):
        box.own = text(str(number))
        box.__dict__  # materialised, so that every version of Python has the same objects
    others = [Other() for _ in range(3)]
    others[0].x = others[1].x = text("of two")
    kept.others = others
    sys.modules[kept.__name__] = kept
    yield snakeroot.snapshot()
    del sys.modules[kept.__name__]


@pytest.fixture(scope="module")
def nodes(heap):
    return list(heap.objects())


def strong(edges):
    return [edge for edge in edges if not edge.weak]


def test_all_objects_are_those_of_the_heap(heap, nodes):
    everything = heap.objects()
    assert len(everything) == len(heap) == len(nodes) and everything.size == heap.size
    assert [node.id for node in nodes] == list(range(len(heap)))
    assert everything == heap.objects() and everything != heap.objects(type=Box)


def test_objects_are_chosen_by_their_type(heap, nodes):
    name = __name__ + ".Box"
    expected = [node for node in nodes if node.type == name]
    assert len(expected) == 50
    for asked in (Box, name, "Box", [Box], ("Box",)):
        assert list(heap.objects(type=asked)) == expected
    both = heap.objects(type=[Box, "Other"])
    assert len(both) == 53 and both == heap.objects(type=Box) | heap.objects(type=Other)
    assert len(heap.objects(type=Idle)) == 0 == len(heap.objects(type=__name__ + ".Idle"))
    assert list(heap.objects(type="dict")) == [node for node in nodes if node.type == "dict"]
    assert {node.type for node in heap.objects(type=["thread", "frame"])} <= {"thread", "frame"}


def test_objects_are_chosen_by_module_size_flags_and_root(heap, nodes):
    for least, most in ((1000, None), (None, 40), (56, 56)):
        expected = [n for n in nodes if (least or 0) <= n.size <= (most or sys.maxsize)]
        assert list(heap.objects(min_size=least, max_size=most)) == expected
    for words in ("tracked", ["collectable", "tracked"], ("immortal",)):
        wanted = {words} if isinstance(words, str) else set(words)
        assert list(heap.objects(flags=words)) == [n for n in nodes if wanted <= set(n.flag_words)]
    assert list(heap.objects(root="module")) == [n for n in nodes if n.root and n.root.kind == "module"]
    assert any(node.type == "thread" for node in heap.objects(root="thread"))
    own = heap.objects(module=__name__)
    assert all(each in own for each in (Box, Other, Idle, text, strong))
    assert sys.modules[__name__] in own and heap.objects(type=Box) & own == heap.objects(type=Box)
    below = heap.objects(module="json")
    assert json.decoder.JSONDecoder in below and json.loads in below and json.decoder in below
    boxes = heap.objects(type=Box)
    few = heap.objects(nodes=list(boxes)[:5])
    assert list(few) == list(boxes)[:5] and len(heap.objects(type=Other, nodes=boxes)) == 0


def test_sets_are_combined_as_sets_of_python_are(heap, nodes):
    some, others = heap.objects(max_size=64), heap.objects(type=[Box, "dict", "str"])
    plain, plain_others = set(some), set(others)
    assert set(some & others) == plain & plain_others
    assert set(some | others) == plain | plain_others
    assert set(some - others) == plain - plain_others
    assert set(some ^ others) == plain ^ plain_others
    assert some.size == sum(node.size for node in plain) and len(some) == len(plain)
    inside, outside = next(iter(some)), next(iter(heap.objects() - some))
    assert inside in some and outside not in some
    assert inside.address in some and outside.address not in some
    assert Box in heap.objects(type="type") and object() not in heap.objects()


def test_what_refers_to_a_set_and_what_it_refers_to(heap):
    boxes = heap.objects(type=Box)
    assert set(boxes.referrers()) == {edge.node for node in boxes for edge in strong(node.referrers())}
    assert set(boxes.referents()) == {edge.node for node in boxes for edge in strong(node.referents())}


def test_a_set_retains_what_no_root_reaches_without_it(heap, nodes):
    everything = nodes + list(heap.objects(flags="synthetic"))
    referents = {node.id: [edge.node.id for edge in strong(node.referents())] for node in everything}
    roots = [node.id for node in everything if node.root or node.type == "thread"]

    def reached(from_, without=frozenset()):
        seen = {each for each in from_ if each not in without}
        stack = list(seen)
        while stack:
            for far in referents[stack.pop()]:
                if far not in seen and far not in without:
                    seen.add(far)
                    stack.append(far)
        return seen

    live = reached(roots)
    size = {node.id: node.size for node in everything}
    for chosen in (
        heap.objects(type=Other),
        heap.objects(type=[Box, Other]),
        heap.objects(module="json"),
        heap.objects(type="code", min_size=300),
        heap.objects(nodes=[sys.modules["kept_by_test_sets"]]),
    ):
        chosen -= heap.objects(flags="garbage")
        ids = {node.id for node in chosen}
        freed = live - reached(roots, ids)
        assert chosen.retained == sum(size[each] for each in freed)
        assert {node.id for node in chosen.dominated()} == freed - ids
        assert chosen.retained == chosen.size + chosen.dominated().size
    one, two = (heap.objects(nodes=[node]) for node in list(heap.objects(type=Other))[:2])
    assert (one | two).retained >= one.retained + two.retained
    for node in list(heap.objects(type=Box))[:3]:
        assert heap.objects(nodes=[node]).retained == node.retained_size


@functools.lru_cache(None)
def kind_of(node):
    """What a referrer is, by the definition."""
    owners = [up.node for up in strong(node.referrers()) if (up.kind, up.text) == ("slot", "__dict__")]
    if node.type == "dict" and owners:
        return "dict of " + min(owners, key=lambda owner: owner.id).type
    return node.type


def kinds_of(node):
    """The kinds of a node's referrers, by the definition."""
    return frozenset(kind_of(edge.node) for edge in strong(node.referrers()))


def test_groups_are_those_of_the_definition(heap):
    chosen = heap.objects(type=[Box, Other, "code", "module", "tuple"]) | heap.objects(module=__name__)
    definitions = {
        "type": lambda node: node.type,
        "size": lambda node: node.size.bit_length(),
        "referrers": kinds_of,
        "via": lambda node: frozenset(edge.label for edge in strong(node.referrers())),
    }
    for what, key in definitions.items():
        expected = collections.defaultdict(set)
        for node in chosen:
            expected[key(node)].add(node)
        found = chosen.by(what, limit=None)
        rows = collections.defaultdict(set)
        for row in found:
            own = {"type": lambda k: k, "size": lambda k: k[1].bit_length()}.get(what, frozenset)(row.key)
            rows[own] |= set(row.objects)
            assert row.count == len(row.objects) and row.size == row.objects.size
        assert rows == expected
        # Several types may have one name.
        assert len(rows) <= len(found) if what in ("type", "referrers") else len(rows) == len(found)
        assert sum(row.count for row in found) == len(chosen)
        for order in ("size", "count", "retained"):
            numbers = [getattr(row, order) for row in chosen.by(what, order=order, limit=20)]
            assert numbers == sorted(numbers, reverse=True)
    by_module = {row.key: row.objects for row in chosen.by("module", limit=None)}
    assert by_module[__name__] == chosen & heap.objects(module=__name__)
    # Two types may share a name, so the rows of the heap's own table are compared as many.
    own = collections.Counter((row.key, row.count, row.size) for row in heap.objects().types(limit=None))
    assert own == collections.Counter((row.type, row.count, row.size) for row in heap.types(limit=None))


def test_referrers_and_labels_are_those_that_heapy_finds():
    guppy = pytest.importorskip("guppy")
    boxes = [Box() for _ in range(6)]
    keyed, slotted, other, pair = {"k": boxes[1]}, Slotted(), Other(), (boxes[3], boxes[1])
    slotted.held, other.attr = boxes[2], boxes[4]
    # heapy makes every instance a dict, so they have theirs before.
    for owner in [other, *boxes]:
        owner.__dict__
    del owner
    heap = snakeroot.snapshot()  # before heapy's own objects hold them
    hp = guppy.hpy()

    def of_heapy(place):
        # No variable holds the box alone: heapy would see this frame.
        one = hp.iso(boxes[place])
        kinds = str(one.byrcs.kind).removeprefix("<referred by: ").removesuffix(">").split(", ")
        # The seventh number of the only row is followed by the labels.
        labels = str(one.byvia).splitlines()[2].split(maxsplit=7)[-1].split(", ")
        return kinds, [label.strip("\"'").replace("'", '"') for label in labels]

    expected = [of_heapy(place) for place in range(len(boxes))]
    for box, (kinds, labels) in zip(boxes, expected, strict=True):
        chosen = heap.objects(nodes=[box])
        (row,) = chosen.by("referrers")
        assert set(row.key) == {kind.replace("dict (no owner)", "dict") for kind in kinds}
        (row,) = chosen.by("via")
        assert set(row.key) == set(labels)
    assert keyed and pair


def test_roots_and_modules_retain_what_their_nodes_do(heap):
    rows = list(heap.roots(limit=None))
    threads = {node for node in heap.objects(flags="synthetic") if node.type == "thread"}
    assert {row.node for row in rows} == {node for node in heap.objects() if node.root} | threads
    for row in rows:
        if row.node.type == "thread":
            assert row.retained == row.node.retained_size
            assert row.count == len(heap.objects(nodes=[row.node]).dominated() - heap.objects(flags="synthetic"))
    retained = [row.retained for row in rows]
    assert retained == sorted(retained, reverse=True)
    kept = sys.modules["kept_by_test_sets"]
    (row,) = [row for row in heap.modules(limit=None) if row.node == heap.node(kept)]
    with_globals = heap.objects(nodes=[kept, kept.__dict__])
    assert row.retained == with_globals.retained
    assert row.count == len(with_globals) + len(with_globals.dominated())
    assert heap.roots().to_dict()["schema"] == "snakeroot.roots/1"
    answer = heap.modules(limit=3).to_dict()
    assert answer["schema"] == "snakeroot.modules/1" and len(answer["modules"]) == 3
    said = str(heap.roots(limit=3)).splitlines()
    assert said[0].startswith("GC root") and said[-1].startswith("total") and len(said) in (7, 8)
    assert "module kept_by_test_sets" in str(heap.modules(limit=None))


def test_a_thread_retains_what_only_its_variables_hold():
    ready, done = threading.Event(), threading.Event()

    def hold():
        mine = [text("thread"), bytearray(500_000)]
        ready.set()
        done.wait()
        return mine

    thread = threading.Thread(target=hold, name="holder")
    thread.start()
    ready.wait()
    try:
        heap = snakeroot.snapshot()
    finally:
        done.set()
        thread.join()
    (row,) = [row for row in heap.roots(limit=None) if row.node.type == "thread" and "holder" in row.node.name]
    assert 500_000 < row.retained < 510_000 and row.count >= 3


def test_a_set_prints_what_it_has(heap):
    lines = str(heap.objects(type=[Box, Other])).splitlines()
    assert lines[0].startswith("53 objects, ") and "together retain" in lines[0]
    assert lines[1].split() == ["type", "count", "size", "%", "of", "set", "retained"]
    assert lines[2].startswith(__name__ + ".Box") and lines[-1].startswith("total")
    assert str(heap.objects(min_size=1 << 60)) == "no objects"
    assert "retains" in str(heap.objects(nodes=[heap.node(Box)]))
    table = heap.objects(type=Box).by("via", limit=1)
    assert len(table) == 1 and "(49 more rows)" in str(table)
    assert "[0]" in repr(heap.objects(type=Box).by("via", limit=None)[0]) + str(heap.objects(type=Box).by("via", limit=None))
    answer = heap.objects(type=Box).to_dict()
    assert answer["schema"] == "snakeroot.objects/1" and answer["total"]["count"] == 50
    assert table.to_dict()[0]["count"] == 1 and isinstance(table[0].key, tuple)


def test_a_loaded_heap_answers_the_same(heap, tmp_path):
    heap.save(tmp_path / "sets.heap.parquet")
    loaded = snakeroot.load(tmp_path / "sets.heap.parquet")
    assert [n.id for n in loaded.objects(type=Box)] == [n.id for n in heap.objects(type=Box)]
    for what in ("type", "module", "size", "referrers", "via"):
        assert str(loaded.objects().by(what, limit=50)) == str(heap.objects().by(what, limit=50))
    assert str(loaded.roots(50)) == str(heap.roots(50)) and str(loaded.modules(50)) == str(heap.modules(50))
    with pytest.raises(ValueError, match="two sets of one heap, found sets of two heaps"):
        heap.objects(type=Box) & loaded.objects(type=Box)
    assert heap.objects(type=Box) != loaded.objects(type=Box)
    with pytest.raises(TypeError):
        heap.objects() | {1}


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"type": "Bxo"}, r"type: no type named Bxo \(did you mean .*Box"),
        ({"module": "jsn"}, r"module: no module named jsn \(did you mean json"),
        ({"flags": "tracke"}, "flags: expected words among tracked, .*found \"tracke\""),
        ({"root": "modul"}, "root: expected one of module, .*found \"modul\""),
        ({"min_size": -1}, "min_size: expected 0 or more, found -1"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(heap, asked, said):
    with pytest.raises(ValueError, match=said):
        heap.objects(**asked)


def test_wrong_words_are_refused(heap):
    with pytest.raises(ValueError, match='by: expected one of "type", .*found "colour"'):
        heap.objects().by("colour")
    with pytest.raises(ValueError, match='order: expected "size"'):
        heap.objects().by("type", order="name")
    with pytest.raises(TypeError, match="type: expected a type, a name or several of them, found int"):
        heap.objects(type=5)
    with pytest.raises(IndexError, match="row 10 of 10"):
        heap.objects().by("type")[10]


def test_a_set_is_drawn_with_the_references_among_its_objects(heap, tmp_path):
    kept = sys.modules["kept_by_test_sets"]
    chosen = [heap.node(kept), heap.node(kept.__dict__), heap.node(kept.by_key), heap.node(kept.boxes[1])]
    dot = heap.draw(chosen).dot
    boxes = {f"n{node.id}" for node in chosen}
    drawn = {tuple(line.split()[:3:2]) for line in dot.splitlines() if "->" in line}
    expected = {
        (f"n{node.id}", f"n{edge.node.id}") for node in chosen for edge in node.referents() if edge.node in chosen
    }
    assert drawn == expected and len(expected) == 3, dot
    assert all(f"  {box} [" in dot for box in boxes)
    assert heap.draw(heap.objects(nodes=chosen), tmp_path / "some.png") is None
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="at most 1,000 to draw, found"):
        heap.draw(heap.objects())
