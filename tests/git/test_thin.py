"""A branch is read and written thinly: what is not asked for stays on the host, whatever the host can do."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap.core.errors import (
    GitUnreachable,
    InputError,
    PushRefused,
    RefusedError,
    RepositoryNotFound,
    StalePlan,
)
from bootstrap.core.invocation import Invocation
from bootstrap.git import queue
from bootstrap.git.auth import Credential
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import NewCommit
from bootstrap.git.thin import ThinBranch
from tests.git_repositories import AUTHOR, Bare, git

FILES = {
    "README.md": b"read me\n",
    "bootstrap.yaml": b"images: []\n",
    **{
        f"apps/app-{number}/overlays/{name}/kustomization.yaml": f"app {number} {name}\n".encode()
        for number in range(30)
        for name in ("staging", "production")
    },
    "apps/app-0/base/run.sh": b"#!/bin/sh\n",
    "shared/deep/er/base/pod.yaml": b"pod\n",
}
STAMP = f"{AUTHOR} 0 +0000"
PATH = "apps/app-3/overlays/staging/kustomization.yaml"


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "host.git")
    made.commit(FILES)
    return made


@contextmanager
def opened(
    bare: Bare, tmp_path: Path, branch: str | None = "main", url: str = "", **environ: str
) -> Iterator[tuple[ThinBranch, list[str]]]:
    """The branch, and what --verbose would say."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    said: list[str] = []
    invocation = Invocation(environ={**os.environ, **environ})
    found = ThinBranch(url or bare.url, branch, Credential(), invocation, folder, detail=said.append)
    try:
        yield found, said
    finally:
        found.close()


def objects(branch: ThinBranch) -> int:
    """How many objects have come."""
    counted = git(branch.calls.directory, "count-objects", "-v")
    return sum(int(line.split()[1]) for line in counted.splitlines() if line.startswith(("count", "in-pack")))


def test_an_apps_folder_comes_whole_and_the_others_not_at_all(bare, tmp_path):
    with opened(bare, tmp_path) as (branch, _):
        assert branch.refresh() == bare.tip("main")
        before = objects(branch)
        assert list(branch.under("apps/app-3")) == [PATH.replace("staging", "production"), PATH]
        assert branch.read(PATH) == b"app 3 staging\n"
        assert objects(branch) - before == 6  # 4 folders and 2 files
        assert branch.read("README.md") == b"read me\n"
        assert objects(branch) - before == 6
        assert branch.read("shared/deep/er/base/pod.yaml") == b"pod\n"
        assert list(branch.under(PATH)) == [PATH]
        for nothing in ("apps", "nope", "apps/app-3/nope", "README.md/x", "../x", ""):
            assert branch.read(nothing) is None
        assert list(branch.under("apps/nope")) == []
        assert set(branch.under("")) == set(FILES)


def test_a_commit_changes_what_it_names_and_is_pushed(bare, tmp_path):
    git(bare.folder, "config", "receive.denyNonFastForwards", "true")
    with opened(bare, tmp_path, branch=None) as (branch, _):
        tip = branch.refresh()
        assert branch.branch == "main"
        before = branch.read(PATH)
        changes = [FileChange(PATH, b"new\n", before), FileChange('apps/new "file"\n\\.yaml', b"", None)]
        sha = branch.commit(changes, "Subject\n\nBody é\n", AUTHOR, 1_700_000_000.9)
        branch.push(sha)
    assert bare.tip("main") == sha
    assert git(bare.folder, "rev-list", "--count", f"{tip}..{sha}") == "1"
    assert git(bare.folder, "log", "-1", "--format=%an <%ae> %at %cn %ct%n%B", sha) == (
        f"{AUTHOR} 1700000000 {AUTHOR.name} 1700000000\nSubject\n\nBody é"
    )
    changed = git(bare.folder, "-c", "core.quotePath=true", "diff", "--name-status", tip, sha)
    assert changed.splitlines() == [f"M\t{PATH}", 'A\t"apps/new \\"file\\"\\n\\\\.yaml"']
    assert git(bare.folder, "fsck", "--strict") == ""


