-- $1 tenant, $2 now, $3 attempt, $4 event, $5 its record
-- $6 interaction, $7 revision that was read, $8 next revision, $9 expires, $10 record, $11 counted for, $12 at most
-- $13 launch, $14 code, $15 binding, $16 expires
-- $17 grant, $18 user, $19 client, $20 session, $21 keep until, $22 used, $23 revoked, $24 record
WITH {found_interaction},
issued AS (SELECT 1 AS one FROM {p}codes WHERE tenant = $1 AND hash = $14 AND issued_by = $3),
-- Two tabs: the revision decides.
fits AS (
    SELECT 1 AS one FROM room LEFT JOIN found ON true
    WHERE room.free AND NOT EXISTS (SELECT 1 FROM issued)
      AND (found.revision = $7 OR (found.revision IS NULL AND $7 IS NULL))
),
-- Two interactions: the launch's row decides (SMART-LAUNCH-013).
launched AS (
    UPDATE {p}launches l SET spent = true FROM fits
    WHERE l.tenant = $1 AND l.hash = $13 AND NOT l.spent AND l.keep_until > $2
    RETURNING 1 AS one
),
saved AS (
    INSERT INTO {p}interactions AS i (tenant, id, revision, expires, saved_by, counted_client, record)
    SELECT $1, $6, $8, $9, $3, $11, $10 FROM fits WHERE $13 IS NULL OR EXISTS (SELECT 1 FROM launched)
    {save_interaction}
),
new_grant AS (
    INSERT INTO {p}grants (tenant, id, user_id, client, session, keep_until, used, revoked, record)
    SELECT $1, $17, $18, $19, $20, $21, $22, $23, $24 FROM saved
),
code AS (
    INSERT INTO {p}codes (tenant, hash, grant_id, binding, expires, issued_by)
    SELECT $1, $14, $17, $15, $16, $3 FROM saved
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $4, 'code_issued', $2, $5 FROM saved WHERE $4 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
)
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM saved)
        AND (found.revision IS NULL AND {full interactions} OR {full grants} OR $4 IS NOT NULL AND {full events})
        THEN {no_room}
    WHEN EXISTS (SELECT 1 FROM issued) OR EXISTS (SELECT 1 FROM saved) THEN 'won'
    -- Whoever spent the launch and then saved nothing must not have spent it.
    WHEN EXISTS (SELECT 1 FROM launched) THEN {raced}
    WHEN found.revision IS NULL AND $7 IS NOT NULL THEN 'gone'
    WHEN found.saved_by = $3 AND found.revision = $8 THEN 'reused'
    WHEN found.revision <> $7 OR (found.revision IS NOT NULL AND $7 IS NULL) THEN 'stale'
    WHEN NOT room.free THEN 'full'
    -- Unspent when this statement began: somebody was faster, perhaps this very attempt.
    WHEN $13 IS NULL
      OR EXISTS (SELECT 1 FROM {p}launches WHERE tenant = $1 AND hash = $13 AND NOT spent AND keep_until > $2)
      THEN {raced}
    ELSE 'launch_gone'
END, found.revision, found.record
FROM room LEFT JOIN found ON true
