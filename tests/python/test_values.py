"""Every value of the heap against the interpreter's own word for it: sizes, types, labels, edges, counts."""

import collections
import functools
import gc
import os
import platform
import sys
import types

import freed
import ours
import programs
import pytest
import snakeroot

COMMON = (
    list,
    tuple,
    dict,
    set,
    frozenset,
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
    types.FunctionType,
    types.MethodType,
    types.CellType,
    types.GeneratorType,
    types.CoroutineType,
    functools.partial,
    property,
    types.TracebackType,
    types.ModuleType,
)


def test_the_size_of_a_programs_object_is_getsizeofs(program):
    live = program.build()
    heap = snakeroot.snapshot()
    sizes = {name: (heap.node(value).size, sys.getsizeof(value)) for name, value in live.items()}
    assert {name: ours for name, (ours, _) in sizes.items()} == {
        name: its for name, (_, its) in sizes.items()
    }


def test_the_size_of_every_tracked_object_is_getsizeofs():
    objects = [value for value in gc.get_objects() if not isinstance(value, types.FrameType)]
    expected = {
        id(value): sys.getsizeof(value)
        for value in objects
        if isinstance(type(value).__sizeof__, (types.MethodDescriptorType, types.WrapperDescriptorType))
    }
    own = ours.possible()
    heap = snakeroot.snapshot()
    wrong = []
    for value in objects:
        if id(value) in expected and id(value) not in own and value is not objects and value is not expected:
            node = heap.node(value)
            if node.size != expected[id(value)]:
                wrong.append((node.type, node.size, expected[id(value)]))
    assert len(expected) > 5000
    assert wrong == []


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        -1,
        2**30,
        2**70,
        -(2**300),
        0.5,
        1j,
        True,
        None,
        ...,
        "",
        "a",
        "é",
        "鍵",
        "🐍",
        "a" * 1000,
        b"",
        b"abc",
        bytearray(b"abc"),
        bytearray(1000),
        memoryview(b"abc"),
        range(3),
        slice(1, 2),
        (),
        (1,),
        tuple(range(1000)),
        [],
        [1] * 1000,
        {},
        {1: 2},
        dict.fromkeys(range(1000)),
        set(),
        set(range(1000)),
        frozenset("abc"),
        object(),
        collections.deque(range(1000)),
        collections.OrderedDict(a=1),
        int,
        type,
        BaseException(),
        len,
        "".join,
        print.__call__,
    ],
    ids=lambda value: "%s %.12r" % (type(value).__name__, value),
)
def test_the_size_of_one_value_is_getsizeofs(value):
    holder = [value]
    heap = snakeroot.snapshot()
    (node,) = [node for label, node in heap.node(holder).referents() if str(label) == "[0]"]
    assert node.address == id(value)
    assert node.size == sys.getsizeof(value)


def test_sizes_add_up_to_the_heaps_size():
    heap = snakeroot.snapshot()
    rows = list(heap.types(limit=None))
    assert sum(row.size for row in rows) == heap.size
    assert sum(row.count for row in rows) == len(heap)


def test_a_type_is_written_with_its_module():
    module = programs.load("module_list")
    live = module.build()
    heap = snakeroot.snapshot()
    assert heap.node(live["book"]).type == "fixture_module_list.Book"


def test_a_class_defined_in_a_function_keeps_its_qualified_name():
    class Inner:
        pass

    inner = Inner()
    heap = snakeroot.snapshot()
    assert heap.node(inner).type == Inner.__module__ + "." + Inner.__qualname__


def test_a_module_type_and_function_have_names():
    module = programs.load("defaults")
    heap = snakeroot.snapshot()
    assert heap.node(module).name == "fixture_defaults"
    assert heap.node(module.remember).name == "remember"
    assert heap.node(collections.OrderedDict).name.endswith("OrderedDict")


def test_the_programs_edges_carry_their_labels(program):
    live = program.build()
    heap = snakeroot.snapshot()
    missing = [
        (holder, label, held)
        for holder, label, held in program.EXPECTED["edges"]
        if (label, id(live[held])) not in programs.attributes(heap.node(live[holder]))
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["generator", "coroutine", "raised"])
def test_a_suspended_frames_locals_are_labelled_with_their_names(name, build):
    module = build(name)
    live = module.build()
    heap = snakeroot.snapshot()

    def locals_of(node):
        """Its own and, where a generator has a frame of its own, that frame's."""
        edges = programs.strong(node.referents())
        below = [edge for _, held in edges if held.type.endswith("frame") for edge in held.referents()]
        return programs.pairs(edges) + programs.pairs(below)

    for holder, local, held in module.EXPECTED["locals"]:
        labels = [label for label, address in locals_of(heap.node(live[holder])) if address == id(live[held])]
        assert any(local in label for label in labels), (holder, local, labels)


