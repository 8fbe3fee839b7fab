# Starts PostgreSQL with one user for the server and its workers, which owns their database and is no
# superuser. stack.yml and docker-compose.yml run it.
#
#   PGDATA                  where the data lies: a folder below the volume
#   POSTGRES_PASSWORD_FILE  that user's password; a new one counts from the next start on
#
# The superuser, `postgres`, has no password: it is let in by the socket inside the container alone
# (docker exec -it CONTAINER psql -U postgres mcp), and by no network.
set -eu

password=$(cat "${POSTGRES_PASSWORD_FILE:-/run/secrets/postgres_password}")
: "${password:?is empty: fill the file in}"

# Runs SQL, a statement a line, while no server runs: nobody else can be in.
alone() { postgres --single -D "$1" "$2" >/dev/null; }

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"  # of a start that was cut off
  initdb --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 -D "$PGDATA.new" >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
  printf '%s\n' 'CREATE ROLE mcp LOGIN' 'CREATE DATABASE mcp OWNER mcp' | alone "$PGDATA.new" postgres
  mv "$PGDATA.new" "$PGDATA"
fi
printf "ALTER ROLE mcp PASSWORD '%s'\n" "$(printf %s "$password" | sed "s/'/''/g")" | alone "$PGDATA" mcp

exec postgres -c listen_addresses='*'
