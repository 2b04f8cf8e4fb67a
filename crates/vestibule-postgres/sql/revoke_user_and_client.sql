-- $1 tenant, $2 now, $3 attempt, $4 claim, $5 kept until, $6 event, $7 its record
-- $8 user, $9 client
WITH {claim},
-- In the order of their ids, so that two that revoke many do not wait for each other.
doomed AS (
    SELECT id FROM {p}grants
    WHERE tenant = $1 AND user_id = $8 AND client = $9 AND NOT revoked AND {claimed}
    ORDER BY id FOR UPDATE
),
died AS (
    UPDATE {p}grants g SET revoked = true FROM doomed
    WHERE g.tenant = $1 AND g.id = doomed.id AND NOT g.revoked
    RETURNING 1 AS one
),
{revoked_event}
