"""A server that pretends to be an API server gets no more than its token, and no run out of bounds."""

from __future__ import annotations

import json
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core import bounded
from bootstrap.core.errors import ExitStatus
from bootstrap.core.invocation import Invocation
from bootstrap.kube import connection, discovery, objects
from bootstrap.repository.tools import kustomize
from tests import hostile_api, kubeconfigs
from tests.argocd_manifest import manifest
from tests.conftest import Result, Run
from tests.git_repositories import Bare
from tests.hostile_api import TOKEN, HostileApi
from tests.providers.answering import answering
from tests.repositories import OURS, write

Ask = Callable[..., Result]
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
READING = (("status",), ("doctor",), ("wait", "--timeout", "2"))
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"


@pytest.fixture
def api() -> Iterator[HostileApi]:
    with hostile_api.running() as found:
        yield found


@pytest.fixture
def ask(run: Run, api: HostileApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A command with that API server's kubeconfig; its outcome has no traceback, token or control in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connection, "PATIENCE", 1.0)  # a request that fails is still made ATTEMPTS times

    def call(*arguments: str) -> Result:
        result = run(*arguments, env={"KUBECONFIG": str(api.kubeconfig(tmp_path))})
        said = result.out + result.err
        assert result.exit != ExitStatus.BUG, said
        assert TOKEN not in said
        assert not [one for one in said if ord(one) < 32 and one not in "\n\t"], said
        said.encode()
        return result

    return call


def refused(ask: Ask, *words: str) -> None:
    """Each command that reads a cluster says so once."""
    for command in READING:
        result = ask(*command)
        assert result.exit == (1 if command[0] == "doctor" else ExitStatus.CLUSTER), result
        for word in words:
            assert word in result.out + result.err
        assert len([line for line in result.err.splitlines() if line.startswith("error:")]) <= 1


def body(content: bytes, kind: str = "application/json", code: int = 200) -> hostile_api.Trick:
    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        return True

    return trick


def endless(head: bytes, piece: bytes) -> hostile_api.Trick:
    """Sends as long as the client listens."""

    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        handler.wfile.write(head)
        while True:
            handler.wfile.write(piece)

    return trick


def test_honest_server_is_read_by_every_command(ask: Ask) -> None:
    assert "0 of 2 Applications" in ask("status").err
    assert "1 of 2 Synced and Healthy" in ask("doctor").out
    assert ask("wait", "--timeout", "2").exit == ExitStatus.NOT_READY


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("path", ["/version", APPLICATIONS])
def test_no_other_server_gets_the_token(ask: Ask, api: HostileApi, code: int, path: str) -> None:
    asked: list[str] = []

    def elsewhere(method: str, path: str, headers: Any, given: Any) -> Any:
        asked.append(path)
        return 200, {}, b"{}"

    with answering(elsewhere) as url:

        def trick(handler: hostile_api.Handler, said: Any) -> bool:
            handler.send_response(code)
            handler.send_header("Location", url.replace("//", "//user:hunter2@") + "/x\x1b[2J")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return True

        api.tricks[path] = trick
        refused(ask, f"redirects to {url}/x", "is not followed")
    assert asked == []
    assert all(authorization == f"Bearer {TOKEN}" for _, _, authorization in api.asked)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>a portal</html>",
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"metadata": {"resourceVersion": "1"}, "items": NaN}',
        b'{"metadata": {"resourceVersion": "1"}, "items": [' + b"1" * 10_000 + b"]}",
        b'{"metadata": {"resourceVersion": "1"}, "items": 5}',
        b'{"metadata": {"resourceVersion": "1"}, "items": [5]}',
        b'{"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "a"}}]}',
        b'{"items": []}',
        b'{"metadata": {"resourceVersion": "\\ud800"}, "items": []}',
        b'{"metadata": {"resourceVersion": "1"}, "items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"metadata": {"resourceVersion": "1"}, "items": ' + b"[" * 300 + b"]" * 300 + b"}",
    ],
    ids=lambda content: content[:60].decode("utf-8", "replace"),
)
def test_answer_that_no_api_server_gives_is_one_error(ask: Ask, api: HostileApi, content: bytes) -> None:
    api.tricks[APPLICATIONS] = body(content)
    refused(ask, "not one that an API server gives")


