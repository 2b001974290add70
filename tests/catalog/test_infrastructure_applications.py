"""What every child Application keeps to, so that a component can be trusted by its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.names import GENERATE_PATHS, is_own_source
from bootstrap.layout.catalog import EXAMPLE_REPOSITORY
from bootstrap.manifests.reader import load_all
from bootstrap.repository import generate_paths
from bootstrap.repository.files import scan
from tests.catalog import infrastructure
from tests.catalog.infrastructure import COMPONENTS, FINALIZER, ROOT, Application, applications

APPLICATIONS = [pytest.param(item, id=item.name) for item in applications()]

WITHOUT_FINALIZER = {
    "argocd": "it would delete itself while it deletes",
    "gateway-api": "CRDs only",
    "traefik-crds": "CRDs only",
    "monitoring-crds": "CRDs only",
    "istio-base": "CRDs",
    "sealed-secrets": "its CRD owns the Secrets it opened",
    "local-path-storage": "volumes",
    "elastic-stack": "data",
}
"""Deleting these by cascade would delete what others hang from."""

PINNED = re.compile(r"v?\d+\.\d+\.\d+")
APPS_WAVE = 20


def test_names_are_unique() -> None:
    names = [item.name for item in applications()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("item", APPLICATIONS)
def test_it_lives_in_the_project_of_infrastructure_and_never_in_namespace_default(item: Application) -> None:
    spec = item.body["spec"]
    assert item.body["metadata"]["namespace"] == "argocd"
    assert spec["project"] == "infrastructure"
    assert spec["destination"]["server"] == "https://kubernetes.default.svc"
    assert spec["destination"]["namespace"] not in ("", "default")


@pytest.mark.parametrize("item", APPLICATIONS)
def test_this_repository_is_a_source_by_the_url_that_is_replaced(item: Application) -> None:
    own = [source for source in item.sources if is_own_source(source)]
    assert own
    assert {source["repoURL"] for source in own} == {EXAMPLE_REPOSITORY}
    assert "source" not in item.body["spec"]


@pytest.mark.parametrize("item", APPLICATIONS)
def test_no_source_with_a_ref_has_manifests(item: Application) -> None:
    """Argo CD looks for no changes in one with a ref: each commit would be drift, healed later and later."""
    assert not [source for source in item.sources if "ref" in source and "path" in source]


@pytest.mark.parametrize("item", APPLICATIONS)
def test_what_comes_from_elsewhere_is_pinned_to_a_version(item: Application) -> None:
    for source in item.elsewhere:
        assert PINNED.fullmatch(str(source["targetRevision"])), source


@pytest.mark.parametrize("item", APPLICATIONS)
def test_it_heals_itself_and_retries_without_end_with_the_newest_commit(item: Application) -> None:
    policy = item.body["spec"]["syncPolicy"]
    assert policy["automated"]["selfHeal"] is True
    retry = policy["retry"]
    assert (retry["limit"], retry["refresh"]) == (-1, True)
    assert retry["backoff"]["factor"] == 2


@pytest.mark.parametrize("item", APPLICATIONS)
def test_it_is_applied_server_side(item: Application) -> None:
    assert "ServerSideApply=true" in item.body["spec"]["syncPolicy"]["syncOptions"]


@pytest.mark.parametrize("item", APPLICATIONS)
def test_a_namespace_that_it_creates_says_how_its_pods_are_held(item: Application) -> None:
    policy = item.body["spec"]["syncPolicy"]
    labels = (policy.get("managedNamespaceMetadata") or {}).get("labels") or {}
    if "CreateNamespace=true" in policy["syncOptions"]:
        assert labels["pod-security.kubernetes.io/enforce"] in ("restricted", "baseline", "privileged")
    else:
        assert not labels


def test_every_namespace_is_created_by_one_application_alone() -> None:
    creators: dict[str, list[str]] = {}
    for item in applications():
        if "CreateNamespace=true" in item.body["spec"]["syncPolicy"]["syncOptions"]:
            creators.setdefault(item.body["spec"]["destination"]["namespace"], []).append(item.name)
    # The tracing components are alternatives beside their collector: all say the same of it.
    shared = {"tracing"}
    assert {name for name, found in creators.items() if len(found) > 1} == shared
    used = {item.body["spec"]["destination"]["namespace"] for item in applications()}
    assert used - set(creators) == {"argocd", "kube-system"}


@pytest.mark.parametrize("item", APPLICATIONS)
def test_switching_it_off_deletes_what_it_brought_unless_others_hang_from_that(item: Application) -> None:
    finalizers = item.body["metadata"].get("finalizers") or []
    assert finalizers == ([] if item.name in WITHOUT_FINALIZER else [FINALIZER])
    assert set(WITHOUT_FINALIZER) <= {one.name for one in applications()}


@pytest.mark.parametrize("item", APPLICATIONS)
def test_manifest_generate_paths_are_what_it_reads(item: Application) -> None:
    home = f"infrastructure/{item.component}"
    computed = generate_paths.annotation(item.body, scan(ROOT), home)
    assert item.annotations[GENERATE_PATHS] == computed


@pytest.mark.parametrize("item", APPLICATIONS)
def test_every_value_file_is_there_switched_on_or_off(item: Application) -> None:
    named = [name for source in item.sources for name in (source.get("helm") or {}).get("valueFiles", ())]
    off = infrastructure.comments(ROOT / "infrastructure" / item.component / "application.yaml")
    for name in [*named, *off]:
        assert name.startswith(f"$repo/infrastructure/{item.component}/")
        assert (ROOT / name.removeprefix("$repo/")).is_file(), name


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_value_file_can_be_switched_on_by_a_line(component: str) -> None:
    folder = ROOT / "infrastructure" / component
    text = (folder / "application.yaml").read_text()
    for path in folder.glob("values*.yaml"):
        assert f"- $repo/infrastructure/{component}/{path.name}" in text, path.name


def test_the_project_names_every_repository_that_is_used_and_no_other() -> None:
    projects = list(load_all((infrastructure.CLUSTER / "projects.yaml").read_text()))
    named = {project["metadata"]["name"]: set(project["spec"]["sourceRepos"]) for project in projects}
    used = {source["repoURL"] for item in applications() for source in item.sources}
    assert named == {"infrastructure": used, "apps": {EXAMPLE_REPOSITORY}}


def test_what_is_required_is_a_component_that_comes_earlier() -> None:
    for item in applications():
        for wanted in item.declared("requires"):
            assert wanted in COMPONENTS, f"{item.name} requires {wanted}, which is no component"
            assert max(one.wave for one in infrastructure.of(wanted)) <= item.wave, item.name


def test_what_nothing_depends_on_comes_after_the_apps() -> None:
    """Its failure then holds nothing back."""
    required = {name for one in COMPONENTS for name in infrastructure.declared(one, "requires")}
    watching = {"metrics", "logs", "traces", "otlp"}
    for component in COMPONENTS:
        if infrastructure.declared(component, "provides") & watching:
            waves = [item.wave for item in infrastructure.of(component) if not item.name.endswith("-crds")]
            assert min(waves) > APPS_WAVE, component
        elif component in required:
            assert max(item.wave for item in infrastructure.of(component)) < APPS_WAVE, component


def test_definitions_come_before_whatever_could_use_them() -> None:
    waves = {item.name: item.wave for item in applications()}
    first = min(wave for name, wave in waves.items() if not name.endswith("-crds") and wave > -30)
    for name in ("gateway-api", "traefik-crds", "monitoring-crds", "istio-base"):
        assert waves[name] < first


def test_alternatives_say_so_and_only_they_provide_the_same() -> None:
    providers: dict[str, set[str]] = {}
    for component in COMPONENTS:
        for capability in infrastructure.declared(component, "provides"):
            providers.setdefault(capability, set()).add(component)
    shared = {capability: found for capability, found in providers.items() if len(found) > 1}
    assert shared == {
        "ingress": {"traefik", "ingress-nginx"},
        "logs": {"loki", "elastic"},
        "traces": {"tempo", "jaeger", "zipkin"},
    }


def test_what_is_expected_of_the_cluster_is_known() -> None:
    expected = {value for one in COMPONENTS for value in infrastructure.declared(one, "expects")}
    assert expected == {"storage", "load-balancer"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_its_readme_says_what_it_costs_what_to_set_how_to_see_it_and_which_version_it_is(
    component: str,
) -> None:
    text = (ROOT / "infrastructure" / component / "README.md").read_text()
    for part in ("**Costs**", "**Set**", "**See it work**", "```console", "**Version**"):
        assert part in text
    version = text.partition("**Version**")[2]
    for item in infrastructure.of(component):
        for source in item.elsewhere:
            assert str(source["targetRevision"]).lstrip("v") in version, item.name


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_file_that_is_switched_on_by_a_line_is_in_the_readme_too(component: str) -> None:
    folder = ROOT / "infrastructure" / component
    text = (folder / "README.md").read_text()
    for name in infrastructure.comments(folder / "application.yaml"):
        assert Path(name).name in text, name


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_value_of_its_own_is_a_secret_or_a_floating_version(component: str) -> None:
    for path in (ROOT / "infrastructure" / component).rglob("*.yaml"):
        if path.name == "install.yaml":
            continue
        for key, value in _scalars(load_all(path.read_text())):
            assert str(value) != "latest", f"{path}: {key}"
            if re.search(r"(password|token|secret|api_?key|routing_?key)$", key, re.I):
                # A name of a Secret, a file, or a reference is none.
                assert not value or re.match(r"^(\$|\w[\w-]*$)", str(value)), f"{path}: {key}"


def _scalars(item: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(item, dict):
        for key, value in item.items():
            yield from _scalars(value, str(key))
    elif isinstance(item, list):
        for value in item:
            yield from _scalars(value, name)
    else:
        yield name, item
