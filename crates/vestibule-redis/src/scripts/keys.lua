-- Saving key documents by compare-and-swap.
local stored = row('keys', '')
if (stored and stored.n or nil) ~= a.expected then return {'stale'} end
call('HSET', base .. 'keys', 'v', '1', 'n', a.next, 'd', a.document)
return {'saved'}
