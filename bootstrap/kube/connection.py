"""One connection to an API server: requests with keep-alive, retries, and every failure as our error."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core import backoff, verbose
from bootstrap.core.errors import ClusterError
from bootstrap.core.invocation import Invocation
from bootstrap.kube import config, errors

FIELD_MANAGER = "bootstrap"
"""The field manager of every field that this program sets."""
THREADS = 8
LONGEST_PAUSE = 5.0
"""Seconds between two attempts, at most; a longer Retry-After is ignored."""
PATIENCE = 20.0
"""Seconds after which a failing request is not tried again, when it was tried ATTEMPTS times."""
ATTEMPTS = 3
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 65.0
"""Seconds; the API server ends its own requests after 60."""
JSON = "application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Answer:
    """An accepted request: HTTP code, parsed body, headers (names in lower case)."""

    code: int
    data: Any
    headers: Mapping[str, str]


@dataclass
class Cluster:
    """One connection. `context` and `server` identify the cluster to a person.

    `verified`: the server's certificate is checked; False only where the kubeconfig says so.
    """

    context: str
    server: str
    verified: bool
    configuration: Any = field(repr=False)
    pool: Any = field(repr=False)
    connect_timeout: float = CONNECT_TIMEOUT
    patience: float = PATIENCE
    argocd_namespace: str = "argocd"
    """Where Argo CD is: an adopted one may have another namespace (`argocd.home`)."""
    kinds: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


def connect(
    invocation: Invocation,
    context: str | None,
    kubeconfig: Path | None = None,
    timeout: float = CONNECT_TIMEOUT,
) -> Cluster:
    """A connection that is known to work. `timeout`: seconds to wait for the first answer.

    InputError: kubeconfig or context. ClusterUnreachable: no answer, TLS, proxy. Forbidden: the
    credential is not accepted. ClusterError: an exec plugin failed.
    """
    from kubernetes.client.rest import RESTClientObject

    login = config.load(invocation, context, kubeconfig)
    configuration = login.configuration
    configuration.connection_pool_maxsize = THREADS + 2
    for value in configuration.api_key.values():
        invocation.keep_secret(value, value.split()[-1])
    cluster = Cluster(
        login.context,
        configuration.host,
        bool(configuration.verify_ssl),
        configuration,
        RESTClientObject(configuration).pool_manager,
        timeout,
        patience=0.0,
    )
    request(cluster, "GET", "/version", f"connecting to {login.context}", read_timeout=timeout)
    cluster.connect_timeout, cluster.patience = CONNECT_TIMEOUT, PATIENCE
    return cluster


def request(
    cluster: Cluster,
    method: str,
    path: str,
    tried: str,
    where: str | None = None,
    *,
    query: Mapping[str, str] | None = None,
    body: bytes | None = None,
    content_type: str = JSON,
    accept: str = JSON,
    read_timeout: float = READ_TIMEOUT,
) -> Answer:
    """Send, retry what is transient, parse. ApiError for an answer ≥ 400, ClusterUnreachable for none."""
    start = time.monotonic()
    attempt = 0
    while True:
        pause = 0.0
        try:
            response = _send(cluster, method, path, query, body, content_type, accept, read_timeout)
        except _network_errors() as error:
            failure: ClusterError = _unreachable(cluster, error, tried)
            final = not errors.may_pass(error)
        else:
            data = _parse(response.data)
            if response.status < 400:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, data, headers)
            failure = errors.from_status(response.status, data, tried, where)
            final = not errors.status_may_pass(response.status, data)
            pause = _retry_after(response.headers)
        attempt += 1
        pause = backoff.between(attempt, 0.2, LONGEST_PAUSE, pause)
        over = time.monotonic() + pause - start > cluster.patience
        if final or (over and (attempt >= ATTEMPTS or not cluster.patience)):
            raise failure
        time.sleep(pause)


@contextmanager
def stream(
    cluster: Cluster, path: str, query: Mapping[str, str], tried: str, timeout: float
) -> Iterator[Iterator[Any]]:
    """The JSON lines of a watch; `timeout`: seconds without a byte that end it as ClusterUnreachable."""
    try:
        response = _send(cluster, "GET", path, query, None, JSON, JSON, timeout, preload=False)
        try:
            if response.status >= 400:
                raise errors.from_status(response.status, _parse(response.data), tried)
            yield _lines(response)
        finally:
            response.close()
            response.release_conn()
    except _network_errors() as error:
        raise _unreachable(cluster, error, tried) from error


def _lines(response: Any) -> Iterator[Any]:
    rest = b""
    for chunk in response.stream(64 * 1024):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield json.loads(line)


def _send(
    cluster: Cluster,
    method: str,
    path: str,
    query: Mapping[str, str] | None,
    body: bytes | None,
    content_type: str,
    accept: str,
    read_timeout: float,
    preload: bool = True,
) -> Any:
    from urllib.parse import urlencode

    import urllib3

    asked = path + (f"?{urlencode(query)}" if query else "")
    url = f"{cluster.server}{asked}"
    headers = {"accept": accept, "user-agent": "gitops-bootstrap", **_authorization(cluster)}
    if body is not None:
        headers["content-type"] = content_type
    with verbose.call(f"{method} {verbose.address(cluster.server)}{asked}") as call:
        response = cluster.pool.request(
            method,
            url,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=cluster.connect_timeout, read=read_timeout),
            retries=False,
            redirect=False,
            preload_content=preload,
        )
        call.ended = str(response.status)
    return response


def _authorization(cluster: Cluster) -> dict[str, str]:
    """The credential's header; the kubernetes client renews it when it has expired."""
    with cluster.lock:
        settings = cluster.configuration.auth_settings()
    return {item["key"]: item["value"] for item in settings.values() if item.get("value")}


def _network_errors() -> tuple[type[Exception], ...]:
    from urllib3.exceptions import HTTPError

    return (HTTPError, OSError)


def _unreachable(cluster: Cluster, error: Exception, tried: str) -> ClusterError:
    proxy = getattr(cluster.pool, "proxy", None)
    return errors.unreachable(error, tried, cluster.server, str(proxy) if proxy else None)


def _parse(body: bytes) -> Any:
    """JSON as data; anything else as bytes."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), LONGEST_PAUSE) if value.isdigit() else 0.0
