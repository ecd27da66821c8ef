"""Snapshots at moments when a heap is hard to look at: in a collection, at the end, all at once."""

import os
import sys
import sysconfig

import hostile
import pytest

# There the collector's lists are no place where objects can be missing: all are found, and told apart.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
TOLD = not FREE_THREADED

# What most of these programs share: what they ask at the moment, and what must come of it.
ASK = """
import gc, io, os, sys, threading, weakref
import snakeroot
import hostile

class Thing:
    pass

KEPT = Thing()
KEPT.content = ["kept"]

def ask():
    heap = snakeroot.snapshot()
    assert len(heap) > 1000, len(heap)
    found = heap.node(KEPT.content)
    assert "KEPT" in str(heap.why(KEPT.content)), heap.why(KEPT.content)
    assert snakeroot.count("Thing") >= 1
    assert KEPT in snakeroot.by_type("Thing")
    drawn = io.StringIO()
    snakeroot.show_backrefs(KEPT, output=drawn)
    snakeroot.show_refs(KEPT, output=drawn)
    assert "Thing" in drawn.getvalue()
    chain = snakeroot.find_backref_chain(KEPT.content, snakeroot.is_proper_module)
    assert chain[0] is sys.modules["__main__"], chain
    return heap
"""


def says(program, *words, **options):
    import textwrap

    return hostile.says(ASK + textwrap.dedent(program), *words, **options)


NOTICE = "taken while the collector is at work"


def test_in_a_callback_of_the_collector_the_heap_is_whole():
    says(
        """
        lost = Thing()
        lost.itself = lost
        address = id(lost)
        del lost
        seen = []
        def callback(phase, info):
            heap = ask()
            there = True
            try:
                heap.node(address)
            except KeyError:
                there = False
            told = any("collector is at work" in each for each in heap.info.notices)
            seen.append((phase, there, told))
        gc.disable()
        gc.callbacks.append(callback)
        gc.collect()
        gc.callbacks.clear()
        for each in seen:
            print(*each)
        print(snakeroot.snapshot().info.notices)
        """,
        # At the start nothing is set aside yet, at the end it is gone.
        f"start True {TOLD}",
        f"stop False {TOLD}",
        "[]",
    )


def test_in_a_finalizer_of_a_collection_what_is_led_to_is_there_and_the_rest_is_named():
    says(
        """
        seen = []
        class Lost:
            def __del__(self):
                heap = ask()
                # The other one is garbage too, and set aside with it.
                node, other = heap.node(self), heap.node(self.other)
                assert node.tracked and other.tracked
                labels = [edge.label for edge in other.referrers()]
                drawn = io.StringIO()
                snakeroot.show_backrefs(self, output=drawn, max_depth=1)
                seen.append((drawn.getvalue().count("Lost") > 1,
                             "__del__" in str(heap.why(self)), heap.info.notices))
        one, other = Lost(), Lost()
        one.other, other.other = other, one
        del one, other
        gc.collect()
        print(len(seen))
        for drawn, named, notices in seen:
            print(drawn, named, [notice.startswith(NOTICE) for notice in notices])
        """.replace("NOTICE", repr(NOTICE)),
        2,
        f"True True {[True] * TOLD}",
        f"True True {[True] * TOLD}",
    )


def test_in_a_weak_references_callback_the_heap_says_that_garbage_is_missing():
    says(
        """
        seen = []
        class Lost:
            pass
        def gone(reference):
            heap = ask()
            assert not any(edge.weak for edge in heap.node(reference).referents())
            seen.append(heap.info.notices)
        lost = Lost()
        lost.itself = lost
        reference = weakref.ref(lost, gone)
        del lost
        gc.collect()
        print(len(seen), [notice.startswith(NOTICE) for notice in seen[0]])
        # Without a collection there is nothing to say.
        lost = Lost()
        reference = weakref.ref(lost, gone)
        del lost
        print(len(seen), seen[1])
        """.replace("NOTICE", repr(NOTICE)),
        f"1 {[True] * TOLD}",
        "2 []",
    )


