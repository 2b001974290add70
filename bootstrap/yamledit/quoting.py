"""Pure: write a string as a YAML scalar that every reader reads as a string."""

from __future__ import annotations

import json
import re

# What readers of YAML 1.1, of YAML 1.2 and go-yaml (which Kubernetes, kustomize and Argo CD use)
# do not read as a string. Written out here, because a bump from CI must start fast and
# the libraries that have these lists are slow to import. A test compares them.
_WORDS = frozenset(
    {"~", "null", "true", "false", "y", "yes", "n", "no", "on", "off", "=", "<<"}
    | {".nan", ".inf", "-.inf", "+.inf"}
)
_NUMBER = re.compile(
    r"[-+]?(\.[0-9_]+|[0-9_]+(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?0[xXoObB][0-9a-fA-F_]+"
    r"|[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def reads_as_text(value: str) -> bool:
    """Whether the plain scalar `value` is a string to readers of YAML 1.1 and of YAML 1.2 alike."""
    return (
        bool(value)
        and value.lower() not in _WORDS
        and not _NUMBER.fullmatch(value)
        and not _NUMBER.fullmatch(value.replace("_", ""))  # as go-yaml looks at it: 0_x1f, 1e1_0
        and not _DATE.fullmatch(value)
    )


def written(value: str, style: str | None, flow: bool) -> str:
    """`value` in the style (None: plain, `'`, `"`) if that can represent it, else in double quotes."""
    if style is None and reads_as_text(value) and _can_be_plain(value, flow):
        return value
    if style == "'" and not _UNPRINTABLE.search(value):
        return "'" + value.replace("'", "''") + "'"
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _can_be_plain(value: str, flow: bool) -> bool:
    return not (
        value[0] in _INDICATORS
        or value != value.strip()
        or value.endswith(":")
        or value.startswith("...")
        or _UNPRINTABLE.search(value)
        or re.search(r":\s|\s#", value)
        or (flow and re.search(r"[,\[\]{}]", value))
    )
