-- Using a refresh token. The chain is judged by the host's own judge between two runs of this script: the first tells what is
-- stored; the second writes what was judged if the same is still stored, and tells what is stored otherwise.
local claim = judge_claim()
if claim == 'seen' then return {'seen'} end
local chain = row('r:', a.handle)
local grant = chain and kept_grant(chain.g)
local state, living = grant and chain.s, grant and alive(grant) and '1' or '0'

if a.judged == '0' or state ~= a.was or living ~= a.living then
  if not grant then return {'not found'} end
  return {'found', state, told(grant)}
end

if a.issue == '1' and access_taken() then return {'taken'} end
if a.kill == '1' then whatever_the_memory() end -- RT-004: a full store must still end what was used twice
spend_claim(claim)
if a.state then call('HSET', base .. 'r:' .. a.handle, 's', a.state) end
if a.issue == '1' then
  keep_access(chain.g)
  note_use(chain.g, grant)
end
if a.kill == '1' and living == '1' then kill(chain.g, grant) end
if a.kind then append(a.kind) end
return {'done'}
