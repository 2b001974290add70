"""Pure: the repositories that a cluster's AppProjects permit, while the cluster moves from one to another.

Both URLs are permitted until nothing reads the old one any more: the Applications below the root name it
until their wave comes, and Argo CD would call them invalid meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.git.urls import same_address
from bootstrap.manifests.reader import documents
from bootstrap.yamledit import edit

SOURCES = "sourceRepos"

Files = Mapping[str, bytes]


def with_old(old: str, path: str, before: Files, tree: Files) -> Files:
    """The tree, with the old URL next to the new one in the projects that had it before; "" for none."""
    if not old or path not in before or path not in tree:
        return tree
    content = tree[path]
    had = {name for name, listed in _projects(before[path], path).values() if _spelled(listed, old)}
    for number, (name, listed) in _projects(content, path).items():
        if name in had and not _spelled(listed, old):
            content = edit.add_text(content, (number, "spec", SOURCES), old, path)
    return {**tree, path: content}


def without(content: bytes, path: str, old: str) -> bytes:
    """The file in which no project permits the old URL, in whatever spelling."""
    for number, (_, listed) in _projects(content, path).items():
        for one in _spelled(listed, old):
            content = edit.drop_text(content, (number, "spec", SOURCES), one, path)
    return content


def permits(project: Mapping[str, Any], url: str) -> bool:
    """Whether an AppProject lists the repository, in whatever spelling; patterns are not read."""
    return bool(_spelled(_listed(project), url))


def _projects(content: bytes, path: str) -> dict[int, tuple[str, list[str]]]:
    """Number of the document → the project's name and its sources."""
    found = enumerate(documents(content, path))
    return {
        number: (str(one["metadata"]["name"]), _listed(one))
        for number, one in found
        if one.get("kind") == "AppProject"
    }


def _listed(project: Mapping[str, Any]) -> list[str]:
    return [str(url) for url in (project.get("spec") or {}).get(SOURCES) or ()]


def _spelled(listed: list[str], url: str) -> list[str]:
    return [one for one in listed if same_address(one, url)]
