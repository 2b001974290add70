"""Gives kwok and metrics-server Kubernetes' versions of the libraries that they share with it.

    python ci/shared_libraries.py

Go compiles a library once for each of its versions: with the same ones, hundreds of packages of a sandbox are
compiled once instead of three times. Run it after a new pin of one of the three (`go` must be on PATH).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MODULES = Path(__file__).parents[1] / "bootstrap" / "programs" / "modules"
KUBERNETES, SHARING = "kubernetes", ("kwok", "metrics-server")
_REQUIRED = re.compile(r"(?m)^\s*(?:require )?([\w./~-]+) (v\S+)(?: // indirect)?$")
_REPLACED = re.compile(r"(?m)^\s*(?:replace )?([\w./~-]+) => [\w./~-]+ (v\S+)$")
_REPLACEMENTS = re.compile(r"(?ms)^replace (?:\(\n.*?^\)\n|[^(\n]+\n)\n*")


def main() -> None:
    wanted = versions(text_of(KUBERNETES))
    for name in SHARING:
        file = MODULES / name / "go.mod"
        file.write_text(aligned(text_of(name), wanted), encoding="utf-8")
        subprocess.run(("go", "mod", "tidy"), cwd=file.parent, check=True)


def text_of(name: str) -> str:
    """A shipped module's go.mod."""
    return (MODULES / name / "go.mod").read_text(encoding="utf-8")


def versions(text: str) -> dict[str, str]:
    """The version of each library that a go.mod names, as it is built."""
    return {**dict(_REQUIRED.findall(text)), **dict(_REPLACED.findall(text))}


def aligned(text: str, wanted: dict[str, str]) -> str:
    """A go.mod that replaces what it requires in another version than the wanted one."""
    plain = _REPLACEMENTS.sub("", text).rstrip("\n") + "\n"
    required = versions(plain)
    lines = [
        f"\t{path} => {path} {wanted[path]}\n"
        for path in sorted(required.keys() & wanted.keys())
        if required[path] != wanted[path]
    ]
    return f"{plain}\nreplace (\n{''.join(lines)})\n" if lines else plain


if __name__ == "__main__":
    main()
