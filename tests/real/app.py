"""The voting app on a real node: dev's overlay, with components of the test's choice, and stand-ins."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bootstrap import kube
from bootstrap.manifests import split
from tests.catalog import voting_app
from tests.real.node import Node, is_ready, told, until

VOTE, RESULT = 31000, 31001
"""The node's ports of the two pages (component nodeport)."""
WORKLOADS = ("db", "redis", "worker", "vote", "result")


@dataclass(frozen=True)
class App:
    """The app in its namespace."""

    node: Node
    namespace: str
    text: bytes

    def apply(self, old: bytes = b"", new: bytes = b"") -> None:
        """As it is, or with one text replaced."""
        assert old in self.text
        text = self.text.replace(old, new) if old else self.text
        kube.apply(self.node.cluster, split.split(text, "kustomize"), force=True)

    def pod(self, name: str) -> dict[str, Any] | None:
        """The ready pod of a workload; None while there is none."""
        return next((pod for pod in self.node.pods(self.namespace, name) if is_ready(pod)), None)

    def ready_pod(self, name: str) -> dict[str, Any]:
        """Waits for it."""
        try:
            found = until(partial(self.pod, name), f"a ready pod of {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{told(self.node, self.namespace)}") from None
        assert found is not None
        return found

    def answers(self, port: int) -> bool:
        """Whether a page of the app is reached at this port of the node."""
        try:
            return self.node.visit(port).status == 200
        except OSError:
            return False

    def vote(self, choice: str = "a") -> bool:
        """Cast a vote as a new voter; whether the page said that it was taken."""
        try:
            return self.node.visit(VOTE, form=f"vote={choice}").status == 200
        except OSError:
            return False

    def scores(self) -> dict[str, int]:
        """What result has counted; empty when it does not say."""
        try:
            answer = self.node.visit(RESULT, "/scores")
        except OSError:
            return {}
        found: dict[str, int] = json.loads(answer.text) if answer.status == 200 else {}
        return found

    def counted(self) -> int:
        """All votes that result has counted."""
        return sum(self.scores().values())


@contextmanager
def running(node: Node, components: Sequence[str]) -> Iterator[App]:
    """The app with these components, every pod ready; removed at the end."""
    text = voting_app.chosen_text(tuple(components))
    text = re.sub(r"(image: \S+)@sha256:[0-9a-f]+", r"\1", text)
    app = App(node, "voting-app-dev", text.encode())
    kube.ensure_namespace(node.cluster, app.namespace)
    names = ("superuser-password", "monitor-password", "backup-password")
    passwords = {name: secrets.token_hex(12).encode() for name in names}
    kube.ensure_secret(node.cluster, app.namespace, "db", data=passwords, generate=(), labels={})
    app.apply()
    try:
        for name in WORKLOADS:
            app.ready_pod(name)
        for port in (VOTE, RESULT):  # a moment later, kube-proxy sends packets there
            until(partial(app.answers, port), f"the node's port {port} to answer")
        yield app
    finally:
        kube.delete(node.cluster, [kube_namespace(app.namespace)])


def kube_namespace(name: str) -> Any:
    """The namespace as an object to delete."""
    from bootstrap.manifests.objects import ClusterObject

    return ClusterObject("v1", "Namespace", "", name, b"")


@dataclass
class Voters:
    """People who vote one after another, each once, until they are told to stop."""

    app: App
    taken: int = 0
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Voters:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """The votes that were taken."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        return self.taken

    def _run(self) -> None:
        while not self._stop.is_set():
            if self.app.vote("a" if self.taken % 2 else "b"):
                self.taken += 1
            else:
                self.refused += 1
