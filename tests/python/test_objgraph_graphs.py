"""objgraph's pictures and chains, each beside objgraph itself: same nodes, same edges, same DOT.

The counting verbs are compared in test_objgraph_compat.py.
"""

import collections
import contextlib
import gc
import io
import itertools
import re
import sys
import types
import unittest.mock
import weakref

import objgraph
import ours as own
import programs
import pytest
import snakeroot
import snakeroot.objgraph
from dots import Dot, differences, drawn
from heaps import HEAPS, Finalized, Odd, Thing

PROGRAMS = [name for name in programs.NAMES if not name.startswith("hostile")]
NAMES = sorted(HEAPS)


# A reference count in a label, behind the type's name.
COUNT = re.compile(r"^(.*label=\"[^\"\\ ]+ )\[(?:-?\d+|immortal)\]", re.MULTILINE)


@contextlib.contextmanager
def collected():
    """A collected heap, which the collector then leaves in the order that it is in."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compare(theirs, ours, *arguments, once=False, counts=True, **options):
    for_theirs = options
    if theirs is objgraph.show_backrefs:
        # What is snakeroot's own is no referrer for ours, and then there is room for another of too many.
        for_theirs = {**options, "extra_ignore": [*options.get("extra_ignore", ()), *own.addresses()]}

    def written(verb):
        # The same tuple of arguments each time: it refers to the objects too.
        text = io.StringIO()
        verb(*arguments, output=text, **(for_theirs if verb is theirs else options))
        return text.getvalue()

    def read(text):
        return Dot(text if counts else COUNT.sub(r"\1[n]", text))

    def both():
        # Both ask the collector first, which moves what it meets: which ten of a thousand referrers come first would
        # then be another for each. What was read of the one would be referrers for the other.
        with collected(), unittest.mock.patch.object(gc, "collect", lambda: 0):
            texts = [written(theirs), written(ours)]
        return [read(text) for text in texts]

    expected, found = both()
    for _ in range(4):
        if not differences(expected, found, once):
            break
        # Something of the process itself may have changed in between: objgraph makes dicts of instances for its labels.
        expected, found = both()
    assert differences(expected, found, once) == []
    return found


BOTH = [
    pytest.param(objgraph.show_refs, snakeroot.show_refs, id="refs"),
    pytest.param(objgraph.show_backrefs, snakeroot.show_backrefs, id="backrefs"),
]


# Nodes, edges, attributes


@pytest.mark.parametrize("theirs, ours", BOTH)
@pytest.mark.parametrize("name", NAMES)
def test_a_heap_is_drawn_as_objgraph_draws_it(name, theirs, ours):
    objects = HEAPS[name]()
    found = compare(theirs, ours, objects)
    assert len(found.objects()) >= 1


@pytest.mark.parametrize("theirs, ours", BOTH)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_drawn_as_objgraph_draws_it(name, theirs, ours, build):
    module = build(name)
    compare(theirs, ours, [module.kept()])


BOUNDS = list(itertools.product([0, 1, 2, 4], [0, 1, 2, 5, 100]))


@pytest.mark.parametrize("theirs, ours", BOTH)
@pytest.mark.parametrize("max_depth, too_many", BOUNDS)
def test_bounds_leave_out_what_objgraph_leaves_out(max_depth, too_many, theirs, ours):
    for name in ("fifty_referrers", "many_values", "an_instance", "one_object_many_times", "many_levels"):
        compare(theirs, ours, HEAPS[name](), max_depth=max_depth, too_many=too_many)


@pytest.mark.parametrize("bounds", [(-1, 10), (2, -3), (1.5, 10), (2, 2.5), (10**400, 3), (3, 10**400), (True, 10)])
def test_bounds_may_be_any_number(bounds):
    objects = HEAPS["nested_lists"]()
    max_depth, too_many = bounds
    if max_depth == 10**400:  # objgraph divides by it
        max_depth = float("inf")
    for theirs, ours in (parameter.values for parameter in BOTH):
        compare(theirs, ours, objects, max_depth=max_depth, too_many=too_many)


@pytest.mark.parametrize("theirs, ours", BOTH)
def test_the_first_of_too_many_are_objgraphs(theirs, ours):
    popular = object()
    held = [[popular, number] for number in range(1000)]
    for target in (popular, held, Thing, list, dict):
        for too_many in (1, 10):
            compare(theirs, ours, [target], max_depth=1, too_many=too_many)


FILTERS = {
    "no dicts": lambda value: type(value) is not dict,
    "containers": lambda value: isinstance(value, (list, dict, tuple)),
    "nothing": lambda value: False,
    "not called true": lambda value: [1],
    "odd ones": lambda value: id(value) // 16 % 2,
}


@pytest.mark.parametrize("theirs, ours", BOTH)
@pytest.mark.parametrize("kept", sorted(FILTERS))
def test_a_filter_leaves_out_what_objgraph_leaves_out(kept, theirs, ours):
    for name in ("an_instance", "fifty_referrers", "a_dict", "a_closure"):
        for too_many in (2, 10):
            compare(theirs, ours, HEAPS[name](), filter=FILTERS[kept], too_many=too_many)


@pytest.mark.parametrize("theirs, ours", BOTH)
def test_ignored_ids_are_left_out(theirs, ours):
    inner = [[], []]
    outer = [inner, [inner, inner]]
    start = [outer] if ours is snakeroot.show_refs else [inner]
    for ignored in ([id(outer[1])], {id(outer[1]), -5, 10**30}, (id(outer[1]), id(inner[0]))):
        found = compare(theirs, ours, start, max_depth=4, extra_ignore=ignored)
        assert not found.objects() & set(ignored)
        assert id(outer) in found.objects()
    assert id(outer[1]) in drawn(ours, start, extra_ignore=iter([id(start)])).objects()


def test_modules_are_not_gone_beyond_and_every_one_in_refs_is():
    book = [Thing()]
    module = types.ModuleType("a_shelf")
    module.BOOK = book
    sys.modules["a_shelf"] = module
    try:
        found = compare(objgraph.show_backrefs, snakeroot.show_backrefs, book[0], max_depth=9)
        assert id(module) in found.objects()
        assert id(sys.modules) not in found.objects()
        del sys.modules["a_shelf"]
        sys.modules["another name"] = module
        found = compare(objgraph.show_backrefs, snakeroot.show_backrefs, book[0], max_depth=4)
        assert id(sys.modules) in found.objects()
    finally:
        sys.modules.pop("a_shelf", None)
        sys.modules.pop("another name", None)
    assert id(vars(collections)) in drawn(snakeroot.show_refs, [collections], max_depth=1).objects()


def test_a_list_a_tuple_and_one_object_alone_are_starts_as_with_objgraph():
    thing = Thing([])
    # A text that is nobody's constant: many hold those, pytest among them.
    text = "".join(["te", "xt"])
    for objects in (thing, [thing], (thing, thing.held), [thing, thing], [], text, (), {}, type("Fresh", (), {})):
        for theirs, ours in (parameter.values for parameter in BOTH):
            compare(theirs, ours, objects, once=True)


class Place:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return "Place(%s)" % self.name


@pytest.mark.parametrize("swap", [False, True, 0, [1]])
def test_edges_that_a_function_names_are_drawn_as_objgraph_draws_them(swap):
    ways = {"a": "bccd", "b": "ad", "c": "", "d": "efghijklmnop", "e": "a"}
    places = {name: Place(name) for name in "abcdefghijklmnop"}

    def edges(place):
        return (places[name] for name in ways.get(place.name, ""))

    theirs, ours = objgraph._show_graph, snakeroot.objgraph._show_graph
    start = [places["a"], places["e"]]
    found = compare(theirs, ours, start, edges, swap)
    assert len(found.objects()) == 14
    compare(theirs, ours, places["a"], edges, swap, max_depth=1, too_many=2)
    found = compare(theirs, ours, start, edges, swap, cull_func=lambda place: place.name == "d")
    assert len(found.objects()) == 5
    compare(theirs, ours, start, edges, swap, filter=lambda place: place.name != "d", extra_ignore=[id(places["c"])])
    compare(theirs, ours, start, edges, swap, extra_node_attrs=lambda place: {"x": place.name}, shortnames=False)
    compare(theirs, ours, start, edges, swap, highlight=lambda place: place.name > "c", extra_info=repr)
    # All by place.
    output = io.StringIO()
    ours(start, edges, swap, 2, (), None, 3, None, None, None, False, True, output, None, None)
    assert output.getvalue() == str_of(theirs, start, edges, swap, 2, too_many=3)


def str_of(verb, *arguments, **options):
    output = io.StringIO()
    verb(*arguments, output=output, **options)
    return output.getvalue()


def test_a_graph_of_ones_own_takes_what_makes_sense_of_it():
    draw = snakeroot.objgraph._show_graph
    with pytest.raises(TypeError, match="multiple values for argument 'cull_func'"):
        draw([[]], list, False, 2, (), None, 3, None, None, None, False, True, None, len, None, cull_func=len)
    with pytest.raises(TypeError, match="unexpected keyword argument 'heap'"):
        draw([[]], list, False, heap=None)
    with pytest.raises(ValueError, match="both output and filename"):
        draw([], list, False, filename="filename", output=io.StringIO())
    with pytest.raises(ZeroDivisionError):
        draw([[]], lambda value: 1 // 0, False, output=io.StringIO())
    with pytest.raises(TypeError, match="not iterable"):
        draw([[]], lambda value: 5, False, output=io.StringIO())


@pytest.mark.parametrize("theirs, ours", BOTH)
def test_words_colours_and_attributes_that_are_asked_for(theirs, ours):
    objects = HEAPS["a_dict"]()

    def extra(value):
        return "type\n%s \"&\\" % type(value).__name__

    def attributes(value):
        return {"URL": "http://x/?a=%d&b=\"" % id(value), "shape": None, "penwidth": 2 and "2"}

    def is_list(value):
        return isinstance(value, list)

    compare(theirs, ours, objects, extra_info=extra, extra_node_attrs=attributes, highlight=is_list)
    compare(theirs, ours, objects, shortnames=False)
    compare(theirs, ours, objects, shortnames=None, highlight=0, filter=0, extra_info="")


@pytest.mark.parametrize("theirs, ours", BOTH)
def test_reference_counts_stand_where_objgraph_writes_them(theirs, ours):
    # What objgraph subtracts for itself differs from what newer interpreters count.
    for name in ("nested_lists", "an_instance_with_a_dict", "fifty_referrers", "a_closure"):
        found = compare(theirs, ours, HEAPS[name](), counts=False, refcounts=True)
        assert all("[n]" in label for label in found.labels().values() if "more" not in label)


def test_reference_counts_are_those_that_the_program_holds():
    inner = Thing()
    outer = [inner, inner, inner]
    label = drawn(snakeroot.show_refs, [outer], refcounts=True).nodes["o%d" % id(inner)]["label"]
    found = int(re.match(r"Thing \[(\d+)\]", label).group(1))
    assert found in (3, 4)  # three in the list; whether the name counts is the interpreter's business


# Labels


def test_a_label_is_cut_where_objgraph_cuts_it():
    text = "ab'\"" * 1000
    compare(objgraph.show_refs, snakeroot.show_refs, [[text, text.encode(), Odd("x" * 10**7)]])
    dot = drawn(snakeroot.show_refs, [[Odd("x" * 10**7)]])
    assert max(len(label) for label in dot.labels().values()) < 200


def test_a_label_of_ten_megabytes_is_cut_to_what_graphviz_reads():
    huge = type("N" * 10**7, (), {})()
    dot = drawn(snakeroot.show_refs, [huge], extra_info=lambda value: "é" * 10**6, max_depth=0)
    (label,) = dot.labels().values()
    assert len(label.encode()) < 16_384
    assert label.endswith("…")


def test_a_repr_is_asked_of_what_is_drawn_only_and_once():
    asked = []

    class Asked:
        def __init__(self, name):
            self.name = name

        def __repr__(self):
            asked.append(self.name)
            return self.name

    values = [Asked("value %d" % number) for number in range(30)]
    drawn(objgraph.show_refs, [values], too_many=3, max_depth=1)
    expected = asked[:]
    asked.clear()
    drawn(snakeroot.show_refs, [values], too_many=3, max_depth=1)
    assert asked == expected
    assert len(asked) == 3


def test_no_code_of_the_objects_runs_without_repr():
    class Never:
        def __repr__(self):
            raise SystemExit("ran")

        __len__ = __str__ = __repr__

    class NeverList(list):
        def __len__(self):
            raise SystemExit("ran")

    dot = drawn(snakeroot.show_refs, [[Never(), NeverList([1]), {Never(): 1}, "it's", 12]], repr=False)
    words = [label.split("\\n")[1] for label in dot.labels().values()]
    assert any("it's" in word for word in words) and "12" in words
    with pytest.raises(SystemExit):
        drawn(snakeroot.show_refs, [[Never()]])


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_programs_is_raised_by_a_repr_as_with_objgraph(raised):
    class Ends:
        def __repr__(self):
            raise raised

    for verb in (objgraph.show_refs, snakeroot.show_refs):
        with pytest.raises(raised):
            drawn(verb, [Ends()])
        with pytest.raises(raised):
            drawn(verb, [{Ends(): [1]}])


def test_a_repr_that_changes_what_is_drawn_does_no_harm():
    holder = []

    class Clears:
        def __repr__(self):
            holder.clear()
            gc.collect()
            return "cleared"

    holder.extend(Clears() for _ in range(20))
    dot = drawn(snakeroot.show_refs, [holder], too_many=100)
    assert sum("cleared" in label for label in dot.labels().values()) == 20
    assert holder == []


def test_a_lone_surrogate_is_written_to_any_file(tmp_path):
    path = tmp_path / "odd.dot"
    snakeroot.show_refs([Odd("a \ud800 b"), {"\udc80 key": []}], filename=str(path))
    text = path.read_text(encoding="utf-8")
    assert "a \ufffd b" in text


def test_what_a_reference_is_called_is_told_where_objgraph_is_silent():
    thing = Thing()
    objects = [thing, [thing], (1, thing)]
    dot = drawn(snakeroot.show_refs, objects, max_depth=1)
    assert dot.edges["o%d" % id(objects[1]), "o%d" % id(thing)] == [{"label": "[0]"}]
    assert dot.edges["o%d" % id(objects[2]), "o%d" % id(thing)] == [{"label": "[1]"}]


# Chains


def is_held(holder, held):
    return any(referrer is holder for referrer in gc.get_referrers(held)) or any(
        referent is held for referent in gc.get_referents(holder)
    )


def check_chain(found, expected):
    assert len(found) == len(expected)
    for holder, held in zip(found, found[1:]):
        assert is_held(holder, held)


@pytest.mark.parametrize("name", NAMES)
def test_a_chain_back_to_a_module_is_as_short_as_objgraphs(name):
    objects = HEAPS[name]()
    module = types.ModuleType("holds_a_heap")
    module.HEAP = objects
    sys.modules["holds_a_heap"] = module
    try:
        starts = objects[:3] if type(objects) is list else [objects]
        for start in starts:
            expected = objgraph.find_backref_chain(start, objgraph.is_proper_module)
            expected = [id(step) for step in expected]
            found = snakeroot.find_backref_chain(start, snakeroot.is_proper_module)
            assert found[-1] is start and snakeroot.is_proper_module(found[0])
            check_chain(found, expected)
            # The same by a predicate that only Python knows.
            found = snakeroot.find_backref_chain(start, lambda value: objgraph.is_proper_module(value))
            check_chain(found, expected)
            assert found[-1] is start
            del found, start
    finally:
        del sys.modules["holds_a_heap"]


@pytest.mark.parametrize("name", NAMES)
def test_a_chain_forward_is_objgraphs_own(name):
    objects = HEAPS[name]()
    for wanted in (list, str, type, types.ModuleType, dict):
        for start in [objects] + (objects[:3] if type(objects) is list else []):

            def is_wanted(value):
                return type(value) is wanted and value is not start

            expected = objgraph.find_ref_chain(start, is_wanted, max_depth=4)
            # objgraph gives it from what was found to the start
            found = snakeroot.find_ref_chain(start, is_wanted, max_depth=4)
            assert len(found) == len(expected)
            assert {id(found[0]), id(found[-1])} == {id(expected[0]), id(expected[-1])}
            assert [id(step) for step in found] == [id(step) for step in expected]


@pytest.mark.parametrize("max_depth", [-1, 0, 1, 5, 12, 13, 14, 12.5, float("inf")])
def test_a_chain_is_no_longer_than_allowed(max_depth):
    top, thing = HEAPS["many_levels"]()

    def is_top(value):
        return value is top

    def is_thing(value):
        return value is thing

    expected = objgraph.find_backref_chain(thing, is_top, max_depth)
    found = snakeroot.find_backref_chain(thing, is_top, max_depth)
    assert [id(step) for step in found] == [id(step) for step in expected]
    assert len(found) == (13 if max_depth >= 12 else 1)
    expected = objgraph.find_ref_chain(top, is_thing, max_depth=max_depth)
    found = snakeroot.find_ref_chain(top, is_thing, max_depth=max_depth)
    assert [id(step) for step in found] == [id(step) for step in expected]


def test_a_chain_does_not_pass_what_is_ignored():
    top, thing = HEAPS["many_levels"]()
    middle = top[0][0][0]
    for finder in (snakeroot.find_backref_chain, objgraph.find_backref_chain):
        assert finder(thing, lambda value: value is top, extra_ignore=[id(middle)]) == [thing]
    for finder in (snakeroot.find_ref_chain, objgraph.find_ref_chain):
        assert finder(top, lambda value: value is thing, extra_ignore=[id(middle)])[0] is top
    module = types.ModuleType("ignored")
    module.TOP = top
    sys.modules["ignored"] = module
    try:
        ignore = [id(module), id(middle)]
        for tool in (snakeroot, objgraph):
            chain = tool.find_backref_chain(top, tool.is_proper_module, 2, ignore)
            assert chain == [top]
    finally:
        del sys.modules["ignored"]


def test_a_chain_through_two_hundred_holders_is_found():
    top = thing = Thing()
    for _ in range(200):
        top = [top]
    module = types.ModuleType("deep")
    module.TOP = top
    sys.modules["deep"] = module
    try:
        chain = snakeroot.find_backref_chain(thing, snakeroot.is_proper_module, max_depth=500)
        assert [type(step) for step in chain] == [types.ModuleType, dict] + [list] * 200 + [Thing]
        assert snakeroot.find_backref_chain(thing, snakeroot.is_proper_module) == [thing]
        chain = snakeroot.find_backref_chain(thing, lambda value: value is module, max_depth=500)
        assert len(chain) == 203
    finally:
        del sys.modules["deep"]


def test_a_predicate_is_asked_in_objgraphs_order():
    objects = HEAPS["nested_lists"]()
    for verb in ("find_ref_chain", "find_backref_chain"):
        asked = {}
        for tool in (objgraph, snakeroot):
            seen = asked[tool] = []

            def predicate(value):
                seen.append(id(value))
                return False

            depth = 2 if verb == "find_ref_chain" else 1
            assert getattr(tool, verb)(objects[1], predicate, max_depth=depth) == [objects[1]]
        assert collections.Counter(asked[objgraph]) == collections.Counter(asked[snakeroot])
        if verb == "find_ref_chain":
            assert asked[objgraph] == asked[snakeroot]


@pytest.mark.parametrize("backrefs", [True, False])
def test_chains_are_drawn_as_objgraph_draws_them(backrefs):
    top, thing = HEAPS["many_levels"]()
    chain = [top]
    while chain[-1] is not thing:
        chain.append(chain[-1][0])
    other = [top, top[0]]
    for chains in ([chain], [chain, other], [[], chain], [[thing]], [chain[5:], chain[:3]]):
        compare(
            lambda *given, **options: objgraph.show_chain(*given, backrefs=backrefs, **options),
            lambda *given, **options: snakeroot.show_chain(*given, backrefs=backrefs, **options),
            *chains,
            once=True,
        )
    referrers = [[thing, number] for number in range(30)]
    many = [[referrer, thing] for referrer in referrers]
    for too_many in (2, 10, 100):
        compare(objgraph.show_chain, snakeroot.show_chain, *many, too_many=too_many, once=True)
        compare(objgraph.show_chain, snakeroot.show_chain, *many, too_many=too_many, once=True, extra_ignore=[id(referrers[3])])


def test_a_proper_module_is_what_objgraph_takes_for_one():
    alias = types.ModuleType("says_another_name")
    sys.modules["an_alias"] = alias
    hostile = unittest.mock.Mock(spec=types)
    hostile.__name__ = "types"
    try:
        for value in (collections, alias, types.ModuleType("collections"), types.ModuleType("x"), hostile, 1, None, []):
            assert snakeroot.is_proper_module(value) is objgraph.is_proper_module(value)
    finally:
        del sys.modules["an_alias"]


# The call itself, garbage, what is kept alive


def test_nothing_of_the_call_itself_is_drawn():
    thing = Thing()
    cell = [thing]

    def about(value):
        return value is not cell

    arguments = (thing, 5, (), about, 1000)
    options = {"highlight": about, "extra_info": lambda value: str(thing is value)}

    def by(verb):
        text = io.StringIO()
        verb(*arguments, output=text, **options)
        return Dot(text.getvalue())

    gc.collect()
    theirs, ours = by(objgraph.show_backrefs), by(snakeroot.show_backrefs)
    assert id(arguments) in ours.objects()  # the caller's own, as in objgraph
    assert id(options) in ours.objects()
    more = [label for at, label in ours.labels().items() if at in ours.objects() - theirs.objects()]
    assert more == []
    # objgraph draws the dict that carries what was given by name.
    assert len(theirs.objects() - ours.objects()) <= 1


ASKING = """
{define} ask(held, told):
    mine = [[], held]
    theirs, ours = io.StringIO(), io.StringIO()
    objgraph.show_backrefs(held, max_depth=2, output=theirs)
    snakeroot.show_backrefs(held, max_depth=2, output=ours)
    found = [objgraph.get_leaking_objects(), snakeroot.get_leaking_objects()]
    told += [theirs.getvalue(), ours.getvalue()]
    told += [any(mine is each for each in leaks) for leaks in found]
    {end}
