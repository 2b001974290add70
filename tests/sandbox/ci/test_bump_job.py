"""The bump job that `ci init` lays out, really run: it ends in a commit, and the commit is live."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from bootstrap import argocd, kube
from bootstrap.kube import Cluster
from bootstrap.sandbox.addresses import Sandbox
from tests.ci import act, laid_out
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import TIMEOUT, Repository, application
from tests.sandbox.kubernetes import delete, made

DIGEST = "sha256:" + "0a" * 32
IMAGE = f"ghcr.io/org/web:sha-0123456789ab@{DIGEST}"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
FILES = {
    OVERLAY: "resources:\n  - ../../base\nimages:\n  - name: ghcr.io/org/web # by CI\n    newTag: v0\n",
    "apps/shop/base/kustomization.yaml": "resources:\n  - web.yaml\n",
    "apps/shop/base/web.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: ghcr.io/org/web}
""",
}


@pytest.fixture
def repository(sandbox: Sandbox, cluster: Cluster, tmp_path: Path) -> Iterator[Repository]:
    found = Repository(sandbox, cluster, tmp_path)
    found.bare.commit({path: text.encode() for path, text in FILES.items()})
    git(found.bare.folder, "push", "--quiet", found.push_url, "main")
    yield found
    delete(cluster, found.secret)


@pytest.fixture
def project(cluster: Cluster) -> Iterator[str]:
    """A project's name, which its one Application has too; both are deleted afterwards."""
    name = f"ci-{secrets.token_hex(4)}"
    spec = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": spec,
    }
    kube.apply(cluster, [made(body)], namespace=argocd.NAMESPACE)
    yield name
    for kind in ("applications", "appprojects"):
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{argocd.NAMESPACE}/{kind}/{name}"
        delete(cluster, path)


def image(cluster: Cluster, namespace: str) -> str:
    found: Any = kube.get(cluster, "apps/v1", "Deployment", namespace, "web")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_laid_out_bump_job_ends_in_a_commit_that_argo_cd_syncs(
    sandbox: Sandbox, cluster: Cluster, namespace: str, repository: Repository, project: str, tmp_path: Path
) -> None:
    body = application(project, project, repository.url, "apps/shop/overlays/dev", namespace)
    kube.apply(cluster, [made(body)], namespace=argocd.NAMESPACE)
    argocd.wait(cluster, project, None, TIMEOUT, lambda _: None)
    assert image(cluster, namespace) == "ghcr.io/org/web:v0"

    app = laid_out.repository(tmp_path / "shop", "web")
    options = ("--app", "shop", "--gitops-repo", repository.url, "--registry", "ghcr.io/org")
    laid_out.lay_out(app, "github", "--action", laid_out.ACTION, *options)
    git(app, "add", ".")
    git(app, "commit", "--quiet", "--message", "Lay out CI")
    token = sandbox.git_token_file.read_text().strip()
    pinned = (
        (app / ".github" / "workflows" / "bump-image.yml")
        .read_text()
        .split("create-github-app-token@")[1][:40]
    )
    ended = act.dispatch(
        app,
        "bump-image.yml",
        {
            "image": f"shop/web={IMAGE}",
            "app": "shop",
            "environment": "dev",
            "built-at": datetime.now(timezone.utc).isoformat(),
            "only-newer": "false",
            "gitops-repository": repository.url,
        },
        {
            laid_out.ACTION: act.checkout(tmp_path / "action"),
            f"actions/create-github-app-token@{pinned}": act.never(tmp_path / "never"),
        },
        {"GITOPS_TOKEN": token},
        {"GITOPS_USERNAME": sandbox.git_username},
        tmp_path / "act",
    )
    assert ended.returncode == 0, ended.stdout
    assert token not in ended.stdout

    git(repository.bare.folder, "fetch", "--quiet", repository.push_url, "+main:main")
    tip = repository.bare.tip("main")
    assert f"::set-output:: commit={tip}" in ended.stdout
    changed = FILES[OVERLAY].replace("newTag: v0", f"newTag: sha-0123456789ab\n    digest: {DIGEST}")
    assert repository.bare.files() == {
        path: text.encode() for path, text in {**FILES, OVERLAY: changed}.items()
    }
    argocd.wait(cluster, project, tip, TIMEOUT, lambda _: None)
    assert image(cluster, namespace) == IMAGE
