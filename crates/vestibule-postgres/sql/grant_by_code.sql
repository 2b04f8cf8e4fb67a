SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record
FROM {p}codes c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
WHERE c.tenant = $1 AND c.hash = $2 AND g.keep_until > $3
