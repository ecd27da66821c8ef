"""Keeps objects that are or may be freed from `gc.get_referents`, which would bring them back to life."""

import asyncio
import sys

KEPT_BY_ASYNCIO = 255  # freed iterators of futures, the most


def none_of_asyncio():
    """What to hold on to while the referents of every object are asked for.

    In 3.12 and 3.13 the module `_asyncio` shows the collector the freed iterators that it keeps for later. A list
    of them counts references to them, and when it goes, each is freed again and follows itself in the
    module's list: whoever then traverses the module does so for ever, the collector too. While this many
    are in use, there is no freed one.
    """
    if not (3, 12) <= sys.version_info < (3, 14):
        return []
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    return [iter(future) for _ in range(KEPT_BY_ASYNCIO + 1)]


def is_interned_table(obj):
    """Whether an object is the interpreter's dict of interned strings, which keeps none of them.

    From 3.14 on the collector shows it. A string in it may be gone at any time.
    """
    return (
        type(obj) is dict and len(obj) > 1000 and all(key is value for key, value in dict.items(obj))
    )
