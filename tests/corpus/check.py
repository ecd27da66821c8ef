"""Holds a snapshot against what Python itself says of every object.

`take()` takes a snapshot and finds the objects; `edges`, `labels`, `sizes`, `threads` and `roots` give lists
of `Difference`, most frequent first, empty if there is none. They are plain functions over `Taken`.
`unexplained` leaves out what `ADDITIONS` allows.

What the checker makes is not looked at: its list of objects, its frames, the snapshot's heap. `edges` goes
first, because `labels` asks objects for their `__dict__`, which makes it.
"""

import collections
import functools
import gc
import io
import itertools
import re
import sys
import threading
import time
from pathlib import Path

import snakeroot
import truth

sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))
import freed  # noqa: E402 (in the folder just added)
import ours as own  # noqa: E402 (in the folder just added)

Difference = collections.namedtuple("Difference", "what type detail count examples")
Edge = collections.namedtuple("Edge", "kind text address weak place")
EXAMPLES = 3

# What a snapshot may say beyond or beside what Python says: check, what, type, detail, and the reason.
# The middle three are patterns that must match the whole.
ADDITIONS = [
    ("labels", "no label needed", ".*", ".*", "a field that only C code sees may have no name"),
    ("edges", "in its dict too", ".*", "", "3.13.0-.12 and 3.14.0-.3 visit values beside the dict that has them"),
    ("edges", "changed since", r"_io\..*", "", "a stream keeps what was written to it meanwhile"),
    ("roots", "more edges than references", r"numpy\._DTypeMeta", ".*", "numpy gives static types back too often"),
    ("roots", "not read", "str", "1?[0-9]{1,2}", "what only C holds, and holds nothing itself, cannot be found"),
]
if sys.version_info < (3, 11):
    ADDITIONS += [
        ("sizes", "size", "code", "by -.*", "a code object grows once it has run often"),
        ("sizes", "size", "type", "by -.*", "a type grows with the attributes of its instances"),
    ]
if sys.version_info < (3, 12):
    ADDITIONS += [
        ("roots", "more edges than references", "NoneType|bool|ellipsis", ".*", "frozen constants are not counted"),
    ]


def unexplained(name, rows):
    """Differences that `ADDITIONS` has no reason for."""
    return [row for row in rows if not any(allows(name, row, entry) for entry in ADDITIONS)]


# Compiled before the snapshot, because the cache of `re` is in it.
PATTERNS = {text: re.compile(text) for entry in ADDITIONS for text in entry[1:4]}
HELD_WORDS = re.compile(r"([\d,]+) references?($|, from )")


def allows(name, row, entry):
    check, *patterns, _ = entry
    return check == name and all(
        PATTERNS[pattern].fullmatch(text) for pattern, text in zip(patterns, row[:3], strict=True)
    )


class Differences:
    """Counts by (what, type, detail), with a few examples."""

    def __init__(self):
        self.found = {}

    def add(self, what, type_name, detail, example):
        entry = self.found.setdefault((what, type_name, detail), [0, []])
        entry[0] += 1
        if len(entry[1]) < EXAMPLES:
            entry[1].append(example() if callable(example) else example)

    def list(self):
        rows = [Difference(*key, count, examples) for key, (count, examples) in self.found.items()]
        return sorted(rows, key=lambda row: (row.what, -row.count, row.type, row.detail))


