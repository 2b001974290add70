"""Pure: which fields of which kinds name other objects; the one table that rules and traces read.

References of pods are in pods.py, backends of Ingresses and of Gateway API routes in routes.py;
everything else is here. A path ends at the name itself; next to it, in the same mapping, there may be
its `namespace`, `kind`, `port`, `key` and `optional`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Resource, mapping, sequence

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """A field that names objects. `kinds` are what it may name, by the `kind` next to it.

    The first of them is the default.

    `local`: it cannot name another namespace; `certificate`: what it names is a TLS
    certificate; `strict`: `kind` is mandatory, and others than `kinds` are ignored.
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
}
"""The kinds named here that have no namespace."""

_DOTTED = ("VirtualService.", "DestinationRule.")
"""Kinds whose names Argo Rollouts also accepts with a namespace."""

_TRAEFIK = """\
IngressRoute    spec.routes[].services[].name             Service TraefikService.GROUP
IngressRoute    spec.routes[].middlewares[].name          Middleware.GROUP
IngressRoute    spec.routes[].services[].serversTransport ServersTransport.GROUP local
IngressRoute    spec.tls.secretName                       Secret certificate local
IngressRoute    spec.tls.options.name                     TLSOption.GROUP
IngressRouteTCP spec.routes[].services[].name             Service
IngressRouteTCP spec.routes[].middlewares[].name          MiddlewareTCP.GROUP
IngressRouteTCP spec.routes[].services[].serversTransport ServersTransportTCP.GROUP local
IngressRouteTCP spec.tls.secretName                       Secret certificate local
IngressRouteTCP spec.tls.options.name                     TLSOption.GROUP
IngressRouteUDP spec.routes[].services[].name             Service
TraefikService  spec.weighted.services[].name             Service TraefikService.GROUP
TraefikService  spec.mirroring.name                       Service TraefikService.GROUP
TraefikService  spec.mirroring.mirrors[].name             Service TraefikService.GROUP
Middleware      spec.chain.middlewares[].name             Middleware.GROUP
Middleware      spec.errors.service.name                  Service TraefikService.GROUP
Middleware      spec.basicAuth.secret                     Secret local
Middleware      spec.digestAuth.secret                    Secret local
Middleware      spec.forwardAuth.tls.caSecret             Secret local
Middleware      spec.forwardAuth.tls.certSecret           Secret local
TLSStore        spec.defaultCertificate.secretName        Secret certificate local
TLSStore        spec.certificates[].secretName            Secret certificate local
TLSOption       spec.clientAuth.secretNames[]             Secret local
ServersTransport    spec.certificatesSecrets[]            Secret local
ServersTransport    spec.rootCAsSecrets[]                 Secret local
ServersTransportTCP spec.tls.certificatesSecrets[]        Secret local
ServersTransportTCP spec.tls.rootCAsSecrets[]             Secret local
"""

