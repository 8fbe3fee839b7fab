# Starts Redis with one user for the server and its workers, and no other that may touch a key.
# stack.yml and docker-compose.yml run it; the tests run theirs by the same rules.
#
#   MCP_NAMES           the names of the services (MCP_NAME), one a line, whose Redis this is
#   REDIS_APPENDFSYNC   `everysec`, or `always`: a write waits for the disk (docs/state.md)
#   REDIS_PASSWORD_FILE that user's password
set -eu

password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
: "${password:?is empty: fill the file in}"
# Its hash, so that any character may be in it.
hash=$(printf %s "$password" | sha256sum | cut -c1-64)

# Keys and channels of a service; the last is the pattern by which its workers hear of cancelled
# jobs. Patterns take no spaces: what is neither letter nor digit in a name is any one character.
own=$(printf '%s\n' "$MCP_NAMES" |
  sed 's/[^[:alnum:]._-]/?/g; s/.*/~&:* \&&:* \&&:jobs:cancel:*/' | tr '\n' ' ')

# By standard input: arguments are shown by `ps` and `docker inspect`.
exec redis-server - <<END
# Nobody can be the default user: it is off. Its rights are for Redis itself, which reads its log
# file as that user: without them, Redis 8 leaves out at a restart what scripts have written.
user default reset off ~* &* +@all
# For the health check: it may ask whether Redis is there.
user health on nopass +ping
# Commands on its own keys by their kind, the others one by one. No FLUSHALL, KEYS, CONFIG, ACL.
user mcp on #$hash $own \
  +@hash +@set +@sortedset +@stream +@string +@transaction +ping +select +client \
  -@dangerous -client|tracking \
  +del +exists +expire +pexpire +ttl +pttl +time \
  +publish +subscribe +unsubscribe +psubscribe +punsubscribe \
  +eval +evalsha +script|load +info

dir /data
# A write is in the log file before it is answered, and on the disk within a second, which
# the machine may take with it; \`always\` waits for the disk. No snapshots besides.
appendonly yes
appendfsync ${REDIS_APPENDFSYNC:-everysec}
save ""
# Full means an error to the writer, never a session dropped behind someone's back.
maxmemory 192mb
maxmemory-policy noeviction
END