class Taken:
    """A snapshot, what it recorded, and the live objects that it is held against."""

    def __init__(self, heap, objects, ours, collected):
        self.heap = heap
        self.objects = objects
        self.ours = ours
        self.collected = collected
        self.absent = set()
        self.nodes = {}
        self.recorded = {}
        self.held_by = {}
        self.place = {}
        self.live = {}
        self.closed = 0

    def read(self):
        """Everything recorded, and every object that Python or the record leads to."""
        for obj in self.objects:
            self.live[id(obj)] = obj
        todo = [obj for obj in self.objects if id(obj) not in self.ours]
        while todo:
            for obj in gc.get_referents(todo.pop()):
                if id(obj) not in self.live:
                    self.live[id(obj)] = obj
                    if id(obj) not in self.ours:
                        todo.append(obj)
        self.closed = len(self.live)
        own_objects = own.possible()
        for module in own.modules():
            for kind in vars(module).values():
                if truth.is_a(kind, type):
                    own_objects.update(map(id, truth._DICT(kind)))
        waiting = []
        for address in self.live:
            try:
                waiting.append(self.heap.node(address))
            except KeyError:
                if address in own_objects:
                    self.absent.add(address)
        self.ours |= self.absent
        self.record(waiting)
        # What only C holds is found by what it holds.
        more = [
            node
            for node in self.nodes.values()
            if len(node.referrers()) != len(self.held_by.get(node.id, ()))
        ]
        self.record([edge.node for node in more for edge in node.referrers()])
        self.follow()

    def record(self, waiting):
        """The edges of nodes and of all that they lead to."""
        while waiting:
            node = waiting.pop()
            if node.id in self.nodes:
                continue
            self.nodes[node.id] = node
            self.place[node.address] = node.id
            edges = []
            for edge in node.referents():
                end = edge.node
                place = end.id
                edges.append(Edge(edge.kind, edge.text, end.address, edge.weak, place))
                self.held_by.setdefault(place, []).append(node.id)
                if place not in self.nodes:
                    waiting.append(end)
            self.recorded[node.id] = edges
            if node.type in ("code", "function", "frame"):
                # Threads and their frames are no objects: they are found by what they hold.
                waiting += [edge.node for edge in node.referrers() if edge.node.id not in self.nodes]

    def follow(self):
        """Objects that only the record leads to, such as keys and constants, join the live ones."""
        todo = [self.place[address] for address in self.live if address in self.place]
        todo = [place for place in todo if self.nodes[place].address not in self.ours]
        while todo:
            for edge in self.recorded[todo.pop()]:
                if not edge.weak and edge.address and edge.address not in self.live:
                    self.live[edge.address] = truth.object_at(edge.address)
                    todo.append(edge.place)

    def edges_of(self, address):
        place = self.place.get(address)
        return None if place is None else self.recorded[place]

    def each(self):
        for address, obj in self.live.items():
            if address not in self.ours and not freed.is_interned_table(obj):
                yield address, obj

    @property
    def edge_count(self):
        return sum(map(len, self.recorded.values()))


def show(obj):
    """An object in a few words, without running its code."""
    kind = truth.full_name(type(obj))
    if type(obj) in (str, int, bytes, type, bool, float):
        return repr(obj)[:80]
    if truth.is_a(obj, type):
        return "class " + truth.full_name(obj)
    if type(obj) in (dict, list, tuple, set):
        return "%s of %d at %#x" % (kind, len(obj), id(obj))
    name = truth.raw(obj, "__name__")
    return "%s %s at %#x" % (kind, name if type(name) is str else "", id(obj))


class Lost:
    """An instance for cycles that nothing holds."""


class SlottedLost:
    __slots__ = ("held",)


def raising(number):
    try:
        raise KeyError(number)
    except KeyError as error:
        kept = [error]  # Its traceback holds this frame.
    return len(kept)


def recursive():
    def closure():
        return closure

    return closure


def litter(count):
    """Makes cycles of many kinds that nothing holds."""
    for number in range(count):
        items = [number]
        items.append(items)
        table = {number: {}}
        table[number]["back"] = table
        first, second = Lost(), SlottedLost()
        first.second, second.held = second, [first, (first,), {number, first}]

        class Local:
            """A class is a cycle."""

            def method(self, default=first):
                return __class__, default  # noqa: F821 (the cell of the class)
        closure = recursive()
        raising(number)
        looped = collections.deque([Local(), number])
        looped.append(looped)
        bound = Lost()
        bound.method = first.__init__
        bound.me = [iter([bound]), map(str, [bound])]
        del items, table, first, second, looped, bound, closure, Local


def warm():
    """The first use of each type of snakeroot's makes it."""
    for edge in snakeroot.snapshot().node(id(gc)).referents():
        edge.node.referrers(), edge.node.root, edge.node.flag_words


def take():
    """A snapshot of now, read."""
    truth.learn()
    warm()
    in_use = freed.none_of_asyncio()
    gc.collect()
    gc.disable()
    litter(50)
    heap = snakeroot.snapshot()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    collected = {id(one) for one in gc.garbage}
    objects = gc.get_objects()
    gc.enable()
    ours = {id(objects), id(heap), id(collected), id(gc.garbage)}
    frame = sys._getframe()
    while frame is not None:
        ours.add(id(frame))
        frame = frame.f_back
    taken = Taken(heap, objects, ours, collected)
    taken.in_use = in_use  # For as long as referents are asked for.
    taken.read()
    return taken


