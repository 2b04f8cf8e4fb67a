-- $1 tenant, $2 now, $3 until, $4 at most. What somebody else is leasing at this moment is theirs.
UPDATE {p}events SET leased_until = $3 WHERE number IN (
    SELECT number FROM {p}events
    WHERE tenant = $1 AND (leased_until IS NULL OR leased_until <= $2)
    ORDER BY number LIMIT $4
    FOR UPDATE SKIP LOCKED
)
RETURNING number, id, kind, at, record
