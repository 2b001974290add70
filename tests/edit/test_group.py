"""Bumps of several machines: who was overtaken waits in a ref, one pushes for all, and nothing gets lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bootstrap.edit import group as image_group
from bootstrap.edit.requests import Joined
from bootstrap.git import queue as git_waiting
from bootstrap.git.branch import Branch
from bootstrap.git.thin import ThinBranch
from bootstrap.image import queued
from tests.conftest import Run
from tests.git_http import Host, serving
from tests.git_repositories import Bare, git

TOKEN = "a-token-of-a-test"
COUNT = 10
OTHERS = 12
"""So many processes at once are sure to overtake one another."""
PATIENT = ("--timeout", "600")
"""A busy machine takes longer than the default for so many at once."""


def path(app: int) -> str:
    return f"apps/app-{app}/overlays/staging/kustomization.yaml"


def content(tags: Sequence[str]) -> str:
    return "images:\n" + "".join(
        f"  - name: org/web-{number}\n    newTag: {tag}\n" for number, tag in enumerate(tags)
    )


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "root" / "host.git")
    made.commit({path(app): content(["v1"] * COUNT).encode() for app in range(2)})
    git(made.folder, "config", "http.receivepack", "true")
    return made


@pytest.fixture
def host(bare: Bare) -> Iterator[Host]:
    with serving(bare.folder.parent, TOKEN) as found:
        yield found


def arguments(url: str, number: int, app: int = 0, tag: str = "v2") -> list[str]:
    place = ["--app", f"app-{app}", "--env", "staging", "--repo", url, "--push", "-o", "json"]
    who = ["--author", f"Pipeline {number} <p{number}@example.org>"]
    return ["image", "set", f"org/web-{number}=:{tag}", *place, *who]


def start(url: str, number: int, *more: str, token: str = TOKEN, **known: object) -> subprocess.Popen[str]:
    command = [*arguments(url, number, **known), *more]  # type: ignore[arg-type]
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *command],
        env={**os.environ, "GIT_TOKEN": token, "BOOTSTRAP_TURNS": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def waiting(bare: Bare) -> list[str]:
    return git(bare.folder, "for-each-ref", "--format=%(refname)", git_waiting.ROOT).split()


def tags(bare: Bare, app: int = 0) -> list[str]:
    return re.findall(r"newTag: (\S+)", bare.files()[path(app)].decode())


def test_bumps_without_turns_lose_nothing_and_keep_their_commits_and_authors(bare: Bare, host: Host) -> None:
    url = host.repository("host.git")
    running = [
        start(url, number, "--signoff", *PATIENT, app=app, tag=f"v2.{number}")
        for app in range(2)
        for number in range(OTHERS // 2)
    ]
    said = [process.communicate(timeout=660) for process in running]
    assert [process.returncode for process in running] == [0] * OTHERS, said
    for app in range(2):
        expected = [f"v2.{number}" if number < OTHERS // 2 else "v1" for number in range(COUNT)]
        assert tags(bare, app) == expected
    assert int(git(bare.folder, "rev-list", "--count", "main")) == 1 + OTHERS
    assert git(bare.folder, "rev-list", "--merges", "--count", "main") == "0"
    log = git(
        bare.folder, "log", "--format=%H|%an|%cn|%(trailers:key=Signed-off-by,valueonly,separator=%x2C)"
    )
    made = dict(line.split("|", 1) for line in log.splitlines())
    for (out, _), number in zip(said, [*range(OTHERS // 2)] * 2, strict=True):
        who = f"Pipeline {number}"
        assert made[json.loads(out)["commit"]] == f"{who}|{who}|{who} <p{number}@example.org>"
    assert waiting(bare) == []


OVERTAKEN = 2


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch, bare: Bare) -> list[str]:
    """Someone else pushes before each of the first pushes, so that the bump waits with the others."""
    monkeypatch.setenv("BOOTSTRAP_TURNS", "off")
    pushes: list[str] = []
    push = ThinBranch.push

    def slower(self: ThinBranch, sha: str, gone: dict[str, str] | None = None) -> None:
        pushes.append(sha)
        if len(pushes) <= OVERTAKEN:
            bare.commit({"README.md": sha.encode()})
        push(self, sha, gone)

    monkeypatch.setattr(ThinBranch, "push", slower)
    return pushes


def left_behind(bare: Bare, host: Host, *, until: float = 2e9, tag: str = "v2", key: str = TOKEN) -> str:
    """What a bump of web-5 leaves that was killed while it waited; its ref."""
    from bootstrap.image.plan import Request, message, plan
    from bootstrap.image.search import Scope
    from bootstrap.image.wanted import parse_wanted

    class Files:
        def read(self, name: str) -> bytes | None:
            return bare.files().get(name)

        def under(self, folder: str) -> list[str]:
            return [name for name in bare.files() if name.startswith(f"{folder}/")]

    url = host.repository("host.git")
    request = Request((parse_wanted(f"org/web-5=:{tag}"),), Scope("", "app-0", "staging"))
    outcome = plan(request, Files())
    stamp = "Killed <killed@example.org> 1700000000 +0000"
    seen = queued.seen_of(outcome.changes)
    asked = queued.Asked(request, f"{message(outcome)}\n", stamp, stamp, seen, until)
    tree = git(bare.folder, "hash-object", "-t", "tree", "-w", "--stdin")
    text = queued.written(asked, key, url, "main")
    sha = git(bare.folder, "commit-tree", tree, "-F", "-", stdin=text.encode())
    ref = git_waiting.ref_of(queued.group_of(TOKEN, url, "main"), "000000000000001-dead")
    git(bare.folder, "update-ref", ref, sha)
    return ref


def bump(run: Run, host: Host, number: int = 3, *more: str) -> dict[str, object]:
    result = run(*arguments(host.repository("host.git"), number), *more, env={"GIT_TOKEN": TOKEN})
    assert result.exit == 0, result.err
    found: dict[str, object] = json.loads(result.out)
    return found


def test_what_a_killed_one_left_is_pushed_by_the_next(
    run: Run, bare: Bare, host: Host, overtaken: list[str]
) -> None:
    left_behind(bare, host)
    made = bump(run, host)
    assert (tags(bare)[3], tags(bare)[5]) == ("v2", "v2")
    log = git(bare.folder, "log", "-2", "--format=%an|%at|%s", "main").splitlines()
    assert log[0] == "Killed|1700000000|Set org/web-5 to v2 (app-0, staging)"
    assert log[1].startswith("Pipeline 3|")
    assert made["commit"] == git(bare.folder, "rev-parse", "main^")
    assert waiting(bare) == []


def test_what_is_not_as_its_owner_saw_it_is_given_back(
    run: Run, bare: Bare, host: Host, overtaken: list[str]
) -> None:
    """A person has set another image since: the change of the dead one would undo that."""
    left_behind(bare, host)
    theirs = ["v1"] * COUNT
    theirs[5] = "by-hand"
    bare.commit({path(0): content(theirs).encode()})
    bump(run, host)
    assert (tags(bare)[3], tags(bare)[5]) == ("v2", "by-hand")
    assert waiting(bare) == []


def test_no_one_waits_forever(run: Run, bare: Bare, host: Host, overtaken: list[str]) -> None:
    left_behind(bare, host, until=1_700_000_000)
    bump(run, host)
    assert (tags(bare)[3], tags(bare)[5]) == ("v2", "v1")
    assert waiting(bare) == []


def test_what_others_have_sealed_is_neither_carried_out_nor_removed(
    run: Run, bare: Bare, host: Host, overtaken: list[str]
) -> None:
    """Who may write a ref but not the branch could have a change carried into it."""
    ref = left_behind(bare, host, key="another-token")
    bump(run, host)
    assert (tags(bare)[3], tags(bare)[5]) == ("v2", "v1")
    assert waiting(bare) == [ref]


def test_what_others_have_sealed_does_not_hold_up_those_that_wait(
    run: Run, bare: Bare, host: Host, overtaken: list[str]
) -> None:
    """Each would have 5 s to lead: with a hundred of them nobody's time would be enough."""
    ref = left_behind(bare, host, key="another-token")
    for number in range(2, 101):
        git(bare.folder, "update-ref", ref.replace("1-dead", f"{number}-dead"), ref)
    bump(run, host, 3, "--timeout", "60")
    assert tags(bare)[3] == "v2"
    assert len(waiting(bare)) == 100


