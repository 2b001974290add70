"""The expected failures, and the exit status of each kind (docs/exit-codes.md).

Every error says what was tried, what was found and what to do next. Anything that is not a
`BootstrapError` is a bug: `main` writes its traceback to a log file and shows the path.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The process's exit status: stable, documented, one for each outcome."""

    OK = 0
    NO = 1
    INPUT = 2
    REFUSED = 3
    GIT = 4
    CLUSTER = 5
    DOWNLOAD = 6
    NOT_READY = 7
    SANDBOX = 8
    CHANGED = 9
    OUTPUT = 10
    HOST = 11
    BUG = 70
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class BootstrapError(Exception):
    """An expected failure.

    `tried`, `found` and `hint` are one sentence or fragment each, without a final full stop;
    `where` is `file:line:column`, an object's name or a URL without credentials.
    """

    exit_status = ExitStatus.BUG

    def __init__(self, tried: str, found: str, hint: str, where: str | None = None) -> None:
        super().__init__(f"{tried}: {found}")
        self.tried = tried
        self.found = found
        self.hint = hint
        self.where = where


class InputError(BootstrapError):
    """An option, a settings file or a manifest is wrong."""

    exit_status = ExitStatus.INPUT


class RefusedError(BootstrapError):
    """Preflight found something that blocks the run; nothing was written."""

    exit_status = ExitStatus.REFUSED


class GitError(BootstrapError):
    """git or the Git host did not do what was asked."""

    exit_status = ExitStatus.GIT


class GitUnreachable(GitError):
    """The Git host does not answer, or its certificate or host key is not trusted.

    `transient`: it may answer later (exit status 11, not 4). `patience` is how many seconds it asks to wait.
    """

    exit_status = ExitStatus.HOST

    def __init__(
        self,
        tried: str,
        found: str,
        hint: str,
        where: str | None = None,
        *,
        transient: bool = True,
        patience: float = 0.0,
    ) -> None:
        super().__init__(tried, found, hint, where)
        self.is_transient = transient
        self.patience = patience
        if not transient:
            self.exit_status = ExitStatus.GIT


class RepositoryNotFound(GitError):
    """The Git host answers, and has no such repository (or hides it from this credential)."""


class AuthenticationFailed(GitError):
    """The Git host refused the credential."""


class PushRefused(GitError):
    """The Git host refused the push for good: a protected branch, a hook, a missing permission.

    `reason` is one of those in git/refusals.py: by it, a command knows which of its options would help.
    """

    def __init__(
        self, tried: str, found: str, hint: str, where: str | None = None, *, reason: str = "other"
    ) -> None:
        super().__init__(tried, found, hint, where)
        self.reason = reason


class StalePlan(GitError):
    """The branch moved between reading and pushing: observe and plan again."""


class RefLocked(StalePlan):
    """The host could not lock the branch: another push holds it, or one that was killed left its lock."""


class ProviderError(GitError):
    """The Git host's API refused the request."""


class ProviderBusy(GitUnreachable, ProviderError):
    """The Git host's API is failing, or asks clients to wait: the same request may work later."""


class ClusterError(BootstrapError):
    """The API server did not do what was asked."""

    exit_status = ExitStatus.CLUSTER


class ClusterUnreachable(ClusterError):
    """The API server does not answer, or its certificate is not trusted."""


class ApiError(ClusterError):
    """The API server answered with a Status; `code` is its HTTP code, `reason` its reason."""

    def __init__(
        self,
        tried: str,
        found: str,
        hint: str,
        where: str | None = None,
        *,
        code: int = 0,
        reason: str = "",
    ) -> None:
        super().__init__(tried, found, hint, where)
        self.code = code
        self.reason = reason


class Forbidden(ApiError):
    """The credential lacks a permission (403), or is not accepted at all (401)."""


class Invalid(ApiError):
    """The API server refused the object (400, 422)."""


class NotFound(ApiError):
    """The object or its kind does not exist (404)."""


class Conflict(ApiError):
    """Something else has changed the object (409), or has its name."""


class FieldsOwned(Conflict):
    """Other field managers own fields that would be set: `fields` pairs field and manager.

    The API server did what it was asked to, and the next turn is the user's: as any refusal.
    """

    exit_status = ExitStatus.REFUSED
    fields: tuple[tuple[str, str], ...] = ()


class DownloadError(BootstrapError):
    """A file could not be downloaded, or is not the one whose checksum is pinned."""

    exit_status = ExitStatus.DOWNLOAD


class DownloadUnavailable(DownloadError):
    """Not available from this source: unreachable, missing, refused. Another source may be tried."""


class ChecksumDiffers(DownloadError):
    """The downloaded file does not have the expected checksum. No other source is tried."""


class NotReadyError(BootstrapError):
    """Applied, but not Synced and Healthy in time, or unable to become so."""

    exit_status = ExitStatus.NOT_READY


class SandboxError(BootstrapError):
    """A program of the sandbox could not be built, started or kept running."""

    exit_status = ExitStatus.SANDBOX


class ChangedError(BootstrapError):
    """A value differs from the expected one: someone else changed it. Nothing was written."""

    exit_status = ExitStatus.CHANGED


class OutputError(BootstrapError):
    """The run's output could not be written: the disk behind standard output is full, for example."""

    exit_status = ExitStatus.OUTPUT


class RegistryError(DownloadError):
    """A registry could not be reached, refused the request, or does not have the image."""
