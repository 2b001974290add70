"""`url`: the parts of a URL, or of an absolute path, as Go's url.ParseRequestURI parses them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from bootstrap.cel.functions.values import Refused, of, tagged

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _split(text: str) -> SplitResult | None:
    if not text or _FORBIDDEN.search(text) or _ESCAPE.search(text.partition("?")[0]):
        return None
    absolute = _SCHEME.match(text)
    if not text.startswith("/") and (absolute is None or not text[absolute.end() :].startswith("/")):
        # An opaque one, such as mailto:a@b, is a URL, too.
        return urlsplit(text, allow_fragments=False) if absolute and text[absolute.end() :] else None
    try:
        found = urlsplit(text, allow_fragments=False)
        _ = found.port
    except ValueError:
        return None
    return found


def is_url(text: str) -> bool:
    return _split(text) is not None


def url(text: str) -> dict[str, Any]:
    if _split(text) is None:
        raise Refused(
            f"URL parse error during conversion from string: parse {text!r}: invalid URI for request"
        )
    return tagged("url", text)


def scheme(one: Any) -> str:
    return _parts(one).scheme


def host(one: Any) -> str:
    return _parts(one).netloc.rpartition("@")[2]


def hostname(one: Any) -> str:
    inner = re.match(r"\[(.*)\]", host(one))
    return inner[1] if inner else host(one).partition(":")[0]


def port(one: Any) -> str:
    return re.sub(r"^(\[.*\]|[^:]*):?", "", host(one))


def escaped_path(one: Any) -> str:
    return quote(_parts(one).path, safe="/%:@!$&'()*+,;=~-._")


def query(one: Any) -> dict[str, list[str]]:
    return parse_qs(_parts(one).query, keep_blank_values=True)


def _parts(value: Any) -> SplitResult:
    found = _split(of("url", value))
    if found is None:
        raise Refused("not a URL")
    return found
