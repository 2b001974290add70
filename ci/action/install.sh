#!/usr/bin/env bash
# Installs this checkout into a virtual environment of its own, and puts `bootstrap` alone on PATH.
# ACTION: the checkout. RUNNER_TEMP and GITHUB_PATH: the runner's.
set -euo pipefail

folder="$RUNNER_TEMP/bootstrap"
if ! [ -e "$folder/installed" ] || [ "$(cat "$folder/installed")" != "$ACTION" ]; then
  if ! python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "::error::bootstrap needs python3, 3.10 or newer, with its venv module" >&2
    exit 1
  fi
  rm -rf "$folder"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --constraint "$ACTION/constraints.txt" "$ACTION"
  mkdir "$folder/bin"
  ln -s ../venv/bin/bootstrap "$folder/bin/bootstrap"
  printf '%s' "$ACTION" >"$folder/installed"
fi
echo "$folder/bin" >>"$GITHUB_PATH"