def test_another_thread_in_the_middle_of_a_collection_is_told_too():
    says(
        """
        here, there = threading.Event(), threading.Event()
        class Lost:
            def __del__(self):
                here.set()
                there.wait(60)
        def watch():
            here.wait(60)
            seen.append(ask().info.notices)
            there.set()
        seen = []
        watcher = threading.Thread(target=watch)
        watcher.start()
        lost = Lost()
        lost.itself = lost
        del lost
        gc.collect()
        watcher.join()
        print(len(seen[0]))
        """,
        int(TOLD),
    )


def test_the_first_import_may_be_in_a_collection():
    hostile.says(
        """
        import gc
        seen = []
        class Lost:
            def __del__(self):
                import snakeroot
                heap = snakeroot.snapshot()
                seen.append((len(heap) > 1000, len(heap.info.notices)))
        lost = Lost()
        lost.itself = lost
        del lost
        gc.collect()
        import snakeroot
        print(seen)
        print(snakeroot.snapshot().info.notices, snakeroot.snapshot().info.enumeration)
        """,
        f"[(True, {int(TOLD)})]",
        "[] stopped world" if FREE_THREADED else "[] gc lists",
    )


def test_a_finalizer_by_reference_count_is_a_moment_like_any_other():
    says(
        """
        class Ends:
            def __del__(self):
                heap = ask()
                print(heap.node(self).type, heap.info.notices, heap.node(self.held).refcount)
        ends = Ends()
        ends.held = ["held"]
        del ends
        class Inner:
            def __del__(self):
                ask()
        # In the middle of freeing containers, whose other items may be gone already.
        for container in ([Inner(), 1, Inner()], (Inner(), [Inner()]), {1: Inner(), 2: Inner()},
                          {Inner(), Inner()}, __import__("collections").deque([Inner(), Inner()])):
            container = [container]
            container.clear()
        table = {number: Inner() for number in range(3)}
        table.clear()
        row = [Inner(), Inner()]
        row[:] = []
        def generator():
            one, two, three = Inner(), [Inner()], Inner()
            yield one
        list(generator())
        started = generator()
        next(started)
        started.close()
        started = generator()
        next(started)
        del started
        def function(one, two):
            three = Inner()
        function(Inner(), [Inner()])
        def raising():
            one, two = Inner(), Inner()
            raise KeyError(Inner())
        try:
            raising()
        except KeyError as error:
            pass
        print("end")
        """,
        "__main__.Ends [] 1",
        "end",
    )


def test_a_signal_handler_may_take_one():
    says(
        """
        import signal
        seen = []
        def handle(number, frame):
            seen.append(ask())
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        for _ in range(10**9):
            kept = {number: [number] for number in range(100)}
            snakeroot.snapshot()
            if len(seen) >= 5:
                break
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        print(len(seen) >= 5)
        """,
        True,
    )


