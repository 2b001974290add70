"""`init --with`: requirements come along, alternatives are refused or, of `all`, left out with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bootstrap.core.errors import InputError, RefusedError
from bootstrap.layout import catalog, choice
from bootstrap.layout.choice import Resolved

CATALOG = catalog.load()
EDGE = "clusters/edge/kustomization.yaml"
ALTERNATIVES = ({"traefik", "ingress-nginx"}, {"loki", "elastic"}, {"tempo", "jaeger", "zipkin"})


def resolve(
    on: Sequence[str], off: Sequence[str] = (), tip: dict[str, bytes] | None = None, cluster: str = "default"
) -> Resolved:
    offers = choice.offered(tip or {}, CATALOG, "", cluster)
    return choice.resolve(offers, CATALOG.get, on, off)


def test_what_a_component_requires_comes_along_and_is_reported() -> None:
    found = resolve(["tempo"])
    assert found.names == ("tempo", "otel-collector")
    assert "otel-collector is switched on because tempo requires it" in found.notes
    assert resolve([]) == Resolved(())
    assert resolve(["traefik"]).names == ("traefik",)  # it is on, with what it requires


def test_an_alternative_of_what_is_on_is_refused_with_the_way_out() -> None:
    with pytest.raises(RefusedError, match="traefik is on and provides ingress, too") as caught:
        resolve(["ingress-nginx"])
    assert "--without traefik" in caught.value.hint
    assert resolve(["ingress-nginx"], ["traefik"]).names == ("ingress-nginx",)
    with pytest.raises(RefusedError, match="provides traces, too"):
        resolve(["tempo", "jaeger"])


def test_a_requirement_that_must_be_off_is_refused() -> None:
    with pytest.raises(RefusedError, match="it requires otel-collector, which --without switches off"):
        resolve(["tempo"], ["otel-collector"])
    with pytest.raises(InputError, match="no component 'lokki'"):
        resolve(["lokki"])


def test_all_is_everything_but_one_of_each_set_of_alternatives() -> None:
    found = resolve(["all"])
    on = {name for name, item in choice.offered({}, CATALOG, "", "x").items() if item.on}
    chosen = on | set(found.names)
    assert [sorted(chosen & alternatives) for alternatives in ALTERNATIVES] == [
        ["traefik"],
        ["loki"],
        ["tempo"],
    ]
    (note,) = [note for note in found.notes if note.startswith("left out of all: ")]
    left = {"ingress-nginx", "elastic", "jaeger", "zipkin"}
    assert all(f"{name} (" in note for name in left)
    offered = set(choice.offered({}, CATALOG, "", "x"))
    assert offered - chosen == left


def test_what_is_named_next_to_all_wins_over_its_alternatives() -> None:
    found = resolve(["all", "elastic"], ["tempo"])
    assert {"elastic", "jaeger"} <= set(found.names)
    assert not {"loki", "tempo", "zipkin"} & set(found.names)


def test_all_leaves_out_what_requires_something_that_must_be_off() -> None:
    found = resolve(["all"], ["traefik"])
    assert "ingress-nginx" in found.names
    assert "voting-app-staging" not in found.names
    assert "voting-app-staging (it requires traefik)" in found.notes[-1]


def test_an_existing_cluster_is_taken_as_it_is_and_the_catalogs_newcomers_are_offered() -> None:
    tip = {EDGE: b"resources:\n  - ../../infrastructure/elastic\n"}
    with pytest.raises(RefusedError, match="elastic is on and provides logs, too"):
        resolve(["loki"], tip=tip, cluster="edge")
    assert set(resolve(["traefik"], tip=tip, cluster="edge").names) == {
        "traefik",
        "gateway-api",
        "cert-manager",
    }


def test_what_is_expected_of_the_cluster_is_reported_only_where_no_component_that_is_on_brings_it() -> None:
    expects = "voting-app-production expects the cluster to provide: "
    assert f"{expects}storage, resource-metrics" in resolve(["voting-app-production"]).notes
    along = resolve(["voting-app-production", "metrics-server"]).notes
    assert [note for note in along if note.startswith(expects)] == [f"{expects}storage"]
    cluster = "clusters/default/kustomization.yaml"
    on = CATALOG[cluster].replace(
        b"# - ../../infrastructure/metrics-server", b"- ../../infrastructure/metrics-server"
    )
    assert on != CATALOG[cluster]
    later = resolve(["voting-app-production"], tip={cluster: on}).notes
    assert [note for note in later if note.startswith(expects)] == [f"{expects}storage"]
