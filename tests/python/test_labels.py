"""Labels of every kind, over many objects made by hand, against `vars`, `items` and `inspect`."""

import asyncio
import collections
import datetime
import functools
import inspect
import sys
import types
import weakref

import programs
import pytest
import snakeroot

COUNT = 1000


def edges(heap, value, kind=None):
    """The strong edges of an object, of one kind or all, as (text, address), in order."""
    return [
        (edge.text, edge.node.address)
        for edge in heap.node(id(value)).referents()
        if not edge.weak and kind in (None, edge.kind)
    ]


def field(heap, value, name):
    """The addresses of what an object holds under one name."""
    return [address for label, address in programs.pairs(heap.node(id(value)).referents()) if label == name]


def locals_of(heap, value):
    """The locals of a generator by name: its own or, before Python 3.11, those of its frame object."""
    holders = [heap.node(id(value))]
    holders += [edge.node for edge in holders[0].referents() if edge.node.type == "frame"]
    return {
        edge.text: edge.node.address for one in holders for edge in one.referents() if edge.kind == "local"
    }


def waited_for(heap, value, name):
    """What a suspended one waits for, by that name or on its stack, which before Python 3.11 is its frame object's."""
    holders = [heap.node(id(value))]
    holders += [edge.node for edge in holders[0].referents() if edge.node.type == "frame"]
    edges = [edge for one in holders for edge in one.referents()]
    return [edge.node for edge in edges if edge.label == name or edge.kind == "stack"]


def wrong(heap, values, kind, expected):
    """The objects whose edges of a kind are not exactly what was expected of them, in any order."""
    return [
        (value, edges(heap, value, kind))
        for value in values
        if sorted(edges(heap, value, kind)) != sorted((str(text), id(held)) for text, held in expected(value))
    ]


class Plain:
    pass


class Slotted:
    __slots__ = ("first", "second", "third")


class SlottedBelow(Slotted):
    __slots__ = ("fourth",)


def test_attributes_are_vars():
    instances = [Plain() for _ in range(COUNT)]
    for number, one in enumerate(instances):
        for place in range(number % 60):
            setattr(one, "attribute_%d" % place, [place])
        if number % 7 == 0 and number % 60:
            del one.attribute_0
    heap = snakeroot.snapshot()
    for one in instances:
        found = sorted(
            (label, at) for label, at in programs.attributes(heap.node(one)) if label.startswith(".attribute")
        )
        assert found == sorted(("." + name, id(value)) for name, value in vars(one).items())


def test_attributes_whose_dict_was_made_are_in_it():
    instances = [Plain() for _ in range(COUNT)]
    for number, one in enumerate(instances):
        one.value = [number]
        vars(one)["more"] = {number}
    heap = snakeroot.snapshot()
    assert all(field(heap, one, ".__dict__") == [id(vars(one))] for one in instances)
    assert wrong(heap, map(vars, instances), "key", dict.items) == []


def test_slots_are_labelled_with_their_names_and_empty_ones_are_not_there():
    instances = [SlottedBelow() for _ in range(COUNT)]
    for number, one in enumerate(instances):
        one.first, one.fourth = [number], {number}
        if number % 2:
            one.second = (number, [])
    names = ("first", "second", "third", "fourth")
    heap = snakeroot.snapshot()
    for one in instances:
        found = [pair for pair in edges(heap, one) if pair[0] in names]
        assert sorted(found) == sorted(
            (name, id(getattr(one, name))) for name in names if hasattr(one, name)
        )


def test_dict_values_are_labelled_with_their_str_keys():
    tables = [{"key %d" % place: [place] for place in range(number % 90)} for number in range(COUNT)]
    heap = snakeroot.snapshot()
    assert wrong(heap, tables, "key", dict.items) == []
    assert all(sorted(at for _, at in edges(heap, table, "keyobject")) == sorted(map(id, table)) for table in tables)


def test_dict_values_are_labelled_with_their_other_keys():
    tables = [{number: [1], -number - 1: [2], (number, "a"): [3], None: [4], 0.5: [5]} for number in range(COUNT)]
    heap = snakeroot.snapshot()
    expected = [sorted((repr(key), id(value)) for key, value in table.items()) for table in tables]
    assert [sorted(edges(heap, table, "otherkey")) for table in tables] == expected


@pytest.mark.parametrize("kind", [list, tuple, collections.deque])
def test_items_of_sequences_are_labelled_with_their_index(kind):
    sequences = [kind([place] for place in range(number % 130)) for number in range(COUNT)]
    heap = snakeroot.snapshot()
    assert wrong(heap, sequences, "index", enumerate) == []


