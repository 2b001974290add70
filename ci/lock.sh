#!/usr/bin/env bash
# Writes requirements.txt, requirements-cel.txt and requirements-dev.txt anew: the versions of constraints.txt, with the sha256 of every file
# that the index has of them. Needs uv (https://docs.astral.sh/uv/).
set -euo pipefail
cd "$(dirname "$0")/.."

build=$(mktemp)
cel=$(mktemp)
trap 'rm -f "$build" "$cel"' EXIT
sed -n 's/^requires = \["\(setuptools[^"]*\)"\]$/\1/p' pyproject.toml >"$build"
test -s "$build"
sed -n 's/^    \(cel-expr-python >= [0-9.]*\).*/\1/p' setup.cfg | head -1 >"$cel"
test -s "$cel"

# For every Python from this one on.
lock() {
  local target=$1 python=$2 about=$3 locked
  shift 3
  locked=$(uv pip compile "$@" --constraint constraints.txt --generate-hashes --universal \
    --python-version "$python" --quiet --no-header --no-annotate)
  printf '%s\n%s\n%s\n' "$about" "# Made anew by ci/lock.sh; not edited by hand." "$locked" >"$target"
}

lock requirements.txt 3.10 \
  "# What bootstrap runs with, and what builds it: each file's sha256, for pip --require-hashes. Versions: constraints.txt." \
  setup.cfg "$build"
lock requirements-dev.txt 3.10 "# The same with what tests and checks need." setup.cfg "$build" --extra cel --extra graph --extra test --extra dev
lock requirements-cel.txt 3.11 "# What evaluates CEL, where there is a wheel of it: each file's sha256." "$cel"
