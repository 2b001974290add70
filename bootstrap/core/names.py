"""Names of this program's own, and of Argo CD's, that several packages share."""

from collections.abc import Mapping
from typing import Any

RECORD = "bootstrap.yaml"
"""The file at the top of a repository: what was laid out, and the settings of checks and images."""

REVIEW_TRAILER = "Bootstrap-Branch"
"""In a commit's message: the branch of that name is ours to replace."""

GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
"""The annotation with the paths whose changes concern an Application."""

EXAMPLE_REPOSITORY = "https://git.example.com/platform/gitops.git"
"""The repository's URL in the catalog's Applications; kustomize replaces it with the cluster's own."""

IN_CLUSTER = "https://kubernetes.default.svc"
"""Argo CD's name for the cluster that it runs in."""


def is_own_source(source: Mapping[str, Any]) -> bool:
    """Whether an Application's source, as it is in Git, is this repository itself.

    A source that charts take their values from has `ref: repo`. Others have no `ref`: in a source that has
    one, Argo CD does not look for changes, and treats every commit as drift.
    """
    return source.get("ref") == "repo" or source.get("repoURL") == EXAMPLE_REPOSITORY
