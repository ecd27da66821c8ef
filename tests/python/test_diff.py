"""Differences of heaps against dicts of (address, type), and against what a program is known to have made."""

import gc
import json
import subprocess
import sys
import threading

import pytest
import snakeroot

MODULE = __name__


class Session:
    def __init__(self, user):
        self.user = user
        self.basket = []


class Cache:
    def __init__(self):
        self.sessions = {}


def text(mark):
    return "".join(["difference ", str(mark), " "] * 3)


def table(heap, path):
    """What a heap has, read from its file by another tool: {(address, type): size}."""
    parquet = pytest.importorskip("pyarrow.parquet")
    heap.save(path)
    columns = parquet.read_table(path, columns=["address", "type", "size"]).to_pydict()
    rows = zip(columns["address"], columns["type"], columns["size"], strict=True)
    return {(address, full_name(kind)): size for address, kind, size in rows if address}


def keys(nodes):
    return {(node.address, full_name(node.type)) for node in nodes}


def full_name(name):
    return name if "." in name else "builtins." + name


def two_heaps():
    """An idle process seen twice."""
    older = snakeroot.snapshot()
    newer = snakeroot.snapshot()
    return older, newer


def test_an_idle_process_does_not_change():
    two_heaps()
    older, newer = two_heaps()
    found = newer.diff(older)
    assert list(found.new) == [] and list(found.gone) == []
    assert len(found.survived) == len(newer) == len(older)
    assert len(found.types()) == len(found.modules("retained", None)) == len(found.dominators()) == 0
    assert (found.total.count_change, found.total.size_change) == (0, 0)
    assert "0 new, 0 gone" in str(found)


def test_what_snakeroot_holds_is_no_change(request):
    two_heaps()
    # What earlier tests left behind shall not be collected in between.
    gc.collect()
    gc.disable()
    request.addfinalizer(gc.enable)
    older = snakeroot.snapshot()
    answers = [older.types(), older.top(), older.diff(older), older.diff(older).new, older.kept(older, older)]
    answers += [older.diff(older).types(), older.diff(older).dominators(), older.kept(older, older).types()]
    newer = snakeroot.snapshot()
    found = newer.diff(older)
    # The list of answers is the test's own.
    assert keys(found.new) == {(id(answers), "builtins.list")}
    assert len(found.gone) == 0


def test_new_gone_and_survived_are_the_difference_of_dicts(tmp_path):
    lost = [Session(text(number)) for number in range(500)]
    older = snakeroot.snapshot()
    del lost
    made = [Session(text(-number)) for number in range(700)]
    newer = snakeroot.snapshot()
    was = table(older, tmp_path / "older.heap.parquet")
    now = table(newer, tmp_path / "newer.heap.parquet")
    found = newer.diff(older)
    assert keys(found.new) == set(now) - set(was)
    assert keys(found.gone) == set(was) - set(now)
    assert keys(found.survived) == set(was) & set(now)
    rows = {full_name(row.name): row for row in found.types(limit=None)}
    changed = set()
    for kind in {kind for _, kind in was} | {kind for _, kind in now}:
        before = {key: size for key, size in was.items() if key[1] == kind}
        after = {key: size for key, size in now.items() if key[1] == kind}
        if before.keys() == after.keys() and sum(before.values()) == sum(after.values()):
            continue
        changed.add(kind)
        row = rows[kind]
        assert (row.count_before, row.count) == (len(before), len(after))
        assert (row.size_before, row.size) == (sum(before.values()), sum(after.values()))
        assert row.count_change == len(after) - len(before)
        assert row.size_change == row.size - row.size_before
        fresh, gone = after.keys() - before.keys(), before.keys() - after.keys()
        assert (row.new, row.new_size) == (len(fresh), sum(after[key] for key in fresh))
        assert (row.gone, row.gone_size) == (len(gone), sum(before[key] for key in gone))
        both = before.keys() & after.keys()
        assert row.survived == len(both)
        assert row.survived_change == sum(after[key] - before[key] for key in both)
    assert set(rows) == changed
    assert rows[MODULE + ".Session"].count_change == len(made) - 500
    assert len(found.new) + len(found.survived) == len(newer)
    assert len(found.gone) + len(found.survived) == len(older)
    assert found.new.size == sum(now[key] for key in keys(found.new))