def in_its_dict(recorded, taken):
    """Addresses that an instance's dict, which shares its values, has edges to."""
    return {
        one.address
        for edge in recorded
        if edge.text == "__dict__"
        for one in taken.recorded[edge.place]
    }


def edges(taken):
    """What the collector is told of and the snapshot lacks."""
    out = Differences()
    for address, obj in taken.each():
        recorded = taken.edges_of(address)
        kind = truth.full_name(type(obj))
        if recorded is None:
            out.add("no node", kind, "", lambda obj=obj: show(obj))
            continue
        expected = [id(one) for one in gc.get_referents(obj)]
        if not expected:
            continue
        have = {}
        for edge in recorded:
            if not edge.weak:
                have[edge.address] = have.get(edge.address, 0) + 1
        for missing in expected:
            have[missing] = have.get(missing, 0) - 1
        lacking = any(count < 0 for count in have.values())
        in_dict = in_its_dict(recorded, taken) if lacking else ()
        for missing, count in have.items():
            if missing in taken.absent:
                if count >= 0:
                    out.add("edge to snakeroot's own", kind, "", lambda obj=obj: show(obj))
            elif count < 0 and missing not in taken.live:
                out.add("changed since", kind, "", lambda obj=obj: show(obj))
            elif count < 0 and missing in in_dict:
                out.add("in its dict too", kind, "", lambda obj=obj: show(obj))
            elif count < 0:
                end = truth.full_name(type(taken.live[missing]))
                out.add(
                    "missing edge",
                    kind,
                    "to " + end,
                    lambda obj=obj, missing=missing: (show(obj), show(taken.live.get(missing))),
                )
    return out.list()


LONGEST = 100


def same_text(kind, text, recorded):
    if kind in ("keyobject", "element") or text is None:
        return True
    if kind in ("key", "strkey", "attribute"):
        text = text.encode("utf-8", "replace").decode("utf-8")
        recorded = recorded.replace("\ufffd", "?")
        if len(text) > LONGEST:
            return recorded[: LONGEST - 1] == text[: LONGEST - 1]
        return recorded == text or recorded == text.replace("\ufffd", "?")
    return recorded in text if kind == "item" else recorded == text


SAME_KIND = {
    "attribute": ("attribute",),
    "slot": ("slot", "attribute"),
    "member": ("slot", "attribute"),
    "element of an array": ("index", "element"),
    "item": ("index", "local"),
    "strkey": ("key", "otherkey"),
}

# Types that must have a name for all that they hold, but None.
NAMED_WHOLLY = {
    "generator",
    "coroutine",
    "functools.partial",
    "_asyncio.Task",
    "_asyncio.Future",
    "weakref.ReferenceType",
    "weakref.ProxyType",
    "weakref.CallableProxyType",
}


# What is in a container that a cache of the checker's may have changed since.
CHANGING = ("keyobject", "key", "strkey", "otherkey", "index", "element")


def sure(kind, text):
    """Whether a referent was there before it was asked for."""
    return kind not in ("slot", "local") or (
        kind == "slot" and text not in truth.MADE_WHEN_ASKED | truth.NOT_ASKED
    )


def must_be_named(kind, text):
    return kind != "slot" or text in truth.NAMED


def named_tuples(taken):
    """Names of the items of `__closure__` and `__defaults__`, by the tuple's address.

    (a set of tuples of names, whether it must be they): a tuple of functions of different code, or one
    that something else holds too, may have indexes.
    """
    found, codes = {}, {}
    for obj in taken.live.values():
        if type(obj) is truth.types.FunctionType:
            code = obj.__code__
            closure, defaults = truth.raw(obj, "__closure__"), truth.raw(obj, "__defaults__")
            if type(closure) is tuple:
                found.setdefault(id(closure), set()).add(code.co_freevars)
                codes.setdefault(id(closure), set()).add(id(code))
            if type(defaults) is tuple and defaults:
                names = code.co_varnames[: code.co_argcount][-len(defaults) :]
                found.setdefault(id(defaults), set()).add(names)
                codes.setdefault(id(defaults), set()).add(id(code))
    named = {}
    for address, names in found.items():
        holders = taken.held_by.get(taken.place.get(address), ())
        alone = bool(holders) and all(taken.nodes[place].type == "function" for place in holders)
        alone = alone and taken.nodes[taken.place[address]].refcount == len(holders)
        named[address] = names, alone and len(codes[address]) == 1
    return named