def test_a_files_mode_stays(bare, tmp_path):
    index = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    os.environ.update(index)
    try:
        git(bare.folder, "read-tree", "main")
        script = git(bare.folder, "rev-parse", "main:apps/app-0/base/run.sh")
        git(bare.folder, "update-index", "--cacheinfo", f"100755,{script},apps/app-0/base/run.sh")
        link = git(bare.folder, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
        git(bare.folder, "update-index", "--add", "--cacheinfo", f"120000,{link},apps/link.yaml")
        tree = git(bare.folder, "write-tree")
    finally:
        del os.environ["GIT_INDEX_FILE"]
    made = git(bare.folder, "commit-tree", "-p", "main", "-m", "modes", tree)
    git(bare.folder, "update-ref", "refs/heads/main", made)
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        assert branch.read("apps/link.yaml") is None
        assert "apps/link.yaml" not in set(branch.under("apps"))
        with pytest.raises(RefusedError, match="is not a plain file"):
            branch.commit([FileChange("apps/link.yaml", b"x")], "m", AUTHOR, 0)
        sha = branch.commit([FileChange("apps/app-0/base/run.sh", b"#!/bin/bash\n")], "m", AUTHOR, 0)
        branch.push(sha)
    assert git(bare.folder, "ls-tree", "main", "apps/app-0/base/run.sh").startswith("100755 ")


def test_a_tip_that_has_moved_is_stale_and_the_next_one_is_read_anew(bare, tmp_path):
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        assert branch.read(PATH) == b"app 3 staging\n"
        sha = branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0)
        theirs = bare.commit({PATH: b"theirs\n", "apps/app-9/new.yaml": b"new\n"})
        with pytest.raises(StalePlan):
            branch.push(sha)
        assert branch.refresh() == theirs
        assert branch.read(PATH) == b"theirs\n"
        assert branch.read("apps/app-9/new.yaml") == b"new\n"
        branch.push(branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0))
    assert git(bare.folder, "show", f"main:{PATH}") == "mine"
    assert git(bare.folder, "rev-list", "--merges", "--count", "main") == "0"


def test_a_tip_that_was_looked_at_first_is_read_whole_afterwards(bare, tmp_path):
    """What waits is pushed after a look: git then fetches the lists of the tip that it looked at."""
    with opened(bare, tmp_path) as (branch, _):
        first = branch.refresh()
        assert branch.read(PATH) == b"app 3 staging\n"
        theirs = bare.commit({PATH: b"theirs\n", "apps/app-9/new.yaml": b"new\n"})
        assert branch.has_taken(first)
        before = objects(branch)
        queue.put(branch, "group", queue.new_waiting(branch, "one", "text", AUTHOR, 0))
        assert [one.name for one in queue.listed(branch, "group")] == ["one"]
        assert objects(branch) == before
        assert branch.refresh() == theirs
        branch.fetch_folders(["apps/app-3"])
        assert branch.read(PATH) == b"theirs\n"


def test_a_folder_that_is_again_as_it_was_in_the_past_is_read_whole(bare, tmp_path):
    new = b"new\n"
    bare.commit({PATH: b"once\n"})
    once = bare.tip("main")
    bare.commit({PATH: new})
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        assert branch.read(PATH) == new
        (tree,) = branch.past().entries_at([branch.past().commit(once).tree], "apps/app-3")
        assert tree is not None
        branch.past().lists([tree.sha])
        back = bare.commit({PATH: b"once\n"})
        assert branch.refresh() == back
        branch.fetch_folders(["apps/app-3"])
        assert branch.read(PATH) == b"once\n"


def shown(bare: Bare, commit: str, path: str) -> bytes:
    """A file of the host, as git shows it."""
    return f"{git(bare.folder, 'show', f'{commit}:{path}')}\n".encode()


OPERATIONS = ("theirs", "refresh", "look", "look back", "wait", "lead", "push", "read", "bring", "past")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_looked_at_in_whatever_order_the_tip_is_read_as_it_is(bare, tmp_path, seed):
    choose = random.Random(seed)  # noqa: S311 - the same order in every run
    with opened(bare, tmp_path) as (branch, _):
        first = branch.refresh()
        for number in range(16):
            path = f"apps/app-{choose.randrange(30)}/overlays/staging/kustomization.yaml"
            match choose.choice(OPERATIONS):
                case "theirs":
                    bare.commit({path: f"{choose.randrange(3)}\n".encode(), f"new-{number}/a/b.txt": b"x"})
                case "refresh":
                    branch.refresh()
                case "look":
                    assert branch.has_taken(branch.tip)
                case "look back":
                    assert branch.taken_since("nobody said this", None, first) is None
                case "wait":
                    queue.put(branch, "group", queue.new_waiting(branch, f"{number}", "text", AUTHOR, number))
                    assert f"{number}" in {one.name for one in queue.listed(branch, "group")}
                case "lead":
                    taken = queue.listed(branch, "group")
                    branch.refresh()
                    shas = branch.commits([NewCommit([FileChange(path, b"1\n")], "m", STAMP, STAMP)] * 2)
                    queue.take(branch, "group", shas[-1], taken)
                case "push":
                    sha = branch.commit([FileChange(path, b"2\n")], "m", AUTHOR, 0)
                    if branch.tip == bare.tip("main"):
                        branch.push(sha)
                case "read":
                    assert (
                        branch.read(path) == git(bare.folder, "show", f"{branch.tip}:{path}").encode() + b"\n"
                    )
                case "bring":
                    branch.fetch_folders([path.rpartition("/")[0], "shared"])
                case "past":
                    commit = branch.past().commit(first)
                    branch.past().lists(
                        [entry.sha for entry in branch.past().entries_at([commit.tree], "apps")]
                    )
        for number in range(30):
            path = f"apps/app-{number}/overlays/staging/kustomization.yaml"
            assert branch.read(path) == shown(bare, branch.tip, path)


