"""What Python itself says an object refers to, and by what name.

`claims(obj)` gives what must be recorded, `also(obj, kind, text)` what may be. Both look at an object
through the descriptors of C types only, so that no Python code of the object runs: no `__getattr__`,
no `__class__`, no `__iter__`, no `__eq__`. They may make objects (an instance's `__dict__`, frames), so
they are for after the snapshot.
"""

import builtins
import collections
import contextvars
import ctypes
import datetime
import functools
import gc
import sys
import sysconfig
import types
import weakref

ABSENT = object()
_MRO = type.__dict__["__mro__"].__get__
_DICT = type.__dict__["__dict__"].__get__
FLAGS = type.__dict__["__flags__"].__get__
MEMBER = types.MemberDescriptorType
GETSET = types.GetSetDescriptorType
HEAP_TYPE = 1 << 9
WORD = ctypes.sizeof(ctypes.c_void_p)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
HEADER = object.__basicsize__


def mro(kind):
    """A type's bases, whatever its metaclass says."""
    return _MRO(kind) or (kind,)


def is_a(obj, base):
    """`isinstance` by the real type."""
    return base in mro(type(obj))


def full_name(kind):
    """`module.qualname`, or the name alone for builtins."""
    module = _DICT(kind).get("__module__")
    if type(module) is not str:
        module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    return name if module in (None, "builtins") or type(module) is not str else module + "." + name


def inherited(kind, name):
    """What a lookup of `name` on an instance's type would find."""
    for base in mro(kind):
        found = _DICT(base).get(name, ABSENT)
        if found is not ABSENT:
            return found
    return ABSENT


def raw(obj, name):
    """The value of a field that C code knows, or `ABSENT`."""
    found = inherited(type(obj), name)
    if type(found) not in (MEMBER, GETSET):
        return ABSENT
    try:
        return type(found).__get__(found, obj, type(obj))
    except Exception:
        return ABSENT


def dict_of(obj):
    """An instance's `__dict__`, made if need be, or None."""
    for base in mro(type(obj)):
        found = _DICT(base).get("__dict__", ABSENT)
        if type(found) in (GETSET, MEMBER):
            try:
                made = type(found).__get__(found, obj, type(obj))
            except Exception:
                return None
            return made if type(made) is dict else None
    if type(obj).__dictoffset__:
        made = ctypes.pythonapi.PyObject_GenericGetDict(obj, None)
        return made if type(made) is dict else None
    return None


def slots_of(kind):
    """(name, descriptor) of the `__slots__` of Python classes along the bases."""
    for base in mro(kind):
        if base.__flags__ & HEAP_TYPE and "__slots__" in _DICT(base):
            for name, found in _DICT(base).items():
                if type(found) is MEMBER:
                    yield name, found


