"""What is in a revision that is not checked out is unknown: no folder and no file of it is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.core.git_refs import elsewhere, is_elsewhere
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

pytestmark = pytest.mark.usefixtures("cache")
URL = "https://git.example.org/team/platform.git"
APPLICATION = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: web, namespace: argocd}}
spec:
  project: platform
  destination: {{server: https://kubernetes.default.svc, namespace: web}}
  source: {{repoURL: {URL}, targetRevision: REVISION, path: web}}
"""
SET = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: all, namespace: argocd}}
spec:
  goTemplate: true
  generators: [{{git: {{repoURL: {URL}, revision: REVISION, directories: [{{path: web/*}}]}}}}]
  template:
    metadata: {{name: '{{{{ .path.basename }}}}'}}
    spec:
      project: platform
      destination: {{server: https://kubernetes.default.svc, namespace: web}}
      source: {{repoURL: {URL}, targetRevision: REVISION, path: '{{{{ .path.path }}}}'}}
"""


def repository(root: Path, text: str, revision: str) -> Path:
    """A clone on main, with another branch and a tag."""
    write(root, {"apps/web.yaml": text.replace("REVISION", json.dumps(revision))})
    git(root, "init", "-q", "-b", "main")
    git(root, "remote", "add", "origin", URL)
    git(root, "add", "-A")
    git(root, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "one")
    git(root, "branch", "production")
    git(root, "tag", "v1.2.0")
    return root


def found(run: Run, root: Path) -> dict[str, tuple[str, str]]:
    result = run("validate", str(root), "-o", "json")
    return {one["rule"]: (one["severity"], one["message"]) for one in json.loads(result.out)["findings"]}


OTHERS = ["production", "refs/heads/production", "v1.2.0", "refs/tags/v1.2.0", "v1.*", "a1b2c3d4e5"]


@pytest.mark.parametrize("revision", ["HEAD", "main", "staging", *OTHERS])
def test_folder_is_missing_only_in_what_is_checked_out(run: Run, tmp_path: Path, revision: str) -> None:
    severity, message = found(run, repository(tmp_path / "r", APPLICATION, revision))["GB201"]
    if revision in OTHERS:
        assert severity == "info"
        assert message.endswith(f"; it may be in {revision}, which is not checked out")
    else:
        assert (severity, "checked out" in message) == ("error", False)


def test_branch_that_is_checked_out_is_the_one_in_question(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path / "r", APPLICATION, "production")
    git(root, "checkout", "-q", "production")
    assert found(run, root)["GB201"][0] == "error"
    git(root, "checkout", "-q", "--detach")
    assert found(run, root)["GB201"][0] == "error"


@pytest.mark.parametrize("revision", ["HEAD", "main", "production", "v1.*"])
def test_set_lists_only_the_folders_of_what_is_checked_out(run: Run, tmp_path: Path, revision: str) -> None:
    told = found(run, repository(tmp_path / "r", SET, revision))
    if revision in OTHERS:
        assert told["GB110"][1].endswith(f"it lists the folders of {revision}, which is not checked out")
        assert "GB117" not in told
    else:
        assert told["GB117"][1].endswith("no path matches web/*")


def test_default_branch_of_a_clone_is_that_of_its_remote(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", APPLICATION, "HEAD")
    git(origin, "checkout", "-q", "production")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "fix", "v1.2.0")
    assert elsewhere(tmp_path / "clone") == {"v1.2.0"}
    assert not is_elsewhere("production", elsewhere(tmp_path / "clone"))
    git(tmp_path / "clone", "branch", "other")
    assert elsewhere(tmp_path / "clone") == {"v1.2.0", "other"}
