"""What objgraph keeps behind an underscore and its users reach for all the same: names, short forms, DOT.

These look at one live object at a time and ask it, as objgraph does: a ``__repr__`` runs. The pictures of
snakeroot are not made with them.
"""

import gc
import os
import re
import sys
import types
from typing import Any

from ._snakeroot import _show_graph, find_backref_chain, find_ref_chain

__all__ = ["_show_graph"]

_MOST_CHARACTERS = 40
_NAMED: Any = (type, types.ModuleType, types.BuiltinFunctionType)
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z_0-9]*$")


def _is(obj, kinds):
    """Whether an object is of some kinds, whatever its ``__class__`` says."""
    return issubclass(type(obj), kinds)


def _short_typename(obj):
    """The ``__name__`` of an object's type."""
    return type(obj).__name__


def _long_typename(obj):
    """``module.name`` of an object's type; without a module the name alone."""
    kind = type(obj)
    module = getattr(kind, "__module__", None)
    return f"{module}.{kind.__name__}" if module else kind.__name__


def _name_of(obj):
    name = getattr(obj, "__name__", None)
    return name if _is(name, str) else repr(obj)[:_MOST_CHARACTERS]


def _short_repr(obj):
    """A few words for an object: a name, how many items, or the beginning of its ``repr``.

    Whatever a ``__repr__`` raises comes out.
    """
    if _is(obj, _NAMED):
        return _name_of(obj)
    if _is(obj, types.MethodType):
        name = _name_of(obj.__func__)
        return name + " (bound)" if obj.__self__ else name
    if _is(obj, types.FunctionType) and obj.__name__ == "<lambda>":
        code = obj.__code__
        return f"lambda: {os.path.basename(code.co_filename)}:{code.co_firstlineno}"
    if _is(obj, types.FrameType):
        return f"{obj.f_code.co_filename}:{obj.f_lineno}"
    if _is(obj, (dict, list, set, tuple)):
        return f"{len(obj)} items"
    return repr(obj)[:_MOST_CHARACTERS]


def _safe_repr(obj):
    """As ``_short_repr``, and ``(unrepresentable)`` where that raises."""
    try:
        return _short_repr(obj)
    except Exception:
        return "(unrepresentable)"


def _quote(s):
    """A text as it may stand between the quotes of a DOT attribute."""
    return s.translate({ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n", 0: r"\\0"})


def _obj_node_id(obj):
    """The name of an object's node in DOT: ``o`` and its id."""
    return f"o{id(obj)}".replace("-", "_")


def _obj_attrs(obj, extra_node_attrs):
    """Further attributes of a node in DOT, as a function of the object gives them in a dict."""
    if extra_node_attrs is None:
        return ""
    given = sorted((name, value) for name, value in extra_node_attrs(obj).items() if value is not None)
    return ", " + ", ".join(f'{name}="{_quote(value)}"' for name, value in given)


def _obj_label(obj, extra_info=None, refcounts=False, shortnames=True):
    """The label of a node in DOT: type, short form, and what ``extra_info`` says of the object."""
    head = _short_typename(obj) if shortnames else _long_typename(obj)
    if refcounts:
        # Objgraph leaves out four references: two of its callers, of this call, and of the asking.
        head += f" [{sys.getrefcount(obj) - 4}]"
    lines = [head, _safe_repr(obj)]
    if extra_info:
        lines.append(str(extra_info(obj)))
    return _quote("\n".join(lines))


def _edge_label(source, target, shortnames=True):
    """The attributes of an edge in DOT: by which name ``source`` refers to ``target``, or nothing."""
    named = ' [label="{}",weight=10]'.format
    if _is(target, dict) and getattr(source, "__dict__", None) is target:
        return named("__dict__")
    if _is(source, types.FrameType):
        names = ("f_locals", "f_globals")
    elif _is(source, types.MethodType):
        names = ("__self__", "__func__")
    elif _is(source, types.FunctionType):
        names = dir(source)
    else:
        names = ()
    for name in names:
        if getattr(source, name) is target:
            return named(_quote(name))
    if not _is(source, dict):
        return ""
    for key, value in source.items():
        if value is target:
            if _is(key, str) and _IDENTIFIER.match(key):
                return f' [label="{_quote(key)}",weight=2]'
            name = _short_typename(key) if shortnames else _long_typename(key)
            return f' [label="{_quote(name)}\\n{_quote(_safe_repr(key))}"]'
    return ""


def _gradient(start_color, end_color, depth, max_depth):
    """A colour between two: at depth 0 the first, at ``max_depth`` the second."""
    if max_depth == 0:
        return start_color
    share = depth / max_depth
    return tuple(start * (1 - share) + end * share for start, end in zip(start_color, end_color, strict=True))


def _find_chain(obj, predicate, edge_func, max_depth=20, extra_ignore=()):
    """A shortest chain from an object for which a predicate is true to ``obj``, which comes last.

    ``edge_func`` gives the neighbours of an object; ``gc.get_referrers`` and ``gc.get_referents`` are not called:
    snakeroot knows.
    """
    if edge_func is gc.get_referrers:
        return find_backref_chain(obj, predicate, max_depth, extra_ignore)
    if edge_func is gc.get_referents:
        return find_ref_chain(obj, predicate, max_depth, extra_ignore)[::-1]
    seen = {id(extra_ignore), id(obj), *extra_ignore}
    chains = [[obj]]
    for _ in range(max_depth + 1):
        longer = []
        for chain in chains:
            if predicate(chain[0]):
                return chain
            for neighbour in edge_func(chain[0]):
                if id(neighbour) not in seen:
                    seen.add(id(neighbour))
                    longer.append([neighbour, *chain])
        chains = longer
    return [obj]
