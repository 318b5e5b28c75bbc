-- A gate says good-bye: it counts as gone from here on.
-- KEYS  1 the gate's key   2 members      ARGV  1 gate

if #KEYS ~= 2 or #ARGV ~= 1 then
  return redis.error_reply('POPGATE leave takes 2 keys and 1 argument, not ' .. #KEYS .. ' and ' .. #ARGV)
end

redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 'ok'
