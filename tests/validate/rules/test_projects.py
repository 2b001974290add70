"""How validate reads a project that distinguishes cluster-wide objects by name."""

from __future__ import annotations

import pytest

from bootstrap.validate.rules.projects import _listed

BLACK = [{"group": "", "kind": "Namespace", "name": "kube-*"}, {"group": "", "kind": "Node"}]


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("Namespace", "kube-system", True),
        ("Namespace", "shop", False),
        ("Node", "a", True),
        ("PersistentVolume", "kube-a", False),
    ],
)
def test_entry_with_a_name_is_for_that_name_alone(kind: str, name: str, fits: bool) -> None:
    assert _listed(BLACK, "", kind, name) is fits
