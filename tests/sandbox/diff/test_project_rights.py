"""What `diff` says a project permits from now on is what a real Argo CD permits then, and not before."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap import argocd, kube
from bootstrap.argocd.source import FromCluster
from bootstrap.diff.rights import grown
from bootstrap.kube import Cluster
from bootstrap.resources.index import Resource
from bootstrap.sandbox.addresses import Sandbox
from tests import kubeconfigs
from tests.sandbox.argocd.test_live import TIMEOUT, Repository, application, name, repository
from tests.sandbox.kubernetes import delete, made
from tests.tools import tool

__all__ = ["name", "repository"]

HERE = "https://kubernetes.default.svc"
API = "/apis/argoproj.io/v1alpha1/namespaces/argocd"
OBJECTS = [
    {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}
    for version, kind, name, more in (
        ("v1", "ConfigMap", "a", {}),
        ("v1", "Secret", "a", {}),
        ("v1", "Namespace", "projects-a", {}),
        ("v1", "Namespace", "team-a", {}),
        ("scheduling.k8s.io/v1", "PriorityClass", "projects-a", {"value": 1}),
    )
]


def place(namespace: str, server: str = HERE) -> dict[str, str]:
    return {"server": server, "namespace": namespace}


def kind(what: str, group: str = "", **more: str) -> dict[str, str]:
    return {"group": group, "kind": what, **more}


EVERYWHERE = [place("*", "*")]
EVERY_KIND = [kind("*", "*")]
SOURCES: dict[str, list[str]] = {
    "none": [],
    "one": ["{git}/team/a.git"],
    "team": ["{git}/team/*"],
    "not-a": ["{git}/team/*", "!{git}/team/a.git"],
    "all-but-a": ["!{git}/team/a.git"],
    "all": ["*"],
}
REPOSITORIES = ("{git}/team/a.git", "{git}/team/b", "{git}/other/c.git")
DESTINATIONS: dict[str, list[dict[str, str]]] = {
    "none": [],
    "team-a": [place("team-a")],
    "teams": [place("team-*")],
    "teams-by-name": [{"name": "in-cluster", "namespace": "team-*"}],
    "all": [place("*", "*")],
    "not-system": [place("*"), place("!kube-system")],
    "not-teams": [place("*"), place("!team-*")],
}
NAMESPACES = ("team-a", "team-b", "kube-system", "other")
LISTS: dict[str, dict[str, Any]] = {
    "nothing-wide": {},
    "everything": {"clusterResourceWhitelist": EVERY_KIND},
    "no-secrets": {"clusterResourceWhitelist": EVERY_KIND, "namespaceResourceBlacklist": [kind("Secret")]},
    "config-only": {"namespaceResourceWhitelist": [kind("Config*")]},
    "no-namespaces": {
        "clusterResourceWhitelist": EVERY_KIND,
        "clusterResourceBlacklist": [kind("Namespace")],
    },
    "namespaces": {"clusterResourceWhitelist": [kind("Namespace")]},
    "own-namespaces": {"clusterResourceWhitelist": [kind("Namespace", name="projects-*")]},
    "other-namespaces": {"clusterResourceWhitelist": [kind("Namespace", name="team-*")]},
}
POLICIES: dict[str, list[str]] = {
    "none": [],
    "get": ["applications, get, shop/*, allow"],
    "all": ["applications, *, shop/*, allow"],
    "all-but-delete": ["applications, *, shop/*, allow", "applications, delete, shop/*, deny"],
    "one": ["applications, *, shop/web, allow"],
    "logs": ["logs, get, shop/*, allow", "applications, get, shop/*, allow"],
}
ACTIONS = (
    ("get", "applications", "shop/web"),
    ("get", "applications", "shop/db"),
    ("sync", "applications", "shop/web"),
    ("delete", "applications", "shop/web"),
    ("get", "logs", "shop/web"),
)


def body(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "argocd"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": spec}


def compare(specs: dict[str, dict[str, Any]], permitted: dict[str, frozenset[str]]) -> None:
    """Of every pair, whether `diff` says that the second permits more, and whether it does."""
    silent, alarmed = [], []
    for before in specs:
        for after in specs:
            more = permitted[after] - permitted[before]
            told = grown(Resource(body("x", **specs[before])), Resource(body("x", **specs[after])))
            if more and not told:
                silent.append((before, after, sorted(more)))
            elif told and not more:
                alarmed.append((before, after, told))
    assert silent == []
    assert alarmed == []


@pytest.fixture
def projects(cluster: Cluster, name: str) -> Iterator[list[str]]:
    """Names of projects that are deleted afterwards."""
    names: list[str] = []
    yield names
    for one in argocd.applications(cluster):
        if one["metadata"]["name"].startswith(name):
            delete(cluster, f"{API}/applications/{one['metadata']['name']}")
    for one in names:
        delete(cluster, f"{API}/appprojects/{one}")


def test_sources_and_destinations(cluster: Cluster, sandbox: Sandbox, name: str, projects: list[str]) -> None:
    git = f"{sandbox.git_url}/{name}"
    sources = {
        key: {"sourceRepos": [one.format(git=git) for one in value], "destinations": EVERYWHERE}
        for key, value in SOURCES.items()
    }
    places = {key: {"sourceRepos": ["*"], "destinations": value} for key, value in DESTINATIONS.items()}
    asked = {
        **{
            f"{name}-source-{key}-{number}": ("source", key, url.format(git=git), "team-a")
            for key in sources
            for number, url in enumerate(REPOSITORIES)
        },
        **{
            f"{name}-place-{key}-{space}": ("place", key, f"{git}/team/a.git", space)
            for key in places
            for space in NAMESPACES
        },
    }
    for word, specs in (("source", sources), ("place", places)):
        projects += [f"{name}-{word}-{key}" for key in specs]
        kube.apply(cluster, [made(body(f"{name}-{word}-{key}", **spec)) for key, spec in specs.items()])
    bodies = []
    for one, (word, key, url, space) in asked.items():
        bodies.append(application(one, f"{name}-{word}-{key}", url, ".", space))
        del bodies[-1]["spec"]["syncPolicy"]
    kube.apply(cluster, [made(one) for one in bodies])
    refused = _refused(cluster, set(asked))
    for word, specs in (("source", sources), ("place", places)):
        permitted = {
            key: frozenset(
                f"{url} {space}"
                for one, (its_word, its_key, url, space) in asked.items()
                if (its_word, its_key) == (word, key) and one not in refused
            )
            for key in specs
        }
        assert permitted["none"] == frozenset()
        assert len(permitted["all"]) == len(REPOSITORIES if word == "source" else NAMESPACES)
        compare(specs, permitted)


def _refused(cluster: Cluster, names: set[str]) -> set[str]:
    """The Applications that their project does not permit, once Argo CD has looked at all."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        found = {one["metadata"]["name"]: one.get("status") or {} for one in argocd.applications(cluster)}
        said = {
            one: " ".join(str(item.get("message")) for item in found.get(one, {}).get("conditions") or ())
            for one in names
        }
        unseen = [one for one, text in said.items() if "which does not exist" in text]
        for one in unseen:  # it saw the Application before its project
            FromCluster(cluster).refresh("argocd", one)
        if all(said.values()) and not unseen:
            words = ("is not permitted in project", "do not match any of the allowed destinations")
            return {one for one, text in said.items() if any(word in text for word in words)}
        assert time.monotonic() < deadline, {one for one, text in said.items() if not text}
        time.sleep(0.5)


