"""The functions of functions/ as the library's declarations: name, types, and whether they are methods.

Only imported in the child process (child.py): it needs the library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bootstrap.cel.functions import addresses, formats, lists, patterns, quantities, urls, versions
from bootstrap.cel.functions.values import kind_of

EXTENSIONS = (
    "optional", "strings", "math", "bindings", "encoders", "lists", "sets", "two-var-comprehensions",
)  # fmt: skip
"""The library's own extensions that the API server has, too."""

Row = tuple[str, bool, str, str, Callable[..., Any]]
"""Name, whether it is a method, the types of its arguments (a letter each) and its result, and what it does.

b bool, d double, i int, l list, m map (a type of Kubernetes' own, too), s string, x anything.
"""


def _compare(one: Any, other: Any) -> int:
    return versions.compare(one, other) if kind_of(one) == "semver" else quantities.compare(one, other)


FUNCTIONS: tuple[Row, ...] = (
    ("isQuantity", False, "s", "b", quantities.is_quantity),
    ("quantity", False, "s", "m", quantities.quantity),
    ("sign", False, "m", "i", quantities.sign),
    ("isInteger", True, "m", "b", quantities.is_integer),
    ("asInteger", True, "m", "i", quantities.as_integer),
    ("asApproximateFloat", True, "m", "d", quantities.as_float),
    ("add", True, "mm", "m", quantities.add),
    ("add", True, "mi", "m", quantities.add),
    ("sub", True, "mm", "m", quantities.subtract),
    ("sub", True, "mi", "m", quantities.subtract),
    ("compareTo", True, "mm", "i", _compare),
    ("isLessThan", True, "mm", "b", lambda one, other: _compare(one, other) < 0),
    ("isGreaterThan", True, "mm", "b", lambda one, other: _compare(one, other) > 0),
    ("isIP", False, "s", "b", addresses.is_ip),
    ("ip", False, "s", "m", addresses.ip),
    ("ip.isCanonical", False, "s", "b", addresses.is_canonical),
    ("family", True, "m", "i", addresses.family),
    ("isUnspecified", True, "m", "b", addresses.is_unspecified),
    ("isLoopback", True, "m", "b", addresses.is_loopback),
    ("isLinkLocalMulticast", True, "m", "b", addresses.is_link_local_multicast),
    ("isLinkLocalUnicast", True, "m", "b", addresses.is_link_local_unicast),
    ("isGlobalUnicast", True, "m", "b", addresses.is_global_unicast),
    ("isCIDR", False, "s", "b", addresses.is_cidr),
    ("cidr", False, "s", "m", addresses.cidr),
    ("containsIP", True, "ms", "b", addresses.contains_ip),
    ("containsIP", True, "mm", "b", addresses.contains_ip),
    ("containsCIDR", True, "ms", "b", addresses.contains_cidr),
    ("containsCIDR", True, "mm", "b", addresses.contains_cidr),
    ("ip", True, "m", "m", addresses.ip_of),
    ("masked", True, "m", "m", addresses.masked),
    ("prefixLength", True, "m", "i", addresses.prefix_length),
    ("string", False, "m", "s", addresses.text_of),
    ("isURL", False, "s", "b", urls.is_url),
    ("url", False, "s", "m", urls.url),
    ("getScheme", True, "m", "s", urls.scheme),
    ("getHost", True, "m", "s", urls.host),
    ("getHostname", True, "m", "s", urls.hostname),
    ("getPort", True, "m", "s", urls.port),
    ("getEscapedPath", True, "m", "s", urls.escaped_path),
    ("getQuery", True, "m", "m", urls.query),
    ("isSorted", True, "l", "b", lists.is_sorted),
    ("sum", True, "l", "x", lists.total),
    ("min", True, "l", "x", lists.least),
    ("max", True, "l", "x", lists.greatest),
    ("indexOf", True, "lx", "i", lists.index_of),
    ("lastIndexOf", True, "lx", "i", lists.last_index_of),
    ("find", True, "ss", "s", patterns.find),
    ("findAll", True, "ss", "l", patterns.find_all),
    ("findAll", True, "ssi", "l", patterns.find_all),
    ("isSemver", False, "s", "b", versions.is_semver),
    ("isSemver", False, "sb", "b", versions.is_semver),
    ("semver", False, "s", "m", versions.semver),
    ("semver", False, "sb", "m", versions.semver),
    ("major", True, "m", "i", partial(versions.number, 0)),
    ("minor", True, "m", "i", partial(versions.number, 1)),
    ("patch", True, "m", "i", partial(versions.number, 2)),
    ("format.named", False, "s", "m", formats.named),
    ("validate", True, "ms", "m", formats.validate),
    ("hasValue", True, "m", "b", formats.has_value),
    ("value", True, "m", "x", formats.value),
    ("orValue", True, "mx", "x", formats.or_value),
    *(
        (f"format.{name}", False, "", "m", partial(formats.value, formats.named(name)))
        for name in formats.FORMATS
    ),
)


def declared(cel: Any) -> Any:
    """All of them as one extension of the library; `cel` is its module."""
    kinds = {
        "b": cel.Type.BOOL, "d": cel.Type.DOUBLE, "i": cel.Type.INT, "l": cel.Type.LIST,
        "m": cel.Type.MAP, "s": cel.Type.STRING, "x": cel.Type.DYN,
    }  # fmt: skip
    return cel.CelExtension("kubernetes", list(_declarations(cel, kinds)))


def _declarations(cel: Any, kinds: dict[str, Any]) -> Iterator[Any]:
    by_name: dict[str, list[Row]] = {}
    for row in FUNCTIONS:
        by_name.setdefault(row[0], []).append(row)
    for name, rows in by_name.items():
        yield cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"kubernetes_{name}_{'method' if method else 'function'}_{takes}",
                    return_type=kinds[gives],
                    parameters=[kinds[one] for one in takes],
                    is_member=method,
                    impl=call,
                )
                for _, method, takes, gives, call in rows
            ],
        )
