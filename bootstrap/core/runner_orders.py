"""What a CI service's runner would take for an order in a line of the log, made text.

GitHub's, Gitea's and Forgejo's begin a line with `::`; theirs of old and Azure's are `##[…]` and `##vso[…]`
anywhere in it, TeamCity's `##teamcity[…]`. GitLab's sections need a CR and an ESC, which `output` escapes.
"""

from __future__ import annotations

import re

_ORDER = re.compile(r"^(\s*)(?=::)|(?<=##)(\w*)(?=\[)", re.MULTILINE)
_BRACKET = re.compile(r"(##\w*)\[")
_COLONS = re.compile(r"^(\s*):(?=:)", re.MULTILINE)


def in_text(text: str) -> str:
    """A text that reads the same: a space without width keeps the runner from taking it for an order."""
    return _ORDER.sub("\\g<0>\u200b", text) if "::" in text or "##" in text else text


def in_json(text: str) -> str:
    """JSON with the same data: outside its strings there is no `#`, and no line begins with `::`."""
    return _BRACKET.sub(r"\1\\u005b", text)


def in_xml(text: str) -> str:
    """XML with the same data, where markup has neither."""
    return _COLONS.sub(r"\1&#58;", _BRACKET.sub(r"\1&#91;", text))
