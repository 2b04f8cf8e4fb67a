DELETE FROM {p}grants WHERE (tenant, id) IN (
    SELECT tenant, id FROM {p}grants WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
