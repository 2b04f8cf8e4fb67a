-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record
-- $8 opaque token
WITH {claim},
died AS (
    UPDATE {p}access SET revoked = true
    WHERE tenant = $1 AND hash = $8 AND NOT revoked AND {claimed}
    RETURNING 1 AS one
),
{revoked_event}
