"""A server that does not answer, is not trusted, or is another: each its own error, no endless waiting."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bootstrap.core.errors import ApiError, ClusterError, ClusterUnreachable, Forbidden
from bootstrap.core.invocation import Invocation
from bootstrap.kube import connection
from bootstrap.kube.connection import Cluster, connect, request
from tests import kubeconfigs, mirror
from tests.mirror import Answer, Mirror

VERSION = Answer(b'{"gitVersion": "v1.36.0"}', type="application/json")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Mirror]:
    """Speaks TLS and answers as configured."""
    with mirror.running(tmp_path / "pki") as running:
        running.serve("/version", VERSION)
        yield running


def attempt(folder: Path, server: str, invocation: Invocation | None = None, **fields: object) -> Cluster:
    user = {"token": "hunter2-token"}
    path = kubeconfigs.write(folder / "kubeconfig", server, user, **fields)
    return connect(invocation or Invocation(environ={}), None, path, timeout=1.0)


def trusting(server: Mirror) -> dict[str, str]:
    return {"certificate-authority": str(server.ca_file)}


def status(code: int, message: str, reason: str = "") -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "message": message, "reason": reason}
    return Answer(json.dumps(body).encode(), code, type="application/json")


@contextmanager
def listener() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def closed_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_connection_knows_its_context_and_server(tmp_path: Path, server: Mirror) -> None:
    cluster = attempt(tmp_path, server.url, **trusting(server))
    assert (cluster.context, cluster.server, cluster.verified) == ("test", server.url, True)


def test_token_is_never_printed(tmp_path: Path, server: Mirror) -> None:
    invocation = Invocation(environ={})
    cluster = attempt(tmp_path, server.url, invocation, **trusting(server))
    assert "hunter2-token" in invocation.secrets
    assert "hunter2" not in repr(cluster)


def test_nothing_listens(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnreachable, match="cannot be reached") as raised:
        attempt(tmp_path, f"https://127.0.0.1:{closed_port()}")
    assert "Connection refused" in raised.value.found


def test_listener_that_never_answers(tmp_path: Path) -> None:
    with listener() as port, pytest.raises(ClusterUnreachable, match="does not answer in time"):
        attempt(tmp_path, f"https://127.0.0.1:{port}")


def test_http_listener_that_never_answers(tmp_path: Path) -> None:
    with listener() as port, pytest.raises(ClusterUnreachable, match="does not answer in time"):
        attempt(tmp_path, f"http://127.0.0.1:{port}")


def test_name_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnreachable, match="name cannot be resolved"):
        attempt(tmp_path, "https://no-such-host.invalid:6443")


def test_certificate_of_another_authority(tmp_path: Path, server: Mirror) -> None:
    with mirror.running(tmp_path / "other") as other, pytest.raises(ClusterUnreachable) as raised:
        attempt(tmp_path, server.url, **trusting(other))
    assert raised.value.found.startswith("TLS failed")
    assert "a CA other than the kubeconfig's" in raised.value.hint


def test_certificate_of_another_name(tmp_path: Path, server: Mirror) -> None:
    with pytest.raises(ClusterUnreachable, match="TLS failed") as raised:
        attempt(tmp_path, server.url, **{**trusting(server), "tls-server-name": "elsewhere.example"})
    assert "tls-server-name" in raised.value.hint


def test_plain_http_behind_an_https_address(tmp_path: Path) -> None:
    with mirror.running(tmp_path / "pki", tls=False) as plain, pytest.raises(ClusterUnreachable) as raised:
        attempt(tmp_path, plain.url.replace("http:", "https:"))
    assert "does not speak TLS" in raised.value.hint


def test_proxy_that_does_not_exist_is_named_without_its_password(tmp_path: Path) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{closed_port()}"
    with pytest.raises(ClusterUnreachable) as raised:
        attempt(tmp_path, "https://cluster.example:6443", **{"proxy-url": proxy})
    assert "proxy http://127.0.0.1" in raised.value.found
    assert "NO_PROXY" in raised.value.hint
    assert "hunter2" not in f"{raised.value.found} {raised.value.hint}"


def test_server_on_this_machine_is_not_asked_for_at_the_environments_proxy(
    tmp_path: Path, server: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    server.serve("/version", b'{"gitVersion": "v1.36.3"}')
    attempt(tmp_path, server.url, **trusting(server))
    with pytest.raises(ClusterUnreachable, match="proxy"):
        attempt(tmp_path, "https://cluster.example:6443")


def test_credential_that_is_not_accepted(tmp_path: Path, server: Mirror) -> None:
    server.serve("/version", status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Forbidden, match="does not accept the credential") as raised:
        attempt(tmp_path, server.url, **trusting(server))
    assert raised.value.code == 401
    assert "log in again" in raised.value.hint


def test_page_of_something_else_is_cut(tmp_path: Path, server: Mirror) -> None:
    page = b"<html><title>Corporate\nproxy</title>" + b"<p>sorry</p>" * 1000
    server.serve("/version", Answer(page, 403, type="text/html"))
    with pytest.raises(Forbidden, match="without an API server's Status") as raised:
        attempt(tmp_path, server.url, **trusting(server))
    assert "Corporate proxy" in raised.value.found
    assert len(raised.value.found) < 500


def test_what_may_pass_is_tried_again(tmp_path: Path, server: Mirror) -> None:
    cluster = attempt(tmp_path, server.url, **trusting(server))
    ok = Answer(b'{"items": []}', type="application/json")
    server.serve(
        "/api/v1/pods",
        status(429, "too many"),
        status(503, "etcd has no leader"),
        Answer(b"{} cut", cut=4),
        ok,
    )
    assert request(cluster, "GET", "/api/v1/pods", "listing pods").data == {"items": []}
    assert server.asked.count("/api/v1/pods") == 4


def test_what_does_not_pass_ends_after_a_while(tmp_path: Path, server: Mirror) -> None:
    cluster = attempt(tmp_path, server.url, **trusting(server))
    cluster.patience = 0.5
    server.serve("/api/v1/pods", status(503, "etcd has no leader"))
    with pytest.raises(ApiError, match="etcd has no leader") as raised:
        request(cluster, "GET", "/api/v1/pods", "listing pods")
    assert raised.value.code == 503
    assert server.asked.count("/api/v1/pods") > 1


def test_refusal_is_not_tried_again(tmp_path: Path, server: Mirror) -> None:
    cluster = attempt(tmp_path, server.url, **trusting(server))
    server.serve("/api/v1/pods", status(403, "pods is forbidden", "Forbidden"))
    with pytest.raises(Forbidden, match="pods is forbidden"):
        request(cluster, "GET", "/api/v1/pods", "listing pods")
    assert server.asked.count("/api/v1/pods") == 1


def test_server_that_goes_away_is_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mirror.running(tmp_path / "pki") as running:
        running.serve("/version", VERSION)
        cluster = attempt(tmp_path, running.url, **trusting(running))
    pauses: list[float] = []
    monkeypatch.setattr(connection.time, "sleep", pauses.append)
    cluster.patience = 0.5
    with pytest.raises(ClusterUnreachable):
        request(cluster, "GET", "/version", "asking")
    assert pauses


def test_redirects_are_not_followed_with_the_credential(tmp_path: Path, server: Mirror) -> None:
    server.serve("/version", Answer(status=302, location="/elsewhere"))
    with pytest.raises(ClusterError, match="redirects to /elsewhere"):
        attempt(tmp_path, server.url, **trusting(server))
    assert "/elsewhere" not in server.asked
