"""The usual way to bump an image: clone, `kustomize edit set image`, commit, pull and push until it works."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

LOOP = """\
set -e
git clone --quiet --depth 1 "$ADDRESS" "$WORK"
cd "$WORK/$FOLDER"
edit() {
  "$KUSTOMIZE" edit set image "$NAME=$NAME:$TAG"
  git commit --quiet --all --allow-empty --message "Set $NAME to $TAG"
}
edit
attempts=1
until git pull --quiet --rebase && git push --quiet; do
  # A line that someone else has also set stops every further rebase: start again from their tip.
  if git rebase --abort 2>/dev/null; then
    git reset --quiet --hard '@{upstream}'
    edit
  fi
  attempts=$((attempts + 1))
done
echo "$attempts"
"""


def bump(address: str, folder: str, name: str, tag: str, kustomize: Path, environ: Mapping[str, str]) -> int:
    """One bump, from the clone to the push; returns how many pushes it took."""
    work = Path(tempfile.mkdtemp(prefix="bootstrap-bench-"))
    values = {
        "ADDRESS": address,
        "WORK": str(work / "clone"),
        "FOLDER": folder,
        "NAME": name,
        "TAG": tag,
        "KUSTOMIZE": str(kustomize),
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        ended = subprocess.run(
            ["bash", "-c", LOOP], env={**environ, **values}, capture_output=True, text=True, check=False
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if ended.returncode:
        raise SystemExit(f"the usual loop ended with {ended.returncode}:\n{ended.stderr}")
    return int(ended.stdout.split()[-1])


def identity(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with an author, and without the user's own git configuration."""
    who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _WHO}
    return {**environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


_WHO = (("NAME", "Bench"), ("EMAIL", "bench@example.org"))
