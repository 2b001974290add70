"""A small HTTPS server with an authority of its own, which answers as a test configures it."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` is how many bytes of the promised body are left out.

    An `endless` one continues until the client hangs up.
    """

    body: bytes = b""
    status: int = 200
    location: str = ""
    cut: int = 0
    endless: bool = False
    type: str = "application/octet-stream"


@dataclass
class Mirror:
    """`routes` maps a path to its answers: each is given once, the last one forever. Else 404."""

    url: str
    ca_file: Path
    routes: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, path: str, *answers: Answer | bytes) -> str:
        """Answer at `path` (with its leading slash); returns the URL."""
        self.routes[path] = [a if isinstance(a, Answer) else Answer(a) for a in answers]
        return self.url + path


@contextmanager
def running(folder: Path, tls: bool = True) -> Iterator[Mirror]:
    """A mirror on a free port of 127.0.0.1; its keys are in `folder`."""
    ca_file, certificate = certificates(folder)

    never = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            mirror.asked.append(path)
            answers = mirror.routes.get(path, [Answer(status=404)])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(answer.status)
            if answer.location:
                self.send_header("Location", answer.location)
            self.send_header("Content-Type", answer.type)
            if not answer.endless:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            while answer.endless:
                self.wfile.write(bytes(1 << 16))
                never.wait(0.01)  # slowly: the client writes it to a disk
            self.wfile.write(answer.body[: len(answer.body) - answer.cut])
            self.close_connection = True

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # so that closing the server waits for them

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that refuses the certificate is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    mirror = Mirror(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", ca_file)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificates(folder: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """The authority's certificate, and the certificate of a server at an address or name, as PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.timezone.utc)
    pem = serialization.Encoding.PEM

    try:
        server_name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        server_name = x509.DNSName(address)

    def certificate(name: str, key: Any, issuer: str, signer: Any, authority: bool) -> Any:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([server_name]), critical=False)
        )
        return builder.sign(signer, hashes.SHA256())

    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate("Test authority", authority_key, "Test authority", authority_key, True)
    server = certificate(address, server_key, "Test authority", authority_key, False)
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(authority.public_bytes(pem))
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server_file.write_bytes(server.public_bytes(pem) + key)
    return ca_file, server_file
