"""Loads the fixture programs, and reads edges as the tests want them."""

import contextlib
import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "programs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def load(name):
    """A program as the module `fixture_<name>`, imported once."""
    full = "fixture_" + name
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, FOLDER / (name + ".py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@contextlib.contextmanager
def built(name):
    """A program whose objects exist, held by nothing but the program."""
    module = load(name)
    module.build()
    try:
        yield module
    finally:
        getattr(module, "end", lambda: None)()


class Builder(contextlib.ExitStack):
    def __call__(self, name):
        return self.enter_context(built(name))


def strong(edges):
    return [edge for edge in edges if not edge.weak]


def pairs(edges):
    """Edges as (label in words, address of the other end)."""
    return [(str(label), node.address) for label, node in edges]


def attributes(node):
    """The outgoing edges of an instance as (label, address), wherever its attributes are kept.

    `vars(x)["name"]` is given as `.name`.
    """
    found = []
    for label, held in strong(node.referents()):
        if str(label) == ".__dict__":
            for key, value in strong(held.referents()):
                if str(key).startswith('["'):
                    found.append(("." + str(key)[2:-2], value.address))
        found.append((str(label), held.address))
    return found


def in_order(words, text):
    """Whether `text` says all words, one after the other."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True
