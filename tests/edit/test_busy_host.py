"""`bootstrap image` on a Git host in trouble: what may pass is waited for, a lost answer looked up."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Result, Run
from tests.git_http import Asked, Host, Trouble, serving
from tests.git_repositories import Bare, git

TOKEN = "a-token-of-a-test"
STAGING = "apps/shop/overlays/staging/kustomization.yaml"
OVERLAY = "images:\n  - name: org/web\n    newTag: v1\n  - name: org/api\n    newTag: v1\n"


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "root" / "host.git")
    made.commit({STAGING: OVERLAY.encode()})
    git(made.folder, "config", "http.receivepack", "true")
    return made


@pytest.fixture
def host(bare: Bare) -> Iterator[Host]:
    with serving(bare.folder.parent, TOKEN) as found:
        yield found


Bump = Callable[..., Result]
PAGE: Trouble = (200, {"Content-Type": "text/html; charset=utf-8"})


@pytest.fixture
def bump(run: Run, host: Host) -> Bump:
    def call(*more: str, token: str | None = TOKEN) -> Result:
        place = ["--app", "shop", "--env", "staging", "--repo", host.repository("host.git"), "--push"]
        who = ["--author", "Ci <ci@example.org>"]
        env = {"GIT_TOKEN": token} if token else {}
        return run("image", "set", "org/web=:v2", *place, *who, *more, env=env)

    return call


def value(bare: Bare) -> str:
    found = re.search(r"org/web\n    newTag: (\S+)", bare.files()[STAGING].decode())
    assert found
    return found[1]


def commits(bare: Bare) -> int:
    return int(git(bare.folder, "rev-list", "--count", "main")) - 1


def at_first(trouble: Trouble) -> Callable[[Asked], Trouble]:
    """Trouble at the first request of each kind: it is answered when it is made again."""
    seen: set[str] = set()

    def once(asked: Asked) -> Trouble:
        kind = f"{asked.method} {asked.path}"
        if not asked.token or kind in seen:
            return None
        seen.add(kind)
        return trouble

    return once


@pytest.mark.parametrize(
    "trouble", [(500, {}), (502, {}), (503, {}), (429, {}), (429, {"Retry-After": "1"}), "reset", PAGE]
)
def test_what_may_pass_is_asked_again(bare: Bare, host: Host, bump: Bump, trouble: Trouble) -> None:
    host.trouble = at_first(trouble)
    result = bump()
    assert result.exit == 0, result.err
    assert (value(bare), commits(bare)) == ("v2", 1)


def test_a_page_in_place_of_an_answer_is_no_empty_repository(bare: Bare, host: Host, bump: Bump) -> None:
    """To git, a login page or a page of a proxy with status 200 is a repository without branches."""
    host.trouble = lambda _: PAGE
    result = bump("--timeout", "2")
    assert result.exit == ExitStatus.HOST
    assert "answered with a web page" in result.err
    assert "is empty" not in result.err
    assert commits(bare) == 0


def test_a_credential_that_was_taken_before_may_be_refused_for_a_moment(
    bare: Bare, host: Host, bump: Bump
) -> None:
    refusals = iter([None, None, None, *[(401, {"WWW-Authenticate": "Basic"})] * 3])
    host.trouble = lambda asked: next(refusals, None) if asked.token else None
    result = bump()
    assert result.exit == 0, result.err
    assert (value(bare), commits(bare)) == ("v2", 1)
    assert next(refusals, "none left") == "none left"


def test_a_push_that_is_answered_by_401_after_the_reading_was_not_is_made_again(
    bare: Bare, host: Host, bump: Bump
) -> None:
    refusals = iter([(401, {"WWW-Authenticate": "Basic"})] * 2)
    host.trouble = lambda asked: next(refusals, None) if "receive-pack" in asked.path else None
    assert bump().exit == 0
    assert (value(bare), commits(bare)) == ("v2", 1)


def test_a_wrong_token_is_reported_after_two_tries_and_not_waited_for(host: Host, bump: Bump) -> None:
    result = bump(token="wrong")
    assert result.exit == ExitStatus.GIT
    assert "GIT_TOKEN" in result.err
    assert len([asked for asked in host.asked if asked.token]) == 2


def test_without_a_token_the_way_to_give_one_is_reported(host: Host, bump: Bump) -> None:
    result = bump(token=None)
    assert result.exit == ExitStatus.GIT
    assert "the host asks for a credential, and none was given" in result.err
    assert "GIT_TOKEN" in result.err


def test_a_host_in_trouble_for_too_long_has_a_status_of_its_own(bare: Bare, host: Host, bump: Bump) -> None:
    host.trouble = lambda _: (503, {})
    result = bump("--timeout", "2")
    assert result.exit == ExitStatus.HOST
    assert "503" in result.err
    tries = len(host.asked)
    assert (f" ({tries} tries in " in result.err) == (tries > 1), "a busy machine may have time for one alone"
    assert commits(bare) == 0


def test_a_push_that_is_never_taken_names_how_often_it_was_tried(bare: Bare, host: Host, bump: Bump) -> None:
    """The third answer asks for more time than there is: it ends by the host and not by the clock."""
    answers: list[Trouble] = [(500, {}), (500, {}), (429, {"Retry-After": "36000"})]
    host.trouble = lambda asked: answers[min(len(host.pushes), len(answers)) - 1] if asked.pushes else None
    result = bump("-o", "json")
    assert result.exit == ExitStatus.HOST
    assert re.search(r"\(3 tries in \d+ s\)", json.loads(result.out)["error"]["found"])
    assert len(host.pushes) == 3
    assert commits(bare) == 0


def test_a_host_that_asks_for_more_patience_than_there_is_is_not_asked_again(host: Host, bump: Bump) -> None:
    host.trouble = lambda _: (429, {"Retry-After": "3600"})
    result = bump()
    assert result.exit == ExitStatus.HOST
    assert "3600 s" in result.err
    assert len(host.asked) == 1


def test_a_host_that_does_not_exist_is_down_and_not_a_refusal(run: Run) -> None:
    where = ["--repo", "http://127.0.0.1:9/x/y.git", "--push", "--author", "Ci <ci@example.org>"]
    result = run("image", "set", "org/web=:v2", *where, "--timeout", "8")
    assert result.exit == ExitStatus.HOST
    assert "tries in" in result.err


LOST = pytest.mark.parametrize("trouble", ["lost", "broken"])
"""curl repeats by itself what was not answered at all, and nobody what was answered by 500."""


@LOST
def test_a_push_whose_answer_was_lost_is_looked_up_and_not_made_twice(
    bare: Bare, host: Host, bump: Bump, trouble: Trouble
) -> None:
    lost: list[Trouble] = [trouble]
    host.trouble = lambda asked: lost.pop() if asked.pushes and lost else None
    result = bump("-o", "json")
    assert result.exit == 0, result.err
    assert json.loads(result.out)["commit"] == bare.tip()
    assert commits(bare) == 1


@LOST
def test_a_lost_push_is_found_below_what_others_have_pushed_since(
    bare: Bare, host: Host, bump: Bump, trouble: Trouble
) -> None:
    """A person has moved the image back meanwhile: setting it again would undo that."""
    lost: list[Trouble] = [trouble]
    host.trouble = lambda asked: lost.pop() if asked.pushes and lost else None
    host.after = lambda _: bare.commit({STAGING: OVERLAY.encode(), "README.md": b"back"})
    result = bump("-o", "json")
    assert result.exit == 0, result.err
    assert json.loads(result.out)["commit"] == git(bare.folder, "rev-parse", "main^")
    assert (value(bare), commits(bare)) == ("v1", 2)


@pytest.mark.parametrize("since", [{}, {STAGING: OVERLAY.encode(), "README.md": b"back"}])
def test_a_push_that_the_host_carries_out_after_it_was_looked_up_is_found(
    bare: Bare, host: Host, bump: Bump, since: dict[str, bytes]
) -> None:
    """Its commit is reported; and what someone has set back meanwhile is not set again."""
    pushed: list[Asked] = []
    looks: list[Asked] = []

    def slow(asked: Asked) -> Trouble:
        if asked.pushes and not looks[1:]:
            pushed.append(asked)
            return "reset"
        if pushed and asked.token and asked.path.endswith("info/refs?service=git-upload-pack"):
            looks.append(asked)
            if len(looks) == 2:  # the first one looked for the push
                command = ["git", "receive-pack", "--stateless-rpc", str(bare.folder)]
                subprocess.run(command, input=pushed[0].body, capture_output=True, check=True)
                late.append(bare.tip())
                if since:
                    bare.commit(dict(since))
        return None

    late: list[str] = []
    host.trouble = slow
    result = bump("-o", "json")
    assert result.exit == 0, result.err
    assert [json.loads(result.out)["commit"]] == late
    assert commits(bare) == (2 if since else 1)


def test_a_push_that_did_not_arrive_is_made_again(bare: Bare, host: Host, bump: Bump) -> None:
    cut: list[Trouble] = ["reset", "reset"]
    host.trouble = lambda asked: cut.pop() if asked.pushes and cut else None
    result = bump()
    assert result.exit == 0, result.err
    assert (value(bare), commits(bare)) == ("v2", 1)


def test_a_hook_that_fails_for_want_of_its_database_is_not_a_refusal(bare: Bare, bump: Bump) -> None:
    count = bare.folder / "count"
    bare.hook(
        "pre-receive",
        f"echo x >> {count}; [ $(wc -l < {count}) -gt 2 ] || {{ echo 'database is locked' >&2; exit 1; }}",
    )
    result = bump()
    assert result.exit == 0, result.err
    assert (value(bare), commits(bare)) == ("v2", 1)


def test_lists_wait_for_the_host_too(run: Run, host: Host) -> None:
    host.trouble = at_first((500, {}))
    arguments = ["--repo", host.repository("host.git"), "--app", "shop", "-o", "json"]
    result = run("image", "list", *arguments, env={"GIT_TOKEN": TOKEN})
    assert result.exit == 0, result.err
    assert {item["name"] for item in json.loads(result.out)} == {"org/web", "org/api"}
