-- A user's live grants, in the order of their ids. Looks at so many ids at most and says where it stopped, if it did.
local from = a.after and '(' .. a.after or '-'
local look = tonumber(a.look)
local ids = call('ZRANGEBYLEX', base .. 'u:' .. a.user, from, '+', 'LIMIT', 0, look)
local found = {}
for _, id in ipairs(ids) do
  local grant = kept_grant(id)
  if grant and alive(grant) then
    found[#found + 1] = told(grant)
    if #found == tonumber(a.limit) then return {false, found} end
  end
end
return {#ids == look and ids[look] or false, found}
