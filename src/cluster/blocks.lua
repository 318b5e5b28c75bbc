-- Takes changes of the block list.
--
-- KEYS  1 version   2 log: names by version   3 entries
-- ARGV  1 the most entries that are kept; then for each change four: name, stamp, how long the entry
--       is kept in ms, the sealed entry
--
-- A stamp is "released,made,gate". Of the changes of an entry the one with the highest stamp counts,
-- whatever order they come in: see BlockStamp. An entry is kept as "stamp,forget at" and the sealed
-- text behind a line end. Answered is for each change the entry that counts instead of it, or nothing
-- where it counts itself.

if #KEYS ~= 3 or #ARGV % 4 ~= 1 or not tonumber(ARGV[1]) then
  return redis.error_reply('POPGATE blocks takes 3 keys, a number and 4 arguments for each change, not ' .. #KEYS .. ' and ' .. #ARGV)
end
for at = 2, #ARGV, 4 do
  if not string.match(ARGV[at + 1], '^%d+,%d+,%x+$') or not tonumber(ARGV[at + 2]) then
    return redis.error_reply('POPGATE blocks: a change has a stamp and a time')
  end
end

local SWEPT = 100

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[2], name)
end

local function forget_at(stored)
  return stored and tonumber(string.match(stored, '^%d+,%d+,%x+,(%d+)\n'))
end

-- Looks at some, from a version on that is another one at another time, so that entries that stay
-- do not hide those behind them.
local function sweep()
  local from = now % (tonumber(redis.call('GET', KEYS[1]) or '0') + 1)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'LIMIT', 0, SWEPT)) do
    local ends = forget_at(redis.call('HGET', KEYS[3], name))
    if not ends or ends <= now then forget(name) end
  end
end

-- Those that were changed longest ago: nobody fills the engine's memory with blocks.
local function keep_within(most)
  local beyond = redis.call('ZCARD', KEYS[2]) - most
  if beyond <= 0 then return end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'LIMIT', 0, beyond)) do
    forget(name)
  end
end

local function read(stamp)
  local released, made, gate = string.match(stamp, '^(%d+),(%d+),(%x+)')
  return tonumber(released), tonumber(made), gate
end

local function compare(stamp, other)
  local released, made, gate = read(stamp)
  local other_released, other_made, other_gate = read(other)
  if released ~= other_released then return released < other_released and -1 or 1 end
  if made ~= other_made then return made < other_made and -1 or 1 end
  if gate ~= other_gate then return gate < other_gate and -1 or 1 end
  return 0
end

local counts = {}
for i = 2, #ARGV, 4 do
  local name, stamp, keep, entry = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  local stored = redis.call('HGET', KEYS[3], name)
  local order = stored and compare(stamp, stored) or 1
  if order > 0 then
    redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[1]), name)
    redis.call('HSET', KEYS[3], name, stamp .. ',' .. string.format('%.0f', now + keep) .. '\n' .. entry)
  end
  counts[#counts + 1] = order < 0 and stored or ''
end
sweep()
keep_within(tonumber(ARGV[1]))
return counts
