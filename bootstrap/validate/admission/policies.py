"""Pure: ValidatingAdmissionPolicies and their bindings: which objects, and with which parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.validate.rule import Rule

POLICY = "ValidatingAdmissionPolicy.admissionregistration.k8s.io"
BINDING = "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io"
_OWN_NAME = "kubernetes.io/metadata.name"
_IRREGULAR = {"Endpoints": "endpoints"}


DENIED = Rule(
    "GB144",
    "denied-by-policy",
    "error",
    "A ValidatingAdmissionPolicy of the repository denies an object: the API server refuses it.",
    "change the object as the policy says, or the policy",
)
UNKNOWN = Rule(
    "GB145",
    "policy-not-evaluated",
    "info",
    "A ValidatingAdmissionPolicy of the repository could not be evaluated for an object.",
    "let the API server check it: kubectl apply --dry-run=server",
)


class Unknown(Exception):
    """It is unknown from Git whether a policy is about an object; has the reason."""


@dataclass(frozen=True)
class Bound:
    """A policy and one of its bindings."""

    policy: Resource
    binding: Resource

    @property
    def actions(self) -> list[Any]:
        return sequence(self.binding.spec.get("validationActions"))


def bound(resources: Sequence[Resource]) -> Iterator[Bound]:
    """Every binding with its policy, if both exist."""
    policies = {one.name: one for one in resources if one.kind == POLICY}
    for one in resources:
        if one.kind == BINDING and (policy := policies.get(str(one.spec.get("policyName")))):
            yield Bound(policy, one)


def plural(kind: str, known: Mapping[str, str]) -> str:
    """The name of a kind's resource; `known` are those of definitions, by `Kind.group`."""
    short = kind.partition(".")[0]
    if kind in known:
        return known[kind]
    lower = short.lower()
    if short in _IRREGULAR:
        return _IRREGULAR[short]
    if lower.endswith(("s", "x", "ch", "sh")):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") and lower[-2:-1] not in "aeiou" else f"{lower}s"


def resources_of(crds: Sequence[Resource]) -> dict[str, str]:
    """`Kind.group` → the name of its resource, from CustomResourceDefinitions."""
    return {
        f"{dig(one.body, 'spec', 'names', 'kind')}.{one.spec.get('group')}": str(
            dig(one.body, "spec", "names", "plural")
        )
        for one in crds
    }


def concerns(one: Bound, resource: Resource, body: Mapping[str, Any], name: str, index: Index) -> bool:
    """Whether a policy applies to an object (`name` is that of its resource) when it is created.

    Raises Unknown if that depends on unknown labels.
    """
    constraints = mapping(one.policy.spec.get("matchConstraints"))
    narrowed = mapping(one.binding.spec.get("matchResources"))
    if resource.kind.endswith(".admissionregistration.k8s.io") or not constraints.get("resourceRules"):
        return False
    group, _, version = str(body.get("apiVersion")).rpartition("/")
    return all(
        _named(part, group, version, name, resource) and _selected(part, resource, body, index)
        for part in (constraints, narrowed)
    )


def _named(part: Mapping[str, Any], group: str, version: str, name: str, resource: Resource) -> bool:
    exact = part.get("matchPolicy") == "Exact"
    rules = mappings(part.get("resourceRules"))
    excluded = mappings(part.get("excludeResourceRules"))
    if any(_fits(rule, group, version, name, resource, exact) for rule in excluded):
        return False
    return not rules or any(_fits(rule, group, version, name, resource, exact) for rule in rules)


def _fits(
    rule: Mapping[str, Any], group: str, version: str, name: str, resource: Resource, exact: bool
) -> bool:
    names = sequence(rule.get("resourceNames"))
    scope = rule.get("scope", "*")
    return (
        _any(rule.get("apiGroups"), group)
        and (not exact or _any(rule.get("apiVersions"), version))
        and _any(rule.get("operations"), "CREATE")
        and any(one in ("*", "*/*", name) for one in sequence(rule.get("resources")))
        and (not names or resource.name in names)
        and (scope == "*" or (scope == "Namespaced") == bool(resource.namespace))
    )


def _any(allowed: Any, value: str) -> bool:
    return any(one in ("*", value) for one in sequence(allowed))


def _selected(part: Mapping[str, Any], resource: Resource, body: Mapping[str, Any], index: Index) -> bool:
    labels = mapping(dig(dict(body), "metadata", "labels"))
    if not label_selects(part.get("objectSelector"), labels):
        return False
    selector = part.get("namespaceSelector")
    if not selector or (not resource.namespace and resource.kind != "Namespace"):
        return True
    if resource.kind == "Namespace":
        return label_selects(selector, {_OWN_NAME: resource.name, **labels})
    return label_selects(selector, namespace_labels(index, resource.namespace, selector))


def namespace_labels(index: Index, name: str, selector: Any) -> Mapping[str, Any]:
    """The labels of a namespace. Raises Unknown if it is not in Git and more than its name is needed."""
    found = index.get("Namespace", "", name)
    if found is None:
        asked = {*mapping(mapping(selector).get("matchLabels"))}
        asked |= {str(one.get("key")) for one in mappings(mapping(selector).get("matchExpressions"))}
        if asked - {_OWN_NAME}:
            raise Unknown(f"the labels of the namespace {name} are not in Git")
    return {_OWN_NAME: name, **(found.labels if found is not None else {})}


def parameters(one: Bound, resource: Resource, index: Index) -> list[Any]:
    """The parameters with which a policy is evaluated, once for each; [None] for a policy without.

    An empty list: it is not evaluated. Raises Unknown, and LookupError if a missing one refuses the object.
    """
    kind = mapping(one.policy.spec.get("paramKind"))
    reference = mapping(one.binding.spec.get("paramRef"))
    if not kind or not reference:
        return [None]
    group = str(kind.get("apiVersion")).rpartition("/")[0]
    qualified = f"{kind.get('kind')}.{group}" if group else str(kind.get("kind"))
    candidates = [
        other for other in index.of(qualified) if other.body.get("apiVersion") == kind.get("apiVersion")
    ]
    where = reference.get("namespace") or resource.namespace
    found = [
        other
        for other in candidates
        if (not other.namespace or other.namespace == where)
        and (other.name == reference.get("name") if "name" in reference else True)
        and ("selector" not in reference or label_selects(reference["selector"], other.labels))
    ]
    if found:
        return [dict(other.body) for other in found]
    if reference.get("parameterNotFoundAction") == "Allow":
        return []
    if not index.knows(str(where or "")):
        raise Unknown(f"its parameters ({qualified}) may be in what was not read")
    wanted = reference.get("name") or "that its paramRef selects"
    raise LookupError(f"no params found: there is no {qualified} {wanted}")
