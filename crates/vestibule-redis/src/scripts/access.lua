-- What is known of an access token.
if a.jwt then
  return {live_row('t:', a.jwt) and '1' or '0', false, false, told(kept_grant(a.grant))}
end
local token = live_row('a:', a.hash)
if not token then return {} end
local grant = kept_grant(token.g)
-- A token whose grant is gone must not pass for one without a grant.
if token.g and not grant then return {} end
return {access_alive(token) and '0' or '1', token.e, token.r, told(grant)}
