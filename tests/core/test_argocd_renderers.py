"""Which helm and kustomize a release of Argo CD renders with."""

from __future__ import annotations

import pytest

from bootstrap.core.argocd_renderers import TABLE, Renderers, renderers, same_minor
from bootstrap.core.argocd_version import ARGOCD_VERSION
from bootstrap.programs.pinned import BY_NAME


@pytest.mark.parametrize(
    ("argocd", "found"),
    [
        ("v2.9.22", None),
        ("v3.3.0", Renderers("3.19.4", "5.8.0")),
        ("v3.4.7", Renderers("3.19.4", "5.8.1")),
        ("v3.5.7", Renderers("4.2.1", "5.8.1")),
        ("3.6.1", Renderers("4.3.1", "5.8.3")),
        ("v99.0.0", TABLE[-1][1]),
        ("latest", None),
    ],
)
def test_each_release_has_its_own(argocd: str, found: Renderers | None) -> None:
    assert renderers(argocd) == found


def test_the_sandbox_renders_with_the_minor_versions_of_the_argo_cd_that_it_runs() -> None:
    ours = renderers(ARGOCD_VERSION)
    assert ours is not None
    assert same_minor(BY_NAME["helm"].version, ours.helm)
    assert same_minor(BY_NAME["kustomize"].version, ours.kustomize)
    assert [since for since, _ in TABLE] == sorted(since for since, _ in TABLE)
