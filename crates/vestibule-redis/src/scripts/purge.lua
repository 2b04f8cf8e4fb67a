-- Removes rows that were over before `now`, which is the purge's own moment here. A code and a chain go with their grant and are
-- not counted.
whatever_the_memory()
local drop = {}
drop['i:'] = function(id)
  local found = row('i:', id)
  if found and found.q then call('ZREM', base .. 'q:' .. found.q, id) end
  call('DEL', base .. 'i:' .. id)
end
drop['g:'] = function(id)
  local grant = row('g:', id)
  if not grant then return end
  if alive(grant) then no_longer_live(grant.c) end
  count_out(grant.c)
  call('ZREM', base .. 'u:' .. grant.u, id)
  if grant.s then call('ZREM', base .. 's:' .. grant.s, id) end
  call('DEL', base .. 'g:' .. id, base .. 'c:' .. grant.o)
  if grant.h then call('DEL', base .. 'r:' .. grant.h) end
end
drop['a:'] = function(hash)
  local token = row('a:', hash)
  if token then drop_access(hash, token) end
end

local gone = call('ZRANGEBYSCORE', base .. 'ends', '-inf', a.now, 'LIMIT', 0, tonumber(a.max))
for _, member in ipairs(gone) do
  local kind, id = string.sub(member, 1, 2), string.sub(member, 3)
  if drop[kind] then drop[kind](id) else call('DEL', base .. member) end
  call('ZREM', base .. 'ends', member)
end
return {#gone}
