"""Pure: pods and Services that an operator creates for an object of its own kind: no manifest has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource
from bootstrap.resources.pods import WORKLOADS, pod_labels, selected

_AT_RUNTIME = re.compile(
    r"^(?:vault-(?:active|initialized|perf-standby|sealed|version)|spilo-role|redis-role|role"
    r"|statefulset\.kubernetes\.io/pod-name|apps\.kubernetes\.io/pod-index|(?:batch\.kubernetes\.io/)?job-name"
    r"|controller-revision-hash|pod-template-hash|rollouts-pod-template-hash|(?:[\w.-]+/)?(?:instance)?[rR]ole)$"
)
"""Labels that pods get at run time: the leader, the pod of a StatefulSet."""
_STATIC = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kube-dns", "etcd"}
"""Pods that a cluster has without a manifest."""
_COMMON = ("app.kubernetes.io/", "helm.sh/", "kubernetes.io/")
"""Prefixes of labels that are usually set by hand."""
_WITHOUT_PODS = re.compile(
    r"^(?:Application|ApplicationSet|AppProject|\w*Monitor|PrometheusRule|Probe|ScrapeConfig|Certificate|\w*Issuer"
    r"|\w*Secret|\w*SecretStore|\w*Route|\w*Policy|Gateway|GatewayClass|ReferenceGrant|VirtualService|DestinationRule"
    r"|Middleware|ServersTransport|TLSOption|TLSStore|ScaledObject|TriggerAuthentication|\w*Backup\w*|\w*Claim"
    r"|\w*Class|\w*Template|\w*Repository|Subscription|OperatorGroup|CustomResourceDefinition)$"
)
"""Kinds whose objects have no pods or Services of their own."""


def makers(index: Index, namespace: str) -> Iterator[Resource]:
    """The objects of a namespace for which an operator may create pods and Services."""
    for kind in index.kinds():
        name, _, group = kind.partition(".")
        if "." in group and not group.endswith(".k8s.io") and not _WITHOUT_PODS.match(name):
            yield from index.of(kind, namespace=namespace)


def makes_service(index: Index, namespace: str, name: str) -> Resource | None:
    """The object of a namespace for which an operator may create a Service, by name; or None."""
    return next((one for one in makers(index, namespace) if _is_called_after(name, one)), None)


def _is_called_after(name: str, maker: Resource) -> bool:
    kind = maker.short_kind.lower()
    return name == maker.name or name.startswith((f"{maker.name}-", f"{kind}-")) or name == kind


def makes_pods(index: Index, selector: Mapping[str, Any], namespace: str) -> bool:
    """Whether pods that a Service selects may be created or labelled by something that is in no manifest."""
    values = {str(value) for value in selector.values()}
    if values & _STATIC:
        return True
    if any(_AT_RUNTIME.search(str(key)) for key in selector):
        rest = {key: value for key, value in selector.items() if not _AT_RUNTIME.search(str(key))}
        return not rest or bool(selected(index, rest, namespace))
    if any(one.name in values or one.short_kind.lower() in values for one in makers(index, namespace)):
        return True
    return any(_is_foreign(str(key), index.of(*WORKLOADS, namespace=namespace)) for key in selector)


def _is_foreign(key: str, workloads: Iterable[Resource]) -> bool:
    """Whether a label has a domain that no workload's pods have: a controller sets it."""
    domain, slash, _ = key.partition("/")
    if not slash or "." not in domain or key.startswith(_COMMON):
        return False
    return not any(str(label).startswith(f"{domain}/") for one in workloads for label in pod_labels(one))