# Fields that hold exactly what their descriptor gives; None may stand for nothing.
FIELDS = {
    types.FunctionType: (
        "__code__ __globals__ __builtins__ __name__ __qualname__ __defaults__ __kwdefaults__"
        " __closure__ __doc__ __module__"
    ),
    types.MethodType: "__func__ __self__",
    types.BuiltinFunctionType: "__self__ __module__",
    property: "fget fset fdel __doc__",
    staticmethod: "__func__",
    classmethod: "__func__",
    types.TracebackType: "tb_frame tb_next",
    types.CodeType: "co_consts co_names co_filename co_name co_qualname co_linetable co_exceptiontable",
    type: "__mro__ __bases__ __base__",
    BaseException: "__traceback__ __cause__ __context__ args",
    OSError: "errno strerror filename filename2",
    ImportError: "msg name path name_from",
    NameError: "name",
    AttributeError: "name obj",
    SyntaxError: "msg filename lineno offset text end_lineno end_offset print_file_and_line",
    UnicodeDecodeError: "encoding object reason",
    UnicodeEncodeError: "encoding object reason",
    UnicodeTranslateError: "object reason",
    StopIteration: "value",
    SystemExit: "code",
    range: "start stop step",
    slice: "start stop step",
    datetime.datetime: "tzinfo",
    datetime.time: "tzinfo",
    weakref.ref: "__callback__",
    types.GeneratorType: "gi_code gi_frame __name__ __qualname__",
    types.CoroutineType: "cr_code cr_frame cr_origin __name__ __qualname__",
    types.AsyncGeneratorType: "ag_code ag_frame __name__ __qualname__",
    types.FrameType: "f_trace",
    types.MethodDescriptorType: "__objclass__ __name__ __qualname__",
    types.WrapperDescriptorType: "__objclass__ __name__ __qualname__",
    types.ClassMethodDescriptorType: "__objclass__ __name__ __qualname__",
    GETSET: "__objclass__ __name__ __qualname__",
    MEMBER: "__objclass__ __name__ __qualname__",
    types.MethodWrapperType: "__self__",
    types.GenericAlias: "__origin__ __args__",
    functools.partial: "func args keywords",
    collections.defaultdict: "default_factory",
    contextvars.Token: "var old_value",
    super: "__thisclass__ __self__ __self_class__",
}
if hasattr(types, "UnionType"):
    FIELDS[types.UnionType] = "__args__"
if sys.version_info >= (3, 11):
    FIELDS[BaseExceptionGroup] = "message exceptions"  # noqa: F821
if sys.version_info >= (3, 12):
    FIELDS[types.FunctionType] += " __type_params__"


def learn():
    """Fields of types in modules that need not be there; after the corpus was built."""
    asynchronous, numpy = sys.modules.get("_asyncio"), sys.modules.get("numpy")
    if asynchronous is not None:
        future = ["_loop", "_result", "_exception", "_source_traceback", "_cancel_message"]
        FIELDS[asynchronous.Future] = future
        FIELDS[asynchronous.Task] = [*future, "_coro", "_fut_waiter"]
    if numpy is not None:
        FIELDS[numpy.ndarray] = FIELDS[numpy.void] = ["base", "dtype"]
        FIELDS[numpy.dtype] = ["names", "metadata"]
        OF[numpy.ndarray], OF[numpy.dtype] = of_array, of_dtype


FIELDS = {kind: names.split() for kind, names in FIELDS.items()}

# Fields that must have their name; others of C code may have none.
NAMED = set(
    "__dict__ __class__ __bases__ __mro__ __closure__ __defaults__ __kwdefaults__ __traceback__ __context__"
    " __cause__ __callback__ args func keywords fget fset fdel cell_contents tb_frame tb_next __func__"
    " __self__ __code__ __globals__ _loop _callbacks _exception _result _coro _fut_waiter default_factory"
    " cr_await gi_yieldfrom ag_await __wrapped__".split()
)

# Names of the items of tuples by address, and whether it must be they; `check.labels` fills it.
NAMED_TUPLES = {}

# What a getter gives for nothing.
NOT_SET = contextvars.Token.MISSING

# What a getter may make when it is asked: no edge to such an object can be asked for.
MADE_WHEN_ASKED = {"__qualname__", "__doc__", "__annotations__", "__dict__", "__self__", "__module__"}

# What a getter makes anew, or would run code for.
NOT_ASKED = {"gi_frame", "cr_frame", "ag_frame", "f_back", "__annotations__", "__annotate__"}


ctypes.pythonapi.PyObject_GenericGetDict.argtypes = [ctypes.py_object, ctypes.c_void_p]
ctypes.pythonapi.PyObject_GenericGetDict.restype = ctypes.py_object


def word(address):
    return ctypes.c_void_p.from_address(address).value


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


