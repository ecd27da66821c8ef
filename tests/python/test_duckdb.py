"""A saved dump is an ordinary Parquet file: DuckDB, which knows nothing of us, gives the same answers."""

import pytest
import snakeroot

duckdb = pytest.importorskip("duckdb", reason="DuckDB has no wheel for this interpreter")


@pytest.fixture
def dump(build, tmp_path):
    build("linked_list")
    build("containers")
    heap = snakeroot.snapshot()
    path = tmp_path / "app.heap.parquet"
    heap.save(str(path))
    return heap, str(path)


def query(text, path):
    return duckdb.execute(text.replace("DUMP", "read_parquet('%s')" % path.replace("'", "''"))).fetchall()


def test_the_types_are_those_of_the_heap(dump):
    heap, path = dump
    rows = query("select type, count(*), sum(size) from DUMP where address > 0 group by type", path)
    # A file names types in full; a table leaves the module of builtins out, and keeps types of one name apart.
    found = {name.removeprefix("builtins."): [count, int(size)] for name, count, size in rows}
    expected = {}
    for row in heap.types(limit=None):
        total = expected.setdefault(row.type, [0, 0])
        total[0] += row.count
        total[1] += row.size
    assert found == expected
    assert found["fixture_linked_list.Link"][0] == 100_000


def test_ids_are_the_rows_places_and_referents_are_ids(dump):
    heap, path = dump
    ((rows, least, most, distinct),) = query(
        "select count(*), min(id), max(id), count(distinct id) from DUMP", path
    )
    assert (least, most, distinct) == (0, rows - 1, rows)
    assert rows >= len(heap)
    ((outside,),) = query(
        "select count(*) from (select unnest(referents) as target from DUMP)"
        " where target >= (select count(*) from DUMP)",
        path,
    )
    assert outside == 0


def test_each_edge_has_its_label(dump):
    _, path = dump
    ((unequal,),) = query(
        "select count(*) from DUMP where labels is not null and len(labels) <> len(referents)", path
    )
    assert unequal == 0


def test_addresses_ascend(dump):
    _, path = dump
    ((descending,),) = query(
        "select count(*) from"
        " (select address - lag(address::bigint) over (order by id) as step from DUMP where address > 0)"
        " where step <= 0",
        path,
    )
    assert descending == 0


def test_an_edge_can_be_followed_in_sql(dump):
    _, path = dump
    rows = query(
        "select count(*) from (select type, unnest(referents) as target from DUMP) holder"
        " join DUMP held on held.id = holder.target"
        " where holder.type = 'fixture_linked_list.Link' and held.type = 'fixture_linked_list.Link'",
        path,
    )
    assert rows == [(100_000 - 1,)]


def test_no_value_of_any_object_is_stored_unasked(dump):
    _, path = dump
    assert query("select count(value) from DUMP", path) == [(0,)]
