"""The variables that `sandbox shell-env` sets let in every command that takes a token."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.edit.access import Access
from bootstrap.git import credential
from bootstrap.init.request import Request
from tests.conftest import Run
from tests.git_http import serving
from tests.git_repositories import Bare
from tests.test_main import ALL

TOKEN = "glowing-token-of-a-file"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Bare, dict[str, str]]]:
    """A repository behind a token, and the environment that lets in."""
    monkeypatch.chdir(tmp_path)
    bare = Bare(tmp_path / "hosted" / "gitops.git")
    bare.commit({OVERLAY: b"images:\n- name: web\n  newTag: v1\n"})
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environ = {
        "GIT_USERNAME": "robot",
        "GIT_TOKEN_FILE": str(tmp_path / "token"),
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
    }
    with serving(bare.folder.parent, TOKEN, username="robot") as host:
        yield host.repository(bare.folder.name), bare, environ


def test_the_file_and_the_user_name_let_in_to_read_and_to_push(
    run: Run, host: tuple[str, Bare, dict[str, str]]
) -> None:
    url, bare, environ = host
    listed = run("image", "list", "--repo", url, env=environ)
    assert (listed.exit, "web:v1" in listed.out) == (0, True), listed.err
    pushed = run("image", "set", "web=:v2", "--env", "dev", "--push", "--repo", url, env=environ)
    assert pushed.exit == 0, pushed.err
    assert bare.files()[OVERLAY] == b"images:\n- name: web\n  newTag: v2\n"
    assert TOKEN not in listed.out + listed.err + pushed.out + pushed.err


def test_without_them_no_one_is_let_in(run: Run, host: tuple[str, Bare, dict[str, str]]) -> None:
    url, _, environ = host
    for left in ("GIT_TOKEN_FILE", "GIT_USERNAME"):
        less = {name: value for name, value in environ.items() if name != left}
        assert run("image", "list", "--repo", url, env=less).exit == 4


def of_request(environ: Mapping[str, str], token_file: Path | None = None, **options: object):
    return credential.read(
        Request("", token_file=token_file, **options), Invocation(stdin=io.StringIO(), environ=environ)
    )


def of_image(environ: Mapping[str, str], token_file: Path | None = None, **options: object):
    return credential.read(
        Access(token_file=token_file, **options), Invocation(stdin=io.StringIO(), environ=environ)
    )


@pytest.mark.parametrize("read", [of_request, of_image])
def test_options_come_first_then_the_token_itself_then_its_file(tmp_path: Path, read) -> None:
    for name in ("option", "variable"):
        (tmp_path / name).write_text(f"of-the-{name}\n")
    both = {"GIT_TOKEN": "itself", "GIT_TOKEN_FILE": str(tmp_path / "variable"), "GIT_USERNAME": "robot"}
    assert read(both, tmp_path / "option", username="ann").token == "of-the-option"
    assert read(both, tmp_path / "option", username="ann").username == "ann"
    assert (read(both).token, read(both).username) == ("itself", "robot")
    assert read({**both, "GIT_TOKEN": " "}).token == "of-the-variable"
    assert (read({}).token, read({}).username) == (None, "git")
    assert (read({"GIT_TOKEN_FILE": "", "GIT_USERNAME": ""}).token, read({"GIT_USERNAME": ""}).username) == (
        None,
        "git",
    )


@pytest.mark.parametrize("read", [of_request, of_image])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_file_that_gives_no_token_is_reported_by_its_variable(tmp_path: Path, read, content) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read({"GIT_TOKEN_FILE": str(path)})
    assert caught.value.tried == "reading GIT_TOKEN_FILE"


def test_the_hosts_keys_are_those_of_the_variable(tmp_path: Path) -> None:
    environ = {"GIT_SSH_KNOWN_HOSTS": str(tmp_path / "known_hosts")}
    assert of_image(environ).known_hosts == of_request(environ).known_hosts == tmp_path / "known_hosts"
    for read in (of_image, of_request):
        assert read(environ, known_hosts=tmp_path / "other").known_hosts == tmp_path / "other"


def test_every_command_that_takes_a_token_of_the_git_host_names_the_variables() -> None:
    taking = []
    for path, command in ALL:
        for option in command.params:
            if isinstance(option, click.Option) and "--token-file" in option.opts:
                taking.append(" ".join(path))
                assert "GIT_TOKEN_FILE" in (option.help or "") or "ARGOCD_AUTH_TOKEN" in (option.help or "")
            if isinstance(option, click.Option) and option.opts == ["--username"]:
                assert "GIT_USERNAME" in (option.help or "")
                assert option.default != "git"
    assert {"init", "doctor", "image set", "app add"} <= set(taking)
