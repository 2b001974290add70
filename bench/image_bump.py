"""One image bump, compared with the usual way: time and bytes over HTTP, and a local edit of a long file."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import image_usual
from bench.api_servers import ALONE, fresh
from bench.figures import Figure, in_turns, ratio, spread
from bench.git_host import Counted, Host, app_name, counting, host_of, make_repository, overlay
from bench.programs import timed
from bootstrap.programs import find

TITLE = "bootstrap image set, against clone + kustomize edit + commit + pull + push"
FEW, MANY = 100, 10_000
COMMITS = 10_000
BUILD = 20 * 60
"""Seconds that the build took: meanwhile, one commit of others landed every minute."""
PAST_GOAL = 1.5
TIME_GOAL = 0.15
BYTES_GOAL = 1 / 15
GROWTH_GOAL = 1.5
LINES = 5_000
LOCAL_GOAL = 10.0


def run(rounds: int) -> Iterator[Figure]:
    with fresh((*ALONE, "gitea")) as (sandbox, invocation):
        kustomize = find.ensure(["kustomize"], invocation, lambda _: None)["kustomize"].path
        yield from _remote(host_of(sandbox), kustomize, rounds)
        yield from _past(host_of(sandbox), rounds)
        yield from _local(kustomize, rounds)


def ours(host: Host, repository: str, app: str, tag: str, environ: dict[str, str], *guard: str) -> float:
    """One bump by this program, in seconds."""
    command = [
        *(sys.executable, "-m", "bootstrap", "image", "set", f"ghcr.io/example/{app}=:{tag}"),
        *("--app", app, "--env", "staging", "--repo", host.repository(repository), "--push", "--quiet"),
        *("--username", host.username, "--token-file", str(host.token_file)),
        *guard,
    ]
    return timed(command, environ).seconds


def _remote(host: Host, kustomize: Path, rounds: int) -> Iterator[Figure]:
    environ = image_usual.identity(os.environ)
    few, many = (f"bench-{secrets.token_hex(4)}" for _ in range(2))
    make_repository(host, few, FEW)
    make_repository(host, many, MANY)

    def bump(repository: str) -> float:
        return ours(host, repository, app_name(secrets.randbelow(FEW)), secrets.token_hex(4), environ)

    def usual(address: str) -> float:
        app = app_name(secrets.randbelow(FEW))
        start = time.monotonic()
        folder, name = overlay(app, "staging"), f"ghcr.io/example/{app}"
        image_usual.bump(address, folder, name, secrets.token_hex(4), kustomize, environ)
        return time.monotonic() - start

    measures: dict[str, Callable[[], float]] = {
        "few": lambda: bump(few),
        "many": lambda: bump(many),
        "usual": lambda: usual(host.address(many)),
    }
    found = in_turns(rounds, measures)
    note = f"{spread(found['many'])}; usual {spread(found['usual'])}"
    share = ratio(found["many"], found["usual"])
    yield Figure(f"{MANY:,} apps: time / the usual way", share, "", TIME_GOAL, note)
    growth = ratio(found["many"], found["few"])
    note = f"{FEW} apps: {spread(found['few'])}"
    yield Figure(f"{MANY:,} apps / {FEW} apps: time", growth, "", GROWTH_GOAL, note)
    with counting(host) as counted:
        mine = _bytes(counted, lambda: ours(counted.host, many, app_name(7), secrets.token_hex(4), environ))
        theirs = _bytes(counted, lambda: usual(counted.host.address(many)))
    note = f"{mine / 1e6:.2f} MB; usual {theirs / 1e6:.2f} MB"
    yield Figure(f"{MANY:,} apps: bytes received / the usual way", mine / theirs, "", BYTES_GOAL, note)


def _past(host: Host, rounds: int) -> Iterator[Figure]:
    """A bump that reads the branch's history, compared with one that does not, where the history is long."""
    environ = image_usual.identity(os.environ)
    name = f"bench-{secrets.token_hex(4)}"
    make_repository(host, name, FEW, COMMITS)
    began = str(int(time.time()) - BUILD)
    guards = {"plain": (), "--built-at": ("--built-at", began), "--only-newer": ("--only-newer",)}

    def bump(at: Host, guard: str) -> float:
        # Apps that nobody has bumped since, and a version above all earlier ones.
        app, tag = app_name(secrets.randbelow(FEW // 2)), f"v2.{int(time.time() * 1000)}.0"
        return ours(at, name, app, tag, environ, *guards[guard])

    found = in_turns(rounds, {guard: lambda guard=guard: bump(host, guard) for guard in guards})
    for guard, goal in (("--built-at", PAST_GOAL), ("--only-newer", None)):
        share, note = (
            ratio(found[guard], found["plain"]),
            f"{spread(found[guard])}; plain {spread(found['plain'])}",
        )
        yield Figure(f"{COMMITS:,} commits: time with {guard} / without", share, "", goal, note)
    with counting(host) as counted:
        sizes = {guard: _bytes(counted, lambda guard=guard: bump(counted.host, guard)) for guard in guards}
    for guard in ("--built-at", "--only-newer"):
        note = f"{sizes[guard] / 1e6:.2f} MB; plain {sizes['plain'] / 1e6:.2f} MB"
        share = sizes[guard] / sizes["plain"]
        yield Figure(f"{COMMITS:,} commits: bytes received with {guard} / without", share, "", None, note)


def _bytes(counted: Counted, action: Callable[[], float]) -> int:
    before = counted.received
    action()
    return counted.received - before


def _local(kustomize: Path, rounds: int) -> Iterator[Figure]:
    """One tag, with both programs' whole run measured, in a long file and in a short one."""
    for lines in (LINES, 4):
        entries = [
            f"  - name: ghcr.io/example/app-{number}\n    newTag: v1.0.0\n"
            for number in range(lines // 2 - 1)
        ]
        text = f"resources: []\nimages:\n{''.join(entries)}"
        name = f"ghcr.io/example/app-{lines // 4 - 1}"
        with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as folder:
            measures = {
                "ours": _edit(folder, text, sys.executable, "-m", "bootstrap", "image", "set", f"{name}=:v2"),
                "kustomize": _edit(folder, text, str(kustomize), "edit", "set", "image", f"{name}={name}:v2"),
            }
            found = in_turns(rounds, measures)
        note = f"{spread(found['ours'])}; kustomize {spread(found['kustomize'])}"
        share = ratio(found["ours"], found["kustomize"])
        goal = LOCAL_GOAL if lines == LINES else None  # a short file shows Python's start alone
        yield Figure(f"{lines:,} lines: time / kustomize edit set image", share, "", goal, note)


def _edit(folder: str, text: str, *command: str) -> Callable[[], float]:
    def measure() -> float:
        (Path(folder) / "kustomization.yaml").write_text(text, encoding="utf-8")
        return timed(["env", "--chdir", folder, *command]).seconds

    return measure
