"""Applications → what is synced, healthy, waited for and why."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.argocd.status import Status, summarise
from tests.applications import NEWER, REVISION, TIME, application, entry


def of(*applications: dict[str, Any], revision: str | None = None) -> Status:
    return summarise(applications, "root", "argocd", revision)


def waiting(status: Status) -> dict[str, str]:
    return {item.name: item.waiting_for for item in status.waiting}


def root(*names: str, sync: str = "Synced", health: str = "Healthy", **more: Any) -> dict[str, Any]:
    return application("root", sync, health, children=[entry(name) for name in names], **more)


def test_all_synced_and_healthy_is_ready() -> None:
    status = of(root("a", "b"), application("a"), application("b"), revision=REVISION)
    assert status.ready
    assert not status.final
    assert status.summary() == "3 of 3 Applications are Synced and Healthy"


def test_without_its_root_nothing_is_ready() -> None:
    assert not of(application("a")).ready
    assert of(application("a")).applications == ()


def test_rows_are_the_root_then_its_descendants_by_wave_and_name() -> None:
    children = [entry("late", 5), entry("b"), entry("a"), entry("first", -1)]
    apps = [application(name) for name in ("late", "b", "a", "first", "stranger")]
    status = of(application("root", children=children), *apps)
    assert [(item.wave, item.name) for item in status.applications] == [
        (0, "root"),
        (-1, "first"),
        (0, "a"),
        (0, "b"),
        (5, "late"),
    ]


def test_children_are_found_below_children_and_by_their_tracking_annotation() -> None:
    group = application("group", children=[entry("inner", 2)])
    tracked = application("tracked", parent="root", wave=3)
    others = application("others", parent="another-root")
    status = of(root("group"), group, application("inner"), tracked, others)
    assert [item.name for item in status.applications] == ["root", "group", "inner", "tracked"]


def test_applications_of_an_application_set_are_its_parents() -> None:
    sets = application("root", children=[entry("cities", kind="ApplicationSet")])
    made = application("paris")
    made["metadata"]["ownerReferences"] = [{"kind": "ApplicationSet", "name": "cities"}]
    assert [item.name for item in of(sets, made).applications] == ["root", "paris"]


def test_children_that_are_to_be_pruned_are_not_waited_for() -> None:
    top = application("root", children=[entry("old", requiresPruning=True), entry("a")])
    assert [item.name for item in of(top, application("a")).applications] == ["root", "a"]


def test_applications_that_name_each_other_end() -> None:
    one = application("one", children=[entry("two")])
    two = application("two", children=[entry("one"), entry("root")])
    assert len(of(root("one"), one, two).applications) == 3


def test_child_that_does_not_exist_yet_waits_for_an_earlier_wave() -> None:
    top = application("root", "OutOfSync", "Missing", children=[entry("a", 1), entry("b", 2)])
    status = of(top, application("a", health="Progressing"))
    (missing,) = [item for item in status.applications if item.name == "b"]
    assert (missing.wave, missing.sync, missing.health) == (2, "OutOfSync", "Missing")
    assert "earlier wave" in missing.waiting_for
    assert not status.final


@pytest.mark.parametrize(
    ("fields", "text", "final"),
    [
        ({"health": "Progressing"}, "its health: Progressing", False),
        ({"health": "Degraded"}, "its health: Degraded", False),
        ({"health": "Suspended"}, "someone to resume it: Suspended", True),
        ({"sync": "OutOfSync"}, "its sync: OutOfSync", False),
        (
            {"sync": "OutOfSync", "automated": False},
            "someone to sync it: it has no automated sync policy",
            True,
        ),
        ({"sync": "Unknown"}, "its sync: Unknown", False),
        ({"annotations": {"argocd.argoproj.io/refresh": "normal"}}, "controller to compare it again", False),
        (
            {"operationState": {"phase": "Running", "message": "waiting for x", "startedAt": TIME}},
            "waiting for x",
            False,
        ),
        (
            {"sync": "OutOfSync", "operationState": {"phase": "Failed", "message": "bad"}},
            "its sync failed: bad",
            False,
        ),
        ({"reconciledAt": None}, "the application controller to look at it", False),
    ],
)
def test_what_one_waits_for(fields: dict[str, Any], text: str, final: bool) -> None:
    status = of(root("a"), application("a", **fields))
    assert text in waiting(status)["a"]
    assert status.final is final


@pytest.mark.parametrize(
    ("prune", "others", "text", "final"),
    [
        (False, (), "someone to delete what Git no longer has: it does not prune (Service metrics)", True),
        (True, (), "its sync: OutOfSync (Service metrics)", False),
        (False, ("web",), "its sync: OutOfSync (Service metrics, Service web)", False),
    ],
)
def test_what_is_no_longer_in_git_and_not_pruned_waits_for_someone(
    prune: bool, others: tuple[str, ...], text: str, final: bool
) -> None:
    gone = {"kind": "Service", "name": "metrics", "status": "OutOfSync", "requiresPruning": True}
    changed = [{"kind": "Service", "name": name, "status": "OutOfSync"} for name in others]
    one = application("a", "OutOfSync", resources=[gone, *changed])
    one["spec"]["syncPolicy"]["automated"] = {"prune": prune}
    status = of(root("a"), one)
    assert waiting(status)["a"] == text
    assert status.final is final


@pytest.mark.parametrize(
    ("kind", "message", "final"),
    [
        ("ComparisonError", "failed to list refs: authentication required: Unauthorized", True),
        ("ComparisonError", "apps/gone: app path does not exist", True),
        (
            "ComparisonError",
            "rpc error: code = Unavailable desc = dial tcp 10.0.0.1:8081: connection refused",
            False,
        ),
        ("ComparisonError", "rpc error: code = DeadlineExceeded desc = context deadline exceeded", False),
        ("InvalidSpecError", "application references project x which does not exist", True),
        ("SyncError", "Failed last sync attempt to [abc]: one or more objects failed to apply", True),
        ("OrphanedResourceWarning", "Application has 1 orphaned resources", None),
    ],
)
def test_argo_cds_conditions_are_quoted(kind: str, message: str, final: bool | None) -> None:
    conditions = [{"type": kind, "message": message, "lastTransitionTime": TIME}]
    status = of(root("a"), application("a", conditions=conditions))
    if final is None:
        assert status.ready
        return
    assert waiting(status) == {"a": f"{kind}: {message}"}
    assert status.waiting[0].since == TIME
    assert status.final is final


def test_automated_sync_may_be_switched_off_in_its_place() -> None:
    paused = application("a", "OutOfSync")
    paused["spec"]["syncPolicy"] = {"automated": {"enabled": False}}
    assert of(root("a"), paused).final


def test_finished_operation_of_a_synced_application_is_not_a_reason() -> None:
    done = application("a", operationState={"phase": "Succeeded", "message": "successfully synced"})
    assert of(root("a"), done).ready


def test_operation_that_is_about_to_begin_is_waited_for() -> None:
    status = of(root("a"), {**application("a"), "operation": {"sync": {}}})
    assert waiting(status) == {"a": "its sync to start"}


def test_deleted_application_is_waited_for() -> None:
    gone = application("a")
    gone["metadata"]["deletionTimestamp"] = TIME
    assert waiting(of(root("a"), gone)) == {"a": "its deletion"}


def test_out_of_sync_names_some_resources() -> None:
    resources = [entry(f"r{number}", kind="ConfigMap", status="OutOfSync") for number in range(5)]
    found = waiting(of(root("a"), application("a", "OutOfSync", children=resources)))["a"]
    assert found == "its sync: OutOfSync (ConfigMap r0, ConfigMap r1, ConfigMap r2 and 2 more)"


def test_unhealthy_resources_are_named_where_argo_cd_keeps_them() -> None:
    resources = [entry("web", kind="Rollout", health={"status": "Degraded", "message": "image\n not found"})]
    found = waiting(of(root("a"), application("a", health="Degraded", children=resources)))["a"]
    assert found == "its health: Degraded: Rollout web is Degraded (image not found)"


def test_root_has_to_be_at_the_revision_asked_for() -> None:
    status = of(root("a", revision=NEWER), application("a", revision=NEWER), revision=REVISION)
    assert waiting(status) == {"root": f"revision {REVISION[:12]}: it is at 1.2.3, {NEWER[:12]}"}
    assert status.final
    assert of(root("a"), application("a"), revision=REVISION).ready


def test_child_that_has_nothing_new_in_that_revision_is_ready() -> None:
    assert of(root("a"), application("a", revision=NEWER), revision=REVISION).ready


def test_root_of_a_single_source_has_its_revision_too() -> None:
    top = root()
    top["status"]["sync"] = {"status": "Synced", "revision": REVISION}
    assert of(top, revision=REVISION).ready
    assert not of(top, revision=NEWER).ready


def test_parent_that_mirrors_its_children_decides_nothing() -> None:
    blocked = application("a", health="Suspended")
    top = application("root", "OutOfSync", "Progressing", children=[entry("a"), entry("b", 1)])
    assert of(top, blocked).final
    moving = application("a", health="Progressing")
    assert not of(top, moving).final


def test_parent_that_can_not_go_on_itself_decides() -> None:
    conditions = [{"type": "ComparisonError", "message": "app path does not exist"}]
    top = application("root", "Unknown", children=[entry("a"), entry("b")], conditions=conditions)
    assert of(top).final
    assert not of(top, application("a", health="Progressing")).final


def test_lines_are_a_table_with_a_header() -> None:
    lines = of(root("a"), application("a", health="Progressing", wave=2)).lines()
    assert lines[0].split() == ["WAVE", "APPLICATION", "SYNC", "HEALTH", "SINCE", "WAITING", "FOR"]
    assert lines[2].split() == [
        "0",
        "a",
        "Synced",
        "Progressing",
        "21:50:03",
        "its",
        "health:",
        "Progressing",
    ]
    column = lines[0].index("HEALTH")
    assert all(line[column - 1] == " " for line in lines)


def test_data_has_every_field() -> None:
    data = of(root("a"), application("a", health="Progressing"), revision=REVISION).data()
    assert data["root"] == "root"
    assert data["ready"] is False
    assert data["applications"][1] == {
        "name": "a",
        "namespace": "argocd",
        "wave": 0,
        "sync": "Synced",
        "health": "Progressing",
        "revision": f"1.2.3, {REVISION}",
        "behind": None,
        "ready": False,
        "waitingFor": "its health: Progressing",
        "objects": [],
        "since": TIME,
        "final": False,
    }


def test_what_objects_say_is_shown_where_someone_has_to_act() -> None:
    status = of(root("a", "b"), application("a", health="Progressing"), application("b"))
    said = {("argocd", "a"): ["Deployment x/a: 0 of 1 replicas are available"], ("argocd", "b"): ["stale"]}
    found = status.with_objects(said)
    assert [item.ready for item in found.applications] == [item.ready for item in status.applications]
    assert found.data()["applications"][1]["objects"] == ["Deployment x/a: 0 of 1 replicas are available"]
    assert found.waits() == (
        "2 of 3 Applications are Synced and Healthy; a: Synced, Progressing, waits for its health: "
        "Progressing (Deployment x/a: 0 of 1 replicas are available)"
    )


def test_application_that_is_called_healthy_waits_for_its_rollout() -> None:
    status = of(root("a"), application("a"))
    assert status.ready
    found = status.with_rollouts({("argocd", "a"): ["Deployment x/a: 1 of its previous version still runs"]})
    assert not found.ready
    assert waiting(found) == {"a": "an unfinished rollout"}
