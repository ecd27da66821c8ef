# Objects whose insides are known, for trying each reader before it is used.
# Run once, when the module is imported; nothing of it stays.


def _function(a, /, b=("default",), *, c=("keyword",)):
    "A docstring of its own."
    return _closed


_closed = object()


def _closure():
    inside = object()

    def inner():
        return inside

    return inner


class Plain:
    def __init__(self, *values):
        for at, value in enumerate(values):
            setattr(self, f"attribute_{at}", value)


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first = first
        self.second = second


def generator(one, two):
    three = (one, two)
    yield three


async def coroutine(one):
    return one


async def asynchronous_generator(one):
    yield one


def _exception():
    try:
        try:
            raise KeyError("inner", object())
        except KeyError:
            raise ValueError("outer", object()) from IndexError("cause", object())
    except ValueError as outer:
        outer.extra = object()
        return outer


def dicts():
    shared = Plain(object(), object(), object())
    shared.__dict__
    holed = {f"key{at}": object() for at in range(20)}
    del holed["key3"], holed["key7"]
    return [
        {},
        {"a": object()},
        {1: object(), "b": object(), (2, 3): object()},
        holed,
        dict.fromkeys(range(300)),
        {f"key{at}": at for at in range(70_000)},
        shared.__dict__,
        Plain(object()).__dict__,
    ]


def sequences():
    appended = [object()]
    for _ in range(20):
        appended.append(object())
    del appended[3:5]
    return [[], appended, (), (object(),), tuple(object() for _ in range(40))]


def sets():
    holed = set(range(100, 140))
    holed -= {103, 105}
    return [set(), {1, "a", (2,)}, frozenset({"x", "y"}), holed, frozenset()]


def instances():
    "Pairs of an instance and its attributes as (name, value)."
    values = [object() for _ in range(3)]
    plain = Plain(*values)
    deleted = Plain(*values)
    del deleted.attribute_1
    many = Plain(*(object() for _ in range(40)))
    materialised = Plain(*values)
    materialised.__dict__
    empty = Plain()
    names = [f"attribute_{at}" for at in range(40)]

    def pairs(instance):
        return [(name, getattr(instance, name)) for name in names if hasattr(instance, name)]

    return [(each, pairs(each)) for each in (plain, deleted, many, materialised, empty)]


def strings():
    cached = "é" * 3 + "ü"
    str.encode(cached)
    return ["", "a", "ascii text", "é", "latin é" * 9, "Ā", "日本語", "😀 grin", "\udc80", cached]


def sized():
    "Objects of each kind whose size we compute."
    appended = [1]
    for at in range(37):
        appended.append(at)
    return [
        [], [1, 2, 3], appended, list(range(1000)), (), (1,), tuple(range(50)),
        0, 1, -1, 2**29, 2**30, 2**31, -(2**60), 2**200, 0.5, 1j, None, b"", b"abc",
        *strings(), *dicts(), *sets(), set(range(1000)), object(), Slotted(1, 2), Plain(1),
    ]


def fields():
    "Objects with the names of attributes that are words of the object."
    import functools
    import types

    function = _function
    function.__annotations__ = {"a": "annotation"}
    function.__dict__["extra"] = object()
    function.__qualname__ = "a name of its own"
    exception = _exception()
    started = generator(object(), object())
    next(started)
    suspended = coroutine(object())
    closing = asynchronous_generator(object())
    for each in (started, suspended, closing):
        each.__qualname__ = "another name of its own"
    namespace = types.SimpleNamespace(x=object())
    partial = functools.partial(function, 1, b=2)
    partial.extra = object()
    static = staticmethod(function)
    module = types.ModuleType("probed")
    out = [
        (function, ["__code__", "__globals__", "__defaults__", "__kwdefaults__", "__closure__", "__doc__",
                    "__name__", "__qualname__", "__dict__", "__module__", "__annotations__",
                    "__builtins__", "__type_params__"]),
        (_closure(), ["__closure__"]),
        (_closure().__closure__[0], ["cell_contents"]),
        (exception, ["args", "__traceback__", "__context__", "__cause__", "__dict__"]),
        (exception.__traceback__, ["tb_frame"]),
        (exception.__traceback__.tb_frame, ["f_code", "f_globals", "f_builtins", "f_back"]),
        (started, ["__name__", "__qualname__", "gi_code"]),
        (suspended, ["__name__", "__qualname__", "cr_code"]),
        (closing, ["__name__", "__qualname__", "ag_code"]),
        (module, ["__dict__"]),
        (len, ["__self__", "__module__"]),
        ([].append, ["__self__"]),
        (namespace, ["__dict__"]),
        (partial, ["__dict__", "func", "args", "keywords"]),
        (static, ["__func__", "__wrapped__", "__dict__"]),
        (classmethod(function), ["__func__", "__wrapped__", "__dict__"]),
        (property(function), ["fget", "__doc__"]),
        (types.MethodType(function, namespace), ["__func__", "__self__"]),
        (str.join, ["__objclass__", "__name__"]),
        (type.__dict__["__mro__"], ["__objclass__", "__name__"]),
        (type.__dict__["__dict__"], ["__objclass__", "__name__"]),
        (object.__dict__["__init__"], ["__objclass__", "__name__"]),
    ]
    if hasattr(started, "gi_frame") and __import__("sys").version_info < (3, 11):
        out.append((started, ["gi_frame"]))
        out.append((suspended, ["cr_frame"]))
    running = [
        (started, "f_func", generator),
        (suspended, "f_func", coroutine),
        (closing, "f_func", asynchronous_generator),
    ]
    open_coroutines.append(suspended)
    return out, running, (exception.__traceback__, "tb_next")


