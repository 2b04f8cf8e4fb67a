DELETE FROM {p}interactions WHERE (tenant, id) IN (
    SELECT tenant, id FROM {p}interactions WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
