"""Pure: how a string is written as a YAML scalar, so that every reader reads a string."""

from __future__ import annotations

import json
import re

# What the readers of YAML 1.1 and 1.2 that matter here take for a number or a date beyond the
# resolvers' own lists: go-yaml, by which Kubernetes, kustomize and Argo CD read.
_GO_NUMBER = re.compile(
    r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?0[xXoObB][0-9a-fA-F_]+"
)
_GO_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def reads_as_text(value: str) -> bool:
    """Whether the plain scalar `value` is a string to readers of YAML 1.1 and of YAML 1.2 alike."""
    from ruamel.yaml.resolver import implicit_resolvers

    if not value or _GO_NUMBER.fullmatch(value) or _GO_DATE.fullmatch(value):
        return False
    return not any(pattern.match(value) for _, _, pattern, _ in implicit_resolvers)


def written(value: str, style: str | None, flow: bool) -> str:
    """`value` in the style (None: plain, `'`, `"`) where that can hold it, else in double quotes."""
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
