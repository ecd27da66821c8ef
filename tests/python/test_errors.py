"""What is wrong is said as an exception that names it, and no half-written file stays behind."""

import fcntl
import gc
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest
import snakeroot


class Boom(Exception):
    """Raised by the tests' own callbacks."""


@pytest.fixture
def target(build):
    return build("module_list").kept()


def later(heap):
    """An object younger than the heap, at an address where the heap has no object."""
    young = []
    while len(young) < 10_000:
        young.append([object()])
        try:
            heap.node(id(young[-1]))
        except KeyError:
            return young[-1]
    pytest.fail("every new list lies where a recorded one died")


# Objects that are not there


def test_an_object_younger_than_the_heap_is_a_key_error():
    heap = snakeroot.snapshot()
    with pytest.raises(KeyError):
        heap.node(later(heap))


@pytest.mark.parametrize("address", [0, 1, 8, 2**64 - 1])
def test_an_address_without_an_object_is_a_key_error_that_names_it(address):
    heap = snakeroot.snapshot()
    with pytest.raises(KeyError) as caught:
        heap.node(address)
    assert "%x" % address in str(caught.value).lower() or str(address) in str(caught.value)


@pytest.mark.parametrize("address", [-1, 2**64, 2**200])
def test_a_number_that_is_no_address_is_refused(address):
    heap = snakeroot.snapshot()
    with pytest.raises((KeyError, OverflowError, ValueError)):
        heap.node(address)


def test_why_of_an_object_that_is_not_there_is_a_key_error():
    heap = snakeroot.snapshot()
    with pytest.raises(KeyError):
        heap.why(later(heap))


def test_an_unknown_order_of_types_names_the_known_ones():
    heap = snakeroot.snapshot()
    with pytest.raises(ValueError, match="size"):
        heap.types(by="colour")


# Files that cannot be written

