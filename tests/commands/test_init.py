"""`bootstrap init --repo-only`: what it lays out, keeps, reports and refuses; on real repositories."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.layout import catalog, components
from bootstrap.layout import files as layout
from bootstrap.layout.settings import parse_record
from bootstrap.main import run as run_cli
from tests.argocd_manifest import VERSION, manifest
from tests.catalog import voting_app
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git
from tests.packages import NEEDS_SSH

Init = Callable[..., Result]
SETTINGS = "clusters/default/settings.yaml"
KUSTOMIZATION = "clusters/default/kustomization.yaml"
AUTHOR = "Ada Lovelace <ada@example.org>"


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host" / "gitops.git")


@pytest.fixture
def manifest_file(tmp_path: Path) -> Path:
    path = tmp_path / "install.yaml"
    path.write_bytes(manifest())
    return path


@pytest.fixture
def init(run: Run, bare: Bare, manifest_file: Path) -> Init:
    """`init(…)`: lay out `bare`, by Argo CD's manifest from a file, as an author, without a question."""

    def call(
        *arguments: str, url: str | None = None, yes: bool = True, env: dict[str, str] | None = None
    ) -> Result:
        given = ["--author", AUTHOR, *arguments, *(["--yes"] if yes else [])]
        if "--argocd-manifest" not in arguments and not bare_is_laid_out(bare, arguments):
            given += ["--argocd-manifest", str(manifest_file)]
        return run("init", url or bare.url, "--repo-only", *given, env=env)

    return call


def bare_is_laid_out(bare: Bare, arguments: tuple[str, ...]) -> bool:
    prefix = f"{arguments[arguments.index('--path') + 1]}/" if "--path" in arguments else ""
    return bare.tip() is not None and f"{prefix}bootstrap.yaml" in bare.files()


def log(bare: Bare) -> list[str]:
    return git(bare.folder, "log", "--format=%s", "main").splitlines()


# -- laying out ----------------------------------------------------------------------------


def test_empty_repository_gets_the_whole_catalog_in_two_commits(init: Init, bare: Bare) -> None:
    result = init("--domain", "example.org")
    assert result.exit == 0, result.err
    assert log(bare) == ["Settings of cluster default", f"Lay out catalog {catalog.VERSION} as shipped"]
    files = bare.files()
    assert set(files) == {*catalog.load(), layout.MANIFEST, "bootstrap.yaml"}
    assert files[layout.MANIFEST] == manifest()
    assert b"domain: example.org" in files[SETTINGS]
    record = parse_record(files["bootstrap.yaml"])
    assert record.argocd_version == VERSION
    assert record.catalog_commit == git(bare.folder, "rev-parse", "main~1")
    assert git(bare.folder, "log", "-1", "--format=%an <%ae>", "main") == AUTHOR


def test_second_run_says_that_there_is_nothing_to_do(init: Init, bare: Bare) -> None:
    init()
    tip = bare.tip()
    result = init()
    assert result.exit == 0
    assert "nothing to do" in result.out
    assert bare.tip() == tip


def test_existing_repository_keeps_its_files_and_history(init: Init, bare: Bare) -> None:
    first = bare.commit({"README.md": b"mine", "apps/shop/x.yaml": b"a: 1\n"})
    assert init().exit == 0
    assert bare.files()["apps/shop/x.yaml"] == b"a: 1\n"
    git(bare.folder, "merge-base", "--is-ancestor", first, "main")


def test_layout_goes_below_a_path(init: Init, bare: Bare) -> None:
    bare.commit({"README.md": b"mine"})
    assert init("--path", "platform/gitops").exit == 0
    assert {path.partition("/")[0] for path in bare.files()} == {"README.md", "platform"}
    assert (
        b"path: platform/gitops/clusters/default"
        in bare.files()["platform/gitops/clusters/default/root.yaml"]
    )
    assert "nothing to do" in init("--path", "platform/gitops").out
    tip = bare.tip()
    forgotten = init()
    assert (forgotten.exit, bare.tip()) == (2, tip)
    assert "give --path platform/gitops" in forgotten.err


