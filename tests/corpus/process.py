"""Builds the corpus: a process with nearly everything that a heap can hold.

The standard library is imported whole, programs that stand still are set up in threads, an event
loop and generators, and, where they are installed, numpy, pandas, Django and SQLAlchemy work.
What is not importable here is named in `Corpus.left_out` and `Corpus.absent`.

Nothing in here knows of snakeroot.
"""

import array
import asyncio
import collections
import contextlib
import contextvars
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import importlib
import io
import itertools
import mmap
import operator
import os
import pkgutil
import re
import socket
import struct
import sys
import tempfile
import threading
import types
import typing
import warnings
import weakref

# Modules that do something when they are imported, or belong to tests. A whole package if it is one.
NOT_IMPORTED = {
    "antigravity": "opens a browser",
    "this": "prints",
    "__hello__": "prints",
    "__phello__": "prints",
    "idlelib": "a program with a GUI",
    "turtledemo": "a program with a GUI",
    "test": "tests",
    "ctypes.test": "tests",
    "distutils.tests": "tests",
    "lib2to3.tests": "tests",
    "sqlite3.test": "tests",
    "tkinter.test": "tests",
    "unittest.test": "tests",
    "msilib": "for Windows",
    "_ios_support": "for iOS",
    "_android_support": "for Android",
    "_aix_support": "for AIX",
    "_osx_support": "for macOS",
    "profiling.sampling": "a program that samples other processes",
    "_pyrepl": "takes the terminal over",
}


def importable():
    """Every module of the standard library by name, submodules included; and those left out, with why."""
    left_out = {}
    names = []

    def add(name):
        if name in NOT_IMPORTED:
            left_out[name] = NOT_IMPORTED[name]
        elif name.rpartition(".")[2] == "__main__":
            left_out[name] = "a program"
        else:
            names.append(name)
            return True
        return False

    for name in sorted(sys.stdlib_module_names):
        if not add(name):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        folders = spec.submodule_search_locations if spec else None
        if folders:
            pending = [(name, folders)]
            while pending:
                package, paths = pending.pop()
                for found in pkgutil.iter_modules(list(paths)):
                    full = package + "." + found.name
                    if add(full) and found.ispkg:
                        pending.append((full, [os.path.join(path, found.name) for path in paths]))
    return names, left_out


def import_everything():
    """Imports the standard library; what was left out, with why."""
    names, left_out = importable()
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            left_out[name] = "%s: %s" % (type(error).__name__, str(error)[:80])
    return left_out


class Plain:
    """An instance with attributes of its own."""

    def __init__(self, number):
        self.number = number
        self.name = "plain-%d" % number
        self.items = [number, self.name]
        self.table = {self.name: self.items, number: None}


class Shape(Plain):
    def __init__(self, number):
        super().__init__(number)
        for place in range(number % 40):
            setattr(self, "attribute_%d" % place, [place])
        if number % 3 == 0:
            del self.name


class Slotted:
    __slots__ = ("__weakref__", "empty", "first", "second")

    def __init__(self, number):
        self.first = [number]
        self.second = "slot-%d" % number


class SlottedBelow(Slotted):
    __slots__ = ("__dict__", "third")

    def __init__(self, number):
        super().__init__(number)
        self.third = {number}
        self.free = (number, [])


class Cached:
    def __init__(self, number):
        self.number = number

    @functools.cached_property
    def squares(self):
        return [value * value for value in range(self.number % 7)]

    @property
    def double(self):
        return self.number * 2

    @double.setter
    def double(self, value):
        self.number = value // 2

    @double.deleter
    def double(self):
        self.number = 0

    @staticmethod
    def fixed(one, two=("default",)):
        return one, two

    @classmethod
    def made(cls, number=10**20):
        return cls(number)


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