def test_who_was_given_back_while_others_push_waits_again(
    run: Run, bare: Bare, host: Host, monkeypatch: pytest.MonkeyPatch, overtaken: list[str]
) -> None:
    """A push of its own would end that of the leader, who carries many."""
    join = image_group.join
    joined: list[str] = []

    def given_back(branch: Branch, *more: object) -> Joined:
        joined.append(branch.tip)
        if len(joined) > 1:
            return join(branch, *more)  # type: ignore[arg-type]
        for number in range(3):
            bare.commit({"README.md": f"of the leader {number}".encode()})
        return Joined(None, False, 0)

    monkeypatch.setattr(image_group, "join", given_back)
    made = bump(run, host)
    assert len(joined) == 2
    assert made["commit"] == git(bare.folder, "rev-parse", "main").strip()
    assert waiting(bare) == []


@pytest.mark.parametrize("name", ["pre-receive", "update"])
def test_a_host_that_takes_no_such_refs_gets_the_plain_loop(
    run: Run, bare: Bare, host: Host, overtaken: list[str], name: str
) -> None:
    line = 'case "$ref" in refs/bootstrap/*) echo "no such refs here" >&2; exit 1;; esac'
    read = {"pre-receive": f"while read old new ref; do {line}; done", "update": f'ref="$1"; {line}'}
    bare.hook(name, f"{read[name]}; exit 0")
    bump(run, host)
    assert tags(bare)[3] == "v2"
    assert len(overtaken) == OVERTAKEN + 1
    assert waiting(bare) == []


