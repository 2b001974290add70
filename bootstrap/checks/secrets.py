"""Who makes a Secret: Git alone does not hold it, but often tells."""

from __future__ import annotations

from bootstrap.index import Index, Resource, dig, mapping, mappings

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
        return frozenset({*mapping(secret.body.get("data")), *mapping(secret.body.get("stringData"))})
    if promised := index.promised.get((namespace, name)):
        return promised
    return _maker_keys(index, namespace, name) or None


def makers(index: Index, namespace: str, name: str) -> list[Resource]:
    """The objects in Git from which the Secret is made."""
    return [
        maker
        for kind, path in _MAKERS
        for maker in index.of(kind, namespace=namespace)
        if name == str(dig(maker.body, *path) or maker.name)
    ]


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
    return None