def fields(obj):
    seen = set()
    for base in mro(type(obj)):
        for name in FIELDS.get(base, ()):
            if name not in seen:
                seen.add(name)
                value = raw(obj, name)
                if value is ABSENT or value is None or value is NOT_SET:
                    continue
                if name != "__type_params__" or value:
                    yield "slot", name, value
    if type(obj) in weakref.ProxyTypes:
        for callback in gc.get_referents(obj):
            yield "slot", "__callback__", callback
    if is_a(obj, datetime.timezone):
        for name, value in zip(("_offset", "_name"), datetime.timezone.__getinitargs__(obj), strict=False):
            yield "slot", name, value
    decimal = sys.modules.get("_decimal")
    if decimal is not None and type(obj) is decimal.Context:
        yield "slot", "traps", obj.traps
        yield "slot", "flags", obj.flags


def key_text(key):
    """How a str key is to be shown."""
    return str.__str__(key) if type(key) is str else None


def other_key_text(key):
    """How any other key is to be shown, where that is plain; else None."""
    if key is None or type(key) in (bool, float):
        return repr(key)
    if type(key) is int and -(1 << 63) <= key < 1 << 63:
        return repr(key)
    if type(key) is tuple and 1 <= len(key) <= 3:
        simple = all(type(one) is int and abs(one) < 1 << 62 for one in key)
        simple = simple or all(type(one) is str and one.isidentifier() and len(one) < 12 for one in key)
        return repr(key) if simple else None
    return None


def of_dict(obj):
    shared = word(id(obj) + HEADER + 3 * WORD)  # Values apart from the keys, which belong to the type.
    for key, value in dict.items(obj):
        if not shared:
            yield "keyobject", "", key
        if type(key) is str:
            yield "key", key, value
        elif is_a(key, str):
            yield "strkey", str.__str__(key), value
        else:
            yield "otherkey", other_key_text(key), value


def of_frozen_dict(obj):
    items = frozendict.items(obj)  # noqa: F821 (3.15 and later)
    for key, value in items:
        yield "keyobject", "", key
        yield ("key", key, value) if type(key) is str else ("otherkey", other_key_text(key), value)


def of_list(obj):
    for index in range(list.__len__(obj)):
        yield "index", str(index), list.__getitem__(obj, index)


def of_tuple(obj):
    possible, alone = NAMED_TUPLES.get(id(obj), ((), False))
    for index in range(tuple.__len__(obj)):
        names = [one[index] for one in possible if index < len(one)]
        if not names:
            yield "index", str(index), tuple.__getitem__(obj, index)
        elif alone:
            yield "local", names[0], tuple.__getitem__(obj, index)
        else:
            yield "item", (*names, str(index)), tuple.__getitem__(obj, index)


def of_deque(obj):
    for index, value in enumerate(collections.deque.__iter__(obj)):
        yield "index", str(index), value


def of_set(obj):
    for value in set.__iter__(obj):
        yield "element", "", value


def of_frozenset(obj):
    for value in frozenset.__iter__(obj):
        yield "element", "", value


def of_cell(obj):
    value = raw(obj, "cell_contents")
    if value is not ABSENT:
        yield "slot", "cell_contents", value


def of_type(obj):
    space = gc.get_referents(_DICT(obj))
    if space:
        yield "slot", "__dict__", space[0]
    if obj.__flags__ & HEAP_TYPE:
        yield "slot", "__name__", type.__dict__["__name__"].__get__(obj)
        yield "slot", "__qualname__", type.__dict__["__qualname__"].__get__(obj)


def of_code(obj):
    """Fields of code objects that no attribute shows lie before the file name (3.11 and later)."""
    if sys.version_info < (3, 11):
        for name in ("co_varnames", "co_freevars", "co_cellvars", "co_code"):
            yield "slot", name, raw(obj, name)
        return
    name = id(obj.co_filename)
    for place in range(4, 20):
        if word(id(obj) + place * WORD) == name:
            yield "slot", "co_localsplusnames", object_at(word(id(obj) + (place - 2) * WORD))
            yield "slot", "co_localspluskinds", object_at(word(id(obj) + (place - 1) * WORD))
            return


