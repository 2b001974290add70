"""Pure: what a Git host's response has besides data: an error message, the next page, how long to wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bootstrap.core.backoff import retry_after
from bootstrap.core.numbers import whole

_SECONDARY = "secondary rate limit"
"""GitHub's name for a limit that some responses mention only in their text."""


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether the host refused because of its rate limit, before anything was done."""
    if status in (429, 503):
        return True
    return status == 403 and (
        "Retry-After" in headers or _is_used_up(headers) or _SECONDARY in message.lower()
    )


def patience(headers: Mapping[str, str], now: float) -> float:
    """Seconds to wait, as the host asks: Retry-After (seconds or a date), or until its limit ends; or 0."""
    asked = headers.get("Retry-After", "")
    return retry_after(asked, now) or 0.0 if asked else _until_reset(headers, now)


def next_query(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The query of the next page; {} when this is the last; None when the host does not say."""
    if "Link" in headers:
        for address, relation in re.findall(r'<([^>]*)>[^,]*?;\s*rel="?([a-z]+)"?', headers["Link"]):
            if relation == "next":
                return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
        return {}
    if "X-Next-Page" in headers:
        page = headers["X-Next-Page"].strip()
        return {"page": page} if page else {}
    return None


def message(data: Any) -> str:
    """What the host says, on one line of at most 300 characters; empty when it says nothing."""
    if not isinstance(data, dict):
        return ""
    texts = [*_texts(data.get("message")), *_texts(data.get("errors"))]
    texts = texts or [*_texts(data.get("error")), *_texts(data.get("error_description"))]
    return " ".join("; ".join(dict.fromkeys(texts)).split())[:300]


def clock_time(seconds: float) -> str:
    """The local time of day, with its zone, of a time in seconds since the epoch."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S %Z")


def _texts(value: Any) -> Iterator[str]:
    """GitHub lists objects with a message or a code, GitLab maps fields to lists, Gitea lists sentences."""
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict) and ("message" in value or "code" in value):
        field = value.get("field") or value.get("resource")
        what = str(value.get("message") or value["code"])
        yield f"{field}: {what}" if field else what
    elif isinstance(value, dict):
        for field, item in value.items():
            yield from (f"{field}: {text}" for text in _texts(item))


def _is_used_up(headers: Mapping[str, str]) -> bool:
    return "0" in (headers.get("X-RateLimit-Remaining"), headers.get("RateLimit-Remaining"))


def _until_reset(headers: Mapping[str, str], now: float) -> float:
    """GitHub's and GitLab's limits tell the second at which they end."""
    if not _is_used_up(headers):
        return 0.0
    reset = whole(headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or "")
    return max(0.0, reset - now) if reset is not None else 0.0