def test_a_weak_reference_is_marked_and_a_strong_one_is_not(build):
    module = build("weak")
    live = module.build()
    heap = snakeroot.snapshot()
    target = heap.node(live["target"])
    weak = [edge for edge in heap.node(live["ref"]).referents() if edge.node.address == target.address]
    assert [edge.weak for edge in weak] == [True]
    held = [edge for edge in heap.node(live["owners"]).referents() if edge.node.address == target.address]
    assert [edge.weak for edge in held] == [False]


def test_an_instances_attributes_are_those_of_vars(program):
    live = program.build()
    heap = snakeroot.snapshot()
    wrong = []
    for name, value in live.items():
        if isinstance(value, (type, types.ModuleType, types.FunctionType)) or not hasattr(value, "__dict__"):
            continue
        found = dict(programs.attributes(heap.node(value)))
        for attribute, held in vars(value).items():
            if attribute.isidentifier() and found.get("." + attribute) != id(held):
                wrong.append((name, attribute))
            if id(held) not in found.values():
                wrong.append((name, attribute, "not held at all"))
    assert wrong == []


def test_more_than_thirty_attributes_and_deleted_ones_are_read_right():
    class Wide:
        pass

    many, few, emptied = Wide(), Wide(), Wide()
    for number in range(100):
        setattr(many, "attribute_%d" % number, [number])
    few.first, few.second, few.third = [1], [2], [3]
    del few.second
    emptied.gone = [1]
    del emptied.gone
    heap = snakeroot.snapshot()
    for value in (many, few, emptied):
        found = {
            label: at for label, at in programs.attributes(heap.node(value)) if not label.startswith(".__")
        }
        assert found == {"." + name: id(held) for name, held in vars(value).items()}


def test_a_subclass_of_a_builtin_holds_its_items_and_its_attributes():
    class Row(list):
        pass

    class Table(dict):
        pass

    class Number(int):
        pass

    row, table, number = Row([["item"]]), Table(key=["value"]), Number(7)
    row.label, table.label, number.label = ["row"], ["table"], ["number"]
    heap = snakeroot.snapshot()
    found = programs.attributes(heap.node(row))
    assert ("[0]", id(row[0])) in found and (".label", id(row.label)) in found
    found = programs.attributes(heap.node(table))
    assert ('["key"]', id(table["key"])) in found and (".label", id(table.label)) in found
    assert (".label", id(number.label)) in programs.attributes(heap.node(id(number)))


@pytest.mark.parametrize("length", [0, 1, 2, 1000])
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_sequences_items_are_labelled_with_their_index(kind, length):
    sequence = kind([number] for number in range(length))
    holder = [sequence]
    heap = snakeroot.snapshot()
    (node,) = [node for label, node in heap.node(holder).referents() if str(label) == "[0]"]
    items = [pair for pair in programs.pairs(node.referents()) if pair[0].startswith("[")]
    assert items == [("[%d]" % place, id(item)) for place, item in enumerate(sequence)]


@pytest.mark.parametrize("count", [0, 1, 5, 6, 11, 200, 70000])
def test_a_dicts_values_are_labelled_with_their_keys(count):
    table = {"key%d" % number: [number] for number in range(count)}
    heap = snakeroot.snapshot()
    values = {pair for pair in programs.pairs(heap.node(table).referents()) if pair[0].startswith('["')}
    assert values == {('["%s"]' % key, id(value)) for key, value in table.items()}


def test_a_dict_with_deleted_and_mixed_keys_holds_exactly_its_items(build):
    module = build("big_dict")
    heap = snakeroot.snapshot()
    held = collections.Counter(
        node.address for _, node in programs.strong(heap.node(module.TABLE).referents())
    )
    values = collections.Counter(id(value) for value in module.TABLE.values())
    assert not values - held
    labels = {label for label, _ in programs.pairs(heap.node(module.TABLE).referents())}
    assert {"[5000]", '["key 5001"]'} <= labels
    assert '["key 51"]' not in labels


def test_odd_names_are_printable_and_lose_no_edge(build):
    module = build("odd_names")
    heap = snakeroot.snapshot()
    edges = heap.node(module.BAG).referents()
    held = {node.address for _, node in edges}
    assert {id(value) for value in module.BAG.values()} <= held
    for label, node in edges:
        assert "\n" not in str(label) and "\0" not in str(label)
        str(label).encode()
        node.type.encode()
    for value in module.BAG.values():
        (content,) = vars(value).values()
        assert id(content) in {address for _, address in programs.attributes(heap.node(value))}


