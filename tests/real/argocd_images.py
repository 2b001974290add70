"""The images that Argo CD names, made of the sandbox's argocd and this machine's git, gpg and redis."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

from bootstrap import argocd
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import program_folder as bin_folder
from tests.conftest import USER_ENVIRONMENT
from tests.real.images import installed, save, save_redis, with_libraries
from tests.tools import tool

NAMES = (
    "server",
    "repo-server",
    "application-controller",
    "applicationset-controller",
    "notifications",
    "dex",
)
"""What the one program is called by; `argocd-NAME` each."""
GIT = ("git", "git-remote-http", "git-remote-https", "git-submodule", "git-sh-setup", "git-sh-i18n")
ENTRYPOINT = '#!/bin/sh\nexec "$@"\n'
USERS = "root:x:0:0::/:/bin/sh\nargocd:x:999:999::/home/argocd:/bin/sh\ndex:x:1001:1001::/:/bin/sh\n"


def all_of(folder: Path) -> list[Path]:
    """The archives of every image that the pinned manifest names, in `folder`."""
    invocation = Invocation(stdout=io.StringIO(), stderr=io.StringIO(), environ=USER_ENVIRONMENT)
    text = argocd.manifest(invocation, None, "install").content.decode()
    names = sorted(set(re.findall(r"^ *image: (\S+)$", text, re.MULTILINE)))
    made = []
    for name in names:
        if "/argocd:" in name:
            made.append(_argocd(folder, name))
        else:  # redis; and dex, whose image only lends its file system: the program is Argo CD's
            assert "redis" in name or "dex" in name, name
            made.append(save_redis(folder, name))
    return made


def _argocd(folder: Path, name: str) -> Path:
    own = {f"/usr/local/bin/{program}": tool(program) for program in ("argocd", "helm", "kustomize")}
    core = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip())
    git = {str(core / each): (core / each).resolve() for each in GIT}
    others = {
        f"/usr/bin/{each}": installed(each, package)
        for each, package in (("git", "git"), ("gpg", "gnupg"), ("gpg-agent", "gnupg"), ("gpgconf", "gnupg"))
    }
    config = {"Entrypoint": ["/entrypoint.sh"], "WorkingDir": "/home/argocd", "User": "999"}
    contents = with_libraries(own | git | others, config)
    contents.links |= {f"/usr/local/bin/argocd-{each}": "argocd" for each in NAMES}
    contents.texts |= {"/etc/passwd": USERS, "/entrypoint.sh": ENTRYPOINT}
    contents.texts |= {
        "/usr/local/bin/gpg-wrapper.sh": bin_folder.GPG_WRAPPER,
        "/usr/local/bin/git-verify-wrapper.sh": bin_folder.VERIFY_WRAPPER,
    }
    return save(folder, name, contents)
