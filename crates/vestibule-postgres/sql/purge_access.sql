DELETE FROM {p}access WHERE (tenant, hash) IN (
    SELECT tenant, hash FROM {p}access WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
