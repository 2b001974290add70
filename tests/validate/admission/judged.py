"""Definitions with rules in CEL, and objects that keep or break them; the API server is asked, too."""

from __future__ import annotations

from typing import Any

GROUP = "judged.example.com"


def definition(schema: dict[str, Any], group: str = GROUP) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Judged", "plural": "judgeds", "singular": "judged", "listKind": "JudgedList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"judgeds.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def judged(body: dict[str, Any], group: str = GROUP) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": "Judged", "metadata": {"name": "a"}, **body}


def _rule(expression: str, **more: Any) -> list[dict[str, Any]]:
    return [{"rule": expression, **more}]


def _spec(properties: dict[str, Any], rules: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": "object", "properties": properties}
    if rules:
        spec["x-kubernetes-validations"] = rules
    return {"type": "object", "properties": {"spec": spec}}


TEXT = {"type": "string", "maxLength": 60}
WHOLE = {"type": "integer"}
PORTS = {
    "type": "array",
    "maxItems": 5,
    "items": {"type": "object", "properties": {"name": TEXT, "port": WHOLE}},
}

# name → (schema, [(object without its head, what both say of it, with its field; "" where nothing is wrong)])
CASES: dict[str, tuple[dict[str, Any], list[tuple[dict[str, Any], str]]]] = {
    "a rule of the spec": (
        _spec({"min": WHOLE, "max": WHOLE}, _rule("self.min <= self.max", message="min is above max")),
        [({"spec": {"min": 1, "max": 2}}, ""), ({"spec": {"min": 3, "max": 2}}, "spec: min is above max")],
    ),
    "a default is applied first": (
        _spec({"min": WHOLE, "max": {**WHOLE, "default": 2}}, _rule("self.min <= self.max", message="above")),
        [({"spec": {"min": 1}}, ""), ({"spec": {"min": 3}}, "spec: above")],
    ),
    "a default of a default": (
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "default": {},
                    "properties": {"max": {**WHOLE, "default": 2}},
                    "x-kubernetes-validations": _rule("!has(self.max) || self.max != 2", message="two"),
                }
            },
        },
        [({}, "spec: two"), ({"spec": {"max": 3}}, "")],
    ),
    "a rule of every item": (
        _spec(
            {
                "ports": {
                    **PORTS,
                    "items": {
                        **PORTS["items"],
                        "x-kubernetes-validations": _rule("self.port > 0", message="no port"),
                    },
                }
            }
        ),
        [
            ({"spec": {"ports": [{"port": 1}]}}, ""),
            ({"spec": {"ports": [{"port": 1}, {"port": 0}]}}, "spec.ports[1]: no port"),
        ],
    ),
    "a rule of every value": (
        _spec(
            {
                "limits": {
                    "type": "object",
                    "maxProperties": 5,
                    "additionalProperties": {
                        **TEXT,
                        "x-kubernetes-validations": _rule("isQuantity(self)", message="no quantity"),
                    },
                }
            }
        ),
        [
            ({"spec": {"limits": {"cpu": "1"}}}, ""),
            ({"spec": {"limits": {"cpu": "1", "memory": "1Gb"}}}, "spec.limits[memory]: no quantity"),
        ],
    ),
    "a rule of the whole object": (
        {**_spec({"name": TEXT}), "x-kubernetes-validations": _rule("self.spec.name == self.metadata.name")},
        [
            ({"spec": {"name": "a"}}, ""),
            ({"spec": {"name": "b"}}, "<nil>: failed rule: self.spec.name == self.metadata.name"),
        ],
    ),
    "a message is an expression": (
        _spec(
            {"min": WHOLE},
            _rule(
                "self.min < 3",
                messageExpression="'min is ' + (self.min == 3 ? '3' : 'high')",
                message="plain",
            ),
        ),
        [({"spec": {"min": 3}}, "spec: min is 3")],
    ),
    "a message that cannot be evaluated": (
        _spec(
            {"min": WHOLE, "other": TEXT},
            _rule("self.min < 3", messageExpression="self.other", message="plain"),
        ),
        [({"spec": {"min": 3}}, "spec: plain"), ({"spec": {"min": 3, "other": "x"}}, "spec: x")],
    ),
    "a field path": (
        _spec(
            {"min": WHOLE},
            _rule("self.min < 3", fieldPath=".min", message="high", reason="FieldValueForbidden"),
        ),
        [({"spec": {"min": 3}}, "spec.min: high")],
    ),
    "a rule about changes": (
        _spec({"min": {**WHOLE, "x-kubernetes-validations": _rule("self == oldSelf", message="fixed")}}),
        [({"spec": {"min": 3}}, "")],
    ),
    "a rule about changes that looks at creation": (
        _spec(
            {
                "min": {
                    **WHOLE,
                    "x-kubernetes-validations": _rule(
                        "oldSelf.hasValue() || self == 1", optionalOldSelf=True, message="begin with 1"
                    ),
                }
            }
        ),
        [({"spec": {"min": 1}}, ""), ({"spec": {"min": 2}}, "spec.min: begin with 1")],
    ),
    "the name of a rule about changes in a text": (
        _spec({"a": TEXT}, _rule("self.a != 'oldSelf'", message="taken")),
        [({"spec": {"a": "oldSelf"}}, "spec: taken"), ({"spec": {"a": "x"}}, "")],
    ),
    "a field that is missing": (
        _spec({"a": TEXT, "b": TEXT}, _rule("self.a == self.b", message="differ")),
        [({"spec": {"a": "x", "b": "x"}}, ""), ({"spec": {"a": "x"}}, "no such key: b")],
    ),
    "has": (
        _spec({"a": TEXT, "b": TEXT}, _rule("has(self.a) || has(self.b)", message="one of both")),
        [
            ({"spec": {"a": "x"}}, ""),
            ({"spec": {}}, "spec: one of both"),
            ({"spec": {"a": None}}, "spec: one of both"),
        ],
    ),
    "names that are no identifiers": (
        _spec(
            {"a-b": TEXT, "c.d": TEXT, "e/f": TEXT, "namespace": TEXT, "x__y": TEXT},
            _rule(
                "self.a__dash__b == self.c__dot__d && self.e__slash__f == self.__namespace__ && "
                "self.x__underscores__y == 'x'",
                message="differ",
            ),
        ),
        [
            ({"spec": {"a-b": "1", "c.d": "1", "e/f": "2", "namespace": "2", "x__y": "x"}}, ""),
            ({"spec": {"a-b": "1", "c.d": "1", "e/f": "2", "namespace": "3", "x__y": "x"}}, "spec: differ"),
        ],
    ),
    "a number that is written without a point": (
        _spec({"ratio": {"type": "number"}}, _rule("self.ratio / 2.0 < 0.6", message="high")),
        [({"spec": {"ratio": 1}}, ""), ({"spec": {"ratio": 2}}, "spec: high")],
    ),
    "an integer or a text": (
        _spec(
            {"port": {"x-kubernetes-int-or-string": True, "maxLength": 10}},
            _rule("type(self.port) == int ? self.port > 0 : self.port.matches('^[a-z]+$')", message="port"),
        ),
        [
            ({"spec": {"port": 1}}, ""),
            ({"spec": {"port": "http"}}, ""),
            ({"spec": {"port": 0}}, "spec: port"),
            ({"spec": {"port": "80"}}, "spec: port"),
        ],
    ),
    "a time and a duration": (
        _spec(
            {
                "since": {
                    "type": "string",
                    "format": "date-time",
                    "x-kubernetes-validations": _rule(
                        "self < timestamp('2020-01-01T00:00:00Z')", message="late"
                    ),
                },
                "wait": {
                    "type": "string",
                    "format": "duration",
                    "x-kubernetes-validations": _rule("self <= duration('1m')", message="long"),
                },
            }
        ),
        [
            ({"spec": {"since": "2019-12-31T23:59:59Z", "wait": "60s"}}, ""),
            ({"spec": {"since": "2020-01-01T00:00:01Z"}}, "spec.since: late"),
            ({"spec": {"wait": "1m1s"}}, "spec.wait: long"),
        ],
    ),
    "what lists need": (
        _spec(
            {"ports": PORTS},
            _rule("self.ports.all(p, self.ports.exists_one(q, q.name == p.name))", message="names twice")
            + _rule("self.ports.map(p, p.port).sum() < 100", message="too many"),
        ),
        [
            ({"spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}}, ""),
            ({"spec": {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}}, "spec: names twice"),
            ({"spec": {"ports": [{"name": "a", "port": 99}, {"name": "b", "port": 2}]}}, "spec: too many"),
        ],
    ),
    "a null where none may be": (
        _spec({"a": {**TEXT, "default": "x"}}, _rule("self.a == 'x'", message="not x")),
        [({"spec": {"a": None}}, ""), ({"spec": {"a": "y"}}, "spec: not x")],
    ),
}
