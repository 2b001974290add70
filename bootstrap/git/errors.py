"""git's failures as our errors: what a message on standard error, or a refused ref, means.

The wording is git's own under LC_ALL=C (and OpenSSH's and curl's, which git passes on); what the
server's hooks say is in lines that begin with `remote:` and is kept.
"""

from __future__ import annotations

import re

from bootstrap.core.errors import (
    AuthenticationFailed,
    GitError,
    GitUnreachable,
    PushRefused,
    RefLocked,
    RepositoryNotFound,
    StalePlan,
)
from bootstrap.git import refusals
from bootstrap.git.command import Answer

_TOKEN = "check the token and what it may do (GIT_TOKEN, --token-file), or the SSH key (--ssh-key)"  # noqa: S105
_NO_CREDENTIAL = (
    "give a token with GIT_TOKEN or --token-file (and --username if the host asks for a name),"
    " or configure a git credential helper"
)
_NETWORK = "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), then run again"
PAGE = "the host answered with a web page, not with Git's protocol"
_NO_PAGE = "check the URL and the proxy (HTTPS_PROXY, NO_PROXY); a host under maintenance may also do this"
_CERTIFICATE = "give the certificate of the host's CA with --ca-file; verification is never switched off"
_HOST_KEY = "add the host's key, checked against what the host publishes, to the known hosts file"
ROOM = "free disk space (df -h), or set TMPDIR to a folder that has some, then run again"

