"""Reading, committing and pushing by plumbing, on real repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier, Thread

import pytest

from bootstrap.core.errors import GitError, InputError, PushRefused, RefusedError, StalePlan
from bootstrap.core.invocation import Invocation
from bootstrap.git.changes import Commit, FileChange
from bootstrap.git.remote import Credential, Remote, open_remote
from tests.git_repositories import AUTHOR, Bare, git
from tests.packages import NEEDS_SSH

Open = Callable[..., Remote]


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host" / "gitops.git")


@pytest.fixture
def open_(invocation: Invocation) -> Iterator[Open]:
    with ExitStack() as stack:

        def call(bare: Bare, branch: str | None = None) -> Remote:
            return stack.enter_context(open_remote(bare.url, branch, Credential(), invocation))

        yield call


def change(files: dict[str, bytes | None], message: str = "Change") -> Commit:
    return Commit(message, tuple(FileChange(path, content) for path, content in files.items()))


def push(remote: Remote, files: dict[str, bytes | None], message: str = "Change\n") -> str:
    tip = remote.observe().tip
    sha = remote.commit(tip, change(files, message), AUTHOR)
    remote.push(sha, tip)
    return sha


# -- reading --------------------------------------------------------------------------------


def test_repository_that_does_not_exist_is_a_state(open_: Open, tmp_path: Path, bare: Bare) -> None:
    bare.folder.rename(tmp_path / "elsewhere")
    state = open_(bare).observe()
    assert not state.exists
    assert state.branch == "main"


@pytest.mark.parametrize("branch", ["main", "trunk"])
def test_empty_repository_has_its_hosts_default_branch(open_: Open, tmp_path: Path, branch: str) -> None:
    state = open_(Bare(tmp_path / "empty.git", branch=branch)).observe()
    assert (state.exists, state.empty, state.branch, state.tip) == (True, True, branch, None)


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("format", ["sha1", "sha256"])
def test_wanted_files_are_read_and_all_paths_known(
    open_: Open, tmp_path: Path, filters: bool, format: str
) -> None:
    bare = Bare(tmp_path / "gitops.git", format=format, filters=filters)
    tip = bare.commit({"a/k.yaml": b"1", "a/b/k.yaml": b"2", "a/other": b"3", "k.yaml": b"4"})
    state = open_(bare).observe(read=("a/**/k.yaml", "k.yaml"))
    assert state.tip == tip
    assert state.files == {"a/k.yaml": b"1", "a/b/k.yaml": b"2", "k.yaml": b"4"}
    assert state.paths == {"a/k.yaml", "a/b/k.yaml", "a/other", "k.yaml"}


def test_folder_narrows_what_is_seen(open_: Open, bare: Bare) -> None:
    bare.commit({"a/x": b"1", "ab/x": b"2", "x": b"3"})
    state = open_(bare).observe(read="all", under="a")
    assert state.files == {"a/x": b"1"}


def test_any_name_and_any_content_comes_as_it_is(open_: Open, bare: Bare) -> None:
    files: dict[str, bytes | None] = {
        "with blank/and ümlaut.yaml": "grüß: 😀\r\n".encode(),
        'quote"and\ttab': b"\x00\xff\r\nbinary",
        "empty": b"",
        "-dash": b"no final newline",
    }
    bare.commit(files)
    assert open_(bare).observe(read="all").files == files


def test_branch_is_asked_for_where_the_host_has_no_default(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"}, branch="one")
    bare.commit({"x": b"1"}, branch="two")
    with pytest.raises(InputError, match="one, two"):
        open_(bare).observe()
    assert open_(bare, "two").observe().tip == bare.tip("two")


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "x.lock", ""])
def test_what_cannot_be_a_branch_is_refused(open_: Open, bare: Bare, name: str) -> None:
    with pytest.raises(InputError, match="--branch"):
        open_(bare, name)


@pytest.mark.parametrize("filters", [True, False])
def test_older_commit_is_read_by_its_id(open_: Open, tmp_path: Path, filters: bool) -> None:
    bare = Bare(tmp_path / "gitops.git", filters=filters)
    old = bare.commit({"x": b"old", "y": b"same"})
    bare.commit({"x": b"new", "z": b"more"})
    remote = open_(bare)
    remote.observe()
    assert remote.read_commit(old, "all") == {"x": b"old", "y": b"same"}


def test_commit_that_does_not_exist_is_reported(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    with pytest.raises(GitError, match="does not have it"):
        open_(bare).read_commit("1" * 40, "all")
    with pytest.raises(InputError, match="full id"):
        open_(bare).read_commit("abc", "all")


def test_trailer_is_found_behind_newer_commits(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"}, message="Lay out\n\nBootstrap-Catalog: 1.0.0")
    newest = bare.commit({"x": b"2"}, message="Lay out\n\nBootstrap-Catalog: 1.1.0")
    for number in range(5):
        bare.commit({"x": str(number).encode()}, message="Bootstrap-Catalog: in the subject only")
    remote = open_(bare)
    assert remote.find_trailer("Bootstrap-Catalog") == newest
    assert remote.find_trailer("Bootstrap-Catalog", "1.0.0") != newest
    assert remote.find_trailer("Bootstrap-Catalog", "2.0.0") is None


# -- committing and pushing -------------------------------------------------------------------


@pytest.mark.parametrize("format", ["sha1", "sha256"])
def test_first_push_makes_the_branch(open_: Open, tmp_path: Path, format: str) -> None:
    bare = Bare(tmp_path / "gitops.git", format=format)
    if format == "sha256":
        bare.commit({"x": b"1"}, branch="other")  # only an id tells the format
    sha = push(open_(bare, "main"), {"ä/x.yaml": b"1\r\n"}, "Subject\n\nBody\n")
    assert bare.tip() == sha
    assert bare.files() == {"ä/x.yaml": b"1\r\n"}
    assert git(bare.folder, "log", "-1", "--format=%an|%ae|%cn|%B", "main") == (
        f"{AUTHOR.name}|{AUTHOR.email}|{AUTHOR.name}|Subject\n\nBody"
    )


def test_change_keeps_modes_and_every_other_file(open_: Open, bare: Bare) -> None:
    bare.commit({"run.sh": b"#!/bin/sh\n", "keep": b"1", "gone": b"2"})
    work = bare.folder.parent / "work"
    git(bare.folder.parent, "clone", "--quiet", bare.url, str(work))
    git(work, "update-index", "--chmod=+x", "run.sh")
    git(work, "commit", "--quiet", "-m", "Executable")
    git(work, "push", "--quiet")
    push(open_(bare), {"run.sh": b"#!/bin/sh\ntrue\n", "gone": None, "new/deep/file": b"3"})
    assert git(bare.folder, "ls-tree", "main", "run.sh").startswith("100755")
    assert bare.files() == {"run.sh": b"#!/bin/sh\ntrue\n", "keep": b"1", "new/deep/file": b"3"}


def test_file_becomes_a_folder(open_: Open, bare: Bare) -> None:
    bare.commit({"a": b"1"})
    push(open_(bare), {"a": None, "a/b": b"2"})
    assert bare.files() == {"a/b": b"2"}


def test_symbolic_links_are_read_but_never_written_through(open_: Open, bare: Bare) -> None:
    bare.commit({"real/x": b"1"})
    work = bare.folder.parent / "work"
    git(bare.folder.parent, "clone", "--quiet", bare.url, str(work))
    (work / "link").symlink_to("/etc")
    git(work, "add", "link")
    git(work, "commit", "--quiet", "-m", "Link")
    git(work, "push", "--quiet")
    remote = open_(bare)
    state = remote.observe(read="all")
    assert state.files["link"] == b"/etc"
    for path in ("link", "link/passwd"):
        with pytest.raises(RefusedError, match="symbolic link"):
            remote.commit(state.tip, change({path: b"x"}), AUTHOR)


@pytest.mark.parametrize("path", ["../x", "a/../x", "/x", ".git/config", "a/.GIT/x", "", "a//b"])
def test_path_that_no_repository_holds_is_refused(open_: Open, bare: Bare, path: str) -> None:
    bare.commit({"x": b"1"})
    remote = open_(bare)
    with pytest.raises(InputError, match="not a path"):
        remote.commit(remote.observe().tip, change({path: b"x"}), AUTHOR)


def test_second_parent_brings_no_file_of_its_own(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    remote = open_(bare)
    tip = remote.observe().tip
    beside = remote.commit(None, change({"catalog/a": b"as shipped"}), AUTHOR)
    made = remote.commit(tip, change({"catalog/a": b"edited"}), AUTHOR, merged=beside)
    remote.push(made, tip)
    assert git(bare.folder, "log", "-1", "--format=%P", "main") == f"{tip} {beside}"
    assert bare.files() == {"x": b"1", "catalog/a": b"edited"}
    assert bare.files(beside) == {"catalog/a": b"as shipped"}


def test_nothing_of_the_callers_repository_or_settings_leaks_in(
    open_: Open, bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook of another repository may run us, with a user's settings that would change bytes."""
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", str(other))
    config = tmp_path / "home.gitconfig"
    config.write_text("[core]\n\tautocrlf = true\n\thooksPath = /nonexistent\n[commit]\n\tgpgSign = true\n")
    environ = {
        "GIT_DIR": str(other / ".git"),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_CONFIG_GLOBAL": str(config),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    with open_remote(bare.url, "main", Credential(), Invocation(environ=environ)) as remote:
        push(remote, {"x": b"a\r\nb\n"})
    assert bare.files() == {"x": b"a\r\nb\n"}
    assert not (other / "index").exists()


# -- refusals and races ------------------------------------------------------------------------


def test_branch_that_moved_is_a_stale_plan_and_loses_nothing(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    remote = open_(bare)
    tip = remote.observe().tip
    sha = remote.commit(tip, change({"x": b"ours"}), AUTHOR)
    theirs = bare.commit({"x": b"theirs"})
    with pytest.raises(StalePlan):
        remote.push(sha, tip)
    assert bare.tip() == theirs
    assert push(remote, {"y": b"ours"}) == bare.tip()
    assert bare.files() == {"x": b"theirs", "y": b"ours"}


def test_branch_that_appeared_meanwhile_is_a_stale_plan(open_: Open, bare: Bare) -> None:
    remote = open_(bare)
    assert remote.observe().tip is None
    sha = remote.commit(None, change({"x": b"ours"}), AUTHOR)
    theirs = bare.commit({"x": b"theirs"})
    with pytest.raises(StalePlan):
        remote.push(sha, None)
    assert bare.tip() == theirs


def test_branch_that_was_reset_meanwhile_does_not_get_back_what_was_removed(open_: Open, bare: Bare) -> None:
    first = bare.commit({"x": b"1"})
    bare.commit({"secret": b"removed"})
    remote = open_(bare)
    tip = remote.observe().tip
    sha = remote.commit(tip, change({"y": b"1"}), AUTHOR)
    git(bare.folder, "update-ref", "refs/heads/main", first)
    with pytest.raises(StalePlan):
        remote.push(sha, tip)
    assert bare.tip() == first


def test_racing_pushers_lose_no_commit(bare: Bare, invocation: Invocation) -> None:
    bare.commit({"start": b""})
    pushers, rounds = 4, 3
    barrier = Barrier(pushers)
    failures: list[BaseException] = []

    def race(number: int) -> None:
        try:
            with open_remote(bare.url, None, Credential(), invocation) as remote:
                for turn in range(rounds):
                    barrier.wait(timeout=120)
                    while True:
                        try:
                            push(remote, {f"{number}/{turn}": b"x"})
                            break
                        except StalePlan:
                            continue
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=race, args=(number,)) for number in range(pushers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert not failures
    assert set(bare.files()) == {"start", *(f"{n}/{t}" for n in range(pushers) for t in range(rounds))}
    assert int(git(bare.folder, "rev-list", "--count", "main")) == 1 + pushers * rounds


def test_hook_that_refuses_is_final_and_says_why(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    tip = bare.tip()
    bare.hook("pre-receive", 'echo "non-fast-forward pushes need a ticket" >&2; exit 1')
    with pytest.raises(PushRefused) as caught:
        push(open_(bare), {"x": b"2"})
    assert "need a ticket" in caught.value.found
    assert bare.tip() == tip


def test_asking_for_the_right_to_push_leaves_nothing(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    before = bare.objects()
    assert open_(bare).may_push() is None
    assert bare.objects() == before


def test_asking_an_empty_repository_leaves_nothing(open_: Open, bare: Bare) -> None:
    before = bare.objects()
    assert open_(bare).may_push() is None
    assert bare.objects() == before


def test_folder_without_write_access_is_reported_beforehand(
    open_: Open, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.commit({"x": b"1"})
    # Root may write anywhere: what the system answers to others is given to it.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    refusal = open_(bare).may_push()
    assert refusal is not None
    assert str(bare.folder) in refusal


def test_push_of_a_commit_that_is_elsewhere_is_refused_here(open_: Open, bare: Bare) -> None:
    bare.commit({"x": b"1"})
    remote = open_(bare)
    tip = remote.observe().tip
    sha = remote.commit(None, change({"x": b"2"}), AUTHOR)
    with pytest.raises(GitError, match="is not based on"):
        remote.push(sha, tip)


def test_temporary_folder_is_gone_at_the_end(bare: Bare, tmp_path: Path, invocation: Invocation) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with_tmp = Invocation(environ={**invocation.environ, "TMPDIR": str(scratch)})
    with open_remote(bare.url, "main", Credential(), with_tmp) as remote:
        push(remote, {"x": b"1"})
        (folder,) = scratch.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert list(scratch.iterdir()) == []


def test_signing_without_a_key_is_reported_and_pushes_nothing(open_: Open, bare: Bare) -> None:
    remote = open_(bare)
    tip = remote.observe().tip
    with pytest.raises(GitError, match="sign"):
        remote.commit(tip, change({"x": b"1"}), AUTHOR, sign=True)
    assert bare.tip() is None


@NEEDS_SSH
def test_commits_are_signed_as_git_is_configured(open_: Open, bare: Bare, tmp_path: Path) -> None:
    import subprocess

    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    config = Path.home() / ".gitconfig"
    config.write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {key}\n")
    remote = open_(bare)
    tip = remote.observe().tip
    remote.push(remote.commit(tip, change({"x": b"1"}), AUTHOR, sign=True), tip)
    assert "gpgsig" in git(bare.folder, "cat-file", "commit", "main")


@pytest.mark.parametrize("filters", [True, False])
def test_fix_of_someone_else_descends_from_what_was_pushed(
    open_: Open, tmp_path: Path, filters: bool
) -> None:
    bare = Bare(tmp_path / "overtaken.git", filters=filters)
    first = bare.commit({"a": b"1"})
    remote = open_(bare)
    ours = push(remote, {"b": b"1"})
    fix = bare.commit({"b": b"2"})
    assert remote.descends(fix, ours)
    assert remote.descends(fix, first)
    assert not remote.descends(first, ours)
    assert not remote.descends("f" * 40, ours)
