"""Who makes a Secret: Git alone does not hold it, but often tells."""

from __future__ import annotations

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings

_SERVING = ("service.beta.openshift.io", "service.alpha.openshift.io")
"""Whose annotation `serving-cert-secret-name` on a Service lets OpenShift make a certificate's Secret."""

_ACCOUNT_TOKEN = frozenset({"ca.crt", "namespace", "token"})
"""The keys that Kubernetes itself gives a Secret of type kubernetes.io/service-account-token."""

_MAKERS = (
    ("SealedSecret.bitnami.com", ("spec", "template", "metadata", "name")),
    ("ExternalSecret.external-secrets.io", ("spec", "target", "name")),
    ("Certificate.cert-manager.io", ("spec", "secretName")),
)

_BY_ARGOCD = {"argocd-initial-admin-secret", "argocd-redis"}
"""Made by Argo CD itself at its first start."""


def is_made(index: Index, namespace: str, name: str) -> bool:
    """Whether something in Git makes the Secret, or what could not be rendered may."""
    if index.get("Secret", namespace, name) or not index.knows(namespace) or name in _BY_ARGOCD:
        return True
    return (namespace, name) in index.promised or _maker_keys(index, namespace, name) is not None


def keys(index: Index, namespace: str, name: str) -> frozenset[str] | None:
    """The Secret's keys; None when they are not known."""
    if secret := index.get("Secret", namespace, name):
        given = frozenset({*mapping(secret.body.get("data")), *mapping(secret.body.get("stringData"))})
        of_account = secret.body.get("type") == "kubernetes.io/service-account-token"
        return given | _ACCOUNT_TOKEN if of_account else given
    if promised := index.promised.get((namespace, name)):
        return promised
    return _maker_keys(index, namespace, name) or None


def makers(index: Index, namespace: str, name: str) -> list[Resource]:
    """The objects in Git from which the Secret is made."""
    found = [
        maker
        for kind, path in _MAKERS
        for maker in index.of(kind, namespace=namespace)
        if name == str(dig(maker.body, *path) or maker.name)
    ]
    return found + [item for item in index.of("Service", namespace=namespace) if _serves_with(item, name)]


def _serves_with(service: Resource, name: str) -> bool:
    """Whether OpenShift makes the Secret, for a Service's certificate."""
    return any(service.annotations.get(f"{group}/serving-cert-secret-name") == name for group in _SERVING)


def _maker_keys(index: Index, namespace: str, name: str) -> frozenset[str] | None:
    """The keys that another object gives the Secret, empty when it does not say; None without one."""
    for kind, path in _MAKERS:
        for maker in index.of(kind, namespace=namespace):
            if name != str(dig(maker.body, *path) or maker.name):
                continue
            if kind.startswith("SealedSecret"):
                return frozenset(mapping(maker.spec.get("encryptedData")))
            if kind.startswith("Certificate"):
                return frozenset({"tls.crt", "tls.key", "ca.crt"})
            given = frozenset(str(item.get("secretKey")) for item in mappings(maker.spec.get("data")))
            templated = maker.spec.get("dataFrom") or dig(maker.body, "spec", "target", "template")
            return frozenset() if templated else given
    if any(_serves_with(service, name) for service in index.of("Service", namespace=namespace)):
        return frozenset({"tls.crt", "tls.key"})
    return None