WRITERS = {
    "show_backrefs": lambda value, path: snakeroot.show_backrefs([value], path),
    "show_refs": lambda value, path: snakeroot.show_refs([value], filename=path),
    "why": lambda value, path: snakeroot.snapshot().why(value).show(path),
    "save": lambda value, path: snakeroot.snapshot().save(path),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("suffix", [".dot", ".svg", ".png"])
def test_a_folder_that_does_not_exist_is_named(writer, suffix, target, tmp_path):
    path = tmp_path / "no such folder" / ("picture" + suffix)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        WRITERS[writer](target, str(path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("suffix", [".dot", ".svg", ".png"])
def test_a_directory_in_the_files_place_is_an_os_error(writer, suffix, target, tmp_path):
    path = tmp_path / ("folder" + suffix)
    path.mkdir()
    with pytest.raises(OSError):
        WRITERS[writer](target, str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert list(path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_in_the_folders_place_is_an_os_error(writer, target, tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(OSError):
        WRITERS[writer](target, str(tmp_path / "file" / "picture.png"))
    assert (tmp_path / "file").read_text() == "here first"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_without_leave_to_write_is_a_permission_error(writer, target, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            WRITERS[writer](target, str(tmp_path / "picture.png"))
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_an_os_error(writer, target, tmp_path):
    path = tmp_path / "picture.png"
    path.symlink_to("/dev/full")
    try:
        WRITERS[writer](target, str(path))
    except OSError:
        return
    # Written beside it and renamed over it: then it is whole.
    assert not path.is_symlink() and path.stat().st_size > 0


@pytest.mark.parametrize("name", ["picture.", "picture"])
def test_without_a_format_the_known_ones_are_named_and_nothing_is_written(name, target, tmp_path):
    with pytest.raises(ValueError, match="png"):
        snakeroot.show_backrefs([target], str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("found", [True, False])
def test_a_format_that_nothing_paints_is_refused_and_nothing_is_written(found, target, tmp_path, monkeypatch):
    if not found:
        monkeypatch.setenv("PATH", "")
    advice = "" if shutil.which("dot") else "install Graphviz, or "
    with pytest.raises(RuntimeError, match=advice + "write .png or .svg"):
        snakeroot.show_backrefs([target], str(tmp_path / "picture.nonsense"))
    assert list(tmp_path.iterdir()) == []


def test_a_filename_and_an_output_together_are_refused(target, tmp_path):
    with pytest.raises(ValueError, match="output"):
        snakeroot.show_backrefs([target], filename=str(tmp_path / "a.dot"), output=io.StringIO())
    assert list(tmp_path.iterdir()) == []


# Numbers that make no sense


@pytest.mark.parametrize("verb", [snakeroot.show_backrefs, snakeroot.show_refs])
@pytest.mark.parametrize("depth", [0, -1, float("-inf")])
def test_without_a_step_the_object_is_drawn_alone(verb, depth, target):
    text = io.StringIO()
    verb([target], max_depth=depth, output=text)
    assert "Book" in text.getvalue() and "->" not in text.getvalue()


def test_a_huge_depth_ends(target, build):
    module = build("holders_25")
    assert (
        len(
            snakeroot.find_backref_chain(
                module.kept(), lambda value: value is module.TOP, max_depth=2**31 - 1
            )
        )
        == 26
    )


@pytest.mark.parametrize("arguments", [(None,), (7,), (["Thing"],)])
def test_a_type_name_that_is_no_text_is_a_type_error(arguments):
    with pytest.raises(TypeError):
        snakeroot.count(*arguments)
    with pytest.raises(TypeError):
        snakeroot.by_type(*arguments)


def test_objects_that_cannot_be_iterated_are_a_type_error():
    with pytest.raises(TypeError):
        snakeroot.typestats(7)


# Callbacks that raise


def raising(boom):
    def callback(*_):
        raise boom

    return callback


@pytest.mark.parametrize("verb", [snakeroot.find_backref_chain, snakeroot.find_ref_chain])
def test_a_predicates_exception_passes_through_unchanged(verb, target):
    boom = Boom("from the predicate")
    with pytest.raises(Boom) as caught:
        verb(target, raising(boom))
    assert caught.value is boom
    assert boom.__cause__ is None


@pytest.mark.parametrize("option", ["filter", "highlight", "extra_info", "extra_node_attrs"])
def test_a_drawings_callback_may_raise_and_leaves_no_file(option, target, tmp_path):
    boom = Boom(option)
    for suffix in (".dot", ".svg", ".png"):
        with pytest.raises(Boom) as caught:
            snakeroot.show_backrefs(
                [target], filename=str(tmp_path / ("a" + suffix)), **{option: raising(boom)}
            )
        assert caught.value is boom
    assert list(tmp_path.iterdir()) == []


def test_a_failed_drawing_leaves_the_older_file_as_it_was(target, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"the older one")
    with pytest.raises(Boom):
        snakeroot.show_backrefs([target], str(path), filter=raising(Boom()))
    assert path.read_bytes() == b"the older one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_a_typestats_filter_may_raise():
    boom = Boom()
    for verb in (snakeroot.typestats, snakeroot.most_common_types, snakeroot.show_most_common_types):
        with pytest.raises(Boom) as caught:
            verb(filter=raising(boom))
        assert caught.value is boom


def test_an_outputs_exception_passes_through(target):
    class Closed:
        def write(self, text):
            raise boom

    boom = Boom("write")
    with pytest.raises(Boom) as caught:
        snakeroot.show_backrefs([target], output=Closed())
    assert caught.value is boom


def test_a_callback_may_take_a_snapshot_of_its_own(target):
    counts = []

    def predicate(value):
        counts.append(len(snakeroot.snapshot()))
        return len(counts) == 3

    snakeroot.find_backref_chain(target, predicate)
    assert len(counts) == 3 and min(counts) > 1000


def test_a_callback_may_change_what_is_walked(build):
    module = build("sixty_referrers")

    def predicate(value):
        del module.HOLDERS[:]
        gc.collect()
        return False

    chain = snakeroot.find_backref_chain(module.kept(), predicate, max_depth=3)
    assert len(chain) == 1 and type(chain[0]) is module.Popular


# Files that cannot be read


@pytest.fixture
def dump(build, tmp_path):
    build("module_list")
    path = tmp_path / "app.heap.parquet"
    snakeroot.snapshot().save(str(path))
    return path


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere.heap.parquet"):
        snakeroot.load("nowhere.heap.parquet")


def test_a_directory_is_no_dump(tmp_path):
    with pytest.raises(OSError):
        snakeroot.load(str(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"P", b"PAR1", b"PAR1PAR1", b"hello, this is a text\n" * 100, b"\0" * 10_000]
)
def test_a_file_that_is_no_parquet_is_refused_by_name(content, tmp_path):
    path = tmp_path / "other.heap.parquet"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError), match="other.heap.parquet"):
        snakeroot.load(str(path))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_dump_is_refused(part, dump):
    whole = dump.read_bytes()
    dump.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises((ValueError, OSError), match="app.heap.parquet"):
        snakeroot.load(str(dump))


def test_a_damaged_dump_is_refused_or_read_but_never_crashes(dump):
    whole = dump.read_bytes()
    for place in range(4, len(whole), max(len(whole) // 200, 1)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        dump.write_bytes(damaged)
        try:
            len(snakeroot.load(str(dump)))
        except (ValueError, OSError):
            pass


def test_a_foreign_parquet_file_is_refused_as_such(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB has no wheel for this interpreter")
    path = tmp_path / "foreign.parquet"
    duckdb.execute("copy (select 1 as number, 'text' as word) to '%s' (format parquet)" % path)
    with pytest.raises((ValueError, OSError), match="foreign.parquet"):
        snakeroot.load(str(path))


def test_a_path_may_be_a_path_object_with_odd_characters(build, tmp_path):
    build("module_list")
    path = tmp_path / "döt 鍵 'quoted'.heap.parquet"
    heap = snakeroot.snapshot()
    heap.save(path)
    assert len(snakeroot.load(path)) == len(heap)


def test_another_python_is_told_what_is_expected():
    program = "import sys; sys.implementation.name = 'pypy'; import snakeroot"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError: snakeroot reads the memory of CPython itself: expected cpython, found pypy" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small pipe")
def test_ctrl_c_ends_the_command_at_once(dump):
    # It waits until somebody reads, having more to say than the pipe holds.
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    command = subprocess.Popen(
        [sys.executable, "-m", "snakeroot", "types", str(dump), "--json"],
        stdout=writes,
        stderr=subprocess.PIPE,
        # Whoever started the tests in the background may have had the signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(writes)
    with open(reads, "rb") as said:
        assert select.select([said], [], [], 60)[0]
        begun = time.monotonic()
        command.send_signal(signal.SIGINT)
        _, error = command.communicate(timeout=60)
        assert time.monotonic() - begun < 1
        assert (command.returncode, error) == (-signal.SIGINT, b"")
        with pytest.raises(ValueError):
            json.loads(said.read())  # all of it was not said
