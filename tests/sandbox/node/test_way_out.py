"""How a node's containerd reaches registries: as the machine does, by its proxy; never the machine itself."""

from __future__ import annotations

import base64
import socket
import threading

import pytest

from bootstrap.sandbox.node import way_out


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "169.254.169.254", "::"])
def test_what_only_the_machine_has_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as open_here:
        port = open_here.getsockname()[1]
        with pytest.raises(OSError, match="this machine's own"):
            way_out.dial(host, port)


def asked_of_proxy(
    login: str, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> tuple[list[bytes], socket.socket]:
    """A proxy that answers one request; what it was asked, and its listener."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        taken, _ = listener.accept()
        requests.append(taken.recv(4096))
        taken.sendall(answer)
        if taken.recv(4096):  # in TLS, the client speaks first
            taken.sendall(b"registry")
        taken.close()

    threading.Thread(target=serve, daemon=True).start()
    monkeypatch.setenv("https_proxy", f"http://{login}127.0.0.1:{listener.getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "localhost")
    return requests, listener


def test_the_machines_proxy_is_asked_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    requests, listener = asked_of_proxy("ann:s%40cret@", monkeypatch, b"HTTP/1.1 200 OK\r\n\r\n")
    with listener, way_out.dial("registry.invalid", 443) as found:
        found.sendall(b"hello")
        assert found.recv(100) == b"registry"
    assert requests[0].startswith(b"CONNECT registry.invalid:443 HTTP/1.")
    assert b"Basic " + base64.b64encode(b"ann:s@cret") in requests[0]


def test_a_proxy_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, listener = asked_of_proxy("", monkeypatch, b"HTTP/1.1 403 not on the list\r\n\r\n")
    with listener, pytest.raises(OSError, match="403 not on the list"):
        way_out.dial("registry.invalid", 443)


def test_a_proxy_that_is_asked_by_tls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "https://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    with pytest.raises(OSError, match="HTTPS_PROXY is not an http:// address"):
        way_out.dial("registry.invalid", 443)
