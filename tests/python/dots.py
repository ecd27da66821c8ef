"""Reads the DOT that objgraph's verbs write, and compares two such texts as a script would."""

import collections
import io
import re

STATEMENT = re.compile(r'\s*(?:(\w+)(?:\s*->\s*(\w+))?\s*(?:\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\])?;)', re.DOTALL)
ATTRIBUTE = re.compile(r'\s*(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s"]+))\s*,?', re.DOTALL)


class Dot:
    """Nodes with their attributes, and edges as (source, target) with a list of attributes each."""

    def __init__(self, text):
        self.text = text
        self.nodes = {}
        self.edges = collections.defaultdict(list)
        head, _, body = text.partition("{\n")
        assert head == "digraph ObjectGraph ", head
        assert body.endswith("}\n"), body[-20:]
        at, end = 0, len(body) - 2
        while body[at:end].strip():
            found = STATEMENT.match(body, at)
            assert found, body[at : at + 200]
            source, target, attributes = found.groups()
            at = found.end()
            given = self.attributes(attributes or "")
            if target:
                self.edges[source, target].append(given)
            elif source == "node":
                self.defaults = given
            else:
                known = self.nodes.setdefault(source, {})
                # A start that was given twice is written twice, and its red may be white after all.
                assert all(known.get(name, given[name]) == given[name] for name in set(given) - {"fontcolor"}), known
                known.update(given)
        self.edges = dict(self.edges)

    @staticmethod
    def attributes(text):
        given, at = {}, 0
        while text[at:].strip():
            found = ATTRIBUTE.match(text, at)
            assert found, text[at:]
            name, quoted, plain = found.groups()
            given[name] = plain if quoted is None else quoted
            at = found.end()
        return given

    def objects(self):
        """The ids of what is drawn as an object."""
        return {int(name[1:]) for name in self.nodes if re.fullmatch(r"o\d+", name)}

    def pairs(self):
        return collections.Counter({pair: len(edges) for pair, edges in self.edges.items()})

    def labels(self):
        return {name: given.get("label") for name, given in self.nodes.items()}


def drawn(verb, *arguments, **options):
    text = io.StringIO()
    assert verb(*arguments, output=text, **options) is None
    return Dot(text.getvalue())


# At most so many objects of our own, such as the dicts of our modules, are referrers that we leave out.
OWN = 8


def is_nearly(one, other):
    """Whether two say how many referrers are not drawn, ours at most what is our own fewer."""
    if not (one and other and one.get("label") and other.get("label")):
        return False
    counts = [re.match(r"(\d+) more backreferences$", label) for label in (one["label"], other["label"])]
    if not all(counts):
        return False
    theirs, ours = (int(count.group(1)) for count in counts)
    return theirs > 1000 and theirs - OWN <= ours <= theirs and {**one, "label": ""} == {**other, "label": ""}


def is_the_docstring(before, after):
    """Whether a function's arrow to `None` says by what it is held, where objgraph names what is `None` when asked for."""
    attributes = ("__annotate__", "__closure__", "__defaults__", "__dict__")
    return after == {**before, "label": "__doc__"} and before.get("label") in attributes


def differences(theirs, ours, once=False):
    """What a script that reads objgraph's text would find different in ours; further labels are none.

    With `once`, arrows that objgraph repeats, because a start was given twice, count as one.
    """
    found = []
    if theirs.defaults != ours.defaults:
        found.append(("defaults", theirs.defaults, ours.defaults))
    for name in sorted(set(theirs.nodes) | set(ours.nodes)):
        one, other = theirs.nodes.get(name), ours.nodes.get(name)
        if one != other and not is_nearly(one, other):
            found.append((name, one, other))
    for pair in sorted(set(theirs.edges) | set(ours.edges)):
        one, other = theirs.edges.get(pair, []), ours.edges.get(pair, [])
        if once:
            one, other = ([edge for at, edge in enumerate(edges) if edge not in edges[:at]] for edges in (one, other))
        if len(one) != len(other):
            found.append((pair, one, other))
        for before, after in zip(one, other):
            if "label" not in before:
                after = {name: value for name, value in after.items() if name != "label"}
            if before != after and not is_the_docstring(before, after):
                found.append((pair, before, after))
    return found