def test_items_of_a_deque_that_was_rotated_and_popped_are_labelled_with_their_index():
    queues = []
    for number in range(COUNT):
        queue = collections.deque(([place] for place in range(number % 200)), maxlen=150)
        queue.rotate(number % 37)
        for _ in range(min(len(queue), number % 3)):
            queue.popleft()
        queue.appendleft([number])
        queues.append(queue)
    heap = snakeroot.snapshot()
    assert wrong(heap, queues, "index", enumerate) == []


@pytest.mark.parametrize("kind", [set, frozenset])
def test_elements_of_sets_are_labelled(kind):
    sets = [kind("%d of %d" % (place, number) for place in range(number % 50)) for number in range(COUNT)]
    heap = snakeroot.snapshot()
    for one in sets:
        assert sorted(at for _, at in edges(heap, one, "element")) == sorted(map(id, one))


def closures(count):
    def made(number):
        first, second = [number], {number: "second"}

        def closure(one, two=(number, []), three=None, *rest, four=first, five=10**20 + number):
            return first, second, number, one, two

        return closure

    return [made(number) for number in range(count)]


def test_cells_of_a_closure_are_labelled_with_the_variables():
    functions = closures(COUNT)
    heap = snakeroot.snapshot()
    for function in functions:
        assert field(heap, function, ".__closure__") == [id(function.__closure__)]
        cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
        found = dict(edges(heap, function.__closure__))
        assert {name: found.get(name) for name in cells} == {name: id(cell) for name, cell in cells.items()}
        said = inspect.getclosurevars(function).nonlocals
        for name, cell in cells.items():
            assert edges(heap, cell) == [("cell_contents", id(said[name]))]


def test_a_closure_that_functions_of_other_code_share_keeps_a_true_label():
    def both(value):
        def one():
            return value

        def other():
            return [value]

        return one, types.FunctionType(other.__code__, {}, "other", None, one.__closure__)

    pairs = [both([number]) for number in range(100)]
    heap = snakeroot.snapshot()
    for one, other in pairs:
        assert one.__closure__ is other.__closure__
        assert edges(heap, one.__closure__)[0] in [
            ("0", id(one.__closure__[0])),
            ("value", id(one.__closure__[0])),
        ]


def test_defaults_are_labelled_with_the_parameters():
    functions = closures(COUNT)
    heap = snakeroot.snapshot()
    for function in functions:
        parameters = inspect.signature(function).parameters
        found = dict(edges(heap, function.__defaults__))
        for name in ("two", "three"):
            assert found.get(name) == id(parameters[name].default)
        assert dict(edges(heap, function.__kwdefaults__, "key")) == {
            name: id(parameters[name].default) for name in ("four", "five")
        }


def test_defaults_that_something_else_holds_too_keep_a_true_label():
    def function(one, two=[]):  # noqa: B006
        return one, two

    kept = [function.__defaults__]
    heap = snakeroot.snapshot()
    assert edges(heap, kept[0])[0] in [("0", id(kept[0][0])), ("two", id(kept[0][0]))]


def test_fields_of_functions_are_their_attributes():
    names = "__code__ __globals__ __builtins__ __name__ __qualname__ __defaults__ __kwdefaults__ __closure__"
    functions = closures(100)
    for number, function in enumerate(functions):
        function.attribute = [number]
    heap = snakeroot.snapshot()
    for function in functions:
        for name in names.split():
            assert field(heap, function, "." + name) == [id(getattr(function, name))], name
        assert field(heap, vars(function), '["attribute"]') == [id(function.attribute)]


def counting(number):
    held = [number]
    text = "local %d" % number
    while True:
        yield held, text


async def waiting(later, number):
    held = {"number": number}
    return await later, held


class Later:
    def __await__(self):
        yield self


def test_locals_of_suspended_generators_are_labelled_with_their_names():
    generators = [counting(number) for number in range(COUNT)]
    for one in generators:
        next(one)
    heap = snakeroot.snapshot()
    for one in generators:
        expected = {name: id(value) for name, value in inspect.getgeneratorlocals(one).items()}
        assert locals_of(heap, one) == expected


def test_locals_of_suspended_coroutines_and_what_they_await_are_labelled():
    coroutines = [waiting(Later(), number) for number in range(COUNT)]
    awaited = [one.send(None) for one in coroutines]
    heap = snakeroot.snapshot()
    try:
        for one in coroutines:
            expected = {name: id(value) for name, value in inspect.getcoroutinelocals(one).items()}
            assert locals_of(heap, one) == expected
            assert [node.address for node in waited_for(heap, one, ".cr_await")] == [id(one.cr_await)]
        assert len(awaited) == COUNT
    finally:
        for one in coroutines:
            one.close()


