"""Types in C that keep no rule: their slots are missing, lie or fail.

Each runs in a process of its own, without the collector and without their `repr`, which such objects would upset too.
"""

import os
import sys
import sysconfig

import hostile
import pytest

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# Such a build checks by itself what an extension gives it, and ends the process.
CHECKED = hasattr(sys, "gettotalrefcount")

START = """
import gc, os, sys
gc.disable()
import hostile as tools
sys.path.insert(0, {folder!r})
del sys.modules["hostile"]
import hostile
import snakeroot

class Plain:
    pass

def edges(node):
    return [(edge.label, edge.node.address) for edge in node.referents()]

def done():
    sys.stdout.flush()
    os._exit(0)  # what is here may not be collected or freed
"""


@pytest.fixture(scope="module")
def says(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    built, reason = hostile.compiled(folder)
    if built is None:
        pytest.skip(reason)
    start = START.format(folder=str(folder))

    def run(program, *words):
        import textwrap

        hostile.says(start + textwrap.dedent(program) + "\ndone()\n", *words)

    return run


@pytest.mark.parametrize("tracked", [False] if CHECKED else [False, True])
def test_a_traverse_function_may_visit_null_nothing_twice_or_what_it_does_not_own(tracked, says):
    says(
        f"""
        lent = Plain()
        hostile.lend(lent)
        first, second = ["first"], ["second"]
        kept = [hostile.odd(first, second, mode, {tracked}) for mode in range(5)]
        heap = snakeroot.snapshot()
        for value in kept:
            node = heap.node(value)
            assert node.tracked is {tracked}, node.tracked
            found = edges(node)
            assert len(found) <= 2
            print([label for label, _ in found], node.size == sys.getsizeof(value))
            assert {{at for _, at in found}} <= {{id(first), id(lent)}}
        assert heap.node(lent).refcount == sys.getrefcount(lent) - 1
        for value in kept:
            tools.ask_everything(value, "Odd")
        """,
        "['.first'] True",  # NULL is left out
        "['.first', '(reference)'] True",  # one word is one name
        "[] True",
        "['(reference)'] True",
        "['.first'] True",
    )


def test_a_collectable_type_without_a_traverse_function_has_no_references(says):
    says(
        """
        first = ["first"]
        tracked = not hasattr(sys, "gettotalrefcount")
        kept = [hostile.no_traverse(first), hostile.no_traverse(first, first, 0, tracked)]
        heap = snakeroot.snapshot()
        for value in kept:
            print(heap.node(value).type, edges(heap.node(value)))
            assert heap.node(value).tracked is gc.is_tracked(value)
            tools.ask_everything(value, "NoTraverse")
        """,
        "hostile.NoTraverse []",
        "hostile.NoTraverse []",
    )


def test_an_object_that_says_it_is_not_collected_is_not_traversed(says):
    says(
        """
        kept = hostile.headless(["held"])
        heap = snakeroot.snapshot()
        node = heap.node(kept)
        # The header that it lacks may be counted, as some versions do themselves.
        size = sys.getsizeof(kept)
        print(node.tracked, node.size in (size, size + 16), "collectable" in node.flag_words)
        print([label for label, at in edges(node) if at == id(kept.held)])
        tools.ask_everything(kept, "Headless")
        """,
        "False True True",
        "['.held']",
    )


# What an extension's own function says is not asked while other threads stand still.
SIZES_SAID = [0] * 10 if FREE_THREADED else [0, 0, 0, 9223372036854775775, 0, 0, 0, 0, -20, 0]


def test_a_size_that_is_no_size_is_replaced_and_no_error_is_left(says):
    says(
        """
        freed, asked = [], []
        class Number(int):
            def __index__(self):
                asked.append("__index__")
                return 3
            def __del__(self):
                freed.append(1)
        class Other:
            def __index__(self):
                asked.append("__index__")
                return 3
            def __del__(self):
                freed.append(1)
        for fast in (False, True):
            basic = sys.getsizeof(object()) + 16
            kept = [hostile.sized(mode, fast) for mode in range(5)]
            if fast and hasattr(sys, "gettotalrefcount"):
                kept[1] = kept[0]  # a call without answer and error would end such a build
            answers = Number(7), Other(), "text", 12, None
            kept += [hostile.sized(5, fast, answer) for answer in answers]
            del answers
            snakeroot.snapshot()  # drops what the last one left, and with it the last round's
            freed.clear()
            before = [sys.getrefcount(value) for value in kept]
            heap = snakeroot.snapshot()
            assert before == [sys.getrefcount(value) for value in kept]
            print([heap.node(value).size - basic for value in kept])
            assert asked == freed == []
            for value in kept[:3]:
                tools.ask_everything(value, "FastSized" if fast else "Sized")
            del value
            for _ in range(2):
                snakeroot.snapshot()
            refcounts = [sys.getrefcount(value.__sizeof__()) for value in kept[5:7]]
            for _ in range(5):
                snakeroot.snapshot()
            # Nothing piles up: what one walk could not drop, the next does.
            now = [sys.getrefcount(value.__sizeof__()) for value in kept[5:7]]
            assert now == refcounts, (refcounts, now)
        """,
        *[SIZES_SAID] * 2,
    )


@pytest.mark.skipif(
    FREE_THREADED, reason="what an extension's own function says is not asked while other threads stand still"
)
def test_sizes_that_sum_beyond_all_memory_still_make_a_table(says):
    says(
        """
        kept = [hostile.sized(3) for _ in range(5)]
        heap = snakeroot.snapshot()
        print(heap.size, heap.info.size == heap.size)
        row = heap.types()[0]
        print(row.type, row.count, row.size)
        print("hostile.Sized" in str(heap.types(limit=1)))
        tools.ask_everything(kept[0], "Sized")
        """,
        f"{2**64 - 1} True",
        f"hostile.Sized 5 {2**64 - 1}",
        True,
    )


def test_the_size_of_an_object_with_a_negative_or_senseless_count_is_a_number(says):
    says(
        """
        kept = [hostile.counted(count) for count in (3, -3, sys.maxsize, -sys.maxsize - 1)]
        heap = snakeroot.snapshot()
        print([heap.node(value).size for value in kept[:2]])
        print(all(0 <= heap.node(value).size < 2**64 for value in kept))
        tools.ask_everything(kept[1], "Counted")
        """,
        [object.__basicsize__ + 32] * 2,
        True,
    )


@pytest.mark.parametrize("collectable", [False, True])
def test_references_at_odd_places_are_found_and_named(collectable, says):
    says(
        f"""
        held, also = ["held"], ["also"]
        both = hostile.packed(held, also, {collectable})
        one = hostile.packed(held, None if {collectable} else also, {collectable})
        heap = snakeroot.snapshot()
        print(sorted(edges(heap.node(both))) == sorted([(".held", id(held)), (".also", id(also))]))
        print(heap.node(both).size == sys.getsizeof(both))
        tools.ask_everything(both, "PackedGc" if {collectable} else "Packed")
        """,
        True,
        True,
    )


def test_an_object_of_a_type_that_was_never_made_ready_is_in_the_heap(says):
    says(
        """
        kept = [hostile.raw()]
        address = id(kept[0])
        heap = snakeroot.snapshot(values=True)
        node = heap.node(address)
        print(node.type, node.size, [edge.label for edge in node.referrers()])
        print(heap.why(address).lines[0].endswith("hostile.Raw %#x" % address))
        snakeroot.show_refs(kept, output=open(os.devnull, "w"), repr=False, collect=False)
        snakeroot.show_backrefs(kept, output=open(os.devnull, "w"), repr=False, collect=False)
        print(snakeroot.find_ref_chain(kept, lambda each: False) == [kept])
        heap.save(os.devnull + "x") if 0 else None
        """,
        f"hostile.Raw {object.__basicsize__} ['[0]']",
        True,
        True,
    )


def test_attributes_before_an_object_of_a_type_in_c_are_seen(says):
    says(
        """
        if not hasattr(hostile, "Managed"):
            print(True); print(True)
            done()
        import weakref
        plain, derived = hostile.Managed(), type("Derived", (hostile.Managed,), {})()
        for value in (plain, derived):
            value.own, value.extra = ["own"], ["extra"]
            reference = weakref.ref(value)
            value.made = dict(own=1)
        materialised = hostile.Managed()
        materialised.extra = ["extra"]
        vars(materialised)["more"] = ["more"]
        heap = snakeroot.snapshot()
        for value in (plain, derived):
            found = {at for _, at in edges(heap.node(value))}
            below = [edges(edge.node) for edge in heap.node(value).referents()]
            found |= {at for row in below for _, at in row}
            print({id(value.own), id(value.extra), id(value.made)} <= found)
            tools.ask_everything(value, type(value).__name__)
        tools.ask_everything(materialised, "Managed")
        """,
        True,
        True,
    )


def test_objects_that_are_half_made_are_walked(says):
    says(
        """
        import types
        held = ["held"]
        kept = [hostile.half_tuple(held), hostile.half_list(held)]
        kinds = [types.FunctionType, property, types.MethodType, types.CellType, staticmethod,
                 list, tuple, types.MappingProxyType, map, enumerate]
        kept += [hostile.blank(kind) for kind in kinds]
        # The list is not looked into by Python: a half-made tuple may not be.
        heap = snakeroot.snapshot(values=True)
        addresses = [edge.node.address for edge in heap.node(kept).referents()]
        print(len(addresses))
        for address in addresses:
            node = heap.node(address)
            str(node), str(heap.why(address)), [str(edge.node) for edge in node.referents()]
        print(edges(heap.node(addresses[0])) == [("[1]", id(held))])
        print(edges(heap.node(addresses[1])) == [("[1]", id(held))])
        snakeroot.show_refs([kept], max_depth=3, output=open(os.devnull, "w"), repr=False)
        snakeroot.show_backrefs([held], output=open(os.devnull, "w"), repr=False, collect=False)
        heap = snakeroot.snapshot()
        """,
        12,
        True,
        True,
    )


def test_threads_of_c_may_come_and_go_during_snapshots(says):
    says(
        """
        import time
        hostile.start_hammers()
        end = time.monotonic() + 2
        rounds = 0
        while time.monotonic() < end or rounds < 4:
            assert len(snakeroot.snapshot()) > 1000
            snakeroot.show_backrefs([START], output=open(os.devnull, "w"), repr=False, collect=False)
            rounds += 1
        hostile.stop_hammers()
        print("end")
        """.replace("START", "tools"),
        "end",
    )


def test_the_source_is_skipped_only_for_want_of_a_compiler(tmp_path):
    built, reason = hostile.compiled(tmp_path)
    assert (built is None) == bool(reason)
    assert built is None or os.path.getsize(built) > 1000
