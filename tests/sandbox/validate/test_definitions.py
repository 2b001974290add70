"""Rules in CEL of definitions: the API server refuses what we refuse, for the same reasons."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.cel.evaluator import Evaluator
from bootstrap.cel.process import library
from bootstrap.kube import Cluster
from bootstrap.kube.crds import wait_until_served
from bootstrap.validate import custom_kinds
from bootstrap.validate.admission import definitions
from tests.sandbox.kubernetes import made
from tests.sandbox.validate.admission import applied, created
from tests.validate.admission.judged import CASES, definition, judged
from tests.validate.rules.asking import ask

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")
GATEWAY = Path(__file__).parents[3] / "infrastructure/gateway-api/application.yaml"


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as one:
        yield one


@contextmanager
def served(admin: Cluster, crds: list[dict[str, Any]]) -> Iterator[None]:
    with applied(admin, crds):
        for crd in crds:
            names, version = crd["spec"]["names"], crd["spec"]["versions"][0]["name"]
            head = {"apiVersion": f"{crd['spec']['group']}/{version}", "kind": names["kind"]}
            wait_until_served(admin, made({**head, "metadata": {"name": "a"}}))
        yield


def ours(evaluator: Evaluator, crd: Mapping[str, Any], body: dict[str, Any]) -> list[str]:
    rules = custom_kinds.of_definition(crd)
    found = ask(definitions.check, json.dumps(body), schema=lambda: rules, cel=evaluator)
    assert {one.rule.id for one in found} <= {"GB142"}, found
    return [one.message for one in found]


def test_the_api_server_says_the_same_of_every_case(admin: Cluster, evaluator: Evaluator) -> None:
    end = f"t{secrets.token_hex(4)}.example.com"
    groups = {name: f"c{number}.{end}" for number, name in enumerate(CASES)}
    with served(admin, [definition(CASES[name][0], group) for name, group in groups.items()]):
        for name, group in groups.items():
            for content, expected in CASES[name][1]:
                body = judged(content, group)
                theirs, _ = created(admin, f"/apis/{group}/v1/namespaces/default/judgeds", body)
                found = ours(evaluator, definition(CASES[name][0], group), body)
                assert bool(theirs) == bool(found) == bool(expected), (name, content, theirs, found)
                said = expected.rpartition(": ")[2]
                assert said in theirs, (name, theirs)
                assert all(said in one for one in found), (name, found)


# -- the Gateway API's own definitions ------------------------------------------------------

HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}
TLS = {"name": "tls", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "cert"}]}}
RULE = {"backendRefs": [{"name": "web", "port": 80}]}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}
REWRITE = {
    "type": "URLRewrite",
    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
}
EXACT = {"path": {"type": "Exact", "value": "/a"}}

GATEWAYS: list[tuple[str, dict[str, Any]]] = [
    ("Gateway", {"gatewayClassName": "x", "listeners": [HTTP]}),
    ("Gateway", {"gatewayClassName": "x", "listeners": [HTTP, HTTP]}),
    ("Gateway", {"gatewayClassName": "x", "listeners": [HTTP, {**HTTP, "name": "b"}]}),
    (
        "Gateway",
        {"gatewayClassName": "x", "listeners": [HTTP, {**HTTP, "name": "b", "hostname": "a.example.com"}]},
    ),
    ("Gateway", {"gatewayClassName": "x", "listeners": [TLS]}),
    ("Gateway", {"gatewayClassName": "x", "listeners": [{**TLS, "tls": {"mode": "Passthrough"}}]}),
    ("Gateway", {"gatewayClassName": "x", "listeners": [{**TLS, "tls": {}}]}),
    ("Gateway", {"gatewayClassName": "x", "listeners": [{**HTTP, "tls": TLS["tls"]}]}),
    (
        "Gateway",
        {
            "gatewayClassName": "x",
            "listeners": [{"name": "t", "port": 1, "protocol": "TCP", "hostname": "a.b"}],
        },
    ),
    ("Gateway", {"gatewayClassName": "x", "listeners": [HTTP], "addresses": [{"value": "1.2.3.4"}] * 2}),
    (
        "Gateway",
        {"gatewayClassName": "x", "listeners": [HTTP], "addresses": [{"type": "IPAddress", "value": "no"}]},
    ),
    ("HTTPRoute", {"rules": [RULE]}),
    ("HTTPRoute", {"rules": [{**RULE, "filters": [REDIRECT]}]}),
    ("HTTPRoute", {"rules": [{"filters": [REDIRECT]}]}),
    ("HTTPRoute", {"rules": [{"filters": [REDIRECT, REWRITE]}]}),
    ("HTTPRoute", {"rules": [{**RULE, "matches": [EXACT], "filters": [REWRITE]}]}),
    ("HTTPRoute", {"rules": [{**RULE, "filters": [REWRITE]}]}),
    ("HTTPRoute", {"rules": [{**RULE, "matches": [{"path": {"type": "PathPrefix", "value": "a"}}]}]}),
    ("HTTPRoute", {"rules": [{**RULE, "matches": [{"path": {"type": "PathPrefix", "value": "/a//b"}}]}]}),
    ("HTTPRoute", {"rules": [{**RULE, "timeouts": {"request": "1s", "backendRequest": "2s"}}]}),
    ("HTTPRoute", {"rules": [{**RULE, "timeouts": {"request": "0s", "backendRequest": "2s"}}]}),
    ("HTTPRoute", {"rules": [{"backendRefs": [{"name": "web"}]}]}),
    ("HTTPRoute", {"rules": [RULE], "parentRefs": [{"name": "a"}, {"name": "a"}]}),
    (
        "HTTPRoute",
        {
            "rules": [RULE],
            "parentRefs": [{"name": "a", "sectionName": "x"}, {"name": "a", "sectionName": "y"}],
        },
    ),
    ("HTTPRoute", {"rules": [RULE], "parentRefs": [{"name": "a", "sectionName": "x"}, {"name": "a"}]}),
    ("GRPCRoute", {"rules": [{**RULE, "matches": [{"method": {"type": "Exact"}}]}]}),
    ("GRPCRoute", {"rules": [{**RULE, "matches": [{"method": {"service": "a.B", "method": "C"}}]}]}),
    ("GRPCRoute", {"rules": [{**RULE, "matches": [{"method": {"service": "a/B", "method": "C"}}]}]}),
]


def gateway_definitions() -> dict[str, dict[str, Any]]:
    """The definitions of the release that the catalog pins, from the Go module proxy."""
    version = re.search(r"targetRevision: (v[\d.]+)", GATEWAY.read_text())
    assert version is not None
    command = ["go", "mod", "download", "-json", f"sigs.k8s.io/gateway-api@{version[1]}"]
    try:
        ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no go to fetch the Gateway API's definitions with")
    if ended.returncode:
        pytest.skip(f"the Gateway API's definitions cannot be fetched: {ended.stdout}{ended.stderr}")
    folder = Path(json.loads(ended.stdout)["Dir"]) / "config/crd/standard"
    files = folder.glob("gateway.networking.k8s.io_*.yaml")
    bodies = [body for path in files for body in yaml.safe_load_all(path.read_text()) if body]
    return {one["spec"]["names"]["kind"]: one for one in bodies if one["kind"] == "CustomResourceDefinition"}


def test_the_api_server_says_the_same_of_gateways_and_routes(admin: Cluster, evaluator: Evaluator) -> None:
    crds = gateway_definitions()
    wanted = {kind: crds[kind] for kind, _ in GATEWAYS}
    refused = 0
    with served(admin, list(wanted.values())):
        for kind, spec in GATEWAYS:
            head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": "a"}}
            place = f"/apis/gateway.networking.k8s.io/v1/namespaces/default/{kind.lower()}s"
            theirs, _ = created(admin, place, {**head, "spec": spec})
            found = ours(evaluator, wanted[kind], {**head, "spec": spec})
            if "in body should" in theirs or "Required value" in theirs or "not checked" in theirs:
                continue  # the schema refuses it, before or beside the rules
            assert bool(theirs) == bool(found), (kind, spec, theirs, found)
            assert all(one.rpartition(": ")[2][:40] in theirs for one in found), (theirs, found)
            refused += bool(theirs)
    assert refused >= 10
