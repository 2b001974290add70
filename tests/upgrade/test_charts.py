"""`--charts`: what the indexes have of the same major; a real server with a private authority."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import DownloadUnavailable
from bootstrap.core.invocation import Invocation
from bootstrap.init.plan_layout import Desired
from bootstrap.upgrade.charts import Bumper
from tests import mirror as mirrors
from tests.mirror import Mirror

PATH = "infrastructure/traefik/application.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirrors.running(tmp_path_factory.mktemp("mirror")) as found:
        yield found


@pytest.fixture
def reached(tmp_path: Path, invocation: Invocation, server: Mirror) -> Invocation:
    environ = {
        **invocation.environ,
        "BOOTSTRAP_CA_FILE": str(server.ca_file),
        "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache"),
    }
    return Invocation(invocation.stdin, invocation.stdout, invocation.stderr, environ)


def application(repository: str, version: str, chart: str = "traefik") -> bytes:
    return f"""\
kind: Application
metadata: {{name: traefik}}
spec:
  sources:
    - chart: {chart}  # the ingress
      repoURL: {repository}
      targetRevision: {version}  # pinned
""".encode()


def index(*versions: str, digest: str = "0" * 64) -> bytes:
    entries = {"traefik": [{"version": one, "digest": digest} for one in versions]}
    return json.dumps({"apiVersion": "v1", "entries": entries}).encode()


def repository_of(server: Mirror, name: str, content: bytes) -> str:
    return server.serve(f"/{name}/index.yaml", content, content).removesuffix("/index.yaml")


def test_the_newest_release_of_the_same_major_is_taken_and_every_other_byte_stays(
    server: Mirror, reached: Invocation
) -> None:
    repository = repository_of(server, "a", index("41.9.0", "41.10.0", "42.0.0", "41.11.0-rc.1", "40.1.0"))
    bumper = Bumper("", reached, None)
    before = application(repository, "41.3.0")
    after = bumper.edit({PATH: before, "README.md": b"chart: x"})
    assert after[PATH] == before.replace(b"41.3.0", b"41.10.0")
    assert after["README.md"] == b"chart: x"
    (note,) = bumper.with_notes(Desired({})).notes
    assert note == "chart traefik 42.0.0 is a new major version (here: 41.3.0): set it by hand"


def test_nothing_newer_changes_nothing(server: Mirror, reached: Invocation) -> None:
    repository = repository_of(server, "b", index("41.3.0", "41.2.0"))
    before = {PATH: application(repository, "41.3.0")}
    assert Bumper("", reached, None).edit(before) == before


def test_a_version_without_a_digest_in_the_index_is_not_taken(server: Mirror, reached: Invocation) -> None:
    repository = repository_of(server, "c", index("41.9.0", digest=""))
    before = {PATH: application(repository, "41.3.0")}
    bumper = Bumper("", reached, None)
    assert bumper.edit(before) == before
    assert "has no release of it" in bumper.with_notes(Desired({})).notes[0]


def test_an_index_that_cannot_be_read_is_reported_and_the_others_count(
    server: Mirror, reached: Invocation
) -> None:
    repository = repository_of(server, "d", index("41.9.0"))
    bumper = Bumper("", reached, None)
    other = "infrastructure/loki/application.yaml"
    closed = application("https://127.0.0.1:1/charts", "1.0.0", "loki")
    after = bumper.edit({PATH: application(repository, "41.3.0"), other: closed})
    assert b"41.9.0" in after[PATH]
    assert after[other] == closed
    assert "chart not looked up: loki (https://127.0.0.1:1" in bumper.with_notes(Desired({})).notes[0]


def test_offline_is_an_error_and_no_success(reached: Invocation) -> None:
    bumper = Bumper("", reached, None)
    before = {PATH: application("https://127.0.0.1:1/charts", "41.3.0")}
    assert bumper.edit(before) == before
    with pytest.raises(DownloadUnavailable, match="traefik"):
        bumper.with_notes(Desired({}))


def test_an_authority_that_is_not_known_is_not_believed(
    server: Mirror, invocation: Invocation, tmp_path: Path
) -> None:
    repository = repository_of(server, "e", index("41.9.0"))
    environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache")}
    blind = Invocation(invocation.stdin, invocation.stdout, invocation.stderr, environ)
    bumper = Bumper("", blind, None)
    before = {PATH: application(repository, "41.3.0")}
    assert bumper.edit(before) == before
    with pytest.raises(DownloadUnavailable):
        bumper.with_notes(Desired({}))
