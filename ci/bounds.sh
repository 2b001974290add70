#!/usr/bin/env bash
# The tests that need no cluster, with the oldest Python and the lowest version of every dependency, and with the
# newest Python; before that, checks that the locked files install on each Python. What is not on this machine is
# named, not silently skipped. `bounds.sh locked` stops after the locked files.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(tests/validate tests/commands/test_validate.py tests/oci/test_reference.py tests/image/test_edit.py tests/repository/test_read.py
  tests/repository/test_appset.py tests/repository/test_gotemplate.py tests/repository/test_starts.py tests/manifests/test_split.py
  tests/layout/test_settings.py tests/yamledit/test_edit.py tests/trace/test_hops.py)
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

# The path of a Python of this version, from PATH or pyenv; nothing if there is none.
find() {
  local one
  for one in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    # A version manager's shim can be on PATH and still lead nowhere.
    if "$one" -I -c '' 2>/dev/null; then
      echo "$one"
      return
    fi
  done
}

run() {
  local what=$1 version=$2 constraints=$3 python
  python=$(find "$version")
  if [ -z "$python" ]; then
    echo "not run: $what (Python $version is not on this machine)" >&2
    return
  fi
  echo "$what: $("$python" --version)"
  "$python" -m venv "$folder/$version"
  "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check -c "$constraints" -e '.[test]'
  "$folder/$version/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadfile "${tests[@]}"
}

# What a release installs: every file by its hash, and nothing that would have to be built.
locked() {
  local version=$1 python
  python=$(find "$version")
  if [ -z "$python" ]; then
    echo "not run: the locked files on Python $version, which is not on this machine" >&2
    return
  fi
  echo "the locked files: $("$python" --version)"
  "$python" -I -m venv "$folder/locked-$version"
  "$folder/locked-$version/bin/python" -I -m pip install --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements.txt
  "$folder/locked-$version/bin/python" -I -m pip check
  "$folder/locked-$version/bin/python" -c \
    'import sys; from bootstrap.main import run; sys.exit(run(["validate", "--list-rules"]))' >/dev/null
}

all_locked() {
  local version
  for version in 3.10 3.11 3.12 3.13 3.14; do
    locked "$version"
  done
}

if [ "${1:-}" = locked ]; then
  all_locked
  exit
fi
python3 ci/lower_bounds.py >"$folder/lower.txt"
# At the same time: each alone leaves a processor idle.
{
  run 'oldest Python, lowest versions' 3.10 "$folder/lower.txt"
  run 'newest Python' 3.14 constraints.txt
} >"$folder/said.txt" 2>&1 &
all_locked
status=0
wait $! || status=$?
cat "$folder/said.txt"
exit "$status"
