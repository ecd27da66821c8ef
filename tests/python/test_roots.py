"""GC roots: what holds when no object does, and that what nothing holds is garbage."""

import asyncio
import collections
import ctypes
import gc
import subprocess
import sys
import threading
import types
import weakref

import programs
import pytest
import snakeroot


class Kept:
    pass


def loop_of(value):
    """Makes an object hold itself, and gives its address."""
    value.itself = value
    return id(value)


def reached(heap, starts):
    """Ids of the nodes that some nodes reach over strong edges."""
    found, todo = {}, list(starts)
    while todo:
        node = todo.pop()
        if node.id not in found:
            found[node.id] = node
            todo += [edge.node for edge in node.referents() if not edge.weak]
    return found


def hold_from_c(value):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def let_go_from_c(address):
    ctypes.pythonapi.Py_DecRef(ctypes.c_void_p(address))


@pytest.fixture
def no_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def make_cycles(count):
    """Cycles that nothing holds, and their objects' addresses by kind."""
    made = collections.defaultdict(list)
    for number in range(count):
        made["instance"].append(loop_of(Kept()))
        items, table, pair = [number], {}, ([],)
        items.append(items)
        table["itself"] = [table]
        pair[0].append(pair)
        made["list"].append(id(items))
        made["dict"].append(id(table))
        made["tuple"].append(id(pair))
        closure = recursive()
        made["function"].append(id(closure))
        made["cell"].append(id(closure.__closure__[0]))
        made["class"].append(id(type("Lost", (), {})))
        held = []
        generator = holding(held)
        next(generator)
        held.append(generator)
        made["generator"].append(id(generator))
        queue = collections.deque()
        queue.append(queue)
        made["deque"].append(id(queue))
        made["held by garbage"].append(id(text := "a text of its own %d" % number))
        items.append(text)
    del items, table, pair, closure, held, generator, queue, text
    return made


def holding(held):
    yield held


def recursive():
    def closure():
        return closure

    return closure


def test_cycles_that_nothing_holds_are_garbage(no_collection):
    made = make_cycles(100)
    heap = snakeroot.snapshot()
    for kind, addresses in made.items():
        for address in addresses:
            node = heap.node(address)
            assert node.root is None and "garbage" in node.flag_words, (kind, node)
    assert heap.info.garbage >= 100 * len(made)


def test_what_is_held_is_not_garbage(no_collection, program):
    live = program.build()
    heap = snakeroot.snapshot()
    assert [name for name, value in live.items() if "garbage" in heap.node(id(value)).flag_words] == []


def contradictions():
    """What the collector frees and the heap did not call garbage, and the other way round."""
    make_cycles(50)
    heap = snakeroot.snapshot()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(0)
    collected = {id(value): value for value in gc.garbage}
    gc.garbage.clear()
    others = [id(value) for value in gc.get_objects() if id(value) not in collected]
    assert len(collected) > 50 * 7
    found = [heap.node(at) for at in collected if "garbage" not in heap.node(at).flag_words]
    for address in others:
        try:
            if "garbage" in heap.node(address).flag_words:
                found.append(heap.node(address))
        except KeyError:
            continue  # Made since, or snakeroot's own.
    return found


def test_garbage_is_exactly_what_the_collector_finds(no_collection):
    # What was made since may stand at the address of something that has died: then once more.
    tries = [contradictions() for _ in range(3)]
    assert [] in tries, tries


def test_a_heap_without_garbage_counts_none():
    gc.collect()
    assert snakeroot.snapshot().info.garbage == 0


def test_garbage_is_gone_after_a_collection(no_collection):
    made = make_cycles(20)
    assert snakeroot.snapshot().info.garbage > 0
    gc.collect()
    heap = snakeroot.snapshot()
    assert heap.info.garbage == 0
    assert len(made) > 5


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_only_c_holds_is_a_root_that_says_how_often(no_collection, count):
    def make():
        value = Kept()
        for _ in range(count):
            hold_from_c(value)
        return loop_of(value)

    address = make()
    try:
        heap = snakeroot.snapshot()
        node = heap.node(address)
        assert node.root is not None, node.flag_words
        assert node.root.kind == "held-from-c"
        assert node.root.words == ("1 reference" if count == 1 else "%d references" % count)
        assert "garbage" not in node.flag_words
        assert "held" in str(heap.why(address))
    finally:
        for _ in range(count):
            let_go_from_c(address)
        gc.collect()


@pytest.mark.parametrize("make", [lambda: [Kept()], lambda: {"key": Kept()}, lambda: (Kept(),)])
def test_what_only_c_holds_is_not_in_the_memory_that_it_took_over(no_collection, make):
    # Lists and dicts that go leave their memory to the next ones, up to 3.13 in a table that still names them.
    gone = [make() for _ in range(100)]
    del gone
    values = [make() for _ in range(80)]
    addresses = [id(value) for value in values]
    for value in values:
        hold_from_c(value)
    del value, values
    try:
        heap = snakeroot.snapshot()
        kinds = collections.Counter(heap.node(address).root and heap.node(address).root.kind for address in addresses)
        # Some may lie where a stack has been, or in a table that has changed since it was found.
        assert kinds["held-from-c"] >= 70, kinds
    finally:
        for address in addresses:
            let_go_from_c(address)


