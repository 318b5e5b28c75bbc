-- A gate's sign of life: its lease, the epoch, who else is there, and what changed in the block list.
--
-- KEYS  1 the gate's key   2 the epoch   3 members   4 fingerprint   5 prefix of the gates' keys
--       6 the gate's push channel   7 version of the block list   8 its log   9 its entries
-- ARGV  1 gate   2 the highest epoch that the gate knows   3 lease in ms   4 fingerprint
--       5 what people read of the gate, sealed   6 digest of its settings   7 ping
--       8 version of the block list that it knows   9 most changes to be answered
--       10 "1": it has taken part for long   11 the epoch in which it has not said yet all that it
--       holds, or ""   12 "1": it may have had sessions without turns of this epoch

if #KEYS ~= 9 or #ARGV ~= 12 then
  return redis.error_reply('POPGATE beat takes 9 keys and 12 arguments, not ' .. #KEYS .. ' and ' .. #ARGV)
end
for _, at in ipairs({ 2, 3, 7, 8, 9 }) do
  if not tonumber(ARGV[at]) then return redis.error_reply('POPGATE beat: argument ' .. at .. ' is no number') end
end

local LEASE_MAX = 60000
local SAYS_AGAIN = 1500    -- a gate that still says what it holds is heard again within this time

local gate = ARGV[1]
-- The memory of this server: of its run, and of what it copies. One that was a replica for a while
-- has lost what others wrote before, though it was not restarted.
local said = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local run, history = string.match(said, 'run_id:(%w+)'), string.match(said, 'master_replid:(%w+)')
if not run or not history then return redis.error_reply('POPGATE INFO does not name the run of this server') end
local run_id = string.sub(run, 1, 32) .. string.sub(history, 1, 32)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local epoch = redis.call('HMGET', KEYS[2], 'id', 'number', 'began')
local members = redis.call('HGETALL', KEYS[3])

local function lives(name)
  local set_in = redis.call('GET', KEYS[5] .. name)
  return set_in and set_in == epoch[1]
end

local function one_lives(but)
  for i = 1, #members, 2 do
    if members[i] ~= but and lives(members[i]) then return true end
  end
  return false
end

-- The fingerprint, and before it "e" where a gate that is established has said it, else "n".
local stored = redis.call('GET', KEYS[4]) or ''
local rank = string.sub(stored, 1, 1)
if string.sub(stored, 2) ~= ARGV[4] then
  if one_lives(gate) then
    if rank == 'e' or ARGV[10] ~= '1' then return {'stranger'} end
    -- It was first at an empty engine, and yields to one that was there before.
    for i = 1, #members, 2 do redis.call('DEL', KEYS[5] .. members[i]) end
    redis.call('DEL', KEYS[3])
    members = {}
  end
  rank = 'n'
end
if ARGV[10] == '1' then rank = 'e' end
if stored ~= rank .. ARGV[4] then redis.call('SET', KEYS[4], rank .. ARGV[4]) end

local function another_is_listed()
  for i = 1, #members, 2 do
    if members[i] ~= gate then return true end
  end
  return false
end

-- Where all that were there are gone, nobody has said for a while what he holds.
local is_same_run = epoch[1] and string.sub(epoch[1], 1, #run_id + 1) == run_id .. ':'
if not is_same_run or (another_is_listed() and not one_lives()) then
  local number = math.max(tonumber(ARGV[2]), tonumber(epoch[2] or '0')) + 1
  epoch = { run_id .. ':' .. string.format('%.0f', number), string.format('%.0f', number), string.format('%.0f', now) }
  redis.call('HSET', KEYS[2], 'id', epoch[1], 'number', epoch[2], 'began', epoch[3], 'restating', '0', 'alone', '0')
  redis.call('DEL', KEYS[3])
  members = {}
end

-- The clock was set back.
if tonumber(epoch[3]) > now then
  epoch[3] = string.format('%.0f', now)
  redis.call('HSET', KEYS[2], 'began', epoch[3], 'restating', '0')
end

-- No turn is given away while gates say what they hold, and no longer than for a lease.
if ARGV[11] == epoch[1] then
  local ends = math.min(now + SAYS_AGAIN, tonumber(epoch[3]) + tonumber(ARGV[3]))
  local before = tonumber(redis.call('HGET', KEYS[2], 'restating') or '0')
  if ends > before then redis.call('HSET', KEYS[2], 'restating', string.format('%.0f', ends)) end
end

-- Its lease may have run out beside a session, or it may have had some without turns: no turn tells
-- of those. See last.lua.
local is_continued = lives(gate) and 1 or 0
if ARGV[12] == '1' or is_continued == 0 then
  local before = tonumber(redis.call('HGET', KEYS[2], 'alone') or '0')
  redis.call('HSET', KEYS[2], 'alone', string.format('%.0f', before + 1))
end

redis.call('SET', KEYS[1], epoch[1], 'PX', ARGV[3])
redis.call('HSET', KEYS[3], gate, cmsgpack.pack({ ARGV[5], ARGV[6] }))

local living = {}
for i = 1, #members, 2 do
  if members[i] ~= gate then
    if lives(members[i]) then
      -- The clock was set back: it would live for that much longer.
      if redis.call('PTTL', KEYS[5] .. members[i]) > LEASE_MAX then
        redis.call('SET', KEYS[5] .. members[i], epoch[1], 'PX', LEASE_MAX)
      end
      local said = cmsgpack.unpack(members[i + 1])
      living[#living + 1] = { members[i], said[1], said[2] }
    else
      redis.call('HDEL', KEYS[3], members[i])
    end
  end
end
living[#living + 1] = { gate, ARGV[5], ARGV[6] }

local listeners = redis.call('PUBLISH', KEYS[6], 'p' .. ARGV[7])

local changes = {}
local names = redis.call('ZRANGEBYSCORE', KEYS[8], '(' .. ARGV[8], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[9])
for i = 1, #names, 2 do
  changes[#changes + 1] = { names[i + 1], names[i], redis.call('HGET', KEYS[9], names[i]) or '' }
end

return {
  'ok', epoch[1], math.max(0, now - tonumber(epoch[3])), listeners, is_continued, living,
  redis.call('GET', KEYS[7]) or '0', changes,
}
