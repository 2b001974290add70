"""A real Argo CD: found, previewed, waited for, and what it says of what is wrong."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bootstrap import argocd, kube
from bootstrap.core.errors import NotReadyError
from bootstrap.kube import Cluster, dry_run
from bootstrap.manifests import parse, split
from bootstrap.sandbox.addresses import Sandbox
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.sandbox import kubernetes
from tests.sandbox.conftest import private_invocation
from tests.sandbox.kubernetes import delete, made

TIMEOUT = 180.0


class Repository:
    """A repository on the sandbox's Git host, and Argo CD's way to it."""

    def __init__(self, sandbox: Sandbox, cluster: Cluster, folder: Path) -> None:
        self.bare = Bare(folder / "bare.git")
        name, token = f"live-{secrets.token_hex(4)}", sandbox.git_token_file.read_text().strip()
        answer = requests.post(
            f"{sandbox.git_url}/api/v1/orgs/{sandbox.git_organisation}/repos",
            json={"name": name, "private": True, "default_branch": "main"},
            headers={"Authorization": f"token {token}"},
            timeout=60,
        )
        answer.raise_for_status()
        self.url = f"{sandbox.git_url}/{sandbox.git_organisation}/{name}.git"
        kube.ensure_secret(
            cluster,
            argocd.NAMESPACE,
            name,
            data={"url": self.url.encode(), "username": b"git", "password": token.encode()},
            generate=(),
            labels={"argocd.argoproj.io/secret-type": "repository"},
        )
        self.secret = f"/api/v1/namespaces/{argocd.NAMESPACE}/secrets/{name}"
        self.push_url = self.url.replace("://", f"://{sandbox.git_username}:{token}@")

    def push(self, files: Mapping[str, dict[str, Any]]) -> str:
        """One commit; returns its id."""
        commit = self.bare.commit({path: json.dumps(content).encode() for path, content in files.items()})
        git(self.bare.folder, "push", "--quiet", self.push_url, "main")
        return commit


@pytest.fixture
def repository(sandbox: Sandbox, cluster: Cluster, tmp_path: Path) -> Iterator[Repository]:
    found = Repository(sandbox, cluster, tmp_path)
    yield found
    delete(cluster, found.secret)


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A name for a project, and the beginning of the names of its Applications; all deleted afterwards."""
    with project(cluster) as found:
        yield found


@contextmanager
def project(cluster: Cluster) -> Iterator[str]:
    """The same for as long as the block runs."""
    name = f"live-{secrets.token_hex(4)}"
    spec = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": spec,
    }
    kube.apply(cluster, [made(body)], namespace=argocd.NAMESPACE)
    yield name
    for item in argocd.applications(cluster):
        if item["metadata"]["name"].startswith(name):
            path = f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{item['metadata']['name']}"
            delete(cluster, path)
    delete(cluster, f"/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/{name}")


def application(name: str, project: str, url: str, path: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": project,
            "sources": [{"repoURL": url, "targetRevision": "main", "path": path}],
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def settings(value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"value": value},
    }


def test_commit_below_a_child_is_live_when_waiting_ends(
    cluster: Cluster, namespace: str, repository: Repository, name: str
) -> None:
    """No webhook, and the root itself does not change: only asking the child brings the commit in."""
    child = application(f"{name}-child", name, repository.url, "child", namespace)
    first = repository.push({"root/child.yaml": child, "child/settings.yaml": settings("one")})
    root = application(f"{name}-root", name, repository.url, "root", "argocd")
    kube.apply(cluster, [made(root)])
    status = argocd.wait(cluster, f"{name}-root", first, TIMEOUT)
    assert [item.name for item in status.applications] == [f"{name}-root", f"{name}-child"]
    assert _value(cluster, namespace) == "one"
    second = repository.push({"child/settings.yaml": settings("two")})
    status = argocd.wait(cluster, f"{name}-root", second, TIMEOUT)
    assert all(second in item.revision for item in status.applications)
    assert _value(cluster, namespace) == "two"
    assert argocd.wait(cluster, f"{name}-root", second, TIMEOUT).ready


def test_wait_by_argocd_server_needs_a_token_and_no_kubeconfig(
    sandbox: Sandbox, cluster: Cluster, namespace: str, repository: Repository, name: str, run: Run
) -> None:
    child = application(f"{name}-child", name, repository.url, "child", namespace)
    first = repository.push({"root/child.yaml": child, "child/settings.yaml": settings("one")})
    kube.apply(cluster, [made(application(f"{name}-root", name, repository.url, "root", "argocd"))])
    session = {"username": "admin", "password": argocd.initial_password(cluster)}
    answer = requests.post(f"{sandbox.argocd_url}/api/v1/session", json=session, timeout=60)
    answer.raise_for_status()
    token = answer.json()["token"]
    options = ("--server", sandbox.argocd_url, "--app", f"{name}-root", "--timeout", str(TIMEOUT))
    done = run("wait", *options, "--commit", first, env={"ARGOCD_AUTH_TOKEN": token})
    assert done.exit == 0, done.err
    assert _value(cluster, namespace) == "one"
    second = repository.push({"child/settings.yaml": settings("two")})
    assert run("wait", *options, "--commit", second, env={"ARGOCD_AUTH_TOKEN": token}).exit == 0
    assert _value(cluster, namespace) == "two"
    for seconds in ("3", "12", "48"):  # longer, until Argo CD has compared it again
        past = ("--timeout", seconds, "--commit", "0" * 40)
        late = run("wait", *options[:4], *past, env={"ARGOCD_AUTH_TOKEN": token})
        assert late.exit == 7
        if "waits for revision" in late.err:
            break
    assert "waits for revision 000000000000" in late.err
    refused = run("wait", *options, env={"ARGOCD_AUTH_TOKEN": f"{token}x"})
    assert refused.exit == 5
    assert "ARGOCD_AUTH_TOKEN" in refused.err
    assert token not in refused.err + late.err + done.err


