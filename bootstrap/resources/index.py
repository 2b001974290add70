"""Pure: the objects of one cluster, found by kind, name and labels; from Git or live alike.

Kinds are written as `Kind.group`, or `Kind` alone in the core group: `Service`, `Deployment.apps`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bootstrap.core import names

IN_CLUSTER = names.IN_CLUSTER
WAVE = "argocd.argoproj.io/sync-wave"

SECRETS = "gitops-bootstrap.io/secrets"
"""On an Application: a JSON list of the Secrets that `bootstrap init` creates for it in the cluster."""

APPLICATION = "Application.argoproj.io"
APPLICATION_SET = "ApplicationSet.argoproj.io"
PROJECT = "AppProject.argoproj.io"

_CLUSTER_KINDS = {
    "APIService.apiregistration.k8s.io",
    "CertificateSigningRequest.certificates.k8s.io",
    "ClusterAnalysisTemplate.argoproj.io",
    "ClusterExternalSecret.external-secrets.io",
    "ClusterGenerator.generators.external-secrets.io",
    "ClusterIssuer.cert-manager.io",
    "ClusterRole.rbac.authorization.k8s.io",
    "ClusterRoleBinding.rbac.authorization.k8s.io",
    "ClusterSecretStore.external-secrets.io",
    "ClusterTriggerAuthentication.keda.sh",
    "CSIDriver.storage.k8s.io",
    "CSINode.storage.k8s.io",
    "CustomResourceDefinition.apiextensions.k8s.io",
    "FlowSchema.flowcontrol.apiserver.k8s.io",
    "GatewayClass.gateway.networking.k8s.io",
    "IngressClass.networking.k8s.io",
    "MutatingWebhookConfiguration.admissionregistration.k8s.io",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass.scheduling.k8s.io",
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io",
    "RuntimeClass.node.k8s.io",
    "StorageClass.storage.k8s.io",
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    "VolumeSnapshotClass.snapshot.storage.k8s.io",
}


@dataclass(frozen=True)
class Resource:
    """An object, where it will live, and where it comes from.

    `namespace` is "" for cluster-scoped kinds. `application` is `namespace/name` of the Application
    that applies it ("" when none does); `file`, `document` (from 0) and `line` (from 1) say where it
    is in the repository, "" and 0 if unknown or read from a cluster.
    """

    body: Mapping[str, Any] = field(repr=False)
    namespace: str = ""
    application: str = ""
    file: str = ""
    document: int = 0
    line: int = 0

    @cached_property
    def kind(self) -> str:
        return qualified(self.body)

    @cached_property
    def name(self) -> str:
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        return mapping(self.body.get("metadata"))

    @property
    def labels(self) -> Mapping[str, Any]:
        return mapping(self.metadata.get("labels"))

    @property
    def annotations(self) -> Mapping[str, Any]:
        return mapping(self.metadata.get("annotations"))

    @property
    def spec(self) -> Mapping[str, Any]:
        return mapping(self.body.get("spec"))

    @property
    def wave(self) -> int:
        """The sync wave; 0 when it has none, or one that Argo CD cannot parse."""
        try:
            return int(str(self.annotations.get(WAVE) or 0))
        except ValueError:
            return 0

    @property
    def place(self) -> str:
        """File and line; only the file where the line is unknown (a chart's template), "" without one."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file

    @property
    def short_kind(self) -> str:
        """The kind without its group."""
        return self.kind.partition(".")[0]

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.short_kind} {place}{self.name}"


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: manifests may have anything anywhere."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; anything else in it is reported by the schema."""
    return [item for item in sequence(value) if isinstance(item, dict)]


def dig(value: Any, *path: str) -> Any:
    """A value deep inside mappings, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def qualified(body: Mapping[str, Any]) -> str:
    """`Kind.group` of an object; `Kind` in the core group."""
    version, kind = str(body.get("apiVersion") or ""), str(body.get("kind") or "")
    group, slash, _ = version.rpartition("/")
    return f"{kind}.{group}" if slash else kind


def is_cluster_scoped(kind: str, known: Mapping[str, bool] | None = None) -> bool:
    """Whether objects of the kind have no namespace; `known` is what the cluster's CRDs say."""
    if known and kind in known:
        return known[kind]
    return kind in _CLUSTER_KINDS


def scopes_of_crds(resources: Iterable[Resource]) -> dict[str, bool]:
    """`Kind.group` → is cluster-scoped, from CustomResourceDefinitions."""
    found = {}
    for crd in resources:
        kind, group = dig(crd.body, "spec", "names", "kind"), crd.spec.get("group")
        if kind and group:
            found[f"{kind}.{group}"] = crd.spec.get("scope") == "Cluster"
    return found


class Index:
    """Objects of one cluster (or of some of its namespaces), and what is not known about it.

    `opaque` are namespaces with objects that could not be rendered (a chart
    that was not fetched): a missing object proves nothing there. "" stands for
    cluster-scoped objects, "*" for all namespaces. `promised` are Secrets that are created in the cluster,
    never in Git: (namespace, name) → their keys. `applications` are the Applications by
    `namespace/name`. `get` asks `beyond` for what is not here: cluster-scoped objects, in addition to
    those of one namespace.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        opaque: Iterable[str] = (),
        promised: Mapping[tuple[str, str], frozenset[str]] | None = None,
        applications: Mapping[str, Resource] | None = None,
        beyond: Index | None = None,
    ) -> None:
        self.resources = list(resources)
        self.opaque = frozenset(opaque)
        self.promised = promised or {}
        self.applications = applications or {}
        self.beyond = beyond
        self._by_kind: dict[str, list[Resource]] = defaultdict(list)
        self._by_name: dict[tuple[str, str, str], Resource] = {}
        for resource in self.resources:
            self._by_kind[resource.kind].append(resource)
            self._by_name[(resource.kind, resource.namespace, resource.name)] = resource

    def of(self, *kinds: str, namespace: str | None = None) -> list[Resource]:
        """Every object of the kinds, in the namespace if one is given."""
        found = [resource for kind in kinds for resource in self._by_kind.get(kind, ())]
        return found if namespace is None else [item for item in found if item.namespace == namespace]

    def get(self, kind: str, namespace: str, name: Any) -> Resource | None:
        """The object of that kind, namespace ("" for cluster-scoped) and name."""
        found = self._by_name.get((kind, namespace, str(name)))
        return found if found or self.beyond is None else self.beyond.get(kind, namespace, name)

    def kinds(self) -> list[str]:
        return list(self._by_kind)

    def knows(self, namespace: str) -> bool:
        """Whether everything in the namespace was rendered, so that what is not here is missing."""
        return namespace not in self.opaque and ("*" not in self.opaque or not namespace)


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a plain selector (of a Service) matches; an empty one matches nothing."""
    return bool(selector) and all(str(labels.get(key)) == str(value) for key, value in selector.items())


def label_selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) matches; an empty one matches all."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    if any(str(labels.get(key)) != str(value) for key, value in wanted.items()):
        return False
    return all(_expression(item, labels) for item in mappings(mapping(selector).get("matchExpressions")))


def _expression(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, operator = str(expression.get("key")), expression.get("operator")
    values = {str(value) for value in sequence(expression.get("values"))}
    if operator == "In":
        return key in labels and str(labels[key]) in values
    if operator == "NotIn":
        return key not in labels or str(labels[key]) not in values
    return (key in labels) == (operator == "Exists")
