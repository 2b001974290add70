"""What `init` plans for a cluster: only what is left, and never against a person's will."""

from __future__ import annotations

import pytest

from bootstrap.errors import Conflict
from bootstrap.observed import FieldConflict, Preview, RepositoryState
from bootstrap.plans.init import ClusterPlan, Desired, plan
from bootstrap.steps import ClusterObject, ServerSideApply

REPO = RepositoryState("https://git.example.org/a.git", "main", exists=True, tip="1" * 40, branches=("main",))
BINDING = ClusterObject("rbac.authorization.k8s.io/v1", "RoleBinding", "argocd", "argocd-server", b"{}")


def conflict(*managers: str) -> Preview:
    return Preview(
        BINDING, "conflict", conflicts=tuple(FieldConflict(".subjects", name) for name in managers)
    )


def steps(preview: Preview, force: bool = False) -> tuple[object, ...]:
    return plan(REPO, Desired({}, ()), ClusterPlan(argocd=[preview], force_conflicts=force)).steps


def test_what_is_as_it_shall_be_is_no_step() -> None:
    assert steps(Preview(BINDING, "same")) == ()


def test_what_argocd_has_set_is_left_to_argocd() -> None:
    assert steps(conflict("argocd-controller")) == ()


@pytest.mark.parametrize("managers", [("kubectl",), ("argocd-controller", "kubectl")])
def test_fields_of_another_manager_stop_the_run_and_are_named(managers: tuple[str, ...]) -> None:
    with pytest.raises(Conflict) as caught:
        steps(conflict(*managers))
    assert "RoleBinding argocd/argocd-server: .subjects (owned by kubectl)" in caught.value.found


@pytest.mark.parametrize("managers", [("kubectl",), ("argocd-controller",)])
def test_forced_conflicts_are_applied(managers: tuple[str, ...]) -> None:
    assert steps(conflict(*managers), force=True) == (ServerSideApply("Argo CD", (BINDING,), True),)
