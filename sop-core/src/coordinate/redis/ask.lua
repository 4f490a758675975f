-- Asks for a turn, or whether it has come.
local turn, queue, news = unpack(KEYS)
local ticket, hold, queue_kept, news_max, news_kept = unpack(ARGV)
local holder = redis.call('GET', turn)
if holder ~= ticket and not redis.call('LPOS', queue, ticket) then
  redis.call('RPUSH', queue, ticket)
end
redis.call('PEXPIRE', queue, queue_kept)
if not holder then
  holder = redis.call('LPOP', queue)
  redis.call('SET', turn, holder, 'PX', hold)
  if holder ~= ticket then
    redis.call('XADD', news, 'MAXLEN', news_max, '*', 'turn', holder)
    redis.call('PEXPIRE', news, news_kept)
  end
end
local waiting = redis.call('LLEN', queue)
if holder == ticket then return {0, waiting} end
return {redis.call('LPOS', queue, ticket) + 1, waiting}
