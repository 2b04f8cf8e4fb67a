-- The compare-and-swap of an interaction, shared by two verbs. What it came to: 'save', 'repeated', 'stale', 'gone', 'full'.
local interaction = row('i:', a.id)
local open = interaction and not over(interaction.e) and interaction or nil

local function judge_swap()
  if open and (not a.expected or open.n ~= a.expected) then
    -- This attempt saved it before, and nobody has saved since. After another save the answer is 'stale', which is true as well.
    if open.b == a.attempt and open.n == a.next then return 'repeated' end
    return 'stale'
  end
  if a.expected and not open then return 'gone' end
  -- A row that counts already is not one more.
  if a.quota and not (open and open.q == a.quota)
    and call('ZCOUNT', base .. 'q:' .. a.quota, '(' .. a.now, '+inf') >= tonumber(a.quota_max) then
    return 'full'
  end
  return 'save'
end

local function save()
  if interaction and interaction.q then call('ZREM', base .. 'q:' .. interaction.q, a.id) end
  local key = base .. 'i:' .. a.id
  call('HSET', key, 'v', '1', 'n', a.next, 'e', a.expires, 'b', a.attempt, 'r', a.record)
  if a.quota then
    call('HSET', key, 'q', a.quota)
    call('ZADD', base .. 'q:' .. a.quota, a.expires, a.id)
  else
    call('HDEL', key, 'q')
  end
  ends('i:', a.id, a.expires)
end