def labels(taken):
    """Labels that are missing or wrong, and edges beyond the collector's that nothing explains."""
    out = Differences()
    taken.ours.add(id(truth.NAMED_TUPLES))
    truth.NAMED_TUPLES.update(named_tuples(taken))
    for address, obj in list(taken.each()):
        recorded = taken.edges_of(address)
        if recorded is not None:
            labels_of(taken, obj, recorded, out)
    return out.list()


def labels_of(taken, obj, recorded, out):
    kind_name = truth.full_name(type(obj))
    left = collections.defaultdict(list)
    for edge in recorded:
        if not edge.weak:
            left[edge.address].append(edge)
    made = set(left)
    try:
        said = list(truth.claims(obj, made.__contains__))
    except Exception as error:
        out.add("no truth", kind_name, "%s: %s" % (type(error).__name__, error), show(obj))
        return
    unmet = []
    for kind, text, value in said:
        there = left.get(id(value), ())
        for edge in there:
            if edge.kind in SAME_KIND.get(kind, (kind,)) and same_text(kind, text, edge.text):
                there.remove(edge)
                break
        else:
            if kind == "local" and any(
                edge.kind == "local"
                and edge.text == text
                and type(taken.live.get(edge.address)) is truth.types.CellType
                for edge in recorded
            ):
                continue  # A variable that is shared with a closure: the cell is what is held.
            if id(value) not in taken.absent:
                unmet.append((kind, text, value))
    for kind, text, value in unmet:
        generic = kind + (" " + text if kind == "slot" else "")
        there = left.get(id(value))
        if there:
            edge = there.pop()
            what, detail = "wrong label", "should be %s, is %s" % (generic, edge.kind)
            if edge.kind == "unnamed":
                what = "no label" if must_be_named(kind, text) else "no label needed"
                detail = "should be " + generic
            elif edge.kind == "slot":
                detail += " " + edge.text
            out.add(what, kind_name, detail, lambda o=obj, t=text, e=edge: (show(o), t, e[:2]))
        elif id(value) in taken.place or (
            sure(kind, text) and (kind not in CHANGING or id(value) in taken.live)
        ):
            out.add("lacking edge", kind_name, generic, lambda o=obj, t=text, v=value: (show(o), t, show(v)))
    expected = {id(one) for one in gc.get_referents(obj)}
    for end, there in left.items():
        for edge in there:
            value = taken.live.get(end)
            if edge.kind == "unnamed":
                names = sorted(set(truth.names_for(obj, value)))[:3] if end in taken.live else []
                whole = kind_name in NAMED_WHOLLY and value is not None
                what = "no label" if whole else "no label needed"
                detail = "could be " + " ".join(names) if names else ""
                out.add(what, kind_name, detail, lambda o=obj, v=value: (show(o), show(v)))
            elif end not in taken.live or not truth.also(obj, edge.kind, edge.text, value):
                label = "%s %s" % (edge.kind, edge.text if edge.kind == "slot" else "")
                what = "label not verified" if end in expected else "edge not explained"
                out.add(what, kind_name, label, lambda o=obj, v=value, e=edge: (show(o), e.text, show(v)))


def sizes(taken):
    """Sizes that differ from `sys.getsizeof`, and sizes in Python that are not flagged."""
    out = Differences()
    for address, obj in taken.each():
        if address not in taken.place:
            continue
        node = taken.nodes[taken.place[address]]
        kind_name = truth.full_name(type(obj))
        found = truth.inherited(type(obj), "__sizeof__")
        flagged = "size-not-asked" in node.flag_words
        if type(found) is truth.types.MethodDescriptorType:
            size = sys.getsizeof(obj)
            if type(obj) is io.BytesIO and node.size == size + sys.getsizeof(obj.getvalue()):
                continue  # It counts its buffer only while nothing else holds it, and now the checker does.
            if node.size != size:
                out.add("size", kind_name, "by %+d" % (node.size - size), lambda o=obj: show(o))
            if flagged:
                out.add("flagged without need", kind_name, "", lambda o=obj: show(o))
        elif not flagged:
            out.add("not flagged", kind_name, "", lambda o=obj: show(o))
    return out.list()


