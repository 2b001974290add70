"""Sync waves across Applications, in a real Argo CD with the catalog's health check for them.

A wave whose Application fails holds the next one back, and a pushed fix is taken without a hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bootstrap import argocd, kube
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from tests.catalog import custom_resources
from tests.catalog.infrastructure import INFRASTRUCTURE, WAVE, load_all, yaml
from tests.sandbox.argocd.test_live import (
    TIMEOUT,
    Repository,
    application,
    name,  # noqa: F401 - a fixture
    repository,  # noqa: F401 - a fixture
    settings,
)
from tests.sandbox.kubernetes import made

CONFIG = f"/api/v1/namespaces/{argocd.NAMESPACE}/configmaps/argocd-cm"
CHECK = "resource.customizations.health.argoproj.io_Application"
ROOT = yaml(INFRASTRUCTURE.parent / "clusters/default/root.yaml")


@pytest.fixture(autouse=True)
def _health_check(cluster: Cluster) -> Iterator[None]:
    """The catalog's, while these tests run."""
    patches = yaml(INFRASTRUCTURE / "argocd/manifests/patches/argocd-cm.yaml")
    _configure(cluster, patches["data"][CHECK])
    yield
    _configure(cluster, None)


def _configure(cluster: Cluster, value: str | None) -> None:
    body = json.dumps({"data": {CHECK: value}}).encode()
    request(cluster, "PATCH", CONFIG, "as a person", body=body, content_type="application/merge-patch+json")


def service(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": port}]},
    }


def root(name: str, url: str) -> dict[str, Any]:  # noqa: F811 - no fixture here
    return with_retries(application(f"{name}-root", name, url, "root", argocd.NAMESPACE))


def with_retries(item: dict[str, Any]) -> dict[str, Any]:
    """As everything in the catalog: without an end, and always the newest commit; here sooner."""
    retry = {**ROOT["spec"]["syncPolicy"]["retry"], "backoff": {"duration": "2s", "factor": 1}}
    item["spec"]["syncPolicy"]["retry"] = retry
    return item


def in_wave(item: dict[str, Any], wave: int) -> dict[str, Any]:
    item["metadata"]["annotations"] = {WAVE: str(wave)}
    return with_retries(item)


def two_waves(project: str, url: str, namespace: str, first: str = "first") -> tuple[dict[str, Any], ...]:
    """Two Applications, the second a wave after the first, whose folder is `first`."""
    return (
        in_wave(application(f"{project}-first", project, url, first, namespace), 0),
        in_wave(application(f"{project}-second", project, url, "second", namespace), 1),
    )


SECOND = {**settings("two"), "metadata": {"name": "second"}}
"""What the second one applies."""


def state(cluster: Cluster, application_name: str) -> dict[str, Any] | None:
    """An Application's status; None if it does not exist."""
    found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", argocd.NAMESPACE, application_name)
    return None if found is None else found.get("status") or {}


def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.2)


def root_gave_up_a_try(cluster: Cluster, root_name: str) -> bool:
    """Its sync ended in a failure, and is waiting for, or in, its next try."""
    operation = (state(cluster, root_name) or {}).get("operationState") or {}
    return bool(operation.get("retryCount")) or operation.get("phase") in ("Failed", "Error")


def test_a_failing_wave_holds_the_next_one_back_until_a_fix_is_pushed(
    cluster: Cluster,
    namespace: str,
    repository: Repository,  # noqa: F811
    name: str,  # noqa: F811
) -> None:
    """One object of the first wave is refused, another applied: by Argo CD's own lights that is Healthy."""
    first, second = two_waves(name, repository.url, namespace)
    repository.push(
        {
            "root/first.yaml": first,
            "root/second.yaml": second,
            "first/settings.yaml": settings("one"),
            "first/service.yaml": service(70000),
            "second/settings.yaml": SECOND,
        }
    )
    kube.apply(cluster, [made(root(name, repository.url))])
    until(lambda: root_gave_up_a_try(cluster, f"{name}-root"), "the root's first try fails")

    def refused() -> bool:
        """Between two tries the first wave says nothing: each begins with an empty state."""
        said = (state(cluster, f"{name}-first") or {}).get("operationState")
        return "Invalid value: 70000" in json.dumps(said)

    until(refused, "the first wave's object is refused")
    status = state(cluster, f"{name}-first")
    assert status is not None
    assert status["sync"]["status"] != "Synced"
    assert state(cluster, f"{name}-second") is None

    commit = repository.push({"first/service.yaml": service(7000)})
    ended = argocd.wait(cluster, f"{name}-root", commit, TIMEOUT)
    assert ended.ready
    assert {item.name for item in ended.applications} == {
        f"{name}-{part}" for part in ("root", "first", "second")
    }
    assert kube.get(cluster, "v1", "ConfigMap", namespace, "second") is not None