class OfError(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.more = list(args)


class PythonSize:
    """Has a `__sizeof__` of its own; says if it was called."""

    called = []

    def __sizeof__(self):
        self.called.append(1)
        return 1 << 20


class Meta(type):
    def __new__(mcls, name, bases, space):
        made = super().__new__(mcls, name, bases, space)
        made.registered = [name]
        return made


class WithMeta(metaclass=Meta):
    pass


class Generic(typing.Generic[typing.TypeVar("Item")]):
    field: typing.Optional[int] = None


@dataclasses.dataclass
class Data:
    number: int
    items: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenData:
    number: int
    items: tuple = ()


Point = collections.namedtuple("Point", "x y payload")


class TypedPoint(typing.NamedTuple):
    x: int
    payload: object = None


class Colour(enum.Enum):
    RED = [1]
    GREEN = ("g",)


class Permission(enum.Flag):
    READ = 1
    WRITE = 2


class CPoint(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("next", ctypes.c_void_p), ("any", ctypes.py_object)]


class CUnion(ctypes.Union):
    _fields_ = [("number", ctypes.c_double), ("point", CPoint)]


class Zone(datetime.tzinfo):
    def __init__(self, hours):
        self.hours = hours
        self.payload = ["zone", hours]

    def utcoffset(self, when):
        return datetime.timedelta(hours=self.hours)

    def dst(self, when):
        return datetime.timedelta(0)


CONTEXT_VARIABLE = contextvars.ContextVar("corpus_variable", default=["the default"])


def instances(count):
    kept = []
    for number in range(count):
        kept += [Plain(number), Shape(number), Slotted(number), SlottedBelow(number), WithMeta(), Generic()]
        cached = Cached(number)
        cached.squares  # noqa: B018 (fills the cache)
        kept += [cached, cached.made, Cached.fixed, cached.__init__, Data(number, [number]), FrozenData(number)]
        kept += [Point(number, -number, [number]), TypedPoint(number, {number: number})]
        kept += [OfList([number, [number]]), OfDict({"one": number, number: [1]}), OfTuple((number, []))]
        kept += [OfInt(number), OfInt(10**30 + number), OfStr("of-%d" % number), OfBytes(b"of-%d" % number)]
        kept += [OfSet([number, "s%d" % number]), OfDeque([number, []]), OfError(number, [number])]
        for value in kept[-8:]:
            if number % 2 and hasattr(value, "__dict__"):
                value.attribute = ["kept by", number]
        seen = Plain(number)
        vars(seen)  # Its dict is made.
        vars(seen)["extra"] = [number]
        kept.append(seen)
    kept.append(PythonSize())
    return kept


def containers(count):
    kept = []
    for number in range(count):
        kept += [
            {"text": [number], number: "n", (number, "t"): {}, None: None, 1.5: 2.5, b"b": b"c"},
            {str(place): [place] for place in range(number % 300)},
            {place: (place, []) for place in range(number % 70)},
            list(range(number % 500)),
            tuple([[] for _ in range(number % 20)]),
            {("e", place) for place in range(number % 40)},
            frozenset(map(str, range(number % 30))),
            collections.OrderedDict((str(place), [place]) for place in range(number % 9)),
            collections.defaultdict(list, {"d": [number]}),
            collections.Counter("abracadabra"),
            collections.ChainMap({"a": number}, {"b": []}),
            types.MappingProxyType({"m": [number]}),
            types.SimpleNamespace(a=[number], b=number),
            array.array("d", [number] * 3),
            bytearray(b"bytes %d" % number),
            memoryview(bytearray(b"seen %d" % number)),
            range(number, 10**12 + number, 3),
            slice([number], (number,), None),
            complex(number, 1),
            number + 0.25,
            10 ** (number % 60),
            decimal.Decimal(number) / 7,
            fractions.Fraction(number + 1, 7),
            iter([number]),
            iter({number: []}.items()),
            enumerate([number]),
            zip([number], (number,)),
            map(str, [number]),
            filter(None, [number]),
            reversed([number]),
            itertools.chain([number], (number,)),
            itertools.count(10**20 + number),
            itertools.cycle([number]),
            itertools.groupby([number], str),
            itertools.islice([number, 1], 1),
            itertools.product([number], "ab"),
            itertools.tee([number, []])[0],
            itertools.repeat([number]),
            io.BytesIO(b"io %d" % number),
            io.StringIO("io %d" % number),
            struct.Struct("<%di" % (number % 9 + 1)),
            operator.attrgetter("a.b", "c"),
            operator.itemgetter(number, "k"),
            operator.methodcaller("m", number, k=[number]),
            re.compile("(?P<group>a%d)" % number),
            re.compile("(b+)").match("bbb%d" % number),
        ]
        filled = collections.deque(([place] for place in range(number % 200)), maxlen=150)
        filled.rotate(number % 13)
        emptied = {place: [place] for place in range(40)}
        for place in range(0, 40, 3):
            del emptied[place]
        shrunk = set(range(60))
        for place in range(0, 60, 7):
            shrunk.discard(place)
        cycle = [number]
        cycle.append(cycle)
        kept += [filled, emptied, shrunk, cycle, emptied.keys(), emptied.values(), emptied.items()]
    return kept


def functions(count):
    kept = []

    def defaulted(first, second=["mutable"], *args, third={"kw": 1}, fourth=10**25, **more) -> "said":  # noqa: B006,F821
        "A function with everything."
        return first, second, third, fourth

    defaulted.attribute = ["of a function"]
    for number in range(count):
        inner, other = [number], {"n": number}

        def closure(one, two=(number, []), *, three=None, inner=inner):
            nonlocal other
            other = other or number
            return lambda: (one, other, inner)

        kept += [closure, closure(number), lambda inner=inner: inner]
        kept += [
            functools.partial(defaulted, number, [number], fourth={"k": number}),
            functools.partialmethod(defaulted, number),
            functools.lru_cache(maxsize=4)(closure),
            functools.lru_cache(maxsize=None)(closure),
            property(closure, defaulted, closure, "text %d" % number),
            staticmethod(closure),
            classmethod(closure),
            functools.wraps(closure)(lambda: None),
            contextlib.contextmanager(closure),
            types.MethodType(closure, inner),
            [].append,
            functools.singledispatch(closure),
            types.CellType([number]),
            types.CellType(),
        ]
        for place in range(6):
            kept[-11](place) if place else None
    cached = functools.lru_cache(maxsize=50)(lambda key: [key])
    for number in range(80):
        cached(number)
    return [*kept, cached, defaulted]


def weak(count):
    targets = [Plain(number) for number in range(count)]
    kept = [targets]
    for target in targets:
        kept += [
            weakref.ref(target),
            weakref.ref(target, lambda _, items=[target.number]: items),  # noqa: B006
            weakref.proxy(target),
            weakref.proxy(target, print),
            weakref.WeakMethod(target.__init__),
        ]
        weakref.finalize(target, print, [target.number]).atexit = False
    kept += [weakref.WeakSet(targets), weakref.WeakValueDictionary({1: targets[0]})]
    kept.append(weakref.WeakKeyDictionary({target: [target.number] for target in targets}))
    return kept


def failing(depth, payload):
    local = [depth, payload]
    if depth:
        failing(depth - 1, local)
    raise OfError("a text", local)


def errors(count):
    kept = []
    for number in range(count):
        try:
            try:
                failing(number % 5, {"payload": number})
            except OfError as error:
                raise ValueError("wrapped", number) from error
        except ValueError as error:
            kept.append(error)
        try:
            try:
                {}[number]
            except KeyError:
                "".missing  # noqa: B018 (read to raise)
        except AttributeError as error:
            kept.append(error)
        kept += [
            OSError(2, "text", "file-%d" % number, None, "other-%d" % number),
            ImportError("text", name="m%d" % number, path="p"),
            SyntaxError("text", ("file", 1, 2, "source %d" % number)),
            UnicodeDecodeError("utf-8", b"x%d" % number, 0, 1, "why"),
            UnicodeEncodeError("ascii", "x%d" % number, 0, 1, "why"),
            StopIteration([number]),
            SystemExit([number]),
            NameError("text", name="n"),
        ]
        try:
            compile("a b c", "file", "exec")
        except SyntaxError as error:
            kept.append(error)
        if sys.version_info >= (3, 11):
            group = ExceptionGroup("many", [ValueError(number), OfError([number])])  # noqa: F821
            group.add_note("a note %d" % number)
            kept.append(group)
    return kept


def counting(limit, payload):
    """A generator that stands in a loop with locals."""
    text = "local %s" % limit
    for number in range(limit):
        held = [number, text]
        yield held, payload


def delegating(limit):
    outer = {"delegates": limit}
    yield from counting(limit, outer)


async def ticking(limit):
    for number in range(limit):
        kept = [number]
        yield kept


async def sleeping(future, payload):
    held_here = [payload]
    return await future, held_here


async def around(future, payload):
    level = {"level": payload}
    return await sleeping(future, level)


class Later:
    """An awaitable written in Python."""

    def __await__(self):
        held = [self]
        yield held


async def awaiting(later):
    return await later


def suspended(count):
    kept = []
    for number in range(count):
        generator = counting(5, [number])
        next(generator)
        delegate = delegating(4)
        next(delegate)
        done = counting(0, None)
        list(done)
        coroutine = awaiting(Later())
        coroutine.send(None)
        asynchronous = ticking(3)
        with contextlib.suppress(StopIteration):
            asynchronous.__anext__().send(None)
        fresh = counting(2, number)
        expression = (value for value in [number, [number]])
        next(expression)
        kept += [generator, delegate, done, coroutine, asynchronous, fresh, expression]
        kept.append(ticking(2).__aiter__())
    return kept


def times(count):
    zones = [
        datetime.timezone.utc,
        datetime.timezone(datetime.timedelta(hours=2), "named"),
        Zone(3),
        None,
    ]
    with contextlib.suppress(Exception):
        import zoneinfo

        zones += [zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("UTC")]
    kept = [zones]
    for number in range(count):
        for zone in zones:
            kept.append(datetime.datetime(2000 + number % 30, 1, 2, 3, tzinfo=zone))
            kept.append(datetime.time(number % 24, tzinfo=zone))
        kept += [datetime.date(2000 + number % 30, 1, 2), datetime.timedelta(number)]
        kept.append(datetime.timezone(datetime.timedelta(minutes=number % 600), "zone-%d" % number))
    return kept


def foreign(count):
    """ctypes, mmap, memoryviews."""
    kept = []
    for number in range(count):
        point = CPoint(number, None, [number])
        kept += [point, CUnion(), ctypes.pointer(point), (ctypes.c_int * 4)(1, 2), ctypes.c_char_p(b"text")]
        kept += [ctypes.create_string_buffer(b"buffer"), ctypes.CFUNCTYPE(ctypes.c_int)(lambda n=number: n)]
        kept += [ctypes.py_object([number]), ctypes.byref(point), CUnion().point]
        kept.append(memoryview(array.array("i", [1, 2, 3]))[1:])
    kept += [mmap.mmap(-1, 4096), ctypes.CDLL(None).strlen]
    kept.append(memoryview(kept[-2]))
    file = tempfile.TemporaryFile()  # noqa: SIM115
    kept += [file, io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"text")))]
    return kept


