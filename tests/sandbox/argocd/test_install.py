"""Installing Argo CD in a sandbox: it reports what it waits for, and tolerates a busy API server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bootstrap import argocd, kube
from bootstrap.argocd.install_manifest import Manifest
from bootstrap.core.errors import ApiError, Invalid, SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox import addresses, argocd_install, process, state
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.state import Settings
from tests.sandbox.conftest import private_invocation
from tests.sandbox.kubernetes import made

MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-the-manifest\n"


def install(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, errors: list[ApiError], deadline: float
) -> None:
    """With a small manifest; the first applies fail with `errors`, the next are real."""
    manifest = Manifest("v0.0.0", "install", "0" * 64, MANIFEST)
    monkeypatch.setattr(argocd, "manifest", lambda *_: manifest)
    real = kube.apply

    def apply(*arguments: object, **options: object) -> object:
        if errors:
            raise errors.pop(0)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(kube, "apply", apply)
    invocation = private_invocation(sandbox.folder)
    argocd_install.install(sandbox, invocation, deadline, lambda _: None)


def test_busy_api_server_is_asked_again(api_server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = ApiError("applying", "Timeout", "wait", code=504, reason="Timeout")
    install(api_server, monkeypatch, [busy, busy], time.monotonic() + 60)
    cluster = kube.connect(private_invocation(api_server.folder), api_server.context, api_server.kubeconfig)
    try:
        assert kube.get(cluster, "v1", "ConfigMap", "argocd", "from-the-manifest")
    finally:
        kube.delete(cluster, [ClusterObject("v1", "Namespace", "", "argocd", b"")])


def test_what_init_has_laid_out_is_left_as_it_is(
    api_server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when that `init` was interrupted: the manifest alone would be in conflict with its fields."""
    cluster = kube.connect(private_invocation(api_server.folder), api_server.context, api_server.kubeconfig)
    kube.ensure_namespace(cluster, "argocd")
    labels = {"app.kubernetes.io/managed-by": "gitops-bootstrap"}
    laid_out = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "labels": labels}}
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    controller = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "argocd-application-controller"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "serviceName": "a", "replicas": 0, "template": pod},
    }
    try:
        kube.apply(cluster, [made(laid_out), made(controller)], namespace="argocd")
        install(api_server, monkeypatch, [], time.monotonic() + 60)
        assert kube.get(cluster, "v1", "ConfigMap", "argocd", "from-the-manifest") is None
    finally:
        kube.delete(cluster, [ClusterObject("v1", "Namespace", "", "argocd", b"")])


def test_refusal_and_the_end_of_time_are_reported(
    api_server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid):
        install(api_server, monkeypatch, [Invalid("a", "b", "c", code=422)], time.monotonic() + 60)
    busy = ApiError("applying", "Timeout", "wait", code=504, reason="Timeout")
    with pytest.raises(ApiError, match="Timeout"):
        install(api_server, monkeypatch, [busy], time.monotonic() - 1)


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Sandbox, Settings]:
    """A sandbox whose agent runs, and starts nothing."""
    settings = Settings("quiet", dict.fromkeys(state.PORTS, 1), ("agent",))
    monkeypatch.setattr(kube, "connect", lambda *_: None)
    process.start(tmp_path, process.Spec("agent", ("/bin/sh", "-c", "echo thinking; exec sleep 600")))
    return addresses.describe(tmp_path, settings), settings


def wait(quiet: tuple[Sandbox, Settings], invocation: Invocation) -> SandboxError:
    sandbox, settings = quiet
    try:
        with pytest.raises(SandboxError) as told:
            argocd_install.wait(sandbox, settings, invocation, time.monotonic() + 0.5, lambda _: None)
        return told.value
    finally:
        process.end(sandbox.folder, process.recorded(sandbox.folder))


def test_process_that_was_never_started_is_not_said_to_have_ended(
    quiet: tuple[Sandbox, Settings], invocation: Invocation
) -> None:
    error = wait(quiet, invocation)
    assert error.tried == "waiting for argocd-repo-server"
    assert "the log of agent" in error.found


def test_process_that_has_ended_is_named_with_its_last_words(
    quiet: tuple[Sandbox, Settings], invocation: Invocation
) -> None:
    folder = quiet[0].folder
    record = {"pid": 1, "started": 1, "digest": ""}
    (folder / "processes" / "argocd-server.json").write_text(json.dumps(record))
    process.log_file(folder, "argocd-server").write_text("fatal: no such flag\n")
    error = wait(quiet, invocation)
    assert error.tried == "running argocd-server"
    assert "no such flag" in error.found
