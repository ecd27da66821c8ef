"""Sizes by kind, over many objects made by hand, against `sys.getsizeof`."""

import array
import collections
import contextlib
import ctypes
import datetime
import decimal
import fractions
import functools
import gc
import io
import mmap
import sys
import types
import weakref

import pytest
import snakeroot

COUNT = 1000


def differing(values):
    """(value, ours, Python's) of each object whose size is not what `sys.getsizeof` says."""
    expected = [sys.getsizeof(value) for value in values]
    heap = snakeroot.snapshot()
    found = [heap.node(id(value)).size for value in values]
    return [row for row in zip(map(repr, values), found, expected, strict=True) if row[1] != row[2]]


def grown(kind, number):
    made = kind()
    for place in range(number % 300):
        made.append([place])
    return made


def with_deleted(count):
    table = {place: place for place in range(count)}
    for place in range(0, count, 3):
        del table[place]
    return table


def with_discarded(count):
    made = set(range(count))
    for place in range(0, count, 5):
        made.discard(place)
    return made


class Plain:
    pass


class Slotted:
    __slots__ = ("__weakref__", "one", "two")


class OfList(list):
    pass


class OfDict(dict):
    pass


class OfTuple(tuple):
    pass


class OfInt(int):
    pass


class OfStr(str):
    pass


class OfBytes(bytes):
    pass


class OfSet(set):
    pass


class OfDeque(collections.deque):
    pass


def with_attributes(number):
    made = Plain()
    for place in range(number % 50):
        setattr(made, "attribute_%d" % place, place)
    if number % 3 == 0:
        vars(made)
    return made


def generator(number):
    one = two = number
    yield one, two


