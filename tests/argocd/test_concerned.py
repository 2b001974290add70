"""Which Applications a commit concerns."""

from __future__ import annotations

import pytest

from bootstrap.argocd.concerned import concerned


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ("/apps/shop", True),
        ("/infrastructure/loki;/apps/shop/base", True),
        ("/apps/shop/base/web.yaml", True),
        ("/", True),
        ("/apps/sho", False),
        ("/infrastructure/loki", False),
        ("/apps/shop/overlays/dev; /apps/other", False),
        ("", True),
        (".", True),
        ("/clusters/*/*", True),
    ],
)
def test_an_application_is_concerned_by_files_below_its_paths_or_if_that_is_unknown(
    paths: str, expected: bool
) -> None:
    annotations = {"argocd.argoproj.io/manifest-generate-paths": paths}
    application = {"metadata": {"name": "a", "annotations": annotations}}
    assert concerned(application, ["apps/shop/base/web.yaml"]) is expected


def test_an_application_without_the_annotation_is_concerned_by_every_file() -> None:
    assert concerned({"metadata": {"name": "a"}}, ["README.md"])
