"""The walk in processes that are not as usual: forked, short of memory."""

import os
import subprocess
import sys
import textwrap

import pytest


def run(program, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, **options
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_walks_draws_saves_and_loads(tmp_path):
    done = run(
        f"""
        import os, signal, sys, warnings
        import snakeroot
        warnings.simplefilter("ignore")
        before = len(snakeroot.snapshot())
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            heap = snakeroot.snapshot()
            kept = [object()]
            snakeroot.show_backrefs([kept], filename={str(tmp_path / "child.svg")!r})
            snakeroot.find_backref_chain(kept, snakeroot.is_proper_module)
            heap.save({str(tmp_path / "child.heap.parquet")!r})
            loaded = snakeroot.load({str(tmp_path / "child.heap.parquet")!r})
            os._exit(0 if len(loaded) == len(heap) > before / 2 else 1)
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status) and 3)
        """
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "child.svg").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on the address space")
def test_too_little_memory_is_a_memory_error_and_not_the_end_of_the_process():
    done = run(
        """
        import resource
        import snakeroot
        heap = snakeroot.snapshot()
        kept = [[number] for number in range(1_000_000)]
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), resource.RLIM_INFINITY))
        try:
            snakeroot.snapshot()
        except MemoryError as error:
            print("MemoryError:", error)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MemoryError: the walk needs about "), done.stdout


def test_the_collector_is_as_it_was_after_a_walk():
    import gc

    import snakeroot

    assert gc.isenabled()
    snakeroot.snapshot()
    assert gc.isenabled()
    gc.disable()
    try:
        snakeroot.snapshot()
        assert not gc.isenabled()
    finally:
        gc.enable()