def contexts():
    kept = []
    for number in range(20):
        context = contextvars.copy_context()
        token = context.run(CONTEXT_VARIABLE.set, ["set", number])
        kept += [context, token]
    CONTEXT_VARIABLE.set({"of": "the main thread"})
    return [*kept, CONTEXT_VARIABLE]


def fill_with_modules():
    """Objects that the modules of the standard library make."""
    import argparse
    import ast
    import configparser
    import csv
    import email.message
    import graphlib
    import hashlib
    import hmac
    import html.parser
    import inspect
    import json
    import logging
    import pathlib
    import pickle
    import queue
    import random
    import sched
    import selectors
    import sqlite3
    import ssl
    import string
    import textwrap
    import unittest.mock
    import uuid
    import xml.etree.ElementTree
    import zlib

    connection = sqlite3.connect(":memory:")
    connection.create_function("double", 1, lambda value: value * 2)
    connection.row_factory = sqlite3.Row
    connection.execute("create table t (a, b)")
    connection.executemany("insert into t values (?, ?)", [(number, str(number)) for number in range(50)])
    cursor = connection.execute("select * from t")
    kept = [connection, cursor, cursor.fetchone(), cursor.fetchall()]
    parser = argparse.ArgumentParser("corpus")
    parser.add_argument("--option", type=int, choices=[1, 2])
    tree = xml.etree.ElementTree.fromstring("<a k='v'><b>text</b><c/>tail</a>")
    tree.attrib["kept"] = "element"
    inquiry = configparser.ConfigParser()
    inquiry.read_string("[a]\nb=c\n")
    waiting = queue.PriorityQueue()
    waiting.put((1, ["first"]))
    simple = queue.SimpleQueue()
    simple.put(["simple"])
    logger = logging.getLogger("corpus")
    logger.addHandler(logging.NullHandler())
    message = email.message.EmailMessage()
    message["subject"] = "text"
    message.set_content("text")
    digest = hashlib.sha256(b"x")
    kept += [parser, tree, list(tree), inquiry, waiting, simple, logger, message, digest]
    kept += [hmac.new(b"k", b"m", "sha256"), zlib.compressobj(), zlib.decompressobj(), random.Random(3)]
    kept += [ast.parse("def f(a, b=1): return [a for a in b if a]"), inspect.signature(parser.parse_args)]
    kept += [pathlib.Path("/a/b/c.txt"), pathlib.Path("x").joinpath("y"), uuid.UUID(int=5), string.Template("$a")]
    kept += [csv.reader(["a,b"]), csv.writer(io.StringIO()), json.JSONDecoder(), json.JSONEncoder()]
    kept += [pickle.Pickler(io.BytesIO()), pickle.Unpickler(io.BytesIO()), sched.scheduler()]
    kept += [unittest.mock.MagicMock(name="mock"), textwrap.TextWrapper(), html.parser.HTMLParser()]
    kept += [ssl.create_default_context(), graphlib.TopologicalSorter({1: [2]}), selectors.DefaultSelector()]
    kept += [decimal.Context(prec=5), decimal.getcontext(), socket.socket(), re.Scanner([("a", None)])]
    return kept


