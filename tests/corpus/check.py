"""Holds a snapshot against what Python itself says of every object.

`take()` takes a snapshot and finds the objects; `edges`, `labels`, `sizes` and `roots` give lists of
`Difference`, most frequent first, empty if there is none. They are plain functions over `Taken`.

What the checker makes is not looked at: its list of objects, its frames, the snapshot's heap. `edges` goes
first, because `labels` asks objects for their `__dict__`, which makes it.
"""

import collections
import gc
import io
import sys
import time

import snakeroot
import truth

Difference = collections.namedtuple("Difference", "what type detail count examples")
Edge = collections.namedtuple("Edge", "kind text address weak place")
EXAMPLES = 3


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

    def __init__(self, heap, objects, ours):
        self.heap = heap
        self.objects = objects
        self.ours = ours
        self.nodes = {}
        self.recorded = {}
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
                    todo.append(obj)
        self.closed = len(self.live)
        waiting = []
        for address in self.live:
            try:
                waiting.append(self.heap.node(address))
            except KeyError:
                pass
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
                if place not in self.nodes:
                    waiting.append(end)
            self.recorded[node.id] = edges
            if node.type in ("code", "function", "frame"):
                # Threads and their frames are no objects: they are found by what they hold.
                waiting += [edge.node for edge in node.referrers() if edge.node.id not in self.nodes]
        self.follow()

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
            if address not in self.ours:
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


def take():
    """A snapshot of now, read."""
    truth.learn()
    # The first use of each type of snakeroot's makes it.
    for edge in snakeroot.snapshot().node(id(gc)).referents():
        edge.node.referrers(), edge.node.root, edge.node.flag_words
    gc.collect()
    ours = set()
    frame = sys._getframe() if sys.version_info < (3, 11) else None
    while frame is not None:
        ours.add(id(frame))
        frame = frame.f_back
    objects = gc.get_objects()
    heap = snakeroot.snapshot()
    ours |= {id(objects), id(ours), id(heap)}
    taken = Taken(heap, objects, ours)
    taken.read()
    return taken


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
        for missing, count in have.items():
            if count < 0 and missing not in taken.live:
                out.add("changed since", kind, "", lambda obj=obj: show(obj))
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
    if kind in ("key", "attribute"):
        text = text.encode("utf-8", "replace").decode("utf-8")
        recorded = recorded.replace("\ufffd", "?")
        if len(text) > LONGEST:
            return recorded[: LONGEST - 1] == text[: LONGEST - 1]
        return recorded == text or recorded == text.replace("\ufffd", "?")
    if kind == "otherkey":
        return recorded == text
    return recorded == text


SAME_KIND = {"attribute": ("attribute",), "slot": ("slot", "attribute"), "element of an array": ("index", "element")}


def sure(kind, text):
    """Whether a referent was there before it was asked for."""
    return kind not in ("slot", "local") or (kind == "slot" and text not in truth.MADE_WHEN_ASKED | truth.NOT_ASKED)


def labels(taken):
    """Labels that are missing or wrong, and edges beyond the collector's that nothing explains."""
    out = Differences()
    for address, obj in list(taken.each()):
        recorded = taken.edges_of(address)
        if recorded is None:
            continue
        kind_name = truth.full_name(type(obj))
        left = collections.defaultdict(list)
        made = set()
        for edge in recorded:
            if not edge.weak:
                left[edge.address].append(edge)
                made.add(edge.address)
        unmet = []
        try:
            said = list(truth.claims(obj, made.__contains__))
        except Exception as error:
            out.add("no truth", kind_name, "%s: %s" % (type(error).__name__, error), show(obj))
            continue
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
                unmet.append((kind, text, value))
        for kind, text, value in unmet:
            generic = kind + " " + (text if kind == "slot" and text else "")
            there = left.get(id(value))
            if there:
                edge = there.pop()
                what = "no label" if edge.kind == "unnamed" else "wrong label"
                detail = "should be %s" % generic + ("" if what == "no label" else ", is %s %s" % edge[:2])
                if kind in ("key", "attribute", "index", "local", "otherkey"):
                    detail = "should be %s" % kind + ("" if what == "no label" else ", is %s" % edge.kind)
                out.add(what, kind_name, detail, lambda o=obj, t=text, e=edge: (show(o), t, e[:2]))
            elif id(value) in taken.place or sure(kind, text):
                out.add("lacking edge", kind_name, generic, lambda o=obj, t=text, v=value: (show(o), t, show(v)))
        expected = {id(one) for one in gc.get_referents(obj)}
        for end, there in left.items():
            for edge in there:
                value = taken.live.get(end)
                if edge.kind == "unnamed":
                    names = sorted(set(truth.names_for(obj, value)))[:3] if end in taken.live else []
                    out.add("no label", kind_name, "could be " + " ".join(names), lambda o=obj, v=value: (show(o), show(v)))
                elif end in taken.live and truth.also(obj, edge.kind, edge.text, value):
                    continue
                else:
                    label = "%s %s" % (edge.kind, edge.text if edge.kind == "slot" else "")
                    what = "label not verified" if end in expected else "edge not explained"
                    out.add(what, kind_name, label, lambda o=obj, v=value, e=edge: (show(o), e.text, show(v)))
    return out.list()


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


def reached(taken):
    """Places that a root reaches, leaving out what only the checker holds."""
    ours = {taken.place[address] for address in taken.ours if address in taken.place}
    found = {place for place, node in taken.nodes.items() if node.root is not None}
    todo = list(found)
    while todo:
        place = todo.pop()
        if place in ours:
            continue
        for edge in taken.recorded[place]:
            if not edge.weak and edge.place not in found:
                found.add(edge.place)
                todo.append(edge.place)
    return found


def report(rows, limit=60):
    for row in rows[:limit]:
        print("  %-20s %7d  %-40s %s" % (row.what, row.count, row.type, row.detail))
        for example in row.examples:
            print("       ", str(example)[:200])
    if len(rows) > limit:
        print("   and %d rows more" % (len(rows) - limit))


def main():
    import process

    made = process.build(third_party="--third-party" in sys.argv)
    started = time.time()
    taken = take()
    print(taken.heap.info)
    print("%d objects, %d edges, read in %.1f s" % (len(taken.live), taken.edge_count, time.time() - started))
    for check in (edges, sizes, labels):
        started = time.time()
        rows = check(taken)
        print("%s: %d rows, %.1f s" % (check.__name__, len(rows), time.time() - started))
        report(rows, 400)
    lost = len(taken.nodes) - len(reached(taken))
    print("not reached: %d of %d, %.2f %%" % (lost, len(taken.nodes), 100 * lost / len(taken.nodes)))
    del taken
    made.end()


if __name__ == "__main__":
    main()
