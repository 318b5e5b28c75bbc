-- Which turn was the last at a maildrop, for who was shown something under it.
--
-- KEYS  1 the maildrop's state   2 the epoch   3 the gate's key      ARGV  1 epoch id

if #KEYS ~= 3 or #ARGV ~= 1 then
  return redis.error_reply('POPGATE last takes 3 keys and 1 argument, not ' .. #KEYS .. ' and ' .. #ARGV)
end

local epoch = redis.call('HMGET', KEYS[2], 'id', 'alone')
if not epoch[1] or epoch[1] ~= ARGV[1] then return {'epoch'} end
if redis.call('GET', KEYS[3]) ~= epoch[1] then return {'lease'} end

local stored = redis.call('GET', KEYS[1])
if not stored then return {'unknown'} end
-- Nothing changes by it. But a replica, or a primary that was cut off, must not answer, and does
-- not write.
redis.call('SET', KEYS[1], stored, 'KEEPTTL')

-- In another epoch, or where a gate has served by itself since it was given, there may have been
-- sessions behind it that nobody tells of.
local state = cmsgpack.unpack(stored)
if state.epoch ~= epoch[1] or state.alone ~= (epoch[2] or '0') then return {'unknown'} end
return {'last', string.format('%.0f', state.token)}
