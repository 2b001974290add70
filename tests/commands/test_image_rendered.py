"""What an environment runs is what kustomize renders; a name that says one container changes that one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.core.invocation import Invocation
from bootstrap.repository.tools import build, kustomize
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          image: {web}
        - name: side
          image: {side}
"""
DIGEST = "sha256:" + "0b" * 32


def deployment(web: str = "ghcr.io/acme/web:base", side: str = "ghcr.io/acme/side:1") -> str:
    return DEPLOYMENT.format(web=web, side=side)


def patch(image: str) -> str:
    return deployment(image).split("        - name: side")[0]


def inline(text: str) -> str:
    return "patches:\n  - patch: |-\n" + "".join(f"      {line}\n" for line in text.splitlines())


JSON_PATCH = """\
patches:
  - target: {kind: Deployment}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: ghcr.io/acme/web:decided
"""
COMPONENT = (
    "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "images:\n  - name: ghcr.io/acme/web\n    newTag: decided\n"
)
REPLACEMENT = """\
replacements:
  - source: {kind: ConfigMap, name: versions, fieldPath: data.image}
    targets:
      - select: {kind: Deployment}
        fieldPaths: [spec.template.spec.containers.0.image]
"""
VERSIONS = (
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: versions}\ndata: {image: "ghcr.io/acme/web:decided"}\n'
)

DECIDERS: Mapping[str, Mapping[str, str]] = {
    "a patch": {"": "patches:\n  - path: patch.yaml\n", "patch.yaml": patch("ghcr.io/acme/web:decided")},
    "an inline patch": {"": inline(patch("ghcr.io/acme/web:decided"))},
    "a JSON patch": {"": JSON_PATCH},
    "a Component": {
        "": "components:\n  - ../../parts/bump\n",
        "../../parts/bump/kustomization.yaml": COMPONENT,
    },
    "a replacement": {"": "  - versions.yaml\n" + REPLACEMENT, "versions.yaml": VERSIONS},
}


def overlay(files: dict[str, str], name: str, more: str = "") -> None:
    files[f"apps/web/overlays/{name}/kustomization.yaml"] = f"resources:\n  - ../../base\n{more}"


def base(deployed: str | None = None, more: str = "") -> dict[str, str]:
    return {
        "apps/web/base/kustomization.yaml": f"resources:\n  - deployment.yaml\n{more}",
        "apps/web/base/deployment.yaml": deployed or deployment(),
    }


