-- KEYS: mailbox, response. ARGV: name, browser, response, response ms, channel.
local kept = redis.call('HMGET', KEYS[1], 'phase', 'browser')
if kept[1] ~= 'paired' or kept[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'phase', 'answered')
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[1])
return 1