def test_a_programs_counts_are_found(program):
    heap = snakeroot.snapshot()
    counts = {row.type: row.count for row in heap.types(limit=None)}
    for name, expected in program.EXPECTED.get("counts", {}).items():
        assert counts["%s.%s" % (program.__name__, name)] == expected


def test_sixty_referrers_are_sixty_and_all_of_the_refcount(build):
    module = build("sixty_referrers")
    heap = snakeroot.snapshot()
    node = heap.node(module.kept())
    assert sorted(referrer.address for _, referrer in node.referrers()) == sorted(map(id, module.HOLDERS))
    assert node.refcount == module.REFERRERS


def test_referrers_are_referents_turned_round(program):
    live = program.build()
    heap = snakeroot.snapshot()
    for value in live.values():
        node = heap.node(value)
        for label, held in list(node.referents())[:50]:
            assert (str(label), node.id) in [
                (str(other), referrer.id) for other, referrer in held.referrers()
            ]


def test_referents_hold_get_referents_for_every_common_kind():
    own = ours.possible()
    objects = [value for value in gc.get_objects() if type(value) in COMMON and id(value) not in own]
    objects = [value for value in objects if not freed.is_interned_table(value)]
    expected = {id(value): collections.Counter(map(id, gc.get_referents(value))) for value in objects}
    heap = snakeroot.snapshot()
    missing = collections.Counter()
    for value in objects:
        node = heap.node(value)
        held = collections.Counter(referent.address for _, referent in node.referents())
        if set(expected[id(value)] - held) - own:
            missing[node.type] += 1
    assert len(expected) > 3000
    assert missing == collections.Counter()


def test_an_instance_reaches_what_get_referents_gives(program):
    live = program.build()
    heap = snakeroot.snapshot()
    missing = []
    for name, value in live.items():
        held = {address for _, address in programs.attributes(heap.node(value))}
        missing += [
            (name, type(referent)) for referent in gc.get_referents(value) if id(referent) not in held
        ]
    assert missing == []


def test_tracked_is_what_the_collector_says():
    tracked, untracked = [[]], ["text", 7, 0.5, b"bytes"]
    heap = snakeroot.snapshot()
    assert heap.node(tracked).tracked
    for _, node in heap.node(untracked).referents():
        if node.type != "list" and not node.type.endswith("type"):
            assert not node.tracked, node.type


def test_every_tracked_object_is_in_the_heap():
    objects = gc.get_objects()
    heap = snakeroot.snapshot()
    addresses = [id(value) for value in objects]
    missing = []
    for address in addresses:
        try:
            assert heap.node(address).tracked
        except KeyError:
            missing.append(address)
    assert set(missing) - ours.possible() == set()


def test_info_says_where_and_when():
    heap = snakeroot.snapshot()
    info = heap.info
    assert info.python.startswith(platform.python_version())
    assert info.pid == os.getpid()
    assert info.objects == len(heap) > 0
    assert info.edges > info.objects
    assert 0 < info.tracked < info.objects
    assert 0 < info.pause_ns <= info.total_ns
    assert info.resident_bytes > 1 << 20
    assert str(info.pid) in str(info)


def test_a_loaded_heap_equals_the_saved_one(tmp_path, program):
    live = program.build()
    heap = snakeroot.snapshot()
    path = tmp_path / "app.heap.parquet"
    heap.save(str(path))
    loaded = snakeroot.load(str(path))
    assert (len(loaded), loaded.size) == (len(heap), heap.size)
    assert loaded.types(limit=None).to_dict() == heap.types(limit=None).to_dict()
    for value in live.values():
        ours, theirs = heap.node(id(value)), loaded.node(id(value))
        assert (ours.type, ours.size, ours.refcount, ours.name) == (
            theirs.type,
            theirs.size,
            theirs.refcount,
            theirs.name,
        )
        assert programs.pairs(ours.referents()) == programs.pairs(theirs.referents())


def test_a_type_that_is_its_own_instances_item_keeps_its_index():
    from collections import deque

    holder = deque([deque, "a", deque])
    labels = [edge.label for edge in snakeroot.snapshot().node(holder).referents() if edge.kind == "index"]
    assert labels == ["[0]", "[1]", "[2]"]


def test_a_python_sizeof_is_seen_by_its_name_whatever_str_object_that_is():
    name = "".join(["__size", "of__"])
    odd = type("Odd", (), {name: lambda self: 1000})()
    node = snakeroot.snapshot().node(odd)
    assert "size-not-asked" in node.flag_words


def test_values_of_floats_read_as_python_writes_them():
    values = [float("nan"), 1e16, 1e-7, 0.1, -0.0, float("inf")]
    heap = snakeroot.snapshot(values=True)
    assert [heap.node(value).value for value in values] == [repr(value) for value in values]
