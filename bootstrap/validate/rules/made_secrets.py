"""What creates a Secret: the Secret itself is not in Git, but what creates it often is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.repository.secret_makers import COPY, MAKERS, Made, made_by, may_make, reaches
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, containers
from bootstrap.validate.rule import ClusterContext, Severity

_SERVING = ("service.beta.openshift.io", "service.alpha.openshift.io")
"""Groups whose annotation `serving-cert-secret-name` on a Service makes OpenShift create a TLS Secret."""

_ACCOUNT_TOKEN = frozenset({"ca.crt", "namespace", "service-ca.crt", "token"})
"""The keys that Kubernetes and OpenShift put into a Secret of type kubernetes.io/service-account-token."""

_SEALED = "SealedSecret.bitnami.com"
_GENERATES = "secret-generator.v1.mittwald.de/autogenerate"
"""The annotation that names the keys that a controller generates."""
_REFLECTS = "reflector.v1.k8s.emberstack.com/reflects"
_COPIES = "replicator.v1.mittwald.de/replicate-from"

_BY_ARGOCD = {"argocd-initial-admin-secret", "argocd-redis"}
"""Created by Argo CD itself at its first start."""


def is_made(index: Index, namespace: str, name: str) -> bool:
    """Whether something in Git creates the Secret, or something that could not be rendered may."""
    if index.get("Secret", namespace, name) or not index.knows(namespace) or name in _BY_ARGOCD:
        return True
    return (namespace, name) in index.promised or _maker_keys(index, namespace, name) is not None


def keys(index: Index, namespace: str, name: str) -> frozenset[str] | None:
    """The Secret's keys; None if unknown."""
    if secret := index.get("Secret", namespace, name):
        given = frozenset({*mapping(secret.body.get("data")), *mapping(secret.body.get("stringData"))})
        given_keys = str(secret.annotations.get(_GENERATES) or "")
        given |= {one.strip() for one in given_keys.split(",") if one.strip()}
        if str(secret.annotations.get(_REFLECTS) or "") or _COPIES in secret.annotations:
            return None  # a copy: its keys are those of the other
        if secret.body.get("type") == "kubernetes.io/service-account-token":
            return given | _ACCOUNT_TOKEN
        return None if _is_filled_later(secret, given) else given
    if promised := index.promised.get((namespace, name)):
        return promised
    return _maker_keys(index, namespace, name) or None


def _is_filled_later(secret: Resource, given: frozenset[str]) -> bool:
    """Whether something else gives a Secret its keys: it has none in Git, or a SealedSecret may own it."""
    return not given or any(
        f"sealedsecrets.bitnami.com/{way}" in secret.annotations for way in ("managed", "patch")
    )


def makers(index: Index, namespace: str, name: str) -> list[Resource]:
    """The objects in Git that create the Secret, or were meant to: one may be renamed after sealing."""
    found = [maker for maker, _ in _made(index, namespace, name)]
    found += [one for one in index.of(_SEALED, namespace=namespace) if one.name != name and _was(one, name)]
    return found + [item for item in index.of("Service", namespace=namespace) if _serves_with(item, name)]


def _was(sealed: Resource, name: str) -> bool:
    """Whether a SealedSecret was sealed for this name."""
    return bool(dig(sealed.body, "spec", "template", "metadata", "name") == name)


UNUSED = "; nothing uses "
"""How `missing` names a Secret that Git makes for nobody: one with this name should be in Git."""


def missing(
    index: Index, context: ClusterContext, user: Resource, namespace: str, name: str
) -> tuple[Severity | None, str] | None:
    """The severity of a Secret that nothing creates, and what may create it, as text; None if it is fine.

    The severity is None for the rule's own. In a folder that nothing applies, Secrets may be created by hand,
    for all that Git shows.
    """
    if not (context.complete or user.application) or is_made(index, namespace, name):
        return None
    hint = maybe(index, namespace, name)
    if hint:
        return "info", f"; {hint}"
    spare = _spare(index, namespace, name)
    return None, f"{UNUSED}{spare}, which may be meant" if spare else ""


def _spare(index: Index, namespace: str, name: str) -> Resource | None:
    """What makes a Secret of the namespace that nothing names, although its name has a word of this one."""
    words = _words(name)
    made = [(one, one.name) for one in index.of("Secret", namespace=namespace)]
    for kind in MAKERS:
        for maker in index.of(kind, namespace=namespace):
            made += [(maker, one.name) for one in made_by(maker) if not one.pattern and not one.namespace]
    for maker, other in made:
        if words & _words(other) and not _is_of_argocd(maker) and not _is_used(index, maker, other):
            return maker
    return None


