"""Argo CD's own API (argocd-server): Applications by a token, where there is no kubeconfig.

The token is sent only to the named server: no redirect is followed, no .netrc is read.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bootstrap.argocd.reason import Application
from bootstrap.argocd.status import key_of
from bootstrap.core import backoff, bounded
from bootstrap.core.errors import ApiError, ClusterError, ClusterUnreachable, Forbidden, InputError, NotFound
from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import is_loopback
from bootstrap.core.text import cut
from bootstrap.git import credential_file
from bootstrap.http.session import Failure, Session, body, translated
from bootstrap.kube import shape

TOKEN = "ARGOCD_AUTH_TOKEN"  # noqa: S105 - a variable's name
PATH = "/api/v1/applications"
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
REFRESH_TIMEOUT = 3.0
"""Seconds; the server requests the refresh long before it answers with the outcome."""
LARGEST_EVENT = 16 << 20
"""Bytes of one event of the stream: an Application has 1.5 MB at most in etcd."""
PAUSE = 1.0
"""Seconds before a stream that has ended is reopened."""
LONGEST_PAUSE = 5.0
"""Seconds between two questions to a server that does not answer, at most."""
PATIENCE = 60.0
"""Seconds for which a server that stopped answering is retried."""


@dataclass(frozen=True)
class ArgoCDServer:
    """One argocd-server. `base` is its URL; `session` has the token and the trusted certificates."""

    base: str
    session: Session = field(repr=False)

    def watch(self, namespace: str, timeout: float, tick: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """All Applications that the token may read, each change from the server's stream, and ticks."""
        deadline = time.monotonic() + timeout
        known: dict[tuple[str, str], dict[str, Any]] = {}
        lost: float | None = None
        failed = 0
        while time.monotonic() < deadline:
            try:
                found = {key_of(item): item for item in self.applications(namespace)}
                lost, failed = None, 0
            except ClusterUnreachable:
                lost = lost or time.monotonic()
                if not known or time.monotonic() - lost > PATIENCE:
                    raise
                failed += 1
                time.sleep(backoff.between(failed, PAUSE, LONGEST_PAUSE))
                continue
            for key in [key for key in known if key not in found]:
                yield "DELETED", known.pop(key)
            for key, item in found.items():
                if known.get(key) != item:
                    yield "MODIFIED" if key in known else "ADDED", item
                    known[key] = item
            yield "TICK", {}
            yield from self._changes(namespace, known, deadline, tick)
            time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))

    def applications(self, namespace: str) -> list[dict[str, Any]]:
        """Every Application of the namespace; Forbidden when the token is not accepted."""
        tried = "reading the Applications"
        data = self._get(PATH, tried, {"appNamespace": namespace})
        shape.require(data, shape.ITEMS, "the list of Applications", tried)
        for item in data.get("items") or ():
            shape.check(item, "Application", tried, stored=False)
        return [item for item in data.get("items") or () if item["metadata"].get("namespace") == namespace]

    def refresh(self, namespace: str, name: str) -> None:
        """Have Argo CD compare the Application with Git now. NotFound when it does not exist."""
        query = {"refresh": "normal", "appNamespace": namespace}
        try:
            self._get(f"{PATH}/{name}", f"refreshing Application {name}", query, REFRESH_TIMEOUT)
        except ClusterUnreachable as error:
            if not (isinstance(error.__cause__, Failure) and error.__cause__.kind == "silent"):
                raise

    def explain(self, application: Application) -> list[str]:
        """A line for each unhealthy object of the server's resource tree: kind, name, message."""
        namespace, name = key_of(application)
        try:
            path = f"{PATH}/{name}/resource-tree"
            tree = self._get(path, "reading the resource tree", {"appNamespace": namespace})
            shape.require(tree, shape.TREE, "the resource tree", "reading the resource tree")
        except ClusterError as error:
            return [f"(its objects cannot be read: {error.found})"]
        wrong = [
            node
            for node in tree.get("nodes") or ()
            if (node.get("health") or {}).get("status") not in (None, "Healthy", "Suspended")
        ]
        lines = []
        for node in wrong[:3]:
            health = node["health"]
            place = f"{node.get('namespace')}/{node['name']}" if node.get("namespace") else node["name"]
            message = f": {cut(str(health['message']))}" if health.get("message") else ""
            lines.append(f"{node['kind']} {place}: {health['status']}{message}")
        return lines

    def rollouts(self, applications: Sequence[Application]) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Empty: the server says no more about workloads than the health of its Applications."""
        return {}

    def _changes(
        self, namespace: str, known: dict[tuple[str, str], dict[str, Any]], deadline: float, tick: float
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of the stream until it ends or times out; a thread reads it, because of the ticks."""
        events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        answers: list[Any] = []
        reader = threading.Thread(target=self._read, args=(namespace, events, answers), daemon=True)
        reader.start()
        try:
            while (left := deadline - time.monotonic()) > 0:
                try:
                    event = events.get(timeout=min(tick, left))
                except queue.Empty:
                    yield "TICK", {}
                    continue
                if event is None:
                    return
                application = event["application"]
                shape.check(application, "Application", "watching the Applications", stored=False)
                key = key_of(application)
                if key[0] != namespace or known.get(key) == application:
                    continue
                known[key] = application
                if event.get("type") == "DELETED":
                    known.pop(key)
                yield str(event.get("type")), application
        finally:
            for answer in answers:
                _end(answer)

    def _read(
        self, namespace: str, events: queue.SimpleQueue[dict[str, Any] | None], answers: list[Any]
    ) -> None:
        url = f"{self.base}/api/v1/stream/applications"
        query = {"appNamespace": namespace}
        try:
            with translated():
                answer = self.session.send(
                    "GET", url, timeout=(CONNECT_TIMEOUT, None), params=query, stream=True
                )
                answers.append(answer)
                lines = bounded.lines(answer.raw, LARGEST_EVENT, math.inf)
                for line in lines if answer.status_code == 200 else ():
                    result = json.loads(line.decode()).get("result")
                    if result and result.get("application"):
                        events.put(result)
        except (Failure, bounded.TooMuch, AttributeError, ValueError, RecursionError):
            pass  # it ended, or the server closed it: everything is listed again
        finally:
            events.put(None)

    def _get(
        self, path: str, tried: str, query: dict[str, str], read_timeout: float = READ_TIMEOUT
    ) -> dict[str, Any]:
        url, timeout = f"{self.base}{path}", (CONNECT_TIMEOUT, read_timeout)
        try:
            answer = self.session.send("GET", url, timeout=timeout, params=query)
        except Failure as error:
            found = f"no answer ({error})"
            hint = "check --server, and that argocd-server is reachable from here"
            if error.kind == "certificate":
                found = f"its certificate is not trusted: {cut(str(error))}"
                hint = "give the CA that signed its certificate with --ca-file"
            raise ClusterUnreachable(tried, found, hint, self.base) from error
        return self._data(answer, tried)

    def _data(self, answer: Any, tried: str) -> dict[str, Any]:
        data = body(answer)
        message = str(data.get("message") or answer.reason) if isinstance(data, dict) else "not JSON"
        code = int(answer.status_code)
        if code in (401, 403):
            # A server that hides what does not exist answers 403, too.
            hint = f"name an Application that exists, and give a token that may get it ({TOKEN})"
            raise Forbidden(tried, f"argocd-server refuses the token: {message}", hint, self.base, code=code)
        if code == 404:
            hint = "check the Application's name and namespace"
            raise NotFound(tried, message, hint, self.base, code=code)
        if code >= 300 or not isinstance(data, dict):
            hint = "check that --server is argocd-server's own URL, without a path"
            raise ApiError(tried, f"HTTP {code}: {message}", hint, self.base, code=code)
        return data


