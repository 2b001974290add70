"""How validate reads a project that distinguishes cluster-wide objects by name."""

from __future__ import annotations

import pytest

from bootstrap.validate.rules.projects import _listed
from tests.validate.rules.cases_more import policy, signed
from tests.validate.rules.world import find

_NOT = ', {url: "!https://git.example.com/*"}'
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


@pytest.mark.parametrize(
    "policies",
    [
        policy("*", "none", ""),
        policy("*", keys=f"D56C4FCA57A46444, {'d5' * 20}"),
        f"{policy('https://git.example.com/**')}, {policy('https://charts.example.com')}",
        f"{policy('*', more=_NOT)}, {policy('https://git.example.com/*')}",
    ],
)
def test_policy_that_a_signed_revision_satisfies_is_right(policies: str) -> None:
    """Charts are not verified, so the repository of charts may be in two policies or in none."""
    assert find(dict(signed("", "", policies).edits)) == []