class Blocked:
    """Threads that stand still with locals, until they are let go."""

    def __init__(self, count):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.standing = threading.Semaphore(0)
        self.threads = [
            threading.Thread(target=self.outer, args=(number,), name="blocked-%d" % number, daemon=True)
            for number in range(count)
        ]
        for thread in self.threads:
            thread.start()
        for _ in self.threads:
            self.standing.acquire()

    def outer(self, number):
        held_outside = {"thread": number}
        local = threading.local()
        local.value = [number]
        try:
            raise OfError("being handled", number)
        except OfError:
            return self.inner([held_outside, local], key=number)

    def inner(self, payload, **more):
        held_inside = [payload, more]
        generator = counting(3, held_inside)
        for item in generator:
            self.standing.release()
            with self.lock:
                return item

    def end(self):
        self.lock.release()
        for thread in self.threads:
            thread.join()


def nothing(*_):
    """A callback."""


class Served:
    """An asyncio server with clients, in a thread, all waiting for something."""

    def __init__(self, clients):
        self.clients = clients
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, name="event loop", daemon=True)
        self.thread.start()
        if not self.ready.wait(30):
            raise RuntimeError("the server did not come up in 30 seconds")

    def run(self):
        asyncio.run(self.main())

    async def handle(self, reader, writer):
        session = {"peer": writer.get_extra_info("peername"), "lines": []}
        while True:
            line = await reader.readline()
            if not line:
                break
            session["lines"].append(line)
            writer.write(line)
            await writer.drain()
        writer.close()

    async def client(self, number, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"hello %d\n" % number)
            answer = await reader.readline()
            waited_for = [number, answer]
            await asyncio.shield(self.never)
            return waited_for
        finally:
            writer.close()

    async def main(self):
        self.loop = asyncio.get_running_loop()
        self.stop = asyncio.Event()
        self.never = self.loop.create_future()
        self.failed = self.loop.create_future()
        self.failed.set_exception(OfError("in a future"))
        self.failed.exception()
        self.queue = asyncio.Queue()
        self.lock = asyncio.Lock()
        await self.lock.acquire()
        self.condition = asyncio.Condition()
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        coroutines = [self.client(number, port) for number in range(self.clients)]
        for number in range(20):
            coroutines += [around(self.never, number), self.locked(number), self.taking([number])]
            coroutines += [self.gathering(number), self.iterating(number), self.conditional(number)]
            coroutines += [self.timed(number), asyncio.sleep(10**6, [number])]
        self.tasks = [asyncio.ensure_future(one) for one in coroutines]
        self.tasks[0].add_done_callback(functools.partial(nothing, ["callback"]))
        self.done = [asyncio.ensure_future(self.returning(number)) for number in range(20)]
        for task in self.done:
            task.add_done_callback(lambda _: None)
        await asyncio.wait(self.done)
        self.executor = self.loop.run_in_executor(None, self.ready.wait)
        self.loop.call_later(10**6, print, ["later"])
        await asyncio.sleep(0.3)
        self.loop.call_later(0.2, self.ready.set)
        await self.stop.wait()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0.1)
        server.close()

    async def returning(self, number):
        if number % 2:
            return [number]
        with contextlib.suppress(OfError):
            await self.failed
        return {"number": number}

    async def locked(self, number):
        waits = ["for a lock", number]
        async with self.lock:
            return waits

    async def taking(self, waits):
        return await self.queue.get(), waits

    async def gathering(self, number):
        return await asyncio.gather(*[around(self.never, (number, place)) for place in range(3)])

    async def iterating(self, number):
        async for item in self.items(number):
            held = [item]
            await asyncio.shield(self.never)
        return held

    async def items(self, number):
        for place in range(number + 1):
            kept = {"item": place}
            yield kept
            await asyncio.sleep(0)

    async def conditional(self, number):
        async with self.condition:
            await self.condition.wait()
        return number

    async def timed(self, number):
        return await asyncio.wait_for(around(self.never, number), 10**6)

    def end(self):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(30)


