DELETE FROM {p}revoked_tokens WHERE (tenant, id) IN (
    SELECT tenant, id FROM {p}revoked_tokens WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
