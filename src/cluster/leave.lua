-- A gate says good-bye: it counts as gone from here on.
-- KEYS  1 the gate's key   2 members      ARGV  1 gate
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 'ok'
