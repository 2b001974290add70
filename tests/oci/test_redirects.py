"""A registry's login goes to the registry and to its domain's token server, wherever it points to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.errors import RegistryError
from bootstrap.core.invocation import Invocation
from bootstrap.oci import client
from bootstrap.oci.client import Registries
from bootstrap.oci.reference import Reference
from tests import registries
from tests.providers.answering import answering
from tests.registries import PASSWORD, USER, Registry

DIGEST = "sha256:" + "a" * 64
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that lets everybody in."""
    with registries.running(tmp_path_factory.mktemp("registry")) as found:
        yield found


def log_in(invocation: Invocation, host: str, entry: Mapping[str, str], *others: str) -> None:
    path = invocation.home / ".docker" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"auths": {host: entry, **{other: {} for other in others}}}))


PASSWORD_ENTRY = {"username": USER, "password": PASSWORD}
IDENTITY_ENTRY = {"identitytoken": PASSWORD}


@contextmanager
def host(found: list[tuple[str, str, Any]], status: int, headers: Mapping[str, str]) -> Iterator[str]:
    """A server that always answers this; `found` gets method, Authorization and path of each request."""

    def answer(method: str, path: str, given: Mapping[str, str], body: Any) -> Any:
        found.append((method, given.get("Authorization", ""), path))
        return status, dict(headers), b""

    with answering(answer) as url:
        yield url


def asked(invocation: Invocation, name: str) -> str | None:
    return Registries(invocation).digest(Reference(f"{name}/org/web", "v1"))


@pytest.mark.parametrize("entry", [PASSWORD_ENTRY, IDENTITY_ENTRY], ids=["password", "identity"])
def test_login_goes_to_no_token_server_of_another_domain(
    entry: Mapping[str, str], tmp_path: Path, invocation: Invocation
) -> None:
    ca_file, server_file = registries_certificates(tmp_path)
    with registries.token_server(ca_file, server_file) as tokens:
        realm = tokens.url.replace("127.0.0.1", "localhost")
        with registry_with(tmp_path, ca_file, realm) as found:
            log_in(invocation, found.host, entry)
            with pytest.raises(RegistryError, match="login to be sent to localhost:") as caught:
                asked(invocation, found.host)
            assert tokens.asked == []
            assert '"auths"' in caught.value.hint
            log_in(invocation, found.host, entry, realm.split("/")[2])
            assert asked(invocation, found.host) is None  # it has no such image: the token was accepted
    assert [who for who, _ in tokens.asked] == [USER if entry is PASSWORD_ENTRY else "<identity>"]


def registries_certificates(folder: Path) -> tuple[Path, Path]:
    from tests.mirror import certificates

    return certificates(folder / "pki")


@contextmanager
def registry_with(folder: Path, ca_file: Path, realm: str) -> Iterator[Registry]:
    token = {"realm": realm, "service": "registry", "issuer": "tests", "rootcertbundle": str(ca_file)}
    with registries.running(folder / "registry", {"token": token}) as found:
        yield found


@pytest.mark.parametrize("entry", [PASSWORD_ENTRY, IDENTITY_ENTRY], ids=["password", "identity"])
@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirect_of_a_token_server_is_not_followed(
    status: int, entry: Mapping[str, str], invocation: Invocation
) -> None:
    elsewhere: list[tuple[str, str, Any]] = []
    with host(elsewhere, 200, {}) as thief:

        def answer(method: str, path: str, headers: Mapping[str, str], body: Any) -> Any:
            if path.startswith("/token"):
                return status, {"Location": f"{thief}/token"}, b""
            return 401, {"WWW-Authenticate": f'Bearer realm="http://{headers["Host"]}/token"'}, b""

        with forms(answer) as url:
            name = url.removeprefix("http://")
            log_in(invocation, name, entry)
            with pytest.raises(RegistryError, match=f"no token: {status}"):
                asked(invocation, name)
    assert elsewhere == []


@contextmanager
def forms(answer: Any) -> Iterator[str]:
    """Like `answering`, for requests whose body is a form."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = answer(self.command, self.path, self.headers, None)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_HEAD = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_where_a_manifest_is_kept_gets_no_login(registry: Registry, invocation: Invocation) -> None:
    digest = registry.push("org/web", "v1")
    seen: list[str] = []

    def kept(method: str, path: str, headers: Mapping[str, str], body: Any) -> Any:
        seen.append(headers.get("Authorization", ""))
        return 200, {"Docker-Content-Digest": digest}, b""

    with forms(kept) as store:

        def answer(method: str, path: str, headers: Mapping[str, str], body: Any) -> Any:
            if headers.get("Authorization") != BASIC:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            return 307, {"Location": f"{store}{path}"}, b""

        with forms(answer) as url:
            name = url.removeprefix("http://")
            log_in(invocation, name, PASSWORD_ENTRY)
            assert asked(invocation, name) == digest
    assert seen == [""]


@pytest.mark.parametrize(
    "target", ["http://store.example.com/x", "file:///etc/passwd", "//store.example.com/x"]
)
def test_manifest_is_not_taken_from_where_others_may_change_it(target: str, invocation: Invocation) -> None:
    with (
        forms(lambda *_: (302, {"Location": target}, b"")) as url,
        pytest.raises(RegistryError, match=r"redirects to .*unencrypted"),
    ):
        asked(invocation, url.removeprefix("http://"))


def test_redirects_in_a_circle_end(invocation: Invocation) -> None:
    with (
        forms(lambda *_: (302, {"Location": "/again"}, b"")) as url,
        pytest.raises(RegistryError, match="do not end"),
    ):
        asked(invocation, url.removeprefix("http://"))


def test_manifest_that_is_too_large_is_refused(
    invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_LARGEST_MANIFEST", 1 << 20)
    with (
        forms(lambda *_: (200, {}, bytes(2 << 20))) as url,
        pytest.raises(RegistryError, match="larger than 1 MB"),
    ):
        asked(invocation, url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("host_name", "registry_name", "allowed"),
    [
        ("auth.docker.io", "registry-1.docker.io", True),
        ("gitlab.com", "registry.gitlab.com", True),
        ("us.icr.io", "icr.io", True),
        ("quay.io", "quay.io", True),
        ("evil.io", "quay.io", False),
        ("notdocker.io", "registry-1.docker.io", False),
        ("evil.co.uk", "registry.co.uk", False),
        ("auth.example.co.uk", "registry.example.co.uk", True),
        ("example.com.evil.net", "registry.example.com", False),
        ("10.0.0.9", "10.0.0.1", False),
        ("localhost", "127.0.0.1", False),
    ],
)
def test_token_server_is_of_the_registrys_domain(host_name: str, registry_name: str, allowed: bool) -> None:
    assert client._is_of_domain(host_name, registry_name) is allowed
