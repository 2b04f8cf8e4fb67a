-- Uses every command that the scripts use, so that a user without the permission for one of them is found out at the start, and
-- not halfway through a verb. Leaves nothing behind.
whatever_the_memory()
local hash, set = base .. 'probe:h', base .. 'probe:z'
call('HSET', hash, 'v', '1')
call('HINCRBY', hash, 'n', 1)
call('HGETALL', hash)
call('HGET', hash, 'n')
call('HMGET', hash, 'v', 'n')
call('HDEL', hash, 'n')
call('EXISTS', hash)
call('ZADD', set, 0, 'one')
call('ZCARD', set)
call('ZCOUNT', set, '(0', '+inf')
call('ZRANGE', set, 0, -1)
call('ZREVRANGE', set, 0, -1)
call('ZRANGEBYLEX', set, '-', '+', 'LIMIT', 0, 1)
call('ZRANGEBYSCORE', set, '-inf', 0, 'LIMIT', 0, 1)
call('ZREM', set, 'one')
call('DEL', hash, set)
return {'done'}