def test_kinds(
    cluster: Cluster, namespace: str, repository: Repository, name: str, projects: list[str]
) -> None:
    """Argo CD says of an object that its project does not permit that its status is unknown."""
    repository.push({f"all/{number}.yaml": one for number, one in enumerate(OBJECTS)})
    specs = {key: {"sourceRepos": ["*"], "destinations": EVERYWHERE, **spec} for key, spec in LISTS.items()}
    projects += [f"{name}-{key}" for key in specs]
    kube.apply(cluster, [made(body(f"{name}-{key}", **spec)) for key, spec in specs.items()])
    for key in specs:
        one = application(f"{name}-{key}", f"{name}-{key}", repository.url, "all", namespace)
        del one["spec"]["syncPolicy"]
        kube.apply(cluster, [made(one)])
    permitted: dict[str, frozenset[str]] = {}
    deadline = time.monotonic() + TIMEOUT
    while len(permitted) < len(specs):
        assert time.monotonic() < deadline, permitted
        for one in argocd.applications(cluster):
            resources = (one.get("status") or {}).get("resources") or ()
            key = one["metadata"]["name"].removeprefix(f"{name}-")
            if key in specs and len(resources) == len(OBJECTS):
                permitted[key] = frozenset(
                    f"{item['kind']} {item['name']}" for item in resources if item.get("status") != "Unknown"
                )
        time.sleep(0.5)
    assert len(permitted["everything"]) == len(OBJECTS)
    compare(specs, permitted)


def test_roles(tmp_path: Path) -> None:
    lines = [f"p, proj:shop:{key}, {policy}" for key, policies in POLICIES.items() for policy in policies]
    # It asks for the address of a cluster, and then the file alone.
    kubeconfigs.write(tmp_path / "kubeconfig", "https://cluster.invalid", {"token": "none"})
    file = tmp_path / "policy.csv"
    file.write_text("\n".join(lines) + "\n")
    permitted = {
        key: frozenset(
            " ".join(one) for one in ACTIONS if _can(f"proj:shop:{key}", one[0], one[1], one[2], file)
        )
        for key in POLICIES
    }
    specs = {
        key: {"roles": [{"name": "dev", "policies": [f"p, proj:shop:dev, {one}" for one in policies]}]}
        for key, policies in POLICIES.items()
    }
    assert permitted["none"] == frozenset()
    assert len(permitted["all"]) == 4
    compare(specs, permitted)


def _can(subject: str, action: str, resource: str, target: str, file: Path) -> bool:
    command = [str(tool("argocd")), "admin", "settings", "rbac", "can", subject, action, resource, target]
    options = ["--policy-file", str(file), "--default-role", "", "--use-builtin-policy=false"]
    found = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(file.parent), "PATH": os.defpath, "KUBECONFIG": str(file.parent / "kubeconfig")},
    )
    assert found.stdout.strip() in ("Yes", "No"), found.stderr
    return found.stdout.strip() == "Yes"