def test_a_branch_that_was_reset_meanwhile_does_not_get_back_what_was_removed(bare, tmp_path):
    first = bare.tip("main")
    bare.commit({"removed.yaml": b"x"})
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        sha = branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0)
        git(bare.folder, "update-ref", "refs/heads/main", first)
        with pytest.raises(StalePlan):
            branch.push(sha)
    assert bare.tip("main") == first


def test_a_hosts_refusal_is_reported_and_not_mistaken_for_a_race(bare, tmp_path):
    hook = bare.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        with pytest.raises(PushRefused, match="protected branch"):
            branch.push(branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"uploadpack.allowFilter": "false"}, "does not filter"),
        ({"uploadpackfilter.tree.allow": "false"}, "does not filter by depth"),
        ({"uploadpackfilter.allow": "false"}, "does not filter"),
    ],
)
def test_a_host_that_filters_less_sends_more_and_works(bare, tmp_path, settings, said):
    for key, value in settings.items():
        git(bare.folder, "config", key, value)
    with opened(bare, tmp_path) as (branch, details):
        branch.refresh()
        assert said in details[0]
        assert branch.read(PATH) == b"app 3 staging\n"
        assert branch.read("shared/deep/er/base/pod.yaml") == b"pod\n"
        assert set(branch.under("apps/app-4")) == {path for path in FILES if path.startswith("apps/app-4/")}
        branch.push(branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0))
    assert git(bare.folder, "show", f"main:{PATH}") == "mine"


def test_a_host_that_gives_nothing_by_id_sends_its_whole_tip(bare, tmp_path):
    """An old server, which speaks the protocol's version 0: it gives only what it has advertised."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nunset GIT_PROTOCOL\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    url = f"ssh://host{bare.folder}"
    with opened(bare, tmp_path, url=url, GIT_SSH_COMMAND=str(ssh)) as (branch, details):
        branch.refresh()
        assert branch.read(PATH) == b"app 3 staging\n"
        assert any("does not serve objects by id" in text for text in details)
        theirs = bare.commit({PATH: b"theirs\n"})
        assert branch.refresh() == theirs
        assert branch.read(PATH) == b"theirs\n"
        branch.push(branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0))
    assert git(bare.folder, "show", f"main:{PATH}") == "mine"


def test_history_is_fetched_without_files_and_the_branch_is_read_as_before(bare, tmp_path):
    for number in range(4):
        bare.commit({PATH: f"tag {number}\n".encode(), f"other-{number}": b"x"})
    with opened(bare, tmp_path) as (branch, _):
        branch.refresh()
        calls = branch.history()
        assert len(git(calls.directory, "log", "--format=%s", "--", PATH).splitlines()) == 5
        kinds = git(calls.directory, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
        assert set(kinds.split()) == {"commit", "tree"}
        assert branch.read(PATH) == b"tag 3\n"
        assert branch.read("apps/app-7/overlays/staging/kustomization.yaml") == b"app 7 staging\n"


def test_repositories_with_sha256_ids_work(tmp_path):
    bare = Bare(tmp_path / "host.git", format="sha256")
    bare.commit(FILES)
    with opened(bare, tmp_path) as (branch, _):
        assert len(branch.refresh()) == 64
        assert branch.read(PATH) == b"app 3 staging\n"
        branch.push(branch.commit([FileChange(PATH, b"mine\n")], "m", AUTHOR, 0))
    assert git(bare.folder, "show", f"main:{PATH}") == "mine"


def test_a_branch_or_repository_that_does_not_exist_is_reported(bare, tmp_path):
    bare.commit({"x": b"y"}, branch="other")
    with opened(bare, tmp_path, branch="mian") as (branch, _):
        with pytest.raises(InputError, match="no branch mian") as caught:
            branch.refresh()
        assert "main, other" in caught.value.hint
    empty = Bare(tmp_path / "empty.git")
    with opened(empty, tmp_path, branch=None) as (branch, _), pytest.raises(InputError, match="is empty"):
        branch.refresh()
    shutil.rmtree(empty.folder)
    with opened(empty, tmp_path) as (branch, _), pytest.raises(RepositoryNotFound):
        branch.refresh()


def test_a_host_that_is_down_is_unreachable(tmp_path):
    folder = tmp_path / "thin"
    folder.mkdir()
    branch = ThinBranch("http://127.0.0.1:9/x/y.git", "main", Credential(), Invocation(), folder)
    with pytest.raises(GitUnreachable):
        branch.refresh()
