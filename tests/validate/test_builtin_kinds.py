"""Kinds and fields come from what ships, for each release that is known, and ask no client."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bootstrap.validate import builtin_kinds


@pytest.mark.parametrize("release", builtin_kinds.releases())
def test_every_release_knows_the_kinds_of_every_day(release: builtin_kinds.Release) -> None:
    found = builtin_kinds.load(release)
    for kind in ("v1/ConfigMap", "v1/Service", "apps/v1/Deployment", "networking.k8s.io/v1/Ingress"):
        assert found["kinds"][kind] in found["models"]


@pytest.mark.parametrize("release", builtin_kinds.releases())
def test_every_type_that_a_field_names_is_there(release: builtin_kinds.Release) -> None:
    models = builtin_kinds.load(release)["models"]
    for model in models.values():
        for kind in model["fields"].values():
            inner = kind
            while isinstance(inner, list):
                inner = inner[1]
            assert not inner.startswith("#") or inner[1:] in models


def test_older_release_has_not_what_came_later() -> None:
    later = "storagemigration.k8s.io/v1/StorageVersionMigration"
    assert later not in builtin_kinds.load((1, 36))["kinds"]
    assert later in builtin_kinds.load((1, 37))["kinds"]


def test_nearest_release_answers_for_one_that_is_not_known() -> None:
    first, last = builtin_kinds.releases()[0], builtin_kinds.newest()
    assert builtin_kinds.nearest((1, 20)) == first
    assert builtin_kinds.nearest((1, 99)) == last


def test_fields_have_the_types_of_the_api_server() -> None:
    models = builtin_kinds.load()["models"]
    assert models["V1Container"]["fields"]["resources"] == "#V1ResourceRequirements"
    assert models["V1ResourceRequirements"]["fields"]["limits"] == ["dict", "quantity"]
    assert models["V1ServicePort"]["fields"]["targetPort"] == "int|str"
    assert models["V1Secret"]["fields"]["data"] == ["dict", "str"]
    assert models["V1ServicePort"]["required"] == ["port"]


def test_no_client_is_loaded_for_them() -> None:
    code = (
        "import sys; from bootstrap.validate import builtin_kinds; builtin_kinds.load();"
        "sys.exit(any(name.partition('.')[0] == 'kubernetes' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
