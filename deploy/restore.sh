#!/usr/bin/env bash
# restore.sh BACKUP: restore a backup.sh folder into empty databases and an empty artifact folder. Stop the server first.
# Reads PG... and MLFLOW_ARTIFACTS_DESTINATION from the environment: set -a; . server.env; set +a
set -euo pipefail
: "${1:?usage: restore.sh BACKUP}" "${PGUSER:?load server.env first}" "${MLFLOW_ARTIFACTS_DESTINATION:?load server.env first}"

(cd "$1" && sha256sum --check --quiet SHA256SUMS)
for database in mlflow mlflow_auth; do
  tables="$(psql --no-psqlrc --tuples-only --no-align --dbname "$database" \
    --command "select count(*) from information_schema.tables where table_schema = 'public'")"
  if [ "$tables" -ne 0 ]; then
    echo "the database $database is not empty: drop and create it first, nothing was changed" >&2
    exit 1
  fi
done
mkdir -p "$MLFLOW_ARTIFACTS_DESTINATION"
if [ -n "$(ls -A "$MLFLOW_ARTIFACTS_DESTINATION")" ]; then
  echo "$MLFLOW_ARTIFACTS_DESTINATION is not empty: move it aside first, nothing was changed" >&2
  exit 1
fi
for database in mlflow mlflow_auth; do
  pg_restore --exit-on-error --single-transaction --no-owner --dbname "$database" "$1/$database.dump"
done
tar --extract --file="$1/artifacts.tar" --directory="$MLFLOW_ARTIFACTS_DESTINATION"
