"""What a branch of ours already proposes: its commits, reused where a new one would say the same."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.git.bare import Repository

_MOST = 4
"""How many commits a proposal has, at most: those of the layout, and what they are merged with."""


def already(repository: Repository, head: str, tip: str | None) -> Mapping[bytes, str]:
    """What the newest commits of branch `head` say (`said`) → id, without the history of `tip`."""
    start = repository.refs()[0].get(f"refs/heads/{head}")
    found: dict[bytes, str] = {}
    waiting, seen = [start] if start else [], {tip}
    while waiting and len(found) < _MOST:
        sha = waiting.pop(0)
        if sha in seen or not repository.fetch_commit(sha, None):
            continue
        seen.add(sha)
        content = repository.check_run("reading what is proposed", "cat-file", "commit", sha).out
        found.setdefault(said(content), sha)
        headers = content.split(b"\n\n", 1)[0].split(b"\n")
        waiting += [line[7:].decode() for line in headers if line.startswith(b"parent ")]
    return found


def said(content: bytes) -> bytes:
    """Pure: a commit without who made it and when: tree, parents, message, and whether it is signed."""
    headers, _, message = content.partition(b"\n\n")
    kept = [line for line in headers.split(b"\n") if line.startswith((b"tree ", b"parent "))]
    signed = [b"signed"] if b"\ngpgsig" in headers else []
    return b"\n".join([*kept, *signed, b"", message.strip()])
