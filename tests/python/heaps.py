"""Small heaps of all kinds of objects, for tests that compare two tools on each of them."""

import array
import collections
import contextlib
import dataclasses
import enum
import functools
import sys
import types
import unittest.mock
import weakref

HEAPS = {}


def heap(make):
    HEAPS[make.__name__] = make
    return make


class Thing:
    def __init__(self, *held, **named):
        self.held = held
        vars(self).update(named)

    def method(self):
        return self


class Slotted:
    __slots__ = ("one", "other", "__weakref__")


class Finalized:
    def __init__(self, held):
        self.held = held

    def __del__(self):
        pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    registry = []


class Colour(enum.Enum):
    RED = [1]
    BLUE = [2]


@dataclasses.dataclass
class Record:
    name: str
    rows: list


Point = collections.namedtuple("Point", "x y")


class Named(dict):
    pass


class Long(list):
    def __len__(self):
        return 99


@heap
def a_list():
    return [[]]


@heap
def nested_lists():
    inner = [[1], [2]]
    return [inner, [inner, inner]]


@heap
def one_object_many_times():
    inner = []
    return [[inner] * 5, inner]


@heap
def a_dict():
    return {"name": [], "two words": [], 3: [], (1, 2): [], None: [], "naïve": [], 'a "quote"': []}


@heap
def a_dict_with_the_same_value_twice():
    value = []
    return {1: value, "name": value, "other": value}


@heap
def a_dict_with_held_keys():
    key = Thing()
    return {key: [], frozenset([1]): [key]}


@heap
def a_subclass_of_dict():
    return Named(name=[Named()])


@heap
def a_list_that_lies_about_its_length():
    return [Long([1, 2])]


@heap
def an_instance():
    return Thing([], name="x")


@heap
def an_instance_with_a_dict():
    thing = Thing([])
    vars(thing)["more"] = [thing]
    return thing


@heap
def instances_in_a_ring():
    one, other = Thing(), Thing()
    one.other, other.other = other, one
    return one


@heap
def slots():
    slotted = Slotted()
    slotted.one = [slotted]
    return slotted


@heap
def a_bound_method():
    return [Thing([]).method]


@heap
def a_bound_method_of_what_is_false():
    class Empty(list):
        def method(self):
            pass

    return [Empty().method]


@heap
def builtin_methods():
    return [[].append, len, "".join, dict.fromkeys, int.from_bytes]


@heap
def a_closure():
    held, other = [], {}

    def inner(*args, default=held, **kwargs):
        return held, other

    return [inner, held]


@heap
def a_function_with_everything():
    def function(one: "int" = [], *, two: Thing = {}) -> list:
        """Documented."""

    function.attribute = [function]
    return function


@heap
def lambdas():
    return [lambda: 1, lambda x=[]: x]


@heap
def partials():
    return functools.partial(len, [], key={})


@heap
def a_generator():
    def generate(held):
        yield held

    generator = generate([])
    next(generator)
    return [generator]


@heap
def a_coroutine():
    @types.coroutine
    def wait():
        yield

    async def run(held):
        await wait()

    coroutine = run([])
    coroutine.send(None)
    return [coroutine]


@heap
def a_class():
    class Local(Thing):
        shared = []

        @property
        def value(self):
            return 1

        @staticmethod
        def static():
            pass

        @classmethod
        def of_class(cls):
            pass

    return [Local]


@heap
def a_class_with_a_metaclass():
    return [WithMeta, WithMeta()]


@heap
def a_module_that_is_nowhere():
    module = types.ModuleType("nowhere")
    module.value = [module]
    return [module, module.value]


@heap
def a_module_that_is_imported():
    return [collections]


@heap
def an_exception():
    try:
        raise ValueError("told", [])
    except ValueError as error:
        kept = error
    return [kept]


@heap
def a_frame():
    def call(held):
        return sys._getframe()

    return [call([])]


@heap
def weak_references():
    thing = Thing()
    return [thing, weakref.ref(thing), weakref.WeakValueDictionary(key=thing)]


@heap
def a_deque():
    return collections.deque([[], {}])


@heap
def ordered_and_default():
    return [collections.OrderedDict(a=[], b=[]), collections.defaultdict(list, a=[]), collections.Counter("ab")]


@heap
def sets():
    thing = Thing()
    return [{thing}, frozenset([thing]), thing]


@heap
def tuples():
    return [(1, [], ()), ((),), Point([], {})]


@heap
def an_enum():
    return [Colour.RED, Colour.RED.value]


@heap
def a_data_class():
    return Record("name", [Record("other", [])])


@heap
def mocks():
    return [unittest.mock.Mock(spec=dict), unittest.mock.MagicMock(), unittest.mock.Mock(spec=str)]


@heap
def with_a_finalizer():
    return [Finalized([]), Finalized(Thing())]


@heap
def properties_and_descriptors():
    return [property(lambda self: []), Slotted.one, types.MappingProxyType({"a": []}), types.SimpleNamespace(a=[])]


@heap
def iterators():
    return [iter([[]]), enumerate([]), zip([], [[]]), map(len, [[]]), reversed([[]]), iter({}.items())]


@heap
def exit_stacks():
    stack = contextlib.ExitStack()
    stack.callback(print, [])
    return [stack]


@heap
def what_is_not_tracked():
    # Made here, so that nothing else in the process refers to them, our own modules least of all.
    text, number = "".join(["te", "xt"]), int("12345")
    return [text, number, float("0.5"), bytes([1, 2]), array.array("i", [1]), (number, text), 10 ** len(text), [None]]


@heap
def fifty_referrers():
    thing = Thing()
    return [thing, [[thing, number] for number in range(50)]]


@heap
def many_levels():
    top = thing = Thing()
    for _ in range(12):
        top = [top]
    return [top, thing]


@heap
def many_values():
    return [{number: [number] for number in range(60)}, list(map(Thing, range(40)))]


class Odd:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


@heap
def odd_words():
    return [
        Odd(text)
        for text in (
            'a "quote"',
            "back\\slash",
            "two\nlines",
            "nul \0",
            "<b>bold</b>",
            "\u202eright to left",
            "\N{SNAKE} \N{HOT BEVERAGE}",
            "a & b",
            "\\N \\G \\l",
            "",
            "long " * 100,
            "tab\there",
            "{a|b}",
        )
    ]


class Raises:
    def __repr__(self):
        raise RuntimeError("no words")


class NoText:
    def __repr__(self):
        return 12


class Deep:
    def __repr__(self):
        return repr(self)


@heap
def without_words():
    return [Raises(), NoText(), Deep()]


class LiesAboutItsClass:
    def __init__(self, claimed, held):
        self.claimed = claimed
        self.held = held

    @property
    def __class__(self):
        return self.claimed


@heap
def liars():
    return [LiesAboutItsClass(dict, []), LiesAboutItsClass(type, []), LiesAboutItsClass(types.FunctionType, [])]
