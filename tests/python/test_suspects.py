"""`heap.suspects`: programs that leak are told of in a sentence, an idle one is not."""

import os
import subprocess
import sys

import leaks
import programs
import pytest
import snakeroot

SAVE = "import snakeroot, sys\nsnakeroot.snapshot().save(sys.argv[1])\n"


def run(program, path):
    """What a process of a program's text left in a file."""
    # A frame is named with its file: the same program has the same.
    script = path.parent / "program.py"
    script.write_text(program + SAVE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, str(script), str(path)], check=True, env=environment, timeout=120)
    return snakeroot.load(path)


@pytest.fixture(scope="module")
def heap_of(tmp_path_factory):
    """The heap of a leaking program, run once, and the file that it is in."""
    folder, heaps = tmp_path_factory.mktemp("leaks"), {}

    def heap(name):
        if name not in heaps:
            path = folder / ("%d.heap.parquet" % len(heaps))
            heaps[name] = run(leaks.PROGRAMS[name][0], path), path
        return heaps[name]

    return heap


@pytest.mark.parametrize("name", leaks.PROGRAMS)
def test_a_leak_is_told_of_in_a_sentence(name, heap_of):
    heap, _ = heap_of(name)
    suspects = heap.suspects()
    words = leaks.PROGRAMS[name][1]
    assert programs.in_order(words, str(suspects)), suspects
    assert len(suspects) == (2 if name == "two caches" else 1), suspects
    total = sum(suspect.share for suspect in suspects)
    assert 0.5 < total <= 1, suspects
    for suspect in suspects:
        assert suspect.sentence == str(suspect)
        largest = max(suspect.nodes, key=lambda node: node.retained_size)
        assert suspect.chain[-1] == (suspect.accumulation or largest)
        assert suspect.retained_size == sum(node.retained_size for node in suspect.nodes)


@pytest.mark.parametrize("name", leaks.PROGRAMS)
def test_the_same_leak_has_the_same_fingerprint_in_another_process(name, heap_of, tmp_path):
    heap, _ = heap_of(name)
    # More of the same, after other objects: neither addresses nor counts are the same.
    program = "import decimal, random\n" + leaks.PROGRAMS[name][0].replace("5000", "7000").replace("4999", "6999")
    again = run(program, tmp_path / "again.heap.parquet")
    first = [suspect.fingerprint for suspect in heap.suspects()]
    assert first == [suspect.fingerprint for suspect in again.suspects()], again.suspects()
    assert all(len(fingerprint) == 16 for fingerprint in first)


def test_different_leaks_have_different_fingerprints(heap_of):
    heaps = [heap_of(name)[0] for name in leaks.PROGRAMS]
    all_of_them = [suspect.fingerprint for heap in heaps for suspect in heap.suspects()]
    assert len(set(all_of_them)) == len(all_of_them) == len(leaks.PROGRAMS) + 1


def test_an_idle_process_has_no_suspect(tmp_path):
    heap = run(leaks.IDLE, tmp_path / "idle.heap.parquet")
    suspects = heap.suspects()
    assert len(suspects) == 0, suspects
    text = str(suspects)
    assert text.startswith("nothing keeps more than 10% of ")
    assert "the largest single objects:" in text
    assert len(suspects.below) == 3
    assert all(0 < suspect.share <= 0.1 for suspect in suspects.below)


def test_a_live_heap_and_a_loaded_one_agree(tmp_path):
    kept = [bytearray(1000) for _ in range(20000)]
    heap = snakeroot.snapshot()
    suspect = heap.suspects()[0]
    assert suspect.accumulation == heap.node(kept)
    assert 'local "kept"' in suspect.sentence
    path = tmp_path / "app.heap.parquet"
    heap.save(path)
    assert str(snakeroot.load(path).suspects()) == str(heap.suspects())
    picture = suspect.show()
    assert "kept" in picture.svg
    suspect.show(tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_text().startswith("<")


def test_plain_data_has_the_same(heap_of):
    heap, _ = heap_of("a dict of a module")
    suspects = heap.suspects(threshold=0.05)
    data = suspects.to_dict()
    assert data["schema"] == "snakeroot.suspects/1"
    assert (data["threshold"], data["heap"]) == (0.05, heap.size)
    one = data["suspects"][0]
    assert one == suspects[0].to_dict()
    assert one["sentence"] == suspects[0].sentence
    assert one["retained"] == suspects[0].retained_size
    assert one["fingerprint"] == suspects[0].fingerprint
    assert one["contents"][0]["type"] == "__main__.Session"
    assert one["chain"]["labels"][-1] == '["CACHE"]'


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan"), 10])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold: expected a share from 0.001 to 1"):
        snakeroot.snapshot().suspects(threshold)


def command(*arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-m", "snakeroot", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_the_command_fails_when_a_suspect_keeps_too_much(heap_of):
    heap, path = heap_of("a dict of a module")
    status, out, err = command("suspects", path)
    assert (status, out.rstrip("\n"), err) == (0, str(heap.suspects()), "")
    assert command("suspects", path, "--fail-over", "10%")[0] == 1
    assert command("suspects", path, "--fail-over", "0.99")[0] == 0
    status, out, _ = command("suspects", path, "--fail-over", "1%", "--json")
    assert status == 1 and '"snakeroot.suspects/1"' in out
    status, _, err = command("suspects", path, "--fail-over", "10")
    assert status == 2 and "expected a share from 0.1% to 100%, such as 10% or 0.1" in err