def threads(taken):
    """Frames and locals of threads that stand still, which are nodes but no objects."""
    out = Differences()
    mine = threading.get_ident()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found = {}
    for node in taken.nodes.values():
        if node.root is not None and node.root.kind == "thread":
            frames = [edge for edge in taken.recorded[node.id] if edge.kind == "frame"]
            found.setdefault(node.root.words.strip('"'), []).append(frames)
    for ident, frame in sys._current_frames().items():
        if ident == mine:
            continue
        name = names.get(ident, "")
        if len(found.get(name, ())) != 1:
            out.add("no thread", "thread", "", name)
            continue
        stack = []
        while frame is not None:
            stack.append(frame)
            frame = frame.f_back
        recorded = found[name][0]
        if len(stack) != len(recorded):
            out.add("frames", "thread", "%d of %d" % (len(recorded), len(stack)), name)
            continue
        for edge, frame in zip(sorted(recorded, key=lambda edge: int(edge.text)), stack, strict=True):
            held = taken.recorded[edge.place]
            if not any(one.text == "f_code" and one.address == id(frame.f_code) for one in held):
                out.add("frame's code", "frame", "", frame.f_code.co_qualname)
            if not frame.f_code.co_flags & 2:
                continue
            there = {one.text: one.address for one in held if one.kind == "local"}
            for local, value in frame.f_locals.items():
                at = there.pop(local, None)
                if at != id(value) and type(taken.live.get(at)) is not truth.types.CellType:
                    out.add("local", "frame", "", (frame.f_code.co_name, local, show(value)))
            if there.keys() - truth.INNER_LOCALS:
                out.add("local not explained", "frame", "", (frame.f_code.co_name, sorted(there)))
    return out.list()


# What holds the values of a call.
FRAMES = {"thread", "frame", "generator", "coroutine", "async_generator"}

# More than this part of the objects may not be held from C alone.
HELD_FROM_C_AT_MOST = 0.01 if sys.version_info >= (3, 12) else 0.03


def reached(taken, starts):
    """Places that some places reach over strong edges."""
    found = set(starts)
    todo = list(found)
    while todo:
        for edge in taken.recorded[todo.pop()]:
            if not edge.weak and edge.place not in found:
                found.add(edge.place)
                todo.append(edge.place)
    return found


def held_from_c(taken):
    """Places that only roots held from C reach."""
    roots = {place: node.root.kind for place, node in taken.nodes.items() if node.root is not None}
    others = reached(taken, [place for place, kind in roots.items() if kind != "held-from-c"])
    return reached(taken, roots) - others


LINKS = "_lru_list_elem"


def without_reference(taken):
    """How many edges end at each place that no reference stands behind."""
    found = collections.Counter()
    for place, node in taken.nodes.items():
        obj = taken.live.get(node.address)
        if truth.FREE_THREADED and node.type in FRAMES:
            found.update(edge.place for edge in taken.recorded[place])
        elif not node.address and sys.version_info >= (3, 14):
            # A frame may borrow its arguments from the frame that called it.
            found.update(edge.place for edge in taken.recorded[place] if edge.kind == "local")
        elif type(obj) is functools._lru_cache_wrapper:
            # Beside its own reference it visits the type once for each link, and a link has that edge too.
            ends = [edge.place for edge in taken.recorded[place] if not edge.weak]
            found.update([end for end in ends if taken.nodes[end].name == LINKS][1:])
        elif truth.is_a(obj, type) and not truth.FLAGS(obj) & truth.HEAP_TYPE:
            # A static type that names its base does not count it.
            found.update(edge.place for edge in taken.recorded[place] if edge.text == "__base__")
    return found


