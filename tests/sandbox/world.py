"""A cluster and a Git host for tests of `init`: an API server alone, and Gitea; emptied between tests.

No controllers run there, so that nothing but `init` changes anything.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import secrets
import subprocess
import tarfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bootstrap import kube
from bootstrap.core.errors import NotFound
from bootstrap.core.invocation import Invocation
from bootstrap.kube.connection import request
from bootstrap.main import run as run_cli
from bootstrap.sandbox.addresses import Sandbox
from tests.conftest import Result
from tests.git_repositories import git

PROCESSES = ("etcd", "kube-apiserver", "gitea")
AUTHOR = "Ada Lovelace <ada@example.org>"
SYSTEM = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
NAMESPACED = (
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("argoproj.io/v1alpha1", "Application"),
    ("argoproj.io/v1alpha1", "AppProject"),
)
CLUSTER_WIDE = (
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
)
BOOKKEEPING = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink")
RANDOM_VALUE = 43
"""Characters of a value that was made at random (32 bytes, URL-safe)."""


@dataclass
class World:
    """One test's access to the two hosts. `url` is a repository that does not exist yet."""

    sandbox: Sandbox
    cluster: kube.Cluster
    url: str
    environ: dict[str, str]
    manifest: Path
    ssh_key: Path | None = None
    """A key of the user's, where a test has made one."""

    @property
    def name(self) -> str:
        """owner/name of the repository."""
        return self.url.removeprefix(f"{self.sandbox.git_url}/").removesuffix(".git")

    @property
    def token(self) -> str:
        return self.sandbox.git_token_file.read_text().strip()

    def options(self, *more: str, url: str | None = None) -> list[str]:
        """What every run of `init` is given."""
        given = ["--username", self.sandbox.git_username, "--author", AUTHOR, "--yes", *more]
        if not {"--repo-only", "--cluster-only", "--argocd-manifest"} & set(more) and not self.is_laid_out():
            given += ["--argocd-manifest", str(self.manifest)]
        return ["init", url or self.url, *given]

    def init(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        wait: bool = False,
        url: str | None = None,
    ) -> Result:
        """Run `init` in this process, without waiting for Applications: nothing syncs them here."""
        no_wait = [] if wait or "--dry-run" in options or "--repo-only" in options else ["--no-wait"]
        return self.run(*self.options(*no_wait, *options, url=url), env=env)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Any command in this process, as the same user."""
        out, err = io.StringIO(), io.StringIO()
        invocation = Invocation(io.StringIO(), out, err, {**self.environ, **(env or {})})
        status = run_cli(list(arguments), invocation)
        return Result(int(status), out.getvalue(), err.getvalue())

    def api(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """A call of Gitea's API by its user, or by `token`; None for 404."""
        answer = requests.request(
            method,
            f"{self.sandbox.git_url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"token {token or self.token}"},
            timeout=60,
        )
        if answer.status_code == 404:
            return None
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def is_laid_out(self) -> bool:
        if not self.bare().exists():
            return False
        return bool(git(self.bare(), "ls-tree", "--name-only", "main", "bootstrap.yaml", check=False))

    def up(self, *options: str) -> Result:
        """Run `init`, which has to succeed."""
        done = self.init(*options)
        assert done.exit == 0, done.err
        return done

    def bare(self) -> Path:
        """The repository's folder on the Git host."""
        return self.sandbox.folder / "git" / "data" / "repositories" / f"{self.name}.git"

    def history(self) -> list[tuple[str, int, str]]:
        """Subject, number of parents and files of every commit, newest first; [] without a branch.

        The record is left out: it holds a commit's id, and so the time.
        """
        said = git(self.bare(), "log", "--topo-order", "--format=%H%x00%s%x00%P", "main", check=False)
        found = []
        for sha, subject, parents in (line.split("\0") for line in said.splitlines()):
            listed = git(self.bare(), "ls-tree", "-r", sha).splitlines()
            files = "\n".join(line for line in listed if not line.endswith("\tbootstrap.yaml"))
            found.append((subject, len(parents.split()), hashlib.sha256(files.encode()).hexdigest()))
        return found

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Path → content of the repository's files, by one call of git."""
        archive = subprocess.run(
            ["git", "archive", "--format=tar", revision], cwd=self.bare(), capture_output=True, check=True
        ).stdout
        found = {}
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    found[member.name] = file.read()
        return found

    def reading_token(self) -> str:
        """A new token of the user that may read repositories and nothing else."""
        answer = requests.post(
            f"{self.sandbox.git_url}/api/v1/users/{self.sandbox.git_username}/tokens",
            json={"name": secrets.token_hex(8), "scopes": ["read:repository"]},
            auth=(self.sandbox.git_username, (self.sandbox.folder / "git" / "password").read_text().strip()),
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sha1"])

    def webhooks(self) -> list[dict[str, Any]]:
        """Without the time of the last delivery, which Gitea writes by itself."""
        found = self.api("GET", f"/repos/{self.name}/hooks") or []
        return [{key: value for key, value in hook.items() if key != "updated_at"} for hook in found]

    def objects(self) -> dict[str, Any]:
        """Every object that is not the API server's own, without what differs from run to run."""
        found: dict[str, Any] = {}

        def collect(kind: tuple[str, str]) -> list[dict[str, Any]]:
            return kube.list_objects(self.cluster, *kind)

        with ThreadPoolExecutor(8) as pool:
            listed = [
                *pool.map(collect, (*NAMESPACED, *CLUSTER_WIDE)),
                [item for item in collect(("v1", "Namespace")) if item["metadata"]["name"] not in SYSTEM],
            ]
        for item in (item for items in listed for item in items):
            metadata = item["metadata"]
            if metadata.get("namespace") in SYSTEM or metadata["name"].startswith("system:"):
                continue
            if item["kind"] in ("ClusterRole", "ClusterRoleBinding") and not metadata["name"].startswith(
                "argocd"
            ):
                continue
            found[f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"] = stable(item)
        return found


def stable(item: dict[str, Any]) -> dict[str, Any]:
    """An object without the server's bookkeeping, and random values as their length."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in BOOKKEEPING}
    managers = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in metadata.pop("managedFields", ())
        if entry.get("subresource") != "status"  # a long CRD is Established after `init` has ended
    ]
    metadata["managedFields"] = sorted(managers, key=lambda entry: json.dumps(entry, sort_keys=True))
    result = {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}
    if item["kind"] == "Service":  # an address out of the server's range
        addresses = ("clusterIP", "clusterIPs")
        result["spec"] = {key: value for key, value in item["spec"].items() if key not in addresses}
    if item["kind"] == "Secret":
        values = {key: base64.b64decode(value) for key, value in (item.get("data") or {}).items()}
        result["data"] = {
            key: f"{len(value)} characters" if len(value) == RANDOM_VALUE else value.decode()
            for key, value in values.items()
        }
    return result


def empty(cluster: kube.Cluster) -> None:
    """Delete everything that `init` may have made. Without controllers, a namespace is finished by hand."""
    kinds = [kind for kind in NAMESPACED if kind[0] != "argoproj.io/v1alpha1"]
    namespaces = [item["metadata"]["name"] for item in kube.list_objects(cluster, "v1", "Namespace")]
    namespaces = [name for name in namespaces if name not in SYSTEM]
    _delete_custom_resources(cluster, namespaces)
    paths = []
    for namespace in namespaces:
        for api_version, kind in kinds:
            base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            plural = f"{kind.lower()[:-1]}ies" if kind.endswith("Policy") else f"{kind.lower()}s"
            if kind != "Service":  # a Service cannot be deleted by the collection everywhere
                paths.append(f"{base}/namespaces/{namespace}/{plural}")
        paths += [
            f"/api/v1/namespaces/{namespace}/services/{item['metadata']['name']}"
            for item in kube.list_objects(cluster, "v1", "Service", namespace)
        ]
    for plural, kind in (("clusterroles", "ClusterRole"), ("clusterrolebindings", "ClusterRoleBinding")):
        paths += [
            f"/apis/rbac.authorization.k8s.io/v1/{plural}/{item['metadata']['name']}"
            for item in kube.list_objects(cluster, "rbac.authorization.k8s.io/v1", kind)
            if item["metadata"]["name"].startswith(("argocd", "test-"))
        ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: _delete(cluster, path), paths))
    for namespace in namespaces:
        path = f"/api/v1/namespaces/{namespace}"
        _delete(cluster, path)
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace},
            "spec": {"finalizers": []},
        }
        with suppress(NotFound):  # where controllers run, theirs was first
            request(
                cluster, "PUT", f"{path}/finalize", "emptying the cluster", body=json.dumps(body).encode()
            )
    cluster.kinds.clear()


def _delete(cluster: kube.Cluster, path: str) -> None:
    """What a controller has deleted since it was listed, and a kind that is not served yet, are as good."""
    with suppress(NotFound):
        request(cluster, "DELETE", path, "emptying the cluster")


def _delete_custom_resources(cluster: kube.Cluster, namespaces: list[str]) -> None:
    """The definitions too; each is waited for, as a half-deleted one refuses to be made again."""
    from bootstrap.manifests.objects import ClusterObject

    definitions = kube.list_objects(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    for item in definitions:
        plural = item["spec"]["names"]["plural"]
        for namespace in namespaces:
            path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/{plural}"
            _delete(cluster, path)
    wanted = [
        ClusterObject(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", item["metadata"]["name"], b""
        )
        for item in definitions
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda item: kube.delete(cluster, [item]), wanted))


def make(sandbox: Sandbox, manifest: Path, name: str, home: Path) -> World:
    """A world with an empty cluster and the URL of a repository of that name."""
    environ = {
        **os.environ,
        "BOOTSTRAP_ARGOCD_IMAGES": "tag",  # in every run alike; no registry is asked
        "KUBECONFIG": str(sandbox.kubeconfig),
        "GIT_TOKEN": sandbox.git_token_file.read_text().strip(),
        "HOME": str(home),
        "BOOTSTRAP_CACHE_DIR": str(home / "cache"),
    }
    invocation = Invocation(io.StringIO(), io.StringIO(), io.StringIO(), environ)
    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    empty(cluster)
    url = f"{sandbox.git_url}/{sandbox.git_organisation}/{name}.git"
    return World(sandbox, cluster, url, environ, manifest)
