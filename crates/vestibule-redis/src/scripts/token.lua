-- Keeping a token without a user.
local claim = judge_claim()
if claim == 'seen' then return {'seen'} end
if claim == 'before' then return {'won'} end
local kept = access_taken()
if kept and kept.b ~= a.attempt then return {'taken'} end
spend_claim(claim)
if kept then return {'won'} end
keep_access()
append('token_issued')
return {'won'}
