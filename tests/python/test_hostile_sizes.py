"""Heaps that are large in one direction: long, wide, deep. Each has its process.

Time and memory are bounded.
Small by default; with SNAKEROOT_FULL_SIZES=1 as large as they come.
"""

import os

import hostile
import pytest

FULL = os.environ.get("SNAKEROOT_FULL_SIZES") == "1"

START = """
import gc, io, resource, sys, time
import snakeroot
gc.disable()

def bounded(gigabytes):
    resource.setrlimit(resource.RLIMIT_AS, (gigabytes << 30, resource.RLIM_INFINITY))

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))

class Clock:
    def __init__(self):
        self.before, self.memory = time.monotonic(), resident()

    def said(self, what, seconds, times):
        took, grew = time.monotonic() - self.before, resident() - self.memory
        print("%s: %.2f s, %d MiB more" % (what, took, grew >> 20), file=sys.stderr)
        assert took < seconds, (what, took)
        assert grew < times, (what, grew)
        self.__init__()

def drawn(verb, value):
    text = io.StringIO()
    verb(value, output=text)
    return text.getvalue().startswith("digraph")
"""


def says(program, *words, **sizes):
    import textwrap

    program = START + textwrap.dedent(program)
    for name, (small, full) in sizes.items():
        program = program.replace(name, str(full if FULL else small))
    done = hostile.says(program, *words, timeout=900)
    print(done.stderr)


def test_a_linked_list_of_millions_is_walked_without_recursion(tmp_path):
    says(
        """
        class Link:
            __slots__ = ("next",)
        HEAD = last = Link()
        for _ in range(LINKS - 1):
            last.next = Link()
            last = last.next
        last.next = None
        bounded(24)
        clock = Clock()
        heap = snakeroot.snapshot()
        clock.said("snapshot", 60, 300 * LINKS + (64 << 20))
        rows = {row.type: row.count for row in heap.types(limit=None)}
        print(rows["__main__.Link"] == LINKS)
        why = heap.why(last, limit=1)
        # Two holders: the module by name, and the chain.
        print(str(why).splitlines()[-1].strip().startswith('["last"]'))
        clock.said("why of the last", 60, 200 * LINKS + (64 << 20))
        address = id(last)
        del last
        chains = snakeroot.snapshot().why(address, limit=1)
        print(len(chains[0]) >= LINKS)
        clock.said("snapshot and why from end to end", 120, 700 * LINKS + (64 << 20))
        text = str(chains)
        print(text.count("Link") >= 2)
        clock.said("its text", 60, 2000 * LINKS + (64 << 20))
        heap.save("PATH/long.heap.parquet")
        loaded = snakeroot.load("PATH/long.heap.parquet")
        print(len(loaded) == len(heap))
        clock.said("save and load", 60, 400 * LINKS + (64 << 20))
        del loaded, heap, chains, why
        chain = snakeroot.find_ref_chain(HEAD, lambda value: id(value) == address, max_depth=100)
        print(len(chain))
        found = snakeroot.by_type("Link")
        print(len(found) == LINKS)
        last = found[-1]
        del found
        chain = snakeroot.find_backref_chain(HEAD.next.next, snakeroot.is_proper_module)
        print(len(chain))
        print(drawn(snakeroot.show_refs, HEAD), drawn(snakeroot.show_backrefs, HEAD.next))
        def deep(value, output):
            snakeroot.show_refs(value, max_depth=300, output=output)
        print(drawn(deep, HEAD))
        clock.said("verbs", 120, 2000 * LINKS + (64 << 20))
        sys.stdout.flush()
        __import__("os")._exit(0)  # to free the list would recurse
        """,
        True,
        True,
        True,
        True,
        True,
        1,
        True,
        5,
        "True True",
        True,
        LINKS=(300_000, 10_000_000),
        PATH=(tmp_path, tmp_path),
    )


def test_a_dict_of_millions_has_all_its_entries(tmp_path):
    says(
        """
        table = {"key %d" % number: [] for number in range(ENTRIES // 2)}
        table.update((number, ()) for number in range(ENTRIES // 2))
        bounded(24)
        clock = Clock()
        heap = snakeroot.snapshot()
        node = heap.node(table)
        print(len(node.referents()) == 2 * ENTRIES, node.size == sys.getsizeof(table))
        clock.said("snapshot", 60, 400 * ENTRIES + (64 << 20))
        value = table["key 77"]
        print(str(heap.why(value)).endswith('["key 77"] → list 0x%x (56 B)' % id(value)))
        print(drawn(snakeroot.show_refs, table), drawn(snakeroot.show_backrefs, value))
        chain = snakeroot.find_backref_chain(value, snakeroot.is_proper_module)
        print(len(chain))
        clock.said("verbs", 60, 800 * ENTRIES + (64 << 20))
        heap.save("PATH/wide.heap.parquet")
        print(len(snakeroot.load("PATH/wide.heap.parquet")) == len(heap))
        clock.said("save and load", 60, 800 * ENTRIES + (64 << 20))
        """,
        "True True",
        True,
        "True True",
        3,
        True,
        ENTRIES=(200_000, 5_000_000),
        PATH=(tmp_path, tmp_path),
    )


