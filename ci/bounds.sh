#!/usr/bin/env bash
# The tests that need no cluster, with the oldest Python and the lowest version of every dependency, and with the
# newest Python. What is not on this machine is named, not passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(tests/validate tests/commands/test_validate.py tests/oci/test_reference.py tests/image/test_edit.py tests/repository/test_read.py
  tests/repository/test_appset.py tests/repository/test_gotemplate.py tests/repository/test_starts.py tests/manifests/test_split.py
  tests/layout/test_settings.py tests/yamledit/test_edit.py tests/trace/test_hops.py)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() {
  local what=$1 python=$2 constraints=$3
  # A shim of pyenv is on PATH for every version that is installed, and leads nowhere unless one is chosen.
  local version=''
  if ! "$python" -c '' 2>/dev/null && command -v pyenv >/dev/null; then
    version=$(pyenv versions --bare | grep "^${python#python}\." | tail -n 1 || true)
  fi
  [ -z "$version" ] || local -x PYENV_VERSION=$version
  if ! "$python" -c '' 2>/dev/null; then
    echo "not run: $what ($python is not on this machine)" >&2
    return
  fi
  echo "$what: $("$python" --version)"
  "$python" -m venv "$folder/$python"
  "$folder/$python/bin/python" -m pip install --quiet --disable-pip-version-check -c "$constraints" -e '.[test]'
  "$folder/$python/bin/python" -m pytest -q -p no:cacheprovider "${tests[@]}"
}

python3 ci/lower_bounds.py >"$folder/lower.txt"
run 'oldest Python, lowest versions' python3.10 "$folder/lower.txt"
run 'newest Python' python3.14 constraints.txt