def of_module(obj):
    yield "slot", "__dict__", raw(obj, "__dict__")


def of_frame_locals(frame):
    """(name, value) of the locals, by the frame's own words."""
    try:
        return list(dict(frame.f_locals).items())
    except Exception:
        return []


def of_generator(prefix):
    def claims_of(obj):
        if raw(obj, prefix + "_running"):
            return  # Its frame belongs to a thread.
        if sys.version_info < (3, 11):
            return  # Its frame is an object of its own.
        frame = raw(obj, prefix + "_frame")
        if type(frame) is types.FrameType:
            for name, value in of_frame_locals(frame):
                yield "local", name, value

    return claims_of


def of_frame(obj):
    code = raw(obj, "f_code")
    if not any(one is code for one in gc.get_referents(obj)):
        return  # It runs: a thread has its locals.
    yield "slot", "f_code", code
    for name, value in of_frame_locals(obj):
        if code.co_flags & 2:  # Optimized: locals are not kept in a dict.
            yield "local", name, value


def of_array(obj):
    numpy = sys.modules["numpy"]
    if not numpy.ndarray.dtype.__get__(obj).hasobject:
        return
    if numpy.ndarray.base.__get__(obj) is not None:
        return  # A view: its base has the elements.
    columns = list(object_columns(numpy.asarray(obj)))
    plain = all(len(column) == len(columns[0]) for column in columns)
    for number, column in enumerate(columns):
        for index, value in enumerate(column):
            text = str(index * len(columns) + number) if plain else None
            yield "element of an array", text, value


def object_columns(array):
    """The objects of an array as lists: one, or one for each field that is an object."""
    if array.dtype.names:
        for name in array.dtype.names:
            if array.dtype[name].hasobject:
                yield from object_columns(array[name])
    elif array.dtype.hasobject:
        yield list(array.flat)


def of_dtype(obj):
    for name in ("fields", "metadata"):
        shown = raw(obj, name)
        if shown is not None:
            yield "slot", name, gc.get_referents(shown)[0]


OF = {
    dict: of_dict,
    list: of_list,
    tuple: of_tuple,
    collections.deque: of_deque,
    set: of_set,
    frozenset: of_frozenset,
    types.CellType: of_cell,
    type: of_type,
    types.CodeType: of_code,
    types.ModuleType: of_module,
    types.GeneratorType: of_generator("gi"),
    types.CoroutineType: of_generator("cr"),
    types.AsyncGeneratorType: of_generator("ag"),
    types.FrameType: of_frame,
}


if hasattr(builtins, "frozendict"):
    OF[builtins.frozendict] = of_frozen_dict


def claims(obj, dict_was_made):
    """(kind, text, referent) that a snapshot must have.

    `dict_was_made(address)` tells whether the snapshot has an object's `__dict__` as an edge; if not, its
    items must be there as attributes.
    """
    kind = type(obj)
    yield from fields(obj)
    for base in mro(kind):
        reader = OF.get(base)
        if reader:
            yield from reader(obj)
    for name, found in slots_of(kind):
        try:
            yield "member", name, type(found).__get__(found, obj, kind)
        except AttributeError:
            pass
    if kind.__flags__ & HEAP_TYPE:
        yield "slot", "__class__", kind
    if type not in mro(kind) and types.ModuleType not in mro(kind):
        own = dict_of(obj)
        if own is not None:
            if dict_was_made(id(own)):
                yield "slot", "__dict__", own
            else:
                for name, value in dict.items(own):
                    yield "attribute", name, value