def test_edit_by_hand_is_kept_and_not_reported_at_every_run(init: Init, bare: Bare) -> None:
    init()
    by_hand = bare.files()[SETTINGS] + b"# mine\n"
    bare.commit({SETTINGS: by_hand})
    result = init("--storage-class", "fast")
    assert result.exit == 0
    assert bare.files()[SETTINGS] == by_hand.replace(b"storageClass: standard", b"storageClass: fast")
    assert "kept, as" not in result.err  # a newer catalog is when it is worth a word


def test_a_kept_file_that_is_not_yaml_where_the_cluster_begins_is_refused(init: Init, bare: Bare) -> None:
    before = bare.commit({KUSTOMIZATION: b"{bad: [\n"})
    refused = init()
    assert refused.exit == 2
    assert f"{KUSTOMIZATION}:" in refused.err
    assert "fix the YAML" in refused.err
    assert bare.tip() == before


def test_dry_run_shows_the_steps_first_and_says_at_the_end_that_nothing_was_changed(
    init: Init, bare: Bare
) -> None:
    shown = init("--dry-run").out.splitlines()
    assert shown[1].startswith("  1. push ")
    assert [line for line in shown if line.startswith("1. ")] == [shown[1].strip()]
    assert shown[-1] == "1 step; nothing was changed"
    assert bare.tip() is None


def test_components_are_switched_by_name(init: Init, bare: Bare) -> None:
    init()
    offers = layout.components.offered(bare.files()[KUSTOMIZATION])
    off = next(name for name, component in offers.items() if not component.on)
    on = next(name for name, component in offers.items() if component.on and name != "argocd")
    assert init("--with", off, "--without", on).exit == 0
    after = layout.components.offered(bare.files()[KUSTOMIZATION])
    assert after[off].on
    assert not after[on].on


def test_requirements_are_reported_in_the_plan_and_alternatives_are_refused(init: Init, bare: Bare) -> None:
    planned = init("--with", "tempo", "--dry-run")
    assert "note: otel-collector is switched on because tempo requires it" in planned.out
    init()
    refused = init("--with", "ingress-nginx")
    assert refused.exit == 3
    assert "--without traefik" in refused.err
    assert init("--with", "tempo").exit == 0
    offers = layout.components.offered(bare.files()[KUSTOMIZATION])
    assert offers["tempo"].on
    assert offers["otel-collector"].on


