"""What `init` applies of Argo CD is what kustomize renders, and so what Argo CD keeps afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.argocd import install_manifest
from bootstrap.argocd.install_manifest import Variant
from bootstrap.core.invocation import Invocation
from bootstrap.init import argocd_objects
from bootstrap.kube.find_argocd import installed_by
from bootstrap.layout import catalog
from bootstrap.layout import files as layout
from bootstrap.layout.settings import Settings
from bootstrap.manifests.reader import load_all
from bootstrap.repository import tools
from tests.tools import tool

SETTINGS = Settings("https://git.example.org/platform/gitops.git", "main")


def _without_namespace(content: dict[str, Any]) -> dict[str, Any]:
    """The API server gets an object's namespace from the request; kustomize writes it into the object."""
    metadata = {key: value for key, value in content["metadata"].items() if key != "namespace"}
    return {**content, "metadata": metadata}


@pytest.mark.parametrize("variant", ["install", "ha", "core"])
def test_what_init_applies_is_what_kustomize_renders(
    variant: Variant, tmp_path: Path, invocation: Invocation
) -> None:
    assert tool("argocd")  # the manifests come with its build
    assert tool("kustomize")
    manifest = install_manifest.manifest(invocation, None, variant)
    files = layout.shipped(catalog.load(), manifest.content, [SETTINGS])
    folder = tmp_path / "infrastructure/argocd/manifests"
    for path, content in files.items():
        if path.startswith("infrastructure/argocd/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
    built = {
        (body["kind"], body["metadata"]["name"]): _without_namespace(dict(body))
        for body in tools.build(folder, invocation, tmp_path)
    }
    applied = {
        (item.kind, item.name): _without_namespace(load_all(item.text.decode())[0])
        for item in argocd_objects.render(files, SETTINGS).objects
    }
    assert applied == built


def test_the_settings_say_who_laid_them_out() -> None:
    """By this `init` knows its own Argo CD also after Argo CD has made the objects anew."""
    (patch,) = load_all(catalog.load()["infrastructure/argocd/manifests/patches/argocd-cm.yaml"].decode())
    assert installed_by([], {"metadata": patch["metadata"]}) == "bootstrap"
