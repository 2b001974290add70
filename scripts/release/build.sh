#!/usr/bin/env bash
# Builds what a tag releases into dist/: wheel, source, SBOM and their checksums. Only the files that
# requirements-dev.txt names come from the network, each by its sha256.
#   build.sh v1.2.3
set -euo pipefail
cd "$(dirname "$0")/../.."

tag=$1
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' bootstrap/__init__.py)
if [ "$tag" != "v$version" ]; then
  echo "the tag is $tag, but bootstrap/__init__.py says $version" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -I -m venv "$work/venv"
python=("$work/venv/bin/python" -I)
"${python[@]}" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  --requirement requirements-dev.txt

# Only what is committed, with the time of the commit on each file: a wheel that is built again is identical byte
# for byte (the source archive is not: setuptools puts the time of the build into it).
mkdir "$work/source"
git archive --format=tar HEAD | tar -x -C "$work/source"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
rm -rf dist
"${python[@]}" -m build --no-isolation --outdir dist "$work/source"
"${python[@]}" "$work/source/scripts/release/sbom.py" "$version" requirements.txt >dist/sbom.cdx.json
(cd dist && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