def with_numpy(count):
    import numpy

    record = numpy.dtype([("number", "i4"), ("any", object), ("inner", [("more", object), ("x", "f8")])])
    kept = [record, numpy.dtype("f8"), numpy.dtype(("i4", (2, 3))), numpy.random.default_rng(3)]
    for number in range(count):
        structured = numpy.zeros(4, record)
        structured["any"] = [[number], None, "text", {"k": number}]
        structured["inner"]["more"][2] = ("inner", number)
        objects = numpy.array([[number], None, "text", {"k": number}, number], dtype=object)
        grid = numpy.empty((3, 4), object)
        grid[1, 2] = ["grid", number]
        owned = numpy.arange(24.0).reshape(2, 3, 4)
        kept += [structured, objects, grid, grid.T, grid[::2, 1:], structured["inner"], structured["any"][1:]]
        kept += [owned, owned[0], owned.T[1:], numpy.frombuffer(bytearray(16), "i4"), numpy.float64(number)]
        kept += [structured[1], owned.flat, numpy.array("scalar", dtype=object), objects[::-1]]
        kept += [numpy.ma.masked_array([1, 2], [True, False]), numpy.datetime64("2020-01-01")]
        kept.append(numpy.array(["text", "more"]))
    kept += [numpy.vectorize(str), numpy.frompyfunc(lambda a, b=[1]: a, 1, 1), numpy.nditer(numpy.arange(3))]  # noqa: B006
    kept.append(numpy.array([], dtype=object))
    return kept


