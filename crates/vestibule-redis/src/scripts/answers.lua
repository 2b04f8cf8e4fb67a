-- Answers that stand, the newest first: one to a question, or all of a user's.
local ids
if a.question then
  ids = call('ZREVRANGE', base .. 'oq:' .. a.question, 0, 0)
else
  ids = call('ZREVRANGE', base .. 'ou:' .. a.user, 0, -1)
end
local found = {}
for _, id in ipairs(ids) do
  local answer = row('o:', id)
  if answer then found[#found + 1] = {id, answer.r} end
end
return found
