"""What `image set` does not edit is found, and reported with the lines of bootstrap.yaml that declare it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.repositories import write

CRD = """\
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: pg}
spec:
  image: org/pg:v1
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: prom}
spec:
  image: org/prom:v1  # org/comment:v1
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: op}
spec:
  template:
    metadata:
      annotations: {example.com/worker: "org/worker:v1"}
    spec:
      containers:
        - name: op
          image: org/op:v1
          args: ["--sidecar=org/sidecar:v1", "--verbose"]
          command: ["sh", "-c", "exec run org/script:v1 now"]
          env: [{name: RELATED, value: org/related:v1}]
      volumes: [{name: m, image: {reference: org/model:v1}}]
"""
FILES = {
    "apps/shop/base/all.yaml": CRD,
    "apps/shop/base/kustomization.yaml": "resources: [all.yaml]\n",
    "apps/shop/overlays/dev/kustomization.yaml": "resources: [../../base]\n",
    "deploy/images.env": "A=1\nWEB_IMAGE=org/envweb:v1\n",
    "deploy/x.toml": '[image]\nref = "org/toml:v1"\n',
    "ci/Jenkinsfile": "sh 'docker pull org/jenkins:v1'\n",
    "cfg/config.json": '{"a.b": [{"image": "org/json:v1"}]}\n',
}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write(tmp_path / "repo", FILES)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    ("image", "where", "line"),
    [
        ("org/pg", "apps/shop/base/all.yaml:5", "  image: org/pg:v2"),
        ("org/prom", "apps/shop/base/all.yaml:11", "  image: org/prom:v2  # org/comment:v1"),
        (
            "org/worker",
            "apps/shop/base/all.yaml:19",
            '      annotations: {example.com/worker: "org/worker:v2"}',
        ),
        (
            "org/sidecar",
            "apps/shop/base/all.yaml:24",
            '          args: ["--sidecar=org/sidecar:v2", "--verbose"]',
        ),
        (
            "org/script",
            "apps/shop/base/all.yaml:25",
            '          command: ["sh", "-c", "exec run org/script:v2 now"]',
        ),
        (
            "org/related",
            "apps/shop/base/all.yaml:26",
            "          env: [{name: RELATED, value: org/related:v2}]",
        ),
        ("org/envweb", "deploy/images.env:2", "WEB_IMAGE=org/envweb:v2"),
        ("org/toml", "deploy/x.toml:2", 'ref = "org/toml:v2"'),
        ("org/jenkins", "ci/Jenkinsfile:1", "sh 'docker pull org/jenkins:v2'"),
        ("org/json", "cfg/config.json:1", '{"a.b": [{"image": "org/json:v2"}]}'),
    ],
)
def test_the_lines_that_are_reported_declare_it(
    run: Run, repo: Path, image: str, where: str, line: str
) -> None:
    """Public: kustomize#758; cloudogu/gitops-build-lib#31."""
    refused = run("image", "set", f"{image}=:v2")
    assert refused.exit == ExitStatus.INPUT
    assert f"it is at {where}, which image set does not edit" in refused.err
    lines = refused.err.partition("declare it in bootstrap.yaml:\n")[2]
    (repo / "bootstrap.yaml").write_text(lines)
    for name in (image, image.partition("/")[2]):
        done = run("image", "set", f"{name}=:v2")
        assert done.exit == 0, done.err
        changed = git(repo, "diff", "--unified=0").splitlines()
        assert [one[1:] for one in changed if one.startswith("+") and not one.startswith("+++")] == [line]
        git(repo, "checkout", "--quiet", "--", ".")


def test_a_comment_and_a_longer_name_are_not_places(run: Run, repo: Path) -> None:
    for name in ("org/comment", "org/p", "rg/pg", "org/pg/x"):
        refused = run("image", "set", f"{name}=:v2")
        assert refused.exit == ExitStatus.INPUT
        assert "it is at" not in refused.err


