"""Secrets created in the cluster: missing keys get random values, existing ones stay."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.errors import Conflict
from bootstrap.kube import objects
from bootstrap.kube.connection import FIELD_MANAGER, Cluster, request

MERGE_PATCH = "application/merge-patch+json"
TRIES = 5
RANDOM_BYTES = 32


def ensure_secret(
    cluster: Cluster,
    namespace: str,
    name: str,
    *,
    data: Mapping[str, bytes],
    generate: Sequence[str],
    labels: Mapping[str, str],
    only_own: bool = False,
) -> bool:
    """Make the Secret (and its namespace) have these keys; returns whether anything changed.

    `data` and `labels` are set to the given values; a key of `generate` gets a random URL-safe value
    only when it is missing or empty. Other keys are not touched; with `only_own`, nor are those of `data`
    that someone else has set. What is sent is a merge patch of exactly what is missing, conditional on the
    resourceVersion that was read, so that a value which someone else (Argo CD itself, say) writes meanwhile
    is never replaced; server-side apply would have to send the values again on every run.
    """
    last: Conflict | None = None
    for _ in range(TRIES):
        found = objects.get(cluster, "v1", "Secret", namespace, name)
        try:
            if found is None:
                _create(cluster, namespace, name, data, generate, labels)
                return True
            given = left_to_set(found, data) if only_own else data
            patch = _missing(found, given, generate, labels)
            if patch:
                _patch(cluster, namespace, name, patch, found["metadata"]["resourceVersion"])
            return bool(patch)
        except Conflict as error:
            last = error  # someone else was faster: read again
    assert last is not None  # noqa: S101 - TRIES is positive
    raise last


def left_to_set(found: Mapping[str, Any], data: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of `data` whose key the Secret lacks, or has from us, according to its managedFields."""
    have = found.get("data") or {}
    return {key: value for key, value in data.items() if key not in have or key in _made_by_us(found)}


def _made_by_us(found: Mapping[str, Any]) -> set[str]:
    ours = [
        entry.get("fieldsV1") or {}
        for entry in found["metadata"].get("managedFields") or ()
        if entry.get("manager") == FIELD_MANAGER
    ]
    return {name.removeprefix("f:") for fields in ours for name in fields.get("f:data") or ()}


def ensure_namespace(cluster: Cluster, name: str) -> bool:
    """Create the namespace unless it exists; returns whether it was created."""
    if objects.get(cluster, "v1", "Namespace", None, name) is not None:
        return False
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    try:
        _send(cluster, "POST", "/api/v1/namespaces", f"creating Namespace {name}", body)
    except Conflict:
        return False
    return True


def _create(
    cluster: Cluster,
    namespace: str,
    name: str,
    data: Mapping[str, bytes],
    generate: Sequence[str],
    labels: Mapping[str, str],
) -> None:
    ensure_namespace(cluster, namespace)
    values = {**{key: _random() for key in generate}, **{key: _encode(value) for key, value in data.items()}}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "type": "Opaque",
        "data": values,
    }
    path = f"/api/v1/namespaces/{namespace}/secrets"
    _send(cluster, "POST", path, f"creating Secret {namespace}/{name}", body)


def _missing(
    found: Mapping[str, Any], data: Mapping[str, bytes], generate: Sequence[str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """What is to be set: {"data": …} and {"labels": …}, without what is set already."""
    have, has = found.get("data") or {}, found["metadata"].get("labels") or {}
    values = {key: _random() for key in generate if key not in data and not have.get(key)}
    values |= {key: _encode(value) for key, value in data.items() if have.get(key) != _encode(value)}
    wanted = {key: value for key, value in labels.items() if has.get(key) != value}
    return {key: value for key, value in (("data", values), ("labels", wanted)) if value}


def _patch(cluster: Cluster, namespace: str, name: str, patch: Mapping[str, Any], version: str) -> None:
    metadata: dict[str, Any] = {"resourceVersion": version}
    if "labels" in patch:
        metadata["labels"] = patch["labels"]
    body = {"metadata": metadata, "data": patch.get("data", {})}
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
    _send(cluster, "PATCH", path, f"adding keys to Secret {namespace}/{name}", body, MERGE_PATCH)


def _send(
    cluster: Cluster,
    method: str,
    path: str,
    tried: str,
    body: Mapping[str, Any],
    content_type: str = "application/json",
) -> None:
    text = json.dumps(body).encode()
    query = {"fieldManager": FIELD_MANAGER}
    request(cluster, method, path, tried, query=query, body=text, content_type=content_type)


def _random() -> str:
    return _encode(secrets.token_urlsafe(RANDOM_BYTES).encode())


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