def test_a_wave_that_cannot_be_rendered_is_fixed_by_a_commit_to_the_root(
    cluster: Cluster,
    namespace: str,
    repository: Repository,  # noqa: F811
    name: str,  # noqa: F811
) -> None:
    """The root's own manifests change while its sync has failed: the next try takes the newest commit."""
    first, second = two_waves(name, repository.url, namespace, "nowhere")
    repository.push(
        {
            "root/first.yaml": first,
            "root/second.yaml": second,
            "first/settings.yaml": settings("one"),
            "second/settings.yaml": SECOND,
        }
    )
    kube.apply(cluster, [made(root(name, repository.url))])
    until(lambda: root_gave_up_a_try(cluster, f"{name}-root"), "the root's first try fails")
    assert state(cluster, f"{name}-second") is None

    first["spec"]["sources"][0]["path"] = "first"
    repository.push({"root/first.yaml": first})
    until(lambda: state(cluster, f"{name}-second") is not None, "the second wave is released")
    until(
        lambda: kube.get(cluster, "v1", "ConfigMap", namespace, "second") is not None,
        "the second wave is synced",
    )
    assert kube.get(cluster, "v1", "ConfigMap", namespace, "settings") is not None


@pytest.fixture
def issuers(cluster: Cluster) -> Iterator[None]:
    kinds = custom_resources.definitions(("ClusterIssuer",), ("cert-manager",))
    kube.apply(cluster, kinds)
    yield
    kube.delete(cluster, kinds)


@pytest.mark.usefixtures("issuers")
def test_issuers_without_a_way_to_their_authority_hold_no_wave(
    cluster: Cluster,
    namespace: str,
    repository: Repository,  # noqa: F811
    name: str,  # noqa: F811
) -> None:
    """The catalog's own, with what cert-manager says of them where Let's Encrypt cannot be reached."""
    first, second = two_waves(name, repository.url, namespace)
    commit = repository.push({"root/first.yaml": first, "first/settings.yaml": settings("one")})
    kube.apply(cluster, [made(root(name, repository.url))])
    argocd.wait(cluster, f"{name}-root", commit, TIMEOUT)

    found = list(load_all((INFRASTRUCTURE / "cert-manager/issuers/letsencrypt.yaml").read_text()))
    commit = repository.push({f"first/{one['metadata']['name']}.yaml": one for one in found})
    assert argocd.wait(cluster, f"{name}-root", commit, TIMEOUT).ready
    for one in found:
        wanted = str(one["metadata"]["name"])
        condition = {"type": "Ready", "status": "False", "reason": "ErrRegister", "message": "no route"}
        body = json.dumps({"status": {"conditions": [condition]}}).encode()
        path = f"/apis/cert-manager.io/v1/clusterissuers/{wanted}/status"
        merge = "application/merge-patch+json"
        request(cluster, "PATCH", path, "as cert-manager", body=body, content_type=merge)
    commit = repository.push({"root/second.yaml": second, "second/settings.yaml": SECOND})
    ended = argocd.wait(cluster, f"{name}-root", commit, TIMEOUT)
    assert ended.ready
    told = {one["name"]: one.get("health") for one in (state(cluster, f"{name}-first") or {})["resources"]}
    assert {one["metadata"]["name"] for one in found} <= set(told)
    assert kube.get(cluster, "v1", "ConfigMap", namespace, "second") is not None
