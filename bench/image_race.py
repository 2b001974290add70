"""A hundred concurrent bumps of one branch, with and without turns, compared with a hundred the usual way."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import image_usual
from bench.api_servers import ALONE, fresh
from bench.figures import Figure
from bench.git_host import ENVIRONMENTS, Host, app_name, host_of, make_repository, overlay
from bootstrap.programs import find

TITLE = "100 image bumps of one branch at once, against 100 of the usual way"
PROCESSES = 100
APPS = 40
"""With two environments, 80 files for 100 processes: two of them set the same line in 20 of the files."""
GOAL = 1 / 3
PUSHES_GOAL = 3.0
"""Calls of `git push` for each bump, on average, including those for refs that wait."""


def run(rounds: int) -> Iterator[Figure]:
    """Runs once, whatever `rounds` says: the usual way takes minutes."""
    with fresh((*ALONE, "gitea")) as (sandbox, invocation):
        kustomize = find.ensure(["kustomize"], invocation, lambda _: None)["kustomize"].path
        host = host_of(sandbox)
        environ = image_usual.identity(os.environ)

        def ours(name: str, number: int, turns: str) -> int:
            app, environment = _target(number)
            command = [
                *(sys.executable, "-m", "bootstrap", "image", "set", f"ghcr.io/example/{app}=:t{number}"),
                *("--app", app, "--env", environment, "--repo", host.repository(name), "--push"),
                *("--username", host.username, "--token-file", str(host.token_file)),
                *("--output", "json", "--timeout", "3600", "--verbose"),
            ]
            known = {**environ, "BOOTSTRAP_TURNS": turns}
            ended = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise SystemExit(f"a bump ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
            return sum(line.startswith("git push ") for line in ended.stderr.splitlines())

        def usual(name: str, number: int) -> int:
            app, environment = _target(number)
            image = f"ghcr.io/example/{app}"
            return image_usual.bump(
                host.address(name), overlay(app, environment), image, f"t{number}", kustomize, environ
            )

        found: dict[str, float] = {}
        for turns, name in (("on", "with turns, as on one machine"), ("off", "without, as on many machines")):
            mine, tries, lost = _race(host, lambda name, number, turns=turns: ours(name, number, turns))
            found[name] = mine
            yield Figure(f"{name}: updates that are not in the final tree", lost, "", 0)
            yield Figure(f"{name}: {PROCESSES} bumps", mine, "s")
            goal = PUSHES_GOAL if turns == "off" else None
            yield Figure(f"{name}: pushes each", tries / PROCESSES, "", goal)
        theirs, tries, lost = _race(host, usual)
        note = f"{tries / PROCESSES:.1f} pushes each, {lost} lost"
        yield Figure(f"{PROCESSES} of the usual way", theirs, "s", None, note)
        for name, seconds in found.items():
            yield Figure(f"{name}: wall time / the usual way", seconds / theirs, "", GOAL)


def _target(number: int) -> tuple[str, str]:
    return app_name(number % APPS), ENVIRONMENTS[number // APPS % 2]


def _race(host: Host, bump: Callable[[str, int], int]) -> tuple[float, int, int]:
    """Seconds, pushes attempted, and updates lost."""
    name = f"race-{secrets.token_hex(4)}"
    make_repository(host, name, APPS)
    start = time.monotonic()
    with ThreadPoolExecutor(PROCESSES) as pool:
        tries = sum(pool.map(lambda number: bump(name, number), range(PROCESSES)))
    seconds = time.monotonic() - start
    return seconds, tries, _lost(host, name)


def _lost(host: Host, name: str) -> int:
    """Updates that no commit made, or in whose file no process's value stands; merge commits count too."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", host.address(name), str(clone)], check=True)

        def git(*arguments: str) -> str:
            command = ["git", "-C", str(clone), *arguments]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout

        log = git("log", "--patch", "--unified=0", "--format=")
        merges = git("rev-list", "--merges", "HEAD").split()
        lost = len(merges)
        for number in range(PROCESSES):
            app, environment = _target(number)
            text = (clone / overlay(app, environment) / "kustomization.yaml").read_text(encoding="utf-8")
            rivals = [n for n in range(PROCESSES) if _target(n) == (app, environment)]
            set_at_all = f"newTag: t{number}\n" in log
            stands = any(f"newTag: t{rival}\n" in text for rival in rivals)
            lost += not (set_at_all and stands)
        return lost