def roots(taken):
    """What the roots do not explain, and where the numbers of references contradict the edges."""
    out = Differences()
    nodes, info = taken.nodes, taken.heap.info
    objects = {place for place, node in nodes.items() if node.address}
    if len(objects) != len(taken.heap):
        unread = collections.Counter()
        for row in taken.heap.types(limit=None):
            unread[row.type] += row.count
        unread.subtract(nodes[place].type for place in objects)
        for kind, missed in unread.items():
            if missed:
                out.add("not read", kind, str(missed), "%d of %d" % (len(objects), len(taken.heap)))
    reach = reached(taken, [place for place, node in nodes.items() if node.root is not None])
    held, lost = held_from_c(taken) & objects, objects - reach
    missed = len(taken.heap) - len(objects)
    for name, said, counted in (
        ("held_from_c", info.held_from_c, len(held)),
        ("garbage", info.garbage, len(lost)),
    ):
        if said is None or not counted <= said <= counted + missed:
            out.add("info", "object", name, "%s, counted %d" % (said, counted))
    if len(held) > HELD_FROM_C_AT_MOST * len(objects):
        out.add("held from C", "object", "", "%d of %d" % (len(held), len(objects)))
    in_edges = collections.Counter(
        edge.place for edge in itertools.chain(*taken.recorded.values()) if not edge.weak
    )
    uncounted = without_reference(taken)
    for place in objects:
        node = nodes[place]
        flags = node.flag_words
        if ("garbage" in flags) != (place in lost):
            out.add("flag", node.type, "garbage" if "garbage" in flags else "not garbage", repr(node))
        if place in lost and node.tracked and node.address not in taken.collected:
            if truth.FREE_THREADED and node.type == "tuple" and not gc.is_tracked(taken.live[node.address]):
                continue  # That collector stops to track such a tuple before it looks for garbage.
            out.add("not collected", node.type, "", lambda node=node: show(taken.live[node.address]))
        elif place in lost and node.refcount > in_edges[place]:
            out.add("garbage that something holds", node.type, "", lambda n=node: show(taken.live[n.address]))
        if place not in lost and node.address in taken.collected:
            out.add("collected", node.type, "", lambda node=node: show(taken.live[node.address]))
        immortal = "immortal" in flags or (node.root is not None and node.root.kind == "immortal")
        counted = in_edges[place] - uncounted[place]
        if node.refcount is not None and counted > node.refcount and not immortal:
            detail = "by %d" % min(counted - node.refcount, 10)
            out.add("more edges than references", node.type, detail, lambda n=node: repr(n))
        if node.root is not None and node.root.kind == "held-from-c":
            said = HELD_WORDS.match(node.root.words)
            more, most = node.refcount - in_edges[place], node.refcount - counted
            if said is None or not more <= int(said[1].replace(",", "")) <= most:
                out.add("words", node.type, node.root.words, "%d of %d" % (more, node.refcount))
    for address in taken.collected:
        if address not in taken.place and address not in taken.ours:
            out.add("no node", "collected object", "", lambda a=address: show(taken.live[a]))
    return out.list()


CHECKS = {"edges": edges, "sizes": sizes, "labels": labels, "threads": threads, "roots": roots}


def report(rows, limit=60):
    for row in rows[:limit]:
        print("  %-20s %7d  %-40s %s" % (row.what, row.count, row.type, row.detail))
        for example in row.examples:
            print("       ", str(example)[:200])
    if len(rows) > limit:
        print("   and %d rows more" % (len(rows) - limit))


def report_held(taken):
    held = collections.Counter(taken.nodes[place].type for place in held_from_c(taken))
    print("  held from C alone:", held.most_common(20))
    kinds = collections.Counter(
        (node.root.words, node.type)
        for node in taken.nodes.values()
        if node.root is not None and node.root.kind == "held-from-c"
    )
    for (words, kind), count in kinds.most_common(30):
        print("  root held from C: %6d  %-40s %s" % (count, kind, words))


def main():
    import process

    made = process.build(third_party="--third-party" in sys.argv)
    started = time.time()
    taken = take()
    print(taken.heap.info)
    print(
        "checked %d objects, %d edges; read in %.1f s"
        % (len(taken.live), taken.edge_count, time.time() - started)
    )
    info = taken.heap.info
    print("held from C: %d of %d objects" % (info.held_from_c or 0, info.objects))
    wrong = 0
    for name, check in CHECKS.items():
        started = time.time()
        rows = check(taken)
        differ = unexplained(name, rows)
        wrong += len(differ)
        print("%s: %d differences, %.1f s" % (name, len(differ), time.time() - started))
        report(rows if "--all" in sys.argv else differ, 400)
    if "--all" in sys.argv:
        report_held(taken)
    del taken
    gc.garbage.clear()
    made.end()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
