-- KEYS: proof, wrong codes of everywhere, wrong codes of the address (or none).
-- ARGV: prefix, channel, then free, first, most and memory, for everywhere and for the address.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if KEYS[3] then
  local till = 0
  for place = 2, 3 do
    till = math.max(till, tonumber(redis.call('HGET', KEYS[place], 'till') or 0))
  end
  if till > now then return {'blocked', math.ceil((till - now) / 1000)} end
end
local name = redis.call('GET', KEYS[1])
local mailbox = name and ARGV[1] .. 'mailbox:' .. name
if name and redis.call('HGET', mailbox, 'phase') == 'waiting' then
  local found = redis.call('HMGET', mailbox, 'wrapped', 'sealed', 'code', 'token')
  redis.call('HSET', mailbox, 'phase', 'paired')
  redis.call('HDEL', mailbox, 'wrapped')
  redis.call('DEL', ARGV[1] .. 'proof:' .. found[3], ARGV[1] .. 'proof:' .. found[4])
  if KEYS[3] then redis.call('DEL', KEYS[3]) end
  redis.call('PUBLISH', ARGV[2], name)
  return {'done', name, found[1], found[2]}
end
if KEYS[3] then
  for place = 2, 3 do
    local first = (place - 2) * 4 + 3
    local count = redis.call('HINCRBY', KEYS[place], 'count', 1)
    local over = count - tonumber(ARGV[first])
    if over >= 0 then
      local wait = math.min(tonumber(ARGV[first + 1]) * 2 ^ math.min(over, 32), tonumber(ARGV[first + 2]))
      redis.call('HSET', KEYS[place], 'till', string.format('%.0f', now + wait))
    end
    redis.call('PEXPIRE', KEYS[place], ARGV[first + 3])
  end
end
return {'wrong'}
