"""`heap.why`: the chain names its root, each step, and nothing that does not hold."""

import gc
import threading

import programs
import pytest
import snakeroot

WITH_CHAIN = [name for name in programs.NAMES if "chain" in programs.load(name).EXPECTED]


@pytest.mark.parametrize("name", WITH_CHAIN)
def test_the_chain_reads_from_the_root_down(name, build):
    module = build(name)
    heap = snakeroot.snapshot()
    text = str(heap.why(module.kept()))
    assert programs.in_order(module.EXPECTED["chain"], text), text
    for word in module.EXPECTED.get("chain lacks", ()):
        assert word not in text


@pytest.mark.parametrize("name", WITH_CHAIN)
def test_a_loaded_heap_gives_the_same_chain(name, build, tmp_path):
    module = build(name)
    heap = snakeroot.snapshot()
    address = id(module.kept())
    heap.save(str(tmp_path / "app.heap.parquet"))
    loaded = snakeroot.load(str(tmp_path / "app.heap.parquet"))
    assert str(loaded.why(address)) == str(heap.why(address))


def hold():
    held_here = [object()]
    return str(snakeroot.snapshot().why(held_here))


def test_a_local_variable_of_the_caller_is_named_with_its_function():
    text = hold()
    assert programs.in_order(["MainThread", "hold", "held_here"], text), text


def test_a_frame_is_named_with_its_file_and_line():
    text = hold()
    assert "test_why.py:%d" % (hold.__code__.co_firstlineno + 2) in text, text


def test_a_long_function_name_does_not_hide_the_file_and_line():
    def a_function_with_a_name_that_is_far_longer_than_a_line_of_a_terminal_would_like_it():
        held_here = [object()]
        return str(snakeroot.snapshot().why(held_here))

    text = a_function_with_a_name_that_is_far_longer_than_a_line_of_a_terminal_would_like_it()
    assert "test_why.py:" in text, text


def test_a_limit_of_one_shows_one_of_many_chains(build):
    module = build("sixty_referrers")
    heap = snakeroot.snapshot()
    one, three = str(heap.why(module.kept(), limit=1)), str(heap.why(module.kept(), limit=3))
    assert len(one) < len(three)
    assert "HOLDERS" in one


def test_the_end_of_a_long_list_is_explained_without_recursion(build):
    module = build("linked_list")
    heap = snakeroot.snapshot()
    text = str(heap.why(module.kept(), limit=1))
    assert "fixture_linked_list" in text and "HEAD" in text


def test_a_cycle_that_nothing_holds_has_no_root_and_says_so():
    class Lost:
        pass

    lost = Lost()
    lost.itself = lost
    address = id(lost)
    del lost
    heap = snakeroot.snapshot()
    assert heap.node(address).type.endswith("Lost")
    text = str(heap.why(address))
    assert "fixture" not in text and "module" not in text.split("\n")[0]
    assert text.strip()


def test_a_thread_that_ends_holds_no_longer(build):
    module = build("thread_locals")
    before = snakeroot.snapshot()
    address = id(module.kept())
    assert "pending_rows" in str(before.why(address))
    module.COLLECTOR[0].go.set()
    module.COLLECTOR[0].join()
    assert module.kept() is None
    after = snakeroot.snapshot()
    try:
        there_now = after.node(address).type
    except KeyError:
        there_now = None
    assert there_now != "fixture_thread_locals.Rows"


def test_a_thread_is_shown_under_its_name():
    ready, go = threading.Event(), threading.Event()

    def wait():
        waiting_with_this = [object()]
        ready.set()
        go.wait()
        return waiting_with_this

    thread = threading.Thread(target=wait, name="a thread of its own name")
    thread.start()
    try:
        ready.wait()
        (found,) = [
            value
            for value in gc.get_objects()
            if type(value) is list and len(value) == 1 and type(value[0]) is object
        ]
        address = id(found)
        del found
        heap = snakeroot.snapshot()
        assert programs.in_order(
            ["a thread of its own name", "wait", "waiting_with_this"], str(heap.why(address))
        )
    finally:
        go.set()
        thread.join()


@pytest.mark.parametrize("name", ["why.svg", "why.png", "why.dot"])
def test_a_chain_can_be_drawn(name, build, tmp_path):
    module = build("module_list")
    heap = snakeroot.snapshot()
    path = tmp_path / name
    heap.why(module.kept()).show(str(path))
    start = path.read_bytes()[:400]
    assert {"svg": b"<svg", "png": b"\x89PNG", "dot": b"digraph"}[path.suffix[1:]] in start
