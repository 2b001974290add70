"""Bare repositories served by git's http-backend, with tokens, and the troubles that a test asks for."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

Trouble = tuple[int, dict[str, str]] | str | None
"""An answer instead (status and headers), `reset`; done, and then no answer (`lost`) or 500 (`broken`)."""


@dataclass
class Asked:
    """One request: `path` with its query, `username` and `token` as they were shown, `body` as it came."""

    method: str
    path: str
    username: str | None
    token: str | None
    body: bytes

    @property
    def pushes(self) -> bool:
        """Whether it is the second half of a push, which changes refs."""
        return self.method == "POST" and "git-receive-pack" in self.path


@dataclass
class Host:
    """`trouble` is asked about every request, in the order of arrival; `asked` has them all.

    `after` is called when a request was carried out whose answer is then lost.
    """

    root: Path
    url: str = ""
    token: str | None = None
    username: str | None = None
    trouble: Callable[[Asked], Trouble] = lambda _: None
    after: Callable[[Asked], None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def repository(self, name: str) -> str:
        return f"{self.url}/{name}"

    @property
    def pushes(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.pushes]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def serving(
    root: Path, token: str | None = None, *, username: str | None = None, port: int = 0
) -> Iterator[Host]:
    """The bare repositories below a folder, over HTTP on loopback.

    `token` is needed where there is one, and so is `username`; filters are as each repository says.
    """
    host = Host(root, token=token, username=username)
    backend = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip()) / "git-http-backend"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            asked = Asked(self.command, self.path, *self._credential(), self._body())
            with host.lock:
                host.asked.append(asked)
                trouble = host.trouble(asked)
            if trouble == "reset":
                self._cut()
                return
            if isinstance(trouble, tuple):
                self._reply(trouble[0], trouble[1], b"")
                return
            wrong_name = host.username is not None and asked.username != host.username
            if wrong_name or (host.token is not None and asked.token != host.token):
                self._reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
                return
            status, headers, content = self._backend(asked.body)
            if trouble in ("lost", "broken"):
                host.after(asked)
                self._reply(500, {}, b"") if trouble == "broken" else self._cut()
                return
            self._reply(status, headers, content)

        do_GET = do_POST = handle_any

        def _credential(self) -> tuple[str | None, str | None]:
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            if kind != "Basic":
                return None, None
            username, _, token = base64.b64decode(value).decode().partition(":")
            return username, token

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _backend(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            path, _, query = self.path.partition("?")
            environ = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": unquote(path),
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "ci",
                "REMOTE_ADDR": "127.0.0.1",
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run([backend], input=body, env=environ, capture_output=True, check=False)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            return int(headers.pop("Status", "200").split()[0]), headers, content

        def _reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            with suppress(BrokenPipeError):  # a client that was ended
                self.end_headers()
                self.wfile.write(content)

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
