"""A cluster in which everything is a pod, Argo CD too; `bootstrap` runs within its network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.core.output import Output
from bootstrap.layout import catalog
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox import embedded, environment, gitea, process, profile, state
from bootstrap.sandbox.node import layout
from tests.conftest import Result
from tests.git_repositories import git
from tests.mirror import certificates
from tests.real import entries
from tests.real.node import Node
from tests.sandbox.conftest import private_invocation

PROCESSES = (*embedded.CONTROL_PLANE, "kube-scheduler", "kwok", "gitea", layout.PROCESS)
"""With a Git host, and without the processes that stand in for Argo CD's pods."""
AUTHOR = "Test <test@example.invalid>"
ASIDE = ("MutatingAdmissionPolicyBinding", "sandbox-simulated-pods")
"""What sends Argo CD's pods to the simulated node."""


@dataclass(frozen=True)
class Platform:
    """A repository on the sandbox's Git host, and the cluster that follows it."""

    node: Node
    url: str
    folder: Path
    webhooks: int
    ca_file: Path

    def bootstrap(self, *arguments: str) -> Result:
        """A command from within the node's network, where the Git host has the address that pods know."""
        pid = entries.inside(self.node.sandbox)
        command = ["nsenter", f"--target={pid}", "--net", "--", sys.executable, "-m", "bootstrap", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    @property
    def environ(self) -> dict[str, str]:
        sandbox = self.node.sandbox
        environ = dict(private_invocation(self.folder).environ)
        environ |= {"KUBECONFIG": str(sandbox.kubeconfig), "PYTHONPATH": str(Path(__file__).parents[2])}
        return environ

    @property
    def credentials(self) -> tuple[str, ...]:
        sandbox = self.node.sandbox
        return (
            "--username",
            sandbox.git_username,
            "--token-file",
            str(sandbox.git_token_file),
            "--ca-file",
            str(self.ca_file),
        )

    def init(self, *options: str) -> Result:
        """`init` without the components whose charts are out of reach."""
        out_of_reach = profile.missing(catalog.load(), private_invocation(self.folder), every=False)
        without = [word for each in out_of_reach for word in ("--without", each.component)]
        argocd_url = f"https://127.0.0.1:{self.webhooks}"
        given = (self.url, *self.credentials, "--argocd-url", argocd_url, "--author", AUTHOR)
        return self.bootstrap("init", *given, *without, "--yes", *options)

    def on_the_host(self) -> tuple[str, ...]:
        """Options of a command that pushes without a checkout."""
        return ("--push", "--repo", self.url, *self.credentials, "--author", AUTHOR)

    def clone(self) -> Path:
        """The repository's newest files."""
        place = self.folder / "clone"
        token = self.node.sandbox.git_token_file.read_text().strip()
        if not place.exists():
            host, path = self.node.sandbox.git_url, self.url.split("/", 3)[3]
            url = f"{host.replace('://', f'://{self.node.sandbox.git_username}:{token}@')}/{path}"
            git(self.folder, "clone", "--quiet", url, str(place))
        git(place, "pull", "--quiet", "--rebase")
        return place

    def push(self, message: str) -> str:
        """Commit everything in the clone and push it; returns the commit."""
        place = self.folder / "clone"
        git(place, "add", "--all")
        git(place, "commit", "--quiet", "-m", message)
        git(place, "push", "--quiet")
        return git(place, "rev-parse", "HEAD").strip()

    def application(self, name: str) -> dict[str, Any]:
        found = kube.get(self.node.cluster, "argoproj.io/v1alpha1", "Application", "argocd", name)
        return found or {}


@contextmanager
def started(folder: Path, name: str) -> Iterator[Platform]:
    """The sandbox; its Git host answers with the address that pods reach it at, in its webhooks too."""
    invocation = private_invocation(folder)
    sandbox = embedded.up(
        name,
        invocation,
        Output(invocation, quiet=True),
        with_argocd=False,
        processes=PROCESSES,
        nodes="real",
        timeout=900,
    )
    settings = state.load(sandbox.folder)
    assert settings is not None
    address = f"{layout.ADDRESS}:{entries.PORT}"
    port = settings.ports["gitea"]
    config = sandbox.folder / "git" / "app.ini"
    text = config.read_text().replace(
        f"\nROOT_URL = http://127.0.0.1:{port}/", f"\nROOT_URL = https://{address}/"
    )
    config.write_text(text.replace("[webhook]\n", "[webhook]\nSKIP_TLS_VERIFY = true\n"))
    environ = environment.build(sandbox.folder, invocation)
    process.start(sandbox.folder, gitea.spec(sandbox.folder, settings, environ))
    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    kind, binding = ASIDE
    kube.delete(cluster, [ClusterObject("admissionregistration.k8s.io/v1", kind, "", binding, b"")])
    node = Node(sandbox, cluster)
    ca_file, certificate = certificates(folder / "certificates", layout.ADDRESS)
    url = f"https://{address}/{sandbox.git_organisation}/gitops.git"
    with entries.git_host(sandbox, port, certificate), entries.webhooks(node) as hooks:
        yield Platform(node, url, folder, hooks, ca_file)
