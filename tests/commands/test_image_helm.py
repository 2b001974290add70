"""A real `helm template` before and after `image set`: exactly the meant container has the new image."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.repositories import write
from tests.tools import tool

SHA = "sha256:" + "0a" * 32
VALUES = """\
whole: {image: org/whole:v1}
mapping:
  image: {repository: org/mapping, tag: v1}
beside:
  image: org/beside
  tag: v1.0.0   # stands beside
flat:
  dockerTag: v1
  dockerImage: org/flat
named: {imageName: org/named, imageTag: "1.10"}
carried:
  image:
    repository: org/carried:v1
version:
  image: {repository: org/version, version: "1"}
registry:
  image:
    registry: quay.io
    repository: org/registry
    tag: v1
base: &base
  repository: org/base
  tag: v1
merged:
  image:
    <<: *base
    tag: v1-merged
alone:
  image: {repository: org/alone, tag: v0}
"""
PROD = "alone:\n  image:\n    tag: v1  # of prod\n"
IMAGES = {
    "whole": "{{ .image }}",
    "mapping": "{{ .image.repository }}:{{ .image.tag }}",
    "beside": "{{ .image }}:{{ .tag }}",
    "flat": "{{ .dockerImage }}:{{ .dockerTag }}",
    "named": "{{ .imageName }}:{{ .imageTag }}",
    "carried": "{{ .image.repository }}",
    "version": "{{ .image.repository }}:{{ .image.version }}",
    "registry": "{{ .image.registry }}/{{ .image.repository }}:{{ .image.tag }}",
    "merged": "{{ .image.repository }}:{{ .image.tag }}",
    "alone": "{{ .image.repository }}:{{ .image.tag }}",
}


@cache
def helm() -> str:
    return str(tool("helm"))


@pytest.fixture
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    containers = "".join(
        f'  - name: {name}\n    image: "{{{{ with .Values.{name} }}}}{image}{{{{ end }}}}"\n'
        for name, image in IMAGES.items()
    )
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: all}}\nspec:\n  containers:\n{containers}"
    files = {
        "apps/shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
        "apps/shop/templates/pod.yaml": pod,
        "apps/shop/values.yaml": VALUES,
        "apps/shop/values-prod.yaml": PROD,
    }
    monkeypatch.chdir(write(tmp_path / "repo", files))
    return tmp_path / "repo"


def rendered(chart: Path) -> dict[str, str]:
    """Container → image, as helm prints it for production."""
    command = [helm(), "template", "shop", "apps/shop", "--values", "apps/shop/values-prod.yaml"]
    ended = subprocess.run(command, cwd=chart, capture_output=True, text=True, check=True)
    return {one["name"]: one["image"] for one in yaml.safe_load(ended.stdout)["spec"]["containers"]}


@pytest.mark.parametrize("name", list(IMAGES))
@pytest.mark.parametrize("reference", [":v2", f":v2@{SHA}", "ghcr.io/new/place:1.10"])
def test_exactly_the_meant_container_has_the_new_image(
    run: Run, chart: Path, name: str, reference: str
) -> None:
    before = rendered(chart)
    scope = {"alone": ("--env", "prod"), "merged": ()}.get(name, ("apps/shop/values.yaml",))
    done = run("image", "set", f"{image_of(name)}={reference}", *scope)
    if name == "alone" and "/" in reference:
        assert (done.exit, rendered(chart)) == (ExitStatus.INPUT, before)
        assert "its repository is at apps/shop/values.yaml" in done.err
        return
    assert done.exit == 0, done.err
    repository = before[name].rpartition(":")[0]
    expected = reference if "/" in reference else f"{repository}{reference}"
    assert rendered(chart) == {**before, name: expected}


def image_of(name: str) -> str:
    return {"registry": "quay.io/org/registry", "merged": "shop/merged"}.get(name, f"org/{name}")
