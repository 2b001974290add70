"""Options of `upgrade` that cannot be combined, or need another one."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.core.errors import InputError
from bootstrap.edit.access import Access
from bootstrap.upgrade.request import Request

REPO = Access(repo="https://git.example.com/a/b.git")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"push": True, "pr": True}, "--push and --pr cannot be combined"),
        ({"abort": True, "go_on": True}, "--abort ends an upgrade in a work tree"),
        ({"abort": True, "access": REPO}, "--abort ends an upgrade in a work tree"),
        ({"access": REPO}, "--repo without --push or --pr would change nothing"),
        ({"sha256": "0" * 64}, "--sha256 has no effect without --argocd"),
        ({"argocd": "v3.6.1", "sha256": "12"}, "is not a sha256"),
        ({"argocd_manifest": "install.yaml"}, "--argocd-manifest is given without --argocd"),
        ({"timeout": 0.0}, "is not a time"),
    ],
)
def test_options_that_do_not_fit_are_reported(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        Request(**options).check()
    assert words in str(caught.value)


def test_usual_options_are_fine() -> None:
    Request().check()
    Request(access=REPO, pr=True, go_on=True).check()
    Request(access=REPO, dry_run=True).check()
    Request(push=True, argocd="v3.6.1", sha256="0" * 64).check()
