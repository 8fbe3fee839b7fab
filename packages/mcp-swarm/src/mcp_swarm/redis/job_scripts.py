"""Lua for jobs: Redis runs each script atomically.

The scripts also run in Docket's embedded store, so they use few commands and no cjson.
"""

# Seconds that a tool's figures are kept after its last job.
FIGURES_TTL = 30 * 24 * 3600

# The first line of a script. With it a full Redis rejects the whole script; with the flag, nothing.
# Without it Redis checks only the first write; if that one deletes something, all later ones pass.
REFUSED_WHEN_FULL, NEVER_REFUSED = "#!lua\n", "#!lua flags=allow-oom\n"

# Bytes that a job may always write, so that it can end or be queued again in a full Redis.
SMALL = 16 << 10

# Seconds that an unfinished job is kept, and so may wait in the queue or for user input.
LIVE_TTL = 7 * 24 * 3600

# Counts, in a tenant's hash `held`, the bytes of each record field with caller data: "id/field" → bytes.
WEIGH = """
local weighed = {call = 1, message = 1, outcome = 1, asked = 1, answers = 1}
local function weigh(held, id, name, value)
    if not weighed[name] then return end
    if #value == 0 then redis.call('HDEL', held, id .. '/' .. name) return end
    redis.call('HSET', held, id .. '/' .. name, #value)
    redis.call('EXPIRE', held, LIVE_TTL)
end
""".replace("LIVE_TTL", str(LIVE_TTL))

# KEYS record, queued, idempotency key, asking, held by the tenant, queued of the tenant; ARGV id, now,
# limit, ttl, fingerprint, bytes that the tenant may hold, bytes of this, jobs that it may have queued,
# then the record's fields. Answers {"new" | "known" | "other" | "full" | "unanswered" | "heavy" |
# "many", id or number}. Jobs with an expired record do not count.
SUBMIT = (
    WEIGH
    + """
local function held()
    local sum = 0
    for _, bytes in ipairs(redis.call('HVALS', KEYS[5])) do sum = sum + bytes end
    return sum
end
local function drop_expired()
    local first, entries = string.sub(KEYS[1], 1, -2 - #ARGV[1]), redis.call('HGETALL', KEYS[5])
    for i = 1, #entries, 2 do
        local id = string.match(entries[i], '^(.-)/')
        if redis.call('EXISTS', first .. id .. '}') == 0 then redis.call('HDEL', KEYS[5], entries[i]) end
    end
end
if ARGV[5] ~= '' then
    local known = redis.call('HGET', KEYS[3], 'id')
    if known then
        if redis.call('HGET', KEYS[3], 'call') ~= ARGV[5] then return {'other', known} end
        return {'known', known}
    end
end
local depth = redis.call('ZCARD', KEYS[2])
if depth >= tonumber(ARGV[3]) then return {'full', tostring(depth)} end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[2] - ARGV[4])
local unanswered = redis.call('ZCARD', KEYS[4])
if unanswered >= tonumber(ARGV[3]) then return {'unanswered', tostring(unanswered)} end
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', ARGV[2] - ARGV[4])
local queued = redis.call('ZCARD', KEYS[6])
if queued >= tonumber(ARGV[8]) then return {'many', tostring(queued)} end
local most = ARGV[6] - ARGV[7]
if held() > most then
    drop_expired()
    if held() > most then return {'heavy', tostring(held())} end
end
for i = 9, #ARGV, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    weigh(KEYS[5], ARGV[1], ARGV[i], ARGV[i + 1])
end
redis.call('ZADD', KEYS[6], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[6], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
if ARGV[5] ~= '' then
    redis.call('HSET', KEYS[3], 'id', ARGV[1])
    redis.call('HSET', KEYS[3], 'call', ARGV[5])
    redis.call('EXPIRE', KEYS[3], ARGV[4])
    redis.call('HSET', KEYS[1], 'key', KEYS[3])
end
return {'new', ARGV[1]}
"""
)

# KEYS record, queued, running, failed, asking, figures, held and queued as above; ARGV allowed states
# as |a|b|, expected revision or '', id, set to put it into (2 to 5, or 0), score, record ttl, number of
# field arguments, bytes that the tenant may hold after it or '', fields and values (first `mark`, the
# idempotency token of the change), then figures and what to add. Answers 'ok', 'gone', 'lost', 'heavy'
# or the state. The record names its idempotency key, which expires with it. A failed job whose record
# has expired is no longer listed as failed.
MOVE = (
    WEIGH
    + """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if redis.call('HGET', KEYS[1], 'mark') == ARGV[10] then return 'ok' end
if not string.find(ARGV[1], '|' .. state .. '|', 1, true) then return state end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then return 'lost' end
local last = 8 + tonumber(ARGV[7])
if ARGV[8] ~= '' then
    local sum = 0
    for _, bytes in ipairs(redis.call('HVALS', KEYS[7])) do sum = sum + bytes end
    for i = 9, last, 2 do
        if weighed[ARGV[i]] then
            local now = redis.call('HGET', KEYS[7], ARGV[3] .. '/' .. ARGV[i]) or 0
            sum = sum + #ARGV[i + 1] - now
        end
    end
    if sum > tonumber(ARGV[8]) then return 'heavy' end
end
local into = tonumber(ARGV[4])
for i = 2, 5 do
    if i ~= into then redis.call('ZREM', KEYS[i], ARGV[3]) end
end
if into > 0 then
    redis.call('ZADD', KEYS[into], ARGV[5], ARGV[3])
    redis.call('EXPIRE', KEYS[into], ARGV[6])
end
if into == 2 then redis.call('ZADD', KEYS[8], ARGV[5], ARGV[3]) redis.call('EXPIRE', KEYS[8], ARGV[6])
else redis.call('ZREM', KEYS[8], ARGV[3]) end
if into == 4 then redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[5] - ARGV[6]) end
for i = 9, last, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    weigh(KEYS[7], ARGV[3], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
local key = redis.call('HGET', KEYS[1], 'key')
if key then redis.call('EXPIRE', key, ARGV[6]) end
for i = last + 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1]) end
if #ARGV > last then redis.call('EXPIRE', KEYS[6], FIGURES_TTL) end
return 'ok'
""".replace("FIGURES_TTL", str(FIGURES_TTL))
)

# KEYS stream; ARGV group, milliseconds. Deletes the consumers that were idle for so long and have no
# pending message; returns how many. Atomic: deleting a consumer also deletes its pending messages.
FORGET_CONSUMERS = """
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local about = {}
    for i = 1, #consumer, 2 do about[consumer[i]] = consumer[i + 1] end
    if about['pending'] == 0 and about['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about['name'])
        forgotten = forgotten + 1
    end
end
return forgotten
"""
