#!/bin/sh
# Brings the roles and their rights to what roles.psql says. Run by the image on an empty volume, and safe to rerun.
set -eu

secrets=${SECRETS_FOLDER:-/run/secrets}
here=$(dirname "$0")

secret() { # FILE [DEFAULT]: the file's content, or the default if it does not exist
  if [ -r "$secrets/$1" ]; then cat "$secrets/$1"; else printf %s "${2:-}"; fi
}

# Passed in the environment: an argument would be readable by every process.
PGPASSWORD=${PGPASSWORD:-$(secret db/superuser-password)}
# The published images log in as `postgres` with the role's own name as the password; an image that reads its
# login from the environment gets the Secret's (component `database-credentials`).
APP_PASSWORD=$(secret db-login/password postgres)
MONITOR_PASSWORD=$(secret db/monitor-password)
BACKUP_PASSWORD=$(secret db/backup-password)
export PGPASSWORD APP_PASSWORD MONITOR_PASSWORD BACKUP_PASSWORD

exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-admin}" --dbname postgres \
  --file "$here/roles.psql"
