"""`heap.why` for many objects, without some holders, and past the noisiest ones."""

import sys
import types

import pytest
import snakeroot


class Session:
    pass


class Holder:
    def __init__(self, session):
        self.session = session


@pytest.fixture
def app():
    """A module `app_many` with sessions in a dict and behind holders."""
    module = types.ModuleType("app_many")
    module.by_id = {"user:%d" % number: Session() for number in range(6)}
    module.holders = [Holder(Session()) for _ in range(4)]
    sys.modules["app_many"] = module
    yield module
    del sys.modules["app_many"]


def rows(merged):
    return [" ".join(line.split()) for line in str(merged).splitlines()]


def test_the_chains_of_all_instances_are_merged(app):
    heap = snakeroot.snapshot()
    merged = heap.why(type=Session)
    found = rows(merged)
    assert found[1] == "module app_many 10 100.0%", merged
    assert any(line.startswith('["by_id"] → dict') and line.endswith("6 60.0%") for line in found), merged
    assert any(line.startswith("[…] → 4 × ") and "Holder 4 40.0%" in line for line in found), merged
    assert any(line.startswith((".session → 4 × ", '["session"] → 4 × ')) for line in found), merged
    assert (merged.members, merged.unreached) == (10, 0)
    step = merged[0]
    assert (step.depth, step.above, step.label, step.nodes, step.share) == (0, None, None, 1, 1.0)
    assert step.node.name == "app_many"
    assert merged.to_dict()["steps"][0]["members"] == 10
    assert len(list(merged)) == len(merged)
    name = "%s.Session" % __name__
    assert str(heap.why(type=name)) == str(merged)
    assert len(str(heap.why(type=name, limit=2)).splitlines()) == 4


def test_nodes_are_merged_live_and_loaded(app, tmp_path):
    heap = snakeroot.snapshot()
    some = list(app.by_id.values())[:2]
    merged = heap.why(nodes=some)
    assert merged.members == 2
    path = tmp_path / "app.heap.parquet"
    heap.save(path)
    loaded = snakeroot.load(path)
    assert str(loaded.why(nodes=[id(each) for each in some])) == str(merged)
    assert str(loaded.why(nodes=(loaded.node(id(each)) for each in some))) == str(merged)


def test_a_class_as_the_object_is_the_class_itself(app):
    heap = snakeroot.snapshot()
    assert heap.why(Session)[0][-1].address == id(Session)


def test_a_holder_is_left_out(app):
    session = app.by_id["user:1"]
    app.again = {"kept": session}
    address = id(session)
    del session
    heap = snakeroot.snapshot()
    first = heap.why(address, limit=1)
    holder = first[0][-2]
    assert holder.address in (id(app.by_id), id(app.again))
    for avoid in (holder, holder.address, [holder], (holder.address,)):
        other = heap.why(address, limit=1, avoid=avoid)
        assert other[0][-2] != holder
        assert other[0][-2].address in (id(app.by_id), id(app.again))
    assert "by_id" not in str(heap.why(address, limit=1, avoid=app.by_id))
    assert "by_id" not in str(heap.why(nodes=[address], avoid=[app.by_id]))
    assert len(heap.why(address, avoid=[app.by_id, app.again])) == 0


def test_what_is_wrong_is_said(app):
    heap = snakeroot.snapshot()
    with pytest.raises(TypeError, match="expected one of an object or address, type= and nodes="):
        heap.why()
    with pytest.raises(TypeError, match="expected one of"):
        heap.why(app, type="dict")
    with pytest.raises(ValueError, match="did you mean"):
        heap.why(type="%s.Sesion" % __name__)
    with pytest.raises(TypeError, match="type: expected a type, a name or several of them, found int"):
        heap.why(type=3)
    with pytest.raises(KeyError):
        heap.why(app, avoid=1)
    with pytest.raises(KeyError):
        heap.why(nodes=[1])
    with pytest.raises(ValueError, match="limit: expected 1 or more, found 0"):
        heap.why(app, limit=0)


def test_the_last_exception_and_a_sessions_names_come_last(app):
    target = Session()
    address = id(target)
    app.deep = [[[[target]]]]
    sys.last_value = target
    import __main__

    __main__._7 = target
    try:
        del target
        chain = str(snakeroot.snapshot().why(address, limit=1))
    finally:
        del sys.last_value, __main__._7
    assert "deep" in chain, chain


def test_merged_chains_are_drawn_with_a_box_for_each_step(app, tmp_path):
    chains = snakeroot.snapshot().why(type=Session)
    dot = chains.show().dot
    boxes = [line for line in dot.splitlines() if line.strip().startswith("s") and "->" not in line]
    assert len(boxes) == len(chains)
    assert sum("Holder" in box and "4 × " in box and "to 4 objects, 40.0%" in box for box in boxes) == 1, dot
    assert chains.show(tmp_path / "merged.png") is None
    assert (tmp_path / "merged.png").read_bytes().startswith(b"\x89PNG")
