"""A shell's environment for a sandbox: what `eval "$(bootstrap sandbox shell-env)"` sets."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import embedded, state


def variables(name: str, invocation: Invocation) -> dict[str, str]:
    """Name → value; credentials by the file that contains them. InputError: it was never started."""
    sandbox = embedded.find(name, invocation)
    if sandbox is None:
        raise state.unknown(name)
    path = invocation.environ.get("PATH", "")
    if shutil.which("bootstrap", path=path) is None:  # it was run by its path
        path = f"{path}:{Path(sys.executable).parent}"
    ours = str(sandbox.programs)
    return {
        "KUBECONFIG": str(sandbox.kubeconfig),
        "PATH": path if ours in path.split(":") else f"{ours}:{path}",
        "GIT_URL": f"{sandbox.git_url}/{sandbox.git_organisation}",
        "GIT_USERNAME": sandbox.git_username,
        "GIT_TOKEN_FILE": str(sandbox.git_token_file),
        "GIT_SSH_KNOWN_HOSTS": str(sandbox.known_hosts),
        "ARGOCD_URL": sandbox.argocd_url,
    }


def exports(values: Mapping[str, str]) -> str:
    """Lines for a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
