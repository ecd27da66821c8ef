"""What answers show in a notebook: their text, and the same as HTML."""

import gc
from html.parser import HTMLParser

import pytest

import snakeroot

VOID = {"br", "hr", "img"}


class Held:
    def __init__(self, held=None):
        self.held = held
        self.me = None


class Reader(HTMLParser):
    """The text of HTML, which must close what it opens."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = []
        self.rows = 0

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        self.rows += tag == "tr"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def words(text):
    return "".join(text.split())


@pytest.fixture(scope="module")
def heap():
    strange = type("<b>&", (Held,), {})
    kept = [strange([index]) for index in range(30)]
    ring = Held()
    ring.me = Held(ring)
    gc.disable()
    lost = strange()
    lost.me = lost
    del lost
    found = snakeroot.snapshot()
    gc.enable()
    return found, kept, ring, strange


ANSWERS = {
    "info": lambda heap, kept, strange: heap.info,
    "types": lambda heap, kept, strange: heap.types(limit=5),
    "top": lambda heap, kept, strange: heap.top(limit=5),
    "objects": lambda heap, kept, strange: heap.objects(type=strange),
    "groups": lambda heap, kept, strange: heap.objects(type=strange).by("referrers"),
    "roots": lambda heap, kept, strange: heap.roots(limit=3),
    "modules": lambda heap, kept, strange: heap.modules(limit=3),
    "why": lambda heap, kept, strange: heap.why(kept[7]),
    "merged": lambda heap, kept, strange: heap.why(type=strange),
    "cycles": lambda heap, kept, strange: heap.cycles(limit=3),
    "cycle": lambda heap, kept, strange: heap.cycles(limit=3)[0],
    "garbage": lambda heap, kept, strange: heap.garbage(limit=3),
    "suspects": lambda heap, kept, strange: heap.suspects(0.001),
    "suspect": lambda heap, kept, strange: heap.suspects(0.001)[0],
    "diff": lambda heap, kept, strange: heap.diff(heap),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_text_and_html_with_the_same_words(heap, name):
    found, kept, _, strange = heap
    answer = ANSWERS[name](found, kept, strange)
    bundle = answer._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == repr(answer)
    reader = read(bundle["text/html"])
    assert words("".join(reader.text)) == words(repr(answer))


@pytest.mark.parametrize("name", ["types", "top", "roots", "modules", "groups", "merged"])
def test_a_table_has_a_row_for_each_line(heap, name):
    found, kept, _, strange = heap
    answer = ANSWERS[name](found, kept, strange)
    html = answer._repr_mimebundle_()["text/html"]
    assert read(html).rows == len(repr(answer).splitlines())


def test_names_are_no_markup(heap):
    found, kept, _, strange = heap
    html = found.objects(type=strange)._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;&amp;" in html and "<b>" not in html
