"""Small heaps that two tools look at, each held by one list alone."""

import array
import collections
import functools
import types
import weakref

HEAP = []
"""The one holder: neither a local variable nor an argument leads to what is in it."""

HELD = {}
"""The same for several heaps at once, by name."""

OWNERS = []
"""Persons whose dicts are a heap."""


class Person:
    def __init__(self, number):
        self.name = "person-%d" % number
        self.tags = [number]
        self.meta = {"first": number, "second": 2.5 + number}
        self.__dict__  # noqa: B018  made now, so that both tools meet the same objects


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, number):
        self.left = "left-%d" % number
        self.right = (number + 0.5,)


class Mapping(dict):
    pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class Node:
    __slots__ = ("next", "__weakref__")


def outer(value, step=1):
    def inner():
        return value + step

    return inner


def dicts_of_persons():
    OWNERS[:] = [Person(number) for number in range(3)]
    return [person.__dict__ for person in OWNERS]


def a_ring():
    nodes = [Node() for _ in range(3)]
    for place, node in enumerate(nodes):
        node.next = nodes[place - 1]
    return nodes


def a_chain():
    first = Node()
    first.next = None
    for _ in range(200):
        node = Node()
        node.next = first
        first = node
    return [first]


def with_dict(thing):
    """Its dict is made now, so that both tools meet the same objects."""
    thing.__dict__  # noqa: B018  read to be made
    return thing


def a_named_type(name):
    return type(name, (), {"__slots__": ()})()


HEAPS = {
    "nothing but one": lambda: [["alone"]],
    "lists": lambda: [[1, 2], [3], [], [[4], [5, 6]]],
    "lists of many sizes": lambda: [[None] * size for size in range(14)],
    "more rows than a page": lambda: [["x%d" % at] * at for at in range(23)],
    "just one row more": lambda: [[None] * size for size in range(0, 11)],
    "persons": lambda: [Person(number) for number in range(5)],
    "many persons": lambda: [Person(number) for number in range(60)],
    "dicts of persons": dicts_of_persons,
    "slotted": lambda: [Slotted(number) for number in range(25)],
    "ints": lambda: [10**6, 10**20, -(10**7), 2**70, -(2**130), 10**6 + 1],
    "floats": lambda: [1.5, -0.25, 1e300, float("inf"), 1e-7, 0.1, float("-inf"), 123456789.125],
    "singletons": lambda: [True, False, None, 0, 1],
    "strs": lambda: ["a%d" % 1, "b" * 51, "it's %d" % 2, "x\ny%d" % 3, "é%d" % 4, "日本%d" % 5 * 20, "tab\t%d" % 6],
    "quotes": lambda: ["'%d" % 1, '"%d' % 2, "'\"%d" % 3, "\\%d" % 4, "\x00\x7f\xa0%d" % 5, "\u200b\u2028%d" % 6],
    "bytes": lambda: [b"a%d" % 1, b"it's %d" % 2, bytes(100), b"\xff" * 20, b"'\"%d" % 3, b"x" * 31],
    "empty dicts": lambda: [{} for _ in range(4)],
    "dicts by number": lambda: [{1: 2.5}, {3: 4.5, 5: 6.5}, dict.fromkeys(range(100), 7.5), {(1, 2): 3.5}],
    "sets": lambda: [{1.5, 2.5}, frozenset([3.5]), set(), {(4.5,)}, set(range(1000))],
    "tuples": lambda: [(1.5,), (1, [2]), (1.5, 2.5, 3.5), ([],)],
    "functions": lambda: [outer, outer(1), len, [].append, Person.__init__, "x".join],
    "methods": lambda: [Person(1).__init__, WithMeta().__repr__, [].append],
    "types": lambda: [Person, Slotted, Meta, WithMeta, types.SimpleNamespace, collections.OrderedDict],
    "builtin types": lambda: [int, type, object, ValueError, types.FunctionType, type(iter([])), types.ModuleType],
    "modules": lambda: [types.ModuleType("one"), types.ModuleType("two"), array],
    "code": lambda: [outer.__code__, Person.__init__.__code__, a_ring.__code__],
    "generators": lambda: [(at for at in [1]), (at for at in [2])],
    "mixed": lambda: [10**9, [], {}, "x%d" % 1, Person(3), Slotted(1), (1.5,), 10.0 / 3, outer(2), with_dict(WithMeta())],
    "one size, several types": lambda: [[1], [2], (1.5, 2.5, 3.5), "x" * 15, Person(1), b"y" * 31],
    "subclasses": lambda: [Mapping(), collections.OrderedDict(), collections.deque([1.5]), collections.Counter()],
    "weak": lambda: [weakref.ref(Person), with_dict(weakref.WeakValueDictionary()), with_dict(weakref.WeakSet())],
    "others": lambda: [
        array.array("i", [1, 2]),
        functools.partial(outer, 1),
        range(3),
        slice(1.5),
        with_dict(types.SimpleNamespace()),
        property(),
        object(),
        iter([]),
        bytearray(5),
        types.MappingProxyType({}),
    ],
    "exceptions": lambda: [with_dict(each) for each in (ValueError("x%d" % 1), KeyError(2.5), OSError())],
    "a ring": a_ring,
    "a chain": a_chain,
    "a long name": lambda: [a_named_type("A" * 130), a_named_type("B" + "-b" * 60), a_named_type("C c " * 40)],
    "a wide name": lambda: [a_named_type("É" * 120), a_named_type("日" * 60)],
}
"""By name: what makes the objects of a heap."""
