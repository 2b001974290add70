"""Pure: the request of an image bump, as a text that another run can carry out in its place.

It is sealed with a key that only runs with the same push permission as its owner have: whoever can write a
ref, but not the branch, cannot get a change into the branch. The request includes what its owner saw: the
change is made if that is still so, and given back if it is not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.core.errors import InputError
from bootstrap.image.plan import Change, Request
from bootstrap.image.search import Scope
from bootstrap.image.wanted import Wanted

VERSION = 1
_MARK = "\n\n{"


@dataclass(frozen=True)
class Asked:
    """A request. After `until` (seconds since the epoch) its owner stops waiting. `seen`: a line per change.

    `author` and `committer` are as in a commit (name, address, seconds, zone).
    """

    request: Request
    message: str
    author: str
    committer: str
    seen: tuple[str, ...]
    until: float
    only_newer: bool = False
    built_at: float | None = None
    pins: Mapping[str, str] | None = None
    folders: tuple[str, ...] = ()
    """Where the changed files are: the apps' folders, which are read to decide."""


def seen_of(changes: Sequence[Change]) -> tuple[str, ...]:
    """What a plan found and what it changes; two plans with the same lines do the same."""
    return tuple(
        f"{change.name} {change.file} {change.state}: {change.before} -> {change.after}" for change in changes
    )


def group_of(key: str, url: str, branch: str) -> str:
    """The name of the group of runs that may make each other's changes; it does not reveal the key."""
    return _sealed(key, "group", _place(url), branch)[:20]


def written(asked: Asked, key: str, url: str, branch: str) -> str:
    """The text, for people (its first line) and for `read`."""
    data: dict[str, Any] = {"version": VERSION, **asdict(asked)}
    body = json.dumps(data, sort_keys=True)
    seal = _sealed(key, "asked", _place(url), branch, body)
    subject = asked.message.strip().partition("\n")[0]
    return f"Waiting: {subject}\n\n{json.dumps({'seal': seal, 'asked': body})}\n"


def read(text: str, key: str, url: str, branch: str) -> Asked | None:
    """The request in a text; None if it is not sealed by `key`, or of another version."""
    try:
        outer = json.loads(text[text.index(_MARK) + 2 :])
        body = str(outer["asked"])
        seal = _sealed(key, "asked", _place(url), branch, body)
        if not hmac.compare_digest(seal, str(outer["seal"])):
            return None
        data = json.loads(body)
        if data.pop("version") != VERSION:
            return None
        return _asked(data)
    except (ValueError, KeyError, TypeError, AttributeError, InputError):
        return None


def _asked(data: dict[str, Any]) -> Asked:
    request = data.pop("request")
    expect = request["expect"]
    asks = Request(
        tuple(Wanted(**item) for item in request["wanted"]),
        Scope(**request["scope"]),
        Wanted(**expect) if expect else None,
        request["verb"],
    )
    return Asked(**{**data, "request": asks, "seen": tuple(data["seen"]), "folders": tuple(data["folders"])})


def _sealed(key: str, *parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hmac.new(key.encode("utf-8", "surrogateescape"), text, hashlib.sha256).hexdigest()


def _place(url: str) -> str:
    """The repository that a URL names, however it is spelled."""
    path = urlsplit(url).path if "://" in url else url.partition(":")[2]
    return path.strip("/").removesuffix(".git")
