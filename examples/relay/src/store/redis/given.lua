-- KEYS: response, hand. ARGV: name, 1 if the device has it, channel.
if ARGV[2] == '1' then redis.call('DEL', KEYS[1]) end
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[3], ARGV[1])
return 1