class Repository:
    """Files in a work tree that is the current folder, and what kustomize makes of them."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = write(root, files)
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", "First")

    def images(self, environment: str) -> list[str]:
        objects = build(self.root / "apps/web/overlays" / environment, Invocation(), self.root)
        return [
            container["image"]
            for body in objects
            if body["kind"] == "Deployment"
            for container in body["spec"]["template"]["spec"]["containers"]
        ]

    @property
    def changed(self) -> list[str]:
        return git(self.root, "status", "--short", "--untracked-files=all").splitlines()


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = Path(kustomize(Invocation(environ=dict(os.environ))))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    return lambda files: Repository(tmp_path / "repository", files)


def decided(by: str) -> dict[str, str]:
    """Two overlays, in one of which something else than its entry decides."""
    files = base()
    deciders = DECIDERS[by]
    overlay(files, "from", deciders[""])
    for path, text in deciders.items():
        if path:
            files[os.path.normpath(f"apps/web/overlays/from/{path}")] = text
    overlay(files, "to")
    return files


@pytest.mark.parametrize("by", DECIDERS)
def test_a_promotion_takes_what_is_rendered_whatever_decides(run: Run, make, by: str):
    repository = make(decided(by))
    assert repository.images("from")[0] == "ghcr.io/acme/web:decided"
    result = run("image", "promote", "ghcr.io/acme/web", "--from", "from", "--to", "to")
    assert (result.exit, result.err) == (0, "")
    assert repository.images("to") == ["ghcr.io/acme/web:decided", "ghcr.io/acme/side:1"]


@pytest.mark.parametrize("by", DECIDERS)
def test_an_expectation_is_about_what_is_rendered(run: Run, make, by: str):
    repository = make(decided(by))
    command = ["image", "set", "web/web=:v2", "--env", "from", "--expect"]
    wrong = run(*command, "base")
    assert wrong.exit == ExitStatus.CHANGED
    assert "it is ghcr.io/acme/web:decided, not base" in wrong.err
    assert repository.changed == []


@pytest.mark.parametrize("by", [by for by in DECIDERS if by != "a replacement"])
def test_a_bump_ends_in_what_is_rendered_whatever_decided_before(run: Run, make, by: str):
    repository = make(decided(by))
    result = run("image", "set", "web/web=:v2", "--env", "from")
    assert (result.exit, result.err) == (0, "")
    assert "ghcr.io/acme/web:decided -> ghcr.io/acme/web:v2" in result.out
    assert repository.images("from") == ["ghcr.io/acme/web:v2", "ghcr.io/acme/side:1"]
    assert repository.images("to") == ["ghcr.io/acme/web:base", "ghcr.io/acme/side:1"]


def test_an_edit_that_would_not_be_rendered_is_refused_with_both_images(run: Run, make):
    repository = make(decided("a replacement"))
    result = run("image", "set", "web/web=:v2", "--env", "from")
    assert result.exit == ExitStatus.INPUT
    assert "would become ghcr.io/acme/web:decided, not ghcr.io/acme/web:v2" in result.err
    assert repository.changed == []


def test_what_kustomize_cannot_build_is_edited_with_a_warning(run: Run, make):
    files = decided("a patch")
    files["apps/web/overlays/from/kustomization.yaml"] += "validators:\n  - nowhere.yaml\n"
    repository = make(files)
    result = run("image", "set", "web/web=:v2", "--env", "from")
    assert result.exit == 0
    assert "warning: not compared with the rendered result" in result.err
    assert "kustomize cannot build it" in result.err
    assert repository.changed == ["M apps/web/overlays/from/patch.yaml"]


def test_without_kustomize_what_only_it_knows_is_reported_as_unknown(
    run: Run, make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    make(decided("a replacement"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    command = ["image", "set", "web/web=:v2", "--env", "from"]
    result = run(*command, "--dry-run")
    assert result.exit == ExitStatus.NO
    assert "warning: not compared with the rendered result: " in result.err
    assert "replacements: kustomize is not on PATH" in result.err
    expected = run(*command, "--expect", "base")
    assert (expected.exit, "is unknown" in expected.err) == (ExitStatus.INPUT, True)
    promoted = run("image", "promote", "web/web", "--from", "from", "--to", "to")
    assert (promoted.exit, "is unknown" in promoted.err) == (ExitStatus.INPUT, True)


def test_plain_overlays_are_compared_without_kustomize(
    run: Run, make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    files = base()
    tidy = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"
    overlay(files, "dev", "namePrefix: x-\n" + inline(tidy))
    repository = make(files)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    result = run("image", "set", "web/web=:v2", "--env", "dev", "--expect", "base")
    assert (result.exit, result.err) == (0, "")
    monkeypatch.undo()
    assert repository.images("dev") == ["ghcr.io/acme/web:v2", "ghcr.io/acme/side:1"]


def test_an_image_that_the_base_renames_gets_an_entry_under_its_new_name(run: Run, make):
    """kustomize#4936: an overlay's entry is compared with the name that the base has given."""
    files = base(
        deployment("IMAGE_PLACEHOLDER"),
        "images:\n  - name: IMAGE_PLACEHOLDER\n    newName: harbor.corp/team/web\n",
    )
    overlay(files, "dev", "images:\n  - name: IMAGE_PLACEHOLDER\n    newTag: dev-1\n")
    overlay(files, "prod", "images:\n  - name: harbor.corp/team/web\n    newTag: prod-1\n")
    overlay(files, "qa")
    repository = make(files)
    dead = run("image", "set", "IMAGE_PLACEHOLDER=:dev-2", "--env", "dev")
    assert dead.exit == ExitStatus.INPUT
    assert "the entry IMAGE_PLACEHOLDER has no effect" in dead.err
    assert "name the entry harbor.corp/team/web" in dead.err
    assert repository.changed == []
    for environment in ("dev", "prod", "qa"):
        result = run("image", "set", f"web/web=:{environment}-2", "--env", environment)
        assert result.exit == 0, result.err
        assert repository.images(environment)[0] == f"harbor.corp/team/web:{environment}-2"
    assert "newTag: prod-2" in Path("apps/web/overlays/prod/kustomization.yaml").read_text()
    by_old_name = run("image", "set", "IMAGE_PLACEHOLDER=:prod-3", "--env", "prod")
    assert by_old_name.exit == 0
    assert repository.images("prod")[0] == "harbor.corp/team/web:prod-3"


