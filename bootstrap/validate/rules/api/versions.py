"""API versions that Kubernetes no longer serves, or will remove."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

REMOVED = Rule(
    "GB124",
    "api-version-removed",
    "error",
    "The API server no longer serves this version of the kind: the object is refused.",
    "use the version that replaced it",
)
DEPRECATED = Rule(
    "GB125",
    "api-version-deprecated",
    "warning",
    "This version of the kind will be removed.",
    "use the version that replaces it",
)

_TABLE = """
extensions/v1beta1 Deployment,DaemonSet,ReplicaSet 1.16 apps/v1
extensions/v1beta1 NetworkPolicy 1.16 networking.k8s.io/v1
extensions/v1beta1 PodSecurityPolicy 1.16 -
extensions/v1beta1 Ingress 1.22 networking.k8s.io/v1
apps/v1beta1 Deployment,StatefulSet 1.16 apps/v1
apps/v1beta2 Deployment,DaemonSet,ReplicaSet,StatefulSet 1.16 apps/v1
networking.k8s.io/v1beta1 Ingress,IngressClass 1.22 networking.k8s.io/v1
rbac.authorization.k8s.io/v1beta1 Role,RoleBinding 1.22 rbac.authorization.k8s.io/v1
rbac.authorization.k8s.io/v1beta1 ClusterRole,ClusterRoleBinding 1.22 rbac.authorization.k8s.io/v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 1.22 apiextensions.k8s.io/v1
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration 1.22 admissionregistration.k8s.io/v1
admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration 1.22 admissionregistration.k8s.io/v1
apiregistration.k8s.io/v1beta1 APIService 1.22 apiregistration.k8s.io/v1
authentication.k8s.io/v1beta1 TokenReview 1.22 authentication.k8s.io/v1
certificates.k8s.io/v1beta1 CertificateSigningRequest 1.22 certificates.k8s.io/v1
coordination.k8s.io/v1beta1 Lease 1.22 coordination.k8s.io/v1
scheduling.k8s.io/v1beta1 PriorityClass 1.22 scheduling.k8s.io/v1
storage.k8s.io/v1beta1 CSIDriver,CSINode,StorageClass,VolumeAttachment 1.22 storage.k8s.io/v1
batch/v1beta1 CronJob 1.25 batch/v1
discovery.k8s.io/v1beta1 EndpointSlice 1.25 discovery.k8s.io/v1
events.k8s.io/v1beta1 Event 1.25 events.k8s.io/v1
autoscaling/v2beta1 HorizontalPodAutoscaler 1.25 autoscaling/v2
policy/v1beta1 PodDisruptionBudget 1.25 policy/v1
policy/v1beta1 PodSecurityPolicy 1.25 -
node.k8s.io/v1beta1 RuntimeClass 1.25 node.k8s.io/v1
autoscaling/v2beta2 HorizontalPodAutoscaler 1.26 autoscaling/v2
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema 1.26 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta1 PriorityLevelConfiguration 1.26 flowcontrol.apiserver.k8s.io/v1
storage.k8s.io/v1beta1 CSIStorageCapacity 1.27 storage.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema 1.29 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta2 PriorityLevelConfiguration 1.29 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema 1.32 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration 1.32 flowcontrol.apiserver.k8s.io/v1
"""
# From the Kubernetes deprecation guide: version, kinds, the release that removed it, its replacement.

REMOVALS = {
    (version, kind): (release, successor)
    for version, kinds, release, successor in (line.split() for line in _TABLE.split("\n") if line)
    for kind in kinds.split(",")
}
GROUPS = {
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
}
"""API groups of Kubernetes itself whose kinds are all known here."""
_DEPRECATED = {("v1", "Endpoints"): ("1.33", "discovery.k8s.io/v1 EndpointSlice")}


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for resource in index.resources:
        key = (str(resource.body.get("apiVersion")), str(resource.body.get("kind")))
        if key in REMOVALS:
            release, successor = REMOVALS[key]
            gone = tuple(int(part) for part in release.split(".")) <= context.kubernetes
            instead = "nothing replaces it" if successor == "-" else f"use {successor}"
            message = f"{resource} is {key[0]}, which Kubernetes {release} {'removed' if gone else 'removes'}"
            yield problem(REMOVED if gone else DEPRECATED, resource, message, "apiVersion", fix=instead)
        elif key in _DEPRECATED:
            release, successor = _DEPRECATED[key]
            message = f"{resource} is {key[0]} {key[1]}, deprecated since Kubernetes {release}"
            yield problem(DEPRECATED, resource, message, "apiVersion", fix=f"use {successor}")
