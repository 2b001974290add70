"""One connection to an API server: requests with keep-alive, retries, and every failure as our error."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.core import backoff, bounded, verbose
from bootstrap.core.errors import ClusterError
from bootstrap.core.invocation import Invocation
from bootstrap.kube import config, errors, shape

FIELD_MANAGER = "bootstrap"
"""The field manager of every field that this program sets."""
THREADS = 8
LONGEST_PAUSE = 5.0
"""Seconds between two attempts, at most; a longer Retry-After is ignored."""
PATIENCE = 20.0
"""Seconds after which a failing request is not tried again, once it was tried ATTEMPTS times."""
ATTEMPTS = 3
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 65.0
"""Seconds; the API server ends its own requests after 60."""
LARGEST_ANSWER = 64 << 20
"""Bytes of one response, decompressed: a page of PAGE objects of more than 100 kB each, on average."""
ANSWER_SECONDS = 300.0
"""Seconds from the first byte of a response to its last."""
LARGEST_EVENT = 16 << 20
"""Bytes of one event of a watch; etcd keeps no object that is larger than 1.5 MB by default."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
JSON = "application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Answer:
    """An accepted request: HTTP code, parsed body, its size in bytes, headers (names in lower case)."""

    code: int
    data: Any
    size: int
    headers: Mapping[str, str]


class TooLarge(ClusterError):
    """A response that is larger than LARGEST_ANSWER, or does not end."""


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
    """A connection that is known to work. `timeout`: seconds to wait for the first response.

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
    bounded.limit_heads(cluster.pool)
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
    """Send, retry what is transient, parse. ApiError for a status ≥ 400, ClusterUnreachable for none."""
    start = time.monotonic()
    attempt = 0
    while True:
        pause = 0.0
        try:
            response = _send(cluster, method, path, query, body, content_type, accept, read_timeout)
            content = _read(response, tried)
        except _network_errors() as error:
            failure: ClusterError = _unreachable(cluster, error, tried)
            final = not errors.may_pass(error)
        else:
            data = _parse(content, tried)
            if 200 <= response.status < 300:
                if accept.startswith(JSON) and not isinstance(data, dict):
                    raise shape.untrusted(tried, f"HTTP {response.status}, but not a JSON object")
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, data, len(content), headers)
            if response.status < 400:
                raise _redirected(response, tried)
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
    """The JSON lines of a watch. ClusterUnreachable when it does not end within `timeout` seconds, or sends
    nothing for as long."""
    try:
        response = _send(cluster, "GET", path, query, None, JSON, JSON, timeout)
        try:
            if response.status >= 400:
                raise errors.from_status(response.status, _parse(_read(response, tried), tried), tried)
            if response.status >= 300:
                raise _redirected(response, tried)
            yield _lines(response, tried, timeout)
        finally:
            response.close()
            response.release_conn()
    except _network_errors() as error:
        raise _unreachable(cluster, error, tried) from error


def _read(response: Any, tried: str) -> bytes:
    try:
        content = b"".join(bounded.pieces(response, LARGEST_ANSWER, ANSWER_SECONDS))
    except bounded.TooMuch as error:
        response.close()
        hint = "ask for less, or check what answers at that address"
        raise TooLarge(tried, f"the API server's response {error}", hint) from error
    response.release_conn()
    return content


def _lines(response: Any, tried: str, seconds: float) -> Iterator[Any]:
    """A watch has no size limit as a whole, but each of its lines has, and the server must end it in time."""
    try:
        for line in bounded.lines(response, LARGEST_EVENT, seconds):
            event = _parse(line, tried)
            shape.require(event, shape.EVENT, "an event", tried)
            yield event
    except bounded.TooMuch as error:
        raise TimeoutError(f"the watch {error}") from error


def _send(
    cluster: Cluster,
    method: str,
    path: str,
    query: Mapping[str, str] | None,
    body: bytes | None,
    content_type: str,
    accept: str,
    read_timeout: float,
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
            preload_content=False,
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


def _redirected(response: Any, tried: str) -> ClusterError:
    """Nothing is sent to where a server points: the credential is for the one that the kubeconfig names."""
    target = errors.cut(errors.without_credentials(str(response.headers.get("Location") or "nowhere")))
    found = f"it redirects to {target} (HTTP {response.status}), which is not followed"
    return ClusterError(tried, found, "name the API server itself in the kubeconfig")


def _parse(body: bytes, tried: str) -> Any:
    """JSON as data; anything else as bytes. ClusterError for what is nested too deeply."""
    try:
        data = json.loads(body.decode(), parse_constant=_no_number)
        if _SURROGATE.search(body):
            json.dumps(data, ensure_ascii=False).encode()  # a lone surrogate is not text
    except ValueError:
        return body
    except RecursionError:
        raise shape.untrusted(tried, "it is nested too deeply") from None
    if fault := shape.depth_fault(data) if isinstance(data, dict | list) else "":
        raise shape.untrusted(tried, fault)
    return data


def _no_number(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are not JSON


def _retry_after(headers: Mapping[str, str]) -> float:
    return min(backoff.retry_after(headers.get("Retry-After", ""), time.time()) or 0.0, LONGEST_PAUSE)
