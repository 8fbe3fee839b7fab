"""Lua for subscriptions of sessions: it appends notifications to their GET streams.

Keys and first arguments are those of ``session_scripts``.
"""

from mcp_swarm.redis.session_scripts import harmless, script

# id, uri, ttl, most → 1, or 0 if the session has too many
SUBSCRIBE = script("""
local id, uri, ttl = ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', session(id)) == 0 then return 1 end
local uris = session(id, 'uris')
if redis.call('SISMEMBER', uris, uri) == 0 and redis.call('SCARD', uris) >= tonumber(ARGV[5]) then
  return 0
end
redis.call('SADD', uris, uri)
redis.call('SADD', key('subscribers', tag(uri)), id)
redis.call('HSET', session(id), 'has_uris', 1)
keep(id, ttl)
return 1
""")

# id, uri
UNSUBSCRIBE = harmless("""
redis.call('SREM', session(ARGV[2], 'uris'), ARGV[3])
redis.call('SREM', key('subscribers', tag(ARGV[3])), ARGV[2])
""")

# uri or '' (all listeners), data, ttl, most entries → ids of sessions that are not yet notified
NOTIFY = script("""
local uri, data, ttl, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local ids = uri == '' and redis.call('ZRANGE', key('listeners'), 0, -1)
  or redis.call('SMEMBERS', key('subscribers', tag(uri)))
local later = {}
for n, id in ipairs(ids) do
  if n > 200 then
    later[#later + 1] = id
  elseif redis.call('EXISTS', session(id)) == 1 then
    append(id, data, ttl, most, uri)
  elseif uri == '' then
    redis.call('ZREM', key('listeners'), id)
  else
    redis.call('SREM', key('subscribers', tag(uri)), id)
  end
end
return later
""")

# → ids of all sessions that have opened a GET stream
LISTENERS = harmless("return redis.call('ZRANGE', key('listeners'), 0, -1)")

# ttl, most entries, a notification up to its URI, then ids of sessions. Notifies each session of a
# change of every resource that it subscribed to.
NOTIFY_OF_ALL = script("""
for n = 5, #ARGV do
  local id = ARGV[n]
  if redis.call('EXISTS', session(id)) == 1 then
    for _, uri in ipairs(redis.call('SMEMBERS', session(id, 'uris'))) do
      local data = ARGV[4] .. cjson.encode(uri) .. '}}'
      append(id, data, tonumber(ARGV[2]), ARGV[3], uri)
    end
  end
end
""")

# uri or '', data, ttl, most entries, then ids of sessions: those that NOTIFY returned
NOTIFY_MORE = script("""
for n = 6, #ARGV do
  if redis.call('EXISTS', session(ARGV[n])) == 1 then
    append(ARGV[n], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[2])
  end
end
""")
