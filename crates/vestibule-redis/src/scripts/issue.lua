-- Issuing a code: closes the interaction, spends the launch, inserts grant and code.
local before = row('c:', a.code)
if before and before.i == a.attempt then return {'won'} end

-- Two tabs: the revision decides.
local swap = judge_swap()
if swap == 'stale' then return {'stale', open.n, open.r} end
if swap == 'repeated' then return {'two verbs'} end
if swap ~= 'save' then return {swap} end

-- Two interactions: the launch decides (SMART-LAUNCH-013).
if a.launch then
  local launch = live_row('l:', a.launch)
  if not launch or launch.x ~= '0' then return {'launch gone'} end
end
if before or call('EXISTS', base .. 'g:' .. a.grant) == 1 then return {'taken'} end
-- What revoking a user or a session costs is bounded here.
local bound = tonumber(a.owner_max)
if call('ZCARD', base .. 'u:' .. a.user) >= bound then return {'full'} end
if a.session and call('ZCARD', base .. 's:' .. a.session) >= bound then return {'full'} end

save()
if a.launch then call('HSET', base .. 'l:' .. a.launch, 'x', '1') end
local live = a.revoked == '0'
local key = base .. 'g:' .. a.grant
call('HSET', key, 'v', '1', 'u', a.user, 'c', a.client, 'k', a.keep, 't', a.used, 'x', a.revoked, 'r', a.grant_record,
  'm', count_in(a.client, live), 'o', a.code)
if a.session then call('HSET', key, 's', a.session) end
if live then
  call('ZADD', base .. 'u:' .. a.user, 0, a.grant)
  if a.session then call('ZADD', base .. 's:' .. a.session, 0, a.grant) end
end
ends('g:', a.grant, a.keep)
call('HSET', base .. 'c:' .. a.code, 'v', '1', 'g', a.grant, 'b', a.binding, 'e', a.code_expires, 'i', a.attempt)
append('code_issued')
return {'won'}
