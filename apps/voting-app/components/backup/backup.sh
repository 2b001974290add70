#!/bin/sh
# Dumps the database to BACKUP_FOLDER, counts it only after reading it back, and deletes old ones.
set -eu
umask 077

folder=${BACKUP_FOLDER:-/backup}
keep=${KEEP_DAYS:-14}
name="votes-$(date -u +%Y%m%dT%H%M%SZ).dump"
PGPASSWORD=$(cat "${PASSWORD_FILE:-/run/secrets/db/backup-password}")
export PGPASSWORD

# Where policies are enforced, the address of a new pod reaches the database's policy only a moment after the pod starts.
waited=0
until pg_isready --quiet --timeout=2 --username=backup --dbname=postgres; do
  if [ "$waited" -ge "${WAIT_SECONDS:-60}" ]; then
    echo "the database at $PGHOST has not answered for $waited s" >&2
    exit 1
  fi
  sleep 1
  waited=$((waited + 1))
done

rm -f "$folder"/*.partial # left behind by a killed run
pg_dump --format=custom --no-owner --file="$folder/$name.partial" --username=backup --dbname=postgres
pg_restore --file=/dev/null "$folder/$name.partial"
mv "$folder/$name.partial" "$folder/$name"
find "$folder" -name 'votes-*.dump' ! -name "$name" -mtime "+$keep" -delete
echo "wrote $name, $(wc -c <"$folder/$name") bytes; $(find "$folder" -name 'votes-*.dump' | wc -l) kept"
