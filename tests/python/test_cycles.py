"""Cycles and garbage against the collector, and against objects whose cycles are known."""

import gc
import sys

import pytest
import snakeroot


class Tree:
    def __init__(self, parent=None):
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


class Closing:
    def __del__(self):
        pass


class Slots:
    __slots__ = ("data", "me")


def text(mark):
    return "".join(["cycle ", mark, " "] * 3)


def tree(width=3):
    top = Tree()
    for _ in range(width):
        Tree(top)
    return top


def cycle_of(cycles, obj):
    """The one cycle in which an object is."""
    address = obj if isinstance(obj, int) else id(obj)
    (found,) = (each for each in cycles if any(node.address == address for node in each.nodes()))
    return found


def test_a_tree_whose_nodes_know_their_parent_is_a_cycle():
    top = tree()
    top.children[1].data = [text("data")]
    found = cycle_of(snakeroot.snapshot().cycles(limit=None), top)
    names = found.types
    assert names[__name__ + ".Tree"] == 4 and names["list"] == 1
    assert found.count == sum(names.values()) == len(found.nodes())
    assert found.size == sum(node.size for node in found.nodes())
    data = top.children[1].data
    assert found.retained_size >= found.size + sys.getsizeof(data) + sys.getsizeof(data[0])
    assert found.retained_count > found.count and not found.garbage and found.is_shortest
    # Where the attributes stand in a dict, that is on the way too.
    labels = {label.strip('[".]') for _, label in found.path} - {"__dict__"}
    assert labels in ({"children", at, "parent"} for at in "012")
    owner, label = found.break_at
    assert owner.type == __name__ + ".Tree" and label in (".parent", '["parent"]')
    assert found.how_to_break == "set .parent of %s to None, or hold it weakly" % repr(owner)[1:-1]
    assert ("break     " + found.how_to_break) in str(found)
    assert found.finalizers == []


def test_an_object_that_holds_itself_is_a_cycle_of_one():
    box = Slots()
    box.me, box.data = box, text("slots")
    found = cycle_of(snakeroot.snapshot().cycles(limit=None), box)
    assert (found.count, found.size) == (1, sys.getsizeof(box))
    assert [label for _, label in found.path] == [".me"]
    assert "→ itself" in str(found)


def test_finalizers_are_found():
    box, generator = Closing(), None

    class Below(Closing):
        pass

    def visits():
        yield generator

    generator = visits()
    below = Below()
    box.below, below.box = below, box
    next(generator)
    cycles = snakeroot.snapshot().cycles(limit=None)
    assert {node.address for node in cycle_of(cycles, box).finalizers} == {id(box), id(below)}
    assert [node.address for node in cycle_of(cycles, generator).finalizers] == [id(generator)]


def test_what_every_class_has_by_itself_is_left_out():
    heap = snakeroot.snapshot()
    made, all_of_them = heap.cycles(limit=None), heap.cycles(limit=None, machinery=True)
    assert all_of_them.left_out == 0
    assert made.left_out > 50 and len(all_of_them) > made.left_out
    # Each cycle that somebody made lies within one of all.
    component = {}
    for at, cycle in enumerate(all_of_them):
        component.update((node.id, at) for node in cycle.nodes())
    within = [{component[node.id] for node in cycle.nodes()} for cycle in made]
    assert all(len(each) == 1 for each in within)
    assert len(all_of_them) - len(set.union(*within)) == made.left_out
    said = str(heap.cycles(limit=3))
    assert "machinery=True shows them" in said and said.count("\n   break") == 3
    assert "%d more cycles" % (made.total - 3) in said
    # That of the modules is there.
    assert "module" in cycle_of(made, sys).types


def test_cycles_come_in_the_order_of_what_they_retain():
    hoards = []
    for size in (3_000_000, 9_000_000, 6_000_000):
        box = Slots()
        box.me, box.data = box, bytes(size)
        hoards.append(box)
    cycles = snakeroot.snapshot().cycles(limit=None)
    retained = [cycle.retained_size for cycle in cycles]
    assert retained == sorted(retained, reverse=True)
    places = {node.address: at for at, cycle in enumerate(cycles) for node in cycle.nodes()}
    assert places[id(hoards[1])] < places[id(hoards[2])] < places[id(hoards[0])]
    assert [cycle_of(cycles, box).retained_size for box in hoards] == [
        sys.getsizeof(box) + sys.getsizeof(box.data) for box in hoards
    ]


