"""Commits with times of their own, merges included, in a bare repository: what a branch has been through."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from tests.git_repositories import Bare, git

NOW = int(time.time())
MINUTE, HOUR, DAY = 60, 3600, 86400


def commit(
    bare: Bare,
    files: Mapping[str, str | None],
    when: int,
    who: str = "Eve",
    message: str = "Change",
    branch: str = "main",
    merged: Sequence[str] = (),
) -> str:
    """One commit on a branch, `when` in seconds before now; `merged` are branches that it merges."""
    ref = f"refs/heads/{branch}"
    lines = [f"commit {ref}", f"committer {who} <{who.lower()}@example.org> {NOW - when} +0000"]
    lines += [f"data {len(message.encode())}", message]
    if (tip := bare.tip(branch)) is not None:
        lines.append(f"from {tip}")
    lines += [f"merge {bare.tip(other)}" for other in merged]
    for path, text in files.items():
        if text is None:
            lines.append(f"D {path}")
        else:
            lines += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
    git(bare.folder, "fast-import", "--quiet", "--force", stdin=("\n".join(lines) + "\n").encode())
    made = bare.tip(branch)
    assert made is not None
    return made


def many(bare: Bare, path: str, count: int, since: int, until: int, who: str = "Eve") -> None:
    """Commits of others to a file, evenly from `since` to `until` seconds before now."""
    stream = []
    tip = bare.tip()
    for number in range(count):
        when = NOW - since + (since - until) * number // count
        text = f"{number}\n"
        head = f"commit refs/heads/main\ncommitter {who} <{who.lower()}@example.org> {when} +0000\n"
        parent = f"from {tip}\n" if number == 0 else ""
        change = f"M 100644 inline {path}\ndata {len(text)}\n{text}\n"
        stream.append(f"{head}data 5\nOther\n{parent}{change}")
    git(bare.folder, "fast-import", "--quiet", "--force", stdin="".join(stream).encode())


def time_of(seconds_ago: float) -> str:
    """As `--built-at` takes it."""
    return str(int(NOW - seconds_ago))
