"""objgraph's verbs: ``from snakeroot import objgraph``.

The same functions stand on ``snakeroot`` itself. ``__version__`` is the release of objgraph whose names
these are.
"""

from ._snakeroot import (
    at,
    at_addrs,
    by_type,
    count,
    find_backref_chain,
    find_ref_chain,
    get_leaking_objects,
    get_new_ids,
    growth,
    is_proper_module,
    most_common_types,
    show_backrefs,
    show_chain,
    show_growth,
    show_most_common_types,
    show_refs,
    typestats,
)

__all__ = [
    "at",
    "at_addrs",
    "by_type",
    "count",
    "find_backref_chain",
    "find_ref_chain",
    "get_leaking_objects",
    "get_new_ids",
    "growth",
    "is_proper_module",
    "most_common_types",
    "show_backrefs",
    "show_chain",
    "show_growth",
    "show_most_common_types",
    "show_refs",
    "typestats",
]

__version__ = "3.7.0"

# Imported when somebody asks for one, so that the import of snakeroot needs nothing else.
_HELPERS = {
    "_edge_label",
    "_find_chain",
    "_gradient",
    "_long_typename",
    "_obj_attrs",
    "_obj_label",
    "_obj_node_id",
    "_quote",
    "_safe_repr",
    "_short_repr",
    "_short_typename",
    "_show_graph",
}

_INSTEAD = {
    "_present_graph": "use filename=, and snakeroot draws by itself",
    "_program_in_path": "use shutil.which()",
    "_isinstance": "use issubclass(type(object), classinfo)",
    "_get_obj_type": "use type()",
    "_name_or_repr": "use _short_repr()",
    "_is_identifier": "use str.isidentifier()",
    "IS_INTERACTIVE": "without a file name a function gives a Picture, which a notebook shows",
}


def __getattr__(name: str) -> object:
    if name in _HELPERS:
        from . import _objgraph_private

        return getattr(_objgraph_private, name)
    instead = _INSTEAD.get(name)
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}" + (f": {instead}" if instead else ""),
        name=name,
    )
