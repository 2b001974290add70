"""What `bootstrap ci init` does: read what exists, write what is missing, keep and show what differs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bootstrap.ci import github, gitlab, loops, request
from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.edit.worktree import WorkTree, locate
from bootstrap.git.changes import FileChange
from bootstrap.git.revisions import default_branch, origin_url
from bootstrap.git.urls import same_repository
from bootstrap.layout.settings import parse_record

Provider = Literal["github", "gitlab"]
Change = Literal["create", "keep", "none"]


@dataclass(frozen=True)
class Asked:
    """The options, as given; `folders` and `entries` are by service name.

    `app` None: the folder's name; `branch` None: the repository's main one.
    """

    path: str
    provider: Provider
    gitops: bool
    tool: str
    branch: str | None = None
    app: str | None = None
    environment: str = "dev"
    folders: Mapping[str, str] | None = None
    entries: Mapping[str, str] | None = None
    registries: Sequence[str] = ()
    gitops_repository: str | None = None
    fetch_charts: bool = False


@dataclass(frozen=True)
class File:
    """A file as it is (None: missing) and as it would be laid out."""

    path: str
    there: bytes | None
    wanted: bytes

    @property
    def change(self) -> Change:
        if self.there is None:
            return "create"
        return "none" if self.there == self.wanted else "keep"

    def diff(self) -> str:
        """The difference between the existing file and what would be laid out."""
        there, wanted = (
            (text or b"").decode("utf-8", "replace").splitlines() for text in (self.there, self.wanted)
        )
        names = (self.path, f"{self.path} (as it would be laid out)")
        return "\n".join(difflib.unified_diff(there, wanted, *names, lineterm=""))


def lay_out(asked: Asked, output: Output, *, dry_run: bool) -> int:
    """Write the files; the status is 1 for a dry run that would write one, or if a differing one was kept."""
    root, _ = locate(asked.path, Path.cwd())
    tree = WorkTree(root)
    tool = request.check_tool(asked.provider, asked.tool)
    branch = request.check_branch(asked.branch or _branch(root, asked, output))
    maker = github if asked.provider == "github" else gitlab
    app = None
    if asked.gitops:
        wanted = maker.gitops_files(request.Gitops(branch, tool, asked.fetch_charts))
    else:
        app = _app(asked, root, branch, tool, output)
        wanted = maker.app_files(app)
    if not request.is_pinned(asked.provider, tool):
        by = "a commit" if asked.provider == "github" else "its digest"
        output.warn(f"{tool} can be replaced by its owner, and gets a token: pin it by {by}")
    with tree.locked(output.info):
        files = [File(path, _read(tree, path), content) for path, content in wanted.items()]
        new = [FileChange(file.path, file.wanted) for file in files if file.change == "create"]
        if not dry_run:
            tree.write(new)
    return _show(files, maker.todo(app), output, dry_run)


def _branch(root: Path, asked: Asked, output: Output) -> str:
    """The branch that Argo CD follows, according to the layout; else the repository's default one."""
    record = root / RECORD
    if asked.gitops and record.is_file():
        clusters = parse_record(record.read_bytes(), RECORD).clusters.values()
        followed = {str(one["revision"]) for one in clusters if one.get("revision")}
        if len(followed) == 1:
            return followed.pop()
    return default_branch(root, output.invocation) or "main"


def _app(asked: Asked, root: Path, branch: str, tool: str, output: Output) -> request.App:
    if (root / "clusters").is_dir() and (root / RECORD).is_file():
        hint = "give --gitops, or the application's repository as PATH"
        raise InputError("laying out CI of an application", "this is a GitOps repository", hint, str(root))
    if asked.gitops_repository is None:
        raise InputError(
            "reading --gitops-repo",
            "the option is missing",
            "give the URL of the repository that the images are written to",
        )
    app = request.check_word("--app", asked.app or root.resolve().name.lower())
    folders = dict(asked.folders or {}) or _found(root, app)
    for name, folder in folders.items():
        if not (root / folder / "Dockerfile").is_file():
            hint = "give --service NAME=FOLDER with the folder of its Dockerfile"
            raise InputError(f"checking the service {name}", f"{folder} has no Dockerfile", hint, str(root))
    registries = [request.check_registry(one) for one in asked.registries]
    if not registries:
        default = request.default_registry(asked.provider, origin_url(root, output.invocation))
        if default is None:
            hint = "give --registry HOST/NAMESPACE, such as ghcr.io/org"
            raise InputError(
                "finding the registry", "the remote 'origin' does not imply one", hint, str(root)
            )
        registries = [request.check_registry(default)]
    services = request.services(folders, app, list(dict.fromkeys(registries)), asked.entries or {})
    return request.App(
        app,
        request.check_word("--env", asked.environment),
        _without_loops(services, asked, app, root, output),
        request.check_repository(asked.gitops_repository),
        branch,
        tool,
    )


def _found(root: Path, app: str) -> dict[str, str]:
    """The services by their Dockerfiles: in the root folder, or in a folder named after the service.

    Hidden folders hold tools, such as `.devcontainer`.
    """
    if (root / "Dockerfile").is_file():
        return {app: "."}
    folders = [path.parent.name for path in sorted(root.glob("*/Dockerfile"))]
    found = [folder for folder in folders if not folder.startswith(".")]
    if not found:
        hint = "give --service NAME=FOLDER, once per service"
        raise InputError(
            "looking for services", "no Dockerfile in the root folder or one folder below", hint, str(root)
        )
    return request.named(found)


def _without_loops(
    services: tuple[request.Service, ...], asked: Asked, app: str, root: Path, output: Output
) -> tuple[request.Service, ...]:
    """The services; in a repository that a bump writes to, what it writes is left out of their paths."""
    paths = list(WorkTree(root).under(""))
    folders = loops.written(paths, app)
    remote = origin_url(root, output.invocation)
    here = any(path.startswith(f"{folder}/") for folder in folders for path in paths)
    if not (same_repository(asked.gitops_repository or "", remote) if remote else here):
        return services
    return tuple(
        replace(service, left_out=tuple(loops.left_out(service, folders, paths, asked.provider)))
        for service in services
    )


def _read(tree: WorkTree, path: str) -> bytes | None:
    content = tree.read(path)
    if content is None and (tree.root / path).is_symlink():
        raise InputError(f"reading {path}", "it is a symbolic link", "put a plain file in its place", path)
    return content


def _show(files: Sequence[File], todo: Sequence[str], output: Output, dry_run: bool) -> int:
    new = [file for file in files if file.change == "create"]
    kept = [file for file in files if file.change == "keep"]
    data = {
        "changed": bool(new) and not dry_run,
        "files": [
            {"path": file.path, "change": file.change, "diff": file.diff() if file.change == "keep" else None}
            for file in files
        ],
        "todo": list(todo),
    }
    lines = []
    for file in new:
        lines.append(f"{'would write' if dry_run else 'wrote'} {file.path}")
    for file in kept:
        lines += [f"kept {file.path}, which differs from what would be laid out:", file.diff()]
    if not new and not kept:
        lines.append("nothing to do: every file exists")
    if new:
        lines += ["", "to do:", *(f"- {item}" for item in todo)]
    output.result(data, "\n".join(lines))
    return ExitStatus.NO if kept or (new and dry_run) else ExitStatus.OK