def test_page_in_place_of_an_error_is_cut_and_escaped(ask: Ask, api: HostileApi) -> None:
    api.tricks["/version"] = body(b"<p>\x1b]0;x\x07" + b"sorry " * 10_000 + b"</p>", "text/html", 403)
    result = ask("status")
    assert "without an API server's Status" in result.err
    assert "\\x1b" in result.err
    assert len(result.err) < 1000


def test_status_of_an_error_with_hostile_details_is_one_error(ask: Ask, api: HostileApi) -> None:
    status = {"kind": "Status", "message": "\x1b[2Jno\n::error::x", "details": {"causes": [5]}}
    api.tricks[APPLICATIONS] = body(json.dumps(status).encode(), code=409)
    refused(ask, "HTTP 409")


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b"[" * 65536),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b" " * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        (b"HTTP/1.1 ", b"2" * 65536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    ],
    ids=["body", "length", "chunks", "chunk line", "header", "status line", "continue", "headers"],
)
def test_answer_without_an_end_is_ended(
    ask: Ask, api: HostileApi, head: bytes, piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 8 << 20)
    monkeypatch.setattr(bounded, "HEAD_SECONDS", 1.0)
    api.tricks[APPLICATIONS] = endless(head, piece)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ask("status").exit == ExitStatus.CLUSTER
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_byte_now_and_then_is_no_answer(ask: Ask, api: HostileApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(bounded, "HEAD_SECONDS", 0.5)
    ended = threading.Event()

    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if in_body else b""))
        while not ended.wait(0.05):
            handler.wfile.write(b" ")
        return True

    for in_body in (True, False):
        api.tricks[APPLICATIONS] = trick
        result = ask("status")
        assert result.exit == ExitStatus.CLUSTER
        assert ("did not end" if in_body else "does not answer in time") in result.err
    ended.set()


def test_list_without_a_last_page_is_ended(
    ask: Ask, api: HostileApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LIST_SECONDS", 0.5)
    page = {"metadata": {"resourceVersion": "1", "continue": "more"}, "items": []}
    api.tricks[APPLICATIONS] = body(json.dumps(page).encode())
    result = ask("status")
    assert "the list has no end" in result.err


def test_large_objects_are_asked_for_in_smaller_pages(
    ask: Ask, api: HostileApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 1 << 20)

    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        return "limit=500" in handler.path and body(b" " * (2 << 20))(handler, said)

    api.tricks[APPLICATIONS] = trick
    assert "0 of 2 Applications" in ask("status").err
    assert any("limit=50&" in path or path.endswith("limit=50") for _, path, _ in api.asked)


@pytest.mark.parametrize("name", ["a;reboot", "../../secrets/x", "a b", "\x1b[2J", "A", "", "x" * 300])
def test_name_that_a_command_to_copy_would_carry_is_refused(ask: Ask, api: HostileApi, name: str) -> None:
    def change(path: str, data: Any) -> Any:
        if path.endswith("/certificates"):
            data["items"][0]["metadata"]["name"] = name
        return data

    api.change = change
    result = ask("status")
    assert result.exit == ExitStatus.CLUSTER
    assert "not one that an API server gives: Certificate.metadata.name" in result.err


def test_text_of_a_cluster_moves_no_cursor_and_gives_ci_no_order(ask: Ask, api: HostileApi) -> None:
    hostile = "\x1b]0;x\x07\r\x9b2J\n::error::owned\n##[error]x\u202e"

    def change(path: str, data: Any) -> Any:
        return json.loads(
            json.dumps(data).replace('"back-off"', json.dumps(hostile)).replace('"no"', json.dumps(hostile))
        )

    api.change = change
    for command in READING:
        result = ask(*command)
        assert "\\x1b" in result.out + result.err
        assert not [line for line in (result.out + result.err).splitlines() if line.startswith(("::", "##"))]


def test_watch_that_never_ends_does_not_outlast_the_timeout(
    ask: Ask, api: HostileApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "SILENCE", 0.0)
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}

    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        return "watch=true" in handler.path and endless(
            b"HTTP/1.1 200 OK\r\n\r\n", json.dumps(bookmark).encode() + b"\n"
        )(handler, said)

    api.tricks[APPLICATIONS] = trick
    assert ask("wait", "--timeout", "2").exit == ExitStatus.NOT_READY


