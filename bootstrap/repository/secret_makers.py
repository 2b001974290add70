"""Pure: which kinds create Secrets, under which names and with which keys: a table of operators.

Other kinds may also create Secrets: `may_make` says which object of a namespace may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings

Keys = frozenset[str]
NO_KEYS: Keys = frozenset()
"""The keys of a Secret are unknown."""


@dataclass(frozen=True)
class Made:
    """A Secret that an object creates. `name` may be a pattern; `namespace` "" means the object's own."""

    name: str
    keys: Keys = NO_KEYS
    namespace: str = ""
    pattern: bool = False

    def is_named(self, name: str) -> bool:
        return bool(re.fullmatch(self.name, name)) if self.pattern else self.name == name


Maker = Callable[[Resource], Iterator[Made]]


def _at(*path: str, own: bool = False, keys: Callable[[Resource], Keys] | None = None) -> Maker:
    """Named by a field; if the field is missing and `own` is set, by the object's own name."""

    def made(resource: Resource) -> Iterator[Made]:
        name = dig(resource.body, *path) or (resource.name if own else None)
        if isinstance(name, str) and name:
            yield Made(name, keys(resource) if keys else NO_KEYS)

    return made


def _own(resource: Resource) -> Iterator[Made]:
    yield Made(resource.name)


def _suffixed(*endings: str) -> Maker:
    return lambda resource: (Made(f"{resource.name}{ending}") for ending in endings)


def _starting(joint: str = "-") -> Maker:
    """An operator that creates several, each beginning with the object's name."""
    return lambda resource: iter([Made(re.escape(resource.name + joint) + ".+", pattern=True)])


def _sealed(resource: Resource) -> Iterator[Made]:
    """The controller unseals to the object's own name, whatever its template says."""
    given = {**mapping(resource.spec.get("encryptedData"))}
    given |= mapping(dig(resource.body, "spec", "template", "data"))
    yield Made(resource.name, frozenset(given))


def _external_keys(spec: Mapping[str, Any]) -> Keys:
    if spec.get("dataFrom") or dig(spec, "target", "template"):
        return NO_KEYS
    return frozenset(str(item.get("secretKey")) for item in mappings(spec.get("data")))


def _external(resource: Resource) -> Iterator[Made]:
    name = dig(resource.body, "spec", "target", "name") or resource.name
    yield Made(str(name), _external_keys(resource.spec))


def _cluster_external(resource: Resource) -> Iterator[Made]:
    spec = mapping(resource.spec.get("externalSecretSpec"))
    name = dig(spec, "target", "name") or resource.spec.get("externalSecretName") or resource.name
    yield Made(str(name), _external_keys(spec), "*")


def _kubernetes_external(resource: Resource) -> Iterator[Made]:
    items = mappings(resource.spec.get("data") or resource.body.get("data"))
    yield Made(resource.name, frozenset(str(item.get("name")) for item in items))


def _certificate_keys(resource: Resource) -> Keys:
    found = {"tls.crt", "tls.key", "ca.crt"}
    stores = mapping(resource.spec.get("keystores"))
    found |= {"keystore.jks", "truststore.jks"} if "jks" in stores else set()
    found |= {"keystore.p12", "truststore.p12"} if "pkcs12" in stores else set()
    kinds = {str(one.get("type")) for one in mappings(resource.spec.get("additionalOutputFormats"))}
    found |= {"tls-combined.pem"} if "CombinedPEM" in kinds else set()
    found |= {"key.der"} if "DER" in kinds else set()
    return frozenset(found)


def _issuer(resource: Resource) -> Iterator[Made]:
    name = dig(resource.body, "spec", "acme", "privateKeySecretRef", "name")
    if isinstance(name, str):
        yield Made(name, namespace="*" if resource.short_kind == "ClusterIssuer" else "")


def _provider_class(resource: Resource) -> Iterator[Made]:
    for item in mappings(resource.spec.get("secretObjects")):
        given = frozenset(str(one.get("key")) for one in mappings(item.get("data")))
        yield Made(str(item.get("secretName")), given)


def _sops(resource: Resource) -> Iterator[Made]:
    templates = mappings(resource.spec.get("secretTemplates"))
    for item in templates:
        given = {**mapping(item.get("data")), **mapping(item.get("stringData"))}
        yield Made(str(item.get("name")), frozenset(given))
    if not templates:
        yield Made(resource.name)


def _infisical(resource: Resource) -> Iterator[Made]:
    references = [mapping(resource.spec.get("managedSecretReference"))]
    references += mappings(resource.spec.get("managedKubeSecretReferences"))
    for one in references:
        if one.get("secretName"):
            yield Made(str(one["secretName"]), namespace=str(one.get("secretNamespace") or ""))


def _doppler(resource: Resource) -> Iterator[Made]:
    reference = mapping(resource.spec.get("managedSecret"))
    if reference.get("name"):
        yield Made(str(reference["name"]), namespace=str(reference.get("namespace") or ""))


