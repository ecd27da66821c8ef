"""Which objects are snakeroot's own, told without asking snakeroot."""

import gc
import sys
import types


def modules():
    return [
        module
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "snakeroot" and isinstance(module, types.ModuleType)
    ]


def possible():
    """Addresses of what snakeroot's modules lead to, without what other modules define.

    Some of these may be others' too; what is not among them is surely not ours.
    """
    found, waiting = {}, list(modules())
    waiting += [each for each in gc.get_objects() if type(each).__module__ == "snakeroot"]
    waiting += [each for each in BaseException.__subclasses__() if each.__module__ == "pyo3_runtime"]
    while waiting:
        value = waiting.pop()
        if id(value) in found or is_elsewhere(value):
            continue
        found[id(value)] = value
        waiting += gc.get_referents(value)
        if isinstance(value, types.FunctionType):
            waiting.append(value.__code__)
        if isinstance(value, types.CodeType):
            waiting += [value.co_consts, value.co_names, value.co_varnames]
    return set(found)


def is_elsewhere(value):
    if isinstance(value, types.ModuleType):
        return value.__name__.split(".")[0] != "snakeroot"
    if isinstance(value, type):
        return (value.__module__ or "").split(".")[0] not in ("snakeroot", "pyo3_runtime")
    if isinstance(value, types.FunctionType):
        return not (value.__module__ or "").startswith("snakeroot")
    return False
