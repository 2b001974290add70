"""Pure: which fields of which kinds name other objects; the one table that rules and traces read.

References of pods are in pods.py, backends of Ingresses and of Gateway API routes in routes.py;
everything else is here. A path ends at the name itself; next to it, in the same mapping, there may be
its `namespace`, `kind`, `port`, `key` and `optional`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Resource, mapping, sequence
from bootstrap.resources.reference_table import OTHERS, TRAEFIK

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """A field that names objects. `kinds` are what it may name, by the `kind` next to it.

    The first of them is the default.

    `local`: it cannot name another namespace; `certificate`: what it names is a TLS
    certificate; `strict`: `kind` is mandatory, and any but `kinds` are ignored.
    """

    path: tuple[str, ...]
    kinds: Mapping[str, str]
    local: bool = False
    certificate: bool = False
    strict: bool = False


@dataclass(frozen=True)
class Named:
    """A use of an object by name. `namespace` "" for a cluster-scoped kind, or where none is given.

    `explicit`: the reference gives the namespace; `port`, `key` None: none is given.
    """

    user: Resource
    kind: str
    namespace: str
    name: str
    path: Place
    port: Any = None
    key: str | None = None
    optional: bool = False
    certificate: bool = False
    explicit: bool = False
    others: tuple[str, ...] = ()

    @property
    def short_kind(self) -> str:
        return self.kind.partition(".")[0]


_CLUSTER = {
    "ClusterSecretStore.external-secrets.io",
    "ClusterGenerator.generators.external-secrets.io",
    "ClusterTriggerAuthentication.keda.sh",
    "ClusterAnalysisTemplate.argoproj.io",
    "ClusterRole.rbac.authorization.k8s.io",
    "VolumeSnapshotClass.snapshot.storage.k8s.io",
    "PersistentVolume",
    "ClusterTask.tekton.dev",
    "ClusterTriggerBinding.triggers.tekton.dev",
}
"""The kinds named here that have no namespace."""

_DOTTED = ("VirtualService.", "DestinationRule.")
"""Kinds whose names Argo Rollouts also accepts with a namespace."""


def _field(path: str, words: list[str]) -> Field:
    kinds = [word for word in words if word[0].isupper()]
    by_name = {kind.partition(".")[0]: kind for kind in kinds}
    return Field(tuple(path.split(".")), by_name, "local" in words, "certificate" in words, "strict" in words)


_GROUPS = {
    "ESO": "external-secrets.io",
    "KEDA": "keda.sh",
    "ENVOY": "gateway.envoyproxy.io",
    "TRIGGERS": "triggers.tekton.dev",
}
_GROUP = re.compile(rf"\.({'|'.join(_GROUPS)})\b")


def _read() -> dict[str, tuple[Field, ...]]:
    found: dict[str, list[Field]] = {}
    for group in ("traefik.io", "traefik.containo.us"):
        for line in TRAEFIK.replace("GROUP", group).splitlines():
            user, path, *words = line.split()
            found.setdefault(f"{user}.{group}", []).append(_field(path, words))
    users: list[str] = []
    for line in _GROUP.sub(lambda found: f".{_GROUPS[found[1]]}", OTHERS).splitlines():
        if not line.startswith(" "):
            users = line.split()
            continue
        path, *words = line.split()
        for user in users:
            found.setdefault(user, []).append(_field(path, words))
    return {user: tuple(fields) for user, fields in found.items()}


FIELDS: Mapping[str, tuple[Field, ...]] = _read()
"""`Kind.group` → its fields that name other objects."""

_NGINX = "nginx.ingress.kubernetes.io/"
_SECRET_NOTES = (
    f"{_NGINX}auth-secret",
    f"{_NGINX}auth-tls-secret",
    f"{_NGINX}proxy-ssl-secret",
    "haproxy.org/auth-secret",
    "haproxy-ingress.github.io/auth-secret",
    "nginx.org/basic-auth-secret",
)
"""Annotations of an Ingress that name a Secret, `name` or `namespace/name`."""
_INGRESS = "Ingress.networking.k8s.io"
_OF_TRAEFIK = "traefik.ingress.kubernetes.io"
_PROVIDED = {
    _INGRESS: {
        f"{_OF_TRAEFIK}/router.middlewares": "Middleware.traefik.io",
        f"{_OF_TRAEFIK}/router.tls.options": "TLSOption.traefik.io",
    },
    "Service": {f"{_OF_TRAEFIK}/service.serverstransport": "ServersTransport.traefik.io"},
}
"""Annotations by which an object names one of Traefik's."""


