"""Ways between the machine and the node's network: Git host for pods, webhooks for a Service."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bootstrap import kube
from bootstrap.sandbox import process
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.node import layout, relay
from tests.real.node import Node

PORT = 8443
"""Of the Git host, at the node's address."""
PASSED = ("content-type", "content-encoding", "accept", "accept-encoding", "authorization", "git-protocol")
SECONDS = 120.0


def inside(sandbox: Sandbox) -> int:
    """A process in the node's network."""
    parent = process.running(sandbox.folder, layout.PROCESS)
    assert parent is not None
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    return int(children[0])


@contextmanager
def git_host(sandbox: Sandbox, port: int, certificate: Path) -> Iterator[None]:
    """The machine's Git host at https://ADDRESS:PORT of the node, where commands and pods reach it alike."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if "chunked" in self.headers.get("transfer-encoding", ""):
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            given = {name: value for name in PASSED if (value := self.headers.get(name))}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            connection.request(self.command, self.path, body, {**given, "Host": f"{layout.ADDRESS}:{PORT}"})
            found = connection.getresponse()
            content = found.read()
            self.send_response(found.status)
            for name, value in found.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            pass

    def listening() -> socket.socket:
        descriptor = os.open(f"/proc/{inside(sandbox)}/ns/net", os.O_RDONLY)
        relay.enter_network(descriptor)
        os.close(descriptor)
        return socket.create_server((layout.ADDRESS, PORT), backlog=128)

    with ThreadPoolExecutor(1) as pool:  # a thread of its own: it stays in the node's network
        listener = pool.submit(listening).result()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer((layout.ADDRESS, PORT), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def webhooks(node: Node) -> Iterator[int]:
    """A port of the machine, from which the Git host's webhooks go to argocd-server's Service."""

    def dial() -> socket.socket:
        service = kube.get(node.cluster, "v1", "Service", "argocd", "argocd-server")
        if service is None:
            raise ConnectionRefusedError("argocd-server does not exist")
        return node.dial(service["spec"]["clusterIP"], 443, SECONDS)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=relay.join, args=(taken, dial), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
