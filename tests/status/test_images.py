"""Images that run against those in Git."""

from __future__ import annotations

from bootstrap.status.images import Difference, differences


def test_only_another_version_of_an_image_is_a_difference() -> None:
    runs = {
        "argocd/same": ["docker.io/library/redis:8.2", "sidecar:1"],
        "argocd/old": ["registry.example.com:5000/web:1@sha256:aa", "other:1"],
        "argocd/gone": [],
    }
    git = {
        "argocd/same": ["redis:8.2"],
        "argocd/old": ["registry.example.com:5000/web:2"],
        "argocd/gone": ["worker:1"],
        "argocd/not-there": ["x:1"],
    }
    assert list(differences(runs, git)) == [
        Difference("argocd/gone", (), ("worker:1",)),
        Difference(
            "argocd/old",
            ("registry.example.com:5000/web:1@sha256:aa",),
            ("registry.example.com:5000/web:2",),
        ),
    ]
