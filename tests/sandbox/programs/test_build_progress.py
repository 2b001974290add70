"""What is shown while programs are built: which, what is left, and how long it will take."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.programs.build_progress import EVERY, BuildProgress, Stopwatch
from bootstrap.programs.pinned import BY_NAME
from bootstrap.sandbox.show_programs import where_the_time_went

SECONDS = {"etcd": 26, "kube-apiserver": 207, "kube-scheduler": 4, "kwok": 63}
PINNED = {name: replace(BY_NAME[name], seconds=seconds) for name, seconds in SECONDS.items()}
UNITS = [(PINNED["etcd"],), (PINNED["kube-apiserver"], PINNED["kube-scheduler"]), (PINNED["kwok"],)]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _progress(processors: int = 2) -> tuple[BuildProgress, Clock, list[str]]:
    clock, said = Clock(), list[str]()
    return BuildProgress(UNITS, said.append, clock, processors), clock, said


def test_it_says_what_is_built_what_is_left_and_how_long() -> None:
    progress, clock, said = _progress()
    with progress.building(UNITS[0]) as seen:
        clock.now += EVERY
        seen("go: downloading example.com/module v1.0.0")
        clock.now += EVERY
        seen("example.com/package")
    # 26 + 207 + 4 + 63 seconds on two processors, 300 in all.
    left = "left: kube-apiserver, kube-scheduler, kwok"
    assert said == [
        f"etcd (1 of 4), fetching its sources; {left}; about 5 min to go",
        f"etcd (1 of 4), fetching its sources; {left}; about 5 min to go",
        f"etcd (1 of 4), 1 package compiled; {left}; about 5 min to go",
    ]


def test_it_does_not_speak_more_often_than_it_should() -> None:
    progress, clock, said = _progress()
    with progress.building(UNITS[0]) as seen:
        for _ in range(100):
            clock.now += EVERY / 50
            seen("example.com/package")
    assert len(said) == 3
    assert "100 packages" in said[-1]


def test_a_slower_machine_corrects_the_estimate() -> None:
    progress, clock, said = _progress()
    with progress.building(UNITS[0]):
        clock.now += 26 * 10
    with progress.building(UNITS[1]) as seen:
        # (100 + 260) s for 126 of the scale: 2.86 s each; 274 are left.
        assert said[-1].endswith("about 13 min to go")
        assert said[-1].startswith("kube-apiserver, kube-scheduler (2 of 4), ")
        clock.now += 3600
        seen("")
    # The one that takes too long is never shown as done: a tenth of it stays.
    assert said[-1].endswith("left: kwok; about 4 min to go")


def test_more_processors_are_expected_to_be_faster() -> None:
    progress, _, said = _progress(processors=8)
    with progress.building(UNITS[0]):
        pass
    assert said[-1].endswith("about 75 s to go")


def test_what_another_run_has_built_is_counted_as_done() -> None:
    progress, _, said = _progress()
    with progress.building(UNITS[2]):
        pass
    assert said == ["kwok (4 of 4), fetching its sources; the last one; about 65 s to go"]


def test_builds_that_overlap_count_the_time_that_they_share_once() -> None:
    progress, clock, said = _progress()
    with progress.building(UNITS[0]):
        clock.now += 26 * 10
        with progress.building(UNITS[1]):
            pass
        clock.now += 0.5
    with progress.building(UNITS[2]):
        pass
    # 100 + 260.5 s for (100 + 26 + 211) of the scale: 1.07 s each; 63 are left.
    assert said[-1] == "kwok (4 of 4), fetching its sources; the last one; about 65 s to go"


def test_where_the_time_went_is_reported_by_stage_and_in_all() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.unit(["etcd"], 4.0) as linking:
        clock.now += 20
        linking()
        clock.now += 6
    with watch.unit(["kube-apiserver", "kube-scheduler"], 11.0):
        clock.now += 65
    spent = watch.spent()
    assert (spent.total, spent.processor >= 0) == (91.0, True)
    lines = where_the_time_went(replace(spent, processor=150.2))
    assert [line.split() for line in lines] == [
        ["BUILT", "FETCH", "COMPILE", "LINK"],
        ["etcd", "4", "s", "20", "s", "6", "s"],
        ["kube-apiserver,", "kube-scheduler", "11", "s", "1", "min", "5", "s", "0", "s"],
        ["built", "in", "1", "min", "31", "s,", "with", "2", "min", "30", "s", "of", "processor", "time"],
    ]
