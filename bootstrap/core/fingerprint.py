"""The program's own source as a cache key: a cached result was computed by exactly this code."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

_ROOT = Path(__file__).parents[1]


@functools.cache
def fingerprint(*packages: str) -> str:
    """A hash of all source and data files of the packages, such as "validate": any edit changes it."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.suffix in (".py", ".json"):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(_ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
