"""The state of an unfinished upgrade in Git's own folder, so that the next run finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bootstrap.git.run import Calls

FILE = "bootstrap-upgrade.json"


@dataclass(frozen=True)
class State:
    """`before` is the commit that the work tree was at; `reasons` has each conflict's path and why.

    `ready` False: a killed run left the work tree half-way, so that nothing can have been resolved yet.
    """

    before: str
    branch: str
    subject: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    ready: bool = False


def place(calls: Calls, name: str = FILE) -> Path:
    """The path of a file in Git's own folder of this work tree."""
    data = calls.check_run("reading the work tree", "rev-parse", "--git-path", name).text
    return calls.directory / data


def read(calls: Calls) -> State | None:
    """The upgrade in progress; None without one (or if its file cannot be read)."""
    try:
        return State(**json.loads(place(calls).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(calls: Calls, state: State) -> None:
    """Write the file atomically."""
    target = place(calls)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(json.dumps(asdict(state), indent=1))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def forget(calls: Calls) -> None:
    place(calls).unlink(missing_ok=True)