def test_an_image_in_two_keys_is_declared_by_both(run: Run, repo: Path) -> None:
    write(repo, {"conf.yaml": "list:\n  - {name: org/pair, tag: v1}\n"})
    told = run("image", "set", "org/pair=:v2").err
    (repo / "bootstrap.yaml").write_text(told.partition("declare it in bootstrap.yaml:\n")[2])
    assert run("image", "set", "pair=:v2").exit == 0
    assert (repo / "conf.yaml").read_text() == "list:\n  - {name: org/pair, tag: v2}\n"
    (repo / "bootstrap.yaml").write_text("images: [{name: pair, file: conf.yaml, path: list.0.name}]\n")
    refused = run("image", "set", "pair=:v3")
    assert (refused.exit, "tag next to it may be its tag" in refused.err) == (ExitStatus.INPUT, True)


def test_two_objects_get_two_names(run: Run, repo: Path) -> None:
    (repo / "more.yaml").write_text("a: org/pg:v1\n")
    told = run("image", "set", "org/pg=:v2").err
    (repo / "bootstrap.yaml").write_text(told.partition("declare it in bootstrap.yaml:\n")[2])
    assert run("image", "set", "pg=:v2", "pg-2=:v3").exit == 0
    assert "image: org/pg:v2" in (repo / "apps/shop/base/all.yaml").read_text()
    assert (repo / "more.yaml").read_text() == "a: org/pg:v3\n"


APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop-%(env)s}
spec:
  source:
    path: apps/shop/overlays/%(env)s
    kustomize:
      images: [org/over:v1]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: chart-%(env)s}
spec:
  source:
    path: charts/web
    helm:
      valueFiles: [%(env)s.yaml, $values/envs/%(env)s/web.yaml]
"""


@pytest.fixture
def applications(repo: Path) -> Path:
    write(repo, {f"argo/{env}.yaml": APPLICATION % {"env": env} for env in ("dev", "prod")})
    write(repo, {"apps/shop/overlays/prod/kustomization.yaml": "resources: [../../base]\n"})
    write(
        repo,
        {
            "charts/web/Chart.yaml": "name: web\n",
            "charts/web/values.yaml": "image: {repository: org/c, tag: v0}\n",
        },
    )
    write(
        repo,
        {
            f"charts/web/{env}.yaml": f"image:\n  tag: {env}-1\nside:\n  image: org/side:{env}\n"
            for env in ("dev", "prod")
        },
    )
    write(
        repo, {f"envs/{env}/web.yaml": f"job: {{image: org/job, tag: {env}-1}}\n" for env in ("dev", "prod")}
    )
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "Applications")
    return repo


@pytest.mark.parametrize("env", ["dev", "prod"])
@pytest.mark.parametrize(
    ("image", "file", "line"),
    [
        ("org/over", "argo/{env}.yaml", "      images: [org/over:v2]"),
        ("org/c", "charts/web/{env}.yaml", "  tag: v2"),
        ("org/side", "charts/web/{env}.yaml", "  image: org/side:v2"),
        ("org/job", "envs/{env}/web.yaml", "job: {{image: org/job, tag: v2}}"),
    ],
)
def test_an_applications_images_are_of_the_environment_that_it_deploys(
    run: Run, applications: Path, env: str, image: str, file: str, line: str
) -> None:
    """Public: argocd-image-updater#1072."""
    done = run("image", "set", f"{image}=:v2", "--env", env)
    assert done.exit == 0, done.err
    assert git(applications, "diff", "--name-only") == file.format(env=env)
    assert line.format() in (applications / file.format(env=env)).read_text().splitlines()
    git(applications, "checkout", "--quiet", ".")


def test_an_overriding_application_is_found_by_app_and_environment_on_a_branch(
    run: Run, applications: Path, tmp_path: Path
) -> None:
    bare = Bare(tmp_path / "host.git")
    git(applications, "push", "--quiet", bare.url, "main")
    target = ("--app", "shop", "--env", "prod", "--repo", bare.url, "--push", "--author", "A <a@example.org>")
    done = run("image", "set", "org/over=:v2", *target)
    assert done.exit == 0, done.err
    assert b"org/over:v2" in bare.files()["argo/prod.yaml"]
    assert b"org/over:v1" in bare.files()["argo/dev.yaml"]


