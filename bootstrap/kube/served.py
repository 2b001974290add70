"""What an API server is and serves, as Argo CD tells helm: its release and its API versions."""

from __future__ import annotations

from bootstrap.core.errors import ApiError
from bootstrap.kube.connection import Cluster, request
from bootstrap.kube.parallel import in_parallel


def release(cluster: Cluster) -> str:
    """The server's version, such as v1.36.3."""
    return str(request(cluster, "GET", "/version", "asking for the server's version").data["gitVersion"])


def api_versions(cluster: Cluster) -> tuple[str, ...]:
    """`group/version` and `group/version/Kind` of everything served; a group that fails is left out."""
    groups = request(cluster, "GET", "/apis", "asking for the API groups").data["groups"]
    versions = ["v1", *(one["groupVersion"] for group in groups for one in group["versions"])]

    def served(version: str) -> list[str]:
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            found = request(cluster, "GET", path, f"asking what {version} serves").data["resources"]
        except ApiError:
            return []
        kinds = {item["kind"] for item in found if "/" not in item["name"]}
        return [version, *(f"{version}/{kind}" for kind in sorted(kinds))]

    return tuple(one for some in in_parallel(served, versions) for one in some)
