"""heapy's tables of numbers: files of several, rows, differences, and what guppy3's Profile Browser reads."""

import hashlib
import io
import os
import random
import types

import small_heaps
import pytest

from snakeroot.heapy import Stat, StatRow, hpy

RECORD = """\
.loader: _load_stat
.format: SetFormat
.timemade: 1795221987.937015
.count: 53
.size: 3000
.kindname: 
.kindheader: Type
.numrows: 2
.r: 51 2856 __main__.Person
.r: 2 144 list
.end: .loader: _load_stat
"""  # noqa: W291  spaces at line ends are part of the form


def rows(stat):
    return [(row.count, row.size, row.name, row.index, row.cumulsize) for row in stat.get_rows()]


def test_a_record_says_what_was_written():
    stat = hpy().load(iter(RECORD.splitlines(keepends=True)))
    assert (stat.count, stat.size, stat.timemade, stat.numrows) == (53, 3000, 1795221987.937015, 2)
    assert (stat.kindheader, stat.kindname, stat.format_name, stat.firstheader) == ("Type", "", "SetFormat", "")
    assert rows(stat) == [(51, 2856, "__main__.Person", 0, 2856), (2, 144, "list", 1, 3000)]
    assert str(stat) == (
        "Partition of a set of 53 objects. Total size = 3000 bytes.\n"
        " Index  Count   %     Size   % Cumulative  % Type\n"
        "     0     51  96     2856  95      2856  95 __main__.Person\n"
        "     1      2   4      144   5      3000 100 list"
    )
    again = io.StringIO()
    stat.dump(again)
    assert again.getvalue() == RECORD


@pytest.mark.parametrize("use_readline", [0, 1])
def test_an_open_file_gives_one_record_after_another_and_then_ends(use_readline):
    hp = hpy()
    file = io.StringIO(RECORD + RECORD.replace("2856", "9856"))
    assert hp.load(file, use_readline=use_readline).get_row(0).size == 2856
    assert hp.load(file, use_readline=use_readline).get_row(0).size == 9856
    with pytest.raises(StopIteration):
        hp.load(file, use_readline=use_readline)


def test_all_records_of_a_file_are_read(tmp_path):
    path = tmp_path / "several.hpy"
    path.write_text(RECORD * 3)
    hp = hpy()
    assert [stat.size for stat in hp.loadall(str(path))] == [3000] * 3
    assert [stat.size for stat in hp.loadall(path.open())] == [3000] * 3
    # Split lines, and a list, of which each iterator begins anew.
    assert [stat.size for stat in hp.loadall((RECORD * 2).split("\n"))] == [3000] * 2
    path.write_text("")
    assert hp.loadall(path) == []
    with pytest.raises(ValueError, match="end of the file"):
        hp.load(path)
    path.write_text("hello\n")
    with pytest.raises(ValueError, match="expected a line such as"):
        hp.loadall(path)


def test_rows_are_had_by_place_by_name_and_the_largest_with_the_others():
    stat = hpy().load(iter((RECORD.replace("51 2856", "1 2856")).splitlines()))
    assert stat.get_row(-1).name == "list"
    assert [row and row.size for row in stat.get_rows_of_kinds(["list", "dict"])] == [144, None]
    assert [row.name for row in stat.get_rows(1)] == ["list"]
    with pytest.raises(IndexError):
        stat.get_row(2)

    def said(n, *how):
        return [(row.name, row.count, row.size, row.index) for row in stat.get_rows_n_and_other(n, *how)]

    person, others = ("__main__.Person", 1, 2856, 0), ("<Other>", 52, 144, None)
    assert said(1) == [person, others]
    assert said(1, "Count") == [("<Other>", 51, 2856, None), ("list", 2, 144, 1)]
    assert said(2) == [person, ("list", 2, 144, 1)]
    assert isinstance(stat.get_rows_n_and_other(1)[1], StatRow)
    with pytest.raises(ValueError, match="sortby"):
        stat.get_rows_n_and_other(1, "Name")


