"""git's answers as our errors: what a message on standard error, or a refused ref, means.

The wording is git's own under LC_ALL=C (and OpenSSH's and curl's, which git passes on); what the
server's hooks say stands in lines that begin with `remote:` and is kept.
"""

from __future__ import annotations

import re

from bootstrap.core.errors import (
    AuthenticationFailed,
    GitError,
    GitUnreachable,
    PushRefused,
    RepositoryNotFound,
    StalePlan,
)

_TOKEN = "check the token and what it may do (GIT_TOKEN, --token-file), or the SSH key (--ssh-key)"  # noqa: S105
_NETWORK = "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), then run again"
_CERTIFICATE = (
    "give the certificate of the host's authority with --ca-file; verification is never switched off"
)
_HOST_KEY = "add the host's key, checked against what the host publishes, to the known hosts file"
ROOM = "make room (df -h), or set TMPDIR to a folder that has some, then run again"

# The first pattern that is found decides; specific ones stand before the ones they come with.
_MEANINGS: tuple[tuple[str, type[GitError], str], ...] = (
    (r"No space left on device|Disk quota exceeded|File too large", GitError, ROOM),
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known",
        GitUnreachable,
        _HOST_KEY,
    ),
    (
        r"SSL certificate|certificate verif|certificate subject|alternative certificate|local issuer"
        r"|error setting certificate|server certificate",
        GitUnreachable,
        _CERTIFICATE,
    ),
    (
        r"error: 401|Authentication failed for|could not read (Username|Password)|terminal prompts disabled"
        r"|HTTP Basic: Access denied|Permission denied \(|Too many authentication failures"
        r"|bad permissions|Load key",
        AuthenticationFailed,
        _TOKEN,
    ),
    (
        r"repository '[^']*' not found|Repository not found|error: 404|not appear to be a git repository"
        r"|Cannot find repository|[Pp]roject you were looking for could not be found",
        RepositoryNotFound,
        "check the URL, and that this credential may see the repository",
    ),
    (r"error: 403|Unauthorized|[Aa]ccess denied|not authori[sz]ed", AuthenticationFailed, _TOKEN),
    (
        r"dubious ownership",
        GitError,
        "it belongs to another user; trust it with: git config --global --add safe.directory PATH",
    ),
    (
        r"error: 30[12378]|[Rr]edirect",
        GitUnreachable,
        "it redirects, and no redirect is followed: give the URL that the host itself uses",
    ),
    (r"couldn't find remote ref", StalePlan, "the branch was deleted meanwhile; run again"),
    (
        r"gpg failed to sign|failed to write commit object|user\.signing[kK]ey|failed to sign",
        GitError,
        "check the signing key (git config user.signingKey, gpg.format), or leave --sign away",
    ),
    (
        r"Could not resolve|Failed to connect|Couldn't connect|Connection (refused|timed out|reset|closed)"
        r"|[Tt]imed out|Timeout:|too slow|Network is unreachable|No route to host|Name or service not known"
        r"|Empty reply|error: (5\d\d|407|429)|HTTP (5\d\d|429)|HTTP code \d+ from proxy|Proxy CONNECT"
        r"|RPC failed|hung up|early EOF|unexpected disconnect|kex_exchange_identification|gnutls|SSL_"
        r"|Recv failure|Send failure|transfer closed|unable to access|Could not read from remote repository",
        GitUnreachable,
        _NETWORK,
    ),
)

_RACE = re.compile(
    r"non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|failed to lock"
    r"|reference already exists|incorrect old value|failed to update"
)


def classify(stderr: str, tried: str, where: str, secrets: tuple[str, ...] = ()) -> GitError:
    """The error that git's standard error stands for; a plain GitError when it is not known."""
    text = _hidden(stderr, secrets)
    found = _summary(text)
    for pattern, kind, hint in _MEANINGS:
        if re.search(pattern, text):
            return kind(tried, found, hint, where)
    return GitError(tried, found, "this is what git said; run it again with --verbose", where)


def under_way(branch: str | None, where: str, sha: str = "") -> str:
    """What is said of a push that was interrupted."""
    shows = f"shows {sha} if it did" if sha else "shows the tip"
    return (
        f"a push to branch {branch} was under way, and may have arrived or not: "
        f"`git ls-remote {where} refs/heads/{branch}` {shows}"
    )


def classify_push(out: str, stderr: str, tried: str, where: str, secrets: tuple[str, ...] = ()) -> GitError:
    """The error of a failed `git push --porcelain` of one ref: by its status line, else by stderr."""
    line = next((line for line in out.splitlines() if line.startswith("!\t")), None)
    if line is None:
        error = classify(stderr, tried, where, secrets)
        if isinstance(error, AuthenticationFailed) and re.search(r"error: 403|Unauthorized", stderr):
            hint = "use a credential that may write to the repository"
            return PushRefused(tried, f"this credential may not push: {error.found}", hint, where)
        return error
    reason = _hidden(line.split("\t")[-1], secrets)
    said = "; ".join(remote_lines(_hidden(stderr, secrets)))
    found = f"{reason}: {said}" if said else reason
    # A hook may say anything: only git's own reasons, in the brackets, mean a lost race.
    if _RACE.search(reason):
        return StalePlan(tried, f"someone else pushed meanwhile: {reason}", "run again", where)
    hint = "push to another branch (--branch) and merge it by review, or have the host's rule changed"
    if re.search(r"No space left|unpacker error|unable to write", found):
        hint = "the Git host could not store the push: ask who runs it"
    return PushRefused(tried, f"the Git host refused the push: {found}", hint, where)


def remote_lines(stderr: str) -> list[str]:
    """What the server said, without the `remote:` in front, blank lines and its progress."""
    lines = (line.split("\r")[-1] for line in stderr.split("\n"))
    said = (line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:"))
    return [
        line
        for line in said
        if line and not re.match(r"(Counting|Compressing|Enumerating|Resolving|Total) ", line)
    ]


def _summary(stderr: str) -> str:
    """The lines that say something, server's first; at most four, each at most 300 characters."""
    said = remote_lines(stderr)
    skip = re.compile(r"remote:|warning:|hint:|$|Please make sure|and the repository exists|@@@|To |Pushing ")
    lines = [line.strip() for line in stderr.splitlines() if not skip.match(line.strip())]
    lines = [re.sub(r"^(fatal|error): ", "", line) for line in lines]
    if len(lines) > 1:
        lines = [line for line in lines if line != "Could not read from remote repository."]
    chosen = [line[:300] for line in dict.fromkeys([*said, *lines])][:4]
    return "; ".join(chosen) or "git said nothing"


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[hidden]")
    return text
