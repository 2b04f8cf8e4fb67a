SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record
FROM {p}grants g
WHERE g.tenant = $1 AND g.id = $2 AND g.keep_until > $3