def _end(answer: Any) -> None:
    """Close a stream that a thread is reading: close() alone would wait for the thread's next read."""
    with suppress(RuntimeError, ValueError):  # it has ended already
        answer.raw.shutdown()
    answer.close()


def connect(
    server: str, invocation: Invocation, token_file: Path | None = None, ca_file: Path | None = None
) -> ArgoCDServer:
    """An argocd-server by URL. InputError: not https (except on loopback), no token, a missing file."""
    url = server if "://" in server else f"https://{server}"
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise InputError("reading --server", "the URL contains a credential", f"give it with {TOKEN}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise InputError("reading --server", f"{server} is not https", "tokens are only sent over https")
    if ca_file is not None and not ca_file.is_file():
        raise InputError("reading --ca-file", "it is not a file", "give a PEM file", str(ca_file))
    token = _token(token_file, invocation)
    invocation.keep_secret(token)
    session = Session(invocation, ca_file, {"Authorization": f"Bearer {token}"})
    return ArgoCDServer(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", session)


def _token(path: Path | None, invocation: Invocation) -> str:
    if path is None:
        token = invocation.environ.get(TOKEN, "").strip()
        if not token:
            hint = f"set {TOKEN}, or give --token-file; argocd account generate-token makes one"
            raise InputError("reading the token for --server", "there is no token", hint)
        return token
    return credential_file.token(path, "--token-file", invocation)