def named(user: Resource) -> Iterator[Named]:
    """Every object that `user` names, as far as the table knows its kind."""
    for field in FIELDS.get(user.kind, ()):
        for beside, name, place in _walk(user.body, field.path, ()):
            if (one := _named(user, field, beside, name, place)) is not None:
                yield one
    if user.kind == _INGRESS and user.annotations:
        yield from _annotated(user)
    for note, kind in _PROVIDED.get(user.kind, {}).items() if user.annotations else ():
        yield from _provided(user, note, kind)


def _named(user: Resource, field: Field, beside: Mapping[str, Any], name: Any, place: Place) -> Named | None:
    if not isinstance(name, str) or not name or "@" in name or "{{" in name:
        return None  # another provider's (Traefik), or a template
    kinds, given_kind = field.kinds, str(beside.get("kind") or "")
    if beside.get("clusterScope") is True:  # a ClusterAnalysisTemplate
        kinds = {f"Cluster{kind}": f"Cluster{whole}" for kind, whole in kinds.items()}
    # `kind` next to a route's services or a reference says which; elsewhere it means something else.
    decides = given_kind in kinds or (given_kind and len(kinds) > 1) or field.strict
    kind = kinds.get(given_kind) if decides else next(iter(kinds.values()))
    if kind is None or (kind.startswith(_DOTTED) and set(name) & {".", "/"}):
        return None
    given = beside.get("namespace") if not field.local else None
    namespace = "" if kind in _CLUSTER else str(given or user.namespace)
    key = beside.get("key")
    return Named(
        user,
        kind,
        namespace,
        name,
        place,
        beside.get("port"),
        str(key) if isinstance(key, str) and kind in ("Secret", "ConfigMap") else None,
        beside.get("optional") is True,
        field.certificate,
        bool(given),
        tuple(other for other in kinds.values() if other != kind),
    )


def _walk(value: Any, path: tuple[str, ...], place: Place) -> Iterator[tuple[Mapping[str, Any], Any, Place]]:
    """(the mapping around it, the name, its place) for each value that a path leads to."""
    body, (part, *rest) = mapping(value), path
    if part.startswith("**"):
        yield from _deep(body, part[2:], tuple(rest), place)
        return
    many, part = part.endswith("[]"), part.removesuffix("[]")
    found = body.get(part)
    if not many:
        if rest:
            yield from _walk(found, tuple(rest), (*place, part))
        elif found is not None:
            yield body, found, (*place, part)
        return
    for number, item in enumerate(sequence(found)):
        if rest:
            yield from _walk(item, tuple(rest), (*place, part, number))
        else:
            yield {}, item, (*place, part, number)


def _deep(
    value: Any, ending: str, rest: tuple[str, ...], place: Place
) -> Iterator[tuple[Mapping[str, Any], Any, Place]]:
    """The values at any depth under a key with that ending (whatever the case of its first letter)."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(sequence(value))
    for key, item in items:
        if isinstance(key, str) and key.lower().endswith(ending.lower()) and isinstance(item, dict):
            yield from _walk(item, rest, (*place, key))
        elif isinstance(item, dict | list):
            yield from _deep(item, ending, rest, (*place, key))


def _annotated(ingress: Resource) -> Iterator[Named]:
    for key in _SECRET_NOTES:
        value = ingress.annotations.get(key)
        if isinstance(value, str) and value:
            namespace, slash, name = value.rpartition("/")
            place: Place = ("metadata", "annotations", key)
            home = namespace if slash else ingress.namespace
            yield Named(ingress, "Secret", home, name, place, explicit=bool(slash))
    place = ("metadata", "annotations", f"{_NGINX}default-backend")
    if isinstance(backend := ingress.annotations.get(place[-1]), str) and backend:
        yield Named(ingress, "Service", ingress.namespace, backend, place)


def _provided(user: Resource, note: str, kind: str) -> Iterator[Named]:
    """What an annotation of Traefik names as `namespace-name@kubernetescrd`, in the user's own namespace."""
    for part in str(user.annotations.get(note) or "").split(","):
        name, _, provider = part.strip().partition("@")
        if provider == "kubernetescrd" and name.startswith(f"{user.namespace}-"):
            short = name.removeprefix(f"{user.namespace}-")
            yield Named(user, kind, user.namespace, short, ("metadata", "annotations", note))
