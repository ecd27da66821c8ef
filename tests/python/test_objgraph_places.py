"""Where objgraph's pictures go, what Graphviz makes of them, held heaps as their source, and bad input.

That they show what objgraph shows is tested in test_objgraph_graphs.py.
"""

import gc
import io
import os
import re
import shutil
import subprocess
import sys
import types
import unittest.mock
import xml.etree.ElementTree

import hostile
import objgraph
import pytest
import snakeroot
from dots import Dot, differences, drawn
from heaps import HEAPS, Odd, Raises, Thing


# Where it goes


def test_a_file_has_the_same_text_as_a_file_object(tmp_path, capsys):
    objects = HEAPS["a_dict"]()
    path = tmp_path / "refs.dot"
    assert snakeroot.show_refs([objects], filename=str(path)) is None
    line = capsys.readouterr().out
    nodes = len(Dot(path.read_text(encoding="utf-8")).objects())
    assert line == "Graph written to %s (%d nodes)\n" % (path, nodes)
    objgraph.show_refs([objects], filename=str(path))
    assert capsys.readouterr().out == line
    assert differences(Dot(path.read_text(encoding="utf-8")), drawn(snakeroot.show_refs, [objects])) == []


@pytest.mark.parametrize("ending, start", [("png", b"\x89PNG"), ("svg", b"<svg"), ("SVG", b"<svg")])
def test_an_image_needs_no_other_program(tmp_path, capsys, ending, start, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path = tmp_path / ("refs." + ending)
    snakeroot.show_refs([HEAPS["a_dict"]()], str(path))
    assert capsys.readouterr().out == "Image generated as %s\n" % path
    assert start in path.read_bytes()[:200]


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("ending, start", [("pdf", b"%PDF"), ("gif", b"GIF8"), ("ps", b"%!PS")])
def test_graphviz_is_asked_for_what_only_it_can_write(tmp_path, capsys, ending, start):
    path = tmp_path / ("refs." + ending)
    snakeroot.show_refs([HEAPS["a_dict"]()], filename=path)
    assert capsys.readouterr().out == "Image generated as %s\n" % path
    assert path.read_bytes().startswith(start)


def test_a_format_that_nobody_can_write_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    if shutil.which("dot"):
        with pytest.raises(RuntimeError, match="nonsense"):
            snakeroot.show_refs([[]], filename=str(tmp_path / "refs.nonsense"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="install Graphviz"):
        snakeroot.show_refs([[]], filename=str(tmp_path / "refs.pdf"))
    with pytest.raises(ValueError, match="needs Graphviz"):
        snakeroot.show_refs([[]], filename=str(tmp_path / "refs.pdf"), engine="snakeroot")
    with pytest.raises(ValueError, match="no ending"):
        snakeroot.show_refs([[]], filename=str(tmp_path / "refs"))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_before_the_work_is_done(tmp_path):
    def never(value):
        raise AssertionError("asked too early")

    for place, error in [("missing/refs.dot", FileNotFoundError), ("", IsADirectoryError)]:
        with pytest.raises(error):
            snakeroot.show_refs([[[]]], filename=str(tmp_path / place), filter=never)


def test_two_destinations_are_one_too_many(tmp_path):
    for verb in (objgraph.show_refs, snakeroot.show_refs, objgraph.show_backrefs, snakeroot.show_backrefs):
        with pytest.raises(ValueError, match="^Cannot specify both output and filename.$"):
            verb([[]], filename=str(tmp_path / "refs.dot"), output=sys.stderr)
    for tool in (objgraph, snakeroot):
        with pytest.raises(ValueError, match="both output and filename"):
            tool.show_chain([[]], filename=str(tmp_path / "refs.dot"), output=sys.stderr)


def test_an_empty_file_name_is_none_at_all():
    for verb in (objgraph.show_refs, snakeroot.show_refs):
        assert drawn(verb, [[]], filename="").objects()


ALONE = """
import sys
sys.path[:0] = {path!r}
{before}
import snakeroot
answer = snakeroot.show_backrefs([[]])
print(type(answer).__name__, repr(answer))
"""


def alone(tmp_path, before="", **environment):
    names = {"DISPLAY", "WAYLAND_DISPLAY"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(path=sys.path, before=before)],
        env={**kept, "TMPDIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_without_a_destination_a_temporary_file_has_the_picture(tmp_path):
    written, answer = alone(tmp_path)
    path = re.fullmatch(r"Image generated as (.*/snakeroot-\S+\.png)", written).group(1)
    assert os.path.dirname(path) == str(tmp_path)
    with open(path, "rb") as image:
        assert image.read(4) == b"\x89PNG"
    assert answer == "Picture <picture of 1 boxes and 0 arrows>"


def test_a_viewer_is_started_where_there_is_a_display(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    viewer = folder / "xdg-open"
    viewer.write_text('#!/bin/sh\necho "$1" > %s/opened.new && mv %s/opened.new %s/opened\nsleep 3\n' % ((tmp_path,) * 3))
    viewer.chmod(0o755)
    written, _ = alone(tmp_path, PATH="%s:%s" % (folder, os.environ["PATH"]), WAYLAND_DISPLAY="wayland-0")
    opened = tmp_path / "opened"
    for _ in range(1200):
        if opened.exists():
            break
        subprocess.run(["sleep", "0.05"])
    assert opened.read_text().strip() == written.partition(" as ")[2]


SHELL = """
import types
class {name}: pass
IPython = types.ModuleType("IPython")
IPython.get_ipython = lambda: {answer}
sys.modules["IPython"] = IPython
"""


def test_a_notebook_is_given_the_picture_and_no_file_is_written(tmp_path):
    lines = alone(tmp_path, SHELL.format(name="ZMQInteractiveShell", answer="ZMQInteractiveShell()"))
    assert lines == ["Picture <picture of 1 boxes and 0 arrows>"]
    assert list(tmp_path.iterdir()) == []
    for name in ("TerminalInteractiveShell", "PyDevTerminalInteractiveShell"):
        lines = alone(tmp_path, SHELL.format(name=name, answer=name + "()"))
        assert lines[0].startswith("Image generated as ")
    assert len(alone(tmp_path, SHELL.format(name="Shell", answer="None"))) == 2


def test_a_picture_shows_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    picture = snakeroot.show_refs([{"a": []}])
    assert "<svg" in picture._repr_mimebundle_()["image/svg+xml"]
    assert Dot(picture.dot).objects()


# What Graphviz makes of it


def read_by_graphviz(text, kind="svg"):
    done = subprocess.run(["dot", "-T" + kind], input=text.encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("verb", ["show_refs", "show_backrefs"])
def test_graphviz_reads_every_character(verb, build):
    odd = [chr(code) for code in (*range(0x100), 0x2028, 0xD800, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF, 0x202E, 0xFEFF)]
    objects = [Odd("<%s> &%s;" % (sign, sign)) for sign in odd]
    objects += [{sign: [] for sign in odd}, {sign + "\\": [] for sign in odd}]
    text = drawn(getattr(snakeroot, verb), objects, extra_info=lambda value: "&lt;\N{SNAKE}\x1b", too_many=1000).text
    svg = read_by_graphviz(text)
    root = xml.etree.ElementTree.fromstring(svg)
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("&lt;" in (word or "") for word in words)
    text = drawn(getattr(snakeroot, verb), [build("odd_names").BAG], too_many=100).text
    xml.etree.ElementTree.fromstring(read_by_graphviz(text))


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
def test_graphviz_reads_the_longest_label():
    huge = type("N" * 10**7, (), {})()
    text = drawn(snakeroot.show_refs, [huge], extra_info=lambda value: '\\"' * 10**6, max_depth=1).text
    assert "…" in read_by_graphviz(text)


# More than objgraph


def test_what_the_collector_does_not_track_is_drawn_when_asked_for():
    text = "a text of its own %d" % id(object())
    holder = (text, 1)
    gc.collect()
    assert not gc.is_tracked(holder)
    assert id(holder) not in drawn(snakeroot.show_backrefs, [text]).objects()
    assert id(holder) in drawn(snakeroot.show_backrefs, [text], untracked=True).objects()
    chain = snakeroot.find_backref_chain(text, lambda value: value is holder)
    assert chain == [text]
    chain = snakeroot.find_backref_chain(text, lambda value: value is holder, untracked=True)
    assert len(chain) == 2 and chain[0] is holder
    assert drawn(snakeroot.show_chain, chain, untracked=True).objects() == {id(holder), id(text)}
    keyed = {text: 1}
    assert id(text) in drawn(snakeroot.show_refs, [keyed], max_depth=1, untracked=True).objects()


def test_sizes_stand_in_labels_when_asked_for():
    inner = [None] * 100
    outer = [inner]
    plain = drawn(snakeroot.show_refs, [outer]).nodes["o%d" % id(inner)]["label"]
    assert plain == "list\\n100 items"
    sized = drawn(snakeroot.show_refs, [outer], sizes=True).nodes["o%d" % id(inner)]["label"]
    assert sized == plain + "\\n%d B" % sys.getsizeof(inner)
    both = drawn(snakeroot.show_refs, [outer], sizes=True, retained=True).nodes["o%d" % id(inner)]["label"]
    assert both == sized + ", retains %d B" % sys.getsizeof(inner)


def test_what_is_retained_is_not_disturbed_by_the_drawing():
    rows = [[None] * 50 for _ in range(20)]
    holder = {"rows": rows}
    heap = snakeroot.snapshot()
    expected = heap.node(rows).retained_size
    label = drawn(snakeroot.show_refs, [holder], retained=True).nodes["o%d" % id(rows)]["label"]
    live = snakeroot.show_refs([holder], retained=True, heap=heap, output=(text := io.StringIO()))
    assert live is None
    held = Dot(text.getvalue()).nodes["o%d" % id(rows)]["label"]
    shown = re.search(r"retains ([\d.]+ \w+)", label).group(1)
    assert shown == re.search(r"retains ([\d.]+ \w+)", held).group(1)
    assert expected >= sum(map(sys.getsizeof, rows))


@pytest.fixture(params=["live", "loaded"])
def held(request, tmp_path):
    """A heap with a known object in it, and how to name that object there."""
    module = types.ModuleType("on_the_shelf")
    module.BOOK = Thing([1], title="Dune")
    module.SHELF = [module.BOOK]
    sys.modules["on_the_shelf"] = module
    try:
        heap = snakeroot.snapshot(values=True)
        if request.param == "loaded":
            heap.save(str(tmp_path / "shelf.heap.parquet"))
            heap = snakeroot.load(str(tmp_path / "shelf.heap.parquet"))
        yield heap, module, request.param
    finally:
        del sys.modules["on_the_shelf"]


def test_a_held_heap_is_drawn_by_node_address_or_object(held):
    heap, module, kind = held
    starts = [id(module.BOOK), heap.node(id(module.BOOK))] + [module.BOOK] * (kind == "live")
    texts = {drawn(snakeroot.show_backrefs, [start], heap=heap).text for start in starts}
    assert len(texts) == 1
    found = Dot(texts.pop())
    assert {id(module.BOOK), id(module.SHELF), id(vars(module)), id(module)} <= found.objects()
    assert found.edges["o%d" % id(vars(module)), "o%d" % id(module.SHELF)] == [{"label": "SHELF", "weight": "2"}]
    assert found.edges["o%d" % id(module.SHELF), "o%d" % id(module.BOOK)] == [{"label": "[0]"}]
    assert found.nodes["o%d" % id(module)]["fillcolor"].startswith("0.3,1,")
    if kind == "loaded":
        with pytest.raises(KeyError, match="no live objects"):
            drawn(snakeroot.show_backrefs, [module.BOOK], heap=heap)


def test_callbacks_are_given_nodes_of_a_held_heap(held):
    heap, module, _ = held
    seen = set()

    def is_no_list(node):
        seen.add(type(node))
        return node.type != "list"

    found = drawn(
        snakeroot.show_backrefs,
        [id(module.BOOK)],
        heap=heap,
        filter=is_no_list,
        highlight=lambda node: node.type == "dict",
        extra_info=lambda node: "at %x" % node.address,
        extra_node_attrs=lambda node: {"URL": str(node.id)},
        sizes=True,
        refcounts=True,
    )
    assert seen == {snakeroot.Node}
    assert id(module.SHELF) not in found.objects() and id(vars(module)) in found.objects()
    given = found.nodes["o%d" % id(vars(module))]
    assert "at %x" % id(vars(module)) in given["label"]
    assert given["fillcolor"].startswith("0.6,0.6,")
    assert given["URL"] == str(heap.node(id(vars(module))).id)


def test_chains_in_a_held_heap_are_of_its_nodes(held, tmp_path):
    heap, module, _ = held
    chain = snakeroot.find_backref_chain(id(module.BOOK), snakeroot.is_proper_module, heap=heap)
    assert [node.address for node in chain][0] == id(module) and chain[-1].address == id(module.BOOK)
    assert all(type(node) is snakeroot.Node for node in chain)
    by_name = snakeroot.find_backref_chain(
        id(module.BOOK), lambda node: snakeroot.is_proper_module(node), heap=heap
    )
    assert [node.address for node in by_name] == [node.address for node in chain]
    forward = snakeroot.find_ref_chain(id(module), lambda node: node.address == id(module.BOOK), heap=heap)
    assert forward[0].address == id(module) and forward[-1].address == id(module.BOOK)
    found = drawn(snakeroot.show_chain, chain, heap=heap)
    assert found.objects() == {node.address for node in chain}
    assert snakeroot.find_backref_chain(id(module.BOOK), lambda node: False, heap=heap) == [heap.node(id(module.BOOK))]


def test_nodes_are_looked_for_in_their_own_heap(held):
    heap, module, _ = held
    node = heap.node(id(module.BOOK))
    for verb in (snakeroot.show_backrefs, snakeroot.show_refs):
        assert drawn(verb, [node]).text == drawn(verb, [node], heap=heap).text
    chain = snakeroot.find_backref_chain(node, snakeroot.is_proper_module)
    assert chain == snakeroot.find_backref_chain(node, snakeroot.is_proper_module, heap=heap)
    assert drawn(snakeroot.show_chain, chain).text == drawn(snakeroot.show_chain, chain, heap=heap).text
    with pytest.raises(TypeError, match="found a Node and Thing"):
        snakeroot.show_refs([node, module.BOOK])
    other = snakeroot.snapshot().node(id(module.BOOK))
    with pytest.raises(KeyError, match="another heap"):
        snakeroot.show_refs([node, other])


@pytest.mark.parametrize("untracked", [False, True])
def test_what_carries_the_calls_own_arguments_is_not_drawn(untracked):
    thing = Thing()

    def is_it(value):
        return value is thing

    # The function holds the object by a cell: what carries the function would be drawn with it.
    text = io.StringIO()
    snakeroot.show_backrefs(
        [thing], max_depth=5, highlight=is_it, too_many=50, output=text, untracked=untracked
    )
    assert "dict\\n5 items" not in text.getvalue() and "function" in text.getvalue()
    given = {"max_depth": 5, "highlight": is_it, "too_many": 50, "output": (text := io.StringIO())}
    snakeroot.show_backrefs([thing], untracked=untracked, **given)
    assert id(given) in Dot(text.getvalue()).objects()  # the program's own
    assert snakeroot.show_refs([thing], highlight=is_it).source.startswith("digraph")


@pytest.mark.parametrize("options", [{}, {"untracked": True}])
def test_what_snakeroot_made_is_drawn_alone_or_said_to_be_in_no_heap(options):
    heap = snakeroot.snapshot()
    for own in (heap, heap.info, heap.why(sys), heap.objects(type="dict"), snakeroot.snapshot, snakeroot):
        for verb in (snakeroot.show_refs, snakeroot.show_backrefs):
            try:
                found = drawn(verb, [own], max_depth=1, **options)
            except ValueError as error:
                assert "what snakeroot has made is in no heap" in str(error)
            else:
                assert id(own) in found.objects()


def test_an_engine_may_be_asked_for(tmp_path):
    with pytest.raises(ValueError, match="engine"):
        snakeroot.show_refs([[]], engine="neato", output=io.StringIO())
    if shutil.which("dot"):
        path = tmp_path / "refs.svg"
        snakeroot.show_refs([[]], filename=path, engine="dot")
        assert "Generated by graphviz" in path.read_text()


# Bad input


def test_what_a_callback_raises_is_raised():
    for name in ("filter", "highlight", "extra_info", "extra_node_attrs"):
        for verb in (objgraph.show_refs, snakeroot.show_refs, objgraph.show_backrefs, snakeroot.show_backrefs):
            inner = []
            outer = [inner]
            with pytest.raises(ZeroDivisionError):
                drawn(verb, [inner, outer], **{name: lambda value: 1 / 0})
    for tool in (objgraph, snakeroot):
        for finder in (tool.find_ref_chain, tool.find_backref_chain):
            with pytest.raises(ZeroDivisionError):
                finder([], lambda value: 1 / 0)


def test_a_file_is_not_written_when_a_callback_raises(tmp_path):
    path = tmp_path / "refs.dot"
    with pytest.raises(ZeroDivisionError):
        snakeroot.show_refs([[]], filename=path, highlight=lambda value: 1 / 0)
    assert not path.exists()  # objgraph leaves half a file


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_depth": None},
        {"max_depth": "3"},
        {"too_many": None},
        {"filter": 5},
        {"highlight": 5},
        {"extra_info": 5},
        {"extra_node_attrs": 5},
        {"extra_ignore": 5},
        {"nonsense": 5},
        {"extra_ignore": [[]]},
    ],
)
def test_what_objgraph_refuses_is_refused_with_its_kind_of_error(arguments):
    for verb in (objgraph.show_refs, snakeroot.show_refs, objgraph.show_backrefs, snakeroot.show_backrefs):
        inner = []
        outer = [inner]
        with pytest.raises(TypeError):
            drawn(verb, [inner, outer], **arguments)


def test_chains_that_are_none_are_refused():
    for tool in (objgraph, snakeroot):
        for chains in ((), ([],), ([], [])):
            with pytest.raises(ValueError):
                drawn(tool.show_chain, *chains)
        for name in ("max_depth", "filter", "nonsense"):
            with pytest.raises(TypeError):
                drawn(tool.show_chain, [[]], **{name: 3})
        with pytest.raises(TypeError):
            tool.find_ref_chain([])
        with pytest.raises(TypeError):
            tool.find_ref_chain([], 5)
        with pytest.raises(TypeError):
            tool.find_ref_chain([], lambda value: False, "20")


def test_ids_are_expected_where_objects_were_given():
    with pytest.raises(TypeError, match="expected ids"):
        snakeroot.show_refs([[]], extra_ignore=["text"], output=io.StringIO())


def test_objects_that_lie_about_their_class_are_drawn_as_what_they_are():
    class Liar:
        __class__ = property(lambda self: 1 / 0)
        __dict__ = property(lambda self: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        drawn(objgraph.show_refs, [Liar()])
    found = drawn(snakeroot.show_refs, [Liar()], max_depth=1)
    assert any(label.startswith("Liar\\n") for label in found.labels().values())


def test_mocks_are_drawn_though_they_answer_to_every_name():
    mocks = [unittest.mock.Mock(spec=value) for value in (dict, types, type, str)]
    for verb in (snakeroot.show_refs, snakeroot.show_backrefs):
        labels = drawn(verb, mocks, max_depth=1).labels()
        assert sum(label.startswith("Mock\\n<Mock spec=") for label in labels.values()) == 4


def test_what_cannot_say_what_it_is_is_drawn():
    labels = drawn(snakeroot.show_refs, [Raises()], max_depth=0).labels()
    assert list(labels.values()) == ["Raises\\n(unrepresentable)"]


def test_what_is_freed_and_shown_to_the_collector_stays_freed():
    # In 3.12 and 3.13 `_asyncio` shows the iterators that it keeps for later; one that is freed twice hangs the collector.
    hostile.says(
        """
        import _asyncio, asyncio, gc, io
        import snakeroot
        loop = asyncio.new_event_loop()
        future = loop.create_future()
        loop.close()
        iterators = [iter(future) for _ in range(20)]
        del iterators
        for _ in range(3):
            snakeroot.show_refs([_asyncio], max_depth=2, too_many=1000, output=io.StringIO())
            snakeroot.show_backrefs([_asyncio], max_depth=2, output=io.StringIO())
            snakeroot.find_ref_chain(_asyncio, lambda value: False, max_depth=3)
            snakeroot.find_backref_chain(future, lambda value: False, max_depth=3)
            snakeroot.get_leaking_objects()
            heap = snakeroot.snapshot()
            snakeroot.show_refs([_asyncio], max_depth=2, untracked=True, output=io.StringIO())
        gc.collect()
        print("collected")
        """,
        "collected",
    )
