-- Puts changes of the block list.
--
-- KEYS  1 version   2 log: names by version   3 entries
-- ARGV  for each change five: name, kind ("p" put, "r" released), the version of the entry that the
--       gate knew (0: none), how long the entry is kept in ms, the sealed entry
--
-- An entry is kept as "kind,forget at" and the sealed text behind a line end. A release that a change
-- did not know of wins over it; else the later one does. Answered is the version that each change
-- made, 0 where it was not taken.

local SWEPT = 100

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function kind_of(stored)
  return stored and string.sub(stored, 1, 1) or ''
end

-- Looks at some, from a version on that is another one at another time, so that entries that stay
-- do not hide those behind them.
local function sweep()
  local from = now % (tonumber(redis.call('GET', KEYS[1]) or '0') + 1)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'LIMIT', 0, SWEPT)) do
    local stored = redis.call('HGET', KEYS[3], name)
    local forget_at = stored and tonumber(string.match(stored, '^%a,(%d+)\n'))
    if not stored or (forget_at and forget_at <= now) then
      redis.call('HDEL', KEYS[3], name)
      redis.call('ZREM', KEYS[2], name)
    end
  end
end

local versions = {}
for i = 1, #ARGV, 5 do
  local name, kind, base, keep, entry = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4]
  local version = tonumber(redis.call('ZSCORE', KEYS[2], name) or '0')
  local is_unknown = version > base
  local stored = kind_of(redis.call('HGET', KEYS[3], name))
  if not (is_unknown and kind == 'p' and stored == 'r') then
    local next = redis.call('INCR', KEYS[1])
    redis.call('ZADD', KEYS[2], next, name)
    redis.call('HSET', KEYS[3], name, kind .. ',' .. string.format('%.0f', now + keep) .. '\n' .. entry)
    versions[#versions + 1] = next
  else
    versions[#versions + 1] = 0
  end
end
sweep()
return versions
