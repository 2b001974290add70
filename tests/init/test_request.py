"""Options that cannot be combined, or have no effect, are reported before anything is contacted."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.core.errors import InputError
from bootstrap.init.request import Request


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"repo_only": True, "cluster_only": True}, "cannot be combined"),
        ({"cluster_only": True, "variant": "ha"}, "--ha or --core would have to"),
        ({"cluster_only": True, "with_components": ("loki",), "variant": "ha"}, "--with, --ha or --core"),
        ({"cluster_only": True, "argocd_url": "https://argocd.example.org"}, "--argocd-url"),
        ({"sha256": "0" * 64}, "without --argocd-manifest"),
        ({"sha256": "xyz", "argocd_manifest": "x.yaml"}, "'xyz' is not a sha256"),
        ({"timeout": -1.0}, "-1 is not a time"),
        ({"argocd_url": "https://h/?a=b"}, "not the address of a server"),
        ({"api_url": "git.example.org"}, "not the address of a server"),
        ({"api_url": "https://user@git.example.org"}, "not the address of a server"),
        ({"deploy_key": True, "repo_only": True}, "--repo-only does not touch it"),
        ({"deploy_key": True, "cluster_only": True}, "--deploy-key would have to"),
    ],
)
def test_options_that_do_not_go_together_are_reported(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        Request("https://git.example.org/a/b.git", **options).check()
    assert words in caught.value.found


def test_usual_options_are_fine() -> None:
    Request(
        "https://git.example.org/a/b.git", domain="example.org", argocd_url="http://127.0.0.1:8080/"
    ).check()
    Request("https://git.example.org/a/b.git", cluster_only=True, cluster="edge").check()
