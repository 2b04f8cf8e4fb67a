-- Revoking. A user's and a session's grants are bounded, so they are ended one by one. A client's are not: its rows carry marks
-- that only grow, and one number says up to which mark they are dead.
local claim = judge_claim()
if claim == 'seen' then return {'seen'} end

local grants, tokens, client, jwt = {}, {}, nil, nil
local function doom(id)
  local grant = row('g:', id)
  if grant and alive(grant) and (not a.of_client or grant.c == a.of_client) then grants[id] = grant end
end
if a.grant then
  doom(a.grant)
elseif a.user then
  for _, id in ipairs(call('ZRANGE', base .. 'u:' .. a.user, 0, -1)) do doom(id) end
elseif a.session then
  for _, id in ipairs(call('ZRANGE', base .. 's:' .. a.session, 0, -1)) do doom(id) end
elseif a.client then
  local count = row('k:', a.client)
  if count and tonumber(count.l or '0') > 0 then client = count end
elseif a.token_hash then
  local token = row('a:', a.token_hash)
  if token and access_alive(token) then tokens[a.token_hash] = token end
elseif a.jwt then
  local known = row('t:', a.jwt)
  if not known or tonumber(known.e) < tonumber(a.expires) then jwt = a.jwt end
end

whatever_the_memory()
spend_claim(claim)
for id, grant in pairs(grants) do kill(id, grant) end
for hash, token in pairs(tokens) do
  call('HSET', base .. 'a:' .. hash, 'x', '1')
  if token.c then no_longer_live(token.c) end
end
if client then call('HSET', base .. 'k:' .. a.client, 'd', client.m, 'l', 0) end
if jwt then
  call('HSET', base .. 't:' .. jwt, 'v', '1', 'e', a.expires)
  ends('t:', jwt, a.expires)
end
if next(grants) or next(tokens) or client or jwt then append('revoked') end
return {'done'}
