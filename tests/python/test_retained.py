"""Retained sizes and dominators against what is known of the objects, and against taking each one away."""

import gc
import signal
import sys
import threading
import time

import pytest
import snakeroot


class Box:
    pass


def text(mark):
    return "".join(["retained ", mark, " "] * 3)


def test_an_object_retains_itself_and_what_only_it_holds():
    box, shared = Box(), [text("shared")]
    own = [text("one"), text("two"), (text("three"),)]
    box.own, box.shared = own, shared
    heap = snakeroot.snapshot()
    of_list = sys.getsizeof(own) + sum(map(sys.getsizeof, own)) + sys.getsizeof(own[2][0])
    assert heap.node(own[2]).retained_size == sys.getsizeof(own[2]) + sys.getsizeof(own[2][0])
    # This function's variable holds the list too, so the box does not keep it alone.
    assert heap.node(own).retained_size == of_list
    assert heap.node(box).retained_size < of_list
    address = id(own)
    del own
    heap = snakeroot.snapshot()
    assert heap.node(box).retained_size >= sys.getsizeof(box) + of_list
    assert heap.node(address).dominator in (heap.node(box), *[edge.node for edge in heap.node(box).referents()])
    assert heap.node(shared).dominator.type == "frame"


def test_a_circle_is_retained_once():
    first, second = Box(), Box()
    first.other, second.other = second, first
    first.data = [text("data")]
    holder = [first]
    address, inner = id(first), id(second)
    del first, second
    heap = snakeroot.snapshot()
    node = heap.node(address)
    assert node.dominator == heap.node(holder)
    below = node.dominated()
    assert heap.node(inner) in below or any(heap.node(inner) in each.dominated() for each in below)
    assert heap.node(holder).retained_size == sys.getsizeof(holder) + node.retained_size
    assert node.retained_size >= heap.node(inner).retained_size + sys.getsizeof(holder[0].data[0])


def test_garbage_hangs_from_no_root():
    gc.disable()
    try:
        box = Box()
        box.itself, box.data = box, [text("lost")]
        address, size = id(box), sys.getsizeof(box.data) + sys.getsizeof(box.data[0])
        del box
        heap = snakeroot.snapshot()
    finally:
        gc.enable()
    node = heap.node(address)
    assert "garbage" in node.flag_words
    # Its circle is entered at the lowest address, which may be that of its dict.
    top = node
    while top.dominator is not None:
        top = top.dominator
        assert "garbage" in top.flag_words
    assert top.retained_size > size
    assert heap.top().to_dict()["total"]["garbage"] >= top.retained_size


def reached(referents, roots, without=None):
    """All that some roots lead to, past no `without`; a bytearray with a byte a node."""
    seen = bytearray(len(referents))
    if without is not None:
        seen[without] = 1
    stack = []
    for root in roots:
        if not seen[root]:
            seen[root] = 1
            stack.append(root)
    while stack:
        for far in referents[stack.pop()]:
            if not seen[far]:
                seen[far] = 1
                stack.append(far)
    if without is not None:
        seen[without] = 0
    return seen


def test_what_is_retained_is_what_no_root_reaches_without_it(tmp_path):
    """Every object of some, taken away from the heap that was saved, against the whole of the rest."""
    parquet = pytest.importorskip("pyarrow.parquet")
    heap = snakeroot.snapshot()
    heap.save(tmp_path / "now.heap.parquet")
    columns = ["type", "size", "root", "referents", "labels"]
    table = parquet.read_table(tmp_path / "now.heap.parquet", columns=columns).to_pydict()
    referents = [
        [far for far, label in zip(row, labels or [""] * len(row), strict=True) if label != "weak"]
        for row, labels in zip(table["referents"], table["labels"], strict=True)
    ]
    kinds = table["type"]
    roots = [at for at, root in enumerate(table["root"]) if root is not None or kinds[at] == "thread"]
    live = reached(referents, roots)
    size = table["size"]
    total = heap.top(0).to_dict()["total"]
    assert total["live"] == sum(size[at] for at in range(len(size)) if live[at])
    assert total["garbage"] == sum(size) - total["live"]
    loaded = snakeroot.load(tmp_path / "now.heap.parquet")
    chosen = list(loaded.top(12)) + [node for each in list(loaded.top(200))[100:106] for node in (each, each.dominator) if node]
    for node in chosen:
        left = reached(referents, roots, node.id)
        freed = [at for at in range(len(size)) if live[at] and not left[at]]
        assert node.retained_size == sum(size[at] for at in freed), node
        freed = set(freed)
        for far in list(node.dominated())[:50]:
            assert far.id in freed and far.dominator == node


