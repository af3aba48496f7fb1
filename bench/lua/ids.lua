-- Requests for wrk in which a number differs each time, out of more than can
-- be made beforehand.
--   wrk -s ids.lua URL -- METHOD PATH LOW HIGH
-- {n} in PATH is any number from LOW to HIGH, and in no run the same ones.

local before, after, low, high

function init(args)
   local whole = wrk.format(args[1], args[2])
   local from, to = whole:find("{n}", 1, true)

   before, after = whole:sub(1, from - 1), whole:sub(to + 1)
   low, high = tonumber(args[3]), tonumber(args[4])
   math.randomseed(os.time())
end

function request()
   return before .. math.random(low, high) .. after
end
