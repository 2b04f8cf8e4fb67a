-- Keeping a launch.
local before = live_row('l:', a.hash)
if before then return {before.b == a.attempt and 'kept' or 'taken'} end
call('HSET', base .. 'l:' .. a.hash, 'v', '1', 'e', a.expires, 'b', a.attempt, 'x', '0', 'r', a.record)
ends('l:', a.hash, a.expires)
append('launch_made')
return {'kept'}
