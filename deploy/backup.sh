#!/usr/bin/env bash
# backup.sh FOLDER: both databases and all artifacts into a new folder below FOLDER. The server goes on meanwhile.
# Reads PG... and MLFLOW_ARTIFACTS_DESTINATION from the environment: set -a; . server.env; set +a
set -euo pipefail
: "${1:?usage: backup.sh FOLDER}" "${PGUSER:?load server.env first}" "${MLFLOW_ARTIFACTS_DESTINATION:?load server.env first}"

kept="$1/$(date -u +%Y-%m-%dT%H%M%SZ)"
umask 077
mkdir -p "$1"
mkdir "$kept.unfinished"
# Databases first: an artifact is there before the database calls it whole, so all that the dump names is in the archive.
for database in mlflow mlflow_auth; do
  pg_dump --format=custom --file="$kept.unfinished/$database.dump" "$database"
done
# A file may grow while it is read (tar: 1); it belongs to a run that the dump does not call finished.
tar --create --file="$kept.unfinished/artifacts.tar" --directory="$MLFLOW_ARTIFACTS_DESTINATION" . || [ $? -eq 1 ]
(cd "$kept.unfinished" && sha256sum -- *.dump artifacts.tar > SHA256SUMS)
mv "$kept.unfinished" "$kept"
echo "$kept"
