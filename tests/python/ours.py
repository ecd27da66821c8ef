"""Which objects are snakeroot's own, told without asking snakeroot."""

import gc
import sys
import types
import weakref


def modules():
    return [
        module
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "snakeroot" and isinstance(module, types.ModuleType)
    ]


def addresses():
    """Addresses of snakeroot's modules and of what these define."""
    found = set()
    for module in modules():
        found |= {id(module), id(vars(module))}
        for value in vars(module).values():
            name = getattr(value, "__module__", None)
            if isinstance(name, str) and name.split(".")[0] == "snakeroot":
                found.add(id(value))
    return found


def possible():
    """Addresses of what snakeroot's modules lead to, without what other modules define.

    Some of these may be others' too; what is not among them is surely not ours.
    """
    found, waiting = {}, list(modules())
    waiting += [each for each in gc.get_objects() if type(each).__module__ == "snakeroot"]
    kinds = [value for module in modules() for value in vars(module).values() if isinstance(value, type)]
    waiting += tables_of_subclasses([kind for kind in kinds if not is_elsewhere(kind)])
    waiting += [each for each in BaseException.__subclasses__() if each.__module__ == "pyo3_runtime"]
    while waiting:
        value = waiting.pop()
        if id(value) in found or is_elsewhere(value):
            continue
        found[id(value)] = value
        waiting += gc.get_referents(value)
        if type(value) is dict:
            waiting += value  # Keys that are all str are no referents.
        if isinstance(value, types.FunctionType):
            waiting.append(value.__code__)
        if isinstance(value, types.CodeType):
            waiting += [value.co_consts, value.co_names, value.co_varnames]
    return set(found)


def tables_of_subclasses(kinds):
    """The dicts in which some types keep their subclasses, of which the collector alone tells."""
    expected = {frozenset(map(id, type.__subclasses__(kind))) for kind in kinds} - {frozenset()}
    dicts = [each for each in gc.get_objects() if type(each) is dict and each]
    return [
        each
        for each in dicts
        if all(type(key) is int for key in each)
        and all(type(value) is weakref.ref for value in each.values())
        and frozenset(each) in expected
    ]


def is_elsewhere(value):
    if isinstance(value, types.ModuleType):
        return value.__name__.split(".")[0] != "snakeroot"
    if isinstance(value, type):
        return (value.__module__ or "").split(".")[0] not in ("snakeroot", "pyo3_runtime")
    if isinstance(value, types.FunctionType):
        return not (value.__module__ or "").startswith("snakeroot")
    return False
