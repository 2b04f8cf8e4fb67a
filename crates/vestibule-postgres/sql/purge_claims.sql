DELETE FROM {p}claims WHERE (tenant, key) IN (
    SELECT tenant, key FROM {p}claims WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