def failed():
    """Leaves an exception that its own frame holds, which also holds the caller's."""
    try:
        raise ValueError("lost")
    except ValueError as error:
        lost = error
        assert lost


def strays():
    """Garbage of many kinds; nothing of it is held."""
    tree(5).children[2].data = [text("lost"), {text("key"): (text("tuple"),)}]
    box = Closing()
    box.me = box
    pair = [{}]
    pair[0]["back"] = pair

    def inner():
        return inner

    class Local:
        pass

    Local.one = Local()
    first, second = Slots(), Slots()
    first.me, second.me = second, first
    first.data = second.data = [text("shared")]


def test_garbage_is_what_the_collector_finds():
    gc.collect()
    before = gc.get_debug()
    gc.disable()
    try:
        failed()
        strays()
        heap = snakeroot.snapshot()
        garbage = heap.garbage(limit=None)
        ours = {node.address for node in garbage.nodes() if node.tracked}
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        theirs = {id(each) for each in gc.garbage}
    finally:
        gc.set_debug(before)
        gc.garbage.clear()
        gc.enable()
    assert ours == theirs
    assert len(theirs) > 20


def test_garbage_hangs_on_its_cycles():
    gc.collect()
    gc.disable()
    try:
        failed()
        strays()
        heap = snakeroot.snapshot()
    finally:
        gc.enable()
    garbage = heap.garbage(limit=None)
    if heap.info.garbage is not None:
        assert garbage.count == heap.info.garbage
    nodes = garbage.nodes()
    assert len(nodes) == garbage.count and sum(node.size for node in nodes) == garbage.size
    assert garbage.shared_count == 0
    cycles = garbage.cycles
    assert all(cycle.garbage for cycle in cycles)
    # None of these leads to another.
    assert sum(cycle.retained_count for cycle in cycles) == garbage.count
    assert sum(cycle.retained_size for cycle in cycles) == garbage.size
    said = str(garbage)
    assert said.startswith("garbage: %d objects" % garbage.count)
    answer = garbage.to_dict()
    assert answer["schema"] == "snakeroot.cycles/1" and answer["scope"] == "garbage"
    assert answer["garbage"]["count"] == garbage.count
    assert len(answer["cycles"]) == len(cycles) == cycles.total
    assert any(cycle.finalizers for cycle in cycles)


def test_a_collected_heap_has_no_garbage():
    gc.collect()
    gc.disable()
    try:
        garbage = snakeroot.snapshot().garbage()
        found = str(garbage)
    finally:
        gc.enable()
    assert garbage.count == 0, found
    assert found == "no garbage" and len(garbage.cycles) == 0


def test_a_saved_heap_answers_the_same(tmp_path):
    keep = tree()
    heap = snakeroot.snapshot()
    heap.save(tmp_path / "now.heap.parquet")
    loaded = snakeroot.load(tmp_path / "now.heap.parquet")
    assert str(loaded.cycles()) == str(heap.cycles())
    assert loaded.cycles().to_dict() == heap.cycles().to_dict()
    assert cycle_of(loaded.cycles(limit=None), keep).count == cycle_of(heap.cycles(limit=None), keep).count


def test_a_cycle_can_be_drawn(tmp_path):
    keep = tree()
    found = cycle_of(snakeroot.snapshot().cycles(limit=None), keep)
    picture = found.show()
    assert picture.svg.startswith("<") and "parent" in picture.dot
    found.show(tmp_path / "cycle.png")
    assert (tmp_path / "cycle.png").read_bytes().startswith(b"\x89PNG")
    plain = found.to_dict()
    assert plain["path"]["length"] == len(plain["path"]["nodes"]) == len(found.path)
    assert plain["break"]["text"] == found.how_to_break


def test_limits_are_kept_and_wrong_ones_refused():
    heap = snakeroot.snapshot()
    cycles = heap.cycles(limit=2)
    assert len(cycles) == 2 == len(list(cycles)) and cycles.total > 2
    assert cycles[-1].nodes() == cycles[1].nodes()
    with pytest.raises(IndexError, match="cycle 2 of 2"):
        cycles[2]
    for wrong in (heap.cycles, heap.garbage):
        with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
            wrong(limit=-1)