def also(obj, kind, text, value):
    """Whether an edge of this label may lead to a value, by what Python says."""
    if kind == "keyobject" and is_a(obj, type):
        return type(value) is str  # Names that the instances' dicts share.
    if kind == "local":
        return type(value) is types.CellType or text.startswith(".") or text in INNER_LOCALS
    if kind == "stack":
        return any(one is value for one in gc.get_referents(obj))
    if kind != "slot":
        return False
    asynchronous = sys.modules.get("_asyncio")
    if asynchronous is not None and is_a(obj, asynchronous.Future):
        callbacks = raw(obj, "_callbacks")
        callbacks = callbacks if type(callbacks) is list else []
        if text in ("_callbacks", "_callback0", "_callback"):
            first = bool(callbacks) and callbacks[0][0] is value
            return first or (type(value) is list and all(pair in callbacks for pair in value))
        if text == "_asyncio_awaited_by":
            waiting = raw(obj, text)
            several = isinstance(value, (set, frozenset))
            return type(waiting) is frozenset and (value == waiting if several else value in waiting)
        if text in ("_context", "_context0"):
            return type(value) is contextvars.Context
        if text == "_name":
            return type(value) is int or asynchronous.Task.get_name(obj) is value
        if text in ("_cancelled_exc", "_exception_tb", "__cancelled_exc"):
            return is_a(value, BaseException) or type(value) is types.TracebackType
    if text in ("_casts", "_own_cast"):
        # numpy keeps the conversions of a class of elements outside of the class.
        element = type(obj).__module__ == "numpy" and type(obj).__name__ == "_DTypeMeta"
        if text == "_casts":
            return element and type(value) is dict and all(type(key) is type(obj) for key in value)
        return element and type(value).__name__ == "_ArrayMethod"
    if text == "__subclasses__":
        below = [one for one in dict.values(value) if type(one) is weakref.ref] if type(value) is dict else None
        return below is not None and {one() for one in below} - {None} == set(type.__subclasses__(obj))
    if text == "__slots__":
        space = _DICT(obj)
        return type(value) is tuple and all(type(space.get(name)) is MEMBER for name in value)
    if text == "__module__" and is_a(obj, type):
        return type(value) is types.ModuleType or is_a(value, types.ModuleType)
    if text == "__annotations__" and type(obj) is types.FunctionType:
        flat = type(value) is tuple and dict(zip(value[::2], value[1::2], strict=True))
        return obj.__annotations__ is value or obj.__annotations__ == flat
    if text in ("f_func", "f_funcobj") and type(value) is types.FunctionType:
        for name in ("gi_code", "cr_code", "ag_code", "f_code"):
            code = raw(obj, name)
            if code is not ABSENT:
                return code is value.__code__
    if text == "__name__" and is_a(obj, types.ModuleType):
        space = raw(obj, "__dict__")
        spec = space.get("__spec__")
        known = value in (space.get("__name__"), spec and spec.name)
        return type(value) is str and (known or sys.modules.get(value) is obj)
    if text == "_loops" and type(obj).__name__ == "ufunc":
        return type(value) is list or (type(value) is dict and all(type(key) is tuple for key in value))
    if text == "mapping":
        return type(obj) is types.MappingProxyType
    if text == "__self__" and type(obj) is types.BuiltinFunctionType:
        return value is not None
    return text not in ("__annotations__", "__annotate__") and any_raw(obj, text, value)


def any_raw(obj, name, value):
    """Whether a C field of this name of any base has the value; a class may hide it with one of its own."""
    for base in mro(type(obj)):
        found = _DICT(base).get(name, ABSENT)
        if type(found) in (MEMBER, GETSET):
            try:
                if type(found).__get__(found, obj, type(obj)) is value:
                    return True
            except Exception:
                continue
    return False


# Locals that the compiler makes.
INNER_LOCALS = {"__class__", "__classdict__", "__conditional_annotations__"}


def names_for(obj, referent):
    """Names of C fields by which an object gives a referent: what a missing label could be."""
    for base in mro(type(obj)):
        for name, found in _DICT(base).items():
            if type(found) in (MEMBER, GETSET) and name not in NOT_ASKED and name != "__class__":
                try:
                    if type(found).__get__(found, obj, type(obj)) is referent:
                        yield name
                except Exception:
                    continue
