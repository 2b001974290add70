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
_GENERAL = {
    "application",
    "cluster",
    "service",
    "server",
    "instance",
    "node",
    "pool",
    "user",
    "topic",
    "database",
}
"""Words of a kind that say nothing about whose it is."""
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
        if _is_maker(kind):
            yield from index.of(kind, namespace=namespace)


def _is_maker(kind: str) -> bool:
    name, _, group = kind.partition(".")
    return "." in group and not group.endswith(".k8s.io") and not _WITHOUT_PODS.match(name)


def may_name_service(kind: str, maker: str, name: str) -> bool:
    """Whether an operator may create a Service of this name for an object, given by kind and name."""
    short = kind.partition(".")[0].lower()
    called = name in (maker, short) or name.startswith((f"{maker}-", f"{short}-"))
    return called and _is_maker(kind) and not kind.startswith("Rollout.")  # that names the Services it needs


def makes_service(index: Index, namespace: str, name: str) -> Resource | None:
    """The object of a namespace for which an operator may create a Service, by name; or None."""
    own = makers(index, namespace)
    return next((one for one in own if may_name_service(one.kind, one.name, name)), None)


def makes_pods(index: Index, selector: Mapping[str, Any], namespace: str) -> bool:
    """Whether pods that a Service selects may be created or labelled by something that is in no manifest."""
    values = {str(value) for value in selector.values()}
    if values & _STATIC:
        return True
    if any(_AT_RUNTIME.search(str(key)) for key in selector):
        rest = {key: value for key, value in selector.items() if not _AT_RUNTIME.search(str(key))}
        return not rest or bool(selected(index, rest, namespace))
    own = list(makers(index, namespace))
    if any(one.name in values or one.short_kind.lower() in values for one in own):
        return True
    workloads = list(index.of(*WORKLOADS, namespace=namespace))
    used = {str(key) for one in workloads for key in pod_labels(one)}
    words = {word for one in own for word in _words(one.short_kind)}
    if any(key not in used and words & _words(str(value)) for key, value in selector.items()):
        return True  # a label of no workload in Git, with a value that speaks of the operator's own kind
    return any(_is_foreign(str(key), workloads) for key in selector)


def _words(name: str) -> set[str]:
    """The words of a kind or of a label's value, in small letters, but for what any of them may say."""
    found = {one.lower() for one in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
    return {one for one in found if len(one) > 3} - _GENERAL


def _is_foreign(key: str, workloads: Iterable[Resource]) -> bool:
    """Whether a label has a domain that no workload's pods have: a controller sets it."""
    domain, slash, _ = key.partition("/")
    if not slash or "." not in domain or key.startswith(_COMMON):
        return False
    return not any(str(label).startswith(f"{domain}/") for one in workloads for label in pod_labels(one))