def with_pandas(count):
    import pandas

    with contextlib.suppress(ImportError):
        import pyarrow.vendored.version  # noqa: F401 (some look for it late, while the checker looks)

    kept = []
    for number in range(count):
        frame = pandas.DataFrame(
            {
                "number": range(20),
                "text": ["t%d" % place for place in range(20)],
                "any": [[place] for place in range(20)],
                "category": pandas.Categorical(["a", "b"] * 10),
                "when": pandas.date_range("2020-01-01", periods=20, tz="UTC"),
            }
        )
        frame["mixed"] = pandas.Series([number, "text", None, 1.5] * 5, dtype=object)
        kept += [frame, frame.groupby("category", observed=True), frame["any"], frame.iloc[2:5]]
        kept += [frame.set_index("text"), pandas.MultiIndex.from_product([["a", "b"], [1, 2]])]
        kept += [pandas.Timestamp("2020-01-01", tz="Europe/Berlin"), pandas.Interval(1, 2), pandas.NaT]
    return kept


def with_django(count):
    import django
    from django.conf import settings

    urls = types.ModuleType("corpus_urls")
    sys.modules["corpus_urls"] = urls
    settings.configure(
        DEBUG=True,
        SECRET_KEY="not a secret",
        ROOT_URLCONF="corpus_urls",
        USE_TZ=True,
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )
    django.setup()
    from django import forms
    from django.contrib import admin
    from django.core.management import call_command
    from django.db import connection, models
    from django.test import Client
    from django.urls import path, reverse

    class Author(models.Model):
        name = models.CharField(max_length=50)

        class Meta:
            app_label = "corpus"

    class Book(models.Model):
        title = models.CharField(max_length=50)
        author = models.ForeignKey(Author, models.CASCADE)

        class Meta:
            app_label = "corpus"

    class BookAdmin(admin.ModelAdmin):
        list_display = ("title", "author")

    class BookForm(forms.ModelForm):
        class Meta:
            model = Book
            fields = ("title", "author")

    admin.site.register(Author)
    admin.site.register(Book, BookAdmin)
    admin.autodiscover()
    urls.urlpatterns = [path("admin/", admin.site.urls)]
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    author = Author.objects.create(name="somebody")
    for number in range(count):
        Book.objects.create(title="title %d" % number, author=author)
    client = Client()
    answer = client.get(reverse("admin:login"))
    books = list(Book.objects.select_related("author"))
    return [author, books, Book.objects.filter(title="x"), client, answer, BookForm(instance=books[0])]