def _zalando(resource: Resource) -> Iterator[Made]:
    ending = re.escape(f".{resource.name}.credentials.postgresql.acid.zalan.do")
    yield Made(f".+{ending}", frozenset({"username", "password"}), pattern=True)
    yield Made(r".+\.credentials\.postgresql\.acid\.zalan\.do", NO_KEYS, "*", pattern=True)


def _generated(field: str) -> Maker:
    def made(resource: Resource) -> Iterator[Made]:
        reference = mapping(resource.spec.get(field))
        if reference.get("name"):
            yield Made(str(reference["name"]))

    return made


def _several(*makers: Maker) -> Maker:
    return lambda resource: (made for maker in makers for made in maker(resource))


def _cluster_secret(resource: Resource) -> Iterator[Made]:
    yield Made(resource.name, namespace="*")


MAKERS: Mapping[str, Maker] = {
    "SealedSecret.bitnami.com": _sealed,
    "ExternalSecret.external-secrets.io": _external,
    "ClusterExternalSecret.external-secrets.io": _cluster_external,
    "ExternalSecret.kubernetes-client.io": _kubernetes_external,
    "Certificate.cert-manager.io": _at("spec", "secretName", own=True, keys=_certificate_keys),
    "Issuer.cert-manager.io": _issuer,
    "ClusterIssuer.cert-manager.io": _issuer,
    "VaultStaticSecret.secrets.hashicorp.com": _at("spec", "destination", "name"),
    "VaultDynamicSecret.secrets.hashicorp.com": _at("spec", "destination", "name"),
    "VaultPKISecret.secrets.hashicorp.com": _at("spec", "destination", "name"),
    "HCPVaultSecretsApp.secrets.hashicorp.com": _at("spec", "destination", "name"),
    "CSISecrets.secrets.hashicorp.com": _own,
    "VaultSecret.ricoberger.de": _own,
    "VaultSecret.redhatcop.redhat.io": _at("spec", "output", "name", own=True),
    "OnePasswordItem.onepassword.com": _own,
    "SecretProviderClass.secrets-store.csi.x-k8s.io": _provider_class,
    "SecretSync.secret-sync.x-k8s.io": _own,
    "SopsSecret.isindir.github.com": _sops,
    "SopsSecret.craftypath.github.io": _own,
    "SopsSecret.addons.projectcapsule.dev": _sops,
    "InfisicalSecret.secrets.infisical.com": _infisical,
    "InfisicalDynamicSecret.secrets.infisical.com": _infisical,
    "DopplerSecret.secrets.doppler.com": _doppler,
    "BitwardenSecret.k8s.bitwarden.com": _at("spec", "secretName"),
    "AzureKeyVaultSecret.spv.no": _at("spec", "output", "secret", "name", own=True),
    "ClusterSecret.clustersecret.io": _cluster_secret,
    "Password.secretgen.k14s.io": _own,
    "SSHKey.secretgen.k14s.io": _own,
    "RSAKey.secretgen.k14s.io": _own,
    "Certificate.secretgen.k14s.io": _own,
    "SecretTemplate.secretgen.carvel.dev": _own,
    "SecretImport.secretgen.carvel.dev": _own,
    "StringSecret.secretgenerator.mittwald.de": _own,
    "BasicAuth.secretgenerator.mittwald.de": _own,
    "SSHKeyPair.secretgenerator.mittwald.de": _own,
    "Cluster.postgresql.cnpg.io": _several(
        _suffixed("-app", "-superuser", "-ca", "-server", "-replication"), _starting("-pooler")
    ),
    "postgresql.acid.zalan.do": _zalando,
    "PostgresCluster.postgres-operator.crunchydata.com": _starting(),
    "PerconaPGCluster.pgv2.percona.com": _starting(),
    "PerconaServerMongoDB.psmdb.percona.com": _several(_at("spec", "secrets", "users"), _starting()),
    "PerconaXtraDBCluster.pxc.percona.com": _several(_at("spec", "secretsName"), _starting()),
    "MongoDBCommunity.mongodbcommunity.mongodb.com": _starting(),
    "MariaDB.k8s.mariadb.com": _several(
        _generated("rootPasswordSecretKeyRef"), _generated("passwordSecretKeyRef"), _starting()
    ),
    "User.k8s.mariadb.com": _generated("passwordSecretKeyRef"),
    "Connection.k8s.mariadb.com": _at("spec", "secretName", own=True),
    "InnoDBCluster.mysql.oracle.com": _starting(),
    "Kafka.kafka.strimzi.io": _starting(),
    "KafkaUser.kafka.strimzi.io": _own,
    "RabbitmqCluster.rabbitmq.com": _starting(),
    "User.rabbitmq.com": _suffixed("-user-credentials"),
    "Elasticsearch.elasticsearch.k8s.elastic.co": _starting("-es-"),
    "Kibana.kibana.k8s.elastic.co": _starting("-kb-"),
    "ApmServer.apm.k8s.elastic.co": _starting("-apm-"),
    "Logstash.logstash.k8s.elastic.co": _starting("-ls-"),
    "Keycloak.k8s.keycloak.org": _starting(),
    "Tenant.minio.min.io": _starting(),
    "ObjectBucketClaim.objectbucket.io": _own,
    "CephObjectStoreUser.ceph.rook.io": lambda one: iter(
        [Made(f"rook-ceph-object-user-{one.spec.get('store')}-{one.name}")]
    ),
    "Grafana.grafana.integreatly.org": _suffixed("-admin-credentials"),
    "ServiceBinding.services.cloud.sap.com": _at("spec", "secretName", own=True),
}
"""A kind → the Secrets that are created from one of its objects."""

