-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record, $8 opaque token, $9 expires, $10 its record
-- $11 client
WITH {claim},
-- Neither this assertion nor this token was dealt with by the same attempt before.
first AS (
    SELECT 1 AS one
    WHERE ($4 IS NULL OR EXISTS (SELECT 1 FROM claim WHERE tries = 1))
      AND NOT EXISTS (SELECT 1 FROM {p}access WHERE tenant = $1 AND hash = $8 AND kept_by = $3 AND expires > $2)
),
kept AS (
    INSERT INTO {p}access AS a (tenant, hash, grant_id, client, expires, revoked, kept_by, record)
    SELECT $1, $8, NULL, $11, $9, false, $3, $10 FROM first WHERE $8 IS NOT NULL
    {keep_access}
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $6, 'token_issued', $2, $7 FROM first WHERE $6 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING 1 AS one
)
SELECT CASE WHEN {full_beside} THEN {no_room} WHEN {claimed} THEN 'won' ELSE 'claim_seen' END
