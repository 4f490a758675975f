-- Says that a member is there, and asks who else is.
local seen = KEYS[1]
local me, kept, most = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', seen, now, me)
redis.call('ZREMRANGEBYSCORE', seen, '-inf', now - kept)
redis.call('ZREMRANGEBYSCORE', seen, '(' .. now, '+inf')
redis.call('PEXPIRE', seen, kept)
return redis.call('ZREVRANGE', seen, 0, most - 1)
