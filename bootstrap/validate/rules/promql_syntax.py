"""Pure: what is certainly wrong with a PromQL expression: brackets, quotes, a missing operand.

Not a parser: what it accepts may still be wrong, but what it reports is refused by every version.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<quote>["'`])
    |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<word>[\w:.]+)|(?P<sign>==|!=|>=|<=|=~|!~|[-+*/%^<>=,@])|(?P<other>.)""",
    re.VERBOSE,
)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_BINARY = {"==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "^", "<", ">", "and", "or", "unless"}


def fault(expression: str) -> str:
    """What is wrong with an expression; "" if nothing is found."""
    opened: list[str] = []
    last = ""
    for match in _TOKEN.finditer(expression):
        kind, text = str(match.lastgroup), match[0]
        if kind == "space":
            continue
        if kind == "quote":
            return f"the quote {text} is not closed"
        if kind == "open":
            opened.append(text)
        elif kind == "close":
            if not opened or opened[-1] != _PAIRS[text]:
                return f"{text} closes nothing" if not opened else f"{text} closes {opened[-1]}"
            if text == ")" and last in _BINARY:
                return f"nothing follows {last}"
            opened.pop()
        last = text.lower() if kind in ("word", "sign") else text
    if opened:
        return f"{opened[-1]} is not closed"
    if not last:
        return "it is empty"
    return f"nothing follows {last}" if last in _BINARY else ""
