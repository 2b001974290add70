"""Pure: the Secrets that Applications request from `init` in an annotation, and which ones are allowed.

Otherwise anyone who may change an Application's file could set any Secret of the cluster with the rights of
the next person who runs `init`: Argo CD's own password, another app's database.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.layout import files
from bootstrap.layout.settings import Settings
from bootstrap.manifests import reader
from bootstrap.resources.applications import destination
from bootstrap.resources.index import IN_CLUSTER, SECRETS, mapping
from bootstrap.resources.projects import permission

OURS = ("argocd", "kube-*", "default")
"""Namespaces in which no Application may request a Secret."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_DEPLOYS = re.compile(rb"\bkind:\s*[\"']?Application(Set)?\b")
_FORM = 'write [{"namespace": …, "name": …, "generate": [keys], "literals": {key: value}}]'


@dataclass(frozen=True)
class Request:
    """A Secret that an Application requests: keys with random values, and literals, which are no secrets."""

    namespace: str
    name: str
    generate: tuple[str, ...]
    literals: tuple[tuple[str, str], ...]
    asked_by: str

    @property
    def keys(self) -> frozenset[str]:
        """All keys that it gets."""
        return frozenset([*self.generate, *(key for key, _ in self.literals)])


@dataclass(frozen=True)
class Judged:
    """One Application's annotation: the Secrets that `init` creates, or why it creates none of them."""

    application: str
    folder: str
    on: bool
    requests: tuple[Request, ...] = ()
    refused: InputError | None = None


def asked(tree: Mapping[str, bytes], settings: Settings) -> list[Request]:
    """The Secrets that Applications of enabled components request, each with the Application.

    Raises InputError, naming the Application, for an annotation that is not such a list, and for a Secret
    that the Application may not have (`judged`).
    """
    wanted: list[Request] = []
    for one in judged(tree, settings):
        if one.on and one.refused:
            raise one.refused
        wanted += one.requests if one.on else ()
    return wanted


def judged(tree: Mapping[str, bytes], settings: Settings) -> Iterator[Judged]:
    """Each Application that requests Secrets, those of what is off as if it were on.

    Refused are Secrets outside its own namespace; in one of Argo CD's or Kubernetes', or that its AppProject
    refuses; for an app, in one of the infrastructure's, or where another app deploys, too; and one that
    another Application requests. InputError for a file that is not YAML.
    """
    components = list(_of_components(tree, settings))
    infrastructure = {_namespace(one) for _, folder, one in components if _is_infrastructure(folder)} - {""}
    owners, projects = _owners(tree, settings), _projects(tree, settings)
    wanted: list[Request] = []
    for on, folder, application in components:
        metadata = mapping(application.get("metadata"))
        if not (text := mapping(metadata.get("annotations")).get(SECRETS)):
            continue
        name, own = str(metadata.get("name")), not _is_infrastructure(folder)
        taken = frozenset(infrastructure) if own else frozenset()
        requests: list[Request] = []
        try:
            for secret in _allowed(str(text), application, taken, settings.argocd_namespace):
                if own:
                    _check_own(secret, owners.get(secret.namespace, set()) - {_owner(folder)})
                _check_permitted(secret, application, projects)
                _check_alone(secret, [*wanted, *requests])
                requests.append(secret)
        except InputError as error:
            yield Judged(name, folder, on, refused=error)
        else:
            wanted += requests if on else ()
            yield Judged(name, folder, on, tuple(requests))


def _check_own(secret: Request, others: Collection[str]) -> None:
    """InputError where another app deploys to the namespace: its pods would use what this one has set."""
    if others:
        here = ", ".join(sorted(others))
        found = f"it requests Secret {secret.namespace}/{secret.name}, and {here} deploys there, too"
        hint = "deploy the app to a namespace of its own: where two apps share one, create the Secret by hand"
        raise InputError(_reading(secret.asked_by), found, hint)


def _check_permitted(
    secret: Request, application: Mapping[str, Any], projects: Mapping[str, Mapping[str, Any]]
) -> None:
    """InputError where Argo CD would not let the Application deploy: its namespace is not its own."""
    project = str(mapping(application.get("spec")).get("project") or "default")
    if project in projects and not permission(projects[project], *destination(application)).allowed:
        found = (
            f"it requests Secret {secret.namespace}/{secret.name}, and its project {project} does not allow"
            f" {secret.namespace}"
        )
        hint = "add the namespace to the project's destinations, or deploy to one of them"
        raise InputError(_reading(secret.asked_by), found, hint)


def _reading(application: str) -> str:
    return f"reading the annotation {SECRETS} of Application {application}"


