-- Forgets events that were delivered. Ids have 16 bytes each.
for at = 1, #a.ids, 16 do
  local id = string.sub(a.ids, at, at + 15)
  call('DEL', base .. 'e:' .. id)
  call('ZREM', base .. 'log', id)
  call('ZREM', base .. 'leased', id)
end
return {'done'}