def test_a_generator_names_what_it_delegates_to_and_what_it_loops_over():
    def delegating(number):
        yield from counting(number)

    def looping(items):
        for item in items:
            yield [item]

    delegates = [delegating(number) for number in range(100)]
    loops = [looping([[number]]) for number in range(100)]
    for one in delegates + loops:
        next(one)
    heap = snakeroot.snapshot()
    for one in delegates:
        assert id(one.gi_yieldfrom) in [node.address for node in waited_for(heap, one, ".gi_yieldfrom")]
    for one in loops:
        types_of_stack = [node.type for node in waited_for(heap, one, "")]
        # From 3.15 on the list itself may stand there, and a number in place of an iterator.
        assert types_of_stack in (["list_iterator"], ["list"])


def test_modules_classes_and_instances_are_labelled_with_their_dunder_names():
    classes = [type("Made%d" % number, (Plain,), {"kept": [number]}) for number in range(200)]
    instances = [one() for one in classes]
    modules = [types.ModuleType("made_%d" % number) for number in range(200)]
    for number, module in enumerate(modules):
        module.kept = [number]
    heap = snakeroot.snapshot()
    for one, instance, module in zip(classes, instances, modules, strict=True):
        assert field(heap, instance, ".__class__") == [id(one)]
        assert field(heap, one, ".__bases__") == [id(one.__bases__)]
        assert field(heap, one, ".__mro__") == [id(one.__mro__)]
        (space,) = field(heap, one, ".__dict__")
        kept = [edge.node.address for edge in heap.node(space).referents() if edge.label == '["kept"]']
        assert kept == [id(one.kept)]
        assert field(heap, module, ".__dict__") == [id(vars(module))]
        assert field(heap, vars(module), '["kept"]') == [id(module.kept)]


def test_parts_of_partials_properties_and_methods_are_labelled():
    partials = [functools.partial(print, number, [number], end=[number]) for number in range(COUNT)]
    properties = [property(*closures(3), doc="text %d" % number) for number in range(COUNT)]
    heap = snakeroot.snapshot()
    for one in partials:
        assert all(field(heap, one, "." + name) == [id(getattr(one, name))] for name in ("func", "args", "keywords"))
    for one in properties:
        names = ("fget", "fset", "fdel", "__doc__")
        assert all(field(heap, one, "." + name) == [id(getattr(one, name))] for name in names)


