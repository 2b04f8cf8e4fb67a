-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record, $8 opaque token, $9 expires, $10 its record
-- $11 binding, $12 code, $13 grant kept until, $14 handle, $15 current, $16 idle until, $17 until
WITH {claim},
found AS (
    SELECT k.grant_id, k.binding = $11 AS bound, k.spent_by, k.expires, g.revoked
    FROM {p}codes k JOIN {p}grants g ON g.tenant = k.tenant AND g.id = k.grant_id
    WHERE k.tenant = $1 AND k.hash = $12 AND g.keep_until > $2
),
-- The one place where a code is spent: of many that wait for the row, the first finds it unspent (CODE-004).
spent AS (
    UPDATE {p}codes k SET spent_by = $3 FROM found
    WHERE k.tenant = $1 AND k.hash = $12 AND k.spent_by IS NULL
      AND {claimed} AND found.bound AND NOT found.revoked AND found.expires > $2
    RETURNING k.grant_id
),
-- CODE-006: in this commit, so that nobody can be told "replayed" while the grant lives.
meant AS (
    SELECT grant_id, false AS replayed FROM spent
    UNION ALL
    SELECT grant_id, true FROM found WHERE {claimed} AND found.bound AND found.spent_by <> $3
),
touched AS (
    UPDATE {p}grants g
    SET used = CASE WHEN meant.replayed THEN g.used ELSE $2 END,
        keep_until = CASE WHEN meant.replayed THEN g.keep_until ELSE greatest(g.keep_until, $13) END,
        revoked = meant.replayed
    FROM meant
    WHERE g.tenant = $1 AND g.id = meant.grant_id AND NOT g.revoked
    RETURNING g.id, meant.replayed
),
chain AS (
    INSERT INTO {p}chains (tenant, handle, grant_id, generation, current, replays, suspected, idle_until, until)
    SELECT $1, $14, touched.id, 0, $15, 0, 0, $16, $17 FROM touched WHERE NOT touched.replayed AND $14 IS NOT NULL
),
kept AS (
    INSERT INTO {p}access AS a (tenant, hash, grant_id, client, expires, revoked, kept_by, record)
    SELECT $1, $8, touched.id, NULL, $9, false, $3, $10 FROM touched WHERE NOT touched.replayed AND $8 IS NOT NULL
    {keep_access}
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $6, CASE WHEN touched.replayed THEN 'code_replayed' ELSE 'code_redeemed' END, $2, $7
    FROM touched WHERE $6 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING 1 AS one
)
SELECT CASE
    -- A replay ends something, and is told whether there is room or not.
    WHEN NOT EXISTS (SELECT 1 FROM touched WHERE replayed) AND {full_beside} THEN {no_room}
    WHEN NOT {claimed} THEN 'claim_seen'
    WHEN EXISTS (SELECT 1 FROM touched WHERE NOT replayed) THEN 'won'
    -- The grant was revoked since this statement began.
    WHEN EXISTS (SELECT 1 FROM spent) THEN {raced}
    WHEN found.grant_id IS NULL THEN 'not_found'
    -- CODE-007
    WHEN NOT found.bound THEN 'mismatch'
    WHEN found.spent_by = $3 THEN 'won'
    WHEN found.spent_by IS NOT NULL THEN 'replayed'
    WHEN found.revoked THEN 'revoked'
    WHEN found.expires <= $2 THEN 'expired'
    -- Unspent when this statement began, and spent when its turn came.
    ELSE {raced}
END, found.grant_id
FROM (SELECT 1 AS one) one LEFT JOIN found ON true
