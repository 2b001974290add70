"""Wrong inputs and hosts that fail: one clear error each, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bootstrap import kube
from bootstrap.kube.connection import request
from bootstrap.manifests.objects import ClusterObject
from tests.conftest import Result
from tests.git_repositories import Bare, git
from tests.sandbox.init.cutting_proxy import CuttingProxy
from tests.sandbox.world import World, empty


def kubeconfig(
    world: World, path: Path, *, server: str | None = None, token: str | None = None
) -> dict[str, str]:
    """An environment with a copy of the kubeconfig that has another server or credential."""
    import yaml

    data = yaml.safe_load(world.sandbox.kubeconfig.read_text())
    if server:
        data["clusters"][0]["cluster"]["server"] = server
    if token:
        data["users"][0]["user"] = {"token": token}
    path.write_text(json.dumps(data))
    return {"KUBECONFIG": str(path)}


def service_account(world: World, rules: list[dict[str, Any]]) -> str:
    """The token of an account with these rights alone."""
    objects = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "test-limited", "namespace": "default"},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "test-limited"},
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "test-limited"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "test-limited",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "test-limited", "namespace": "default"}],
        },
    ]
    made = [
        ClusterObject(
            item["apiVersion"],
            item["kind"],
            item["metadata"].get("namespace", ""),
            item["metadata"]["name"],
            json.dumps(item).encode(),
        )
        for item in objects
    ]
    kube.apply(world.cluster, made, force=True)
    answer = request(
        world.cluster,
        "POST",
        "/api/v1/namespaces/default/serviceaccounts/test-limited/token",
        "making a token",
        body=b'{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}',
    )
    return str(answer.data["status"]["token"])


def errors(result: Result) -> list[str]:
    """The lines that begin an error."""
    return [line for line in result.err.splitlines() if line.startswith("error: ")]


@dataclass(frozen=True)
class Case:
    """How to make it wrong (environment and options), and how it ends."""

    make: Callable[[World, Path], tuple[dict[str, str], list[str]]]
    exit: int
    words: tuple[str, ...]


def unreachable(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return kubeconfig(world, path / "k", server="https://127.0.0.1:1"), []


def expired(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return kubeconfig(world, path / "k", token="expired-or-wrong"), []


def limited(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    readable = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]}]
    return kubeconfig(world, path / "k", token=service_account(world, readable)), []


def wrong_token(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {"GIT_TOKEN": "0123456789abcdef0123456789abcdef01234567"}, []


def reading_token(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    return {"GIT_TOKEN": world.reading_token()}, []


def protected(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    world.up("--repo-only", "--argocd-manifest", str(world.manifest))
    rule = {"rule_name": "main", "enable_push": False}
    world.api("POST", f"/repos/{world.name}/branch_protections", rule)
    return {}, ["--domain", "example.net"]


def no_context(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {}, ["--context", "no-such-context"]


def no_kubeconfig(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {"KUBECONFIG": str(path / "absent"), "HOME": str(path)}, []


def unknown_component(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {}, ["--with", "no-such-component"]


def unknown_version(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {}, ["--argocd-version", "v99.0.0", "--argocd-manifest", str(world.manifest)]


def other_checksum(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    return {}, ["--argocd-manifest", str(world.manifest), "--sha256", "0" * 64]


def no_organisation(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    world.url = f"{world.sandbox.git_url}/no-such-organisation/gitops.git"
    return {}, []


def both_unreachable(world: World, path: Path) -> tuple[dict[str, str], list[str]]:
    world.url = "http://127.0.0.1:1/platform/gitops.git"
    options = ["--argocd-manifest", str(world.manifest)]
    return kubeconfig(world, path / "k", server="https://127.0.0.1:2"), options


CASES = {
    "unreachable server": Case(unreachable, 5, ("https://127.0.0.1:1",)),
    "expired credential": Case(expired, 5, ("credential",)),
    "missing rights": Case(limited, 3, ("create namespaces", "customresourcedefinitions", "cluster-admin")),
    "wrong token": Case(wrong_token, 4, ("token",)),
    "token that only reads": Case(reading_token, 3, ("may not push",)),
    "protected branch": Case(protected, 3, ("protected", "--pr")),
    "context not in kubeconfig": Case(no_context, 2, ("no-such-context",)),
    "no kubeconfig": Case(no_kubeconfig, 2, ("kubeconfig",)),
    "unknown component": Case(unknown_component, 2, ("no-such-component",)),
    "unknown version": Case(unknown_version, 2, ("v99.0.0",)),
    "checksum mismatch": Case(other_checksum, 6, ("expected 000",)),
    "missing organisation": Case(no_organisation, 4, ("no-such-organisation",)),
    "everything at once": Case(both_unreachable, 3, ("2 problems", "127.0.0.1:1", "127.0.0.1:2")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_clear_error_and_nothing_changes(world: World, tmp_path: Path, case: Case) -> None:
    environ, options = case.make(world, tmp_path)
    objects = world.objects()
    history = world.history() if world.bare().exists() else None
    result = world.init(*options, env=environ)
    assert result.exit == case.exit, result.err
    assert len(errors(result)) == 1, result.err
    for word in case.words:
        assert word in result.err
    assert "Traceback" not in result.err
    assert world.objects() == objects
    assert (world.history() if world.bare().exists() else None) == history


def test_broken_yaml_in_the_repository_is_reported_with_its_place_and_nothing_changes(world: World) -> None:
    world.up()
    path = "apps/voting-app/applications/dev/application.yaml"
    Bare.at(world.bare()).commit({path: b"kind: [\n"})
    objects, history = world.objects(), world.history()
    result = world.init()
    assert result.exit == 2, result.err
    assert f"{path}:2:1" in result.err
    assert (world.objects(), world.history()) == (objects, history)


def test_refused_push_leaves_no_argocd_behind(world: World) -> None:
    """The hook shows itself at the push only: after every check, before the cluster."""
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    hook = world.bare() / "hooks" / "pre-receive.d" / "test"
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'policy 7 forbids it' >&2\nexit 1\n")
    hook.chmod(0o755)
    result = world.init()
    assert result.exit == 4, result.err
    assert "policy 7 forbids it" in result.err
    assert world.objects() == {}
    assert git(world.bare(), "for-each-ref") == ""


# -- the network, interrupted -----------------------------------------------------------------------


def through(world: World, path: Path, limit: int | None, which: str) -> tuple[CuttingProxy, dict[str, str]]:
    """A proxy before the API server or the Git host, and the environment that leads through it."""
    target = world.sandbox.server if which == "cluster" else world.sandbox.git_url
    parts = urlsplit(target)
    assert parts.hostname
    assert parts.port
    proxy = CuttingProxy(parts.hostname, parts.port, limit)
    if which == "cluster":
        return proxy, kubeconfig(world, path / "k", server=f"https://127.0.0.1:{proxy.port}")
    world.url = f"http://127.0.0.1:{proxy.port}/{world.name}.git"
    return proxy, {}


ENDS = {"cluster": {3, 5}, "git": {3, 4, 11}}
"""How a run may end that is cut off from one side: refused before the first change, or by that side."""


# urllib3 leaves a socket to the garbage collector whose handshake is cut.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("which", ["cluster", "git"])
def test_interrupted_network_is_one_clear_error_and_the_next_run_finishes(
    world: World, tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the middle of each phase: after parts of the bytes that an undisturbed run passes."""
    monkeypatch.setattr("bootstrap.kube.connection.PATIENCE", 1.0)
    monkeypatch.setattr("bootstrap.providers.client.ATTEMPTS", 2)
    monkeypatch.setattr("bootstrap.git.retries.SECONDS", 3.0)
    direct, manifest = world.url, ["--argocd-manifest", str(world.manifest)]
    proxy, environ = through(world, tmp_path, None, which)
    with proxy:
        whole = world.init("--argocd-url", "http://127.0.0.1:1", *manifest, env=environ)
    assert whole.exit == 0, whole.err
    expected, total = set(world.objects()), proxy.passed
    failed = 0
    for part in (0.02, 0.3, 0.5, 0.7, 0.9):
        _start_over(world, direct)
        proxy, environ = through(world, tmp_path, int(total * part), which)
        with proxy:
            cut = world.init("--argocd-url", "http://127.0.0.1:1", *manifest, env=environ)
        # A run with fewer connections passes fewer bytes: the last part may not be reached.
        allowed = ENDS[which] | ({0} if part > 0.5 else set())
        assert cut.exit in allowed, (part, cut.exit, cut.err)
        assert len(errors(cut)) == (cut.exit != 0), cut.err
        assert "Traceback" not in cut.err
        failed += cut.exit != 0
        world.url = direct
        done = world.init("--argocd-url", "http://127.0.0.1:1")
        assert done.exit == 0, done.err
        assert {_plain(name) for name in world.objects()} == {_plain(name) for name in expected}
    assert failed >= 3


def _plain(name: str) -> str:
    """Without what comes of the URL, which is the proxy's at times."""
    return name.partition("repository-")[0]


def _start_over(world: World, url: str) -> None:
    world.url = url
    empty(world.cluster)
    world.api("DELETE", f"/repos/{world.name}")
