-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record, $8 opaque token, $9 expires, $10 its record
-- $11 handle, $12 presented, $13 client, $14 next, $15 salt, $16 window, $17 replays at most, $18 idle until, $19 grant kept until
--
-- The judgement is `vestibule_host::Family::answer`, in SQL; a test compares the two state by state. 4: it rotates; 1, 2, 3: told
-- again, too often, reused (as in `answered`); 0: nothing is written. It is made on the row that the update holds, not on the
-- one that was found: of many that wait for the row, each is judged by what the one before left.
WITH {claim},
found AS (
    SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record,
           c.generation, c.current, c.previous, c.salt, c.rotated, c.rotated_by, c.replays, c.suspected,
           c.answered_by, c.answered, c.idle_until, c.until
    FROM {p}chains c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
    WHERE c.tenant = $1 AND c.handle = $11 AND g.keep_until > $2
),
changed AS (
    UPDATE {p}chains c
    SET generation = CASE WHEN c.current = $12 THEN c.generation + 1 ELSE c.generation END,
        current = CASE WHEN c.current = $12 THEN $14 ELSE c.current END,
        previous = CASE WHEN c.current = $12 THEN c.current ELSE c.previous END,
        salt = CASE WHEN c.current = $12 THEN $15 ELSE c.salt END,
        rotated = CASE WHEN c.current = $12 THEN $2 ELSE c.rotated END,
        rotated_by = CASE WHEN c.current = $12 THEN $3 ELSE c.rotated_by END,
        replays = CASE
            WHEN c.current = $12 THEN 0
            WHEN {judged c} = 1 AND NOT {uncounted c} THEN least(c.replays + 1, 255)
            ELSE c.replays END,
        suspected = CASE
            WHEN c.current = $12 THEN (c.suspected << 1) & 31
            WHEN {judged c} = 2 THEN c.suspected | 1
            ELSE c.suspected END,
        answered_by = CASE WHEN c.current = $12 THEN NULL ELSE $3 END,
        answered = CASE WHEN c.current = $12 THEN NULL ELSE {judged c} END,
        idle_until = CASE WHEN c.current = $12 THEN $18 ELSE c.idle_until END
    FROM found
    WHERE c.tenant = $1 AND c.handle = $11
      AND {claimed} AND found.client = $13 AND NOT found.revoked AND {judged c} <> 0
    RETURNING c.grant_id, c.generation, c.current, c.previous, c.salt, c.rotated, c.rotated_by, c.replays, c.suspected,
              c.answered_by, c.answered, c.idle_until, c.until
),
-- RT-004: a reuse kills the grant in this commit.
touched AS (
    UPDATE {p}grants g
    SET used = CASE WHEN changed.answered = 3 THEN g.used ELSE $2 END,
        keep_until = CASE WHEN changed.answered = 3 THEN g.keep_until ELSE greatest(g.keep_until, $19) END,
        revoked = coalesce(changed.answered = 3, false)
    FROM changed
    WHERE g.tenant = $1 AND g.id = changed.grant_id AND NOT g.revoked AND (changed.answered IS NULL OR changed.answered <> 2)
    RETURNING g.id, changed.answered
),
kept AS (
    INSERT INTO {p}access AS a (tenant, hash, grant_id, client, expires, revoked, kept_by, record)
    SELECT $1, $8, touched.id, NULL, $9, false, $3, $10 FROM touched
    WHERE (touched.answered IS NULL OR touched.answered = 1) AND $8 IS NOT NULL
    {keep_access}
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $6,
           CASE changed.answered
               WHEN 1 THEN 'refresh_repeated' WHEN 2 THEN 'reuse_suspected' WHEN 3 THEN 'reuse_detected'
               ELSE 'refreshed' END,
           $2, $7
    FROM changed WHERE $6 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING 1 AS one
)
SELECT found.id, found.user_id, found.client, found.session, found.keep_until, found.used, found.revoked, found.record,
       found.generation, found.current, found.previous, found.salt, found.rotated, found.rotated_by, found.replays,
       found.suspected, found.answered_by, found.answered, found.idle_until, found.until,
       changed.generation, changed.current, changed.previous, changed.salt, changed.rotated, changed.rotated_by,
       changed.replays, changed.suspected, changed.answered_by, changed.answered, changed.idle_until, changed.until,
       CASE
           -- A reuse ends something, and is told whether there is room or not.
           WHEN changed.answered IS DISTINCT FROM 3 AND {full_beside} THEN {no_room}
           WHEN NOT {claimed} THEN 'claim_seen'
           WHEN found.id IS NULL THEN 'not_found'
           -- The grant was revoked since this statement began.
           WHEN changed.grant_id IS NOT NULL AND (changed.answered IS NULL OR changed.answered <> 2)
               AND NOT EXISTS (SELECT 1 FROM touched) THEN {raced}
           WHEN changed.grant_id IS NOT NULL THEN 'changed'
           -- What was found would have changed; what was there when its turn came did not.
           WHEN found.client = $13 AND NOT found.revoked AND {judged found} <> 0 THEN {raced}
           ELSE 'unchanged'
       END
FROM (SELECT 1 AS one) one LEFT JOIN found ON true LEFT JOIN changed ON true
