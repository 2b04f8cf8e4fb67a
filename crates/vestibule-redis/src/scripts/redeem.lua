-- Spending a code.
local claim = judge_claim()
if claim == 'seen' then return {'seen'} end
local code = row('c:', a.code)
local grant = code and kept_grant(code.g)

local outcome
if not grant then
  outcome = 'not found'
elseif code.b ~= a.binding then
  outcome = 'mismatch' -- CODE-007
elseif code.p == a.attempt then
  outcome = 'won' -- told once more, and nothing is done
elseif code.p then
  outcome = 'replayed'
elseif not alive(grant) then
  outcome = 'revoked'
elseif over(code.e) then
  outcome = 'expired'
end
if outcome then
  if outcome == 'replayed' and alive(grant) then
    -- CODE-006: in this commit, so that nobody can be told "replayed" while the grant lives.
    whatever_the_memory()
    spend_claim(claim)
    kill(code.g, grant)
    append('code_replayed')
  else
    spend_claim(claim)
  end
  return {outcome, code and code.g or false}
end

if access_taken() or (a.handle and call('EXISTS', base .. 'r:' .. a.handle) == 1) then return {'taken'} end
-- The one place where a code is spent. Nothing else runs between the judgement above and this line (CODE-004).
call('HSET', base .. 'c:' .. a.code, 'p', a.attempt)
spend_claim(claim)
if a.handle then
  call('HSET', base .. 'r:' .. a.handle, 'v', '1', 'g', code.g, 's', a.state)
  call('HSET', base .. 'g:' .. code.g, 'h', a.handle)
end
keep_access(code.g)
note_use(code.g, grant)
append('code_redeemed')
return {'won'}
