-- KEYS: mailbox, response, hand. ARGV: device, hand ms.
local kept = redis.call('HMGET', KEYS[1], 'device', 'phase')
if not kept[1] or kept[2] == 'over' then return {'unknown'} end
if kept[1] ~= ARGV[1] then return {'foreign'} end
if kept[2] ~= 'answered' then return {kept[2]} end
local response = redis.call('GET', KEYS[2])
if not response then return {'gone'} end
-- On its way to the device, from here or from another instance.
if not redis.call('SET', KEYS[3], '', 'NX', 'PX', ARGV[2]) then return {'paired'} end
return {'response', response}
