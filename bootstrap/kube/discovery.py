"""Where a kind is served: discovery, one request per group and version, cached for the connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bootstrap.core.errors import NotFound
from bootstrap.kube import shape
from bootstrap.kube.connection import Cluster, request
from bootstrap.kube.parallel import in_parallel

_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class Resource:
    """A served kind: its group and version, the plural in its URLs, whether it is namespaced."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of one object, of a namespace's objects, or of all."""
        base = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = ["namespaces", namespace] if self.namespaced and namespace else []
        parts += [self.plural, *([name] if name else [])]
        return "/".join([base, *(_segment(part) for part in parts)])


def _segment(name: str) -> str:
    """A name in a path, which stays one, whatever the name is: clients resolve `..` before they send."""
    return name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="")


def learn(cluster: Cluster, api_versions: Iterable[str]) -> None:
    """Ask for several groups and versions in parallel, so that `find` answers from memory."""
    unknown = sorted(set(api_versions) - set(cluster.kinds))
    for api_version, kinds in zip(
        unknown, in_parallel(lambda item: _served(cluster, item), unknown), strict=True
    ):
        if kinds:
            cluster.kinds[api_version] = kinds


def find(cluster: Cluster, api_version: str, kind: str) -> Resource | None:
    """The resource of a kind, or None while the server does not serve it (never remembered)."""
    known = cluster.kinds.get(api_version)
    if known is None or kind not in known:
        known = _served(cluster, api_version)
        if known:
            cluster.kinds[api_version] = known
    found: Resource | None = known.get(kind)
    return found


def get(cluster: Cluster, api_version: str, kind: str, tried: str) -> Resource:
    """The resource of a kind; NotFound when the server does not serve it."""
    found = find(cluster, api_version, kind)
    if found is None:
        raise NotFound(
            tried,
            f"the API server does not serve {kind} in {api_version}",
            "check the apiVersion, and that the kind's CustomResourceDefinition is installed",
            code=404,
            reason="NotFound",
        )
    return found


def _served(cluster: Cluster, api_version: str) -> Mapping[str, Resource]:
    if not _API_VERSION.fullmatch(api_version):
        return {}  # as it would lead to another path: a repository's text, sent with the user's rights
    path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    tried = f"asking what {api_version} serves"
    try:
        listed: Any = request(cluster, "GET", path, tried).data
    except NotFound:
        return {}
    shape.require(listed, shape.SERVED, "the list of its kinds", tried)
    return {
        item["kind"]: Resource(api_version, item["name"], bool(item.get("namespaced")))
        for item in listed.get("resources") or ()
        if "/" not in item["name"]
    }