def test_a_host_that_pushes_nothing_atomically_gets_the_plain_loop(
    run: Run, bare: Bare, host: Host, overtaken: list[str]
) -> None:
    git(bare.folder, "config", "receive.advertiseAtomic", "false")
    left_behind(bare, host)
    bump(run, host)
    assert tags(bare)[3] == "v2"
    assert len(waiting(bare)) == 1  # the other one's


def test_a_bump_that_is_ended_while_it_waits_leaves_no_ref(bare: Bare, host: Host) -> None:
    """The branch is locked, so that no one gets through."""
    left_behind(bare, host)
    first = waiting(bare)
    lock = bare.folder / "refs" / "heads" / "main.lock"
    lock.touch()
    process = start(host.repository("host.git"), 3, "--timeout", "60")
    while len(waiting(bare)) == 1 and process.poll() is None:
        pass
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, (out, err)
    assert waiting(bare) == first


def test_tokens_that_differ_do_not_push_for_each_other() -> None:
    url = "https://git.example.com/platform/gitops.git"
    same = queued.group_of("one", "ssh://git@git.example.com/platform/gitops", "main")
    assert queued.group_of("one", url, "main") == same
    assert queued.group_of("two", url, "main") != same
    assert queued.group_of("one", url, "other") != same


def test_whoever_goes_on_alone_has_all_its_time(
    run: Run, bare: Bare, host: Host, overtaken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ref is withdrawn within seconds; what it does afterwards has the time that --timeout gives."""
    left_behind(bare, host)
    line = 'case "$all" in *refs/heads/main*) case "$all" in *refs/bootstrap/*) exit 1;; esac;; esac'
    bare.hook("pre-receive", f"all=$(cat); {line}")
    left: list[float] = []
    refresh = ThinBranch.refresh

    def seen(self: ThinBranch) -> str:
        left.append(self.calls.patience.left(time.monotonic()))
        return refresh(self)

    monkeypatch.setattr(ThinBranch, "refresh", seen)
    bump(run, host, 3, "--timeout", "6000")
    assert tags(bare)[3] == "v2"
    assert len(left) > OVERTAKEN
    assert min(left) > 1000


OVERTAKEN_TWICE = """
import runpy, sys
from bootstrap.core.errors import StalePlan
from bootstrap.git.thin import ThinBranch
push, pushes = ThinBranch.push, []
def slower(self, sha, gone=None):
    pushes.append(sha)
    if len(pushes) <= 2:
        raise StalePlan("pushing", "somebody was faster", "run again", "")
    push(self, sha, gone)
ThinBranch.push = slower
sys.argv = ["bootstrap", *sys.argv[1:]]
runpy.run_module("bootstrap", run_name="__main__")
"""


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not-taken"])
@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGTERM])
def test_a_leader_that_is_ended_in_the_middle_of_its_push_loses_nothing(
    run: Run, bare: Bare, host: Host, overtaken: list[str], ended: signal.Signals, taken: bool
) -> None:
    """The host may carry the push out all the same, or not: it is all of the group or nothing."""
    left_behind(bare, host)
    arrived, go = bare.folder / "arrived", bare.folder / "go"
    bare.hook(
        "pre-receive",
        f"""[ -e {go} ] && exit 0
        case "$(cat)" in *refs/heads/main*) ;; *) exit 0 ;; esac
        echo $PPID >{arrived}.new
        mv {arrived}.new {arrived}
        until [ -e {go} ]; do sleep 0.1; done
        exit {int(not taken)}""",
    )
    command = arguments(host.repository("host.git"), 4)
    leader = subprocess.Popen(
        [sys.executable, "-c", OVERTAKEN_TWICE, *command],
        env={**os.environ, "GIT_TOKEN": TOKEN, "BOOTSTRAP_TURNS": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not arrived.exists():
        assert leader.poll() is None, leader.communicate()
    assert len(waiting(bare)) == 2
    if ended is signal.SIGKILL:
        os.killpg(leader.pid, ended)
    else:
        leader.send_signal(ended)
    out, err = leader.communicate(timeout=60)
    assert leader.returncode == (128 + ended if ended is signal.SIGTERM else -ended), (out, err)
    go.touch()
    while Path(f"/proc/{arrived.read_text().strip()}").exists():
        pass
    assert tags(bare)[5] == ("v2" if taken and ended is signal.SIGKILL else "v1")
    bump(run, host)
    # One that has the time takes its own back, and with it the whole push.
    own = "v1" if ended is signal.SIGTERM else "v2"
    assert tags(bare) == ["v1", "v1", "v1", "v2", own, "v2", *["v1"] * 4]
    subjects = git(bare.folder, "log", "--grep=^Set ", "--format=%s", "main").splitlines()
    assert len(subjects) == len(set(subjects)), "a change was made twice"
    assert waiting(bare) == []
