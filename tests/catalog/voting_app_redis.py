"""A Redis of this machine, started with exactly the settings and arguments of the voting app's redis."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import voting_app

PATIENCE = 60  # seconds that a start or an answer may take on a busy machine


@dataclass(frozen=True)
class Redis:
    """A running server and the process it is."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, *command: str) -> str:
        """What redis-cli prints; errors begin with their code, such as NOPERM."""
        call = [_program("redis-cli"), "-p", str(self.port), "--raw", *command]
        done = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.stdout.strip() or done.stderr.strip()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: sudo apt-get install redis-server")
    return found


def container(components: tuple[str, ...]) -> Mapping[str, Any]:
    """The container as these components make it."""
    items = voting_app.chosen(components)
    (workload,) = [
        item
        for item in voting_app.of_kind(items, *voting_app.WORKLOADS)
        if item["metadata"]["name"] == "redis"
    ]
    first: Mapping[str, Any] = next(
        entry for entry in workload["spec"]["template"]["spec"]["containers"] if entry["name"] == "redis"
    )
    return first


@contextmanager
def running(folder: Path, components: Sequence[str] = ()) -> Iterator[Redis]:
    """The server in `folder` (its /data); started again there, it finds what it kept."""
    settings = folder / "redis.conf"
    text = (voting_app.APP / "base/redis/redis.conf").read_text()
    assert "\ndir /data\n" in text  # where the manifest mounts the volume
    settings.write_text(text.replace("\ndir /data\n", f"\ndir {folder}\n"))
    manifest = container(tuple(components))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    arguments = [text.replace("/etc/redis", str(folder)) for text in manifest["args"]]
    here = ["--port", str(port), "--bind", "127.0.0.1"]
    command = [_program(manifest["command"][0]), *arguments, *here]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        redis = Redis(port, process)
        try:
            _wait_until_ready(redis, folder / "log")
            yield redis
        finally:
            process.kill()  # what a node's death does: nothing is written on the way out
            process.wait(PATIENCE)


def _wait_until_ready(redis: Redis, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while redis.ask("ping") != "PONG":
        assert redis.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
