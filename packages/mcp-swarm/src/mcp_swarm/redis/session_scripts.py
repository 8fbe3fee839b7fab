"""Lua for sessions: Redis runs each script atomically.

ARGV[1] is always the service's name. Keys (all expire):

    session:{id}                 hash: owner, params, version, level, has_uris, of (hash of the owner)
    session:{id}:uris            set: resources it subscribed to
    session:{id}:stream:<name>   stream: the message (d), the URI of the changed resource, if any (u);
                                 the name is `get`, or that of a call
    session:{id}:reader:<name>   hash: replica and token of the reader; cursor
    session:{id}:call:<name>     hash: replica that runs it, message, repeat, attempt, heir (token of
                                 the takeover), done
    session:{id}:answered        sorted set: names of calls whose result is stored, by its expiry
    sessions, listeners          sorted sets: session ids by expiry; listeners opened a GET stream
    sessions-of:{hash}           sorted set: the same for one caller
    subscribers:{uri}            set of session ids
    replica:{id}, replicas       exists while it is alive; sorted set by last heartbeat
    inbox:{id}                   stream: messages of other replicas to this one
"""

from mcp_swarm.redis.pipeline import Script

_COMMON = """
local service = ARGV[1]
local function key(...) return table.concat({service, ...}, ':') end
local function tag(id) return '{' .. id .. '}' end  -- see keys.py
local function session(id, ...) return key('session', tag(id), ...) end
local function milliseconds()
  local t = redis.call('TIME'); return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function alive(replica)
  return replica and replica ~= '' and redis.call('EXISTS', key('replica', tag(replica))) == 1
end
local function send(replica, ...)
  -- Known suffices: a replica that hung for a while reads its inbox when it continues.
  if not redis.call('ZSCORE', key('replicas'), replica) then return 0 end
  redis.call('XADD', key('inbox', tag(replica)), 'MAXLEN', '~', 20000, '*', ...)
  redis.call('PEXPIRE', key('inbox', tag(replica)), 60000)
  return 1
end
local function send_all(...)
  for _, replica in ipairs(redis.call('ZRANGE', key('replicas'), 0, -1)) do send(replica, ...) end
end
local function wake(id, name)
  local reader = redis.call('HMGET', session(id, 'reader', name), 'replica', 'token')
  if reader[1] and reader[2] ~= 'direct' then
    send(reader[1], 'kind', 'news', 'session', id, 'stream', name)
  end
end
local function keep(id, ttl)
  local now = milliseconds()
  redis.call('PEXPIRE', session(id), ttl)
  redis.call('ZADD', key('sessions'), now + ttl, id)
  redis.call('PEXPIRE', key('sessions'), 2 * ttl)
  local of = redis.call('HGET', session(id), 'of')
  if of then
    redis.call('ZADD', key('sessions-of', tag(of)), now + ttl, id)
    redis.call('PEXPIRE', key('sessions-of', tag(of)), 2 * ttl)
  end
  redis.call('PEXPIRE', session(id, 'stream', 'get'), ttl)
  redis.call('PEXPIRE', session(id, 'reader', 'get'), ttl)
  if redis.call('ZSCORE', key('listeners'), id) then
    redis.call('ZADD', key('listeners'), now + ttl, id)
    redis.call('PEXPIRE', key('listeners'), 2 * ttl)
  end
  if redis.call('HEXISTS', session(id), 'has_uris') == 1 then
    redis.call('PEXPIRE', session(id, 'uris'), ttl)
    for _, uri in ipairs(redis.call('SMEMBERS', session(id, 'uris'))) do
      redis.call('PEXPIRE', key('subscribers', tag(uri)), 2 * ttl)
    end
  end
end
local function touch(id, ttl)
  local left = redis.call('PTTL', session(id))
  if left < 0 then return 0 end
  if left < 0.9 * ttl then keep(id, ttl) end  -- so most requests write nothing
  return 1
end
local function forget(id, name)
  redis.call('DEL', session(id, 'stream', name), session(id, 'call', name),
    session(id, 'reader', name))
end
local function append(id, data, ttl, most, uri)
  local stream = session(id, 'stream', 'get')
  redis.call('XADD', stream, 'MAXLEN', '~', most, '*', 'd', data, 'u', uri or '')
  redis.call('PEXPIRE', session(id, 'stream', 'get'), ttl)
  wake(id, 'get')
end
"""


# The first line makes a full Redis reject the whole script. Without it Redis checks only the first
# write; if that one deletes something, all later ones pass.
def script(text: str) -> Script:
    """Returns a script with the common functions, which a full Redis rejects."""
    return Script("#!lua\n" + _COMMON + text)


def harmless(text: str) -> Script:
    """Returns a script that adds nothing permanent, and so also runs in a full Redis."""
    return Script("#!lua flags=allow-oom\n" + _COMMON + text)


