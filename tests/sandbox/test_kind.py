"""The provider kind: what it calls, and what it makes of the cluster that it gets.

Docker is not available to tests: `docker`, `kind` and `kubectl` are scripts that record their calls.
`kind` hands out a real API server; `kubectl exec` runs a real Gitea's own command line.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import embedded, kind, state
from bootstrap.sandbox import up as provider
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.state import Settings
from tests.conftest import Run
from tests.sandbox.conftest import TIMEOUT

NAME = "bootstrap-sandbox-docker"
NODE = f"{NAME}-control-plane"

SCRIPT = """\
#!/bin/sh
printf '%s' "$(basename "$0")" >> {calls}
for word in "$@"; do printf ' %s' "$word" >> {calls}; done
printf '\\n' >> {calls}
case "$(basename "$0") $*" in
  "kind get clusters") cat {clusters} ;;
  "kind create cluster"*|"kind export kubeconfig"*)
    echo {name} > {clusters}
    for word in "$@"; do
      case "$word" in --kubeconfig=*) cp {kubeconfig} "${{word#--kubeconfig=}}" ;; esac
    done ;;
  *"NetworkSettings"*) echo 172.18.0.2 ;;
  *"State.Running"*) echo true ;;
  kubectl*exec*) while [ "$1" != -- ]; do shift; done; shift 2
    words=; for word in "$@"; do case "$word" in --config=*) ;; *) words="$words $word" ;; esac; done
    exec {gitea} $words --config={config} ;;
esac
"""


@pytest.fixture
def real(private: Invocation) -> Sandbox:
    processes = ("etcd", "kube-apiserver", "gitea")
    output = Output(private, quiet=True)
    return embedded.up("real", private, output, with_argocd=False, processes=processes, timeout=TIMEOUT)


@pytest.fixture
def docker(
    real: Sandbox, private: Invocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Invocation, Path]:
    """An invocation with the recording tools on PATH, and the file of what they were called with."""
    settings = state.load(real.folder)
    assert settings
    calls, clusters, kubeconfig = (tmp_path / name for name in ("calls", "clusters", "handed-out"))
    clusters.touch()
    kubeconfig.write_text(real.kubeconfig.read_text().replace(real.context, f"kind-{NAME}"))
    script = SCRIPT.format(
        calls=calls,
        clusters=clusters,
        kubeconfig=kubeconfig,
        name=NAME,
        gitea=settings.programs["gitea"],
        config=real.folder / "git" / "app.ini",
    )
    for tool in ("docker", "kind", "kubectl"):
        path = tmp_path / "bin" / tool
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
    described = kind.describe

    def on_loopback(folder: Path, settings: Settings) -> Sandbox:
        found = described(folder, settings)
        assert found.git_url == "http://172.18.0.2:30300"
        return replace(found, git_url=real.git_url)

    monkeypatch.setattr(kind, "describe", on_loopback)
    path = f"{tmp_path / 'bin'}:{private.environ['PATH']}"
    return replace(private, environ={**private.environ, "PATH": path}), calls


def up(invocation: Invocation) -> Sandbox:
    return provider.up("kind", "docker", invocation, Output(invocation, quiet=True), False, TIMEOUT)


def find(invocation: Invocation, sandbox: Sandbox, version: str, what: str, space: str, name: str) -> Any:
    return kube.get(kube.connect(invocation, sandbox.context, sandbox.kubeconfig), version, what, space, name)


def test_up_creates_one_cluster_and_gitea_in_it_and_the_next_up_keeps_both(
    docker: tuple[Invocation, Path], run: Run
) -> None:
    invocation, calls = docker
    sandbox = up(invocation)
    said = calls.read_text().splitlines()
    assert f"kind create cluster --wait=180s --name={NAME} --kubeconfig={sandbox.kubeconfig}" in said
    assert any(line.startswith("docker inspect") and line.endswith(NODE) for line in said)
    assert any(
        "create configmap argocd-cmd-params-cm --from-literal=server.insecure=true" in line for line in said
    )
    assert sandbox.kubeconfig.stat().st_mode & 0o077 == 0
    secret = find(invocation, sandbox, "v1", "Secret", "gitea", "gitea")
    assert "app.ini" in secret["data"]
    for space, name, port in (("gitea", "gitea", 30300), ("argocd", "sandbox-argocd-server", 30080)):
        service = find(invocation, sandbox, "v1", "Service", space, name)
        assert service["spec"]["ports"][0]["nodePort"] == port
    token = sandbox.git_token_file.read_text().strip()
    assert token
    assert not any(token in line for line in said)
    calls.write_text("")
    assert up(invocation) == sandbox
    again = calls.read_text()
    assert f"docker start {NODE}" in again
    assert "create cluster" not in again
    assert sandbox.git_token_file.read_text().strip() == token
    status = run("sandbox", "status", "--name", "docker", "-o", "json", env=dict(invocation.environ))
    assert status.exit == 0
    assert json.loads(status.out)["processes"][0]["name"] == NODE


def test_down_stops_the_node_and_purge_deletes_the_cluster(docker: tuple[Invocation, Path]) -> None:
    invocation, calls = docker
    sandbox = up(invocation)
    calls.write_text("")
    provider.down("docker", invocation, Output(invocation, quiet=True), purge=False)
    assert calls.read_text() == f"docker stop {NODE}\n"
    provider.down("docker", invocation, Output(invocation, quiet=True), purge=True)
    assert calls.read_text().splitlines()[-1] == f"kind delete cluster --name={NAME}"
    assert not sandbox.folder.exists()


@pytest.mark.parametrize("missing", ["docker", "kind"])
def test_missing_tool_is_named_with_what_to_do_instead(
    private: Invocation, tmp_path: Path, missing: str
) -> None:
    for tool in {"docker", "kind", "kubectl"} - {missing}:
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    invocation = replace(private, environ={**private.environ, "PATH": str(tmp_path)})
    with pytest.raises(SandboxError) as told:
        up(invocation)
    assert told.value.found == f"{missing} is not on PATH"
    assert "--provider embedded" in told.value.hint
