"""What the tests of hostile heaps share: all verbs, programs run apart, C compiled."""

import contextlib
import functools
import io
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import snakeroot

HERE = Path(__file__).resolve().parent
C_SOURCE = HERE.parents[1] / "fixtures" / "c" / "hostile.c"


def ask_everything(value, typename, folder=None):
    """Asks each verb about an object; what `why` says of it, and the heap.

    `value` is looked at as little as can be: only its address is used here.
    """
    heap = snakeroot.snapshot(values=True)
    node = heap.node(value)
    assert node.address == id(value)
    text = [str(node), repr(node), node.type, str(node.name), str(node.value), str(node.root)]
    for edge in [*node.referents(), *node.referrers()]:
        text += [edge.label, str(edge.node), edge.node.type]
    why = heap.why(value)
    text += [str(why), *why.lines, str(heap.types(limit=None)), str(heap.info)]
    assert all(isinstance(each, str) for each in text)
    if folder is not None:
        heap.save(folder / "hostile.heap.parquet")
        loaded = snakeroot.load(folder / "hostile.heap.parquet")
        assert str(loaded.why(node.address)) == str(why)
        assert len(loaded) == len(heap)
    found = snakeroot.by_type(typename)
    assert snakeroot.count(typename) == len(found)
    snakeroot.typestats(shortnames=False)
    snakeroot.show_most_common_types(file=io.StringIO())
    for verb in (snakeroot.show_backrefs, snakeroot.show_refs):
        drawn = io.StringIO()
        verb(value, output=drawn, refcounts=True, shortnames=False, max_depth=2, repr=False, collect=False)
        assert drawn.getvalue().startswith("digraph")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        picture = snakeroot.show_backrefs([value], max_depth=1, repr=False, collect=False)
    assert "<svg" in picture.svg
    os.remove(said.getvalue().rpartition(" ")[2].strip())
    chain = snakeroot.find_backref_chain(value, snakeroot.is_proper_module, collect=False)
    assert chain[-1] is value
    assert snakeroot.find_ref_chain(value, snakeroot.is_proper_module)[0] is value
    seen = []
    snakeroot.find_backref_chain(value, lambda each: seen.append(id(each)), max_depth=2, collect=False)
    assert id(value) in seen
    return why, heap


def run(program, timeout=120, **options):
    """Runs a program in a process of its own, beside these helpers."""
    environment = dict(os.environ, PYTHONFAULTHANDLER="1")
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        **options,
    )


def says(program, *words, timeout=120, **options):
    """Runs a program that must end well and print these words, each on a line of its own."""
    done = run(program, timeout, **options)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    assert done.stdout.split("\n")[:-1] == [str(word) for word in words], (done.stdout, done.stderr)
    return done


@functools.cache
def compiled(folder):
    """The extension of the C source in a folder, or why there is none."""
    target = Path(folder) / ("hostile" + sysconfig.get_config_var("EXT_SUFFIX"))
    include = sysconfig.get_paths()["include"]
    if not (Path(include) / "Python.h").exists():
        return None, f"no Python.h in {include}"
    wanted = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    compiler = shutil.which(wanted) or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None, f"no C compiler: neither {wanted} nor cc nor gcc"
    command = [compiler, "-O1", "-shared", "-fPIC", "-pthread", "-I" + include]
    done = subprocess.run(
        [*command, str(C_SOURCE), "-o", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode and "pyconfig.h" in done.stderr:
        return None, "the interpreter's headers are not whole"
    assert done.returncode == 0, done.stderr
    return target, ""
