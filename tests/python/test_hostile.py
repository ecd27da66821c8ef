"""Objects that answer wrongly, or never: the walk does not ask them."""

import gc
import json
import sys
import sysconfig
import types
import unittest.mock

import hostile
import programs
import pytest
import snakeroot


@pytest.fixture
def hooks(build):
    module = build("hostile_hooks")
    yield module
    del module.ARMED[:]


@pytest.mark.parametrize("at, behaviour", list(enumerate(["raising", "waiting", "lying"])))
def test_no_hook_of_an_instance_is_called(at, behaviour, hooks, tmp_path):
    # A hook that waits, waits for an hour: then the suite's own limit ends it.
    instance = hooks.HELD[at]
    hooks.ARMED.append(True)
    why, heap = hostile.ask_everything(instance, behaviour.title(), tmp_path)
    del hooks.ARMED[:]
    assert hooks.HEARD == []
    node = heap.node(instance)
    assert node.type == "fixture_hostile_hooks." + behaviour.title()
    assert "size-not-asked" in node.flag_words
    assert node.size == object.__sizeof__(instance) + header(instance)
    assert "HELD" in str(why)
    assert hooks.SECRETS[at] in {address for _, address in programs.attributes(node)}


def header(instance):
    plain = type("Plain", (), {})()
    assert type(plain).__flags__ & 0x18 == type(instance).__flags__ & 0x18
    return sys.getsizeof(plain) - object.__sizeof__(plain)


def test_the_hooks_of_the_fixture_can_be_heard(hooks):
    hooks.ARMED.append(True)
    instance = hooks.HELD[2]
    instance.anything, repr(instance), bool(instance)
    del hooks.ARMED[:]
    assert hooks.HEARD == ["__getattribute__ anything", "__repr__", "__bool__"]


def test_hostile_keys_and_elements_are_neither_hashed_nor_compared(hooks):
    instance = hooks.HELD[0]
    table, bag = {instance: 1, "text": 2}, {instance}
    hooks.ARMED.append(True)
    heap = snakeroot.snapshot()
    edges = programs.pairs(heap.node(table).referents())
    inside = [edge.node.address for edge in heap.node(bag).referents()]
    del hooks.ARMED[:]
    assert hooks.HEARD == []
    assert ("[<Raising>]", id(1)) in edges and ("(key)", id(instance)) in edges
    assert inside == [id(instance)]


def test_an_object_that_is_not_there_is_named_without_asking_it(hooks, build):
    odd = build("hostile_types")
    heap = snakeroot.snapshot()
    late = odd.Nameless("Late", (), {})()
    lying = hooks.CLASSES["lying"]()
    odd.ARMED.append(True)
    hooks.ARMED.append(True)
    try:
        with pytest.raises(KeyError, match="this Late at 0x[0-9a-f]+ is not in the heap"):
            heap.node(late)
        with pytest.raises(KeyError, match="this Lying at"):
            heap.why(lying)
        with pytest.raises(TypeError, match="filename: expected a str or a path, found Late"):
            snakeroot.show_backrefs([], filename=late)
        with pytest.raises(TypeError, match="filter: expected a function, found Late"):
            snakeroot.show_backrefs([], filter=late)
    finally:
        del odd.ARMED[:], hooks.ARMED[:]
    assert odd.HEARD == []


NAMES = {
    "Quiet": "fixture_hostile_types.Quiet",
    "Reordered": "fixture_hostile_types.Reordered",
    "Moduleless": "Moduleless",
    "OddModule": "OddModule",
    "Surrogate": "\ufffd.mod.Surrogate",
    "Renamed": "fixture_hostile_types.lone \ufffd surrogate\nand a line",
    "DictSized": "fixture_hostile_types.DictSized",
    "Pair": "fixture_hostile_types.Pair",
}


def test_odd_types_are_named_by_what_they_are_and_never_asked(build, tmp_path):
    module = build("hostile_types")
    names = [type.__dict__["__name__"].__get__(type(instance)) for instance in module.HELD]
    module.ARMED.append(True)
    for instance, name in zip(module.HELD, names, strict=True):
        if name in NAMES:
            hostile.ask_everything(instance, name, tmp_path if name == "Renamed" else None)
    heap = snakeroot.snapshot(values=True)
    del module.ARMED[:]
    assert module.HEARD == []
    for instance, name, content in zip(module.HELD, names, module.KEPT, strict=True):
        node = heap.node(instance)
        assert node.type == NAMES.get(name, node.type)
        assert id(content) in {address for _, address in programs.attributes(node)}, name
        assert "\n" not in str(node) and len(str(node)) < 1000, name


