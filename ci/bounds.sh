#!/usr/bin/env bash
# The tests that need no cluster, with the oldest Python and the lowest version of every dependency, and with the
# newest Python. What is not on this machine is named, not passed over.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(tests/checks tests/commands/test_validate.py tests/test_images.py tests/test_images_edit.py tests/test_index.py
  tests/test_index_appset.py tests/test_index_gotemplate.py tests/test_index_starts.py tests/test_kube_schema.py tests/test_manifests.py
  tests/test_settings.py tests/test_splice.py tests/test_trace.py)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() {
  local what=$1 python=$2 constraints=$3
  if ! command -v "$python" >/dev/null; then
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
