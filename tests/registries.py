"""Real registries for tests (Debian's docker-registry): open, with a password, with tokens; and a pusher."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

USER, PASSWORD = "ann", "s3cret-pass"
# bcrypt of PASSWORD, which is the only kind that the registry reads.
HTPASSWD = f"{USER}:$2b$04$r/GUQdysFmt6nRRqzNu1luSEocjAN27UmcVNe2wfcNdZkyg8LA6f2\n"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def program() -> str:
    """The registry, or a skip that says how to get it."""
    found = shutil.which("docker-registry")
    if found is None:
        pytest.skip("docker-registry is not on this machine: sudo apt-get install docker-registry")
    return found


@dataclass
class Registry:
    """`host` is what precedes an image's name; `authorization` lets the pusher in."""

    host: str
    url: str
    ca_file: Path | None = None
    authorization: str = ""

    def push(self, path: str, tag: str, architectures: tuple[str, ...] = ("amd64",)) -> str:
        """Push an image, of several architectures with an index; the digest of what the tag means."""
        manifests = [self._push_one(path, architecture) for architecture in architectures]
        if len(manifests) == 1:
            content = manifests[0][1]
            return self._put(path, tag, MANIFEST, content)
        listed = [
            {
                "mediaType": MANIFEST,
                "digest": digest,
                "size": len(content),
                "platform": {"os": "linux", "architecture": name},
            }
            for (digest, content), name in zip(manifests, architectures, strict=True)
        ]
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
        return self._put(path, tag, INDEX, index)

    def _push_one(self, path: str, architecture: str) -> tuple[str, bytes]:
        layer = f"layer of {path} for {architecture}".encode()
        rootfs = {"type": "layers", "diff_ids": [digest_of(layer)]}
        config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": rootfs}).encode()
        for blob in (layer, config):
            began = self.request("POST", f"/v2/{path}/blobs/uploads/")
            assert began.status_code == 202, began.text
            place = began.headers["Location"]
            joint = "&" if "?" in place else "?"
            put = self.request("PUT", f"{place}{joint}digest={digest_of(blob)}", data=blob)
            assert put.status_code == 201, put.text
        content = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
                "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
            }
        ).encode()
        return self._put(path, digest_of(content), MANIFEST, content), content

    def _put(self, path: str, tag: str, kind: str, content: bytes) -> str:
        put = self.request("PUT", f"/v2/{path}/manifests/{tag}", data=content, headers={"Content-Type": kind})
        assert put.status_code == 201, put.text
        return digest_of(content)

    def request(self, method: str, place: str, **options: Any) -> requests.Response:
        headers = {
            **options.pop("headers", {}),
            **({"Authorization": self.authorization} if self.authorization else {}),
        }
        url = place if place.startswith("http") else self.url + place
        verify = str(self.ca_file) if self.ca_file else True
        return requests.request(method, url, headers=headers, verify=verify, timeout=60, **options)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def running(
    folder: Path,
    auth: Mapping[str, Any] | None = None,
    certificate: Path | None = None,
    built: Path | None = None,
) -> Iterator[Registry]:
    """A registry on a free port of 127.0.0.1, ready to answer; `built` is run instead of the machine's."""
    command = str(built or program())
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    http: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "secret": "test"}
    if certificate is not None:
        http["tls"] = {"certificate": str(certificate), "key": str(certificate)}
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": http,
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([command, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "log")
        scheme = "https" if certificate else "http"
        yield Registry(f"127.0.0.1:{port}", f"{scheme}://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the registry does not listen: {log.read_text()}")


@dataclass
class Tokens:
    """A token server; `asked` has who asked for which scope ("" for anonymous), `lifetime` is in seconds."""

    url: str
    asked: list[tuple[str, str]]
    lifetime: float = 300
    refuse: bool = False


@contextmanager
def token_server(ca_file: Path, server_file: Path) -> Iterator[Tokens]:
    """Gives tokens for `private/…` to USER alone, and for all else to everybody."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    pem = server_file.read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    def token(scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(certificate).decode()]}
        claims = {
            "iss": "tests",
            "aud": "registry",
            "sub": "",
            "nbf": now - 60,
            "iat": now - 60,
            "exp": now + tokens.lifetime,
            "jti": str(now),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        body = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            scope = query.get("scope", [""])[0]
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            user = base64.b64decode(given).decode().partition(":")[0] if given else ""
            self.answer(user, scope, given == base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            right = form.get("refresh_token") == [PASSWORD] and form.get("grant_type") == ["refresh_token"]
            self.answer("<identity>", form.get("scope", [""])[0], right)

        def answer(self, user: str, scope: str, right: bool) -> None:
            tokens.asked.append((user, scope))
            private = scope.startswith("repository:private/") or "push" in scope
            allowed = not tokens.refuse and (right or not (private or user))
            body = json.dumps(
                {"token": token(scope)} if allowed else {"errors": [{"code": "DENIED"}]}
            ).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tokens = Tokens(f"http://127.0.0.1:{server.server_address[1]}/token", [])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield tokens
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def busy_front(registry: Registry, refusals: list[dict[str, str]]) -> Iterator[Registry]:
    """A proxy before a registry that answers 429 with each of these headers first."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if refusals:
                self.send_response(429)
                for name, value in refusals.pop(0).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            answer = requests.request(
                self.command, registry.url + self.path, headers={"Accept": self.headers["Accept"]}, timeout=60
            )
            self.send_response(answer.status_code)
            for name in ("Docker-Content-Digest", "Content-Type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Registry(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