@pytest.mark.parametrize(
    "line",
    [b"null", b"5", b"{}", b'{"type": 5, "object": {}}', b'{"type": "ADDED", "object": {"metadata": 5}}'],
)
def test_event_that_no_api_server_sends_is_one_error(ask: Ask, api: HostileApi, line: bytes) -> None:
    def trick(handler: hostile_api.Handler, said: Any) -> bool:
        return "watch=true" in handler.path and body(line + b"\n")(handler, said)

    api.tricks[APPLICATIONS] = trick
    result = ask("wait", "--timeout", "2")
    assert result.exit == ExitStatus.CLUSTER
    assert "not one that an API server gives" in result.err


INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
"""


def test_trace_and_init_take_no_hostile_answer_either(
    ask: Ask, api: HostileApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(kustomize(Invocation())).parent}:/usr/bin:/bin")
    overlay = "apps/shop/overlays/production"
    kustomization = OURS[f"{overlay}/kustomization.yaml"]
    files = {
        f"{overlay}/ingress.yaml": INGRESS,
        f"{overlay}/kustomization.yaml": kustomization.replace("base\n", "base\n  - ingress.yaml\n", 1),
    }
    repository = write(tmp_path / "repo", OURS, files)
    (tmp_path / "install.yaml").write_bytes(manifest())
    bare = Bare(tmp_path / "host" / "gitops.git")
    trace = ("trace", "shop.example.com", "--live", "--repo", str(repository))
    given = (
        "--dry-run",
        "--argocd-manifest",
        str(tmp_path / "install.yaml"),
        "--author",
        "A <a@example.org>",
    )
    init = ("init", bare.url, *given)
    api.objects["apps/v1", "statefulsets"] = []  # so that there is no Argo CD yet
    assert "live: " in ask(*trace).out
    assert ask(*init).exit == 1, ask(*init)
    for answer in (b"[]", b'{"metadata": 5}', b"[" * 100_000, b"<html>"):
        api.tricks = {"/services": body(answer), "/ingresses": body(answer), "/configmaps": body(answer)}
        for command in (trace, init):
            result = ask(*command)
            assert "not one that an API server gives" in result.out + result.err
    assert all(authorization == f"Bearer {TOKEN}" for _, _, authorization in api.asked)


def test_kubeconfig_and_plugin_of_the_current_folder_are_not_used(
    run: Run, api: HostileApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, own = tmp_path / "checkout", tmp_path / "own"
    for folder in (checkout / ".kube", own):
        folder.mkdir(parents=True)
    ran = tmp_path / "ran"
    for place in (checkout / "plugin", checkout / ".kube" / "plugin"):
        place.write_text(f"#!/bin/sh\ntouch {ran}\n")
        place.chmod(0o755)
    for place in (checkout / "kubeconfig", checkout / "config", checkout / ".kube" / "config"):
        kubeconfigs.write(place, api.url, {"exec": {**PLUGIN, "command": "./plugin"}})
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    without = run("status", env={"KUBECONFIG": ""})
    assert without.exit == ExitStatus.INPUT
    assert "no kubeconfig" in without.err
    named = kubeconfigs.write(own / "kubeconfig", api.url, {"exec": {**PLUGIN, "command": "plugin"}})
    result = run("status", env={"KUBECONFIG": str(named)})
    assert result.exit == ExitStatus.CLUSTER
    assert "exec plugin" in result.err
    assert not ran.exists()
    assert api.asked == []


@pytest.mark.parametrize(
    "api_version",
    ["v1/namespaces/kube-system/services/x/proxy", "../api/v1", "v1?watch=1", "a/b/c", "", "V1"],
)
def test_apiversion_of_a_repository_leads_to_no_other_path(
    api: HostileApi, tmp_path: Path, api_version: str
) -> None:
    cluster = connection.connect(Invocation(environ={}), None, api.kubeconfig(tmp_path))
    api.asked.clear()
    assert discovery.find(cluster, api_version, "Secret") is None
    assert api.asked == []


def test_name_of_a_repository_leads_to_no_other_path(api: HostileApi, tmp_path: Path) -> None:
    cluster = connection.connect(Invocation(environ={}), None, api.kubeconfig(tmp_path))
    for namespace, name in (("..", "x"), ("shop", ".."), ("shop", "../../secrets"), ("shop", "x?watch=1")):
        assert objects.get(cluster, "v1", "Pod", namespace, name) is None
    paths = [path for _, path, _ in api.asked if path.startswith("/api/v1/namespaces/")]
    assert paths == [
        "/api/v1/namespaces/%2E%2E/pods/x",
        "/api/v1/namespaces/shop/pods/%2E%2E",
        "/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets",
        "/api/v1/namespaces/shop/pods/x%3Fwatch%3D1",
    ]
