"""Pure: the Secrets that Applications request from `init` in an annotation, and which ones are allowed.

Otherwise anyone who may change an Application's file could set any Secret of the cluster with the rights of
the next person who runs `init`: Argo CD's own password, another app's database.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.layout import files
from bootstrap.layout.settings import Settings
from bootstrap.plan.steps import EnsureSecret
from bootstrap.resources.index import IN_CLUSTER, SECRETS, mapping

OURS = ("argocd", "kube-*", "default")
"""Namespaces in which no Application may request a Secret."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_FORM = 'write [{"namespace": …, "name": …, "generate": [keys], "literals": {key: value}}]'


def asked(tree: Mapping[str, bytes], settings: Settings) -> list[EnsureSecret]:
    """The Secrets that Applications of enabled components request, each with the Application.

    Raises InputError, naming the Application, for an annotation that is not such a list, and for a Secret
    that the Application may not have: outside its own namespace, or in one of Argo CD's, Kubernetes' or, for
    an app, the infrastructure's; or one that another Application requests, too.
    """
    components = list(_of_components(tree, settings))
    infrastructure = {_namespace(one) for folder, one in components if _is_infrastructure(folder)} - {""}
    wanted: list[EnsureSecret] = []
    for folder, application in components:
        annotations = mapping(mapping(application.get("metadata")).get("annotations"))
        if text := annotations.get(SECRETS):
            taken = frozenset() if _is_infrastructure(folder) else frozenset(infrastructure)
            for secret in _allowed(str(text), application, taken, settings.argocd_namespace):
                _check_alone(secret, wanted)
                wanted.append(secret)
    return wanted


def _check_alone(secret: EnsureSecret, wanted: Sequence[EnsureSecret]) -> None:
    """InputError for a Secret that another Application requests: it could set what that one gets."""
    for other in wanted:
        if (other.namespace, other.name) == (secret.namespace, secret.name) and (
            other.asked_by != secret.asked_by
        ):
            tried = f"reading the annotation {SECRETS} of Application {secret.asked_by}"
            found = (
                f"it requests Secret {secret.namespace}/{secret.name}, as Application {other.asked_by} does"
            )
            raise InputError(tried, found, "let one of the two request it, with all its keys")


def _of_components(tree: Mapping[str, bytes], settings: Settings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(folder from the layout's top, Application) of what is on, and of infrastructure that is off."""
    for component in files.offered(tree, settings).values():
        if component.on or _is_infrastructure(posixpath.normpath(component.entry)):
            folder = component.folder(settings.folder)
            place = folder.removeprefix(settings.prefix)
            for application in files.applications_in(tree, folder):
                shown = application if component.on else _without_annotations(application)
                yield place, shown


def _without_annotations(application: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**application, "metadata": {**mapping(application.get("metadata")), "annotations": {}}}


def _is_infrastructure(folder: str) -> bool:
    return folder.lstrip("./").startswith("infrastructure/")


def _namespace(application: Mapping[str, Any]) -> str:
    """The namespace it deploys to in this cluster; "" when that is elsewhere or not given."""
    destination = mapping(mapping(application.get("spec")).get("destination"))
    here = destination.get("server") in (None, IN_CLUSTER) and destination.get("name") in (None, "in-cluster")
    return str(destination.get("namespace") or "") if here else ""


def _allowed(
    text: str, application: Mapping[str, Any], taken: frozenset[str], argocd: str
) -> Iterator[EnsureSecret]:
    name = str(mapping(application.get("metadata")).get("name"))
    if not _NAME.fullmatch(name):
        tried = f"reading an Application with the annotation {SECRETS}"
        raise InputError(
            tried, f"{name[:80]!r} is not a name", "name it in lower-case letters, digits and dashes"
        )
    own = _namespace(application)
    for secret in _declared(text, name):
        tried = f"reading the annotation {SECRETS} of Application {name}"
        asks = f"it requests Secret {secret.namespace}/{secret.name}"
        if secret.namespace != own:
            found = f"{asks}, but deploys to {own or 'no namespace of this cluster'}"
            raise InputError(tried, found, "an Application may only request Secrets in its own namespace")
        if any(_fits(own, pattern) for pattern in (argocd, *OURS)):
            found = f"{asks}: {own} belongs to Argo CD or Kubernetes"
            raise InputError(tried, found, "create that Secret by hand, or deploy to another namespace")
        if own in taken:
            found = f"{asks}: {own} belongs to an infrastructure component"
            raise InputError(tried, found, "deploy the app to a namespace of its own")
        yield secret


def _fits(namespace: str, pattern: str) -> bool:
    return namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern


def _declared(text: str, application: str) -> list[EnsureSecret]:
    """Secrets that an Application requests in its annotation, a JSON list."""
    tried = f"reading the annotation {SECRETS} of Application {application}"
    try:
        entries = json.loads(text)
        if not isinstance(entries, list):
            raise TypeError("it is not a list")
        return [_secret(entry, application) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(tried, f"it is not a JSON list of secrets: {error}", _FORM) from error


def _secret(entry: Mapping[str, Any], application: str) -> EnsureSecret:
    generate, literals = entry.get("generate") or [], entry.get("literals") or {}
    if not isinstance(generate, list):
        raise TypeError("generate is not a list")
    for name in (entry["namespace"], entry["name"]):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name")
    _check_keys([*generate, *literals])
    if not all(isinstance(value, str) for value in literals.values()):
        raise TypeError("a literal is not text")
    return EnsureSecret(
        entry["namespace"],
        entry["name"],
        generate=tuple(generate),
        literals=tuple(sorted(literals.items())),
        asked_by=application,
    )


def _check_keys(keys: Sequence[Any]) -> None:
    for key in keys:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key")
