-- A grant, by its id or by what is under it.
local id = a.grant
if a.code then
  local code = row('c:', a.code)
  id = code and code.g
elseif a.handle then
  local chain = row('r:', a.handle)
  id = chain and chain.g
end
return {told(kept_grant(id))}