def test_the_body_of_a_class_is_held_by_its_frame():
    class Body:
        mark = [Kept()]
        heap = snakeroot.snapshot()
        chain = str(heap.why(mark, limit=1))

    assert "Body()" in Body.chain and '["mark"]' in Body.chain, Body.chain


def test_the_text_of_a_running_script_is_the_interpreters(tmp_path):
    functions = ["def function_%d(a, b=%d): return 'text of number %d', a" % (at, at, at) for at in range(2000)]
    script = tmp_path / "script.py"
    script.write_text(
        "\n".join(functions)
        + "\nimport snakeroot\nheap = snakeroot.snapshot()\nprint(heap.info.held_from_c / len(heap))"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.01, done.stdout


def test_what_only_c_holds_keeps_all_that_it_reaches(no_collection):
    before = snakeroot.snapshot().info.held_from_c

    def make():
        value = Kept()
        value.items = [[] for _ in range(1000)]
        hold_from_c(value)
        return loop_of(value), [id(item) for item in value.items]

    address, items = make()
    try:
        heap = snakeroot.snapshot()
        assert not any("garbage" in heap.node(item).flag_words for item in items)
        assert 1002 <= heap.info.held_from_c - before < 1020
    finally:
        let_go_from_c(address)
        gc.collect()


def test_what_c_holds_beside_a_name_is_reached_by_the_name():
    value = Kept()
    hold_from_c(value)
    try:
        heap = snakeroot.snapshot()
        assert "local" in str(heap.why(value)) and 'value"' in str(heap.why(value))
    finally:
        let_go_from_c(id(value))


@pytest.mark.xfail(
    sys.version_info < (3, 14),
    reason="above its top a stack still has what lay there before, and a frame that calls C does not tell its top",
)
def test_what_only_c_holds_is_not_on_a_stack_that_it_has_left(no_collection):
    value = Kept()
    address = loop_of(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    del value
    heap = snakeroot.snapshot()
    try:
        assert heap.node(address).root.kind == "held-from-c"
    finally:
        let_go_from_c(address)


def test_few_objects_are_held_from_c_alone():
    heap = snakeroot.snapshot()
    limit = 0.01 if sys.version_info >= (3, 12) else 0.03
    assert heap.info.held_from_c <= limit * len(heap)


class Blocked:
    """Threads that wait, each some calls deep, with objects in their locals."""

    def __init__(self, count):
        self.go = threading.Event()
        self.ready = threading.Semaphore(0)
        self.seen = []
        self.threads = [
            threading.Thread(target=self.outer, args=(number,), name="blocked %d" % number)
            for number in range(count)
        ]

    def outer(self, number):
        outer_held = Kept()
        self.seen.append((number, "outer", "outer_held", id(outer_held)))
        return self.inner(number), outer_held

    def inner(self, number):
        inner_held, captured = Kept(), Kept()
        self.seen.append((number, "inner", "inner_held", id(inner_held)))
        self.seen.append((number, "inner", "captured", id(captured)))
        for item in self.looping(number):
            self.ready.release()
            self.go.wait()
        return inner_held, item, lambda: captured

    def looping(self, number):
        in_generator = Kept()
        self.seen.append((number, "looping", "in_generator", id(in_generator)))
        yield number
        return in_generator

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        for _ in self.threads:
            self.ready.acquire()
        return self

    def __exit__(self, *_):
        self.go.set()
        for thread in self.threads:
            thread.join()


def test_locals_of_blocked_threads_hang_on_their_thread_function_and_name():
    with Blocked(20) as blocked:
        heap = snakeroot.snapshot()
        assert len(blocked.seen) == 20 * 4
        for number, function, name, address in blocked.seen:
            text = str(heap.why(address, limit=1))
            words = [function, '"%s"' % name]
            # Before 3.11 no running frame says where its stack ends, and the generator of a loop is on the stack.
            if sys.version_info >= (3, 11) or function != "looping":
                words.insert(0, 'thread "blocked %d"' % number)
            assert programs.in_order(words, text), text


def thread_node(heap, name):
    """The node of a thread that runs `Blocked.outer`."""
    frames = [edge.node for edge in heap.node(Blocked.outer.__code__).referrers() if edge.node.type == "frame"]
    holders = [edge.node for frame in frames for edge in frame.referrers()]
    (found,) = [node for node in holders if node.root is not None and node.root.words.strip('"') == name]
    return found


def test_a_thread_has_its_frames_from_the_innermost_out():
    with Blocked(3) as blocked:
        stacks = {thread.name: sys._current_frames()[thread.ident] for thread in blocked.threads}
        heap = snakeroot.snapshot()
        for name, frame in stacks.items():
            codes = []
            while frame is not None:
                codes.append(id(frame.f_code))
                frame = frame.f_back
            frames = [edge.node for edge in thread_node(heap, name).referents() if edge.kind == "frame"]
            recorded = [
                edge.node.address for one in frames for edge in one.referents() if edge.label == ".f_code"
            ]
            assert recorded == codes


def test_every_frame_of_this_thread_has_its_locals():
    def innermost(depth):
        held = [depth]
        seen.append(id(held))
        return innermost(depth - 1) if depth else snakeroot.snapshot()

    seen = []
    heap = innermost(50)
    # The frames have ended: what they held was recorded.
    assert len(seen) == 51
    for address in seen[:1] + seen[25:26] + seen[50:]:
        text = str(heap.why(address, limit=1))
        assert programs.in_order(["thread", "innermost", '"held"'], text), text


async def fetching(future):
    fetched = Kept()
    return await future, fetched


async def handling(future):
    handled = Kept()
    return await fetching(future), handled


def test_suspended_tasks_hold_the_locals_of_what_they_await():
    async def main():
        loop = asyncio.get_running_loop()
        never = loop.create_future()
        tasks = [asyncio.ensure_future(handling(asyncio.shield(never))) for _ in range(20)]
        await asyncio.sleep(0)
        heap = snakeroot.snapshot()
        for task in tasks:
            outer, inner = task.get_coro(), task.get_coro().cr_await
            for coroutine, name in ((outer, "handled"), (inner, "fetched")):
                held = coroutine.cr_frame.f_locals[name]
                text = str(heap.why(id(held), limit=1))
                assert '"%s"' % name in text, text
            assert inner is not None
            # Before 3.11 the frame is an object between the two.
            holder = outer if sys.version_info >= (3, 11) else outer.cr_frame
            assert id(inner) in [edge.node.address for edge in heap.node(holder).referents()]
        never.set_result(None)
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_a_task_that_waits_is_a_root_that_says_where():
    async def main():
        loop = asyncio.get_running_loop()
        never = loop.create_future()
        tasks = [
            asyncio.create_task(handling(asyncio.shield(never)), name="the task %d" % number)
            for number in range(5)
        ]
        await asyncio.sleep(0)
        heap = snakeroot.snapshot()
        for number, task in enumerate(tasks):
            root = heap.node(task).root
            assert root is not None and root.kind == "task", root
            words = ['"the task %d"' % number, "handling()", "test_roots.py:", "fetching()", "test_roots.py:"]
            assert programs.in_order(words, root.words), root.words
        never.set_result(None)
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_a_suspended_generator_is_garbage_once_nothing_holds_it(no_collection):
    def make():
        held = Kept()
        held.generator = holding(held)
        next(held.generator)
        return id(held), weakref.ref(held)

    address, seen = make()
    heap = snakeroot.snapshot()
    assert "garbage" in heap.node(address).flag_words
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize(
    "find",
    [
        lambda: sys.modules,
        lambda: vars(sys),
        lambda: sys.path,
        lambda: sys.meta_path,
        lambda: sys.modules["builtins"],
        lambda: int,
        lambda: object.__dict__["__repr__"],
        lambda: sys.stdout,
        lambda: None,
        lambda: 1,
        lambda: codecs_search(),
        lambda: gc.callbacks,
    ],
)
def test_what_the_interpreter_holds_is_reached_by_a_root_other_than_c(find):
    address = id(find())
    heap = snakeroot.snapshot()
    text = str(heap.why(address, limit=1))
    assert "no GC root" not in text and "held-from-c" not in text and "held from C" not in text, text


def codecs_search():
    """A function that was registered with the interpreter's table of codecs."""
    import encodings

    return encodings.search_function


def test_a_callback_that_only_the_interpreter_holds_is_reached_from_its_state():
    import atexit

    def at_exit(value):
        return value

    address = id(kept := Kept())
    atexit.register(at_exit, kept)
    try:
        del kept
        heap = snakeroot.snapshot()
        node = heap.node(address)
        assert "garbage" not in node.flag_words
        assert "no GC root" not in str(heap.why(address))
    finally:
        atexit.unregister(at_exit)


def test_module_state_in_sys_modules_is_reached_by_the_module():
    module = types.ModuleType("made_for_roots")
    module.kept = Kept()
    address = id(module.kept)
    sys.modules["made_for_roots"] = module
    del module
    try:
        text = str(snakeroot.snapshot().why(address))
        assert programs.in_order(["module made_for_roots", '["kept"]'], text), text
    finally:
        del sys.modules["made_for_roots"]


def test_every_object_is_reached_or_garbage(no_collection):
    make_cycles(10)
    objects = gc.get_objects()
    heap = snakeroot.snapshot()
    nodes = []
    for value in objects:
        try:
            nodes.append(heap.node(id(value)))
        except KeyError:
            continue  # snakeroot's own.
    rooted = [node for node in nodes if node.root is not None]
    found = reached(heap, rooted)
    assert len(found) > 0.9 * len(heap)
    assert not any("garbage" in node.flag_words for node in found.values())
