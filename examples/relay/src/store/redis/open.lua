-- KEYS: mailbox, code, token. ARGV: name, device, browser, code, token, wrapped, sealed, mailbox ms, code ms, prefix.
local old = redis.call('HMGET', KEYS[1], 'device', 'phase', 'code', 'token')
if old[1] then
  if old[1] ~= ARGV[2] then return {'foreign'} end
  if old[2] ~= 'waiting' then return {'paired'} end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'clash'} end
if old[1] then
  redis.call('DEL', ARGV[10] .. 'proof:' .. old[3], ARGV[10] .. 'proof:' .. old[4])
end
redis.call('HSET', KEYS[1], 'device', ARGV[2], 'browser', ARGV[3], 'code', ARGV[4], 'token', ARGV[5],
  'wrapped', ARGV[6], 'sealed', ARGV[7], 'phase', 'waiting')
if not old[1] then redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
local life = math.max(1, math.min(tonumber(ARGV[9]), redis.call('PTTL', KEYS[1])))
redis.call('SET', KEYS[2], ARGV[1], 'PX', life)
redis.call('SET', KEYS[3], ARGV[1], 'PX', life)
return {'done', life}
