"""Pure: the functions of Go templates for numbers, lists, maps, comparisons and defaults."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.repository.appsets.gotemplate import TemplateError
from bootstrap.repository.appsets.gotemplate_run import MISSING, is_true, printed
from bootstrap.repository.appsets.sprig_numbers import (
    divided,
    remainder,
    rounded,
    sequence_of,
    steps,
    strval,
    text,
    to_float,
    to_int,
    whole,
)


def _same(one: Any, other: Any) -> bool:
    """Go's eq: for two values of the same basic kind; an error for others."""
    for value in (one, other):
        if isinstance(value, dict | list):
            raise TemplateError("non-comparable type")
    nothing = (None, MISSING)
    if one in nothing or other in nothing:
        return one in nothing and other in nothing
    if type(one) is not type(other):
        raise TemplateError("incompatible types for comparison")
    return bool(one == other)


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    return any(_same(first, other) for other in others)


def _less(one: Any, other: Any) -> bool:
    if type(one) is not type(other) or not isinstance(one, int | float | str) or isinstance(one, bool):
        raise TemplateError("incompatible types for comparison")
    return bool(one < other)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | dict):
        return len(value)
    raise TemplateError(f"len of type {'nil' if value in (None, MISSING) else printed(value)}")


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(text(key), MISSING)
        elif isinstance(value, list | str):
            number = key if isinstance(key, int) and not isinstance(key, bool) else None
            if number is None:
                raise TemplateError(f"cannot index slice/array with {printed(key)}")
            if not 0 <= number < len(value):
                raise TemplateError(f"index out of range: {number}")
            value = ord(value[number]) if isinstance(value, str) else value[number]
        else:
            raise TemplateError("index of untyped nil" if value in (None, MISSING) else "can't index item")
    return value


def _slice(value: Any, *bounds: Any) -> Any:
    if not isinstance(value, str | list):
        raise TemplateError("can't slice item")
    first = whole(bounds[0]) if bounds else 0
    last = whole(bounds[1]) if len(bounds) > 1 else len(value)
    if not 0 <= first <= last <= len(value):
        raise TemplateError(f"index out of range: {last}")
    return value[first:last]


def items(value: Any) -> list[Any]:
    """An argument that must be a list."""
    if isinstance(value, list):
        return value
    raise TemplateError(f"Cannot find it on type {printed(value)}")


def table(value: Any) -> dict[str, Any]:
    """An argument that must be a map."""
    if isinstance(value, dict):
        return value
    raise TemplateError(f"wrong type for value {printed(value)}; expected map[string]interface {{}}")


def _default(fallback: Any, value: Any = MISSING) -> Any:
    return value if is_true(value) else fallback


def _ternary(yes: Any, no: Any, value: Any) -> Any:
    if not isinstance(value, bool):
        raise TemplateError(f"wrong type for value {printed(value)}; expected bool")
    return yes if value else no


def _fail(message: Any) -> Any:
    raise TemplateError(text(message))


def _dict(*pairs: Any) -> dict[str, Any]:
    keys = [strval(key) for key in pairs[::2]]
    return {key: pairs[2 * n + 1] if 2 * n + 1 < len(pairs) else "" for n, key in enumerate(keys)}


def _dig(*arguments: Any) -> Any:
    if len(arguments) < 3:
        raise TemplateError("dig needs at least three arguments")
    *keys, fallback, holder = arguments
    found: Any = table(holder)
    for number, key in enumerate(keys):
        if text(key) not in found:
            return fallback
        found = found[key]
        if number < len(keys) - 1 and not isinstance(found, dict):
            raise TemplateError(f"interface conversion: {printed(found)} is not a map")
    return found


def _get(holder: Any, key: Any) -> Any:
    return table(holder).get(text(key), "")


def _set(holder: Any, key: Any, value: Any) -> dict[str, Any]:
    found = table(holder)
    found[text(key)] = value
    return found


def _unset(holder: Any, key: Any) -> dict[str, Any]:
    found = table(holder)
    found.pop(text(key), None)
    return found


def merged(target: Any, *others: Any, override: bool = False) -> dict[str, Any]:
    """mergo's merge: empty values are filled, or every non-empty value overrides."""
    found = table(target)
    for other in others:
        for key, value in table(other).items():
            own = found.get(key)
            if isinstance(own, dict) and isinstance(value, dict):
                merged(own, value, override=override)
            elif (override and is_true(value)) or key not in found or not is_true(own):
                found[key] = copy.deepcopy(value)
    return found