# The first pattern that matches decides; specific ones precede the general ones they appear with.
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
    (PAGE, GitUnreachable, _NO_PAGE),
    (r"could not read (Username|Password)|terminal prompts disabled", AuthenticationFailed, _NO_CREDENTIAL),
    (
        r"detected dubious ownership",
        GitError,
        "it belongs to another user; trust it with: git config --global --add safe.directory PATH",
    ),
    (
        r"error: 401|Authentication failed for|HTTP Basic: Access denied|Permission denied \("
        r"|Too many authentication failures|bad permissions|Load key",
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
        r"error: 30[12378]|[Rr]edirect",
        GitUnreachable,
        "redirects are not followed: give the URL that the host itself uses",
    ),
    (r"couldn't find remote ref", StalePlan, "the branch was deleted meanwhile; run again"),
    (
        r"gpg failed to sign|failed to write commit object|user\.signing[kK]ey|failed to sign",
        GitError,
        "check the signing key (git config user.signingKey, gpg.format), or omit --sign",
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

# What may succeed a moment later. Certificates and host keys are matched above and never do.
_BUSY = re.compile(
    r"error: (5\d\d|429|408)|HTTP (5\d\d|429|408)|HTTP code 5\d\d from proxy|Empty reply"
    r"|Connection (timed out|reset|closed|was reset|died)|[Tt]imed out|Timeout:|too slow|RPC failed|hung up"
    r"|early EOF|unexpected disconnect|kex_exchange_identification|Recv failure|Send failure|transfer closed"
    r"|Broken pipe|Internal [Ss]erver (Connection )?[Ee]rror|database is locked"
    r"|deadlock|[Tt]emporarily (unavailable|read-only|disabled)|[Tt]oo many (requests|connections)"
    r"|[Ss]ervice [Uu]navailable"
    r"|Internal API (unreachable|error)|(GitLab|Gitea|remote): (5\d\d|429)\b"
    r"|SSL_ERROR_SYSCALL|SSL_read|GnuTLS recv error"
    r"|bytes of body are still expected|unexpected EOF"
)
_DOWN = re.compile(
    r"Could not resolve|Temporary failure in name resolution|Failed to connect|Couldn't connect"
    r"|Connection refused|Network is unreachable|No route to host|Name or service not known"
)
_DENIED = re.compile(r"error: 401|Authentication failed for|HTTP Basic: Access denied|Permission denied \(")
_FOR_EVER = re.compile(
    r"SSL certificate|certificate verif|certificate subject|alternative certificate|local issuer"
    r"|error setting certificate|server certificate|Host key verification failed"
    r"|HOST IDENTIFICATION HAS CHANGED|host key is known|No space left on device"
    # The server gave a reason, and then hung up.
    r"|no commits selected|not our ref|does not allow request|does not support"
    r"|error in object|shallow|filter"
    r"|not found|couldn't find|does not appear to be a git|dubious ownership|Permission denied(?! \()"
)

_RACE = re.compile(
    r"non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|failed to lock"
    r"|reference already exists|incorrect old value|failed to update"
)


def transient_kind(stderr: str) -> str | None:
    """Whether another try may help: the host is "busy" or "down", or "denied" what it may accept later."""
    if PAGE in stderr:
        return "down"
    if _FOR_EVER.search(stderr):
        return None
    for name, pattern in (("denied", _DENIED), ("busy", _BUSY), ("down", _DOWN)):
        if pattern.search(stderr):
            return name
    return None


def classify(stderr: str, tried: str, where: str, secrets: tuple[str, ...] = ()) -> GitError:
    """The error that git's standard error means; a plain GitError when it is not recognized."""
    text = _hidden(stderr, secrets)
    found = summary(text)
    for pattern, kind, hint in _MEANINGS:
        if not re.search(pattern, text):
            continue
        if kind is GitUnreachable:
            return GitUnreachable(tried, found, hint, where, transient=hint in (_NETWORK, _NO_PAGE))
        if hint == _NO_CREDENTIAL:
            found = "the host asks for a credential, and none was given"
        if place := re.search(r"dubious ownership in repository at '([^']*)'", text):
            hint = hint.replace("PATH", place[1])
        return kind(tried, found, hint, where)
    return GitError(tried, found, "this is git's own message; run again with --verbose", where)


def under_way(branch: str | None, where: str, sha: str = "") -> str:
    """What to report about a push that was interrupted."""
    shows = f"shows {sha} if it did" if sha else "shows the tip"
    return (
        f"a push to branch {branch} was under way and may or may not have arrived: "
        f"`git ls-remote {where} refs/heads/{branch}` {shows}"
    )


def classify_push(out: str, stderr: str, tried: str, where: str, secrets: tuple[str, ...] = ()) -> GitError:
    """The error of a failed `git push --porcelain` of one ref: by its status line, else by stderr."""
    lines = [line for line in out.splitlines() if line.startswith("!\t")]
    if "does not support --atomic" in stderr:
        found = "the host does not support atomic pushes of several refs"
        return PushRefused(tried, found, refusals.hint_for(refusals.OTHER), where)
    if not lines:
        error = classify(stderr, tried, where, secrets)
        if isinstance(error, AuthenticationFailed) and re.search(r"error: 403|Unauthorized", stderr):
            hint, reason = refusals.hint_for(refusals.RIGHT), refusals.RIGHT
            if refusals.reason_of(error.found) == refusals.ARCHIVED:
                hint, reason = refusals.hint_for(refusals.ARCHIVED), refusals.ARCHIVED
            found = f"this credential may not push: {error.found}"
            return PushRefused(tried, found, hint, where, reason=reason)
        return error
    # Of several refs, those that are fine fail together with the one that is not: its line says why.
    line = next((line for line in lines if "atomic" not in line.split("\t")[-1]), lines[0])
    reason = _hidden(line.split("\t")[-1], secrets)
    said = "; ".join(remote_lines(_hidden(stderr, secrets)))
    found = f"{reason}: {said}" if said else reason
    # A hook may print anything: only git's own reasons, in the brackets, mean a lost race.
    if lock := re.search(r"Unable to create '([^']*\.lock)': File exists", f"{reason}; {said}"):
        hint = f"ask the host's operators: if nobody is pushing, remove {lock[1].replace('/./', '/')}"
        return RefLocked(tried, f"the host could not lock the branch: {found}", hint, where)
    # Of several refs, one was changed or deleted by somebody else just before.
    raced = "atomic transaction failed" in reason and re.search(r"cannot lock ref '[^']+': ", said)
    if raced or _RACE.search(reason):
        return StalePlan(tried, f"someone else pushed meanwhile: {reason}", "run again", where)
    why = refusals.reason_of(found)
    if why == refusals.OTHER and _BUSY.search(found):
        hint = "the host has a problem: run again later, or ask its operators"
        return GitUnreachable(tried, f"the Git host could not accept the push: {found}", hint, where)
    found = f"the Git host refused the push: {found}"
    return PushRefused(tried, found, refusals.hint_for(why), where, reason=why)


def counted(error: GitError, answer: Answer) -> GitError:
    """The same error, with how often and for how long it was tried, and how long the host asks to wait."""
    asked = answer.wire.patience
    if answer.tries > 1:
        error.found += f" ({answer.tries} tries in {answer.seconds:.0f} s)"
        error.args = (f"{error.tried}: {error.found}",)
    if isinstance(error, GitUnreachable) and asked:
        error.patience = asked
        error.hint = f"the host asks clients to wait: run again after {asked:.0f} s"
    return error


def remote_lines(stderr: str) -> list[str]:
    """What the server said, without the `remote:` in front, blank lines and its progress."""
    lines = (line.split("\r")[-1] for line in stderr.split("\n"))
    said = (line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:"))
    return [
        line
        for line in said
        if line and not re.match(r"(Counting|Compressing|Enumerating|Resolving|Total) ", line)
    ]


def summary(stderr: str) -> str:
    """The informative lines, the server's first; at most four, each at most 300 characters."""
    said = remote_lines(stderr)
    skip = re.compile(r"remote:|warning:|hint:|$|Please make sure|and the repository exists|@@@|To |Pushing ")
    lines = [line.strip() for line in stderr.splitlines() if not skip.match(line.strip())]
    lines = [re.sub(r"^(fatal|error): ", "", line) for line in lines]
    if len(lines) > 1:
        lines = [line for line in lines if line != "Could not read from remote repository."]
    chosen = [line[:300] for line in dict.fromkeys([*said, *lines])][:4]
    return "; ".join(chosen) or "git printed no message"


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[hidden]")
    return text
