"""The programs a sandbox runs, by process, and the folder that offers some of them on PATH."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.sandbox.files import private_folder, write_if_changed
from bootstrap.sandbox.node import layout

OF_AGENT = ("argocd", "helm", "kustomize")
"""The programs of the Argo CD processes, and those that they call."""
OFFERED = ("kustomize", "helm", "argocd", "kubectl")
"""What `shell-env` puts on PATH; the machine's own kubectl, of whatever version, will do."""

VERIFY_WRAPPER = """\
#!/bin/sh
# Argo CD asks for a commit's or tag's signature by this name. Unsigned is an answer, not a failure.
if git describe --exact-match "$1" >/dev/null 2>&1; then kind=tag; else kind=commit; fi
output=$(git "verify-$kind" "$1" 2>&1)
code=$?
case "$code:$kind:$output" in
  1:tag:error:*) output= code=0 ;;
  1:*) code=0 ;;
esac
printf '%s\\n' "$output"
exit "$code"
"""
GPG_WRAPPER = """\
#!/bin/sh
# Argo CD asks gpg about its keys by this name, and reads the answer: a missing one is not a failure.
gpg "$@" 2>&1
exit 0
"""


@dataclass(frozen=True)
class Programs:
    """Paths by name, and the folder of the files that Gitea needs."""

    paths: Mapping[str, str]
    gitea_data: Path


def ensure(processes: Sequence[str], invocation: Invocation, report: Callable[[str], None]) -> Programs:
    """Find, fetch or build what the processes need."""
    from bootstrap.programs import find as programs

    names = [name for name in processes if name not in ("agent", layout.PROCESS)]
    if layout.PROCESS in processes:
        names += layout.PROGRAMS
    if "agent" in processes:
        names += OF_AGENT if _has_kubectl(invocation) else (*OF_AGENT, "kubectl")
    found = programs.ensure(names, invocation, report)
    paths = {name: str(program.path) for name, program in found.items()}
    data = found["gitea"].data if "gitea" in found else None
    return Programs(paths, data or Path("/nonexistent"))


def _has_kubectl(invocation: Invocation) -> bool:
    return shutil.which("kubectl", path=invocation.environ.get("PATH")) is not None


def link(folder: Path, programs: Programs) -> None:
    """`bin/` with the programs a person may want, `libexec/` with what only Argo CD calls."""
    private_folder(folder)
    for name in OFFERED:
        target = programs.paths.get(name) or shutil.which(name)
        path = folder / name
        if target and not (path.is_symlink() and path.readlink() == Path(target)):
            path.unlink(missing_ok=True)
            path.symlink_to(target)
    libexec = private_folder(folder.parent / "libexec")
    write_if_changed(libexec / "git-verify-wrapper.sh", VERIFY_WRAPPER, 0o700)
    write_if_changed(libexec / "gpg-wrapper.sh", GPG_WRAPPER, 0o700)