def _owners(tree: Mapping[str, bytes], settings: Settings) -> dict[str, set[str]]:
    """Which apps deploy to each namespace, on or off, by their folder; the cluster's own counts as one."""
    found: dict[str, set[str]] = defaultdict(set)
    folders = [one.folder(settings.folder) for one in files.offered(tree, settings).values()]
    for folder in {settings.folder, *folders}:
        place = folder.removeprefix(settings.prefix)
        if not _is_infrastructure(place):
            for document in _documents(tree, folder, _DEPLOYS):
                found[_namespace(_application(document))].add(_owner(place))
    return found


def _projects(tree: Mapping[str, bytes], settings: Settings) -> dict[str, Mapping[str, Any]]:
    """The AppProjects of the cluster's folder, by name."""
    documents = _documents(tree, settings.folder, re.compile(rb"\bAppProject\b"))
    found = [one for one in documents if one.get("kind") == "AppProject"]
    return {str(mapping(one.get("metadata")).get("name")): one for one in found}


def _documents(
    tree: Mapping[str, bytes], folder: str, known: re.Pattern[bytes]
) -> Iterator[Mapping[str, Any]]:
    """The documents of the files below a folder that match `known`; what is not YAML is left out."""
    for path in sorted(tree):
        if path.startswith(f"{folder}/") and path.endswith((".yaml", ".yml")) and known.search(tree[path]):
            with suppress(InputError, RecursionError):
                yield from map(mapping, reader.documents(tree[path], path))


def _application(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """An Application, or what an ApplicationSet makes; nothing for other kinds."""
    if document.get("kind") == "ApplicationSet":
        return mapping(mapping(document.get("spec")).get("template"))
    return document if document.get("kind") == "Application" else {}


def _owner(folder: str) -> str:
    """`apps/NAME` of a folder in it: all that is there is of one app."""
    return "/".join(posixpath.normpath(folder).split("/")[:2])


def _check_alone(secret: Request, wanted: Sequence[Request]) -> None:
    """InputError for a Secret that another Application requests: it could set what that one gets."""
    for other in wanted:
        if (other.namespace, other.name) == (secret.namespace, secret.name) and (
            other.asked_by != secret.asked_by
        ):
            tried = _reading(secret.asked_by)
            found = (
                f"it requests Secret {secret.namespace}/{secret.name}, as Application {other.asked_by} does"
            )
            raise InputError(tried, found, "let one of the two request it, with all its keys")


def _of_components(
    tree: Mapping[str, bytes], settings: Settings
) -> Iterator[tuple[bool, str, Mapping[str, Any]]]:
    """(whether it is on, folder from the layout's top, Application): what is on comes first."""
    for component in sorted(files.offered(tree, settings).values(), key=lambda one: not one.on):
        folder = component.folder(settings.folder)
        place = folder.removeprefix(settings.prefix)
        broken = nullcontext() if component.on or _is_infrastructure(place) else suppress(InputError)
        with broken:  # an app that is off and not YAML is in nobody's way
            for application in files.applications_in(tree, folder):
                yield component.on, place, application


def _is_infrastructure(folder: str) -> bool:
    return folder.lstrip("./").startswith("infrastructure/")


def _namespace(application: Mapping[str, Any]) -> str:
    """The namespace it deploys to in this cluster; "" when that is elsewhere or not given."""
    cluster, namespace = destination(application)
    return namespace if cluster == IN_CLUSTER else ""


def _allowed(
    text: str, application: Mapping[str, Any], taken: frozenset[str], argocd: str
) -> Iterator[Request]:
    name = str(mapping(application.get("metadata")).get("name"))
    if not _NAME.fullmatch(name):
        tried = f"reading an Application with the annotation {SECRETS}"
        raise InputError(
            tried, f"{name[:80]!r} is not a name", "name it in lower-case letters, digits and dashes"
        )
    own = _namespace(application)
    for secret in _declared(text, name):
        tried = _reading(name)
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


def _declared(text: str, application: str) -> list[Request]:
    """Secrets that an Application requests in its annotation, a JSON list."""
    tried = _reading(application)
    try:
        entries = json.loads(text)
        if not isinstance(entries, list):
            raise TypeError("it is not a list")
        return [_secret(entry, application) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(tried, f"it is not a JSON list of secrets: {error}", _FORM) from error


def _secret(entry: Mapping[str, Any], application: str) -> Request:
    generate, literals = entry.get("generate") or [], entry.get("literals") or {}
    if not isinstance(generate, list):
        raise TypeError("generate is not a list")
    for name in (entry["namespace"], entry["name"]):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name")
    _check_keys([*generate, *literals])
    if not all(isinstance(value, str) for value in literals.values()):
        raise TypeError("a literal is not text")
    return Request(
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
