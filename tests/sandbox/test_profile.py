"""Which components a sandbox switches on: those whose charts and sources this machine reaches."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.layout import catalog
from bootstrap.sandbox import profile

KUSTOMIZATION = b"""\
resources:
  - ../../infrastructure/argocd  # itself
  - ../../infrastructure/charted  # on, from a chart
  # - ../../infrastructure/registry  # off, from a registry
  - ../../apps/shop/applications/dev  # from this repository and another
"""


def application(*sources: str) -> bytes:
    lines = "\n".join(f"    - {source}" for source in sources)
    return f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n{lines}\n".encode()


OURS = f"{{ref: repo, repoURL: '{catalog.EXAMPLE_REPOSITORY}'}}"
FILES = {
    profile.CLUSTER: KUSTOMIZATION,
    "infrastructure/argocd/application.yaml": application(OURS),
    "infrastructure/charted/application.yaml": application(
        OURS, "{repoURL: 'https://charts.example.com/', chart: one}"
    ),
    "infrastructure/registry/application.yaml": application(
        "{repoURL: registry.example.com/charts, chart: two}"
    ),
    "apps/shop/applications/dev/application.yaml": application(
        OURS, "{repoURL: 'https://git.example.org/other', path: deploy}"
    ),
    "infrastructure/charted/values.yaml": b"kind: no Application\n",
}
INDEX = "https://charts.example.com/index.yaml"
REGISTRY = "https://registry.example.com/v2/"
REPOSITORY = "https://git.example.org/other/info/refs?service=git-upload-pack"


def missing(every: bool, out_of_reach: set[str]) -> tuple[list[tuple[str, str]], list[str]]:
    asked: list[str] = []

    def probe(url: str, _: Invocation) -> str | None:
        asked.append(url)
        return "no answer" if url in out_of_reach else None

    found = profile.missing(FILES, Invocation(environ={}), every, probe)
    return [(item.component, item.source) for item in found], sorted(asked)


def test_default_profile_asks_only_for_what_is_on() -> None:
    found, asked = missing(False, {INDEX, REGISTRY})
    assert found == [("charted", INDEX)]
    assert asked == sorted([INDEX, REPOSITORY])


def test_full_profile_asks_for_every_component() -> None:
    found, asked = missing(True, {REGISTRY, REPOSITORY})
    assert found == [("registry", REGISTRY), ("shop-dev", REPOSITORY)]
    assert asked == sorted([INDEX, REGISTRY, REPOSITORY])


def test_shipped_catalog_can_be_asked_about() -> None:
    asked: list[str] = []

    def probe(url: str, _: Invocation) -> str | None:
        asked.append(url)
        return None

    assert profile.missing(catalog.load(), Invocation(environ={}), True, probe) == []
    assert asked
    assert all(url.startswith("https://") for url in asked)
    assert not any(catalog.EXAMPLE_REPOSITORY in url for url in asked)


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that is the path's first part."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/200/index.yaml", None),
        ("/404/index.yaml", "HTTP 404"),
        ("/401/v2/", None),
        ("/401/index.yaml", "HTTP 401"),
        ("/503/v2/", "HTTP 503"),
    ],
)
def test_answer_of_the_host_shows_whether_it_serves_charts(host: str, path: str, reason: str | None) -> None:
    assert profile.reason_out_of_reach(f"{host}{path}", Invocation(environ={})) == reason


def test_host_that_does_not_answer_is_named(invocation: Invocation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/index.yaml"
        reason = profile.reason_out_of_reach(url, Invocation(environ={}))
    assert reason == "127.0.0.1 cannot be reached"