def test_a_leak_is_named_and_how_much_it_grew():
    cache, other = Cache(), Cache()
    older = snakeroot.snapshot()
    for number in range(2000):
        cache.sessions[number] = Session(text(number))
    other.sessions[1] = Session(text("one"))
    newer = snakeroot.snapshot()
    found = newer.diff(older)
    row = found.types()[0]
    # Before 3.11 each instance has a dict.
    assert row.name in {MODULE + ".Session", "str", "list", "dict"} and row.count_change == 2001
    grown = found.dominators(limit=1)[0]
    assert grown.node == newer.node(cache.sessions)
    assert grown.before == older.node(cache.sessions).retained_size
    assert grown.after == grown.node.retained_size == grown.before + grown.change
    assert grown.new_below >= 2000
    said = str(found.dominators())
    assert hex(id(cache.sessions)) in said and (".sessions" in said or '["sessions"]' in said)
    assert "+" in said
    module = {row.name: row for row in found.modules()}[MODULE]
    assert module.count_change == module.new == 2001
    by_retained = found.types("retained", limit=None)
    changes = [abs(row.retained_change) for row in by_retained]
    assert changes == sorted(changes, reverse=True)
    retained = {row.type: row for row in newer.types(limit=None)}
    for row in by_retained:
        if row.name in retained and row.name.startswith(MODULE):
            assert row.retained == retained[row.name].retained
    assert found.types()[0].retained is None
    # Each new object can be asked for: why is it there?
    session = next(node for node in found.new if node.type.endswith("Session"))
    assert session in found.new and session not in found.survived
    assert len(newer.why(session)) > 0
    assert found.before(session) is None
    assert found.before(newer.node(cache)) == older.node(cache)
    assert found.new.retained >= found.new.size


def test_what_is_freed_is_gone():
    lost = [text(number) for number in range(1000)]
    addresses = {id(each) for each in lost}
    older = snakeroot.snapshot()
    lost.clear()
    newer = snakeroot.snapshot()
    found = newer.diff(older)
    assert addresses <= {node.address for node in found.gone}
    row = next(row for row in found.types() if row.name == "str")
    assert row.count_change <= -900 and row.size_change < 0
    assert "−" in str(found)


def test_a_thread_that_waits_is_the_same_thread():
    ready, end = threading.Event(), threading.Event()

    def wait():
        hoard = [text(number) for number in range(5000)]
        ready.set()
        end.wait()
        return hoard

    thread = threading.Thread(target=wait, name="hoarder")
    thread.start()
    try:
        ready.wait()
        two_heaps()
        older = snakeroot.snapshot()
        newer = snakeroot.snapshot()
        assert "hoarder" in str(newer.top(200))
        # This function's own frame is at another line by now.
        assert len(newer.diff(older).dominators()) == 0
    finally:
        end.set()
        thread.join()


def test_saved_against_live_is_as_live_against_live(tmp_path):
    older = snakeroot.snapshot()
    made = [Session(text(number)) for number in range(300)]
    newer = snakeroot.snapshot()
    older.save(tmp_path / "older.heap.parquet")
    newer.save(tmp_path / "newer.heap.parquet")
    old, new = (snakeroot.load(tmp_path / name) for name in ("older.heap.parquet", "newer.heap.parquet"))
    live = newer.diff(older)
    for found in (newer.diff(old), new.diff(older), new.diff(old)):
        assert str(found) == str(live) and found.notices == []
        assert found.to_dict() == live.to_dict()
        assert found.dominators().to_dict() == live.dominators().to_dict()
        assert keys(found.new) == keys(live.new)
    assert len(made) == 300


def test_three_heaps_show_what_stayed(tmp_path):
    stays = []
    oldest = snakeroot.snapshot()
    stays += [Session(text(number)) for number in range(400)]
    passes = [bytearray(1000 + number) for number in range(300)]
    middle = snakeroot.snapshot()
    del passes
    later = [text(("later", number)) for number in range(50)]
    newest = snakeroot.snapshot()
    # Reading them makes objects, so only now.
    was, then, now = (table(heap, tmp_path / "a.heap.parquet") for heap in (oldest, middle, newest))
    found = newest.kept(oldest, middle)
    assert keys(found.nodes) == (set(now) & set(then)) - set(was)
    rows = {row.name: row for row in found.types(limit=None)}
    sessions = rows[MODULE + ".Session"]
    assert sessions.count == 400 and "bytearray" not in rows
    assert sessions.retained == sum(newest.node(each).retained_size for each in stays)
    assert sum(row.count for row in rows.values()) == len(found.nodes)
    holder = found.dominators()[0]
    assert holder.node == newest.node(stays) and holder.count >= 400
    assert holder.retained >= sessions.retained
    newest.save(tmp_path / "newest.heap.parquet")
    loaded = snakeroot.load(tmp_path / "newest.heap.parquet").kept(oldest, middle)
    assert loaded.to_dict() == found.to_dict() and str(loaded) == str(found)
    assert found.to_dict()["schema"] == "snakeroot.kept/1"
    assert found.dominators().to_dict()["dominators"][0]["node"]["address"] == hex(id(stays))
    assert MODULE in {row.name for row in found.modules()}
    assert len(later) == 50


