"""What `ci init` is asked for is refused when it cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bootstrap.ci import request
from bootstrap.core.errors import InputError


@pytest.mark.parametrize(
    ("provider", "origin", "registry"),
    [
        ("github", "git@github.com:Org/Shop.git", "ghcr.io/org"),
        ("github", "https://github.com/org/shop", "ghcr.io/org"),
        ("github", "ssh://git@github.com/org/shop.git", "ghcr.io/org"),
        ("github", "https://git.example.com/org/shop.git", None),
        ("gitlab", "git@gitlab.com:Group/Sub/shop.git", "registry.gitlab.com/group/sub/shop"),
        ("gitlab", "https://gitlab.example.com/group/shop.git", None),
        ("github", None, None),
    ],
)
def test_registry_is_the_hosts_own_where_the_remote_says_so(
    provider: str, origin: str | None, registry: str | None
) -> None:
    assert request.default_registry(provider, origin) == registry


@pytest.mark.parametrize(
    ("tool", "pinned"),
    [(f"org/bootstrap@{'0a' * 20}", True), ("org/bootstrap@v1", False), ("org/bootstrap/sub@main", False)],
)
def test_an_action_is_pinned_by_a_commit_alone(tool: str, pinned: bool) -> None:
    assert request.check_tool("github", tool) == tool
    assert request.is_pinned("github", tool) is pinned


def test_an_image_is_pinned_by_its_digest_alone() -> None:
    assert request.is_pinned("gitlab", request.check_tool("gitlab", f"example.com/b@sha256:{'0a' * 32}"))
    assert not request.is_pinned("gitlab", "example.com/b:v1")


@pytest.mark.parametrize(
    "asked",
    [
        lambda: request.check_tool("github", "org/bootstrap"),
        lambda: request.check_tool("github", "org/bootstrap@${{ github.head_ref }}"),
        lambda: request.check_tool("gitlab", "Org/Upper:v1"),
        lambda: request.check_registry("org"),
        lambda: request.check_registry("ghcr.io/Org"),
        lambda: request.check_registry("ghcr.io/org:v1"),
        lambda: request.check_registry("ghcr.io"),
        lambda: request.check_repository("https://user:secret@git.example.com/org/gitops.git"),
        lambda: request.check_repository("file:///srv/gitops.git"),
        lambda: request.check_branch("a' || true || 'b"),
        lambda: request.check_branch("../main"),
        lambda: request.check_word("--app", "Shop"),
        lambda: request.services({"image": "."}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"Web": "web"}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"web": "../web"}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"web": "/web"}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"web": "we*b"}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"web": "${{ github.actor }}"}, "shop", ["ghcr.io/org"], {}),
        lambda: request.services({"web": "web"}, "shop", ["ghcr.io/org"], {"api": "shop/api"}),
        lambda: request.services({"web": "web"}, "shop", ["ghcr.io/org"], {"web": "shop web"}),
    ],
)
def test_what_cannot_be_is_refused(asked: Callable[[], object]) -> None:
    with pytest.raises(InputError) as refused:
        asked()
    assert "secret" not in str(refused.value) + refused.value.hint
