#!/usr/bin/env bash
# Runs `bootstrap image set` with the action's inputs (INPUT_*). The token is GIT_TOKEN, which bootstrap reads itself;
# a key is written to a file that only this user can read, and deleted at the end. No credential is an argument.
set -euo pipefail

folder=$(mktemp -d "$RUNNER_TEMP/image-set.XXXXXX")
trap 'rm -rf "$folder"' EXIT
key=$INPUT_SSH_KEY
unset INPUT_SSH_KEY

if [ -z "$INPUT_REPOSITORY" ]; then
  echo "::error::the input 'repository' is missing: give the GitOps repository's URL" >&2
  exit 2
fi
if [ -z "$GIT_TOKEN" ] && [ -z "$key" ]; then
  echo "::error::no credential: give the input 'token' or 'ssh-key' (a secret that is not set is empty)" >&2
  exit 2
fi

# As --option=value, a value that begins with a dash is no option.
arguments=(--output=json "--repo=$INPUT_REPOSITORY" "--username=$INPUT_USERNAME" "--via=$INPUT_VIA"
  "--timeout=$INPUT_TIMEOUT" "--author=$INPUT_AUTHOR")
optional() {
  if [ -n "$2" ]; then arguments+=("$1=$2"); fi
}
optional --branch "$INPUT_BRANCH"
optional --app "$INPUT_APP"
optional --env "$INPUT_ENVIRONMENT"
optional --built-at "$INPUT_BUILT_AT"
optional --source "$INPUT_SOURCE"
optional --expect "$INPUT_EXPECT"
optional --message "$INPUT_MESSAGE"
if [ "$INPUT_ONLY_NEWER" = true ]; then arguments+=(--only-newer); fi
if [ "$INPUT_PULL_REQUEST" = true ]; then
  arguments+=(--pr)
  if [ "$INPUT_AUTO_MERGE" = true ]; then arguments+=(--auto-merge); fi
  read -r -d '' -a labels <<<"$INPUT_LABELS" || true
  for label in "${labels[@]}"; do arguments+=("--label=$label"); done
else
  arguments+=(--push)
fi
if [ -n "$key" ]; then
  (umask 077 && printf '%s\n' "$key" >"$folder/key")
  arguments+=("--ssh-key=$folder/key")
fi
if [ -n "$INPUT_KNOWN_HOSTS" ]; then
  printf '%s\n' "$INPUT_KNOWN_HOSTS" >"$folder/known_hosts"
  arguments+=("--known-hosts=$folder/known_hosts")
fi
read -r -d '' -a images <<<"$INPUT_IMAGE" || true

status=0
bootstrap image set "${arguments[@]}" -- "${images[@]}" >"$folder/result.json" || status=$?
python3 "$ACTION/ci/action/report.py" "$folder/result.json"
exit "$status"
