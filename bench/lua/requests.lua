-- Requests of one case for wrk, made once and sent in turn.
--   wrk -s requests.lua URL -- METHOD PATH LOW HIGH [TOKEN [BODY [HEADER…]]]
-- Empty is none; a HEADER is "Name: value".
-- In PATH and BODY, {n} is a number from LOW to HIGH, another one in each
-- request, and {dd} a day of a month.

local COUNT = 997 -- a prime: no rhythm with the 64 connections
local requests = {}
local at = 0

local function filled(text, low, high)
   text = text:gsub("{n}", function()
      return tostring(math.random(low, high))
   end)
   return (text:gsub("{dd}", function()
      return string.format("%02d", math.random(1, 28))
   end))
end

function init(args)
   local method, path = args[1], args[2]
   local low, high = tonumber(args[3]), tonumber(args[4])
   local token, body = args[5] or "", args[6] or ""
   local headers = {}

   math.randomseed(7)
   if token ~= "" then
      headers["Authorization"] = "Bearer " .. token
   end
   if body ~= "" then
      headers["Content-Type"] = "application/json"
   end
   for i = 7, #args do
      local name, value = args[i]:match("^(.-): (.*)$")
      headers[name] = value
   end
   for i = 1, COUNT do
      requests[i] = wrk.format(method, filled(path, low, high), headers,
                               body ~= "" and filled(body, low, high) or nil)
   end
end

function request()
   at = at % COUNT + 1
   return requests[at]
end
