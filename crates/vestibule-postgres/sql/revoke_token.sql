-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record
-- $8 jti, $9 until
WITH {claim},
died AS (
    INSERT INTO {p}revoked_tokens AS t (tenant, id, until)
    SELECT $1, $8, $9 WHERE {claimed}
    ON CONFLICT (tenant, id) DO UPDATE SET until = excluded.until WHERE t.until < excluded.until
    RETURNING 1 AS one
),
{revoked_event}
