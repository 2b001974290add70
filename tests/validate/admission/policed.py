"""Policies with bindings, and objects that they let through or not; the API server is asked, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
DEPLOYMENTS = {
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["deployments"],
}
MAPS = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["configmaps"]}


@dataclass(frozen=True)
class Policed:
    """A policy: what it matches and demands; `binding` is added to the binding's spec.

    `objects` are (object, what is reported about it: "" for nothing); `params` are in the cluster before.
    """

    policy: dict[str, Any]
    objects: list[tuple[dict[str, Any], str]]
    binding: dict[str, Any] = field(default_factory=dict)
    params: tuple[dict[str, Any], ...] = ()


def config(name: str = "a", data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    about = {"name": name, "namespace": "judged", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data or {}}


def deployment(
    replicas: int | None = None, image: str = "registry.example.com/web:1", **pod: Any
) -> dict[str, Any]:
    spec = {"containers": [{"name": "web", "image": image}], **pod}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    whole: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    if replicas is not None:
        whole["replicas"] = replicas
    metadata = {"name": "web", "namespace": "judged"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": whole}


def demands(*validations: dict[str, Any], rules: Any = MAPS, **more: Any) -> dict[str, Any]:
    return {"matchConstraints": {"resourceRules": [rules]}, "validations": list(validations), **more}


def one(expression: str, message: str = "denied here", **more: Any) -> dict[str, Any]:
    return {"expression": expression, "message": message, **more}


LABEL = one("has(object.metadata.labels) && 'team' in object.metadata.labels", "no team")

CASES: dict[str, Policed] = {
    "an object that breaks it": Policed(
        demands(LABEL), [(config(), "no team"), (config(labels={"team": "a"}), "")]
    ),
    "another resource": Policed(demands(LABEL, rules=DEPLOYMENTS), [(config(), "")]),
    "another operation": Policed(demands(LABEL, rules={**MAPS, "operations": ["UPDATE"]}), [(config(), "")]),
    "what is excluded": Policed(
        {
            **demands(LABEL),
            "matchConstraints": {
                "resourceRules": [MAPS],
                "excludeResourceRules": [{**MAPS, "resourceNames": ["a"]}],
            },
        },
        [(config(), ""), (config("b"), "no team")],
    ),
    "an object selector": Policed(
        {
            **demands(LABEL),
            "matchConstraints": {"resourceRules": [MAPS], "objectSelector": {"matchLabels": {"ask": "yes"}}},
        },
        [(config(), ""), (config(labels={"ask": "yes"}), "no team")],
    ),
    "a namespace selector": Policed(
        demands(LABEL),
        [(config(), "")],
        {"matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}},
    ),
    "a namespace selector that fits": Policed(
        demands(LABEL),
        [(config(), "no team")],
        {"matchResources": {"namespaceSelector": {"matchLabels": {"tier": "test"}}}},
    ),
    "a default of the API server": Policed(
        demands(one("object.spec.replicas > 1", "one replica"), rules=DEPLOYMENTS),
        [(deployment(), "one replica"), (deployment(2), "")],
    ),
    "defaults of pods": Policed(
        demands(
            one("has(object.spec.template.spec.securityContext)"),
            one("object.spec.template.spec.containers.all(c, c.imagePullPolicy == 'IfNotPresent')", "pull"),
            one("object.spec.template.spec.restartPolicy == 'Always'"),
            one("object.spec.strategy.type == 'RollingUpdate'"),
            rules=DEPLOYMENTS,
        ),
        [(deployment(), ""), (deployment(image="registry.example.com/web"), "pull")],
    ),
    "variables": Policed(
        demands(
            one("variables.images.all(i, i.startsWith(variables.host))", "image"),
            rules=DEPLOYMENTS,
            variables=[
                {"name": "spec", "expression": "object.spec.template.spec"},
                {"name": "host", "expression": "'registry.example.com/'"},
                {"name": "images", "expression": "variables.spec.containers.map(c, c.image)"},
            ],
        ),
        [(deployment(), ""), (deployment(image="other/web:1"), "image")],
    ),
    "match conditions": Policed(
        demands(LABEL, matchConditions=[{"name": "named", "expression": "object.metadata.name == 'a'"}]),
        [(config(), "no team"), (config("b"), "")],
    ),
    "a message that is an expression": Policed(
        demands(one("false", messageExpression="'not ' + object.metadata.name", message="plain")),
        [(config(), "not a")],
    ),
    "a message that cannot be evaluated": Policed(
        demands(one("false", messageExpression="string(object.data.nothing)", message="plain")),
        [(config(), "plain")],
    ),
    "an error, which fails": Policed(
        demands(one("object.metadata.labels.team == 'a'")), [(config(), "no such key: labels")]
    ),
    "an error, which is ignored": Policed(
        demands(one("object.metadata.labels.team == 'a'"), failurePolicy="Ignore"), [(config(), "")]
    ),
    "the request": Policed(
        demands(
            one("request.operation == 'CREATE' && request.kind.kind == 'ConfigMap'"),
            one("request.resource.resource == 'configmaps' && request.name == object.metadata.name"),
            one("oldObject == null"),
        ),
        [(config(), "")],
    ),
    "the namespace": Policed(
        demands(
            one("namespaceObject.metadata.labels['tier'] == 'test'"),
            one("namespaceObject.metadata.name == 'x'", "ns"),
        ),
        [(config(), "ns")],
    ),
    "parameters": Policed(
        demands(
            one(
                "int(object.data.size) <= int(params.data.most)",
                messageExpression="'at most ' + params.data.most",
            ),
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            matchConditions=[{"name": "sized", "expression": "'size' in object.data"}],
        ),
        [(config(data={"size": "1"}), ""), (config(data={"size": "9"}), "at most 3")],
        {"paramRef": {"name": "limits", "namespace": "judged", "parameterNotFoundAction": "Deny"}},
        (config("limits", {"most": "3"}),),
    ),
    "parameters that are missing and allowed": Policed(
        demands(one("false"), paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        [(config(), "")],
        {"paramRef": {"name": "nothing", "namespace": "judged", "parameterNotFoundAction": "Allow"}},
    ),
    "parameters that are missing": Policed(
        demands(one("true"), paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        [(config(), "no params found")],
        {"paramRef": {"selector": {"matchLabels": {"no": "such"}}, "parameterNotFoundAction": "Deny"}},
    ),
    "pods": Policed(
        demands(one("!object.spec.?hostNetwork.orValue(false)", "host network"), rules=PODS),
        [(deployment(), "")],
    ),
}