def test_the_sizes_that_another_types_method_would_give_are_not_asked(build):
    module = build("hostile_types")
    heap = snakeroot.snapshot()
    rows = {type(instance).__name__[:20]: heap.node(instance) for instance in module.HELD}
    plain = sys.getsizeof(type("Plain", (), {})())
    for name in ("DictSized", "ListSized", "NoneSized", "Copied"):
        assert "size-not-asked" in rows[name].flag_words, name
        assert rows[name].size == plain, name
    # The bases between were left out of the order of look-up, so this one is asked of `object`.
    assert "size-not-asked" not in rows["Reordered"].flag_words
    for name in ("Number", "Text", "Pair", "Row", "Bag", "Table", "Slotted"):
        instance = next(each for each in module.HELD if type(each).__name__ == name)
        assert rows[name].size == sys.getsizeof(instance), name


def test_two_types_are_counted_apart_however_long_their_names(build):
    module = build("hostile_types")
    long_name = "Long" + "g" * 100_000
    assert snakeroot.count(long_name) == 1
    assert snakeroot.count(long_name + "er") == 1
    assert snakeroot.count("fixture_hostile_types." + long_name) == 1
    stats = snakeroot.typestats()
    assert stats[long_name] == stats[long_name + "er"] == 1
    assert [type(each) for each in snakeroot.by_type(long_name)] == [type(module.HELD[6])]


def test_proxies_and_mocks_are_seen_as_what_they_are(build):
    module = build("hostile_proxies")
    for name in ("live", "dead", "lazy", "mock", "module"):
        # The name of the type, not of what the object says of itself.
        hostile.ask_everything(module.HELD[name], type(module.HELD[name]).__name__)
    assert module.WOKEN == []
    heap = snakeroot.snapshot()
    held = module.HELD
    types_of = {name: heap.node(value).type for name, value in held.items()}
    assert (
        types_of["live"] == types_of["dead"] == "weakref.ProxyType" or "proxy" in types_of["live"]
    )
    assert types_of["lazy"] == "fixture_hostile_proxies.Lazy"
    assert types_of["mock"] == "unittest.mock.MagicMock"
    assert types_of["module"] == "fixture_hostile_proxies.LazyModule"
    target = id(held["target"])
    for name in ("live", "live ref"):
        weak = [edge.node.address for edge in heap.node(held[name]).referents() if edge.weak]
        assert weak == [target], name
    for name in ("dead", "dead ref"):
        assert not [edge for edge in heap.node(held[name]).referents() if edge.weak], name
    assert module.WOKEN == []


def test_a_mock_that_calls_itself_a_module_is_no_proper_module():
    mock = unittest.mock.MagicMock(spec=types.ModuleType("sys"))
    assert isinstance(mock, types.ModuleType)
    assert not snakeroot.is_proper_module(mock)
    assert snakeroot.is_proper_module(sys)


def test_a_type_is_walked_while_it_is_made():
    seen = {}

    def look(where, cls):
        heap = snakeroot.snapshot()
        seen[where] = heap.node(cls).name, str(heap.why(cls))

    class Meta(type):
        def __new__(meta, name, bases, namespace):
            seen["new"] = len(snakeroot.snapshot())
            return super().__new__(meta, name, bases, namespace)

        def mro(cls):
            look("mro", cls)
            return super().mro()

        def __init__(cls, *arguments):
            look("init", cls)

    class Field:
        def __set_name__(self, owner, name):
            look("set_name", owner)

    class Base(metaclass=Meta):
        def __init_subclass__(cls):
            look("init_subclass", cls)

    seen.clear()
    Made = Meta("Made", (Base,), {"field": Field()})
    assert set(seen) == {"new", "mro", "set_name", "init_subclass", "init"}
    assert [seen[where][0] for where in ("mro", "set_name", "init")] == ["Made"] * 3
    # And while its bases are changed, which asks for its MRO again.
    seen.clear()
    Made.__bases__ = (type("Other", (Base,), {}),)
    assert seen["mro"][0] == "Made"