def test_the_largest_come_first_and_below_their_dominators():
    hoard = [text(str(number)) for number in range(200_000)]
    heap = snakeroot.snapshot()
    top = heap.top(limit=5)
    sizes = [node.retained_size for node in top]
    assert sizes == sorted(sizes, reverse=True) and len(top) == 5
    assert heap.node(hoard) in top
    known = list(top)
    for place, node in enumerate(known):
        assert node.dominator is None or node.dominator in known[:place]
    assert len(heap.top(limit=0)) == 0
    said = str(top)
    assert "retained" in said.splitlines()[0] and hex(id(hoard)) in said
    answer = top.to_dict()
    assert answer["schema"] == "snakeroot.top/1"
    assert [row["retained"] for row in answer["top"]] == sizes
    assert top[-1] == known[-1]
    with pytest.raises(IndexError, match="row 5 of 5"):
        top[5]
    with pytest.raises(ValueError, match="limit: expected 0 or more, found -1"):
        heap.top(limit=-1)


def test_a_type_retains_what_its_objects_do():
    boxes = [Box() for _ in range(1000)]
    for box in boxes:
        box.data = text("own")
    inner = Box()
    inner.data = text("inner")
    boxes[0].inner = inner
    del box, inner
    heap = snakeroot.snapshot()
    row = next(row for row in heap.types(limit=None) if row.type == __name__ + ".Box")
    # The inner one is counted with the one that holds it, once.
    assert row.retained == sum(heap.node(box).retained_size for box in boxes)
    by = [each.retained for each in heap.types(by="retained", limit=20)]
    assert by == sorted(by, reverse=True)
    assert heap.types().to_dict()[0]["retained"] >= heap.types().to_dict()[0]["size"]


def test_a_loaded_heap_answers_the_same(tmp_path):
    heap = snakeroot.snapshot()
    heap.save(tmp_path / "now.heap.parquet")
    loaded = snakeroot.load(tmp_path / "now.heap.parquet")
    assert str(loaded.top(50)) == str(heap.top(50))
    assert loaded.types(by="retained", limit=None).to_dict() == heap.types(by="retained", limit=None).to_dict()


LONG_WORK = {
    "top": lambda heap, older: heap.top(),
    "cycles": lambda heap, older: heap.cycles(),
    "suspects": lambda heap, older: heap.suspects(),
    "why": lambda heap, older: heap.why(type=Box),
    "retained": lambda heap, older: heap.objects(type=Box).retained,
    "groups": lambda heap, older: heap.objects(type=Box).by("via"),
    "diff": lambda heap, older: heap.diff(older).dominators(),
}


@pytest.fixture(scope="module")
def large_heaps():
    boxes = [[Box() for _ in range(5)] for _ in range(200_000)]
    older = snakeroot.snapshot()
    return snakeroot.snapshot(), older, boxes


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends a signal")
@pytest.mark.parametrize("name", LONG_WORK)
def test_a_signal_ends_long_work_and_the_next_call_works(large_heaps, name):
    heap, older, boxes = large_heaps

    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        begun = time.monotonic()
        with pytest.raises(Enough):
            LONG_WORK[name](heap, older)
            time.sleep(1)  # where it was faster than the signal
        assert time.monotonic() - begun < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heap.top(1)[0].retained_size > sys.getsizeof(boxes)


def test_other_threads_run_meanwhile():
    boxes = [[Box()] for _ in range(200_000)]
    heap = snakeroot.snapshot()
    counted = []
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counted.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = len(counted)
        assert heap.top(1)[0].retained_size > sys.getsizeof(boxes)
        assert len(counted) > before
    finally:
        stop.set()
        thread.join()
