-- Writes HAProxy's own errors in a form that does not end the client.
--
-- Clients of the MCP Python SDK 1.x end at an HTTP error of a POST, all their calls with them.
-- Such a client gets HTTP 200 and a JSON-RPC error with the id of its request; the replicas do the
-- same with their own errors (packages/mcp-swarm/src/mcp_swarm/asgi/rpc_error). haproxy.cfg detects such clients
-- and keeps the id in txn.id; this file finds it and writes the errors.

-- Bytes kept of either end of a body. A request has four members and only `params` is nested, so
-- the id is near one of the ends, whatever the size of the body. The work on a body is small and
-- does not depend on what is in it.
local KEPT = 2048
local MAX_MEMBERS = 8
-- Read of a body that no replica gets; what is larger gets the real status.
local MAX_BODY = 16 * 1024 * 1024

-- code: packages/mcp-swarm/src/mcp_swarm/errors.py, or JSON-RPC's own.
local ERRORS = {
    [400] = {code = -32600, title = "Bad Request", executed = "no"},
    [403] = {code = -32600, title = "Forbidden", executed = "no"},
    [404] = {code = -32600, title = "Not Found", executed = "no"},
    [408] = {code = -32600, title = "Request Timeout", executed = "no",
        detail = "The request did not arrive in time. Nothing was carried out; try again."},
    [413] = {code = -32600, title = "Content Too Large", executed = "no",
        detail = "The request is too large. Nothing was carried out; send less at once."},
    [429] = {code = -31010, title = "Too Many Requests", executed = "no", retry = 1,
        detail = "There are too many requests. Nothing was carried out; try again later."},
    [500] = {code = -32603, title = "Internal Server Error", executed = "unknown",
        detail = "The balancer failed. The call may have been carried out."},
    [502] = {code = -31007, title = "Bad Gateway", executed = "unknown",
        detail = "The replica failed before it answered. The call may have been carried out."},
    [503] = {code = -31010, title = "Service Unavailable", executed = "no", retry = 1,
        detail = "No replica is ready. Nothing was carried out; try again."},
    [504] = {code = -31001, title = "Gateway Timeout", executed = "unknown",
        detail = "The replica did not answer in time. The call may have been carried out."},
}

-- Returns the text with its escapes overwritten, byte for byte: no quote is left inside a string.
local function masked(text)
    if not text:find("\\", 1, true) then return text end
    return (text:gsub("\\.", "\1\1"))
end

-- A member that is not nested: positions of its name and of its value.
local STRING = '"()[^"]*()"%s*:%s*()"[^"]*"()%s*'
local WORD = '"()[^"]*()"%s*:%s*()[-+.%w]+()%s*'

-- Adds the members before the first that is nested.
local function add_leading(found, text)
    local mask = masked(text)
    local at = mask:match("^%s*{()")
    for _ = 1, MAX_MEMBERS do
        if not at then return end
        local name, name_end, value, value_end, rest = mask:match("^%s*" .. STRING .. "[,}]()", at)
        if not name then
            name, name_end, value, value_end, rest = mask:match("^%s*" .. WORD .. "[,}]()", at)
        end
        if not name then return end
        found[text:sub(name, name_end - 1)] = text:sub(value, value_end - 1)
        at = rest
    end
end

-- Adds the members after the last that is nested. No string holds a comma or a brace and then a
-- bare quote, so what is found begins outside of strings.
local function add_trailing(found, text)
    local mask = masked(text):match("^(.*)}%s*$")
    for _ = 1, MAX_MEMBERS do
        if not mask then return end
        local start, _, name, name_end, value, value_end = mask:find("[,{]%s*" .. STRING .. "$")
        if not start then
            start, _, name, name_end, value, value_end = mask:find("[,{]%s*" .. WORD .. "$")
        end
        if not start then return end
        found[text:sub(name, name_end - 1)] = text:sub(value, value_end - 1)
        mask = mask:sub(1, start - 1)
    end
end

-- The id as it was written, string or integer; nil if the body is no request with one.
local function request_id(head, tail)
    local found = {}
    add_leading(found, head)
    if not (found.id and found.method) then add_trailing(found, tail) end
    local id = found.id
    if id and found.method and (id:find('^"') or id:find("^-?%d+$")) then return id end
end

-- Keeps the ends of the body, which passes untouched and is not waited for.
local Ends = {id = "request-id", flags = filter.FLT_CFG_FL_HTX}
Ends.__index = Ends

function Ends:new()
    return setmetatable({head = "", tail = ""}, Ends)
end

function Ends:add(part)
    if #self.head < KEPT then self.head = self.head .. part:sub(1, KEPT - #self.head) end
    self.tail = (self.tail .. part:sub(-KEPT)):sub(-KEPT)
end

function Ends:http_headers(txn, message)
    if not message.channel:is_resp() then
        filter.register_data_filter(self, message.channel)
    end
end

function Ends:http_payload(txn, message)
    local part = message:body()
    if not part or part == "" then return end
    self:add(part)
    local id = request_id(self.head, self.tail)
    if id then txn:set_var("txn.id", id) else txn:unset_var("txn.id") end
end

-- Of a body that is whole; empty if it is no request with an id.
core.register_converters("request_id", function(body)
    return request_id(body:sub(1, KEPT), body:sub(-KEPT)) or ""
end)

core.register_filter("request_id", Ends, function(new) return new end)

local function quoted(text)
    return '"' .. text .. '"'  -- the texts above have nothing to escape
end

-- A JSON-RPC error if there is an id, else problem details (RFC 9457).
local function body_of(status, id)
    local error = ERRORS[status] or ERRORS[500]
    local detail = error.detail or error.title
    if not id or id == "" then
        return '{"type":"about:blank","title":' .. quoted(error.title) .. ',"status":' .. status
            .. (error.detail and ',"detail":' .. quoted(detail) or "") .. "}"
    end
    return '{"jsonrpc":"2.0","id":' .. id .. ',"error":{"code":' .. error.code .. ',"message":'
        .. quoted(detail) .. ',"data":{"executed":' .. quoted(error.executed)
        .. (error.retry and ',"retryAfterSeconds":' .. error.retry or "") .. "}}}"
end

-- The body of an error of `status`, or of the one that is replaced.
core.register_fetches("error_body", function(txn, status)
    return body_of(tonumber(status) or txn:get_var("txn.replaced"), txn:get_var("txn.id"))
end)

-- Answers where a request is refused with the status in txn.replaced. HAProxy by itself does not read such a body to its end, and
-- what it sends to a client that is still sending may be lost.
core.register_service("refuse", "http", function(applet)
    local status, ends, left = applet:get_var("txn.replaced"), Ends:new(), MAX_BODY
    repeat
        local part = applet:receive(16384)
        ends:add(part)
        left = left - #part
    until part == "" or left < 0
    local id = request_id(ends.head, ends.tail)
    local body = body_of(status, id)
    applet:set_status(id and 200 or status)
    applet:add_header("Content-Type", id and "application/json" or "application/problem+json")
    applet:add_header("Content-Length", #body)
    applet:start_response()
    applet:send(body)
end)
