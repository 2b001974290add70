"""What `bootstrap ci comment` does: a Markdown text as the one comment of a pull request, kept up to date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.numbers import whole
from bootstrap.core.output import Output

LIMIT = 60_000
"""Maximum bytes of a comment; GitHub accepts 65,536 characters."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9 .-]{0,38}[a-z0-9])?")
_REFERENCE = re.compile(r"refs/(?:pull|merge-requests)/(\d+)/")
_DETAILS = re.compile(r"^<details><summary>(.*?)</summary>\n.*?^</details>\n", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_GIVE = "give it: a CI system other than GitHub's, Gitea's, Forgejo's and GitLab's does not say"


@dataclass(frozen=True)
class Asked:
    """The options, as given. `text` is the Markdown; for what is None, the CI system's variables are read."""

    text: str
    name: str = "diff"
    repo: str | None = None
    number: int | None = None
    link: str | None = None
    timeout: float = 60.0
    username: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    ssh_key: None = None
    known_hosts: None = None


def comment(asked: Asked, output: Output, *, dry_run: bool) -> int:
    """Write or update the comment, or print its text alone."""
    if not _NAME.fullmatch(asked.name):
        hint = "use up to 40 lower-case letters, digits, dots, dashes and spaces"
        raise InputError("reading --name", f"{asked.name!r} cannot be a comment's name", hint)
    environ = output.invocation.environ
    mark = f"<!-- bootstrap {asked.name} -->"
    body = fitted(asked.text, mark, asked.link or link_of(environ))
    if dry_run:
        output.result({"body": body}, body)
        return ExitStatus.OK
    from bootstrap import providers
    from bootstrap.git import credential

    repo = asked.repo or repository_of(environ)
    number = asked.number or number_of(environ)
    if repo is None or number is None:
        option = "--number" if repo else "--repo"
        raise InputError(f"reading {option}", "the option is missing", _GIVE)
    known = credential.read(asked, output.invocation, repo)
    provider = providers.get(repo, known, output.invocation, asked.timeout)
    made = provider.comment(repo, number, mark, body)
    same = "the comment is up to date"
    words = {"created": "wrote the comment", "updated": "updated the comment", "same": same}
    shown = f"{words[made.change]}{f': {made.url}' if made.url else ''}"
    output.result({"change": made.change, "url": made.url or None}, shown)
    return ExitStatus.OK


def repository_of(environ: Mapping[str, str]) -> str | None:
    """The repository that the pull request goes to, according to a CI system's variables."""
    server, name = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    if server and name:
        return f"{server.rstrip('/')}/{name}"
    return environ.get("CI_MERGE_REQUEST_PROJECT_URL") or None


def number_of(environ: Mapping[str, str]) -> int | None:
    """The pull request's number, according to a CI system's variables."""
    if found := _REFERENCE.match(environ.get("GITHUB_REF", "")):
        return int(found[1])
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    return whole(number)


def link_of(environ: Mapping[str, str]) -> str | None:
    """The address of this run's page, according to a CI system's variables."""
    repository, run = repository_of(environ), environ.get("GITHUB_RUN_ID")
    if run and repository:
        # Forgejo, and Gitea before 1.26, have a run's number in the address of its page.
        return f"{repository}/actions/runs/{run}"
    return environ.get("CI_JOB_URL") or None


def fitted(text: str, mark: str, link: str | None, limit: int = LIMIT) -> str:
    """The comment: the mark, and as much of the text as a comment may have.

    Folded blocks are replaced by their titles, the last ones first. If that is not enough, the text is cut
    where no block is open, so that the rest of it is displayed correctly. `link` leads to all of it.
    """
    text = text.strip("\n")
    whole = text if text.startswith(mark) else f"{mark}\n{text}"
    if len(whole.encode()) <= limit:
        return f"{whole}\n"
    rest = f"[this run]({link})" if link else "the run"
    note = f"\n\n**Too long for a comment.** All of it is in {rest}.\n"
    left = limit - len(note.encode())
    whole = _folded(f"{whole}\n", len(whole.encode()) + 1 - left)
    return whole[: _end(whole, left)].rstrip("\n") + note


def _folded(text: str, surplus: int) -> str:
    """The text without the content of its last `<details>`, as many of them as save `surplus` bytes."""
    parts = [found.span() for found in _DETAILS.finditer(text)]
    for start, end in reversed(parts):
        if surplus <= 0:
            break
        block = text[start:end]
        title = f"- {_DETAILS.fullmatch(block)[1]}\n"  # type: ignore[index]  # it was found by it
        text = text[:start] + title + text[end:]
        surplus -= len(block.encode()) - len(title.encode())
    return text


def _end(text: str, limit: int) -> int:
    """The index after the last line that fits and leaves neither a code block nor `<details>` open."""
    size = index = end = depth = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        size += len(line.encode())
        index += len(line)
        if size > limit:
            break
        found = _FENCE.match(line)
        if fence:
            closes = found is not None and found[1].startswith(fence) and not found[2].strip()
            fence = "" if closes else fence
        elif found:
            fence = found[1]
        else:
            depth += line.count("<details") - line.count("</details>")
        if not fence and depth <= 0:
            end = index
    return end
