-- Withdrawing an answer removes it.
local answer = row('o:', a.id)
if answer then
  call('ZREM', base .. 'ou:' .. answer.u, a.id)
  call('ZREM', base .. 'oq:' .. answer.q, a.id)
  call('DEL', base .. 'o:' .. a.id)
end
return {'done'}