def test_a_list_of_millions_has_all_its_items():
    says(
        """
        same = ["the same"]
        row = [same] * (ITEMS - 1) + [["the last"]]
        bounded(24)
        clock = Clock()
        heap = snakeroot.snapshot()
        node = heap.node(row)
        edges = node.referents()
        print(len(edges) == ITEMS, edges[ITEMS - 1].label == "[%d]" % (ITEMS - 1))
        print(len(heap.node(same).referrers()) == ITEMS)
        clock.said("snapshot", 60, 60 * ITEMS + (64 << 20))
        line = heap.why(row[-1], limit=1).lines[0]
        print(line.endswith("[%d] → list %#x" % (ITEMS - 1, id(row[-1]))))
        del heap, edges, node
        print(drawn(snakeroot.show_refs, row), drawn(snakeroot.show_backrefs, same))
        print(len(snakeroot.find_backref_chain(row[-1], snakeroot.is_proper_module)))
        clock.said("verbs", 60, 100 * ITEMS + (64 << 20))
        """,
        "True True",
        True,
        True,
        "True True",
        4,
        ITEMS=(1_000_000, 20_000_000),
    )


@pytest.mark.parametrize("letter", ["x", "\\xe9", "\\u9375", "\\U0001f40d"])
def test_a_huge_str_is_one_object_and_is_not_copied(letter):
    says(
        """
        text = "LETTER" * CHARACTERS
        table = {text: 1}
        small = type("Named", (), {"__module__": text})
        kept = small()
        raw = bytes(CHARACTERS)
        number = 1 << CHARACTERS
        bounded(24)
        clock = Clock()
        heap = snakeroot.snapshot(values=True)
        clock.said("snapshot", 10, 100 << 20)
        print(heap.node(text).size == sys.getsizeof(text), len(heap.node(text).value) < 200)
        print(heap.node(raw).size == sys.getsizeof(raw), len(heap.node(raw).value) < 500)
        node = heap.node(id(number))  # an int would be taken for an address
        print(node.size == sys.getsizeof(number), node.value)
        print(all(len(edge.label) < 300 for edge in heap.node(table).referents()))
        print(len(str(heap.why(1 and kept))) < 3000)
        print(drawn(snakeroot.show_refs, table), drawn(snakeroot.show_backrefs, text))
        clock.said("verbs", 10, 100 << 20)
        """,
        "True True",
        "True True",
        "True <int of more than 63 bits>",
        True,
        True,
        "True True",
        # 1 GiB whatever the letter's width.
        CHARACTERS=(10_000_000, (1 << 30) // {"x": 1, "\\xe9": 1, "\\u9375": 2}.get(letter, 4)),
        LETTER=(letter, letter),
    )


@pytest.mark.parametrize(
    "verb", ["snapshot", "show_backrefs", "find_backref_chain", "find_python", "typestats"]
)
def test_too_little_memory_is_an_error_and_not_the_end_of_the_process(verb):
    says(
        """
        import os
        kept = [[number] for number in range(200_000)]
        chain = snakeroot.find_backref_chain
        calls = dict(
            snapshot=snakeroot.snapshot,
            show_backrefs=lambda: drawn(snakeroot.show_backrefs, kept[7]),
            find_backref_chain=lambda: chain(kept[7], snakeroot.is_proper_module),
            find_python=lambda: chain(kept[7], lambda value: False, max_depth=2),
            typestats=snakeroot.typestats,
        )
        call = calls["VERB"]
        call()
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        outcomes = set()
        for more in (1, 4, 16, 200, 800):
            child = os.fork()
            if child == 0:
                most = used + (more << 20), resource.RLIM_INFINITY
                resource.setrlimit(resource.RLIMIT_AS, most)
                try:
                    call()
                except MemoryError:
                    os._exit(3)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            outcomes.add(status)
        print(outcomes <= {0, 3} or outcomes)
        """,
        True,
        VERB=(verb, verb),
    )
