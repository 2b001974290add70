"""What components expect of a cluster is looked for there, and the setting that fits is proposed."""

from __future__ import annotations

import pytest

from bootstrap.init.preflight_entrances import of_classes, of_expected
from bootstrap.kube.entrances import Entrances
from bootstrap.layout import catalog
from bootstrap.yamledit import edit

FILES = catalog.load()
HERE = "clusters/default"
DEV = "apps/voting-app/overlays/dev"


def switched(*names: str, off: tuple[str, ...] = ()) -> dict[str, bytes]:
    path = f"{HERE}/kustomization.yaml"
    text = FILES[path]
    for name, on in [*((one, True) for one in names), *((one, False) for one in off)]:
        text = edit.set_listed(text, f"../../{name}", on, path)
    return {**FILES, path: text}


def with_part(files: dict[str, bytes], part: str) -> dict[str, bytes]:
    path = f"{DEV}/kustomization.yaml"
    line = f"- ../../components/{part} ".encode()
    assert b"# " + line in files[path]
    return {**files, path: files[path].replace(b"# " + line, line)}


def test_a_load_balancer_that_nothing_shows_is_told_with_the_way_without_one() -> None:
    (found,) = of_expected(Entrances(balancer=""), switched(), HERE)
    assert "traefik has a Service of type LoadBalancer" in found.found
    assert "values-nodeport.yaml in infrastructure/traefik/application.yaml" in found.fix
    assert not found.fatal


@pytest.mark.parametrize("balancer", [None, "node a belongs to AWS"])
def test_a_load_balancer_that_is_there_or_unknown_is_no_finding(balancer: str | None) -> None:
    assert not list(of_expected(Entrances(balancer=balancer), switched(), HERE))


def test_node_ports_need_no_load_balancer() -> None:
    files = switched()
    path = "infrastructure/traefik/application.yaml"
    files[path] = files[path].replace(
        b"# - $repo/infrastructure/traefik/values-nodeport.yaml",
        b"- $repo/infrastructure/traefik/values-nodeport.yaml",
    )
    assert not list(of_expected(Entrances(balancer=""), files, HERE))


def test_an_app_that_scales_needs_the_metrics_api_or_the_component() -> None:
    app = "apps/voting-app/applications/staging"
    (found,) = of_expected(Entrances(metrics=False), switched(app), HERE)
    assert "voting-app-staging" in found.found
    assert "--with metrics-server" in found.fix
    assert not list(of_expected(Entrances(metrics=True), switched(app), HERE))
    assert not list(of_expected(Entrances(metrics=None), switched(app), HERE))
    both = switched(app, "infrastructure/metrics-server")
    assert not list(of_expected(Entrances(metrics=False), both, HERE))


@pytest.mark.parametrize(
    ("part", "there", "fix"),
    [
        ("ingress", Entrances(ingress={"alb": False, "nginx": True}), f"ingressClass: nginx in {DEV}"),
        ("gateway", Entrances(gateway={"cilium": "io.cilium/x"}), f"gatewayClass: cilium in {DEV}"),
        ("ingress", Entrances(ingress={}), "--with traefik"),
    ],
)
def test_a_class_that_nobody_has_is_told_with_the_one_of_the_cluster(
    part: str, there: Entrances, fix: str
) -> None:
    files = with_part(switched(off=("infrastructure/traefik",)), part)
    (found,) = of_classes(there, files, HERE)
    assert f"{DEV}/settings.yaml names the {part.capitalize()}Class traefik" in found.found
    assert fix in found.fix


def test_a_class_of_a_component_or_of_the_cluster_or_unread_is_no_finding() -> None:
    off = with_part(switched(off=("infrastructure/traefik",)), "ingress")
    assert not list(of_classes(Entrances(ingress={}), with_part(switched(), "ingress"), HERE))
    assert not list(of_classes(Entrances(ingress={"traefik": False}), off, HERE))
    assert not list(of_classes(Entrances(), off, HERE))


def test_a_class_of_a_part_that_is_off_is_not_asked_for() -> None:
    assert not list(of_classes(Entrances(ingress={}), switched(off=("infrastructure/traefik",)), HERE))
