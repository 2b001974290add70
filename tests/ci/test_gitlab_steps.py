"""Jobs of the pipelines do what they say, on a real repository. Docker is a recording stand-in."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.ci import gitlab_inputs, laid_out, steps
from tests.git_repositories import Bare

DIGEST = "sha256:" + "0a" * 32
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
SH = ("sh", "-e")
TOKEN = "a-token-that-nobody-may-see"
GITLAB = {
    "CI_REGISTRY": "registry.example.com",
    "CI_REGISTRY_USER": "ci",
    "CI_REGISTRY_PASSWORD": TOKEN,
    "CI_COMMIT_SHA": "0123456789abcdef" * 2 + "01234567",
    "CI_PROJECT_URL": "https://gitlab.example.com/org/shop",
    "CI_SERVER_HOST": "gitlab.example.com",
}
DOCKER = f"""
echo "$@" >>"$NOTED"
case "$1" in login) cat >>"$NOTED.passwords";; esac
case "$*" in
  *--metadata-file*) printf '{{\\n  "containerimage.digest": "{DIGEST}"\\n}}\\n' >metadata.json;;
esac"""


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    found = Bare(tmp_path / "gitops.git")
    found.commit({OVERLAY: b"images:\n  - name: shop/web # by CI\n    newTag: v0\n"})
    return found


def bump(tmp_path: Path, url: str, **environ: str) -> tuple[int, str]:
    """The component's job, with the inputs that its description names; its status and what it printed."""
    inputs = {"app": "shop", "environment": "dev", "entry": "shop/web", "gitops-repository": url}
    body = gitlab_inputs.filled(steps.FILES / "gitlab" / "bump-image.yml", inputs)
    job = body["bump image"]
    on_path = tmp_path / "bin"
    if not on_path.exists():
        steps.programs(on_path)
    variables = {name: str(value) for name, value in job["variables"].items()}
    created = {"CI_PIPELINE_CREATED_AT": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))}
    known = {**GITLAB, **created, **variables, **environ}
    ended = steps.run("\n".join(job["script"]), SH, tmp_path, on_path, known)
    assert TOKEN not in ended.stdout + ended.stderr
    return ended.returncode, ended.stdout + ended.stderr


def test_bump_writes_what_the_job_before_left(tmp_path: Path, bare: Bare) -> None:
    image = f"registry.example.com/web:sha-0123456789ab@{DIGEST}"
    status, said = bump(tmp_path, bare.url, GITOPS_TOKEN=TOKEN, IMAGE_REFERENCE=image)
    assert status == 0, said
    changed = f"newName: registry.example.com/web\n    newTag: sha-0123456789ab\n    digest: {DIGEST}\n"
    assert bare.files()[OVERLAY].decode() == f"images:\n  - name: shop/web # by CI\n    {changed}"


def test_bump_of_an_older_pipeline_changes_nothing(tmp_path: Path, bare: Bare) -> None:
    before = bare.tip("main")
    older = {"CI_PIPELINE_CREATED_AT": "2001-01-01T00:00:00Z"}
    status, said = bump(tmp_path, bare.url, GITOPS_TOKEN=TOKEN, IMAGE_REFERENCE=":v1", **older)
    assert (status, bare.tip("main")) == (0, before)
    assert "later" in said


def test_bump_without_a_credential_is_reported(tmp_path: Path, bare: Bare) -> None:
    status, said = bump(tmp_path, bare.url, IMAGE_REFERENCE=":v1")
    assert status == 2
    assert "GITOPS_TOKEN" in said


def test_image_is_pushed_to_every_registry_and_its_digest_kept(tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    registries = ("--registry", "registry.example.com/org", "--registry", "docker.io/org")
    options = ("--app", "shop", "--gitops-repo", laid_out.GITOPS, *registries)
    laid_out.lay_out(root, "gitlab", *laid_out.TOOL["gitlab"], *options)
    job = gitlab_inputs.pipeline(root)[".gitlab/ci/image.yml web"]["push web"]
    environ = {
        **GITLAB,
        "CI_PIPELINE_CREATED_AT": "2026-11-25T01:02:03Z",
        **job["variables"],
        "NOTED": str(tmp_path / "noted"),
    }
    environ |= {"DOCKERHUB_USERNAME": "hub", "DOCKERHUB_TOKEN": TOKEN}
    on_path = steps.programs(tmp_path / "bin", docker=DOCKER)
    ended = steps.run("\n".join(job["script"]), SH, root, on_path, environ)
    assert ended.returncode == 0, ended.stderr
    calls = (tmp_path / "noted").read_text()
    assert TOKEN not in calls
    assert (tmp_path / "noted.passwords").read_text() == TOKEN * 2
    assert "login --username ci --password-stdin registry.example.com\n" in calls
    assert "login --username hub --password-stdin\n" in calls
    (build,) = (line for line in calls.splitlines() if line.startswith("buildx build"))
    tags = "--tag registry.example.com/org/web:sha-0123456789ab --tag docker.io/org/web:sha-0123456789ab"
    assert build.startswith(
        f"buildx build {tags} --push --platform linux/amd64,linux/arm64 --provenance mode=max"
    )
    left = (root / "image.env").read_text()
    assert left == f"IMAGE_REFERENCE=registry.example.com/org/web:sha-0123456789ab@{DIGEST}\n"
