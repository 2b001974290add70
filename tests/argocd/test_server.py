"""Argo CD's API by a token: what is refused before anything is sent, and what an answer that is none says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bootstrap.argocd import server as argocd_server
from bootstrap.core.errors import ApiError, ClusterError, ClusterUnreachable, Forbidden, InputError, NotFound
from bootstrap.core.invocation import Invocation
from tests.providers.answering import answering

TOKEN = "eyJhbGciOi.a-token.for-tests"


def invocation(**environ: str) -> Invocation:
    return Invocation(environ=environ)


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("http://argocd.example.com", "not https"),
        ("https://admin:secret@argocd.example.com", "contains a credential"),
    ],
)
def test_token_goes_over_https_alone_and_is_in_no_url(server: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        argocd_server.connect(server, invocation(ARGOCD_AUTH_TOKEN=TOKEN))
    assert "secret" not in f"{caught.value.found}{caught.value.where}"


def test_without_a_token_it_says_where_to_put_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no token"):
        argocd_server.connect("argocd.example.com", invocation())
    empty = tmp_path / "token"
    empty.write_text("\n")
    with pytest.raises(InputError, match="empty"):
        argocd_server.connect("argocd.example.com", invocation(), empty)
    with pytest.raises(InputError, match="cannot be read"):
        argocd_server.connect("argocd.example.com", invocation(), tmp_path / "gone")


def test_token_is_hidden_in_everything_that_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    asked = invocation()
    server = argocd_server.connect("argocd.example.com", asked, path)
    assert TOKEN in asked.secrets
    assert TOKEN not in repr(server)
    assert server.base == "https://argocd.example.com"


class _Handler(BaseHTTPRequestHandler):
    """Answers with the status in the path's last part of `/prefix/STATUS`, to whatever is asked below."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        body = b'{"message": "as asked"}' if status != 200 else b"<html>"
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Forbidden), (403, Forbidden), (404, NotFound), (302, ApiError), (500, ApiError)],
)
def test_answer_that_is_not_one_is_an_error_of_ours(port: int, status: int, error: type[ApiError]) -> None:
    asked = invocation(ARGOCD_AUTH_TOKEN=TOKEN)
    server = argocd_server.connect(f"http://127.0.0.1:{port}/{status}", asked)
    with pytest.raises(error) as caught:
        server.applications("argocd")
    assert caught.value.code == status
    assert caught.value.hint
    server.session.close()


def test_page_instead_of_an_answer_has_no_applications(port: int) -> None:
    server = argocd_server.connect(f"http://127.0.0.1:{port}/200", invocation(ARGOCD_AUTH_TOKEN=TOKEN))
    with pytest.raises(ApiError, match="not JSON"):
        server.applications("argocd")
    server.session.close()


def test_server_that_does_not_exist_is_named(port: int) -> None:
    server = argocd_server.connect("http://127.0.0.1:1", invocation(ARGOCD_AUTH_TOKEN=TOKEN))
    with pytest.raises(ClusterUnreachable) as caught:
        server.applications("argocd")
    assert caught.value.where == "http://127.0.0.1:1"
    server.session.close()


class _Silent(BaseHTTPRequestHandler):
    """Lists no Application, and keeps a stream open in which nothing happens until `over` is set."""

    over = threading.Event()
    ended_by_itself = threading.Event()
    streams = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        if "stream" not in self.path:
            self.wfile.write(b'{"items": []}')
            return
        self.wfile.flush()
        self.streams.set()
        if not self.over.wait(30):
            self.ended_by_itself.set()

    def log_message(self, *_: object) -> None:
        pass


def test_watching_ends_with_its_time_while_nothing_happens() -> None:
    host = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        asked = invocation(ARGOCD_AUTH_TOKEN=TOKEN)
        server = argocd_server.connect(f"http://127.0.0.1:{host.server_port}", asked)
        watching = server.watch("argocd", 60, 0.05)
        assert next(watching) == ("TICK", {})
        while not _Silent.streams.is_set():
            assert next(watching) == ("TICK", {})
        for _ in range(3):  # by now a thread reads the stream
            assert next(watching) == ("TICK", {})
        watching.close()
        assert not _Silent.ended_by_itself.is_set(), "closing waited for the stream"
    finally:
        _Silent.over.set()
        host.shutdown()
        host.server_close()
        thread.join()
        server.session.close()


@pytest.mark.parametrize(
    "content",
    [
        b'{"items": 5}',
        b'{"items": [5]}',
        b'{"items": [{"metadata": {"name": "a"}}]}',
        b'{"items": [{"metadata": {"name": "a;reboot", "namespace": "argocd"}, "spec": {}}]}',
        b'{"items": [{"metadata": {"name": "a", "namespace": "argocd"}, "spec": {"source": []}}]}',
        b'{"items": ' + b"[" * 100_000,
    ],
)
def test_answer_that_argocd_does_not_give_is_one_error(content: bytes) -> None:
    with answering(lambda *_: (200, {}, content)) as url:
        server = argocd_server.connect(url, invocation(ARGOCD_AUTH_TOKEN=TOKEN))
        with pytest.raises(ClusterError, match=r"not one that an API server gives|not JSON"):
            server.applications("argocd")
        server.session.close()


@pytest.mark.parametrize(
    "event", [b"null", b"[" * 100_000, b"x" * (2 << 20), b'{"result": {"application": {}}}', b"{}"]
)
def test_event_that_argocd_does_not_send_is_passed_over(
    event: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argocd_server, "LARGEST_EVENT", 1 << 20)
    asked: list[str] = []

    def answer(method: str, path: str, headers: object, given: object) -> object:
        asked.append(path)
        return 200, {}, event + b"\n" if "stream" in path else b'{"items": []}'

    with answering(answer) as url:
        server = argocd_server.connect(url, invocation(ARGOCD_AUTH_TOKEN=TOKEN))
        for kind, _ in server.watch("argocd", 60, 0.05):
            assert kind == "TICK"
            if sum("stream" in path for path in asked) > 1:
                break  # the stream was opened again
        server.session.close()


def test_application_that_argocd_does_not_send_is_one_error() -> None:
    def answer(method: str, path: str, headers: object, given: object) -> object:
        event = b'{"result": {"type": "ADDED", "application": {"metadata": {"name": "a"}}}}\n'
        return 200, {}, event if "stream" in path else b'{"items": []}'

    with answering(answer) as url:
        server = argocd_server.connect(url, invocation(ARGOCD_AUTH_TOKEN=TOKEN))
        with pytest.raises(ClusterError, match="not one that an API server gives"):
            list(server.watch("argocd", 60, 0.05))
        server.session.close()
