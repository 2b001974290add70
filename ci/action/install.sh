#!/usr/bin/env bash
# Installs this checkout into a virtual environment of its own, and puts `bootstrap` alone on PATH.
# ACTION: the checkout. RUNNER_TEMP and GITHUB_PATH: the runner's.
set -euo pipefail

folder="$RUNNER_TEMP/bootstrap"
# The runner's current folder is somebody's checkout: no pip.py or venv.py in it is taken for Python's own.
cd "$RUNNER_TEMP"
# Nor by the processes that pip starts for building, which do not get -I.
unset PYTHONPATH PYTHONHOME
if ! [ -e "$folder/installed" ] || [ "$(cat "$folder/installed")" != "$ACTION" ]; then
  # -I: the job's current folder is a checkout, and no module is taken from it.
  if ! python3 -I -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "::error::bootstrap needs python3, 3.10 or newer, with its venv module" >&2
    exit 1
  fi
  rm -rf "$folder"
  python3 -I -m venv "$folder/venv"
  pip=("$folder/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-compile)
  # Every file by its sha256; then the checkout itself, with nothing from the network.
  "${pip[@]}" --require-hashes --only-binary :all: --requirement "$ACTION/requirements.txt"
  "${pip[@]}" --no-deps --no-index --no-build-isolation "$ACTION"
  mkdir "$folder/bin"
  ln -s ../venv/bin/bootstrap "$folder/bin/bootstrap"
  printf '%s' "$ACTION" >"$folder/installed"
fi
# Setting an image needs no CEL. Where its library has no wheel (musl), validate says what it did not evaluate.
if [ -z "${INPUT_IMAGE:-}" ] && [ -f "$ACTION/requirements-cel.txt" ] && ! [ -e "$folder/cel" ]; then
  if "$folder/venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-compile \
    --require-hashes --only-binary :all: --requirement "$ACTION/requirements-cel.txt"; then
    touch "$folder/cel"
  else
    echo "::notice::CEL is not evaluated here: cel-expr-python has no wheel for this system"
  fi
fi
echo "$folder/bin" >>"$GITHUB_PATH"
