"""Charts for tests: packed here, and served as a chart repository or by a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.tools import tool

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-chart}
data: {a: {{ .Values.a | quote }} }
"""


def packed(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """A chart's archive; the same files are the same bytes. Chart.yaml is made if it is not given."""
    chart = {"Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n", **files}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path, text in sorted(chart.items()):
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(plain.getvalue(), mtime=0)


@dataclass
class ChartRepository:
    """A chart repository over HTTP; `asked` has what was asked for, and nothing is answered while `away`."""

    url: str = ""
    archives: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def add(self, name: str, version: str, files: Mapping[str, str]) -> bytes:
        content = packed(name, version, files)
        self.archives[f"{name}-{version}.tgz"] = content
        return content

    def index(self) -> bytes:
        entries: dict[str, list[object]] = {}
        for file, content in self.archives.items():
            name, _, version = file.removesuffix(".tgz").rpartition("-")
            digest = hashlib.sha256(content).hexdigest()
            row = {
                "name": name,
                "version": version,
                "apiVersion": "v2",
                "urls": [f"{self.url}/{file}"],
                "digest": digest,
            }
            entries.setdefault(name, []).append(row)
        return json.dumps({"apiVersion": "v1", "entries": entries}).encode()


@contextmanager
def served() -> Iterator[ChartRepository]:
    """An empty chart repository on 127.0.0.1."""
    repository = ChartRepository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            repository.asked.append(name)
            content = repository.index() if name == "index.yaml" else repository.archives.get(name)
            found = content is not None and not repository.away
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(content if found and content is not None else b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    repository.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield repository
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def push(content: bytes, host: str, folder: Path, *options: str) -> None:
    """Push a chart to a registry (`HOST/PATH`), by helm."""
    archive = folder / f"{hashlib.sha256(content).hexdigest()[:8]}.tgz"
    archive.write_bytes(content)
    command = [str(tool("helm")), "push", *options, str(archive), f"oci://{host}"]
    environ = {**os.environ, "HELM_CONFIG_HOME": str(folder), "HELM_CACHE_HOME": str(folder)}
    subprocess.run(command, check=True, capture_output=True, env=environ)
