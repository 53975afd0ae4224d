#!/usr/bin/env bash
# backup.sh FOLDER: save both databases and all artifacts in a new folder inside FOLDER. The server keeps running.
# Reads PG... and MLFLOW_ARTIFACTS_DESTINATION from the environment: set -a; . server.env; set +a
set -euo pipefail
: "${1:?usage: backup.sh FOLDER}" "${PGUSER:?load server.env first}" "${MLFLOW_ARTIFACTS_DESTINATION:?load server.env first}"

kept="$1/$(date -u +%Y-%m-%dT%H%M%SZ)"
umask 077
mkdir -p "$1"
mkdir "$kept.unfinished"
# Databases first: an artifact is written before the database marks it complete, so the archive holds all that the dump names.
for database in mlflow mlflow_auth; do
  pg_dump --format=custom --file="$kept.unfinished/$database.dump" "$database"
done
# A file may grow while tar reads it (exit code 1); it belongs to a run that is unfinished in the dump.
tar --create --file="$kept.unfinished/artifacts.tar" --directory="$MLFLOW_ARTIFACTS_DESTINATION" . || [ $? -eq 1 ]
(cd "$kept.unfinished" && sha256sum -- *.dump artifacts.tar > SHA256SUMS)
mv "$kept.unfinished" "$kept"
echo "$kept"
