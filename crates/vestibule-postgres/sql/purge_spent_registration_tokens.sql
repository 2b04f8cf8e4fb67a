DELETE FROM {p}spent_registration_tokens WHERE (tenant, hash) IN (
    SELECT tenant, hash FROM {p}spent_registration_tokens
    WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING 1