MAKERS = {
    "lists": lambda n: [list(range(n % 500)), [None] * (n % 70), grown(list, n)],
    "tuples": lambda n: tuple(range(n % 500)),
    "dicts": lambda n: [{str(p): p for p in range(n % 300)}, {p: p for p in range(n % 40)}, with_deleted(n)],
    "dicts made at once": lambda n: dict.fromkeys(range(n)),
    "sets": lambda n: [set(range(n)), with_discarded(n % 400), frozenset(map(str, range(n % 50)))],
    "deques": lambda n: [grown(collections.deque, n), collections.deque(range(n), maxlen=n // 2)],
    "ordered dicts": lambda n: collections.OrderedDict((str(p), p) for p in range(n % 100)),
    "default dicts": lambda n: collections.defaultdict(list, {p: p for p in range(n % 100)}),
    "counters": lambda n: collections.Counter(range(n % 60)),
    "ints": lambda n: [n, -n, 1 << n, -(1 << n), 10**n],
    "floats": lambda n: [n + 0.5, complex(n, 1)],
    "ascii text": lambda n: ["a" * n, "text %d" % n],
    "latin text": lambda n: "é" * n,
    "wide text": lambda n: ["鍵" * n, "🐍" * n],
    "text whose UTF-8 was asked for": lambda n: encoded("é%d" % n),
    "bytes": lambda n: [b"b" * n, bytearray(n), bytearray(b"b" * n)[n // 2 :]],
    "instances": with_attributes,
    "instances with slots": lambda n: Slotted(),
    "list's subclass": lambda n: OfList(range(n % 200)),
    "dict's subclass": lambda n: OfDict({p: p for p in range(n % 200)}),
    "tuple's subclass": lambda n: OfTuple(range(n % 200)),
    "int's subclass": lambda n: [OfInt(n), OfInt(1 << n)],
    "str's subclass": lambda n: [OfStr("a" * n), OfStr("é" * n), OfStr("鍵" * n)],
    "bytes' subclass": lambda n: OfBytes(b"a" * n),
    "set's subclass": lambda n: OfSet(range(n % 200)),
    "deque's subclass": lambda n: OfDeque(range(n % 200)),
    "functions": lambda n: [lambda: n, functools.partial(print, n), types.MethodType(print, n)],
    "generators": lambda n: [generator(n), (one for one in range(n))],
    "cells": lambda n: [types.CellType(n), types.CellType()],
    "arrays": lambda n: [array.array("d", range(n % 90)), memoryview(b"b" * n)],
    "times": lambda n: [
        datetime.datetime(2000, 1, 1 + n % 28),
        datetime.date(2000, 1, 1 + n % 28),
        datetime.timedelta(n),
        datetime.time(n % 24, tzinfo=datetime.timezone.utc),
    ],
    "numbers": lambda n: [decimal.Decimal(n) / 7, decimal.Decimal(10) ** n, fractions.Fraction(n, 7)],
    "errors": lambda n: [ValueError(n), KeyError(n, [n]), OSError(2, "text", "file")],
    "weak references": lambda n: weakref.ref(with_weak[n % len(with_weak)]),
    "streams": lambda n: [io.StringIO("a" * n), io.BytesIO(b"b" * n)],
    "iterators": lambda n: [iter([n]), iter({n: n}), map(str, [n]), enumerate([n]), range(n), slice(n)],
    "code": lambda n: compile("a%d = [one for one in range(%d)]" % (n % 40, n), "file", "exec"),
    "spaces": lambda n: [types.SimpleNamespace(a=n), types.MappingProxyType({n: n})],
}
with_weak = [Plain() for _ in range(50)]


def encoded(text):
    """A str that keeps its UTF-8 beside it."""
    ctypes.pythonapi.PyUnicode_AsUTF8(ctypes.py_object(text))
    return text


@pytest.mark.parametrize("kind", MAKERS)
def test_sizes_are_getsizeofs(kind):
    values = []
    for number in range(COUNT if kind not in ("ints", "code") else 200):
        made = MAKERS[kind](number)
        values += made if type(made) is list else [made]
    assert len(values) >= 200
    assert differing(values) == []


def test_sizes_of_types_and_modules_are_getsizeofs():
    classes = [type("Made%d" % number, (Plain,), {"kept": number}) for number in range(200)]
    assert differing([*classes, int, type, object, sys, types, Slotted, OfList]) == []


def test_a_size_in_python_is_not_run_and_is_flagged():
    class Sized:
        called = []

        def __sizeof__(self):
            self.called.append(1)
            return 1 << 30

    values = [Sized() for _ in range(COUNT)]
    heap = snakeroot.snapshot()
    nodes = [heap.node(value) for value in values]
    assert Sized.called == []
    assert all("size-not-asked" in node.flag_words for node in nodes)
    plain = heap.node(values[0]).size
    assert plain < 1000
    assert {node.size for node in nodes} == {plain}


def test_sizes_of_numpy_arrays_are_getsizeofs():
    numpy = pytest.importorskip("numpy")
    values = []
    for number in range(COUNT):
        owned = numpy.zeros(number)
        values += [owned, owned[1:], numpy.empty((number % 30, 3), object), numpy.float64(number)]
    assert differing(values) == []


def test_sizes_of_frames_of_exceptions_are_getsizeofs():
    def failing(depth):
        held = [depth]
        if depth:
            failing(depth - 1)
        raise ValueError(held)

    try:
        failing(30)
    except ValueError as error:
        trace = error.__traceback__
    values = []
    while trace is not None:
        values += [trace, trace.tb_frame]
        trace = trace.tb_next
    del values[:2]  # This test's own frame runs.
    assert len(values) == 62
    assert differing(values) == []


def native_sizes(heap, *objects):
    return [heap.node(id(one)).native_size or 0 for one in objects]


def total_native(heap):
    return sum(node.native_size or 0 for node in heap.top(len(heap)))


@contextlib.contextmanager
def native_growth(expected):
    """Yields a list; what is put there with its native sizes is all that the heap counts more."""
    before = total_native(snakeroot.snapshot())
    made = []
    yield made
    heap = snakeroot.snapshot()
    assert [(type(one).__name__, *native_sizes(heap, one)) for one in made] == expected
    assert total_native(heap) - before == sum(size for _, size in expected)


def foreign_view(memory):
    """A view of a ctypes object's memory that does not know the object."""
    function = ctypes.pythonapi.PyMemoryView_FromMemory
    function.restype = ctypes.py_object
    function.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
    return function(ctypes.addressof(memory), ctypes.sizeof(memory), 0x200)


def test_memory_outside_counts_at_what_owns_it_and_not_at_views():
    with native_growth([("mmap", 40960), ("memoryview", 0), ("memoryview", 0)]) as made:
        made.append(mmap.mmap(-1, 40960))
        made.append(memoryview(made[0]))
        made.append(made[1][5:].cast("b"))
    made.clear()
    size = sys.getsizeof(bytearray(5000)) - sys.getsizeof(bytearray())
    with native_growth([("bytearray", size), ("memoryview", 0)]) as made:
        made.append(bytearray(5000))
        made.append(memoryview(made[0]))
    made.clear()
    with native_growth([("array", 8000), ("memoryview", 0), ("memoryview", 0)]) as made:
        made.append(array.array("d", [0]) * 1000)
        made.append(memoryview(made[0]))
        made.append(made[1][::2])
    made.clear()
    with native_growth([("bytes", 0), ("memoryview", 0)]) as made:
        made.append(bytes(5000))
        made.append(memoryview(made[0]))


def test_memory_that_several_views_share_counts_once():
    memory = (ctypes.c_char * 7000)()
    with native_growth([("memoryview", 0)] * 4 + [("managedbuffer", 7000)]) as made:
        made.append(foreign_view(memory))
        made += [made[0][100:], made[0].cast("i"), made[0][::-1]]
        made += gc.get_referents(made[0])
    made.clear()
    # Two that do not know of each other, and one after it was given back.
    with native_growth([("memoryview", 0)] * 2) as made:
        made += [foreign_view(memory), foreign_view(memory)]
        for one in made:
            one.release()
    made.clear()
    before = total_native(snakeroot.snapshot())
    views = [foreign_view(memory), foreign_view(memory)]
    heap = snakeroot.snapshot()
    assert total_native(heap) - before == 7000
    assert native_sizes(heap, *views) == [0, 0]


def test_memory_of_numpy_arrays_counts_at_the_array_that_owns_it():
    numpy = pytest.importorskip("numpy")
    with native_growth([("ndarray", 24000), *[("ndarray", 0)] * 6]) as made:
        owner = numpy.zeros(3000)
        made += [owner, owner[10:20], owner[::-2], owner.reshape(30, 100), owner.reshape(30, 100).T]
        made += [numpy.broadcast_to(owner, (50, 3000)), owner.view("i4")]
    del owner
    made.clear()
    with native_growth([("ndarray", 800), ("ndarray", 1200)]) as made:
        made += [numpy.empty(100, object), numpy.zeros((10, 10), numpy.dtype([("a", "i4"), ("b", "f8")]))]


def test_memory_of_others_that_numpy_sees_counts_at_the_others():
    numpy = pytest.importorskip("numpy")
    makers = [
        (lambda: bytearray(5000), sys.getsizeof(bytearray(5000)) - sys.getsizeof(bytearray())),
        (lambda: array.array("d", [0]) * 1000, 8000),
        (lambda: mmap.mmap(-1, 40960), 40960),
        (lambda: bytes(5000), 0),
        (lambda: memoryview(bytes(5000)), 0),
    ]
    for make, size in makers:
        one = make()
        with native_growth([("ndarray", 0)] * 4) as made:
            seen = numpy.frombuffer(one, "u1")
            made += [seen, seen[1:]]
            made += [numpy.lib.stride_tricks.as_strided(seen, (4,), (1,)), numpy.frombuffer(one, "u1")]
        assert native_sizes(snakeroot.snapshot(), one) == [size]
        del seen
        made.clear()


def test_memory_of_ctypes_objects_counts_once_numpy_sees_it():
    numpy = pytest.importorskip("numpy")
    function = numpy.lib.stride_tricks.as_strided
    large, small = (ctypes.c_double * 1000)(), ctypes.c_double(1)
    before = total_native(snakeroot.snapshot())
    seen = [numpy.frombuffer(large), numpy.frombuffer(large)[10:], numpy.frombuffer(small)]
    seen.append(function(seen[0], (4, 4), (8, 16)))
    heap = snakeroot.snapshot()
    assert native_sizes(heap, large, small, *seen) == [8000, 0, 0, 0, 0, 0]
    assert total_native(heap) - before == 8000
    memory = (ctypes.c_char * 7000)()
    del heap
    seen.clear()
    before = total_native(snakeroot.snapshot())
    view = foreign_view(memory)
    seen += [numpy.frombuffer(view, "u1"), numpy.frombuffer(view[100:], "u1")]
    seen.append(function(seen[0], (4,), (1000,)))
    heap = snakeroot.snapshot()
    assert native_sizes(heap, *gc.get_referents(view), view, *seen) == [7000, 0, 0, 0, 0]
    assert total_native(heap) - before == 7000


def test_memory_of_strided_arrays_and_scalars_counts_at_the_owner():
    numpy = pytest.importorskip("numpy")
    with native_growth([("ndarray", 8000), *[("ndarray", 0)] * 3]) as made:
        owner = numpy.zeros(1000)
        made += [owner, numpy.lib.stride_tricks.as_strided(owner, (1000, 1000), (8, 0))]
        made.append(numpy.lib.stride_tricks.as_strided(owner[::-1], (10,), (-800,)))
        made.append(numpy.lib.stride_tricks.sliding_window_view(owner, 100))
    del owner
    made.clear()
    with native_growth([("ndarray", 36), ("void", 0), ("void", 500)]) as made:
        made.append(numpy.zeros(3, [("a", "i4"), ("b", "f8")]))
        made += [made[0][1], numpy.void(bytes(500))]
