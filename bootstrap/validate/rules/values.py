"""Values that fields of built-in kinds take: the API server refuses others, and no model says so."""

from __future__ import annotations

from collections.abc import Mapping

_PROTOCOLS = ["TCP", "UDP", "SCTP"]
_PORTS = range(1, 65536)
_OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"]

VALUES: Mapping[tuple[str, str], list[str] | range] = {
    ("V1Container", "imagePullPolicy"): ["Always", "IfNotPresent", "Never"],
    ("V1Container", "restartPolicy"): ["Always", "Never", "OnFailure"],
    ("V1Container", "terminationMessagePolicy"): ["File", "FallbackToLogsOnError"],
    ("V1ContainerPort", "containerPort"): _PORTS,
    ("V1ContainerPort", "protocol"): _PROTOCOLS,
    ("V1CronJobSpec", "concurrencyPolicy"): ["Allow", "Forbid", "Replace"],
    ("V1DaemonSetUpdateStrategy", "type"): ["RollingUpdate", "OnDelete"],
    ("V1DeploymentStrategy", "type"): ["RollingUpdate", "Recreate"],
    ("V1HTTPGetAction", "scheme"): ["HTTP", "HTTPS"],
    ("V1HTTPIngressPath", "pathType"): ["Exact", "Prefix", "ImplementationSpecific"],
    ("V1LabelSelectorRequirement", "operator"): _OPERATORS,
    ("V1NetworkPolicyPort", "protocol"): _PROTOCOLS,
    ("V1NetworkPolicySpec", "policyTypes"): ["Ingress", "Egress"],
    ("V1NodeSelectorRequirement", "operator"): [*_OPERATORS, "Gt", "Lt"],
    ("V1PersistentVolumeClaimSpec", "accessModes"): [
        "ReadWriteOnce",
        "ReadOnlyMany",
        "ReadWriteMany",
        "ReadWriteOncePod",
    ],
    ("V1PersistentVolumeClaimSpec", "volumeMode"): ["Filesystem", "Block"],
    ("V1PersistentVolumeSpec", "persistentVolumeReclaimPolicy"): ["Retain", "Delete", "Recycle"],
    ("V1PodSpec", "dnsPolicy"): ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    ("V1PodSpec", "restartPolicy"): ["Always", "OnFailure", "Never"],
    ("V1PriorityClass", "preemptionPolicy"): ["PreemptLowerPriority", "Never"],
    ("V1ServiceBackendPort", "number"): _PORTS,
    ("V1ServicePort", "port"): _PORTS,
    ("V1ServicePort", "protocol"): _PROTOCOLS,
    ("V1ServiceSpec", "externalTrafficPolicy"): ["Cluster", "Local"],
    ("V1ServiceSpec", "internalTrafficPolicy"): ["Cluster", "Local"],
    ("V1ServiceSpec", "ipFamilyPolicy"): ["SingleStack", "PreferDualStack", "RequireDualStack"],
    ("V1ServiceSpec", "sessionAffinity"): ["None", "ClientIP"],
    ("V1ServiceSpec", "type"): ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    ("V1StatefulSetSpec", "podManagementPolicy"): ["OrderedReady", "Parallel"],
    ("V1StatefulSetUpdateStrategy", "type"): ["RollingUpdate", "OnDelete"],
    ("V1StorageClass", "reclaimPolicy"): ["Retain", "Delete"],
    ("V1StorageClass", "volumeBindingMode"): ["Immediate", "WaitForFirstConsumer"],
    ("V1Toleration", "effect"): ["NoSchedule", "PreferNoSchedule", "NoExecute", ""],
    ("V1Toleration", "operator"): ["Exists", "Equal", "Lt", "Gt", ""],
    ("V1TopologySpreadConstraint", "whenUnsatisfiable"): ["DoNotSchedule", "ScheduleAnyway"],
    ("V2MetricSpec", "type"): ["Resource", "ContainerResource", "Pods", "Object", "External"],
    ("V2MetricTarget", "type"): ["Utilization", "Value", "AverageValue"],
}
"""(model of the client, field) → the values it takes; of a list, each item."""
