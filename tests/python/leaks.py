"""Small programs that leak, each in its own way, and one that does not.

Each is a program's text, and what must be said of it: words in this order.
"""

SESSION = '''
class Session:
    def __init__(self, number):
        self.user = "user %d" % number
        self.data = bytearray(2000)
'''

PROGRAMS = {
    "a dict of a module": (
        SESSION + "CACHE = {}\nfor n in range(5000): CACHE['user:%d' % n] = Session(n)\n",
        ["5,000 instances of __main__.Session", "accumulate in one dict held by __main__.CACHE"],
    ),
    "a dict in an object of a module": (
        SESSION
        + """
class App:
    def __init__(self):
        self.settings, self.sessions = {"a": 1}, []
registry = App()
for n in range(5000): registry.sessions.append(Session(n))
""",
        ["5,000 instances of __main__.Session", "accumulate in one list held by __main__.registry > .sessions"],
    ),
    "a list in a closure": (
        SESSION
        + """
def keeper():
    rows = []
    def keep(row): rows.append(row)
    return keep
keep = keeper()
for n in range(5000): keep(Session(n))
""",
        ["5,000 instances of __main__.Session", "accumulate in one list held by __main__.keep > .__closure__"],
    ),
    "a thread's variable": (
        SESSION
        + """
import threading
ready = threading.Event()
def work():
    rows = [Session(n) for n in range(5000)]
    ready.set()
    threading.Event().wait()
threading.Thread(target=work, name="worker-7", daemon=True).start()
ready.wait()
""",
        ["5,000 instances of __main__.Session", "accumulate in one list held by thread", "work()", 'local "rows"'],
    ),
    "a class's attribute": (
        SESSION + "class Registry:\n    seen = []\nfor n in range(5000): Registry.seen.append(Session(n))\n",
        ["5,000 instances of __main__.Session", "accumulate in one list held by __main__.Registry > .seen"],
    ),
    "an lru_cache": (
        SESSION
        + """
import functools
@functools.lru_cache(maxsize=None)
def session(number): return Session(number)
for n in range(5000): session(n)
""",
        ["accumulate in one", "held by __main__.session"],
    ),
    "a ring of objects": (
        """
class Item:
    def __init__(self, after): self.after, self.data = after, bytearray(2000)
HEAD = last = Item(None)
for n in range(4999): HEAD = Item(HEAD)
last.after = HEAD
del last
""",
        ["accumulate in a row of", "__main__.Item that hold one another", "the first held by __main__.HEAD"],
    ),
    "two indices that share": (
        SESSION
        + """
by_number, by_user = {}, {}
for n in range(5000):
    session = Session(n)
    by_number[n] = by_user[session.user] = session
del session
""",
        ["5,000 instances of __main__.Session", "accumulate in one dict held by __main__.by_", "100.0% of them"],
    ),
    "many modules": (
        SESSION
        + """
import sys, types
for n in range(500):
    module = types.ModuleType("plugin_%d" % n)
    module.session = Session(n)
    module.session.data = bytearray(20000)
    sys.modules[module.__name__] = module
del module
""",
        ["500 instances of __main__.Session", "have no holder in common", ".session"],
    ),
    "one giant bytes": (
        "DATA = b'x' * 10_000_000\n",
        ["one bytes of 9.5 MiB", "is held by __main__.DATA"],
    ),
    "one giant list": (
        "ROWS = [None] * 1_000_000\n",
        ["one list of 7.6 MiB", "is held by __main__.ROWS"],
    ),
    "two caches": (
        SESSION
        + """
FIRST = [Session(n) for n in range(3000)]
SECOND = {n: Session(n) for n in range(2000)}
""",
        [
            "3,000 instances of __main__.Session",
            "accumulate in one list held by __main__.FIRST",
            "2,000 instances of __main__.Session",
            "accumulate in one dict held by __main__.SECOND",
        ],
    ),
}

IDLE = "import json, threading, logging, collections\n"
