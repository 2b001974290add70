"""Pure: names in a CEL expression, found and replaced outside strings and comments."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r'(?P<text>[rRbB]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\''
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|//[^\n]*)'
    r"|(?P<name>(?<![\w.])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)?)",
    re.DOTALL,
)
"""A string or a comment; or a name that is not a field, with the field after it."""


def mentions(expression: str, name: str) -> bool:
    """Whether a variable, or a variable and its field (`request.userInfo`), is used."""
    words = (re.sub(r"\s", "", one["name"]) for one in _TOKEN.finditer(expression) if one["name"] is not None)
    return any(word == name or word.startswith(f"{name}.") for word in words)


def replaced(expression: str, by: Callable[[str], str]) -> str:
    """The expression with every `name` or `name.field` replaced by the result of `by`."""

    def one(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        return by(re.sub(r"\s", "", match["name"]))

    return _TOKEN.sub(one, expression)