open_coroutines = []


def close_coroutines():
    for each in open_coroutines:
        each.close()


def called_back(reference):
    pass


def held():
    "Objects with the names of attributes that each keeps a reference to."
    import types

    class Named:
        __slots__ = ("a_slot_of_its_own",)

    def function(a):
        yield a

    started, suspended, closing = function(1), coroutine(1), asynchronous_generator(1)
    for each in (started, suspended, closing):
        each.__name__ = "a name of its own"
        each.__qualname__ = "a qualified name of its own"
    names = ["__name__", "__qualname__"]
    module = types.ModuleType("a module's name of its own")
    out = [(started, names), (suspended, names), (closing, names), (module, ["__name__"])]
    for descriptor in [
        str.join,
        type.__dict__["__mro__"],
        type.__dict__["__dict__"],
        Named.a_slot_of_its_own,
        object.__dict__["__init__"],
        dict.__dict__["fromkeys"],
    ]:
        out.append((descriptor, names))
    suspended.close()
    return out


def ended_frame():
    return _exception().__traceback__.tb_frame


def deque():
    import collections

    items = [object() for _ in range(70)]
    return collections.deque(items), items


def mapping():
    inside = {"known": object()}
    return __import__("types").MappingProxyType(inside), inside


class _Target:
    pass


class _Callable:
    def __call__(self):
        pass


def weak():
    "Referents, each with its weak references."
    import weakref

    target, callable = _Target(), _Callable()
    return [
        (target, [weakref.ref(target, called_back), weakref.proxy(target, called_back)]),
        (callable, [weakref.proxy(callable, called_back)]),
    ]


def generators():
    "A suspended generator and its locals by name."
    one, two = object(), object()
    started = generator(one, two)
    three = next(started)
    return started, [("one", one), ("two", two), ("three", three)]


def frames(native):
    "Calls `native` from frames of a known shape, at two depths."

    def inner(native, mark):
        native(0, inner.__code__, outer.__code__, mark)

    def outer(native, mark):
        inner(native, mark)

    def deeper(native, mark):
        padding = [native, mark, native, mark]
        outer(native, padding)

    outer(native, object())
    deeper(native, object())


def counted():
    "Two types, whose instances each thread counts for itself."
    return [type("First", (), {}), type("Second", (), {})]


def answering(native):
    "An object whose attribute `asked` is answered by `native`, and what asks it."

    class Asked:
        asked = property(native)

    return Asked(), Asked.__dict__["asked"]


def stacks():
    "Suspended generators, one with nothing on its stack and one with something."

    def none(one):
        yield one

    def some(one, two):
        for one in [two]:
            for two in [one]:
                yield one

    found = []
    for generator in none(1), some(1, 2):
        next(generator)
        found.append(generator)
    return found


def streams():
    "Instances of BytesIO: without a buffer of their own, with one, and with one that is shared."
    from io import BytesIO

    written, read, shared = BytesIO(), BytesIO(b"read"), BytesIO()
    written.write(b"written" * 30)
    shared.write(b"shared" * 30)
    shared.getvalue()
    return [BytesIO(), written, read, shared]
