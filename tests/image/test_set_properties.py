"""Whatever an overlay is made of: a bump changes exactly the meant images as rendered, or writes nothing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.core.errors import ExitStatus
from bootstrap.core.invocation import Invocation
from bootstrap.edit.worktree import WorkTree
from bootstrap.image.places import read_whole
from bootstrap.image.render import render
from bootstrap.oci.reference import canonical
from bootstrap.repository.tools import Overlay, build_many, kustomize
from tests.conftest import Run
from tests.properties import QUICKLY
from tests.repositories import write

DIGEST = "sha256:" + "0d" * 32
REPOSITORIES = (
    "web",
    "ghcr.io/acme/web",
    "mirror.corp:5000/web",
    "PLACEHOLDER",
    "ghcr.io/acme/side",
    "nginx",
)
VERSIONS = ("", ":v1", ":1.10", f"@{DIGEST}", f":v1@{DIGEST}")
NAMES = ("web", "side", "init")
ENVIRONMENTS = ("dev", "prod")

Files = dict[str, str]


@st.composite
def containers(draw: st.DrawFn) -> list[dict[str, str]]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return [{"name": name, "image": _image(draw)} for name in names]


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, str]]:
    found = []
    for name in draw(st.lists(st.sampled_from(REPOSITORIES), max_size=2, unique=True)):
        entry = {"name": name}
        if draw(st.booleans()):
            entry["newName"] = draw(st.sampled_from(REPOSITORIES))
        version = draw(
            st.sampled_from([{}, {"newTag": "e1"}, {"digest": DIGEST}, {"newTag": "e1", "digest": DIGEST}])
        )
        found.append({**entry, **version})
    return found


@st.composite
def repositories(draw: st.DrawFn) -> Files:
    """An app with a base, perhaps a Component and patches, and two overlays."""
    kinds = draw(
        st.lists(st.sampled_from(["Deployment", "StatefulSet"]), min_size=1, max_size=2, unique=True)
    )
    objects = [
        _object(kind, draw(containers()), draw(st.booleans()) and draw(containers())) for kind in kinds
    ]
    files = {"apps/shop/base/objects.yaml": "\n---\n".join(json.dumps(one, indent=1) for one in objects)}
    _kustomization(files, "base", {"resources": ["objects.yaml"], "images": draw(entries())})
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "commonAnnotations": {"extra": "yes"},
        "images": draw(entries()),
    }
    _kustomization(files, "components/extra", component)
    for environment in ENVIRONMENTS:
        content: dict[str, object] = {"resources": ["../../base"], "images": draw(entries())}
        if draw(st.booleans()):
            content["components"] = ["../../components/extra"]
        if draw(st.booleans()):
            content["namePrefix"] = "x-"
        content |= _patches(draw, files, f"overlays/{environment}", objects[0])
        _kustomization(files, f"overlays/{environment}", content)
    return files


def _image(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(REPOSITORIES)) + draw(st.sampled_from(VERSIONS))


def _object(kind: str, pods: list[dict[str, str]], before: list[dict[str, str]] | bool) -> dict[str, object]:
    spec: dict[str, object] = {"containers": pods}
    if before:
        spec["initContainers"] = before
    version, name = "apps/v1", kind.lower()
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"template": {"spec": spec}},
    }


def _patches(draw: st.DrawFn, files: Files, folder: str, body: dict) -> dict[str, object]:
    kind = draw(st.sampled_from(["none", "none", "file", "inline", "json", "harmless"]))
    if kind == "none":
        return {}
    (first, *_) = body["spec"]["template"]["spec"]["containers"]
    image = _image(draw)
    if kind == "json":
        operation = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}
        target = {"kind": body["kind"]}
        return {"patches": [{"target": target, "patch": json.dumps([operation])}]}
    patch = _object(body["kind"], [{"name": first["name"], "image": image}], False)
    if kind == "harmless":
        patch["spec"] = {"replicas": 2}
    if kind == "file":
        files[f"apps/shop/{folder}/patch.yaml"] = json.dumps(patch, indent=1)
        return {"patches": [{"path": "patch.yaml"}]}
    return {"patches": [{"patch": json.dumps(patch)}]}


def _kustomization(files: Files, folder: str, content: dict[str, object]) -> None:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    kept = {key: value for key, value in {**head, **content}.items() if value != []}
    files[f"apps/shop/{folder}/kustomization.yaml"] = json.dumps(kept, indent=2) + "\n"


Images = dict[tuple[str, str, int], tuple[str, str]]
"""Container by its object, list and place: its name and image."""


def rendered(root: Path, program: str) -> dict[str, Images]:
    overlays = [Overlay(f"apps/shop/overlays/{name}") for name in ENVIRONMENTS]
    found = {}
    for name, built in zip(ENVIRONMENTS, build_many(root, overlays, program), strict=True):
        assert built.error is None, built.error
        found[name] = dict(image for body, _ in built.objects for image in _containers(body))
    return found


def _containers(body) -> Iterator[tuple[tuple[str, str, int], tuple[str, str]]]:
    for key in ("containers", "initContainers"):
        for number, container in enumerate(body["spec"]["template"]["spec"].get(key, ())):
            yield (body["metadata"]["name"], key, number), (container["name"], container["image"])


@settings(QUICKLY, max_examples=30)
@given(repositories())
def test_what_the_files_tell_is_what_kustomize_renders(
    tmp_path_factory: pytest.TempPathFactory, files: Files
):
    root = write(tmp_path_factory.mktemp("repository"), files)
    program = kustomize(Invocation(environ=dict(os.environ)))
    for environment, images in rendered(root, program).items():
        path = f"apps/shop/overlays/{environment}/kustomization.yaml"
        told = render(path, WorkTree(root))
        assert told.unread == []
        assert sorted((image.name, image.text) for image in told.final) == sorted(images.values())


def repository(image: str) -> str:
    reference = read_whole(image)
    assert reference is not None
    return canonical(reference.repository)


def is_meant(name: str, container: str, image: str) -> bool:
    if name.startswith("shop/"):
        return container == name.removeprefix("shop/")
    return repository(image) == canonical(name)


WANTED = st.sampled_from([":v2", f"@{DIGEST.replace('0d', '0e')}", f":v2@{DIGEST}", "quay.io/new/web:v2"])


@settings(QUICKLY, max_examples=30)
@given(repositories(), st.sampled_from([*(f"shop/{name}" for name in NAMES), *REPOSITORIES]), WANTED)
def test_exactly_the_meant_images_change_or_nothing_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, files: Files, name: str, wanted: str
):
    program = kustomize(Invocation(environ=dict(os.environ)))
    monkeypatch.setenv("PATH", f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}")
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder).resolve(), files)
        monkeypatch.chdir(root)
        before = rendered(root, program)
        result = run("image", "set", f"{name}={wanted}", "--app", "shop", "--env", "dev")
        monkeypatch.undo()
        now = {path: (root / path).read_text() for path in files}
        if result.exit != 0:
            assert result.exit == ExitStatus.INPUT, result.err
            assert now == files
            return
        after = rendered(root, program)
    assert after["prod"] == before["prod"]
    changed = {spot for spot, image in after["dev"].items() if image != before["dev"][spot]}
    assert changed or "nothing to change" in result.out
    meant = {spot for spot, found in before["dev"].items() if is_meant(name, *found)}
    is_entry = any(f'"name": "{name}"' in text for path, text in files.items() if "kustomization" in path)
    if not meant or is_entry:  # by the name that entries have, or that the image had below them
        meant = changed
    assert changed <= meant
    for spot in meant:
        assert after["dev"][spot][1].endswith(wanted), (before["dev"][spot], result.out)
