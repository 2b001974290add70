"""A sandbox with a real node, seen from the tests: its pods, its addresses, its processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bootstrap import kube
from bootstrap.core.errors import ApiError
from bootstrap.kube.connection import request
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.node import cgroups, layout

PATIENCE = 300.0
"""Seconds after which a test gives up, on a busy machine."""
TOO_MANY = 429
"""What the API server answers while a budget lets no pod go."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Reply:
    """What a page answered."""

    status: int
    text: str
    cookies: str


@dataclass(frozen=True)
class Node:
    """A sandbox whose real node runs."""

    sandbox: Sandbox
    cluster: kube.Cluster

    def dial(self, host: str, port: int, seconds: float = 10.0) -> socket.socket:
        """A connection to an address in the node, as the API server makes one; OSError when refused."""
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        taken.settimeout(seconds)
        try:
            taken.connect(str(layout.socket(self.sandbox.folder)))
            taken.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            answer = taken.recv(4096)
        except OSError:
            taken.close()
            raise
        if b" 200 " not in answer.split(b"\r\n")[0]:
            taken.close()
            raise ConnectionRefusedError(answer.decode("utf-8", "replace"))
        return taken

    def visit(self, port: int, path: str = "/", form: str | None = None, seconds: float = 20.0) -> Reply:
        """GET a page at one of the node's ports, or POST a form to it; OSError when it is not reached."""
        connection = http.client.HTTPConnection(layout.ADDRESS, port)
        connection.sock = self.dial(layout.ADDRESS, port, seconds)
        try:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("GET" if form is None else "POST", path, form, kind if form else {})
            answer = connection.getresponse()
            text = answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        return Reply(answer.status, text, answer.headers.get("Set-Cookie", ""))

    def pods(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """The pods of a workload by their usual label."""
        selector = f"app.kubernetes.io/name={name}"
        return kube.list_objects(self.cluster, "v1", "Pod", namespace, selector)

    def processes(self, pod: dict[str, Any]) -> list[int]:
        """The process ids, on this machine, of a pod's containers; its pause process is not among them."""
        uid = pod["metadata"]["uid"]
        ids = {
            status["containerID"].rpartition("/")[2]
            for status in pod["status"].get("containerStatuses", ())
            if status.get("containerID")
        }
        found = set()
        for place in _folders_of(cgroups.ROOT, layout.cgroup(self.sandbox.folder)):
            for folder, _, _ in os.walk(place):
                if uid in folder and Path(folder).name in ids:
                    found |= {int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split()}
        return sorted(found)

    def signal(self, pod: dict[str, Any], number: signal.Signals) -> None:
        """To every process of the pod's containers; those of a probe may have ended in the meantime."""
        found = self.processes(pod)
        assert found, f"{pod['metadata']['name']} has no process"
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def evict(self, pod: dict[str, Any]) -> None:
        """As `kubectl drain` does, which asks again while a budget refuses."""
        metadata = pod["metadata"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"

        def taken() -> bool:
            try:
                request(self.cluster, "POST", path, "evicting", body=json.dumps(body).encode())
            except ApiError as error:
                if error.code != TOO_MANY:
                    raise
                return False
            return True

        until(taken, f"{metadata['name']} to be evicted")

    def reaches(self, pod: dict[str, Any], host: str, port: int) -> bool:
        """Whether a TCP connection from the pod's network is taken within three seconds."""
        pid = self.processes(pod)[0]
        program = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
        command = ["nsenter", f"--target={pid}", "--net", "/usr/bin/python3", "-c", program, host, str(port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _folders_of(root: Path, name: str) -> list[Path]:
    return [place for place in (root / name, root / "memory" / name) if place.is_dir()]


def until(ask: Callable[[], Answer], waited_for: str, patience: float = PATIENCE) -> Answer:
    """The first answer that is true; fails with the last one."""
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still waiting for {waited_for}: {answer!r}"
        time.sleep(0.2)
    return answer


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether the kubelet calls it ready."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def restarts(pod: dict[str, Any]) -> int:
    """How often its containers were started again."""
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ()))


def told(node: Node, namespace: str) -> str:
    """What a failing test says about the pods."""
    pods = kube.list_objects(node.cluster, "v1", "Pod", namespace)
    events = kube.list_objects(node.cluster, "v1", "Event", namespace)
    lines = [
        f"{pod['metadata']['name']}: {json.dumps(pod['status'].get('containerStatuses'))}" for pod in pods
    ]
    lines += [f"{event['involvedObject'].get('name')}: {event.get('message')}" for event in events[-20:]]
    return "\n".join(lines)
