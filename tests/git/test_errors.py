"""git's own words, of several hosts, become errors that say what to do."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import (
    AuthenticationFailed,
    GitError,
    GitUnreachable,
    PushRefused,
    RepositoryNotFound,
    StalePlan,
)
from bootstrap.git.errors import classify, classify_push

URL = "https://git.example.org/a/b.git"


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("fatal: Authentication failed for 'https://git.example.org/a/b.git/'", AuthenticationFailed),
        (
            "remote: HTTP Basic: Access denied. The provided password or token is incorrect\n"
            "fatal: Authentication failed for 'https://gitlab.com/a/b.git/'",
            AuthenticationFailed,
        ),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
            AuthenticationFailed,
        ),
        (
            "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            AuthenticationFailed,
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found",
            RepositoryNotFound,
        ),
        (
            "remote: The project you were looking for could not be found or you may not view it.\n"
            "fatal: repository 'https://gitlab.com/a/b.git/' not found",
            RepositoryNotFound,
        ),
        ("fatal: '/srv/x.git' does not appear to be a git repository", RepositoryNotFound),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", GitUnreachable),
        (
            "fatal: unable to access 'https://h/': Failed to connect to h port 443: Connection refused",
            GitUnreachable,
        ),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 503", GitUnreachable),
        (
            "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
            GitUnreachable,
        ),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", GitUnreachable),
        ("error: RPC failed; curl 56 Recv failure\nfatal: early EOF", GitUnreachable),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403", AuthenticationFailed),
        ("error: file write error: No space left on device", GitError),
        ("fatal: something that nobody has seen yet", GitError),
        ("", GitError),
    ],
)
def test_message_means(stderr: str, kind: type[GitError]) -> None:
    error = classify(stderr, "reading", URL)
    assert type(error) is kind
    assert error.found
    assert error.hint
    assert error.where == URL


@pytest.mark.parametrize(
    "reason",
    [
        "[rejected] (non-fast-forward)",
        "[rejected] (fetch first)",
        "[rejected] (stale info)",
        "[remote rejected] (failed to update ref)",
        "[remote rejected] (cannot lock ref 'refs/heads/main': is at aaaa but expected bbbb)",
        "[remote rejected] (reference already exists)",
    ],
)
def test_lost_race_is_a_stale_plan(reason: str) -> None:
    out = f"To {URL}\n!\taaaa:refs/heads/main\t{reason}\nDone\n"
    assert type(classify_push(out, "", "pushing", URL)) is StalePlan


def test_atomic_push_that_misses_one_of_its_refs_is_a_lost_race_and_not_a_refusal() -> None:
    """Somebody took a waiting change along just before; a hook's own text means nothing."""
    ref = "refs/bootstrap/waiting/group/one"
    out = "".join(
        f"!\t{name}\t[remote rejected] (atomic transaction failed)\n" for name in ("a:main", f":{ref}")
    )
    said = f"remote: error: cannot lock ref '{ref}': unable to resolve reference '{ref}'"
    assert type(classify_push(out, said, "pushing", URL)) is StalePlan
    declined = "!\ta:main\t[remote rejected] (pre-receive hook declined)\n"
    assert type(classify_push(declined, said, "pushing", URL)) is PushRefused


@pytest.mark.parametrize(
    ("reason", "stderr", "word"),
    [
        (
            "[remote rejected] (pre-receive hook declined)",
            "remote: non-fast-forward is forbidden by the hook\n",
            "forbidden by the hook",
        ),
        (
            "[remote rejected] (protected branch hook declined)",
            "remote: error: GH006: Protected branch update failed for refs/heads/main.\n",
            "GH006",
        ),
        ("[remote rejected] (unpacker error)", "", "unpacker error"),
        ("[remote failure] (remote failed to report status)", "", "report status"),
    ],
)
def test_every_other_refusal_is_final_and_keeps_the_hosts_words(reason: str, stderr: str, word: str) -> None:
    error = classify_push(f"!\taaaa:refs/heads/main\t{reason}\n", stderr, "pushing", URL)
    assert type(error) is PushRefused
    assert word in error.found


def test_push_that_the_host_rejects_without_a_line_is_refused_for_good() -> None:
    stderr = (
        "remote: Permission to a/b.git denied to robot.\n"
        "fatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403"
    )
    error = classify_push("", stderr, "pushing", URL)
    assert type(error) is PushRefused
    assert "denied to robot" in error.found


def test_secret_is_hidden_wherever_it_is() -> None:
    error = classify(
        "remote: token glowing-token is bad\nfatal: glowing-token", "reading", URL, ("glowing-token",)
    )
    assert "glowing" not in f"{error}{error.found}{error.hint}"
    pushed = classify_push(
        "!\ta:b\t[remote rejected] (glowing-token)\n", "remote: glowing-token", "x", URL, ("glowing-token",)
    )
    assert "glowing" not in f"{pushed}{pushed.found}{pushed.hint}"


def test_progress_and_blank_lines_of_the_host_are_left_out() -> None:
    stderr = (
        "remote: Counting objects: 5, done.        \nremote: \nremote: Policy 7\nfatal: unable to access 'x'"
    )
    assert classify(stderr, "reading", URL).found.startswith("Policy 7;")