def test_a_difference_counts_what_is_gone_too():
    hp = hpy()
    x = hp.iso(*small_heaps.HEAPS["lists of many sizes"]())
    difference = x[0].stat - x.stat
    assert isinstance(difference, Stat)
    assert difference.count == x[0].count - x.count
    assert difference.size == x[0].size - x.size
    assert str(x.stat - x.stat).endswith("=         0 % of B")
    with pytest.raises(ValueError, match="same kinds"):
        x.stat - x.bysize.stat
    assert str(x[0].diff(x)) == str(difference)


# ------------------------------------------------------------------------- beside guppy3


@pytest.fixture(scope="module")
def guppy():
    return pytest.importorskip("guppy", reason="guppy3 has no wheel for this interpreter")


def small_tables(number):
    """The text of some tables of three relations, with rows of random numbers."""
    chance = random.Random(number)
    text = []
    for _ in range(chance.randint(1, 5)):
        found = [(chance.randint(1, 99), chance.randint(16, 99999)) for _ in range(chance.randint(1, 25))]
        found.sort(key=lambda row: -row[1])
        header = chance.choice(["Type", "Kind (class / dict of class)", "Individual Size"])
        names = ["name %d%s" % (at, "-long" * chance.choice([0, 0, 40])) for at in range(30)]
        chance.shuffle(names)
        text.append(".loader: _load_stat\n.format: SetFormat\n.timemade: %f\n" % chance.uniform(1, 2e9))
        text.append(".count: %d\n.size: %d\n" % (sum(row[0] for row in found), sum(row[1] for row in found)))
        text.append(".kindname: \n.kindheader: %s\n.numrows: %d\n" % (header, len(found)))
        text.extend(".r: %d %d %s\n" % (count, size, name) for (count, size), name in zip(found, names))
        text.append(".end: .loader: _load_stat\n")
    return "".join(text)


def said_of(stats):
    """All that the tables print, their rows, and what they differ in."""
    said = []
    for stat in stats:
        said += [str(stat), str(stat.more), str(stat.all), str(stat[0]), str(stat[1:3]), str(len(stat))]
        said += [str(stat.more.more), stat.count, stat.size, stat.numrows, stat.kindheader, stat.timemade]
        for by in "Size", "Count":
            for most in 0, 1, 3, 10:
                found = stat.get_rows_n_and_other(most, by)
                said.append([(row.count, row.size, row.name) for row in found])
        file = io.StringIO()
        stat.dump(file)
        said.append(file.getvalue())
    for left in stats:
        for right in stats:
            if left.kindheader == right.kindheader:
                said += [str(left - right), str((left - right).all), (left - right).numrows]
    return said


@pytest.mark.parametrize("number", range(40))
def test_tables_from_files_say_the_same(guppy, number):
    text = small_tables(number)
    count = text.count(".end")
    ours, theirs = hpy(), guppy.hpy()
    file, other = io.StringIO(text), io.StringIO(text)
    mine = [ours.load(file) for _ in range(count)]
    assert said_of(mine) == said_of([theirs.load(other) for _ in range(count)])


@pytest.mark.parametrize("name", ["nothing but one", "more rows than a page", "persons", "mixed", "a long name", "strs"])
def test_the_profile_browser_reads_our_files(guppy, name, tmp_path):
    """Its own reader, which needs no window."""
    prof = pytest.importorskip("guppy.heapy.Prof", reason="the Profile Browser needs Tk")
    path = str(tmp_path / "ours.hpy")
    hp = hpy()
    kept = small_heaps.HEAPS[name]()
    x = hp.iso(*kept)
    written = [x.stat, x.bytype.stat, x.bysize.stat, x.byrcs.stat, x[0].stat]
    for stat in written:
        stat.dump(path)
    module = types.SimpleNamespace(os=os, hashlib=hashlib, Use=guppy.hpy())
    read = prof.Stats(module)
    read.open(path)
    assert [str(stat) for stat in read.stats] == [str(stat) for stat in written]
    assert read.max_size == x.size
    # A record more, and it goes on from where it was.
    x.stat.dump(path)
    assert read.collect() == (5, 1)
    assert str(read.stats[5]) == str(x.stat)
