"""Pure: the variables that Argo CD fills into what it passes to helm and kustomize."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bootstrap.resources.applications import Source
from bootstrap.resources.index import Resource, dig

_OF_COMMIT = ("ARGOCD_APP_REVISION", "ARGOCD_APP_REVISION_SHORT", "ARGOCD_APP_REVISION_SHORT_8")
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|(\w+|\$))")


def variables(source: Source, application: Resource, namespace: str) -> dict[str, str]:
    """Their values; the commit does not exist yet, so its variables stay as they are written."""
    own = str(application.namespace or "argocd")
    return {
        "$": "$",
        "ARGOCD_APP_NAME": application.name if own == "argocd" else f"{own}_{application.name}",
        "ARGOCD_APP_NAMESPACE": namespace,
        "ARGOCD_APP_PROJECT_NAME": str(dig(application.body, "spec", "project") or ""),
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_PATH": source.path or "",
        "ARGOCD_APP_SOURCE_TARGET_REVISION": str(source.body.get("targetRevision") or ""),
        **{name: f"${name}" for name in _OF_COMMIT},
    }


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with `$NAME` and `${NAME}` replaced; an unknown name becomes nothing, as in Argo CD."""
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2] or "", ""), text)
