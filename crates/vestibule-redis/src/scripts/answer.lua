-- Keeping an answer to a consent question. Ids are never used twice.
if call('ZCARD', base .. 'ou:' .. a.user) >= tonumber(a.owner_max) then return {'full'} end
local id = call('HINCRBY', base .. 'numbers', 'answer', 1)
call('HSET', base .. 'o:' .. id, 'v', '1', 'u', a.user, 'q', a.question, 'r', a.record)
call('ZADD', base .. 'ou:' .. a.user, id, id)
call('ZADD', base .. 'oq:' .. a.question, id, id)
return {'kept', tostring(id)}