def test_an_entry_whose_name_has_a_tag_is_the_one_that_is_edited(run: Run, make):
    """kustomize#4713."""
    files = base(deployment("argoproj/argocd:v1.7.7"))
    overlay(files, "dev", f"images:\n  - name: argoproj/argocd:v1.7.7\n    digest: {DIGEST}\n")
    repository = make(files)
    for name in ("argoproj/argocd", "argoproj/argocd:v1.7.7", "web/web"):
        git(repository.root, "checkout", "--quiet", ".")
        result = run("image", "set", f"{name}=:v2.0.0", "--env", "dev")
        assert (result.exit, result.err) == (0, "")
        assert f"argoproj/argocd@{DIGEST} -> argoproj/argocd:v2.0.0" in result.out
        assert repository.images("dev")[0] == "argoproj/argocd:v2.0.0"
        text = Path("apps/web/overlays/dev/kustomization.yaml").read_text()
        assert text.endswith("images:\n  - name: argoproj/argocd:v1.7.7\n    newTag: v2.0.0\n")


def test_of_entries_that_follow_each_other_the_last_is_edited(run: Run, make):
    files = base()
    chain = (
        "images:\n  - name: ghcr.io/acme/web\n    newName: mirror.corp/web\n"
        "  - name: mirror.corp/web\n    newTag: v1\n"
    )
    overlay(files, "dev", chain)
    repository = make(files)
    for number, name in enumerate(("ghcr.io/acme/web", "mirror.corp/web", "web/web")):
        assert run("image", "set", f"{name}=:v{number + 2}", "--env", "dev").exit == 0
        assert repository.images("dev")[0] == f"mirror.corp/web:v{number + 2}"


def test_an_entry_without_a_tag_leaves_the_tag_to_the_base(run: Run, make):
    files = base()
    overlay(files, "dev", "images:\n  - name: ghcr.io/acme/web\n    newName: mirror.corp/web\n")
    repository = make(files)
    result = run("image", "set", "web/web=other.corp/web", "--env", "dev", "--expect", "base")
    assert (result.exit, result.err) == (0, "")
    assert repository.images("dev")[0] == "other.corp/web:base"
    assert "newTag" not in Path("apps/web/overlays/dev/kustomization.yaml").read_text()


def test_a_promotion_brings_the_repository_where_there_is_no_entry_and_keeps_it_elsewhere(run: Run, make):
    """kargo#2001: without its newName, Docker Hub's image of that name would be deployed."""
    files = base(deployment("web"))
    overlay(files, "dev", "images:\n  - name: web\n    newName: ghcr.io/acme/web\n    newTag: v2\n")
    overlay(files, "prod", "images:\n  - name: web\n    newName: mirror.prod:5000/web\n    newTag: v1\n")
    overlay(files, "fresh")
    repository = make(files)
    for name in ("web", "web/web"):
        git(repository.root, "checkout", "--quiet", ".")
        assert run("image", "promote", name, "--from", "dev", "--to", "fresh").exit == 0
        assert repository.images("fresh")[0] == "ghcr.io/acme/web:v2"
        assert run("image", "promote", name, "--from", "dev", "--to", "prod").exit == 0
        assert repository.images("prod")[0] == "mirror.prod:5000/web:v2"


THREE = deployment("quay.io/acme/agent:agent-0.0.1", "quay.io/acme/agent:side-0.0.1")


def test_a_container_that_shares_its_entry_is_not_set_alone(run: Run, make):
    """kustomize#6001: an entry is for every container with that image."""
    files = base(THREE)
    overlay(files, "dev")
    overlay(files, "prod", "images:\n  - name: quay.io/acme/agent\n    newTag: agent-0.0.2\n")
    repository = make(files)
    for environment in ("dev", "prod"):
        result = run("image", "set", "web/side=:side-0.0.2", "--env", environment)
        assert result.exit == ExitStatus.INPUT
        assert "applies to 2 containers: web of Deployment web (quay.io/acme/agent:agent-0" in result.err
        assert "quay.io/acme/agent=REFERENCE" in result.err
    assert repository.changed == []
    every = run("image", "set", "quay.io/acme/agent=:v9", "--env", "dev")
    assert every.exit == 0
    assert "the entry applies to 2 containers" in every.err
    assert repository.images("dev") == ["quay.io/acme/agent:v9"] * 2