def _is_of_argocd(maker: Resource) -> bool:
    """Whether Argo CD finds the Secret by its label."""
    return any(
        "argocd.argoproj.io/secret-type" in mapping(dig(maker.body, *place))
        for place in (("metadata", "labels"), *_TEMPLATES)
    )


_TEMPLATES = (
    ("spec", "template", "metadata", "labels"),
    ("spec", "target", "template", "metadata", "labels"),
)
"""Where what makes a Secret has its labels."""
_GENERAL = {
    "secret",
    "secrets",
    "cert",
    "certificate",
    "tls",
    "auth",
    "password",
    "token",
    "key",
    "credentials",
}


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[-._]", name) if len(word) > 2} - _GENERAL


def _is_used(index: Index, maker: Resource, name: str) -> bool:
    """Whether another object has the name somewhere: in a field of its own, or in a text."""
    token = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)")
    return any(
        token.search(text)
        for one in index.resources
        if one is not maker
        for part in (one.metadata.get("annotations"), {**one.body, "metadata": None})
        for text in _texts(part)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in (*mapping(value).values(), *sequence(value)):
        yield from _texts(item)


def maybe(index: Index, namespace: str, name: str) -> str:
    """What may create a Secret although nothing says so, as text; "" when nothing may."""
    other = may_make(index, namespace, name) or _issues(index, namespace, name)
    other = other or permitted(index, namespace, name, "secrets")
    return f"{other} may create it" if other is not None else ""


def permitted(index: Index, namespace: str, name: str, resources: str) -> Resource | None:
    """A Role of the namespace whose holder may create the object at run time."""
    bound = {
        dig(one.body, "roleRef", "name")
        for one in index.of("RoleBinding.rbac.authorization.k8s.io", namespace=namespace)
    }
    for role in index.of("Role.rbac.authorization.k8s.io", namespace=namespace):
        for rule in mappings(role.body.get("rules")) if role.name in bound else ():
            may = {*sequence(rule.get("verbs"))} & {"create", "*"}
            if may and {*sequence(rule.get("resources"))} & {resources, "*"} and not _other(rule, name):
                return role
    return None


def _other(rule: Mapping[str, Any], name: str) -> bool:
    """Whether a role's rule is for other names only."""
    names = sequence(rule.get("resourceNames"))
    return bool(names) and name not in names


_CERTIFICATES = re.compile(r"cert|tls|webhook", re.IGNORECASE)
_ROTATES = re.compile(r"--enable-cert(?:ificate)?-rotation(?:=true)?")


def _issues(index: Index, namespace: str, name: str) -> Resource | None:
    """A workload that issues its own certificate into the Secret: its arguments name it, or say so (KEDA)."""
    if not _CERTIFICATES.search(name):
        return None
    for workload in index.of(*WORKLOADS, namespace=namespace):
        for container in containers(workload):
            given = [str(one) for field in ("command", "args") for one in sequence(container.body.get(field))]
            if any(one.endswith(f"={name}") or _ROTATES.fullmatch(one) for one in given):
                return workload
    return None


def _made(index: Index, namespace: str, name: str) -> Iterator[tuple[Resource, Made]]:
    """(object, Secret) of what creates the Secret, in its namespace or from elsewhere."""
    for kind in (*MAKERS, *_BY_FIELDS):
        for maker in index.of(kind):
            for made in made_by(maker):
                here = made.namespace or maker.namespace
                if here in (namespace, "*") and made.is_named(name):
                    yield maker, made
    for kind in index.kinds():
        if kind not in MAKERS and "." in kind.partition(".")[2]:
            for maker in index.of(kind):
                for made in made_by(maker) if kind not in _BY_FIELDS else ():
                    if (made.namespace or maker.namespace) == namespace and made.is_named(name):
                        yield maker, made
    for copy in index.of(COPY):
        if copy.name == name and reaches(copy, namespace):
            yield copy, Made(name)
    if index.beyond is not None and index.beyond is not index:
        yield from _made(index.beyond, namespace, name)


_BY_FIELDS = ("Ingress.networking.k8s.io", "Gateway.gateway.networking.k8s.io")
"""Kinds for which cert-manager creates a Secret if an annotation requests it."""


def _serves_with(service: Resource, name: str) -> bool:
    """Whether OpenShift creates the Secret for a Service's certificate."""
    return any(service.annotations.get(f"{group}/serving-cert-secret-name") == name for group in _SERVING)


def _maker_keys(index: Index, namespace: str, name: str) -> frozenset[str] | None:
    """The keys that another object puts into the Secret, empty if it does not say; None without one."""
    for _, made in _made(index, namespace, name):
        return made.keys
    if any(_serves_with(service, name) for service in index.of("Service", namespace=namespace)):
        return frozenset({"tls.crt", "tls.key"})
    return None
