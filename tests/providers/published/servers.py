"""GitHub's published schemas as servers on this machine: REST by Prism, GraphQL by graphql.mjs.

The npm packages are those of package-lock.json, each verified by its checksum there; they are kept in
the programs' cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import USER_ENVIRONMENT, programs_cache

HERE = Path(__file__).parent
GENERATED = Path("node_modules/@octokit/openapi/generated")
PRISM = Path("node_modules/@stoplight/prism-cli/dist/index.js")
TIMEOUT = 180.0
"""Seconds that a server gets to start, on a busy machine."""

NEEDS_NODE = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")),
    reason="Node.js and npm are not on this machine: sudo apt-get install nodejs npm",
)


def _folder() -> Path:
    lock = (HERE / "package-lock.json").read_bytes()
    return programs_cache() / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"


def installed() -> Path:
    """The folder with node_modules; without it the test fails and says what to run."""
    if not _folder().is_dir():
        pytest.fail(
            "the published schemas' npm packages are not installed: make test-programs", pytrace=False
        )
    return _folder()


def install() -> Path:
    """Install them, once for a lock file; fails when that cannot be done."""
    folder = _folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="npm-") as parent:
        made = Path(parent) / "made"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        ended = subprocess.run(
            command, cwd=made, env=USER_ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False
        )
        assert ended.returncode == 0, ended.stderr
        for path in (made / GENERATED).glob("*.deref.json"):  # the same again, 350 MB of it
            path.unlink()
        try:
            made.rename(folder)
        except OSError:  # another session was faster
            assert folder.is_dir()
    return folder


def published(folder: Path, name: str, paths: Sequence[str]) -> dict[str, Any]:
    """A published schema's own words about some paths: Prism takes minutes for all of them.

    One thing is stricter: a request may have no field that the schema does not name.
    """
    whole = json.loads((folder / GENERATED / f"{name}.json").read_bytes())
    prefix = urlsplit(whole["servers"][0]["url"].replace("{", "").replace("}", "")).path.rstrip("/")
    operations = {prefix + path: whole["paths"][path] for path in paths}
    for operation in (item for path in operations.values() for item in path.values()):
        if isinstance(operation, dict) and "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for option in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
                if "properties" in option:
                    option.setdefault("additionalProperties", False)
    kept: dict[str, dict[str, Any]] = {}
    wanted = list(_references(operations))
    while wanted:
        _, _, kind, key = wanted.pop().split("/", 3)
        if key not in kept.setdefault(kind, {}):
            kept[kind][key] = whole["components"][kind][key]
            wanted += _references(kept[kind][key])
    servers = [{"url": "http://127.0.0.1"}]
    return {**{key: whole[key] for key in ("openapi", "info")}, "servers": servers} | {
        "paths": operations,
        "components": kept,
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


@contextmanager
def prism(folder: Path, schema: dict[str, Any], work: Path) -> Iterator[str]:
    """Prism with a schema: answers with its examples, and refuses what does not fit it. The address.

    Examples that do not fit their own schema, of which GitHub has a few, are not errors.
    """
    file = work / "schema.json"
    file.write_text(json.dumps(schema))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node", str(folder / PRISM), "mock", "--port", str(port), str(file)]
    with _running(command, work / "prism.log", "is listening on"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def graphql(folder: Path, work: Path) -> Iterator[str]:
    """GitHub's GraphQL schema as a server; the address."""
    log = work / "graphql.log"
    with _running(["node", str(HERE / "graphql.mjs"), str(folder)], log, "listening on"):
        yield f"http://127.0.0.1:{log.read_text().split()[-1]}"


@contextmanager
def _running(command: Sequence[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=USER_ENVIRONMENT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + TIMEOUT
        while ready not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
