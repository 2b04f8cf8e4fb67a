-- The oldest events that nobody has leased. Leases that are over are given back first; so many at a time.
whatever_the_memory()
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'leased', '-inf', a.now, 'LIMIT', 0, 4096)) do
  local number = call('HGET', base .. 'e:' .. id, 'n')
  call('ZREM', base .. 'leased', id)
  if number then call('ZADD', base .. 'log', number, id) end
end
local max, events = tonumber(a.max), {}
if max == 0 then return events end
for _, id in ipairs(call('ZRANGE', base .. 'log', 0, max - 1)) do
  local event = row('e:', id)
  call('ZREM', base .. 'log', id)
  if event then
    call('ZADD', base .. 'leased', a.expires, id)
    events[#events + 1] = {id, event.k, event.a, event.r}
  end
end
return events