def test_what_is_in_another_environment_is_not_offered(run: Run, applications: Path) -> None:
    write(applications, {"apps/shop/overlays/prod/extra.yaml": "a: org/prodonly:v1\n"})
    assert "it is at" not in run("image", "set", "org/prodonly=:v2", "--env", "dev").err
    assert "extra.yaml:1" in run("image", "set", "org/prodonly=:v2", "--env", "prod").err


def test_what_is_outside_of_what_was_searched_is_reported(run: Run, repo: Path) -> None:
    refused = run("image", "set", "org/op=:v2", "deploy")
    assert "it is at apps/shop/base/all.yaml:23, outside the searched files (deploy)" in refused.err
    assert "name apps/shop/base/all.yaml as PATH" in refused.err


@pytest.mark.parametrize("remote", [False, True])
def test_links_submodules_and_pointers_are_named_as_such(
    run: Run, repo: Path, tmp_path: Path, remote: bool
) -> None:
    """Public: fluxcd/image-automation-controller#995; flux2#1546."""
    other = Bare(tmp_path / "other.git")
    other.commit({"overlays/dev/kustomization.yaml": b"images: [{name: ext, newTag: v1}]\n"})
    (repo / "apps/link/overlays").mkdir(parents=True)
    (repo / "apps/link/overlays/dev").symlink_to("../../shop/overlays/dev")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0a' * 32}\nsize 80\n"
    write(repo, {"apps/big/overlays/dev/kustomization.yaml": pointer})
    remote_base = "resources: ['https://github.com/org/platform//base?ref=v1']\n"
    write(repo, {"apps/far/overlays/dev/kustomization.yaml": remote_base})
    add = ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.url, "apps/ext"]
    subprocess.run(add, cwd=repo, check=True)
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "Odd ones")
    bare = Bare(tmp_path / "host.git")
    git(repo, "push", "--quiet", bare.url, "main")
    where = ("--repo", bare.url, "--dry-run") if remote else ()
    for app, told in (
        ("link", "apps/link/overlays/dev is a symbolic link to ../../shop/overlays/dev"),
        ("ext", "apps/ext is a submodule"),
        ("big", "apps/big/overlays/dev/kustomization.yaml is a Git LFS pointer"),
        ("far", "includes is not here: https://github.com/org/platform//base?ref=v1"),
    ):
        refused = run("image", "set", "none=:v2", "--app", app, "--env", "dev", *where)
        assert refused.exit == ExitStatus.INPUT
        assert told in refused.err, refused.err
    assert git(repo / "apps" / "ext", "status", "--short") == ""


def test_the_list_has_what_a_bump_would_find(run: Run, applications: Path) -> None:
    listed = json.loads(run("image", "list", "-o", "json", "--no-history").out)
    found = {(image["environment"], image["text"]) for image in listed}
    assert {("dev", "org/c:dev-1"), ("prod", "org/c:prod-1"), ("dev", "org/job:dev-1")} <= found
    listed = json.loads(run("image", "list", "-o", "json", "--no-history", "--env", "prod").out)
    assert sorted(image["text"] for image in listed) == [
        *("org/c:prod-1", "org/job:prod-1", "org/over:v1", "org/side:prod")
    ]


def test_a_default_that_values_of_other_names_override_is_not_set_in_vain(
    run: Run, applications: Path
) -> None:
    refused = run("image", "set", "org/c=:v2")
    assert refused.exit == ExitStatus.INPUT
    for place in ("charts/web/values.yaml:1", "charts/web/dev.yaml:2", "charts/web/prod.yaml:2"):
        assert place in refused.err
    assert run("image", "set", "org/c=:v2", "charts/web/values.yaml").exit == 0
    assert git(applications, "diff", "--name-only") == "charts/web/values.yaml"


def test_a_part_that_is_filled_in_from_elsewhere_is_told(run: Run, repo: Path) -> None:
    containers = "[{name: a, image: org/a:v1}, {name: b, image: 'org/sub:${TAG}'}]"
    pod = f"apiVersion: v1\nkind: Pod\nspec:\n  containers: {containers}\n"
    write(repo, {"apps/sub/pod.yaml": pod})
    refused = run("image", "set", "org/sub=:v2")
    assert (
        "it is at apps/sub/pod.yaml:4, but a part of it is filled in from elsewhere: org/sub:${TAG}"
        in refused.err
    )
    assert "as PATH" not in refused.err
