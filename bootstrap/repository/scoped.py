"""Pure: repositories that a Secret gives to one project of Argo CD: its Applications may use them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from bootstrap.resources.index import dig, mapping

SCOPED = "ProjectRepository.gitops-bootstrap.io"
"""How such a repository is passed to the rules of projects: its `project` and `url`, "" if unknown."""
_TYPE = "argocd.argoproj.io/secret-type"
_KINDS = {"Secret", "SealedSecret", "ExternalSecret"}


def scoped(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The repository that an object declares for a project, without its credentials; None for others."""
    if body.get("kind") not in _KINDS:
        return None
    made = body
    if body["kind"] != "Secret":
        made = mapping(dig(body, "spec", "target", "template")) or mapping(dig(body, "spec", "template"))
    if mapping(dig(made, "metadata", "labels")).get(_TYPE) not in ("repository", "repo-write"):
        return None
    plain = mapping(made.get("data"))
    if body["kind"] == "Secret":
        plain = {key: _decoded(value) for key, value in plain.items()}
    given = {**plain, **mapping(made.get("stringData"))}
    known = {key: _told(given.get(key)) for key in ("project", "url")}
    if body["kind"] == "Secret" and not known["project"]:
        return None
    kind, _, group = SCOPED.partition(".")
    name = mapping(body.get("metadata")).get("name")
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": str(name)}, "spec": known}


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value or ""), validate=True).decode()
    except ValueError:
        return ""


def _told(value: Any) -> str:
    text = str(value or "")
    return "" if "{{" in text else text
