"""An Application's `kustomize:` section edits a kustomization as `kustomize edit` does, with the real one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import load_all
from bootstrap.repository.overrides.edited import Refused, edited
from bootstrap.repository.tools import kustomize

BEFORE = {
    "namePrefix": "own-",
    "images": [{"name": "web", "newName": "other", "newTag": "v1"}, {"name": "side", "newTag": "v1"}],
    "replicas": [{"name": "web", "count": 1}],
    "labels": [{"pairs": {"own": "label"}}],
}


def by_kustomize(folder: Path, *command: str) -> dict[str, Any]:
    """What `kustomize edit` leaves of BEFORE."""
    file = folder / "kustomization.yaml"
    file.write_text(json.dumps(BEFORE))
    subprocess.run([kustomize(Invocation()), "edit", *command], cwd=folder, check=True, capture_output=True)
    found = next(iter(load_all(file.read_text())))
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if key not in ("apiVersion", "kind")}


@pytest.mark.parametrize(
    ("command", "overrides"),
    [
        (("set", "nameprefix", "--", "its-"), {"namePrefix": "its-"}),
        (("set", "image", "web=new:v2"), {"images": [{"name": "web", "newName": "new", "newTag": "v2"}]}),
        (("set", "image", "web=*:v2"), {"images": [{"name": "web", "newName": "*", "newTag": "v2"}]}),
        (("set", "replicas", "other=2"), {"replicas": [{"name": "other", "count": 2}]}),
        (
            ("add", "label", "--without-selector", "its:label"),
            {"labels": [{"pairs": {"its": "label"}, "includeSelectors": False}]},
        ),
        (
            ("add", "label", "--without-selector", "--include-templates", "its:label"),
            {"labels": [{"pairs": {"its": "label"}, "includeSelectors": False, "includeTemplates": True}]},
        ),
        (("add", "annotation", "its:one"), {"commonAnnotations": {"its": "one"}}),
    ],
)
def test_it_is_what_kustomize_edit_leaves(
    tmp_path: Path, command: tuple[str, ...], overrides: dict[str, Any]
) -> None:
    assert _plain(edited(BEFORE, overrides)) == _plain(by_kustomize(tmp_path, *command))


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Without fields that say no."""
    labels = [{key: value for key, value in one.items() if value} for one in body.get("labels", [])]
    return {**body, "labels": labels}


def test_an_entry_that_is_there_is_replaced_only_by_force() -> None:
    overrides = {"labels": [{"pairs": {"own": "its"}, "includeSelectors": False}]}
    with pytest.raises(Refused, match="label own already in kustomization file"):
        edited(BEFORE, overrides)
    assert edited(BEFORE, {**overrides, "forced": ["labels"]})["labels"] == [{"pairs": {"own": "its"}}]
