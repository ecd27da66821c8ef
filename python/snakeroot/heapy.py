"""heapy's session: ``from snakeroot.heapy import hpy``.

The names, the tables and the meaning of guppy3's heapy, about a walk that keeps nothing alive::

    hp = hpy()
    h = hp.heap()
    h.byrcs
    h[0].byid
"""

from ._snakeroot import (
    R_ATTRIBUTE,
    R_CELL,
    R_HASATTR,
    R_IDENTITY,
    R_INDEXKEY,
    R_INDEXVAL,
    R_INSET,
    R_INTERATTR,
    R_LOCAL_VAR,
    R_NORELATION,
    R_RELSRC,
    R_STACK,
    Doc,
    EquivalenceRelation,
    IdentitySet,
    Kind,
    MappingProxy,
    More,
    NodeGraph,
    Path,
    PathsIter,
    PatternPaths,
    RefPatIter,
    RefPatRow,
    ReferencePattern,
    RelationBase,
    RootState,
    Session,
    ShortestPaths,
    Stat,
    StatRow,
    hpy,
)

__all__ = [
    "R_ATTRIBUTE",
    "R_CELL",
    "R_HASATTR",
    "R_IDENTITY",
    "R_INDEXKEY",
    "R_INDEXVAL",
    "R_INSET",
    "R_INTERATTR",
    "R_LOCAL_VAR",
    "R_NORELATION",
    "R_RELSRC",
    "R_STACK",
    "Doc",
    "EquivalenceRelation",
    "IdentitySet",
    "Kind",
    "MappingProxy",
    "More",
    "NodeGraph",
    "Path",
    "PathsIter",
    "PatternPaths",
    "RefPatIter",
    "RefPatRow",
    "ReferencePattern",
    "RelationBase",
    "RootState",
    "Session",
    "ShortestPaths",
    "Stat",
    "StatRow",
    "hpy",
]
