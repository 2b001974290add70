"""Argo CD's real processes do the work for the Argo CD that is installed in the cluster."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bootstrap import argocd, kube
from bootstrap.core.errors import Forbidden, SandboxError
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox import argocd_processes, process, state
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.argocd_workloads import COMPONENTS, CUSTOM_RESOURCES, Component, Installed, read
from tests.sandbox.conftest import TIMEOUT, private_invocation
from tests.sandbox.test_gitea import ask

CMD_PARAMS = "/api/v1/namespaces/argocd/configmaps/argocd-cmd-params-cm"
BEFORE_A_POLL = 100.0
"""Seconds; Argo CD polls Git every 120 at the earliest, so what is live sooner came by the webhook."""


def until(ask: Callable[[], Any], waited_for: str, seconds: float = TIMEOUT) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still waiting for {waited_for}"
        time.sleep(0.2)
    return answer


def pids(sandbox: Sandbox) -> dict[str, int]:
    found = {name: process.running(sandbox.folder, name) for name in COMPONENTS}
    return {name: item.pid for name, item in found.items() if item}


def login(sandbox: Sandbox, password: str) -> requests.Response:
    body = {"username": "admin", "password": password}
    return requests.post(f"{sandbox.argocd_url}/api/v1/session", json=body, timeout=60)


def test_admin_logs_in_with_the_initial_password_and_with_no_other(
    sandbox: Sandbox, cluster: Cluster
) -> None:
    password = argocd.initial_password(cluster)
    assert password
    answer = login(sandbox, password)
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    clusters = requests.get(f"{sandbox.argocd_url}/api/v1/clusters", headers=headers, timeout=60).json()
    assert [item["server"] for item in clusters["items"]] == ["https://kubernetes.default.svc"]
    assert login(sandbox, "wrong" + password).status_code == 401


def test_ui_answers_and_shows_nothing_without_a_login(sandbox: Sandbox) -> None:
    assert requests.get(sandbox.argocd_url, timeout=60).status_code == 200
    assert requests.get(f"{sandbox.argocd_url}/api/v1/applications", timeout=60).status_code == 401


def test_installed_workloads_become_available(cluster: Cluster) -> None:
    def waiting() -> list[str]:
        return [
            item["metadata"]["name"]
            for kind in ("Deployment", "StatefulSet")
            for item in kube.list_objects(cluster, "apps/v1", kind, "argocd")
            if item.get("status", {}).get("availableReplicas", 0) < item["spec"]["replicas"]
        ]

    until(lambda: not waiting(), "every workload of Argo CD")


@pytest.mark.parametrize(
    ("name", "may_read_all_secrets"), [("argocd-application-controller", True), ("argocd-server", False)]
)
def test_each_process_has_the_rights_of_its_service_account(
    sandbox: Sandbox, name: str, may_read_all_secrets: bool
) -> None:
    kubeconfig = sandbox.folder / "kubeconfigs" / name
    connection = kube.connect(private_invocation(sandbox.folder), sandbox.context, kubeconfig)
    assert kube.list_objects(connection, "v1", "ConfigMap", "argocd")
    if may_read_all_secrets:
        kube.list_objects(connection, "v1", "Secret", "kube-system")
    else:
        with pytest.raises(Forbidden, match=f"system:serviceaccount:argocd:{name}"):
            request(connection, "POST", "/api/v1/namespaces", "creating", body=_namespace())


def _namespace() -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "never"}}).encode()


def _set(cluster: Cluster, key: str, value: str | None) -> None:
    body = json.dumps({"data": {key: value}}).encode()
    request(cluster, "PATCH", CMD_PARAMS, "changing", body=body, content_type="application/merge-patch+json")


def test_changed_parameter_restarts_the_process_that_reads_it(sandbox: Sandbox, cluster: Cluster) -> None:
    before = until(lambda: len(found := pids(sandbox)) == len(COMPONENTS) and found, "all processes")
    _set(cluster, "reposerver.log.level", "debug")
    try:
        changed = until(
            lambda: (
                (now := pids(sandbox).get("argocd-repo-server"))
                and now != before["argocd-repo-server"]
                and now
            ),
            "the repo-server to be started again",
        )
        environ = [line.decode() for line in _environ(changed)]
        assert "ARGOCD_REPO_SERVER_LOGLEVEL=debug" in environ
        assert pids(sandbox)["argocd-server"] == before["argocd-server"]
    finally:
        _set(cluster, "reposerver.log.level", None)
    until(
        lambda: (now := pids(sandbox).get("argocd-repo-server")) and now != changed,
        "the repo-server to be as before",
    )


def _environ(pid: int) -> list[bytes]:
    with open(f"/proc/{pid}/environ", "rb") as stream:  # noqa: PTH123
        return stream.read().split(b"\0")


def test_process_that_dies_is_started_again(sandbox: Sandbox) -> None:
    before = until(lambda: pids(sandbox).get("argocd-applicationset-controller"), "the process")
    os.kill(before, signal.SIGKILL)
    until(
        lambda: (now := pids(sandbox).get("argocd-applicationset-controller")) and now != before,
        "the process to be back",
    )


@pytest.fixture
def application(sandbox: Sandbox, cluster: Cluster, namespace: str) -> Iterator[tuple[str, str]]:
    """A repository with one ConfigMap, known to Argo CD, with a webhook: (repository, Application)."""
    name = f"app-{secrets.token_hex(4)}"
    organisation = sandbox.git_organisation
    made = ask(
        sandbox, "POST", f"/orgs/{organisation}/repos", {"name": name, "private": True, "auto_init": True}
    )
    assert made.status_code == 201, made.text
    url = f"{sandbox.git_url}/{organisation}/{name}.git"
    _commit(sandbox, name, "first")
    login_data = {
        "type": b"git",
        "url": url.encode(),
        "username": sandbox.git_username.encode(),
        "password": sandbox.git_token_file.read_bytes().strip(),
    }
    labels = {"argocd.argoproj.io/secret-type": "repository"}
    kube.ensure_secret(cluster, "argocd", f"repository-{name}", data=login_data, generate=(), labels=labels)
    kube.ensure_secret(
        cluster, "argocd", "argocd-secret", data={}, generate=("webhook.gogs.secret",), labels={}
    )
    hook = kube.get(cluster, "v1", "Secret", "argocd", "argocd-secret") or {}
    secret = base64.b64decode(hook["data"]["webhook.gogs.secret"]).decode()
    config = {"url": f"{sandbox.argocd_url}/api/webhook", "content_type": "json", "secret": secret}
    body = {"type": "gitea", "active": True, "events": ["push"], "config": config}
    added = ask(sandbox, "POST", f"/repos/{organisation}/{name}/hooks", body)
    assert added.status_code == 201, added.text
    spec = {
        "project": "default",
        "source": {"repoURL": url, "targetRevision": "main", "path": "manifests"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    metadata = {"name": name, "namespace": "argocd"}
    data = {"apiVersion": argocd_version(), "kind": "Application", "metadata": metadata, "spec": spec}
    item = ClusterObject(argocd_version(), "Application", "argocd", name, json.dumps(data).encode())
    kube.apply(cluster, [item])
    yield name, namespace
    secret_object = ClusterObject("v1", "Secret", "argocd", f"repository-{name}", b"")
    kube.delete(cluster, [item, secret_object])
    ask(sandbox, "DELETE", f"/repos/{organisation}/{name}")


def argocd_version() -> str:
    return "argoproj.io/v1alpha1"


def _commit(sandbox: Sandbox, repository: str, value: str) -> None:
    """Write the ConfigMap's manifest by Gitea's API: one commit, pushed."""
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: told\ndata:\n  value: {value}\n"
    path = f"/repos/{sandbox.git_organisation}/{repository}/contents/manifests/told.yaml"
    found = ask(sandbox, "GET", path)
    body = {"content": base64.b64encode(manifest.encode()).decode(), "branch": "main", "message": value}
    if found.status_code == 200:
        answer = ask(sandbox, "PUT", path, {**body, "sha": found.json()["sha"]})
    else:
        answer = ask(sandbox, "POST", path, body)
    assert answer.status_code in (200, 201), answer.text


def test_push_is_live_by_the_webhook_long_before_the_next_poll(
    sandbox: Sandbox, cluster: Cluster, application: tuple[str, str]
) -> None:
    repository, namespace = application

    def told() -> str | None:
        found = kube.get(cluster, "v1", "ConfigMap", namespace, "told")
        return found["data"]["value"] if found else None

    until(lambda: told() == "first", "the first sync")
    _commit(sandbox, repository, "second")
    until(lambda: told() == "second", "the push to be live", BEFORE_A_POLL)


# -- where git asks for credentials --------------------------------------------------------


def socket_in(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    settings = state.Settings("own", dict.fromkeys(state.PORTS, 1), (), programs={"argocd": "argocd"})
    component = Component("argocd-repo-server", (), {})
    return Path(argocd_processes.spec(folder, settings, component, {}).environ["ARGOCD_ASK_PASS_SOCK"])


def test_socket_is_in_the_folder_where_its_path_is_short_enough(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as short:
        assert socket_in(Path(short)).is_relative_to(short)
    long = tmp_path / ("l" * 120)
    outside = socket_in(long)
    try:
        assert len(str(outside)) <= argocd_processes.SOCKET_LIMIT
        assert outside.parent.stat().st_mode & 0o777 == 0o700
        outside.parent.chmod(0o755)
        with pytest.raises(SandboxError, match="another user"):
            socket_in(long)
    finally:
        argocd_processes.remove_socket(long)
    assert not outside.parent.exists()


# -- what is read from the installed workloads ---------------------------------------------


def _workload(kind: str, name: str, replicas: int = 1) -> dict[str, Any]:
    container = {
        "name": name,
        "args": [f"/usr/local/bin/{name}", "--loglevel=debug"],
        "env": [
            {
                "name": "ARGOCD_X",
                "valueFrom": {
                    "configMapKeyRef": {"name": "argocd-cmd-params-cm", "key": "x", "optional": True}
                },
            },
            {"name": "ARGOCD_LITERAL", "value": "1"},
            {"name": "HELM_CACHE_HOME", "value": "/helm-working-dir"},
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
    }
    spec = {"replicas": replicas, "template": {"spec": {"containers": [container]}}}
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


def _read(**changed: Any) -> Installed | None:
    given: dict[str, Any] = {
        "workloads": [_workload(kind, name) for name, kind in COMPONENTS.items()],
        "config_maps": [
            {"metadata": {"name": "argocd-cm"}},
            {"metadata": {"name": "argocd-cmd-params-cm"}, "data": {"x": "from the map"}},
        ],
        "secrets": [{"metadata": {"name": "argocd-secret"}}],
        "established": CUSTOM_RESOURCES,
    }
    return read(**{**given, **changed})


def test_component_gets_its_pods_arguments_and_variables_but_not_the_images_paths() -> None:
    found = _read()
    assert found
    assert [item.name for item in found.components] == list(COMPONENTS)
    component = found.components[0]
    assert component.arguments == ("--loglevel=debug",)
    assert component.variables == {"ARGOCD_X": "from the map", "ARGOCD_LITERAL": "1", "NAMESPACE": "argocd"}


@pytest.mark.parametrize(
    "changed",
    [
        {"config_maps": []},
        {"secrets": []},
        {"established": CUSTOM_RESOURCES[:2]},
        {"workloads": []},
    ],
)
def test_nothing_is_started_while_a_part_is_missing(changed: dict[str, Any]) -> None:
    assert _read(**changed) is None


def test_workload_that_is_scaled_to_nothing_is_not_run() -> None:
    workloads = [_workload(kind, name, int(name != "argocd-server")) for name, kind in COMPONENTS.items()]
    found = _read(workloads=workloads)
    assert found
    assert "argocd-server" not in {item.name for item in found.components}


def test_known_hosts_of_argo_cd_are_a_file_of_the_processes(sandbox: Sandbox) -> None:
    settings = state.load(sandbox.folder)
    assert settings
    known = sandbox.folder / "argocd" / "ssh" / "ssh_known_hosts"
    until(known.is_file, "the file")
    assert "github.com" in known.read_text()