COPIED = re.compile(
    r"reflector\.v1\.k8s\.emberstack\.com/reflection-auto-(?:enabled|namespaces)|kubed\.appscode\.com/sync"
    r"|config\.syncer/sync|replicator\.v1\.mittwald\.de/replicate-to"
)
"""Annotations of objects that are copied into other namespaces."""

_QUIET = re.compile(
    r"(?:^|\.)(?:k8s\.io|istio\.io|traefik\.io|containo\.us|keda\.sh|coreos\.com|argoproj\.io|fluxcd\.io"
    r"|gatekeeper\.sh|metallb\.io|cilium\.io|projectcalico\.org|linkerd\.io|openshift\.io|linkerd\.io)$"
)
"""Groups whose kinds create no Secrets, except for those in the table."""


def made_by(resource: Resource) -> Iterator[Made]:
    """The Secrets that an object creates, as far as its text shows."""
    if (maker := MAKERS.get(resource.kind)) is not None:
        yield from maker(resource)
    reference = mapping(resource.spec.get("writeConnectionSecretToRef"))
    if reference.get("name"):
        yield Made(str(reference["name"]), namespace=str(reference.get("namespace") or ""))
    if resource.kind == "Ingress.networking.k8s.io" and _issued(resource):
        for item in mappings(resource.spec.get("tls")):
            yield Made(str(item.get("secretName")), _certificate_keys(resource))
    elif resource.kind == "Gateway.gateway.networking.k8s.io" and _issued(resource):
        for listener in mappings(resource.spec.get("listeners")):
            for item in mappings(dig(listener, "tls", "certificateRefs")):
                yield Made(str(item.get("name")), _certificate_keys(resource))


def names_made(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, namespace) of the Secrets that an object is or creates, as far as it names them.

    The namespace is "" for the object's own, "*" for all.
    """
    resource = Resource(body)
    if resource.kind == "Secret":
        return [(resource.name, "")]
    return [(made.name, made.namespace) for made in made_by(resource) if not made.pattern]


def _issued(resource: Resource) -> bool:
    return any(
        str(key).startswith(("cert-manager.io/", "kubernetes.io/tls-acme")) for key in resource.annotations
    )


def copied(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An object whose Secret is copied to other namespaces, without its values; None for others."""
    metadata = mapping(body.get("metadata"))
    name = metadata.get("name")
    for holder in (
        metadata,
        mapping(dig(body, "spec", "template", "metadata")),
        mapping(dig(body, "spec", "target", "template", "metadata")),
        mapping(dig(body, "spec", "secretTemplate")),
    ):
        annotations = mapping(holder.get("annotations"))
        if any(COPIED.match(str(key)) for key in annotations):
            secret = dig(body, "spec", "secretName") or dig(body, "spec", "target", "name") or name
            head = {"name": str(secret), "annotations": dict(annotations)}
            return {
                "apiVersion": COPY.partition(".")[2] + "/v1",
                "kind": COPY.partition(".")[0],
                "metadata": head,
            }
    return None


COPY = "SecretCopies.gitops-bootstrap.io"
"""How an object with copies in other namespaces is recorded for those."""


def reaches(copy: Resource, namespace: str) -> bool:
    """Whether a copy is made in a namespace; lists have names or regular expressions."""
    for key, value in copy.annotations.items():
        if not COPIED.match(str(key)) or str(key).endswith("auto-enabled"):
            continue
        if "appscode" in str(key) or "syncer" in str(key):
            return True  # namespaces are selected by labels
        patterns = [one.strip() for one in str(value).split(",") if one.strip()]
        return not patterns or any(_matches(one, namespace) for one in patterns)
    return True  # to all


def _matches(pattern: str, namespace: str) -> bool:
    try:
        return re.fullmatch(pattern, namespace) is not None
    except re.error:
        return pattern == namespace


def may_make(index: Index, namespace: str, name: str) -> Resource | None:
    """An object of a custom kind in a namespace that may create a Secret: it is unknown what it creates."""
    for kind in index.kinds():
        group = kind.partition(".")[2]
        if "." not in group or kind in MAKERS or _QUIET.search(group):
            continue
        for resource in index.of(kind, namespace=namespace):
            return resource
    return None