# Kinds at the margin, below them their fields: path, kinds that they name, and flags of Field.
_OTHERS = """\
Route.route.openshift.io
  spec.to.name Service local
  spec.alternateBackends[].name Service local
  spec.tls.externalCertificate.name Secret certificate local
ExternalSecret.external-secrets.io
  spec.secretStoreRef.name SecretStore.ESO ClusterSecretStore.ESO local
  spec.data[].sourceRef.storeRef.name SecretStore.ESO ClusterSecretStore.ESO local
  spec.dataFrom[].sourceRef.storeRef.name SecretStore.ESO ClusterSecretStore.ESO local
ClusterExternalSecret.external-secrets.io
  spec.externalSecretSpec.secretStoreRef.name SecretStore.ESO ClusterSecretStore.ESO
PushSecret.external-secrets.io
  spec.secretStoreRefs[].name SecretStore.ESO ClusterSecretStore.ESO local
  spec.selector.secret.name Secret local
SecretStore.ESO ClusterSecretStore.ESO
  spec.provider.**SecretRef.name Secret
Issuer.cert-manager.io ClusterIssuer.cert-manager.io
  spec.ca.secretName Secret local
  spec.acme.solvers[].**SecretRef.name Secret local
  spec.acme.externalAccountBinding.keySecretRef.name Secret local
  spec.vault.**SecretRef.name Secret local
  spec.venafi.**SecretRef.name Secret local
Certificate.cert-manager.io
  spec.keystores.jks.passwordSecretRef.name Secret local
  spec.keystores.pkcs12.passwordSecretRef.name Secret local
TriggerAuthentication.keda.sh
  spec.secretTargetRef[].name Secret local
  spec.configMapTargetRef[].name ConfigMap local
ClusterTriggerAuthentication.keda.sh
  spec.secretTargetRef[].name Secret local
ScaledObject.keda.sh ScaledJob.keda.sh
  spec.triggers[].authenticationRef.name TriggerAuthentication.KEDA ClusterTriggerAuthentication.KEDA local
Rollout.argoproj.io
  spec.strategy.canary.canaryService Service local
  spec.strategy.canary.stableService Service local
  spec.strategy.blueGreen.activeService Service local
  spec.strategy.blueGreen.previewService Service local
  spec.strategy.canary.pingPong.pingService Service local
  spec.strategy.canary.pingPong.pongService Service local
  spec.strategy.canary.trafficRouting.nginx.stableIngress Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.nginx.stableIngresses[] Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.alb.ingress Ingress.networking.k8s.io local
  spec.strategy.canary.trafficRouting.alb.rootService Service local
  spec.strategy.canary.trafficRouting.traefik.weightedTraefikServiceName TraefikService.traefik.io local
  spec.strategy.canary.trafficRouting.istio.virtualService.name VirtualService.networking.istio.io local
  spec.strategy.canary.trafficRouting.istio.virtualServices[].name VirtualService.networking.istio.io local
  spec.strategy.canary.trafficRouting.istio.destinationRule.name DestinationRule.networking.istio.io local
  spec.strategy.canary.analysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.canary.steps[].analysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.canary.steps[].experiment.analyses[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.blueGreen.prePromotionAnalysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.strategy.blueGreen.postPromotionAnalysis.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.workloadRef.name Deployment.apps ReplicaSet.apps local
AnalysisTemplate.argoproj.io
  spec.templates[].templateName AnalysisTemplate.argoproj.io local
  spec.args[].valueFrom.secretKeyRef.name Secret local
VolumeSnapshot.snapshot.storage.k8s.io
  spec.source.persistentVolumeClaimName PersistentVolumeClaim local
  spec.volumeSnapshotClassName VolumeSnapshotClass.snapshot.storage.k8s.io
PersistentVolumeClaim
  spec.dataSource.name VolumeSnapshot.snapshot.storage.k8s.io PersistentVolumeClaim local strict
L2Advertisement.metallb.io
  spec.ipAddressPools[] IPAddressPool.metallb.io local
BGPAdvertisement.metallb.io
  spec.ipAddressPools[] IPAddressPool.metallb.io local
  spec.peers[] BGPPeer.metallb.io local
BGPPeer.metallb.io
  spec.passwordSecret.name Secret
  spec.bfdProfile BFDProfile.metallb.io local
ServiceAccount
  imagePullSecrets[].name Secret local
ValidatingWebhookConfiguration.admissionregistration.k8s.io
  webhooks[].clientConfig.service.name Service
MutatingWebhookConfiguration.admissionregistration.k8s.io
  webhooks[].clientConfig.service.name Service
APIService.apiregistration.k8s.io
  spec.service.name Service
RoleBinding.rbac.authorization.k8s.io ClusterRoleBinding.rbac.authorization.k8s.io
  subjects[].name ServiceAccount strict
  roleRef.name ClusterRole.rbac.authorization.k8s.io strict
ServiceMonitor.monitoring.coreos.com
  spec.endpoints[].basicAuth.username.name Secret local
  spec.endpoints[].basicAuth.password.name Secret local
  spec.endpoints[].authorization.credentials.name Secret local
  spec.endpoints[].bearerTokenSecret.name Secret local
PodMonitor.monitoring.coreos.com
  spec.podMetricsEndpoints[].basicAuth.username.name Secret local
  spec.podMetricsEndpoints[].basicAuth.password.name Secret local
  spec.podMetricsEndpoints[].authorization.credentials.name Secret local
  spec.podMetricsEndpoints[].bearerTokenSecret.name Secret local
"""


def _field(path: str, words: list[str]) -> Field:
    kinds = [word for word in words if word[0].isupper()]
    by_name = {kind.partition(".")[0]: kind for kind in kinds}
    return Field(tuple(path.split(".")), by_name, "local" in words, "certificate" in words, "strict" in words)


def _read() -> dict[str, tuple[Field, ...]]:
    found: dict[str, list[Field]] = {}
    for group in ("traefik.io", "traefik.containo.us"):
        for line in _TRAEFIK.replace("GROUP", group).splitlines():
            user, path, *words = line.split()
            found.setdefault(f"{user}.{group}", []).append(_field(path, words))
    users: list[str] = []
    for line in _OTHERS.replace(".ESO", ".external-secrets.io").replace(".KEDA", ".keda.sh").splitlines():
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
_MIDDLEWARES = "traefik.ingress.kubernetes.io/router.middlewares"
_INGRESS = "Ingress.networking.k8s.io"


def named(user: Resource) -> Iterator[Named]:
    """Every object that `user` names, as far as the table knows its kind."""
    for field in FIELDS.get(user.kind, ()):
        for beside, name, place in _walk(user.body, field.path, ()):
            if (one := _named(user, field, beside, name, place)) is not None:
                yield one
    if user.kind == _INGRESS and user.annotations:
        yield from _annotated(user)


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
    for part in str(ingress.annotations.get(_MIDDLEWARES) or "").split(","):
        name, _, provider = part.strip().partition("@")
        if provider == "kubernetescrd" and name.startswith(f"{ingress.namespace}-"):
            short = name.removeprefix(f"{ingress.namespace}-")
            place = ("metadata", "annotations", _MIDDLEWARES)
            yield Named(ingress, "Middleware.traefik.io", ingress.namespace, short, place)