def _concat(*lists: Any) -> list[Any]:
    return [one for each in lists for one in items(each)]


def _unique(value: Any) -> list[Any]:
    found: list[Any] = []
    for one in items(value):
        if one not in found:
            found.append(one)
    return found


def _has(wanted: Any, value: Any) -> bool:
    return value is not None and wanted in items(value)


def _chunk(size: Any, value: Any) -> list[list[Any]]:
    count, found = whole(size), items(value)
    return [found[start : start + count] for start in range(0, len(found), count)]


def _list_slice(value: Any, *bounds: Any) -> list[Any]:
    found = items(value)
    last = whole(bounds[1]) if len(bounds) > 1 else len(found)
    return found[whole(bounds[0]) if bounds else 0 : last]


def _sorted(value: Any) -> list[str]:
    return sorted(strval(one) for one in value) if isinstance(value, list) else [strval(value)]


def _extreme(choose: Callable[..., Any], convert: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *values: choose(convert(one) for one in values)


VALUES: Mapping[str, Callable[..., Any]] = {
    "add": lambda *values: sum(map(to_int, values)),
    "add1": lambda value: to_int(value) + 1,
    "all": lambda *values: all(map(is_true, values)),
    "any": lambda *values: any(map(is_true, values)),
    "append": lambda value, one: [*items(value), one],
    "atoi": lambda value: to_int(text(value)),
    "biggest": _extreme(max, to_int),
    "ceil": lambda value: float(math.ceil(to_float(value))),
    "chunk": _chunk,
    "coalesce": lambda *values: next((one for one in values if is_true(one)), None),
    "compact": lambda value: [one for one in items(value) if is_true(one)],
    "concat": _concat,
    "deepCopy": copy.deepcopy,
    "deepEqual": lambda one, other: type(one) is type(other) and one == other,
    "default": _default,
    "dict": _dict,
    "dig": _dig,
    "div": divided,
    "empty": lambda value=MISSING: not is_true(value),
    "eq": _equal,
    "fail": _fail,
    "first": lambda value: items(value)[0] if items(value) else None,
    "float64": to_float,
    "floor": lambda value: float(math.floor(to_float(value))),
    "ge": lambda one, other: not _less(one, other),
    "get": _get,
    "gt": lambda one, other: not _less(one, other) and not _same(one, other),
    "has": _has,
    "hasKey": lambda holder, key: text(key) in table(holder),
    "index": _index,
    "initial": lambda value: items(value)[:-1],
    "int": to_int,
    "int64": to_int,
    "keys": lambda *holders: [key for one in holders for key in sorted(table(one))],
    "last": lambda value: items(value)[-1] if items(value) else None,
    "le": lambda one, other: _less(one, other) or _same(one, other),
    "len": _length,
    "list": lambda *values: list(values),
    "lt": _less,
    "max": _extreme(max, to_int),
    "maxf": _extreme(max, to_float),
    "merge": merged,
    "mergeOverwrite": functools.partial(merged, override=True),
    "min": _extreme(min, to_int),
    "minf": _extreme(min, to_float),
    "mod": remainder,
    "mul": lambda *values: math.prod(map(to_int, values)),
    "ne": lambda one, other: not _same(one, other),
    "omit": lambda holder, *keys: {key: one for key, one in table(holder).items() if key not in keys},
    "pick": lambda holder, *keys: {key: one for key, one in table(holder).items() if key in keys},
    "pluck": lambda key, *holders: [table(one)[key] for one in holders if key in table(one)],
    "prepend": lambda value, one: [one, *items(value)],
    "push": lambda value, one: [*items(value), one],
    "rest": lambda value: items(value)[1:],
    "reverse": lambda value: items(value)[::-1],
    "round": rounded,
    "seq": sequence_of,
    "set": _set,
    "slice": lambda value, *bounds: (
        _list_slice(value, *bounds) if isinstance(value, list) else _slice(value, *bounds)
    ),
    "sortAlpha": _sorted,
    "sub": lambda one, other: to_int(one) - to_int(other),
    "ternary": _ternary,
    "toStrings": lambda value: [strval(one) for one in items(value)],
    "tuple": lambda *values: list(values),
    "uniq": _unique,
    "unset": _unset,
    "until": lambda count: steps(0, count, 1 if to_int(count) >= 0 else -1),
    "untilStep": steps,
    "values": lambda *holders: [one[key] for one in map(table, holders) for key in sorted(one)],
    "without": lambda value, *gone: [one for one in items(value) if one not in gone],
}