PROGRAM = """
import sys, snakeroot
hoard = [[] for _ in range(int(sys.argv[2]))]
snakeroot.snapshot().save(sys.argv[1])
"""


def test_of_two_processes_only_numbers_are_compared(tmp_path):
    paths = [tmp_path / "a.heap.parquet", tmp_path / "b.heap.parquet"]
    for path, count in zip(paths, ("1000", "5000"), strict=True):
        subprocess.run([sys.executable, "-c", PROGRAM, path, count], check=True)
    older, newer = map(snakeroot.load, paths)
    found = newer.diff(older)
    assert len(found.notices) == 1 and "two processes" in found.notices[0]
    row = next(row for row in found.types(limit=None) if row.name == "list")
    assert abs(row.count_change - 4000) < 100
    assert row.new is row.gone is row.survived is row.survived_change is row.new_size is None
    assert "two processes" in str(found) and "survived" not in str(found)
    assert found.to_dict()["total"]["new"] is None
    for ask in (
        lambda: found.new,
        lambda: found.gone,
        lambda: found.survived,
        lambda: found.dominators(),
        lambda: found.before(newer.node(next(iter(newer.top())))),
        lambda: newer.kept(older, newer),
    ):
        with pytest.raises(ValueError, match="two processes"):
            ask()
    if "linux" in sys.platform:
        assert older.diff(older).notices == []


def test_a_forked_child_is_another_process(tmp_path):
    program = """
import os, sys, snakeroot
before = snakeroot.snapshot()
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
found = snakeroot.snapshot().diff(before)
assert "two processes" in found.notices[0], found.notices
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_wrong_order_is_noticed():
    older = snakeroot.snapshot()
    threading.Event().wait(0.01)
    newer = snakeroot.snapshot()
    assert older.diff(newer).notices == ["the old heap was recorded after the new one"]
    assert newer.diff(older).notices == []


def test_rows_and_words():
    older = snakeroot.snapshot()
    made = [Session(text(number)) for number in range(100)]
    newer = snakeroot.snapshot()
    found = newer.diff(older)
    types = found.types(limit=2)
    assert len(types) == 2 and [row.name for row in types] == [types[0].name, types[-1].name]
    assert "more row" in str(types) and str(types).splitlines()[-1].startswith("total")
    assert found.types("count")[0].count_change >= 100
    news = [row.new_size for row in found.types("new", limit=None)]
    assert news == sorted(news, reverse=True)
    answer = found.types(limit=2).to_dict()
    assert answer["schema"] == "snakeroot.diff/1" and len(answer["types"]) == 2
    assert "module" in found.modules().to_dict()["modules"][0]
    assert answer["total"]["change"]["count"] == found.total.count_change
    json.dumps(found.dominators().to_dict())
    for each in (found, types, found.dominators(), newer.kept(older, older), newer.kept(older, newer).types()):
        bundle = each._repr_mimebundle_()
        assert bundle["text/plain"] == repr(each) and "<table>" in bundle["text/html"]
    with pytest.raises(IndexError, match="row 2 of 2"):
        types[2]
    with pytest.raises(IndexError, match="row 5000 of"):
        found.dominators()[5000]
    with pytest.raises(ValueError, match='by: expected "size", "count", "new" or "retained", found "weight"'):
        found.types("weight")
    with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
        found.types(limit=-1)
    with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
        found.dominators(limit=-1)
    with pytest.raises(TypeError):
        newer.diff(None)
    with pytest.raises(KeyError, match="another heap"):
        found.before(older.node(Session))
    assert len(made) == 100


def test_a_difference_keeps_no_object_alive():
    gc.collect()
    older = snakeroot.snapshot()
    made = Session(text("kept?"))
    newer = snakeroot.snapshot()
    found = newer.diff(older)
    nodes = found.new
    before = sys.getrefcount(made)
    found.types(), found.dominators(), list(nodes), newer.kept(older, newer)
    assert sys.getrefcount(made) == before


def test_growth_is_drawn_from_the_roots_down(tmp_path):
    kept = {"first": [bytes(100)]}
    old = snakeroot.snapshot()
    kept["grown"] = [bytes(1_000) for _ in range(1_000)]
    kept["first"].append(text("little"))
    found = snakeroot.snapshot().diff(old)
    dot, grown = found.show().dot, found.dominators()[0]
    # What grew by less than a hundredth of it is left out.
    much = [row for row in found.dominators() if 100 * row.change >= grown.change]
    assert sum(", retains " in line for line in dot.splitlines()) == len(much)
    assert any(f"n{grown.node.id}" in line and "KiB" in line for line in dot.splitlines())
    assert found.show(tmp_path / "grown.svg") is None
    assert (tmp_path / "grown.svg").read_text().startswith("<")
    assert kept
