# The part of the public image's entry point that stack.yml and docker-compose.yml rely on.
set -eu
if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=999 --regid=999 --clear-groups sh "$0" "$@"; fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  PGPASSWORD=${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}; export PGPASSWORD
  initdb --username="$POSTGRES_USER" --pwfile=/dev/stdin --auth=scram-sha-256 -D "$PGDATA" >/dev/null <<END
$PGPASSWORD
END
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >/dev/null
  createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
  unset PGPASSWORD
fi
exec "$@" -c listen_addresses='*'
