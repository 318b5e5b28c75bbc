-- Tries each command that the scripts use, on keys of its own; answers which were refused, and how.
-- KEYS  1 a string   2 a hash   3 a sorted set      ARGV  1 a channel
local text, hash, set = KEYS[1], KEYS[2], KEYS[3]
local refused = {}
for _, call in ipairs({
  { 'TIME' }, { 'SET', text, '1', 'PX', '1000' }, { 'GET', text }, { 'PTTL', text }, { 'INCR', text },
  { 'HSET', hash, 'a', '1' }, { 'HGET', hash, 'a' }, { 'HMGET', hash, 'a' }, { 'HGETALL', hash },
  { 'HDEL', hash, 'a' }, { 'ZADD', set, '1', 'a' }, { 'ZCARD', set },
  { 'ZRANGEBYSCORE', set, '0', '1' }, { 'ZREM', set, 'a' }, { 'PUBLISH', ARGV[1], '' },
  { 'DEL', text, hash, set },
}) do
  local answer = redis.pcall(unpack(call))
  if type(answer) == 'table' and answer.err then refused[#refused + 1] = call[1] .. ': ' .. answer.err end
end
return refused
