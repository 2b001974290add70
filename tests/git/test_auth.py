"""Which URLs and credentials are taken, and where a token is during a run: in one child's environment."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.git import auth
from bootstrap.git.auth import Credential, check_credential, environment
from bootstrap.git.urls import check_url, host_of, without_userinfo
from tests import mirror
from tests.packages import NEEDS_SSH

TOKEN = "glowing-token-of-a-test"
HTTPS = "https://git.example.org/owner/name.git"


@pytest.mark.parametrize(
    "url",
    [
        HTTPS,
        "https://git.example.org:3000/below/a/path/owner/name",
        "http://127.0.0.1:3000/owner/name.git",
        "ssh://git@git.example.org:2222/owner/name.git",
        "git@git.example.org:owner/name.git",
        "git.example.org:owner/name.git",
        "file:///srv/git/name.git",
    ],
)
def test_every_usual_form_of_a_url_is_taken(url: str) -> None:
    check_url(url)  # raises InputError otherwise


@pytest.mark.parametrize(
    "url",
    [
        "",
        "owner/name",
        "/srv/git/name.git",
        "./name.git",
        "~/name.git",
        "ftp://git.example.org/x.git",
        "ext::sh -c true",
        "ext::sh",
        "--upload-pack=touch",
        "https://",
        "https://git.example.org",
        "https://git.example.org/x y.git",
        "https://git.example.org:port/x.git",
        "https://git.example.org/x.git?a=b",
        "https://user@git.example.org/x/y.git",
        f"https://user:{TOKEN}@git.example.org/x/y.git",
        "ssh://-oProxyCommand=x/y/z",
        "file://elsewhere/srv/x.git",
        "https://git.example.org/x\n.git",
    ],
)
def test_everything_else_is_refused_and_shows_no_credential(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_url(url)
    assert TOKEN not in f"{caught.value.found}{caught.value.hint}{caught.value}"


def test_a_scheme_in_capitals_is_told_as_it_is_to_be_written() -> None:
    with pytest.raises(InputError) as caught:
        check_url("HTTPS://Git.Example.org/x.git")
    assert caught.value.hint == "write it https://"


@pytest.mark.parametrize(
    ("url", "shown", "host"),
    [
        (f"https://u:{TOKEN}@h.org/x.git", "https://h.org/x.git", "h.org"),
        ("ssh://git@h.org/x.git", "ssh://git@h.org/x.git", "h.org"),
        (f"ssh://git:{TOKEN}@h.org/x.git", "ssh://git@h.org/x.git", "h.org"),
        ("git@h.org:x.git", "git@h.org:x.git", "h.org"),
        ("file:///x.git", "file:///x.git", ""),
    ],
)
def test_url_is_shown_without_what_is_secret(url: str, shown: str, host: str) -> None:
    assert without_userinfo(url) == shown
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "credential", "word"),
    [
        ("http://git.example.org/x/y.git", Credential(token=TOKEN), "unencrypted"),
        (HTTPS, Credential(token="two\nlines"), "line break"),
        (HTTPS, Credential(token=" "), "empty"),
        (HTTPS, Credential(ca_file=Path("/nonexistent")), "does not exist"),
        ("git@h.org:x.git", Credential(ssh_key=Path("/nonexistent")), "does not exist"),
        (HTTPS, Credential(ssh_key=Path(__file__)), "cannot be used"),
    ],
)
def test_credential_that_cannot_be_used_or_not_without_harm_is_refused(
    url: str, credential: Credential, word: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_credential(url, credential)
    assert word in caught.value.found
    assert TOKEN not in repr(credential)


def ask_git(url: str, credential: Credential, host: str, tmp_path: Path, gitconfig: str = "") -> str:
    """What git would answer a host that asks for a password."""
    (tmp_path / ".gitconfig").write_text(gitconfig)
    environ = environment(url, credential, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, None)
    asked = f"protocol=https\nhost={host}\n\n"
    return subprocess.run(
        ["git", "credential", "fill"], input=asked, env=environ, capture_output=True, text=True, check=False
    ).stdout


def test_token_is_given_to_its_own_host_alone(tmp_path: Path) -> None:
    credential = Credential("robot", TOKEN)
    given = ask_git(HTTPS, credential, "git.example.org", tmp_path)
    assert f"username=robot\npassword={TOKEN}\n" in given
    for host in ("elsewhere.example.org", "git.example.org:8443", "example.org"):
        assert TOKEN not in ask_git(HTTPS, credential, host, tmp_path)


def test_users_own_helper_is_neither_asked_first_nor_given_the_token(tmp_path: Path) -> None:
    told = tmp_path / "told"
    gitconfig = (
        f'[credential]\n\thelper = "!f() {{ cat >> {told}; echo username=me; echo password=other; }}; f"\n'
    )
    assert TOKEN in ask_git(HTTPS, Credential("robot", TOKEN), "git.example.org", tmp_path, gitconfig)
    assert not told.exists()
    assert "password=other" in ask_git(HTTPS, Credential(), "git.example.org", tmp_path, gitconfig)


def test_token_is_in_one_variable_and_only_for_http() -> None:
    environ = environment(HTTPS, Credential("robot", TOKEN), {}, None)
    assert [name for name, value in environ.items() if TOKEN in value] == [auth.TOKEN_VARIABLE]
    ssh = environment("git@h.org:x.git", Credential("robot", TOKEN), {}, None)
    assert not [name for name, value in ssh.items() if TOKEN in value]


def test_git_gets_the_token_of_its_host_and_no_other_secret_of_ours() -> None:
    given = dict.fromkeys(("GIT_TOKEN", "GIT_TOKEN_FILE", "ARGOCD_AUTH_TOKEN"), TOKEN)
    given |= {"BOOTSTRAP_BACKUP_PASSPHRASE": TOKEN, "GIT_SSH_VARIANT": "ssh", "PATH": os.environ["PATH"]}
    shown = subprocess.run(
        ["git", "-c", "alias.environment=!env", "environment"],
        env=auth.plain_environment(given),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert TOKEN not in shown
    assert "GIT_SSH_VARIANT=ssh" in shown
    with_token = environment(HTTPS, Credential(token=TOKEN), given, None)
    assert [name for name, value in with_token.items() if value == TOKEN] == [auth.TOKEN_VARIABLE]


@pytest.mark.parametrize(
    ("name", "value"), [("http_proxy", ""), ("all_proxy", ""), ("http_proxy", "example.com")]
)
def test_no_proxy_is_asked_for_a_host_on_this_machine(tmp_path: Path, name: str, value: str) -> None:
    with mirror.running(tmp_path, tls=False) as host, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        theirs = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": value}
        theirs[name] = f"http://127.0.0.1:{bound.getsockname()[1]}"
        url = f"{host.url}/gitops.git"
        environ = environment(url, Credential(), theirs, None)
        subprocess.run(["git", "ls-remote", url], env=environ, cwd=tmp_path, capture_output=True, check=False)
        assert host.asked == ["/gitops.git/info/refs"]
    assert environ["NO_PROXY"].startswith(value)


def test_tracing_prompts_and_weak_tls_of_the_caller_do_not_reach_git(tmp_path: Path) -> None:
    theirs = {
        "GIT_TRACE_CURL": "1",
        "GIT_SSL_NO_VERIFY": "1",
        "GIT_ASKPASS": "/bin/false",
        "GIT_DIR": "/x",
        "HTTPS_PROXY": "http://proxy:3128",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    (tmp_path / ".gitconfig").write_text(
        f'[http]\n\tsslVerify = false\n[http "{HTTPS}"]\n\tsslVerify = false\n'
    )
    environ = environment(HTTPS, Credential(), theirs, None)
    assert not {"GIT_TRACE_CURL", "GIT_SSL_NO_VERIFY", "GIT_ASKPASS", "GIT_DIR"} & set(environ)
    assert environ["HTTPS_PROXY"] == "http://proxy:3128"
    assert environ["GIT_TERMINAL_PROMPT"] == "0"
    said = subprocess.run(
        ["git", "config", "--get-urlmatch", "http.sslVerify", HTTPS],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip() == "true"


@NEEDS_SSH
def test_ssh_asks_no_one_and_trusts_no_unknown_host(tmp_path: Path) -> None:
    key, hosts = tmp_path / "my key", tmp_path / "known hosts"
    key.touch()
    hosts.touch()
    command = auth.ssh_command(Credential(ssh_key=key, known_hosts=hosts), None)
    said = subprocess.run(
        ["sh", "-c", f"{command} -G git.example.org"], capture_output=True, text=True, check=True
    ).stdout.lower()
    assert "batchmode yes" in said
    assert "stricthostkeychecking true" in said
    assert "identitiesonly yes" in said
    assert f"identityfile {key}".lower() in said
    assert str(hosts).lower() in said


def test_users_own_ssh_command_is_kept_unless_a_key_is_given(tmp_path: Path) -> None:
    assert auth.ssh_command(Credential(), "ssh -J jump").startswith("ssh -J jump -o ")
    key = tmp_path / "key"
    key.touch()
    assert not auth.ssh_command(Credential(ssh_key=key), "ssh -J jump").startswith("ssh -J")
