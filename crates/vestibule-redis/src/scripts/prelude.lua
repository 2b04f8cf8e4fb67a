-- What every script begins with. KEYS[1] is the tenant's base, hash tag included: every key is built from it, so that all keys of
-- a script are in one slot. ARGV are names and values by turns; what is not there is nil.
--
-- A script judges first and writes afterwards: Redis takes nothing back. Times are the caller's, in milliseconds, kept as text,
-- compared as numbers, never reckoned with. The server's clock is not asked, and no key has a time to live.
local base = KEYS[1]
local a = {}
for i = 1, #ARGV, 2 do a[ARGV[i]] = ARGV[i + 1] end
local now = tonumber(a.now)
local call = redis.call

-- A boundary is over when it is reached.
local function over(moment) return now >= tonumber(moment) end

-- A row of any age; nil if there is none. A row that a newer version wrote is nobody's to judge.
local function row(kind, id)
  local flat = call('HGETALL', base .. kind .. id)
  if #flat == 0 then return nil end
  local found = {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  if found.v ~= '1' then error('vestibule: a row of version ' .. tostring(found.v)) end
  return found
end

local function live_row(kind, id)
  local found = row(kind, id)
  if found and not over(found.e) then return found end
  return nil
end

-- The index by which purging finds what is over.
local function ends(kind, id, moment) call('ZADD', base .. 'ends', moment, kind .. id) end

-- Opens the door of a verb that frees or ends something: Redis refuses a script for want of memory only before its first write,
-- and this write needs none. A full store must still revoke, deliver and purge.
local function whatever_the_memory() call('DEL', base .. 'door') end

-- Whether a client's rows up to this mark were revoked together (see revoke.lua).
local function revoked_with_client(client, mark)
  local dead = call('HGET', base .. 'k:' .. client, 'd')
  return dead and tonumber(mark) <= tonumber(dead)
end

-- One more row of a client; returns its mark.
local function count_in(client, live)
  local key = base .. 'k:' .. client
  call('HSET', key, 'v', '1')
  if live then call('HINCRBY', key, 'l', 1) end
  call('HINCRBY', key, 't', 1)
  return call('HINCRBY', key, 'm', 1)
end

local function no_longer_live(client) call('HINCRBY', base .. 'k:' .. client, 'l', -1) end

-- A row of a client is gone. With the last one goes the count.
local function count_out(client)
  local key = base .. 'k:' .. client
  if call('HINCRBY', key, 't', -1) <= 0 then call('DEL', key) end
end

local function alive(grant) return grant.x == '0' and not revoked_with_client(grant.c, grant.m) end

-- A grant whose time is not over, with its id.
local function kept_grant(id)
  local grant = id and row('g:', id)
  if not grant or over(grant.k) then return nil end
  grant.id = id
  return grant
end

-- As Rust reads it.
local function told(grant)
  if not grant then return false end
  return {grant.id, grant.u, grant.c, grant.s or false, grant.k, grant.t, alive(grant) and '1' or '0', grant.r}
end

-- For a grant that is alive. The codes, chains and tokens under it are never looked at without it.
local function kill(id, grant)
  call('HSET', base .. 'g:' .. id, 'x', '1')
  call('ZREM', base .. 'u:' .. grant.u, id)
  if grant.s then call('ZREM', base .. 's:' .. grant.s, id) end
  no_longer_live(grant.c)
end

-- Something was issued under it. Its row never ends earlier than it did (CODE-005).
local function note_use(id, grant)
  call('HSET', base .. 'g:' .. id, 't', a.now)
  if tonumber(a.keep) > tonumber(grant.k) then
    call('HSET', base .. 'g:' .. id, 'k', a.keep)
    ends('g:', id, a.keep)
  end
end

-- The first judgement of a verb (JWTCA-009): 'seen' by another attempt, spent 'before' by this one, 'free', or 'none' given.
local function judge_claim()
  if not a.claim then return 'none' end
  local spent = live_row('j:', a.claim)
  if not spent then return 'free' end
  return spent.b == a.attempt and 'before' or 'seen'
end

local function spend_claim(judged)
  if judged ~= 'free' then return end
  call('HSET', base .. 'j:' .. a.claim, 'v', '1', 'e', a.claim_keep, 'b', a.attempt)
  ends('j:', a.claim, a.claim_keep)
end

local function access_alive(token)
  return token.x == '0' and not (token.c and revoked_with_client(token.c, token.m))
end

-- Removes an opaque token's row, over or not.
local function drop_access(hash, token)
  if token.c then
    if access_alive(token) then no_longer_live(token.c) end
    count_out(token.c)
  end
  call('DEL', base .. 'a:' .. hash)
end

-- Whether the token that comes with the verb is kept already.
local function access_taken() return a.access and live_row('a:', a.access) end

-- Keeps it, under a grant or without one: inserted, never updated (row 12).
local function keep_access(grant)
  if not a.access then return end
  local before = row('a:', a.access)
  if before then drop_access(a.access, before) end
  local key = base .. 'a:' .. a.access
  call('HSET', key, 'v', '1', 'e', a.access_expires, 'b', a.attempt, 'x', '0', 'r', a.access_record)
  if grant then
    call('HSET', key, 'g', grant)
  else
    call('HSET', key, 'c', a.access_client, 'm', count_in(a.access_client, true))
  end
  ends('a:', a.access, a.access_expires)
end

-- Appends the event that comes with the verb, once.
local function append(kind)
  if not a.event then return end
  local key = base .. 'e:' .. a.event
  if call('EXISTS', key) == 1 then return end
  local number = call('HINCRBY', base .. 'numbers', 'event', 1)
  call('HSET', key, 'v', '1', 'n', number, 'k', kind, 'a', a.now, 'r', a.event_record)
  call('ZADD', base .. 'log', number, a.event)
end
