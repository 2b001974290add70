#!/usr/bin/env bash
# Writes requirements.txt and requirements-dev.txt anew: the versions of constraints.txt, with the sha256 of every file
# that the index has of them. Needs uv (https://docs.astral.sh/uv/).
set -euo pipefail
cd "$(dirname "$0")/.."

build=$(mktemp)
trap 'rm -f "$build"' EXIT
sed -n 's/^requires = \["\(setuptools[^"]*\)"\]$/\1/p' pyproject.toml >"$build"
test -s "$build"

lock() {
  local target=$1 about=$2 locked
  shift 2
  locked=$(uv pip compile setup.cfg "$build" "$@" --constraint constraints.txt --generate-hashes --universal \
    --python-version 3.11 --quiet --no-header --no-annotate)
  printf '%s\n%s\n%s\n' "$about" "# Made anew by ci/lock.sh; not edited by hand." "$locked" >"$target"
}

lock requirements.txt \
  "# What bootstrap runs with, and what builds it: each file's sha256, for pip --require-hashes. Versions: constraints.txt." --extra cel
lock requirements-dev.txt "# The same with what tests and checks need." --extra cel --extra graph --extra test --extra dev
