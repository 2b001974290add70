"""Every entrance of a cluster redirects http:// to https://, and answers while its pods are replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bootstrap.app import starter
from bootstrap.layout import catalog

ENDPOINTS = 10
"""Seconds that nodes and load balancers get to stop sending to a pod: as vote and result give them."""


def values(name: str) -> Any:
    return YAML(typ="safe").load(catalog.load()[f"infrastructure/{name}"].decode())


def routes() -> list[tuple[str, bytes]]:
    ours = [(path, content) for path, content in catalog.load().items()]
    folder = Path(starter.__file__).parent / "starters"
    theirs = [(str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*.yaml"))]
    return [(path, content) for path, content in (*ours, *theirs) if b"RequestRedirect" in content]


def redirects(content: bytes) -> list[Any]:
    return [
        filter["requestRedirect"]
        for document in YAML(typ="safe").load_all(content.decode())
        for rule in document["spec"].get("rules", ())
        for filter in rule.get("filters", ())
        if filter["type"] == "RequestRedirect"
    ]


def test_traefik_leads_every_host_to_https_whatever_kind_of_route_it_has() -> None:
    web = values("traefik/values.yaml")["ports"]["web"]
    assert web["http"]["redirections"]["entryPoint"] == {
        "to": "websecure",
        "scheme": "https",
        "permanent": True,
    }


def test_traefik_on_node_ports_leads_to_the_port_that_answers_there() -> None:
    found = values("traefik/values-nodeport.yaml")
    port = found["ports"]["websecure"]["nodePort"]
    assert found["ports"]["web"]["http"]["redirections"]["entryPoint"] is None
    assert f"--entryPoints.web.http.redirections.entryPoint.to=:{port}" in found["additionalArguments"]


@pytest.mark.parametrize(("path", "content"), routes(), ids=[path for path, _ in routes()])
def test_redirect_names_no_port_and_so_neither_does_its_location(path: str, content: bytes) -> None:
    """The standard: without a port, that of the scheme, which is then left out of the Location."""
    (redirect,) = redirects(content)
    assert redirect["scheme"] == "https"
    assert "port" not in redirect


def test_routes_of_the_voting_app_and_of_the_starter_are_both_looked_at() -> None:
    assert len(routes()) == 2


def test_ways_in_answer_until_no_one_sends_there_any_more() -> None:
    hook = values("traefik/values.yaml")["deployment"]["lifecycle"]["preStop"]
    assert hook["sleep"]["seconds"] >= ENDPOINTS
    nginx = values("ingress-nginx/values.yaml")["controller"]
    assert nginx["extraArgs"]["shutdown-grace-period"] >= ENDPOINTS
    assert "lifecycle" not in nginx  # the chart's own hook, which begins the grace period
    istio = values("istio-gateway/values.yaml")["podAnnotations"]["proxy.istio.io/config"]
    assert int(json.loads(istio)["terminationDrainDuration"].removesuffix("s")) >= ENDPOINTS