def test_without_an_environment_an_overlay_that_differs_is_a_candidate_like_the_base(run: Run, make):
    files = base()
    overlay(files, "dev")
    overlay(files, "prod", "images:\n  - name: ghcr.io/acme/web\n    newTag: v1\n")
    repository = make(files)
    for name in ("web/web", "ghcr.io/acme/web"):
        result = run("image", "set", f"{name}=:v2")
        assert result.exit == ExitStatus.INPUT
        assert "2 places match: apps/web/base/deployment.yaml:10" in result.err
        assert "apps/web/overlays/prod/kustomization.yaml:4" in result.err
    assert repository.changed == []


@pytest.mark.parametrize("where", [[], ["plain/agents"], ["plain"], ["plain/agents/deployment.yaml"]])
def test_a_container_is_found_outside_of_apps_and_below_any_path(run: Run, make, where: list[str]):
    repository = make({"plain/agents/deployment.yaml": THREE})
    result = run("image", "set", "agents/side=:side-0.0.2", *where)
    assert (result.exit, result.err) == (0, "")
    text = Path("plain/agents/deployment.yaml").read_text()
    assert text == THREE.replace("side-0.0.1", "side-0.0.2")
    assert repository.changed == ["M plain/agents/deployment.yaml"]


def test_two_workloads_with_one_entry_are_set_together_by_their_images_name(run: Run, make):
    files = base(deployment() + "---\n" + deployment().replace("name: web\nspec", "name: worker\nspec"))
    overlay(files, "dev")
    repository = make(files)
    assert run("image", "set", "web/web=:v2", "--env", "dev").exit == 0
    assert repository.images("dev") == ["ghcr.io/acme/web:v2", "ghcr.io/acme/side:1"] * 2


def test_a_neighbour_that_is_not_yaml_does_not_stand_in_the_way(run: Run, make):
    files = base()
    overlay(files, "dev", "images:\n  - name: ghcr.io/acme/web\n    newTag: v1\n")
    files["apps/web/overlays/old/kustomization.yaml"] = "images: [\n"
    repository = make(files)
    assert run("image", "set", "ghcr.io/acme/web=:v2", "--env", "dev").exit == 0
    assert repository.images("dev")[0] == "ghcr.io/acme/web:v2"
    broken = run("image", "set", "ghcr.io/acme/web=:v2", "--env", "old")
    assert broken.exit == ExitStatus.INPUT
    assert "apps/web/overlays/old/kustomization.yaml:2:1" in broken.err


@pytest.mark.parametrize("by", ["a patch", "a replacement"])
def test_a_repository_by_url_is_rendered_with_what_is_outside_of_the_app(
    run: Run, make, tmp_path: Path, by: str
):
    files = decided(by)
    files["shared/kustomization.yaml"] = "resources:\n  - deployment.yaml\n"
    files["shared/deployment.yaml"] = files.pop("apps/web/base/deployment.yaml")
    files["apps/web/base/kustomization.yaml"] = "resources:\n  - ../../../shared\n"
    repository = make(files)
    git(tmp_path, "clone", "--quiet", "--bare", str(repository.root), "origin.git")
    git(tmp_path / "origin.git", "config", "uploadpack.allowFilter", "true")
    url = ["--repo", f"file://{tmp_path / 'origin.git'}", "--push", "--app", "web"]
    url += ["--author", "Ann <ann@example.com>"]
    result = run("image", "promote", "web/web", "--from", "from", "--to", "to", *url)
    assert (result.exit, result.err) == (0, "")
    bumped = run("image", "set", "web/web=:v2", "--env", "from", *url)
    assert bumped.exit == (0 if by == "a patch" else ExitStatus.INPUT)
    git(repository.root, "pull", "--quiet", f"file://{tmp_path / 'origin.git'}", "main")
    assert repository.images("to")[0] == "ghcr.io/acme/web:decided"
    assert repository.images("from")[0] == f"ghcr.io/acme/web:{'v2' if by == 'a patch' else 'decided'}"