def with_sqlalchemy(count):
    import sqlalchemy
    from sqlalchemy import orm
    from sqlalchemy.pool import StaticPool

    Base = orm.declarative_base()

    class User(Base):
        __tablename__ = "users"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        name = sqlalchemy.Column(sqlalchemy.String(50))
        addresses = orm.relationship("Address", back_populates="user")

    class Address(Base):
        __tablename__ = "addresses"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        user_id = sqlalchemy.Column(sqlalchemy.ForeignKey("users.id"))
        user = orm.relationship(User, back_populates="addresses")

    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    session = orm.Session(engine)
    for number in range(count):
        session.add(User(name="user %d" % number, addresses=[Address(), Address()]))
    session.commit()
    users = session.query(User).options(orm.joinedload(User.addresses)).all()
    session.add(User(name="pending"))
    return [engine, session, users, sqlalchemy.select(User).where(User.name == "x")]


OPTIONAL = {"numpy": with_numpy, "pandas": with_pandas, "django": with_django, "sqlalchemy": with_sqlalchemy}


@dataclasses.dataclass
class Corpus:
    """All that was built, by name; and what was not, with why."""

    kept: dict = dataclasses.field(default_factory=dict)
    left_out: dict = dataclasses.field(default_factory=dict)
    absent: dict = dataclasses.field(default_factory=dict)
    standing: list = dataclasses.field(default_factory=list)

    def end(self):
        """Lets the threads go."""
        for one in self.standing:
            one.end()
        self.standing.clear()


# What was built is held by this module, as a program's own objects would be.
KEPT = []


def build(count=50, third_party=True):
    """The corpus, `count` of nearly each kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Corpus(left_out=import_everything())
        KEPT.append(made)
        parts = {
            "instances": instances,
            "containers": containers,
            "functions": functions,
            "weak": weak,
            "errors": errors,
            "suspended": suspended,
            "times": times,
            "foreign": foreign,
        }
        for name, part in parts.items():
            made.kept[name] = part(count)
        made.kept["contexts"] = contexts()
        made.kept["modules"] = fill_with_modules()
        for name, part in OPTIONAL.items() if third_party else ():
            try:
                importlib.import_module(name)
            except ImportError as error:
                made.absent[name] = str(error)
            else:
                made.kept[name] = part(count)
    made.standing.append(Blocked(5))
    made.standing.append(Served(10))
    made.kept["threads"] = made.standing
    gc.collect()
    return made


def main():
    made = build()
    print("%d objects are tracked" % len(gc.get_objects()))
    for name, why in sorted({**made.left_out, **made.absent}.items()):
        print("left out: %-40s %s" % (name, why))
    made.end()


if __name__ == "__main__":
    main()
