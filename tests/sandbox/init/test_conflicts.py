"""Fields of CRDs that another manager owns with other values: refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.init import run as initialise
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.parse import parse
from bootstrap.plan.execute import Done, Handler, execute
from bootstrap.plan.steps import Plan, ServerSideApply, Step
from tests.sandbox.kubernetes import apply_as, made
from tests.sandbox.world import World

CRD = "applications.argoproj.io"
FIELDS = (".spec.names.singular", ".metadata.labels.app.kubernetes.io/part-of")


def theirs(manifest: Path) -> ClusterObject:
    """The CRD as somebody else has it: of another distribution, whose name it has in two fields."""
    objects = split.split(manifest.read_bytes(), manifest.name)
    (found,) = [item for item in objects if (item.kind, item.name) == ("CustomResourceDefinition", CRD)]
    content: dict[str, Any] = dict(parse(found.text, (manifest.name, 1)))
    content["metadata"] = {"name": CRD, "labels": {"app.kubernetes.io/part-of": "somebody"}}
    content["spec"]["names"]["singular"] = "somebody"
    return made(content)


@pytest.mark.parametrize("which", ["small_manifest", "argocd_manifest"])
def test_a_crds_field_of_somebody_else_is_refused_with_its_owner_before_anything_is_written(
    world: World, request: pytest.FixtureRequest, which: str
) -> None:
    """The real one is long: another way of looking at it."""
    manifest: Path = request.getfixturevalue(which)
    apply_as(world.cluster, theirs(manifest), "", "somebody")
    before = world.objects()
    result = world.init("--argocd-manifest", str(manifest))
    assert result.exit == ExitStatus.REFUSED, result.err
    for field in FIELDS:
        assert f"CustomResourceDefinition {CRD}: {field} (owned by somebody)" in result.err
    assert "--force-conflicts" in result.err
    assert world.objects() == before
    assert not world.bare().exists()


def test_a_conflict_that_appears_after_the_plan_is_refused_with_its_owner(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(plan: Plan, handlers: Mapping[type, Handler], report: Callable[[Step], None]) -> list[Done]:
        def meddle(step: Step) -> None:
            if isinstance(step, ServerSideApply) and step.title == "Argo CD":
                apply_as(world.cluster, theirs(world.manifest), "", "somebody")
            report(step)

        return execute(plan, handlers, meddle)

    with monkeypatch.context() as patch:
        patch.setattr(initialise, "execute", run)
        result = world.init()
    assert result.exit == ExitStatus.REFUSED, result.err
    for field in FIELDS:
        assert f"{field} (owned by somebody)" in result.err
    assert f"CustomResourceDefinition {CRD}" in result.err
    assert "what is done already stays" in result.err
    assert "Application argocd/root" not in world.objects()
    refused = world.init()
    assert (refused.exit, "owned by somebody" in refused.err) == (ExitStatus.REFUSED, True)
    world.up("--force-conflicts")
    assert "nothing to do" in world.up().out