def test_several_images_are_compared_together(run: Run, make):
    files = base(more=inline(patch("ghcr.io/acme/web:patched")))
    overlay(files, "dev")
    repository = make(files)
    result = run("image", "set", "web/web=:v2", "web/side=:v3", "--env", "dev")
    assert (result.exit, result.err) == (0, "")
    assert repository.images("dev") == ["ghcr.io/acme/web:v2", "ghcr.io/acme/side:v3"]


def test_an_entry_for_a_field_of_a_custom_resource_is_set_next_to_containers(run: Run, make):
    """kustomize#758: `configurations` say where else images are."""
    files = base()
    more = (
        "  - thing.yaml\nconfigurations:\n  - images.yaml\nimages:\n"
        "  - name: ghcr.io/acme/thing\n    newTag: v1\n"
    )
    overlay(files, "dev", more)
    thing = "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {image: ghcr.io/acme/thing}\n"
    files["apps/web/overlays/dev/thing.yaml"] = thing
    files["apps/web/overlays/dev/images.yaml"] = "images:\n  - {path: spec/image, kind: Thing}\n"
    repository = make(files)
    result = run("image", "set", "ghcr.io/acme/thing=:v2", "--env", "dev")
    assert (result.exit, result.err) == (0, "")
    objects = build(repository.root / "apps/web/overlays/dev", Invocation(), repository.root)
    assert [body["spec"]["image"] for body in objects if body["kind"] == "Thing"] == ["ghcr.io/acme/thing:v2"]
    assert repository.images("dev") == ["ghcr.io/acme/web:base", "ghcr.io/acme/side:1"]


def test_a_transformer_that_decides_after_the_entries_is_reported(run: Run, make):
    files = base()
    overlay(files, "dev", "transformers:\n  - pin.yaml\n")
    files["apps/web/overlays/dev/pin.yaml"] = (
        "apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: pin}\n"
        "imageTag: {name: ghcr.io/acme/web, newTag: pinned}\n"
    )
    repository = make(files)
    result = run("image", "set", "web/web=:v2", "--env", "dev")
    assert result.exit == ExitStatus.INPUT
    assert "would become ghcr.io/acme/web:pinned, not ghcr.io/acme/web:v2" in result.err
    assert repository.changed == []


def test_an_overlay_that_no_other_can_include_is_compared_as_well(run: Run, make):
    """Its `configurations` contradict kustomize's own once another kustomization includes it."""
    files = base()
    conf = "images:\n- path: spec/template/spec/containers[]/image\n  kind: Rollout\n"
    json = inline(
        "- {op: add, path: /spec/template/spec/containers/-, value: {name: new, image: 'org/new:v1'}}"
    )
    overlay(files, "dev", f"configurations: [conf.yaml]\n{json}    target: {{kind: Deployment}}\n")
    overlay(files, "prod")
    files["apps/web/overlays/dev/conf.yaml"] = conf
    repository = make(files)
    result = run("image", "set", "web/new=:v2", "--env", "dev")
    assert (result.exit, result.err) == (0, "")
    assert repository.images("dev") == ["ghcr.io/acme/web:base", "ghcr.io/acme/side:1", "org/new:v2"]
    assert run("image", "promote", "web/web", "--from", "dev", "--to", "prod").exit == 0


def test_a_container_that_a_patch_adds_leaves_the_others_where_they_are_set(run: Run, make):
    """kustomize puts it first, so that the others have another index than in the base."""
    files = base()
    added = inline(patch("org/new:v1").replace("- name: web", "- name: new"))
    for name in ("dev", "prod"):
        overlay(files, name, added)
    repository = make(files)
    for name in ("web/side", "ghcr.io/acme/side"):
        result = run("image", "set", f"{name}=:2")
        assert (result.exit, result.err) == (0, "")
        assert repository.changed == ["M apps/web/base/deployment.yaml"]
        assert "ghcr.io/acme/side:2" in repository.images("prod")
        git(repository.root, "checkout", "--quiet", ".")


def test_what_takes_effect_instead_of_an_entry_is_named(run: Run, make):
    repository = make(decided("a replacement"))
    result = run("image", "set", "web/web=:v2", "--env", "from")
    assert result.exit == ExitStatus.INPUT
    assert "what takes effect there (apps/web/overlays/from/kustomization.yaml: replacements)" in result.err
    assert repository.changed == []
