local swap = judge_swap()
if swap == 'stale' then return {'stale', open.n, open.r} end
if swap == 'save' then
  save()
  append('refused')
end
return {swap}
