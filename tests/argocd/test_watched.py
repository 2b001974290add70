"""What is remembered while waiting: when to ask again, by a clock of the test's own; which commit counts."""

from __future__ import annotations

from typing import Any

from bootstrap.argocd import watched as module
from bootstrap.argocd.reason import REFRESH
from bootstrap.argocd.watched import LONGEST_STILL, STILL, Watched
from tests.applications import NEWER, REVISION, application, entry

A = ("argocd", "a")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def watching(
    clock: Clock, *applications: dict[str, Any], revision: str | None = None, **more: Any
) -> Watched:
    found = Watched("root", "argocd", revision, clock=clock, **more)
    for item in applications:
        found.take("ADDED", item)
    return found


def root() -> dict[str, Any]:
    return application("root", children=[entry("a")])


def asked(found: Watched) -> list[tuple[str, str]]:
    return found.to_look_at_again(found.status())


def test_health_that_stays_progressing_is_asked_about_with_longer_and_longer_pauses() -> None:
    clock = Clock()
    found = watching(clock, root(), application("a", health="Progressing"))
    assert asked(found) == []
    times = []
    for _ in range(600):
        clock.now += 1
        if A in asked(found):
            times.append(clock.now - 1000)
    assert times == [STILL, 3 * STILL, 7 * STILL, 7 * STILL + LONGEST_STILL, *times[4:]]
    assert times[4] - times[3] == LONGEST_STILL


def test_what_moves_is_not_asked_about() -> None:
    clock = Clock()
    found = watching(clock, root(), application("a", health="Progressing"))
    for number in range(100):
        clock.now += STILL / 2
        running = {"phase": "Running", "message": f"waiting for hook {number}"}
        found.take("MODIFIED", application("a", health="Progressing", operationState=running))
        assert A not in asked(found)


def test_question_that_is_not_answered_yet_is_not_asked_again() -> None:
    clock = Clock()
    found = watching(clock, root(), application("a", health="Progressing", annotations={REFRESH: "normal"}))
    asked(found)
    clock.now += 10 * STILL
    assert A not in asked(found)


def test_asking_again_is_not_movement() -> None:
    """Otherwise the wait for what needs someone to act would never end: each refresh would restart it."""
    clock = Clock()
    suspended = application("a", health="Suspended")
    found = watching(clock, root(), suspended)
    status = found.status()
    found.rows = {(item.namespace, item.name): item for item in status.applications}
    assert found.gives_up(status, 40) == (False, False)
    clock.now += 20
    assert found.gives_up(status, 40) == (True, False)
    found.take("MODIFIED", application("a", health="Suspended", annotations={REFRESH: "normal"}))
    clock.now += 20
    assert found.gives_up(found.status(), 40) == (False, True)


def test_fix_that_is_pushed_while_waiting_is_waited_for_from_then_on() -> None:
    questions: list[tuple[str, str]] = []

    def descends(commit: str, ancestor: str) -> bool:
        questions.append((commit, ancestor))
        return True

    newer = application("root", revision=NEWER, children=[entry("a")])
    found = watching(Clock(), newer, application("a"), revision=REVISION, descends=descends)
    found.follow()
    assert found.revision == NEWER
    assert found.status().applications[0].ready
    assert found.stale(found.status()) == [A]  # its own commit does not count any more
    found.follow()
    assert questions == [(NEWER, REVISION)]


def test_commit_that_has_nothing_to_do_with_ours_does_not_count_and_is_asked_about_once() -> None:
    questions: list[str] = []

    def descends(commit: str, ancestor: str) -> bool:
        questions.append(commit)
        return False

    found = watching(Clock(), application("root", revision=NEWER), revision=REVISION, descends=descends)
    found.follow()
    found.follow()
    assert found.revision == REVISION
    assert found.status().final
    assert questions == [NEWER]  # and never a chart's version


def test_longest_pause_is_shorter_than_argo_cds_own() -> None:
    assert module.LONGEST_STILL < 180


def test_what_the_running_sync_above_will_change_is_not_final() -> None:
    refused = {
        "type": "InvalidSpecError",
        "message": "application repo OLD is not permitted in project 'apps'",
    }
    child = application("a", "Unknown", "Unknown", conditions=[refused])
    changing = {**entry("a"), "status": "OutOfSync"}
    for running, listed, final in (
        ({"phase": "Running", "message": "Retrying attempt #1"}, changing, False),
        ({"phase": "Running", "message": "Retrying attempt #1"}, {**changing, "status": "Synced"}, True),
        ({"phase": "Succeeded"}, changing, True),
    ):
        above = application("root", children=[listed], operationState=running)
        (found,) = [one for one in watching(Clock(), above, child).status().applications if one.name == "a"]
        assert found.final is final, (running, listed)
