"""Shows what is in a Python process's memory and what keeps it there.

On the live process::

    snakeroot.show_most_common_types()
    snakeroot.show_backrefs(obj, "foo_refs.png")

A heap that stands still, from the live process or from a file::

    heap = snakeroot.snapshot()
    heap.types()
    heap.why(obj)
    heap.diff(older)
    heap.save("app.heap.parquet")
    heap = snakeroot.load("app.heap.parquet")
"""

import sys

if sys.implementation.name != "cpython":
    raise ImportError(
        f"snakeroot reads the memory of CPython itself: expected cpython, found {sys.implementation.name}"
    )

from . import objgraph
from ._snakeroot import (
    Chains,
    Change,
    Changes,
    Cycle,
    Cycles,
    Diff,
    Edge,
    Edges,
    Garbage,
    GroupRow,
    Groups,
    GrownRow,
    Growth,
    Heap,
    HeapInfo,
    Holder,
    Holders,
    Kept,
    KeptRow,
    KeptRows,
    MergedChains,
    MergedStep,
    Node,
    Objects,
    Picture,
    Root,
    RootRow,
    Roots,
    Suspect,
    Suspects,
    Top,
    TypeRow,
    Types,
    __version__,
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
    load,
    most_common_types,
    show_backrefs,
    show_chain,
    show_growth,
    show_most_common_types,
    show_refs,
    snapshot,
    typestats,
)

__all__ = [
    "Chains",
    "Change",
    "Changes",
    "Cycle",
    "Cycles",
    "Diff",
    "Edge",
    "Edges",
    "Garbage",
    "GroupRow",
    "Groups",
    "GrownRow",
    "Growth",
    "Heap",
    "HeapInfo",
    "Holder",
    "Holders",
    "Kept",
    "KeptRow",
    "KeptRows",
    "MergedChains",
    "MergedStep",
    "Node",
    "Objects",
    "Picture",
    "Root",
    "RootRow",
    "Roots",
    "Suspect",
    "Suspects",
    "Top",
    "TypeRow",
    "Types",
    "__version__",
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
    "load",
    "most_common_types",
    "objgraph",
    "show_backrefs",
    "show_chain",
    "show_growth",
    "show_most_common_types",
    "show_refs",
    "snapshot",
    "typestats",
]