def test_containers_are_walked_in_the_middle_of_an_operation():
    sizes = []

    class Key:
        def __init__(self, number):
            self.number = number

        def __lt__(self, other):
            look("lt")
            return self.number < other.number

        def __hash__(self):
            look("hash")
            return 7

        def __eq__(self, other):
            look("eq")
            return self is other

    kept = [Key(3), Key(1), Key(2)]
    seen = {}

    def look(where):
        if where not in seen:
            heap = snakeroot.snapshot()
            seen[where] = heap.node(kept)
            sizes.append((heap.node(kept).size, sys.getsizeof(kept)))

    def filling():
        yield Key(4)
        look("fill")
        yield Key(5)

    kept.sort()
    {kept[0]: 1, kept[1]: 2}
    {kept[0], kept[1]}
    filled = tuple(filling())
    assert set(seen) == {"lt", "hash", "eq", "fill"} and len(filled) == 2
    assert all(ours == its for ours, its in sizes), sizes
    # A list that is being sorted is empty for everybody.
    assert len(seen["lt"].referents()) <= 1


def test_argv_may_be_anything(monkeypatch):
    class Bad(list):
        def __iter__(self):
            raise RuntimeError("asked")

        def __len__(self):
            raise RuntimeError("asked")

    for argv in (None, 7, Bad(["a", "b"]), ["\udcff", 3, "b"]):
        monkeypatch.setattr(sys, "argv", argv)
        heap = snakeroot.snapshot()
        assert isinstance(heap.info.argv, list)
    assert heap.info.argv[0].strip("\ufffd") == "" and heap.info.argv[1:] == ["b"]
    monkeypatch.delattr(sys, "argv")
    assert snakeroot.snapshot().info.argv == []


def test_a_threads_name_is_not_asked_of_its_class():
    import threading

    heard = []

    class Odd(threading.Thread):
        @property
        def _name(self):
            heard.append("_name")
            return "a lie"

        @_name.setter
        def _name(self, name):
            pass

        def __getattribute__(self, name):
            if armed:
                heard.append(name)
            return super().__getattribute__(name)

    armed = []
    go = threading.Event()
    thread = Odd(target=go.wait)
    thread.start()
    try:
        del heard[:]
        armed.append(True)
        heap = snakeroot.snapshot()
        del armed[:]
        assert heard == []
        assert "a lie" not in str(heap.why(go))
    finally:
        go.set()
        thread.join()


def test_frozen_and_untracked_hostile_objects_are_walked_too(build):
    module = build("hostile_types")
    gc.freeze()
    try:
        heap = snakeroot.snapshot()
        assert all(heap.node(instance).tracked for instance in module.HELD[:5])
    finally:
        gc.unfreeze()


def test_a_type_that_comes_after_the_import_has_its_dict():
    hostile.says(
        """
        import snakeroot
        snakeroot.snapshot()
        import datetime, decimal, array, zoneinfo
        heap = snakeroot.snapshot()
        for type_ in (datetime.datetime, datetime.timezone, decimal.Decimal, array.array, int):
            labels = [edge.label for edge in heap.node(type_).referents()]
            print(".__dict__" in labels)
        """,
        *[True] * 5,
    )


DAMAGE = """
import ctypes, gc, json
import snakeroot

gc.collect()
gc.disable()
kept = [[] for _ in range(10)]


def word(address):
    return ctypes.c_size_t.from_address(address)


def answers():
    said = []
    for ask in [
        snakeroot.snapshot,
        snakeroot.typestats,
        lambda: snakeroot.by_type("list"),
        lambda: snakeroot.find_backref_chain(kept[0], snakeroot.is_proper_module, max_depth=3),
    ]:
        try:
            ask()
            said.append("found")
        except RuntimeError as error:
            said.append(str(error))
    return said


first, last = id(kept[2]) - 16, id(kept[7]) - 16
after = word(last).value & ~7
found = [answers()]
for place, value in [(last, first), (first + 8, last), (after + 8, first)]:
    was = word(place).value
    word(place).value = was & 7 | value
    found.append(answers())
    word(place).value = was
found.append(answers())
print(json.dumps(found))
"""


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="no lists are kept there")
def test_a_damaged_list_of_the_collector_is_an_error_and_has_an_end():
    before, *damaged, after = json.loads(hostile.run(DAMAGE, timeout=60).stdout)
    assert before == after == ["found"] * 4
    assert len(damaged) == 3
    for said in [each for case in damaged for each in case]:
        assert said.startswith("the garbage collector's list of objects is damaged: expected 0x"), said
