"""A repository that is read is not trusted: it runs nothing, touches nothing outside, contacts no one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.commands.untrusted import APPLICATION, OVERLAY, SECRET, Checked, Watched, overlay, with_source
from tests.conftest import Run
from tests.repositories import OURS, application, write

pytestmark = pytest.mark.usefixtures("cache")

TRANSFORMER = """\
transformers:
  - |-
    apiVersion: builtin
    kind: PatchTransformer
    metadata: {name: x}
    path: ADDRESS
"""
GENERATOR = """\
generators:
  - |-
    apiVersion: builtin
    kind: ConfigMapGenerator
    metadata: {name: x}
    files: ["d=ADDRESS"]
"""
IN_FILE = {
    "apps/shop/overlays/dev/generator.yaml": GENERATOR.split("|-\n")[1].replace("\n    ", "\n").strip()
}
FETCHES: dict[str, Mapping[str, str]] = {
    "generator": overlay(GENERATOR),
    "generator with envs": overlay(GENERATOR.replace('files: ["d=ADDRESS"]', 'envs: ["ADDRESS"]')),
    "generator in a file": overlay("generators: [generator.yaml]\n") | IN_FILE,
    "transformer": overlay(TRANSFORMER),
    "validator": overlay(TRANSFORMER.replace("transformers", "validators")),
    "secretGenerator": overlay('secretGenerator: [{name: x, files: ["d=ADDRESS"]}]\n'),
    "env": overlay("configMapGenerator: [{name: x, env: ADDRESS}]\n"),
    "patch": overlay("patches: [{path: ADDRESS}]\n"),
    "openapi": overlay("openapi: {path: ADDRESS}\n"),
    "replacement": overlay("replacements: [{path: ADDRESS}]\n"),
    "crds": overlay("crds: [ADDRESS]\n"),
    "field in capitals": overlay("Patches: [{Path: ADDRESS}]\n"),
    "field with a letter that folds": overlay("config\u017fMapGenerator: []\nre\u017fources: [ADDRESS]\n"),
    "Application's patch": with_source("    kustomize: {patches: [{path: ADDRESS}]}\n"),
    "Application's component": with_source("    kustomize: {components: [ADDRESS]}\n"),
}


@pytest.mark.parametrize("what", FETCHES)
def test_nothing_is_fetched_without_consent(checked: Checked, watched: Watched, what: str) -> None:
    address = f"http://{watched.address}/x"
    result = checked({path: text.replace("ADDRESS", address) for path, text in FETCHES[what].items()})
    assert not watched.was_asked()
    assert "which is not fetched" in result.out, result.out + result.err


def test_file_with_the_name_of_an_address_is_not_fetched(checked: Checked, watched: Watched) -> None:
    name = f"http://{watched.address}/x"
    files = overlay(f"patches: [{{path: {name}}}]\n") | {
        f"apps/shop/overlays/dev/http:/{watched.address}/x": ""
    }
    assert "which is not fetched" in checked(files).out
    assert not watched.was_asked()


def test_base_of_another_host_is_not_asked_for_through_git(checked: Checked, watched: Watched) -> None:
    for name in (f"git::http://{watched.address}/x", f"ssh://git@{watched.address}/x//y?ref=v1"):
        checked({OVERLAY: f"resources: [../../base, '{name}']\n"})
    assert not watched.was_asked()


@pytest.mark.parametrize(
    "name",
    [
        "ext::touch RAN//x?ref=v1",
        "file://OUTSIDE//x?ref=--upload-pack=touch${IFS}RAN;",
        "file://OUTSIDE//x?ref=v1",
        "https://127.0.0.1:1/x//y?ref=--upload-pack=touch${IFS}RAN;",
        "ssh://-oProxyCommand=touch${IFS}RAN/x//y?ref=v1",
        "-oProxyCommand=touch${IFS}RAN",
    ],
)
def test_address_of_a_base_is_not_a_command_even_with_consent(run: Run, tmp_path: Path, name: str) -> None:
    ran, outside = tmp_path / "ran", tmp_path / "outside"
    outside.mkdir()
    name = name.replace("RAN", str(ran)).replace("OUTSIDE", str(outside))
    root = write(tmp_path / "repository", OURS, {OVERLAY: f"resources: [../../base, '{name}']\n"})
    result = run("validate", str(root), "--allow-remote", "--fail-on", "warning")
    assert result.exit == 1
    assert not ran.exists()


@pytest.mark.parametrize(
    "files",
    [
        {OVERLAY: "resources: [../../../../../outside]\n"},
        {OVERLAY: "Resources: [../../../../../outside]\n"},
        {OVERLAY: "components: [../../../../../outside]\n"},
        {OVERLAY: "reſources: [../../../../../outside]\n"},
        overlay("configMapGenerator: [{name: x, files: [d=../../../../../outside/cm.yaml]}]\n"),
        overlay(GENERATOR.replace("ADDRESS", "../../../../../outside/cm.yaml")),
        overlay("generators: [../../../../../outside]\n"),
        with_source("    kustomize: {components: [../../../../../outside]}\n"),
        with_source("    kustomize: {patches: [{path: ../../../../../outside/cm.yaml}]}\n"),
        {APPLICATION: application("shop-dev", "../outside", "shop-dev", 20)},
        {APPLICATION: application("shop-dev", "apps/../../outside", "shop-dev", 20)},
    ],
)  # fmt: skip
def test_nothing_outside_of_the_repository_is_read(
    run: Run, tmp_path: Path, files: Mapping[str, str], cache: Path
) -> None:
    configmap = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {SECRET}}}\ndata: {{bad: {SECRET}}}\n"
    outside = {"outside/kustomization.yaml": "resources: [cm.yaml]\n", "outside/cm.yaml": configmap}
    write(tmp_path, outside)
    root = write(tmp_path / "repository", OURS, files)
    printed = [run("validate", str(root), "-o", "json"), run("graph", str(root), "--resources", "-o", "json")]
    assert all(SECRET not in one.out + one.err for one in printed)
    assert all(SECRET.encode() not in path.read_bytes() for path in cache.rglob("*") if path.is_file())


def test_link_of_a_kustomization_to_a_folder_outside_is_not_followed(
    run: Run, tmp_path: Path, cache: Path
) -> None:
    configmap = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {SECRET}}}\n"
    write(tmp_path, {"outside/kustomization.yaml": "resources: [cm.yaml]\n", "outside/cm.yaml": configmap})
    root = write(tmp_path / "repository", OURS, overlay("configurations: [c.yaml]\n"))
    (root / "apps/shop/overlays/dev/linked").symlink_to(tmp_path / "outside")
    (root / "apps/shop/overlays/dev/c.yaml").symlink_to("/proc/self/environ")
    for field in ("resources", "RESOURCES", "components"):
        write(root, {OVERLAY: f"{field}: [linked, ../../base]\n"})
        result = run("validate", str(root), "-o", "json", env={"NAME": SECRET})
        assert SECRET not in result.out + result.err
        assert json.loads(result.out)["findings"]


# -- what is printed ------------------------------------------------------------------------------

NAME = "x\n::error::taken\r\x1b[2J"


@pytest.mark.parametrize("format", ["text", "github", "markdown", "junit", "sarif", "json"])
def test_name_gives_no_order_to_ci_and_moves_no_cursor(run: Run, tmp_path: Path, format: str) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
                       "spec": {"selector": {"app": NAME}}})  # fmt: skip
    files = {"apps/shop/base/more.yaml": text}
    base = OURS["apps/shop/base/kustomization.yaml"].replace("- shop.yaml", "- shop.yaml\n  - more.yaml")
    root = write(tmp_path, OURS, files, {"apps/shop/base/kustomization.yaml": base})
    result = run("validate", str(root), "-o", format, "--fail-on", "info", env={"GITHUB_ACTIONS": "true"})
    both = result.out + result.err
    assert "taken" in both, "else nothing is shown"
    assert "\x1b" not in both
    orders = [line for line in both.split("\n") if line.lstrip().startswith("::")]
    assert not any(line.lstrip().startswith("::error::taken") for line in orders)
    assert (format == "github") == bool(orders)