# id, ttl, most sessions, owner, params, version, most of one owner
# → 1, 0 if there are too many, -1 if the owner has too many
OPEN = script("""
local id, ttl, most, now = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), milliseconds()
redis.call('ZREMRANGEBYSCORE', key('sessions'), '-inf', now)
redis.call('ZREMRANGEBYSCORE', key('listeners'), '-inf', now)
if redis.call('ZCARD', key('sessions')) >= most then return 0 end
if ARGV[5] ~= '' then
  local of = redis.sha1hex(ARGV[5])
  redis.call('ZREMRANGEBYSCORE', key('sessions-of', tag(of)), '-inf', now)
  if redis.call('ZCARD', key('sessions-of', tag(of))) >= tonumber(ARGV[8]) then return -1 end
  redis.call('HSET', session(id), 'of', of)
end
redis.call('HSET', session(id), 'owner', ARGV[5], 'params', ARGV[6], 'version', ARGV[7])
keep(id, ttl)
return 1
""")

# id, owner, ttl, key of its visibility rules → params, version, level, whether it has such rules;
# nil if there is no such session of this owner
TAKE_UP = harmless("""
local id = ARGV[2]
local found = redis.call('HMGET', session(id), 'owner', 'params', 'version', 'level')
if not found[1] or found[1] ~= ARGV[3] then return nil end
touch(id, tonumber(ARGV[4]))
return {found[2], found[3], found[4], redis.call('EXISTS', ARGV[5])}
""")

# id, ttl → 1, or 0 if the session is gone
TOUCH = harmless("return touch(ARGV[2], tonumber(ARGV[3]))")

# id, level
SET_LEVEL = script("""
if redis.call('EXISTS', session(ARGV[2])) == 1 then
  redis.call('HSET', session(ARGV[2]), 'level', ARGV[3])
end
""")

# id. Ends the session and notifies every replica.
CLOSE = harmless("""
local id = ARGV[2]
local of = redis.call('HGET', session(id), 'of')
for _, uri in ipairs(redis.call('SMEMBERS', session(id, 'uris'))) do
  redis.call('SREM', key('subscribers', tag(uri)), id)
end
for _, name in ipairs(redis.call('ZRANGE', session(id, 'answered'), 0, -1)) do forget(id, name) end
redis.call('DEL', session(id), session(id, 'uris'), session(id, 'answered'),
  session(id, 'stream', 'get'), session(id, 'reader', 'get'))
redis.call('ZREM', key('sessions'), id)
redis.call('ZREM', key('listeners'), id)
if of then redis.call('ZREM', key('sessions-of', tag(of)), id) end
send_all('kind', 'close', 'session', id)
""")

# id, data, ttl, most entries → 1, or 0 if the session is gone: for the GET stream
APPEND = script("""
if redis.call('EXISTS', session(ARGV[2])) == 0 then return 0 end
append(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5])
return 1
""")

# id, name, replica, message, repeat, ttl. Stores a call whose client can reconnect for its result.
BEGIN = script("""
local id, name, replica, ttl = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7])
redis.call('HSET', session(id, 'call', name), 'replica', replica, 'message', ARGV[5],
  'repeat', ARGV[6], 'attempt', 1)
redis.call('HSET', session(id, 'reader', name), 'replica', replica, 'token', 'direct')
redis.call('PEXPIRE', session(id, 'call', name), ttl)
redis.call('PEXPIRE', session(id, 'reader', name), ttl)
""")

# id, name, replica, ttl, most entries, done, then id and data of each event
# → 1, or 0 if another replica has taken the call over. Existing entries stay as they are.
SAVE = script("""
local id, name, ttl = ARGV[2], ARGV[3], tonumber(ARGV[5])
if redis.call('HGET', session(id, 'call', name), 'replica') ~= ARGV[4] then return 0 end
local stream = session(id, 'stream', name)
for n = 8, #ARGV, 2 do
  redis.pcall('XADD', stream, 'MAXLEN', '~', ARGV[6], ARGV[n], 'd', ARGV[n + 1])
end
if ARGV[7] == '1' then
  if redis.call('EXISTS', session(id)) == 0 then forget(id, name); return 1 end
  local now, answered = milliseconds(), session(id, 'answered')
  redis.call('ZREMRANGEBYSCORE', answered, '-inf', now)
  redis.call('ZADD', answered, now + ttl, name)
  redis.call('PEXPIRE', answered, ttl)
  redis.call('HSET', session(id, 'call', name), 'done', 1)
end
redis.call('PEXPIRE', stream, ttl)
redis.call('PEXPIRE', session(id, 'call', name), ttl)
redis.call('PEXPIRE', session(id, 'reader', name), ttl)
wake(id, name)
return 1
""")

# id, name. Deletes a call that has no result to store: cancelled, or too large.
DROP = harmless("""
forget(ARGV[2], ARGV[3])
""")

