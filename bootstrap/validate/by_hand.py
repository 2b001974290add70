"""What a repository's scripts and Terraform create besides its manifests: no Application applies it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cached_property

from bootstrap.repository.files import Files

_SCRIPTS = re.compile(
    r"\.(?:sh|bash|zsh|ps1|py|mk|tf|tofu|hcl|bicep)$|(?:^|/)(?:Makefile|[Jj]ustfile|\.?Taskfile\.ya?ml)$"
    r"|(?:^|/)\.github/workflows/[^/]+$"
)
_PAGES = re.compile(r"\.(?:md|mdx|adoc|rst|txt)$")
_MAKING = re.compile(
    r"\bcreate\s+(?:secret|configmap|cm|serviceaccount|sa|service|pvc|priorityclass|role|clusterrole|-f)\b|\bkubeseal\b"
    r"|\bkubernetes_(?:secret|config_map|service_account|service|manifest|persistent|storage|role|cluster)\w*"
    r"|\bkubectl\b[^\n;|&]*\sapply\b|^\s*kind:\s*(?:Secret|ConfigMap|ServiceAccount|Service|(?:Cluster)?Issuer)\b",
    re.MULTILINE,
)
_COMMAND = re.compile(r"\b(?:create|kubeseal)\b")
_RELEASE = re.compile(r"\bhelm\s+(?:upgrade|install)\b([^\n;|&]*)")
_POSTGRES, _OF_POSTGRES = "postgresql.cnpg.io", ("-app", "-superuser")
"""CloudNativePG's group, and how the names of the Secrets of its Clusters end."""
_MOST = 2_000_000
"""Bytes of a file that are read: no script is longer."""


class ByHand:
    """The scripts of one repository, read the first time that something is missing."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def maker(self, kind: str, name: str) -> str:
        """Where something outside the manifests creates an object of that name: file:line, or ""."""
        token = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)")
        for path, text in self._making:
            for match in token.finditer(text):
                line = text.count("\n", 0, match.start())
                if not _PAGES.search(path) or _COMMAND.search(_whole_line(text, match.start())):
                    return f"{path}:{line + 1}"
        if kind == "Secret" and name.endswith(_OF_POSTGRES):
            for path, text in self._texts:
                if _POSTGRES in text and not _PAGES.search(path):
                    return f"{path}:{text.count(chr(10), 0, text.index(_POSTGRES)) + 1}"
        if kind == "Service":
            for path, line, release in self._releases:
                if name == release or name.startswith(f"{release}-"):
                    return f"{path}:{line}"
        return ""

    @cached_property
    def _texts(self) -> list[tuple[str, str]]:
        return list(self._read())

    def _read(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._files.stats):
            if not (_SCRIPTS.search(path) or _PAGES.search(path)) or self._files.stats[path][0] > _MOST:
                continue
            if posixpath.basename(path).lower().startswith("changelog"):
                continue
            yield path, self._files.read(path).decode("utf-8", "replace")

    @cached_property
    def _making(self) -> list[tuple[str, str]]:
        return [(path, text) for path, text in self._texts if _MAKING.search(text)]

    @cached_property
    def _releases(self) -> list[tuple[str, int, str]]:
        return [
            (path, text.count("\n", 0, match.start()) + 1, word)
            for path, text in self._texts
            for match in _RELEASE.finditer(text)
            for word in re.findall(r"(?<=\s)[a-z][a-z0-9-]*(?=\s|$)", match[1])
        ]


def _whole_line(text: str, at: int) -> str:
    """The line around a place, with the lines that backslashes join to it."""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    while start > 1 and text[:start].rstrip("\n").endswith("\\"):
        start = text.rfind("\n", 0, start - 1) + 1
    return text[start : end if end >= 0 else len(text)]
