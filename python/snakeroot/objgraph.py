"""objgraph's verbs: ``from snakeroot import objgraph``.

The same functions stand on ``snakeroot`` itself.
"""

from ._snakeroot import (
    by_type,
    count,
    find_backref_chain,
    find_ref_chain,
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
    "by_type",
    "count",
    "find_backref_chain",
    "find_ref_chain",
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
