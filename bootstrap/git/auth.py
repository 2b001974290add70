"""How git logs in to the Git host: the credential, and the environment of the git child process.

A token reaches git through one environment variable of the git child, read by a credential helper
that is bound to the host of the URL: it is in no argument, file or URL, and no other host (a
redirect, a submodule) ever gets it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core.errors import InputError
from bootstrap.core.loopback import is_loopback, no_proxy
from bootstrap.git.urls import host_of, is_ssh, without_userinfo

TOKEN_VARIABLE = "BOOTSTRAP_GIT_TOKEN"  # noqa: S105 - a variable's name
USERNAME_VARIABLE = "BOOTSTRAP_GIT_USERNAME"
PROTOCOLS = "file:http:https:ssh"
CONNECT_SECONDS = 20
STALLED_SECONDS = 30

# git asks the helper on stdin, and also uses it to store and erase: only "get" is answered.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n"'
    f' "${USERNAME_VARIABLE}" "${TOKEN_VARIABLE}"; }}; f'
)
# If a hook runs us, the caller's repository, tracing and prompts must not apply here.
_NOT_OURS = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX"
    r"|CEILING_DIRECTORIES|SHALLOW_FILE|GRAFT_FILE|IMPLICIT_WORK_TREE|REPLACE_REF_BASE|NO_REPLACE_OBJECTS"
    r"|CONFIG|CONFIG_(COUNT|PARAMETERS|KEY_\d+|VALUE_\d+)|INTERNAL_SUPER_PREFIX|EXEC_PATH|TEMPLATE_DIR"
    r"|DEFAULT_HASH|QUARANTINE_PATH|PUSH_OPTION_.*|SSL_NO_VERIFY|ASKPASS|TRACE\w*|CURL_VERBOSE|EDITOR)"
    r"|SSH_ASKPASS(_REQUIRE)?"
    r"|GIT_TOKEN(_FILE)?|ARGOCD_AUTH_TOKEN|BOOTSTRAP_\w+"
)
"""Variables that would point git elsewhere or make it prompt, and our own secrets: git needs none of them."""


@dataclass(frozen=True)
class Credential:
    """How to log in. Nothing set: the SSH agent, or the credential helpers in git's configuration.

    `hosts` are those that the user named: the token may go to these only. None: none is named yet.
    """

    username: str = "git"
    token: str | None = field(default=None, repr=False)
    ssh_key: Path | None = None
    ca_file: Path | None = None
    known_hosts: Path | None = None
    hosts: frozenset[str] | None = None


_PORTS = {"https": 443, "http": 80}


def bound(credential: Credential, *named: str | None) -> Credential:
    """The credential, restricted to the hosts of the URLs that the user named.

    A URL from a cluster, a repository or a Git host does not count: it never widens where a token goes.
    """
    hosts = frozenset(_place(url) for url in named if url) - {""}
    return replace(credential, hosts=hosts)


def _place(url: str) -> str:
    """The host, with the port of an http(s) URL that names another than its own: another service."""
    host = host_of(url).lower()
    if not host or is_ssh(url):
        return host
    port = urlsplit(url).port
    return host if port in (None, _PORTS.get(urlsplit(url).scheme)) else f"{host}:{port}"


def check_host(url: str, hosts: frozenset[str] | None) -> None:
    """Raise InputError when a token for `hosts` would be sent to another host."""
    host = _place(url)
    if hosts is not None and host and host not in hosts:
        meant = " or ".join(sorted(hosts)) or "no host that was named"
        raise InputError(
            f"sending the token to {host}",
            f"the token is for {meant}; {host} comes from what was read, not from you",
            f"name {host} yourself, by the repository's URL, if the token is for it",
            without_userinfo(url),
        )


def check_credential(url: str, credential: Credential) -> None:
    """Raise InputError for a credential that cannot be used with `url`, or cannot be used safely."""
    tried = f"preparing the credential for {without_userinfo(url)}"
    for name, path in (
        ("SSH key", credential.ssh_key),
        ("CA file", credential.ca_file),
        ("known hosts file", credential.known_hosts),
    ):
        if path is not None and not path.is_file():
            raise InputError(tried, f"the {name} {path} does not exist", "give the path of an existing file")
    if credential.token is not None:
        check_host(url, credential.hosts)
        if not credential.token.strip() or re.search(r"[\x00-\x1f\x7f]", credential.token):
            found = "the token is empty or contains a line break or control character"
            raise InputError(tried, found, "put only the token into the file or variable")
        if url.startswith("http://") and not is_loopback(host_of(url)):
            hint = "use the https:// or ssh:// address of the repository"
            raise InputError(tried, "a token would cross the network unencrypted over http://", hint)
    if credential.ssh_key is not None and not is_ssh(url):
        hint = "give the repository's SSH address, or a token instead of the key"
        raise InputError(tried, "an SSH key cannot be used with this URL", hint, without_userinfo(url))


def settings(url: str, credential: Credential) -> list[tuple[str, str]]:
    """git configuration for every call about `url`; it comes last, so that it overrides the user's.

    The user's proxies, URL rewrites and SSH settings stay; what would run programs, sign, change
    bytes, weaken TLS or store our token is switched off.
    """
    chosen = [
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("core.askPass", ""),
        ("core.autocrlf", "false"),
        ("core.attributesFile", "/dev/null"),
        ("core.quotePath", "false"),
        ("protocol.version", "2"),
        ("commit.gpgSign", "false"),
        ("push.gpgSign", "false"),
        ("push.followTags", "false"),
        ("push.recurseSubmodules", "no"),
        ("fetch.recurseSubmodules", "no"),
        ("fetch.writeCommitGraph", "false"),
        ("i18n.commitEncoding", "UTF-8"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("advice.pushUpdateRejected", "false"),
        ("credential.interactive", "false"),
        ("http.lowSpeedLimit", "1"),
        ("http.lowSpeedTime", str(STALLED_SECONDS)),
        ("http.sslVerify", "true"),
        ("http.followRedirects", "false"),
    ]
    if url.startswith("https://"):
        # Specific, so that the user's `http.https://host/.sslVerify = false` does not override it.
        chosen.append((f"http.{url}.sslVerify", "true"))
    if url.startswith(("https://", "http://")):
        chosen.append((f"http.{url}.followRedirects", "false"))
    if url.startswith(("http://", "https://")) and credential.token is not None:
        parts = urlsplit(url)
        # An empty helper resets the list: the user's helpers would be asked first, and would store our token.
        chosen += [
            ("credential.helper", ""),
            ("credential.useHttpPath", "false"),
            (f"credential.{parts.scheme}://{parts.netloc}.helper", _HELPER),
        ]
    return chosen


def environment(
    url: str, credential: Credential, environ: Mapping[str, str], ssh: str | None
) -> dict[str, str]:
    """The full environment of a git child process. `ssh` is the user's own SSH command, if any.

    A token is in it, under TOKEN_VARIABLE, only for an HTTP URL.
    """
    result = {name: value for name, value in environ.items() if not _NOT_OURS.fullmatch(name)}
    result |= {
        "LC_ALL": "C",
        "LANGUAGE": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        "GIT_MERGE_AUTOEDIT": "no",
    }
    if is_loopback(host_of(url)):
        result |= no_proxy(environ)  # libcurl would ask it
    if credential.token is not None and url.startswith(("http://", "https://")):
        result |= {USERNAME_VARIABLE: credential.username, TOKEN_VARIABLE: credential.token}
    if credential.ca_file is not None:
        result["GIT_SSL_CAINFO"] = str(credential.ca_file.resolve())
    if is_ssh(url):
        result["GIT_SSH_COMMAND"] = ssh_command(credential, ssh)
        result.setdefault("GIT_SSH_VARIANT", "ssh")
    return with_settings(result, settings(url, credential), behind=True)


def with_settings(
    environ: Mapping[str, str], pairs: Sequence[tuple[str, str]], *, behind: bool = False
) -> dict[str, str]:
    """The environment with more settings for git; those already in it win (`behind`: the new ones win)."""
    count = int(environ.get("GIT_CONFIG_COUNT") or 0)
    known = [(environ[f"GIT_CONFIG_KEY_{n}"], environ[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]
    every = [*known, *pairs] if behind else [*pairs, *known]
    result = {**environ, "GIT_CONFIG_COUNT": str(len(every))}
    for number, (key, value) in enumerate(every):
        result |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return result


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a git child process that contacts no host, even where objects are missing.

    The repository's own configuration says which program fetches what a partial clone lacks.
    """
    return environment("file:///", Credential(), environ, None) | {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",  # git 2.45 and newer
    }


def ssh_command(credential: Credential, users: str | None) -> str:
    """The ssh command for git: it never asks, never trusts an unknown host, and does not hang."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"ConnectTimeout={CONNECT_SECONDS}"]
    options += ["ServerAliveInterval=10", "ServerAliveCountMax=3"]
    command = [] if users and credential.ssh_key is None else ["ssh"]
    if credential.ssh_key is not None:
        command += ["-i", str(credential.ssh_key.resolve())]
        options.append("IdentitiesOnly=yes")
    if credential.known_hosts is not None:
        # ssh itself splits this value at spaces, hence the quotes within quotes.
        options.append(f'UserKnownHostsFile="{credential.known_hosts.resolve()}"')
        options.append("GlobalKnownHostsFile=/dev/null")
    for option in options:
        command += ["-o", option]
    prefix = f"{users} " if users and credential.ssh_key is None else ""
    return prefix + shlex.join(command)