def test_with_all_lays_out_one_of_each_set_of_alternatives_and_it_validates(
    init: Init, bare: Bare, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid = init("--with", "all", "--storage-class", "fast")
    assert laid.exit == 0, laid.err
    assert "left out of all: ingress-nginx (traefik is on" in laid.err
    assert init("--with", "all").out.startswith("nothing to do")
    git(tmp_path, "clone", "--quiet", bare.url, "tree")
    program = Path(voting_app.kustomize()).parent
    monkeypatch.setenv("PATH", f"{program}{os.pathsep}{os.environ['PATH']}")
    assert (
        "storageClass: fast" in (tmp_path / "tree/apps/voting-app/overlays/staging/settings.yaml").read_text()
    )
    # GB332 is of Argo CD's manifest in this test, which is no whole one.
    found = run("validate", str(tmp_path / "tree"), "--fail-on", "info", "--rules=-GB332")
    assert (found.exit, found.out) == (0, ""), found.out


def test_another_cluster_gets_a_folder_of_its_own(init: Init, bare: Bare) -> None:
    init()
    before = bare.files()
    assert init("--cluster", "edge", "--domain", "edge.example.org").exit == 0
    after = bare.files()
    assert {path for path in after if before.get(path) != after[path]} == {
        "bootstrap.yaml",
        *(path.replace("default", "edge", 1) for path in before if path.startswith("clusters/default/")),
    }
    assert "nothing to do" in init().out


def test_another_clusters_domain_is_said_not_to_reach_the_apps_that_all_clusters_share(
    init: Init, bare: Bare
) -> None:
    init("--domain", "example.org")
    told = init("--cluster", "edge", "--domain", "edge.example.org")
    assert "the apps' hosts stay below example.org" in told.err
    assert "bootstrap env add NAME --from production --domain edge.example.org --cluster edge" in told.err
    assert "hosts stay" not in init("--cluster", "edge").err
    assert "hosts stay" not in init("--cluster", "third", "--domain", "example.org").err


def test_another_cluster_is_not_offered_what_was_removed(init: Init, bare: Bare, tmp_path: Path) -> None:
    init()
    git(tmp_path, "clone", "--quiet", bare.url, "clone")
    git(tmp_path / "clone", "rm", "-r", "--quiet", "apps", "infrastructure/loki")
    git(tmp_path / "clone", "commit", "--quiet", "-m", "Not needed here")
    git(tmp_path / "clone", "push", "--quiet", "origin", "HEAD")
    told = init("--cluster", "edge")
    assert told.exit == 0, told.err
    assert "not offered to cluster edge, as they were removed here: apps/voting-app" in told.err
    offers = components.offered(bare.files()["clusters/edge/kustomization.yaml"])
    assert "traefik" in offers
    assert not {"loki", "voting-app-dev", "voting-app-production"} & set(offers)
    assert "clusters/edge" not in init("--cluster", "edge").out
    refused = init("--cluster", "other", "--with", "loki")
    assert refused.exit == 3
    assert "infrastructure/loki is not in the repository" in refused.err
    assert "voting-app-dev is on, but apps/voting-app/applications/dev is not in" in init().err


def test_other_branch_is_laid_out_alone(init: Init, bare: Bare) -> None:
    bare.commit({"README.md": b"mine"})
    tip = bare.tip()
    result = init("--branch", "gitops")
    assert result.exit == 0, result.err
    assert bare.tip() == tip
    assert "branch gitops is new" in result.err
    assert b"revision: gitops" in bare.files("gitops")[SETTINGS]


def test_what_is_off_is_not_held_to_another_branch(
    init: Init, bare: Bare, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert init("--branch", "gitops").exit == 0
    git(tmp_path, "clone", "--quiet", "--branch", "gitops", bare.url, "tree")
    program = Path(voting_app.kustomize()).parent
    monkeypatch.setenv("PATH", f"{program}{os.pathsep}{os.environ['PATH']}")
    found = run("validate", str(tmp_path / "tree"), "--fail-on", "info", "--rules=-GB332")
    assert (found.exit, found.out) == (0, ""), found.out


@NEEDS_SSH
def test_commits_are_signed_on_request(init: Init, bare: Bare, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (Path.home() / ".gitconfig").write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {key}\n")
    assert init("--sign").exit == 0
    for commit in ("main", "main~1"):
        assert "gpgsig" in git(bare.folder, "cat-file", "commit", commit)


def test_message_suffix_ends_the_subjects(init: Init, bare: Bare) -> None:
    init("--message-suffix", "[skip ci]")
    assert len(log(bare)) > 1
    assert all(subject.endswith(" [skip ci]") for subject in log(bare))


def test_rewritten_history_is_reported_and_overwrites_nothing(init: Init, bare: Bare) -> None:
    init()
    bare.commit({SETTINGS: bare.files()[SETTINGS] + b"# mine\n"})
    tree = git(bare.folder, "rev-parse", "main^{tree}")
    squashed = git(bare.folder, "commit-tree", tree, "-m", "Squashed")
    git(bare.folder, "update-ref", "refs/heads/main", squashed)
    git(bare.folder, "reflog", "expire", "--expire=now", "--all")
    git(bare.folder, "gc", "--quiet", "--prune=now")
    result = init()
    assert result.exit == 0, result.err
    assert "is not in the history" in result.err
    assert bare.files()[SETTINGS].endswith(b"# mine\n")
    assert "nothing to do" in init().out


# -- dry run and JSON -------------------------------------------------------------------------


def test_dry_run_shows_the_difference_writes_nothing_and_says_by_its_status(init: Init, bare: Bare) -> None:
    before = bare.objects()
    result = init("--dry-run", "--domain", "example.org", yes=False)
    assert result.exit == 1
    assert "+  domain: example.org" in result.out
    assert bare.objects() == before
    init("--domain", "example.org")
    result = init("--dry-run", yes=False)
    assert result.exit == 0
    assert "nothing to do" in result.out


def test_real_run_does_what_the_dry_run_showed(init: Init, bare: Bare) -> None:
    said = json.loads(init("--dry-run", "-o", "json").out)
    done = json.loads(init("-o", "json").out)
    assert said["changes"]
    assert said["steps"] == done["steps"]
    assert done["commit"] == bare.tip()
    (push,) = said["steps"]
    pushed = {item["path"] for commit in push["commits"] for item in commit["files"]}
    assert pushed == set(bare.files())
    assert done["repository"] == {"url": bare.url, "branch": "main", "tip": None}


def test_error_is_json_too(init: Init) -> None:
    data = json.loads(init("--cluster", "Not A Name", "-o", "json").out)
    assert data["exit"] == 2
    assert data["error"]["kind"] == "InputError"


# -- questions -----------------------------------------------------------------------------------


def test_nothing_is_changed_without_yes_where_no_one_can_be_asked(init: Init, bare: Bare) -> None:
    result = init(yes=False)
    assert result.exit == 3
    assert "--yes" in result.err
    assert bare.tip() is None


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 7


@pytest.mark.parametrize(("answer", "exit"), [("y\n", 0), ("\n", 3), ("no\n", 3)])
def test_person_is_asked_for_what_is_missing_and_before_the_first_change(
    bare: Bare, manifest_file: Path, invocation: Invocation, answer: str, exit: int
) -> None:
    invocation.stdin, invocation.stderr = Terminal(f"{bare.url}\n{answer}"), Terminal()
    invocation.environ = {**invocation.environ, "TERM": "dumb"}
    options = ["--repo-only", "--author", AUTHOR, "--argocd-manifest", str(manifest_file)]
    assert run_cli(["init", *options], invocation) == exit
    shown = invocation.stderr.getvalue()
    assert "Repository URL" in shown
    assert f"repository  {bare.url} (main)" in shown
    assert (bare.tip() is not None) == (exit == 0)


def test_missing_url_is_an_input_error_where_no_one_can_be_asked(run: Run) -> None:
    result = run("init", "--repo-only")
    assert result.exit == 2
    assert "REPO_URL" in result.err


# -- what cannot be done ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "exit", "words"),
    [
        (["--cluster-only"], 2, "cannot be combined"),
        (["--cluster", "Prod"], 2, "'Prod'"),
        (["--domain", "http://x"], 2, "'http://x'"),
        (["--path", "../x"], 2, "'../x'"),
        (["--branch", "a..b"], 2, "'a..b'"),
        (["--ha", "--core"], 2, "cannot be combined"),
        (["--with", "no-such-thing"], 2, "no component 'no-such-thing'"),
        (["--with", "argocd", "--without", "argocd"], 2, "in both"),
        (["--author", "nobody"], 2, "'nobody'"),
        (["--argocd-version", "v0.0.1"], 2, "v0.0.1"),
        (["--sha256", "0" * 64, "--argocd-version", VERSION], 6, "expected 000"),
        (["--argocd-url", "argocd.example.org"], 2, "'argocd.example.org'"),
        (["--timeout", "0"], 2, "0 is not a time"),
        (["--core"], 2, "core"),
    ],
)
def test_wrong_option_is_one_clear_error_and_nothing_changes(
    init: Init, bare: Bare, options: list[str], exit: int, words: str
) -> None:
    result = init(*options)
    assert result.exit == exit, result.err
    assert result.err.count("error: ") == 1
    assert words in result.err
    assert "Traceback" not in result.err
    assert bare.tip() is None


@pytest.mark.parametrize(
    ("url", "exit", "words"),
    [
        ("git.example.org/x", 2, "is not a URL"),
        ("/srv/git", 2, "file:///srv/git"),
        ("ftp://git.example.org/x.git", 2, "'ftp'"),
        ("https://user:secret-password@git.example.org/x.git", 2, "contains a credential"),
        ("https://git.example.org/", 2, "names no repository"),
        ("file:///nonexistent/gitops.git", 4, "does not exist"),
        ("http://127.0.0.1:1/x/y.git", 11, "127.0.0.1:1"),
    ],
)
def test_wrong_url_is_one_clear_error(init: Init, url: str, exit: int, words: str) -> None:
    result = init(url=url)
    assert result.exit == exit, result.err
    assert words in result.err
    assert "secret-password" not in result.err + result.out


def test_missing_author_is_reported_with_what_to_type(run: Run, bare: Bare, manifest_file: Path) -> None:
    result = run("init", bare.url, "--repo-only", "--yes", "--argocd-manifest", str(manifest_file))
    assert result.exit == 2
    assert "--author" in result.err
    assert bare.tip() is None


def test_dry_run_without_an_author_shows_the_plan_and_names_who_is_missing(
    run: Run, bare: Bare, manifest_file: Path
) -> None:
    given = ["init", bare.url, "--repo-only", "--dry-run", "--argocd-manifest", str(manifest_file)]
    result = run(*given)
    assert result.exit == 1, result.err
    assert "push 2 commits" in result.out
    assert "warning: finding the author of the commits: no name is configured" in result.err
    assert "--author" in result.err
    assert run(*given, "--author", "nobody").exit == 2
    assert bare.tip() is None


def test_refusing_hook_is_reported_in_its_own_words(init: Init, bare: Bare) -> None:
    bare.hook("pre-receive", "echo 'main is protected by policy 7' >&2; exit 1")
    result = init()
    assert result.exit == 4
    assert "policy 7" in result.err
    assert bare.tip() is None


@pytest.mark.parametrize(
    ("path", "content", "where"),
    [
        ("bootstrap.yaml", b"catalog: [\n", "bootstrap.yaml:2:1"),
        ("bootstrap.yaml", b"[]\n", "bootstrap.yaml"),
        (SETTINGS, b"data:\n  domain: [\n", f"{SETTINGS}:3:1"),
    ],
)
def test_broken_yaml_in_the_repository_is_reported_with_its_place(
    init: Init, bare: Bare, path: str, content: bytes, where: str
) -> None:
    init()
    tip = bare.commit({path: content})
    result = init("--domain", "example.net")
    assert result.exit == 2, result.err
    assert where in result.err
    assert bare.tip() == tip


def test_file_that_is_where_a_folder_must_be_is_reported(init: Init, bare: Bare) -> None:
    tip = bare.commit({"clusters": b"a file"})
    result = init()
    assert result.exit == 3, result.err
    assert "clusters is a file" in result.err
    assert bare.tip() == tip


def test_branch_that_moves_while_this_runs_is_read_again(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody pushes between reading and pushing, once."""
    bare.commit({"README.md": b"1"})
    from bootstrap.git.remote import Remote

    push = Remote.push
    moved = iter([True])

    def late(self: Remote, sha: str, expect: str | None) -> None:
        if next(moved, False):
            bare.commit({"README.md": b"2"})
        push(self, sha, expect)

    monkeypatch.setattr(Remote, "push", late)
    result = init()
    assert result.exit == 0, result.err
    assert "the branch has moved" in result.err
    assert bare.files()["README.md"] == b"2"
    assert "bootstrap.yaml" in bare.files()


def test_branch_that_never_stands_still_is_given_up(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.commit({"README.md": b"1"})
    from bootstrap.git.remote import Remote

    push = Remote.push

    def late(self: Remote, sha: str, expect: str | None) -> None:
        bare.commit({"README.md": sha.encode()})
        push(self, sha, expect)

    monkeypatch.setattr(Remote, "push", late)
    result = init()
    assert result.exit == 4
    assert "someone else pushed meanwhile" in result.err
    assert set(bare.files()) == {"README.md"}


def test_full_disk_is_reported(init: Init, bare: Bare, tmp_path: Path) -> None:
    """A file size limit is what a full disk is to git: it cannot write its objects."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        result = init()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit == 4, result.err
    assert "free disk space" in result.err
    assert bare.tip() is None


def test_little_free_space_is_found_before_anything_is_done(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shutil import _ntuple_diskusage  # type: ignore[attr-defined]

    monkeypatch.setattr("shutil.disk_usage", lambda _: _ntuple_diskusage(100, 99, 1))
    result = init()
    assert result.exit == 3
    assert "MiB free" in result.err
    assert bare.tip() is None


# -- a newer catalog -----------------------------------------------------------------------

VALUES = "infrastructure/traefik/values.yaml"


def newer(monkeypatch: pytest.MonkeyPatch, changes: dict[str, bytes | None]) -> None:
    """From now on, the shipped catalog is a later one."""
    files = {path: text for path, text in {**catalog.load(), **changes}.items() if text is not None}
    monkeypatch.setattr(catalog, "load", lambda: files)
    monkeypatch.setattr(catalog, "VERSION", "99.0.0")


def test_an_open_conflict_is_not_success_is_shown_with_both_sides_and_reported_at_every_run(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    init()
    shipped = bare.files()[VALUES]
    first = shipped.splitlines(keepends=True)[0]
    bare.commit({VALUES: shipped.replace(first, b"# mine\n", 1)})
    newer(monkeypatch, {VALUES: shipped.replace(first, b"# of the catalog\n", 1) + b"# and more\n"})
    shown = init("--dry-run")
    assert shown.exit == 1
    assert f"conflict  {VALUES}: changed here and in the catalog, in the same lines" in shown.out
    assert "     # mine" in shown.out
    assert "     # of the catalog" in shown.out
    for _ in range(2):
        result = init()
        assert result.exit == 1, result.err
        assert "1 conflict with the catalog open" in result.out
        assert bare.files()[VALUES].startswith(b"# mine\n")
        assert bare.files()[VALUES].endswith(b"# and more\n")
        assert not [path for path in bare.files() if ".bootstrap-open" in path]
    bare.commit({VALUES: catalog.load()[VALUES]})
    assert init().exit == 0
    assert b"conflicts" not in bare.files()["bootstrap.yaml"]
    assert "nothing to do" in init().out


def test_a_dry_run_shows_what_reaches_the_branch_and_no_commit_of_zeros(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    init()
    newer(monkeypatch, {VALUES: catalog.load()[VALUES] + b"# more\n"})
    shown = init("--dry-run").out
    assert shown.count(f"change {VALUES}") == 1
    assert "push 2 commits (2 files)" in shown
    assert "0" * 40 not in shown


def test_a_merge_whose_root_does_not_build_is_not_pushed(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    init()
    tip = bare.tip()
    application = "infrastructure/traefik/application.yaml"
    newer(monkeypatch, {application: catalog.load()[application].replace(b"kind: Application", b"kind: ''")})
    result = init()
    assert result.exit == 3, result.out
    assert "clusters/default does not build" in result.err
    assert bare.tip() == tip


def test_an_older_program_is_refused_without_downgrade(
    init: Init, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, version = catalog.load(), catalog.VERSION
    with monkeypatch.context() as later:
        newer(later, {VALUES: original[VALUES] + b"# newer\n"})
        init()
    tip = bare.tip()
    refused = init()
    assert (refused.exit, bare.tip()) == (3, tip)
    assert f"this is bootstrap {version}, but catalog 99.0.0 is laid out" in refused.err
    assert init("--downgrade").exit == 0
    assert bare.files()[VALUES] == original[VALUES]


def test_another_spelling_of_the_url_changes_nothing(init: Init, bare: Bare) -> None:
    init()
    assert "nothing to do" in init(url=f"{bare.url}/").out