def test_functions_for_tracing_and_profiling_may_take_one():
    says(
        """
        seen = set()
        def hook(frame, event, argument):
            if event not in seen:
                seen.add(event)
                heap = ask()
                if frame.f_code.co_name == "traced":
                    assert "traced" in str(heap.why(frame.f_code, limit=10))
            return hook
        def traced():
            local = ["local"]
            len(local)
            try:
                raise KeyError
            except KeyError:
                pass
            return local
        sys.settrace(hook)
        traced()
        sys.settrace(None)
        print(sorted(seen))
        seen.clear()
        sys.setprofile(hook)
        traced()
        sys.setprofile(None)
        print(sorted(seen))
        threading.settrace(hook)
        seen.clear()
        thread = threading.Thread(target=traced)
        thread.start()
        thread.join()
        print("call" in seen)
        """,
        "['call', 'exception', 'line', 'return']",
        "['c_call', 'c_return', 'call', 'return']",
        True,
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
def test_callbacks_of_monitoring_may_take_one():
    says(
        """
        events = sys.monitoring.events
        seen = set()
        def watch(name):
            def callback(*_):
                if name not in seen:
                    seen.add(name)
                    ask()
            return callback
        sys.monitoring.use_tool_id(0, "test")
        names = ("PY_START PY_RESUME PY_RETURN PY_YIELD CALL LINE INSTRUCTION JUMP RAISE PY_UNWIND "
                 "C_RETURN EXCEPTION_HANDLED").split()
        for name in names:
            sys.monitoring.register_callback(0, getattr(events, name), watch(name))
        def generator():
            yield from [1, 2]
        def watched():
            for each in generator():
                len([each])
            try:
                {}[1]
            except KeyError:
                pass
        every = 0
        for name in names:
            if name != "C_RETURN":
                every |= getattr(events, name)
        sys.monitoring.set_events(0, every)
        watched()
        sys.monitoring.set_events(0, 0)
        print({"PY_START", "PY_RETURN", "CALL", "LINE", "INSTRUCTION", "RAISE"} <= seen)
        """,
        True,
    )


def test_an_audit_hook_may_take_one_and_hears_of_none():
    says(
        """
        seen, armed = [], []
        def hook(event, arguments):
            if armed:
                seen.append(event)
                if len(seen) < 20:
                    armed.pop()
                    ask()
                    armed.append(True)
        sys.addaudithook(hook)
        armed.append(True)
        snakeroot.snapshot()
        print(seen)
        compile("1", "name", "eval")
        print(seen[0])
        armed.clear()
        """,
        "[]",
        "compile",
    )


def test_inside_an_import_hook_nothing_is_imported_again():
    says(
        """
        import builtins, json
        before = builtins.__import__
        depth = []
        def hooked(name, *arguments, **keywords):
            depth.append(name)
            assert len(depth) < 5, depth
            ask()
            depth.pop()
            return before(name, *arguments, **keywords)
        snakeroot.growth()
        called = []
        builtins.__import__ = hooked
        import wave
        snakeroot.growth()
        ask()
        builtins.__import__ = before
        class Finder:
            def find_spec(self, name, path=None, target=None):
                called.append(name)
                ask()
        sys.meta_path.insert(0, Finder())
        import graphlib
        print(called)
        """,
        "['graphlib']",
    )


def test_no_hook_of_the_import_system_is_asked():
    hostile.says(
        """
        import builtins, io, sys
        import snakeroot
        kept = [object()]
        def refuse(*_, **__):
            raise RuntimeError("imported")
        before, builtins.__import__ = builtins.__import__, refuse
        class Lazy(type(sys)):
            def __getattribute__(self, name):
                raise RuntimeError("asked")
        sys.modules["threading"] = Lazy("threading")
        snakeroot.snapshot().why(kept)
        snakeroot.find_backref_chain(kept, snakeroot.is_proper_module)
        snakeroot.show_backrefs(kept, output=io.StringIO())
        snakeroot.growth()
        snakeroot.typestats()
        builtins.__import__ = before
        print("end")
        """,
        "end",
    )


def test_at_exit_and_while_the_interpreter_ends():
    done = hostile.run(
        ASK
        + """
import atexit, codecs, builtins, functools, io
atexit.register(lambda: (ask(), os.write(1, b"atexit ok\\n")))
BALLAST = [[number] for number in range(300_000)]
class Ends:
    def __init__(self, word):
        self.word = word
        # So much that an answer takes longer than signals wait.
        self.ballast = BALLAST
        # At the end there are no names any more, not even those of builtins.
        show = functools.partial(snakeroot.show_backrefs, output=io.StringIO())
        self.tools = (snakeroot.snapshot, os.write, snakeroot.count, show,
                      snakeroot.find_backref_chain, snakeroot.is_proper_module, snakeroot.typestats,
                      str, len, sys.exc_info)
    def __del__(self):
        snapshot, write, count, show, chain, proper, stats, text, length, failed = self.tools
        try:
            heap = snapshot()
            text(heap.why(self)), text(heap.info), text(heap.types())
            count("Ends"), stats(), show(self), chain(self, proper)
            answer = "ok" if length(heap) > 100 else "few"
        except:
            answer = text(failed())
        write(1, ("%s %s\\n" % (self.word, answer)).encode())
module_level = Ends("module")
cycle = Ends("cycle")
cycle.itself = cycle
sys.kept_in_sys = Ends("sys")
builtins.kept_in_builtins = Ends("builtins")
sys.modules["not a module"] = Ends("modules")
def search(name, kept=Ends("codec")):
    return None
codecs.register(search)
codecs.register_error("hostile", lambda error, kept=Ends("error handler"): ("", 0))
sys.addaudithook(lambda event, arguments, kept=Ends("audit"): None)
threading.main_thread().kept = Ends("thread")
local = threading.local()
local.kept = Ends("local")
del search, local
"""
    )
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    answers = dict(
        line.split(" ", 1) for line in done.stdout.replace("error handler", "handler").splitlines()
    )
    # Which of them the interpreter frees at all differs from version to version.
    assert {"atexit", "module", "sys", "builtins", "thread", "audit"} <= set(answers), done
    assert set(answers.values()) == {"ok"}, done


def test_daemon_threads_that_take_snapshots_do_not_harm_the_end():
    for _ in range(3):
        says(
            """
            import time
            def forever():
                while True:
                    snakeroot.snapshot().types()
                    snakeroot.show_backrefs(KEPT, output=io.StringIO())
                    snakeroot.show_backrefs(KEPT, filter=lambda it: True, output=io.StringIO())
            for _ in range(3):
                threading.Thread(target=forever, daemon=True).start()
            time.sleep(0.3)
            print("end")
            """,
            "end",
        )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_forked_children_of_a_process_with_threads_walk_their_own_heap():
    says(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        stop = threading.Event()
        def churn():
            while not stop.is_set():
                snakeroot.snapshot()
        threads = [threading.Thread(target=churn) for _ in range(2)]
        for thread in threads:
            thread.start()
        def child(number):
            heap = ask()
            # Of the threads only the one that forked is there.
            return len(heap.types(limit=None)) > 10 and os.getpid() == heap.info.pid
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(child, range(4)))
        pid = os.fork()
        if pid == 0:
            inner = os.fork()
            if inner == 0:
                ask()
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) if ask() else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        stop.set()
        for thread in threads:
            thread.join()
        """,
        "[True, True, True, True]",
        0,
    )


def test_threads_take_snapshots_at_once_while_others_change_everything():
    says(
        """
        import random, time
        stop = threading.Event()
        failures, rounds = [], [0] * 6
        def change(place):
            draw = random.Random(place)
            while not stop.is_set():
                table = {(draw.random(), number): Thing() for number in range(30)}
                for number, thing in enumerate(table.values()):
                    thing.table, thing.row = table, [table] * number
                    setattr(thing, "name%d" % draw.randrange(50), number)
                table.popitem()
                type("Made%d" % place, (Thing,), {"x": table})
                def generator():
                    yield table
                    yield from [table]
                next(generator())
                rounds[place] += 1
        def look(place):
            try:
                while not stop.is_set():
                    heap = ask()
                    assert gc.isenabled()
                    rounds[place] += 1
            except BaseException as error:
                failures.append(error)
                raise
        targets = [change] * 3 + [look] * 3
        threads = [
            threading.Thread(target=target, args=(place,)) for place, target in enumerate(targets)
        ]
        for thread in threads:
            thread.start()
        time.sleep(3)
        stop.set()
        for thread in threads:
            thread.join()
        print(failures, min(rounds) > 0)
        """,
        "[] True",
    )


def test_frames_are_walked_at_the_recursion_limit():
    says(
        """
        deepest = []
        def down(depth):
            held = [depth]
            try:
                return down(depth + 1)
            except RecursionError:
                if not deepest:
                    for margin in range(40):
                        try:
                            heap = snakeroot.snapshot()
                            break
                        except RecursionError:
                            return None
                    else:
                        return None
                    deepest.append((depth, heap, id(held)))
                return None
        down(0)
        # At the limit itself, or a few calls above it.
        depth, heap, address = deepest[0]
        frames = [line for line in str(heap.why(address)).splitlines() if "down()" in line]
        print(depth > 500, len(frames) >= 1, heap.node(address).type)
        """,
        "True True list",
    )


def test_every_one_of_many_frames_is_walked():
    depth = 50_000 if sys.version_info < (3, 11) else 250_000
    says(
        """
        def down(depth):
            held = [depth]
            if depth:
                return down(depth - 1)
            return snakeroot.snapshot(), id(held)
        def up(depth):
            first = ["the first frame's"]
            found.append(id(first))
            return down(depth)
        found = []
        import resource
        depth = DEPTH
        sys.setrecursionlimit(depth + 1000)
        results = []
        def main():
            results.append(up(depth))
        threading.stack_size(1 << 30)
        thread = threading.Thread(target=main, name="deep")
        thread.start()
        thread.join()
        (heap, last), first = results[0], found[0]
        print(any("local" in edge.label for edge in heap.node(last).referrers()))
        print([edge.label for edge in heap.node(first).referrers()])
        print("deep" in str(heap.why(first)))
        """.replace("DEPTH", str(depth)),
        True,
        "['local \"first\"']",
        True,
    )


def test_thousands_of_threads_are_roots_with_their_locals():
    says(
        """
        import time
        threading.stack_size(256 << 10)
        go = threading.Event()
        count = 2000
        ready = []
        def wait(number):
            local_of_thread = Thing()
            ready.append(id(local_of_thread))
            go.wait()
        threads = []
        try:
            for number in range(count):
                thread = threading.Thread(target=wait, args=(number,), name="worker-%d" % number)
                thread.start()
                threads.append(thread)
        except RuntimeError:
            pass
        while len(ready) < len(threads):
            time.sleep(0.01)
        started = time.monotonic()
        heap = snakeroot.snapshot()
        took = time.monotonic() - started
        wanted = [heap.node(address) for address in ready]
        named = [edge.label for node in wanted for edge in node.referrers()]
        text = str(heap.why(ready[-1]))
        go.set()
        for thread in threads:
            thread.join()
        print(len(threads) > 100, named == ['local "local_of_thread"'] * len(threads))
        print("worker-" in text, took < 10)
        """,
        "True True",
        "True True",
    )


def interpreters():
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            return name, __import__(name)
        except ImportError:
            pass
    return None


@pytest.mark.skipif(interpreters() is None, reason="this build makes no other interpreters")
def test_other_interpreters_are_counted_and_refuse_the_module():
    says(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        print(ask().info.notices)
        first, second = interpreters.create(), interpreters.create()
        read, write = os.pipe()
        program = '''
        import os, sys
        sys.path[:] = PATH
        kept = ["of another interpreter"]
        try:
            import snakeroot
        except ImportError as error:
            answer = "ImportError: %s" % error
        else:
            answer = "imported"
        os.write(WRITE, answer.encode() + b"\\\\n")
        '''
        import textwrap
        program = textwrap.dedent(program)
        program = program.replace("PATH", repr(sys.path)).replace("WRITE", str(write))
        interpreters.run_string(first, program)
        answer = os.read(read, 1000).decode()
        print(answer.startswith("ImportError: "), "interpreter" in answer)
        print(ask().info.notices)
        interpreters.destroy(first)
        print(ask().info.notices)
        interpreters.destroy(second)
        print(ask().info.notices)
        """,
        "[]",
        "True True",
        "['2 other interpreters of this process are not walked']",
        "['1 other interpreter of this process is not walked']",
        "[]",
    )
