"""The real Argo CD refuses a commit that nobody signed, and syncs one that the named key signed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from yaml import safe_load, safe_load_all

from bootstrap import argocd, kube
from bootstrap.kube import Cluster
from bootstrap.layout import argocd_edits
from bootstrap.layout.settings import Settings
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog.infrastructure import CLUSTER
from tests.git_repositories import git
from tests.openpgp import Keys, keys
from tests.sandbox.argocd.test_live import Repository, application, settings
from tests.sandbox.kubernetes import delete, made
from tests.sandbox.test_argocd_processes import until

API = "/apis/argoproj.io/v1alpha1/namespaces/argocd"
MAP = "argocd-gpg-keys-cm"


@pytest.fixture
def openpgp() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def repository(sandbox: Sandbox, cluster: Cluster, tmp_path: Path) -> Iterator[Repository]:
    found = Repository(sandbox, cluster, tmp_path)
    yield found
    delete(cluster, found.secret)


def project_of(repository: Repository, key: str) -> dict[str, object]:
    """The shipped project of the apps, as `init --signed-by` lays it out, under a name of this test's own."""
    before = Settings(repository.url, "main")
    path = f"{before.folder}/projects.yaml"
    files = {path: (CLUSTER / "projects.yaml").read_bytes()}
    edited = argocd_edits.changed(files, before, replace(before, signed_by=(key,)))
    found = next(one for one in safe_load_all(edited[path]) if one["metadata"]["name"] == "apps")
    found["metadata"]["name"] = f"signed-{secrets.token_hex(4)}"
    found["spec"]["sourceRepos"] = [repository.url]
    return dict(found)


def push(repository: Repository, path: str, value: str, signing: tuple[str, ...] = ()) -> str:
    """A commit with a ConfigMap of that value; its id."""
    commit = repository.bare.commit({f"{path}/object.yaml": json.dumps(settings(value)).encode()})
    if signing:
        made_new = ("commit-tree", f"{commit}^{{tree}}", "-p", commit, "-m", "signed", "-S")
        commit = git(repository.bare.folder, *signing, *made_new)
        git(repository.bare.folder, "update-ref", "refs/heads/main", commit)
    git(repository.bare.folder, "push", "--quiet", repository.push_url, "main")
    return commit


def test_unsigned_commit_is_refused_and_a_signed_one_syncs(
    cluster: Cluster, namespace: str, repository: Repository, openpgp: Keys, tmp_path: Path
) -> None:
    key, other = openpgp.make("ada"), openpgp.make("bob")
    armored = {one: openpgp.export(one, tmp_path / one).read_text() for one in (key, other)}
    empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MAP, "namespace": "argocd"}}
    kube.apply(cluster, [made(safe_load(argocd_edits.key_map(armored)))], namespace=argocd.NAMESPACE)
    project = project_of(repository, key)
    name = str(project["metadata"]["name"])  # type: ignore[index]
    kube.apply(cluster, [made(project)], namespace=argocd.NAMESPACE)
    app = application(name, name, repository.url, "object", namespace)
    # As what is laid out: without an end, and with the newest commit.
    backoff = {"duration": "1s", "factor": 1, "maxDuration": "1s"}
    app["spec"]["syncPolicy"]["retry"] = {"limit": -1, "refresh": True, "backoff": backoff}

    def said() -> str:
        found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", name) or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return " ".join(str(one.get("message")) for one in conditions)

    def told(commit: str, why: str) -> bool:
        """In one reading: Argo CD writes its conditions anew at every look."""
        found = said()
        return commit in found and why in found

    def live() -> str | None:
        found = kube.get(cluster, "v1", "ConfigMap", namespace, "settings")
        return found["data"]["value"] if found else None

    def refresh() -> None:
        note = {"argocd.argoproj.io/refresh": "hard"}
        kube.annotate(cluster, "argoproj.io/v1alpha1", "Application", "argocd", name, note)

    def signed_by(one: str) -> tuple[str, ...]:
        return ("-c", f"gpg.program={openpgp.program}", "-c", f"user.signingKey={one}")

    try:
        unsigned = push(repository, "object", "unsigned")
        kube.apply(cluster, [made(app)])
        until(lambda: told(unsigned, "unsigned"), "Argo CD's word on the unsigned commit")
        assert live() is None
        wrong = push(repository, "object", "by another", signed_by(other))
        refresh()
        until(lambda: told(wrong, "unallowed key"), "Argo CD's word on the other key")
        assert live() is None
        push(repository, "object", "signed", signed_by(key))
        refresh()
        until(lambda: live() == "signed", "the signed commit to be live")
    finally:
        delete(cluster, f"{API}/applications/{name}")
        delete(cluster, f"{API}/appprojects/{name}")
        kube.apply(cluster, [made(empty)], namespace=argocd.NAMESPACE)
