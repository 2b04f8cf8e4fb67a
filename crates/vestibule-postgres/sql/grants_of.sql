SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record
FROM {p}grants g
WHERE g.tenant = $1 AND g.user_id = $2 AND ($3 IS NULL OR g.id > $3) AND NOT g.revoked AND g.keep_until > $4
ORDER BY g.id LIMIT $5
