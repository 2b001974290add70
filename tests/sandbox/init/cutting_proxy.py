"""A TCP proxy on loopback that passes a number of bytes on, and then cuts every connection for good."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """`limit` counts bytes in both directions together; None never cuts. `passed` is what went through."""

    def __init__(self, host: str, port: int, limit: int | None = None) -> None:
        self.target = (host, port)
        self.limit = limit
        self.passed = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def cut(self) -> bool:
        return self.limit is not None and self.passed >= self.limit

    def close(self) -> None:
        """End every connection, and listen no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.cut:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                thread = threading.Thread(target=self._pass, args=(source, sink), daemon=True)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        while True:
            try:
                data = source.recv(4096)
                if not data:
                    break
                with self._lock:
                    room = len(data) if self.limit is None else self.limit - self.passed
                    self.passed += min(len(data), max(room, 0))
                if room > 0:
                    sink.sendall(data[:room])
                if room < len(data):
                    break
            except OSError:
                break
        if self.cut:
            self.close()
            return
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