# id, name, replica, token → message, repeat, attempt if this took the call over from a dead replica. A
# retry with the same token, because the answer was lost, gets the call again.
TAKE_OVER = harmless("""
local id, name = ARGV[2], ARGV[3]
local call = redis.call('HMGET', session(id, 'call', name), 'replica', 'message', 'repeat', 'done',
  'heir')
if not call[1] or call[4] or alive(call[1]) and call[5] ~= ARGV[5] then return nil end
redis.call('HSET', session(id, 'call', name), 'replica', ARGV[4], 'heir', ARGV[5])
return {call[2], call[3], redis.call('HINCRBY', session(id, 'call', name), 'attempt', 1)}
""")

# id, name, replica, token, last event id or '', ttl → {the event id to continue after, whether the
# previous reader, if it was not the response to a POST, was cut off}, {replica and its last heartbeat}
# if another reader has the stream (only a reader that names an event may take it over), nil if there is
# no such stream
FOLLOW = harmless("""
local id, name, replica, token, after = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local reader_key, ttl = session(id, 'reader', name), tonumber(ARGV[7])
if redis.call('EXISTS', session(id)) == 0 then return nil end
if name ~= 'get' and redis.call('EXISTS', session(id, 'call', name)) == 0 then return nil end
local reader = redis.call('HMGET', reader_key, 'replica', 'token', 'cursor')
if alive(reader[1]) then
  if after == '' then
    return {reader[1] .. ' ' .. (redis.call('ZSCORE', key('replicas'), reader[1]) or '')}
  end
  send(reader[1], 'kind', 'taken', 'session', id, 'stream', name, 'token', reader[2])
end
if after == '' then after = reader[3] or '0-0' end
redis.call('HSET', reader_key, 'replica', replica, 'token', token, 'cursor', after)
redis.call('PEXPIRE', reader_key, ttl)
if name == 'get' then
  redis.call('ZADD', key('listeners'), milliseconds() + ttl, id)
  redis.call('PEXPIRE', key('listeners'), 2 * ttl)
end
return {after, reader[2] and reader[2] ~= 'direct' and 1 or 0}
""")

# id, name, token, after, most entries, ttl → entries, whether the call is done, whether its replica is
# alive; nil if another reader has the stream, or the session has ended
READ = harmless("""
local id, name, after = ARGV[2], ARGV[3], ARGV[5]
local reader_key = session(id, 'reader', name)
if redis.call('HGET', reader_key, 'token') ~= ARGV[4] then return nil end
if touch(id, tonumber(ARGV[7])) == 0 then return nil end
local entries = redis.call('XRANGE', session(id, 'stream', name), '(' .. after, '+', 'COUNT', ARGV[6])
if #entries > 0 then redis.call('HSET', reader_key, 'cursor', entries[#entries][1]) end
local call = redis.call('HMGET', session(id, 'call', name), 'done', 'replica')
return {entries, call[1] and 1 or 0, alive(call[2]) and 1 or 0}
""")

# id, name, token. Releases the stream for the next reader.
LEAVE = harmless("""
local reader_key = session(ARGV[2], 'reader', ARGV[3])
if redis.call('HGET', reader_key, 'token') == ARGV[4] then
  redis.call('HDEL', reader_key, 'replica', 'token')
end
""")

# replica, then fields of a message → 1, or 0 if that replica has ended or had no heartbeat for a minute
SEND = script("return send(ARGV[2], unpack(ARGV, 3))")

# fields of a message, for every replica
SEND_ALL = script("send_all(unpack(ARGV, 2))")

# replica, ttl, the last inbox message that it has processed. Records a heartbeat, trims the inbox.
# → used and allowed memory of Redis, in bytes; 0 for no limit
HEARTBEAT = harmless("""
local replica, ttl, now = ARGV[2], tonumber(ARGV[3]), milliseconds()
redis.call('XTRIM', key('inbox', tag(replica)), 'MINID', ARGV[4])
redis.call('SET', key('replica', tag(replica)), 1, 'PX', ttl)
redis.call('ZREMRANGEBYSCORE', key('replicas'), '-inf', now - 20 * ttl)
redis.call('ZADD', key('replicas'), now, replica)
redis.call('PEXPIRE', key('replicas'), 20 * ttl)
redis.call('PEXPIRE', key('inbox', tag(replica)), 60000)
local memory = redis.call('INFO', 'memory')
local function bytes(name) return tonumber(string.match(memory, '\\n' .. name .. ':(%d+)') or 0) end
return {bytes('used_memory'), bytes('maxmemory')}
""")

# replica. Records its end, so that nobody waits for its heartbeat to expire.
END = harmless("""
redis.call('DEL', key('replica', tag(ARGV[2])), key('inbox', tag(ARGV[2])))
redis.call('ZREM', key('replicas'), ARGV[2])
""")