def told_in_time(cluster: Cluster, name: str, commit: str, said: str) -> str:
    """What a wait that ends with its time has found, once `said` is part of it: the time is made longer."""
    found = ""
    for seconds in (8, 16, 32, 64):
        with pytest.raises(NotReadyError) as raised:
            argocd.wait(cluster, name, commit, seconds)
        found = raised.value.found
        if said in found:
            break
    assert said in found
    return found


def _value(cluster: Cluster, namespace: str) -> str | None:
    found = kube.get(cluster, "v1", "ConfigMap", namespace, "settings")
    return found["data"]["value"] if found else None


def test_path_that_is_not_in_the_repository_is_reported_before_the_time_is_over(
    cluster: Cluster, namespace: str, repository: Repository, name: str
) -> None:
    commit = repository.push({"root/settings.yaml": settings("one")})
    kube.apply(cluster, [made(application(name, name, repository.url, "gone", namespace))])
    with pytest.raises(NotReadyError, match="and nothing is changing") as raised:
        argocd.wait(cluster, name, commit, TIMEOUT, settled=10)
    assert "ComparisonError" in raised.value.found
    assert "gone: app path does not exist" in raised.value.found


def test_object_that_the_api_server_refuses_is_reported_with_its_sentence(
    cluster: Cluster, namespace: str, repository: Repository, name: str
) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 70000}]},
    }
    commit = repository.push({"root/service.yaml": service})
    kube.apply(cluster, [made(application(name, name, repository.url, "root", namespace))])
    # Argo CD tries again and again: it ends with the time.
    told_in_time(cluster, name, commit, "spec.ports[0].port: Invalid value: 70000")


def test_pod_that_cannot_be_scheduled_is_named_with_the_schedulers_word(
    cluster: Cluster, namespace: str, repository: Repository, name: str
) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "nodeSelector": {"no-such": "node"},
                    "containers": [{"name": "web", "image": "registry.example/web:1"}],
                },
            },
        },
    }
    commit = repository.push({"root/deployment.yaml": deployment})
    kube.apply(cluster, [made(application(name, name, repository.url, "root", namespace))])
    found = told_in_time(cluster, name, commit, "didn't match Pod's node affinity/selector")
    assert "Synced, Progressing" in found
    assert f"Deployment {namespace}/web: 0 of 1 replicas are available" in found


def test_argo_cd_is_found_with_its_version_and_as_ours(cluster: Cluster, sandbox: Sandbox) -> None:
    state = kube.observe(cluster)
    assert state.argocd is not None
    assert (state.argocd.namespace, state.argocd.installed_by) == ("argocd", "bootstrap")
    assert state.argocd.version == argocd.VERSION
    assert state.missing_rights == ()
    assert state.ready_nodes == 3
    assert abs(state.clock_skew) < 30
    assert (state.context, state.server) == (sandbox.context, sandbox.server)
    assert state.version.startswith("v1.")


def test_rights_that_are_missing_are_listed_in_words(
    cluster: Cluster, sandbox: Sandbox, namespace: str, tmp_path: Path
) -> None:
    state = kube.observe(kubernetes.powerless(cluster, sandbox, namespace, tmp_path))
    assert "create namespaces" in state.missing_rights
    assert "patch customresourcedefinitions.apiextensions.k8s.io" in state.missing_rights
    assert "watch applications.argoproj.io in namespace argocd" in state.missing_rights
    assert state.argocd is None
    assert state.ready_nodes == -1


@pytest.mark.parametrize("long", [0, dry_run.LONG, 10**9], ids=["reading", "as usual", "trying"])
def test_installed_manifest_would_change_nothing_although_argo_cd_has_run(
    cluster: Cluster, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, long: int
) -> None:
    """Whether each object is only read and compared, or the server tries to apply it."""
    monkeypatch.setattr(dry_run, "LONG", long)
    manifest = argocd.manifest(private_invocation(sandbox.folder), None, "install")
    objects = split.split(manifest.content, "install.yaml")
    previews = kube.preview(cluster, objects, namespace=argocd.NAMESPACE)
    assert [str(item.object) for item in previews if item.change != "same"] == []


def test_every_document_of_the_manifest_is_named_as_a_full_parse_names_it(sandbox: Sandbox) -> None:
    """By a parser that is not ours, and whole: each document's text holds exactly what it held."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    manifest = argocd.manifest(private_invocation(sandbox.folder), None, "install")
    objects = split.split(manifest.content, "install.yaml")
    documents = [item for item in yaml.load_all(manifest.content, loader) if item]
    assert len(objects) == len(documents)
    for found, full in zip(objects, documents, strict=True):
        metadata = full["metadata"]
        named = (full["apiVersion"], full["kind"], metadata.get("namespace", ""), metadata["name"])
        assert (found.api_version, found.kind, found.namespace, found.name) == named
        assert yaml.load(found.text, loader) == full  # noqa: S506 - a safe loader
        if len(found.text) < 10_000:
            assert parse.parse(found.text, ("install.yaml", 1)) == full


def test_first_password_is_printed_on_demand(cluster: Cluster, sandbox: Sandbox, run: Run) -> None:
    environ = {"KUBECONFIG": str(sandbox.kubeconfig)}
    result = run("argocd", "password", "--context", sandbox.context, env=environ)
    assert result.exit == 0, result.err
    assert result.out.strip() == argocd.initial_password(cluster)
    as_json = run("argocd", "password", "--context", sandbox.context, "-o", "json", env=environ)
    assert json.loads(as_json.out) == {"username": "admin", "password": result.out.strip()}
