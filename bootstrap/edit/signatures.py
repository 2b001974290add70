"""Whose signature Argo CD requires of the commits of a repository, and that ours have one.

`init --signed-by` records the keys in `bootstrap.yaml`; a person may also have written them into an
AppProject. An unsigned commit would stop every sync of such a repository, so none is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.core.errors import RefusedError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.git import identity, urls
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.manifests import reader

_LAYOUT = re.compile(r"(?:^|/)(?:apps|clusters|infrastructure)/")
_SHOWN = 3


@dataclass(frozen=True)
class Required:
    """The IDs of the keys, one of which must sign a commit, and the file that says so."""

    keys: tuple[str, ...]
    file: str


def check(
    branch: Branch,
    changes: Sequence[FileChange],
    output: Output,
    *,
    sign: bool,
    by_host: bool = False,
    projects: bool = True,
) -> None:
    """RefusedError if a commit with these changes must be signed and would not be.

    `by_host`: the Git host makes it, with a signature of its own. `projects`: also read the AppProjects of
    the layout's clusters, which may take a fetch.
    """
    found = required(branch, changes, projects=projects)
    if found is None:
        if not (projects or sign):
            output.detail(f"{RECORD} asks for no signature; the AppProjects, which may ask, were not read")
        return
    if by_host:
        output.warn(f"the host makes this commit, and Argo CD accepts only {_by(found)}")
        return
    refused = problem(found.keys, sign, lambda: identity.signature_format(output.invocation))
    if refused:
        raise RefusedError("making the commit", f"{refused[0]} ({found.file})", refused[1], branch.shown)


def problem(keys: Sequence[str], sign: bool, form: Callable[[], str]) -> tuple[str, str] | None:
    """What is wrong with commits of this run where Argo CD requires these keys, and the fix."""
    if not keys:
        return None
    if not sign:
        found = "Argo CD accepts only signed commits here, and this run would push unsigned ones"
        return found, "add --sign"
    if (used := form()) != "openpgp":
        found = f"Argo CD checks OpenPGP signatures, and git is configured to sign by {used}"
        return found, "git config gpg.format openpgp, and user.signingKey"
    return None


def required(branch: Branch, changes: Sequence[FileChange], *, projects: bool = True) -> Required | None:
    """What the layouts that the changes belong to require once they are made; None: no signature."""
    new = {change.path: change.content for change in changes}
    for prefix in dict.fromkeys(("", *(_prefix(path) for path in new))):
        record = f"{prefix}{RECORD}"
        content = new[record] if record in new else branch.read_alone(record)
        if keys := tuple(of_record(content or b"")):
            return Required(keys, record)
        for path in _project_files(branch, prefix, new) if projects else ():
            content = new[path] if path in new else branch.read(path)
            if keys := tuple(dict.fromkeys(_of_projects(content or b"", branch.shown))):
                return Required(keys, path)
    return None


def _prefix(path: str) -> str:
    """The layout's folder that a file belongs to, with a slash at its end; "" for the repository's root."""
    found = _LAYOUT.search(path)
    return path[: found.start()] + "/" if found and found.start() else ""


def _project_files(branch: Branch, prefix: str, new: Mapping[str, bytes | None]) -> Iterator[str]:
    names = [*branch.under(f"{prefix}clusters"), *new]
    yield from sorted({path for path in names if path.endswith("/projects.yaml")})


def in_files(files: Mapping[str, bytes], prefix: str, url: str) -> tuple[str, ...]:
    """The keys that the AppProjects of a layout below `prefix`, whose files were read, require of it.

    It is known by `url`, which may be that of a work tree, and by what the clusters' settings call it.
    """
    inside = {path: text for path, text in sorted(files.items()) if path.startswith(f"{prefix}clusters/")}
    urls_of_it = {url}
    for path, text in inside.items():
        if path.endswith("/settings.yaml"):
            for document in reader.parse(text).documents:
                urls_of_it.add(str(_mapping(_mapping(document.value).get("data")).get("repoURL", url)))
    projects = [text for path, text in inside.items() if path.endswith("/projects.yaml")]
    found = [key for text in projects for known in urls_of_it for key in _of_projects(text, known)]
    return tuple(dict.fromkeys(found))


def of_record(content: bytes) -> Iterator[str]:
    """The keys that `bootstrap.yaml` requires."""
    for document in reader.parse(content).documents:
        yield from _texts(_mapping(_mapping(document.value).get("argocd")).get("signedBy"))


def _of_projects(content: bytes, url: str) -> Iterator[str]:
    """Of AppProjects: `sourceIntegrity` for this repository, and the older `signatureKeys` for all."""
    for document in reader.parse(content).documents:
        body = _mapping(document.value)
        if body.get("kind") != "AppProject":
            continue
        spec = _mapping(body.get("spec"))
        for key in _listed(spec.get("signatureKeys")):
            yield from _texts([_mapping(key).get("keyID")])
        for policy in _listed(_mapping(_mapping(spec.get("sourceIntegrity")).get("git")).get("policies")):
            gpg = _mapping(_mapping(policy).get("gpg"))
            named = [str(_mapping(one).get("url", "")) for one in _listed(_mapping(policy).get("repos"))]
            if gpg.get("mode") != "none" and any(_is(url, one) for one in named):
                yield from _texts(gpg.get("keys"))


def _is(url: str, pattern: str) -> bool:
    return urls.same_repository(url, pattern) or fnmatchcase(url, pattern)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _texts(value: Any) -> Iterable[str]:
    return [str(one) for one in _listed(value) if isinstance(one, str | int) and str(one)]


def _by(found: Required) -> str:
    more = len(found.keys) - _SHOWN
    shown = ", ".join(found.keys[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"commits that one of its keys signed: {shown} ({found.file})"
