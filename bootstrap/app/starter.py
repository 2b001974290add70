"""The templates of new apps, shipped as valid manifests: an image, a chart, a Git repository."""

from __future__ import annotations

import re
from pathlib import Path

from bootstrap.yamledit import edit

NAME, ENVIRONMENT = "starter", "dev"
"""The names of the shipped apps and their one environment."""

_ROOT = Path(__file__).parent / "starters"
_FOLDERS = {"image": "app", "chart": "chart", "git": "git"}
_NOTE = re.compile(rb"\A# bootstrap: ignore-file=.*\n")
"""The comment by which `bootstrap validate` skips the template itself."""
_OF_ENVIRONMENT = ("overlays/", "applications/")


def files(kind: str, app: str, environments: tuple[str, ...], prefix: str) -> dict[str, bytes]:
    """A starter under another name, in these environments: path from the repository's root → content."""
    root = _ROOT / _FOLDERS[kind]
    found: dict[str, bytes] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        inner = path.relative_to(root).as_posix()
        mine = environments if inner.startswith(_OF_ENVIRONMENT) else (ENVIRONMENT,)
        for environment in mine:
            to = inner.replace(f"/{ENVIRONMENT}/", f"/{environment}/").replace(NAME, app)
            content = _NOTE.sub(b"", path.read_bytes(), count=1)
            found[f"{prefix}apps/{app}/{to}"] = _renamed(content, inner, app, environment, prefix)
    return found


def _renamed(content: bytes, where: str, app: str, environment: str, prefix: str) -> bytes:
    def new(value: str) -> str:
        value = re.sub(rf"\bapps/{NAME}\b", f"{prefix}apps/{app}", value)
        for folder in _OF_ENVIRONMENT:
            value = value.replace(f"{folder}{ENVIRONMENT}", f"{folder}{environment}")
        value = re.sub(rf"\b{NAME}-{ENVIRONMENT}\b", f"{app}-{environment}", value)
        return re.sub(rf"\b{NAME}\b", app, value)

    return edit.rename(content, new, where)