"""


@pytest.mark.parametrize("define, end", [("def", "yield"), ("async def", "pass"), ("async def", "yield")])
def test_a_generator_or_coroutine_that_asks_holds_its_variables(define, end):
    space = {"io": io, "objgraph": objgraph, "snakeroot": snakeroot}
    exec(ASKING.format(define=define, end=end), space)
    gc.collect()
    told = []
    asking = space["ask"](Thing(), told)
    run = asking if hasattr(asking, "send") else asking.__anext__()
    with contextlib.suppress(StopIteration):
        run.send(None)
    theirs, ours, *leaks = told
    theirs, ours = Dot(theirs), Dot(ours)
    assert differences(theirs, ours) == []
    assert id(asking) in theirs.objects()
    assert leaks == [False, False]


def test_the_tuple_that_carries_the_arguments_is_not_drawn(tmp_path):
    thing = Thing()
    for options in ({}, {"untracked": True}):
        path = tmp_path / "alone.dot"
        snakeroot.show_backrefs(thing, str(path), max_depth=1, **options)
        alone = Dot(path.read_text())
        tuples = [label for label in alone.labels().values() if label.startswith("tuple")]
        assert tuples == []
        mine = (thing, "another name")
        snakeroot.show_backrefs(thing, str(path), max_depth=1, **options)
        assert id(mine) in Dot(path.read_text()).objects()
        del mine


def test_a_tuple_like_that_of_the_arguments_is_drawn():
    thing = Thing()
    mine = (thing,)
    text = io.StringIO()
    snakeroot.show_backrefs(thing, max_depth=1, output=text)
    assert Dot(text.getvalue()).objects() == {id(thing), id(mine)}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="a running frame is an object there, as for objgraph")
def test_frames_and_threads_are_drawn_only_when_asked_for():
    thing = Thing()
    assert "frame" not in drawn(snakeroot.show_backrefs, [thing]).text
    whole = drawn(snakeroot.show_backrefs, [thing], untracked=True, too_many=100)
    assert any(label.startswith("frame\\n") for label in whole.labels().values())
    assert not any("show_backrefs" in label for label in whole.labels().values())


def test_no_garbage_is_drawn_and_none_is_found_by_a_chain():
    def build():
        target = Thing()
        garbage = [target]
        garbage.append(garbage)
        reference = id(garbage)
        return target, reference

    gc.disable()
    try:
        target, garbage = build()
        shown = drawn(snakeroot.show_backrefs, [target], collect=False)
        assert garbage in shown.objects()
        chain = snakeroot.find_backref_chain(target, lambda value: id(value) == garbage, collect=False)
        assert len(chain) == 2
        del chain
        assert garbage not in drawn(snakeroot.show_backrefs, [target]).objects()
        target, garbage = build()
        assert garbage not in drawn(snakeroot.show_backrefs, [target], filter=lambda value: True).objects()
        target, garbage = build()
        assert snakeroot.find_backref_chain(target, lambda value: type(value) is list and value[0] is target) == [target]
    finally:
        gc.enable()


def test_what_only_garbage_holds_alive_is_no_reason_to_keep_it():
    gc.disable()
    try:
        target = Thing()
        first, second = Finalized(target), Finalized(target)
        first.other, second.other = second, first
        ids = {id(first), id(second)}
        watched = weakref.ref(first)
        del first, second
        assert not ids & drawn(snakeroot.show_backrefs, [target], max_depth=2).objects()
        assert watched() is None
    finally:
        gc.enable()


def test_nothing_is_kept_alive_and_no_garbage_is_made():
    class Watched:
        def __init__(self, held):
            self.held = held

    def everything(watched):
        holder = {"held": [watched]}
        for verb in (snakeroot.show_refs, snakeroot.show_backrefs):
            drawn(verb, [watched], filter=lambda value: True, highlight=lambda value: False)
            drawn(verb, [watched], extra_info=lambda value: "", extra_node_attrs=lambda value: {}, refcounts=True)
            drawn(verb, watched, 2, [id(holder)], untracked=True)
            drawn(verb, watched, retained=True, sizes=True)
        chain = snakeroot.find_backref_chain(watched, lambda value: value is holder)
        assert len(chain) == 3
        drawn(snakeroot.show_chain, chain)
        snakeroot.find_ref_chain(holder, lambda value: value is watched)
        with pytest.raises(ZeroDivisionError):
            drawn(snakeroot.show_refs, [watched], filter=lambda value: 1 / 0)

    watched = Watched([])
    dead = weakref.ref(watched)
    everything(watched)
    gc.collect()
    gc.disable()
    try:
        before = sys.getrefcount(watched)
        everything(watched)
        assert sys.getrefcount(watched) == before
        del watched
        assert dead() is None
        flags = gc.get_debug()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        garbage = [value for value in gc.garbage if type(value).__module__.startswith("snakeroot")]
        gc.set_debug(flags)
        gc.garbage.clear()
        assert garbage == []
    finally:
        gc.enable()
