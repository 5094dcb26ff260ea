-- KEYS: mailbox, response. ARGV: name, device, ending, ending ms, prefix, channel.
local kept = redis.call('HMGET', KEYS[1], 'device', 'phase', 'code', 'token')
if not kept[1] or kept[2] == 'over' then return 'unknown' end
if kept[1] ~= ARGV[2] then return 'foreign' end
if kept[2] == 'waiting' then
  redis.call('DEL', KEYS[1], ARGV[5] .. 'proof:' .. kept[3], ARGV[5] .. 'proof:' .. kept[4])
else
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], 'sealed')
  redis.call('HSET', KEYS[1], 'phase', 'over', 'ending', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.max(1, math.min(tonumber(ARGV[4]), redis.call('PTTL', KEYS[1]))))
end
redis.call('PUBLISH', ARGV[6], ARGV[1])
return 'done'
