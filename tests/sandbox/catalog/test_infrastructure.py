"""A real API server takes the catalog's own plain manifests of infrastructure, and all Applications."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.argocd.install_manifest import Variant
from bootstrap.core.names import is_own_source
from bootstrap.manifests import split as manifests
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog import custom_resources, infrastructure
from tests.catalog.infrastructure import INFRASTRUCTURE, ROOT
from tests.catalog.voting_app import kustomize, run
from tests.sandbox.catalog.test_voting_app import delete_all, refused
from tests.sandbox.conftest import private_invocation

KINDS = (
    "ClusterIssuer", "Certificate", "Elasticsearch", "Kibana", "Logstash", "HTTPRoute", "PodMonitor",
    "ServiceMonitor", "PrometheusRule",
)  # fmt: skip
MODULES = ("gateway-api", "prometheus-operator", "cert-manager", "elastic")
ARGOCD = "infrastructure/argocd/manifests"
FOLDERS = sorted(
    {
        source["path"]
        for item in infrastructure.applications()
        for source in item.sources
        if is_own_source(source) and "path" in source
    }
)
NAMESPACES = {item.body["spec"]["destination"]["namespace"] for item in infrastructure.applications()}


@pytest.fixture(scope="module")
def layout(argocd_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog's folders with Argo CD's manifest where `init` puts it."""
    top = tmp_path_factory.mktemp("layout")
    shutil.copytree(ROOT / "infrastructure", top / "infrastructure")
    shutil.copyfile(argocd_manifest, top / ARGOCD / "install.yaml")
    return top


@pytest.fixture(scope="module")
def server(api_server: Sandbox, layout: Path) -> Iterator[kube.Cluster]:
    """The API server, knowing the kinds of Argo CD and of what the catalog's own manifests use."""
    cluster = kube.connect(private_invocation(api_server.folder), api_server.context, api_server.kubeconfig)
    argocd = [item for item in split(layout / ARGOCD) if item.kind == "CustomResourceDefinition"]
    definitions = [*custom_resources.definitions(KINDS, MODULES), *argocd]
    known = {item["metadata"]["name"] for item in kube.list_objects(cluster, "v1", "Namespace")}
    namespaces = [namespace(name) for name in sorted(NAMESPACES - known)]
    kube.apply(cluster, [*definitions, *namespaces])
    yield cluster
    delete_all(cluster, [*definitions, *namespaces])


def namespace(name: str) -> ClusterObject:
    text = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"
    return ClusterObject("v1", "Namespace", "", name, text.encode())


def split(folder: Path) -> list[ClusterObject]:
    return manifests.split(run(folder).encode(), str(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_plain_manifests_are_accepted(server: kube.Cluster, layout: Path, folder: str) -> None:
    assert refused(server, split(layout / folder)) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_plain_manifests_are_accepted_with_every_switch_on(
    server: kube.Cluster, layout: Path, tmp_path: Path, folder: str
) -> None:
    top = tmp_path / "infrastructure"
    shutil.copytree(layout / "infrastructure", top)
    file = tmp_path / folder / "kustomization.yaml"
    text = file.read_text()
    switched = re.sub(r"^(\s*)# - (\S+)", r"\1- \2", text, flags=re.M)
    if switched == text:
        return  # it has no switches: the test above is the whole of it
    file.write_text(switched)
    plain = {item.text for item in split(layout / folder)}
    changed = [item for item in split(tmp_path / folder) if item.text not in plain]
    assert changed
    assert refused(server, changed) == []


@pytest.mark.parametrize("variant", ["ha", "core"])
def test_argo_cds_other_variants_are_accepted(
    server: kube.Cluster,
    layout: Path,
    argocd_manifests: Mapping[Variant, Path],
    tmp_path: Path,
    variant: Variant,
) -> None:
    """What `init --ha` and `init --core` put in the place of the manifest, patched as it is."""
    folder = tmp_path / ARGOCD
    shutil.copytree(layout / ARGOCD, folder)
    shutil.copyfile(argocd_manifests[variant], folder / "install.yaml")
    # The definitions are the same in all variants, and in use here.
    objects = [item for item in split(folder) if item.kind != "CustomResourceDefinition"]
    workloads = {item.name: item for item in objects if item.kind in ("Deployment", "StatefulSet")}
    assert ("argocd-redis-ha-server" in workloads) == (variant == "ha")
    assert ("argocd-server" in workloads) == (variant == "ha")
    assert refused(server, objects) == []
    assert refused(server, [spoil(workloads["argocd-repo-server"])])


def spoil(workload: ClusterObject) -> ClusterObject:
    """The same with a selector that does not take its own pods."""
    text = workload.text.replace(b"    matchLabels:\n", b"    matchLabels:\n      no-pod-has: this\n", 1)
    assert text != workload.text
    return ClusterObject(workload.api_version, workload.kind, workload.namespace, workload.name, text)


def test_applications_and_projects_are_accepted(server: kube.Cluster, tmp_path: Path) -> None:
    choice = tuple(infrastructure.offered())
    text = infrastructure.clusters(tmp_path, [choice])[choice]
    objects = manifests.split(text.encode(), "clusters/all")
    objects += manifests.split((infrastructure.CLUSTER / "root.yaml").read_bytes(), "root.yaml")
    assert refused(server, objects) == []


def test_every_default_of_argo_cd_is_kept_but_what_the_catalog_sets(layout: Path) -> None:
    """The released manifest is patched in a single ConfigMap; nothing else of it differs."""
    built = {key(item): item.text.strip() for item in split(layout / ARGOCD)}
    plain = layout / "plain"
    plain.mkdir()
    kustomization = "namespace: argocd\nresources: [../infrastructure/argocd/manifests/install.yaml]\n"
    (plain / "kustomization.yaml").write_text(kustomization)
    command = [kustomize(), "build", "--load-restrictor", "LoadRestrictionsNone", str(plain)]
    released = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    before = {key(item): item.text.strip() for item in manifests.split(released, "install.yaml")}
    assert set(built) - set(before) == {("Namespace", "argocd"), ("AppProject", "default")}
    assert {name for name in before if built.get(name) != before[name]} == {("ConfigMap", "argocd-cm")}


def key(item: ClusterObject) -> tuple[str, str]:
    return item.kind, item.name


def test_the_folders_are_all_that_hold_manifests() -> None:
    """So that a new one is not forgotten here."""
    found = {path.parent for path in INFRASTRUCTURE.glob("*/*/kustomization.yaml")}
    named = {ROOT / folder for folder in FOLDERS}
    components = {path for path in found if "kind: Component" in (path / "kustomization.yaml").read_text()}
    assert found - components == named
