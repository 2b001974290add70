#!/usr/bin/env bash
# Installs this checkout into a virtual environment of its own, and puts `bootstrap` alone on PATH.
# ACTION: the checkout. RUNNER_TEMP and GITHUB_PATH: the runner's.
set -euo pipefail

folder="$RUNNER_TEMP/bootstrap"
# The runner stands in a checkout of anybody's: no pip.py or venv.py of it is taken for Python's own.
cd "$RUNNER_TEMP"
# Nor is it taken by what pip starts to build with, which knows nothing of -I.
unset PYTHONPATH PYTHONHOME
if ! [ -e "$folder/installed" ] || [ "$(cat "$folder/installed")" != "$ACTION" ]; then
  # -I: the folder that the job stands in is a checkout, and no module is taken from there.
  if ! python3 -I -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "::error::bootstrap needs python3, 3.11 or newer, with its venv module" >&2
    exit 1
  fi
  rm -rf "$folder"
  python3 -I -m venv "$folder/venv"
  pip=("$folder/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-compile)
  # Every file by its sha256; then the checkout itself, with what is there and nothing from the network.
  "${pip[@]}" --require-hashes --only-binary :all: --requirement "$ACTION/requirements.txt"
  "${pip[@]}" --no-deps --no-index --no-build-isolation "$ACTION"
  mkdir "$folder/bin"
  ln -s ../venv/bin/bootstrap "$folder/bin/bootstrap"
  printf '%s' "$ACTION" >"$folder/installed"
fi
# An image is set without CEL. Where there is no wheel of its library (musl), validate says what it did not evaluate.
if [ -z "${INPUT_IMAGE:-}" ] && [ -f "$ACTION/requirements-cel.txt" ] && ! [ -e "$folder/cel" ]; then
  if "$folder/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-compile \
    --require-hashes --only-binary :all: --requirement "$ACTION/requirements-cel.txt"; then
    touch "$folder/cel"
  else
    echo "::notice::no CEL is evaluated here: cel-expr-python has no wheel for this system"
  fi
fi
echo "$folder/bin" >>"$GITHUB_PATH"
