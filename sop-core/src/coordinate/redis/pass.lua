-- Ends a turn, or the waiting for one, and tells what there is to tell.
local turn, queue, news = unpack(KEYS)
local ticket, hold, news_max, news_kept = unpack(ARGV)
local entry = {unpack(ARGV, 5)}
if redis.call('GET', turn) == ticket then
  local next = redis.call('LPOP', queue)
  if next then
    redis.call('SET', turn, next, 'PX', hold)
    entry[#entry + 1] = 'turn'
    entry[#entry + 1] = next
  else
    redis.call('DEL', turn)
  end
else
  redis.call('LREM', queue, 0, ticket)
end
local waiting = redis.call('LLEN', queue)
if #entry > 0 then
  entry[#entry + 1] = 'waiting'
  entry[#entry + 1] = waiting
  redis.call('XADD', news, 'MAXLEN', news_max, '*', unpack(entry))
  redis.call('PEXPIRE', news, news_kept)
end
return waiting
