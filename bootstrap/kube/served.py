"""What an API server is and serves, as Argo CD tells helm: its release and its API versions."""

from __future__ import annotations

from bootstrap.core.errors import ApiError
from bootstrap.kube import shape
from bootstrap.kube.connection import Answer, Cluster, request
from bootstrap.kube.parallel import in_parallel


def release(cluster: Cluster) -> str:
    """The server's version, such as v1.36.3."""
    return release_in(request(cluster, "GET", "/version", "asking for the server's version"))


def release_in(answer: Answer) -> str:
    """The version in a response to /version."""
    shape.require(answer.data, shape.RELEASE, "its version", "asking for the server's version")
    return str(answer.data["gitVersion"])


def api_versions(cluster: Cluster) -> tuple[str, ...]:
    """`group/version` and `group/version/Kind` of everything served; a group that fails is left out."""
    tried = "asking for the API groups"
    listed = request(cluster, "GET", "/apis", tried).data
    shape.require(listed, shape.GROUPS, "the list of API groups", tried)
    groups = listed.get("groups") or ()
    versions = ["v1", *(one["groupVersion"] for group in groups for one in group.get("versions") or ())]

    def served(version: str) -> list[str]:
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            found = request(cluster, "GET", path, f"asking what {version} serves").data
        except ApiError:
            return []
        shape.require(found, shape.SERVED, f"the list of kinds of {version}", f"asking what {version} serves")
        kinds = {item["kind"] for item in found.get("resources") or () if "/" not in item["name"]}
        return [version, *(f"{version}/{kind}" for kind in sorted(kinds))]

    return tuple(one for some in in_parallel(served, versions) for one in some)