class Failed(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.more = list(args)


def raised(kind, number):
    try:
        try:
            raise KeyError(number)
        except KeyError as first:
            raise kind("text", [number]) from first
    except kind as error:
        return error


@pytest.mark.parametrize("kind", [ValueError, Failed, OSError, RuntimeError, SystemExit, StopIteration])
def test_exceptions_label_their_args_traceback_cause_and_context(kind):
    errors = [raised(kind, number) for number in range(200)]
    heap = snakeroot.snapshot()
    for error in errors:
        for name in ("args", "__traceback__", "__cause__", "__context__"):
            assert field(heap, error, "." + name) == [id(getattr(error, name))], name


def test_the_callback_of_a_weak_reference_is_labelled_and_its_target_is_weak():
    targets = [Plain() for _ in range(200)]
    references = [weakref.ref(one, lambda _, one=number: one) for number, one in enumerate(targets)]
    proxies = [weakref.proxy(one, closures(1)[0]) for one in targets]
    heap = snakeroot.snapshot()
    for target, one, proxy in zip(targets, references, proxies, strict=True):
        assert field(heap, one, ".__callback__") == [id(one.__callback__)]
        assert [edge.node.type for edge in heap.node(id(proxy)).referents() if edge.label == ".__callback__"] == [
            "function"
        ]
        for weak in (one, proxy):
            found = [edge.node.address for edge in heap.node(id(weak)).referents() if edge.weak]
            assert found == [id(target)]


def test_fields_of_tasks_and_futures_are_labelled():
    async def main():
        loop = asyncio.get_running_loop()
        never, failed = loop.create_future(), loop.create_future()
        failed.set_exception(ValueError("in a future"))
        failed.exception()
        tasks = [asyncio.ensure_future(waiting(asyncio.shield(never), number)) for number in range(50)]
        await asyncio.sleep(0)
        heap = snakeroot.snapshot()
        for task in tasks:
            assert field(heap, task, "._loop") == [id(loop)]
            assert field(heap, task, "._coro") == [id(task.get_coro())]
            assert field(heap, task, "._fut_waiter") == [id(task._fut_waiter)]
        assert field(heap, failed, "._exception") == [id(failed._exception)]
        done = loop.create_future()
        done.set_result([1])
        heap = snakeroot.snapshot()
        assert field(heap, done, "._result") == [id(done.result())]
        never.set_result(None)
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_the_zones_of_times_are_labelled():
    zone = datetime.timezone(datetime.timedelta(hours=2), "named")
    times = [datetime.datetime(2000, 1, 1 + number % 28, tzinfo=zone) for number in range(COUNT)]
    times += [datetime.time(number % 24, tzinfo=zone) for number in range(COUNT)]
    heap = snakeroot.snapshot()
    assert all(field(heap, one, ".tzinfo") == [id(zone)] for one in times)
    assert len(field(heap, zone, "._offset")) == len(field(heap, zone, "._name")) == 1


def test_locals_of_a_running_frame_are_labelled_with_their_names():
    def run():
        held, text = [object()], "a text of its own %s" % COUNT
        heap = snakeroot.snapshot()
        return heap, {"held": id(held), "text": id(text)}

    heap, expected = run()
    holders = [edge.node for edge in heap.node(expected["held"]).referrers()]
    assert [holder.type for holder in holders] == ["frame"]
    found = {edge.text: edge.node.address for edge in holders[0].referents() if edge.kind == "local"}
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_parts_of_exception_groups_are_labelled():
    group = ExceptionGroup("many", [ValueError(1), KeyError(2)])  # noqa: F821
    heap = snakeroot.snapshot()
    assert field(heap, group, ".args") == [id(group.args)]
    assert id(group.exceptions) in [address for _, address in edges(heap, group)]


def test_objects_of_numpy_arrays_are_items_of_the_array_that_owns_them():
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.array([[number], None, "text", {number}], dtype=object) for number in range(200)]
    views = [one[1:] for one in arrays]
    record = numpy.dtype([("number", "i4"), ("any", object)])
    structured = numpy.zeros(3, record)
    structured["any"] = [[1], "text", {2}]
    # A field that is an array of structures, each with an array of objects.
    pair = numpy.dtype([("number", "i8"), ("two", object, (2,))])
    deep = numpy.zeros((2, 2), numpy.dtype([("head", "i2"), ("pairs", pair, (3,))]))
    parts = [["part", number] for number in range(24)]
    for number, part in enumerate(parts):
        deep["pairs"][number // 12, number // 6 % 2, number // 2 % 3]["two"][number % 2] = part
    heap = snakeroot.snapshot()
    assert [address for _, address in edges(heap, deep) if address != id(deep.dtype)] == list(map(id, parts))
    for one, view in zip(arrays, views, strict=True):
        held = [address for _, address in edges(heap, one)]
        assert {id(value) for value in one} <= set(held)
        assert id(one) in [address for _, address in edges(heap, view)]
        assert id(view[0]) not in {address for _, address in edges(heap, view)} or view[0] is None
    held = {address for _, address in edges(heap, structured)}
    assert {id(value) for value in structured["any"]} <= held


def test_a_coroutine_that_runs_waits_for_nothing():
    def taken():
        return snakeroot.snapshot()

    async def running():
        # While the function runs, the first item lies on the coroutine's value stack.
        values = [Plain(), taken()]
        return values[1]

    coroutine = running()
    try:
        coroutine.send(None)
    except StopIteration as stop:
        heap = stop.value
    held = [str(label) for label, _ in heap.node(coroutine).referents()]
    assert held and ".cr_await" not in held, held


def test_scalars_of_structured_numpy_arrays_hold_the_array():
    numpy = pytest.importorskip("numpy")
    record = numpy.dtype([("number", "i4"), ("any", object), ("more", object, (2,))])
    parts = [["part", number] for number in range(3)]
    for kind in (numpy.ndarray, numpy.recarray):
        array = numpy.zeros(2, record).view(kind)
        array["any"][0], array["more"][0] = parts[0], parts[1:]
        scalar, copied, owner = array[0], array[0].copy(), id(array.base)
        address, described = id(array), id(scalar.dtype)
        del array
        heap = snakeroot.snapshot()
        assert type(scalar) is (numpy.void if kind is numpy.ndarray else numpy.record)
        found = [edge for edge in edges(heap, scalar, "slot") if edge[0] != "__class__"]
        assert sorted(found) == [("base", address), ("dtype", described)]
        assert heap.node(address) is not None
        assert owner == id(None) or heap.node(owner) is not None
        # A copy is a view of an array without dimensions.
        (held,) = [node for label, node in edges(heap, copied) if label == "base"]
        held = [edge.node.address for edge in heap.node(held).referents()]
        assert set(map(id, parts)) <= set(held)


def test_what_was_written_to_a_numpy_type_is_its_metadata():
    numpy = pytest.importorskip("numpy")
    written = ["written"]
    described = [numpy.dtype(kind, metadata={"key": written}) for kind in ("f8", "O", [("a", "i4")])]
    heap = snakeroot.snapshot()
    for one in described:
        (metadata,) = [address for label, address in edges(heap, one) if label == "metadata"]
        assert id(written) in [edge.node.address for edge in heap.node(metadata).referents()]
